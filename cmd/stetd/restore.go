package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"stet/db/server/sqlite"
)

func restoreCommand(at place) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Put a backup into the place of the store", Args: oneFile,
		Long: `Check the backup FILE and put a copy of it into the place of the store. The
server must be stopped. With --force a store that is there is replaced and kept
beside the new one, as STORE.before-restore-TIME.

Devices notice a restored server at their next sync. They keep what they have and
send again what the backup lacks; nothing is deleted on them without asking.
Tokens that were revoked in the replaced store stay revoked.`,
		Example: "  stetd restore /backups/stetd-monday.db --force",
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := at()
			if err != nil {
				return err
			}
			done, err := sqlite.Restore(cmd.Context(), args[0], path, sqlite.RestoreOptions{Options: world(), Force: force})
			var file *sqlite.FileError
			switch {
			case errors.As(err, &file):
				return err
			case err != nil:
				return &storeError{path, err}
			}
			tellRestored(cmd.ErrOrStderr(), args[0], path, done)
			return nil
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace a store that is there, and keep it aside")
	return cmd
}

func tellRestored(w io.Writer, file, path string, r sqlite.Restored) {
	fmt.Fprintf(w, "restored %s from %s: %s; a new epoch has begun\n", path, file, holds(r.Summary))
	if r.Aside != "" {
		fmt.Fprintf(w, "the replaced store is kept as %s\n", r.Aside)
	}
	if r.Damaged {
		fmt.Fprintln(w, "the replaced store could not be read")
	}
	if !r.Known {
		fmt.Fprintln(w, "tokens that were revoked after the backup are valid again; stetd token ls NAME lists them, stetd token revoke ends them")
	}
	if r.Revoked > 0 {
		fmt.Fprintf(w, "%s revoked after the backup: still revoked\n", count(r.Revoked, "token"))
	}
	if r.Missing > 0 {
		fmt.Fprintf(w, "%s made after the backup: no longer valid, stetd token add makes new ones\n", count(r.Missing, "token"))
	}
	if len(r.Back) > 0 {
		fmt.Fprintf(w, "removed after the backup and now back, with valid tokens: %s\n", strings.Join(r.Back, ", "))
	}
	if len(r.Gone) > 0 {
		fmt.Fprintf(w, "made after the backup and now gone: %s\n", strings.Join(r.Gone, ", "))
	}
}
