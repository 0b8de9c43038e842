package sidediff

import (
	"strings"
	"testing"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	"stet/ui/kit/cells"
)

func coloured() Options {
	return Options{Underline: true, Styles: Styles{Changed: lipgloss.NewStyle().Foreground(lipgloss.Yellow), Mark: lipgloss.NewStyle().Reverse(true), Focus: lipgloss.NewStyle().Bold(true)}}
}

func rows() []Row {
	return []Row{
		{Left: Cell{Text: "- bread", Kind: Same}, Right: Cell{Text: "- bread", Kind: Same}},
		{Left: Cell{Text: "- 2 litres oat milk", Marks: []cells.Range{{Start: 2, End: 10}}, Kind: Changed}, Right: Cell{Text: "- oat milk (barista)", Marks: []cells.Range{{Start: 11, End: 20}}, Kind: Changed}, Focus: true},
		{Right: Cell{Text: "- tea", Kind: Added}},
		{Left: Cell{Text: "- eggs", Kind: Removed}},
	}
}

func TestSideBySide(t *testing.T) {
	got := strings.Join(SideBySide(rows(), 51, Options{Underline: true}), "\n")
	want := strings.Join([]string{
		"   - bread               │   - bread               ",
		"▌~ - 2 litres oat milk   │▌~ - oat milk (barista)  ",
		"▌    ~~~~~~~~            │▌             ~~~~~~~~~  ",
		"                         │ + - tea                 ",
		" - - eggs                │                         ",
	}, "\n")
	if got != want {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
}

func TestUnified(t *testing.T) {
	got := strings.Join(Unified(rows(), 16, Options{}), "\n")
	want := strings.Join([]string{
		"   - bread      ", "▌- - 2 litres   ", "▌· oat milk     ", "▌+ - oat milk   ", "▌· (barista)    ", " + - tea        ", " - - eggs       ",
	}, "\n")
	if got != want {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
}

func TestEveryLineFits(t *testing.T) {
	texts := []string{"", "plain words here", "\x1b]0;evil\a", "👩‍👩‍👧 family 漢字", "नमस्ते दुनिया", "a\tb", "long" + strings.Repeat("x", 90)}
	rapid.Check(t, func(t *rapid.T) {
		cell := func(name string) Cell {
			s := rapid.SampledFrom(texts).Draw(t, name)
			a, b := rapid.IntRange(0, len(s)).Draw(t, "a"), rapid.IntRange(0, len(s)).Draw(t, "b")
			return Cell{s, []cells.Range{{Start: min(a, b), End: max(a, b)}}, Kind(rapid.IntRange(0, 4).Draw(t, "kind"))}
		}
		r := Row{cell("left"), cell("right"), rapid.Bool().Draw(t, "focus")}
		w := rapid.IntRange(0, 300).Draw(t, "w")
		o := coloured()
		o.Underline = rapid.Bool().Draw(t, "underline")
		side := SideBySide([]Row{r}, w, o)
		for _, l := range append(side, Unified([]Row{r}, w, o)...) {
			if g, c := ansi.StringWidth(l), ansi.StringWidthWc(l); g != w || c != w {
				t.Fatalf("%q is %d/%d wide, want %d", l, g, c, w)
			}
			if strings.Contains(ansi.Strip(l), "\x1b") || strings.Contains(l, "\x1b]") || strings.Contains(l, "\a") {
				t.Fatalf("hostile: %q", l)
			}
		}
		if w > 0 && len(side) != Height(r, w, o.Underline) {
			t.Fatalf("%d lines, Height says %d", len(side), Height(r, w, o.Underline))
		}
	})
}

func BenchmarkScreen(b *testing.B) {
	var list []Row
	for range 12 {
		list = append(list, rows()...)
	}
	o := coloured()
	for b.Loop() {
		SideBySide(list, 120, o)
	}
}
