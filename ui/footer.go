package ui

import (
	"github.com/charmbracelet/x/ansi"

	"stet/ui/kit/cells"
	"stet/ui/screen"
)

// footer is the last row: a question, or what just happened, or the keys that
// work now.
func (a *App) footer(width int) string {
	if q, ok := a.overlay.(*question); ok {
		return q.row(width)
	}
	p := a.theme.Pens()
	right := ""
	if s, ok := a.top().(screen.Footed); ok {
		if words := s.Footline(); words != "" {
			right = p.Dim.Paint(screen.Words(words)) + " "
		}
	}
	if a.toast.text != "" {
		pen := p.Bold
		if a.toast.warn {
			pen = p.Warn
		}
		return screen.Sides(" "+pen.Paint(screen.Words(a.toast.text)), right, width)
	}
	room := width - ansi.StringWidth(right) - 2
	if room < width/2 {
		right, room = "", width
	}
	return screen.Sides(a.keyRow(p, room), right, width)
}

// keyRow shows as many keys as fit; a key is never cut in two. The way to all
// keys stays even in a narrow terminal.
func (a *App) keyRow(p *screen.Pens, room int) string {
	row, used := "", 1
	help := ""
	keys := a.top().Keys()
	if !a.top().Typing() && !screen.Takes(keys, "?") {
		help = "? all keys"
	}
	end := room - cells.Width(help) - 2
	for _, b := range keys {
		h := b.Help()
		if b.Off != "" || !b.Enabled() || h.Key == "" || h.Desc == "" {
			continue
		}
		w := cells.Width(h.Key) + 1 + cells.Width(h.Desc)
		if used+w > end {
			break
		}
		row += " " + p.KeyName.Paint(screen.Words(h.Key)) + " " + p.Dim.Paint(screen.Words(h.Desc)) + " "
		used += w + 2
	}
	sync := " sync"
	if a.account.Held > 0 {
		sync = " review"
	}
	if len(a.stack) == 1 && help != "" && a.whyNoSync() == "" && used+len(sync)+len(" S ") <= end {
		row += " " + p.KeyName.Paint("S") + p.Dim.Paint(sync) + " "
	}
	if help != "" {
		row += " " + p.KeyName.Paint("?") + p.Dim.Paint(" all keys")
	}
	return row
}
