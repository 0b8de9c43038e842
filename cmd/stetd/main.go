// Command stetd is the sync server of stet.
//
// Rules of the room: this is the one place that names the real clock, the real
// randomness and the store's type. Data goes to stdout, messages to stderr.
// Whatever fails ends in one sentence and an exit code.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"stet/db/server/sqlite"
	"stet/syncengine/server/store"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run executes a command line and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cmd := root()
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	text, code := explain(err)
	_, _ = io.WriteString(stderr, "stetd: "+text+"\n")
	return code
}

// root is the whole command line.
func root() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:           "stetd",
		Short:         "The sync server of stet",
		Long:          "stetd keeps the notes of many accounts and syncs them between devices.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          needsCommand,
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err.Error()) })
	cmd.PersistentFlags().StringVar(&path, "store", "", "file of the store (default stetd/stetd.db in the data folder)")
	cmd.CompletionOptions.HiddenDefaultCmd = true
	open := func(ctx context.Context) (opened, error) { return openStore(ctx, path) }
	at := func() (string, error) { return storePath(path) }
	cmd.AddCommand(serveCommand(open), accountCommand(open), tokenCommand(open), backupCommand(at), restoreCommand(at),
		compactCommand(at), versionCommand())
	return cmd
}

// opener opens the store that the flags name.
type opener func(ctx context.Context) (opened, error)

// opened is a store and the name of its file.
type opened struct {
	*sqlite.Store
	path string
}

func openStore(ctx context.Context, path string) (opened, error) {
	path, err := storePath(path)
	if err != nil {
		return opened{}, err
	}
	s, err := sqlite.Open(ctx, path, world())
	if err != nil {
		return opened{}, &storeError{path, err}
	}
	return opened{s, path}, nil
}

// world is the real clock and the real randomness.
func world() sqlite.Options { return sqlite.Options{Now: time.Now, Rand: rand.Reader} }

// place returns the file that the flags name.
type place func() (string, error)

func storePath(path string) (string, error) {
	if strings.HasPrefix(path, "postgres://") || strings.HasPrefix(path, "postgresql://") {
		return "", usage("PostgreSQL stores come with a later version; --store takes a file")
	}
	if path != "" {
		return path, nil
	}
	dir, err := dataFolder()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "stetd", "stetd.db"), nil
}

// dataFolder is XDG_DATA_HOME or what stands for it.
func dataFolder() (string, error) {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", usage("there is no home folder: say --store FILE")
	}
	return filepath.Join(home, ".local", "share"), nil
}

// with opens the store for the length of do.
func with(cmd *cobra.Command, open opener, do func(ctx context.Context, s store.Store) error) error {
	return withFile(cmd, open, func(ctx context.Context, s opened) error { return do(ctx, s) })
}

func withFile(cmd *cobra.Command, open opener, do func(ctx context.Context, s opened) error) error {
	s, err := open(cmd.Context())
	if err != nil {
		return err
	}
	return errors.Join(do(cmd.Context(), s), s.Close())
}
