package merge

import (
	"stet/ui/kit/cells"
	"stet/ui/kit/sidediff"
	"stet/ui/screen"
)

// panes is the window over a paper.
type panes struct {
	paper *paper
	top   int // first row drawn
	skip  int // screen lines of it that are above the window

	width, height int
	under         bool // changed words are underlined on a line of their own
	wanted        int  // item to bring into view with the next drawing, -1 for none
}

// rowHeight returns the screen lines of a row.
func (v *panes) rowHeight(i int, width int) int {
	r := v.paper.rows[i]
	blank := r.left.kind == sidediff.Absent && r.right.kind == sidediff.Absent
	if v.paper.layout != sideBySide || blank || r.label != "" {
		return len(v.draw(i, width, -1, nil))
	}
	row := sidediff.Row{Left: v.paper.cell(r, r.left, true), Right: v.paper.cell(r, r.right, false)}
	return sidediff.Height(row, width, v.under)
}

// draw returns the screen lines of a row; at is the current item. Without pens
// only their number counts.
func (v *panes) draw(i, width, at int, o *drawing) []string {
	p := v.paper
	r := p.rows[i]
	focus := at >= 0 && r.item == at
	if r.label != "" {
		if o == nil {
			return make([]string, 1)
		}
		bar := "  "
		if focus {
			bar = o.pens.Accent.Paint("▌") + " "
		}
		return []string{cells.FitStyled(bar+o.pens.Dim.Paint(cells.Fit(r.label, max(width-2, 0))), width)}
	}
	row := sidediff.Row{Left: p.cell(r, r.left, true), Right: p.cell(r, r.right, false), Focus: focus}
	if row.Left.Kind == sidediff.Absent && row.Right.Kind == sidediff.Absent && r.base.kind == sidediff.Absent {
		return []string{blankRow(width, p.layout, focus, o)}
	}
	opt := sidediff.Options{Underline: v.under}
	if o != nil {
		opt.Styles = o.styles
	}
	switch p.layout {
	case unified:
		if row.Left.Kind == sidediff.Changed { // what a side wrote is no removal, whichever side it is
			row.Left, row.Right = sidediff.Cell{}, row.Left
		}
		return sidediff.Unified([]sidediff.Row{row}, width, opt)
	case threePanes:
		first := (width - 2) / 3
		base := sidediff.Unified([]sidediff.Row{{Left: p.cell(row3(r), r.base, true)}}, first, opt)
		sides := sidediff.SideBySide([]sidediff.Row{row}, width-first-1, opt)
		return beside(base, sides, first, width-first-1, o)
	}
	return sidediff.SideBySide([]sidediff.Row{row}, width, opt)
}

// row3 is a row whose marks are not wanted: the base has none.
func row3(r row) row { return row{item: -1, base: r.base} }

// cell is a piece with its marks.
func (p *paper) cell(r row, pc piece, left bool) sidediff.Cell {
	return sidediff.Cell{Text: pc.text, Kind: pc.kind, Marks: p.marks(r.item, pc, left)}
}

// beside puts two blocks of lines next to each other.
func beside(a, b []string, wa, wb int, o *drawing) []string {
	out := make([]string, max(len(a), len(b)))
	bar := "│"
	if o != nil {
		bar = o.pens.Faint.Paint(bar)
	}
	for i := range out {
		left, right := cells.Blank(wa), cells.Blank(wb)
		if i < len(a) {
			left = a[i]
		}
		if i < len(b) {
			right = b[i]
		}
		out[i] = left + bar + right
	}
	return out
}

// blankRow is a row that has no text on any side.
func blankRow(width int, l layout, focus bool, o *drawing) string {
	if o == nil || l == unified {
		return cells.Blank(width)
	}
	lead := cells.Blank(1)
	if focus {
		lead = o.pens.Accent.Paint("▌")
	}
	lw, _ := sidediff.Sides(width)
	return cells.FitStyled(lead+cells.Blank(lw-1)+o.pens.Faint.Paint("│"), width)
}

// drawing is what the panes are painted with, made once per theme.
type drawing struct {
	pens   *screen.Pens
	styles sidediff.Styles
}

