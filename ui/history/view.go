package history

import (
	"strings"

	"stet/model"
	"stet/ui/kit/cells"
	"stet/ui/kit/sidediff"
	"stet/ui/screen"
)

// Widths from which list and comparison stand side by side, and from which the
// two texts of the comparison do.
const (
	twoPanes  = 80
	twoTexts  = 150
	listCells = 38
)

// causes tells how a text came to be.
var causes = map[model.Cause]string{
	model.CauseCreate: "written", model.CauseEdit: "edited", model.CauseAppend: "log entry", model.CauseDelete: "to the trash",
	model.CauseRestore: "restored", model.CausePull: "came in", model.CauseMerge: "merged", model.CauseOther: "other side",
	model.CauseResolve: "review settled", model.CauseDiscard: "server's text",
}

func skipped(n int) string { return "⋯ " + screen.Number(n) + " lines are the same" }

// Footline tells how many texts there are.
func (h *History) Footline() string {
	if !h.loaded {
		return ""
	}
	if len(h.versions) == mostVersions {
		return screen.Number(mostVersions) + " newest versions"
	}
	return screen.Count(len(h.versions), "version", "versions")
}

// View draws the versions and what changed.
func (h *History) View(width, height int) screen.Frame {
	p := h.deps.Theme.Pens()
	h.narrow = width < twoPanes
	h.height = max(height, 1)
	h.top = max(min(h.top, h.sel), h.sel-h.height+1, 0)
	switch {
	case h.oops != "":
		return screen.Frame{Lines: fill([]string{cells.FitStyled("   "+p.Warn.Paint(screen.Words(h.oops)), width)}, width, height)}
	case h.narrow && h.page:
		return screen.Frame{Lines: h.changes(p, width, height)}
	case h.narrow:
		return screen.Frame{Lines: h.list(p, width, height)}
	}
	left := h.list(p, listCells, height)
	right := h.changes(p, width-listCells-1, height)
	for i := range left {
		left[i] += p.Faint.Paint("│") + right[i]
	}
	return screen.Frame{Lines: left}
}

func fill(lines []string, width, height int) []string {
	for len(lines) < height {
		lines = append(lines, cells.Blank(width))
	}
	return lines[:max(height, 0)]
}

func (h *History) list(p *screen.Pens, width, height int) []string {
	var out []string
	if len(h.versions) == 0 && h.loaded {
		out = append(out, cells.FitStyled("   "+p.Dim.Paint("No text is on record. esc goes back."), width))
	}
	now := h.deps.Now()
	for i := h.top; i < min(h.top+height, len(h.versions)); i++ {
		v := h.versions[i]
		what := causes[v.Cause]
		if what == "" {
			what = string(v.Cause)
		}
		when := screen.Ago(v.At, now)
		device := v.Device
		row := cells.Fit(when, 7) + " " + cells.Fit(what, 14) + " "
		rest := max(width-3-len("       ")-1-15-1, 0)
		switch {
		case i == h.sel:
			out = append(out, p.Selected.Paint(cells.Fit(" › "+row+cells.Fit(device, rest), width)))
		default:
			out = append(out, cells.FitStyled("   "+p.Dim.Paint(cells.Fit(when, 7))+" "+cells.Fit(what, 14)+" "+p.Dim.Paint(cells.Fit(device, rest)), width))
		}
	}
	return fill(out, width, height)
}

// changes draws the comparison under a line that says what is compared.
func (h *History) changes(p *screen.Pens, width, height int) []string {
	h.lay(width)
	var out []string
	if height > 3 {
		out = append(out, cells.FitStyled("  "+p.Dim.Paint(screen.Words(h.compareWords())), width), cells.Blank(width))
	}
	out = append(out, h.view.Render(width, height-len(out))...)
	return fill(out, width, height)
}

// lay makes the lines of the comparison for a width.
func (h *History) lay(width int) {
	if h.width == width {
		return
	}
	h.width = width
	t := h.deps.Theme
	o := sidediff.Options{Styles: sidediff.Styles{Same: t.Text, Changed: t.Text, Added: t.Added,
		Removed: t.Removed, Mark: t.Changed, Divider: t.Faint, Focus: t.Accent}}
	var lines []string
	switch {
	case len(h.rows) == 0 && h.made.to != 0:
		lines = []string{t.Pens().Dim.Paint("  The text is the same.")}
	case width >= twoTexts:
		lines = sidediff.SideBySide(h.rows, width, o)
	default:
		lines = sidediff.Unified(h.rows, width, o)
	}
	h.view.SetLines(lines)
}

func (h *History) compareWords() string {
	if len(h.versions) == 0 {
		return ""
	}
	var words []string
	switch {
	case h.toNow && h.sel > 0:
		words = append(words, "What changed from this version to now")
	case h.sel+1 < len(h.versions):
		words = append(words, "What this version changed")
	default:
		words = append(words, "The first text on record")
	}
	if v := h.versions[h.sel]; v.Device != "" {
		words = append(words, "on "+v.Device)
	}
	return strings.Join(words, " · ")
}
