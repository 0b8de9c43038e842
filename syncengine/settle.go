package syncengine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/store"
)

// settle writes down what became of one op.
func (e *Engine) settle(tx store.Tx, op model.Op, out remote.Outcome) (outcome, error) {
	switch out.Kind {
	case remote.Applied:
		return e.settleApplied(tx, op, out.Rev, out.ServerAt, out.Current)
	case remote.Conflict:
		return e.settleConflict(tx, op, out.Current)
	case remote.Rejected:
		return ignored, e.settleRejected(tx, op, out.Problem)
	case remote.NotApplied:
		return ignored, e.postpone(tx, op, out, true)
	}
	return ignored, e.postpone(tx, op, out, false)
}

// settleApplied takes an acknowledgement. current is what the server holds now,
// nil if that is just what the op made of it.
func (e *Engine) settleApplied(tx store.Tx, op model.Op, rev int64, at time.Time, current *model.Record) (outcome, error) {
	// A deleted row may have been purged since, which the row alone must tell.
	if current == nil && op.Kind != model.Purge && op.Kind != model.Delete {
		clean, err := tx.SettleClean(op, rev, at)
		if err != nil {
			return ignored, fmt.Errorf("settle op: %w", err)
		}
		if clean {
			if err := e.log(tx, op.NoteID, model.EventAccepted, rev, op.ID, ""); err != nil || op.State != model.Sent {
				return ignored, err // a first try: no pull came between that could be held
			}
			return ignored, e.releaseHeld(tx, op.NoteID, rev)
		}
	}
	s, err := load(tx, op.NoteID)
	if err != nil {
		return ignored, err
	}
	var shadow *model.Record
	if s.shadowed && s.shadow.Rev > 0 {
		shadow = &s.shadow
	}
	expected := op.After(shadow)
	expected.Rev, expected.ServerAt = rev, at
	if current != nil {
		expected.RemoteID = current.RemoteID
	}
	if err := e.forget(tx, &s, op); err != nil {
		return ignored, err
	}
	if err := e.log(tx, op.NoteID, model.EventAccepted, rev, op.ID, ""); err != nil {
		return ignored, err
	}
	switch {
	case op.Kind == model.Purge:
		return taken, dropPurged(tx, op.NoteID)
	case !s.exists:
		return ignored, nil
	case current == nil || model.Equal(current.Fields, expected.Fields):
		err = e.accept(tx, s, expected)
	case s.note.Purged: // what its text was is not known here any more
		_, err = e.unpurge(tx, s, *current)
	case s.inReview:
		_, err = e.reviewMoved(tx, s, *current)
	default:
		_, err = e.reconcile(tx, s, &expected.Fields, *current)
	}
	if err != nil {
		return ignored, err
	}
	return ignored, e.releaseHeld(tx, op.NoteID, rev)
}

// accept moves the shadow on; the row is the user's.
func (e *Engine) accept(tx store.Tx, s standing, server model.Record) error {
	if s.inReview && !s.ownReview() {
		s.review.Remote.Rev = server.Rev
		s.review.Remote.Fields.Log = server.Fields.Log
		if err := tx.PutReview(s.review); err != nil {
			return fmt.Errorf("write review: %w", err)
		}
	}
	s.shadow, s.shadowed = server, true
	s.note.UpdatedAtServer = server.ServerAt
	_, err := e.commit(tx, s, model.MoveAccept)
	return err
}

// forget removes a settled op from the store and from s.
func (e *Engine) forget(tx store.Tx, s *standing, op model.Op) error {
	if err := tx.DropOp(op.ID); err != nil {
		return fmt.Errorf("settle op: %w", err)
	}
	kept := s.ops[:0:0]
	for _, o := range s.ops {
		if o.ID != op.ID {
			kept = append(kept, o)
		}
	}
	s.ops = kept
	return nil
}

func dropPurged(tx store.Tx, id string) error {
	if err := tx.DropNote(id, true); err != nil {
		return fmt.Errorf("erase note: %w", err)
	}
	return tx.SetOps(id, nil)
}

// settleConflict takes a refusal because the note moved. The op is superseded:
// its intent lives on in the row, its id is never used again.
func (e *Engine) settleConflict(tx store.Tx, op model.Op, current *model.Record) (outcome, error) {
	s, err := load(tx, op.NoteID)
	if err != nil {
		return ignored, err
	}
	if err := e.forget(tx, &s, op); err != nil {
		return ignored, err
	}
	var out outcome
	switch {
	case (op.Kind == model.Purge || s.note.Purged) && (current == nil || current.Rev == 0 || current.Purged):
		return taken, dropPurged(tx, op.NoteID)
	case !s.exists:
		return ignored, nil
	case current == nil || current.Rev == 0:
		out, err = e.sendAgain(tx, s, model.Record{ID: op.NoteID})
	case s.shadowed && current.Rev < s.shadow.Rev:
		out, err = e.settleBehind(tx, s, *current)
	case s.inReview:
		out, err = e.reviewMoved(tx, s, *current)
	case s.note.Purged:
		out, err = e.unpurge(tx, s, *current)
	default:
		out, err = e.reconcile(tx, s, s.common(), *current)
	}
	if err != nil {
		return ignored, err
	}
	var rev int64
	if current != nil {
		rev = current.Rev
	}
	return out, e.releaseHeld(tx, op.NoteID, rev)
}

