package textbuf

import (
	"strings"

	"stet/ui/kit/cells"
)

// ending is how a line ends.
type ending uint8

const (
	none ending = iota // only the last line
	lf
	crlf
	cr
)

var endings = [...]string{"", "\n", "\r\n", "\r"}

// line is one line without its ending, and its soft wrap once somebody looked.
type line struct {
	text string
	end  ending
	wrap *wrap
}

// size is the bytes of the line with its ending.
func (l *line) size() int { return len(l.text) + len(endings[l.end]) }

// raw is the line with its ending.
func (l *line) raw() string { return l.text + endings[l.end] }

// pos is a place: a line and a byte column in it. Columns beyond the text, inside of a
// CRLF, occur only while history is replayed.
type pos struct{ line, col int }

func (p pos) before(q pos) bool { return p.line < q.line || p.line == q.line && p.col < q.col }

// split cuts s into lines; the last one has no ending and may be empty.
func split(s string) []line {
	out := make([]line, 0, strings.Count(s, "\n")+1)
	from, ret := 0, -1 // start of the line, and the first CR not before it
	for {
		if ret < from {
			if ret = strings.IndexByte(s[from:], '\r'); ret < 0 {
				ret = len(s)
			} else {
				ret += from
			}
		}
		i := strings.IndexByte(s[from:ret], '\n')
		switch {
		case i >= 0:
			out = append(out, line{text: s[from : from+i], end: lf})
			from += i + 1
		case ret == len(s):
			return append(out, line{text: s[from:]})
		case ret+1 < len(s) && s[ret+1] == '\n':
			out = append(out, line{text: s[from:ret], end: crlf})
			from = ret + 2
		default:
			out = append(out, line{text: s[from:ret], end: cr})
			from = ret + 1
		}
	}
}

// splice replaces the text between from and to by ins. It keeps lines, size, endings
// count and wraps true, and nothing else.
func (b *Buffer) splice(from, to pos, ins string) {
	first, last := &b.lines[from.line], &b.lines[to.line]
	b.rewind(from.line)
	if from.line == to.line && to.col <= len(first.text) && !strings.ContainsAny(ins, "\r\n") && !b.joins(from, to, ins) {
		b.size += len(ins) - (to.col - from.col)
		first.text = first.text[:from.col] + ins + first.text[to.col:]
		first.rewrap(from.col, to.col, len(ins))
		return
	}
	lo, hi := from.line, to.line
	text := first.raw()[:from.col] + ins + last.raw()[to.col:]
	if lo > 0 && b.lines[lo-1].end == cr {
		lo--
		text = b.lines[lo].raw() + text
		b.rewind(lo)
	}
	for hi+1 < len(b.lines) && (text == "" || text[len(text)-1] != '\n') {
		hi++
		text += b.lines[hi].raw()
	}
	fresh := split(text)
	if hi+1 < len(b.lines) {
		fresh = fresh[:len(fresh)-1]
	}
	b.swap(lo, hi, fresh)
}

// joins reports that the splice would bring a lone CR and a newline together.
func (b *Buffer) joins(from, to pos, ins string) bool {
	l := &b.lines[from.line]
	return ins == "" && from.col == 0 && to.col == len(l.text) && from.line > 0 && b.lines[from.line-1].end == cr
}

// swap puts fresh in the place of the lines lo to hi.
func (b *Buffer) swap(lo, hi int, fresh []line) {
	for i := lo; i <= hi; i++ {
		b.size -= b.lines[i].size()
		b.ends[b.lines[i].end]--
	}
	for i := range fresh {
		b.size += fresh[i].size()
		b.ends[fresh[i].end]++
	}
	old := hi - lo + 1
	switch {
	case len(fresh) == old:
		copy(b.lines[lo:], fresh)
	default:
		tail := len(b.lines) - hi - 1
		grown := len(b.lines) + len(fresh) - old
		if grown <= cap(b.lines) {
			was := b.lines
			b.lines = b.lines[:grown]
			copy(b.lines[lo+len(fresh):], was[hi+1:hi+1+tail])
			clear(was[min(grown, len(was)):])
		} else {
			next := make([]line, grown, grown+grown/8+16)
			copy(next, b.lines[:lo])
			copy(next[lo+len(fresh):], b.lines[hi+1:])
			b.lines = next
		}
		copy(b.lines[lo:], fresh)
	}
}

// rewind moves the remembered offset to a line not behind n, for lines from n on change.
func (b *Buffer) rewind(n int) {
	if b.knownLine > n {
		b.knownOff = b.offset(pos{n, 0})
		b.knownLine = n
	}
}

// offset returns the byte offset of p, walking from the last place that was asked for.
func (b *Buffer) offset(p pos) int {
	if p.line < b.knownLine/2 {
		b.knownLine, b.knownOff = 0, 0
	}
	for b.knownLine < p.line {
		b.knownOff += b.lines[b.knownLine].size()
		b.knownLine++
	}
	for b.knownLine > p.line {
		b.knownLine--
		b.knownOff -= b.lines[b.knownLine].size()
	}
	return b.knownOff + p.col
}

// at returns the place of a byte offset, which may lie inside of a CRLF.
func (b *Buffer) at(off int) pos {
	off = min(max(off, 0), b.size)
	if off < b.knownOff/2 {
		b.knownLine, b.knownOff = 0, 0
	}
	for b.knownOff > off {
		b.knownLine--
		b.knownOff -= b.lines[b.knownLine].size()
	}
	for b.knownLine+1 < len(b.lines) && b.knownOff+b.lines[b.knownLine].size() <= off {
		b.knownOff += b.lines[b.knownLine].size()
		b.knownLine++
	}
	return pos{b.knownLine, off - b.knownOff}
}

// snap moves p forward to a grapheme boundary outside of line endings.
func (b *Buffer) snap(p pos) pos {
	l := &b.lines[p.line]
	if p.col > len(l.text) {
		return pos{p.line + 1, 0}
	}
	if p.col == 0 || p.col == len(l.text) {
		return p
	}
	rows := b.rows(p.line)
	c := rows[rowAt(rows, p.col)].start
	for c < p.col {
		c += cells.Next(l.text[c:])
	}
	return pos{p.line, c}
}

// text returns what lies between two places.
func (b *Buffer) text(from, to pos) string {
	if from.line == to.line && to.col <= len(b.lines[from.line].text) {
		return b.lines[from.line].text[from.col:to.col]
	}
	if from.line == to.line {
		return b.lines[from.line].raw()[from.col:to.col]
	}
	var s strings.Builder
	s.WriteString(b.lines[from.line].raw()[from.col:])
	for i := from.line + 1; i < to.line; i++ {
		s.WriteString(b.lines[i].raw())
	}
	s.WriteString(b.lines[to.line].raw()[:to.col])
	return s.String()
}
