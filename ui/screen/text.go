package screen

import (
	"strings"

	"charm.land/lipgloss/v2"

	"stet/ui/kit/cells"
	"stet/ui/kit/markdown"
	"stet/ui/kit/textview"
)

// Markdown returns the theme's looks of rendered Markdown. The result may be
// handed to another goroutine.
func (t *Theme) Markdown() markdown.Styles {
	h := t.Bold
	return markdown.Styles{
		Text: t.Text, Heading: [6]lipgloss.Style{t.Title, t.Title, h, h, h, h},
		Emphasis: lipgloss.NewStyle().Italic(true), Strong: t.Bold, Strike: lipgloss.NewStyle().Strikethrough(true),
		Code: t.Code, Link: t.Link, Quote: t.Dim, HTML: t.Dim, TableHead: t.Bold, Done: t.Dim, Punct: t.Dim,
	}
}

// TextView returns the theme's pens for a scrolled text.
func (t *Theme) TextView() textview.Styles {
	return textview.Styles{Match: t.Pens().Match, Current: cells.NewPen(t.Match.Reverse(true))}
}

// Words makes a name or a sentence from outside safe to stand inside a row: on
// one line, measured alike by both rulers, and not endless.
func Words(s string) string { return cells.Cut(s, 500) }

// PlainLines returns text as it is written, cleaned and wrapped to width cells,
// at most limit lines of it (0: all).
func PlainLines(text string, width, limit int) []string {
	if width <= 0 {
		return nil
	}
	var out []string
	for line := range strings.Lines(text) {
		line = cells.Clean(strings.TrimRight(line, "\r\n"))
		for _, sp := range cells.Wrap(line, width) {
			if limit > 0 && len(out) == limit {
				return out
			}
			out = append(out, cells.Cut(line[sp.Start:sp.End], width))
		}
	}
	return out
}
