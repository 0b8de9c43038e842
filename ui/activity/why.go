package activity

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/kit/cells"
	"stet/ui/kit/textview"
	"stet/ui/screen"
)

// storyRows is how much of a note's story is read: its newest part.
const storyRows = 500

// Why tells why a note's badge says what it says: the state in a sentence, the
// way out if one is needed, and the note's story, newest last.
type Why struct {
	deps   *screen.Deps
	id     string
	note   model.Note
	events []model.Event
	have   bool
	gone   string
	req    uint64
	view   *textview.View
	width  int
}

// NewWhy returns the screen for target.NoteID.
func NewWhy(deps *screen.Deps, target screen.Target) screen.Screen {
	return &Why{deps: deps, id: target.NoteID, view: textview.New(deps.Theme.TextView())}
}

// Init reads the note and its story.
func (w *Why) Init() tea.Cmd { return w.load() }

// Title names the note.
func (w *Why) Title() string {
	if !w.have {
		return "Why"
	}
	t := w.note.Title
	if t == "" {
		t = "Untitled"
	}
	return "Why: " + t
}

// Typing is never true here.
func (w *Why) Typing() bool { return false }

type storyRead struct {
	to     *Why
	req    uint64
	note   model.Note
	events []model.Event
	err    error
}

func (w *Why) load() tea.Cmd {
	w.req++
	req, id, notes := w.req, w.id, w.deps.Notes
	return func() tea.Msg {
		ctx := context.Background()
		out := storyRead{to: w, req: req}
		if out.note, out.err = notes.Get(ctx, id); out.err == nil {
			out.events, out.err = notes.Timeline(ctx, id, storyRows)
		}
		return out
	}
}

type tried struct {
	to   *Why
	said string
	err  error
}

// Update handles a message.
func (w *Why) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		return w.press(msg.String())
	case screen.NotesChanged, screen.Resumed:
		return w.load()
	case screen.ThemeChanged:
		w.lay()
	case storyRead:
		w.read(msg)
	case tried:
		if msg.to != w {
			return nil
		}
		t := screen.Toast{Text: msg.said}
		if msg.err != nil {
			t = screen.Toast{Text: "Not done: " + msg.err.Error(), Warn: true}
		}
		return tea.Batch(w.load(), func() tea.Msg { return t })
	}
	return nil
}

func (w *Why) read(msg storyRead) {
	if msg.to != w || msg.req != w.req {
		return
	}
	if msg.err != nil {
		w.gone = "This note's story cannot be read: " + msg.err.Error()
		return
	}
	w.gone, w.note, w.events, w.have = "", msg.note, msg.events, true
	w.lay()
}

// Keys returns what works now: the ways out first.
func (w *Why) Keys() []screen.Binding {
	bind := screen.Bind
	var keys []screen.Binding
	switch w.note.Status {
	case model.Failed:
		keys = append(keys, bind("resend", "send again", "r", "r"), bind("discard", "take the server's text", "D", "D"))
	case model.NeedsReview:
		keys = append(keys, bind("review", "choose what to keep", "enter", "enter"))
	}
	return append(keys,
		bind("history", "history", "H", "H"), bind("edit", "edit", "e", "e"),
		bind("down", "down", "", "j", "down"), bind("up", "up", "", "k", "up"),
		bind("page-down", "page down", "", "space", "pgdown", "ctrl+d"), bind("page-up", "page up", "", "b", "pgup", "ctrl+u"),
		bind("top", "beginning", "", "g", "home"), bind("bottom", "end", "", "G", "end"),
		bind("leave", "back", "", "h", "left"))
}

func (w *Why) press(key string) tea.Cmd {
	to := screen.Target{NoteID: w.id}
	switch key {
	case "j", "down":
		w.view.Down()
	case "k", "up":
		w.view.Up()
	case "space", "pgdown", "ctrl+d":
		w.view.PageDown()
	case "b", "pgup", "ctrl+u":
		w.view.PageUp()
	case "g", "home":
		w.view.Top()
	case "G", "end":
		w.view.Bottom()
	case "h", "left":
		return func() tea.Msg { return screen.Back{} }
	case "H":
		to.Name = screen.History
	case "e":
		to.Name = screen.Editor
	case "enter":
		if w.note.Status == model.NeedsReview {
			to.Name = screen.Merge
		}
	case "r", "D":
		if w.note.Status == model.Failed {
			return w.wayOut(key)
		}
	}
	if to.Name == "" {
		return nil
	}
	return w.deps.Open(to)
}

