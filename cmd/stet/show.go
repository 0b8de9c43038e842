package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stet/model"
	"stet/ui/kit/cells"
	"stet/ui/screen"
)

func showCommand(a *app) *cobra.Command {
	var raw, asJSON bool
	var version int64
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Print a note",
		Example: `  stet show 019a
  stet show 019a --raw > note.md
  stet show 019a --version 3`,
		Args:              exactly("the id of a note"),
		ValidArgsFunction: a.completeID,
		RunE: func(cmd *cobra.Command, args []string) error {
			if raw && asJSON {
				return usage("", "--raw and --json do not go together")
			}
			d, id, err := a.find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("version") {
				return a.showVersion(cmd.Context(), d, id, version, raw, asJSON)
			}
			n, err := d.store.Get(cmd.Context(), id)
			if err != nil {
				return fmt.Errorf("read note: %w", err)
			}
			switch {
			case raw:
				return a.raw(n.Body)
			case asJSON:
				syncing, err := d.syncing(cmd.Context())
				if err != nil {
					return err
				}
				return a.writeJSON(newNoteJSON(n, syncing.word(n.ID, n.Status)))
			}
			if err := a.showNote(n); err != nil {
				return err
			}
			t, err := d.notes.Trouble(cmd.Context(), n.ID)
			if err == nil && t.Problem != "" {
				err = a.out.flush()
				a.say("Cannot be synced: %s. %s", cells.CleanLine(t.Problem), t.Way(n.ID))
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&raw, "raw", false, "the body's bytes and nothing else")
	cmd.Flags().BoolVar(&asJSON, "json", false, "the note object")
	cmd.Flags().Int64Var(&version, "version", 0, "an earlier version, `N` as numbered by history")
	return cmd
}

// raw prints a text exactly, unless a terminal would act on it.
func (a *app) raw(text string) error {
	if a.toTerminal() {
		text = cells.Clean(text)
	}
	return a.print("%s", text)
}

// showNote prints a note for people: heading, facts, body, log.
func (a *app) showNote(n model.Note) error {
	symbol, word := screen.Badge(n.Status, false)
	facts := []string{symbol + " " + word}
	if n.Deleted {
		facts = append(facts, "in the trash")
	}
	if n.Notebook != "" {
		facts = append(facts, n.Notebook)
	}
	for _, t := range n.Tags {
		facts = append(facts, "#"+t)
	}
	if n.Pinned {
		facts = append(facts, "pinned")
	}
	if n.Archived {
		facts = append(facts, "archived")
	}
	facts = append(facts, "changed "+localTime(n.UpdatedAt))
	if err := a.heading(n.Title, facts); err != nil {
		return err
	}
	if err := a.paragraph(n.Body); err != nil {
		return err
	}
	for _, e := range n.Log {
		who := strings.TrimSpace(localTime(e.At) + " " + e.Device)
		if err := a.print("- %s  %s\n", cells.CleanLine(who), cells.CleanLine(strings.TrimRight(e.Text, "\n"))); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) heading(title string, facts []string) error {
	if title != "" {
		if err := a.print("%s\n", cells.CleanLine(title)); err != nil {
			return err
		}
	}
	return a.print("%s\n\n", cells.CleanLine(strings.Join(facts, " · ")))
}

// paragraph prints a text that ends with a newline.
func (a *app) paragraph(text string) error {
	if text == "" {
		return nil
	}
	return a.print("%s\n", strings.TrimSuffix(cells.Clean(text), "\n"))
}

func (a *app) showVersion(ctx context.Context, d *device, id string, version int64, raw, asJSON bool) error {
	v, err := d.version(ctx, id, version)
	switch {
	case err != nil:
		return err
	case raw:
		return a.raw(v.Fields.Body)
	case asJSON:
		return a.writeJSON(newVersionJSON(v))
	}
	if err := a.heading(v.Fields.Title, versionFacts(v)); err != nil {
		return err
	}
	return a.paragraph(v.Fields.Body)
}

// localTime writes a time for people.
func localTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04")
}
