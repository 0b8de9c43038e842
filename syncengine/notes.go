package syncengine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"stet/model"
	"stet/syncengine/merge"
	"stet/syncengine/store"
)

// Notes are the user's actions on a device's notes. Each is one durable
// transaction of note, history, outbox and timeline; none needs a network.
type Notes struct {
	hand
	store store.Store
}

// NotesOptions are the sources of what is not a function of the store.
type NotesOptions struct {
	Now    func() time.Time
	NewID  func() string // UUIDv7
	Device string        // label of this device
}

// NewNotes returns the actions on a store.
func NewNotes(s store.Store, o NotesOptions) *Notes {
	return &Notes{hand{o.Now, o.NewID, o.Device}, s}
}

// Limits of a note, those of the protocol.
const (
	MaxTitle = 1024
	MaxBody  = 4 << 20
	MaxTags  = 100
	MaxTag   = 64
	MaxColor = 64
)

// Valid reports why fields cannot be saved, wrapping [model.ErrInvalid]; nil
// if they can.
func Valid(f model.Fields) error {
	switch {
	case !utf8.ValidString(f.Title), !utf8.ValidString(f.Body), !utf8.ValidString(f.Notebook):
		return fmt.Errorf("%w: the text is not valid UTF-8", model.ErrInvalid)
	case len(f.Title) > MaxTitle:
		return fmt.Errorf("%w: the title is longer than %d bytes", model.ErrInvalid, MaxTitle)
	case len(f.Body) > MaxBody:
		return fmt.Errorf("%w: the body is larger than %d MiB", model.ErrInvalid, MaxBody>>20)
	case len(f.Notebook) > MaxTitle:
		return fmt.Errorf("%w: the notebook path is longer than %d bytes", model.ErrInvalid, MaxTitle)
	case len(f.Color) > MaxColor || !utf8.ValidString(f.Color):
		return fmt.Errorf("%w: the color is longer than %d bytes or not UTF-8", model.ErrInvalid, MaxColor)
	case len(f.Tags) > MaxTags:
		return fmt.Errorf("%w: more than %d tags", model.ErrInvalid, MaxTags)
	}
	for _, t := range f.Tags {
		if len(t) > MaxTag || !utf8.ValidString(t) {
			return fmt.Errorf("%w: tag %.20q is longer than %d bytes or not UTF-8", model.ErrInvalid, t, MaxTag)
		}
	}
	return nil
}

// validChange reports why a change cannot be saved. What is as the note or one
// of the known texts has it is not asked about: a note from elsewhere that is
// larger than ours may be can still be deleted, appended to, moved, and chosen.
func validChange(to model.Fields, known ...model.Fields) error {
	for _, from := range known {
		if to.Title == from.Title {
			to.Title = ""
		}
		if to.Body == from.Body {
			to.Body = ""
		}
		if to.Notebook == from.Notebook {
			to.Notebook = ""
		}
		if to.Color == from.Color {
			to.Color = ""
		}
		if slices.Equal(to.Tags, from.Tags) {
			to.Tags = nil
		}
	}
	return Valid(to)
}

// Create makes a note.
func (n *Notes) Create(ctx context.Context, f model.Fields) (model.Note, error) {
	f.Tags, f.Notebook = model.NormalTags(f.Tags), model.NormalNotebook(f.Notebook)
	if f.CreatedAt.IsZero() {
		f.CreatedAt = n.time()
	}
	note := model.Note{ID: n.newID(), Fields: f, UpdatedAt: n.time(), Device: n.device, Cause: model.CauseCreate}
	if err := Valid(f); err != nil {
		return note, err
	}
	err := n.store.Write(ctx, func(tx store.Tx) (err error) {
		note, err = n.commit(tx, standing{note: note}, model.MoveSave)
		if err != nil {
			return err
		}
		return n.log(tx, note.ID, model.EventCreated, 0, "", "")
	})
	if err != nil {
		return note, fmt.Errorf("save note: %w", err)
	}
	return note, nil
}

