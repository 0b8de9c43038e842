package textbuf

import (
	"strconv"
	"strings"
)

// Indentation is what Indent puts before a line.
const Indentation = "  "

// target is what a verb works on: the selection, or the empty place at the cursor.
func (b *Buffer) target() (from, to pos) {
	if b.selected {
		return b.span()
	}
	return b.cur, b.cur
}

// Insert puts s, as typed or pasted, in the place of the selection or at the cursor. Line
// endings in s stay as they are.
func (b *Buffer) Insert(s string) {
	if s == "" {
		return
	}
	from, to := b.target()
	k := other
	if from == to && len(s) <= 16 && !strings.ContainsAny(s, "\r\n") {
		k = typed
	}
	b.edit(from, to, s, k)
}

// InsertNewline ends the line with the line ending that the text uses.
func (b *Buffer) InsertNewline() {
	from, to := b.target()
	b.edit(from, to, b.Newline(), other)
}

// NewlineSmart is InsertNewline that continues what the line is: its indentation, quote
// marks, list bullet, next number or an empty task box. On an item without text it ends
// the list instead.
func (b *Buffer) NewlineSmart() {
	from, to := b.target()
	text := b.lines[from.line].text
	it := parseItem(text)
	if from.col < it.size {
		b.InsertNewline()
		return
	}
	if it.marker && from == to && strings.TrimSpace(text[it.size:]) == "" {
		b.edit(pos{from.line, 0}, pos{from.line, len(text)}, "", other)
		return
	}
	b.edit(from, to, b.Newline()+it.next, other)
}

// item is what a line begins with: size bytes of indentation, quote marks and list
// marker, and what the line after it begins with.
type item struct {
	size   int
	marker bool
	next   string
}

func parseItem(text string) item {
	i := 0
	for i < len(text) && (blank(text[i]) || text[i] == '>') {
		i++
	}
	it := item{size: i, next: text[:i]}
	j, next := bullet(text[i:])
	if j == 0 {
		return it
	}
	it.marker = true
	it.size += j
	it.next += next
	if rest := text[it.size:]; len(rest) >= 4 && rest[0] == '[' && strings.IndexByte(" xX", rest[1]) >= 0 && rest[2:4] == "] " {
		it.size += 4
		it.next += "[ ] "
	}
	return it
}

// bullet reads a list marker with its blank and returns its size and the next marker.
func bullet(s string) (int, string) {
	if len(s) >= 2 && strings.IndexByte("-*+", s[0]) >= 0 && s[1] == ' ' {
		return 2, s[:2]
	}
	n := 0
	for n < len(s) && n < 9 && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	if n == 0 || n+1 >= len(s) || s[n] != '.' && s[n] != ')' || s[n+1] != ' ' {
		return 0, ""
	}
	v, err := strconv.Atoi(s[:n])
	if err != nil {
		return 0, ""
	}
	return n + 2, strconv.Itoa(v+1) + s[n:n+2]
}

// Backspace deletes the selection or the grapheme before the cursor.
func (b *Buffer) Backspace() {
	if b.drop() {
		return
	}
	b.edit(b.left(b.cur), b.cur, "", erased)
}

// Delete deletes the selection or the grapheme after the cursor.
func (b *Buffer) Delete() {
	if b.drop() {
		return
	}
	b.edit(b.cur, b.right(b.cur), "", deleted)
}

// drop deletes the selection; false when there is none.
func (b *Buffer) drop() bool {
	if !b.selected || b.anchor == b.cur {
		b.selected = false
		return false
	}
	from, to := b.span()
	b.edit(from, to, "", other)
	return true
}

// KillLine deletes from the cursor to the end of the line, or the line ending when it
// stands there, and returns what it deleted.
func (b *Buffer) KillLine() string {
	end := pos{b.cur.line, len(b.lines[b.cur.line].text)}
	if b.cur == end {
		end = b.right(end)
	}
	return b.kill(b.cur, end)
}

// KillLineBack deletes from the start of the line to the cursor.
func (b *Buffer) KillLineBack() string { return b.kill(pos{b.cur.line, 0}, b.cur) }

// KillWord deletes to the end of the word after the cursor.
func (b *Buffer) KillWord() string { return b.kill(b.cur, b.wordRight(b.cur)) }

// KillWordBack deletes to the start of the word before the cursor.
func (b *Buffer) KillWordBack() string { return b.kill(b.wordLeft(b.cur), b.cur) }

func (b *Buffer) kill(from, to pos) string {
	s := b.text(from, to)
	b.edit(from, to, "", other)
	return s
}

// Tab indents when lines are selected or the line is a list item, else it inserts a tab.
func (b *Buffer) Tab() {
	from, to := b.target()
	if from.line != to.line || parseItem(b.lines[from.line].text).marker {
		b.Indent()
		return
	}
	b.Insert("\t")
}

// Indent moves the selected lines, or the cursor's, to the right. Empty lines stay.
func (b *Buffer) Indent() {
	b.relines(func(s string) string {
		if s == "" {
			return s
		}
		return Indentation + s
	})
}

// Outdent takes one indentation, or one tab, off the selected lines or the cursor's.
func (b *Buffer) Outdent() {
	b.relines(func(s string) string {
		if strings.HasPrefix(s, "\t") {
			return s[1:]
		}
		n := 0
		for n < len(Indentation) && n < len(s) && s[n] == ' ' {
			n++
		}
		return s[n:]
	})
}

// relines rewrites the touched lines as one change; cursor and selection stay on their
// text.
func (b *Buffer) relines(f func(string) string) {
	from, to := b.target()
	last := to.line
	if from.line < to.line && to.col == 0 {
		last--
	}
	old := b.text(pos{from.line, 0}, pos{last, len(b.lines[last].text)})
	var s strings.Builder
	shift := func(p pos) pos {
		if p.line < from.line || p.line > last {
			return p
		}
		text := b.lines[p.line].text
		return pos{p.line, max(0, p.col+len(f(text))-len(text))}
	}
	cur, anchor, selected := shift(b.cur), shift(b.anchor), b.selected
	for i := from.line; i <= last; i++ {
		s.WriteString(f(b.lines[i].text))
		if i < last {
			s.WriteString(endings[b.lines[i].end])
		}
	}
	if s.String() == old {
		return
	}
	b.edit(pos{from.line, 0}, pos{last, len(b.lines[last].text)}, s.String(), other)
	b.moveTo(b.snap(cur))
	b.undo[len(b.undo)-1].after = b.Cursor()
	if selected {
		b.anchor, b.selected = b.snap(anchor), true
	}
}
