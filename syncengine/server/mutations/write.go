package mutations

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"stet/model"
	"stet/syncengine/server/answer"
	"stet/syncengine/server/store"
	"stet/syncengine/wire"
	"stet/syncengine/wire/mutlog"
)

// change is one mutation that was read and found well formed.
type change struct {
	kind string
	anew bool // its id is of our making, and must be nobody's
	id   string
	note mutlog.Note
	stet mutlog.Stet // zero without the guard
}

// postSync answers POST /v1/sync: all of the mutations or none.
func (d *Dialect) postSync(c call) error {
	head, err := c.number("lastMutationAt", required, mutlog.NoHistory, mutlog.MaxInteger)
	if err != nil {
		return err
	}
	body, err := answer.Body(c.w, c.r, d.opts.Limits.Request, wire.TypeJSON)
	if err != nil {
		return err
	}
	changes, err := d.changes(c, body)
	if err != nil {
		return err
	}
	recs, results, head, err := d.apply(c, head, changes)
	if err != nil {
		return err
	}
	out := mutlog.Sync{LastMutationAt: &head, Mutations: make([]mutlog.Mutation, len(changes))}
	for i, ch := range changes {
		kind := ch.kind
		if kind == mutlog.Delete {
			kind = mutlog.Update // only the guard keeps a note that was to go
		}
		if out.Mutations[i], err = c.entry(recs[i], kind, results[i]); err != nil {
			return err
		}
	}
	return c.success(head, out)
}

// changes reads the body of a push. What is wrong is told in the protocol's own
// words, with the place of the mutation.
func (d *Dialect) changes(c call, body []byte) ([]change, error) {
	if err := wire.CheckJSON(body); err != nil {
		return nil, invalid("the body is not JSON: " + err.Error())
	}
	var in struct {
		Mutations []map[string]json.RawMessage `json:"mutations"`
	}
	if err := json.Unmarshal(body, &in); err != nil || len(in.Mutations) == 0 {
		return nil, validation(mutlog.TextInvalid)
	}
	if len(in.Mutations) > mutlog.MaxMutations {
		return nil, validation(mutlog.TextTooMany)
	}
	out := make([]change, len(in.Mutations))
	for i, m := range in.Mutations {
		var wrong string
		if out[i], wrong = d.change(c, m); wrong != "" {
			return nil, validation(fmt.Sprintf("%s at mutation[%d]", wrong, i))
		}
	}
	return out, nil
}

// change reads one mutation, or says what is wrong with it.
func (d *Dialect) change(c call, m map[string]json.RawMessage) (ch change, wrong string) {
	resource, there := text(m["resource"])
	switch {
	case !there:
		return ch, "Missing resource"
	case resource != mutlog.ResourceNote:
		return ch, "Invalid resource: " + quoted(resource)
	}
	ch.kind, there = text(m["type"])
	switch {
	case !there:
		return ch, "Missing mutation type"
	case ch.kind != mutlog.Create && ch.kind != mutlog.Update && ch.kind != mutlog.Delete:
		return ch, "Invalid mutation type: " + quoted(ch.kind)
	}
	ch.id, there = text(m["resourceId"])
	switch {
	case ch.kind == mutlog.Create:
	case !there:
		return ch, "Missing resourceId"
	case !wire.ValidNoteID(ch.id), m["resourceId"][0] != '"':
		return ch, "Invalid resourceId"
	}
	data := m["data"]
	if len(data) == 0 || data[0] != '{' {
		if ch.kind != mutlog.Delete {
			return ch, "Missing data"
		}
		data = json.RawMessage("{}")
	}
	var err error
	if ch.note, err = mutlog.DecodeNote(data); err != nil {
		return ch, "Missing data"
	}
	return d.named(c, ch), ""
}

// named gives a change its note's id and what the guard needs.
func (d *Dialect) named(c call, ch change) change {
	if ch.kind == mutlog.Create {
		switch {
		case wire.ValidNoteID(ch.note.LocalID):
			ch.id = ch.note.LocalID
		case !wire.ValidNoteID(ch.id):
			ch.anew, ch.id = true, d.opts.NewID()
		}
	}
	if c.guard && ch.note.Stet != nil && wire.ValidKey(ch.note.Stet.Op) {
		ch.stet = *ch.note.Stet
	}
	return ch
}

// text reads a string member; one of another type is there, and wrong.
func text(v json.RawMessage) (s string, there bool) {
	if len(v) == 0 || string(v) == "null" || string(v) == `""` {
		return "", false
	}
	if json.Unmarshal(v, &s) != nil {
		s = string(v)
	}
	return s, true
}

// quoted repeats a short word of the client's, as the protocol does.
func quoted(s string) string {
	out, err := mutlog.Marshal(s[:min(len(s), 64)])
	if err != nil {
		return `""`
	}
	return string(out)
}

