package syncengine

import (
	"errors"
	"fmt"

	"stet/model"
	"stet/syncengine/store"
)

// absorb applies one pulled record to the device.
func (e *Engine) absorb(tx store.Tx, rec model.Record, mode pullMode) (outcome, error) {
	s, err := load(tx, rec.ID)
	if err != nil {
		return ignored, err
	}
	if !s.exists {
		return e.absorbNew(tx, s, rec)
	}
	if mode.anew {
		if mode.unsure, err = e.renumber(tx, &s, rec); err != nil {
			return ignored, err
		}
	}
	if sent, ok := s.sent(); ok {
		if rec.OpID != "" && rec.OpID == sent.ID {
			return e.settleApplied(tx, sent, rec.Rev, rec.ServerAt, &rec)
		}
		return held, e.hold(tx, rec, store.HeldForOp)
	}
	if mode.comparing() {
		return e.compare(tx, s, rec, mode)
	}
	if s.shadowed && rec.Rev <= s.shadow.Rev {
		return ignored, nil // an echo of our own write, or delivered again
	}
	return e.absorbNewer(tx, s, rec, mode)
}

func (e *Engine) absorbNew(tx store.Tx, s standing, rec model.Record) (outcome, error) {
	if rec.Fields.Deleted {
		return ignored, nil
	}
	if ops := s.ops; len(ops) > 0 { // the row was erased here, its purge is not yet settled
		return held, e.hold(tx, rec, store.HeldForOp)
	}
	s.note = model.Note{ID: rec.ID, RemoteID: rec.RemoteID}
	return e.takeRemote(tx, s, rec)
}

// absorbNewer applies a revision that this device has not seen.
func (e *Engine) absorbNewer(tx store.Tx, s standing, rec model.Record, mode pullMode) (outcome, error) {
	switch {
	case s.inReview:
		return e.reviewMoved(tx, s, rec)
	case s.note.Status == model.Synced && (rec.Fields.Deleted || rec.Purged) && !s.note.Deleted && !mode.consent:
		return held, e.hold(tx, rec, store.HeldForConsent)
	case rec.Purged && (s.note.Status == model.Synced || s.note.Deleted):
		return taken, e.erase(tx, s, rec)
	case s.note.Purged:
		return e.unpurge(tx, s, rec)
	case overwritten(s, rec):
		return e.reconcile(tx, s, nil, rec)
	case s.note.Status == model.Synced:
		if replaces, err := replacing(tx, rec.ID); err != nil || replaces && !mode.consent {
			return held, errors.Join(err, e.hold(tx, rec, store.HeldForConsent))
		}
		return e.takeRemote(tx, s, rec)
	}
	return e.reconcile(tx, s, s.common(), rec)
}

// overwritten reports whether a server let rec take the place of the version
// that this device last saw although its writer had not seen that one: what rec
// builds on jumps over it. No text of the two is the other's base.
func overwritten(s standing, rec model.Record) bool {
	if !s.shadowed || s.shadow.Fields.Deleted || rec.Fields.Deleted || model.Equal(s.shadow.Fields, rec.Fields) {
		return false
	}
	for _, parent := range rec.Parents { // newest first
		if parent <= s.shadow.Rev {
			return parent < s.shadow.Rev
		}
	}
	return false
}

// replacing reports whether a text that does not descend from ours is held: one
// that builds on it does not either.
func replacing(tx store.Reader, id string) (bool, error) {
	h, ok, err := tx.HeldOf(id)
	if err != nil {
		return false, fmt.Errorf("read held change: %w", err)
	}
	return ok && h.Reason == store.HeldForConsent && !h.Record.Fields.Deleted, nil
}

// unpurge takes a version that came between a purge made here and the server:
// a text that was not seen is never erased; a tombstone still is.
func (e *Engine) unpurge(tx store.Tx, s standing, rec model.Record) (outcome, error) {
	if !rec.Fields.Deleted {
		s.note.Purged = false
		return e.takeRemote(tx, s, rec)
	}
	s.shadow, s.shadowed = rec, true
	s.note.UpdatedAtServer = rec.ServerAt
	_, err := e.commit(tx, s, mergeMove(s))
	return taken, err
}

// mergeMove names a merge, which a synced row meets in a comparison only.
func mergeMove(s standing) model.Move {
	if s.exists && s.note.Status == model.Synced {
		return model.MoveResync
	}
	return model.MoveMerge
}

// erase removes a note that was purged elsewhere.
func (e *Engine) erase(tx store.Tx, s standing, rec model.Record) error {
	if err := tx.DropNote(s.note.ID, true); err != nil {
		return fmt.Errorf("erase note: %w", err)
	}
	if err := tx.SetOps(s.note.ID, nil); err != nil {
		return fmt.Errorf("write ops: %w", err)
	}
	return e.log(tx, rec.ID, model.EventPurged, rec.Rev, rec.OpID, "erased on another device")
}

