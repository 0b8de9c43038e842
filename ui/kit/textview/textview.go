// Package textview is a scrollable view of finished lines, with the verbs of less.
//
// Rules of the room: lines were cleaned and styled by whoever made them (kit/markdown, or
// kit/cells for raw text) and hold no newline; the view cuts and pads them, never wraps.
// Only visible lines are touched when drawing. Search runs on the plain text, without the
// styling, and ignores case unless the query has an upper-case letter.
package textview

import (
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	"stet/ui/kit/cells"
)

// Styles are the pens of a view.
type Styles struct {
	Match   cells.Pen // every match
	Current cells.Pen // the match that n and N stand on
}

// View is the state of one view. Make it with New.
type View struct {
	styles Styles
	lines  []string
	height int
	top    int

	query string
	hits  []hit
	at    int // index in hits, -1 when on none
	from  int // top line when the search began, for Cancel
}

// hit is one match: line and bytes of its plain text.
type hit struct {
	line int
	cells.Range
}

// New returns an empty view.
func New(styles Styles) *View { return &View{styles: styles, at: -1} }

// SetStyles replaces the pens, after a change of theme.
func (v *View) SetStyles(s Styles) { v.styles = s }

// SetLines replaces the text and keeps the place and the search.
func (v *View) SetLines(lines []string) {
	v.lines = lines
	v.search()
	v.scroll(0)
}

// SetHeight tells how many lines are visible.
func (v *View) SetHeight(h int) {
	v.height = max(h, 0)
	v.scroll(0)
}

// Len returns the number of lines.
func (v *View) Len() int { return len(v.lines) }

// TopLine returns the first visible line, counted from 0.
func (v *View) TopLine() int { return v.top }

// Down scrolls by one line, as the others scroll by what their names say.
func (v *View) Down() { v.scroll(1) }

// Up scrolls back by one line.
func (v *View) Up() { v.scroll(-1) }

// HalfPageDown scrolls by half a window.
func (v *View) HalfPageDown() { v.scroll(max(v.height/2, 1)) }

// HalfPageUp scrolls back by half a window.
func (v *View) HalfPageUp() { v.scroll(-max(v.height/2, 1)) }

// PageDown scrolls by a window less one line.
func (v *View) PageDown() { v.scroll(max(v.height-1, 1)) }

// PageUp scrolls back by a window less one line.
func (v *View) PageUp() { v.scroll(-max(v.height-1, 1)) }

// Top shows the first line.
func (v *View) Top() { v.top = 0 }

// Bottom shows the last line.
func (v *View) Bottom() { v.scroll(len(v.lines)) }

// Goto puts line n, counted from 0, at the top as far as the text allows.
func (v *View) Goto(n int) {
	v.top = n
	v.scroll(0)
}

// Reveal scrolls no further than needed for line n to be visible.
func (v *View) Reveal(n int) {
	switch {
	case n < v.top:
		v.Goto(n)
	case n >= v.top+v.height:
		v.Goto(n - v.height + 1)
	}
}

func (v *View) scroll(n int) { v.top = max(min(v.top+n, len(v.lines)-v.height), 0) }

// Percent returns how much of the text is above the bottom of the window, 100 at the end.
func (v *View) Percent() int {
	if len(v.lines) == 0 {
		return 100
	}
	return min((v.top+v.height)*100/len(v.lines), 100)
}

// AtEnd reports whether the last line is visible.
func (v *View) AtEnd() bool { return v.top+v.height >= len(v.lines) }

// Search marks every match of query and goes to the first one at or below the place
// where the search began, so it may be called at every key. An empty query ends it.
func (v *View) Search(query string) (found int) {
	if v.query == "" {
		v.from = v.top
	}
	v.query = query
	v.search()
	v.at = -1
	for i, h := range v.hits {
		if h.line >= v.from {
			v.at = i
			break
		}
	}
	if v.at < 0 && len(v.hits) > 0 {
		v.at = 0
	}
	v.show()
	return len(v.hits)
}

// Cancel ends the search and returns to the place where it began.
func (v *View) Cancel() {
	if v.query == "" {
		return
	}
	v.query, v.hits, v.at = "", nil, -1
	v.Goto(v.from)
}

// Clear ends the search and stays.
func (v *View) Clear() { v.query, v.hits, v.at = "", nil, -1 }

// Query returns what is searched for.
func (v *View) Query() string { return v.query }

// Match returns the number of the current match, counted from 1, and of all.
func (v *View) Match() (current, of int) { return v.at + 1, len(v.hits) }

// Next goes to the next match, around the end; false when there is none.
func (v *View) Next() bool { return v.step(1) }

// Prev goes to the match before, around the start.
func (v *View) Prev() bool { return v.step(-1) }

func (v *View) step(d int) bool {
	n := len(v.hits)
	if n == 0 {
		return false
	}
	v.at = (v.at + d + n) % n
	v.show()
	return true
}

