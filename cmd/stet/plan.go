package main

import (
	"context"

	"stet/syncengine"
	"stet/ui/kit/cells"
)

// planJSON is one line of a dry run.
type planJSON struct {
	Direction string  `json:"direction"`
	Action    string  `json:"action"`
	ID        string  `json:"id"`
	Title     string  `json:"title"`
	Held      bool    `json:"held"`
	Why       *string `json:"why"`
}

// dryRun tells what a round with these flags would do.
func (a *app) dryRun(ctx context.Context, e *syncengine.Engine, f syncFlags) error {
	plan, err := e.PlanRound(ctx, syncengine.RoundOptions{Yes: f.yes, Keep: f.keep, Full: f.full, Force: true})
	if err != nil {
		return err
	}
	for _, side := range []struct {
		name  string
		items []syncengine.PlanItem
	}{{"push", plan.Push}, {"pull", plan.Pull}} {
		for _, it := range side.items {
			if f.json {
				err = a.writeJSON(planJSON{side.name, it.Action, it.NoteID, it.Title, it.Held, orNull(it.Why)})
			} else {
				err = a.print("%s  %s  %s  %s\n", side.name, it.Action, it.NoteID, cells.CleanLine(it.Title))
			}
			if err != nil {
				return err
			}
		}
	}
	if err := a.out.flush(); err != nil {
		return err
	}
	if plan.Held > 0 {
		a.say("stet: %s would be deleted or replaced, and wait for you: --yes goes on, --keep keeps them as they are here",
			plural(plan.Held, "note", "notes"))
	}
	return nil
}

// planRows is how much of a plan is told when a round stops; a dry run tells
// all.
const planRows = 20

// sayPlan tells what a stopped round would do to the notes here.
func (a *app) sayPlan(ctx context.Context, d *device) error {
	held, err := d.notes.Held(ctx)
	if err != nil {
		return err
	}
	for i, h := range held {
		if i == planRows {
			a.say("and %d more; stet sync --dry-run lists all", len(held)-i)
			break
		}
		a.say("%s  %s  %s", h.Action, h.ID, cells.CleanLine(h.Title))
	}
	return nil
}

// undoneJSON is what an undo did, as scripts see it.
type undoneJSON struct {
	Restored int     `json:"restored"`
	Already  int     `json:"already"`
	Changed  int     `json:"changed"`
	At       *string `json:"at"`
}

// undo takes back what the last --yes deleted or replaced.
func (a *app) undo(ctx context.Context, d *device, asJSON bool) error {
	if err := d.writable(); err != nil {
		return err
	}
	u, err := d.notes.Undo(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return a.writeJSON(undoneJSON{u.Back, u.Already, len(u.Changed), timeOf(u.At)})
	}
	if err := a.print("%s\n", undoneSentence(u)); err != nil {
		return err
	}
	for _, h := range u.Changed {
		if err := a.print("%s  %s  %s\n", h.ID, cells.CleanLine(h.Why), cells.CleanLine(h.Title)); err != nil {
			return err
		}
	}
	return nil
}

// undoneSentence tells what an undo did.
func undoneSentence(u syncengine.Undone) string {
	if u.At.IsZero() {
		return "Nothing to undo: no sync deleted or replaced many notes here in the last 90 days."
	}
	s := plural(u.Back, "note is", "notes are") + " back as before " + localTime(u.At) + "; the next sync sends them."
	if u.Already > 0 {
		s += " " + plural(u.Already, "note was", "notes were") + " back already."
	}
	if n := len(u.Changed); n > 0 {
		s += " " + plural(n, "note was changed since and stays", "notes were changed since and stay") + " as they are:"
		if n == 1 {
			s = s[:len(s)-len("as they are:")] + "as it is:"
		}
	}
	return s
}
