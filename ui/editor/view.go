package editor

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"stet/ui/kit/cells"
	"stet/ui/screen"
)

// drawn is what the body was laid out for.
type drawn struct{ width int }

// View draws the editor.
func (e *Editor) View(width, height int) screen.Frame {
	if width <= 0 || height <= 0 {
		return screen.Frame{Lines: make([]string, max(height, 0))}
	}
	pens := e.deps.Theme.Pens()
	if e.missing != "" {
		return fill([]string{cells.Blank(width), pens.Warn.Paint(cells.Fit(" "+e.missing, width))}, width, height)
	}
	var f screen.Frame
	margin := 0
	if width >= 40 {
		margin = 1
	}
	f.Lines = e.top(width, height, margin)
	bottom, at := e.bottom(width)
	if len(f.Lines)+len(bottom) >= height { // no room for the body: the line that has the cursor wins
		f.Lines = f.Lines[:min(1, height-min(len(bottom), height-1))]
		bottom = bottom[:min(len(bottom), max(height-len(f.Lines)-1, 0))]
	}
	room := max(height-len(f.Lines)-len(bottom), 0)
	top := len(f.Lines)
	f.Lines = append(f.Lines, e.window(width, room, margin)...)
	f = fill(f.Lines, width, top+room)
	f.Lines = append(f.Lines, bottom...)
	f.Cursor = e.cursor(width, margin, top, room, height, at, len(bottom) > 0)
	return f
}

// top draws the title, and where there is room what the note is filed under.
func (e *Editor) top(width, height, margin int) []string {
	pens := e.deps.Theme.Pens()
	state := e.state()
	title, _ := e.text.title.Render(e.titleWidth(width, margin))
	pen := pens.Title
	if e.text.title.Value() == "" {
		title, pen = cells.Fit("Title", e.titleWidth(width, margin)), pens.Dim
	}
	lines := []string{cells.FitStyled(cells.Blank(margin)+pen.Paint(title)+"  "+e.statePen().Paint(state), width)}
	if height < 7 {
		return lines
	}
	lines = append(lines, pens.Dim.Paint(cells.Fit(cells.Blank(margin)+e.filed(), width)))
	return append(lines, pens.Faint.Paint(strings.Repeat("─", width)))
}

// titleWidth leaves room for the state at the right.
func (e *Editor) titleWidth(width, margin int) int {
	return max(width-margin-2-cells.Width(e.state()), min(width, 8))
}

// state says where the text is, symbol and word.
func (e *Editor) state() string {
	switch {
	case !e.loaded:
		return "… loading"
	case e.save.last != nil:
		return "⟳ saving"
	case e.save.failed != "":
		return "! not saved"
	case e.dirty():
		return "· editing"
	case e.id == "":
		return "· new"
	}
	return "✓ saved"
}

func (e *Editor) statePen() cells.Pen {
	if e.save.failed != "" {
		return e.deps.Theme.Pens().Warn
	}
	return e.deps.Theme.Pens().Dim
}

// filed tells notebook and tags.
func (e *Editor) filed() string {
	book := e.text.notebook
	if book == "" {
		book = "Inbox"
	}
	for _, t := range e.text.tags {
		book += " #" + t
	}
	return book
}

// window draws the window of the text.
func (e *Editor) window(width, room, margin int) []string {
	pens, b := e.deps.Theme.Pens(), e.text.body
	w := max(width-2*margin, 1)
	if e.draw.width != w {
		e.draw.width = w
		b.SetWidth(w)
	}
	if room <= 0 {
		return nil
	}
	lines := make([]string, 0, room)
	if b.Len() == 0 && e.loaded && e.at == inTitle {
		return append(lines, cells.Blank(margin)+pens.Dim.Paint(cells.Fit("Write here; tab goes to the text.", width-margin)))
	}
	left, right := cells.Blank(margin), cells.Blank(width-margin-w)
	for _, row := range b.Render(room) {
		lines = append(lines, left+row.Draw(w, pens.Text, pens.Selected, pens.Match)+right)
	}
	return lines
}

// bottom draws the notice and the prompt, and returns the cell of the cursor in
// the last of its lines.
func (e *Editor) bottom(width int) (lines []string, x int) {
	pens := e.deps.Theme.Pens()
	if e.asking.kind == askNothing {
		if e.notice.text == "" {
			return nil, 0
		}
		pen := pens.Dim
		if e.notice.warn {
			pen = pens.Warn
		}
		for _, s := range cells.Wrap(e.notice.text, max(width-2, 1)) {
			lines = append(lines, pen.Paint(cells.Fit(" "+e.notice.text[s.Start:s.End], width)))
		}
		return lines[:min(len(lines), 3)], 0
	}
	p := &e.asking
	if p.kind == askEach {
		q := fmt.Sprintf(" replace “%s” by “%s”?  y this · n skip · a all %d · esc done", p.what, p.with, p.count)
		return []string{pens.Accent.Paint(cells.Fit(q, width))}, 0
	}
	label := " " + questions[p.kind] + "  "
	if cells.Width(label) > width/2 {
		label = ""
	}
	hits := ""
	if p.kind == askFind && p.line.Value() != "" {
		hits = fmt.Sprintf("  %d found ", p.count)
	}
	if width < 30 {
		hits = ""
	}
	room := max(width-cells.Width(label)-cells.Width(hits), 1)
	text, at := p.line.Render(room)
	return []string{pens.Accent.Paint(label) + text + pens.Dim.Paint(hits)}, cells.Width(label) + at
}

// cursor places the terminal's cursor: in the prompt, the title or the body.
func (e *Editor) cursor(width, margin, top, room, height, promptX int, hasBottom bool) *tea.Cursor {
	x, y := 0, 0
	switch {
	case e.asking.kind == askEach || e.asking.kind == askFind && e.asking.line.Value() == "" && !hasBottom:
		return nil
	case e.asking.kind != askNothing && hasBottom:
		x, y = promptX, height-1
	case e.at == inTitle:
		_, x = e.text.title.Render(e.titleWidth(width, margin))
		x += margin
	case room <= 0:
		return nil
	default:
		x, y = e.text.body.CursorCell()
		x, y = x+margin, y+top
	}
	if x >= width || y >= height {
		return nil
	}
	return tea.NewCursor(x, y)
}

// fill makes lines exactly height rows.
func fill(lines []string, width, height int) screen.Frame {
	for len(lines) < height {
		lines = append(lines, cells.Blank(width))
	}
	return screen.Frame{Lines: lines[:height]}
}
