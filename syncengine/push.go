package syncengine

import (
	"context"
	"errors"
	"fmt"
	"slices"

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

// push sends what may be sent: each op at most once a round, and one op of each
// note, so that a pass ends whatever the answers lead to.
func (e *Engine) push(ctx context.Context, r *round) (pushed, error) {
	done := pushed{inStep: true}
	r.pass = map[string]bool{}
	for {
		ops, err := e.freeze(ctx, r)
		if err != nil || len(ops) == 0 {
			return done, err
		}
		res, err := e.pushBatch(ctx, ops)
		if err != nil {
			return done, err
		}
		if err := e.settleAll(ctx, r, ops, res.Outcomes); err != nil {
			return done, err
		}
		for _, out := range res.Outcomes {
			if out.Kind == remote.Applied {
				done.ops++
			}
		}
		stepped, err := e.step(ctx, res)
		if err != nil {
			return done, err
		}
		done.inStep = done.inStep && stepped
		r.progress(len(ops))
		if res.PullFirst {
			done.inStep = false
			return done, nil
		}
	}
}

// freeze picks the next ops and marks them as sent, before any byte leaves.
func (e *Engine) freeze(ctx context.Context, r *round) ([]remote.Op, error) {
	var picked []remote.Op
	err := e.store.Write(ctx, func(tx store.Tx) error {
		picked = nil
		limit := e.remote.Caps().MaxBatch
		ops, err := tx.Sendable(limit+len(r.tried)+len(r.pass), e.time(), r.force)
		if err != nil {
			return err
		}
		cursor, err := tx.Cursor()
		if err != nil {
			return err
		}
		var ids []string
		for _, op := range ops {
			if r.tried[op.ID] || r.pass[op.NoteID] || len(picked) == limit {
				continue
			}
			full, err := e.fill(tx, op)
			if err != nil {
				return err
			}
			picked = append(picked, full)
			ids = append(ids, op.ID)
		}
		if len(ids) == 0 {
			return nil
		}
		return tx.Freeze(ids, cursor)
	})
	if err != nil {
		return nil, fmt.Errorf("freeze ops: %w", err)
	}
	for i := range picked {
		picked[i].Attempt++
		r.tried[picked[i].ID], r.pass[picked[i].NoteID] = true, true
	}
	return picked, nil
}

// fill adds what a driver needs that cannot send patches.
func (e *Engine) fill(tx store.Tx, op model.Op) (remote.Op, error) {
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
	return out, nil
}

// pushBatch sends ops. An error leaves them frozen: they may have arrived.
func (e *Engine) pushBatch(ctx context.Context, ops []remote.Op) (remote.PushResult, error) {
	var res remote.PushResult
	err := e.try(ctx, func() (err error) {
		res, err = e.remote.Push(ctx, ops[0].SentAt, ops)
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

func (e *Engine) settleAll(ctx context.Context, r *round, ops []remote.Op, outs []remote.Outcome) error {
	return e.each(ctx, ops, func(tx store.Tx, i int) error {
		did, err := e.settle(tx, ops[i].Op, outs[i])
		r.count(did)
		return err
	})
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

// step moves the cursor over our own ops when nothing else lies between.
func (e *Engine) step(ctx context.Context, res remote.PushResult) (bool, error) {
	if res.Prev == "" || res.Next == "" {
		return false, nil
	}
	stepped := false
	err := e.store.Write(ctx, func(tx store.Tx) error {
		cursor, err := tx.Cursor()
		if err != nil || cursor != res.Prev {
			return err
		}
		stepped = true
		return tx.SetCursor(res.Next)
	})
	if err != nil {
		return false, fmt.Errorf("move cursor: %w", err)
	}
	return stepped, nil
}
