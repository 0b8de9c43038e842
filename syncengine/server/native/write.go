package native

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"stet/model"
	"stet/syncengine/server/answer"
	"stet/syncengine/server/store"
	"stet/syncengine/wire"
)

// postOp answers POST /sync/ops.
func (d *Dialect) postOp(c call) error {
	key, err := c.key()
	if err != nil {
		return err
	}
	since, err := c.since()
	if err != nil {
		return err
	}
	body, err := answer.Body(c.w, c.r, d.opts.Limits.Request, wire.TypeJSON)
	if err != nil {
		return err
	}
	op, err := wire.DecodeOp(body, d.opts.Limits)
	if err != nil {
		return err
	}
	if op.ID != key {
		return wire.NewProblem(http.StatusBadRequest, wire.CodeKeyMismatch, "the key is not the op's id")
	}
	res, err := d.apply(c, since, op, op)
	if err != nil {
		return err
	}
	return d.written(c, op, res, problem)
}

// apply sends one op to the store; print is what the fingerprint is made of.
func (d *Dialect) apply(c call, since store.Cursor, op, print model.Op) (store.Result, error) {
	sum, err := wire.Fingerprint(print)
	if err != nil {
		return store.Result{}, fmt.Errorf("fingerprint: %w", err)
	}
	w := d.write(c, op)
	w.Fingerprint = sum
	res, err := d.store.Apply(c.r.Context(), c.acc.ID, since, []store.Write{w})
	if err != nil {
		return store.Result{}, err
	}
	return res[0], nil
}

// write completes an op with who and when, where it does not say so itself.
func (d *Dialect) write(c call, op model.Op) store.Write {
	if op.Device == "" {
		if op.Device = clean(c.r.Header.Get(wire.HeaderClientID)); op.Device == "" {
			op.Device = c.acc.Label
		}
	}
	at := op.CreatedAt
	if at.IsZero() {
		at = d.opts.Now()
	}
	return store.Write{Op: op, At: at}
}

// clean keeps the visible ASCII of a header, at most 128 characters.
func clean(label string) string {
	keep := func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}
	label = strings.TrimSpace(strings.Map(keep, label))
	return label[:min(len(label), 128)]
}

// refusal makes the problem of a verdict; base is the note at the op's base.
type refusal func(op model.Op, res store.Result, base *model.Record) *wire.Problem

// written answers a single write.
func (d *Dialect) written(c call, op model.Op, res store.Result, refuse refusal) error {
	status, ok := status(res)
	if !ok {
		return refuse(op, res, d.base(c.r.Context(), c.acc.ID, op))
	}
	h := c.w.Header()
	h.Set("ETag", wire.ETag(res.Record.Rev))
	h.Set("Cache-Control", "private, no-cache")
	if res.Next != (store.Cursor{}) {
		h.Set(wire.HeaderPrevCursor, wire.Cursor(res.Prev).String())
		h.Set(wire.HeaderCursor, wire.Cursor(res.Next).String())
	}
	if res.Verdict == store.Replayed {
		h.Set(wire.HeaderReplayed, "true")
	}
	if res.Superseded {
		h.Set(wire.HeaderSuperseded, "true")
	}
	rec := res.Record
	// An append's answer is the whole note: others may have written since.
	if res.Thin || c.r.Header.Get(wire.HeaderPrefer) == wire.PreferMinimal && op.Kind != model.Append {
		h.Set(wire.HeaderPreferApplied, wire.PreferMinimal)
		rec = model.Record{ID: rec.ID, Rev: rec.Rev, Fields: model.Fields{Deleted: rec.Fields.Deleted}, ServerAt: rec.ServerAt}
	}
	return answer.JSON(c.w, c.r, status, rec)
}

// status returns the HTTP status of a result that is no refusal.
func status(res store.Result) (int, bool) {
	switch res.Verdict {
	case store.Applied, store.Replayed:
		if res.Kind == model.Create {
			return http.StatusCreated, true
		}
		return http.StatusOK, true
	case store.NoChange:
		return http.StatusOK, true
	}
	return 0, false
}

// problem is the refusal of ops.
func problem(op model.Op, res store.Result, base *model.Record) *wire.Problem {
	switch res.Verdict {
	case store.Conflict:
		p := withCurrent(http.StatusConflict, wire.CodeConflict, "the note is not at the op's base revision", res)
		p.Base = base
		return p
	case store.AlreadyExists:
		return withCurrent(http.StatusConflict, wire.CodeAlreadyExists, "there is such a note", res)
	case store.UnknownNote:
		return unknownNote()
	case store.Purged:
		return withCurrent(http.StatusGone, wire.CodePurged, "the note was erased", res)
	case store.KeyReused:
		return wire.NewProblem(http.StatusUnprocessableEntity, wire.CodeKeyReused, "the key was used for another op")
	case store.NotTried:
		return notTried()
	}
	return wire.NewProblem(http.StatusInternalServerError, wire.CodeInternal, "")
}

