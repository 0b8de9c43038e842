package main

import (
	"context"
	"errors"

	"stet/syncengine"
	"stet/ui/screen"
)

// Held returns the changes that wait for the user's consent.
func (p *syncPort) Held(ctx context.Context) ([]screen.HeldNote, error) {
	notes, err := p.device.notes.Held(ctx)
	out := make([]screen.HeldNote, len(notes))
	for i, n := range notes {
		out[i] = screen.HeldNote{ID: n.ID, Title: n.Title, Action: n.Action, Why: n.Why}
	}
	return out, err
}

// GoOn agrees to what is held.
func (p *syncPort) GoOn(ctx context.Context) (string, error) {
	if _, err := p.answer(ctx, syncengine.RoundOptions{Yes: true, Force: true}); err != nil {
		return "", err
	}
	n, err := p.Undoable(ctx)
	return screen.Count(n, "note was", "notes were") + " deleted or replaced.", err
}

// KeepMine refuses it.
func (p *syncPort) KeepMine(ctx context.Context) (string, error) {
	r, err := p.answer(ctx, syncengine.RoundOptions{Keep: true, Force: true})
	return screen.Count(r.Kept, "note was", "notes were") + " kept, on all devices.", err
}

// answer has the worker of these screens, or of whoever syncs, do a round.
func (p *syncPort) answer(ctx context.Context, o syncengine.RoundOptions) (syncengine.Report, error) {
	if p.engine == nil {
		return syncengine.Report{}, errors.New("no server is connected")
	}
	r, err := p.engine.AskRound(ctx, o)
	if err != nil && !errors.Is(err, syncengine.ErrHeld) {
		return r, errors.New(offlineProblem(err))
	}
	if err != nil {
		return r, errors.New("more came in meanwhile; look again")
	}
	return r, nil
}

// Undoable tells how many notes Undo would bring back.
func (p *syncPort) Undoable(ctx context.Context) (int, error) {
	n, _, err := p.device.notes.Undoable(ctx)
	return n, err
}

// Undo brings back what the last consent deleted or replaced.
func (p *syncPort) Undo(ctx context.Context) (string, error) {
	u, err := p.device.notes.Undo(ctx)
	if err != nil {
		return "", err
	}
	p.SyncNow()
	said := screen.Count(u.Back, "note is", "notes are") + " back."
	if n := len(u.Changed); n > 0 {
		said += " " + screen.Count(n, "note was", "notes were") + " changed since and left alone."
	}
	return said, nil
}
