package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"stet/model"
	"stet/ui/kit/cells"
)

// eventJSON is one entry of a timeline as scripts see it. It holds no text of
// a note.
type eventJSON struct {
	At     *string `json:"at"`
	Event  string  `json:"event"`
	OpID   *string `json:"op_id"`
	Rev    int64   `json:"rev"`
	Detail *string `json:"detail"`
}

func whyCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:               "why ID",
		Short:             "Tell what sync did with a note, oldest first",
		Example:           "  stet why 019a",
		Args:              exactly("the id of a note"),
		ValidArgsFunction: a.completeID,
		RunE: func(cmd *cobra.Command, args []string) error {
			d, id, err := a.find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			events, err := d.store.Timeline(cmd.Context(), id, 0)
			if err != nil {
				return fmt.Errorf("read timeline: %w", err)
			}
			for _, e := range events {
				if err := a.event(e, asJSON); err != nil {
					return err
				}
			}
			t, err := d.notes.Trouble(cmd.Context(), id)
			if err == nil && t.Problem != "" && !asJSON {
				err = a.out.flush()
				a.say("Cannot be synced: %s. %s", cells.CleanLine(t.Problem), t.Way(id))
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one object a line")
	return cmd
}

func (a *app) event(e model.Event, asJSON bool) error {
	if asJSON {
		return a.writeJSON(eventJSON{timeOf(e.At), string(e.Name), orNull(e.OpID), e.Rev, orNull(e.Detail)})
	}
	line := fmt.Sprintf("%s  %-10s  %s", e.At.Local().Format("2006-01-02 15:04:05"), e.Name, cells.CleanLine(e.Detail))
	return a.print("%s\n", strings.TrimRight(line, " "))
}
