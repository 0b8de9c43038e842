package ui

import (
	tea "charm.land/bubbletea/v2"

	"stet/ui/activity"
	"stet/ui/browse"
	"stet/ui/editor"
	"stet/ui/held"
	"stet/ui/history"
	"stet/ui/merge"
	"stet/ui/reader"
	"stet/ui/screen"
)

// makeScreen returns the screen that a target names, the list for an unknown
// name.
func makeScreen(deps *screen.Deps, t screen.Target) screen.Screen {
	switch t.Name {
	case screen.Reader:
		return reader.New(deps, t)
	case screen.Editor:
		return editor.New(deps, t)
	case screen.Merge:
		return merge.New(deps, t)
	case screen.History:
		return history.New(deps, t)
	case screen.Activity:
		return activity.New(deps, t)
	case screen.Why:
		return activity.NewWhy(deps, t)
	case screen.Held:
		return held.New(deps, t)
	}
	return browse.New(deps, t)
}

func (a *App) top() screen.Screen { return a.stack[len(a.stack)-1] }

// open pushes a screen.
func (a *App) open(t screen.Target) tea.Cmd {
	a.stack = append(a.stack, makeScreen(a.deps, t))
	size := a.top().Update(tea.WindowSizeMsg{Width: a.width, Height: a.height})
	return tea.Batch(size, a.top().Init())
}

// back leaves the active screen; on the last one it does nothing.
func (a *App) back() tea.Cmd {
	if len(a.stack) == 1 {
		return nil
	}
	a.stack[len(a.stack)-1] = nil
	a.stack = a.stack[:len(a.stack)-1]
	return tea.Batch(a.top().Update(screen.Resumed{}), a.askFacts())
}

// leave closes the active screen as the app does it: what it has to save is
// saved first.
func (a *App) leave() tea.Cmd {
	cmd := a.top().Update(screen.Leaving{})
	return tea.Sequence(cmd, a.back())
}

// allLeft says that every Leaving command has ended.
type allLeft struct{}

// ended reports whether the program may quit now.
func (a *App) ended() bool { return a.left }

// quit lets every screen save and then ends the program. Asked twice, it ends
// at once.
func (a *App) quit() tea.Cmd {
	if a.leaving {
		a.left = true
		return tea.Quit
	}
	a.leaving = true
	cmds := make([]tea.Cmd, 0, len(a.stack)+1)
	for i := len(a.stack) - 1; i >= 0; i-- {
		cmds = append(cmds, a.stack[i].Update(screen.Leaving{}))
	}
	return tea.Sequence(append(cmds, func() tea.Msg { return allLeft{} })...)
}
