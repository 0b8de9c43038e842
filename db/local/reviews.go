package local

import (
	"context"
	"encoding/json"
	"fmt"

	"stet/model"
)

// Review implements [store.Reader].
func (r *reader) Review(id string) (model.Review, bool, error) {
	rev := model.Review{NoteID: id}
	var detected int64
	var base, remote []byte
	found, err := r.one("SELECT detected_at, draft, base, remote FROM reviews WHERE note = ?", []any{id},
		[]any{&detected, &rev.Draft, &base, &remote})
	if err != nil || !found {
		return model.Review{}, false, err
	}
	rev.DetectedAt = at(detected)
	if err := unpackJSON(remote, &rev.Remote); err != nil {
		return model.Review{}, false, r.s.fault("read review", err)
	}
	if base != nil {
		rev.Base = new(model.Fields)
	}
	err = unpackJSON(base, &rev.Base)
	return rev, err == nil, r.s.fault("read review", err)
}

// PutReview implements [store.Tx].
func (t *tx) PutReview(r model.Review) error {
	var base []byte
	if r.Base != nil {
		var err error
		if base, err = json.Marshal(*r.Base); err != nil {
			return t.fail(fmt.Errorf("pack review: %w", err))
		}
	}
	remote, err := json.Marshal(r.Remote)
	if err != nil {
		return t.fail(fmt.Errorf("pack review: %w", err))
	}
	_, err = t.exec("INSERT OR REPLACE INTO reviews (note, detected_at, draft, base, remote) VALUES (?,?,?,?,?)", r.NoteID,
		millis(r.DetectedAt), r.Draft, base, remote)
	return err
}

// DropReview implements [store.Tx].
func (t *tx) DropReview(noteID string) error {
	_, err := t.exec("DELETE FROM reviews WHERE note = ?", noteID)
	return err
}

// Review returns a note's open review, and whether there is one.
func (s *Store) Review(ctx context.Context, id string) (rev model.Review, found bool, err error) {
	err = s.read(ctx, func(r *reader) error {
		rev, found, err = r.Review(id)
		return err
	})
	return rev, found, err
}

// PutReviewDraft keeps the merge screen's unfinished choices.
// model.ErrNotInReview if the note has no open review.
func (s *Store) PutReviewDraft(ctx context.Context, id string, draft []byte) error {
	return s.write(ctx, func(t *tx) error {
		n, err := t.exec("UPDATE reviews SET draft = ? WHERE note = ?", draft, id)
		if err == nil && n == 0 {
			return fmt.Errorf("keep draft of review: %w", model.ErrNotInReview)
		}
		return err
	})
}

// Reviews returns the notes that need review, oldest conflict first.
func (s *Store) Reviews(ctx context.Context) ([]model.Head, error) {
	return s.heads(ctx, "JOIN reviews r ON r.note = n.id WHERE n.purged = 0 ORDER BY r.detected_at, n.id")
}
