package merge

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"pgregory.net/rapid"
)

func outside(s string, ranges []Range) string {
	var b strings.Builder
	at := 0
	for _, r := range ranges {
		b.WriteString(s[at:r.Start])
		at = r.End
	}
	return b.String() + s[at:]
}

func TestWordsCutBetweenCharacters(t *testing.T) {
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{"word", "e\u0301", "👍🏽", "👩‍👩‍👧", "🇩🇪", "🇫", "नमस्ते", "각", "漢字", "\r\n", " ", "\u200d", "ก็", "ำ", "\u0600x", "-", "❤️", "\n"}),
		rapid.String(), rapid.StringOfN(rapid.Rune(), 0, 2, -1))
	text := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(piece, 0, 8).Draw(t, "pieces"), "") })
	rapid.Check(t, func(t *rapid.T) {
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		da, db := Words(a, b)
		if outside(a, da) != outside(b, db) {
			t.Fatalf("what is outside differs: %q %v, %q %v", a, da, b, db)
		}
		for _, x := range []struct {
			s string
			r []Range
		}{{a, da}, {b, db}} {
			cuts := map[int]bool{0: true}
			at := 0
			for g := uniseg.NewGraphemes(x.s); g.Next(); {
				at += len(g.Str())
				cuts[at] = true
			}
			end := -1
			for _, r := range x.r {
				if !cuts[r.Start] || !cuts[r.End] || r.Start <= end || r.End <= r.Start {
					t.Fatalf("%q is cut at %v", x.s, r)
				}
				end = r.End
			}
		}
		if d := Describe(a, b); d == "" || utf8.RuneCountInString(d) > 4*maxQuote || strings.Contains(d, "\n") {
			t.Fatalf("description %q", d)
		}
	})
}

func TestDescribe(t *testing.T) {
	for _, c := range []struct{ base, side, want string }{
		{"oat milk\n", "oat milk (barista)\n", "added “(barista)”"},
		{"call on Tue\n", "call on Wed\n", "changed “Tue” to “Wed”"},
		{"one two three\n", "one three\n", "deleted “two”"},
		{"a\nb\nc\n", "", "deleted 3 lines"},
		{"", "milk\n", "added “milk”"},
		{"a\n", "a\nb\nc\n", "added 2 lines"},
		{"a\nb\n", "c\nd\n", "changed 2 lines"},
		{"a\n", "b\nc\n", "changed 1 line to 2 lines"},
		{"a\n", "a", "removed the final newline"},
		{"a\nb\n", "a\r\nb\r\n", "changed line endings"},
		{"a\n", "a\n", "changed nothing"},
		{"a b\n", "a  b\n", "changed spaces"},
		{"x\n", strings.Repeat("long ", 40) + "\n", "changed “x” to “" + strings.TrimSpace(strings.Repeat("long ", 8)) + "…”"},
	} {
		if got := Describe(c.base, c.side); got != c.want {
			t.Errorf("Describe(%q, %q) = %q, want %q", c.base, c.side, got, c.want)
		}
	}
}