// show scrolls to the current match and leaves lines around it in sight.
func (v *View) show() {
	if v.at < 0 {
		return
	}
	line := v.hits[v.at].line
	if line < v.top || line >= v.top+v.height {
		v.Goto(line - v.height/3)
	}
}

// search finds the matches of the query in all lines.
func (v *View) search() {
	v.hits = nil
	if v.query == "" {
		v.at = -1
		return
	}
	fold := strings.IndexFunc(v.query, unicode.IsUpper) < 0
	for i, l := range v.lines {
		for _, r := range find(plain(l), v.query, fold) {
			v.hits = append(v.hits, hit{i, r})
		}
	}
	v.at = min(v.at, len(v.hits)-1)
}

func plain(s string) string {
	if strings.IndexByte(s, 0x1b) < 0 {
		return s
	}
	return ansi.Strip(s)
}

// find returns the matches of q in s.
func find(s, q string, fold bool) []cells.Range {
	var out []cells.Range
	if !fold {
		for from := 0; ; {
			i := strings.Index(s[from:], q)
			if i < 0 {
				return out
			}
			out = append(out, cells.Range{Start: from + i, End: from + i + len(q)})
			from += i + len(q)
		}
	}
	// Lower-casing rune by rune changes lengths for a few letters only; then the place of
	// every byte is kept, so that ranges stay true.
	low, places := lower(s)
	for from := 0; ; {
		i := strings.Index(low[from:], q)
		if i < 0 {
			return out
		}
		start, end := from+i, from+i+len(q)
		if places != nil {
			out = append(out, cells.Range{Start: places[start], End: places[end]})
		} else {
			out = append(out, cells.Range{Start: start, End: end})
		}
		from = end
	}
}

// lower returns s in lower case, and where each of its bytes stood in s when lengths
// changed.
func lower(s string) (string, []int) {
	low := strings.ToLower(s)
	same := len(low) == len(s)
	for i := 0; same && i < len(s); i++ {
		same = s[i] < 0x80
	}
	if same {
		return low, nil
	}
	var b strings.Builder
	places := make([]int, 0, len(s)+1)
	for i, r := range s {
		n := b.Len()
		b.WriteRune(unicode.ToLower(r))
		for range b.Len() - n {
			places = append(places, i)
		}
	}
	return b.String(), append(places, len(s))
}

// Render draws the visible lines, exactly height of them, each exactly width cells.
func (v *View) Render(width, height int) []string {
	if width <= 0 || height <= 0 {
		return nil
	}
	if v.height != height {
		v.SetHeight(height)
	}
	out := make([]string, height)
	first := 0
	for first < len(v.hits) && v.hits[first].line < v.top {
		first++
	}
	for i := range out {
		n := v.top + i
		if n >= len(v.lines) {
			out[i] = cells.Blank(width)
			continue
		}
		line := v.lines[n]
		var marks []mark
		for first < len(v.hits) && v.hits[first].line == n {
			pen := v.styles.Match
			if first == v.at {
				pen = v.styles.Current
			}
			marks = append(marks, mark{v.hits[first].Range, pen})
			first++
		}
		if len(marks) > 0 {
			line = paint(line, marks)
		}
		out[i] = cells.FitStyled(line, width)
	}
	return out
}

// mark is a range of the plain text of a line and its pen.
type mark struct {
	cells.Range
	pen cells.Pen
}

// paint draws marks over a styled line: inside of a mark its own styling is withheld,
// after the mark it is taken up again.
func paint(line string, marks []mark) string {
	var b strings.Builder
	style := "" // what is in force, to be repeated after a mark
	at := 0     // byte of the plain text
	for line != "" {
		if line[0] == 0x1b {
			n := sequence(line)
			seq := line[:n]
			line = line[n:]
			if seq == "\x1b[m" || seq == "\x1b[0m" {
				style = ""
			} else {
				style += seq
			}
			b.WriteString(seq)
			continue
		}
		n := strings.IndexByte(line, 0x1b)
		if n < 0 {
			n = len(line)
		}
		for len(marks) > 0 && marks[0].End <= at {
			marks = marks[1:]
		}
		if len(marks) == 0 || marks[0].Start >= at+n {
			b.WriteString(line[:n])
		} else if m := marks[0]; m.Start > at {
			n = m.Start - at
			b.WriteString(line[:n])
		} else {
			n = min(n, m.End-at)
			if style != "" {
				b.WriteString("\x1b[m")
			}
			b.WriteString(m.pen.Paint(line[:n]))
			b.WriteString(style)
		}
		at += n
		line = line[n:]
	}
	return b.String()
}

// sequence returns the length of the escape sequence that s begins with: ours are all CSI.
func sequence(s string) int {
	for i := 2; i < len(s); i++ {
		if s[i] >= 0x40 && s[i] <= 0x7E {
			return i + 1
		}
	}
	return len(s)
}
