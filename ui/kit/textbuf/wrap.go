package textbuf

import (
	"sort"

	"stet/ui/kit/cells"
)

// row is one visual row of a line: bytes [start, end) are drawn.
type row struct{ start, end int }

// wrap is the soft wrap of a line at a width.
type wrap struct {
	width int
	rows  []row
}

// rows returns the visual rows of line n, at least one.
func (b *Buffer) rows(n int) []row {
	l := &b.lines[n]
	if l.wrap == nil || l.wrap.width != b.wide {
		w := &wrap{width: b.wide, rows: make([]row, 0, len(l.text)/b.wide+1)}
		w.rows = append(w.rows, breakRows(l.text, 0, b.wide, nil)...)
		l.wrap = w
	}
	return l.wrap.rows
}

// breakRows wraps text from start on until its end or until stop says that the row
// about to begin is known already.
func breakRows(text string, start, width int, stop func(start int) bool) []row {
	var out []row
	for {
		sp := cells.NextRow(text, start, width)
		out = append(out, row{sp.Start, sp.End})
		if sp.Next >= len(text) {
			if sp.Next > sp.End { // a swallowed blank at the very end: the cursor goes behind it
				out = append(out, row{sp.Next, sp.Next})
			}
			return out
		}
		start = sp.Next
		if stop != nil && stop(start) {
			return out
		}
	}
}

// rewrap brings the wrap up to date after the bytes [from, to) were replaced by n bytes
// (the text is new already). It starts two rows early, since a shorter word may move up
// and a mark may join the character before it, and ends when old rows fit again.
func (l *line) rewrap(from, to, n int) {
	w := l.wrap
	if w == nil {
		return
	}
	old := w.rows
	first := max(rowAt(old, from)-2, 0)
	delta := n - (to - from)
	next := first
	synced := -1
	fresh := breakRows(l.text, old[first].start, w.width, func(start int) bool {
		for next < len(old) && (old[next].start < to || old[next].start+delta < start) {
			next++
		}
		if next < len(old) && old[next].start+delta == start && next > first {
			synced = next
			return true
		}
		return false
	})
	if synced < 0 {
		w.rows = append(old[:first:first], fresh...)
		return
	}
	tail := old[synced:]
	if delta != 0 {
		for i := range tail {
			tail[i].start += delta
			tail[i].end += delta
		}
	}
	if len(fresh) == synced-first {
		copy(old[first:], fresh)
		return
	}
	rows := make([]row, 0, len(old)+len(fresh)+8)
	rows = append(rows, old[:first]...)
	rows = append(rows, fresh...)
	w.rows = append(rows, tail...)
}

// rowAt returns the row in which column col is drawn.
func rowAt(rows []row, col int) int {
	return sort.Search(len(rows), func(i int) bool { return rows[i].start > col }) - 1
}

// cellAt returns the cell of column col in row r of text.
func cellAt(text string, r row, col int) int {
	return cells.Width(text[r.start:min(max(col, r.start), len(text))])
}

// columnAt returns the column nearest to cell x in row i, never behind the row.
func columnAt(text string, rows []row, i, x int) int {
	r := rows[i]
	last := r.end
	if i+1 < len(rows) && rows[i+1].start == r.end {
		last-- // the end belongs to the next row already
	}
	col, cell := r.start, 0
	for col < r.end {
		_, w, n := cells.Show(text[col:])
		if text[col] == '\t' {
			w = cells.TabWidth(cell)
		}
		if cell+w > x || col+n > last {
			break
		}
		cell += w
		col += n
	}
	return col
}
