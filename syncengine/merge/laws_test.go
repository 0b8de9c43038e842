package merge

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// checkBody holds the laws that every three texts obey.
func checkBody(t rapid.TB, b, l, r string) {
	t.Helper()
	hunks := Lines(b, l, r)
	for name, want := range map[string]string{"base": b, "local": l, "remote": r} {
		got := concat(hunks, func(h Hunk) string {
			return map[string]string{"base": h.Base, "local": h.Local, "remote": h.Remote}[name]
		})
		if got != want {
			t.Fatalf("%s of the hunks: %q, want %q\n%q", name, got, want, hunks)
		}
	}
	for _, law := range []struct{ name, b, l, r, want string }{
		{"merge(b,x,b)", b, l, b, l}, {"merge(b,b,y)", b, b, r, r}, {"merge(b,x,x)", b, l, l, l}, {"merge(b,b,b)", b, b, b, b},
	} {
		h := Lines(law.b, law.l, law.r)
		if !isClean(h) || mergedOf(h) != law.want {
			t.Fatalf("%s of b=%q l=%q r=%q: %q, want %q\n%q", law.name, law.b, law.l, law.r, mergedOf(h), law.want, h)
		}
	}
	checkSwap(t, b, l, r, hunks)
	checkNothingLost(t, hunks)
	for i, h := range hunks {
		if h.Kind == Conflicting && (h.Local == h.Remote || sameContent(h.Local, h.Remote)) {
			t.Fatalf("hunk %d conflicts about equal lines: %q", i, h)
		}
		if h.Base+h.Local+h.Remote == "" {
			t.Fatalf("hunk %d is empty", i)
		}
	}
}

// checkSwap: the other device sees the same hunks with the labels swapped, and
// a clean merge has the same bytes there.
func checkSwap(t rapid.TB, b, l, r string, hunks []Hunk) {
	t.Helper()
	swapped := Lines(b, r, l)
	if len(swapped) != len(hunks) {
		t.Fatalf("swapped sides: %d hunks, want %d\n%q\n%q", len(swapped), len(hunks), hunks, swapped)
	}
	swap := map[HunkKind]HunkKind{TookLocal: TookRemote, TookRemote: TookLocal}
	for i, h := range hunks {
		kind := h.Kind
		if k, ok := swap[kind]; ok {
			kind = k
		}
		if w := swapped[i]; w.Kind != kind || w.Base != h.Base || w.Local != h.Remote || w.Remote != h.Local {
			t.Fatalf("hunk %d: %q, swapped %q", i, h, w)
		}
	}
	if isClean(hunks) && mergedOf(hunks) != mergedOf(swapped) {
		t.Fatalf("devices differ: %q and %q\nb=%q l=%q r=%q", mergedOf(hunks), mergedOf(swapped), b, l, r)
	}
}

// checkNothingLost: every line of either side stands in the result or in a
// conflict, unless the other side alone changed or deleted that very chunk.
func checkNothingLost(t rapid.TB, hunks []Hunk) {
	t.Helper()
	for _, h := range hunks {
		switch h.Kind {
		case Same, Agreed:
			if !sameContent(h.Merged, h.Local) || !sameContent(h.Merged, h.Remote) {
				t.Fatalf("agreed lines changed: %q", h)
			}
		case TookLocal:
			if !sameContent(h.Merged, h.Local) || !sameContent(h.Base, h.Remote) {
				t.Fatalf("local change lost or remote change overruled: %q", h)
			}
		case TookRemote:
			if !sameContent(h.Merged, h.Remote) || !sameContent(h.Base, h.Local) {
				t.Fatalf("remote change lost or local change overruled: %q", h)
			}
		case Conflicting:
			if !sameContent(h.Merged, h.Local) {
				t.Fatalf("a conflict does not stand at the local text: %q", h)
			}
		}
	}
	// Hunks must not be glued: the merged body has exactly their lines.
	n := 0
	for _, h := range hunks {
		n += countLines(h.Merged)
	}
	if got := countLines(mergedOf(hunks)); got != n {
		t.Fatalf("%d merged lines, want %d: %q", got, n, hunks)
	}
}

func TestMerge04BodyLawsOnDescendants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := bodies(t, "base")
		checkBody(t, b, edits(t, b, "local"), edits(t, b, "remote"))
	})
}

func TestMerge04BodyLawsOnStrangers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkBody(t, bodies(t, "base"), bodies(t, "local"), bodies(t, "remote"))
	})
}

func TestMerge04BodyLawsOnAnyBytes(t *testing.T) {
	bytes := rapid.SliceOfN(rapid.SampledFrom([]byte("\n\n\r\ra\x00\xff")), 0, 12)
	rapid.Check(t, func(t *rapid.T) {
		checkBody(t, string(bytes.Draw(t, "b")), string(bytes.Draw(t, "l")), string(bytes.Draw(t, "r")))
	})
}

