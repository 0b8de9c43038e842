package sim

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"stet/model"
)

// Bodies are written in one form: places that people change, and between them
// lines that nobody ever changes, all different. A place has a line, or two, the
// second of them written behind the first. So whether two changes overlap is
// known without any diff: they do if they are of the same place, whose lines
// touch.
const bodyLines = 5

func fence(i int) string { return fmt.Sprintf("= %d =", i) }

func firstBody(lines [bodyLines]string) string {
	var b strings.Builder
	for i, l := range lines {
		b.WriteString(l + "\n" + fence(i) + "\n")
	}
	return b.String()
}

// bodyOf takes a body apart; ok is false if it is not of the form.
func bodyOf(body string) (lines [bodyLines]string, ok bool) {
	if strings.ContainsRune(body, '\r') {
		return lines, false
	}
	for i := range lines {
		var found bool
		lines[i], body, found = strings.Cut(body, "\n"+fence(i)+"\n")
		if !found || strings.Count(lines[i], "\n") > 1 || strings.Contains(lines[i], "= ") {
			return lines, false
		}
	}
	return lines, body == ""
}

// value merges one value three ways.
func value[T comparable](base, mine, theirs T) (out T, conflict bool) {
	switch {
	case mine == theirs, base == theirs:
		return mine, false
	case base == mine:
		return theirs, false
	}
	return mine, true
}

// expect says what the merge of two sides must be: the texts, or a conflict. ok
// is false where the texts are not of the form that it can judge.
func expect(base, mine, theirs model.Fields) (want model.Fields, conflict, ok bool) {
	if mine.Deleted || theirs.Deleted || base.Deleted {
		return expectDeleted(base, mine, theirs)
	}
	b, ok1 := bodyOf(base.Body)
	m, ok2 := bodyOf(mine.Body)
	t, ok3 := bodyOf(theirs.Body)
	if !ok1 || !ok2 || !ok3 {
		return want, false, false
	}
	var c [bodyLines + 2]bool
	var lines [bodyLines]string
	for i := range lines {
		lines[i], c[i] = value(b[i], m[i], t[i])
	}
	want.Body = firstBody(lines)
	want.Title, c[bodyLines] = value(base.Title, mine.Title, theirs.Title)
	want.Notebook, c[bodyLines+1] = value(base.Notebook, mine.Notebook, theirs.Notebook)
	want.Tags = expectTags(base.Tags, mine.Tags, theirs.Tags)
	// These never ask: a change of one's own is made again on top of the other's.
	want.Color, _ = value(base.Color, mine.Color, theirs.Color)
	want.Order, _ = value(base.Order, mine.Order, theirs.Order)
	want.Pinned, _ = value(base.Pinned, mine.Pinned, theirs.Pinned)
	want.Archived, _ = value(base.Archived, mine.Archived, theirs.Archived)
	want.Log = slices.Concat(theirs.Log, mine.Log)
	return want, slices.Contains(c[:], true), true
}

// expectBoth says what mine becomes that meets two versions in turn, the first
// of them without a conflict.
func expectBoth(base, mine, first, second model.Fields) (want model.Fields, conflict, ok bool) {
	want, conflict, ok = expect(base, mine, first)
	if !ok || conflict {
		return want, conflict, false
	}
	return expect(first, want, second)
}

func expectTags(base, mine, theirs []string) []string {
	var out []string
	for _, tag := range slices.Concat(base, mine, theirs) {
		b, m, t := slices.Contains(base, tag), slices.Contains(mine, tag), slices.Contains(theirs, tag)
		if m == t && m || m != t && !b {
			out = append(out, tag)
		}
	}
	return model.NormalTags(out)
}

// expectDeleted judges edit against delete: an unseen edit of a text is never
// deleted without a word.
func expectDeleted(base, mine, theirs model.Fields) (want model.Fields, conflict, ok bool) {
	if base.Deleted || mine.Deleted == theirs.Deleted {
		return want, false, false
	}
	edited := mine
	if mine.Deleted {
		edited = theirs
	}
	if model.SameText(base, edited) && len(base.Log) == len(edited.Log) {
		want.Deleted = true
		return want, false, model.Equal(base, edited) // a changed colour may go either way
	}
	return want, true, true
}

// agrees reports whether fields are what was expected, with all entries.
func agrees(want, got model.Fields) bool {
	if want.Deleted || got.Deleted {
		return want.Deleted == got.Deleted
	}
	for _, e := range want.Log {
		if !slices.ContainsFunc(got.Log, func(x model.LogEntry) bool { return x.ID == e.ID }) {
			return false
		}
	}
	return model.SameText(want, got) && want.Color == got.Color && want.Order == got.Order && want.Pinned == got.Pinned && want.Archived == got.Archived
}

// mark begins every token of an account's texts.
func mark(account int) string { return "[" + accounts[account][:1] }

var tokens = regexp.MustCompile(`\[[ab][0-9]+\]`)

// tokensIn returns the tokens of a note's texts.
func tokensIn(f model.Fields) []string {
	out := tokens.FindAllString(f.Title, -1)
	out = append(out, tokens.FindAllString(f.Body, -1)...)
	for _, e := range f.Log {
		out = append(out, tokens.FindAllString(e.Text, -1)...)
	}
	return out
}

func holds(f model.Fields, token string) bool {
	if strings.Contains(f.Body, token) || strings.Contains(f.Title, token) {
		return true
	}
	return slices.ContainsFunc(f.Log, func(e model.LogEntry) bool { return strings.Contains(e.Text, token) })
}
