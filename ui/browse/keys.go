package browse

import (
	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/kit/winlist"
	"stet/ui/screen"
)

// Keys returns what works now, most useful first.
func (b *Browse) Keys() []screen.Binding {
	if b.ask != nothing {
		return b.promptKeys()
	}
	bind := screen.Bind
	none := ""
	head, ok := b.selected()
	if !ok {
		none = "no note is selected"
	}
	open, shown := "open", "" // everyone knows enter; choosing is news
	if head.Status == model.NeedsReview {
		open, shown = "choose", "enter"
	}
	var keys []screen.Binding
	if b.inTrash() {
		keys = b.trashKeys(none)
	} else {
		keys = []screen.Binding{
			bind("new", "new", "n", "n"),
			bind("open", open, shown, "enter", "l", "right").Unless(none),
			bind("edit", "edit", "e", "e").Unless(none),
			bind("search", "search", "/", "/"),
			bind("delete", "trash", "d", "d").Unless(none),
			bind("why", "why", "w", "w").Unless(none),
			bind("pin", "pin", "p", "p").Unless(none),
			bind("tags", "tags", "t", "t").Unless(none),
			bind("notebook", "move", "m", "m").Unless(none),
			bind("archive", "archive", "a", "a").Unless(none),
			bind("editor", "edit in $EDITOR", "", "E").Unless(none),
			bind("copy", "copy the text", "", "y").Unless(none),
			bind("history", "history", "", "H").Unless(none),
			bind("review", "only what needs review", "", "!"),
			bind("trash", "show the trash", "", "T"),
		}
	}
	if len(b.places) > 1 || len(b.marks) > 0 {
		keys = append([]screen.Binding{bind("leave", b.leaveWord(), "esc", "esc", "h", "left")}, keys...)
	}
	return append(keys, b.quietKeys(none)...)
}

func (b *Browse) leaveWord() string {
	switch {
	case len(b.marks) > 0:
		return "unmark"
	case b.place().query.Trash:
		return "leave the trash"
	}
	return "all notes"
}

func (b *Browse) trashKeys(none string) []screen.Binding {
	return []screen.Binding{
		screen.Bind("restore", "restore", "r", "r").Unless(none),
		screen.Bind("purge", "delete for good", "D", "D").Unless(none),
		screen.Bind("open", "read", "enter", "enter", "l", "right").Unless(none),
		screen.Bind("history", "history", "H", "H").Unless(none),
		screen.Bind("why", "why", "w", "w").Unless(none),
		screen.Bind("search", "search", "/", "/"),
	}
}

// quietKeys work everywhere in the list and are not shown in the footer.
func (b *Browse) quietKeys(none string) []screen.Binding {
	bind := screen.Bind
	undo, redo := "nothing to undo", "nothing to redo"
	if len(b.actions.done) > 0 {
		undo = ""
	}
	if len(b.actions.undone) > 0 {
		redo = ""
	}
	return []screen.Binding{
		bind("undo", "undo", "", "z").Unless(undo),
		bind("redo", "redo", "", "Z").Unless(redo),
		bind("mark", "mark", "", "space").Unless(none),
		bind("preview", "preview on or off", "", "v"),
		bind("activity", "sync log", "", "L"),
		bind("down", "down", "", "j", "down"),
		bind("up", "up", "", "k", "up"),
		bind("top", "first note", "", "g", "home"),
		bind("bottom", "last note", "", "G", "end"),
		bind("half-down", "half a page down", "", "ctrl+d"),
		bind("half-up", "half a page up", "", "ctrl+u"),
		bind("page-down", "page down", "", "pgdown", "ctrl+f"),
		bind("page-up", "page up", "", "pgup", "ctrl+b"),
		bind("preview-down", "scroll the preview down", "", "J"),
		bind("preview-up", "scroll the preview up", "", "K"),
	}
}

func (b *Browse) inTrash() bool { return b.place().query.Trash }

// selected returns the selected note's row.
func (b *Browse) selected() (model.Head, bool) {
	r, ok := b.place().list.Selected()
	return r.Head, ok && r.label == ""
}

