package syncengine

import (
	"context"
	"errors"
	"fmt"

	"stet/model"
	"stet/syncengine/merge"
	"stet/syncengine/remote"
	"stet/syncengine/store"
)

// Plan is what a round would do if nothing changed meanwhile. Making it changes
// nothing, here or on the server.
type Plan struct {
	Push []PlanItem
	Pull []PlanItem
	// Held is the number of notes whose deletion or replacement would wait for
	// consent.
	Held int
}

// PlanItem is one note of a plan.
type PlanItem struct {
	NoteID string
	Title  string
	// Action is create, update, append, delete or purge for a push, and new,
	// update, merge, review or delete for a pull.
	Action string
}

// Plan reads the outbox and what is new on the server and tells what a round
// would do with them.
func (e *Engine) Plan(ctx context.Context) (Plan, error) {
	var p Plan
	if err := e.planPush(ctx, &p); err != nil {
		return p, fmt.Errorf("plan: %w", err)
	}
	cursor, err := e.cursor(ctx)
	if err != nil {
		return p, err
	}
	reason, err := e.resyncReason(ctx)
	if err != nil {
		return p, err
	}
	deletions, notes, err := e.planPull(ctx, &p, cursor, pullMode{reason: reason})
	var lost *remote.ResyncError
	if errors.As(err, &lost) {
		p.Pull = nil
		deletions, notes, err = e.planPull(ctx, &p, "", pullMode{reason: lost.Reason})
	}
	if err != nil {
		return p, fmt.Errorf("plan: %w", err)
	}
	if deletions > Guard(notes) {
		p.Held = deletions
	}
	return p, nil
}

func (e *Engine) planPush(ctx context.Context, p *Plan) error {
	return e.store.Read(ctx, func(tx store.Reader) error {
		ops, err := tx.Sendable(1<<20, e.time(), true)
		if err != nil {
			return err
		}
		for _, op := range ops {
			title := ""
			if note, err := tx.Note(op.NoteID); err == nil {
				title = note.Title
			}
			p.Push = append(p.Push, PlanItem{op.NoteID, title, string(op.Kind)})
		}
		return nil
	})
}

func (e *Engine) planPull(ctx context.Context, p *Plan, cursor string, mode pullMode) (deletions, notes int, err error) {
	for {
		var page remote.Page
		err := e.try(ctx, func() (err error) {
			page, err = e.remote.Pull(ctx, cursor, pullPage)
			return err
		})
		if err != nil || page.Unchanged {
			return deletions, notes, err
		}
		err = e.store.Read(ctx, func(tx store.Reader) error {
			counts, err := tx.Counts()
			notes = counts.Notes
			for _, rec := range page.Changes {
				action, err := foresee(tx, rec, mode)
				if err != nil {
					return err
				}
				if action == "delete" {
					deletions++
				}
				if action != "" {
					p.Pull = append(p.Pull, PlanItem{rec.ID, titleOf(tx, rec), action})
				}
			}
			return err
		})
		if err != nil || !page.More {
			return deletions, notes, err
		}
		cursor = page.Next
	}
}

func titleOf(tx store.Reader, rec model.Record) string {
	if note, err := tx.Note(rec.ID); err == nil && note.Title != "" {
		return note.Title
	}
	return rec.Fields.Title
}

// foresee tells what absorb would do with a record.
func foresee(tx store.Reader, rec model.Record, mode pullMode) (string, error) {
	s, err := load(tx, rec.ID)
	switch {
	case err != nil:
		return "", err
	case !s.exists && rec.Fields.Deleted:
		return "", nil
	case !s.exists:
		return "new", nil
	case model.Equal(s.note.Fields, rec.Fields) && mode.comparing(), !mode.comparing() && s.shadowed && rec.Rev <= s.shadow.Rev:
		return "", nil
	case s.note.Status == model.Synced && rec.Fields.Deleted && !s.note.Deleted:
		return "delete", nil
	case s.note.Status == model.Synced:
		return "update", nil
	case s.inReview || !merge.Notes(s.common(), s.note.Fields, rec.Fields).Clean():
		return "review", nil
	}
	return "merge", nil
}