// apply writes changes if head is the account's number, and returns the notes
// as they stand then, with the account's new number.
func (d *Dialect) apply(c call, head int64, changes []change) (recs []model.Record, results []mutlog.Result, now int64, err error) {
	err = d.transact(c, func(txn store.Txn) error {
		recs, results = make([]model.Record, len(changes)), make([]mutlog.Result, len(changes))
		if err := inStep(txn, head); err != nil {
			return err
		}
		for i, ch := range changes {
			if recs[i], results[i], err = d.put(c, txn, ch); err != nil {
				var e *refusal
				if errors.As(err, &e) && e.code == mutlog.CodeValidation {
					return validation(fmt.Sprintf("%s at mutation[%d]", e.text, i))
				}
				return err
			}
		}
		now, err = headOf(txn)
		return err
	})
	return recs, results, now, err
}

// inStep refuses a number that is not the account's.
func inStep(txn store.Txn, head int64) error {
	now, err := headOf(txn)
	switch {
	case err != nil:
		return err
	case now == head:
		return nil
	case now == mutlog.NoHistory:
		return &refusal{http.StatusConflict, mutlog.CodeOutOfSync, mutlog.TextFirstSync}
	}
	return &refusal{http.StatusConflict, mutlog.CodeOutOfSync, mutlog.TextOutOfSync}
}

// put applies one change to its note, whatever that is: an unknown one is made,
// a known one changed. With the guard only if it is what the change was made
// against.
func (d *Dialect) put(c call, txn store.Txn, ch change) (model.Record, mutlog.Result, error) {
	cur, err := txn.Note(ch.id)
	for ch.anew && err == nil {
		ch.id = d.opts.NewID()
		cur, err = txn.Note(ch.id)
	}
	switch {
	case errors.Is(err, model.ErrNotFound):
		cur = model.Record{ID: ch.id, Fields: model.Fields{Deleted: true}}
	case err != nil:
		return cur, "", err
	}
	if result, err := held(txn, ch, cur); err != nil || result != mutlog.Applied {
		return cur, result, err
	}
	op, after := ch.op(c, cur)
	if errs := wire.CheckOp(checked(op, after), d.opts.Limits); len(errs) > 0 {
		return cur, "", validation("Invalid data: " + errs[0].Field + ": " + errs[0].Detail)
	}
	at := ch.note.Updated
	if t, err := model.ParseTime(ch.stet.At); err == nil && !t.IsZero() {
		at = t
	}
	rec, err := txn.PutNote(store.Write{Op: op, At: at}, after)
	return rec, mutlog.Applied, err
}

// held says what the guard makes of a change: whether it was applied before, or
// was made against another revision.
func held(txn store.Txn, ch change, cur model.Record) (mutlog.Result, error) {
	if ch.stet.Base == nil || ch.stet.Op == "" {
		return mutlog.Applied, nil
	}
	known := cur.OpID == ch.stet.Op
	if !known {
		var err error
		if known, err = txn.Knows(ch.stet.Op); err != nil {
			return "", err
		}
	}
	gone := cur.Rev > 0 && cur.Fields.Deleted
	switch {
	case known, ch.kind == mutlog.Delete && gone && (!ch.stet.Purge || cur.Purged), ch.kind == mutlog.Delete && cur.Rev == 0:
		return mutlog.Known, nil
	case cur.Rev == 0: // a change of a note that is not there makes it
	case *ch.stet.Base != cur.Rev, ch.stet.Purge && !gone:
		return mutlog.Refused, nil
	}
	return mutlog.Applied, nil
}

// op is a change as the store writes it, and the note after it.
func (ch change) op(c call, cur model.Record) (model.Op, model.Fields) {
	op := model.Op{ID: ch.stet.Op, NoteID: ch.id, Kind: model.Update, BaseRev: cur.Rev, Device: ch.stet.Device}
	if op.Device == "" {
		op.Device = c.device
	}
	switch {
	case ch.kind == mutlog.Delete && ch.stet.Purge:
		op.Kind = model.Purge
	case ch.kind == mutlog.Delete:
		op.Kind = model.Delete
	case cur.Rev == 0 || cur.Purged:
		op.Kind = model.Create
	}
	if ch.kind == mutlog.Delete {
		return op, model.Fields{Deleted: true}
	}
	base := cur.Fields
	if base.Deleted {
		base = model.Fields{}
	}
	return op, ch.note.Onto(base)
}

// checked is an op that says all of what a note will be, for the limits.
func checked(op model.Op, after model.Fields) model.Op {
	out := model.Op{ID: "x", NoteID: op.NoteID, Kind: model.Create, Device: op.Device}
	if !after.Deleted {
		after.Log = slices.Clone(after.Log[max(0, len(after.Log)-maxEntries):])
		out.Patch = model.Full(after)
	}
	return out
}

// maxEntries is how many entries of a log are looked at: those that can be new.
const maxEntries = 1000
