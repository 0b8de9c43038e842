package main

import (
	"context"
	"fmt"

	"stet/syncengine"
	"stet/syncengine/store"
	"stet/ui/kit/cells"
)

// planJSON is one line of a dry run.
type planJSON struct {
	Direction string `json:"direction"`
	Action    string `json:"action"`
	ID        string `json:"id"`
	Title     string `json:"title"`
}

func (a *app) dryRun(ctx context.Context, d *device, e *syncengine.Engine, asJSON bool) error {
	plan, err := e.Plan(ctx)
	if err != nil {
		return err
	}
	held, err := d.held(ctx)
	if err != nil {
		return err
	}
	plan.Pull, plan.Held = append(held, plan.Pull...), plan.Held+len(held)
	for _, side := range []struct {
		name  string
		items []syncengine.PlanItem
	}{{"push", plan.Push}, {"pull", plan.Pull}} {
		for _, it := range side.items {
			if asJSON {
				err = a.writeJSON(planJSON{side.name, it.Action, it.NoteID, it.Title})
			} else {
				err = a.print("%s  %s  %s  %s\n", side.name, it.Action, it.NoteID, cells.CleanLine(it.Title))
			}
			if err != nil {
				return err
			}
		}
	}
	if plan.Held > 0 {
		a.say("stet: %d notes would be deleted or replaced; a sync asks for --yes first", plan.Held)
	}
	return nil
}

// held are the changes that an earlier round fetched and keeps aside until the
// user agrees.
func (d *device) held(ctx context.Context) (out []syncengine.PlanItem, err error) {
	err = d.store.Read(ctx, func(r store.Reader) error {
		all, err := r.Held(1 << 20)
		for _, h := range all {
			if h.Reason != store.HeldForConsent {
				continue
			}
			it := syncengine.PlanItem{NoteID: h.Record.ID, Title: h.Record.Fields.Title, Action: "replace"}
			if h.Record.Fields.Deleted {
				it.Action = "delete"
			}
			if n, err := r.Note(it.NoteID); err == nil && n.Title != "" {
				it.Title = n.Title
			}
			out = append(out, it)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what waits for consent: %w", err)
	}
	return out, nil
}

// planRows is how much of a plan is told when a round stops; a dry run tells
// all.
const planRows = 20

// sayPlan tells what a stopped round would do to the notes here.
func (a *app) sayPlan(ctx context.Context, d *device) error {
	held, err := d.held(ctx)
	if err != nil {
		return err
	}
	for i, it := range held {
		if i == planRows {
			a.say("and %d more", len(held)-i)
			break
		}
		a.say("%s  %s  %s", it.Action, it.NoteID, cells.CleanLine(it.Title))
	}
	return nil
}
