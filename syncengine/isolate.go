package syncengine

import (
	"context"
	"errors"
	"fmt"

	"stet/model"
	"stet/syncengine/remote"
)

// suspectAfter is the number of tries without an answer after which an op goes
// by itself if need be.
const suspectAfter = 2

// suspect reports whether an op may be what makes the server fail.
func suspect(op model.Op) bool { return op.State == model.Sent && op.Attempt >= suspectAfter }

// poisoned reports whether the server failed on a request whose every op it had
// failed on before: then one of them may be the reason. A first failure is the
// server's own, and is not answered with more requests.
func poisoned(ops []remote.Op, err error) bool {
	var wait *remote.RetryError
	if err == nil || !errors.Is(err, remote.ErrServer) || errors.As(err, &wait) {
		return false
	}
	for _, op := range ops {
		if op.Attempt <= suspectAfter {
			return false
		}
	}
	return true
}

// Failures in a row after which a server is taken to be down: before anything
// got through, and after.
const (
	maxDead  = 4
	maxAlive = 32
)

// isolate halves a request that the server fails on, level by level, until what
// it fails on stands alone and all else got through: n ops were taken. The rest
// stays frozen for another try; whether the server lives at all is for the pull
// that follows to find out.
func (e *Engine) isolate(ctx context.Context, r *round, cursor string, ops []remote.Op, cause error) (n int, err error) {
	queue := halves(ops)
	for failures, limit := 0, maxDead; len(queue) > 0 && failures < limit; {
		part := queue[0]
		queue = queue[1:]
		res, err := e.remote.Push(ctx, cursor, part)
		if err == nil && len(res.Outcomes) != len(part) {
			err = fmt.Errorf("%w: %d answers for %d ops", remote.ErrNotProtocol, len(res.Outcomes), len(part))
		}
		switch {
		case err == nil:
		case poisoned(part, err):
			failures++
			queue = append(queue, halves(part)...)
			continue
		default:
			return n, fmt.Errorf("push: %w", err)
		}
		failures, limit = 0, maxAlive
		if _, err := e.settleAll(ctx, r, part, res); err != nil {
			return n, err
		}
		n += r.taken(part, res)
		if res.Stopped != nil {
			return n, fmt.Errorf("push: %w", res.Stopped)
		}
	}
	if ctx.Err() != nil {
		return n, errors.Join(ctx.Err(), cause)
	}
	return n, nil
}

func halves(ops []remote.Op) [][]remote.Op {
	if len(ops) < 2 {
		return nil
	}
	half := (len(ops) + 1) / 2
	return [][]remote.Op{ops[:half], ops[half:]}
}
