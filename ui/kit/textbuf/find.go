package textbuf

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"stet/ui/kit/cells"
)

// SetQuery sets what Find looks for and Render marks, within lines; fold ignores case.
// An empty query ends the search.
func (b *Buffer) SetQuery(q string, fold bool) { b.query, b.fold = q, fold }

// FindNext selects the next match after the cursor, around the end of the text; false
// when there is none.
func (b *Buffer) FindNext() bool {
	from := b.cur
	for i := 0; i <= len(b.lines); i++ {
		n := (from.line + i) % len(b.lines)
		start := 0
		if i == 0 {
			start = from.col
		}
		if at, size := index(b.lines[n].text, b.query, start, b.fold); at >= 0 {
			b.choose(n, at, size)
			return true
		}
	}
	return false
}

// FindPrev selects the match before the cursor or the selected one, around the start.
func (b *Buffer) FindPrev() bool {
	from, _ := b.target()
	for i := 0; i <= len(b.lines); i++ {
		n := (from.line - i + 2*len(b.lines)) % len(b.lines)
		limit := len(b.lines[n].text) + 1
		if i == 0 {
			limit = from.col
		}
		best, bestSize := -1, 0
		for at, size := index(b.lines[n].text, b.query, 0, b.fold); at >= 0 && at < limit; at, size = index(b.lines[n].text, b.query, at+size, b.fold) {
			best, bestSize = at, size
		}
		if best >= 0 {
			b.choose(n, best, bestSize)
			return true
		}
	}
	return false
}

func (b *Buffer) choose(line, at, size int) {
	b.moveTo(b.snap(pos{line, at + size}))
	b.anchor, b.selected = pos{line, at}, true
}

// Replace puts s in the place of the selected match and goes to the next one. When no
// match is selected it only goes to one. It reports whether it replaced.
func (b *Buffer) Replace(s string) bool {
	done := false
	if b.selected && b.query != "" {
		from, to := b.span()
		if at, size := index(b.lines[from.line].text, b.query, from.col, b.fold); from.line == to.line && at == from.col && at+size == to.col {
			b.edit(from, to, s, other)
			done = true
		}
	}
	b.FindNext()
	return done
}

// ReplaceAll replaces every match as one change and returns how many there were. The
// cursor keeps its line.
func (b *Buffer) ReplaceAll(s string) int {
	count, first, last := 0, -1, -1
	var out strings.Builder
	var from, to pos
	for n := range b.lines {
		text := b.lines[n].text
		at, size := index(text, b.query, 0, b.fold)
		if at < 0 {
			continue
		}
		if first < 0 {
			first, from = n, pos{n, at}
		} else {
			out.WriteString(b.text(to, pos{n, at}))
		}
		for at >= 0 {
			count++
			out.WriteString(s)
			end := at + size
			at, size = index(text, b.query, end, b.fold)
			if at >= 0 {
				out.WriteString(text[end:at])
			}
			last, to = n, pos{n, end}
		}
	}
	if last < 0 {
		return 0
	}
	line := b.cur.line
	b.edit(from, to, out.String(), other)
	b.moveTo(pos{min(line, len(b.lines)-1), 0})
	b.undo[len(b.undo)-1].after = b.Cursor()
	return count
}

// Count returns the matches in the text.
func (b *Buffer) Count() int {
	n := 0
	for i := range b.lines {
		for at, size := index(b.lines[i].text, b.query, 0, b.fold); at >= 0; at, size = index(b.lines[i].text, b.query, at+size, b.fold) {
			n++
		}
	}
	return n
}

// foundIn returns the matches that touch row r, looking no further than they can reach.
func (b *Buffer) foundIn(text string, r row) []cells.Range {
	reach := 4 * len(b.query) // a folded match has at most as many code points
	lo, hi := max(r.start-reach, 0), min(r.end+reach, len(text))
	for lo > 0 && !utf8.RuneStart(text[lo]) {
		lo--
	}
	var out []cells.Range
	part := text[lo:hi]
	for at, size := index(part, b.query, 0, b.fold); at >= 0; at, size = index(part, b.query, at+size, b.fold) {
		m := cells.Range{Start: max(lo+at, r.start) - r.start, End: min(lo+at+size, r.end) - r.start}
		if m.Start < m.End {
			out = append(out, m)
		}
	}
	return out
}

// index returns the first match of q in s at or behind from and its size, or -1.
func index(s, q string, from int, fold bool) (at, size int) {
	if q == "" || from > len(s) {
		return -1, 0
	}
	if !fold {
		i := strings.Index(s[from:], q)
		if i < 0 {
			return -1, 0
		}
		return from + i, len(q)
	}
	first, _ := utf8.DecodeRuneInString(q)
	low, up := byte(0), byte(0)
	if first < 0x80 && first != 'k' && first != 'K' && first != 's' && first != 'S' { // these fold beyond ASCII
		low, up = byte(unicode.ToLower(first)), byte(unicode.ToUpper(first))
	}
	for i := from; i < len(s); i++ {
		if !utf8.RuneStart(s[i]) || low != 0 && s[i] != low && s[i] != up {
			continue
		}
		if n := foldPrefix(s[i:], q); n > 0 {
			return i, n
		}
	}
	return -1, 0
}

// foldPrefix returns how many bytes at the start of s match q without regard to case.
func foldPrefix(s, q string) int {
	n := 0
	for _, want := range q {
		if n >= len(s) {
			return 0
		}
		r, k := utf8.DecodeRuneInString(s[n:])
		if r != want && !sameFold(r, want) {
			return 0
		}
		n += k
	}
	return n
}

func sameFold(a, b rune) bool {
	for r := unicode.SimpleFold(a); r != a; r = unicode.SimpleFold(r) {
		if r == b {
			return true
		}
	}
	return false
}
