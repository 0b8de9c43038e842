package cells

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// FuzzFit: whatever the text, what is drawn of it is safe, and exactly as wide
// as asked under both rulers; wrapped, its rows are the text and fit.
func FuzzFit(f *testing.F) {
	for i, s := range hostile() {
		f.Add(s, uint8(i), uint8(i/2))
	}
	for _, s := range []string{"word 漢字 👩‍👩‍👧 नमस्ते", "a\tb\r\nc", "🇩🇪🇩", "e\u0301 \u0301", "❤️#️⃣"} {
		f.Add("x"+s, uint8(7), uint8(3))
	}
	f.Fuzz(func(t *testing.T, s string, width, cut uint8) {
		if len(s) > 1<<12 {
			return
		}
		w := int(width % 64)
		safe := func(what, out string) {
			if !utf8.ValidString(out) {
				t.Fatalf("%s(%q, %d) is no UTF-8: %q", what, s, w, out)
			}
			if r := danger(strings.ReplaceAll(out, Joint, ""), false); r >= 0 {
				t.Fatalf("%s(%q, %d) = %q lets %U through", what, s, w, out, r)
			}
		}
		fit, short := Fit(s, w), Cut(s, w)
		safe("Fit", fit)
		safe("Cut", short)
		if g, c := ansi.StringWidth(fit), ansi.StringWidthWc(fit); g != w || c != w {
			t.Fatalf("Fit(%q, %d) = %q: %d by graphemes, %d by code points", s, w, fit, g, c)
		}
		if got := ansi.StringWidth(short); got > w || !strings.HasPrefix(fit, short) {
			t.Fatalf("Cut(%q, %d) = %q, %d wide, fitted %q", s, w, short, got, fit)
		}
		if whole := Cut(s, 1<<20); ansi.StringWidth(whole) != Width(s) || ansi.StringWidthWc(whole) != Width(s) {
			t.Fatalf("Width(%q) = %d, drawn %q", s, Width(s), whole)
		}
		at := int(cut) % (len(s) + 1)
		if marked := FitHighlight(s, w, []Range{{at, len(s)}}, Pen{}, Pen{}); marked != fit {
			t.Fatalf("highlighted %q differs from %q", marked, fit)
		}
		if got := ansi.Strip(ExpandTabs(Clean(s))); strings.ContainsAny(got, "\t\r\x1b") {
			t.Fatalf("ExpandTabs(%q) = %q", s, got)
		}
		checkClusters(t, s)
		checkWrap(t, strings.NewReplacer("\n", "", "\r", "").Replace(s), w)
	})
}

// checkClusters: clusters take the text apart without loss or standing still.
func checkClusters(t *testing.T, s string) {
	for rest := s; rest != ""; {
		n := Next(rest)
		if n <= 0 || n > len(rest) {
			t.Fatalf("Next(%q) = %d", rest, n)
		}
		shown, width, size := Show(rest)
		if size != n || width != ansi.StringWidth(shown) || width == 0 && rest[0] != '\t' {
			t.Fatalf("Show(%q) = %q, %d, %d; the cluster is %d", rest, shown, width, size, n)
		}
		rest = rest[n:]
	}
}

func checkWrap(t *testing.T, s string, w int) {
	pos := 0
	for i, sp := range Wrap(s, w) {
		if sp.Start != pos || sp.End < sp.Start || sp.Next < sp.End || sp.Next-sp.End > 1 || i > 0 && sp.Next == sp.Start {
			t.Fatalf("Wrap(%q, %d): span %+v after %d", s, w, sp, pos)
		}
		if gap := s[sp.End:sp.Next]; gap != "" && gap != " " && gap != "\t" {
			t.Fatalf("Wrap(%q, %d) swallows %q", s, w, gap)
		}
		if got := Width(s[sp.Start:sp.End]); sp.Width > max(w, 1) || got != sp.Width && got <= max(w, 1) {
			t.Fatalf("Wrap(%q, %d): span %+v measures %d", s, w, sp, got)
		}
		pos = sp.Next
	}
	if pos != len(s) {
		t.Fatalf("Wrap(%q, %d) ends at %d", s, w, pos)
	}
}
