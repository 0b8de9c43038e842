package activity

import (
	"context"
	"slices"

	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/kit/cells"
	"stet/ui/screen"
)

// pageRows is how many events one question asks for; mostRows bounds what the
// screen holds, however far one scrolls.
const (
	pageRows = 200
	mostRows = 5000
)

// Activity is the sync log of all notes, newest first.
type Activity struct {
	deps   *screen.Deps
	filter int
	events []model.Event
	titles map[string]string
	sel    int
	top    int
	height int
	end    bool // nothing older is left
	busy   bool
	gen    uint64
	oops   string
}

// New returns the log.
func New(deps *screen.Deps, _ screen.Target) screen.Screen {
	return &Activity{deps: deps, titles: map[string]string{}, height: 1}
}

// Init reads the newest events.
func (a *Activity) Init() tea.Cmd { return a.load(false) }

// Title names the screen.
func (a *Activity) Title() string { return "Sync log" }

// Typing is never true here.
func (a *Activity) Typing() bool { return false }

type loaded struct {
	to     *Activity
	gen    uint64
	more   bool // older events, to be added
	events []model.Event
	titles map[string]string
	err    error
}

// load reads the newest events again, or those before the last one held.
func (a *Activity) load(more bool) tea.Cmd {
	if a.busy && more {
		return nil
	}
	a.busy = true
	a.gen++
	gen, notes, names, before, limit := a.gen, a.deps.Notes, filters[a.filter].names, int64(0), max(pageRows, len(a.events))
	if more && len(a.events) > 0 {
		before, limit = a.events[len(a.events)-1].ID, pageRows
	}
	known := make(map[string]bool, len(a.titles))
	for id := range a.titles {
		known[id] = true
	}
	return func() tea.Msg {
		ctx := context.Background()
		out := loaded{to: a, gen: gen, more: more, titles: map[string]string{}}
		out.events, out.err = notes.Activity(ctx, names, before, limit)
		for _, e := range out.events {
			if e.NoteID != "" && !known[e.NoteID] {
				known[e.NoteID] = true
				out.titles[e.NoteID] = titleOf(ctx, notes, e.NoteID)
			}
		}
		return out
	}
}

func titleOf(ctx context.Context, notes screen.Notes, id string) string {
	n, err := notes.Get(ctx, id)
	switch {
	case err != nil:
		return "a note that is gone"
	case n.Title != "":
		return n.Title
	case model.Snippet(n.Body) != "":
		return model.Snippet(n.Body)
	}
	return "Untitled"
}

func (a *Activity) loaded(msg loaded) {
	if msg.to != a || msg.gen != a.gen {
		return
	}
	a.busy = false
	if msg.err != nil {
		a.oops = "The log cannot be read: " + msg.err.Error()
		return
	}
	a.oops = ""
	for id, t := range msg.titles {
		a.titles[id] = t
	}
	if msg.more {
		a.events = append(a.events, msg.events...)
		a.end = len(msg.events) < pageRows || len(a.events) >= mostRows
		return
	}
	a.keepPlace(msg.events)
	a.end = len(msg.events) < pageRows
}

// keepPlace replaces the events; the selected one stays selected and on its
// line, unless it is the very newest.
func (a *Activity) keepPlace(events []model.Event) {
	var id int64
	if a.sel < len(a.events) && a.sel > 0 {
		id = a.events[a.sel].ID
	}
	a.events = events
	if i := slices.IndexFunc(events, func(e model.Event) bool { return e.ID == id }); i >= 0 {
		a.top += i - a.sel
		a.sel = i
	}
	a.move(0)
}

// move moves the selection and keeps it in the window.
func (a *Activity) move(n int) {
	a.sel = max(min(a.sel+n, len(a.events)-1), 0)
	a.top = max(min(a.top, a.sel), a.sel-a.height+1, 0)
}

// Update handles a message.
func (a *Activity) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		return a.press(msg.String())
	case screen.NotesChanged, screen.Resumed:
		clear(a.titles)
		return a.load(false)
	case loaded:
		a.loaded(msg)
	}
	return nil
}

