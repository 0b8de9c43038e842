package syncengine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/store"
)

// settleRows bounds a settling or applying transaction, so that another
// process that saves never waits long.
const settleRows = 200

// pushed tells what a push did.
type pushed struct {
	ops    int
	inStep bool // everything the server now has is known here: no pull needed
}

// push sends what may be sent: each op at most once a round, and in one pass no
// second op of a note whose first was not taken, so that a pass ends whatever
// the answers lead to.
func (e *Engine) push(ctx context.Context, r *round) (pushed, error) {
	done := pushed{inStep: true}
	r.pass = map[string]bool{}
	waiting, err := e.sizeUp(ctx, r)
	for ; err == nil && waiting; waiting, err = e.more(ctx, r) { // most rounds have nothing to send, and write nothing here
		ops, cursor, err := e.freeze(ctx, r)
		if err != nil || len(ops) == 0 {
			return done, err
		}
		res, err := e.pushBatch(ctx, cursor, ops)
		r.after = max(r.after, res.After)
		if poisoned(ops, err) {
			done.inStep = false
			n, err := e.isolate(ctx, r, cursor, ops, err)
			if done.ops += n; err != nil {
				return done, err
			}
			continue
		}
		if lost := (*remote.ResyncError)(nil); errors.As(err, &lost) {
			err = errors.Join(err, e.unsend(ctx, r, ops))
		}
		if err != nil {
			return done, err
		}
		stepped, err := e.settleAll(ctx, r, ops, res)
		if err != nil {
			return done, err
		}
		done.ops += r.taken(ops, res)
		done.inStep = done.inStep && stepped
		if res.Stopped != nil {
			done.inStep = false
			return done, fmt.Errorf("push: %w", res.Stopped)
		}
		if res.PullFirst {
			done.inStep = false
			return done, nil
		}
	}
	return done, err
}

// taken notes which ops of a push the server took, and returns how many.
func (r *round) taken(ops []remote.Op, res remote.PushResult) (n int) {
	for i, out := range res.Outcomes {
		if out.Kind == remote.Applied {
			n++
			delete(r.tried, ops[i].ID)
			delete(r.pass, ops[i].NoteID)
		}
	}
	r.gauge.step(len(ops))
	return n
}

// mayTry reports whether this pass of a round may send op.
func (r *round) mayTry(op model.Op) bool { return !r.tried[op.ID] && !r.pass[op.NoteID] }

// candidates returns ops that may be sent now, enough for limit of them to be
// ones that this pass has not tried. What failed twice goes after all others
// and never with them, so that it cannot take them along.
func (e *Engine) candidates(tx store.Reader, r *round, limit int) ([]model.Op, error) {
	all, err := tx.Sendable(limit+max(len(r.tried), len(r.pass)), e.time(), r.force)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	out := all[:0]
	for _, op := range all {
		if r.mayTry(op) && len(out) < limit {
			out = append(out, op)
		}
	}
	if fresh := slices.DeleteFunc(slices.Clone(out), suspect); len(fresh) > 0 {
		return fresh, nil
	}
	return out, nil
}

// sendable reports whether there is an op that this pass has not tried.
func (e *Engine) sendable(tx store.Reader, r *round) (bool, error) {
	ops, err := e.candidates(tx, r, 1)
	return len(ops) > 0, err
}

// more is sendable on a snapshot of its own.
func (e *Engine) more(ctx context.Context, r *round) (found bool, err error) {
	err = e.store.Read(ctx, func(tx store.Reader) error {
		found, err = e.sendable(tx, r)
		return err
	})
	return found, err
}