// wayOut leads out of an error: try once more, or give way to the server.
func (w *Why) wayOut(key string) tea.Cmd {
	id, notes, worker := w.id, w.deps.Notes, w.deps.Sync
	if key == "r" {
		return func() tea.Msg {
			var err error
			if again, ok := notes.(screen.Resender); ok {
				err = again.Resend(context.Background(), id)
			}
			worker.SyncNow()
			return tried{w, "Sending again.", err}
		}
	}
	return func() tea.Msg {
		return screen.Confirm{Text: "Take the server's text? Yours stays in the history.", Verb: "take it", Yes: func() tea.Msg {
			_, err := notes.Discard(context.Background(), id)
			return tried{w, "Back to the server's text. H has yours.", err}
		}}
	}
}

// lay makes the lines of the screen.
func (w *Why) lay() {
	if !w.have || w.width <= 0 {
		return
	}
	p := w.deps.Theme.Pens()
	room := max(w.width-4, 1)
	symbol, word := screen.Badge(w.note.Status, false)
	state := p.Dim
	if w.note.Status == model.Failed || w.note.Status == model.NeedsReview {
		state = p.Warn
	}
	lines := []string{state.Paint(symbol + " " + word)}
	put := func(pen cells.Pen, text string) {
		for _, l := range screen.PlainLines(text, room, 0) {
			lines = append(lines, pen.Paint(l))
		}
	}
	put(p.Text, screen.Sentence(w.note.Status))
	if cause := w.cause(); cause != "" {
		put(p.Text, upperFirst(cause))
	}
	for _, l := range ways[w.note.Status] {
		put(p.Dim, l)
	}
	lines = append(lines, "", p.Bold.Paint("What happened"))
	if len(w.events) == 0 {
		lines = append(lines, p.Dim.Paint("Nothing is on record."))
	}
	now := w.deps.Now()
	for _, e := range w.events {
		lines = append(lines, w.eventLines(p, e, stamp(e.At, now), room)...)
	}
	w.view.SetLines(lines)
}

// eventLines draws one event; what does not fit goes on below its first word.
func (w *Why) eventLines(p *screen.Pens, e model.Event, when string, room int) []string {
	sign, text := words(e)
	lead := len(when) + 4
	if room < 40 {
		when, lead = when[len(when)-5:], 5+4
	}
	var out []string
	for i, l := range screen.PlainLines(text, max(room-lead, 1), 6) {
		if i == 0 {
			out = append(out, p.Dim.Paint(when)+"  "+pen(p, e.Name).Paint(sign)+" "+l)
			continue
		}
		out = append(out, cells.Blank(lead)+l)
	}
	return out
}

// ways out of a state.
var ways = map[model.Status][]string{
	model.Failed:      {"r sends it again · D goes back to the server's text, yours stays in the history."},
	model.NeedsReview: {"enter shows both texts."},
	model.Pending:     {"S syncs now."},
}

// cause is the detail of the last thing that went wrong.
func (w *Why) cause() string {
	if w.note.Status != model.Failed {
		return ""
	}
	for i := len(w.events) - 1; i >= 0; i-- {
		if e := w.events[i]; (e.Name == model.EventRejected || e.Name == model.EventRetry) && e.Detail != "" {
			return e.Detail
		}
	}
	return ""
}

// View draws the lines.
func (w *Why) View(width, height int) screen.Frame {
	if width != w.width {
		w.width = width
		w.lay()
	}
	if w.gone != "" {
		line := cells.FitStyled("   "+w.deps.Theme.Pens().Warn.Paint(screen.Words(w.gone)), width)
		return screen.Frame{Lines: blank(width, height, []string{line})}
	}
	var out []string
	if height > 4 {
		out = append(out, cells.Blank(width))
	}
	for _, l := range w.view.Render(max(width-4, 1), height-len(out)) {
		out = append(out, cells.FitStyled("  "+l, width))
	}
	return screen.Frame{Lines: blank(width, height, out)}
}
