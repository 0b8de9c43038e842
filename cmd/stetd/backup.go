package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"stet/db/server/sqlite"
)

func backupCommand(at place) *cobra.Command {
	return &cobra.Command{
		Use: "backup FILE", Short: "Write a copy of the store, also while it is served", Args: oneFile,
		Long: `Write a consistent copy of the store to FILE, which must not exist. Servers may
go on writing. FILE appears when the copy is whole, checked and on disk. It holds
all notes and the hashes of all tokens: keep it as safe as the store. Put it back
with stetd restore; a server that finds it copied into place begins a new epoch,
so that devices notice, but tokens that were revoked since are valid again.`,
		Example: "  stetd backup /backups/stetd-monday.db",
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := at()
			if err != nil {
				return err
			}
			sum, err := sqlite.Backup(cmd.Context(), path, args[0])
			var file *sqlite.FileError
			switch {
			case errors.As(err, &file):
				return err
			case err != nil:
				return &storeError{path, err}
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "wrote %s: %s\n", args[0], holds(sum))
			return nil
		},
	}
}

// holds tells what a store's file holds.
func holds(s sqlite.Summary) string {
	return fmt.Sprintf("%s, %s, %s", count(s.Accounts, "account"), count(s.Notes, "note"), size(s.Bytes))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// size writes a number of bytes for people.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}
