package ui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/screen"
)

// Rang is the bell's message: what may have changed since the last one.
type Rang screen.Ring

// listenAgain re-arms the bell after a breath, so that a storm of rings costs
// at most forty looks a second.
type listenAgain struct{}

const breath = 25 * time.Millisecond

// listen returns a command that waits for the bell.
func (a *App) listen() tea.Cmd {
	bell := a.cfg.Sync.Bell()
	if bell == nil {
		return nil
	}
	return func() tea.Msg {
		ring, ok := <-bell
		if !ok {
			return nil
		}
		return Rang(ring)
	}
}

// rang takes what the bell told and has read again what may have changed.
func (a *App) rang(ring screen.Ring) tea.Cmd {
	stood := a.ring.Online == ring.Online && a.ring.Problem == ring.Problem && ring.Total == 0
	a.ring = ring
	cmds := []tea.Cmd{a.cfg.Tick(breath, func(time.Time) tea.Msg { return listenAgain{} })}
	if ring.Notes {
		cmds = append(cmds, a.tellAll(screen.NotesChanged{}))
	}
	if ring.Notes || !stood || ring.Online == screen.Idle {
		cmds = append(cmds, a.askFacts())
	}
	return tea.Batch(cmds...)
}

// facts are the header's numbers. One question is under way at a time; what
// rings meanwhile asks once more.
type facts struct {
	counts model.Counts
	loaded bool
	asked  bool
	again  bool
}

type factsLoaded struct {
	counts     model.Counts
	account    model.Account
	countsErr  error
	accountErr error
}

func (a *App) askFacts() tea.Cmd {
	if a.head.asked {
		a.head.again = true
		return nil
	}
	a.head.asked = true
	notes, sync := a.cfg.Notes, a.cfg.Sync
	return func() tea.Msg {
		var f factsLoaded
		ctx := context.Background()
		f.account, f.accountErr = sync.Account(ctx)
		f.counts, f.countsErr = notes.Counts(ctx)
		return f
	}
}

// factsLoaded keeps the last good numbers when they could not be read.
func (a *App) factsLoaded(f factsLoaded) tea.Cmd {
	a.head.asked = false
	var tell tea.Cmd
	if f.countsErr == nil {
		if f.counts != a.head.counts || !a.head.loaded {
			tell = a.tellAll(screen.CountsLoaded{Counts: f.counts})
		}
		a.head.counts, a.head.loaded = f.counts, true
	}
	if f.accountErr == nil {
		a.account = f.account
	}
	if a.head.again {
		a.head.again = false
		return tea.Batch(tell, a.askFacts())
	}
	return tell
}

// syncNow asks for a round, off the loop.
func (a *App) syncNow() tea.Cmd {
	sync := a.cfg.Sync
	return func() tea.Msg {
		sync.SyncNow()
		return nil
	}
}
