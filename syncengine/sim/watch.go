package sim

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"time"

	"stet/model"
	"stet/syncengine/store"
)

// stance is all that a store keeps about one note's sync.
type stance struct {
	exists   bool
	note     model.Note
	shadow   model.Record
	shadowed bool
	ops      []model.Op
	review   model.Review
	inReview bool
	held     *model.Record
}

func readStance(r store.Reader, id string) (s stance, err error) {
	if s.note, err = r.Note(id); err == nil {
		s.exists = true
	} else if !errors.Is(err, model.ErrNotFound) {
		return s, err
	}
	if s.shadow, s.shadowed, err = r.Shadow(id); err != nil {
		return s, err
	}
	if s.ops, err = r.Ops(id); err != nil {
		return s, err
	}
	if s.note.Status != model.Synced {
		if s.review, s.inReview, err = r.Review(id); err != nil {
			return s, err
		}
	}
	h, ok, err := r.HeldOf(id)
	if ok {
		s.held = &h.Record
	}
	return s, err
}

// known is the newest revision that the device has, or keeps aside.
func (s stance) known() int64 {
	rev := int64(0)
	if s.shadowed {
		rev = s.shadow.Rev
	}
	if s.held != nil {
		rev = max(rev, s.held.Rev)
	}
	return rev
}

// underWay reports whether an op of the note waits for its answer.
func (s stance) underWay() bool {
	return slices.ContainsFunc(s.ops, func(op model.Op) bool { return op.State == model.Sent })
}

// watched is a device's store under watch: it looks at what each transaction
// did, lets others act between two of them, and ends the process at their
// edges.
type watched struct {
	p      *process
	engine bool // whose transactions these are: the engine's, or the user's
}

// Write implements store.Store.
func (s watched) Write(ctx context.Context, f func(store.Tx) error) error {
	d := s.p.d
	if s.engine {
		d.w.others(d)
	}
	d.mayDie()
	err := s.p.store.Write(ctx, func(tx store.Tx) error {
		t := &watchedTx{Tx: tx, d: d, engine: s.engine, touched: map[string]bool{}}
		if err := f(t); err != nil {
			return err
		}
		d.mayDie()
		return t.look()
	})
	d.mayDie()
	return err
}

// Read implements store.Store.
func (s watched) Read(ctx context.Context, f func(store.Reader) error) error {
	return s.p.store.Read(ctx, f)
}

// Lease implements store.Store.
func (s watched) Lease(ctx context.Context) (store.Lease, error) { return s.p.store.Lease(ctx) }

// watchedTx notes which notes a transaction touches.
type watchedTx struct {
	store.Tx
	d       *device
	engine  bool
	touched map[string]bool
	order   []string
	cursor  *string
}

func (t *watchedTx) touch(id string) {
	if !t.touched[id] {
		t.touched[id] = true
		t.order = append(t.order, id)
	}
}

func (t *watchedTx) touchOp(opID string) {
	if id, ok := t.d.w.people.opNote[opID]; ok {
		t.touch(id)
	}
}

func (t *watchedTx) PutNote(n model.Note) (model.Note, error) { t.touch(n.ID); return t.Tx.PutNote(n) }
func (t *watchedTx) DropNote(id string, erase bool) error {
	t.touch(id)
	return t.Tx.DropNote(id, erase)
}
func (t *watchedTx) PutShadow(r model.Record) error { t.touch(r.ID); return t.Tx.PutShadow(r) }
func (t *watchedTx) PutReview(r model.Review) error { t.touch(r.NoteID); return t.Tx.PutReview(r) }
func (t *watchedTx) DropReview(id string) error     { t.touch(id); return t.Tx.DropReview(id) }
func (t *watchedTx) Hold(h store.Held) error        { t.touch(h.Record.ID); return t.Tx.Hold(h) }
func (t *watchedTx) DropHeld(id string) error       { t.touch(id); return t.Tx.DropHeld(id) }
func (t *watchedTx) DropOp(id string) error         { t.touchOp(id); return t.Tx.DropOp(id) }
func (t *watchedTx) Park(id, problem string) error  { t.touchOp(id); return t.Tx.Park(id, problem) }

func (t *watchedTx) SetStatus(id string, s model.Status) error {
	t.touch(id)
	return t.Tx.SetStatus(id, s)
}

func (t *watchedTx) SetOps(id string, ops []model.Op) error {
	t.touch(id)
	for _, op := range ops {
		t.d.w.people.opNote[op.ID] = id
	}
	return t.Tx.SetOps(id, ops)
}

func (t *watchedTx) Freeze(ids []string, cursor string) error {
	for _, id := range ids {
		t.touchOp(id)
	}
	return t.Tx.Freeze(ids, cursor)
}