// act runs one change of an existing note: change edits s.note; it may return
// errNothing to leave all as it is.
func (n *Notes) act(ctx context.Context, id string, move model.Move, name model.EventName,
	change func(tx store.Tx, s *standing) (detail string, err error)) (model.Note, error) {
	var note model.Note
	err := n.store.Write(ctx, func(tx store.Tx) error {
		s, err := load(tx, id)
		if err != nil {
			return err
		}
		if note = s.note; !s.exists || s.note.Purged {
			return fmt.Errorf("note %s: %w", id, model.ErrNotFound)
		}
		detail, err := change(tx, &s)
		if err != nil {
			return err
		}
		if note, err = n.commit(tx, s, move); err != nil {
			return err
		}
		return n.log(tx, id, name, 0, "", detail)
	})
	if errors.Is(err, errNothing) {
		return note, nil
	}
	if err != nil {
		return note, fmt.Errorf("save note: %w", err)
	}
	return note, nil
}

// errNothing ends an action that changes nothing.
var errNothing = errors.New("nothing to do")

// same reports whether two states differ in nothing that the user could miss:
// two tombstones agree for the server, but the trash shows their texts.
func same(a, b model.Fields) bool { return model.Equal(a, b) && model.SameText(a, b) }

// write makes f the note's text, saved now on this device. known are texts that
// f may be taken from though they break the limits.
func (n *Notes) write(s *standing, f model.Fields, cause model.Cause, known ...model.Fields) error {
	f.Tags, f.Notebook = model.NormalTags(f.Tags), model.NormalNotebook(f.Notebook)
	f.CreatedAt = s.note.CreatedAt
	if err := validChange(f, append(known, s.note.Fields)...); err != nil {
		return err
	}
	s.note.Fields, s.note.UpdatedAt, s.note.Device, s.note.Cause = f, n.time(), n.device, cause
	return nil
}

// Save writes text that was edited from base. If the note moved meanwhile the
// two are merged three-way; what cannot be merged puts the note in review,
// with the text as the note and the other as its other side.
func (n *Notes) Save(ctx context.Context, id string, base, text model.Fields) (model.Note, error) {
	text.Tags, text.Notebook = model.NormalTags(text.Tags), model.NormalNotebook(text.Notebook)
	return n.act(ctx, id, model.MoveSave, model.EventEdited, func(tx store.Tx, s *standing) (string, error) {
		if same(text, s.note.Fields) || same(text, base) {
			return "", errNothing
		}
		if same(base, s.note.Fields) {
			return "", n.write(s, text, model.CauseEdit)
		}
		if s.inReview {
			return "", n.saveInReview(tx, s, base, text)
		}
		return n.saveOver(tx, s, base, text)
	})
}

// saveInReview saves text where the row of a note in review is no longer what
// the editor opened. There is room for one conflict only, so where the two
// overlap the newer text stands and the older is in history.
func (n *Notes) saveInReview(tx store.Tx, s *standing, base, text model.Fields) error {
	if err := n.keepTyped(tx, s.note.ID, text); err != nil {
		return err
	}
	result := merge.Notes(&base, text, s.note.Fields)
	if result.Clean() {
		return n.write(s, result.Merged, model.CauseMerge)
	}
	text.Log = union(s.note.Log, text.Log)
	return n.write(s, text, model.CauseEdit)
}

// keepTyped keeps a text as it was typed, since only its merge becomes the row.
func (n *Notes) keepTyped(tx store.Tx, id string, text model.Fields) error {
	err := tx.KeepVersion(model.Version{NoteID: id, At: n.time(), Device: n.device, Cause: model.CauseOther, Fields: text})
	if err != nil {
		return fmt.Errorf("keep parent: %w", err)
	}
	return nil
}

// saveOver saves text where the note is no longer what the editor opened.
func (n *Notes) saveOver(tx store.Tx, s *standing, base, text model.Fields) (string, error) {
	current := s.note
	result := merge.Notes(&base, text, current.Fields)
	if result.Clean() {
		if err := n.keepTyped(tx, current.ID, text); err != nil {
			return "", err
		}
		return "merged with a change made while it was open", n.write(s, result.Merged, model.CauseMerge)
	}
	other := model.Record{ID: current.ID, Rev: 0, Fields: current.Fields, Device: current.Device, SavedAt: current.UpdatedAt}
	if current.Status == model.Synced {
		other.Rev, other.ServerAt = current.Rev, current.UpdatedAtServer
	}
	s.review = model.Review{NoteID: current.ID, Base: &base, Remote: other, DetectedAt: n.time()}
	s.inReview = true
	if err := tx.PutReview(s.review); err != nil {
		return "", fmt.Errorf("write review: %w", err)
	}
	return "the note changed while it was open", n.write(s, text, model.CauseEdit)
}

