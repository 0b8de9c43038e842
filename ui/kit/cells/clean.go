package cells

import (
	"strings"
	"unicode/utf8"
)

// Clean makes text from outside safe to draw and keeps its lines and tabs: everything
// that is not printable is shown. ESC becomes ␛ and the other C0 controls their control
// pictures, C1 controls, bidirectional controls and invisible characters become
// <U+009B>, bytes that are no UTF-8 become \xNN. A CRLF is a newline. Emoji sequences
// and the joiners that Persian and Indic spelling needs stay. Clean of clean text is the
// same text, without allocation.
func Clean(s string) string { return clean(s, true) }

// CleanLine is Clean for text that must stay on one line: newlines are shown as ⏎, tabs
// become one space.
func CleanLine(s string) string { return clean(s, false) }

func clean(s string, lines bool) string {
	i := 0
	for i < len(s) && (s[i] >= 0x20 && s[i] < 0x7F || lines && (s[i] == '\n' || s[i] == '\t')) {
		i++
	}
	if i == len(s) {
		return s
	}
	if i > 0 {
		i-- // the last ASCII character may be the base of a mark that follows
	}
	var b strings.Builder
	flushed := 0 // s[:flushed] is in b, s[flushed:i] needs no change
	for i < len(s) {
		c := s[i]
		if c >= 0x20 && c < 0x7F && (i+1 == len(s) || s[i+1] < 0x80) {
			i++
			continue
		}
		n := Next(s[i:])
		g := s[i : i+n]
		out := g
		switch {
		case lines && (g == "\n" || g == "\t"):
		case lines && g == "\r\n":
			out = "\n"
		case g == "\t":
			out = " "
		default:
			if r, k := utf8.DecodeRuneInString(g); k != n || plain(r) == 0 {
				out = cleanCluster(g)
			}
		}
		if out != g {
			b.WriteString(s[flushed:i])
			b.WriteString(out)
			flushed = i + n
		}
		i += n
	}
	if flushed == 0 {
		return s
	}
	b.WriteString(s[flushed:])
	return b.String()
}

// flags are the emoji flags spelled with tag characters that are in use.
var flags = []string{
	"\U0001F3F4\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F",
	"\U0001F3F4\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F",
	"\U0001F3F4\U000E0067\U000E0062\U000E0077\U000E006C\U000E0073\U000E007F",
}

// cleanCluster returns one cluster with everything hidden in it shown. A mark without a
// base gets a dotted circle, lest it join what we drew before it.
func cleanCluster(g string) string {
	if len(g) == 1 && g[0] >= 0x20 && g[0] < 0x7F {
		return g
	}
	if g == "\r\n" || g == "\n" {
		return "⏎"
	}
	for _, f := range flags {
		if g == f {
			return g
		}
	}
	var b strings.Builder
	prev := rune(0)
	for i := 0; i < len(g); {
		r, n := utf8.DecodeRuneInString(g[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			const hex = "0123456789ABCDEF"
			b.WriteString(`\x`)
			b.WriteByte(hex[g[i]>>4])
			b.WriteByte(hex[g[i]&15])
			r = 0
		case r < 0x20:
			b.WriteRune(0x2400 + r)
			r = 0
		case r == 0x7F:
			b.WriteRune(0x2421)
			r = 0
		case hidden(r):
			next, _ := utf8.DecodeRuneInString(g[i+n:])
			if allowed(prev, r, next) {
				b.WriteRune(r)
			} else {
				b.WriteString(number(r))
				r = 0
			}
		default:
			if prev == 0 && leaning(r) {
				b.WriteRune('◌')
			}
			b.WriteRune(r)
		}
		prev = r
		i += n
	}
	return b.String()
}

// leaning reports whether r joins the character before it.
func leaning(r rune) bool {
	if plain(r) > 0 {
		return false
	}
	s := "a" + string(r)
	return Next(s) == len(s)
}

// ExpandTabs replaces every tab by spaces up to the next tab stop, counted from the
// start of its line. It expects clean text.
func ExpandTabs(s string) string {
	if strings.IndexByte(s, '\t') < 0 {
		return s
	}
	var b strings.Builder
	col := 0
	for s != "" {
		if s[0] == '\n' {
			b.WriteByte('\n')
			s, col = s[1:], 0
			continue
		}
		n, w := 1, 0
		if s[0] == '\t' {
			w = TabWidth(col)
			b.WriteString(strings.Repeat(" ", w))
		} else {
			_, w, n = Show(s)
			b.WriteString(s[:n])
		}
		col += w
		s = s[n:]
	}
	return b.String()
}
