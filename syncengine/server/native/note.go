package native

import (
	"net/http"
	"strings"

	"stet/model"
	"stet/syncengine/server/answer"
	"stet/syncengine/server/store"
	"stet/syncengine/wire"
)

func (d *Dialect) putNote(c call) error {
	return d.setNote(c, wire.TypeJSON)
}

func (d *Dialect) patchNote(c call) error {
	return d.setNote(c, wire.TypeMerge, wire.TypeJSON)
}

// setNote answers PUT and PATCH: members that are absent keep their value, so
// both are the same op.
func (d *Dialect) setNote(c call, types ...string) error {
	op, cond, err := d.begin(c, model.Update)
	if err != nil {
		return err
	}
	body, err := answer.Body(c.w, c.r, d.opts.Limits.Request, types...)
	if err != nil {
		return err
	}
	// Tags come as a whole set. Compared with the note at the base revision, a
	// repeated request is the same op again whatever has happened since.
	var base model.Fields
	if rec := d.base(c.r.Context(), c.acc.ID, op); rec != nil {
		base = rec.Fields
	}
	if op.Patch, err = wire.DecodeFields(body, c.note, base); err != nil {
		return err
	}
	print := op
	if !cond.exact {
		print.BaseRev = 0
		if print.Patch, err = wire.DecodeFields(body, c.note, model.Fields{}); err != nil {
			return err
		}
	}
	return d.finish(c, op, print)
}

func (d *Dialect) deleteNote(c call) error {
	op, cond, err := d.begin(c, model.Delete)
	if err != nil {
		return err
	}
	print := op
	if !cond.exact {
		print.BaseRev = 0
	}
	return d.finish(c, op, print)
}

// condition is what a request asks of the note's present state.
type condition struct {
	create bool  // If-None-Match: *
	rev    int64 // the revision to write on; 0 matches none
	exact  bool  // rev stands in the request, alone
}

// begin reads key and condition of a write on a note.
func (d *Dialect) begin(c call, kind model.Kind) (model.Op, condition, error) {
	key, err := c.key()
	if err != nil {
		return model.Op{}, condition{}, err
	}
	cond, err := d.condition(c)
	if err != nil {
		return model.Op{}, condition{}, err
	}
	if cond.create {
		if kind == model.Delete {
			return model.Op{}, cond, noCondition()
		}
		kind = model.Create
	}
	return model.Op{ID: key, NoteID: c.note, Kind: kind, BaseRev: cond.rev}, cond, nil
}

func noCondition() *wire.Problem {
	return wire.NewProblem(http.StatusPreconditionRequired, wire.CodeNoCondition, `want If-Match: "rev-…" or, to create, If-None-Match: *`)
}

// condition evaluates If-Match by strong comparison. It does not refuse: the
// key is looked up first, by the store, which then compares revisions.
func (d *Dialect) condition(c call) (condition, error) {
	match := c.r.Header.Values("If-Match")
	absent := strings.TrimSpace(c.r.Header.Get("If-None-Match")) == "*"
	switch {
	case absent && len(match) > 0:
		return condition{}, nil // no note is both there and not there
	case absent:
		return condition{create: true, exact: true}, nil
	case len(match) == 0:
		return condition{}, noCondition()
	}
	tags := strings.Split(strings.Join(match, ","), ",")
	if len(tags) == 1 {
		if rev, ok := wire.ParseETag(tags[0]); ok {
			return condition{rev: rev, exact: true}, nil
		}
	}
	rec, err := d.store.Note(c.r.Context(), c.acc.ID, c.note)
	if err != nil {
		return condition{}, err
	}
	for _, tag := range tags {
		rev, ok := wire.ParseETag(tag)
		if strings.TrimSpace(tag) == "*" || ok && rev == rec.Rev {
			return condition{rev: rec.Rev}, nil
		}
	}
	return condition{}, nil
}

// finish checks, applies and answers an op on a note.
func (d *Dialect) finish(c call, op, print model.Op) error {
	if p := wire.Invalid(wire.CheckOp(op, d.opts.Limits)); p != nil {
		return p
	}
	since, err := c.since()
	if err != nil {
		return err
	}
	res, err := d.apply(c, since, op, print)
	if err != nil {
		return err
	}
	return d.written(c, op, res, failedCondition)
}

// failedCondition is problem with 412 where an op says 409.
func failedCondition(op model.Op, res store.Result, base *model.Record) *wire.Problem {
	switch res.Verdict {
	case store.Conflict, store.AlreadyExists:
		return withCurrent(http.StatusPreconditionFailed, wire.CodePrecondition, "the note is at another revision", res)
	}
	return problem(op, res, base)
}