func newDrawing(t *screen.Theme) *drawing {
	return &drawing{t.Pens(), sidediff.Styles{Same: t.Text, Changed: t.Text, Added: t.Added, Removed: t.Removed,
		Mark: t.Changed, Divider: t.Faint, Focus: t.Accent}}
}

// render draws the window, moved so that the wanted item is in it.
func (v *panes) render(width, height, at int, o *drawing) []string {
	if width <= 0 || height <= 0 {
		return nil
	}
	if v.width != width {
		v.width, v.skip = width, 0
	}
	v.height, v.under = height, height >= 10
	if v.wanted >= 0 && v.wanted < len(v.paper.first) {
		v.show(v.wanted)
	}
	v.wanted = -1
	v.clamp()
	if v.paper.layout == sideBySide {
		return v.renderSides(width, height, at, o)
	}
	out := make([]string, 0, height)
	for i, skip := v.top, v.skip; i < len(v.paper.rows) && len(out) < height; i, skip = i+1, 0 {
		ls := v.draw(i, width, at, o)
		out = append(out, ls[min(skip, len(ls)):]...)
	}
	for len(out) < height {
		out = append(out, cells.Blank(width))
	}
	return out[:height]
}

// renderSides draws the window in one go: the styles are prepared once for all
// rows.
func (v *panes) renderSides(width, height, at int, o *drawing) []string {
	var rows []sidediff.Row
	for i, room := v.top, height+v.skip; i < len(v.paper.rows) && room > 0; i++ {
		r := v.paper.rows[i]
		room -= v.rowHeight(i, width)
		row := sidediff.Row{Left: v.paper.cell(r, r.left, true), Right: v.paper.cell(r, r.right, false), Focus: at >= 0 && r.item == at}
		if row.Left.Kind == sidediff.Absent && row.Right.Kind == sidediff.Absent {
			row.Left.Kind = sidediff.Same
		}
		rows = append(rows, row)
	}
	out := sidediff.SideBySide(rows, width, sidediff.Options{Underline: v.under, Styles: o.styles})
	out = out[min(v.skip, len(out)):]
	for len(out) < height {
		out = append(out, cells.Blank(width))
	}
	return out[:height]
}

// show puts an item a third down the window, higher if its end would not be
// seen there.
func (v *panes) show(item int) {
	first := v.paper.first[item]
	size := 0
	for i := first; i < len(v.paper.rows) && v.paper.rows[i].item == item && size < v.height; i++ {
		size += v.rowHeight(i, v.width)
	}
	v.top, v.skip = first, 0
	v.scroll(-max(min(v.height/3, v.height-size), 0))
}

// jump puts a row at the top of the window, as far down as there is text.
func (v *panes) jump(row int) {
	v.top, v.skip = row, 0
	v.clamp()
}

// scroll moves the window by n screen lines, as far as there are any.
func (v *panes) scroll(n int) {
	for n < 0 && (v.top > 0 || v.skip > 0) {
		if v.skip == 0 {
			v.top--
			v.skip = v.rowHeight(v.top, v.width)
		}
		d := min(-n, v.skip)
		v.skip -= d
		n += d
	}
	for n > 0 && v.top < len(v.paper.rows) {
		left := v.rowHeight(v.top, v.width) - v.skip
		if n < left {
			v.skip += n
			break
		}
		n -= left
		v.top, v.skip = v.top+1, 0
	}
	v.clamp()
}

// clamp keeps the end of the text at the bottom of the window.
func (v *panes) clamp() {
	v.top = max(min(v.top, len(v.paper.rows)-1), 0)
	room := v.height
	for i := v.top; i < len(v.paper.rows) && room > 0; i++ {
		room -= v.rowHeight(i, v.width)
	}
	room += v.skip
	for room > 0 && (v.top > 0 || v.skip > 0) {
		if v.skip == 0 {
			v.top--
			v.skip = v.rowHeight(v.top, v.width)
		}
		d := min(room, v.skip)
		v.skip -= d
		room -= d
	}
}
