package textbuf

import "strings"

// Buffer is the text of one editor with its cursor, selection, history and window.
type Buffer struct {
	lines []line
	size  int
	ends  [4]int // how many lines have each ending

	knownLine, knownOff int // a line and its offset, so that offsets need no scan

	cur      pos
	goal     int // remembered cell for up and down, -1 when none
	anchor   pos
	selected bool

	undo, redo []change
	sealed     bool // the last change may not grow any more
	version    uint64

	width, wide int // window, and wrap inside of it
	height      int
	top         view

	query string
	fold  bool
}

// view is the visual row at the top of the window.
type view struct{ line, row int }

// New returns a buffer holding text, with the cursor at its start, for a window of width
// cells.
func New(text string, width int) *Buffer {
	b := &Buffer{goal: -1, height: 1}
	b.SetWidth(width)
	b.Load(text)
	return b
}

// Load replaces everything, history included.
func (b *Buffer) Load(text string) {
	b.lines = split(text)
	b.size = len(text)
	b.ends = [4]int{}
	for i := range b.lines {
		b.ends[b.lines[i].end]++
	}
	b.knownLine, b.knownOff = 0, 0
	b.cur, b.goal, b.selected = pos{}, -1, false
	b.undo, b.redo, b.sealed = nil, nil, true
	b.top = view{}
	b.version++
}

// Apply makes the text what an outside editor or a merge made of it, as one undoable
// change of the part that differs. The cursor keeps its place in the text.
func (b *Buffer) Apply(text string) {
	old := b.String()
	if old == text {
		return
	}
	n := min(len(old), len(text))
	head := 0
	for head < n && old[head] == text[head] {
		head++
	}
	for head > 0 && head < len(text) && !boundary(text[head]) {
		head--
	}
	tail := 0
	for tail < n-head && old[len(old)-1-tail] == text[len(text)-1-tail] {
		tail++
	}
	for tail > 0 && !boundary(text[len(text)-tail]) {
		tail--
	}
	cur := b.Cursor()
	end := len(old) - tail
	switch {
	case cur >= end:
		cur += len(text) - len(old)
	case cur > head:
		cur = min(cur, len(text)-tail)
	}
	b.edit(b.at(head), b.at(end), text[head:len(text)-tail], other)
	b.setCursor(cur)
}

func boundary(c byte) bool { return c&0xC0 != 0x80 }

// String returns the text. It copies all of it.
func (b *Buffer) String() string {
	var s strings.Builder
	s.Grow(b.size)
	for i := range b.lines {
		s.WriteString(b.lines[i].text)
		s.WriteString(endings[b.lines[i].end])
	}
	return s.String()
}

// Len returns the bytes of the text.
func (b *Buffer) Len() int { return b.size }

// Version changes whenever the text does, undo and redo included.
func (b *Buffer) Version() uint64 { return b.version }

// Lines returns the number of lines, at least 1.
func (b *Buffer) Lines() int { return len(b.lines) }

// LineText returns line n, counted from 0, without its ending; empty when there is none.
func (b *Buffer) LineText(n int) string {
	if n < 0 || n >= len(b.lines) {
		return ""
	}
	return b.lines[n].text
}

// Newline returns the line ending most lines have, "\n" when there is none yet.
func (b *Buffer) Newline() string {
	best := lf
	for _, e := range []ending{crlf, cr} {
		if b.ends[e] > b.ends[best] {
			best = e
		}
	}
	return endings[best]
}

// Cursor returns the byte offset of the cursor.
func (b *Buffer) Cursor() int { return b.offset(b.cur) }

// SetCursor moves the cursor to a byte offset, forward to a grapheme boundary, and ends
// the selection.
func (b *Buffer) SetCursor(off int) {
	b.selected = false
	b.setCursor(off)
}

func (b *Buffer) setCursor(off int) { b.moveTo(b.snap(b.at(off))) }

// GotoLine moves the cursor to the start of line n, counted from 0.
func (b *Buffer) GotoLine(n int) {
	b.selected = false
	b.moveTo(pos{min(max(n, 0), len(b.lines)-1), 0})
}

// Place returns the line of the cursor counted from 0 and its byte column.
func (b *Buffer) Place() (line, col int) { return b.cur.line, b.cur.col }

// moveTo puts the cursor on p, a grapheme boundary, and forgets the remembered cell.
func (b *Buffer) moveTo(p pos) {
	b.cur, b.goal, b.sealed = p, -1, true
}

// Select starts a selection at the cursor; moving the cursor extends it.
func (b *Buffer) Select() {
	if !b.selected {
		b.anchor, b.selected = b.cur, true
	}
}

// SelectAll selects the whole text, the cursor at its end.
func (b *Buffer) SelectAll() {
	b.End()
	b.anchor, b.selected = pos{}, true
}

// Unselect ends the selection.
func (b *Buffer) Unselect() { b.selected = false }

// Selection returns the selected bytes as offsets; ok is false when nothing is selected.
func (b *Buffer) Selection() (start, end int, ok bool) {
	if !b.selected || b.anchor == b.cur {
		return 0, 0, false
	}
	from, to := b.span()
	return b.offset(from), b.offset(to), true
}

// Selected returns the selected text.
func (b *Buffer) Selected() string {
	if !b.selected {
		return ""
	}
	return b.text(b.span())
}

func (b *Buffer) span() (from, to pos) {
	if b.anchor.before(b.cur) {
		return b.anchor, b.cur
	}
	return b.cur, b.anchor
}
