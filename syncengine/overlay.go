package syncengine

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"stet/model"
	"stet/syncengine/store"
)

// overlay is a store of which nothing is kept: it reads through one snapshot
// of the device's store and holds what is written in memory. A round that runs
// on it is the round that a device would do, and leaves no trace.
type overlay struct {
	base    store.Reader
	leaves  map[string]*leaf
	opNote  map[string]string // of ops that were handed out
	opPos   map[string]int    // the place of each in the outbox
	queue   []waiting         // the heads of the outbox that nobody touched yet
	meta    map[string]string
	cursor  string
	held    map[string]heldAt
	guarded map[string]bool // notes that were ever held for consent
	seq     int64
	pos     int
}

// leaf is one note that was touched: as it was, and as it is.
type leaf struct {
	was, now standing
	kept     []model.Fields // texts that went to its history since
}

// heldAt is a held change with its place.
type heldAt struct {
	store.Held
	pos int
}

// waiting is an op with its place in the outbox.
type waiting struct {
	op  model.Op
	pos int
}

func newOverlay(base store.Reader) (*overlay, error) {
	o := &overlay{base: base, leaves: map[string]*leaf{}, opNote: map[string]string{}, opPos: map[string]int{},
		meta: map[string]string{}, held: map[string]heldAt{}, guarded: map[string]bool{}, seq: 1 << 50}
	heads, err := base.Sendable(everything, time.Time{}, true)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	for _, op := range heads {
		o.opNote[op.ID], o.opPos[op.ID] = op.NoteID, o.nextPos()
		o.queue = append(o.queue, waiting{op, o.pos})
	}
	held, err := base.Held(everything)
	if err != nil {
		return nil, fmt.Errorf("read held changes: %w", err)
	}
	for _, h := range held {
		o.held[h.Record.ID] = heldAt{h, o.nextPos()}
		o.guarded[h.Record.ID] = h.Reason == store.HeldForConsent
	}
	if o.cursor, err = base.Cursor(); err != nil {
		return nil, fmt.Errorf("read cursor: %w", err)
	}
	return o, nil
}

// everything is a limit beyond what any device holds.
const everything = 1 << 20

func (o *overlay) nextPos() int { o.pos++; return o.pos }

func (o *overlay) nextSeq() int64 { o.seq++; return o.seq }

// leaf returns what is known of a note, read once.
func (o *overlay) leaf(id string) (*leaf, error) {
	if l := o.leaves[id]; l != nil {
		return l, nil
	}
	s, err := load(o.base, id)
	if err != nil {
		return nil, err
	}
	l := &leaf{was: s, now: s}
	l.now.ops = slices.Clone(s.ops)
	for _, op := range s.ops {
		if o.opNote[op.ID] = id; o.opPos[op.ID] == 0 { // not the first of its note: its place is unknown, and no matter
			o.opPos[op.ID] = o.nextPos()
		}
	}
	o.leaves[id] = l
	return l, nil
}

// Write implements [store.Store].
func (o *overlay) Write(_ context.Context, f func(store.Tx) error) error { return f(o) }

// Read implements [store.Store].
func (o *overlay) Read(_ context.Context, f func(store.Reader) error) error { return f(o) }

// Lease implements [store.Store].
func (o *overlay) Lease(context.Context) (store.Lease, error) { return noLease{}, nil }

type noLease struct{}

func (noLease) Fence() int64   { return 0 }
func (noLease) Release() error { return nil }

// Note implements [store.Reader].
func (o *overlay) Note(id string) (model.Note, error) {
	l, err := o.leaf(id)
	if err != nil {
		return model.Note{}, err
	}
	if !l.now.exists {
		return model.Note{}, fmt.Errorf("note %s: %w", id, model.ErrNotFound)
	}
	n := l.now.note
	n.Fields = n.Fields.Clone()
	return n, nil
}

// Shadow implements [store.Reader].
func (o *overlay) Shadow(id string) (model.Record, bool, error) {
	l, err := o.leaf(id)
	if err != nil || !l.now.shadowed {
		return model.Record{}, false, err
	}
	return l.now.shadow, true, nil
}

// Knew implements [store.Reader].
func (o *overlay) Knew(noteID string, f model.Fields) (bool, error) {
	l, err := o.leaf(noteID)
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(l.kept, func(k model.Fields) bool { return model.SameText(k, f) }) {
		return true, nil
	}
	return o.base.Knew(noteID, f)
}

