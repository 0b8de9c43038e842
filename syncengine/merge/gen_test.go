package merge

import (
	"math/rand/v2"
	"strings"

	"pgregory.net/rapid"
)

// bodies draws texts of few distinct lines, in any mix of terminators, with and
// without a final newline.
func bodies(t *rapid.T, label string) string {
	line := rapid.SampledFrom([]string{"", "a", "b", "c", "d", "- [ ] x", "e\u0301", "👩‍👩‍👧", "a\r", "\r", "\x00\xff", " a"})
	eol := rapid.SampledFrom([]string{"\n", "\n", "\n", "\r\n"})
	var b strings.Builder
	for range rapid.IntRange(0, 9).Draw(t, label) {
		b.WriteString(line.Draw(t, "line"))
		b.WriteString(eol.Draw(t, "eol"))
	}
	if rapid.Bool().Draw(t, "open") {
		b.WriteString(line.Draw(t, "last"))
	}
	return b.String()
}

// edits draws a descendant of a text: lines replaced, deleted, added,
// terminators converted.
func edits(t *rapid.T, base, label string) string {
	s := base
	for range rapid.IntRange(0, 3).Draw(t, label) {
		x := split(s)
		i := rapid.IntRange(0, x.len()).Draw(t, "from")
		j := min(x.len(), i+rapid.IntRange(0, 2).Draw(t, "lines"))
		switch rapid.IntRange(0, 5).Draw(t, "edit") {
		case 0:
			s = withEOL(s, rapid.SampledFrom([]string{lf, crlf}).Draw(t, "to"))
		case 1:
			s = strings.TrimSuffix(s, "\n")
		default:
			s = x.span(0, i) + rapid.SampledFrom([]string{"", "a\n", "b\n", "x\n", "y\r\n", "z", "\n", "p\nq\n"}).Draw(t, "text") +
				x.span(j, x.len())
		}
	}
	return s
}

func concat(hunks []Hunk, part func(Hunk) string) string {
	var b strings.Builder
	for _, h := range hunks {
		b.WriteString(part(h))
	}
	return b.String()
}

func mergedOf(hunks []Hunk) string { return concat(hunks, func(h Hunk) string { return h.Merged }) }

func isClean(hunks []Hunk) bool {
	for _, h := range hunks {
		if h.Kind == Conflicting {
			return false
		}
	}
	return true
}

// prose returns n lines of about 40 bytes that all differ.
func prose(r *rand.Rand, n int) []string {
	words := strings.Fields("milk oat bread call plumber Tuesday draft agenda budget review notes ship parcel train ticket")
	out := make([]string, n)
	for i := range out {
		var b strings.Builder
		for b.Len() < 36 {
			b.WriteString(words[r.IntN(len(words))])
			b.WriteByte(' ')
		}
		out[i] = b.String() + strings.Repeat("i", i%7) + itoa(i)
	}
	return out
}

func itoa(i int) string {
	if i < 10 {
		return string(rune('0' + i))
	}
	return itoa(i/10) + itoa(i%10)
}
