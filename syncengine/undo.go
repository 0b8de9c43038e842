package syncengine

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"stet/model"
	"stet/syncengine/store"
)

// Meta keys of the snapshot that a consent leaves: what it was, and its parts.
const (
	metaUndo     = "undo"
	metaUndoPart = "undo." // and the number of the part
)

// undoKept is how long a snapshot can be asked for.
const undoKept = 90 * 24 * time.Hour

// undoBytes bounds a part of a snapshot, but for one long note.
const undoBytes = 1 << 20

// snapshot is what lets a consented deletion or replacement of many notes be
// taken back. Its parts are written in the transactions that take the notes
// away, so that a crash leaves both or neither. It is kept until the next such
// consent, or 90 days.
type snapshot struct {
	At    int64 `json:"at"` // Unix ms
	Parts int   `json:"parts"`
	Done  int   `json:"done,omitempty"` // parts that were taken back
	Notes int   `json:"notes"`
	Open  bool  `json:"open,omitempty"` // its round has not come to its end
}

// lost is one note of a snapshot. The text of a deleted note is in the trash.
type lost struct {
	ID     string        `json:"id"`
	Rev    int64         `json:"rev"` // of the version that took its place
	Action string        `json:"action"`
	Fields *model.Fields `json:"fields,omitempty"`
}

func readSnapshot(tx store.Reader) (snapshot, error) {
	var s snapshot
	text, err := tx.Meta(metaUndo)
	if err != nil {
		return s, fmt.Errorf("read snapshot: %w", err)
	}
	if text == "" {
		return s, nil
	}
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return s, fmt.Errorf("read snapshot: %w: %w", model.ErrCorrupt, err)
	}
	return s, nil
}

func (s snapshot) write(tx store.Tx) error {
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return tx.SetMeta(metaUndo, string(text))
}

func partKey(n int) string { return fmt.Sprintf("%s%d", metaUndoPart, n) }

// beginSnapshot goes on with an open snapshot, or begins one in place of the
// old one.
func (e *Engine) beginSnapshot(ctx context.Context, old snapshot) (*snapshot, error) {
	if old.Open {
		return &old, nil
	}
	begun := &snapshot{At: e.now().UnixMilli(), Open: true}
	err := e.store.Write(ctx, func(tx store.Tx) error {
		if err := old.drop(tx); err != nil {
			return err
		}
		return begun.write(tx)
	})
	if err != nil {
		return nil, fmt.Errorf("begin snapshot: %w", err)
	}
	return begun, nil
}

func (s snapshot) drop(tx store.Tx) error {
	for i := s.Done; i < s.Parts; i++ {
		if err := tx.SetMeta(partKey(i), ""); err != nil {
			return err
		}
	}
	return tx.SetMeta(metaUndo, "")
}

func (e *Engine) endSnapshot(ctx context.Context, s *snapshot) error {
	err := e.store.Write(ctx, func(tx store.Tx) error {
		s.Open = false
		if s.Notes == 0 {
			return s.drop(tx)
		}
		return s.write(tx)
	})
	if err != nil {
		return fmt.Errorf("end snapshot: %w", err)
	}
	return nil
}

