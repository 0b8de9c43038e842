package merge

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// edit is a known change: base lines [from,to) become lines.
type edit struct {
	from, to int
	lines    []string
}

// apply is the oracle's own way to make a text: no diff is involved.
func apply(base []string, edits []edit) []string {
	var out []string
	at := 0
	for _, e := range edits {
		out = append(out, base[at:e.from]...)
		out = append(out, e.lines...)
		at = e.to
	}
	return append(out, base[at:]...)
}

func same(x, y edit) bool {
	return x.from == y.from && x.to == y.to && slices.Equal(x.lines, y.lines)
}

func touching(x, y edit) bool { return x.from <= y.to && y.from <= x.to }

// expected says from the edits alone whether a person is needed, and the merged
// lines if not.
func expected(base []string, l, r []edit) (review bool, merged []string) {
	var all []edit
	for _, x := range l {
		for _, y := range r {
			if touching(x, y) && !same(x, y) {
				return true, nil
			}
		}
		all = append(all, x)
	}
	for _, y := range r {
		if !slices.ContainsFunc(l, func(x edit) bool { return same(x, y) }) {
			all = append(all, y)
		}
	}
	slices.SortFunc(all, func(x, y edit) int { return x.from - y.from })
	return false, apply(base, all)
}

// drawEdits draws edits with at least one kept line between any two.
func drawEdits(r *rand.Rand, n, count int, fresh func() string) []edit {
	var out []edit
	at := 0
	for range count {
		from := at + r.IntN(4)
		if from > n {
			break
		}
		to := min(n, from+r.IntN(3))
		e := edit{from: from, to: to}
		for range r.IntN(3) {
			e.lines = append(e.lines, fresh())
		}
		if e.from == e.to && len(e.lines) == 0 {
			continue
		}
		out = append(out, e)
		at = to + 1
	}
	return out
}

func joined(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// TestReviewExactlyWhenEditsTouch is I-17 (a), (b) and (d) on unique lines.
func TestReviewExactlyWhenEditsTouch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 17))
	reviews, cleans := 0, 0
	for i := range 40_000 {
		n := r.IntN(14)
		base := make([]string, n)
		for j := range base {
			base[j] = fmt.Sprint("line ", j)
		}
		k := 0
		fresh := func() string { k++; return fmt.Sprint("new ", k) }
		l := drawEdits(r, n, r.IntN(4), fresh)
		rem := drawEdits(r, n, r.IntN(4), fresh)
		if r.IntN(3) == 0 && len(l) > 0 { // the same edit on both sides
			e := l[r.IntN(len(l))]
			rem = slices.DeleteFunc(rem, func(y edit) bool { return touching(e, y) })
			rem = append(rem, e)
			slices.SortFunc(rem, func(x, y edit) int { return x.from - y.from })
		}
		review, want := expected(base, l, rem)
		h := Lines(joined(base), joined(apply(base, l)), joined(apply(base, rem)))
		if review == isClean(h) {
			t.Fatalf("case %d: review %v, want %v\nlocal %v\nremote %v\n%q", i, !isClean(h), review, l, rem, h)
		}
		if review {
			reviews++
			continue
		}
		cleans++
		if got := mergedOf(h); got != joined(want) {
			t.Fatalf("case %d: %q, want %q\nlocal %v\nremote %v", i, got, joined(want), l, rem)
		}
	}
	t.Logf("%d need review, %d merge", reviews, cleans)
	if reviews < 5000 || cleans < 5000 {
		t.Fatal("the cases are one-sided")
	}
}

// TestRepeatedLines is I-17 (c): notes with empty lines and repeated items, and
// edits that are truly apart. Few may need review, and none may merge wrongly.
func TestRepeatedLines(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 17))
	const cases = 20_000
	needless, wrong, apart := 0, 0, 0
	for range cases {
		n := 6 + r.IntN(24)
		base := make([]string, n)
		line := func(i int) string {
			switch r.IntN(6) {
			case 0, 1:
				return ""
			case 2:
				return []string{"- [ ] milk", "- [ ] bread", "---"}[r.IntN(3)]
			}
			return fmt.Sprint("text ", i)
		}
		for j := range base {
			base[j] = line(j)
		}
		k := 1000
		fresh := func() string { k++; return line(k) }
		l, rem := drawEdits(r, n, 1+r.IntN(2), fresh), drawEdits(r, n, 4, fresh)
		if len(rem) > 2 {
			rem = rem[len(rem)-2:]
		}
		review, want := expected(base, l, rem)
		if review {
			continue
		}
		apart++
		h := Lines(joined(base), joined(apply(base, l)), joined(apply(base, rem)))
		switch {
		case !isClean(h):
			needless++
		case mergedOf(h) != joined(want):
			wrong++
		}
	}
	t.Logf("%d cases apart: %d false reviews (%.2f %%), %d merged to other lines", apart, needless,
		100*float64(needless)/float64(apart), wrong)
	if 500*wrong > apart {
		t.Errorf("%d of %d cases merged to other lines", wrong, apart)
	}
	if 50*needless > apart {
		t.Errorf("%d false reviews in %d cases, want at most 2 %%", needless, apart)
	}
}
