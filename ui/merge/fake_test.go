package merge

import (
	"context"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"stet/model"
	"stet/ui/screen"
)

// shelf is a store of reviews in memory. Unset methods panic, so a screen that
// asks for more than it should is found.
type shelf struct {
	screen.Notes
	mu       sync.Mutex
	notes    map[string]model.Note
	reviews  map[string]*model.Review
	order    []string
	resolved map[string]model.Fields
	fail     error
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

func (s *shelf) Review(_ context.Context, id string) (model.Review, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.reviews[id]
	if !ok {
		return model.Review{}, false, nil
	}
	return *r, true, nil
}

func (s *shelf) Reviews(context.Context) ([]model.Head, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []model.Head
	for _, id := range s.order {
		if s.reviews[id] != nil {
			out = append(out, model.Head{ID: id, Title: s.notes[id].Title})
		}
	}
	return out, nil
}

func (s *shelf) PutReviewDraft(_ context.Context, id string, d []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	if s.reviews[id] == nil {
		return model.ErrNotInReview
	}
	s.reviews[id].Draft = d
	return nil
}

func (s *shelf) Resolve(_ context.Context, id string, seen int64, f model.Fields) (model.Note, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r := s.reviews[id]; {
	case r == nil:
		return model.Note{}, model.ErrNotInReview
	case r.Remote.Rev != seen:
		return model.Note{}, model.ErrReviewMoved
	case s.fail != nil:
		return model.Note{}, s.fail
	}
	delete(s.reviews, id)
	s.resolved[id] = f
	return model.Note{ID: id, Fields: f}, nil
}

type account struct{ screen.Sync }

func (account) Account(context.Context) (model.Account, error) {
	return model.Account{Device: "thinkpad"}, nil
}

var noon = time.Date(2026, 11, 21, 15, 0, 0, 0, time.UTC)

func newShelf() *shelf {
	return &shelf{notes: map[string]model.Note{}, reviews: map[string]*model.Review{}, resolved: map[string]model.Fields{}}
}

func (s *shelf) add(id string, base *model.Fields, local, remote model.Fields) {
	s.order = append(s.order, id)
	s.notes[id] = model.Note{ID: id, Fields: local, Status: model.NeedsReview, UpdatedAt: noon.Add(-58 * time.Minute)}
	s.reviews[id] = &model.Review{NoteID: id, Base: base,
		Remote: model.Record{ID: id, Rev: 7, Fields: remote, Device: "phone", SavedAt: noon.Add(-55 * time.Minute)}}
}

// driver presses keys on a screen without a program, as if every command
// answered at once. Clocks stand still until tick.
type driver struct {
	t    testing.TB
	m    *Merge
	out  []tea.Msg // requests to the app
	due  []tea.Msg // answers of clocks
	w, h int
}

func drive(t testing.TB, s *shelf, id string) *driver {
	theme := &screen.Theme{}
	theme.Fill(true)
	deps := &screen.Deps{Notes: s, Sync: account{}, Theme: theme, Now: func() time.Time { return noon }}
	d := &driver{t: t, w: 100, h: 30}
	d.m = New(deps, screen.Target{Name: screen.Merge, NoteID: id}).(*Merge)
	deps.Tick = func(_ time.Duration, fn func(time.Time) tea.Msg) tea.Cmd {
		d.due = append(d.due, fn(noon))
		return nil
	}
	deps.EditExternally = func(key, text string) tea.Cmd {
		return func() tea.Msg {
			return screen.ExternalEdited{Key: key, Text: strings.ReplaceAll(text, "eggs", "EGGS")}
		}
	}
	d.run(d.m.Init())
	return d
}

// run runs a command and what follows from it.
func (d *driver) run(cmd tea.Cmd) {
	if cmd != nil {
		d.handle(cmd())
	}
}

func (d *driver) handle(msg tea.Msg) {
	if cmds, ok := commands(msg); ok {
		for _, c := range cmds {
			d.run(c)
		}
		return
	}
	switch msg.(type) {
	case nil:
	case screen.Back, screen.Toast, screen.Open:
		d.out = append(d.out, msg)
	default:
		d.run(d.m.Update(msg))
	}
}

func (d *driver) press(keys ...string) *driver {
	for _, k := range keys {
		d.run(d.m.Update(screen.Press(k)))
	}
	return d
}

// wait lets the clocks that were started run out.
func (d *driver) wait() *driver {
	due := d.due
	d.due = nil
	for _, msg := range due {
		d.handle(msg)
	}
	return d
}

func (d *driver) typing(s string) *driver {
	for _, r := range s {
		d.m.Update(screen.Press(string(r)))
	}
	return d
}

func (d *driver) frame(w, h int) string {
	f := d.m.View(w, h)
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
	f := d.m.Title() + "   " + d.m.Headline() + "   " + d.m.Footline() + "\n" + d.frame(d.w, d.h)
	for _, w := range words {
		if !strings.Contains(f, w) {
			d.t.Fatalf("no %q in\n%s", w, f)
		}
	}
	return d
}

// groceries is the note of the pictures.
func groceries() (*model.Fields, model.Fields, model.Fields) {
	base := model.Fields{Title: "Groceries", Body: "Weekly\n\n- bread\n- oat milk\n- eggs\n\nAna brings wine.\n\n- salt\n- pepper\n- rice\n\nCall the butcher on Tuesday about the order.\n\nend\n"}
	local, remote := base, base
	local.Title = "Groceries for Saturday"
	local.Body = "Weekly\n\n- bread\n- 2 litres oat milk\n- eggs\n\nAna brings red wine.\n\n- salt\n- pepper\n- brown rice\n\nCall the butcher on Wednesday about the order.\n\nend\n"
	remote.Title = "Groceries and wine"
	remote.Body = "Weekly plan\n\n- bread\n- oat milk (barista)\n- eggs\n\nAna brings wine.\n\n- salt\n- pepper\n\nCall the butcher on Friday about the order and the sausages.\n\nend\nthe very end\n"
	return &base, local, remote
}

// commands takes a batch or a sequence apart.
func commands(msg tea.Msg) ([]tea.Cmd, bool) {
	v := reflect.ValueOf(msg)
	if !v.IsValid() || v.Kind() != reflect.Slice || v.Type().Elem() != reflect.TypeFor[tea.Cmd]() {
		return nil, false
	}
	out := make([]tea.Cmd, v.Len())
	for i := range out {
		out[i], _ = v.Index(i).Interface().(tea.Cmd)
	}
	return out, true
}
