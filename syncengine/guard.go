package syncengine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"stet/model"
	"stet/syncengine/store"
)

// ErrHeld says that the delete guard holds changes until the user agrees.
var ErrHeld = errors.New("too many notes would be deleted or replaced")

// pausedHeld is store.MetaPaused while the guard holds.
const pausedHeld = "held"

// Guard returns how many notes a round may delete or replace without asking,
// of a device with so many live notes.
func Guard(notes int) int { return max(20, notes/10) }

// aside is what pulls kept aside, by what is to become of it now.
type aside struct {
	consent []store.Held // deletions and replacements of clean notes
	ready   []store.Held // waited for an op that is settled
	stale   []store.Held // overtaken
	notes   int          // live notes here
	more    bool         // beside it, there are ops to send
	undo    snapshot     // what an earlier consent keeps
}

// releaseHeldBack applies what pulls kept aside. Deletions and replacements of
// clean notes are applied if they are few, with a snapshot if the user agreed
// to many, and answered with the notes as they are here if the user refused.
// Otherwise they stay aside and [ErrHeld] is returned. It reports whether there
// are ops to send now.
func (e *Engine) releaseHeldBack(ctx context.Context, r *round) (more bool, err error) {
	a, err := e.aside(ctx, r)
	if err != nil {
		return false, fmt.Errorf("read held changes: %w", err)
	}
	err = e.decide(ctx, r, a)
	if more = a.more; len(a.stale)+len(a.ready)+len(a.consent) > 0 && (err == nil || errors.Is(err, ErrHeld)) {
		var failed error
		if more, failed = e.more(ctx, r); failed != nil {
			err = failed
		}
	}
	return more, err
}

// decide does what is to be done with what pulls kept aside.
func (e *Engine) decide(ctx context.Context, r *round, a aside) error {
	r.report.Held = 0
	for part := range slices.Chunk(append(a.stale, a.ready...), settleRows) {
		if err := e.release(ctx, r, part, pullMode{consent: r.yes}, nil); err != nil {
			return err
		}
	}
	// What this round let through before counts: five passes of twenty are a hundred.
	many := len(a.consent) > 0 && r.freed+len(a.consent) > Guard(a.notes+r.freed)
	switch {
	case r.keep && (many || r.stopped):
		return e.keepMine(ctx, r, a.consent)
	case many && !r.yes:
		r.report.Held = len(a.consent)
		return e.sayHeld(ctx, r, len(a.consent))
	}
	r.freed += len(a.consent)
	if !many && !a.undo.Open { // few; or the rest of many that a crash cut short
		return e.releaseAll(ctx, r, a.consent, nil)
	}
	undo, err := e.beginSnapshot(ctx, a.undo)
	if err != nil {
		return err
	}
	if err := e.releaseAll(ctx, r, a.consent, undo); err != nil {
		return err
	}
	return e.endSnapshot(ctx, undo)
}