func notTried() *wire.Problem {
	return wire.NewProblem(http.StatusFailedDependency, wire.CodeNotTried, "an earlier op of the note was refused")
}

func withCurrent(status int, code, detail string, res store.Result) *wire.Problem {
	p := wire.NewProblem(status, code, detail)
	if res.Record.Rev != 0 {
		rec := res.Record
		p.Current, p.ETag = &rec, wire.ETag(rec.Rev)
	}
	return p
}

// base returns the note as the op believed it to be, nil if that is not kept.
func (d *Dialect) base(ctx context.Context, acc int64, op model.Op) *model.Record {
	if op.BaseRev == 0 {
		return nil
	}
	rec, err := d.store.NoteAt(ctx, acc, op.NoteID, op.BaseRev)
	if err != nil {
		return nil
	}
	return &rec
}

// key reads the request's idempotency key.
func (c call) key() (string, error) {
	values := c.r.Header.Values(wire.HeaderKey)
	if len(values) == 0 {
		return "", wire.NewProblem(http.StatusBadRequest, wire.CodeMissingKey, "want the header "+wire.HeaderKey)
	}
	key, ok := wire.ParseKey(values[0])
	if !ok || len(values) > 1 {
		return "", wire.NewProblem(http.StatusBadRequest, wire.CodeBadKey, "want one key of 1 to 255 visible ASCII characters")
	}
	return key, nil
}

// since reads the device's cursor from a push.
func (c call) since() (store.Cursor, error) { return cursor(c.r.Header.Get(wire.HeaderCursor)) }

func cursor(text string) (store.Cursor, error) {
	at, err := wire.ParseCursor(text)
	if err != nil {
		p := wire.NewProblem(http.StatusBadRequest, wire.CodeBadCursor, "not a cursor")
		p.Resync = "full"
		return store.Cursor{}, p
	}
	return store.Cursor(at), nil
}

// postBatch answers POST /sync/batch.
func (d *Dialect) postBatch(c call) error {
	since, err := c.since()
	if err != nil {
		return err
	}
	body, err := answer.Body(c.w, c.r, d.opts.Limits.Request, wire.TypeJSON)
	if err != nil {
		return err
	}
	batch, err := wire.DecodeBatch(body, d.opts.Limits)
	if err != nil {
		return err
	}
	writes, at, err := d.writes(c, batch)
	if err != nil {
		return err
	}
	results, err := d.store.Apply(c.r.Context(), c.acc.ID, since, writes)
	if err != nil {
		return err
	}
	out := wire.BatchAnswer{Results: make([]wire.Result, len(batch.Ops))}
	for i, op := range batch.Ops {
		out.Results[i] = wire.Result{OpID: op.ID}
		p := batch.Bad[i]
		if p == nil && at[i] < 0 {
			p = notTried()
		}
		if p != nil {
			out.Results[i].Status, out.Results[i].Problem = p.Status, p
			continue
		}
		fill(&out, &out.Results[i], batch.Want, op, results[at[i]])
	}
	c.w.Header().Set("Cache-Control", "private, no-cache")
	return answer.JSON(c.w, c.r, http.StatusOK, out)
}

// writes returns the ops that can be tried, and for each op of the batch its
// place among them, -1 if it is not tried.
func (d *Dialect) writes(c call, batch wire.Batch) ([]store.Write, []int, error) {
	writes, at := make([]store.Write, 0, len(batch.Ops)), make([]int, len(batch.Ops))
	barred := map[string]bool{}
	for i, op := range batch.Ops {
		at[i] = -1
		if batch.Bad[i] != nil {
			barred[op.NoteID] = true
		}
		if barred[op.NoteID] {
			continue
		}
		sum, err := wire.Fingerprint(op)
		if err != nil {
			return nil, nil, fmt.Errorf("fingerprint: %w", err)
		}
		w := d.write(c, op)
		w.Fingerprint = sum
		at[i] = len(writes)
		writes = append(writes, w)
	}
	return writes, at, nil
}

// fill writes what became of one op into the answer.
func fill(out *wire.BatchAnswer, r *wire.Result, want wire.Want, op model.Op, res store.Result) {
	status, ok := status(res)
	if !ok {
		r.Problem = problem(op, res, nil)
		r.Status = r.Problem.Status
		return
	}
	r.Status, r.Rev, r.UpdatedAtServer = status, res.Record.Rev, model.FormatTime(res.Record.ServerAt)
	r.Replayed, r.Superseded = res.Verdict == store.Replayed, res.Superseded
	if !res.Thin && (want == wire.WantAll || op.Kind == model.Append) {
		rec := res.Record
		r.Note = &rec
	}
	if res.Next == (store.Cursor{}) {
		return
	}
	if out.PrevCursor == "" {
		out.PrevCursor = wire.Cursor(res.Prev).String()
	}
	out.Cursor = wire.Cursor(res.Next).String()
}
