package main

import "github.com/spf13/cobra"

func restoreCommand(a *app) *cobra.Command {
	var version int64
	cmd := &cobra.Command{
		Use:   "restore ID…",
		Short: "Take notes out of the trash, or go back to an earlier version",
		Example: `  stet restore 019a
  stet restore 019a --version 3`,
		Args:              between(1, -1, "the id of a note"),
		ValidArgsFunction: a.completeID,
	}
	cmd.Flags().Int64Var(&version, "version", 0, "make version `N` the newest, as numbered by history")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		if cmd.Flags().Changed("version") {
			if len(args) > 1 {
				return usage("", "--version goes with one note")
			}
			d, id, err := a.find(ctx, args[0])
			if err != nil {
				return err
			}
			return d.restoreVersion(ctx, id, version)
		}
		return a.each(ctx, args, func(d *device, id string) error {
			_, err := d.notes.Restore(ctx, id)
			return err
		})
	}
	return cmd
}
