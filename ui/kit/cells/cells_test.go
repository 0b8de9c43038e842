package cells

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"
)

// hostile lists sequences known to attack terminals or readers; built in part, so that
// every control and every invisible character occurs alone, inside and at the ends.
func hostile() []string {
	out := []string{
		"\x1b]0;title\a", "\x1b]1;icon\x1b\\", "\x1b]2;rm -rf\a\x1b[21t", "\x1b]52;c;cm0gLXJm\a", "\x1b]52;c;?\a",
		"\x1b]8;;http://evil\x1b\\good\x1b]8;;\x1b\\", "\x1b]4;1;?\a", "\x1b]10;?\a", "\x1b]11;?\x1b\\", "\x1b]50;?\a",
		"\x1b]9;notify\a", "\x1b]99;;x\x1b\\", "\x1b]777;notify;a;b\a", "\x1b]1337;File=inline=1:AAAA\a", "\x1b]7;file:///\a", "\x1b]133;A\a",
		"\x1bP$qm\x1b\\", "\x1bP+q544e\x1b\\", "\x1bPq#0;2;0;0;0~\x1b\\", "\x1bPtmux;\x1b\x1b]52;c;x\a\x1b\\",
		"\x1b_Gf=100;AAAA\x1b\\", "\x1b^pm\x1b\\", "\x1bXsos\x1b\\", "\x1bktitle\x1b\\",
		"\x1b[6n", "\x1b[c", "\x1b[>c", "\x1b[=c", "\x1b[5i", "\x1b[4i", "\x1b[21t", "\x1b[?1049h", "\x1b[?25l", "\x1b[2J", "\x1b[H", "\x1b[20h", "\x1b[1;5r",
		"\x1b[?2004l", "\x1b[201~", "\x1b[8m hidden \x1b[m", "\x1b[1A\x1b[2K", "\x1b[999D", "\x1b[?1000h", "\x1b[>4;2m", "\x1b[!p", "\x1b[?5W",
		"\x05", "\x0e", "\x0f", "\x1bGQ", "\x1bc", "\x1b#8", "\x1b]unterminated", "\x1bP", "\x1b", "\x1b[", "\x1b(0qqq", "\x1b)0", "\x1bN", "\x1bO", "\x1b=", "\x1b>", "\x1b7\x1b8", "\x1bM", "\x1bD", "\x1bE", "\x1bH", "\x1bZ",
		"\u009b6n", "\u009d0;t\a", "\u0090$qm\u009c", "\u009fGx\u009c", "\u009ex\u009c", "\u0098x\u009c", "\x9b6n", "\x9d0;t\x9c", "\x90q\x9c", "\x84", "\x85", "\x8d",
		"\xc2", "\xe2\x80", "\xf0\x9f\x91", "\xc0\x9b", "\xe0\x80\x9b", "\xf8\x88\x80\x80\x80", "\xed\xa0\x80", "\xff\xfe", "\xf4\x90\x80\x80",
		"user\u202enimda", "\u2066a\u2069", "if (\u2067x\u2066)", "\u200fabc", "\u200eabc", "\u061cabc", "a\u202ab\u202c", "\u202d0\u202c",
		"pass\u200bword", "pay\u200cpal", "pay\u200dpal", "so\u00adft", "\ufeffbom", "\u2060x\u2061y\u2062z\u2063\u2064", "\u3164", "\uffa0", "\u115f\u1160", "\u180e",
		"\ufff9a\ufffab\ufffb", "a\ufe0fb\ufe0e", "x\U000e0101", "\U000e0041\U000e0042", "\U000e0001", "👍\ufe0f\ufe0f\ufe0f", "👍\u200d\u200d", "🏴\U000e0067\U000e0067\U000e007f",
		"\u2028para\u2029", "bs\b\b\b\bevil", "cr\revil", "vt\vff\f", "nul\x00", "del\x7f", "\u0301lone", strings.Repeat("\u0336", 500), "a" + strings.Repeat("\u0301", 500),
		"\ufffe", "\uffff", "\U0010ffff", "\ufdd0", "\u17b4", "\u034f", "\U0001d173", "\u206a", "\ufff0",
	}
	for c := 0; c < 0x20; c++ {
		out = append(out, fmt.Sprintf("a%cb", c))
	}
	for c := rune(0x7F); c < 0xA0; c++ {
		out = append(out, "a"+string(c)+"b")
	}
	return out
}

