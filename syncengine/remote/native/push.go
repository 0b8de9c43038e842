package native

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/remote/link"
	"stet/syncengine/wire"
)

// maxBatch is the number of ops in one request.
const maxBatch = 500

// Push sends ops: one by itself, more as a batch, several batches if the text
// is long. An error means that the fate of all ops is unknown, but for a
// RetryError that is not also ErrOffline (429) and a ResyncError: there nothing
// was applied. Where a later batch fails, the ops of the earlier ones keep
// their outcomes and the error is told as the outcome of the rest.
func (c *Client) Push(ctx context.Context, cursor string, ops []remote.Op) (remote.PushResult, error) {
	if len(ops) == 0 {
		return remote.PushResult{}, nil
	}
	if cursor != "" && !validCursor(cursor) {
		return remote.PushResult{}, fmt.Errorf("push: %w", &remote.ResyncError{Reason: remote.CursorUnknown})
	}
	res, err := c.push(ctx, cursor, ops)
	if err != nil {
		return remote.PushResult{}, fmt.Errorf("push: %w", err)
	}
	return res, nil
}

func (c *Client) push(ctx context.Context, cursor string, ops []remote.Op) (remote.PushResult, error) {
	if len(ops) == 1 {
		return c.pushOne(ctx, cursor, ops[0])
	}
	return c.pushBatch(ctx, cursor, ops)
}

// pushOne sends one op to the endpoint that answers with the note.
func (c *Client) pushOne(ctx context.Context, cursor string, op remote.Op) (remote.PushResult, error) {
	if !wire.ValidKey(op.ID) || !wire.ValidNoteID(op.NoteID) {
		return results(remote.Outcome{OpID: op.ID, Kind: remote.Rejected, Problem: "its id cannot be sent"}), nil
	}
	body, err := wire.EncodeOp(written(op.Op))
	if err != nil {
		return remote.PushResult{}, err
	}
	header := pushHeader(cursor)
	header.Set(wire.HeaderKey, op.ID)
	if op.Kind != model.Append {
		header.Set(wire.HeaderPrefer, wire.PreferMinimal)
	}
	a, err := c.send(ctx, call{method: http.MethodPost, path: wire.PathOps, header: header, body: body})
	if err != nil {
		return remote.PushResult{}, err
	}
	if a.status == http.StatusOK || a.status == http.StatusCreated {
		return appliedOne(a, op)
	}
	p, err := refusal(a)
	if err != nil {
		return remote.PushResult{}, err
	}
	if c.refusedCoding(p) {
		return results(notApplied(op, "the server wants it uncoded")), nil
	}
	out, ok := refused(op, p)
	if !ok {
		return remote.PushResult{}, strange(p, nil)
	}
	if out.Kind == remote.Unknown {
		out.After = link.RetryAfter(a.header)
	}
	return results(out), nil
}

// written is an op as the protocol has it: a create has no base. One that does
// not overrule a purge says so; a note that another server forgot is sent again
// as a create, and must not undo a purge that this device has not heard of.
func written(op model.Op) model.Op {
	if op.Kind == model.Create {
		op.UnlessPurged, op.BaseRev = op.BaseRev == 0, 0
	}
	return op
}

func pushHeader(cursor string) http.Header {
	h := http.Header{}
	if cursor != "" {
		h.Set(wire.HeaderCursor, cursor)
	}
	return h
}

// refusedCoding notes that the server takes no coded bodies, if that is the
// problem: from then on they are sent plain.
func (c *Client) refusedCoding(p *wire.Problem) bool {
	return p.Status == http.StatusUnsupportedMediaType && c.plain.CompareAndSwap(false, true)
}

func results(outcomes ...remote.Outcome) remote.PushResult {
	return remote.PushResult{Outcomes: outcomes}
}

func notApplied(op remote.Op, why string) remote.Outcome {
	return remote.Outcome{OpID: op.ID, Kind: remote.NotApplied, Problem: why}
}

func unknown(op remote.Op, why string) remote.Outcome {
	return remote.Outcome{OpID: op.ID, Kind: remote.Unknown, Problem: why}
}

