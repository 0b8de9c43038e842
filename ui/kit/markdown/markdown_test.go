package markdown

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	"stet/ui/kit/cells"
)

func coloured() Styles {
	s := Styles{
		Emphasis: lipgloss.NewStyle().Italic(true), Strong: lipgloss.NewStyle().Bold(true), Strike: lipgloss.NewStyle().Strikethrough(true),
		Code: lipgloss.NewStyle().Foreground(lipgloss.Green), Link: lipgloss.NewStyle().Underline(true), Punct: lipgloss.NewStyle().Faint(true),
		Done: lipgloss.NewStyle().Faint(true), TableHead: lipgloss.NewStyle().Bold(true),
	}
	for i := range s.Heading {
		s.Heading[i] = lipgloss.NewStyle().Bold(true)
	}
	return s
}

func plainText(src string, w int) string {
	return ansi.Strip(strings.Join(Render(src, w, coloured()).Strings(), "\n"))
}

func TestForms(t *testing.T) {
	for src, want := range map[string]string{
		"# A *b* `c`\n\ntext\nmore":                      "# A b `c`\n\ntext more",
		"- a\n- b\n  - c\n    1. d\n":                    "• a\n• b\n  ◦ c\n    1. d",
		"9. a\n10. b":                                    " 9. a\n10. b",
		"1) a\n\n2) b":                                   "1) a\n\n2) b",
		"- [ ] buy\n- [x] done *it*\n- [X]\n":            "[ ] buy\n[x] done it\n[x] ",
		"> q\n> r\n>\n> > s":                             "┃ q r\n┃\n┃ ┃ s",
		"```go\nx\ty\n\n  z\n```":                        "│ x   y\n│ \n│   z",
		"a\\\nb  \nc":                                    "a\nb\nc",
		"[t](http://x) and <http://y>":                   "t[1] and http://y[2]",
		"see https://example.com/a.":                     "see https://example.com/a[1].",
		"![alt *t*](i.png)":                              "[image: alt t][1]",
		"a\n\n---\n\nb":                                  "a\n\n──────────\n\nb",
		"<b>x</b> &amp; \\* &#27;[2J":                    "<b>x</b> & * ␛[2J",
		"<div>\nx\n</div>":                               "<div>\nx\n</div>",
		"|a|b|\n|-|-:|\n|1|2|\n|long|x|":                 "a    │ b\n─────┼──\n1    │ 2\nlong │ x",
		"~~no~~ **yes** _maybe_":                         "no yes\nmaybe",
		"Title\n=====\n\nSub\n---":                       "# Title\n\n## Sub",
		"a [ref] b\n\n[ref]: http://z \"t\"\n":           "a ref[1] b",
		"-\n- x":                                         "• \n• x",
		"``` \n" + strings.Repeat("long", 9) + "\n```\n": "│ longlon…",
	} {
		w := 10
		if strings.Contains(src, "http") || strings.Contains(src, "1. d") || strings.Contains(src, "alt") || strings.Contains(src, "&") || strings.Contains(src, "done") || strings.Contains(src, "ref") {
			w = 40
		}
		if got := plainText(src, w); got != want {
			t.Errorf("%q\ngot\n%s\nwant\n%s", src, got, want)
		}
	}
}

func TestOutlineLinksAndTasks(t *testing.T) {
	src := "# One\n\nsome [words](http://a) that wrap\n\n## Two `x`\n\n- [ ] first\n  - [x] nested [l](http://b)\n\n> - [ ] quoted\n"
	d := Render(src, 14, coloured())
	lines := strings.Split(ansi.Strip(strings.Join(d.Strings(), "\n")), "\n")
	if len(d.Headings) != 2 || lines[d.Headings[1].Line] != "## Two `x`" || d.Headings[1].Text != "Two `x`" || !strings.HasPrefix(src[d.Headings[1].Source:], "## Two") {
		t.Fatalf("%+v", d.Headings)
	}
	if len(d.Links) != 2 || d.Links[1].URL != "http://b" || !strings.Contains(lines[d.Links[0].Line], "[1]") || !strings.Contains(lines[d.Links[1].Line], "[2]") {
		t.Fatalf("%+v in %q", d.Links, lines)
	}
	if len(d.Tasks) != 3 || d.Tasks[0].Text != "first" || !d.Tasks[1].Done {
		t.Fatalf("%+v", d.Tasks)
	}
	for _, task := range d.Tasks {
		if !strings.Contains(lines[task.Line], "[ ]") && !strings.Contains(lines[task.Line], "[x]") {
			t.Fatalf("task %+v on line %q", task, lines[task.Line])
		}
		out, ok := Toggle(src, task.Source)
		if !ok || len(out) != len(src) {
			t.Fatalf("toggle %+v", task)
		}
		again := Render(out, 14, coloured())
		for i, other := range again.Tasks {
			if (other.Done != d.Tasks[i].Done) != (other.Source == task.Source) {
				t.Fatalf("toggling %+v gave %+v", task, again.Tasks)
			}
		}
	}
	if _, ok := Toggle(src, 3); ok {
		t.Fatal("toggled what is no task")
	}
}

