package held

import (
	"stet/ui/kit/cells"
	"stet/ui/screen"
)

// Footline tells how much waits.
func (h *Held) Footline() string {
	if len(h.notes) == 0 {
		return ""
	}
	return screen.Count(len(h.notes), "note", "notes")
}

// View draws what it is about, and the notes.
func (h *Held) View(width, height int) screen.Frame {
	p := h.deps.Theme.Pens()
	var lines []string
	put := func(pen cells.Pen, text string, limit int) {
		for _, l := range screen.PlainLines(text, max(width-6, 1), limit) {
			lines = append(lines, cells.FitStyled("   "+pen.Paint(l), width))
		}
	}
	switch {
	case h.oops != "":
		put(p.Warn, screen.Words(h.oops), height)
	case !h.have:
	case h.busy != "":
		put(p.Dim, upperFirst(h.busy)+" …", 1)
	case len(h.notes) > 0:
		if height <= 8 {
			put(p.Warn, screen.Count(len(h.notes), "note", "notes")+" would go. y goes on, m keeps them.", 2)
			break
		}
		put(p.Warn, "A sync would delete or replace "+screen.Count(len(h.notes), "note", "notes")+" here.", 2)
		put(p.Dim, "y goes on, and can be taken back. m keeps them as they are here, on all devices.", 3)
	case h.undoable > 0:
		put(p.Text, screen.Count(h.undoable, "note was", "notes were")+" deleted or replaced by a sync.", 2)
		put(p.Dim, "u brings back what was not changed since, on all devices.", 2)
	default:
		put(p.Dim, "Nothing waits for you. esc goes back.", 2)
	}
	if len(h.notes) > 0 && height > 8 {
		lines = append(lines, cells.Blank(width))
	}
	h.height = max(height-len(lines), 1)
	h.move(0)
	for i := h.top; i < min(h.top+h.height, len(h.notes)); i++ {
		lines = append(lines, h.row(p, h.notes[i], i == h.sel, width))
	}
	for len(lines) < height {
		lines = append(lines, cells.Blank(width))
	}
	return screen.Frame{Lines: lines[:max(height, 0)]}
}

// signs tell what would happen to a note: a symbol and a word.
var signs = map[string]string{"delete": "× delete ", "replace": "⇄ replace"}

const signWidth = 9

func (h *Held) row(p *screen.Pens, n screen.HeldNote, selected bool, width int) string {
	title := n.Title
	if title == "" {
		title = "Untitled"
	}
	why := ""
	titleWidth := max(width-3-signWidth-2, 1)
	if width > 60 {
		titleWidth = min(titleWidth, width*2/5)
		why = "  " + screen.Words(n.Why)
	}
	sign := cells.Fit(signs[n.Action], signWidth)
	title = cells.Fit(screen.Words(title), titleWidth)
	if selected {
		return p.Selected.Paint(cells.Fit(" › "+sign+"  "+title+why, width))
	}
	return cells.FitStyled("   "+p.Warn.Paint(sign)+"  "+title+p.Dim.Paint(why), width)
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}
