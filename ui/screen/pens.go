package screen

import (
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"stet/ui/kit/cells"
)

// Pens are the theme's styles ready for painting inside rows: painting with a
// pen costs two string copies.
type Pens struct {
	Text, Dim, Faint, Accent, Warn, Good, Bold, Title cells.Pen
	Selected, Blurred, Match                          cells.Pen
	Added, Removed, Changed, KeyName, Code, Link      cells.Pen
}

// Pens returns the theme's pens, made once per [Theme.Fill]. Only the goroutine
// that updates the screens may call it.
func (t *Theme) Pens() *Pens {
	if t.pens == nil {
		p := cells.NewPen
		t.pens = &Pens{
			Text: p(t.Text), Dim: p(t.Dim), Faint: p(t.Faint), Accent: p(t.Accent), Warn: p(t.Warn), Good: p(t.Good),
			Bold: p(t.Bold), Title: p(t.Title), Selected: p(t.Selected), Blurred: p(t.Blurred), Match: p(t.Match),
			Added: p(t.Added), Removed: p(t.Removed), Changed: p(t.Changed), KeyName: p(t.KeyName), Code: p(t.Code),
			Link: p(t.Link),
		}
	}
	return t.pens
}

// Sides lays out one row: left at the left, right at the right, left giving way.
// Both are styled by us and clean. The right side is left out when the left
// would be cut to less than a third of the row.
func Sides(left, right string, width int) string {
	room := width - ansi.StringWidth(right)
	if right == "" || room < min(ansi.StringWidth(left), width/3) {
		return cells.FitStyled(left, width)
	}
	return cells.FitStyled(left, room) + right
}

const ruleStock = "────────────────────────────────────────────────────────────────────────────────────────────────────"

// Rule returns a horizontal rule of width cells, unstyled.
func Rule(width int) string {
	const glyph = len("─")
	if width <= 0 {
		return ""
	}
	if width*glyph <= len(ruleStock) {
		return ruleStock[:width*glyph]
	}
	return strings.Repeat("─", width)
}

// Number writes a count with commas: 4,210.
func Number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Count writes a number with its noun: 1 note, 128 notes.
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Number(n) + " " + many
}
