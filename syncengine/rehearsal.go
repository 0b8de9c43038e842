package syncengine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/store"
)

// rehearsal is a server of which nothing is changed: it is read for real, and
// judges what is sent to it as the real one would, in memory.
type rehearsal struct {
	remote.Remote
	base   store.Reader
	start  string // the device's cursor
	try    func(func() error) error
	fit    func(*remote.Page) error // to this device
	now    func() time.Time
	read   bool                    // changes since start were read
	lost   *remote.ResyncError     // why start is no good
	fresh  []model.Record          // what is new there since start
	listed []model.Record          // all it holds
	full   bool                    // listed was read
	named  map[string]int64        // what it lists by id and rev; nil if it was not asked
	world  map[string]model.Record // how each note stands; Rev 0: there is none
	wrote  []model.Record          // what was sent here, in order
	took   []model.Op              // the ops of wrote and those that changed nothing
	looks  int
	rev    int64
}

// maxLooks bounds how many notes a plan asks the server for by name.
const maxLooks = 200

const planCursor = "plan."

// head is the cursor of this moment.
func (r *rehearsal) head() string {
	if len(r.wrote) == 0 && r.read && r.lost == nil && len(r.fresh) == 0 && !r.full {
		return r.start
	}
	return fmt.Sprintf("%s%d", planCursor, len(r.wrote))
}

// Pull implements [remote.Remote].
func (r *rehearsal) Pull(ctx context.Context, cursor string, _ int) (remote.Page, error) {
	if cursor == "" {
		return r.list(ctx)
	}
	var from int
	var known []model.Record
	if _, err := fmt.Sscanf(cursor, planCursor+"%d", &from); err != nil {
		if err := r.catchUp(ctx); err != nil {
			return remote.Page{}, err
		}
		known = r.fresh
	}
	page := remote.Page{Changes: newest(known, r.wrote[from:]), Next: r.head()}
	page.Unchanged = len(page.Changes) == 0
	return page, nil
}

// newest joins records of one history, of each note the last.
func newest(parts ...[]model.Record) []model.Record {
	last := map[string]int64{}
	for _, part := range parts {
		for _, rec := range part {
			last[rec.ID] = rec.Rev
		}
	}
	var out []model.Record
	for _, part := range parts {
		for _, rec := range part {
			if last[rec.ID] == rec.Rev {
				out = append(out, rec)
			}
		}
	}
	return out
}

// list is a complete listing: tombstones are not in it.
func (r *rehearsal) list(ctx context.Context) (remote.Page, error) {
	if !r.full {
		var err error
		if r.listed, err = r.all(ctx, ""); err != nil {
			return remote.Page{}, err
		}
		r.full = true
		r.learn(r.listed)
	}
	page := remote.Page{Next: r.head(), Full: true}
	for _, rec := range newest(r.listed, r.wrote) {
		if !rec.Fields.Deleted {
			page.Changes = append(page.Changes, rec)
		}
	}
	return page, nil
}

// catchUp reads what is new since the device's cursor, once.
func (r *rehearsal) catchUp(ctx context.Context) error {
	if !r.read {
		fresh, err := r.all(ctx, r.start)
		if err != nil && !errors.As(err, &r.lost) {
			return err
		}
		r.read = true
		if r.lost == nil {
			r.fresh = fresh
			r.learn(fresh)
		}
	}
	if r.lost != nil {
		return fmt.Errorf("plan: %w", r.lost)
	}
	return nil
}

// all reads the server from a cursor to its end.
func (r *rehearsal) all(ctx context.Context, cursor string) (out []model.Record, err error) {
	for {
		var page remote.Page
		err := r.try(func() (err error) {
			page, err = r.Remote.Pull(ctx, cursor, pullPage)
			return err
		})
		if err == nil {
			err = r.fit(&page)
		}
		if err != nil || page.Unchanged {
			return out, err
		}
		if out = append(out, page.Changes...); !page.More {
			return out, nil
		}
		if page.Next == cursor {
			return nil, fmt.Errorf("pull: %w: the cursor does not move", remote.ErrNotProtocol)
		}
		cursor = page.Next
	}
}

func (r *rehearsal) learn(recs []model.Record) {
	for _, rec := range recs {
		r.world[rec.ID] = rec
		r.rev = max(r.rev, rec.Rev)
	}
}

