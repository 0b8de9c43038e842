package syncengine

import (
	"context"
	"fmt"
	"slices"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/store"
)

// listing collects what a complete listing of the server holds.
type listing struct {
	ids  map[string]bool
	next string
}

func (l *listing) add(recs []model.Record) {
	for _, rec := range recs {
		l.ids[rec.ID] = true
	}
}

// resyncReason returns why everything must be compared, "" if it need not be. A
// device that knows revisions of a server but no place in its changes (it comes
// back from another one) cannot tell what happened since.
func (e *Engine) resyncReason(ctx context.Context) (remote.ResyncReason, error) {
	var reason string
	err := e.store.Read(ctx, func(tx store.Reader) (err error) {
		if reason, err = tx.Meta(store.MetaResync); err != nil || reason != "" {
			return err
		}
		cursor, err := tx.Cursor()
		if err != nil || cursor != "" {
			return err
		}
		return tx.IDs(func(_ string, rev int64, _ model.Status, _ bool) bool {
			if rev > 0 {
				reason = string(remote.CursorUnknown)
			}
			return reason == ""
		})
	})
	if err != nil {
		return "", fmt.Errorf("read resync mark: %w", err)
	}
	return remote.ResyncReason(reason), nil
}

// beginResync marks that everything must be compared. The outbox is untouched;
// the mark survives a crash.
func (e *Engine) beginResync(ctx context.Context, reason remote.ResyncReason) error {
	err := e.store.Write(ctx, func(tx store.Tx) error {
		if err := tx.SetMeta(store.MetaResync, string(reason)); err != nil {
			return err
		}
		// What was kept aside is of a history that may be gone: it is listed again.
		all, err := tx.Held(1 << 20)
		if err != nil {
			return err
		}
		for _, h := range all {
			if err := tx.DropHeld(h.Record.ID); err != nil {
				return err
			}
		}
		return e.log(tx, "", model.EventResync, 0, "", string(reason))
	})
	if err != nil {
		return fmt.Errorf("mark resync: %w", err)
	}
	return nil
}

// resync compares everything with the server: what it lists is adopted or
// merged, what it lacks is sent again if it forgot, or goes to the trash
// through the guard if it only expired our cursor.
func (e *Engine) resync(ctx context.Context, r *round, reason remote.ResyncReason) error {
	seen := &listing{ids: map[string]bool{}}
	if err := e.pullPages(ctx, r, pullMode{reason: reason, consent: r.yes}, seen); err != nil {
		return err
	}
	var absent []string
	err := e.store.Read(ctx, func(tx store.Reader) error {
		return tx.IDs(func(id string, rev int64, _ model.Status, _ bool) bool {
			if rev > 0 && !seen.ids[id] {
				absent = append(absent, id)
			}
			return true
		})
	})
	if err != nil {
		return fmt.Errorf("list notes: %w", err)
	}
	for chunk := range slices.Chunk(absent, settleRows) {
		if err := e.compareAbsent(ctx, chunk, reason); err != nil {
			return err
		}
	}
	err = e.store.Write(ctx, func(tx store.Tx) error {
		if err := tx.SetMeta(store.MetaResync, ""); err != nil {
			return err
		}
		return tx.SetCursor(seen.next)
	})
	if err != nil {
		return fmt.Errorf("end resync: %w", err)
	}
	return nil
}

func (e *Engine) compareAbsent(ctx context.Context, ids []string, reason remote.ResyncReason) error {
	err := e.store.Write(ctx, func(tx store.Tx) error {
		for _, id := range ids {
			s, err := load(tx, id)
			if err != nil {
				return err
			}
			if _, sent := s.sent(); sent || !s.exists || s.note.Deleted && s.note.Status == model.Synced {
				continue // its op's answer will tell; or gone on both sides
			}
			if err := e.absent(tx, s, reason); err != nil {
				return fmt.Errorf("note %s: %w", id, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("compare notes: %w", err)
	}
	return nil
}

// absent decides about a note that the server does not list as live.
func (e *Engine) absent(tx store.Tx, s standing, reason remote.ResyncReason) error {
	if reason.Forgot() {
		_, err := e.sendAgain(tx, s, model.Record{ID: s.note.ID})
		return err
	}
	gone := model.Record{ID: s.note.ID, Rev: s.shadow.Rev + 1, Fields: model.Fields{Deleted: true}, ServerAt: e.time()}
	_, err := e.absorbNewer(tx, s, gone, pullMode{})
	return err
}
