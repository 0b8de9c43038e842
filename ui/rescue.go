package ui

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/editor"
	"stet/ui/screen"
)

// rescued tells of new notes whose editor was killed before it saved them.
type rescued struct {
	notes []model.Note
	err   error
}

// rescue makes notes of them, off the loop.
func (a *App) rescue() tea.Cmd {
	notes, now := a.cfg.Notes, a.cfg.Now()
	return func() tea.Msg {
		kept, err := editor.Rescue(context.Background(), notes, now)
		return rescued{kept, err}
	}
}

func (a *App) rescued(msg rescued) tea.Cmd {
	if msg.err != nil {
		return a.show(screen.Toast{Text: "An unfinished note waits: " + msg.err.Error(), Warn: true})
	}
	if len(msg.notes) == 0 {
		return nil
	}
	text := "An unfinished note of an earlier session was kept: " + msg.notes[0].Title
	if len(msg.notes) > 1 {
		text = screen.Number(len(msg.notes)) + " unfinished notes of earlier sessions were kept."
	}
	return tea.Batch(a.tellAll(screen.NotesChanged{}), a.askFacts(), a.show(screen.Toast{Text: text}))
}
