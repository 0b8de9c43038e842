package screen

import (
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"stet/model"
)

// Screen is one full-window part of the app.
type Screen interface {
	// Init returns the command that loads what the screen shows.
	Init() tea.Cmd
	// Update handles a message. It never does I/O.
	Update(msg tea.Msg) tea.Cmd
	// View draws the screen into exactly width x height cells: height lines, none
	// wider than width. Cursor is where the terminal's cursor belongs, nil to
	// hide it.
	View(width, height int) Frame
	// Keys returns the bindings that work now, most useful first: footer, help
	// and palette are made from them.
	Keys() []Binding
	// Typing reports whether keys are text just now, so that global keys are not
	// taken.
	Typing() bool
	// Title names the screen for the window title and help.
	Title() string
}

// Headed is a screen with words of its own at the right of the header, instead
// of the counts: "conflict 2 of 5". Empty words leave the counts there.
type Headed interface{ Headline() string }

// Footed is a screen with words of its own at the right of the footer: "128
// notes". Both are cleaned by the screen.
type Footed interface{ Footline() string }

// Frame is a drawn screen.
type Frame struct {
	Lines  []string
	Cursor *tea.Cursor // relative to the frame
}

// Binding is a key with what it does; one source for handling, footer, help
// and palette.
type Binding struct {
	key.Binding
	// Name is the action's stable name, for the palette.
	Name string
	// Off says in a few words why the action cannot be taken now, "" if it can.
	Off string
}

// Deps is what every screen is given.
type Deps struct {
	Notes Notes
	Sync  Sync
	Theme *Theme
	Now   func() time.Time
	// EditExternally returns a command that hands text to the user's $EDITOR and
	// answers with ExternalEdited{Key, Text, Err}.
	EditExternally func(key, text string) tea.Cmd
	// Go is the app's; screens call Open.
	Go func(t Target)
	// Tick answers after a while; nil is tea.Tick. Screens call After.
	Tick func(d time.Duration, fn func(time.Time) tea.Msg) tea.Cmd
}

// After returns a command that answers with msg once d has passed.
func (d *Deps) After(wait time.Duration, msg tea.Msg) tea.Cmd {
	tick := d.Tick
	if tick == nil {
		tick = tea.Tick
	}
	return tick(wait, func(time.Time) tea.Msg { return msg })
}

// Open opens a screen from inside an Update. Within the app it is open before
// the next key arrives, so that fast typing goes where the user looks; without
// an app it is a message.
func (d *Deps) Open(t Target) tea.Cmd {
	if d.Go != nil {
		d.Go(t)
		return nil
	}
	return func() tea.Msg { return Open{Screen: t} }
}

// Requests from a screen to the app. A screen returns them as messages.
type (
	// Open pushes a screen.
	Open struct{ Screen Target }
	// Back leaves the screen.
	Back struct{}
	// Toast shows a sentence for a few seconds. Undo, if set, runs on z.
	Toast struct {
		Text string
		Undo tea.Cmd
		Warn bool
	}
	// Confirm asks before something that cannot be undone: y runs Yes, any other
	// key runs nothing.
	Confirm struct {
		Text string // the question
		Verb string // what y does, in a word or two
		Yes  tea.Cmd
	}
	// Quit ends the app.
	Quit struct{}
	// OpenPalette and OpenHelp open the overlays.
	OpenPalette struct{}
	OpenHelp    struct{}
)

// Target names a screen to open.
type Target struct {
	Name   Name
	NoteID string
	// New asks the editor for a new note; Draft for a journal entry's key.
	New   bool
	Draft string
	// Notebook is where a new note goes.
	Notebook string
	// Find is the text to show first.
	Find string
}

// Name is a screen's name.
type Name string

// The screens.
const (
	Browse   Name = "browse"
	Reader   Name = "reader"
	Editor   Name = "editor"
	Merge    Name = "merge"
	History  Name = "history"
	Activity Name = "activity"
	Why      Name = "why"
	Held     Name = "held"
)

// Facts the app sends to all screens.
type (
	// NotesChanged says that rows may have changed: read again what is shown.
	NotesChanged struct{}
	// CountsLoaded brings the numbers of the header, after each change.
	CountsLoaded struct{ model.Counts }
	// ThemeChanged says that Deps.Theme was refilled (light/dark).
	ThemeChanged struct{}
	// Leaving is sent to a screen before it is closed by the app (quit, signal);
	// its command is run to the end first. Screens with unsaved text save.
	Leaving struct{}
	// Resumed is sent to a screen that is on top again.
	Resumed struct{}
	// ExternalEdited is the answer of Deps.EditExternally.
	ExternalEdited struct {
		Key  string
		Text string
		Err  error
	}
)
