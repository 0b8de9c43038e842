package syncengine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"stet/model"
	"stet/syncengine/store"
)

// hand is who acts: a device with a clock and a source of ids.
type hand struct {
	now    func() time.Time
	newID  func() string
	device string
}

func (h hand) time() time.Time { return h.now().UTC().Truncate(time.Millisecond) }

// standing is all that a store keeps about one note's sync.
type standing struct {
	note     model.Note
	exists   bool
	shadow   model.Record
	shadowed bool // shadow is known (its Rev may be 0)
	ops      []model.Op
	review   model.Review
	inReview bool
}

func load(r store.Reader, id string) (standing, error) {
	var s standing
	var err error
	if s.note, err = r.Note(id); err == nil {
		s.exists = true
	} else if !isNotFound(err) {
		return s, fmt.Errorf("read note: %w", err)
	}
	if s.shadow, s.shadowed, err = r.Shadow(id); err != nil {
		return s, fmt.Errorf("read shadow: %w", err)
	}
	if s.ops, err = r.Ops(id); err != nil {
		return s, fmt.Errorf("read ops: %w", err)
	}
	if s.exists && s.note.Status == model.NeedsReview {
		if s.review, s.inReview, err = r.Review(id); err != nil {
			return s, fmt.Errorf("read review: %w", err)
		}
	}
	return s, nil
}

// base is what the server will hold once the ops already sent are applied:
// what later ops are planned against. nil: the server never had the note.
func (s standing) base() *model.Record {
	var base *model.Record
	if s.shadowed && s.shadow.Rev > 0 {
		rec := s.shadow
		base = &rec
	}
	for _, op := range s.ops {
		if op.State != model.Sent {
			continue
		}
		rec := op.After(base)
		if rec.Rev == 0 {
			rec.Rev = 1 // it exists once the op is applied; the true rev comes with the answer
		}
		base = &rec
	}
	return base
}

// common is the text both sides last agreed on, nil where there is none.
func (s standing) common() *model.Fields {
	if !s.shadowed || s.shadow.Rev == 0 {
		return nil
	}
	f := s.shadow.Fields
	return &f
}

func (s standing) sent() (model.Op, bool) {
	for _, op := range s.ops {
		if op.State == model.Sent {
			return op, true
		}
	}
	return model.Op{}, false
}

// commit writes the row of s and makes the outbox fit it: the unsent ops are
// replaced by the net difference to what the server holds, and the status
// follows from review and ops. It is the only place where a row that the
// server does not have is written.
func (h hand) commit(tx store.Tx, s standing, move model.Move) (model.Note, error) {
	from := model.None
	if s.exists {
		from = s.note.Status
	}
	if base := s.base(); base != nil && !base.Fields.Deleted && !s.note.Deleted && !s.inReview {
		s.note.Log = union(base.Fields.Log, s.note.Log) // in the server's order, then what it has not seen
	}
	note := s.note
	ops := s.keepSent()
	if move == model.MoveSave || move == model.MoveResolve {
		if err := revive(tx, ops); err != nil {
			return note, err
		}
	}
	for _, in := range s.intents() {
		ops = append(ops, model.Op{ID: h.newID(), NoteID: note.ID, Kind: in.Kind, BaseRev: in.BaseRev, Patch: in.Patch,
			CreatedAt: h.time(), Device: h.device, State: model.Queued})
	}
	note.Status = model.StatusOf(s.inReview, ops)
	if s.shadowed && s.shadow.Rev > 0 {
		note.Rev, note.RemoteID = s.shadow.Rev, s.shadow.RemoteID
	}
	if err := model.Check(move, from, note.Status); err != nil {
		return note, err
	}
	note, err := tx.PutNote(note)
	if err != nil {
		return note, fmt.Errorf("write note: %w", err)
	}
	if note.Status != model.Synced && (s.shadowed || s.exists) {
		shadow := s.shadow
		if !s.shadowed { // the server has none: not even the row that was in step
			shadow = model.Record{ID: note.ID}
		}
		if err := tx.PutShadow(shadow); err != nil {
			return note, fmt.Errorf("write shadow: %w", err)
		}
	}
	queued := ops[:0:0]
	for _, op := range ops {
		if op.State != model.Sent {
			op.NoteSeq = note.Seq
			queued = append(queued, op)
		}
	}
	if err := tx.SetOps(note.ID, queued); err != nil {
		return note, fmt.Errorf("write ops: %w", err)
	}
	return note, nil
}

// revive takes the error from sent ops that failed too often: who writes on
// starts anew. They stay frozen, and their next try where it is.
func revive(tx store.Tx, sent []model.Op) error {
	for i, op := range sent {
		if op.Problem == "" || op.Attempt < model.GiveUpAfter {
			continue
		}
		if err := tx.Postpone(op.ID, "", op.NextTry, false); err != nil {
			return fmt.Errorf("revive op: %w", err)
		}
		sent[i].Problem = ""
	}
	return nil
}

// ownReview reports whether both sides of the note's review are texts of this
// device: no server has the other one.
func (s standing) ownReview() bool { return s.inReview && s.review.Remote.Rev == 0 }

func (s standing) keepSent() []model.Op {
	var out []model.Op
	for _, op := range s.ops {
		if op.State == model.Sent {
			out = append(out, op)
		}
	}
	return out
}

// intents is what the user still wants of the server. In review only log
// entries go out: they cannot conflict.
func (s standing) intents() []model.Intent {
	all := model.Net(s.base(), s.note.Fields, s.note.Purged)
	if !s.inReview {
		return all
	}
	var out []model.Intent
	for _, in := range all {
		if in.Kind == model.Append {
			out = append(out, in)
		}
	}
	return out
}

func (h hand) log(tx store.Tx, noteID string, name model.EventName, rev int64, opID, detail string) error {
	err := tx.Log(model.Event{NoteID: noteID, At: h.time(), Name: name, OpID: opID, Rev: rev, Detail: detail})
	if err != nil {
		return fmt.Errorf("write timeline: %w", err)
	}
	return nil
}

// replan plans the outbox anew, in short transactions; the mark that asks for
// it goes last, so that a crash leaves it to be done again.
func (h hand) replan(ctx context.Context, s store.Store) error {
	var ids []string
	err := s.Read(ctx, func(r store.Reader) error {
		return r.IDs(func(id string, _ int64, status model.Status, _ bool) bool {
			if status != model.Synced {
				ids = append(ids, id)
			}
			return true
		})
	})
	if err != nil {
		return fmt.Errorf("plan the outbox: %w", err)
	}
	for chunk := range slices.Chunk(ids, settleRows) {
		err := s.Write(ctx, func(tx store.Tx) error { return h.replanSome(tx, chunk) })
		if err != nil {
			return fmt.Errorf("plan the outbox: %w", err)
		}
	}
	err = s.Write(ctx, func(tx store.Tx) error { return tx.SetMeta(store.MetaReplan, "") })
	if err != nil {
		return fmt.Errorf("plan the outbox: %w", err)
	}
	return nil
}

func (h hand) replanSome(tx store.Tx, ids []string) error {
	for _, id := range ids {
		s, err := load(tx, id)
		if err != nil {
			return err
		}
		if s.forgotten() {
			err = dropPurged(tx, id)
		} else {
			_, err = h.commit(tx, s, model.MoveResync)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forgotten reports whether a purged note is one of which the server knows
// nothing, so that there is nothing left to tell it.
func (s standing) forgotten() bool { return s.exists && s.note.Purged && s.base() == nil }
