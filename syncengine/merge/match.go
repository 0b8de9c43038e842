package merge

import (
	"slices"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// maxCost bounds the work of one matching: the sum of changed lines here times
// changed lines there. Beyond it the changed middle counts as one change.
const maxCost = 40_000_000

// change is a span of base lines [b0,b1) that a side replaced by its lines
// [s0,s1). Lines outside of a side's changes are matched one to one.
type change struct {
	b0, b1, s0, s1 int
	// lo and hi bound the base lines over which a pure insertion or deletion
	// could be moved without changing the side's text ("a a" of which one was
	// deleted): where exactly it happened cannot be known.
	lo, hi int
}

// lineIDs numbers lines by content: equal numbers, equal lines.
type lineIDs struct {
	byText map[string]int32
	first  []int32 // by id: its last line in base, -1 if none
	base   text
	ids    []int32
}

func numberBase(base text) *lineIDs {
	n := &lineIDs{byText: make(map[string]int32, base.len()), base: base,
		ids: make([]int32, base.len()), first: make([]int32, 0, base.len())}
	for i := range n.ids {
		id := n.id(base.content(i))
		n.ids[i] = id
		n.first[id] = int32(i)
	}
	return n
}

func (n *lineIDs) id(content string) int32 {
	id, ok := n.byText[content]
	if !ok {
		id = int32(len(n.first))
		n.byText[content] = id
		n.first = append(n.first, -1)
	}
	return id
}

// side numbers the lines of a descendant of base. Most of them follow in base's
// order, where one comparison saves the look-up.
func (n *lineIDs) side(t text) []int32 {
	out := make([]int32, t.len())
	next := 0
	for i := range out {
		content := t.content(i)
		if next < len(n.ids) && n.base.content(next) == content {
			out[i] = n.ids[next]
			next++
			continue
		}
		out[i] = n.id(content)
		if at := n.first[out[i]]; at >= 0 {
			next = int(at) + 1
		}
	}
	return out
}

// match returns the changes that lead from a to b, in order, never touching
// one another, each moved as far down as it goes.
func match(a, b []int32, ids int) []change {
	m := matcher{a: a, b: b}
	p := commonPrefix(a, b)
	s := commonSuffix(a[p:], b[p:])
	a1, b1 := len(a)-s, len(b)-s
	i, j := p, p
	for _, at := range anchors(a[p:a1], b[p:b1], ids) {
		m.between(i, p+at.a, j, p+at.b)
		i, j = p+at.a+1, p+at.b+1
	}
	m.between(i, a1, j, b1)
	if m.cost > maxCost {
		m.out = []change{{b0: p, b1: a1, s0: p, s1: b1}}
	}
	return settle(a, b, m.out)
}

type matcher struct {
	a, b []int32
	out  []change
	cost int
	dmp  *diffmatchpatch.DiffMatchPatch
}

// add notes that a[i0:i1] became b[j0:j1], joining what touches.
func (m *matcher) add(i0, i1, j0, j1 int) {
	if i0 == i1 && j0 == j1 {
		return
	}
	if n := len(m.out); n > 0 && m.out[n-1].b1 == i0 && m.out[n-1].s1 == j0 {
		m.out[n-1].b1, m.out[n-1].s1 = i1, j1
		return
	}
	m.out = append(m.out, change{b0: i0, b1: i1, s0: j0, s1: j1})
}

// between matches a[i0:i1] with b[j0:j1], which lie between two anchors.
func (m *matcher) between(i0, i1, j0, j1 int) {
	p := commonPrefix(m.a[i0:i1], m.b[j0:j1])
	i0, j0 = i0+p, j0+p
	s := commonSuffix(m.a[i0:i1], m.b[j0:j1])
	i1, j1 = i1-s, j1-s
	m.cost += (i1 - i0) * (j1 - j0)
	if i0 == i1 || j0 == j1 || m.cost > maxCost {
		m.add(i0, i1, j0, j1)
		return
	}
	x, y, ok := lineRunes(m.a[i0:i1], m.b[j0:j1])
	if !ok {
		m.add(i0, i1, j0, j1)
		return
	}
	if m.dmp == nil {
		m.dmp = diffmatchpatch.New()
		m.dmp.DiffTimeout = 0 // else the result depends on the machine's speed
	}
	for _, d := range m.dmp.DiffMainRunes(x, y, false) {
		n := 0
		for range d.Text {
			n++
		}
		switch d.Type {
		case diffmatchpatch.DiffEqual:
			i0, j0 = i0+n, j0+n
		case diffmatchpatch.DiffDelete:
			m.add(i0, i0+n, j0, j0)
			i0 += n
		case diffmatchpatch.DiffInsert:
			m.add(i0, i0, j0, j0+n)
			j0 += n
		}
	}
}

// Runes that stand for lines must survive a conversion to UTF-8 and back.
const (
	surrogates = 0xD800
	afterThem  = 0xE000
	maxRunes   = 0x10FFFF - (afterThem - surrogates)
)

// lineRunes spells two sequences as runes, one for each distinct number. It is
// not ok when they have nothing in common, or too many distinct numbers.
func lineRunes(a, b []int32) (x, y []rune, ok bool) {
	if len(a) == 1 && len(b) == 1 { // trimmed, so they differ
		return nil, nil, false
	}
	seen := make(map[int32]rune, len(a))
	spell := func(ids []int32) []rune {
		out := make([]rune, len(ids))
		for i, id := range ids {
			r, known := seen[id]
			if !known {
				r = rune(len(seen) + 1)
				if r >= surrogates {
					r += afterThem - surrogates
				}
				seen[id] = r
			}
			out[i] = r
		}
		return out
	}
	x = spell(a)
	before := len(seen)
	y = spell(b)
	if len(seen) > maxRunes {
		return nil, nil, false
	}
	shared := len(seen)-before < len(b)
	return x, y, shared
}

func commonPrefix(a, b []int32) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

func commonSuffix(a, b []int32) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[len(a)-1-i] != b[len(b)-1-i] {
			return i
		}
	}
	return n
}

