package cells

import (
	"strings"

	"charm.land/lipgloss/v2"
)

// Range is a half-open range of bytes.
type Range struct{ Start, End int }

// Pen is a lipgloss style reduced to what it writes before and after text. Painting with
// it costs two string copies, whatever the style. The zero Pen adds nothing.
type Pen struct{ open, shut string }

// NewPen takes the character attributes and colours of style; padding, borders, sizes and
// transforms have no place inside a row and must not be set.
func NewPen(style lipgloss.Style) Pen {
	const mark = "\uE000"
	open, shut, ok := strings.Cut(style.Render(mark), mark)
	if !ok || strings.ContainsRune(open, '\n') || strings.ContainsRune(shut, '\n') {
		return Pen{}
	}
	return Pen{open, shut}
}

// Paint returns s, which must be clean, in the style of the pen.
func (p Pen) Paint(s string) string {
	if p.open == "" || s == "" {
		return s
	}
	return p.open + s + p.shut
}

// Plain reports whether the pen adds nothing.
func (p Pen) Plain() bool { return p.open == "" }

// FitHighlight is Fit with the text in the pen base and the byte ranges of s in
// mark. Ranges must be sorted; they are widened to whole clusters, and what lies
// outside of s is ignored.
func FitHighlight(s string, w int, ranges []Range, base, mark Pen) string {
	return paint(s, w, true, ranges, base, mark)
}

// paint is the one loop that draws text into a row of at most w cells.
func paint(s string, w int, pad bool, ranges []Range, base, mark Pen) string {
	if w <= 0 {
		return ""
	}
	if len(ranges) == 0 && base.Plain() && ascii(s, w) {
		if pad {
			return s + Blank(w-len(s))
		}
		return s
	}
	end, cut := room(s, w)
	var b strings.Builder
	run := make([]byte, 0, min(end, 4*w)+8)
	col, in := 0, false
	flush := func() {
		if len(run) == 0 {
			return
		}
		pen := base
		if in {
			pen = mark
		}
		b.WriteString(pen.open)
		b.Write(run)
		b.WriteString(pen.shut)
		run = run[:0]
	}
	for pos := 0; pos < end; {
		shown, cw, n := Show(s[pos:])
		if cw == 0 && s[pos] == '\t' {
			cw = TabWidth(col)
			shown = Blank(cw)
		}
		for len(ranges) > 0 && ranges[0].End <= pos {
			ranges = ranges[1:]
		}
		if now := len(ranges) > 0 && ranges[0].Start < pos+n; now != in {
			flush()
			in = now
		}
		run = append(run, shown...)
		col += cw
		pos += n
	}
	if cut {
		run = append(run, Ellipsis...)
		col++
	}
	if in {
		flush()
		in = false
	}
	if pad {
		run = append(run, Blank(w-col)...)
	}
	flush()
	return b.String()
}

// room returns how many bytes of s are drawn in w cells and whether … follows them.
func room(s string, w int) (end int, cut bool) {
	col, pos := 0, 0
	for pos < len(s) {
		_, cw, n := Show(s[pos:])
		if cw == 0 && s[pos] == '\t' {
			cw = TabWidth(col)
		}
		if col+cw > w {
			return end, true
		}
		col += cw
		pos += n
		if col < w {
			end = pos
		}
	}
	return len(s), false
}

// ascii reports whether s is printable ASCII that fits in w cells.
func ascii(s string, w int) bool {
	if len(s) > w {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] >= 0x7F {
			return false
		}
	}
	return true
}
