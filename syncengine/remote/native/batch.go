package native

import (
	"context"
	"net/http"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/remote/link"
	"stet/syncengine/wire"
)

// pushBatch sends several ops in one request. A batch that is too long, or that
// the server refuses as a whole (so that nothing of it was applied), is sent in
// two halves: in the end one op that cannot be taken stands alone and does not
// hold up the others.
func (c *Client) pushBatch(ctx context.Context, cursor string, ops []remote.Op) (remote.PushResult, error) {
	if len(ops) > maxBatch {
		return c.halves(ctx, cursor, ops)
	}
	batch := wire.Batch{Want: wire.WantChanged, Ops: make([]model.Op, len(ops))}
	size := 0
	for i, op := range ops {
		batch.Ops[i] = written(op.Op)
		size += textSize(op.Patch)
	}
	if size > maxRequest {
		return c.halves(ctx, cursor, ops)
	}
	body, err := wire.EncodeBatch(batch)
	if err != nil {
		return remote.PushResult{}, err
	}
	if len(body) > maxRequest { // escapes made it longer
		return c.halves(ctx, cursor, ops)
	}
	header := pushHeader(cursor)
	header[wire.HeaderKey] = []string{} // not sent; tells net/http that a connection found closed may be replaced
	a, err := c.send(ctx, call{method: http.MethodPost, path: wire.PathBatch, header: header, body: body})
	if err != nil {
		return remote.PushResult{}, err
	}
	if a.status == http.StatusOK {
		return appliedBatch(a, ops)
	}
	p, err := refusal(a)
	switch {
	case err != nil:
		return remote.PushResult{}, err
	case c.refusedCoding(p):
		var out remote.PushResult
		for _, op := range ops {
			out.Outcomes = append(out.Outcomes, notApplied(op, "the server wants it uncoded"))
		}
		return out, nil
	case p.Status == http.StatusBadRequest, p.Status == http.StatusRequestEntityTooLarge, p.Status == http.StatusUnprocessableEntity:
		return c.halves(ctx, cursor, ops)
	}
	return remote.PushResult{}, strange(p, nil)
}

// halves sends ops in two parts. What ends the first ends both: a server that
// asks to wait is not asked again at once.
func (c *Client) halves(ctx context.Context, cursor string, ops []remote.Op) (remote.PushResult, error) {
	cut := len(ops) / 2
	first, err := c.push(ctx, cursor, ops[:cut])
	if err != nil {
		return remote.PushResult{}, err
	}
	second := remote.PushResult{Stopped: first.Stopped}
	if first.Stopped != nil {
		second.Outcomes = left(ops[cut:])
	} else if second, err = c.push(ctx, cursor, ops[cut:]); err != nil {
		second = remote.PushResult{Outcomes: rest(ops[cut:], err), Stopped: err}
	}
	out := remote.PushResult{Outcomes: append(first.Outcomes, second.Outcomes...), Stopped: second.Stopped}
	out.Prev, out.Next = join(first, second)
	return out, nil
}

// left are the outcomes of ops that were not sent.
func left(ops []remote.Op) []remote.Outcome {
	out := make([]remote.Outcome, len(ops))
	for i, op := range ops {
		out[i] = notApplied(op, "an earlier one could not be sent")
	}
	return out
}

// join returns the cursors around both results if nothing came between them.
func join(a, b remote.PushResult) (prev, next string) {
	switch {
	case a.Next != "" && a.Next == b.Prev:
		return a.Prev, b.Next
	case a.Next != "" && !moved(b):
		return a.Prev, a.Next
	case b.Next != "" && !moved(a):
		return b.Prev, b.Next
	}
	return "", ""
}

// moved reports whether any op of the result may have moved the account's
// cursor.
func moved(res remote.PushResult) bool {
	for _, out := range res.Outcomes {
		if out.Kind == remote.Applied || out.Kind == remote.Unknown {
			return true
		}
	}
	return false
}

// textSize is about what an op's texts add to a request, before escapes.
func textSize(p model.Patch) int {
	n := 0
	if p.Body != nil {
		n = len(*p.Body)
	}
	for _, e := range p.LogAppend {
		n += len(e.Text)
	}
	return n
}

func appliedBatch(a answer, ops []remote.Op) (remote.PushResult, error) {
	if !a.is(wire.TypeJSON) {
		return remote.PushResult{}, link.NotProtocol("content type is not JSON")
	}
	in, err := wire.DecodeBatchAnswer(a.body)
	if err != nil {
		return remote.PushResult{}, link.NotProtocol("%v", err)
	}
	if in.Results == nil {
		return remote.PushResult{}, link.NotProtocol("batch answer lacks results")
	}
	byOp := make(map[string]*wire.Result, len(in.Results))
	for i := range in.Results {
		r := &in.Results[i]
		if _, twice := byOp[r.OpID]; twice {
			byOp[r.OpID] = nil // two answers are none
			continue
		}
		byOp[r.OpID] = r
	}
	res := remote.PushResult{Outcomes: make([]remote.Outcome, len(ops))}
	sure := true
	for i, op := range ops {
		res.Outcomes[i] = outcome(op, byOp[op.ID], a)
		sure = sure && res.Outcomes[i].Kind != remote.Unknown
	}
	if sure { // else the steps may lead over a change that nobody here has seen
		res.Prev, res.Next = steps(in.PrevCursor, in.Cursor)
	}
	return res, nil
}

// outcome reads one result of a batch; what cannot be understood is unknown.
func outcome(op remote.Op, r *wire.Result, a answer) remote.Outcome {
	if r == nil {
		return unknown(op, "the server did not answer for it")
	}
	if r.Status == http.StatusOK || r.Status == http.StatusCreated {
		out := accepted(op, r, a)
		out.Superseded = r.Superseded
		return out
	}
	if r.Problem == nil {
		r.Problem = wire.NewProblem(r.Status, "", "")
	}
	out, ok := refused(op, r.Problem)
	if !ok {
		return unknown(op, "the server's answer has no meaning")
	}
	return out
}

func accepted(op remote.Op, r *wire.Result, a answer) remote.Outcome {
	at, err := model.ParseTime(r.UpdatedAtServer)
	if err != nil || r.Rev <= 0 || r.Rev > maxRev {
		return unknown(op, "the server's answer cannot be read")
	}
	if at.IsZero() {
		at = a.date()
	}
	if r.Note == nil {
		if op.Kind == model.Append {
			return unknown(op, "the server's answer lacks the note")
		}
		return applied(op, r.Rev, at, nil)
	}
	if checkRecord(r.Note) != nil || r.Note.ID != op.NoteID || r.Note.Rev != r.Rev {
		return unknown(op, "the server's answer is about another note")
	}
	return applied(op, r.Rev, at, r.Note)
}
