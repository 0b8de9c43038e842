package syncengine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/store"
)

// pullPage is how many changes a pull asks for.
const pullPage = 1000

// pullMode says how pulled records are taken.
type pullMode struct {
	reason  remote.ResyncReason // "" but in a comparison of everything
	consent bool                // the user agreed to deletions and replacements
	anew    bool                // the server numbers from the beginning: revs do not compare with ours
	unsure  bool                // of this record and our text no rev tells which is the newer
}

func (m pullMode) comparing() bool { return m.reason != "" }

// pull applies what is new on the server.
func (e *Engine) pull(ctx context.Context, r *round) error {
	reason, err := e.resyncReason(ctx)
	if err != nil {
		return err
	}
	if reason == "" {
		err = e.pullPages(ctx, r, pullMode{consent: r.yes}, nil)
		var lost *remote.ResyncError
		if errors.As(err, &lost) {
			if err = e.beginResync(ctx, lost.Reason); err == nil {
				reason = lost.Reason
			}
		}
		if err != nil {
			return err
		}
	}
	if reason != "" {
		return e.resync(ctx, r, reason)
	}
	return nil
}

// pullPages pulls to the end. seen, if not nil, collects the ids of a complete
// listing, whose cursor is stored only by the caller.
func (e *Engine) pullPages(ctx context.Context, r *round, mode pullMode, seen *listing) error {
	cursor := ""
	if seen == nil {
		var err error
		if cursor, err = e.cursor(ctx); err != nil {
			return err
		}
	}
	r.gauge.begin(0) // no server tells how much there is
	for {
		var page remote.Page
		err := e.try(ctx, func() (err error) {
			page, err = e.remote.Pull(ctx, cursor, pullPage)
			return err
		})
		r.after = max(r.after, page.After)
		if err != nil {
			return fmt.Errorf("pull: %w", err)
		}
		r.notice = &page.Notice
		if len(page.Changes) > 0 && !e.remote.Caps().Idempotent {
			if err := e.store.Read(ctx, func(tx store.Reader) error { return e.fit(tx, &page) }); err != nil {
				return err
			}
		}
		if page.Unchanged {
			return e.store.Read(ctx, checkLanded)
		}
		store := page.Next
		if seen != nil {
			if err := e.list(ctx, seen, page.Changes, mode.reason); err != nil {
				return err
			}
			mode.anew = seen.anew
			seen.next, store = page.Next, ""
		}
		if err := e.apply(ctx, r, page.Changes, mode, store, page.More); err != nil {
			return err
		}
		r.gauge.step(len(page.Changes))
		if !page.More && seen == nil {
			return e.store.Read(ctx, checkLanded)
		}
		if !page.More {
			return nil
		}
		if page.Next == cursor {
			return fmt.Errorf("pull: %w: the cursor does not move", remote.ErrNotProtocol)
		}
		cursor = page.Next
	}
}

// apply writes a page in short transactions, the cursor in the last one. more
// says that others follow.
func (e *Engine) apply(ctx context.Context, r *round, changes []model.Record, mode pullMode, next string, more bool) error {
	chunks := slices.Collect(slices.Chunk(changes, settleRows))
	if len(chunks) == 0 {
		chunks = [][]model.Record{nil}
	}
	for i, chunk := range chunks {
		last := i == len(chunks)-1
		err := e.store.Write(ctx, func(tx store.Tx) error {
			for _, rec := range chunk {
				did, err := e.absorb(tx, rec, mode)
				if err != nil {
					return fmt.Errorf("note %s: %w", rec.ID, err)
				}
				r.count(did)
				if did != ignored && did != held {
					r.report.Pulled++
				}
			}
			if last && next != "" {
				return errors.Join(showLanded(tx, changes), r.join(tx, more), tx.SetCursor(next))
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("apply pulled notes: %w", err)
		}
		e.rest(ctx)
	}
	return nil
}

// join notes whether the first listing of a server goes on: a round that is cut
// off in it leaves a cursor, and yet does not know what is deleted there.
func (r *round) join(tx store.Tx, more bool) error {
	if !r.joining {
		return nil
	}
	mark := ""
	if r.joining = more; more {
		mark = "1"
	}
	return tx.SetMeta(store.MetaJoining, mark)
}

func (e *Engine) cursor(ctx context.Context) (string, error) {
	var cursor string
	err := e.store.Read(ctx, func(tx store.Reader) (err error) {
		cursor, err = tx.Cursor()
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read cursor: %w", err)
	}
	return cursor, nil
}
