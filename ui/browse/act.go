package browse

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/screen"
)

// actions run one after the other, so that an undo never overtakes what it
// takes back.
type actions struct {
	queue  []job
	busy   bool
	done   []*step // can be undone, last at the end
	undone []*step // can be done again
}

// step is an action of the user: what it says, and the way there and back.
type step struct {
	said string // "Moved to trash"
	do   work
	back work
}

// work is one or more writes, off the loop.
type work func(ctx context.Context, notes screen.Notes) error

// job is a step on its way in one direction.
type job struct {
	*step
	run  work
	kind direction
}

type direction int

const (
	doing direction = iota
	undoing
	redoing
)

type acted struct {
	to  *Browse
	job job
	err error
}

// act queues a new step.
func (b *Browse) act(said string, do, back work) tea.Cmd {
	b.actions.undone = nil
	s := &step{said, do, back}
	return b.enqueue(job{s, do, doing})
}

func (b *Browse) undo() tea.Cmd {
	// A step that still waits in the queue will be undone when it is done.
	if n := len(b.actions.done); n > 0 {
		s := b.actions.done[n-1]
		b.actions.done = b.actions.done[:n-1]
		return b.enqueue(job{s, s.back, undoing})
	}
	return toast("Nothing to undo.")
}

func (b *Browse) redo() tea.Cmd {
	if n := len(b.actions.undone); n > 0 {
		s := b.actions.undone[n-1]
		b.actions.undone = b.actions.undone[:n-1]
		return b.enqueue(job{s, s.do, redoing})
	}
	return toast("Nothing to redo.")
}

func (b *Browse) enqueue(j job) tea.Cmd {
	if j.kind == undoing {
		b.actions.undone = append(b.actions.undone, j.step)
	} else if j.back != nil {
		b.actions.done = append(b.actions.done, j.step)
	}
	b.actions.queue = append(b.actions.queue, j)
	return b.runNext()
}

func (b *Browse) runNext() tea.Cmd {
	a := &b.actions
	if a.busy || len(a.queue) == 0 {
		return nil
	}
	a.busy = true
	j := a.queue[0]
	a.queue = a.queue[1:]
	notes := b.deps.Notes
	return func() tea.Msg { return acted{b, j, j.run(context.Background(), notes)} }
}

// acted tells what happened and how to take it back, and reads the list again.
func (b *Browse) acted(msg acted) tea.Cmd {
	if msg.to != b {
		return nil
	}
	b.actions.busy = false
	say := msg.job.said
	switch {
	case msg.err != nil:
		b.forget(msg.job.step)
		return tea.Batch(b.runNext(), b.reload(), warn("Not done: "+sentence(msg.err)))
	case msg.job.kind == undoing:
		say = "Undone: " + lower(say) + " · Z redoes"
	case msg.job.back != nil:
		say += " · z undoes"
	}
	return tea.Batch(b.runNext(), b.reload(), toast(say))
}

// forget takes a step that failed out of both stacks.
func (b *Browse) forget(s *step) {
	keep := func(steps []*step) []*step {
		var out []*step
		for _, t := range steps {
			if t != s {
				out = append(out, t)
			}
		}
		return out
	}
	b.actions.done, b.actions.undone = keep(b.actions.done), keep(b.actions.undone)
}

func lower(s string) string {
	if s != "" && s[0] >= 'A' && s[0] <= 'Z' {
		return string(s[0]+'a'-'A') + s[1:]
	}
	return s
}

func toast(text string) tea.Cmd { return func() tea.Msg { return screen.Toast{Text: text} } }

func warn(text string) tea.Cmd { return func() tea.Msg { return screen.Toast{Text: text, Warn: true} } }

// chosen returns the marked notes, or the selected one.
func (b *Browse) chosen() []string {
	var ids []string
	for id := range b.marks {
		ids = append(ids, id)
	}
	if head, ok := b.selected(); ok && len(ids) == 0 {
		ids = append(ids, head.ID)
	}
	clear(b.marks)
	return ids
}

// each runs a write for every note and reports the first failure.
func each(ids []string, f func(ctx context.Context, notes screen.Notes, id string) error) work {
	return func(ctx context.Context, notes screen.Notes) error {
		var first error
		for _, id := range ids {
			if err := f(ctx, notes, id); err != nil && first == nil {
				first = err
			}
		}
		return first
	}
}

