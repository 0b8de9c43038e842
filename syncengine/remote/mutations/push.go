package mutations

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/remote/link"
	"stet/syncengine/wire"
	"stet/syncengine/wire/mutlog"
)

// push is one Push under way.
type push struct {
	c     *Client
	ctx   context.Context
	ops   []remote.Op
	out   []remote.Outcome
	start position // as the device knows the account
	at    position // as the server answered last
	first bool     // a pull is needed before the rest is sent
	blind bool     // others may have written between our own
}

// Push sends ops: those that fit into one request by one, which the server
// takes whole or not at all. It must name the account's number: if that moved
// on, nothing is applied, and PullFirst is set. An error means that the fate of
// all ops is unknown, but for a RetryError that is not also ErrOffline (429) and
// a ResyncError: there nothing was applied. Where a later request fails, the ops
// of the earlier ones keep their outcomes and the error is told as Stopped.
func (c *Client) Push(ctx context.Context, cursor string, ops []remote.Op) (remote.PushResult, error) {
	if len(ops) == 0 {
		return remote.PushResult{}, nil
	}
	p := &push{ctx: ctx, ops: ops, out: make([]remote.Outcome, len(ops))}
	for i, op := range ops {
		p.out[i] = remote.Outcome{OpID: op.ID, Kind: remote.NotApplied, Problem: "other changes come first"}
	}
	err := p.begin(c, cursor)
	if err == nil {
		err = p.run()
	}
	if err != nil && !p.settled() {
		return remote.PushResult{}, fmt.Errorf("push: %w", err)
	}
	if err != nil {
		return remote.PushResult{Outcomes: p.out, Stopped: err}, nil
	}
	res := remote.PushResult{Outcomes: p.out, PullFirst: p.first}
	if cursor != "" && p.at.head != p.start.head && !p.first && !p.blind {
		p.at.epoch = p.c.epoch.Known()
		res.Prev, res.Next = cursor, p.at.String()
	}
	return res, nil
}

// begin finds out where the device stands. One that never pulled may only begin
// an account that has no history.
func (p *push) begin(c *Client, cursor string) (err error) {
	if cursor != "" {
		p.start, err = parse(cursor)
		p.c = c.during(p.start.epoch)
		p.at = p.start
		p.at.listing = 0
		return err
	}
	p.c = c.during("")
	s, guard, err := p.c.ask(p.ctx, question{meta: true})
	if err != nil {
		return err
	}
	p.first = *s.LastMutationAt != mutlog.NoHistory
	p.start = position{head: mutlog.NoHistory, guard: guard}
	p.at = p.start
	return nil
}

// settled reports whether the fate of any op is known already.
func (p *push) settled() bool {
	for _, out := range p.out {
		if out.Kind != remote.NotApplied && out.Kind != remote.Unknown {
			return true
		}
	}
	return false
}

// run finds what needs no request, what was applied before, and sends the rest.
func (p *push) run() error {
	var rest, again []int
	for i, op := range p.ops {
		switch {
		case p.alone(i):
		case op.Replay && !p.start.guard:
			again = append(again, i)
		default:
			rest = append(rest, i)
		}
	}
	if len(again) > 0 {
		left, err := p.recall(again)
		if err != nil {
			return p.stop(append(again, rest...), err)
		}
		rest = append(left, rest...)
	}
	if p.first || len(rest) == 0 {
		return nil
	}
	if p.c.direct {
		return p.one(rest)
	}
	return p.parts(rest)
}

// alone settles an op without a request, if it can be.
func (p *push) alone(i int) bool {
	op := p.ops[i]
	switch {
	case op.Kind == model.Purge && !p.start.guard:
		// The protocol cannot erase. What it knows of is a deletion, which was sent.
		p.nothing(i)
	case op.Newer != nil && !op.Replay:
		rec := *op.Newer
		p.out[i] = remote.Outcome{OpID: op.ID, Kind: remote.Conflict, Current: &rec, Problem: "the note was changed on another device"}
	default:
		return false
	}
	return true
}

// stop marks ops that were sent, or may have been, and returns the error if it
// must be told.
func (p *push) stop(some []int, err error) error {
	var retry *remote.RetryError
	var resync *remote.ResyncError
	certain := errors.As(err, &resync) || errors.As(err, &retry) && !errors.Is(err, remote.ErrOffline) ||
		errors.Is(err, remote.ErrAuth) || errors.Is(err, remote.ErrForbidden)
	for _, i := range some {
		p.out[i].Kind, p.out[i].Problem = remote.Unknown, "the connection was lost before the answer"
		if certain {
			p.out[i].Kind, p.out[i].Problem = remote.NotApplied, "the server did not take it yet"
		}
		if retry != nil {
			p.out[i].After = retry.After
		}
	}
	return err
}

// parts sends ops in requests of a fair size. The number that one answer brings
// is what the next must name.
func (p *push) parts(some []int) error {
	var batch []int
	var list []mutlog.Mutation
	size := 0
	flush := func() error {
		if len(batch) == 0 || p.first {
			return nil
		}
		err := p.post(batch, list)
		batch, list, size = nil, nil, 0
		return err
	}
	for k, i := range some {
		m, err := p.c.codec.mutation(p.ops[i], p.at.guard)
		if err != nil {
			p.out[i] = remote.Outcome{OpID: p.ops[i].ID, Kind: remote.Rejected, Problem: err.Error()}
			continue
		}
		if len(batch) == mutlog.MaxMutations || size > 0 && size+len(m.Data) > maxRequest {
			if err := flush(); err != nil {
				return p.left(some[k:], err)
			}
		}
		batch, list, size = append(batch, i), append(list, m), size+len(m.Data)
	}
	return flush()
}

