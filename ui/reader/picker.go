package reader

import (
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"stet/ui/kit/cells"
	"stet/ui/screen"
)

// picker is a short list over the text: the outline, or the links.
type picker struct {
	title string
	verb  string // what enter does
	rows  []string
	line  []int // of the text
	link  []string
	sel   int
	top   int
	typed string // digits so far
}

func (r *Reader) openOutline() {
	if len(r.doc.Headings) == 0 {
		return
	}
	p := &picker{title: "Outline", verb: "go there"}
	for i, h := range r.doc.Headings {
		p.rows = append(p.rows, strings.Repeat("  ", max(h.Level-1, 0))+h.Text)
		p.line = append(p.line, h.Line)
		if h.Line <= r.view.TopLine() {
			p.sel = i
		}
	}
	r.pick = p
}

func (r *Reader) openLinks() {
	if len(r.doc.Links) == 0 {
		return
	}
	p := &picker{title: "Links", verb: "copy"}
	for _, l := range r.doc.Links {
		p.rows = append(p.rows, "["+strconv.Itoa(l.Number)+"] "+l.URL)
		p.line = append(p.line, l.Line)
		p.link = append(p.link, l.URL)
	}
	r.pick = p
}

// pickKey moves in the list; digits choose a link by its number.
func (r *Reader) pickKey(key string) tea.Cmd {
	p := r.pick
	switch key {
	case "esc", "q", "h", "left", "o", "f":
		r.pick = nil
	case "j", "down", "ctrl+n", "tab":
		p.sel = min(p.sel+1, len(p.rows)-1)
	case "k", "up", "ctrl+p", "shift+tab":
		p.sel = max(p.sel-1, 0)
	case "g", "home":
		p.sel = 0
	case "G", "end":
		p.sel = len(p.rows) - 1
	case "enter", "y", "l", "right":
		return r.choose()
	default:
		if len(key) == 1 && key[0] >= '0' && key[0] <= '9' {
			p.digit(key)
		}
	}
	return nil
}

// digit selects the row with the number typed so far; a number that is none
// begins anew.
func (p *picker) digit(d string) {
	for _, typed := range []string{p.typed + d, d} {
		if n, err := strconv.Atoi(typed); err == nil && n >= 1 && n <= len(p.rows) {
			p.typed, p.sel = typed, n-1
			return
		}
	}
	p.typed = ""
}

func (r *Reader) choose() tea.Cmd {
	p := r.pick
	r.pick = nil
	r.view.Goto(p.line[p.sel])
	if p.link == nil {
		return nil
	}
	url := p.link[p.sel]
	return tea.Batch(tea.SetClipboard(url), toast("Copied "+screen.Words(url), false, nil))
}

// view draws the list in at most height lines.
func (p *picker) view(pens *screen.Pens, width, height int) []string {
	lines := []string{cells.FitStyled("  "+pens.Accent.Paint(p.title), width)}
	room := max(min(height-2, len(p.rows)), 1)
	p.top = max(min(p.top, p.sel), p.sel-room+1)
	for i := p.top; i < min(p.top+room, len(p.rows)); i++ {
		if i == p.sel {
			lines = append(lines, pens.Selected.Paint(cells.Fit(" › "+p.rows[i], width)))
			continue
		}
		lines = append(lines, cells.Fit("   "+p.rows[i], width))
	}
	return append(lines, pens.Faint.Paint(screen.Rule(width)))
}
