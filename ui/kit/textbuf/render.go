package textbuf

import "stet/ui/kit/cells"

// Row is one visual row of the window.
type Row struct {
	Line   int           // line, counted from 0
	First  bool          // the first row of its line
	Start  int           // byte column of Text in the line
	Text   string        // bytes of the note, not cleaned; Draw cleans
	Marked []cells.Range // selection, as bytes of Text
	Found  []cells.Range // matches of the query, as bytes of Text
}

// Draw returns the row in exactly w cells: selection in marked, or matches in found when
// nothing is selected there.
func (r Row) Draw(w int, base, marked, found cells.Pen) string {
	if len(r.Marked) > 0 {
		return cells.FitHighlight(r.Text, w, r.Marked, base, marked)
	}
	return cells.FitHighlight(r.Text, w, r.Found, base, found)
}

// SetWidth sets the cells of the window. Lines are wrapped one cell narrower.
func (b *Buffer) SetWidth(w int) {
	b.width = max(w, 1)
	b.wide = max(b.width-1, 1)
	b.goal = -1
	b.top.row = 0
}

// Render returns the rows of a window of height rows, scrolled no further than needed
// for the cursor to be visible. There are fewer rows when the text is shorter.
func (b *Buffer) Render(height int) []Row {
	if height <= 0 {
		return nil
	}
	b.height = height
	b.scroll()
	out := make([]Row, 0, height)
	for v := b.top; len(out) < height; {
		out = append(out, b.row(v))
		next := b.walk(v, 1)
		if next == v {
			break
		}
		v = next
	}
	return out
}

func (b *Buffer) row(v view) Row {
	r := b.rows(v.line)[v.row]
	text := b.lines[v.line].text
	out := Row{Line: v.line, First: v.row == 0, Start: r.start, Text: text[r.start:r.end]}
	if b.selected && b.anchor != b.cur {
		from, to := b.span()
		start, end := pos{v.line, r.start}, pos{v.line, r.end}
		if from.before(end) && start.before(to) {
			m := cells.Range{Start: 0, End: r.end - r.start}
			if start.before(from) {
				m.Start = from.col - r.start
			}
			if to.before(end) {
				m.End = to.col - r.start
			}
			out.Marked = []cells.Range{m}
		}
	}
	if b.query != "" {
		out.Found = b.foundIn(text, r)
	}
	return out
}

// scroll moves the top of the window so that the cursor is inside.
func (b *Buffer) scroll() {
	at := b.cursorRow()
	b.top.line = min(b.top.line, len(b.lines)-1)
	b.top.row = min(b.top.row, len(b.rows(b.top.line))-1)
	if at.line < b.top.line || at.line == b.top.line && at.row < b.top.row {
		b.top = at
		return
	}
	if lowest := b.walk(at, -(b.height - 1)); lowest.line > b.top.line || lowest.line == b.top.line && lowest.row > b.top.row {
		b.top = lowest
	}
}

func (b *Buffer) cursorRow() view { return view{b.cur.line, rowAt(b.rows(b.cur.line), b.cur.col)} }

// CursorCell returns the cell of the cursor in the window that Render drew last.
func (b *Buffer) CursorCell() (x, y int) {
	at := b.cursorRow()
	r := b.rows(at.line)[at.row]
	x = min(cellAt(b.lines[at.line].text, r, b.cur.col), b.width-1)
	for v := b.top; v != at && y < b.height-1; y++ {
		v = b.walk(v, 1)
	}
	return x, y
}

// TopLine returns the line of the first visible row.
func (b *Buffer) TopLine() int { return b.top.line }