// danger returns the first character of s that may not reach a frame, or -1.
func danger(s string, lines bool) rune {
	var prev rune
	rs := []rune(s)
	for i, r := range rs {
		next := rune(0)
		if i+1 < len(rs) {
			next = rs[i+1]
		}
		switch {
		case lines && (r == '\n' || r == '\t'):
		case r < 0x20, r >= 0x7F && r < 0xA0, unicode.Is(unicode.Bidi_Control, r):
			return r
		case r == 0xFE0F || r == 0xFE0E || r == 0x200D || r == 0x200C:
			if !allowed(prev, r, next) {
				return r
			}
		case unicode.Is(unicode.Cf, r) && !(r >= 0xE0061 && r <= 0xE007F):
			return r
		}
		prev = r
	}
	return -1
}

func TestCleanShowsEveryKnownAttack(t *testing.T) {
	list := hostile()
	if len(list) < 150 {
		t.Fatalf("corpus shrank to %d", len(list))
	}
	for _, s := range list {
		for _, in := range []string{s, "x" + s + "y", "é" + s + "漢", s + s} {
			checkClean(t, in)
		}
	}
}

func checkClean(t interface{ Fatalf(string, ...any) }, in string) {
	for _, lines := range []bool{true, false} {
		out := clean(in, lines)
		if !utf8.ValidString(out) {
			t.Fatalf("clean(%q) is no UTF-8: %q", in, out)
		}
		if r := danger(out, lines); r >= 0 {
			t.Fatalf("clean(%q) lets %U through: %q", in, r, out)
		}
		if again := clean(out, lines); again != out {
			t.Fatalf("clean(%q) = %q, again %q", in, out, again)
		}
		if got := ansi.Strip(out); got != out {
			t.Fatalf("clean(%q) = %q holds a sequence", in, out)
		}
	}
}

func TestCleanForms(t *testing.T) {
	for in, want := range map[string]string{
		"a\x1b[31mb": "a␛[31mb", "\u009b1m": "<U+009B>1m", "x\u202ey": "x<U+202E>y", "\x00\x7f": "␀␡", "\xff\x9b": `\xFF\x9B`,
		"a\r\nb\n\tc": "a\nb\n\tc", "a\rb": "a␍b", "👩\u200d👩\u200d👧 ❤️ 👍🏽 #️⃣ ⚠️": "👩\u200d👩\u200d👧 ❤️ 👍🏽 #️⃣ ⚠️", "می\u200cخواهم": "می\u200cخواهم", "क्\u200dष": "क्\u200dष",
		"a\u200db": "a<U+200D>b", "\u0301": "◌\u0301", "e\u0301": "e\u0301", "🏴󠁧󠁢󠁥󠁮󠁧󠁿": "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
	if got := CleanLine("a\nb\tc\r\nd"); got != "a⏎b c⏎d" {
		t.Errorf("CleanLine: %q", got)
	}
}

// text draws strings rich in everything that makes rulers and terminals stumble.
func text() *rapid.Generator[string] {
	atoms := append(hostile(), "a", " ", "  ", "\t", "word", "é", "e\u0301", "漢", "字", "한", "각", "👍🏽", "👩‍👩‍👧", "❤️", "⚠️", "नमस्ते", "नि", "กำ", "கோ",
		"ක්\u200dෂ", "ណ្ណ", "မြန်", "🇩", "🇩🇪", "#️⃣", "🏽", "\u1ad0", "\u0ceb", "\U0001d165", "ᄀ", "ᅡ", "ᆨ", "\u200d", "\ufe0f", "\U000e0067", "\u0600", "ﷺ", "मी", "\n", "\r\n", "│", "…", "Ⓐ", "\u0cf3", "\u0897")
	atom := rapid.OneOf(rapid.SampledFrom(atoms), rapid.Map(rapid.Rune(), func(r rune) string { return string(r) }), rapid.StringN(0, 3, -1),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 4), func(b []byte) string { return string(b) }))
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(atom, 0, 12).Draw(t, "atoms"), "")
	})
}

func TestCleanLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkClean(t, text().Draw(t, "s")) })
}

