// Package winlist is the state of a list that knows only the rows around its window.
//
// Rules of the room:
//
//   - The list never learns how many rows there are. It holds the loaded rows in order and
//     whether they reach the start and the end. A verb either moves the selection inside
//     of them or also says, as a Need, which rows the caller must load.
//   - The selection is a key, not a number. SetRows keeps it, and keeps its line on the
//     screen: nothing moves that the user did not move.
//   - A movement that ran out of loaded rows is remembered and finished by the next
//     SetRows, so a held key loses no step.
//   - Rows for which Skip is true (headings) are drawn but never selected.
package winlist

import "stet/ui/kit/cells"

// Need says which rows to load next: around the row with key Anchor, Before rows above
// and After rows below it and the anchor itself; or the first After rows when FromTop; or
// the last Before rows when FromEnd. The zero Need wants nothing.
type Need struct {
	Anchor           string
	Before, After    int
	FromTop, FromEnd bool
}

// Wanted reports whether there is anything to load.
func (n Need) Wanted() bool { return n != Need{} }

// Rows is what SetRows takes: loaded rows in order, and whether nothing comes before or
// after them.
type Rows[R any] struct {
	List           []R
	AtStart, AtEnd bool
}

// List is the state of one list. Make it with New.
type List[R any] struct {
	key  func(R) string
	skip func(R) bool

	rows           []R
	atStart, atEnd bool
	sel            int // index of the selected row, -1 when none can be
	top            int // index of the first visible row; may be negative until more is loaded
	height         int
	pending        int  // steps that the loaded rows could not satisfy
	jump           bool // the next rows are for Top or Bottom
	jumpEnd        bool
	want           string // key to select as soon as it is loaded
}

// New returns an empty list. key must be unique in the list; skip may be nil.
func New[R any](key func(R) string, skip func(R) bool) *List[R] {
	if skip == nil {
		skip = func(R) bool { return false }
	}
	return &List[R]{key: key, skip: skip, sel: -1, height: 1, atStart: true, atEnd: true}
}

// Start returns what to load before anything was: two windows from the top.
func (l *List[R]) Start() Need { return Need{FromTop: true, After: 2 * max(l.height, 10)} }

// SetHeight tells how many rows are visible, at least 1. The selection stays visible.
func (l *List[R]) SetHeight(h int) Need {
	l.height = max(h, 1)
	l.follow()
	return l.margin()
}

// Len returns the number of loaded rows.
func (l *List[R]) Len() int { return len(l.rows) }

// Loaded returns the loaded rows; they must not be changed.
func (l *List[R]) Loaded() []R { return l.rows }

// Selected returns the selected row; false when there is none.
func (l *List[R]) Selected() (row R, ok bool) {
	if l.sel < 0 {
		return row, false
	}
	return l.rows[l.sel], true
}

// SelectedKey returns the key of the selected row, empty when there is none.
func (l *List[R]) SelectedKey() string {
	if l.sel < 0 {
		return ""
	}
	return l.key(l.rows[l.sel])
}

// Select moves the selection to key. When it is not loaded, the Need asks for the rows
// around it, and SetRows selects it when it comes.
func (l *List[R]) Select(key string) Need {
	for i, r := range l.rows {
		if l.key(r) == key && !l.skip(r) {
			l.sel, l.pending, l.want = i, 0, ""
			l.follow()
			return l.margin()
		}
	}
	l.want = key
	return Need{Anchor: key, Before: l.ahead(), After: l.ahead()}
}

// MoveUp selects the row before; MoveDown the one after.
func (l *List[R]) MoveUp() Need { return l.move(-1) }

// MoveDown selects the row after the selected one.
func (l *List[R]) MoveDown() Need { return l.move(1) }

// PageUp moves by a window less one row.
func (l *List[R]) PageUp() Need { return l.move(-max(l.height-1, 1)) }

// PageDown moves by a window less one row.
func (l *List[R]) PageDown() Need { return l.move(max(l.height-1, 1)) }

// HalfPageUp moves by half a window.
func (l *List[R]) HalfPageUp() Need { return l.move(-max(l.height/2, 1)) }

// HalfPageDown moves by half a window.
func (l *List[R]) HalfPageDown() Need { return l.move(max(l.height/2, 1)) }

// Top selects the first row of all.
func (l *List[R]) Top() Need {
	l.pending, l.want = 0, ""
	if !l.atStart {
		l.jump, l.jumpEnd = true, false
		return Need{FromTop: true, After: 2 * l.ahead()}
	}
	l.edge(false)
	return l.margin()
}

// Bottom selects the last row of all.
func (l *List[R]) Bottom() Need {
	l.pending, l.want = 0, ""
	if !l.atEnd {
		l.jump, l.jumpEnd = true, true
		return Need{FromEnd: true, Before: 2 * l.ahead()}
	}
	l.edge(true)
	return l.margin()
}

// edge selects the first or the last row that can be, and shows the headings before it.
func (l *List[R]) edge(end bool) {
	l.jump = false
	if end {
		l.sel = l.near(len(l.rows)-1, -1)
	} else {
		l.sel = l.near(0, 1)
		l.top = 0
	}
	l.follow()
}

