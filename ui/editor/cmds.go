package editor

import (
	"context"
	"errors"
	"fmt"

	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/screen"
)

// The answers of commands. Each names the editor that asked.
type (
	opened struct {
		of    *Editor
		note  model.Note
		draft *model.Draft
		err   error

		rescued []model.Note
	}
	noteRead struct {
		of   *Editor
		id   string
		note model.Note
		err  error
	}
	saved struct {
		*attempt
		of     *Editor
		failed error
	}
	draftKept struct {
		of  *Editor
		at  stamp
		err error
	}
	quietPassed struct{ of *Editor }
	idlePassed  struct {
		of *Editor
		id uint64
	}
)

// load reads the note and a draft that was left behind.
func (e *Editor) load() tea.Cmd {
	id, key, notes := e.id, e.key, e.deps.Notes
	now := e.deps.Now()
	wanted := id != "" || e.target.Draft != ""
	return func() tea.Msg {
		ctx := context.Background()
		out := opened{of: e}
		if id != "" {
			if out.note, out.err = notes.Get(ctx, id); out.err != nil {
				return out
			}
		}
		if !wanted {
			out.rescued, _ = Rescue(ctx, notes, now) // what fails stays a draft for the next time
			return out
		}
		drafts, err := notes.Drafts(ctx)
		if err != nil {
			return out // the note itself is there; a draft is a help, not a need
		}
		for _, d := range drafts {
			if d.Key == key || id != "" && d.NoteID == id {
				out.draft = &d
			}
		}
		return out
	}
}

// store starts a save of the text as it stands, nil when it is stored.
func (e *Editor) store(leave bool) tea.Cmd {
	if !e.dirty() {
		return nil
	}
	if last := e.save.last; last != nil && last.stamp == e.text.stamp() {
		last.leave = last.leave || leave // it is on its way
		return func() tea.Msg { <-last.done; return nil }
	}
	a := newAttempt(e.save.last, e.id, e.base, e.text.fields(e.base), e.text.stamp())
	a.pin, a.leave = e.pinned, leave
	e.pinned = false
	e.save.last = a
	e.log.number++
	notes, log, number, draft := e.deps.Notes, e.log.journal, e.log.number, e.draft()
	return func() tea.Msg {
		ctx := context.Background()
		a.run(ctx, notes)
		if a.err == nil {
			_ = log.drop(ctx, number, draft.Key) // it equals the note: never offered again
		} else if err := log.put(ctx, number, draft); err != nil {
			return saved{a, e, errors.Join(a.err, fmt.Errorf("%w: %w", errNoDraft, err))}
		}
		return saved{a, e, a.err}
	}
}

// errNoDraft marks a save whose draft could not be written either.
var errNoDraft = errors.New("keep draft")

func (e *Editor) draft() model.Draft {
	return model.Draft{Key: e.key, NoteID: e.id, Base: e.base, Text: e.text.fields(e.base),
		Cursor: e.text.body.Cursor(), At: e.deps.Now()}
}

// saved takes the outcome of a save. Only the newest attempt's counts: the
// earlier ones are part of it.
func (e *Editor) saved(msg saved) tea.Cmd {
	if msg.of != e || msg.attempt != e.save.last {
		return nil
	}
	e.save.last = nil
	if msg.failed != nil {
		return e.saveFailed(msg)
	}
	e.save.failed, e.save.refused = "", false
	was := e.note.Status
	if msg.note.ID != "" {
		e.note, e.id, e.key = msg.note, msg.note.ID, msg.note.ID
	}
	unchanged := e.text.stamp() == msg.stamp
	switch {
	case !unchanged:
		if !e.pinned {
			e.base = msg.text
		}
	case model.SameText(msg.note.Fields, msg.text):
		e.base, e.clean = msg.note.Fields, msg.stamp
	default:
		e.take(msg.note.Fields)
		e.say("Merged with what changed elsewhere", false)
	}
	if unchanged && e.beneath {
		e.beneath = false
		e.notice = notice{}
	}
	var cmds []tea.Cmd
	if msg.note.Status == model.NeedsReview && was != model.NeedsReview {
		cmds = append(cmds, toast("Edited in two places · needs review", true))
	}
	if msg.leave && unchanged {
		return tea.Batch(append(cmds, ask(screen.Back{}))...)
	}
	if !unchanged {
		cmds = append(cmds, e.keepDraft()) // the last one has the old base
		if msg.leave {
			cmds = append(cmds, e.store(true))
		}
	}
	return tea.Batch(cmds...)
}

