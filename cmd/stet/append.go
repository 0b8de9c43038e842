package main

import "github.com/spf13/cobra"

func appendCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "append ID TEXT",
		Short: "Add an entry to a note's log",
		Long:  "Adds an entry to a note's log. Entries of several devices never conflict. TEXT - reads stdin.",
		Example: `  stet append 019a "called back"
  uptime | stet append 019a -`,
		Annotations:       map[string]string{takesText: "yes"},
		Args:              exactly("the id of a note", "a text"),
		ValidArgsFunction: a.completeID,
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := a.text(args[1])
			if err != nil {
				return err
			}
			if text == "" {
				return usage("", "there is no text to append")
			}
			d, id, err := a.find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if err := d.outsideTrash(cmd.Context(), id); err != nil {
				return err
			}
			_, err = d.notes.Append(cmd.Context(), id, text)
			return err
		},
	}
}
