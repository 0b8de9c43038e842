package syncengine

import (
	"fmt"
	"strings"
	"time"

	"stet/model"
	"stet/syncengine/merge"
	"stet/syncengine/store"
)

// outcome is what a server's version did to a note.
type outcome int

const (
	ignored  outcome = iota
	taken            // the note is now the server's version
	merged           // both sides were combined
	inReview         // the user must choose
	held             // kept aside
)

// keepOther keeps a text that was never this note's row, so that history has
// both parents of a merge and both sides of a conflict.
func keepOther(tx store.Tx, rec model.Record) error {
	if rec.Fields.Deleted {
		return nil
	}
	err := tx.KeepVersion(model.Version{NoteID: rec.ID, Rev: rec.Rev, At: rec.SavedAt, Device: rec.Device,
		Cause: model.CauseOther, Fields: rec.Fields})
	if err != nil {
		return fmt.Errorf("keep the other side: %w", err)
	}
	return nil
}

// reconcile brings a note with changes of its own together with what the
// server now holds. base is the last text both had. The shadow becomes remote,
// because that is what the server is known to hold; the row becomes the merge,
// or stays the user's own text in a review.
func (h hand) reconcile(tx store.Tx, s standing, base *model.Fields, remote model.Record) (outcome, error) {
	result := merge.Notes(base, s.note.Fields, remote.Fields)
	s.shadow, s.shadowed = remote, true
	if !result.Clean() {
		return h.review(tx, s, base, remote, result)
	}
	return h.take(tx, s, result, remote)
}

// take writes a clean merge.
func (h hand) take(tx store.Tx, s standing, result merge.Result, remote model.Record) (outcome, error) {
	local := s.note.Fields
	s.inReview = false
	s.note.UpdatedAtServer = remote.ServerAt
	if remote.RemoteID != "" {
		s.note.RemoteID = remote.RemoteID
	}
	switch {
	case model.Equal(result.Merged, remote.Fields):
		return h.takeRemote(tx, s, remote)
	case model.Equal(result.Merged, local):
		// The other side's change is already in ours; only where we stand moved.
		_, err := h.commit(tx, s, mergeMove(s))
		return taken, err
	}
	if err := keepOther(tx, remote); err != nil {
		return ignored, err
	}
	result.Merged.CreatedAt = s.note.CreatedAt
	s.note.Fields, s.note.Cause, s.note.Device = result.Merged, model.CauseMerge, h.device
	if remote.SavedAt.After(s.note.UpdatedAt) {
		s.note.UpdatedAt = remote.SavedAt
	}
	if _, err := h.commit(tx, s, mergeMove(s)); err != nil {
		return ignored, err
	}
	detail := "both sides changed"
	if len(result.MergedFields) > 0 {
		detail += ", combined " + strings.Join(result.MergedFields, ", ")
	}
	return merged, h.log(tx, s.note.ID, model.EventMerged, remote.Rev, remote.OpID, detail+from(remote))
}

// takeRemote makes the row the server's version. The text it replaces is kept
// by the store; a note deleted elsewhere keeps its text in the trash.
func (h hand) takeRemote(tx store.Tx, s standing, remote model.Record) (outcome, error) {
	created := s.note.CreatedAt
	name := model.EventPulled
	if remote.Fields.Deleted {
		name = model.EventTrashed
		s.note.Deleted = true
		s.note.Cause = model.CauseDelete
	} else {
		// A server that forgot may lack entries that it once took: they go again.
		log := union(remote.Fields.Log, s.note.Log)
		s.note.Fields = remote.Fields
		s.note.Log = log
		s.note.Cause = model.CausePull
	}
	if !created.IsZero() {
		s.note.CreatedAt = created
	}
	s.note.ID, s.note.Device, s.note.UpdatedAtServer = remote.ID, remote.Device, remote.ServerAt
	if !remote.SavedAt.IsZero() {
		s.note.UpdatedAt = earlier(remote.SavedAt, h.time())
	}
	s.shadow, s.shadowed = remote, true
	move := model.MoveMerge
	switch {
	case s.exists && s.note.Status == model.Synced && !s.note.Deleted && len(s.note.Log) > len(remote.Fields.Log):
		move = model.MoveResync
	case !s.exists || s.note.Status == model.Synced:
		move = model.MovePull
	}
	if _, err := h.commit(tx, s, move); err != nil {
		return ignored, err
	}
	return taken, h.log(tx, remote.ID, name, remote.Rev, remote.OpID, strings.TrimPrefix(from(remote), ", "))
}

// review parks the note for the user: the row stays as it is.
func (h hand) review(tx store.Tx, s standing, base *model.Fields, remote model.Record, result merge.Result) (outcome, error) {
	if err := keepOther(tx, remote); err != nil {
		return ignored, err
	}
	again := s.inReview
	r := model.Review{NoteID: s.note.ID, Base: base, Remote: remote, DetectedAt: h.time()}
	if again {
		r.DetectedAt, r.Draft = s.review.DetectedAt, s.review.Draft
	}
	if err := tx.PutReview(r); err != nil {
		return ignored, fmt.Errorf("write review: %w", err)
	}
	s.review, s.inReview = r, true
	s.note.UpdatedAtServer = remote.ServerAt
	if _, err := h.commit(tx, s, model.MoveConflict); err != nil {
		return ignored, err
	}
	return inReview, h.log(tx, s.note.ID, model.EventConflict, remote.Rev, remote.OpID,
		"changed in two places: "+strings.Join(conflictFields(result), ", ")+from(remote))
}

// reviewMoved takes a newer other side into an open review. What became clean
// is resolved, unless the user has begun to choose.
func (h hand) reviewMoved(tx store.Tx, s standing, remote model.Record) (outcome, error) {
	other := remote
	if s.ownReview() {
		both := merge.Notes(s.common(), s.review.Remote.Fields, remote.Fields)
		if !both.Clean() {
			return h.holdBack(tx, s, remote)
		}
		other.Fields = both.Merged
		if err := keepOther(tx, remote); err != nil {
			return ignored, err
		}
	}
	s.shadow, s.shadowed = remote, true
	result := merge.Notes(s.review.Base, s.note.Fields, other.Fields)
	if result.Clean() && len(s.review.Draft) == 0 {
		if err := tx.DropReview(s.note.ID); err != nil {
			return ignored, fmt.Errorf("end review: %w", err)
		}
		return h.take(tx, s, result, remote)
	}
	return h.review(tx, s, s.review.Base, other, result)
}

// holdBack keeps a server's version aside while the user chooses between two
// texts of this device that it overlaps with: a review has two sides, and
// neither may vanish from it. The shadow stays at the older revision, so that
// the choice meets the newer one as any change does.
func (h hand) holdBack(tx store.Tx, s standing, remote model.Record) (outcome, error) {
	if err := keepOther(tx, remote); err != nil {
		return ignored, err
	}
	if err := tx.Hold(store.Held{Record: remote, Reason: store.HeldForOp}); err != nil {
		return ignored, fmt.Errorf("hold change: %w", err)
	}
	if s.shadowed && !remote.Fields.Deleted && !s.shadow.Fields.Deleted {
		s.shadow.Fields.Log = remote.Fields.Log // entries go out and come in even now
	}
	_, err := h.commit(tx, s, model.MoveConflict)
	return held, err
}

func conflictFields(r merge.Result) []string {
	var out []string
	for _, c := range r.Conflicts {
		if len(out) == 0 || out[len(out)-1] != c.Field {
			out = append(out, c.Field)
		}
	}
	return out
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func from(rec model.Record) string {
	if rec.Device == "" {
		return ""
	}
	return ", from " + rec.Device
}