// keep writes down the notes that a part of what was held is about to take
// away. A nil snapshot keeps nothing.
func (s *snapshot) keep(tx store.Tx, part []store.Held) error {
	if s == nil {
		return nil
	}
	next := *s
	var notes []lost
	size := 0
	flush := func() error {
		text, err := json.Marshal(notes)
		if err != nil {
			return fmt.Errorf("write snapshot: %w", err)
		}
		if err := tx.SetMeta(partKey(next.Parts), string(text)); err != nil {
			return fmt.Errorf("write snapshot: %w", err)
		}
		next.Parts, next.Notes, notes, size = next.Parts+1, next.Notes+len(notes), nil, 0
		return nil
	}
	for _, h := range part {
		st, err := load(tx, h.Record.ID)
		if err != nil {
			return err
		}
		if !st.exists || st.note.Deleted || st.note.Status != model.Synced {
			continue // what is not in step is merged, not replaced
		}
		l := lost{ID: h.Record.ID, Rev: h.Record.Rev, Action: heldNote(h.Record, "").Action}
		if l.Action == "replace" || h.Record.Purged {
			f := st.note.Fields.Clone()
			l.Fields, size = &f, size+len(f.Body)
		}
		if notes = append(notes, l); size > undoBytes {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if len(notes) > 0 {
		if err := flush(); err != nil {
			return err
		}
	}
	*s = next
	return s.write(tx)
}

// Undone tells what taking back a consent did.
type Undone struct {
	At      time.Time  // when the notes were deleted or replaced; zero if there was nothing to undo
	Back    int        // notes that are as they were
	Already int        // notes that were so already
	Changed []HeldNote // notes that were changed since, and stay; Why says how to find the old text
}

// Undoable returns how many notes [Notes.Undo] would bring back, and when they
// went; 0 if there is nothing to undo.
func (n *Notes) Undoable(ctx context.Context) (notes int, at time.Time, err error) {
	var s snapshot
	err = n.store.Read(ctx, func(tx store.Reader) (err error) {
		s, err = readSnapshot(tx)
		return err
	})
	if err != nil || s.Notes == 0 || n.expired(s) {
		return 0, time.Time{}, err
	}
	return s.Notes, time.UnixMilli(s.At).UTC(), nil
}

func (n *Notes) expired(s snapshot) bool { return n.now().Sub(time.UnixMilli(s.At)) > undoKept }

// Undo brings back the notes that the last consent to the guard deleted or
// replaced, as new changes that go to every device. What the user or another
// device wrote since stays. It needs no network; cut short by a crash, it goes
// on where it was.
func (n *Notes) Undo(ctx context.Context) (Undone, error) {
	var u Undone
	for {
		more := false
		err := n.store.Write(ctx, func(tx store.Tx) error {
			s, err := readSnapshot(tx)
			if err != nil || s.Notes == 0 {
				return err
			}
			if n.expired(s) || s.Done >= s.Parts {
				return s.drop(tx)
			}
			u.At, more = time.UnixMilli(s.At).UTC(), true
			return n.undoPart(tx, s, &u)
		})
		if err != nil {
			return u, fmt.Errorf("undo: %w", err)
		}
		if !more {
			return u, nil
		}
	}
}

func (n *Notes) undoPart(tx store.Tx, s snapshot, u *Undone) error {
	text, err := tx.Meta(partKey(s.Done))
	if err != nil {
		return err
	}
	var notes []lost
	if err := json.Unmarshal([]byte(text), &notes); err != nil {
		return fmt.Errorf("read snapshot: %w: %w", model.ErrCorrupt, err)
	}
	for _, l := range notes {
		if err := n.undoOne(tx, l, u); err != nil {
			return fmt.Errorf("note %s: %w", l.ID, err)
		}
	}
	if err := tx.SetMeta(partKey(s.Done), ""); err != nil {
		return err
	}
	s.Done++
	return s.write(tx)
}

func (n *Notes) undoOne(tx store.Tx, l lost, u *Undone) error {
	s, err := load(tx, l.ID)
	if err != nil {
		return err
	}
	was := s.note.Fields.Clone()
	switch {
	case s.exists && s.note.Purged, !s.exists && l.Fields == nil: // its text was in the trash, and the trash was emptied
		u.Changed = append(u.Changed, HeldNote{ID: l.ID, Action: l.Action, Why: "it was erased for good since"})
		return nil
	case l.Fields != nil:
		was = *l.Fields
	}
	was.Deleted = false
	switch {
	case s.exists && (s.note.Status != model.Synced || s.note.Rev != l.Rev) && !model.Equal(was, s.note.Fields):
		u.Changed = append(u.Changed, HeldNote{l.ID, s.note.Title, l.Action, "it was changed since; stet history has its old text"})
		return nil
	case s.exists && model.Equal(was, s.note.Fields):
		u.Already++
		return nil
	case !s.exists: // it was erased, which this overrules
		s.note = model.Note{ID: l.ID}
		s.shadow, s.shadowed = model.Record{ID: l.ID, Rev: l.Rev, Fields: model.Fields{Deleted: true}, Purged: true}, true
	}
	was.Log = union(s.note.Log, was.Log)
	s.note.Fields, s.note.UpdatedAt, s.note.Device, s.note.Cause = was, n.time(), n.device, model.CauseRestore
	if _, err := n.commit(tx, s, model.MoveSave); err != nil {
		return err
	}
	u.Back++
	return n.log(tx, l.ID, model.EventRestored, 0, "", "a sync of many deletions was undone")
}
