package reader

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/kit/cells"
	"stet/ui/screen"
)

// View draws what the note is about, its text, and over it an open list.
func (r *Reader) View(width, height int) screen.Frame {
	pens := r.deps.Theme.Pens()
	lines := make([]string, 0, height)
	if r.gone != "" {
		for _, l := range screen.PlainLines(r.gone, max(width-4, 1), 0) {
			lines = append(lines, "  "+pens.Warn.Paint(l))
		}
		return screen.Frame{Lines: fill(lines, width, height)}
	}
	if r.have && height > 5 {
		lines = append(lines, r.about(pens, width)...)
	}
	var cursor *tea.Cursor
	foot := ""
	if r.typing {
		row, col := r.in.Render(max(width-3, 1))
		foot = pens.Accent.Paint(" / ") + row
		cursor = tea.NewCursor(min(3+col, max(width-1, 0)), height-1)
	}
	r.bar = height - len(lines)
	if foot != "" {
		r.bar--
	}
	top := r.view.TopLine()
	for i, l := range r.view.Render(min(r.textWidth(), max(width-2, 1)), r.bar) {
		lead := "  "
		if r.task >= 0 && r.task < len(r.doc.Tasks) && r.doc.Tasks[r.task].Line == top+i && !r.raw {
			lead = pens.Accent.Paint("› ")
		}
		lines = append(lines, cells.FitStyled(lead+l, width))
	}
	lines = fill(lines, width, height)
	if foot != "" {
		lines[height-1] = cells.FitStyled(foot, width)
	}
	if r.pick != nil {
		copy(lines, r.pick.view(pens, width, height))
	}
	return screen.Frame{Lines: lines, Cursor: cursor}
}

// about is a line of what stands beside the text, and what is asked of the user
// when the note needs review or could not be sent.
func (r *Reader) about(pens *screen.Pens, width int) []string {
	out := []string{"  " + pens.Dim.Paint(cells.Fit(r.said, max(width-3, 1)))}
	symbol, _ := screen.Badge(r.note.Status, false)
	switch r.note.Status {
	case model.NeedsReview:
		out = append(out, "  "+pens.Warn.Paint(cells.Cut(symbol+" "+screen.Sentence(r.note.Status)+" enter shows both.", width-3)))
	case model.Failed:
		out = append(out, "  "+pens.Warn.Paint(cells.Cut(symbol+" "+screen.Sentence(r.note.Status)+" w tells why.", width-3)))
	}
	return append(out, "")
}

func fill(lines []string, width, height int) []string {
	for len(lines) < height {
		lines = append(lines, cells.Blank(width))
	}
	return lines[:height]
}

// aboutWords tells in one line what stands beside a note's text.
func aboutWords(n model.Note) string {
	var words []string
	if n.Deleted {
		words = append(words, "in the trash")
	}
	if n.Notebook != "" {
		words = append(words, n.Notebook)
	}
	for _, t := range n.Tags {
		words = append(words, "#"+t)
	}
	open, done := model.Tasks(n.Body)
	if open+done > 0 {
		words = append(words, screen.Number(done)+" of "+screen.Number(open+done)+" tasks")
	}
	words = append(words, screen.Count(model.Words(n.Body), "word", "words"))
	if n.Device != "" {
		words = append(words, "edited on "+n.Device)
	}
	return strings.Join(words, " · ")
}
