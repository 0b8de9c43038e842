package cells

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/clipperhouse/uax29/v2/graphemes"
)

// TabStop is the distance of tab stops in cells, counted from the start of a row.
const TabStop = 4

// Joint is the zero-width character which Fit and its kin put between the code points
// of a cluster that the two rulers measure differently. It is the only invisible
// character that this package itself writes.
const Joint = "\u200b"

// maxMarks bounds the bytes of a cluster that are drawn: stacks of combining marks
// beyond it would paint over the neighbouring rows.
const maxMarks = 64

// Next returns the length in bytes of the first grapheme cluster of s, 0 when s is
// empty. A carriage return and the newline after it are one cluster.
func Next(s string) int {
	if s == "" {
		return 0
	}
	if s[0] < 0x80 && s[0] != '\r' && (s[0] < 0x20 || len(s) == 1 || s[1] < 0x80) {
		return 1
	}
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && n == 1 {
		return 1
	}
	if plain(r) > 0 && follows(s[n:]) {
		return n
	}
	c := graphemes.FromString(s).First()
	// The segmenter trusts lead bytes, so a broken one may have swallowed what follows it.
	for i := n; i < len(c); i += n {
		if r, n = utf8.DecodeRuneInString(c[i:]); r == utf8.RuneError && n == 1 {
			return i
		}
	}
	return len(c)
}

// follows reports that nothing at the start of s can join the plain character before it.
func follows(s string) bool {
	if s == "" || s[0] < 0x80 {
		return true
	}
	r, _ := utf8.DecodeRuneInString(s)
	return plain(r) > 0
}

// Show returns the steady, safe form of the first grapheme cluster of s as it is drawn
// in a single-line row, its width in cells and the bytes it took. A tab gives width 0
// and no text: its width hangs on the column, see TabWidth.
func Show(s string) (shown string, width, size int) {
	if s == "" {
		return "", 0, 0
	}
	if c := s[0]; c >= 0x20 && c < 0x7F && (len(s) == 1 || s[1] < 0x80) {
		return s[:1], 1, 1
	}
	r, n := utf8.DecodeRuneInString(s)
	if w := plain(r); w > 0 && follows(s[n:]) {
		return s[:n], w, n
	}
	size = Next(s)
	if s[0] == '\t' && size == 1 {
		return "", 0, 1
	}
	shown = steady(cleanCluster(s[:size]))
	return shown, ruler(shown), size
}

// TabWidth returns the cells a tab takes that begins at column col of its row.
func TabWidth(col int) int { return TabStop - col%TabStop }

// ruler measures a steady form; the larger of both rulers, should they ever disagree.
func ruler(s string) int { return max(ansi.StringWidth(s), ansi.StringWidthWc(s)) }

// agrees reports whether s is visible and both rulers measure it alike.
func agrees(s string) bool {
	w := ansi.StringWidth(s)
	return w > 0 && w == ansi.StringWidthWc(s)
}

// steady returns a form of the clean cluster c on which both rulers agree.
func steady(c string) string {
	if len(c) > maxMarks {
		c = shorten(c)
	}
	if agrees(c) && !strings.Contains(c, "\ufe0f") {
		return c
	}
	first, _ := utf8.DecodeRuneInString(c)
	if regional(first) && utf8.RuneCountInString(c) == 1 {
		return string('Ⓐ' + first - 0x1F1E6)
	}
	if p := parts(c); p != "" && agrees(p) {
		return p
	}
	if p := apart(c); agrees(p) {
		return p
	}
	var b strings.Builder
	for _, r := range c {
		if r >= 0x20 && r < 0x7F {
			b.WriteRune(r)
			continue
		}
		b.WriteString(number(r))
	}
	return b.String()
}

// shorten cuts a cluster of more than maxMarks bytes at a code point. Text that became
// long by being shown as numbers is ASCII, is no stack of marks and stays whole.
func shorten(c string) string {
	ascii := 0
	for i := 0; i < len(c); i++ {
		if c[i] < 0x80 {
			ascii++
		}
	}
	if ascii > 1 {
		return c
	}
	n := maxMarks
	for n > 0 && !utf8.RuneStart(c[n]) {
		n--
	}
	return c[:n]
}

// parts takes an emoji sequence apart: the pictographs without joiners, selectors, skin
// tones and tags. It is empty when c is something else.
func parts(c string) string {
	var b strings.Builder
	var prev rune
	for i, r := range c {
		switch {
		case i == 0 && (pictograph(r) || r == '#' || r == '*' || r >= '0' && r <= '9'), pictograph(r), r == 0x20E3:
			b.WriteRune(r)
		case r == 0xFE0F, r == 0xFE0E, r == 0x200D, r >= 0xE0020 && r <= 0xE007F, skinTone(r) && prev != 0:
		default:
			return ""
		}
		prev = r
	}
	return b.String()
}

// apart puts a Joint before every code point of c that takes cells of its own.
func apart(c string) string {
	var b strings.Builder
	for i, r := range c {
		if i > 0 && ansi.StringWidthWc(string(r)) > 0 {
			b.WriteString(Joint)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// number shows a code point by its number.
func number(r rune) string {
	h := strings.ToUpper(strconv.FormatInt(int64(r), 16))
	if len(h) < 4 {
		h = strings.Repeat("0", 4-len(h)) + h
	}
	return "<U+" + h + ">"
}