func (e *Engine) hold(tx store.Tx, rec model.Record, why store.HeldReason) error {
	old, ok, err := tx.HeldOf(rec.ID)
	if err != nil {
		return fmt.Errorf("read held change: %w", err)
	}
	if ok && old.Record.Rev >= rec.Rev {
		return nil
	}
	if err := tx.Hold(store.Held{Record: rec, Reason: why}); err != nil {
		return fmt.Errorf("hold change: %w", err)
	}
	return nil
}

// releaseHeld applies what was held for the outcome of an op, now that it is
// known. server is the newest state the answer told of.
func (e *Engine) releaseHeld(tx store.Tx, noteID string, server int64) error {
	h, ok, err := tx.HeldOf(noteID)
	if err != nil || !ok || h.Reason != store.HeldForOp {
		return err
	}
	if r, open, err := tx.Review(noteID); err != nil || open && r.Remote.Rev == 0 {
		return err // first the user chooses between the device's own texts
	}
	if err := tx.DropHeld(noteID); err != nil {
		return fmt.Errorf("release held change: %w", err)
	}
	if h.Record.Rev <= server {
		return nil
	}
	_, err = e.absorb(tx, h.Record, pullMode{})
	return err
}

// compare applies one record of a complete listing to a device whose cursor the
// server no longer knows. Revisions compare only loosely here: the server may
// have been restored, so an older one does not undo ours.
func (e *Engine) compare(tx store.Tx, s standing, rec model.Record, mode pullMode) (outcome, error) {
	same := s.shadowed && s.shadow.Rev > 0 && model.Equal(s.shadow.Fields, rec.Fields)
	if s.note.Purged && s.shadowed && s.shadow.Rev == rec.Rev && !mode.anew { // its text is not known here any more
		same = true
	}
	// A deletion that another device made on a server that counts anew has a low
	// number too: whether it is older than our text only the user can say.
	gone := rec.Fields.Deleted && !s.note.Deleted
	older := s.shadowed && rec.Rev < s.shadow.Rev && !gone
	if s.inReview {
		return e.compareReview(tx, s, rec, mode, same, older)
	}
	// Without a shadow, or with a made-up one, a review may have been left here
	// unanswered: it is met again, though its other side is among our versions.
	asked := !s.shadowed || s.shadow.Rev == 1
	if mode.reason.Forgot() && !same && !older && !gone && !asked {
		var err error
		if older, err = descends(tx, s, rec); err != nil {
			return ignored, err
		}
	}
	switch {
	case same || model.Equal(s.note.Fields, rec.Fields):
		s.shadow, s.shadowed = rec, true
		_, err := e.commit(tx, s, model.MoveResync)
		return ignored, err
	case older && mode.reason.Forgot():
		return e.sendAgain(tx, s, rec)
	case s.note.Purged:
		return e.unpurge(tx, s, rec)
	case mode.unsure:
		return e.reconcile(tx, s, nil, rec)
	case s.shadowed && rec.Rev > s.shadow.Rev && s.note.Status == model.Synced && mode.reason.Forgot() && !mode.consent:
		return held, e.hold(tx, rec, store.HeldForConsent)
	case s.shadowed && rec.Rev > s.shadow.Rev:
		return e.absorbNewer(tx, s, rec, mode)
	}
	return e.reconcile(tx, s, nil, rec)
}

// compareReview is compare for a note in review. same and older are about the
// shadow.
func (e *Engine) compareReview(tx store.Tx, s standing, rec model.Record, mode pullMode, same, older bool) (outcome, error) {
	shown := rec.Rev == s.review.Remote.Rev && (!mode.anew || model.Equal(rec.Fields, s.review.Remote.Fields))
	switch {
	case same, shown, s.shadowed && rec.Rev == s.shadow.Rev:
		s.shadow, s.shadowed = rec, true
		_, err := e.commit(tx, s, model.MoveResync)
		return ignored, err
	case older && mode.reason.Forgot():
		return e.sendAgain(tx, s, rec)
	}
	return e.reviewMoved(tx, s, rec)
}

// sendAgain keeps our newer text against a server that went back to an older
// one, or lost the note (rec.Rev 0).
func (e *Engine) sendAgain(tx store.Tx, s standing, rec model.Record) (outcome, error) {
	s.shadow, s.shadowed = rec, rec.Rev > 0
	if rec.Rev == 0 {
		s.note.Rev = 0
	}
	if _, err := e.commit(tx, s, model.MoveResync); err != nil {
		return ignored, err
	}
	return taken, e.log(tx, s.note.ID, model.EventSentAgain, rec.Rev, "", "the server had forgotten it")
}
