package uitest

import (
	"context"
	"fmt"

	"stet/ui/screen"
)

var _ screen.Consent = (*Sync)(nil)

// Waiting are the changes that wait for consent, and what came of the answers.
type Waiting struct {
	Notes []screen.HeldNote
	// Gone is how many notes an undo would bring back.
	Gone int
	// Answers are the answers that were given, in order: go on, keep, undo.
	Answers []string
	// Err is what every answer meets.
	Err error
}

// Hold makes changes wait.
func (s *Sync) Hold(notes ...screen.HeldNote) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Waiting.Notes, s.State.Held = notes, len(notes)
}

// Held returns the changes that wait.
func (s *Sync) Held(context.Context) ([]screen.HeldNote, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Waiting.Notes, nil
}

// Undoable returns Waiting.Gone.
func (s *Sync) Undoable(context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Waiting.Gone, nil
}

// answer writes an answer down; what waited is gone then.
func (s *Sync) answer(word string, gone bool, said string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Waiting.Answers = append(s.Waiting.Answers, word)
	if s.Waiting.Err != nil {
		return "", s.Waiting.Err
	}
	n := max(len(s.Waiting.Notes), s.Waiting.Gone)
	s.Waiting.Gone = 0
	if gone {
		s.Waiting.Gone = n
	}
	s.Waiting.Notes, s.State.Held, s.State.Undoable = nil, 0, s.Waiting.Gone
	return fmt.Sprintf(said, n), nil
}

// GoOn agrees.
func (s *Sync) GoOn(context.Context) (string, error) {
	return s.answer("go on", true, "%d notes deleted or replaced.")
}

// KeepMine refuses.
func (s *Sync) KeepMine(context.Context) (string, error) {
	return s.answer("keep", false, "%d notes kept.")
}

// Undo takes an agreement back.
func (s *Sync) Undo(context.Context) (string, error) {
	return s.answer("undo", false, "%d notes are back.")
}