// settleBehind takes a refusal by a server that went back. A text that was here
// before is no change; any other one may have come after ours by its own count.
func (e *Engine) settleBehind(tx store.Tx, s standing, current model.Record) (outcome, error) {
	older, err := descends(tx, s, current)
	if err != nil {
		return ignored, err
	}
	switch {
	case older && current.Fields.Deleted == s.note.Deleted:
		return e.sendAgain(tx, s, current)
	case s.inReview:
		return e.reviewMoved(tx, s, current)
	case s.note.Purged:
		return e.unpurge(tx, s, current)
	}
	return e.reconcile(tx, s, nil, current)
}

// settleRejected parks an op that the server will never take. The note shows
// why; every other note goes on.
func (e *Engine) settleRejected(tx store.Tx, op model.Op, problem string) error {
	if done, err := e.outdated(tx, op, problem); done || err != nil {
		return err
	}
	if err := tx.Park(op.ID, problem); err != nil {
		return fmt.Errorf("park op: %w", err)
	}
	if err := e.restatus(tx, op.NoteID, model.MoveReject); err != nil {
		return err
	}
	return e.releaseHeld(tx, op.NoteID, 0)
}

// outdated supersedes a refused op if the user wrote on while it was out: what
// is sent now is something else.
func (e *Engine) outdated(tx store.Tx, op model.Op, problem string) (bool, error) {
	s, err := load(tx, op.NoteID)
	if err != nil || !s.exists {
		return false, err
	}
	if err := e.log(tx, op.NoteID, model.EventRejected, 0, op.ID, problem); err != nil {
		return false, err
	}
	s.ops = slices.DeleteFunc(slices.Clone(s.ops), func(o model.Op) bool { return o.ID == op.ID })
	refused := false
	for _, in := range s.intents() {
		same, err := samePatch(in, op)
		if err != nil {
			return false, err
		}
		refused = refused || same
	}
	if refused && !s.note.Purged {
		return false, nil
	}
	if err := e.forget(tx, &s, op); err != nil {
		return false, err
	}
	if s.note.Purged && (refused || s.base() == nil) { // an error that nobody sees is nobody's to mend
		if err := dropPurged(tx, op.NoteID); err != nil || s.base() == nil {
			return true, err
		}
		return true, e.markResync(tx, remote.CursorUnknown) // what the server keeps is seen again
	}
	if _, err := e.commit(tx, s, model.MoveAccept); err != nil {
		return false, err
	}
	return true, e.releaseHeld(tx, op.NoteID, 0)
}

// samePatch reports whether an intent asks for the very thing that op asked for.
func samePatch(in model.Intent, op model.Op) (bool, error) {
	if in.Kind != op.Kind {
		return false, nil
	}
	x, err := json.Marshal(in.Patch)
	if err != nil {
		return false, fmt.Errorf("compare patches: %w", err)
	}
	y, err := json.Marshal(op.Patch)
	if err != nil {
		return false, fmt.Errorf("compare patches: %w", err)
	}
	return bytes.Equal(x, y), nil
}

// postpone keeps an op for another try; thaw says that this try was certainly
// not applied, so that the op may be merged and squashed again. That holds for
// a first try only: of an op that was out before, the fate stays unknown.
func (e *Engine) postpone(tx store.Tx, op model.Op, out remote.Outcome, thaw bool) error {
	thaw = thaw && op.State != model.Sent
	wait := max(e.backoff(op.Attempt), min(out.After, maxRetryAfter))
	problem := out.Problem
	if problem == "" {
		problem = "the server did not answer"
	}
	if err := tx.Postpone(op.ID, problem, e.time().Add(wait), thaw); err != nil {
		return fmt.Errorf("postpone op: %w", err)
	}
	move := model.MoveRetry
	if op.Attempt >= model.GiveUpAfter {
		move = model.MoveGiveUp
	}
	if err := e.restatus(tx, op.NoteID, move); err != nil {
		return err
	}
	if err := e.log(tx, op.NoteID, model.EventRetry, 0, op.ID, problem); err != nil {
		return err
	}
	if thaw {
		return e.releaseHeld(tx, op.NoteID, 0)
	}
	return nil
}

// restatus derives a note's status anew after its ops changed.
func (e *Engine) restatus(tx store.Tx, id string, move model.Move) error {
	s, err := load(tx, id)
	if err != nil || !s.exists {
		return err
	}
	status := model.StatusOf(s.inReview, s.ops)
	if status == s.note.Status {
		return nil
	}
	if err := model.Check(move, s.note.Status, status); err != nil {
		return err
	}
	if err := tx.SetStatus(id, status); err != nil {
		return fmt.Errorf("write status: %w", err)
	}
	return nil
}
