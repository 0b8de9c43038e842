package editor

import (
	"context"
	"errors"
	"fmt"

	"stet/model"
	"stet/ui/screen"
)

// attempt is one save. Attempts form a chain: each waits for the one before it
// and continues from what that one stored, so that they may be started while
// another runs and still never save against a base that the store never saw.
type attempt struct {
	prev  *attempt // still running when this one was made, or nil
	pin   bool     // keep base even if prev stored something newer
	id    string   // "" for a note not yet made
	base  model.Fields
	text  model.Fields
	stamp stamp
	leave bool

	done chan struct{} // closed when note and err are set
	note model.Note
	err  error
}

func newAttempt(prev *attempt, id string, base, text model.Fields, at stamp) *attempt {
	return &attempt{prev: prev, id: id, base: base, text: text, stamp: at, done: make(chan struct{})}
}

// run saves and fills in the outcome. It must be called once.
func (a *attempt) run(ctx context.Context, notes screen.Notes) {
	defer close(a.done)
	if a.prev != nil {
		<-a.prev.done
		a.id = a.prev.id
		if !a.pin {
			a.base = a.prev.base
			if a.prev.err == nil {
				a.base = a.prev.text
			}
		}
		a.prev = nil
	}
	a.note, a.err = a.save(ctx, notes)
	if a.err == nil && a.note.ID != "" {
		a.id = a.note.ID
	}
}

func (a *attempt) save(ctx context.Context, notes screen.Notes) (model.Note, error) {
	if a.id == "" {
		if blank(a.text) {
			return model.Note{Fields: a.text}, nil
		}
		return create(ctx, notes, a.text)
	}
	note, err := notes.Save(ctx, a.id, a.base, a.text)
	if errors.Is(err, model.ErrNotFound) {
		// Erased for good while it was open: what was typed becomes a note of its own.
		return create(ctx, notes, a.text)
	}
	if err != nil {
		return note, fmt.Errorf("save note: %w", err)
	}
	return note, nil
}

func create(ctx context.Context, notes screen.Notes, f model.Fields) (model.Note, error) {
	note, err := notes.Create(ctx, f)
	if err != nil {
		return note, fmt.Errorf("create note: %w", err)
	}
	return note, nil
}