// left tells of ops that were not sent any more.
func (p *push) left(some []int, err error) error {
	for _, i := range some {
		p.out[i].Problem = "an earlier one could not be sent"
	}
	return err
}

// post sends one request.
func (p *push) post(batch []int, list []mutlog.Mutation) error {
	body, err := mutlog.Marshal(struct {
		Mutations []mutlog.Mutation `json:"mutations"`
	}{list})
	if err != nil {
		return p.stop(batch, err)
	}
	a, err := p.c.send(p.ctx, call{method: http.MethodPost, path: mutlog.PathSync, query: p.expect(), body: body})
	if err != nil {
		return p.stop(batch, err)
	}
	if a.status == http.StatusOK || a.status == http.StatusCreated {
		return p.taken(a, batch, list)
	}
	r, err := refusal(a)
	if err != nil {
		return p.stop(batch, err)
	}
	return p.refused(r, batch, list)
}

// expect is the number that a request must name.
func (p *push) expect() url.Values {
	return url.Values{"lastMutationAt": {strconv.FormatInt(p.at.head, 10)}}
}

// refused maps a refusal of a whole request, of which nothing was applied. One
// that is for the sake of a single op is sent again without it.
func (p *push) refused(r refused, batch []int, list []mutlog.Mutation) error {
	switch r.status {
	case http.StatusConflict:
		return p.outOfSync(batch)
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
	default:
		return p.stop(batch, strange(r, nil))
	}
	if len(batch) == 1 {
		p.reject(batch[0], r)
		return nil
	}
	if k, ok := mutlog.Index(r.text); ok && k < len(batch) && r.status == http.StatusUnprocessableEntity {
		p.reject(batch[k], r)
		return p.post(without(batch, k), without(list, k))
	}
	half := len(batch) / 2
	if err := p.post(batch[:half], list[:half]); err != nil || p.first {
		return p.left(batch[half:], err)
	}
	return p.post(batch[half:], list[half:])
}

func without[T any](list []T, k int) []T {
	return append(append(make([]T, 0, len(list)-1), list[:k]...), list[k+1:]...)
}

func (p *push) reject(i int, r refused) {
	p.out[i] = remote.Outcome{OpID: p.ops[i].ID, Kind: remote.Rejected, Problem: r.sentence()}
}

// outOfSync takes a 409: somebody else wrote, and nothing of the request was
// applied. But it may be the second delivery of one that was: what the log has
// of it tells.
func (p *push) outOfSync(batch []int) error {
	p.first = true
	_, err := p.match(batch, p.at.head)
	if err != nil {
		return p.stop(batch, err)
	}
	return nil
}

// accept notes that an op is in what the server holds, as rec.
func (p *push) accept(i int, rec model.Record) {
	op := p.ops[i]
	rec = named(rec, op.NoteID)
	out := remote.Outcome{OpID: op.ID, Kind: remote.Applied, Rev: rec.Rev, ServerAt: time.UnixMilli(rec.Rev).UTC(), Seen: rec.Rev <= p.start.head}
	want := op.Op.After(&op.Base)
	if op.Kind == model.Append || rec.RemoteID != op.Base.RemoteID || rec.Purged != want.Purged || !model.Equal(rec.Fields, want.Fields) {
		out.Current = &rec
	}
	p.out[i] = out
}

// nothing notes that there was nothing to do for an op.
func (p *push) nothing(i int) {
	op := p.ops[i]
	p.out[i] = remote.Outcome{OpID: op.ID, Kind: remote.Applied, Rev: max(op.BaseRev, 1), ServerAt: op.Base.ServerAt, Seen: true}
}

// named gives a record the id that its note has here.
func named(rec model.Record, id string) model.Record {
	if rec.ID != id {
		rec.ID, rec.RemoteID = id, remoteOf(rec)
	}
	return rec
}

// remoteOf is the server's own name of a record.
func remoteOf(rec model.Record) string {
	if rec.RemoteID != "" {
		return rec.RemoteID
	}
	return rec.ID
}

// conflict notes that the server holds something else than the op was made
// against.
func (p *push) conflict(i int, rec model.Record) {
	rec = named(rec, p.ops[i].NoteID)
	p.out[i] = remote.Outcome{OpID: p.ops[i].ID, Kind: remote.Conflict, Current: &rec, Problem: "the note was changed on another device"}
}

// taken reads the answer to a request that was applied.
func (p *push) taken(a answer, batch []int, list []mutlog.Mutation) error {
	if !a.is(wire.TypeJSON) {
		return p.stop(batch, link.NotProtocol("content type is not JSON"))
	}
	s, err := mutlog.DecodeSync(a.body)
	if err == nil && (s.Mutations == nil || *s.LastMutationAt < p.at.head) {
		err = errors.New("answer lacks what was applied")
	}
	if err != nil {
		return p.stop(batch, link.NotProtocol("%v", err))
	}
	before := p.at.head
	p.at = position{head: *s.LastMutationAt, guard: a.guarded()}
	return p.answered(s.Mutations, batch, list, before)
}