func TestLinesKnowTheirSource(t *testing.T) {
	src := "# A\n\nfirst paragraph that is wrapped into rows\n\n- item one\n- item two\n\n```\ncode\n```\n"
	d := Render(src, 12, coloured())
	for _, l := range d.Lines {
		word := strings.TrimLeft(strings.Fields(ansi.Strip(l.Text) + " x")[0], "#•│")
		if word == "wrapped" || word == "first" {
			if !strings.HasPrefix(src[l.Source:], word) {
				t.Errorf("line %q says source %q", l.Text, src[l.Source:])
			}
		}
	}
	if n := d.LineOf(strings.Index(src, "item two")); !strings.Contains(ansi.Strip(d.Lines[n].Text), "item two") {
		t.Errorf("LineOf: %q", d.Lines[n].Text)
	}
}

// markup draws documents from pieces that nest and break.
func markup() *rapid.Generator[string] {
	piece := rapid.SampledFrom([]string{"# ", "## ", "> ", "> > ", "- ", "  - ", "    ", "1. ", "- [ ] ", "- [x] ", "```\n", "~~~\n", "***\n", "|a|b|\n|-|:-:|\n", "|x|", "|", "\n", "\n", "\n\n", "*", "**", "_", "`", "~~", "[", "](http://x)", "![", "<b>", "<div>\n", "<!--", "-->", "\\", "&amp;", "&#27;", "&#x202e;", "&#155;", "&#0;", "https://e.org/x", "word", "some words ", "\t", "漢字", "👩‍👩‍👧", "नमस्ते", "🇩", "\u0301", "\u200d", "\x1b[31m", "\x1b]0;t\a", "\u202e", "\x9b", "\r\n", "\r", strings.Repeat("x", 50), "\x00", "[r]: http://y\n", "[r]"})
	return rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(piece, 0, 30).Draw(t, "pieces"), "") })
}

func checkDoc(t interface{ Fatalf(string, ...any) }, src string, w int) {
	d := Render(src, w, coloured())
	for _, l := range d.Lines {
		if g, c := ansi.StringWidth(l.Text), ansi.StringWidthWc(l.Text); g > w || c > w {
			t.Fatalf("%q at %d: row %q is %d/%d wide", src, w, l.Text, g, c)
		}
		text := strings.ReplaceAll(ansi.Strip(l.Text), cells.Joint, "")
		if again := cells.CleanLine(text); again != text && utf8.ValidString(src) {
			t.Fatalf("%q at %d: row %q is not clean", src, w, text)
		}
		if strings.ContainsAny(text, "\x1b\a\n\r\t\x00") || l.Source < 0 || l.Source > len(src) {
			t.Fatalf("%q at %d: row %q from %d", src, w, l.Text, l.Source)
		}
	}
	for _, x := range d.Links {
		if x.Line < 0 || x.Line >= len(d.Lines) {
			t.Fatalf("%q at %d: link %+v", src, w, x)
		}
	}
	for _, x := range d.Headings {
		if x.Line < 0 || x.Line >= len(d.Lines) || cells.CleanLine(x.Text) != x.Text && utf8.ValidString(src) {
			t.Fatalf("%q at %d: heading %+v", src, w, x)
		}
	}
	for _, x := range d.Tasks {
		if _, ok := Toggle(src, x.Source); !ok || x.Line < 0 || x.Line >= len(d.Lines) {
			t.Fatalf("%q at %d: task %+v", src, w, x)
		}
	}
}

func TestNoRowOverflows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := rapid.OneOf(rapid.IntRange(1, 12), rapid.IntRange(10, 200), rapid.IntRange(200, 300)).Draw(t, "w")
		checkDoc(t, markup().Draw(t, "src"), w)
	})
}

func TestDeepNesting(t *testing.T) {
	for _, s := range []string{strings.Repeat("> ", 2000) + "x", strings.Repeat("- ", 300) + "x", strings.Repeat("*", 5000) + "x", strings.Repeat("[", 3000)} {
		checkDoc(t, s, 40)
	}
}

func TestAnyWidth(t *testing.T) {
	src := note(20)
	for w := 0; w <= 300; w++ {
		checkDoc(t, src, w)
	}
}

// TestWordsSurvive: wrapping loses no word of prose at any width.
func TestWordsSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,9}`), 1, 40).Draw(t, "words")
		got := plainText(strings.Join(words, " "), rapid.IntRange(9, 60).Draw(t, "w"))
		if strings.Join(strings.Fields(got), " ") != strings.Join(words, " ") {
			t.Fatalf("%q from %q", got, words)
		}
	})
}

func note(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "## Section %d\n\nLocal data is *the default*; the **network** is an occasional `helper` with a [link](https://e.org/%d) and more words that wrap over several rows of the page.\n\n- [ ] every write makes an op\n- [x] retried until acknowledged\n  - nested item with text\n\n> quoted words\n\n```go\nfunc main() {}\n```\n\n| a | b |\n|---|---|\n| one | two words |\n\n", i, i)
	}
	return b.String()
}

func BenchmarkRender(b *testing.B) {
	one := len(note(1))
	for name, size := range map[string]int{"6KB": 6 << 10, "69KB": 69 << 10, "1MB": 1 << 20} {
		src := note(size / one)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				Render(src, 80, coloured())
			}
		})
	}
	prose := strings.Repeat("Some plain words of a long note without any markup at all, as most are.\n", 14000)
	b.Run("1MBprose", func(b *testing.B) {
		b.SetBytes(int64(len(prose)))
		for b.Loop() {
			Render(prose, 80, coloured())
		}
	})
}