// Change applies a patch to a note as it stands.
func (n *Notes) Change(ctx context.Context, id string, p model.Patch) (model.Note, error) {
	return n.act(ctx, id, model.MoveSave, model.EventEdited, func(_ store.Tx, s *standing) (string, error) {
		f := p.Apply(s.note.Fields)
		f.Tags = model.NormalTags(f.Tags)
		if same(f, s.note.Fields) {
			return "", errNothing
		}
		return "", n.write(s, f, model.CauseEdit)
	})
}

// Append adds an entry to the note's log.
func (n *Notes) Append(ctx context.Context, id, text string) (model.Note, error) {
	if !utf8.ValidString(text) || len(text) > MaxBody {
		return model.Note{}, fmt.Errorf("append: %w: the text is not valid UTF-8 or too large", model.ErrInvalid)
	}
	return n.act(ctx, id, model.MoveSave, model.EventAppended, func(_ store.Tx, s *standing) (string, error) {
		if s.note.Deleted {
			return "", fmt.Errorf("%w: the note is in the trash; restore it first", model.ErrRefused)
		}
		f := s.note.Fields.Clone()
		f.Log = append(f.Log, model.LogEntry{ID: n.newID(), Text: text, Device: n.device, At: n.time()})
		return "", n.write(s, f, model.CauseAppend)
	})
}

// Delete moves a note to the trash. A note in the trash stays there.
func (n *Notes) Delete(ctx context.Context, id string) (model.Note, error) {
	return n.act(ctx, id, model.MoveSave, model.EventDeleted, func(_ store.Tx, s *standing) (string, error) {
		if s.note.Deleted {
			return "", errNothing
		}
		f := s.note.Fields.Clone()
		f.Deleted = true
		return "", n.write(s, f, model.CauseDelete)
	})
}

// Restore takes a note out of the trash. A note outside stays where it is.
func (n *Notes) Restore(ctx context.Context, id string) (model.Note, error) {
	return n.act(ctx, id, model.MoveSave, model.EventRestored, func(_ store.Tx, s *standing) (string, error) {
		if !s.note.Deleted {
			return "", errNothing
		}
		f := s.note.Fields.Clone()
		f.Deleted = false
		return "", n.write(s, f, model.CauseRestore)
	})
}

// RestoreText makes an old text the note's newest one; log entries stay.
func (n *Notes) RestoreText(ctx context.Context, id string, old model.Fields) (model.Note, error) {
	return n.act(ctx, id, model.MoveSave, model.EventRestored, func(_ store.Tx, s *standing) (string, error) {
		f := s.note.Fields.Clone()
		f.Title, f.Body, f.Notebook, f.Tags, f.Deleted = old.Title, old.Body, old.Notebook, slices.Clone(old.Tags), false
		if model.Equal(f, s.note.Fields) {
			return "", errNothing
		}
		return "", n.write(s, f, model.CauseRestore, old)
	})
}

// Purge erases a note in the trash with its history, here and, once synced, on
// the server. Refused for a note that is not in the trash.
func (n *Notes) Purge(ctx context.Context, id string) error {
	err := n.store.Write(ctx, func(tx store.Tx) error {
		s, err := load(tx, id)
		if err != nil {
			return err
		}
		if !s.exists || s.note.Purged {
			return fmt.Errorf("note %s: %w", id, model.ErrNotFound)
		}
		if !s.note.Deleted {
			return fmt.Errorf("%w: only a note in the trash can be purged", model.ErrRefused)
		}
		return n.purge(tx, s)
	})
	if err != nil {
		return fmt.Errorf("purge note: %w", err)
	}
	return nil
}

func (n *Notes) purge(tx store.Tx, s standing) error {
	if err := tx.DropNote(s.note.ID, true); err != nil {
		return fmt.Errorf("erase note: %w", err)
	}
	if s.base() == nil && len(s.keepSent()) == 0 {
		if err := tx.SetOps(s.note.ID, nil); err != nil {
			return fmt.Errorf("write ops: %w", err)
		}
		return n.log(tx, s.note.ID, model.EventPurged, 0, "", "")
	}
	// The row stays, empty and hidden, until the server was told.
	s.note = model.Note{ID: s.note.ID, Fields: model.Fields{Deleted: true}, Rev: s.note.Rev, RemoteID: s.note.RemoteID,
		UpdatedAt: n.time(), Device: n.device, Cause: model.CauseDelete, Purged: true}
	s.shadow.Fields = model.Fields{Deleted: s.shadow.Fields.Deleted}
	s.exists, s.inReview = false, false
	if _, err := n.commit(tx, s, model.MoveSave); err != nil {
		return err
	}
	return n.log(tx, s.note.ID, model.EventPurged, 0, "", "")
}

