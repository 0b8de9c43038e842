package textbuf

// kind says which changes may grow together.
type kind uint8

const (
	other kind = iota
	typed
	erased
	deleted
)

// grow bounds a coalesced run, so that undo never swallows too much at once.
const grow = 200

// change is one entry of history: at off, del was replaced by ins. Strings share memory
// with the lines they came from.
type change struct {
	off           int
	del, ins      string
	before, after int // cursor
	kind          kind
}

// edit replaces the text between from and to and records it. Every verb ends here. The
// cursor goes behind the new text and the selection ends.
func (b *Buffer) edit(from, to pos, ins string, k kind) {
	b.selected = false
	if from == to && ins == "" {
		return
	}
	c := change{off: b.offset(from), del: b.text(from, to), ins: ins, before: b.offset(b.cur), kind: k}
	b.splice(from, to, ins)
	b.version++
	b.redo = nil
	sealed := b.sealed
	b.setCursor(c.off + len(ins))
	c.after = b.offset(b.cur)
	b.sealed = k == other
	if !sealed && b.grows(c) {
		return
	}
	b.undo = append(b.undo, c)
}

// grows adds c to the last change when both belong to one run of keys.
func (b *Buffer) grows(c change) bool {
	if len(b.undo) == 0 {
		return false
	}
	last := &b.undo[len(b.undo)-1]
	if last.kind != c.kind || last.after != c.before || len(last.ins)+len(last.del) > grow {
		return false
	}
	switch {
	case c.kind == typed && c.del == "" && c.off == last.off+len(last.ins):
		if blank(last.ins[len(last.ins)-1]) && !blank(c.ins[0]) {
			return false // a new word is a new step
		}
		last.ins += c.ins
	case c.kind == erased && c.off+len(c.del) == last.off:
		last.del, last.off = c.del+last.del, c.off
	case c.kind == deleted && c.off == last.off:
		last.del += c.del
	default:
		return false
	}
	last.after = c.after
	return true
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// Undo takes back the last change; false when there is none.
func (b *Buffer) Undo() bool {
	if len(b.undo) == 0 {
		return false
	}
	c := b.undo[len(b.undo)-1]
	b.undo = b.undo[:len(b.undo)-1]
	b.redo = append(b.redo, c)
	b.replay(c.off, len(c.ins), c.del, c.before)
	return true
}

// Redo makes the last change that was taken back again; false when there is none.
func (b *Buffer) Redo() bool {
	if len(b.redo) == 0 {
		return false
	}
	c := b.redo[len(b.redo)-1]
	b.redo = b.redo[:len(b.redo)-1]
	b.undo = append(b.undo, c)
	b.replay(c.off, len(c.del), c.ins, c.after)
	return true
}

// CanUndo reports whether Undo would do something.
func (b *Buffer) CanUndo() bool { return len(b.undo) > 0 }

// CanRedo reports whether Redo would do something.
func (b *Buffer) CanRedo() bool { return len(b.redo) > 0 }

func (b *Buffer) replay(off, size int, ins string, cursor int) {
	b.selected = false
	from := b.at(off)
	b.splice(from, b.at(off+size), ins)
	b.version++
	b.setCursor(cursor)
}
