package merge

import (
	"context"
	"errors"
	"fmt"
	"sync"

	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/screen"
)

// The answers of commands. Each names the screen that asked.
type (
	loaded struct {
		of     *Merge
		id     string
		found  bool
		err    error
		note   model.Note
		review model.Review
		names  names
		sides  sides

		walk     *walk // for a first look, with the draft's choices made again
		hadDraft bool
		draftRev int64
		replayed replayed
	}
	resolved struct {
		of   *Merge
		note model.Note
		next *model.Head
		err  error
	}
	quietPassed struct{ of *Merge }
	draftKept   struct {
		of    *Merge
		at    keptAt
		err   error
		leave bool
	}
)

// load reads the review, and merges it if it was not seen before.
func (m *Merge) load() tea.Cmd {
	id, first, deps := m.id, m.walk == nil, m.deps
	return func() tea.Msg {
		out := loaded{of: m, id: id}
		out.err = out.read(context.Background(), deps)
		if out.err == nil && out.found && first {
			out.walk = newWalk(out.sides)
			if d, ok := readDraft(out.review.Draft); ok {
				out.hadDraft, out.draftRev = true, d.Remote
				out.replayed = out.walk.replay(d)
			}
		}
		return out
	}
}

func (l *loaded) read(ctx context.Context, deps *screen.Deps) error {
	if l.id == "" {
		heads, err := deps.Notes.Reviews(ctx)
		if err != nil || len(heads) == 0 {
			return err
		}
		l.id = heads[0].ID
	}
	var err error
	if l.review, l.found, err = deps.Notes.Review(ctx, l.id); err != nil || !l.found {
		return err
	}
	if l.note, err = deps.Notes.Get(ctx, l.id); err != nil {
		return fmt.Errorf("read note in review: %w", err)
	}
	device := l.note.Device
	if deps.Sync != nil {
		if a, err := deps.Sync.Account(ctx); err == nil && a.Device != "" {
			device = a.Device
		}
	}
	l.names = sideNames(device, l.note, l.review.Remote, deps.Now())
	l.sides = sides{l.review.Base, l.note.Fields, l.review.Remote.Fields}
	return nil
}

// save ends the review if nothing is open.
func (m *Merge) save() tea.Cmd {
	f, err := m.walk.final()
	if errors.Is(err, errOpen) {
		m.say(plural(m.walk.open, "left")+" · nothing is saved before all are chosen", true)
		m.walk.at = m.walk.firstOpen()
		m.panes.wanted = m.walk.at
		return nil
	}
	if err != nil {
		m.say("Not saved: "+err.Error(), true)
		return nil
	}
	m.saving = true
	id, seen, notes := m.id, m.seen, m.deps.Notes
	return func() tea.Msg {
		ctx := context.Background()
		out := resolved{of: m}
		if out.note, out.err = notes.Resolve(ctx, id, seen, f); out.err != nil {
			return out
		}
		if heads, err := notes.Reviews(ctx); err == nil && len(heads) > 0 {
			out.next = &heads[0]
		}
		return out
	}
}

// resolved goes on to the next review, or says why this one is not over.
func (m *Merge) resolved(msg resolved) tea.Cmd {
	if msg.of != m {
		return nil
	}
	m.saving = false
	switch {
	case errors.Is(msg.err, model.ErrReviewMoved):
		m.say(m.names.theirs+" changed the note again; looking at what is new", false)
		return m.load()
	case errors.Is(msg.err, model.ErrNotInReview), errors.Is(msg.err, model.ErrNotFound):
		m.failed, m.walk = "This review was ended elsewhere. Both texts are in the history.", nil
		return nil
	case msg.err != nil:
		m.say("Not saved, your choices are kept: "+msg.err.Error(), true)
		return m.chosen()
	}
	m.over, m.next = true, msg.next
	if msg.next != nil {
		return nil
	}
	return tea.Sequence(ask(screen.Toast{Text: "Saved. Nothing else needs review."}), ask(screen.Back{}))
}

// goOn opens the next review in this screen's place.
func (m *Merge) goOn() tea.Cmd {
	id := m.next.ID
	*m = Merge{deps: m.deps, id: id, layout: m.layout, drafts: &drafts{notes: m.deps.Notes}, panes: panes{wanted: -1}}
	return m.load()
}

// drafts writes the draft of one review. Commands run in any order, so each
// carries a number, and an older draft never replaces a newer one.
type drafts struct {
	notes screen.Notes

	mu      sync.Mutex
	written uint64
}

func (d *drafts) put(ctx context.Context, n uint64, id string, draft []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n <= d.written {
		return nil
	}
	d.written = n
	return d.notes.PutReviewDraft(ctx, id, draft)
}

// keepDraft writes the choices, nil when they are written.
func (m *Merge) keepDraft() tea.Cmd {
	if m.walk == nil || m.over || m.saving || (keptAt{m.walk, m.walk.stamp}) == m.kept {
		return nil
	}
	m.number++
	at := keptAt{m.walk, m.walk.stamp}
	d, n, id, leave, to := m.walk.draft(m.seen), m.number, m.id, m.leaving, m.drafts
	return func() tea.Msg {
		var b []byte
		var err error
		if len(d.Steps) > 0 {
			if b, err = d.encode(); err != nil {
				return draftKept{m, at, err, leave}
			}
		}
		return draftKept{m, at, to.put(context.Background(), n, id, b), leave}
	}
}

func (m *Merge) draftKept(msg draftKept) tea.Cmd {
	switch {
	case msg.of != m || msg.at.walk != m.walk: // of a review that is over
	case msg.err == nil:
		m.kept = msg.at
		if msg.leave {
			return ask(screen.Back{})
		}
	case errors.Is(msg.err, model.ErrNotInReview), errors.Is(msg.err, model.ErrNotFound):
		if msg.leave {
			return ask(screen.Back{})
		}
	case msg.leave && m.warn:
		return ask(screen.Back{}) // told once
	default:
		m.leaving = false
		m.say("The choices could not be kept: "+msg.err.Error(), true)
	}
	return nil
}

// leave keeps the choices and goes back; the note stays in review.
func (m *Merge) leave() tea.Cmd {
	m.leaving = true
	if cmd := m.keepDraft(); cmd != nil {
		return cmd
	}
	return ask(screen.Back{})
}

// handOver gives the whole result to $EDITOR.
func (m *Merge) handOver() tea.Cmd {
	f, err := m.walk.result()
	if err != nil || f.Deleted || m.walk.sheet.hunks == nil {
		m.say("There is no merged text to edit", true)
		return nil
	}
	if m.deps.EditExternally == nil {
		return nil
	}
	m.handed = &handout{f.Body, m.walk.sheet.remote.Body}
	return m.deps.EditExternally("merge:"+m.id, f.Body)
}

// edited takes the whole result back.
func (m *Merge) edited(msg screen.ExternalEdited) tea.Cmd {
	h := m.handed
	if h == nil || msg.Key != "merge:"+m.id || m.walk == nil {
		return nil
	}
	m.handed = nil
	switch {
	case msg.Err != nil:
		m.say(msg.Err.Error(), true)
		return nil
	case msg.Text == h.body:
		return nil
	}
	m.walk.takeWhole(msg.Text, h.seen)
	m.panes.wanted = m.walk.at
	m.say("The edited text is the result · u takes it back", false)
	return m.chosen()
}

func ask(msg tea.Msg) tea.Cmd { return func() tea.Msg { return msg } }
