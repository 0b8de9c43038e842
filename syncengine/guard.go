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
	consent []store.Held // deletions of clean notes
	ready   []store.Held // waited for an op that is settled
	stale   []store.Held // overtaken
	notes   int          // live notes here
}

// releaseHeldBack applies what pulls kept aside: the deletions of clean notes if
// they are few or the user agreed; otherwise they stay aside and the round ends
// with [ErrHeld].
func (e *Engine) releaseHeldBack(ctx context.Context, r *round) error {
	a, err := e.aside(ctx)
	if err != nil {
		return fmt.Errorf("read held changes: %w", err)
	}
	for part := range slices.Chunk(append(a.stale, a.ready...), settleRows) {
		if err := e.release(ctx, r, part, pullMode{consent: r.yes}); err != nil {
			return err
		}
	}
	if len(a.consent) > Guard(a.notes) && !r.yes {
		r.report.Held = len(a.consent)
		return e.sayHeld(ctx, len(a.consent))
	}
	for part := range slices.Chunk(a.consent, settleRows) {
		if err := e.release(ctx, r, part, pullMode{consent: true}); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) aside(ctx context.Context) (aside, error) {
	var a aside
	err := e.store.Read(ctx, func(tx store.Reader) error {
		all, err := tx.Held(1 << 20)
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

func (e *Engine) release(ctx context.Context, r *round, part []store.Held, mode pullMode) error {
	err := e.store.Write(ctx, func(tx store.Tx) error {
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

func (e *Engine) sayHeld(ctx context.Context, n int) error {
	err := e.store.Write(ctx, func(tx store.Tx) error {
		if paused, err := tx.Meta(store.MetaPaused); err != nil || paused == pausedHeld {
			return err // told already
		}
		return e.log(tx, "", model.EventHeld, 0, "", fmt.Sprintf("%d notes would be deleted or replaced", n))
	})
	if err != nil {
		return err
	}
	return fmt.Errorf("%d notes: %w", n, ErrHeld)
}
