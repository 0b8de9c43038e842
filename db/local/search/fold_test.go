package search

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestFold(t *testing.T) {
	for in, want := range map[string]string{"Zürich": "zurich", "ÀÉ": "ae", "e\u0301": "e", "Straße": "strasse", "会議": "会議", "ЁЖ": "еж", "": ""} {
		if got := fold(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	for in, want := range map[string][]string{"a-b c2": {"a", "b", "c2"}, "会議x": {"会", "議", "x"}, "🎉 !": nil, "end": {"end"}} {
		if got := words(in); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestFoldLaws: folding twice is folding once, and words are pieces of the
// text in their order.
func TestFoldLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		f := fold(s)
		if fold(f) != f || !utf8.ValidString(f) {
			t.Fatalf("%q: %q, %q", s, f, fold(f))
		}
		rest := f
		for _, w := range words(f) {
			i := strings.Index(rest, w)
			if i < 0 || w == "" {
				t.Fatalf("%q is not in %q", w, rest)
			}
			rest = rest[i+len(w):]
		}
	})
}
