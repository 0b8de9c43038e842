package reader

import (
	"strconv"

	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/kit/markdown"
	"stet/ui/screen"
)

// Keys returns what works now.
func (r *Reader) Keys() []screen.Binding {
	bind := screen.Bind
	switch {
	case r.typing:
		return []screen.Binding{bind("accept", "stay here", "enter", "enter"), bind("cancel", "back to where it began", "esc", "esc")}
	case r.pick != nil:
		return []screen.Binding{bind("choose", r.pick.verb, "enter", "enter"), bind("down", "down", "↓", "j", "down"),
			bind("up", "up", "↑", "k", "up"), bind("close", "close", "esc", "esc", "q")}
	}
	none, noTask, noLink, noOutline, noMatch := "", "", "", "", ""
	if !r.have {
		none = "the note is not there"
	}
	if len(r.doc.Tasks) == 0 {
		noTask = "the note has no tasks"
	}
	if r.raw {
		noTask = "the raw text is shown, v renders it"
	}
	if len(r.doc.Links) == 0 {
		noLink = "the note has no links"
	}
	if len(r.doc.Headings) == 0 {
		noOutline = "the note has no headings"
	}
	if r.view.Query() == "" {
		noMatch = "nothing was searched"
	}
	form := "raw text"
	if r.raw {
		form = "rendered"
	}
	var keys []screen.Binding
	if r.note.Status == model.NeedsReview {
		keys = append(keys, bind("review", "choose what to keep", "enter", "enter"))
	}
	if r.view.Query() != "" {
		keys = append(keys, bind("clear", "end the search", "esc", "esc"))
	}
	return append(keys,
		bind("edit", "edit", "e", "e").Unless(none),
		bind("page-down", "page", "space", "space", "pgdown", "ctrl+f"),
		bind("search", "search", "/", "/"),
		bind("next-match", "next match", "n", "n").Unless(noMatch),
		bind("prev-match", "match before", "", "N").Unless(noMatch),
		bind("task", "tick a task", "x", "x").Unless(noTask),
		bind("outline", "outline", "o", "o").Unless(noOutline),
		bind("links", "links", "f", "f").Unless(noLink),
		bind("form", form, "v", "v"),
		bind("next-note", "next note", "J", "J").Unless(none),
		bind("prev-note", "note before", "", "K").Unless(none),
		bind("history", "history", "H", "H").Unless(none),
		bind("why", "why", "w", "w").Unless(none),
		bind("editor", "edit in $EDITOR", "", "E").Unless(none),
		bind("copy", "copy the text", "", "y").Unless(none),
		bind("next-task", "next task", "", "tab").Unless(noTask),
		bind("prev-task", "task before", "", "shift+tab").Unless(noTask),
		bind("page-up", "page back", "", "b", "pgup", "ctrl+b"),
		bind("half-down", "half a page down", "", "d", "ctrl+d"),
		bind("half-up", "half a page up", "", "u", "ctrl+u"),
		bind("down", "line down", "", "j", "down", "enter"),
		bind("up", "line up", "", "k", "up"),
		bind("top", "beginning", "", "g", "home"),
		bind("bottom", "end", "", "G", "end"),
		bind("leave", "back", "", "h", "left"),
	)
}

// press runs a key that is no text.
func (r *Reader) press(key string) tea.Cmd {
	if r.scroll(key) {
		return nil
	}
	to := screen.Target{NoteID: r.id}
	switch key {
	case "h", "left":
		return func() tea.Msg { return screen.Back{} }
	case "esc":
		r.view.Clear()
	case "/":
		r.typing = true
		r.in.SetValue("")
		r.view.Clear()
	case "n":
		r.view.Next()
	case "N":
		r.view.Prev()
	case "v":
		r.raw = !r.raw
		return r.draw()
	case "o":
		r.openOutline()
	case "f":
		r.openLinks()
	case "tab":
		r.nextTask(1)
	case "shift+tab":
		r.nextTask(-1)
	case "x":
		return r.toggleTask()
	case "J":
		return r.goTo(1)
	case "K":
		return r.goTo(-1)
	case "y":
		return tea.Batch(tea.SetClipboard(r.note.Body), toast("Copied.", false, nil))
	case "e":
		to.Name = screen.Editor
	case "H":
		to.Name = screen.History
	case "w":
		to.Name = screen.Why
	case "E":
		base := r.note.Fields.Clone()
		r.outside = &base
		return r.deps.EditExternally(r.outsideKey(), base.Body)
	case "enter":
		if r.note.Status == model.NeedsReview {
			to.Name = screen.Merge
			break
		}
		r.view.Down()
	}
	if to.Name == "" || !r.have {
		return nil
	}
	return r.deps.Open(to)
}

func (r *Reader) scroll(key string) bool {
	v := r.view
	switch key {
	case "j", "down":
		v.Down()
	case "k", "up":
		v.Up()
	case "space", "pgdown", "ctrl+f":
		v.PageDown()
	case "b", "pgup", "ctrl+b":
		v.PageUp()
	case "d", "ctrl+d":
		v.HalfPageDown()
	case "u", "ctrl+u":
		v.HalfPageUp()
	case "g", "home":
		v.Top()
	case "G", "end":
		v.Bottom()
	default:
		return false
	}
	return true
}

// nextTask chooses the task after or before the chosen one; none chosen, the
// first that can be seen.
func (r *Reader) nextTask(step int) {
	if len(r.doc.Tasks) == 0 || r.raw {
		return
	}
	if r.task < 0 {
		r.task = r.firstVisibleTask()
	} else {
		r.task = max(min(r.task+step, len(r.doc.Tasks)-1), 0)
	}
	if r.task >= 0 {
		r.view.Reveal(r.doc.Tasks[r.task].Line)
	}
}

// firstVisibleTask is the first task at or below the top line, else the last.
func (r *Reader) firstVisibleTask() int {
	for i, t := range r.doc.Tasks {
		if t.Line >= r.view.TopLine() {
			return i
		}
	}
	return len(r.doc.Tasks) - 1
}

// toggleTask ticks the chosen task, or chooses the first visible one.
func (r *Reader) toggleTask() tea.Cmd {
	if r.raw || !r.have || len(r.doc.Tasks) == 0 {
		return nil
	}
	if r.task < 0 || !r.visible(r.doc.Tasks[r.task].Line) {
		r.task = r.firstVisibleTask()
	}
	t := r.doc.Tasks[r.task]
	r.view.Reveal(t.Line)
	body, ok := markdown.Toggle(r.note.Body, t.Source)
	if !ok {
		return nil
	}
	base := r.note.Fields.Clone()
	text := base.Clone()
	text.Body = body
	said := "Ticked"
	if t.Done {
		said = "Task is open again"
	}
	return r.save(base, text, said, true)
}

func (r *Reader) visible(line int) bool {
	top := r.view.TopLine()
	return line >= top && line < top+max(r.bar, 1)
}

// Footline tells where one is in the text.
func (r *Reader) Footline() string {
	if !r.have || len(r.doc.Lines) == 0 {
		return ""
	}
	if at, of := r.view.Match(); r.view.Query() != "" {
		if of == 0 {
			return "no match"
		}
		return "match " + strconv.Itoa(at) + " of " + strconv.Itoa(of)
	}
	if r.view.AtEnd() && r.view.TopLine() == 0 {
		return ""
	}
	return strconv.Itoa(r.view.Percent()) + "%"
}