// Ops implements [store.Reader].
func (o *overlay) Ops(noteID string) ([]model.Op, error) {
	l, err := o.leaf(noteID)
	if err != nil {
		return nil, err
	}
	return slices.Clone(l.now.ops), nil
}

// Review implements [store.Reader].
func (o *overlay) Review(id string) (model.Review, bool, error) {
	l, err := o.leaf(id)
	if err != nil {
		return model.Review{}, false, err
	}
	return l.now.review, l.now.inReview, nil
}

// Sendable implements [store.Reader].
func (o *overlay) Sendable(limit int, now time.Time, force bool) ([]model.Op, error) {
	o.queue = slices.DeleteFunc(o.queue, func(w waiting) bool { return o.leaves[w.op.NoteID] != nil })
	all := slices.Clone(o.queue)
	for _, l := range o.leaves {
		if op, ok := l.head(); ok && op.State != model.Parked {
			all = append(all, waiting{op, o.opPos[op.ID]})
		}
	}
	all = slices.DeleteFunc(all, func(w waiting) bool { return !force && w.op.NextTry.After(now) })
	slices.SortFunc(all, func(a, b waiting) int {
		if x, y := a.op.State == model.Sent, b.op.State == model.Sent; x != y {
			if x {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.pos, b.pos), cmp.Compare(a.op.ID, b.op.ID))
	})
	out := make([]model.Op, 0, min(limit, len(all)))
	for _, w := range all[:min(limit, len(all))] {
		out = append(out, w.op)
	}
	return out, nil
}

// head is the op of a note that may go first.
func (l *leaf) head() (model.Op, bool) {
	for _, op := range l.now.ops {
		if !l.now.inReview || op.Kind == model.Append {
			return op, true
		}
	}
	return model.Op{}, false
}

// NextTry implements [store.Reader].
func (o *overlay) NextTry() (at time.Time, waiting bool, err error) {
	ops, err := o.Sendable(everything, time.Time{}, true)
	for i, op := range ops {
		if i == 0 || op.NextTry.Before(at) {
			at = op.NextTry
		}
	}
	return at, len(ops) > 0, err
}

// Cursor implements [store.Reader].
func (o *overlay) Cursor() (string, error) { return o.cursor, nil }

// Meta implements [store.Reader].
func (o *overlay) Meta(key string) (string, error) {
	if v, ok := o.meta[key]; ok {
		return v, nil
	}
	return o.base.Meta(key)
}

// Held implements [store.Reader].
func (o *overlay) Held(limit int) ([]store.Held, error) {
	all := slices.SortedFunc(maps.Values(o.held), func(a, b heldAt) int { return cmp.Compare(a.pos, b.pos) })
	out := make([]store.Held, min(limit, len(all)))
	for i := range out {
		out[i] = all[i].Held
	}
	return out, nil
}

// HeldOf implements [store.Reader].
func (o *overlay) HeldOf(noteID string) (store.Held, bool, error) {
	h, ok := o.held[noteID]
	return h.Held, ok, nil
}

// Counts implements [store.Reader].
func (o *overlay) Counts() (model.Counts, error) {
	c, err := o.base.Counts()
	for _, l := range o.leaves {
		count(&c, l.was, -1)
		count(&c, l.now, 1)
	}
	return c, err
}

func count(c *model.Counts, s standing, by int) {
	if !s.exists || s.note.Purged {
		return
	}
	if s.note.Deleted {
		c.Trash += by
	} else {
		c.Notes += by
	}
	switch s.note.Status {
	case model.Pending:
		c.Pending += by
	case model.Failed:
		c.Error += by
	case model.NeedsReview:
		c.NeedsReview += by
	}
}

// IDs implements [store.Reader].
func (o *overlay) IDs(f func(id string, rev int64, status model.Status, deleted bool) bool) error {
	type row struct {
		id      string
		rev     int64
		status  model.Status
		deleted bool
	}
	var rows []row
	err := o.base.IDs(func(id string, rev int64, status model.Status, deleted bool) bool {
		if o.leaves[id] == nil {
			rows = append(rows, row{id, rev, status, deleted})
		}
		return true
	})
	if err != nil {
		return err
	}
	for id, l := range o.leaves {
		if n := l.now.note; l.now.exists && (!n.Purged || n.Status != model.Synced) {
			rows = append(rows, row{id, n.Rev, n.Status, n.Deleted})
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.id, b.id) })
	for _, r := range rows {
		if !f(r.id, r.rev, r.status, r.deleted) {
			return nil
		}
	}
	return nil
}
