package merge

import (
	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/kit/cells"
	"stet/ui/screen"
)

// narrow is the width below which the sides are one below the other.
const narrow = 70

// View draws the screen.
func (m *Merge) View(width, height int) screen.Frame {
	if width <= 0 || height <= 0 {
		return screen.Frame{Lines: make([]string, max(height, 0))}
	}
	m.pens()
	switch {
	case m.over:
		return m.message("Saved.", m.nextWords(), width, height)
	case m.failed != "":
		return m.message(m.failed, "esc goes back", width, height)
	case m.walk == nil:
		return m.message("Loading …", "", width, height)
	}
	head := m.head(width, height)
	panel, cursor := m.panel(width, height)
	foot := m.foot(width)
	if over := len(head) + len(panel) + len(foot) - height + 1; over > 0 {
		head = head[:max(len(head)-over, 0)]
	}
	if over := len(panel) + len(foot) - height; over > 0 { // tiny: the result goes before the panes
		cut := min(over, max(len(panel)-1, 0))
		panel = panel[cut:]
		if cursor != nil {
			cursor.Y -= cut
		}
	}
	body := max(height-len(head)-len(panel)-len(foot), 0)
	m.layPaper(width)
	out := append(head, m.panes.render(width, body, m.walk.at, m.paint)...)
	if cursor != nil {
		cursor.Y += len(out)
	}
	out = append(append(out, panel...), foot...)
	if len(out) > height {
		out = out[:height]
	}
	if cursor != nil && (cursor.Y < 0 || cursor.Y >= height || cursor.X >= width) {
		cursor = nil
	}
	return screen.Frame{Lines: out, Cursor: cursor}
}

// pens takes up the theme, again when it was refilled.
func (m *Merge) pens() *screen.Pens {
	if p := m.deps.Theme.Pens(); p != m.ofTheme {
		m.ofTheme, m.paint = p, newDrawing(m.deps.Theme)
	}
	return m.ofTheme
}

// message draws a screen of one sentence and a hint.
func (m *Merge) message(text, hint string, width, height int) screen.Frame {
	var lines []string
	if height > 2 {
		lines = append(lines, cells.Blank(width))
	}
	for _, s := range [...]struct {
		text string
		pen  cells.Pen
	}{{text, m.ofTheme.Bold}, {hint, m.ofTheme.Dim}} {
		s.text = cells.CleanLine(s.text)
		for _, sp := range cells.Wrap(s.text, max(width-2, 1)) {
			lines = append(lines, s.pen.Paint(cells.Fit(" "+s.text[sp.Start:sp.End], width)))
		}
	}
	for len(lines) < height {
		lines = append(lines, cells.Blank(width))
	}
	return screen.Frame{Lines: lines[:height]}
}

func (m *Merge) nextWords() string {
	if m.next == nil {
		return "Nothing else needs review."
	}
	title := m.next.Title
	if title == "" {
		title = m.next.Snippet
	}
	return "Next note that needs review: " + title + " (enter)"
}

// arrangement is the layout that a width has room for.
func (m *Merge) arrangement(width int) layout {
	switch {
	case width < narrow:
		return unified
	case m.layout == threePanes && width < 96:
		return unified
	}
	return m.layout
}

func (m *Merge) layPaper(width int) {
	key := paperKey{m.walk.sheet, m.arrangement(width)}
	if m.panes.paper == nil || m.papered != key {
		m.papered = key
		m.panes.paper = newPaper(key.sheet, key.layout, [2]string{m.names.mineFull, m.names.theirsFull})
		m.panes.top, m.panes.skip, m.panes.wanted = 0, 0, m.walk.at
	}
}

// head names the sides and says what each did since the text from before.
func (m *Merge) head(width, height int) []string {
	if height < 9 || height < 14 && m.arrangement(width) == unified {
		return nil
	}
	pens, n := m.ofTheme, m.names
	didMine, didTheirs := "", ""
	if m.walk.at >= 0 {
		didMine, didTheirs = did(m.walk, n, true), did(m.walk, n, false)
	}
	faint := func(s string) string { return pens.Faint.Paint(s) }
	cell := func(pen cells.Pen, s string, w int) string { return pen.Paint(cells.Fit("  "+s, w)) }
	switch m.arrangement(width) {
	case sideBySide:
		lw, rw := (width-1)/2, width-1-(width-1)/2
		return []string{
			cell(pens.Bold, n.mineFull, lw) + faint("│") + cell(pens.Bold, n.theirsFull, rw),
			cell(pens.Dim, didMine, lw) + faint("│") + cell(pens.Dim, didTheirs, rw),
			faint(rule("", lw) + "┼" + rule("", rw)),
		}
	case threePanes:
		bw := (width - 2) / 3
		lw := (width - bw - 2) / 2
		rw := width - bw - lw - 2
		return []string{
			cell(pens.Bold, "before", bw) + faint("│") + cell(pens.Bold, n.mineFull, lw) + faint("│") + cell(pens.Bold, n.theirsFull, rw),
			cell(pens.Dim, "", bw) + faint("│") + cell(pens.Dim, didMine, lw) + faint("│") + cell(pens.Dim, didTheirs, rw),
			faint(rule("", bw) + "┼" + rule("", lw) + "┼" + rule("", rw)),
		}
	}
	return []string{
		cell(pens.Dim, n.mine+" "+didMine, width),
		cell(pens.Dim, n.theirs+" "+didTheirs, width),
		faint(rule("", width)),
	}
}

