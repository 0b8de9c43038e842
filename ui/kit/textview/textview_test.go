package textview

import (
	"fmt"
	"strings"
	"testing"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	"stet/ui/kit/cells"
)

func styles() Styles {
	return Styles{cells.NewPen(lipgloss.NewStyle().Underline(true)), cells.NewPen(lipgloss.NewStyle().Reverse(true))}
}

func numbered(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("line %d", i)
	}
	return out
}

func TestScrolling(t *testing.T) {
	v := New(styles())
	v.SetLines(numbered(100))
	v.SetHeight(10)
	for _, c := range []struct {
		verb func()
		top  int
	}{{v.Down, 1}, {v.PageDown, 10}, {v.HalfPageDown, 15}, {v.Up, 14}, {v.PageUp, 5}, {v.HalfPageUp, 0}, {v.Up, 0}, {v.Bottom, 90}, {v.Down, 90}, {func() { v.Goto(42) }, 42},
		{func() { v.Reveal(45) }, 42}, {func() { v.Reveal(52) }, 43}, {func() { v.Reveal(3) }, 3}, {v.Top, 0}, {func() { v.Goto(-5) }, 0}, {func() { v.Goto(1000) }, 90}} {
		c.verb()
		if v.TopLine() != c.top {
			t.Fatalf("top %d, want %d", v.TopLine(), c.top)
		}
	}
	if v.Percent() != 100 || !v.AtEnd() {
		t.Fatal(v.Percent())
	}
	v.SetLines(numbered(5))
	if v.TopLine() != 0 || len(v.Render(10, 10)) != 10 {
		t.Fatal(v.TopLine())
	}
}

func TestSearchWalksAndComesBack(t *testing.T) {
	v := New(styles())
	lines := numbered(100)
	lines[30] = lipgloss.NewStyle().Bold(true).Render("a NEEDLE") + " and a needle"
	lines[80] = "İneedle"
	v.SetLines(lines)
	v.SetHeight(10)
	v.Goto(20)
	if n := v.Search("needle"); n != 3 {
		t.Fatalf("%d matches", n)
	}
	if at, of := v.Match(); at != 1 || of != 3 || v.TopLine() > 30 || v.TopLine() <= 20 {
		t.Fatal(at, of, v.TopLine())
	}
	row := v.Render(40, 10)[30-v.TopLine()]
	if !strings.Contains(row, styles().Current.Paint("NEEDLE")) || !strings.Contains(row, styles().Match.Paint("needle")) {
		t.Fatalf("%q", row)
	}
	v.Next()
	v.Next()
	if v.TopLine() > 80 || v.TopLine() < 71 {
		t.Fatal(v.TopLine())
	}
	if row := v.Render(40, 10)[80-v.TopLine()]; !strings.HasPrefix(row, "İ\x1b") {
		t.Fatalf("%q", row)
	}
	v.Next()
	if at, _ := v.Match(); at != 1 {
		t.Fatal("n does not go around")
	}
	v.Prev()
	v.Cancel()
	if v.TopLine() != 20 || v.Next() {
		t.Fatal("cancel did not return", v.TopLine())
	}
	if v.Search("Needle") != 0 {
		t.Fatal("an upper-case letter makes the search exact")
	}
}

// TestPaintKeepsText: marks change no text and no styling outside of them.
func TestPaintKeepsText(t *testing.T) {
	bold, red := lipgloss.NewStyle().Bold(true), lipgloss.NewStyle().Foreground(lipgloss.Red)
	rapid.Check(t, func(t *rapid.T) {
		var line string
		for range rapid.IntRange(0, 5).Draw(t, "parts") {
			s := rapid.SampledFrom([]string{"ab", "漢", "é ", "b"}).Draw(t, "s")
			switch rapid.IntRange(0, 2).Draw(t, "style") {
			case 0:
				s = bold.Render(s)
			case 1:
				s = red.Render(s)
			}
			line += s
		}
		v := New(styles())
		v.SetLines([]string{line})
		n := v.Search(rapid.SampledFrom([]string{"b", "ab", "漢é", "bb"}).Draw(t, "q"))
		w := rapid.IntRange(1, 20).Draw(t, "w")
		got := v.Render(w, 1)[0]
		if ansi.Strip(got) != ansi.Strip(cells.FitStyled(line, w)) || ansi.StringWidthWc(got) != w {
			t.Fatalf("%q drawn as %q", line, got)
		}
		if n == 0 && got != cells.FitStyled(line, w) {
			t.Fatalf("changed without a match: %q", got)
		}
	})
}

func TestStyleGoesOnAfterAMatch(t *testing.T) {
	bold := lipgloss.NewStyle().Bold(true)
	v := New(styles())
	v.SetLines([]string{bold.Render("one two three")})
	v.Search("two")
	want := "\x1b[1mone \x1b[m" + styles().Current.Paint("two") + "\x1b[1m three\x1b[m"
	if got := v.Render(13, 1)[0]; got != want {
		t.Fatalf("%q, want %q", got, want)
	}
}

func TestAnyWindowDraws(t *testing.T) {
	v := New(styles())
	v.SetLines(append(numbered(50), strings.Repeat("漢", 400)))
	for w := 0; w <= 300; w += 3 {
		for h := 0; h <= 300; h += 29 {
			for _, r := range v.Render(w, h) {
				if ansi.StringWidth(r) != w {
					t.Fatalf("%d wide in %dx%d", ansi.StringWidth(r), w, h)
				}
			}
			v.Down()
		}
	}
}

func BenchmarkRender20000(b *testing.B) {
	v := New(styles())
	v.SetLines(numbered(20000))
	v.SetHeight(40)
	v.Search("line")
	for b.Loop() {
		v.Next()
		v.Render(80, 40)
	}
}
