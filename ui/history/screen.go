package history

import (
	"context"
	"slices"

	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/kit/sidediff"
	"stet/ui/kit/textview"
	"stet/ui/screen"
)

// mostVersions is how many texts are listed, newest first.
const mostVersions = 200

// History is the screen of one note's texts.
type History struct {
	deps     *screen.Deps
	id       string
	versions []model.Version // newest first
	loaded   bool
	oops     string
	sel      int
	top      int
	req      uint64

	toNow  bool // compare with the present text, not with the one before
	page   bool // the comparison covers the list where there is no room for both
	view   *textview.View
	made   comparison
	wanted comparison
	rows   []sidediff.Row
	width  int
	narrow bool
	height int // of the list
}

// comparison names two texts: from, 0 for none, to.
type comparison struct{ from, to int64 }

// New returns the history of target.NoteID.
func New(deps *screen.Deps, target screen.Target) screen.Screen {
	return &History{deps: deps, id: target.NoteID, view: textview.New(deps.Theme.TextView()), height: 1}
}

// Init reads the versions.
func (h *History) Init() tea.Cmd { return h.load() }

// Title names the note.
func (h *History) Title() string {
	if len(h.versions) == 0 || h.versions[0].Fields.Title == "" {
		return "History"
	}
	return "History: " + h.versions[0].Fields.Title
}

// Typing is never true here.
func (h *History) Typing() bool { return false }

type versionsRead struct {
	to       *History
	req      uint64
	versions []model.Version
	err      error
}

func (h *History) load() tea.Cmd {
	h.req++
	req, id, notes := h.req, h.id, h.deps.Notes
	return func() tea.Msg {
		vs, err := notes.History(context.Background(), id, mostVersions)
		return versionsRead{h, req, vs, err}
	}
}

func (h *History) read(msg versionsRead) tea.Cmd {
	if msg.to != h || msg.req != h.req {
		return nil
	}
	if msg.err != nil {
		h.oops = "The history cannot be read: " + msg.err.Error()
		return nil
	}
	var chosen int64
	if h.sel > 0 && h.sel < len(h.versions) {
		chosen = h.versions[h.sel].Version
	}
	h.oops, h.versions, h.loaded = "", msg.versions, true
	if i := slices.IndexFunc(h.versions, func(v model.Version) bool { return v.Version == chosen }); i >= 0 {
		h.top += i - h.sel
		h.sel = i
	}
	return h.move(0)
}

// move chooses a version and has it compared.
func (h *History) move(n int) tea.Cmd {
	h.sel = max(min(h.sel+n, len(h.versions)-1), 0)
	h.top = max(min(h.top, h.sel), h.sel-h.height+1, 0)
	return h.compare()
}

type compared struct {
	to   *History
	what comparison
	rows []sidediff.Row
}

// compare has the chosen version compared, off the loop.
func (h *History) compare() tea.Cmd {
	if len(h.versions) == 0 {
		return nil
	}
	v := h.versions[h.sel]
	var from, to *model.Version
	switch {
	case h.toNow && h.sel > 0:
		from, to = &v, &h.versions[0]
	case h.sel+1 < len(h.versions):
		from, to = &h.versions[h.sel+1], &v
	default:
		to = &v
	}
	want := comparison{to: to.Version}
	old, now := model.Fields{}, to.Fields
	if from != nil {
		want.from, old = from.Version, from.Fields
	}
	if want == h.wanted {
		return nil
	}
	h.wanted = want
	return func() tea.Msg { return compared{h, want, compare(old, now)} }
}

func (h *History) compared(msg compared) {
	if msg.to != h || msg.what != h.wanted {
		return
	}
	h.made, h.rows, h.width = msg.what, msg.rows, 0
	h.view.Top()
}

type restored struct {
	to   *History
	note model.Note
	from int64
	err  error
}

// restore makes the chosen text the newest one.
func (h *History) restore() tea.Cmd {
	if h.sel == 0 || h.sel >= len(h.versions) {
		return nil
	}
	return h.bring(h.versions[h.sel].Version)
}

func (h *History) bring(version int64) tea.Cmd {
	id, notes := h.id, h.deps.Notes
	return func() tea.Msg {
		n, err := notes.RestoreVersion(context.Background(), id, version)
		return restored{h, n, version, err}
	}
}

func (h *History) restored(msg restored) tea.Cmd {
	if msg.to != h {
		return nil
	}
	t := screen.Toast{Text: "Version " + screen.Number(int(msg.from)) + " is the newest again · z undoes"}
	if len(h.versions) > 0 {
		t.Undo = h.bring(h.versions[0].Version)
	}
	if msg.err != nil {
		t = screen.Toast{Text: "Not restored: " + msg.err.Error(), Warn: true}
	} else {
		h.sel, h.top = 0, 0
	}
	return tea.Batch(h.load(), func() tea.Msg { return t })
}

// Update handles a message.
func (h *History) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		return h.press(msg.String())
	case screen.NotesChanged, screen.Resumed:
		return h.load()
	case screen.ThemeChanged:
		h.width = 0
	case versionsRead:
		return h.read(msg)
	case compared:
		h.compared(msg)
	case restored:
		return h.restored(msg)
	}
	return nil
}

// Keys returns what works now.
func (h *History) Keys() []screen.Binding {
	bind := screen.Bind
	first := ""
	if h.sel == 0 || len(h.versions) == 0 {
		first = "this is the present text"
	}
	with := "compare with now"
	if h.toNow {
		with = "compare with the one before"
	}
	keys := []screen.Binding{
		bind("restore", "bring it back", "r", "r").Unless(first),
		bind("compare", with, "c", "c"),
		bind("older", "older", "j", "j", "down", ">"), bind("newer", "newer", "k", "k", "up", "<"),
		bind("scroll-down", "scroll", "space", "space", "J", "pgdown", "ctrl+d"),
		bind("scroll-up", "scroll back", "", "b", "K", "pgup", "ctrl+u"),
		bind("newest", "newest", "", "g", "home"), bind("oldest", "oldest", "", "G", "end"),
	}
	if h.narrow {
		if h.page {
			return append(keys, bind("list", "list of versions", "esc", "esc", "h", "left", "enter"))
		}
		keys = append([]screen.Binding{bind("open", "what changed", "enter", "enter", "l", "right")}, keys...)
	}
	return append(keys, bind("leave", "back", "", "h", "left"))
}

func (h *History) press(key string) tea.Cmd {
	switch key {
	case "j", "down", ">":
		return h.move(1)
	case "k", "up", "<":
		return h.move(-1)
	case "g", "home":
		return h.move(-len(h.versions))
	case "G", "end":
		return h.move(len(h.versions))
	case "space", "J", "pgdown", "ctrl+d":
		h.view.HalfPageDown()
	case "b", "K", "pgup", "ctrl+u":
		h.view.HalfPageUp()
	case "c":
		h.toNow = !h.toNow
		return h.compare()
	case "r":
		return h.restore()
	case "enter", "l", "right":
		h.page = h.narrow && !h.page
	case "esc":
		h.page = false
	case "h", "left":
		if h.narrow && h.page {
			h.page = false
			return nil
		}
		return func() tea.Msg { return screen.Back{} }
	}
	return nil
}
