package ui

import (
	"os/exec"
	"time"

	tea "charm.land/bubbletea/v2"

	"stet/ui/screen"
)

// Config is what the user interface needs of the world.
type Config struct {
	Notes screen.Notes
	Sync  screen.Sync
	Now   func() time.Time
	// EditorCommand returns the user's editor on a file; it inherits the terminal.
	// Nil where there is none.
	EditorCommand func(path string) *exec.Cmd
	// TempDir is a folder that only the user can read, for texts that are in the
	// external editor. It is made when needed.
	TempDir string
	// Tick answers after a while; nil is tea.Tick.
	Tick func(d time.Duration, fn func(time.Time) tea.Msg) tea.Cmd
	// First is the screen to begin with; zero is the list.
	First screen.Target
}

// Options are the program options that belong to an App.
func Options() []tea.ProgramOption {
	return []tea.ProgramOption{tea.WithFPS(120), tea.WithFilter(leaveFirst)}
}

// leaveFirst turns a signal into a request to quit, so that screens with
// unsaved text save before the program ends.
func leaveFirst(m tea.Model, msg tea.Msg) tea.Msg {
	if a, ok := m.(interface{ ended() bool }); !ok || a.ended() {
		return msg
	}
	switch msg.(type) {
	case tea.QuitMsg, tea.InterruptMsg:
		return screen.Quit{}
	}
	return msg
}
