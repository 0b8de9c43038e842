package merge

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxQuote is the number of runes that a description quotes of a text.
const maxQuote = 40

// Describe says in a short sentence what side did to base, both the exact
// texts of a chunk or field: "added “(barista)”", "changed “two” to “three”",
// "deleted 3 lines". The quotes hold note text as it is: clean it for display.
func Describe(base, side string) string {
	n, m := countLines(base), countLines(side)
	switch {
	case base == side:
		return "changed nothing"
	case sameContent(base, side):
		return describeEndings(base, side)
	case base == "":
		return "added " + lines(side, m)
	case side == "":
		return "deleted " + lines(base, n)
	case n == 1 && m == 1:
		return describeWords(strip(base), strip(side))
	case m > n && addedTo(base, side) != "":
		return "added " + lines(addedTo(base, side), m-n)
	case n > m && addedTo(side, base) != "":
		return "deleted " + lines(addedTo(side, base), n-m)
	case n == m:
		return fmt.Sprintf("changed %d lines", n)
	}
	return fmt.Sprintf("changed %s to %s", plural(n), plural(m))
}

// addedTo returns the whole lines that long has before or behind short, "" if
// that is not the difference.
func addedTo(short, long string) string {
	if rest, ok := strings.CutPrefix(long, short); ok && eolOf(short) != "" {
		return rest
	}
	if rest, ok := strings.CutSuffix(long, short); ok && eolOf(rest) != "" {
		return rest
	}
	return ""
}

func describeEndings(base, side string) string {
	switch {
	case strip(base) != strip(side) || eolOf(base) != "" && eolOf(side) != "":
		return "changed line endings"
	case eolOf(side) == "":
		return "removed the final newline"
	}
	return "added a final newline"
}

// describeWords tells what became of one line: what was put in or taken out in
// one place, else the stretch from the first to the last changed word.
func describeWords(base, side string) string {
	da, db := Words(base, side)
	switch {
	case base == "" || len(da) == 0 && len(db) == 1 && visible(side, db[0]):
		return "added " + quoteRange(side, db)
	case side == "" || len(db) == 0 && len(da) == 1 && visible(base, da[0]):
		return "deleted " + quoteRange(base, da)
	}
	was, is := between(base, side, da, db)
	if strings.TrimSpace(was) == strings.TrimSpace(is) || strings.TrimSpace(was) == "" || strings.TrimSpace(is) == "" {
		if len(strings.Fields(base)) > 0 && strings.Join(strings.Fields(base), "") == strings.Join(strings.Fields(side), "") {
			return "changed spaces"
		}
		was, is = base, side
	}
	return "changed " + quote(was) + " to " + quote(is)
}

func visible(s string, r Range) bool { return strings.TrimSpace(s[r.Start:r.End]) != "" }

func quoteRange(s string, r []Range) string {
	if len(r) == 0 {
		return quote(s)
	}
	return quote(s[r[0].Start:r[len(r)-1].End])
}

// between returns the stretches of both texts from their first difference to
// their last. What comes before and after is the same in both.
func between(base, side string, da, db []Range) (was, is string) {
	before, after := len(base), len(base)
	if len(da) > 0 {
		before, after = da[0].Start, len(base)-da[len(da)-1].End
	}
	if len(db) > 0 {
		before, after = min(before, db[0].Start), min(after, len(side)-db[len(db)-1].End)
	}
	return base[before : len(base)-after], side[before : len(side)-after]
}

func lines(s string, n int) string {
	if n == 1 && strings.TrimSpace(s) != "" {
		return quote(s)
	}
	if n == 1 {
		return "an empty line"
	}
	return plural(n)
}

func plural(n int) string {
	if n == 1 {
		return "1 line"
	}
	return fmt.Sprintf("%d lines", n)
}

// quote returns s in quotation marks, cut between characters when long.
func quote(s string) string {
	s = strings.TrimSpace(s)
	size := 0
	var b strings.Builder
	for _, t := range tokens(s[:min(len(s), 8*maxQuote)]) {
		n := utf8.RuneCountInString(t)
		if size+n > maxQuote {
			break
		}
		size += n
		b.WriteString(t)
	}
	cut := strings.TrimRight(b.String(), " \t")
	switch {
	case cut == "" && s != "":
		return "“…”"
	case len(cut) < len(s):
		return "“" + cut + "…”"
	}
	return "“" + cut + "”"
}
