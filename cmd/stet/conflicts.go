package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"stet/model"
	"stet/syncengine/merge"
	"stet/ui/kit/cells"
)

// conflictJSON is a note in review as scripts see it.
type conflictJSON struct {
	ID           string     `json:"id"`
	Title        string     `json:"title"`
	Fields       []string   `json:"fields"`
	Base         any        `json:"base"`
	Local        any        `json:"local"`
	Remote       any        `json:"remote"`
	RemoteDevice *string    `json:"remote_device"`
	DetectedAt   *string    `json:"detected_at"`
	Hunks        []hunkJSON `json:"hunks"`
}

// hunkJSON is one thing to choose.
type hunkJSON struct {
	Field  string  `json:"field"`
	Kind   string  `json:"kind"`
	Base   *string `json:"base"`
	Local  string  `json:"local"`
	Remote string  `json:"remote"`
}

// fieldsJSON is one side of a conflict. A tombstone is {"deleted":true}.
type fieldsJSON struct {
	Title     string    `json:"title"`
	Body      string    `json:"body"`
	Tags      []string  `json:"tags"`
	Notebook  string    `json:"notebook"`
	Pinned    bool      `json:"pinned"`
	Archived  bool      `json:"archived"`
	Color     string    `json:"color"`
	Order     string    `json:"order"`
	Log       []logJSON `json:"log"`
	CreatedAt *string   `json:"created_at"`
	Deleted   bool      `json:"deleted"`
}

func newFieldsJSON(f model.Fields) any {
	if f.Deleted {
		return map[string]bool{"deleted": true}
	}
	return fieldsJSON{f.Title, f.Body, array(f.Tags), f.Notebook, f.Pinned, f.Archived, f.Color, f.Order, logOf(f.Log),
		timeOf(f.CreatedAt), false}
}

// dispute is a note in review with what there is to choose.
type dispute struct {
	note   model.Note
	review model.Review
	result merge.Result
}

// dispute reads a note's open review; ok is false if it has none.
func (d *device) dispute(ctx context.Context, id string) (c dispute, ok bool, err error) {
	if c.note, err = d.store.Get(ctx, id); err != nil {
		return c, false, fmt.Errorf("read note: %w", err)
	}
	if c.review, ok, err = d.store.Review(ctx, id); err != nil {
		return c, false, fmt.Errorf("read review: %w", err)
	}
	if ok {
		c.result = merge.Notes(c.review.Base, c.note.Fields, c.review.Remote.Fields)
	}
	return c, ok, nil
}

// fields names what there is to choose, each once.
func (c dispute) fields() []string {
	var out []string
	for _, x := range c.result.Conflicts {
		if !slices.Contains(out, x.Field) {
			out = append(out, x.Field)
		}
	}
	return array(out)
}

func (c dispute) json() conflictJSON {
	out := conflictJSON{ID: c.note.ID, Title: c.title(), Fields: c.fields(), Local: newFieldsJSON(c.note.Fields),
		Remote: newFieldsJSON(c.review.Remote.Fields), RemoteDevice: orNull(c.review.Remote.Device),
		DetectedAt: timeOf(c.review.DetectedAt), Hunks: []hunkJSON{}}
	if c.review.Base != nil {
		out.Base = newFieldsJSON(*c.review.Base)
	}
	for _, x := range c.result.Conflicts {
		h := hunkJSON{Field: x.Field, Kind: string(x.Kind), Local: x.Local, Remote: x.Remote}
		if c.review.Base != nil {
			h.Base = &x.Base
		}
		out.Hunks = append(out.Hunks, h)
	}
	return out
}

// title is the note's, or the other side's if this device has none.
func (c dispute) title() string {
	if c.note.Title == "" {
		return c.review.Remote.Fields.Title
	}
	return c.note.Title
}

func conflictsCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "conflicts",
		Short: "List notes that were updated in two places",
		Example: `  stet conflicts
  stet resolve 019a --take mine`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			d, err := a.open(ctx)
			if err != nil {
				return err
			}
			heads, err := d.store.Reviews(ctx)
			if err != nil {
				return fmt.Errorf("list conflicts: %w", err)
			}
			for _, h := range heads {
				c, ok, err := d.dispute(ctx, h.ID)
				if err != nil {
					return err
				}
				if !ok { // resolved since the list was read
					continue
				}
				if err := a.conflict(c, asJSON); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one object a line, with base, both sides and what differs")
	return cmd
}

func (a *app) conflict(c dispute, asJSON bool) error {
	if asJSON {
		return a.writeJSON(c.json())
	}
	if !a.toTerminal() {
		return a.print("%s  %s  %s\n", c.note.ID, strings.Join(c.fields(), ","), cells.CleanLine(c.title()))
	}
	from := "another device"
	if c.review.Remote.Device != "" {
		from = c.review.Remote.Device
	}
	err := a.print("%s  %s\n  other side: %s, %s\n", c.note.ID, cells.CleanLine(c.title()), cells.CleanLine(from),
		localTime(c.review.Remote.SavedAt))
	if err != nil {
		return err
	}
	for _, x := range c.result.Conflicts {
		if err := a.side(x); err != nil {
			return err
		}
	}
	return a.print("\n")
}

// side shows one thing to choose, both sides of it.
func (a *app) side(x merge.Conflict) error {
	mine, theirs := excerpt(x.Local), excerpt(x.Remote)
	switch {
	case x.Kind == merge.DeleteEdit && x.Field == model.FieldDeleted:
		mine = "(deleted here)"
	case x.Kind == merge.EditDelete && x.Field == model.FieldDeleted:
		theirs = "(deleted there)"
	}
	return a.print("  %-8s mine:   %s\n  %-8s theirs: %s\n", x.Field, mine, "", theirs)
}

// excerpt is the first line of a text, cut for one row.
func excerpt(s string) string {
	line, rest, more := strings.Cut(s, "\n")
	line = cells.CleanLine(line)
	if r := []rune(line); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	if more && rest != "" {
		return line + " …"
	}
	return line
}
