// Package picture turns a drawn frame into a picture for people who read about
// stet: the README's pictures are the real screens, run through here.
//
// Rules of the room: a pure function from styled text to SVG; for tests and
// documentation only, never linked into the programs.
package picture

import (
	"fmt"
	"html"
	"image/color"
	"strings"

	uv "github.com/charmbracelet/ultraviolet"
)

// Size of one cell in the picture's units.
const (
	cellWidth  = 8.4
	cellHeight = 18.0
	margin     = 14.0
)

// Paper is what the picture is drawn on.
type Paper struct{ Back, Ink, Edge string }

// The papers of a dark and a light terminal.
var (
	Dark  = Paper{"#15171a", "#d7dae0", "#33373d"}
	Light = Paper{"#fdfdfb", "#24272b", "#d3d3ce"}
)

// SVG draws lines of styled text, width cells wide.
func SVG(lines []string, width int, p Paper) string {
	height := len(lines)
	screen := uv.NewScreenBuffer(width, height)
	uv.NewStyledString(strings.Join(lines, "\n")).Draw(screen, screen.Bounds())
	var b strings.Builder
	w, h := float64(width)*cellWidth+2*margin, float64(height)*cellHeight+2*margin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f">`, w, h, w, h)
	b.WriteString(`<style>text{font:14px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;white-space:pre}</style>` + "\n")
	fmt.Fprintf(&b, `<rect x=".5" y=".5" width="%.0f" height="%.0f" rx="8" fill="%s" stroke="%s"/>`+"\n", w-1, h-1, p.Back, p.Edge)
	for y := range height {
		row(&b, screen, y, width, p)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// run is a stretch of cells of one style.
type run struct {
	x, cells int
	text     strings.Builder
	style    uv.Style
}

func row(b *strings.Builder, screen uv.ScreenBuffer, y, width int, p Paper) {
	var runs []*run
	for x := 0; x < width; {
		cell := screen.CellAt(x, y)
		if cell == nil || cell.Width == 0 {
			x++
			continue
		}
		text := cell.Content
		if text == "" {
			text = " "
		}
		last := len(runs) - 1
		// Anything that is not plain ASCII starts a run of its own, so that a font
		// with another width cannot push its neighbours.
		if plain := len(text) == 1; last >= 0 && plain && runs[last].style.Equal(&cell.Style) && runs[last].x+runs[last].cells == x && len(runs[last].text.String()) == runs[last].cells {
			runs[last].text.WriteString(text)
			runs[last].cells += cell.Width
		} else {
			r := &run{x: x, cells: cell.Width, style: cell.Style}
			r.text.WriteString(text)
			runs = append(runs, r)
		}
		x += cell.Width
	}
	for _, r := range runs {
		r.draw(b, y, p)
	}
}

func (r *run) draw(b *strings.Builder, y int, p Paper) {
	ink, back := hex(r.style.Fg, p.Ink), hex(r.style.Bg, "")
	if r.style.Attrs&uv.AttrReverse != 0 {
		if back == "" {
			back = p.Back
		}
		ink, back = back, ink
	}
	left, top := margin+float64(r.x)*cellWidth, margin+float64(y)*cellHeight
	if back != "" {
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`, left, top, float64(r.cells)*cellWidth+.3, cellHeight+.3, back)
	}
	text := r.text.String()
	if strings.TrimSpace(text) == "" {
		return
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" fill="%s" textLength="%.1f"%s>%s</text>`+"\n", left, top+13.5, ink,
		float64(r.cells)*cellWidth, r.looks(), html.EscapeString(text))
}

func (r *run) looks() string {
	var s string
	if r.style.Attrs&uv.AttrBold != 0 {
		s += ` font-weight="bold"`
	}
	if r.style.Attrs&uv.AttrItalic != 0 {
		s += ` font-style="italic"`
	}
	if r.style.Attrs&uv.AttrFaint != 0 {
		s += ` opacity=".6"`
	}
	switch {
	case r.style.Underline != uv.UnderlineNone:
		s += ` text-decoration="underline"`
	case r.style.Attrs&uv.AttrStrikethrough != 0:
		s += ` text-decoration="line-through"`
	}
	return s
}

func hex(c color.Color, or string) string {
	if c == nil {
		return or
	}
	r, g, b, _ := c.RGBA()
	return fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
}
