package palette

import (
	tea "charm.land/bubbletea/v2"

	"stet/ui/kit/cells"
	"stet/ui/screen"
)

// View draws the list in width cells and at most height lines. The cursor is
// relative to it.
func (p *Palette) View(width, height int) ([]string, *tea.Cursor) {
	if width <= 0 || height <= 0 {
		return nil, nil
	}
	pens := p.theme.Pens()
	label := " " + p.prompt + " "
	row, col := p.in.Render(max(width-cells.Width(label)-1, 1))
	lines := []string{cells.FitStyled(pens.Accent.Paint(label)+row, width)}
	cursor := tea.NewCursor(min(cells.Width(label)+col, width-1), 0)
	if p.in.Value() == "" && width > 12 {
		hint := pens.Dim.Paint(cells.Fit(p.title, width-cells.Width(label)))
		lines[0] = cells.FitStyled(pens.Accent.Paint(label)+hint, width)
	}
	if height == 1 {
		return lines, cursor
	}
	lines = append(lines, pens.Faint.Paint(screen.Rule(width)))
	return append(lines, p.rows(pens, width, height-len(lines))...), cursor
}

// rows draws the entries that fit, with a heading where the group changes.
func (p *Palette) rows(pens *screen.Pens, width, height int) []string {
	if height <= 0 {
		return nil
	}
	if p.refuse != "" {
		height--
	}
	if len(p.hits) == 0 {
		return []string{cells.FitStyled(pens.Dim.Paint("   Nothing is called that. esc closes."), width)}
	}
	all, at := p.lay(pens, width)
	p.top = max(min(p.top, at), at-height+1, 0)
	if at <= 1 {
		p.top = 0
	}
	out := all[p.top:min(p.top+max(height, 0), len(all))]
	if p.refuse != "" {
		out = append(out[:len(out):len(out)], cells.FitStyled(pens.Warn.Paint("   "+screen.Words(p.refuse)), width))
	}
	return out
}

// lay draws all entries and tells the line of the selected one. Groups are
// headed only while nothing is typed.
func (p *Palette) lay(pens *screen.Pens, width int) (lines []string, at int) {
	group := ""
	for i, h := range p.hits {
		if h.Group != group && p.in.Value() == "" {
			group = h.Group
			lines = append(lines, cells.FitStyled(pens.Dim.Paint("   "+group), width))
		}
		if i == p.sel {
			at = len(lines)
		}
		lines = append(lines, entryRow(pens, h, i == p.sel, width))
	}
	return lines, at
}

const keyColumn = 16

func entryRow(pens *screen.Pens, h hit, selected bool, width int) string {
	keyWidth := min(keyColumn, width/3)
	room := max(width-keyWidth-4, 1)
	marks := make([]cells.Range, len(h.marks))
	for i, m := range h.marks {
		marks[i] = cells.Range{Start: m, End: m + 1}
	}
	does, off := h.Does, ""
	if h.Off != "" {
		off = " – " + h.Off
	}
	if selected {
		return pens.Selected.Paint(cells.Fit(" › "+cells.Fit(h.Keys, keyWidth)+" "+does+off, width))
	}
	key, text := pens.KeyName, pens.Text
	if h.Off != "" {
		key, text = pens.Dim, pens.Dim
	}
	right := cells.FitHighlight(does+off, room, marks, text, pens.Match)
	return cells.FitStyled("   "+key.Paint(cells.Fit(h.Keys, keyWidth))+" "+right, width)
}
