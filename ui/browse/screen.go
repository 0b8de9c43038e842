package browse

import (
	"errors"

	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/screen"
)

// Browse is the list screen.
type Browse struct {
	deps   *screen.Deps
	places []*place // what is listed; the last one is shown
	counts model.Counts
	known  bool // counts were read

	line screen.Input // the query
	in   screen.Input // what a prompt asks for
	ask  asking
	oops string // what is wrong with the query

	marks    map[string]bool
	actions  actions
	preview  preview
	wide     bool // the preview is wanted where there is room
	outside  map[string]model.Fields
	books    []string // known notebooks, for completion
	problem  string   // why the list could not be read
	wroteNew bool     // the editor was opened for a new note
	width    int
	height   int
}

// asking is what the input line asks for.
type asking int

const (
	nothing asking = iota
	forQuery
	forTags
	forBook
)

// New returns the list. A target with Find opens it searching.
func New(deps *screen.Deps, target screen.Target) screen.Screen {
	b := &Browse{deps: deps, wide: true, marks: map[string]bool{}, outside: map[string]model.Fields{}}
	b.places = []*place{newPlace("Notes", model.Query{})}
	b.preview = newPreview(deps)
	if target.Find != "" {
		b.line.SetValue(target.Find)
	}
	return b
}

// Init loads the first rows and nothing else.
func (b *Browse) Init() tea.Cmd {
	first := b.load(b.place().list.Start())
	if b.line.Value() == "" {
		return first
	}
	b.openSearch()
	return tea.Batch(first, b.searchChanged())
}

// Title names what is listed.
func (b *Browse) Title() string { return b.place().title }

// Typing reports whether the input line is open.
func (b *Browse) Typing() bool { return b.ask != nothing }

// Update handles a message.
func (b *Browse) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		if b.ask != nothing {
			return b.typed(msg)
		}
		return b.press(msg.String())
	case tea.PasteMsg:
		return b.typed(msg)
	case tea.WindowSizeMsg:
		return b.resize(msg.Width, msg.Height)
	case screen.NotesChanged:
		return b.reload()
	case screen.Resumed:
		return b.resumed()
	case screen.CountsLoaded:
		b.counts, b.known = msg.Counts, true
	case screen.ThemeChanged:
		b.preview.view.SetStyles(b.deps.Theme.TextView())
		return b.showSelected()
	case screen.ExternalEdited:
		return b.edited(msg)
	case rowsLoaded:
		return b.rowsLoaded(msg)
	case noteShown:
		return b.noteShown(msg)
	case rendered:
		b.preview.rendered(msg)
	case acted:
		return b.acted(msg)
	case purgeNow:
		return b.purgeConfirmed(msg)
	case bodyRead:
		return b.bodyRead(msg)
	case booksRead:
		b.books = msg.names
	}
	return nil
}

// resize learns the size early, so that the first rows fill the window.
func (b *Browse) resize(width, height int) tea.Cmd {
	b.width, b.height = width, height
	return tea.Batch(b.load(b.place().list.SetHeight(b.listHeight())), b.showSelected())
}

// resumed reads again, because another screen may have changed the note; after
// writing a new note that one is selected.
func (b *Browse) resumed() tea.Cmd {
	if b.wroteNew {
		b.wroteNew = false
		return b.selectNewest()
	}
	return b.reload()
}

// sentence tells an error in words that help.
func sentence(err error) string {
	switch {
	case errors.Is(err, model.ErrNotFound):
		return "That note is gone."
	case errors.Is(err, model.ErrBusy):
		return "The store is busy. Try again."
	case errors.Is(err, model.ErrReadOnly), errors.Is(err, model.ErrNewerSchema):
		return "This store can only be read here."
	case errors.Is(err, model.ErrCorrupt):
		return "The store is damaged. stet doctor can help."
	}
	return err.Error()
}
