package textbuf

import (
	"unicode"
	"unicode/utf8"

	"stet/ui/kit/cells"
)

// Left moves one grapheme back, over line ends.
func (b *Buffer) Left() { b.moveTo(b.left(b.cur)) }

// Right moves one grapheme on, over line ends.
func (b *Buffer) Right() { b.moveTo(b.right(b.cur)) }

// WordLeft moves to the start of the word before the cursor.
func (b *Buffer) WordLeft() { b.moveTo(b.wordLeft(b.cur)) }

// WordRight moves to the end of the word after the cursor.
func (b *Buffer) WordRight() { b.moveTo(b.wordRight(b.cur)) }

// Up moves one visual row up, keeping the cell where the vertical movement began.
func (b *Buffer) Up() { b.vertical(-1) }

// Down moves one visual row down.
func (b *Buffer) Down() { b.vertical(1) }

// PageUp moves up by the window less one row.
func (b *Buffer) PageUp() { b.vertical(-max(b.height-1, 1)) }

// PageDown moves down by the window less one row.
func (b *Buffer) PageDown() { b.vertical(max(b.height-1, 1)) }

// Home moves to the start of the text.
func (b *Buffer) Home() { b.moveTo(pos{}) }

// End moves to the end of the text.
func (b *Buffer) End() {
	last := len(b.lines) - 1
	b.moveTo(pos{last, len(b.lines[last].text)})
}

// LineStart moves to the start of the visual row; when there, to the start of the line.
func (b *Buffer) LineStart() {
	rows := b.rows(b.cur.line)
	start := rows[rowAt(rows, b.cur.col)].start
	if b.cur.col == start {
		start = 0
	}
	b.moveTo(pos{b.cur.line, start})
}

// LineEnd moves to the end of the visual row; when there, to the end of the line.
func (b *Buffer) LineEnd() {
	rows := b.rows(b.cur.line)
	text := b.lines[b.cur.line].text
	end := columnAt(text, rows, rowAt(rows, b.cur.col), 1<<30)
	if b.cur.col >= end {
		end = len(text)
	}
	b.moveTo(pos{b.cur.line, end})
}

func (b *Buffer) left(p pos) pos {
	if p.col == 0 {
		if p.line == 0 {
			return p
		}
		return pos{p.line - 1, len(b.lines[p.line-1].text)}
	}
	text, rows := b.lines[p.line].text, b.rows(p.line)
	c := rows[rowAt(rows, p.col-1)].start
	for {
		n := cells.Next(text[c:])
		if n == 0 || c+n >= p.col {
			return pos{p.line, c}
		}
		c += n
	}
}

func (b *Buffer) right(p pos) pos {
	text := b.lines[p.line].text
	if p.col >= len(text) {
		if p.line+1 == len(b.lines) {
			return p
		}
		return pos{p.line + 1, 0}
	}
	return pos{p.line, p.col + cells.Next(text[p.col:])}
}

// wordAt reports whether the grapheme at p is part of a word.
func (b *Buffer) wordAt(p pos) bool {
	text := b.lines[p.line].text
	if p.col >= len(text) {
		return false
	}
	r, _ := utf8.DecodeRuneInString(text[p.col:])
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

func (b *Buffer) wordRight(p pos) pos {
	inside := false
	for {
		word := b.wordAt(p)
		q := b.right(p)
		if q == p || inside && !word {
			return p
		}
		inside = inside || word
		p = q
	}
}

func (b *Buffer) wordLeft(p pos) pos {
	inside := false
	for {
		q := b.left(p)
		word := b.wordAt(q)
		if q == p || inside && !word {
			return p
		}
		inside = inside || word
		p = q
	}
}

// vertical moves by n visual rows, as far as there are any.
func (b *Buffer) vertical(n int) {
	rows := b.rows(b.cur.line)
	at := view{b.cur.line, rowAt(rows, b.cur.col)}
	goal := b.goal
	if goal < 0 {
		goal = cellAt(b.lines[at.line].text, rows[at.row], b.cur.col)
	}
	to := b.walk(at, n)
	if to == at {
		// At the first or last row the cursor goes to its end, as editors do.
		if n < 0 {
			b.Home()
		} else {
			b.End()
		}
		return
	}
	text := b.lines[to.line].text
	b.moveTo(pos{to.line, columnAt(text, b.rows(to.line), to.row, goal)})
	b.goal = goal
}

// walk returns the visual row n rows after v, or before it when n is negative, stopping
// at the ends of the text.
func (b *Buffer) walk(v view, n int) view {
	for n > 0 {
		left := len(b.rows(v.line)) - 1 - v.row
		if n <= left {
			return view{v.line, v.row + n}
		}
		if v.line+1 == len(b.lines) {
			return view{v.line, v.row + left}
		}
		n -= left + 1
		v = view{v.line + 1, 0}
	}
	for n < 0 {
		if -n <= v.row {
			return view{v.line, v.row + n}
		}
		if v.line == 0 {
			return view{}
		}
		n += v.row + 1
		v = view{v.line - 1, len(b.rows(v.line-1)) - 1}
	}
	return v
}