// Resolve ends a review with the fields chosen. seen is the other side's rev
// that the choice was made against; [model.ErrReviewMoved] if it moved since.
func (n *Notes) Resolve(ctx context.Context, id string, seen int64, f model.Fields) (model.Note, error) {
	return n.act(ctx, id, model.MoveResolve, model.EventResolved, func(tx store.Tx, s *standing) (string, error) {
		if !s.inReview {
			return "", fmt.Errorf("note %s: %w", id, model.ErrNotInReview)
		}
		if s.review.Remote.Rev != seen {
			return "", fmt.Errorf("note %s: %w", id, model.ErrReviewMoved)
		}
		if err := keepOther(tx, s.review.Remote); err != nil {
			return "", err
		}
		if err := tx.DropReview(id); err != nil {
			return "", fmt.Errorf("end review: %w", err)
		}
		s.inReview = false
		f.Log = union(s.shadow.Fields.Log, s.review.Remote.Fields.Log, s.note.Log, f.Log)
		if f.Deleted { // the trash keeps the text that is there
			deleted := s.note.Fields.Clone()
			deleted.Deleted = true
			f = deleted
		}
		return "", n.write(s, f, model.CauseResolve, s.review.Remote.Fields)
	})
}

// union joins logs in order, each entry once.
func union(logs ...[]model.LogEntry) []model.LogEntry {
	var f model.Fields
	for _, l := range logs {
		f = model.Patch{LogAppend: l}.Apply(f)
	}
	return f.Log
}

// Discard takes a note back to the server's text; its own stays in history.
func (n *Notes) Discard(ctx context.Context, id string) (model.Note, error) {
	return n.act(ctx, id, model.MoveDiscard, model.EventDiscarded, func(tx store.Tx, s *standing) (string, error) {
		if s.note.Status == model.Synced {
			return "", errNothing
		}
		if s.inReview {
			return "", fmt.Errorf("%w: the note is in review; choose there", model.ErrRefused)
		}
		if _, sent := s.sent(); sent {
			return "", fmt.Errorf("%w: a change is being sent; sync first", model.ErrRefused)
		}
		if !s.shadowed || s.shadow.Rev == 0 {
			return "", fmt.Errorf("%w: the server has no text of this note", model.ErrRefused)
		}
		if err := keepLog(tx, s); err != nil {
			return "", err
		}
		f := s.shadow.Fields
		if f.Deleted {
			f = s.note.Fields.Clone()
			f.Deleted = true
		}
		return "", n.write(s, f, model.CauseDiscard, s.shadow.Fields)
	})
}

// keepLog keeps the row in history if it has log entries that the server lacks:
// a store keeps by itself only what differs in text.
func keepLog(tx store.Tx, s *standing) error {
	if len(union(s.shadow.Fields.Log, s.note.Log)) == len(s.shadow.Fields.Log) {
		return nil
	}
	n := s.note
	f := n.Fields
	f.Deleted = false // a deletion differs from any text in nothing else, and would not be kept
	err := tx.KeepVersion(model.Version{NoteID: n.ID, At: n.UpdatedAt, Device: n.Device, Cause: n.Cause, Fields: f})
	if err != nil {
		return fmt.Errorf("keep log: %w", err)
	}
	return nil
}

// SendAgain queues a refused change anew, under a new id. One whose fate is
// unknown keeps its id and goes out at once.
func (n *Notes) SendAgain(ctx context.Context, id string) (model.Note, error) {
	return n.act(ctx, id, model.MoveSave, model.EventSentAgain, func(tx store.Tx, s *standing) (string, error) {
		if s.note.Status != model.Failed {
			return "", errNothing
		}
		for i, op := range s.ops {
			if op.State != model.Sent {
				continue
			}
			if err := tx.Postpone(op.ID, "", time.Time{}, false); err != nil {
				return "", fmt.Errorf("send op again: %w", err)
			}
			s.ops[i].Problem, s.ops[i].NextTry = "", time.Time{}
		}
		return "", nil
	})
}

// Replan makes the outbox fit the rows of all notes that are not in step: what
// a change of server leaves to do. A round does it when it finds it undone.
func (n *Notes) Replan(ctx context.Context) error { return n.replan(ctx, n.store) }

func isNotFound(err error) bool { return errors.Is(err, model.ErrNotFound) }
