package cells

import "unicode/utf8"

// Span is one row of a wrapped line: the bytes [Start, End) are drawn, the next row
// begins at Next. The gap between End and Next is the blank swallowed at the wrap point,
// at most one byte. Width is the cells that the drawn bytes take.
type Span struct{ Start, End, Next, Width int }

// Wrap breaks one line (no newline in it) into rows of at most w cells: after blanks,
// between wide characters, and inside of a word that is longer than a row. Every byte
// belongs to exactly one span; an empty line is one empty span. A cluster that is wider
// than w has a row of its own with Width w, which Fit draws as ….
func Wrap(line string, w int) []Span {
	spans := make([]Span, 0, len(line)/max(w, 1)+1)
	for pos := 0; ; {
		sp := NextRow(line, pos, w)
		spans = append(spans, sp)
		if sp.Next >= len(line) {
			return spans
		}
		pos = sp.Next
	}
}

// NextRow returns the row of line that begins at start, which must be a row's start. It
// looks no further than the row is wide, so a long line can be wrapped piece by piece.
func NextRow(line string, start, w int) Span {
	w = max(w, 1)
	col, pos := 0, start
	brk, brkWidth := -1, 0 // the last place after which the row may end
	wide := false
	for pos < len(line) {
		c := line[pos]
		if c > 0x20 && c < 0x7F && (pos+1 == len(line) || line[pos+1] < 0x80) && !wide {
			if col == w {
				return rowEnd(line, start, pos, col, brk, brkWidth)
			}
			col++
			pos++
			continue
		}
		_, cw, n := Show(line[pos:])
		tab := cw == 0 && c == '\t'
		if tab {
			cw = TabWidth(col)
		}
		blank := n == 1 && (c == ' ' || tab)
		if cw == 2 && pos > start || wide && !blank {
			brk, brkWidth = pos, col
		}
		wide = cw == 2
		if col+cw > w {
			if pos == start {
				return Span{start, pos + n, pos + n, w}
			}
			if blank {
				return Span{start, pos, pos + n, col}
			}
			return rowEnd(line, start, pos, col, brk, brkWidth)
		}
		col += cw
		pos += n
		if blank {
			brk, brkWidth = pos, col
		}
	}
	return Span{start, pos, pos, col}
}

// rowEnd closes a row that overflows at pos.
func rowEnd(line string, start, pos, col, brk, brkWidth int) Span {
	if brk > start && brk < pos && utf8.RuneStart(line[brk]) {
		return Span{start, brk, brk, brkWidth}
	}
	return Span{start, pos, pos, col}
}
