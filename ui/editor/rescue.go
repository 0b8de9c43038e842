package editor

import (
	"context"
	"fmt"
	"time"

	"stet/model"
	"stet/ui/screen"
)

// orphaned is the age at which the draft of a new note belongs to no editor any
// more: a living one saves after 30 quiet seconds, and a save drops the draft.
const orphaned = 2 * time.Minute

// Rescue makes notes of the drafts of new notes whose editor was killed, and
// returns them. Drafts of existing notes are left to be offered when the note is
// opened.
func Rescue(ctx context.Context, notes screen.Notes, now time.Time) ([]model.Note, error) {
	drafts, err := notes.Drafts(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for unfinished notes: %w", err)
	}
	var out []model.Note
	for _, d := range drafts {
		if d.NoteID != "" || now.Sub(d.At) < orphaned {
			continue
		}
		if !blank(d.Text) {
			note, err := notes.Create(ctx, d.Text)
			if err != nil {
				return out, fmt.Errorf("keep unfinished note: %w", err)
			}
			out = append(out, note)
		}
		// Created first: should the drop fail, there is one note too many, not one too few.
		if err := notes.DropDraft(ctx, d.Key); err != nil {
			return out, fmt.Errorf("drop draft: %w", err)
		}
	}
	return out, nil
}
