package uitest

import (
	"fmt"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"

	"stet/ui"
	"stet/ui/screen"
)

// Epoch is where the clock of every driver stands at first: a Saturday.
var Epoch = time.Date(2026, 11, 21, 14, 30, 0, 0, time.UTC)

// Clock is a clock that stands still.
type Clock struct{ at time.Time }

// NewClock returns a clock at Epoch.
func NewClock() *Clock { return &Clock{Epoch} }

// Now returns the time.
func (c *Clock) Now() time.Time { return c.at }

// Move moves the clock.
func (c *Clock) Move(d time.Duration) { c.at = c.at.Add(d) }

// Driver is a user at a terminal.
type Driver struct {
	TB    testing.TB
	App   *ui.App
	Clock *Clock
	Sync  *Sync
	// Clipboard is what was copied last.
	Clipboard string
	// Quit tells that the app has ended.
	Quit bool

	w, h  int
	held  []tea.Cmd // commands that wait, while holding
	hold  bool
	ticks []tick
	steps int
}

type tick struct {
	after time.Duration
	fn    func(time.Time) tea.Msg
}

// New starts an app on notes in a terminal of w x h cells and runs it until
// nothing more happens. sync may be nil.
func New(tb testing.TB, notes screen.Notes, sync *Sync, clock *Clock, w, h int) *Driver {
	tb.Helper()
	if sync == nil {
		sync = &Sync{}
	}
	d := &Driver{TB: tb, Clock: clock, Sync: sync, w: w, h: h}
	d.App = ui.New(ui.Config{
		Notes: notes, Sync: sync, Now: clock.Now, TempDir: tb.TempDir(), Tick: d.tick,
		EditorCommand: func(path string) *exec.Cmd { return exec.Command("true", path) },
	})
	d.run(d.App.Init())
	d.Resize(w, h)
	return d
}

func (d *Driver) tick(after time.Duration, fn func(time.Time) tea.Msg) tea.Cmd {
	return func() tea.Msg {
		d.ticks = append(d.ticks, tick{after, fn})
		return nil
	}
}

// Pass lets time go by: the clock moves and the ticks that are due arrive.
func (d *Driver) Pass(by time.Duration) *Driver {
	d.Clock.Move(by)
	due := d.ticks
	d.ticks = nil
	for _, t := range due {
		if t.after > by {
			d.ticks = append(d.ticks, tick{t.after - by, t.fn})
			continue
		}
		d.Send(t.fn(d.Clock.Now()))
	}
	return d
}

// Send gives the app a message and runs what follows from it.
func (d *Driver) Send(msg tea.Msg) *Driver {
	d.TB.Helper()
	if d.steps++; d.steps > 100_000 {
		d.TB.Fatal("the app never comes to rest")
	}
	switch m := msg.(type) {
	case nil:
		return d
	case tea.BatchMsg:
		for _, cmd := range m {
			d.run(cmd)
		}
		return d
	case tea.QuitMsg:
		d.Quit = true
		return d
	}
	if d.internal(msg) {
		return d
	}
	_, cmd := d.App.Update(msg)
	d.App.View() // as a Program does after every message
	d.run(cmd)
	return d
}

// internal plays the part of the Program for messages that only it knows.
func (d *Driver) internal(msg tea.Msg) bool {
	v := reflect.ValueOf(msg)
	switch name := v.Type().Name(); name {
	case "sequenceMsg":
		for i := range v.Len() {
			cmd, _ := v.Index(i).Interface().(tea.Cmd)
			d.run(cmd)
		}
	case "setClipboardMsg":
		d.Clipboard = v.String()
	case "backgroundColorMsg", "clearScreenMsg", "execMsg":
	default:
		return false
	}
	return true
}

func (d *Driver) run(cmd tea.Cmd) {
	d.TB.Helper()
	switch {
	case cmd == nil:
	case d.hold:
		d.held = append(d.held, cmd)
	default:
		d.Send(cmd())
	}
}