// near returns the first selectable row from i on in direction d, -1 when there is none.
func (l *List[R]) near(i, d int) int {
	for ; i >= 0 && i < len(l.rows); i += d {
		if !l.skip(l.rows[i]) {
			return i
		}
	}
	return -1
}

// move takes n steps; those for which no row is loaded are kept as pending.
func (l *List[R]) move(n int) Need {
	l.want = ""
	l.jump = false
	if l.sel < 0 {
		return Need{}
	}
	d := 1
	if n < 0 {
		d = -1
	}
	if l.pending*d < 0 {
		l.pending = 0 // turning round forgets what was not reached
	}
	for n = n + l.pending; n != 0; n -= d {
		next := l.near(l.sel+d, d)
		if next < 0 {
			break
		}
		l.sel = next
	}
	l.pending = n
	if d > 0 && l.atEnd || d < 0 && l.atStart {
		l.pending = 0
	}
	l.follow()
	return l.margin()
}

// ahead is how many rows to hold on each side of the selection.
func (l *List[R]) ahead() int { return max(2*l.height, 20) }

// margin asks for more rows when less than one window is loaded beyond the selection.
func (l *List[R]) margin() Need {
	if l.sel < 0 {
		return Need{}
	}
	low := !l.atStart && (l.sel < l.height || l.top < 0)
	high := !l.atEnd && len(l.rows)-1-l.sel < l.height
	if !low && !high {
		return Need{}
	}
	extra := l.pending
	if extra < 0 {
		extra = -extra
	}
	return Need{Anchor: l.SelectedKey(), Before: l.ahead() + extra, After: l.ahead() + extra}
}

// follow moves the window so that the selection is visible and no room is wasted.
func (l *List[R]) follow() {
	if l.sel >= 0 {
		l.top = min(l.top, l.sel)
		l.top = max(l.top, l.sel-l.height+1)
		if l.atStart && l.top == l.sel && l.near(l.sel-1, -1) < 0 && l.sel < l.height {
			l.top = 0 // show the headings above the very first row
		}
	}
	if l.atEnd {
		l.top = min(l.top, len(l.rows)-l.height)
	}
	l.top = max(l.top, 0)
}

// SetRows replaces the loaded rows. The selected row stays selected and on its line of
// the screen; when it is gone, the row that followed it, or else the one before it,
// takes its place. A Need may come back when the new rows are not enough.
func (l *List[R]) SetRows(rows Rows[R]) Need {
	old, oldSel := l.rows, l.sel
	line := l.sel - l.top
	l.rows, l.atStart, l.atEnd = rows.List, rows.AtStart, rows.AtEnd
	place := make(map[string]int, len(l.rows))
	for i, r := range l.rows {
		if !l.skip(r) {
			place[l.key(r)] = i
		}
	}
	l.sel = l.successor(old, oldSel, place)
	l.top = l.sel - line
	if i, ok := place[l.want]; ok && l.want != "" {
		l.sel, l.want = i, ""
		l.top = i - l.height/2
	}
	if l.jump && (l.jumpEnd && l.atEnd || !l.jumpEnd && l.atStart) {
		l.edge(l.jumpEnd)
	}
	if l.pending != 0 && l.sel >= 0 {
		n := l.pending
		l.pending = 0
		return l.move(n)
	}
	l.follow()
	return l.margin()
}

// successor finds the selection of the old rows, or its nearest neighbour, in the new.
func (l *List[R]) successor(old []R, sel int, place map[string]int) int {
	if sel < 0 {
		return l.near(0, 1)
	}
	for i := sel; i < len(old); i++ {
		if n, ok := place[l.key(old[i])]; ok {
			return n
		}
	}
	for i := sel - 1; i >= 0; i-- {
		if n, ok := place[l.key(old[i])]; ok {
			return n
		}
	}
	at := min(sel, len(l.rows)-1)
	if n := l.near(at, 1); n >= 0 {
		return n
	}
	return l.near(at, -1)
}

// Render draws the visible rows, at most height, each brought to exactly width cells.
// draw must return one line of clean text with our styling. The height is remembered.
func (l *List[R]) Render(width, height int, draw func(row R, selected bool, width int) string) []string {
	if height <= 0 || width <= 0 {
		return nil
	}
	if height != l.height {
		l.height = height
		l.follow()
	}
	end := min(l.top+height, len(l.rows))
	out := make([]string, 0, height)
	for i := l.top; i < end; i++ {
		out = append(out, cells.FitStyled(draw(l.rows[i], i == l.sel, width), width))
	}
	return out
}

// Line returns the line of the window on which the selection is drawn, -1 when none.
func (l *List[R]) Line() int {
	if l.sel < 0 {
		return -1
	}
	return l.sel - l.top
}

// ClickLine selects the row drawn on a line of the window, as a mouse click does.
func (l *List[R]) ClickLine(line int) Need {
	i := l.top + line
	if line < 0 || line >= l.height || i >= len(l.rows) || l.skip(l.rows[i]) {
		return Need{}
	}
	l.sel, l.pending = i, 0
	return l.margin()
}
