package winlist

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// source is a whole list from which windows are loaded, as a store would.
type source []string

func (s source) load(n Need) Rows[string] {
	lo, hi := 0, len(s)
	switch {
	case n.FromTop:
		hi = min(n.After, hi)
	case n.FromEnd:
		lo = max(hi-n.Before, 0)
	default:
		at := slices.Index(s, n.Anchor)
		if at < 0 {
			at = 0 // the anchor is gone: rows from the top
		}
		lo, hi = max(at-n.Before, 0), min(at+1+n.After, len(s))
	}
	return Rows[string]{List: slices.Clone(s[lo:hi]), AtStart: lo == 0, AtEnd: hi == len(s)}
}

func (s source) serve(l *List[string], n Need) int {
	rounds := 0
	for n.Wanted() && rounds < 50 {
		n = l.SetRows(s.load(n))
		rounds++
	}
	return rounds
}

func numbered(n int) source {
	s := make(source, n)
	for i := range s {
		s[i] = fmt.Sprintf("k%06d", i)
	}
	return s
}

func newList(skip func(string) bool) *List[string] {
	return New(func(s string) string { return s }, skip)
}

func draw(r string, selected bool, w int) string {
	if selected {
		return ">" + r
	}
	return " " + r
}

// TestMovesLikeAWholeList: through any windows, the selection goes where it would go in
// a list that is loaded whole.
func TestMovesLikeAWholeList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 400).Draw(t, "n")
		h := rapid.IntRange(1, 30).Draw(t, "height")
		src := numbered(n)
		l := newList(nil)
		src.serve(l, l.SetHeight(h))
		src.serve(l, l.Start())
		want := 0
		for range rapid.IntRange(0, 60).Draw(t, "moves") {
			var need Need
			switch rapid.IntRange(0, 8).Draw(t, "verb") {
			case 0:
				need, want = l.MoveDown(), want+1
			case 1:
				need, want = l.MoveUp(), want-1
			case 2:
				need, want = l.PageDown(), want+max(h-1, 1)
			case 3:
				need, want = l.PageUp(), want-max(h-1, 1)
			case 4:
				need, want = l.HalfPageDown(), want+max(h/2, 1)
			case 5:
				need, want = l.HalfPageUp(), want-max(h/2, 1)
			case 6:
				need, want = l.Top(), 0
			case 7:
				need, want = l.Bottom(), n-1
			case 8:
				if n > 0 {
					want = rapid.IntRange(0, n-1).Draw(t, "to")
					need = l.Select(src[want])
				}
			}
			want = max(min(want, n-1), 0)
			if r := src.serve(l, need); r > 3 {
				t.Fatalf("%d loads for one key", r)
			}
			if n > 0 && l.SelectedKey() != src[want] {
				t.Fatalf("selected %s, want %s", l.SelectedKey(), src[want])
			}
			rows := l.Render(12, h, draw)
			if n == 0 {
				continue
			}
			if len(rows) != min(h, n) || l.Line() < 0 || rows[l.Line()][0] != '>' {
				t.Fatalf("%d of %d rows, selection on line %d", len(rows), h, l.Line())
			}
			if l.Len() > 12*h+200 {
				t.Fatalf("%d rows held for a window of %d", l.Len(), h)
			}
		}
	})
}

// TestKeysAheadOfLoadingAreNotLost: presses that come before the rows do are all obeyed.
func TestKeysAheadOfLoadingAreNotLost(t *testing.T) {
	src := numbered(1000)
	l := newList(nil)
	l.SetHeight(10)
	src.serve(l, l.Start())
	var need Need
	for range 20 {
		need = l.PageDown()
	}
	src.serve(l, need)
	if l.SelectedKey() != src[180] {
		t.Fatalf("at %s after 20 pages of 9", l.SelectedKey())
	}
	src.serve(l, l.Bottom())
	for range 20 {
		need = l.PageUp()
	}
	src.serve(l, need)
	if l.SelectedKey() != src[999-180] {
		t.Fatalf("at %s after 20 pages up", l.SelectedKey())
	}
}

func TestNothingMovesWhenRowsChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := numbered(100)
		l := newList(nil)
		l.SetHeight(10)
		src.serve(l, l.Start())
		src.serve(l, l.Select(src[rapid.IntRange(20, 80).Draw(t, "sel")]))
		key, line := l.SelectedKey(), l.Line()
		next := source{}
		for i, k := range src {
			if rapid.IntRange(0, 3).Draw(t, "new") == 0 {
				next = append(next, fmt.Sprintf("new%d", i))
			}
			if k == key || rapid.IntRange(0, 9).Draw(t, "keep") > 0 {
				next = append(next, k)
			}
		}
		next.serve(l, l.SetRows(next.load(Need{Anchor: key, Before: 40, After: 40})))
		if l.SelectedKey() != key || l.Line() != line {
			t.Fatalf("%s on line %d, was %s on %d", l.SelectedKey(), l.Line(), key, line)
		}
	})
}

func TestSelectionGoesToTheFollower(t *testing.T) {
	l := newList(nil)
	l.SetHeight(5)
	l.SetRows(Rows[string]{[]string{"a", "b", "c"}, true, true})
	l.Select("b")
	l.SetRows(Rows[string]{[]string{"a", "c"}, true, true})
	if l.SelectedKey() != "c" {
		t.Fatal(l.SelectedKey())
	}
	l.SetRows(Rows[string]{[]string{"a"}, true, true})
	if l.SelectedKey() != "a" {
		t.Fatal(l.SelectedKey())
	}
	l.SetRows(Rows[string]{nil, true, true})
	if _, ok := l.Selected(); ok || len(l.Render(10, 5, draw)) != 0 {
		t.Fatal("an empty list selects")
	}
	l.MoveDown()
	l.SetRows(Rows[string]{[]string{"z"}, true, true})
	if l.SelectedKey() != "z" {
		t.Fatal(l.SelectedKey())
	}
}

func TestHeadingsAreSkippedAndShown(t *testing.T) {
	l := newList(func(s string) bool { return s[0] == '#' })
	l.SetRows(Rows[string]{[]string{"#1", "a", "#2", "b", "c"}, true, true})
	l.SetHeight(2)
	l.Top()
	if l.SelectedKey() != "a" || l.Line() != 1 {
		t.Fatal(l.SelectedKey(), l.Line())
	}
	l.MoveDown()
	if l.SelectedKey() != "b" {
		t.Fatal(l.SelectedKey())
	}
	l.MoveUp()
	if l.SelectedKey() != "a" || l.Render(3, 2, draw)[0] != " #1" {
		t.Fatal(l.Render(3, 2, draw))
	}
}

func TestAnyWindowDraws(t *testing.T) {
	l := newList(nil)
	l.SetRows(numbered(50).load(Need{FromTop: true, After: 50}))
	l.Bottom()
	for w := 0; w <= 300; w += 7 {
		for h := 0; h <= 300; h += 7 {
			if got := len(l.Render(w, h, draw)); got > h {
				t.Fatalf("%d rows in %dx%d", got, w, h)
			}
		}
	}
}

func BenchmarkMoveAndRender(b *testing.B) {
	src := numbered(100000)
	l := newList(nil)
	l.SetHeight(40)
	src.serve(l, l.Start())
	for b.Loop() {
		l.MoveDown()
		l.Render(100, 40, draw)
	}
}