// Hold keeps commands back, as slow answers are.
func (d *Driver) Hold() *Driver {
	d.hold = true
	return d
}

// Release runs what was held, the last question first, and holds no more.
func (d *Driver) Release() *Driver {
	d.TB.Helper()
	d.hold = false
	held := d.held
	d.held = nil
	for i := len(held) - 1; i >= 0; i-- {
		d.run(held[i])
	}
	return d
}

// Press presses keys by name: "j", "G", "enter", "ctrl+p", "space".
func (d *Driver) Press(keys ...string) *Driver {
	d.TB.Helper()
	for _, k := range keys {
		d.steps = 0
		d.Send(screen.Press(k))
	}
	return d
}

// Type types text, letter by letter.
func (d *Driver) Type(text string) *Driver {
	d.TB.Helper()
	for _, r := range text {
		switch r {
		case '\n':
			d.Press("enter")
		case ' ':
			d.Press("space")
		default:
			d.Press(string(r))
		}
	}
	return d
}

// Paste pastes text.
func (d *Driver) Paste(text string) *Driver { return d.Send(tea.PasteMsg{Content: text}) }

// Ring rings the bell.
func (d *Driver) Ring(r screen.Ring) *Driver { return d.Send(ui.Rang(r)) }

// Resize changes the terminal's size.
func (d *Driver) Resize(w, h int) *Driver {
	d.w, d.h = w, h
	return d.Send(tea.WindowSizeMsg{Width: w, Height: h})
}

// Styled returns the frame with its styling, checked.
func (d *Driver) Styled() string {
	d.TB.Helper()
	view := d.App.View()
	if err := Check(view, d.w, d.h); err != nil {
		d.TB.Fatalf("%v in\n%s", err, ansi.Strip(view.Content))
	}
	return view.Content
}

// Check tells what is wrong with a frame: rows too many, too few or too wide by
// one of the two rulers, or a cursor outside.
func Check(view tea.View, w, h int) error {
	if w <= 0 || h <= 0 {
		return nil
	}
	rows := strings.Split(view.Content, "\n")
	if len(rows) != h {
		return fmt.Errorf("%d rows, want %d", len(rows), h)
	}
	for i, row := range rows {
		if a, b := ansi.StringWidth(row), ansi.StringWidthWc(row); a != w || b != w {
			return fmt.Errorf("row %d is %d or %d cells wide, want %d: %q", i, a, b, w, row)
		}
	}
	if c := view.Cursor; c != nil && (c.X < 0 || c.Y < 0 || c.X >= w || c.Y >= h) {
		return fmt.Errorf("cursor at %d,%d outside of %dx%d", c.X, c.Y, w, h)
	}
	return nil
}

// Plain returns the frame without styling and trailing blanks.
func (d *Driver) Plain() string {
	d.TB.Helper()
	rows := strings.Split(ansi.Strip(d.Styled()), "\n")
	for i := range rows {
		rows[i] = strings.TrimRight(rows[i], " ")
	}
	return strings.Join(rows, "\n") + "\n"
}

// See fails unless every text is on the screen.
func (d *Driver) See(texts ...string) *Driver {
	d.TB.Helper()
	frame := d.Plain()
	for _, s := range texts {
		if !strings.Contains(frame, s) {
			d.TB.Fatalf("%q is not on the screen:\n%s", s, frame)
		}
	}
	return d
}

// DontSee fails if one of the texts is on the screen.
func (d *Driver) DontSee(texts ...string) *Driver {
	d.TB.Helper()
	frame := d.Plain()
	for _, s := range texts {
		if strings.Contains(frame, s) {
			d.TB.Fatalf("%q is on the screen:\n%s", s, frame)
		}
	}
	return d
}

// Frame compares the screen with the golden frame of that name.
func (d *Driver) Frame(name string) *Driver {
	d.TB.Helper()
	frame := d.Plain()
	if t, ok := d.TB.(*testing.T); ok {
		t.Run(name, func(t *testing.T) { golden.RequireEqual(t, frame) })
	}
	return d
}
