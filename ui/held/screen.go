package held

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"stet/ui/screen"
)

// Held is the list of changes that wait for the user's consent.
type Held struct {
	deps     *screen.Deps
	consent  screen.Consent // nil where sync asks nobody
	notes    []screen.HeldNote
	undoable int
	have     bool
	busy     string // what is being done, in words
	oops     string
	sel, top int
	height   int
	req      uint64
}

// New returns the screen.
func New(deps *screen.Deps, _ screen.Target) screen.Screen {
	consent, _ := deps.Sync.(screen.Consent)
	return &Held{deps: deps, consent: consent, height: 1}
}

// Init reads what waits.
func (h *Held) Init() tea.Cmd { return h.load() }

// Title names the screen.
func (h *Held) Title() string { return "Waiting for you" }

// Typing is never true here.
func (h *Held) Typing() bool { return false }

type loaded struct {
	to       *Held
	req      uint64
	notes    []screen.HeldNote
	undoable int
	err      error
}

func (h *Held) load() tea.Cmd {
	h.req++
	req, consent := h.req, h.consent
	if consent == nil {
		h.have = true
		return nil
	}
	return func() tea.Msg {
		ctx := context.Background()
		out := loaded{to: h, req: req}
		if out.notes, out.err = consent.Held(ctx); out.err == nil {
			out.undoable, out.err = consent.Undoable(ctx)
		}
		return out
	}
}

// answered is what came of an answer.
type answered struct {
	to   *Held
	said string
	err  error
	undo bool // it can be taken back
}

// Update handles a message.
func (h *Held) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		return h.press(msg.String())
	case screen.NotesChanged, screen.Resumed:
		return h.load()
	case loaded:
		h.loaded(msg)
	case answered:
		return h.answered(msg)
	}
	return nil
}

func (h *Held) loaded(msg loaded) {
	if msg.to != h || msg.req != h.req {
		return
	}
	h.have, h.oops = true, ""
	if msg.err != nil {
		h.oops = "What waits cannot be read: " + msg.err.Error()
		return
	}
	var id string
	if h.sel < len(h.notes) {
		id = h.notes[h.sel].ID
	}
	h.notes, h.undoable = msg.notes, msg.undoable
	for i, n := range h.notes {
		if n.ID == id {
			h.top += i - h.sel
			h.sel = i
		}
	}
	h.move(0)
}

func (h *Held) answered(msg answered) tea.Cmd {
	if msg.to != h {
		return nil
	}
	h.busy = ""
	t := screen.Toast{Text: msg.said}
	switch {
	case msg.err != nil:
		t = screen.Toast{Text: "Not done: " + msg.err.Error(), Warn: true}
	case msg.undo:
		t.Text += " z undoes."
		t.Undo = h.undo()
	}
	return tea.Batch(h.load(), func() tea.Msg { return t })
}

// Keys returns what works now: the answers first.
func (h *Held) Keys() []screen.Binding {
	bind := screen.Bind
	none := h.busy
	if len(h.notes) == 0 {
		none = "nothing waits for you"
	}
	gone := h.busy
	if h.undoable == 0 {
		gone = "nothing was deleted or replaced"
	}
	return []screen.Binding{
		bind("go-on", "go on", "y", "y").Unless(none), bind("keep", "keep mine", "m", "m").Unless(none),
		bind("undo-sync", "bring back", "u", "u").Unless(gone),
		bind("open", "open the note", "enter", "enter", "l", "right").Unless(none),
		bind("again", "sync again", "S", "S"),
		bind("down", "down", "", "j", "down"), bind("up", "up", "", "k", "up"),
		bind("top", "first", "", "g", "home"), bind("bottom", "last", "", "G", "end"),
		bind("page-down", "page down", "", "pgdown", "ctrl+d", "space"), bind("page-up", "page up", "", "pgup", "ctrl+u", "b"),
		bind("leave", "close", "", "h", "left"),
	}
}

func (h *Held) press(key string) tea.Cmd {
	switch key {
	case "j", "down":
		h.move(1)
	case "k", "up":
		h.move(-1)
	case "g", "home":
		h.move(-len(h.notes))
	case "G", "end":
		h.move(len(h.notes))
	case "pgdown", "ctrl+d", "space":
		h.move(max(h.height-1, 1))
	case "pgup", "ctrl+u", "b":
		h.move(-max(h.height-1, 1))
	case "h", "left":
		return func() tea.Msg { return screen.Back{} }
	case "enter", "l", "right":
		if h.sel < len(h.notes) {
			return h.deps.Open(screen.Target{Name: screen.Reader, NoteID: h.notes[h.sel].ID})
		}
	case "S":
		sync := h.deps.Sync
		return func() tea.Msg {
			sync.SyncNow()
			return screen.Toast{Text: "Syncing."}
		}
	case "y", "m", "u":
		return h.answer(key)
	}
	return nil
}

// answer does what the user decided, off the loop.
func (h *Held) answer(key string) tea.Cmd {
	if h.consent == nil || h.busy != "" {
		return nil
	}
	switch {
	case key == "u" && h.undoable > 0:
		h.busy = "bringing them back"
		return h.undo()
	case key == "y" && len(h.notes) > 0:
		h.busy = "going on"
		return h.do(h.consent.GoOn, true)
	case key == "m" && len(h.notes) > 0:
		h.busy = "keeping them"
		return h.do(h.consent.KeepMine, false)
	}
	return nil
}

func (h *Held) undo() tea.Cmd { return h.do(h.consent.Undo, false) }

func (h *Held) do(what func(context.Context) (string, error), undo bool) tea.Cmd {
	return func() tea.Msg {
		said, err := what(context.Background())
		return answered{h, said, err, undo}
	}
}

// move moves the selection and keeps it in the window.
func (h *Held) move(n int) {
	h.sel = max(min(h.sel+n, len(h.notes)-1), 0)
	h.top = max(min(h.top, h.sel, len(h.notes)-h.height), h.sel-h.height+1, 0)
}