// Keys returns what works now.
func (a *Activity) Keys() []screen.Binding {
	bind := screen.Bind
	none := ""
	if len(a.events) == 0 || a.events[a.sel].NoteID == "" {
		none = "this line is about no note"
	}
	return []screen.Binding{
		bind("open", "open the note", "enter", "enter", "l", "right").Unless(none),
		bind("why", "its story", "w", "w").Unless(none),
		bind("filter", "show "+filters[(a.filter+1)%len(filters)].name, "tab", "tab"),
		bind("filter-back", "show "+filters[(a.filter+len(filters)-1)%len(filters)].name, "", "shift+tab"),
		bind("errors", "only errors", "!", "!"),
		bind("down", "down", "", "j", "down"), bind("up", "up", "", "k", "up"),
		bind("top", "newest", "", "g", "home"), bind("bottom", "oldest that is here", "", "G", "end"),
		bind("page-down", "page down", "", "pgdown", "ctrl+d", "space"), bind("page-up", "page up", "", "pgup", "ctrl+u", "b"),
		bind("leave", "back", "", "h", "left"),
	}
}

func (a *Activity) press(key string) tea.Cmd {
	switch key {
	case "j", "down":
		a.move(1)
	case "k", "up":
		a.move(-1)
	case "g", "home":
		a.move(-len(a.events))
	case "G", "end":
		a.move(len(a.events))
	case "pgdown", "ctrl+d", "space":
		a.move(max(a.height-1, 1))
	case "pgup", "ctrl+u", "b":
		a.move(-max(a.height-1, 1))
	case "tab":
		return a.show((a.filter + 1) % len(filters))
	case "shift+tab":
		return a.show((a.filter + len(filters) - 1) % len(filters))
	case "!":
		return a.show(1)
	case "h", "left":
		return func() tea.Msg { return screen.Back{} }
	case "enter", "l", "right":
		return a.open(screen.Reader)
	case "w":
		return a.open(screen.Why)
	}
	if !a.end && a.sel > len(a.events)-2*a.height {
		return a.load(true)
	}
	return nil
}

func (a *Activity) show(filter int) tea.Cmd {
	a.filter, a.sel, a.top, a.events, a.end = filter, 0, 0, nil, false
	return a.load(false)
}

func (a *Activity) open(name screen.Name) tea.Cmd {
	if a.sel >= len(a.events) || a.events[a.sel].NoteID == "" {
		return nil
	}
	to := screen.Target{Name: name, NoteID: a.events[a.sel].NoteID}
	return a.deps.Open(to)
}

// Footline tells how much is shown.
func (a *Activity) Footline() string {
	n := screen.Count(len(a.events), "line", "lines")
	if !a.end && len(a.events) > 0 {
		n = screen.Number(len(a.events)) + " newest lines"
	}
	return n
}

// View draws the filters and the events.
func (a *Activity) View(width, height int) screen.Frame {
	p := a.deps.Theme.Pens()
	var lines []string
	if height > 4 {
		row := " "
		for i, f := range filters {
			if i == a.filter {
				row += " " + p.Title.Paint("["+f.name+"]")
			} else {
				row += "  " + p.Dim.Paint(f.name) + " "
			}
		}
		lines = append(lines, cells.FitStyled(row, width), cells.Blank(width))
	}
	a.height = max(height-len(lines), 1)
	a.move(0)
	switch {
	case a.oops != "":
		lines = append(lines, cells.FitStyled("   "+p.Warn.Paint(screen.Words(a.oops)), width))
	case len(a.events) == 0 && !a.busy:
		lines = append(lines, cells.FitStyled("   "+p.Dim.Paint(filters[a.filter].none+" esc goes back."), width))
	}
	for i := a.top; i < min(a.top+a.height, len(a.events)); i++ {
		lines = append(lines, a.row(p, a.events[i], i == a.sel, width))
	}
	return screen.Frame{Lines: blank(width, height, lines)}
}

func (a *Activity) row(p *screen.Pens, e model.Event, selected bool, width int) string {
	sign, text := words(e)
	when := stamp(e.At, a.deps.Now())
	title := a.titles[e.NoteID]
	titleWidth := 0
	if title != "" && width > 50 {
		titleWidth = min(width/3, 36)
	}
	room := max(width-3-len(when)-2-2-titleWidth-1, 4)
	if selected {
		s := " › " + cells.Fit(when, len(when)) + "  " + sign + " "
		if titleWidth > 0 {
			s += cells.Fit(title, titleWidth-2) + "  "
		}
		return p.Selected.Paint(cells.Fit(s+screen.Words(text), width))
	}
	s := "   " + p.Dim.Paint(when) + "  " + pen(p, e.Name).Paint(sign) + " "
	if titleWidth > 0 {
		s += cells.Fit(title, titleWidth-2) + "  "
	}
	return cells.FitStyled(s+p.Dim.Paint(cells.Cut(text, room)), width)
}
