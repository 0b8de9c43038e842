package merge

import (
	"strings"

	engine "stet/syncengine/merge"

	"stet/model"
	"stet/ui/kit/cells"
	"stet/ui/kit/sidediff"
)

// paper is a sheet as rows, one a line of the note: what the panes scroll over.
// It hangs on the sheet and the layout alone, never on picks, so it is made
// once. Rows are wrapped, and words compared, only when they are looked at.
type paper struct {
	sheet  *sheet
	layout layout
	names  [2]string
	rows   []row
	first  []int // of each item: its first row
	words  map[int]*wordMarks
}

// layout is how the sides are arranged.
type layout int

const (
	sideBySide layout = iota
	threePanes
	unified
)

// row is one line of the note, or a label.
type row struct {
	item              int // -1 for text that nobody changed
	base, left, right piece
	label             string // of a unified side
}

// piece is a line of one side.
type piece struct {
	kind   sidediff.Kind
	text   string
	prefix int // bytes of text that are ours
	off    int // where the line begins in the side's text
}

// wordMarks are the changed bytes of an item's sides, compared with its base.
type wordMarks struct{ left, right []engine.Range }

func newPaper(sh *sheet, l layout, names [2]string) *paper {
	p := &paper{sheet: sh, layout: l, names: names, first: make([]int, len(sh.items)), words: map[int]*wordMarks{}}
	for i := range sh.items {
		if sh.items[i].hunk < 0 {
			p.field(i)
		}
	}
	if len(p.rows) > 0 && len(sh.hunks) > 0 {
		p.rows = append(p.rows, row{item: -1})
	}
	for i, h := range sh.hunks {
		if at := sh.byHunk[i]; at >= 0 {
			p.item(at, "")
			continue
		}
		for _, ln := range lines(h.Local) {
			c := piece{kind: sidediff.Same, text: ln.text}
			p.rows = append(p.rows, row{item: -1, base: c, left: c, right: c})
		}
	}
	return p
}

var fieldLabels = map[string]string{model.FieldTitle: "Title: ", model.FieldNotebook: "Notebook: "}

// field lays out what is not the body.
func (p *paper) field(i int) {
	it := p.sheet.items[i]
	if it.field != model.FieldDeleted {
		p.item(i, fieldLabels[it.field])
		return
	}
	p.first[i] = len(p.rows)
	left, right := it.local, it.remote
	gone := piece{kind: sidediff.Removed, text: "deleted this note"}
	r := row{item: i, left: gone, base: piece{kind: sidediff.Same}, right: piece{kind: sidediff.Same, text: "kept this note"}}
	if p.sheet.remote.Deleted {
		r.left, r.right = piece{kind: sidediff.Same, text: "kept this note"}, gone
	}
	p.rows = append(p.rows, r, row{item: -1})
	p.pair(-1, lines(it.base), lines(left), lines(right), "", [3]sidediff.Kind{sidediff.Same, sidediff.Same, sidediff.Same})
}

// item lays out one item: each side's lines, or what it deleted.
func (p *paper) item(i int, prefix string) {
	it := p.sheet.items[i]
	p.first[i] = len(p.rows)
	lk, ll := kindOf(it.base, it.local)
	rk, rl := kindOf(it.base, it.remote)
	p.pair(i, lines(it.base), ll, rl, prefix, [3]sidediff.Kind{sidediff.Same, lk, rk})
	if p.first[i] == len(p.rows) { // empty on all sides: still a place to stand on
		p.rows = append(p.rows, row{item: i})
	}
}

// pair puts the n-th lines of the sides into one row, or one below the other.
func (p *paper) pair(i int, base, left, right []textLine, prefix string, kinds [3]sidediff.Kind) {
	at := func(ls []textLine, n int, k sidediff.Kind) piece {
		if n >= len(ls) {
			return piece{}
		}
		return piece{kind: k, text: prefix + ls[n].text, prefix: len(prefix), off: ls[n].off}
	}
	if p.layout == unified && i >= 0 {
		p.stack(i, left, right, at, kinds)
		return
	}
	if p.layout == unified { // a note that one side deleted
		if len(left) == 0 {
			left = right
		}
		right = nil
	}
	for n := range max(len(left), len(right), len(base)*b2i(p.layout == threePanes)) {
		p.rows = append(p.rows, row{item: i, base: at(base, n, kinds[0]), left: at(left, n, kinds[1]), right: at(right, n, kinds[2])})
	}
}

// stack puts one side below the other, each under its name. A side that changed
// nothing is left out.
func (p *paper) stack(i int, left, right []textLine, at func([]textLine, int, sidediff.Kind) piece, kinds [3]sidediff.Kind) {
	if it := p.sheet.items[i]; !it.merged || it.local != it.base {
		p.rows = append(p.rows, row{item: i, label: p.names[0]})
		for n := range left {
			p.rows = append(p.rows, row{item: i, left: at(left, n, kinds[1])})
		}
	}
	if it := p.sheet.items[i]; !it.merged || it.remote != it.base {
		p.rows = append(p.rows, row{item: i, label: p.names[1]})
		for n := range right {
			p.rows = append(p.rows, row{item: i, right: at(right, n, kinds[2])})
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// kindOf says what a side did to the base, and which lines tell it: those that
// it deleted are shown as deleted.
func kindOf(base, side string) (sidediff.Kind, []textLine) {
	switch {
	case base == side:
		return sidediff.Same, lines(side)
	case side == "":
		return sidediff.Removed, lines(base)
	case base == "":
		return sidediff.Added, lines(side)
	}
	return sidediff.Changed, lines(side)
}

// textLine is a line without its ending, and where it begins.
type textLine struct {
	text string
	off  int
}

func lines(s string) []textLine {
	var out []textLine
	off := 0
	for line := range strings.Lines(s) {
		text := strings.TrimSuffix(line, "\n")
		out = append(out, textLine{strings.TrimSuffix(text, "\r"), off})
		off += len(line)
	}
	return out
}

// marks returns the changed bytes of a row's piece. own is the item that it
// belongs to.
func (p *paper) marks(own int, pc piece, left bool) []cells.Range {
	if own < 0 || pc.kind != sidediff.Changed {
		return nil
	}
	m := p.words[own]
	if m == nil {
		it := p.sheet.items[own]
		m = &wordMarks{}
		_, m.left = engine.Words(it.base, it.local)
		_, m.right = engine.Words(it.base, it.remote)
		p.words[own] = m
	}
	ranges := m.right
	if left {
		ranges = m.left
	}
	var out []cells.Range
	end := pc.off + len(pc.text) - pc.prefix
	for _, r := range ranges {
		if from, to := max(r.Start, pc.off), min(r.End, end); from < to {
			out = append(out, cells.Range{Start: from - pc.off + pc.prefix, End: to - pc.off + pc.prefix})
		}
	}
	return out
}