func remove(ctx context.Context, notes screen.Notes, id string) error {
	_, err := notes.Delete(ctx, id)
	return err
}

func restore(ctx context.Context, notes screen.Notes, id string) error {
	_, err := notes.Restore(ctx, id)
	return err
}

func purge(ctx context.Context, notes screen.Notes, id string) error { return notes.Purge(ctx, id) }

func change(p model.Patch) func(ctx context.Context, notes screen.Notes, id string) error {
	return func(ctx context.Context, notes screen.Notes, id string) error {
		_, err := notes.Change(ctx, id, p)
		return err
	}
}

// several puts the number before a sentence about more than one note.
func several(n int, said string) string {
	if n == 1 {
		return said
	}
	return screen.Number(n) + " notes: " + lower(said)
}

// dropAll takes notes off the list at once.
func (b *Browse) dropAll(ids []string) tea.Cmd {
	var cmds []tea.Cmd
	for _, id := range ids {
		cmds = append(cmds, b.load(b.place().drop(id)))
	}
	return tea.Batch(append(cmds, b.showSelected())...)
}

func (b *Browse) trash() tea.Cmd {
	ids := b.chosen()
	return tea.Batch(b.dropAll(ids), b.act(several(len(ids), "Moved to trash"), each(ids, remove), each(ids, restore)))
}

func (b *Browse) restore() tea.Cmd {
	ids := b.chosen()
	return tea.Batch(b.dropAll(ids), b.act(several(len(ids), "Restored"), each(ids, restore), each(ids, remove)))
}

func (b *Browse) pin(head model.Head) tea.Cmd {
	on, off := !head.Pinned, head.Pinned
	said := "Pinned"
	if !on {
		said = "Unpinned"
	}
	ids := b.chosen()
	return b.act(several(len(ids), said), each(ids, change(model.Patch{Pinned: &on})), each(ids, change(model.Patch{Pinned: &off})))
}

func (b *Browse) archive(head model.Head) tea.Cmd {
	on, off := !head.Archived, head.Archived
	said := "Archived, /is:archived finds it"
	if !on {
		said = "Out of the archive"
	}
	ids := b.chosen()
	var gone tea.Cmd
	if on {
		gone = b.dropAll(ids)
	}
	return tea.Batch(gone, b.act(several(len(ids), said), each(ids, change(model.Patch{Archived: &on})), each(ids, change(model.Patch{Archived: &off}))))
}

func (b *Browse) setTags(head model.Head, tags []string) tea.Cmd {
	p := model.Diff(model.Fields{Tags: head.Tags}, model.Fields{Tags: tags})
	if p.Empty() {
		return nil
	}
	back := model.Patch{TagsAdd: p.TagsRemove, TagsRemove: p.TagsAdd}
	ids := []string{head.ID}
	return b.act("Tags changed", each(ids, change(p)), each(ids, change(back)))
}

func (b *Browse) setBook(head model.Head, line string) tea.Cmd {
	book, old := model.NormalNotebook(line), head.Notebook
	if book == old {
		return nil
	}
	said := "Moved to " + screen.Words(book)
	if book == "" {
		said = "Moved out of its notebook"
	}
	ids := []string{head.ID}
	return b.act(said, each(ids, change(model.Patch{Notebook: &book})), each(ids, change(model.Patch{Notebook: &old})))
}

// confirmPurge asks first: nothing brings a purged note back.
func (b *Browse) confirmPurge(head model.Head) tea.Cmd {
	ids := b.chosen()
	text := "Delete “" + titleOf(head) + "” and its history for good?"
	if len(ids) > 1 {
		text = "Delete " + screen.Number(len(ids)) + " notes and their history for good?"
	}
	j := job{&step{said: several(len(ids), "Deleted for good")}, each(ids, purge), doing}
	return func() tea.Msg {
		return screen.Confirm{Text: text, Verb: "delete", Yes: func() tea.Msg { return purgeNow{b, ids, j} }}
	}
}

type purgeNow struct {
	to  *Browse
	ids []string
	job job
}

// purgeConfirmed runs after the user said yes.
func (b *Browse) purgeConfirmed(msg purgeNow) tea.Cmd {
	if msg.to != b {
		return nil
	}
	return tea.Batch(b.dropAll(msg.ids), b.enqueue(msg.job))
}
