package ui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"stet/ui/screen"
)

// How long a sentence stays.
const (
	toastTime = 5 * time.Second
	warnTime  = 9 * time.Second
)

// toast is the sentence in the footer, "" for none.
type toast struct {
	text string
	warn bool
	undo tea.Cmd
	id   int
}

type toastOver struct{ id int }

// show puts a sentence in the footer for a while.
func (a *App) show(t screen.Toast) tea.Cmd {
	a.toast = toast{text: t.Text, warn: t.Warn, undo: t.Undo, id: a.toast.id + 1}
	over := toastOver{a.toast.id}
	d := toastTime
	if t.Warn {
		d = warnTime
	}
	return a.cfg.Tick(d, func(time.Time) tea.Msg { return over })
}

func (a *App) toastOver(msg toastOver) {
	if msg.id == a.toast.id {
		a.toast = toast{id: msg.id}
	}
}

// undo takes back what the sentence in the footer told of.
func (a *App) undo() (tea.Cmd, bool) {
	cmd := a.toast.undo
	if cmd == nil {
		return nil, false
	}
	a.toast = toast{id: a.toast.id}
	return cmd, true
}
