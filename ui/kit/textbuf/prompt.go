package textbuf

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"stet/ui/kit/cells"
)

// Line is a one-line input for titles, searches and prompts. Newlines that are put in
// become spaces. The zero Line is empty and ready.
type Line struct {
	text string
	cur  int // byte offset on a grapheme boundary
	from int // first byte drawn
}

// Value returns the text.
func (l *Line) Value() string { return l.text }

// SetValue replaces the text and puts the cursor at its end.
func (l *Line) SetValue(s string) {
	l.text, l.from = oneLine(s), 0
	l.cur = len(l.text)
}

// Insert puts s at the cursor.
func (l *Line) Insert(s string) {
	s = oneLine(s)
	l.text = l.text[:l.cur] + s + l.text[l.cur:]
	l.cur = l.ceil(l.cur + len(s))
}

func oneLine(s string) string {
	return strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ").Replace(s)
}

// ceil returns the first grapheme boundary at or behind off.
func (l *Line) ceil(off int) int {
	c := 0
	for c < off {
		c += cells.Next(l.text[c:])
	}
	return c
}

// before returns the grapheme boundary before off.
func (l *Line) before(off int) int {
	c := 0
	for c < off {
		n := cells.Next(l.text[c:])
		if c+n >= off {
			break
		}
		c += n
	}
	return c
}

// Cursor returns the byte offset of the cursor.
func (l *Line) Cursor() int { return l.cur }

// Left moves one grapheme back.
func (l *Line) Left() { l.cur = l.before(l.cur) }

// Right moves one grapheme on.
func (l *Line) Right() { l.cur += cells.Next(l.text[l.cur:]) }

// Home moves to the start.
func (l *Line) Home() { l.cur = 0 }

// End moves to the end.
func (l *Line) End() { l.cur = len(l.text) }

// WordLeft moves to the start of the word before the cursor.
func (l *Line) WordLeft() { l.cur = l.wordStart() }

// WordRight moves to the end of the word after the cursor.
func (l *Line) WordRight() {
	inside := false
	for l.cur < len(l.text) {
		word := wordy(l.text[l.cur:])
		if inside && !word {
			return
		}
		inside = inside || word
		l.Right()
	}
}

func (l *Line) wordStart() int {
	c, inside := l.cur, false
	for c > 0 {
		q := l.before(c)
		word := wordy(l.text[q:])
		if inside && !word {
			break
		}
		inside = inside || word
		c = q
	}
	return c
}

func wordy(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

// Backspace deletes the grapheme before the cursor.
func (l *Line) Backspace() { l.cut(l.before(l.cur), l.cur) }

// Delete deletes the grapheme after the cursor.
func (l *Line) Delete() { l.cut(l.cur, l.cur+cells.Next(l.text[l.cur:])) }

// DeleteWord deletes back to the start of the word before the cursor.
func (l *Line) DeleteWord() { l.cut(l.wordStart(), l.cur) }

// KillToEnd deletes from the cursor on.
func (l *Line) KillToEnd() { l.cut(l.cur, len(l.text)) }

// KillToStart deletes up to the cursor.
func (l *Line) KillToStart() { l.cut(0, l.cur) }

func (l *Line) cut(from, to int) {
	l.text = l.text[:from] + l.text[to:]
	l.cur = l.ceil(from)
}

// Render draws the line in exactly width cells, scrolled so that the cursor is inside,
// and returns the cell of the cursor.
func (l *Line) Render(width int) (text string, x int) {
	if width <= 0 {
		return "", 0
	}
	l.from = l.ceil(min(l.from, l.cur))
	if l.from > l.cur {
		l.from = l.cur
	}
	for cells.Width(l.text[l.from:l.cur]) > width-1 && l.from < l.cur {
		l.from += cells.Next(l.text[l.from:])
	}
	// Use the room when the text became shorter.
	for l.from > 0 {
		p := l.before(l.from)
		if cells.Width(l.text[p:]) > width-1 {
			break
		}
		l.from = p
	}
	return cells.Fit(l.text[l.from:], width), min(cells.Width(l.text[l.from:l.cur]), width-1)
}
