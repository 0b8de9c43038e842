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

// listing collects what a complete listing of the server holds.
type listing struct {
	ids  map[string]bool
	next string
	anew bool // see list
}

// numberedAnew is the mark of a comparison with a server of another epoch whose
// revs begin anew. It outlives a crash, after which notes that were compared
// already would tell otherwise.
const numberedAnew remote.ResyncReason = "epoch-changed-anew"

// list notes what a page of a complete listing holds. With the first page it
// finds out whether the revs of a new epoch can be compared with ours: a
// restored server still has notes just as we know them, text and rev. A server
// that was wiped has none; its clock may have gone back too, so that a greater
// rev here does not mean a newer text.
func (e *Engine) list(ctx context.Context, l *listing, recs []model.Record, reason remote.ResyncReason) error {
	first := len(l.ids) == 0
	for _, rec := range recs {
		l.ids[rec.ID] = true
	}
	if reason == numberedAnew {
		l.anew = true
	}
	if !first || reason != remote.EpochChanged || len(recs) == 0 {
		return nil
	}
	known := false
	err := e.store.Read(ctx, func(tx store.Reader) error {
		for _, rec := range recs {
			shadow, ok, err := tx.Shadow(rec.ID)
			if err != nil {
				return err
			}
			if known = ok && shadow.Rev == rec.Rev && model.Equal(shadow.Fields, rec.Fields); known {
				return nil
			}
		}
		return nil
	})
	if err == nil && !known {
		l.anew = true
		err = e.store.Write(ctx, func(tx store.Tx) error { return tx.SetMeta(store.MetaResync, string(numberedAnew)) })
	}
	if err != nil {
		return fmt.Errorf("compare revisions: %w", err)
	}
	return nil
}

// renumber gives a shadow a rev below rec's, where the two are of different
// numberings: left as it was, it would hide what the server says from now on.
// It reports whether it had to.
func (e *Engine) renumber(tx store.Tx, s *standing, rec model.Record) (bool, error) {
	if !s.shadowed || s.shadow.Rev == 0 || s.shadow.Rev < rec.Rev {
		return false, nil
	}
	s.shadow.Rev = max(rec.Rev-1, 1)
	note, err := e.commit(tx, *s, model.MoveResync)
	if err != nil {
		return false, err
	}
	s.note = note
	s.ops, err = tx.Ops(note.ID)
	return true, err
}

// descends reports whether our text is known to come after rec's: this device
// held that one before. Whoever sent it, ours is the newer.
func descends(tx store.Reader, s standing, rec model.Record) (bool, error) {
	for _, entry := range rec.Fields.Log {
		if !slices.ContainsFunc(s.note.Log, func(x model.LogEntry) bool { return x.ID == entry.ID }) {
			return false, nil
		}
	}
	return tx.Knew(s.note.ID, rec.Fields)
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
	err := e.store.Write(ctx, func(tx store.Tx) error { return e.markResync(tx, reason) })
	if err != nil {
		return fmt.Errorf("mark resync: %w", err)
	}
	return nil
}

func (e *Engine) markResync(tx store.Tx, reason remote.ResyncReason) error {
	if err := errors.Join(tx.SetMeta(store.MetaResync, string(reason)), writeLanded(tx, nil)); err != nil {
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
			if err := tx.DropHeld(id); err != nil { // the listing knows better
				return err
			}
			s, err := load(tx, id)
			if err != nil {
				return err
			}
			_, sent := s.sent()
			if (sent || s.note.Deleted && s.note.Status == model.Synced) && s.exists && reason.Forgot() {
				if _, err := e.renumber(tx, &s, model.Record{ID: id}); err != nil { // any rev that comes is news
					return fmt.Errorf("note %s: %w", id, err)
				}
			}
			if sent || !s.exists || s.note.Deleted && s.note.Status == model.Synced {
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
	if reason.Forgot() && s.note.Purged {
		return dropPurged(tx, s.note.ID)
	}
	if reason.Forgot() {
		_, err := e.sendAgain(tx, s, model.Record{ID: s.note.ID})
		return err
	}
	gone := model.Record{ID: s.note.ID, Rev: s.shadow.Rev + 1, Fields: model.Fields{Deleted: true}, ServerAt: e.time()}
	_, err := e.absorbNewer(tx, s, gone, pullMode{})
	return err
}
