package merge

import (
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// Range is the bytes [Start,End) of a text.
type Range struct{ Start, End int }

// maxWords bounds a comparison by word: changed tokens here times there.
// Beyond it the changed middle counts as one change.
const maxWords = 4_000_000

// Words returns what differs between two texts as byte ranges of each, in
// order, never touching one another and never within a character as a reader
// sees it. It is for display: compare a side with its base. What lies outside
// of the ranges is the same in both, in the same order.
func Words(a, b string) (da, db []Range) {
	if a == b {
		return nil, nil
	}
	ta, tb := tokens(a), tokens(b)
	p := 0
	for p < min(len(ta), len(tb)) && ta[p] == tb[p] {
		p++
	}
	s := 0
	for s < min(len(ta), len(tb))-p && ta[len(ta)-1-s] == tb[len(tb)-1-s] {
		s++
	}
	at, bt := 0, 0
	for _, t := range ta[:p] {
		at += len(t)
		bt += len(t)
	}
	return wordRanges(ta[p:len(ta)-s], tb[p:len(tb)-s], at, bt)
}

// wordRanges compares tokens that start at bytes at and bt of their texts.
func wordRanges(ta, tb []string, at, bt int) (da, db []Range) {
	if len(ta)*len(tb) > maxWords || len(ta) > maxRunes/2 || len(tb) > maxRunes/2 {
		return extend(nil, at, bytesIn(ta)), extend(nil, bt, bytesIn(tb))
	}
	seen := map[string]rune{}
	dmp := diffmatchpatch.New()
	dmp.DiffTimeout = 0
	for _, d := range dmp.DiffMainRunes(tokenRunes(ta, seen), tokenRunes(tb, seen), false) {
		n := utf8.RuneCountInString(d.Text)
		if d.Type != diffmatchpatch.DiffInsert {
			size := bytesIn(ta[:n])
			if d.Type == diffmatchpatch.DiffDelete {
				da = extend(da, at, size)
			}
			at, ta = at+size, ta[n:]
		}
		if d.Type != diffmatchpatch.DiffDelete {
			size := bytesIn(tb[:n])
			if d.Type == diffmatchpatch.DiffInsert {
				db = extend(db, bt, size)
			}
			bt, tb = bt+size, tb[n:]
		}
	}
	return da, db
}

func tokenRunes(tokens []string, seen map[string]rune) []rune {
	out := make([]rune, len(tokens))
	for i, t := range tokens {
		r, ok := seen[t]
		if !ok {
			r = rune(len(seen) + 1)
			if r >= surrogates {
				r += afterThem - surrogates
			}
			seen[t] = r
		}
		out[i] = r
	}
	return out
}

func bytesIn(tokens []string) int {
	n := 0
	for _, t := range tokens {
		n += len(t)
	}
	return n
}

// extend adds n bytes at start to ranges, joining what touches.
func extend(ranges []Range, start, n int) []Range {
	if n == 0 {
		return ranges
	}
	if i := len(ranges) - 1; i >= 0 && ranges[i].End == start {
		ranges[i].End += n
		return ranges
	}
	return append(ranges, Range{start, start + n})
}

// tokens cuts a text into words and single other characters. Where it is not
// certain that a reader sees two characters it does not cut, so a token is
// always made of whole ones.
func tokens(s string) []string {
	var out []string
	start := 0
	prev := rune(-1)
	for i, r := range s {
		if i > 0 && !sticks(prev, r) {
			out = append(out, s[start:i])
			start = i
		}
		if i == start || !unicode.IsMark(r) {
			prev = r // else the word goes on behind its mark
		}
	}
	if start < len(s) {
		out = append(out, s[start:])
	}
	return out
}

type runeClass int

const (
	other runeClass = iota
	letter
	extender // belongs to the characters beside it, or may
	regional
	single // a word of its own though a letter
	space
)

// sticks reports whether r continues the token that prev ends.
func sticks(prev, r rune) bool {
	c, p := class(r), class(prev)
	switch {
	case prev == '\r':
		return r == '\n'
	case prev == '\n' || r == '\n' || r == '\r' || unicode.IsControl(prev) || unicode.IsControl(r):
		return false
	case c == extender, p == extender:
		return true
	case p == letter && c == letter, p == regional && c == regional:
		return true
	case p == space && c == space:
		return prev == r
	}
	return false
}

func class(r rune) runeClass {
	switch {
	case r < utf8.RuneSelf:
		switch {
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', r == '_':
			return letter
		case r == ' ' || r == '\t':
			return space
		}
		return other
	case r >= 0x1F1E6 && r <= 0x1F1FF:
		return regional
	case unicode.IsMark(r), unicode.Is(unicode.Cf, r), r >= 0x1F3FB && r <= 0x1F3FF, r == 0xFF9E, r == 0xFF9F,
		r == 0x0E33, r == 0x0EB3, slices.Contains(leading, r): // the first two are vowels that are letters, too
		return extender
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
		return single
	case unicode.IsLetter(r), unicode.IsNumber(r), slices.Contains(softMarks, r):
		return letter
	}
	return other
}

// leading are the letters that belong to whatever character follows them.
var leading = []rune{0x0D4E, 0x111C2, 0x111C3, 0x1193F, 0x11941, 0x11A3A, 0x11A84, 0x11A85, 0x11A86, 0x11A87, 0x11A88,
	0x11A89, 0x11D46, 0x11F02}

// softMarks stand inside of words.
var softMarks = []rune{'’', 'ʼ', '·'}
