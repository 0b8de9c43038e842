package browse

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"stet/model"
	"stet/ui/kit/cells"
	"stet/ui/screen"
)

// columns are the widths of a row's parts. What there is no room for goes in
// this order: the snippet, the age, the word of the badge.
type columns struct{ title, badge, age, snippet int }

const (
	margin    = 3 // " › "
	badgeWide = 14
	ageWide   = 7
)

func columnsFor(width int) columns {
	c := columns{badge: badgeWide, age: ageWide}
	if width < 36 {
		c.badge = 1
	}
	if width < 26 {
		c.age = 0
	}
	if width < 14 {
		c.badge = 0
	}
	room := width - margin - 1
	for _, w := range []int{c.badge, c.age} {
		if w > 0 {
			room -= w + 1
		}
	}
	if room > 44 {
		c.snippet = room - max(26, room*2/5) - 2
		room -= c.snippet + 2
	}
	c.title = max(room, 1)
	return c
}

// painter draws rows of one list.
type painter struct {
	pens  *screen.Pens
	cols  columns
	width int
	words []string // to highlight
	age   func(model.Head) string
	marks map[string]bool
	focus bool
}

func (d *painter) draw(r row, selected bool, width int) string {
	if r.label != "" {
		return d.pens.Dim.Paint(cells.Fit("   "+r.label, width))
	}
	symbol, word := screen.Badge(r.Status, r.Syncing)
	badge := symbol + " " + word
	if d.cols.badge < badgeWide {
		badge = symbol
	}
	lead := "   "
	switch {
	case selected && d.marks[r.ID]:
		lead = " ›•"
	case selected:
		lead = " › "
	case d.marks[r.ID]:
		lead = "  •"
	}
	title := titleOf(r.Head)
	if selected {
		return d.selected(r, lead, title, badge)
	}
	titlePen := d.pens.Text
	if r.Title == "" {
		titlePen = d.pens.Dim
	}
	parts := []string{d.pens.Accent.Paint(lead), cells.FitHighlight(title, d.cols.title, ranges(title, d.words), titlePen, d.pens.Match)}
	if d.cols.snippet > 0 {
		text := snippetOf(r.Head)
		parts = append(parts, "  ", cells.FitHighlight(text, d.cols.snippet, ranges(text, d.words), d.pens.Dim, d.pens.Match))
	}
	if d.cols.badge > 0 {
		parts = append(parts, " ", d.badgePen(r.Head).Paint(cells.Fit(badge, d.cols.badge)))
	}
	if d.cols.age > 0 {
		parts = append(parts, " ", d.pens.Dim.Paint(right(d.age(r.Head), d.cols.age)))
	}
	return strings.Join(parts, "") + " "
}

// selected draws the row in one style, so that the bar has no holes.
func (d *painter) selected(r row, lead, title, badge string) string {
	pen := d.pens.Selected
	if !d.focus {
		pen = d.pens.Blurred
	}
	text := lead + cells.Fit(title, d.cols.title)
	if d.cols.snippet > 0 {
		text += "  " + cells.Fit(snippetOf(r.Head), d.cols.snippet)
	}
	if d.cols.badge > 0 {
		text += " " + cells.Fit(badge, d.cols.badge)
	}
	if d.cols.age > 0 {
		text += " " + right(d.age(r.Head), d.cols.age)
	}
	return pen.Paint(cells.Fit(text+" ", d.width))
}

func (d *painter) badgePen(h model.Head) cells.Pen {
	switch {
	case h.Status == model.NeedsReview || h.Status == model.Failed:
		return d.pens.Warn
	case h.Status == model.Pending || h.Syncing:
		return d.pens.Accent
	}
	return d.pens.Dim
}

// titleOf never is empty: an untitled note goes by its first words.
func titleOf(h model.Head) string {
	switch {
	case strings.TrimSpace(h.Title) != "":
		return h.Title
	case h.Snippet != "":
		return h.Snippet
	}
	return "Untitled"
}

// snippetOf is what stands beside the title, but not the title again.
func snippetOf(h model.Head) string {
	if strings.TrimSpace(h.Title) == "" {
		return ""
	}
	return h.Snippet
}

func right(s string, width int) string {
	s = cells.Cut(s, width)
	return cells.Blank(width-cells.Width(s)) + s
}

// ranges finds words in text without regard to case, for display.
func ranges(text string, words []string) []cells.Range {
	if len(words) == 0 {
		return nil
	}
	var out []cells.Range
	for i := range text {
		for _, w := range words {
			if n := prefixLen(text[i:], w); n > 0 {
				out = append(out, cells.Range{Start: i, End: i + n})
			}
		}
	}
	slices.SortFunc(out, func(a, b cells.Range) int { return a.Start - b.Start })
	return join(out)
}

// join makes overlapping ranges one.
func join(in []cells.Range) []cells.Range {
	var out []cells.Range
	for _, r := range in {
		if n := len(out); n > 0 && r.Start <= out[n-1].End {
			out[n-1].End = max(out[n-1].End, r.End)
			continue
		}
		out = append(out, r)
	}
	return out
}

// prefixLen returns how many bytes of text spell the lower-case word, 0 if it
// does not begin with it.
func prefixLen(text, word string) int {
	n := 0
	for _, w := range word {
		r, size := utf8.DecodeRuneInString(text[n:])
		if size == 0 || unicode.ToLower(r) != w {
			return 0
		}
		n += size
	}
	return n
}