// freeze picks the next ops and marks them as sent, before any byte leaves. It
// returns the device's cursor too, which the server checks before it applies
// anything.
func (e *Engine) freeze(ctx context.Context, r *round) (picked []remote.Op, cursor string, err error) {
	err = e.store.Write(ctx, func(tx store.Tx) error {
		picked = nil
		ops, err := e.candidates(tx, r, e.remote.Caps().MaxBatch)
		if err != nil || len(ops) == 0 {
			return err
		}
		if cursor, err = tx.Cursor(); err != nil {
			return err
		}
		ids := make([]string, len(ops))
		for i, op := range ops {
			full, err := e.fill(tx, op)
			if err != nil {
				return err
			}
			picked, ids[i] = append(picked, full), op.ID
		}
		if err := tx.Freeze(ids, cursor); err != nil {
			return err
		}
		return e.lastTry(tx, ops)
	})
	if err != nil {
		return nil, "", fmt.Errorf("freeze ops: %w", err)
	}
	for i := range picked {
		op := &picked[i]
		if op.State != model.Sent {
			op.SentAt = cursor
		}
		op.Attempt++
		r.tried[op.ID], r.pass[op.NoteID] = true, true
	}
	return picked, cursor, nil
}

// lastTry shows the error of notes whose op has now failed so often that this
// try is one too many.
func (e *Engine) lastTry(tx store.Tx, ops []model.Op) error {
	for _, op := range ops {
		if op.Problem == "" || op.Attempt+1 < model.GiveUpAfter {
			continue
		}
		if err := e.restatus(tx, op.NoteID, model.MoveSend); err != nil {
			return err
		}
	}
	return nil
}

// fill adds what a driver needs that cannot send patches.
func (e *Engine) fill(tx store.Reader, op model.Op) (remote.Op, error) {
	out := remote.Op{Op: op, Replay: op.State == model.Sent && op.Attempt > 0}
	if e.remote.Caps().Patch {
		return out, nil
	}
	shadow, ok, err := tx.Shadow(op.NoteID)
	if err != nil {
		return out, err
	}
	if ok {
		out.Base = shadow
	}
	out.Want = op.After(&out.Base).Fields
	h, held, err := tx.HeldOf(op.NoteID)
	if held && h.Record.Rev > out.Base.Rev {
		out.Newer = &h.Record
	}
	return out, err
}

// pushBatch sends ops. An error leaves them frozen: they may have arrived.
func (e *Engine) pushBatch(ctx context.Context, cursor string, ops []remote.Op) (remote.PushResult, error) {
	var res remote.PushResult
	err := e.try(ctx, func() (err error) {
		if res, err = e.remote.Push(ctx, cursor, ops); err != nil && !untouched(err) {
			for i := range ops { // whatever a later try is told, this one may have arrived
				ops[i].State, ops[i].Replay = model.Sent, true
			}
		}
		return err
	})
	if err == nil && len(res.Outcomes) != len(ops) {
		err = fmt.Errorf("%w: %d answers for %d ops", remote.ErrNotProtocol, len(res.Outcomes), len(ops))
	}
	if err != nil {
		return res, errors.Join(fmt.Errorf("push: %w", err), e.pushFailed(ctx, ops, err))
	}
	return res, nil
}

// untouched reports whether an error says that nothing was applied.
func untouched(err error) bool {
	var wait *remote.RetryError
	var lost *remote.ResyncError
	return errors.As(err, &lost) || errors.As(err, &wait) && !errors.Is(err, remote.ErrOffline) ||
		errors.Is(err, remote.ErrAuth) || errors.Is(err, remote.ErrForbidden)
}

// unsend takes back that ops were sent, since the server refused our cursor
// before it looked at them: they are compared like all others, and this round
// may send them yet. Those that were out before stay frozen.
func (e *Engine) unsend(ctx context.Context, r *round, ops []remote.Op) error {
	return e.each(ctx, ops, func(tx store.Tx, i int) error { return e.takeBack(tx, r, ops[i].Op) })
}

// takeBack is unsend for one op. An error that its note showed is gone with it.
func (e *Engine) takeBack(tx store.Tx, r *round, op model.Op) error {
	delete(r.tried, op.ID)
	if op.State == model.Sent {
		return nil
	}
	if err := tx.Postpone(op.ID, "", time.Time{}, true); err != nil {
		return fmt.Errorf("take op back: %w", err)
	}
	return e.restatus(tx, op.NoteID, model.MoveRetry)
}