// press runs a key that is no text.
func (b *Browse) press(key string) tea.Cmd {
	if cmd, ok := b.move(key); ok {
		return cmd
	}
	switch key {
	case "n":
		b.wroteNew = true
		return b.deps.Open(screen.Target{Name: screen.Editor, New: true})
	case "/":
		return b.openSearch()
	case "!":
		return b.toggle("Needs review", model.Query{State: []model.Match{{Value: string(model.NeedsReview)}}, All: true})
	case "T":
		return b.toggle("Trash", model.Query{Trash: true})
	case "L":
		return b.deps.Open(screen.Target{Name: screen.Activity})
	case "v":
		b.wide = !b.wide
		return b.showSelected()
	case "J":
		b.preview.view.HalfPageDown()
	case "K":
		b.preview.view.HalfPageUp()
	case "z":
		return b.undo()
	case "Z":
		return b.redo()
	case "esc", "h", "left":
		return b.escape()
	default:
		return b.pressOnNote(key)
	}
	return nil
}

// escape takes one thing away: first the marks, then the place.
func (b *Browse) escape() tea.Cmd {
	if len(b.marks) > 0 {
		clear(b.marks)
		return nil
	}
	return b.leave()
}

// move handles the keys that move the selection.
func (b *Browse) move(key string) (tea.Cmd, bool) {
	l := b.place().list
	verbs := map[string]func() winlist.Need{
		"j": l.MoveDown, "down": l.MoveDown, "ctrl+n": l.MoveDown, "k": l.MoveUp, "up": l.MoveUp, "ctrl+p": l.MoveUp,
		"g": l.Top, "home": l.Top, "G": l.Bottom, "end": l.Bottom,
		"ctrl+d": l.HalfPageDown, "ctrl+u": l.HalfPageUp,
		"pgdown": l.PageDown, "ctrl+f": l.PageDown, "pgup": l.PageUp, "ctrl+b": l.PageUp,
	}
	verb, ok := verbs[key]
	if !ok {
		return nil, false
	}
	cmd := b.load(verb())
	return tea.Batch(cmd, b.showSelected()), true
}

// pressOnNote runs a key that acts on the selected note.
func (b *Browse) pressOnNote(key string) tea.Cmd {
	head, ok := b.selected()
	if !ok {
		return nil
	}
	to := screen.Target{NoteID: head.ID}
	switch key {
	case "enter", "l", "right":
		return b.openNote(head)
	case "w":
		to.Name = screen.Why
		return b.deps.Open(to)
	case "H":
		to.Name = screen.History
		return b.deps.Open(to)
	}
	if b.inTrash() {
		switch key {
		case "r":
			return b.restore()
		case "D":
			return b.confirmPurge(head)
		}
		return nil
	}
	switch key {
	case "e":
		to.Name = screen.Editor
		return b.deps.Open(to)
	case "E":
		return b.readBody(head.ID, forEditor)
	case "y":
		return b.readBody(head.ID, forClipboard)
	case "d":
		return b.trash()
	case "p":
		return b.pin(head)
	case "a":
		return b.archive(head)
	case "t":
		b.openTags(head)
	case "m":
		return b.openBook(head)
	case "space":
		return b.mark(head)
	}
	return nil
}

// openNote opens the reader, or the merge screen on a note in review.
func (b *Browse) openNote(head model.Head) tea.Cmd {
	to := screen.Target{Name: screen.Reader, NoteID: head.ID}
	if head.Status == model.NeedsReview && !b.inTrash() {
		to.Name = screen.Merge
	}
	for _, t := range b.place().query.Text {
		if !t.Not {
			to.Find = t.Text
			break
		}
	}
	return b.deps.Open(to)
}

// toggle opens a place, or leaves it when it is the one shown.
func (b *Browse) toggle(title string, q model.Query) tea.Cmd {
	if b.place().title == title {
		return b.leave()
	}
	return b.lay(title, q)
}

// mark adds the note to what the next action acts on, and goes on to the next.
func (b *Browse) mark(head model.Head) tea.Cmd {
	if b.marks[head.ID] {
		delete(b.marks, head.ID)
	} else {
		b.marks[head.ID] = true
	}
	cmd, _ := b.move("j")
	return cmd
}
