package syncengine

import (
	"context"
	"errors"
	"fmt"

	"stet/model"
	"stet/syncengine/store"
)

// ErrHeld says that the delete guard holds changes until the user agrees.
var ErrHeld = errors.New("too many notes would be deleted or replaced")

// Guard returns how many notes a round may delete or replace without asking,
// of a device with so many live notes.
func Guard(notes int) int { return max(20, notes/10) }

// releaseConsent applies the deletions of clean notes that pulls kept aside,
// if they are few or the user agreed; otherwise they stay aside and the round
// ends with [ErrHeld].
func (e *Engine) releaseConsent(ctx context.Context, r *round) error {
	var waiting []store.Held
	var counts model.Counts
	err := e.store.Read(ctx, func(tx store.Reader) error {
		all, err := tx.Held(1 << 20)
		if err != nil {
			return err
		}
		for _, h := range all {
			if h.Reason == store.HeldForConsent {
				waiting = append(waiting, h)
			}
		}
		if len(waiting) > 0 {
			counts, err = tx.Counts()
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read held changes: %w", err)
	}
	if len(waiting) > Guard(counts.Notes) && !r.yes {
		r.report.Held = len(waiting)
		return e.sayHeld(ctx, len(waiting))
	}
	for len(waiting) > 0 {
		n := min(settleRows, len(waiting))
		if err := e.release(ctx, r, waiting[:n]); err != nil {
			return err
		}
		waiting = waiting[n:]
	}
	return nil
}

func (e *Engine) release(ctx context.Context, r *round, part []store.Held) error {
	err := e.store.Write(ctx, func(tx store.Tx) error {
		for _, h := range part {
			if err := tx.DropHeld(h.Record.ID); err != nil {
				return err
			}
			did, err := e.absorb(tx, h.Record, pullMode{consent: true})
			if err != nil {
				return fmt.Errorf("note %s: %w", h.Record.ID, err)
			}
			r.count(did)
			if did != ignored {
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
		return e.log(tx, "", model.EventHeld, 0, "", fmt.Sprintf("%d notes would be deleted or replaced", n))
	})
	if err != nil {
		return err
	}
	return fmt.Errorf("%d notes: %w", n, ErrHeld)
}