func (e *Engine) releaseAll(ctx context.Context, r *round, all []store.Held, undo *snapshot) error {
	for part := range slices.Chunk(all, settleRows) {
		if err := e.release(ctx, r, part, pullMode{consent: true}, undo); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) aside(ctx context.Context, r *round) (aside, error) {
	var a aside
	err := e.store.Read(ctx, func(tx store.Reader) error {
		var err error
		if a.more, err = e.sendable(tx, r); err != nil {
			return err
		}
		if a.undo, err = readSnapshot(tx); err != nil {
			return err
		}
		all, err := tx.Held(everything)
		if err != nil || len(all) == 0 {
			return err
		}
		for _, h := range all {
			if err := a.add(tx, h); err != nil {
				return err
			}
		}
		counts, err := tx.Counts()
		a.notes = counts.Notes
		return err
	})
	return a, err
}

func (a *aside) add(tx store.Reader, h store.Held) error {
	s, err := load(tx, h.Record.ID)
	if err != nil {
		return err
	}
	_, sent := s.sent()
	switch {
	case sent || s.ownReview():
	case s.shadowed && h.Record.Rev <= s.shadow.Rev:
		a.stale = append(a.stale, h)
	case h.Reason == store.HeldForConsent:
		a.consent = append(a.consent, h)
	default:
		a.ready = append(a.ready, h)
	}
	return nil
}

// release applies a part of what was kept aside, and with undo keeps what that
// takes away, in one transaction.
func (e *Engine) release(ctx context.Context, r *round, part []store.Held, mode pullMode, undo *snapshot) error {
	err := e.store.Write(ctx, func(tx store.Tx) error {
		if err := undo.keep(tx, part); err != nil {
			return err
		}
		for _, h := range part {
			if err := tx.DropHeld(h.Record.ID); err != nil {
				return err
			}
			did, err := e.absorb(tx, h.Record, mode)
			if err != nil {
				return fmt.Errorf("note %s: %w", h.Record.ID, err)
			}
			r.count(did)
			if did != ignored && did != held {
				r.report.Pulled++
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("apply held changes: %w", err)
	}
	return nil
}

// keepMine answers held changes with the notes as they are here: the next push
// brings them back for all devices. The server's texts stay in history.
func (e *Engine) keepMine(ctx context.Context, r *round, all []store.Held) error {
	for part := range slices.Chunk(all, settleRows) {
		err := e.store.Write(ctx, func(tx store.Tx) error {
			for _, h := range part {
				if err := e.keepOne(tx, h.Record); err != nil {
					return fmt.Errorf("note %s: %w", h.Record.ID, err)
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("keep notes: %w", err)
		}
		r.report.Kept += len(part)
	}
	return nil
}

func (e *Engine) keepOne(tx store.Tx, rec model.Record) error {
	if err := tx.DropHeld(rec.ID); err != nil {
		return err
	}
	s, err := load(tx, rec.ID)
	if err != nil || !s.exists || s.inReview {
		return err
	}
	if err := keepOther(tx, rec); err != nil {
		return err
	}
	s.shadow, s.shadowed = rec, true
	s.note.Log = union(rec.Fields.Log, s.note.Log)
	if _, err := e.commit(tx, s, model.MoveSave); err != nil {
		return err
	}
	return e.log(tx, rec.ID, model.EventRestored, rec.Rev, "", "kept as it is here, against the server")
}

func (e *Engine) sayHeld(ctx context.Context, r *round, n int) error {
	if !r.told {
		err := e.store.Write(ctx, func(tx store.Tx) error {
			if paused, err := tx.Meta(store.MetaPaused); err != nil || paused == pausedHeld {
				return err // told already
			}
			return e.log(tx, "", model.EventHeld, 0, "", fmt.Sprintf("%d notes would be deleted or replaced", n))
		})
		if err != nil {
			return err
		}
		r.told = true
	}
	return fmt.Errorf("%d notes: %w", n, ErrHeld)
}

// HeldNote is a note whose deletion or replacement waits for the user.
type HeldNote struct {
	ID     string
	Title  string // as it is here
	Action string // delete or replace
	Why    string // a sentence
}

// Held returns the notes whose deletion or replacement waits for the user's
// consent, in the order in which they were met.
func (n *Notes) Held(ctx context.Context) (out []HeldNote, err error) {
	err = n.store.Read(ctx, func(tx store.Reader) error {
		var a aside
		all, err := tx.Held(everything)
		if err != nil {
			return err
		}
		for _, h := range all {
			if err := a.add(tx, h); err != nil {
				return err
			}
		}
		for _, h := range a.consent {
			title := h.Record.Fields.Title
			if note, err := tx.Note(h.Record.ID); err == nil && note.Title != "" {
				title = note.Title
			}
			out = append(out, heldNote(h.Record, title))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what waits for consent: %w", err)
	}
	return out, nil
}

// HeldCount returns how many changes wait for the user's consent, without
// looking at the notes.
func (n *Notes) HeldCount(ctx context.Context) (count int, err error) {
	err = n.store.Read(ctx, func(tx store.Reader) error {
		all, err := tx.Held(everything)
		for _, h := range all {
			if h.Reason == store.HeldForConsent {
				count++
			}
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("count what waits for consent: %w", err)
	}
	return count, nil
}

func heldNote(rec model.Record, title string) HeldNote {
	h := HeldNote{ID: rec.ID, Title: title, Action: "delete"}
	by := ""
	if rec.Device != "" {
		by = ", by " + rec.Device
	}
	switch {
	case !rec.Fields.Deleted:
		h.Action, h.Why = "replace", "the server has another text that does not build on this one"+by
	case rec.Purged:
		h.Why = "it was erased for good" + by
	case rec.Device == "" && rec.OpID == "":
		h.Why = "the server has it no longer"
	default:
		h.Why = "it was deleted" + by
	}
	return h
}