// panel draws what the current item was and what it will be.
func (m *Merge) panel(width, height int) ([]string, *tea.Cursor) {
	pens, w := m.ofTheme, m.walk
	out := []string{pens.Faint.Paint(rule(place(w), width))}
	if w.at < 0 {
		return append(out, pens.Dim.Paint(cells.Fit("  Both sides fit together. s saves, a looks at what was merged.", width))), nil
	}
	rows, room := max(min((height-8)/4, 6), 1), max(width-lead(width), 1)
	if m.editing != nil {
		return m.editor(out, width, max(height/2-2, 1))
	}
	it := w.sheet.items[w.at]
	if it.field == model.FieldDeleted {
		q := question(w, m.names)
		for _, sp := range cells.Wrap(q, max(width-3, 1)) {
			out = append(out, pens.Accent.Paint(cells.Fit("  "+q[sp.Start:sp.End], width)))
		}
		return append(out, m.labelled("result", []string{outcome(w)}, "", pens.Bold, width, 1)...), nil
	}
	if height >= 9 {
		before := shown(it.base, room, rows)
		if !w.sheet.hasBase() {
			before = []string{"(unknown: the two sides have no common text)"}
		}
		out = append(out, m.labelled("before", before, "", pens.Dim, width, rows)...)
	}
	origin := from(w, m.names)
	if width < 60 {
		origin = fromShort(w, m.names)
	}
	return append(out, m.labelled("result", shown(w.sheet.text(w.at, w.picks[w.at]), room, rows), origin, pens.Text, width, rows)...), nil
}

// lead is the width of the panel's labels.
func lead(width int) int {
	if width < 30 {
		return 2
	}
	return 10
}

// labelled draws rows behind a label. The words on the right stand in the first
// row, or in one of their own when they find no room there and most allows more
// than one.
func (m *Merge) labelled(label string, rows []string, right string, pen cells.Pen, width, most int) []string {
	pens := m.ofTheme
	room := width - lead(width)
	right = cells.Cut(right, room)
	apart := right != "" && cells.Width(rows[0])+cells.Width(right)+2 > room && most > 1
	var out []string
	for i, row := range rows {
		head, tail, left := cells.Blank(lead(width)), "", room
		if i == 0 {
			head = pens.KeyName.Paint(cells.Fit("  "+label, lead(width)))
			if right != "" && !apart {
				right = cells.Cut(right, max(room/2, room-cells.Width(row)-2))
				tail = "  " + pens.Dim.Paint(right)
				left = room - cells.Width(right) - 2
			}
		}
		out = append(out, cells.FitStyled(head+pen.Paint(cells.Fit(row, max(left, 0)))+tail, width))
	}
	if apart {
		out = append(out, cells.FitStyled(cells.Blank(lead(width))+pens.Dim.Paint(right), width))
	}
	return out
}

// editor draws the hunk that is being edited, in at most rows lines.
func (m *Merge) editor(out []string, width, rows int) ([]string, *tea.Cursor) {
	pens := m.ofTheme
	const indent = 2
	w := max(width-indent, 1)
	if m.wide != w {
		m.wide = w
		m.editing.SetWidth(w)
	}
	out = append(out, pens.KeyName.Paint(cells.Fit("  result, edited here · esc takes it, ctrl+z undoes", width)))
	top := len(out)
	window := m.editing.Render(rows)
	for _, r := range window {
		out = append(out, cells.FitStyled(cells.Blank(indent)+r.Draw(w, pens.Text, pens.Selected, pens.Match), width))
	}
	x, y := m.editing.CursorCell()
	return out, tea.NewCursor(x+indent, y+top)
}

// foot draws the notice.
func (m *Merge) foot(width int) []string {
	text, pen := m.notice, m.ofTheme.Accent
	switch {
	case m.chord == "ctrl+g":
		text = "all that are left: 1 " + m.names.mine + "   2 " + m.names.theirs
	case m.saving:
		text = "Saving …"
	case text == "":
		return nil
	case m.warn:
		pen = m.ofTheme.Warn
	}
	return []string{pen.Paint(cells.Fit(" "+text, width))}
}
