package editor

import (
	"context"
	"errors"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/screen"
)

// field is the part of the editor that has the cursor.
type field int

const (
	inTitle field = iota
	inBody
)

// Editor is the screen that edits one note. Make it with New.
type Editor struct {
	deps   *screen.Deps
	target screen.Target

	id, key string       // note and draft; id is "" before the first save of a new note
	base    model.Fields // the stored text that the one in the editor descends from
	pinned  bool         // base stays whatever an earlier save stores
	note    model.Note   // the note as last read or saved
	text    *text
	at      field
	loaded  bool
	early   []tea.Msg // keys that came before the note did
	missing string    // why there is nothing to edit

	clean    stamp         // the text that is stored
	back     *model.Fields // the saved text, while ctrl+z brings it back from a recovery
	backAt   stamp         // the recovered text
	beneath  bool          // the note moved while something was typed
	notice   notice
	asking   prompt
	lastFind string
	body     screen.BodyKeys
	handed   *handout // text is with an outside editor

	save saving
	log  journaling
	draw drawn
}

// notice is the line at the bottom, "" for none.
type notice struct {
	text string
	warn bool
}

// handout is what an outside editor was given.
type handout struct {
	body string
	base model.Fields
}

// saving is where saves stand.
type saving struct {
	last      *attempt // the newest one while its answer is awaited, else nil
	failed    string   // why the last one failed
	refused   bool     // leaving was refused because of that
	refusedAt stamp    // the text then
	inDraft   bool     // what is unsaved is in the draft
}

// journaling is where the draft stands.
type journaling struct {
	*journal
	number  uint64 // of the last draft written
	at      stamp  // the text of the last draft
	seen    stamp  // the text at the last tick
	waited  int    // ticks since something was journaled
	ticking bool
	idle    uint64 // number of the running idle timer
}

// How long the journal waits for a pause, how many such waits it takes at most,
// and how long a pause is a save.
const (
	quiet    = 300 * time.Millisecond
	patience = 5
	idleSave = 30 * time.Second
)

// New returns the editor for target.NoteID, or for a new note.
func New(deps *screen.Deps, target screen.Target) screen.Screen {
	e := &Editor{deps: deps, target: target, id: target.NoteID, key: target.NoteID, text: newText(), at: inBody}
	e.log.journal = &journal{notes: deps.Notes}
	if e.key == "" {
		e.at = inTitle
		e.key = target.Draft
		if e.key == "" {
			e.key = "new-" + deps.Now().UTC().Format("20060102T150405.000000000")
		}
	}
	e.base.Notebook = target.Notebook
	e.text.load(e.base)
	e.clean = e.text.stamp()
	e.loaded = e.id == "" && target.Draft == ""
	return e
}

// Init loads the note and its draft.
func (e *Editor) Init() tea.Cmd { return e.load() }

// Title names the screen.
func (e *Editor) Title() string {
	if e.id == "" {
		return "New note"
	}
	return "Edit"
}

// Typing reports that keys are text.
func (e *Editor) Typing() bool { return e.missing == "" }

// Update handles a message.
func (e *Editor) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg, tea.PasteMsg:
		return e.typing(msg)
	case opened:
		return e.opened(msg)
	case noteRead:
		return e.noteRead(msg)
	case saved:
		return e.saved(msg)
	case draftKept:
		return e.draftKept(msg)
	case quietPassed:
		return e.quietPassed(msg)
	case idlePassed:
		return e.idlePassed(msg)
	case screen.NotesChanged, screen.Resumed:
		return e.reread()
	case screen.Leaving:
		return e.leaving()
	case screen.ExternalEdited:
		return e.edited(msg)
	}
	return nil
}

// opened takes the note and, if one was left behind, the draft.
func (e *Editor) opened(msg opened) tea.Cmd {
	if msg.of != e {
		return nil
	}
	if msg.err != nil {
		e.missing = "This note could not be opened: " + msg.err.Error()
		if errors.Is(msg.err, model.ErrNotFound) {
			e.missing = "This note is no more."
		}
		return nil
	}
	if n := len(msg.rescued); n > 0 {
		return toast(fmt.Sprintf("Kept from before stet ended: %d unfinished %s, now in the list", n, noun(n)), false)
	}
	if e.loaded {
		return nil
	}
	e.loaded = true
	if e.id != "" {
		e.note, e.base = msg.note, msg.note.Fields
		e.text.load(e.base)
		e.clean = e.text.stamp()
	}
	if e.target.Find != "" {
		e.find(e.target.Find)
		e.text.body.SetQuery("", false)
		e.text.body.Unselect()
	}
	if d := msg.draft; d != nil && !model.SameText(d.Text, e.base) {
		e.recover(*d)
	}
	var cmds []tea.Cmd
	for _, key := range e.early {
		cmds = append(cmds, e.Update(key))
	}
	e.early = nil
	return tea.Batch(cmds...)
}

// recover puts a draft into the editor as a change that ctrl+z takes back.
func (e *Editor) recover(d model.Draft) {
	old := e.base
	e.text.apply(d.Text)
	e.text.body.SetCursor(d.Cursor)
	e.at = inBody
	e.back, e.backAt = &old, e.text.stamp()
	e.base = d.Base
	e.log.at = e.backAt
	e.save.inDraft = true
	e.say("Recovered what was typed before stet ended · ctrl+z brings the saved text back", false)
}

// reread asks for the note as it stands.
func (e *Editor) reread() tea.Cmd {
	if !e.loaded || e.id == "" {
		return nil
	}
	id := e.id
	return func() tea.Msg {
		note, err := e.deps.Notes.Get(context.Background(), id)
		return noteRead{e, id, note, err}
	}
}

// noteRead takes what the note has become: at once when nothing was typed,
// with the save otherwise.
func (e *Editor) noteRead(msg noteRead) tea.Cmd {
	if msg.of != e || msg.id != e.id || msg.err != nil || e.save.last != nil {
		return nil
	}
	moved := msg.note.Seq != e.note.Seq || !model.SameText(msg.note.Fields, e.note.Fields)
	e.note = msg.note
	switch {
	case msg.note.Deleted:
		e.say("This note is in the trash; saving brings it back", false)
	case model.SameText(msg.note.Fields, e.base) || !moved:
	case e.text.stamp() == e.clean:
		e.take(msg.note.Fields)
		e.say("Taken over from "+device(msg.note), false)
	default:
		e.beneath = true
		e.say("Also changed elsewhere; both will be merged when you leave", false)
	}
	return nil
}

// take makes stored fields the text of the editor.
func (e *Editor) take(f model.Fields) {
	e.text.apply(f)
	e.base, e.clean, e.beneath = f, e.text.stamp(), false
}

func (e *Editor) dirty() bool { return e.loaded && e.text.stamp() != e.clean }

func (e *Editor) say(s string, warn bool) { e.notice = notice{s, warn} }

func noun(n int) string {
	if n == 1 {
		return "note"
	}
	return "notes"
}

func device(n model.Note) string {
	if n.Device == "" {
		return "another device"
	}
	return n.Device
}
