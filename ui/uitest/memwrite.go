package uitest

import (
	"context"
	"fmt"
	"slices"

	"stet/model"
)

// PutReviewDraft keeps the merge screen's unfinished choices.
func (n *Notes) PutReviewDraft(_ context.Context, id string, draft []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	r, ok := n.reviews[id]
	if !ok {
		return fmt.Errorf("note %s: %w", id, model.ErrNotInReview)
	}
	r.Draft = slices.Clone(draft)
	n.reviews[id] = r
	return n.Fail
}

// PutDraft journals an open note.
func (n *Notes) PutDraft(_ context.Context, d model.Draft) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.Fail == nil {
		n.drafts[d.Key] = d
	}
	return n.Fail
}

// DropDraft forgets a journal entry.
func (n *Notes) DropDraft(_ context.Context, key string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.drafts, key)
	return n.Fail
}

// Create makes a note.
func (n *Notes) Create(_ context.Context, f model.Fields) (model.Note, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.Fail != nil {
		return model.Note{}, n.Fail
	}
	f.Tags = model.NormalTags(f.Tags)
	note := model.Note{ID: n.id(), Fields: f, UpdatedAt: n.now(), Device: "thinkpad"}
	return n.write(note, model.CauseCreate, model.EventCreated, model.Pending), nil
}

// Save writes text that was edited from base. If the same field moved meanwhile,
// the note goes into review with the moved text as the other side.
func (n *Notes) Save(_ context.Context, id string, base, text model.Fields) (model.Note, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	note, err := n.get(id)
	if err != nil || n.Fail != nil {
		return note, first(n.Fail, err)
	}
	ours, theirs := model.Diff(base, text), model.Diff(base, note.Fields)
	clash := ours.Body != nil && theirs.Body != nil && *ours.Body != *theirs.Body ||
		ours.Title != nil && theirs.Title != nil && *ours.Title != *theirs.Title
	if clash {
		n.reviews[id] = model.Review{NoteID: id, Base: &base, DetectedAt: n.now(),
			Remote: model.Record{ID: id, Rev: note.Rev, Fields: note.Fields, Device: note.Device, SavedAt: note.UpdatedAt}}
		note.Fields, note.UpdatedAt = text, n.now()
		return n.write(note, model.CauseEdit, model.EventConflict, model.NeedsReview), nil
	}
	next := ours.Apply(note.Fields)
	if model.SameText(next, note.Fields) {
		return note, nil
	}
	note.Fields, note.UpdatedAt, note.Device = next, n.now(), "thinkpad"
	return n.write(note, model.CauseEdit, model.EventEdited, model.Pending), nil
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// edit applies one change to a note.
func (n *Notes) edit(id string, cause model.Cause, name model.EventName, change func(*model.Fields)) (model.Note, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	note, err := n.get(id)
	if err != nil || n.Fail != nil {
		return note, first(n.Fail, err)
	}
	change(&note.Fields)
	status := model.Pending
	if note.Status == model.NeedsReview {
		status = model.NeedsReview
	}
	return n.write(note, cause, name, status), nil
}

// Change applies a patch.
func (n *Notes) Change(_ context.Context, id string, p model.Patch) (model.Note, error) {
	return n.edit(id, model.CauseEdit, model.EventEdited, func(f *model.Fields) { *f = p.Apply(*f) })
}

// Append adds a log entry.
func (n *Notes) Append(_ context.Context, id, text string) (model.Note, error) {
	return n.edit(id, model.CauseAppend, model.EventAppended, func(f *model.Fields) {
		f.Log = append(f.Log, model.LogEntry{ID: fmt.Sprint(len(f.Log)), Text: text, At: n.now()})
	})
}

// Delete moves a note to the trash.
func (n *Notes) Delete(_ context.Context, id string) (model.Note, error) {
	return n.edit(id, model.CauseDelete, model.EventDeleted, func(f *model.Fields) { f.Deleted = true })
}

// Restore takes a note from the trash.
func (n *Notes) Restore(_ context.Context, id string) (model.Note, error) {
	return n.edit(id, model.CauseRestore, model.EventRestored, func(f *model.Fields) { f.Deleted = false })
}

// RestoreVersion makes an old text the newest one.
func (n *Notes) RestoreVersion(_ context.Context, id string, version int64) (model.Note, error) {
	n.mu.Lock()
	i := slices.IndexFunc(n.versions[id], func(v model.Version) bool { return v.Version == version })
	if i < 0 {
		n.mu.Unlock()
		return model.Note{}, fmt.Errorf("version %d: %w", version, model.ErrNotFound)
	}
	old := n.versions[id][i].Fields
	n.mu.Unlock()
	return n.edit(id, model.CauseRestore, model.EventRestored, func(f *model.Fields) { *f = old.Clone() })
}

// Purge erases a note.
func (n *Notes) Purge(_ context.Context, id string) error {
	_, err := n.edit(id, model.CauseDelete, model.EventPurged, func(f *model.Fields) { *f = model.Fields{Deleted: true} })
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	note := *n.notes[id]
	note.Purged = true
	n.put(note)
	delete(n.versions, id)
	return nil
}

// Resolve ends a review.
func (n *Notes) Resolve(_ context.Context, id string, seen int64, f model.Fields) (model.Note, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r, ok := n.reviews[id]
	switch {
	case n.Fail != nil:
		return model.Note{}, n.Fail
	case !ok:
		return model.Note{}, fmt.Errorf("note %s: %w", id, model.ErrNotInReview)
	case r.Remote.Rev != seen:
		return model.Note{}, fmt.Errorf("note %s: %w", id, model.ErrReviewMoved)
	}
	note := *n.notes[id]
	note.Fields, note.UpdatedAt = f.Clone(), n.now()
	delete(n.reviews, id)
	return n.write(note, model.CauseResolve, model.EventResolved, model.Pending), nil
}

// Discard goes back to the server's text, here: the oldest one.
func (n *Notes) Discard(_ context.Context, id string) (model.Note, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	note, err := n.get(id)
	if err != nil || n.Fail != nil {
		return note, first(n.Fail, err)
	}
	if vs := n.versions[id]; len(vs) > 0 {
		note.Fields = vs[0].Fields.Clone()
	}
	return n.write(note, model.CauseDiscard, model.EventDiscarded, model.Synced), nil
}
