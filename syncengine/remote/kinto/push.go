package kinto

import (
	"context"
	"errors"
	"fmt"
	"time"

	"stet/model"
	"stet/syncengine/remote"
)

// Push sends ops: one by itself, more in batches as large as the server takes
// and its proxies let through. An error means that the fate of all ops is
// unknown, but for a RetryError that is not also ErrOffline (429), a
// ResyncError, ErrAuth and ErrForbidden: there nothing was applied. Where a
// later batch fails, the ops of the earlier ones keep their outcomes.
func (c *Client) Push(ctx context.Context, text string, ops []remote.Op) (remote.PushResult, error) {
	if len(ops) == 0 {
		return remote.PushResult{}, nil
	}
	res, err := c.push(ctx, text, ops)
	if err != nil {
		return remote.PushResult{}, fmt.Errorf("push: %w", err)
	}
	return res, nil
}

func (c *Client) push(ctx context.Context, text string, ops []remote.Op) (remote.PushResult, error) {
	p := pusher{outcomes: map[string]remote.Outcome{}, asked: map[string]bool{}}
	if text != "" {
		var err error
		if p.k, err = parseCursor(text); err != nil {
			return remote.PushResult{}, err
		}
	}
	p.c = c.during(p.k)
	var err error
	if p.me, err = p.c.known(ctx, p.k); err != nil {
		return remote.PushResult{}, err
	}
	if err = p.all(ctx, ops); err != nil && !p.wrote {
		return remote.PushResult{}, err
	}
	res := remote.PushResult{Stopped: err, After: p.after}
	for _, op := range ops {
		out, ok := p.outcomes[op.ID]
		if !ok {
			out = p.unsettled(op, err)
		}
		res.Outcomes = append(res.Outcomes, out)
	}
	return res, nil
}

// pusher makes one Push.
type pusher struct {
	c        *Client
	k        *cursor // nil if the device has none yet
	me       *identity
	outcomes map[string]remote.Outcome
	asked    map[string]bool // ops that left
	wrote    bool            // something may have been applied, and is known
	after    time.Duration
}

func (p *pusher) all(ctx context.Context, ops []remote.Op) error {
	var sendable []remote.Op
	for _, op := range ops {
		if !objectID.MatchString(op.NoteID) {
			p.settle(remote.Outcome{OpID: op.ID, Kind: remote.Rejected, Problem: "its id cannot be sent"})
			continue
		}
		sendable = append(sendable, op)
	}
	for len(sendable) > 0 {
		n := p.fit(sendable)
		if err := p.group(ctx, sendable[:n]); err != nil {
			return err
		}
		sendable = sendable[n:]
	}
	return nil
}

// fit is how many of the ops go into one request.
func (p *pusher) fit(ops []remote.Op) int {
	size := 0
	for i, op := range ops {
		if size += textSize(op.Want); i == p.me.batch || i > 0 && size > maxRequest {
			return i
		}
	}
	return len(ops)
}

// textSize is about what a note's texts add to a request, before escapes.
func textSize(f model.Fields) int {
	n := len(f.Title) + len(f.Body)
	for _, e := range f.Log {
		n += len(e.Text)
	}
	return n
}

// group sends ops in one request and settles them. One that is refused as a
// whole, or that the server has failed on time and again, is tried in halves.
func (p *pusher) group(ctx context.Context, ops []remote.Op) error {
	writes, err := p.prepare(ctx, ops)
	if err != nil {
		return err
	}
	answers, err := p.request(ctx, writes)
	var split *splitError
	switch {
	case errors.As(err, &split): // only a batch can be
		return p.halves(ctx, ops)
	case failing(err) && len(ops) > 1 && suspects(ops):
		return p.isolate(ctx, ops, err)
	case err != nil:
		return err
	}
	return p.read(ctx, writes, answers)
}

// splitError says that a request cannot be taken as it is.
type splitError struct{ why string }

func (e *splitError) Error() string { return e.why }

func (p *pusher) halves(ctx context.Context, ops []remote.Op) error {
	cut := len(ops) / 2
	if err := p.group(ctx, ops[:cut]); err != nil {
		return err
	}
	return p.group(ctx, ops[cut:])
}

// suspectAfter is the number of tries without an answer after which ops go in
// smaller parts.
const suspectAfter = 2

// suspects reports whether the server may fail because of one of the ops.
func suspects(ops []remote.Op) bool {
	for _, op := range ops {
		if op.Attempt <= suspectAfter {
			return false
		}
	}
	return true
}

// failing reports whether the server failed, and not because it is busy: then it
// names a time before which it must not be asked.
func failing(err error) bool {
	var wait *remote.RetryError
	return errors.Is(err, remote.ErrServer) && !errors.As(err, &wait)
}

// maxDead is how many parts in a row may fail before the server is taken to be
// down.
const maxDead = 4

// isolate sends ops in ever smaller parts, until what the server fails on stands
// alone and all else got through.
func (p *pusher) isolate(ctx context.Context, ops []remote.Op, cause error) error {
	queue := [][]remote.Op{ops[:len(ops)/2], ops[len(ops)/2:]}
	for dead := 0; len(queue) > 0; {
		part := queue[0]
		queue = queue[1:]
		writes, err := p.prepare(ctx, part)
		if err != nil {
			return err
		}
		answers, err := p.request(ctx, writes)
		switch {
		case err == nil:
			dead = 0
			if err := p.read(ctx, writes, answers); err != nil {
				return err
			}
			continue
		case !failing(err): // a smaller part is not refused for its size
			return err
		}
		if dead++; dead > maxDead {
			return cause
		}
		if len(part) > 1 {
			queue = append(queue, part[:len(part)/2], part[len(part)/2:])
			continue
		}
		p.settle(unknown(part[0], "the server fails on this note"))
	}
	return nil
}

func (p *pusher) settle(out remote.Outcome) {
	p.outcomes[out.OpID] = out
	p.wrote = p.wrote || out.Kind == remote.Applied || out.Kind == remote.Conflict || out.Kind == remote.Rejected || out.Kind == remote.Unknown
}

// unsettled is the outcome of an op without one, when a request failed with err.
func (p *pusher) unsettled(op remote.Op, err error) remote.Outcome {
	if !p.asked[op.ID] {
		return notApplied(op, "an earlier one could not be sent")
	}
	out := unknown(op, "the connection was lost before the answer")
	var retry *remote.RetryError
	var resync *remote.ResyncError
	switch {
	case errors.As(err, &retry):
		out.After, out.Problem = retry.After, "the server asks to wait"
		if !errors.Is(err, remote.ErrOffline) {
			out.Kind = remote.NotApplied
		}
	case errors.As(err, &resync):
		return notApplied(op, "everything must be compared first")
	case errors.Is(err, remote.ErrAuth), errors.Is(err, remote.ErrForbidden):
		return notApplied(op, "the server refused the credentials")
	}
	return out
}

func notApplied(op remote.Op, why string) remote.Outcome {
	return remote.Outcome{OpID: op.ID, Kind: remote.NotApplied, Problem: why}
}

func unknown(op remote.Op, why string) remote.Outcome {
	return remote.Outcome{OpID: op.ID, Kind: remote.Unknown, Problem: why}
}
