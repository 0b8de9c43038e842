package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func rmCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "rm ID…",
		Short:             "Move notes to the trash",
		Example:           "  stet rm 019a 7f3c",
		Args:              between(1, -1, "the id of a note"),
		ValidArgsFunction: a.completeID,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.each(cmd.Context(), args, func(d *device, id string) error {
				_, err := d.notes.Delete(cmd.Context(), id)
				return err
			})
		},
	}
}

// outsideTrash refuses to change a note that nobody sees.
func (d *device) outsideTrash(ctx context.Context, id string) error {
	n, err := d.store.Get(ctx, id)
	if err != nil {
		return fmt.Errorf("read note: %w", err)
	}
	if n.Deleted {
		return fail(exitFailure, "first: stet restore "+id, "the note is in the trash")
	}
	return nil
}
