package ui

import (
	tea "charm.land/bubbletea/v2"

	"stet/ui/screen"
)

// globals are the keys that work on every screen that does not take text.
func (a *App) globals() []screen.Binding {
	keys := []screen.Binding{
		screen.Bind("help", "all keys", "?", "?"),
		screen.Bind("palette", "commands", ":", ":", "ctrl+p"),
		a.syncKey(),
		screen.Bind("redraw", "draw the screen anew", "ctrl+l", "ctrl+l"),
		screen.Bind("suspend", "suspend to the shell", "ctrl+z", "ctrl+z"),
	}
	if a.account.Undoable > 0 {
		keys = append(keys, screen.Bind("undo-sync", "bring back what a sync deleted or replaced", "C", "C"))
	}
	if a.toast.undo != nil {
		keys = append(keys, screen.Bind("undo", "undo", "z", "z"))
	}
	if len(a.stack) > 1 {
		keys = append(keys, screen.Bind("back", "back", "esc", "esc", "q"))
	} else {
		keys = append(keys, screen.Bind("quit", "quit", "q", "q"))
	}
	return keys
}

// syncKey is S: while changes wait for the user's consent, it shows them.
func (a *App) syncKey() screen.Binding {
	if a.account.Held > 0 {
		return screen.Bind("held", "what a sync would delete or replace", "S", "S")
	}
	return screen.Bind("sync", "sync now", "S", "S").Unless(a.whyNoSync())
}

func (a *App) whyNoSync() string {
	if a.account.Server == "" && a.head.loaded {
		return "no server is connected"
	}
	return ""
}

// globalKey runs a global key. It reports false for keys that are none.
func (a *App) globalKey(name string) (tea.Cmd, bool) {
	switch name {
	case "q", "esc":
		return a.leaveOrQuit(name), true
	case "?":
		a.openHelp()
	case ":", "ctrl+p":
		a.openPalette()
	case "C":
		if a.account.Undoable == 0 {
			return nil, false
		}
		return a.open(screen.Target{Name: screen.Held}), true
	case "S":
		if a.account.Held > 0 {
			return a.open(screen.Target{Name: screen.Held}), true
		}
		if why := a.whyNoSync(); why != "" {
			return a.show(screen.Toast{Text: "Not synced: " + why + "."}), true
		}
		return tea.Batch(a.syncNow(), a.show(screen.Toast{Text: "Syncing."})), true
	case "ctrl+l":
		return tea.Batch(tea.ClearScreen, a.tellAll(screen.NotesChanged{}), a.askFacts()), true
	case "ctrl+z":
		return tea.Suspend, true
	case "z":
		return a.undo()
	default:
		return nil, false
	}
	return nil, true
}

// leaveOrQuit goes back; on the last screen q quits, and esc, which is easily
// pressed once too often, only says so.
func (a *App) leaveOrQuit(name string) tea.Cmd {
	switch {
	case len(a.stack) > 1:
		return a.leave()
	case name == "q":
		return a.quit()
	}
	return a.show(screen.Toast{Text: "q quits."})
}