func TestTerminatorsMergeApart(t *testing.T) {
	for _, c := range []struct{ name, b, l, r, want string }{
		{"converted to CRLF, edited there", "a\nb\nc\n", "a\r\nb\r\nc\r\n", "a\nB\nc\nd\n", "a\r\nB\r\nc\r\nd\r\n"},
		{"converted to LF, edited there", "a\r\nb\r\nc", "a\nb\nc", "a\r\nB\r\nc", "a\nB\nc"},
		{"converted and edited, edited there", "a\nb\nc\n", "A\r\nb\r\nc\r\n", "a\nb\nC\n", "A\r\nb\r\nC\r\n"},
		{"mixed made one", "a\r\nb\nc\n", "a\nb\nc\n", "a\r\nx\r\nb\nc\n", "a\nx\nb\nc\n"},
		{"one line's terminator", "a\nb\nc\n", "a\r\nb\nc\n", "a\nb\nC\n", "a\r\nb\nC\n"},
		{"final newline taken, edited there", "a\nb\nc\n", "a\nb\nc", "A\nb\nc\n", "A\nb\nc"},
		{"final newline taken, last line edited", "a\nb\n", "a\nb", "a\nB\n", "a\nB"},
		{"final newline given, line appended", "a\nb", "a\nb\n", "a\nb\nc", "a\nb\nc\n"},
		{"final newline taken, line appended", "a\nb\n", "a\nb", "a\nb\nc\n", "a\nb\nc"},
		{"final newline taken in CRLF, line appended", "a\r\nb\r\n", "a\r\nb", "a\r\nb\r\nc\r\n", "a\r\nb\r\nc"},
		{"final newline taken, empty line appended", "a\n", "a", "a\n\n", "a\n\n"},
		{"appended to an open line, edited above", "a\nm\nb", "a\nm\nb\nc", "A\nm\nb", "A\nm\nb\nc"},
		{"same line in two terminators", "a\n", "a\nb\n", "a\nb\r\n", "a\nb\n"},
		{"from nothing", "", "a", "a\n", "a\n"},
		{"converted to CRLF, same line added in both", "a\nb\n", "a\nx\nb\n", "a\r\nx\r\nb\r\n", "a\r\nx\r\nb\r\n"},
		{"converted to CRLF, final newline given in both", "a\nb", "a\r\nb\r\n", "a\nb\n", "a\r\nb\r\n"},
		{"converted to CRLF and opened, line appended", "a\nb\nc\n", "a\r\nb\r\nc", "a\nb\nc\nd", "a\r\nb\r\nc\r\nd"},
	} {
		h := Lines(c.b, c.l, c.r)
		if got := mergedOf(h); got != c.want || !isClean(h) {
			t.Errorf("%s: %q, want %q\n%q", c.name, got, c.want, h)
		}
	}
}

func TestTouchingEditsConflict(t *testing.T) {
	for _, c := range []struct{ name, b, l, r string }{
		{"same line", "a\nb\nc\n", "a\nx\nc\n", "a\ny\nc\n"},
		{"neighbours", "a\nb\nc\nd\n", "a\nx\nc\nd\n", "a\nb\ny\nd\n"},
		{"added at one place", "a\nb\n", "a\nx\nb\n", "a\ny\nb\n"},
		{"added behind an edit", "a\nb\nc\n", "a\nx\nc\n", "a\nb\nnew\nc\n"},
		{"added before an edit", "a\nb\nc\n", "a\nx\nc\n", "a\nnew\nb\nc\n"},
		{"edit and delete", "a\nb\nc\n", "a\nx\nc\n", "a\nc\n"},
		{"appended both", "a\n", "a\nx\n", "a\ny\n"},
		{"appended both, open", "a", "a\nx", "a\ny"},
		{"identical and more", "p\na\nb\nq\n", "p\nA\nb\nq\n", "p\nA\nB\nq\n"},
		{"within a run of equal lines", "a\n-\n-\n-\n-\nb\n", "a\n-\ny\n-\n-\n-\nb\n", "a\n-\n-\n-\nb\n"},
	} {
		if h := Lines(c.b, c.l, c.r); isClean(h) {
			t.Errorf("%s: merged clean to %q", c.name, mergedOf(h))
		}
	}
}

func TestAgreedLinesAreLifted(t *testing.T) {
	h := Lines("a\nz\n", "a\nx\nl\ny\nz\n", "a\nx\nr\ny\nz\n")
	var kinds []string
	for _, x := range h {
		kinds = append(kinds, string(x.Kind))
	}
	if got := strings.Join(kinds, " "); got != "same agreed conflicting agreed same" {
		t.Fatalf("%s: %q", got, h)
	}
	if h[2].Local != "l\n" || h[2].Remote != "r\n" || h[2].Base != "" {
		t.Fatalf("%q", h[2])
	}
}

func FuzzLines(f *testing.F) {
	f.Add("", "", "")
	f.Add("a\nb\nc\n", "a\nx\nc\n", "a\nb\nc\nd\n")
	f.Add("a\r\nb", "a\nb\n", "a\r\nb\r\nc")
	f.Add("x\nx\nx\n", "x\nx\n", "x\ny\nx\nx\n")
	f.Add("a\r", "a\r\n", "a\r\r\n\n")
	f.Add("\n\n", "\n", "a\n\n")
	f.Add("a\nb\nc\nd\ne\n", "e\nd\nc\nb\na\n", "b\na\nd\nc\n")
	f.Fuzz(func(t *testing.T, b, l, r string) {
		if len(b)+len(l)+len(r) > 1<<14 {
			return
		}
		checkBody(t, b, l, r)
	})
}
