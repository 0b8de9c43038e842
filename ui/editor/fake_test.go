package editor

import (
	"context"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	engine "stet/syncengine/merge"

	"stet/model"
	"stet/ui/screen"
)

var noon = time.Date(2026, 11, 21, 15, 0, 0, 0, time.UTC)

// shelf is a store in memory that merges as the real one does. Methods it does
// not have panic.
type shelf struct {
	screen.Notes
	mu        sync.Mutex
	notes     map[string]model.Note
	drafts    map[string]model.Draft
	saves     int
	fail      error // of saves
	failDraft error
	before    func() // runs before a save
}

func newShelf(notes ...model.Note) *shelf {
	s := &shelf{notes: map[string]model.Note{}, drafts: map[string]model.Draft{}}
	for _, n := range notes {
		s.notes[n.ID] = n
	}
	return s
}

func (s *shelf) Get(_ context.Context, id string) (model.Note, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.notes[id]
	if !ok {
		return n, model.ErrNotFound
	}
	return n, nil
}

func (s *shelf) Drafts(context.Context) ([]model.Draft, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []model.Draft
	for _, d := range s.drafts {
		out = append(out, d)
	}
	return out, nil
}

func (s *shelf) PutDraft(_ context.Context, d model.Draft) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failDraft != nil {
		return s.failDraft
	}
	s.drafts[d.Key] = d
	return nil
}

func (s *shelf) DropDraft(_ context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.drafts, key)
	return nil
}

func (s *shelf) Create(_ context.Context, f model.Fields) (model.Note, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return model.Note{}, s.fail
	}
	s.saves++
	n := model.Note{ID: "made" + string(rune('0'+len(s.notes))), Fields: f, Status: model.Pending, Version: 1, Seq: int64(s.saves)}
	s.notes[n.ID] = n
	return n, nil
}

func (s *shelf) Save(_ context.Context, id string, base, text model.Fields) (model.Note, error) {
	if s.before != nil {
		s.before()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return model.Note{}, s.fail
	}
	n, ok := s.notes[id]
	if !ok {
		return model.Note{}, model.ErrNotFound
	}
	s.saves++
	r := engine.Notes(&base, text, n.Fields)
	n.Fields, n.Status = r.Merged, model.Pending
	if !r.Clean() {
		n.Fields, n.Status = text, model.NeedsReview
	}
	n.Seq++
	n.Version++
	s.notes[id] = n
	return n, nil
}

// elsewhere changes a note as a pull would.
func (s *shelf) elsewhere(id string, f func(string) string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.notes[id]
	n.Body, n.Device = f(n.Body), "phone"
	n.Seq++
	s.notes[id] = n
}

func (s *shelf) body(id string) string { return s.notes[id].Body }

type syncer struct {
	screen.Sync
	asked int
}

func (s *syncer) SyncNow() { s.asked++ }

// driver is a user at the editor; commands answer at once, clocks when told.
type driver struct {
	t     testing.TB
	e     *Editor
	store *shelf
	sync  *syncer
	outer func(string) string // the outside editor
	out   []tea.Msg
	due   []tea.Msg
	hold  []tea.Cmd // commands that were not run yet
	slow  bool      // commands are held
}

func open(t testing.TB, s *shelf, target screen.Target) *driver {
	theme := &screen.Theme{}
	theme.Fill(true)
	d := &driver{t: t, store: s, sync: &syncer{}}
	deps := &screen.Deps{Notes: s, Sync: d.sync, Theme: theme, Now: func() time.Time { return noon }}
	deps.EditExternally = func(key, text string) tea.Cmd {
		return func() tea.Msg { return screen.ExternalEdited{Key: key, Text: d.outer(text)} }
	}
	deps.Tick = func(_ time.Duration, fn func(time.Time) tea.Msg) tea.Cmd {
		d.due = append(d.due, fn(noon))
		return nil
	}
	target.Name = screen.Editor
	d.e = New(deps, target).(*Editor)
	d.run(d.e.Init())
	return d
}

func (d *driver) run(cmd tea.Cmd) {
	switch {
	case cmd == nil:
	case d.slow:
		d.hold = append(d.hold, cmd)
	default:
		d.handle(cmd())
	}
}

// release runs the commands that were held, in the order of perm.
func (d *driver) release() *driver {
	held := d.hold
	d.hold, d.slow = nil, false
	for _, c := range held {
		d.run(c)
	}
	return d
}

func (d *driver) handle(msg tea.Msg) {
	v := reflect.ValueOf(msg)
	if v.IsValid() && v.Kind() == reflect.Slice && v.Type().Elem() == reflect.TypeFor[tea.Cmd]() {
		for i := range v.Len() {
			c, _ := v.Index(i).Interface().(tea.Cmd)
			d.run(c)
		}
		return
	}
	switch msg.(type) {
	case nil:
	case screen.Back, screen.Toast:
		d.out = append(d.out, msg)
	default:
		d.run(d.e.Update(msg))
	}
}

func (d *driver) press(keys ...string) *driver {
	for _, k := range keys {
		d.run(d.e.Update(screen.Press(k)))
	}
	return d
}

func (d *driver) write(s string) *driver {
	for _, r := range s {
		if r == '\n' {
			d.press("enter")
			continue
		}
		d.press(string(r))
	}
	return d
}

// wait lets the clocks that run now run out, and those they start, n times.
func (d *driver) wait(n int) *driver {
	for range n {
		due := d.due
		d.due = nil
		for _, m := range due {
			d.handle(m)
		}
	}
	return d
}

func (d *driver) left() bool {
	for _, m := range d.out {
		if m == any(screen.Back{}) {
			return true
		}
	}
	return false
}

func (d *driver) frame(w, h int) string {
	d.t.Helper()
	f := d.e.View(w, h)
	if len(f.Lines) != h {
		d.t.Fatalf("%dx%d: %d lines", w, h, len(f.Lines))
	}
	var out []string
	for i, l := range f.Lines {
		if g, c := ansi.StringWidth(l), ansi.StringWidthWc(l); g != w || c != w {
			d.t.Fatalf("%dx%d: row %d is %d/%d wide: %q", w, h, i, g, c, l)
		}
		if s := ansi.Strip(l); strings.ContainsAny(s, "\x1b\a\n\r\t\x00") || strings.Contains(l, "\x1b]") {
			d.t.Fatalf("%dx%d: hostile row %q", w, h, l)
		}
		out = append(out, strings.TrimRight(ansi.Strip(l), " "))
	}
	if c := f.Cursor; c != nil && (c.X < 0 || c.Y < 0 || c.X >= w || c.Y >= h) {
		d.t.Fatalf("%dx%d: cursor at %d,%d", w, h, c.X, c.Y)
	}
	return strings.Join(out, "\n") + "\n"
}

func (d *driver) see(words ...string) *driver {
	d.t.Helper()
	f := d.frame(100, 24)
	for _, w := range words {
		if !strings.Contains(f, w) {
			d.t.Fatalf("no %q in\n%s", w, f)
		}
	}
	return d
}

func list() model.Note {
	return model.Note{ID: "n1", Device: "thinkpad", Status: model.Synced,
		Fields: model.Fields{Title: "Groceries", Notebook: "Home", Tags: []string{"food", "weekly"},
			Body: "Weekly\n\n- bread\n- oat milk\n\nAna brings wine, and a rather long sentence that has to be wrapped somewhere because it does not fit.\n"}}
}