func appliedOne(a answer, op remote.Op) (remote.PushResult, error) {
	rec, err := readNote(a, op.NoteID)
	if err != nil {
		return remote.PushResult{}, err
	}
	told := &rec
	if a.header.Get(wire.HeaderPreferApplied) == wire.PreferMinimal {
		told = nil
	}
	res := results(applied(op, rec.Rev, rec.ServerAt, told))
	res.Outcomes[0].Superseded = a.header.Get(wire.HeaderSuperseded) == "true"
	if res.Outcomes[0].ServerAt.IsZero() {
		res.Outcomes[0].ServerAt = a.date()
	}
	res.Prev, res.Next = steps(a.header.Get(wire.HeaderPrevCursor), a.header.Get(wire.HeaderCursor))
	return res, nil
}

// applied tells an acceptance. The note is told on only where it is news.
func applied(op remote.Op, rev int64, at time.Time, rec *model.Record) remote.Outcome {
	out := remote.Outcome{OpID: op.ID, Kind: remote.Applied, Rev: rev, ServerAt: at}
	if rec != nil && (op.Kind == model.Append || news(op, *rec)) {
		out.Current = rec
	}
	return out
}

// news reports whether the server holds anything else than base plus patch.
func news(op remote.Op, rec model.Record) bool {
	want := op.Op.After(&op.Base)
	return rec.Purged != want.Purged || !model.Equal(rec.Fields, want.Fields)
}

// steps returns the cursors around what was applied, or neither.
func steps(prev, next string) (string, string) {
	if !validCursor(prev) || !validCursor(next) {
		return "", ""
	}
	return prev, next
}

// refused maps a problem with one op; false if it has no meaning there.
func refused(op remote.Op, p *wire.Problem) (remote.Outcome, bool) {
	out := remote.Outcome{OpID: op.ID, Problem: sentence(p)}
	switch p.Status {
	case http.StatusNotFound:
		out.Kind, out.Current = remote.Conflict, &model.Record{ID: op.NoteID}
		return out, p.Code == wire.CodeUnknownNote
	case http.StatusConflict, http.StatusPreconditionFailed:
		if p.Code == wire.CodeInFlight {
			return unknown(op, out.Problem), true
		}
		return conflict(op, p)
	case http.StatusGone:
		return conflict(op, p)
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		out.Kind = remote.Rejected
		return out, true
	case http.StatusFailedDependency, http.StatusTooManyRequests:
		out.Kind = remote.NotApplied
		return out, true
	}
	return unknown(op, out.Problem), p.Status >= 500
}

// conflict shows the other side. Where the server tells that the note is erased
// but not its tombstone, one is made; where it tells nothing the op waits.
func conflict(op remote.Op, p *wire.Problem) (remote.Outcome, bool) {
	out := remote.Outcome{OpID: op.ID, Kind: remote.Conflict, Problem: conflictSentence(p)}
	if p.Current != nil {
		rec := *p.Current
		if checkRecord(&rec) != nil || rec.ID != op.NoteID {
			return unknown(op, "the server's answer is about another note"), true
		}
		out.Current = &rec
		return out, true
	}
	if p.Status != http.StatusGone {
		return unknown(op, "the server names a conflict but not its side"), true
	}
	rev, ok := wire.ParseETag(p.ETag)
	if !ok {
		rev = max(op.Base.Rev, op.BaseRev, 1)
	}
	out.Current = &model.Record{ID: op.NoteID, Rev: rev, Fields: model.Fields{Deleted: true}, Purged: p.Code == wire.CodePurged}
	return out, true
}

func conflictSentence(p *wire.Problem) string {
	switch {
	case p.Code == wire.CodeAlreadyExists:
		return "the server has a note with this id"
	case p.Code == wire.CodePurged:
		return "the note was erased on another device"
	case p.Current != nil && p.Current.Fields.Deleted:
		return "the note was deleted on another device"
	}
	return "the note was changed on another device"
}

// rest tells an error of a later request as the outcome of its ops.
func rest(ops []remote.Op, err error) []remote.Outcome {
	out := make([]remote.Outcome, len(ops))
	var retry *remote.RetryError
	var resync *remote.ResyncError
	for i, op := range ops {
		out[i] = unknown(op, "the connection was lost before the answer")
		switch {
		case errors.As(err, &retry):
			out[i].After, out[i].Problem = retry.After, "the server asks to wait"
			if !errors.Is(err, remote.ErrOffline) {
				out[i].Kind = remote.NotApplied
			}
		case errors.As(err, &resync):
			out[i] = notApplied(op, "everything must be compared first")
		case errors.Is(err, remote.ErrAuth), errors.Is(err, remote.ErrForbidden):
			out[i] = notApplied(op, "the server refused the credentials")
		}
	}
	return out
}
