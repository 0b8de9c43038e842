package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"stet/model"
)

func purgeCommand(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "purge ID…",
		Short: "Erase notes in the trash for good, with their history",
		Long: "Erases notes in the trash with their history, here and, once synced, on the server and the other devices. " +
			"There is no way back. On a terminal it asks first.",
		Example:           "  stet rm 019a && stet purge 019a",
		Args:              between(1, -1, "the id of a note"),
		ValidArgsFunction: a.completeID,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes && a.interactive() && !a.ask(fmt.Sprintf("Erase %d note(s) for good?", len(args))) {
				return fail(exitFailure, "", "nothing was erased")
			}
			return a.each(cmd.Context(), args, func(d *device, id string) error {
				err := d.notes.Purge(cmd.Context(), id)
				if errors.Is(err, model.ErrRefused) {
					return fail(exitFailure, "first: stet rm "+id, "only a note in the trash can be purged")
				}
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}
