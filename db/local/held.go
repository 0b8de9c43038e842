package local

import (
	"bytes"
	"encoding/json"
	"fmt"

	"stet/model"
	"stet/syncengine/store"
)

// Held implements [store.Reader]. A limit of 0 or less means all.
func (r *reader) Held(limit int) ([]store.Held, error) {
	if limit <= 0 {
		limit = -1
	}
	return r.held("ORDER BY pos LIMIT 0+?", limit)
}

// HeldOf implements [store.Reader].
func (r *reader) HeldOf(noteID string) (store.Held, bool, error) {
	out, err := r.held("WHERE note = ?", noteID)
	if err != nil || len(out) == 0 {
		return store.Held{}, false, err
	}
	return out[0], true, nil
}

func (r *reader) held(q string, args ...any) (out []store.Held, err error) {
	err = r.each("SELECT reason, record FROM held "+q, args, func(scan func(...any) error) error {
		var h store.Held
		var record []byte
		if err := scan(&h.Reason, &record); err != nil {
			return err
		}
		err := unpackHeld(record, &h.Record)
		out = append(out, h)
		return err
	})
	return out, err
}

// Hold implements [store.Tx]. A note that is held already keeps its place.
func (t *tx) Hold(h store.Held) error {
	record, err := packHeld(h.Record)
	if err != nil {
		return t.fail(fmt.Errorf("pack held change: %w", err))
	}
	_, err = t.exec(`INSERT INTO held (note, reason, record) VALUES (?,?,?)
		ON CONFLICT (note) DO UPDATE SET reason = excluded.reason, record = excluded.record`, h.Record.ID, string(h.Reason), record)
	return err
}

// packHeld packs a record; with the revisions that it builds on, where the server
// tells them, as an array of both: members of a note may have any name.
func packHeld(rec model.Record) ([]byte, error) {
	if len(rec.Parents) == 0 {
		return json.Marshal(rec)
	}
	return json.Marshal([]any{rec, rec.Parents})
}

func unpackHeld(packed []byte, rec *model.Record) error {
	if !bytes.HasPrefix(packed, []byte("[")) {
		return unpackJSON(packed, rec)
	}
	var parents []int64
	err := unpackJSON(packed, &[]any{rec, &parents})
	rec.Parents = parents
	return err
}

// DropHeld implements [store.Tx].
func (t *tx) DropHeld(noteID string) error {
	_, err := t.exec("DELETE FROM held WHERE note = ?", noteID)
	return err
}
