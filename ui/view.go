package ui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"stet/ui/kit/cells"
	"stet/ui/screen"
)

// frame keeps the last drawn frame. Rows that did not change are not measured
// again.
type frame struct {
	stale bool
	view  tea.View
	raw   []string // rows as the screens drew them
	fit   []string // the same, certain to fit
	width int
}

// View returns the frame. It is called once per message and draws only when
// something may have changed.
func (a *App) View() tea.View {
	if !a.frame.stale && a.frame.view.AltScreen {
		return a.frame.view
	}
	a.frame.stale = false
	lines, cursor := a.draw()
	v := tea.NewView(strings.Join(a.fit(lines), "\n"))
	v.AltScreen = true
	v.ReportFocus = true
	v.Cursor = cursor
	v.WindowTitle = "stet: " + screen.Words(a.top().Title())
	a.frame.view = v
	return v
}

// fit makes sure that there are exactly height rows and that none is wider
// than the terminal, whatever a screen drew.
func (a *App) fit(lines []string) []string {
	f := &a.frame
	if f.width != a.width || len(f.raw) != len(lines) {
		f.raw, f.fit, f.width = make([]string, len(lines)), make([]string, len(lines)), a.width
		for i := range f.fit {
			f.fit[i] = cells.Blank(a.width)
		}
	}
	for i, line := range lines {
		if line != f.raw[i] {
			f.raw[i], f.fit[i] = line, cells.FitStyled(line, a.width)
		}
	}
	return f.fit
}

// parts says which rows of a terminal of some height go to what.
type parts struct{ header, rules, footer bool }

// partsOf gives way from the outside in: rules first, then the header, then the
// footer; one row is all body.
func partsOf(height int) parts {
	return parts{header: height >= 5, rules: height >= 9, footer: height >= 3}
}

func (a *App) draw() ([]string, *tea.Cursor) {
	w, h := a.width, a.height
	if w <= 0 || h <= 0 {
		return nil, nil
	}
	p := partsOf(h)
	headRows := count(p.header, p.rules)
	// The body first: what it can show decides what header and footer say.
	body, cursor := a.body(w, h-headRows-count(p.footer, p.rules))
	var top, bottom []string
	rule := ""
	if p.rules {
		rule = a.theme.Pens().Faint.Paint(screen.Rule(w))
	}
	if p.header {
		top = append(top, a.header(w))
	}
	if p.rules {
		top, bottom = append(top, rule), append(bottom, rule)
	}
	if p.footer {
		bottom = append(bottom, a.footer(w))
	}
	if q, ok := a.overlay.(*question); ok && !p.footer {
		body[len(body)-1] = q.row(w)
	}
	if cursor != nil {
		c := *cursor
		c.X, c.Y = max(min(c.X, w-1), 0), max(min(c.Y+len(top), h-1), 0)
		cursor = &c
	}
	return append(append(top, body...), bottom...), cursor
}

func count(parts ...bool) int {
	n := 0
	for _, p := range parts {
		if p {
			n++
		}
	}
	return n
}

// body draws the active screen in exactly height rows, with the list overlay
// over its upper part.
func (a *App) body(width, height int) ([]string, *tea.Cursor) {
	f := a.top().View(width, height)
	lines := make([]string, height)
	copy(lines, f.Lines)
	l, ok := a.overlay.(list)
	if !ok {
		if a.overlay != nil {
			f.Cursor = nil
		}
		return lines, f.Cursor
	}
	over, cursor := l.View(width, height)
	copy(lines, over)
	if len(over) < height {
		lines[len(over)] = a.theme.Pens().Faint.Paint(screen.Rule(width))
	}
	return lines, cursor
}