// pair says that a[pair.a] and b[pair.b] are the same line.
type pair struct{ a, b int }

// anchors pairs the lines that occur once in a and once in b, as many as stand
// in the same order in both (patience).
func anchors(a, b []int32, ids int) []pair {
	if len(a) == 0 || len(b) == 0 {
		return nil
	}
	const many = -2
	inB := make([]int32, 2*ids)
	inA := inB[ids:]
	inB = inB[:ids]
	count := func(where []int32, lines []int32) {
		for i, id := range lines {
			if where[id] == 0 {
				where[id] = int32(i) + 1
			} else {
				where[id] = many
			}
		}
	}
	count(inA, a)
	count(inB, b)
	unique := make([]pair, 0, min(len(a), len(b)))
	for i, id := range a {
		if inA[id] > 0 && inB[id] > 0 {
			unique = append(unique, pair{i, int(inB[id]) - 1})
		}
	}
	return longestRising(unique)
}

// longestRising returns the longest subsequence of p whose b rises; p's a
// already does.
func longestRising(p []pair) []pair {
	if slices.IsSortedFunc(p, func(x, y pair) int { return x.b - y.b }) {
		return p
	}
	tops := make([]int, 0, len(p)) // by length-1: index of the smallest end
	prev := make([]int, len(p))
	for i := range p {
		at, _ := slices.BinarySearchFunc(tops, p[i].b, func(top, b int) int { return p[top].b - b })
		prev[i] = -1
		if at > 0 {
			prev[i] = tops[at-1]
		}
		if at == len(tops) {
			tops = append(tops, i)
		} else {
			tops[at] = i
		}
	}
	out := make([]pair, len(tops))
	for i, at := tops[len(tops)-1], len(tops)-1; at >= 0; i, at = prev[i], at-1 {
		out[at] = p[i]
	}
	return out
}

// settle moves every pure insertion and deletion down as far as its text
// allows, joins what then touches, and records how far each could be moved.
func settle(a, b []int32, in []change) []change {
	out := in[:0]
	for i := 0; i < len(in); i++ {
		c := in[i]
		c.lo, c.hi = c.b0, c.b1
		end := len(a)
		if i+1 < len(in) {
			end = in[i+1].b0
		}
		for c.b1 < end && slidesDown(a, b, c) {
			c.b0, c.b1, c.s0, c.s1 = c.b0+1, c.b1+1, c.s0+1, c.s1+1
		}
		if c.b1 == end && i+1 < len(in) { // it reached the next change
			next := in[i+1]
			in[i+1] = change{b0: c.b0, b1: next.b1, s0: c.s0, s1: next.s1}
			continue
		}
		out = append(out, c)
	}
	for i := range out {
		start := 0
		if i > 0 {
			start = out[i-1].b1
		}
		c := out[i]
		for c.b0 > start && slidesUp(a, b, c) {
			c.b0, c.b1, c.s0, c.s1 = c.b0-1, c.b1-1, c.s0-1, c.s1-1
		}
		out[i].lo, out[i].hi = c.b0, out[i].b1
	}
	return out
}

func slidesDown(a, b []int32, c change) bool {
	switch {
	case c.b0 == c.b1:
		return b[c.s0] == b[c.s1]
	case c.s0 == c.s1:
		return a[c.b0] == a[c.b1]
	}
	return false
}

func slidesUp(a, b []int32, c change) bool {
	switch {
	case c.b0 == c.b1:
		return b[c.s0-1] == b[c.s1-1]
	case c.s0 == c.s1:
		return a[c.b0-1] == a[c.b1-1]
	}
	return false
}
