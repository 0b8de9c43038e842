package merge

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/kit/cells"
	"stet/ui/kit/textbuf"
	"stet/ui/screen"
)

// Merge is the screen that ends one review after the other. Make it with New.
type Merge struct {
	deps *screen.Deps
	id   string

	title  string
	seen   int64 // the other side's revision that is shown
	names  names
	walk   *walk
	failed string // why there is nothing to merge

	panes   panes
	layout  layout
	papered paperKey
	paint   *drawing
	ofTheme *screen.Pens

	chord    string // the first key of a pair: "]", "[", "ctrl+g"
	editing  *textbuf.Buffer
	editFrom string // the text that editing began with
	keys     screen.BodyKeys
	wide     int      // width that editing was laid out for
	handed   *handout // the text is with an outside editor
	notice   string
	warn     bool

	saving  bool
	leaving bool
	over    bool        // saved
	next    *model.Head // the next note that needs review, after saving

	drafts  *drafts
	number  uint64
	ticking bool
	kept    keptAt // what is in the draft
}

// names are the sides as the user knows them.
type names struct {
	mine, theirs         string // short
	mineFull, theirsFull string // with device and time
}

// keptAt is a state of a walk.
type keptAt struct {
	walk  *walk
	stamp uint64
}

// handout is what an outside editor was given, and what it was made from.
type handout struct{ body, seen string }

// paperKey is what a paper was laid out for.
type paperKey struct {
	sheet  *sheet
	layout layout
}

// quiet is how long choices rest before they are written to the draft.
const quiet = 300 * time.Millisecond

// New returns the merge screen for target.NoteID, or for the note that has
// waited longest.
func New(deps *screen.Deps, target screen.Target) screen.Screen {
	return &Merge{deps: deps, id: target.NoteID, drafts: &drafts{notes: deps.Notes}, panes: panes{wanted: -1}}
}

// Init loads the review.
func (m *Merge) Init() tea.Cmd { return m.load() }

// Title is the note's title.
func (m *Merge) Title() string {
	if m.title == "" {
		return "Needs review"
	}
	return cells.CleanLine(m.title)
}

// Headline tells how far the merge is.
func (m *Merge) Headline() string {
	if m.walk == nil || m.over {
		return ""
	}
	return headline(m.walk)
}

// Footline tells how much is left.
func (m *Merge) Footline() string {
	if m.walk == nil || m.over {
		return ""
	}
	if m.walk.open == 0 {
		return "all chosen · s saves"
	}
	return plural(m.walk.open, "left")
}

// Typing reports whether a hunk is being edited.
func (m *Merge) Typing() bool { return m.editing != nil }

// Update handles a message.
func (m *Merge) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		return m.press(msg)
	case tea.PasteMsg:
		if m.editing != nil {
			m.keys.Update(m.editing, msg)
		}
	case loaded:
		return m.loaded(msg)
	case resolved:
		return m.resolved(msg)
	case quietPassed:
		if msg.of == m {
			m.ticking = false
			return m.keepDraft()
		}
	case draftKept:
		return m.draftKept(msg)
	case screen.NotesChanged, screen.Resumed:
		if m.walk != nil && !m.over && !m.saving {
			return m.load()
		}
	case screen.Leaving:
		m.takeEdit()
		return m.keepDraft()
	case screen.ExternalEdited:
		return m.edited(msg)
	}
	return nil
}

// loaded takes a review: the first one, or what became of it meanwhile.
func (m *Merge) loaded(msg loaded) tea.Cmd {
	if msg.of != m || m.over || m.saving || m.id != "" && msg.id != m.id && msg.id != "" {
		return nil
	}
	switch {
	case msg.err != nil && m.walk == nil:
		m.failed = msg.err.Error()
		return nil
	case msg.err != nil:
		m.say("The review could not be read again: "+msg.err.Error(), true)
		return nil
	case !msg.found && m.walk == nil:
		m.failed = "Nothing needs review."
		return nil
	case !msg.found:
		m.failed, m.walk = "This review was ended elsewhere. Both texts are in the history.", nil
		return nil
	}
	m.id, m.title, m.seen, m.names = msg.id, msg.note.Title, msg.review.Remote.Rev, msg.names
	if m.walk == nil {
		return m.begin(msg)
	}
	return m.moved(msg.sides)
}

// begin shows a review, with the choices that were made before.
func (m *Merge) begin(msg loaded) tea.Cmd {
	m.walk, m.kept, m.panes = msg.walk, keptAt{msg.walk, msg.walk.stamp}, panes{wanted: msg.walk.at}
	r := msg.replayed
	if !msg.hadDraft {
		return nil
	}
	switch {
	case r.dropped == 0 && msg.draftRev == m.seen:
		m.say("Your choices are as you left them", false)
	default:
		m.say(m.names.theirs+" changed the note meanwhile · "+plural(r.kept, "kept")+", "+plural(m.walk.open, "to look at"), false)
	}
	return nil
}

// moved takes sides that changed while the screen was open: choices that still
// fit stand, the rest is asked.
func (m *Merge) moved(s sides) tea.Cmd {
	m.takeEdit()
	next, r, moved := m.walk.moved(s)
	if !moved {
		return nil
	}
	m.walk = next
	m.panes.wanted = next.at
	m.say(m.names.theirs+" changed the note again · "+plural(r.kept, "choices kept")+", "+plural(next.open, "to look at"), false)
	return m.chosen()
}

// chosen starts the draft's clock after something was chosen.
func (m *Merge) chosen() tea.Cmd {
	if m.ticking {
		return nil
	}
	m.ticking = true
	return m.deps.After(quiet, quietPassed{m})
}

func (m *Merge) say(s string, warn bool) { m.notice, m.warn = s, warn }

// takeEdit ends the editing of a hunk; what was typed is the choice.
func (m *Merge) takeEdit() {
	if m.editing == nil {
		return
	}
	m.decideEdited(m.editing.String())
	m.editing = nil
}
