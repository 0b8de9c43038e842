package syncengine

import (
	"fmt"
	"slices"
	"time"

	"stet/model"
	"stet/syncengine/store"
)

// recordOf is a row that is in step as the server has it: a tombstone has no
// text there.
func recordOf(n model.Note) model.Record {
	rec := model.Record{ID: n.ID, RemoteID: n.RemoteID, Rev: n.Rev, Fields: n.Fields, Purged: n.Purged, Device: n.Device,
		SavedAt: n.UpdatedAt, ServerAt: n.UpdatedAtServer}
	if n.Deleted {
		rec.Fields = model.Fields{Deleted: true}
	}
	return rec
}

// PutNote implements [store.Tx].
func (o *overlay) PutNote(n model.Note) (model.Note, error) {
	l, err := o.leaf(n.ID)
	if err != nil {
		return n, err
	}
	s := &l.now
	n.Seq = o.nextSeq()
	n.Version = s.note.Version
	if differs := !model.SameText(s.note.Fields, n.Fields); !s.exists || differs {
		n.Version++
		if s.exists {
			l.kept = append(l.kept, s.note.Fields)
		}
	}
	s.note, s.exists = n, true
	o.inStep(l)
	return n, nil
}

// inStep keeps the rule of shadows: a synced row is the shadow.
func (o *overlay) inStep(l *leaf) {
	if s := &l.now; s.exists && s.note.Status == model.Synced {
		s.shadow, s.shadowed = recordOf(s.note), s.note.Rev != 0
	}
}

// KeepVersion implements [store.Tx].
func (o *overlay) KeepVersion(v model.Version) error {
	l, err := o.leaf(v.NoteID)
	if err == nil {
		l.kept = append(l.kept, v.Fields)
	}
	return err
}

// DropNote implements [store.Tx].
func (o *overlay) DropNote(id string, _ bool) error {
	l, err := o.leaf(id)
	if err != nil {
		return err
	}
	l.now.exists, l.now.shadowed, l.now.inReview = false, false, false
	l.now.note = model.Note{Version: l.now.note.Version}
	return o.DropHeld(id)
}

// PutShadow implements [store.Tx].
func (o *overlay) PutShadow(rec model.Record) error {
	l, err := o.leaf(rec.ID)
	if err != nil {
		return err
	}
	if rec.Fields.Deleted {
		rec.Fields = model.Fields{Deleted: true}
	}
	l.now.shadow, l.now.shadowed = rec, rec.Rev != 0
	return nil
}

// SetOps implements [store.Tx].
func (o *overlay) SetOps(noteID string, ops []model.Op) error {
	l, err := o.leaf(noteID)
	if err != nil {
		return err
	}
	l.now.ops = l.now.keepSent()
	for _, op := range ops {
		l.now.ops = append(l.now.ops, op)
		o.opPos[op.ID], o.opNote[op.ID] = o.nextPos(), noteID
	}
	return nil
}

// DropOp implements [store.Tx].
func (o *overlay) DropOp(opID string) error {
	l, err := o.leaf(o.opNote[opID])
	if err != nil {
		return err
	}
	l.now.ops = slices.DeleteFunc(l.now.ops, func(op model.Op) bool { return op.ID == opID })
	return nil
}

// change edits one op in place.
func (o *overlay) change(opID string, edit func(*model.Op)) error {
	l, err := o.leaf(o.opNote[opID])
	if err != nil {
		return err
	}
	for i := range l.now.ops {
		if op := &l.now.ops[i]; op.ID == opID {
			edit(op)
			return nil
		}
	}
	return fmt.Errorf("op %s: %w", opID, model.ErrNotFound)
}

// Freeze implements [store.Tx].
func (o *overlay) Freeze(opIDs []string, cursor string) error {
	for _, id := range opIDs {
		err := o.change(id, func(op *model.Op) {
			if op.State != model.Sent {
				op.SentAt = cursor
			}
			op.State, op.NotSent = model.Sent, false
			op.Attempt++
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Postpone implements [store.Tx].
func (o *overlay) Postpone(opID, problem string, next time.Time, thaw bool) error {
	return o.change(opID, func(op *model.Op) {
		op.Problem, op.NextTry = problem, next
		if thaw {
			op.State, op.NotSent = model.Queued, true
		}
	})
}

// Park implements [store.Tx].
func (o *overlay) Park(opID, problem string) error {
	return o.change(opID, func(op *model.Op) { op.State, op.Problem = model.Parked, problem })
}

// SettleClean implements [store.Tx].
func (o *overlay) SettleClean(op model.Op, rev int64, serverAt time.Time) (bool, error) {
	l, err := o.leaf(op.NoteID)
	if err != nil {
		return false, err
	}
	s := &l.now
	var base int64
	if s.shadowed {
		base = s.shadow.Rev
	}
	if !s.exists || s.note.Seq != op.NoteSeq || s.note.Status == model.Synced || s.inReview || base != op.BaseRev ||
		len(s.ops) != 1 || s.ops[0].ID != op.ID {
		return false, nil
	}
	s.ops = nil
	s.note.Status, s.note.Rev, s.note.UpdatedAtServer, s.note.Seq = model.Synced, rev, serverAt, o.nextSeq()
	o.inStep(l)
	return true, nil
}

// PutReview implements [store.Tx].
func (o *overlay) PutReview(r model.Review) error {
	l, err := o.leaf(r.NoteID)
	if err != nil {
		return err
	}
	l.now.review, l.now.inReview = r, true
	return nil
}

// DropReview implements [store.Tx].
func (o *overlay) DropReview(noteID string) error {
	l, err := o.leaf(noteID)
	if err != nil {
		return err
	}
	l.now.review, l.now.inReview = model.Review{}, false
	return nil
}

// Hold implements [store.Tx].
func (o *overlay) Hold(h store.Held) error {
	if h.Reason == store.HeldForConsent {
		o.guarded[h.Record.ID] = true
	}
	at, ok := o.held[h.Record.ID]
	if !ok {
		at.pos = o.nextPos()
	}
	o.held[h.Record.ID] = heldAt{h, at.pos}
	return nil
}

// DropHeld implements [store.Tx].
func (o *overlay) DropHeld(noteID string) error {
	delete(o.held, noteID)
	return nil
}

// SetCursor implements [store.Tx].
func (o *overlay) SetCursor(cursor string) error {
	o.cursor = cursor
	return nil
}

// SetMeta implements [store.Tx].
func (o *overlay) SetMeta(key, value string) error {
	o.meta[key] = value
	return nil
}

// Log implements [store.Tx].
func (o *overlay) Log(model.Event) error { return nil }

// SetStatus implements [store.Tx].
func (o *overlay) SetStatus(noteID string, st model.Status) error {
	l, err := o.leaf(noteID)
	if err != nil {
		return err
	}
	l.now.note.Status, l.now.note.Seq = st, o.nextSeq()
	o.inStep(l)
	return nil
}