func (t *watchedTx) Postpone(id, problem string, next time.Time, thaw bool) error {
	t.touchOp(id)
	t.d.checkBackoff(next)
	return t.Tx.Postpone(id, problem, next, thaw)
}

func (t *watchedTx) SettleClean(op model.Op, rev int64, at time.Time) (bool, error) {
	t.touch(op.NoteID)
	return t.Tx.SettleClean(op, rev, at)
}

func (t *watchedTx) SetCursor(c string) error {
	t.cursor = &c
	return t.Tx.SetCursor(c)
}

func (t *watchedTx) SetMeta(key, value string) error {
	if key == store.MetaResync {
		t.d.comparing = value != ""
	}
	return t.Tx.SetMeta(key, value)
}

// look checks what the transaction did to each note. It runs inside, so a
// violation commits nothing.
func (t *watchedTx) look() error {
	d := t.d
	for _, id := range t.order {
		after, err := readStance(t.Tx, id)
		if err != nil {
			return err
		}
		before := d.view[id]
		d.checkStance(id, after)
		if !d.leaving {
			if t.engine {
				d.checkEngine(id, before, after)
			} else {
				d.checkUser(id, before, after)
			}
		}
		d.checkAsked(id, before, after)
		d.question(id, before, after)
		d.view[id] = after
	}
	if t.cursor != nil {
		d.cursor = *t.cursor
		if t.engine {
			d.checkCursor()
		}
	}
	return nil
}

// question remembers what a review asks until it is answered. Going to another
// server answers nothing.
func (d *device) question(id string, before, after stance) {
	switch {
	case after.inReview && after.review.Remote.Rev > 0 && d.dialect == Stet: // what was known of it by another way is an answer here
		if d.unanswered == nil {
			d.unanswered = map[string]question{}
		}
		d.unanswered[id] = question{d.server, after.review.Remote.Rev}
	case before.inReview && !after.inReview && !d.leaving,
		!model.SameText(before.note.Fields, after.note.Fields): // what was asked about is no more
		delete(d.unanswered, id)
	}
}

// rescan reads the whole store anew.
func (d *device) rescan() { d.view, d.cursor = d.scan() }

func (d *device) scan() (view map[string]stance, cursor string) {
	view = map[string]stance{}
	p := d.main()
	d.w.must("read notes", p.store.Read(ctx, func(r store.Reader) (err error) {
		ids := slices.Collect(maps.Keys(d.view)) // purged rows are in no list
		err = r.IDs(func(id string, _ int64, _ model.Status, _ bool) bool {
			ids = append(ids, id)
			return true
		})
		if err != nil {
			return err
		}
		slices.Sort(ids)
		for _, id := range slices.Compact(ids) {
			s, err := readStance(r, id)
			if err != nil {
				return err
			}
			for _, op := range s.ops {
				d.w.people.opNote[op.ID] = id
			}
			view[id] = s
		}
		mark, err := r.Meta(store.MetaResync)
		d.comparing = mark != ""
		if err != nil {
			return err
		}
		cursor, err = r.Cursor()
		return err
	}))
	return view, cursor
}

// checkAfterStart holds a started program to what was committed before it
// ended.
func (d *device) checkAfterStart() {
	view, cursor := d.scan()
	for id, want := range d.view {
		if got := view[id]; !reflect.DeepEqual(got, want) {
			d.w.violate("I-10", "%s: after a kill note %s is %s %s\n%+v\nnot %s %s\n%+v", d.label, id, got.note.Status, tellOps(got.ops), got,
				want.note.Status, tellOps(want.ops), want)
		}
	}
	if cursor != d.cursor {
		d.w.violate("I-10", "%s: after a kill the cursor is %q, not %q", d.label, cursor, d.cursor)
	}
	d.checkCounts(view)
	for key, body := range d.drafts {
		if d.w.people.purged[key] {
			continue
		}
		if draft, ok, err := d.main().store.Draft(ctx, key); err != nil || !ok || draft.Text.Body != body {
			d.w.violate("I-2", "%s: the draft of %s is lost (%v)", d.label, key, err)
		}
	}
}

// checkCounts holds the numbers of a status line to the rows.
func (d *device) checkCounts(view map[string]stance) {
	var want model.Counts
	for _, s := range view {
		switch {
		case !s.exists:
			continue
		case s.note.Purged: // counts by its status alone
		case s.note.Deleted:
			want.Trash++
		default:
			want.Notes++
		}
		switch s.note.Status {
		case model.Pending:
			want.Pending++
		case model.NeedsReview:
			want.NeedsReview++
		case model.Failed:
			want.Error++
		}
	}
	got, err := d.main().store.Counts(ctx)
	d.w.must("count notes", err)
	got.Syncing = 0 // a part of those that are pending
	if got != want {
		d.w.violate("I-2", "%s: the counts are %+v, the rows are %+v", d.label, got, want)
	}
}