// Get implements [remote.Remote].
func (r *rehearsal) Get(ctx context.Context, id, _ string) (model.Record, error) {
	return r.stands(ctx, id)
}

// stands tells what the server holds of a note. What is not among the changes
// is as this device knew it, unless the server forgot: then it is asked.
func (r *rehearsal) stands(ctx context.Context, id string) (model.Record, error) {
	if rec, ok := r.world[id]; ok {
		return rec, nil
	}
	rec, sure, err := r.remembered(id)
	if err != nil {
		return rec, err
	}
	if (r.full || !sure || r.differs(rec)) && r.looks < maxLooks {
		r.looks++
		if err := r.try(func() (err error) {
			rec, err = r.Remote.Get(ctx, id, rec.RemoteID)
			return err
		}); err != nil {
			return rec, err
		}
	} else if r.full {
		rec = model.Record{ID: id}
	}
	r.learn([]model.Record{rec})
	return rec, nil
}

// List implements [remote.Lister], where the server does.
func (r *rehearsal) List(ctx context.Context) (map[string]int64, error) {
	far, ok := r.Remote.(remote.Lister)
	if !ok {
		return nil, remote.ErrUnsupported
	}
	var err error
	if r.named, err = far.List(ctx); err != nil {
		return nil, err
	}
	out := maps.Clone(r.named)
	for _, rec := range r.wrote {
		if out[rec.ID] = rec.Rev; rec.Fields.Deleted {
			delete(out, rec.ID)
		}
	}
	return out, nil
}

// differs reports whether the server lists a note otherwise than it is
// remembered.
func (r *rehearsal) differs(rec model.Record) bool {
	at, there := r.named[rec.ID]
	return r.named != nil && at != rec.Rev && (there || !rec.Fields.Deleted)
}

// remembered is the newest that this device was told of a note. It is not sure
// where the device made a tombstone up, of a note that a listing lacked.
func (r *rehearsal) remembered(id string) (model.Record, bool, error) {
	rec, ok, err := r.base.Shadow(id)
	if err != nil {
		return rec, false, fmt.Errorf("read shadow: %w", err)
	}
	if !ok {
		rec = model.Record{}
	}
	rec.ID = id
	held, ok, err := r.base.HeldOf(id)
	if err != nil {
		return rec, false, fmt.Errorf("read held change: %w", err)
	}
	if ok && held.Record.Rev > rec.Rev {
		rec = held.Record
	}
	madeUp := rec.Fields.Deleted && rec.OpID == "" && rec.Device == ""
	return rec, !madeUp, nil
}

// Push implements [remote.Remote].
func (r *rehearsal) Push(ctx context.Context, cursor string, ops []remote.Op) (remote.PushResult, error) {
	if cursor == r.start && cursor != "" {
		if err := r.catchUp(ctx); err != nil {
			return remote.PushResult{}, err
		}
	}
	res := remote.PushResult{Prev: r.head()}
	for _, op := range ops {
		cur, err := r.stands(ctx, op.NoteID)
		if err != nil {
			return res, err
		}
		out := r.answer(op, cur)
		out.OpID = op.ID
		if out.Kind == remote.Applied {
			r.took = append(r.took, op.Op)
		}
		res.Outcomes = append(res.Outcomes, out)
	}
	res.Next = r.head()
	return res, nil
}

// answer judges one op as the server does.
func (r *rehearsal) answer(op remote.Op, cur model.Record) remote.Outcome {
	if op.Replay {
		if rev, ok := arrived(op.Op, cur); ok {
			out := remote.Outcome{Kind: remote.Applied, Rev: rev, ServerAt: cur.ServerAt}
			if op.Kind == model.Append {
				out.Current = &cur
			}
			return out
		}
	}
	after, verdict := judge(op.Op, cur)
	switch verdict {
	case refused:
		return remote.Outcome{Kind: remote.Conflict, Current: &cur}
	case nothing:
		return remote.Outcome{Kind: remote.Applied, Rev: cur.Rev, ServerAt: cur.ServerAt, Current: &cur}
	}
	r.rev = max(r.rev+1, r.now().UnixMilli())
	after.Rev, after.ServerAt = r.rev, time.UnixMilli(r.rev)
	r.world[after.ID] = after
	r.wrote = append(r.wrote, after)
	out := remote.Outcome{Kind: remote.Applied, Rev: after.Rev, ServerAt: after.ServerAt}
	if op.Kind == model.Append {
		out.Current = &after
	}
	return out
}
