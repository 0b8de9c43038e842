package merge

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestMatchIsAMatching: kept lines are equal, changes are in order with a kept
// line between any two, and none could be moved further down.
func TestMatchIsAMatching(t *testing.T) {
	ids := rapid.SliceOfN(rapid.Int32Range(0, 3), 0, 14)
	rapid.Check(t, func(t *rapid.T) {
		a, b := ids.Draw(t, "a"), ids.Draw(t, "b")
		got := match(a, b, 4)
		i, j := 0, 0
		for n, c := range append(got, change{b0: len(a), b1: len(a), s0: len(b), s1: len(b)}) {
			if c.b0 < i || !slices.Equal(a[i:c.b0], b[j:c.s0]) {
				t.Fatalf("%v to %v: %v keeps unlike lines before change %d", a, b, got, n)
			}
			if n > 0 && n < len(got) && c.b0 == i {
				t.Fatalf("%v to %v: %v touch", a, b, got)
			}
			i, j = c.b1, c.s1
		}
		for n, c := range got {
			if c.hi != c.b1 || c.lo > c.b0 || n > 0 && c.lo < got[n-1].b1 {
				t.Fatalf("%v to %v: %v: bounds of change %d", a, b, got, n)
			}
			if c.b1 < len(a) && slidesDown(a, b, c) {
				t.Fatalf("%v to %v: %v: change %d could be further down", a, b, got, n)
			}
		}
	})
}

func TestSettle(t *testing.T) {
	a, b := []int32{1, 2, 2, 2, 3}, []int32{1, 2, 2, 3}
	got := settle(a, b, []change{{b0: 1, b1: 2, s0: 1, s1: 1}})
	if want := []change{{b0: 3, b1: 4, s0: 3, s1: 3, lo: 1, hi: 4}}; !slices.Equal(got, want) {
		t.Errorf("a deletion in a run: %v, want %v", got, want)
	}
	got = settle([]int32{2, 3}, []int32{2, 2, 4}, []change{{b0: 0, b1: 0, s0: 0, s1: 1}, {b0: 1, b1: 2, s0: 2, s1: 3}})
	if want := []change{{b0: 1, b1: 2, s0: 1, s1: 3, lo: 1, hi: 2}}; !slices.Equal(got, want) {
		t.Errorf("an insertion that meets the next change: %v, want %v", got, want)
	}
}

// A paragraph with its empty line, added next to an edited one: the empty line
// above could belong to either place, but both give the same text.
func TestParagraphBesideAnEdit(t *testing.T) {
	h := Lines("one\n\ntwo\n", "ONE\n\ntwo\n", "one\n\nnew\n\ntwo\n")
	if want := "ONE\n\nnew\n\ntwo\n"; !isClean(h) || mergedOf(h) != want {
		t.Fatalf("%q", h)
	}
}