// saveFailed keeps the text and tells the truth about where it is.
func (e *Editor) saveFailed(msg saved) tea.Cmd {
	e.pinned = e.pinned || msg.pin
	e.save.failed = cause(msg.err)
	e.save.inDraft = !errors.Is(msg.failed, errNoDraft)
	e.save.refused, e.save.refusedAt = msg.leave, msg.stamp
	how, where := "", "the text is kept in the draft"
	if !e.save.inDraft {
		where = "the draft could not be written either: the text is only here"
	}
	switch {
	case msg.leave && e.save.inDraft:
		how = "esc again or ctrl+c leaves; "
	case msg.leave:
		how = "ctrl+c leaves and loses it; "
	}
	e.say(e.save.failed+", not saved · "+how+where, true)
	return e.waitIdle()
}

// leave saves and goes back. It is refused once when that fails; the second
// time it goes if the text is in the draft.
func (e *Editor) leave() tea.Cmd {
	if e.save.refused && e.save.inDraft && e.save.refusedAt == e.text.stamp() {
		return ask(screen.Back{})
	}
	if cmd := e.store(true); cmd != nil {
		return cmd
	}
	return tea.Sequence(e.forget(), ask(screen.Back{}))
}

// leaving saves because the app closes the screen: the command has done so when
// it ends.
func (e *Editor) leaving() tea.Cmd {
	if cmd := e.store(false); cmd != nil {
		return cmd
	}
	return e.forget()
}

// forget drops the draft of a text that is stored.
func (e *Editor) forget() tea.Cmd {
	if e.log.number == 0 && e.back == nil {
		return nil
	}
	log, number, key := e.log.journal, e.log.number, e.key
	return func() tea.Msg {
		_ = log.drop(context.Background(), number, key) // it equals the note, so it is never offered
		return nil
	}
}

// typed starts the journal's and the idle save's clocks after a change.
func (e *Editor) typed() tea.Cmd {
	if e.log.ticking {
		return nil
	}
	e.log.ticking, e.log.waited, e.log.seen = true, 0, e.text.stamp()
	return e.tick()
}

func (e *Editor) tick() tea.Cmd {
	return e.deps.After(quiet, quietPassed{e})
}

func (e *Editor) quietPassed(msg quietPassed) tea.Cmd {
	if msg.of != e || !e.log.ticking {
		return nil
	}
	now := e.text.stamp()
	if now != e.log.seen && e.log.waited < patience {
		e.log.seen = now
		e.log.waited++
		return e.tick()
	}
	e.log.ticking = false
	var again tea.Cmd
	if now != e.log.seen {
		again = e.typed() // typing goes on
	}
	return tea.Batch(e.keepDraft(), e.waitIdle(), again)
}

// keepDraft journals the text as it stands, nil if that is done.
func (e *Editor) keepDraft() tea.Cmd {
	if !e.dirty() {
		return nil
	}
	e.log.number++
	number, d, at, log := e.log.number, e.draft(), e.text.stamp(), e.log.journal
	return func() tea.Msg { return draftKept{e, at, log.put(context.Background(), number, d)} }
}

func (e *Editor) draftKept(msg draftKept) tea.Cmd {
	if msg.of != e {
		return nil
	}
	if msg.err != nil {
		e.say(cause(msg.err)+": the draft could not be written, the text is only here", true)
		e.save.inDraft = false
		return nil
	}
	e.log.at = msg.at
	if !e.save.inDraft && e.notice.warn && e.save.failed == "" {
		e.notice = notice{}
	}
	e.save.inDraft = true
	return nil
}

func (e *Editor) waitIdle() tea.Cmd {
	e.log.idle++
	id := e.log.idle
	return e.deps.After(idleSave, idlePassed{e, id})
}

func (e *Editor) idlePassed(msg idlePassed) tea.Cmd {
	if msg.of != e || msg.id != e.log.idle || e.log.ticking || e.save.last != nil {
		return nil
	}
	return e.store(false)
}

// saveNow is ctrl+s: save, and sync soon.
func (e *Editor) saveNow() tea.Cmd {
	cmd := e.store(false)
	if cmd == nil {
		cmd = toast("Saved", false)
	}
	sync := e.deps.Sync
	return tea.Sequence(cmd, func() tea.Msg {
		if sync != nil {
			sync.SyncNow()
		}
		return nil
	})
}

func toast(s string, warn bool) tea.Cmd { return ask(screen.Toast{Text: s, Warn: warn}) }

func ask(msg tea.Msg) tea.Cmd { return func() tea.Msg { return msg } }