// mayAgain reports whether an op that a server did not look at, since it wants
// us to pull first, is sent again in this round. In its last pass it is not: two
// busy devices would never end.
func (r *round) mayAgain(out remote.Outcome) bool {
	return out.Kind == remote.NotApplied && out.After == 0 && !r.last
}

// pushFailed notes on each op that the server answered with a failure. A server
// that cannot be reached is no fault of the note: its badge stays Pending.
func (e *Engine) pushFailed(ctx context.Context, ops []remote.Op, cause error) error {
	var wait *remote.RetryError
	thaw := errors.As(cause, &wait) && !errors.Is(cause, remote.ErrOffline)
	if !thaw && !errors.Is(cause, remote.ErrServer) {
		return nil
	}
	return e.each(ctx, ops, func(tx store.Tx, i int) error {
		return e.postpone(tx, ops[i].Op, remote.Outcome{OpID: ops[i].ID, Problem: problemOf(cause)}, thaw)
	})
}

func problemOf(err error) string {
	if errors.Is(err, remote.ErrServer) {
		return "the server had an error"
	}
	return "the server asked to wait"
}

// settleAll writes down the outcomes of a push and, with the last of them,
// moves the cursor over our own ops when nothing else lies between.
func (e *Engine) settleAll(ctx context.Context, r *round, ops []remote.Op, res remote.PushResult) (stepped bool, err error) {
	latest, err := e.latest(ctx, res.Outcomes, ops)
	if err != nil {
		return false, err
	}
	err = e.each(ctx, ops, func(tx store.Tx, i int) error {
		if res.PullFirst && r.mayAgain(res.Outcomes[i]) {
			return e.takeBack(tx, r, ops[i].Op)
		}
		did, err := e.settle(tx, ops[i].Op, res.Outcomes[i])
		r.count(did)
		if rec := latest[i]; err == nil && rec.Rev > res.Outcomes[i].Rev {
			_, err = e.absorb(tx, rec, pullMode{})
		}
		if err == nil && i == len(ops)-1 {
			if stepped, err = step(tx, res); err == nil && !stepped {
				err = expectLanded(tx, ops, res)
			}
		}
		return err
	})
	return stepped && err == nil, err
}

// latest fetches the notes of ops that the server had before and that changed
// since, before anything is written down: a copied home, or one that listed
// everything anew, may stand behind those changes.
func (e *Engine) latest(ctx context.Context, outcomes []remote.Outcome, ops []remote.Op) (map[int]model.Record, error) {
	var out map[int]model.Record
	for i, o := range outcomes {
		if o.Kind != remote.Applied || !o.Superseded {
			continue
		}
		err := e.try(ctx, func() error {
			rec, err := e.remote.Get(ctx, ops[i].NoteID, ops[i].Base.RemoteID)
			if out == nil {
				out = map[int]model.Record{}
			}
			out[i] = rec
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("fetch note: %w", err)
		}
	}
	return out, nil
}

func step(tx store.Tx, res remote.PushResult) (bool, error) {
	if res.Prev == "" || res.Next == "" {
		return false, nil
	}
	cursor, err := tx.Cursor()
	if err != nil || cursor != res.Prev {
		return false, err
	}
	return true, tx.SetCursor(res.Next)
}

// each runs f for all ops in short transactions.
func (e *Engine) each(ctx context.Context, ops []remote.Op, f func(tx store.Tx, i int) error) error {
	i := 0
	for chunk := range slices.Chunk(ops, settleRows) {
		err := e.store.Write(ctx, func(tx store.Tx) error {
			for k := range chunk {
				if err := f(tx, i+k); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("settle ops: %w", err)
		}
		i += len(chunk)
	}
	return nil
}
