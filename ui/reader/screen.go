package reader

import (
	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/kit/markdown"
	"stet/ui/kit/textview"
	"stet/ui/screen"
)

// Reader is the screen.
type Reader struct {
	deps *screen.Deps
	id   string
	note model.Note
	have bool
	said string // about the note, beside its text
	gone string // why there is nothing to read

	view  *textview.View
	doc   markdown.Doc // what is shown; Lines alone while it is plain
	raw   bool
	shown look // what doc was made from
	asked look
	width int
	bar   int // height of the body as last drawn

	find   string // to search when the text is there
	in     screen.Input
	typing bool
	pick   *picker
	task   int // chosen task, -1 for none

	req     uint64
	outside *model.Fields
}

// look names a picture of the text.
type look struct {
	seq   int64
	width int
	raw   bool
	dark  bool
}

// New returns the reader of target.NoteID; Find is searched at once.
func New(deps *screen.Deps, target screen.Target) screen.Screen {
	return &Reader{deps: deps, id: target.NoteID, find: target.Find, task: -1,
		view: textview.New(deps.Theme.TextView()), width: 80}
}

// Init reads the note.
func (r *Reader) Init() tea.Cmd { return r.load() }

// Title is the note's.
func (r *Reader) Title() string {
	if !r.have {
		return "Note"
	}
	return titleOf(r.note)
}

func titleOf(n model.Note) string {
	if n.Title != "" {
		return n.Title
	}
	if s := model.Snippet(n.Body); s != "" {
		return s
	}
	return "Untitled"
}

// Typing reports whether the search line is open.
func (r *Reader) Typing() bool { return r.typing }

// Update handles a message.
func (r *Reader) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		switch {
		case r.typing:
			r.typed(msg)
			return nil
		case r.pick != nil:
			return r.pickKey(msg.String())
		}
		return r.press(msg.String())
	case tea.PasteMsg:
		r.typed(msg)
	case tea.WindowSizeMsg:
		r.width = msg.Width
		return r.draw()
	case screen.ThemeChanged:
		r.view.SetStyles(r.deps.Theme.TextView())
		return r.draw()
	case screen.NotesChanged, screen.Resumed:
		return r.load()
	case screen.ExternalEdited:
		return r.edited(msg)
	case loaded:
		return r.loaded(msg)
	case drawn:
		r.drawn(msg)
	case saved:
		return r.saved(msg)
	case neighbour:
		return r.neighbour(msg)
	}
	return nil
}

// typed searches as one types; esc returns to where the search began.
func (r *Reader) typed(msg tea.Msg) {
	if key, ok := msg.(tea.KeyPressMsg); ok {
		switch key.String() {
		case "esc", "ctrl+g":
			r.typing = false
			r.view.Cancel()
			return
		case "enter":
			r.typing = false
			return
		}
	}
	if _, changed := r.in.Update(msg); changed {
		r.view.Search(r.in.Value())
	}
}

// Headline tells the note's state at the right of the header.
func (r *Reader) Headline() string {
	if !r.have {
		return ""
	}
	p := r.deps.Theme.Pens()
	symbol, word := screen.Badge(r.note.Status, false)
	pen := p.Dim
	switch r.note.Status {
	case model.NeedsReview, model.Failed:
		pen = p.Warn
	case model.Pending:
		pen = p.Accent
	}
	return pen.Paint(symbol+" "+word) + p.Dim.Paint("   "+screen.Words(screen.Ago(r.note.UpdatedAt, r.deps.Now())))
}
