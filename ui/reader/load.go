package reader

import (
	"context"
	"errors"
	"strings"

	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/kit/cells"
	"stet/ui/kit/markdown"
	"stet/ui/screen"
)

// quickBytes is how much text is rendered without drawing it plain first.
const quickBytes = 24 << 10

type loaded struct {
	to   *Reader
	req  uint64
	note model.Note
	err  error
}

func (r *Reader) load() tea.Cmd {
	r.req++
	req, id, notes := r.req, r.id, r.deps.Notes
	return func() tea.Msg {
		n, err := notes.Get(context.Background(), id)
		return loaded{r, req, n, err}
	}
}

func (r *Reader) loaded(msg loaded) tea.Cmd {
	if msg.to != r || msg.req != r.req {
		return nil
	}
	if msg.err != nil {
		r.have = false
		r.gone = "This note cannot be read: " + msg.err.Error()
		if errors.Is(msg.err, model.ErrNotFound) {
			r.gone = "This note is gone. esc goes back."
		}
		return nil
	}
	r.gone = ""
	r.take(msg.note)
	return r.draw()
}

// take makes a note the one that is read and keeps the place in its text.
func (r *Reader) take(n model.Note) {
	if r.have && n.ID == r.note.ID && n.Body != r.note.Body {
		r.shift(r.note.Body, n.Body)
	}
	r.note, r.have, r.said = n, true, aboutWords(n)
}

// shift moves the sources of the shown lines to where their text now stands, so
// that the place is kept across a change above it.
func (r *Reader) shift(old, now string) {
	same := 0
	for same < min(len(old), len(now)) && old[same] == now[same] {
		same++
	}
	tail := 0
	for tail < min(len(old), len(now))-same && old[len(old)-1-tail] == now[len(now)-1-tail] {
		tail++
	}
	moved := func(at int) int {
		switch {
		case at <= same:
			return at
		case at >= len(old)-tail:
			return at + len(now) - len(old)
		}
		return same
	}
	for i := range r.doc.Lines {
		r.doc.Lines[i].Source = moved(r.doc.Lines[i].Source)
	}
	for i := range r.doc.Tasks {
		r.doc.Tasks[i].Source = moved(r.doc.Tasks[i].Source)
	}
}

type drawn struct {
	to   *Reader
	look look
	doc  markdown.Doc
}

// textWidth is the measure: long lines are hard to read.
func (r *Reader) textWidth() int { return max(min(r.width-4, 96), 1) }

// draw has the text rendered, unless it stands there already.
func (r *Reader) draw() tea.Cmd {
	want := look{r.note.Seq, r.textWidth(), r.raw, r.deps.Theme.Dark}
	if !r.have || want == r.shown || want == r.asked {
		return nil
	}
	r.asked = want
	body, styles := r.note.Body, r.deps.Theme.Markdown()
	if len(body) > quickBytes && len(r.doc.Lines) == 0 {
		r.put(markdown.Doc{Lines: rawLines(cutAt(body, quickBytes/4), want.width)})
	}
	return func() tea.Msg {
		if want.raw {
			return drawn{r, want, markdown.Doc{Lines: rawLines(body, want.width)}}
		}
		return drawn{r, want, markdown.Render(body, want.width, styles)}
	}
}

func cutAt(s string, n int) string { return strings.ToValidUTF8(s[:min(n, len(s))], "") }

// rawLines is the text as it is written, wrapped.
func rawLines(body string, width int) []markdown.Line {
	var out []markdown.Line
	at := 0
	for line := range strings.Lines(body) {
		text := strings.TrimRight(line, "\r\n")
		for _, sp := range cells.Wrap(text, width) {
			out = append(out, markdown.Line{Text: cells.Cut(text[sp.Start:sp.End], width), Source: at + sp.Start})
		}
		at += len(line)
	}
	return out
}

func (r *Reader) drawn(msg drawn) {
	if msg.to != r || msg.look != r.asked {
		return
	}
	r.shown = msg.look
	r.put(msg.doc)
	if r.find != "" {
		r.in.SetValue(r.find)
		if r.view.Search(r.find) == 0 {
			r.view.Clear() // the title or a tag matched
		}
		r.find = ""
	}
}

