package mutations

import (
	"encoding/json"
	"errors"
	"strconv"

	"stet/model"
	"stet/syncengine/server/answer"
	"stet/syncengine/server/store"
	"stet/syncengine/wire"
	"stet/syncengine/wire/mutlog"
)

// postNote answers POST /v1/notes.
func (d *Dialect) postNote(c call) error {
	return d.direct(c, mutlog.Create, func(rec model.Record) (any, error) { return noteOf(rec) })
}

// patchNote answers PATCH /v1/notes/{id}.
func (d *Dialect) patchNote(c call) error {
	return d.direct(c, mutlog.Update, func(rec model.Record) (any, error) { return noteOf(rec) })
}

// deleteNote answers DELETE /v1/notes/{id}.
func (d *Dialect) deleteNote(c call) error {
	return d.direct(c, mutlog.Delete, func(model.Record) (any, error) { return map[string]bool{"success": true}, nil })
}

// direct applies one change to one note. The account's number must be named, as
// in the log.
func (d *Dialect) direct(c call, kind string, tell func(model.Record) (any, error)) error {
	head, err := c.number("lastMutationAt", required, mutlog.NoHistory, mutlog.MaxInteger)
	if err != nil {
		return err
	}
	ch := change{kind: kind, id: c.note}
	if kind != mutlog.Delete {
		if ch.note, err = d.body(c); err != nil {
			return err
		}
	}
	ch = d.named(c, ch)
	ch.stet = mutlog.Stet{} // the guard is the log's
	var rec model.Record
	err = d.transact(c, func(txn store.Txn) error {
		if err := inStep(txn, head); err != nil {
			return err
		}
		if kind != mutlog.Create {
			if err := alive(txn, c.note); err != nil {
				return err
			}
		}
		var err error
		rec, _, err = d.put(c, txn, ch)
		return err
	})
	if err != nil {
		return err
	}
	out, err := tell(rec)
	if err != nil {
		return err
	}
	return c.success(rec.Rev, out)
}

func alive(r store.Reader, id string) error {
	rec, err := r.Note(id)
	if err == nil && rec.Fields.Deleted || errors.Is(err, model.ErrNotFound) {
		return notFound()
	}
	return err
}

// body reads a note from a request.
func (d *Dialect) body(c call) (mutlog.Note, error) {
	body, err := answer.Body(c.w, c.r, d.opts.Limits.Request, wire.TypeJSON)
	if err != nil {
		return mutlog.Note{}, err
	}
	if err := wire.CheckJSON(body); err != nil {
		return mutlog.Note{}, invalid("the body is not JSON: " + err.Error())
	}
	n, err := mutlog.DecodeNote(body)
	if err != nil {
		return mutlog.Note{}, validation("Missing data")
	}
	_, wrong := n.Fields.Extra[model.FieldBody]
	if !n.Has[model.FieldBody] || wrong {
		return mutlog.Note{}, validation("Missing body")
	}
	delete(n.Fields.Extra, "saveToQR") // asks for something, and is nothing of the note
	return n, nil
}

// noteOf is a note as the endpoints of notes show it.
func noteOf(rec model.Record) (map[string]json.RawMessage, error) {
	text, err := data(rec, nil)
	if err != nil {
		return nil, err
	}
	out := map[string]json.RawMessage{"attachedEntities": json.RawMessage("[]"), "ranges": json.RawMessage("[]")}
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, err
	}
	created := rec.Fields.CreatedAt
	if created.IsZero() {
		created = rec.ServerAt
	}
	for name, v := range map[string]string{"id": rec.ID, "createdAt": model.FormatTime(created), "updatedAt": model.FormatTime(rec.ServerAt)} {
		if out[name], err = json.Marshal(v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// getNote answers GET /v1/notes/{id}.
func (d *Dialect) getNote(c call) error {
	var rec model.Record
	err := d.view(c, func(r store.Reader) (err error) {
		rec, err = r.Note(c.note)
		return err
	})
	switch {
	case err != nil:
		return err
	case rec.Fields.Deleted:
		return notFound()
	}
	out, err := noteOf(rec)
	if err != nil {
		return err
	}
	return c.success(0, out)
}

// The bounds of a list of notes.
const (
	listDefault = 20
	listMax     = 50
)

// pagination says where a list of notes ends.
type pagination struct {
	StartCursor string `json:"startCursor"`
	EndCursor   string `json:"endCursor"`
	HasNext     bool   `json:"hasNextPage"`
	HasPrevious bool   `json:"hasPreviousPage"`
}

// listNotes answers GET /v1/notes, a list of live notes by their last change.
func (d *Dialect) listNotes(c call) error {
	limit, err := c.number("limit", listDefault, 1, listMax)
	if err != nil {
		return err
	}
	from, err := c.number("cursor", 0, 0, mutlog.MaxInteger)
	if err != nil {
		return err
	}
	in := store.Range{Newest: true, Before: from}
	switch c.r.URL.Query().Get("sortBy") {
	case "", "newest":
	case "oldest":
		in = store.Range{After: from}
	default:
		return invalid("invalid parameter sortBy")
	}
	notes, more := []map[string]json.RawMessage{}, false
	page := pagination{HasPrevious: from > 0}
	var failed error
	err = d.view(c, func(r store.Reader) error {
		return r.EachNote(in, func(rec model.Record) bool {
			if more = len(notes) == int(limit); more {
				return false
			}
			note, err := noteOf(rec)
			failed = err
			notes = append(notes, note)
			page.EndCursor = strconv.FormatInt(rec.Rev, 10)
			if len(notes) == 1 {
				page.StartCursor = page.EndCursor
			}
			return err == nil
		})
	})
	if err = errors.Join(err, failed); err != nil {
		return err
	}
	page.HasNext = more
	return answer.JSON(c.w, c.r, 200, struct {
		Success    bool                         `json:"success"`
		Data       []map[string]json.RawMessage `json:"data"`
		Pagination pagination                   `json:"pagination"`
	}{true, notes, page})
}