func TestFitIsExactUnderBothRulers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, w := text().Draw(t, "s"), rapid.IntRange(0, 40).Draw(t, "w")
		out := Fit(s, w)
		if g, c := ansi.StringWidth(out), ansi.StringWidthWc(out); g != w || c != w {
			t.Fatalf("Fit(%q, %d) = %q: %d by graphemes, %d by code points", s, w, out, g, c)
		}
		if r := danger(strings.ReplaceAll(out, Joint, ""), false); r >= 0 {
			t.Fatalf("Fit(%q, %d) = %q lets %U through", s, w, out, r)
		}
		if got := ansi.StringWidth(Cut(s, 1<<20)); got != Width(s) {
			t.Fatalf("Width(%q) = %d, drawn %d", s, Width(s), got)
		}
		style := lipgloss.NewStyle().Bold(true)
		a, b := rapid.IntRange(0, len(s)).Draw(t, "a"), rapid.IntRange(0, len(s)).Draw(t, "b")
		hl := FitHighlight(s, w, []Range{{min(a, b), max(a, b)}}, Pen{}, NewPen(style))
		if ansi.Strip(hl) != out {
			t.Fatalf("highlighted %q differs from %q", ansi.Strip(hl), out)
		}
	})
}

func TestWrapLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := strings.NewReplacer("\n", "", "\r", "").Replace(text().Draw(t, "s"))
		w := rapid.IntRange(-1, 30).Draw(t, "w")
		pos := 0
		for i, sp := range Wrap(s, w) {
			if sp.Start != pos || sp.End < sp.Start || sp.Next < sp.End || sp.Next-sp.End > 1 || i > 0 && sp.Next == sp.Start {
				t.Fatalf("Wrap(%q, %d): span %+v after %d", s, w, sp, pos)
			}
			if gap := s[sp.End:sp.Next]; gap != "" && gap != " " && gap != "\t" {
				t.Fatalf("swallowed %q", gap)
			}
			if got := Width(s[sp.Start:sp.End]); sp.Width > max(w, 1) || got != sp.Width && got <= max(w, 1) {
				t.Fatalf("Wrap(%q, %d): span %+v measures %d", s, w, sp, got)
			}
			pos = sp.Next
		}
		if pos != len(s) {
			t.Fatalf("Wrap(%q, %d) ends at %d", s, w, pos)
		}
	})
}

func TestWrapByWords(t *testing.T) {
	var got []string
	s := "the quick brown-fox jumps overthelazydog 漢字漢字"
	for _, sp := range Wrap(s, 8) {
		got = append(got, s[sp.Start:sp.End])
	}
	if want := "the |quick |brown-fo|x jumps |overthel|azydog |漢字漢字"; strings.Join(got, "|") != want {
		t.Fatalf("%q, want %q", strings.Join(got, "|"), want)
	}
}

func TestSteadyForms(t *testing.T) {
	for in, want := range map[string]string{
		"👍🏽": "👍", "👩‍👩‍👧": "👩👩👧", "❤️": "❤", "नि": "न" + Joint + "ि", "स्ते": "स्" + Joint + "ते", "กำ": "ก" + Joint + "ำ", "🇩🇪": "🇩🇪", "🇩": "Ⓓ", "#️⃣": "#\u20e3", "é漢": "é漢",
		"e\u0301": "e\u0301", "a\xe0\tb": `a\xE0   b`,
	} {
		if got := Cut(in, 40); got != want {
			t.Errorf("%q is drawn %q, want %q", in, got, want)
		}
	}
}

func TestFitStyled(t *testing.T) {
	s := lipgloss.NewStyle().Bold(true).Render("hello 漢字")
	for w := 0; w < 30; w++ {
		if got := ansi.StringWidth(FitStyled(s, w)); got != w {
			t.Errorf("width %d: %d", w, got)
		}
	}
	if got := ExpandTabs("a\tb\n\tc"); got != "a   b\n    c" {
		t.Errorf("ExpandTabs: %q", got)
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range hostile() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkClean(t, s)
		if got := ansi.StringWidthWc(Fit(s, 20)); got != 20 {
			t.Fatalf("Fit(%q) is %d wide", s, got)
		}
	})
}

func BenchmarkClean(b *testing.B) {
	for name, s := range map[string]string{"ascii": strings.Repeat("plain words here\n", 60000), "greek": strings.Repeat("λόγος και έργα\n", 40000), "emoji": strings.Repeat("ok 👍🏽 ❤️\n", 60000)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			for b.Loop() {
				Clean(s)
			}
		})
	}
}

func BenchmarkFit(b *testing.B) {
	for b.Loop() {
		Fit("Meeting with Ana about the naïve plan – 会議", 40)
	}
}

func BenchmarkWrapMegabyteLine(b *testing.B) {
	s := strings.Repeat("some words of a very long line ", 33000)
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		Wrap(s, 80)
	}
}