// put shows a document at the place where the last one stood.
func (r *Reader) put(doc markdown.Doc) {
	source := 0
	if top := r.view.TopLine(); top < len(r.doc.Lines) {
		source = r.doc.Lines[top].Source
	}
	atTop := r.view.TopLine() == 0
	r.doc = doc
	r.view.SetLines(doc.Strings())
	if atTop {
		r.view.Top()
	} else {
		r.view.Goto(doc.LineOf(source))
	}
	if r.task >= len(doc.Tasks) {
		r.task = -1
	}
}

type saved struct {
	to   *Reader
	note model.Note
	said string
	undo tea.Cmd
	err  error
}

// save writes text that was edited from what is shown.
func (r *Reader) save(base, text model.Fields, said string, withUndo bool) tea.Cmd {
	id, notes := r.id, r.deps.Notes
	return func() tea.Msg {
		n, err := notes.Save(context.Background(), id, base, text)
		out := saved{to: r, note: n, said: said, err: err}
		if withUndo && err == nil {
			out.undo = r.save(text, base, "Undone.", false)
		}
		return out
	}
}

func (r *Reader) saved(msg saved) tea.Cmd {
	if msg.to != r {
		return nil
	}
	if msg.err != nil {
		return toast("Not saved: "+msg.err.Error(), true, nil)
	}
	said := msg.said
	if msg.undo != nil {
		said += " · z undoes"
	}
	var redraw tea.Cmd
	if msg.note.ID == r.id {
		r.req++
		r.take(msg.note)
		redraw = r.draw()
	}
	return tea.Batch(redraw, toast(said, false, msg.undo))
}

func toast(text string, warn bool, undo tea.Cmd) tea.Cmd {
	return func() tea.Msg { return screen.Toast{Text: text, Warn: warn, Undo: undo} }
}

// edited saves what the external editor left.
func (r *Reader) edited(msg screen.ExternalEdited) tea.Cmd {
	if r.outside == nil || msg.Key != r.outsideKey() {
		return nil
	}
	base := *r.outside
	r.outside = nil
	switch {
	case msg.Err != nil:
		return toast(msg.Err.Error(), true, nil)
	case msg.Text == base.Body:
		return toast("Nothing changed.", false, nil)
	}
	text := base.Clone()
	text.Body = msg.Text
	return r.save(base, text, "Saved", true)
}

func (r *Reader) outsideKey() string { return "reader/" + r.id }

type neighbour struct {
	to   *Reader
	id   string
	step int
	err  error
}

// goTo reads the next or the previous note of the list.
func (r *Reader) goTo(step int) tea.Cmd {
	n, notes := r.note, r.deps.Notes
	key := model.Key{Pinned: n.Pinned && !n.Deleted, UpdatedAt: n.UpdatedAt, ID: n.ID}
	return func() tea.Msg {
		q := model.Query{Trash: n.Deleted}
		s, err := notes.List(context.Background(), q, model.Window{Anchor: &key, Before: 1, After: 2})
		out := neighbour{to: r, step: step, err: err}
		at := -1
		for i, h := range s.Rows {
			if h.ID == n.ID {
				at = i
			}
		}
		if i := at + step; at >= 0 && i >= 0 && i < len(s.Rows) {
			out.id = s.Rows[i].ID
		}
		return out
	}
}

func (r *Reader) neighbour(msg neighbour) tea.Cmd {
	switch {
	case msg.to != r:
		return nil
	case msg.err != nil:
		return toast(msg.err.Error(), true, nil)
	case msg.id == "" && msg.step > 0:
		return toast("This is the last note.", false, nil)
	case msg.id == "":
		return toast("This is the first note.", false, nil)
	}
	r.id, r.have, r.task = msg.id, false, -1
	r.doc, r.shown, r.asked = markdown.Doc{}, look{}, look{}
	r.view.Clear()
	r.view.SetLines(nil)
	return r.load()
}
