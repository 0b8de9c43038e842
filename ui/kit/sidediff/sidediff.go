// Package sidediff draws two texts side by side, or one below the other, row by row.
//
// Rules of the room: pure functions from rows to screen lines. Texts may be raw: they are
// cleaned here, and ranges are bytes of the raw text. What changed is told by a sign in
// the gutter (+ - ~) and, when asked for, by a line of ~ under the changed words, so
// colour is never the only sign. Every line is exactly as wide as asked.
package sidediff

import (
	"charm.land/lipgloss/v2"

	"stet/ui/kit/cells"
)

// Kind is what happened to one side of a row.
type Kind uint8

// The kinds of a cell. Absent means that this side has no such line.
const (
	Absent Kind = iota
	Same
	Changed
	Added
	Removed
)

// Sign is the gutter symbol of a kind.
func (k Kind) Sign() string {
	switch k {
	case Changed:
		return "~"
	case Added:
		return "+"
	case Removed:
		return "-"
	}
	return " "
}

// Cell is one line of one side. Marks are sorted byte ranges of Text to highlight.
type Cell struct {
	Text  string
	Marks []cells.Range
	Kind  Kind
}

// Row is one line of both sides. Focus draws a bar beside it.
type Row struct {
	Left, Right Cell
	Focus       bool
}

// Styles are the colours of the drawing.
type Styles struct {
	Same, Changed, Added, Removed lipgloss.Style
	Mark                          lipgloss.Style // changed words
	Divider, Focus                lipgloss.Style
}

// Options of a drawing.
type Options struct {
	Styles Styles
	// Underline adds a line of ~ below a row with marks, for terminals without colour.
	Underline bool
}

// gutter is the cells before the text of a side: focus bar, sign, blank.
const gutter = 3

// pens are Styles reduced for drawing, made once per call.
type pens struct {
	kind           [5]cells.Pen
	mark           cells.Pen
	divider, focus cells.Pen
}

func newPens(s Styles) *pens {
	p := &pens{mark: cells.NewPen(s.Mark), divider: cells.NewPen(s.Divider), focus: cells.NewPen(s.Focus)}
	for k, style := range [5]lipgloss.Style{s.Same, s.Same, s.Changed, s.Added, s.Removed} {
		p.kind[k] = cells.NewPen(style)
	}
	return p
}

// Sides returns the widths of the two halves around the divider of one cell.
func Sides(width int) (left, right int) {
	left = max((width-1)/2, 0)
	return left, max(width-1-left, 0)
}

// SideBySide draws rows with the left side, a divider and the right side, each wrapped to
// its half. Nothing is drawn when width is not positive.
func SideBySide(rows []Row, width int, o Options) []string {
	if width <= 0 {
		return nil
	}
	p := newPens(o.Styles)
	lw, rw := Sides(width)
	var out []string
	for _, r := range rows {
		left := p.draw(r.Left, lw, r.Focus, o.Underline)
		right := p.draw(r.Right, rw, r.Focus, o.Underline)
		for i := range max(len(left), len(right)) {
			out = append(out, at(left, i, lw)+p.divider.Paint("│")+at(right, i, rw))
		}
	}
	return out
}

func at(lines []string, i, w int) string {
	if i < len(lines) {
		return lines[i]
	}
	return cells.Blank(w)
}

// Unified draws each row as one text: a line that both sides share once, else the left
// side above the right one.
func Unified(rows []Row, width int, o Options) []string {
	if width <= 0 {
		return nil
	}
	p := newPens(o.Styles)
	var out []string
	for _, r := range rows {
		if r.Left.Kind == Same && r.Right.Kind == Same {
			out = append(out, p.draw(r.Left, width, r.Focus, false)...)
			continue
		}
		for i, c := range []Cell{r.Left, r.Right} {
			if c.Kind == Absent {
				continue
			}
			if c.Kind == Changed { // one below the other, a change is a removal and an addition
				c.Kind = [2]Kind{Removed, Added}[i]
			}
			out = append(out, p.draw(c, width, r.Focus, o.Underline)...)
		}
	}
	return out
}

// Height returns how many lines SideBySide takes for a row, for scrolling.
func Height(r Row, width int, underline bool) int {
	lw, rw := Sides(width)
	return max(height(r.Left, lw, underline), height(r.Right, rw, underline), 0)
}

func height(c Cell, width int, underline bool) int {
	if c.Kind == Absent || width <= 0 {
		return 0
	}
	n := 0
	for _, sp := range cells.Wrap(c.Text, max(width-gutter, 1)) {
		n++
		if underline && width > gutter && len(within(c.Marks, sp)) > 0 {
			n++
		}
	}
	return n
}

// draw wraps one side to width cells, signs included.
func (p *pens) draw(c Cell, width int, focus, underline bool) []string {
	if c.Kind == Absent || width <= 0 {
		return nil
	}
	bar := " "
	if focus {
		bar = p.focus.Paint("▌")
	}
	pen := p.kind[c.Kind]
	var out []string
	for i, sp := range cells.Wrap(c.Text, max(width-gutter, 1)) {
		sign := c.Kind.Sign()
		if i > 0 && c.Kind != Same {
			sign = "·" // the sign's line goes on
		}
		head := bar + pen.Paint(sign+" ")
		if width <= gutter {
			out = append(out, cells.FitStyled(head, width))
			continue
		}
		text := c.Text[sp.Start:sp.End]
		marks := within(c.Marks, sp)
		out = append(out, head+cells.FitHighlight(text, width-gutter, marks, pen, p.mark))
		if underline && len(marks) > 0 {
			out = append(out, bar+"  "+under(text, marks, width-gutter, p.mark))
		}
	}
	return out
}

// within cuts marks to the drawn part of a span, as bytes of it.
func within(marks []cells.Range, sp cells.Span) []cells.Range {
	var out []cells.Range
	for _, m := range marks {
		start, end := max(m.Start, sp.Start)-sp.Start, min(m.End, sp.End)-sp.Start
		if start < end {
			out = append(out, cells.Range{Start: start, End: end})
		}
	}
	return out
}

// under draws ~ below the marked bytes of text.
func under(text string, marks []cells.Range, width int, pen cells.Pen) string {
	s, col := "", 0
	for _, m := range marks {
		from, to := min(cells.Width(text[:m.Start]), width), min(cells.Width(text[:m.End]), width)
		from = max(from, col)
		if to <= from {
			continue
		}
		line := ""
		for range to - from {
			line += "~"
		}
		s += cells.Blank(from-col) + pen.Paint(line)
		col = to
	}
	return s + cells.Blank(width-col)
}
