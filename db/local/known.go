package local

import (
	"fmt"

	"stet/model"
)

// known is what a write has read of one note. A pulled or saved note asks for
// its row, its shadow and its ops and is then written: the answers to all of
// it are read once, and most of them are "nothing".
//
// It holds until the next statement that may change any of it, see [tx.exec].
type known struct {
	id     string
	pk     int64 // 0: there is no row
	ops    bool  // there are ops
	shadow bool  // there is an explicit shadow
	last   int64 // highest number of a kept version, 0 if none
	row    *present
}

// present is a row with what no [model.Note] tells.
type present struct {
	shelf   int
	textRev int64
	n       model.Note
}

// note returns the note as the caller's own.
func (p present) note() model.Note {
	n := p.n
	n.Fields = n.Fields.Clone()
	return n
}

// know returns what is known of a note.
func (t *tx) know(id string) (*known, error) {
	if t.known != nil && t.known.id == id {
		return t.known, nil
	}
	key, err := t.serverKey()
	if err != nil {
		return nil, err
	}
	k := &known{id: id}
	const q = `SELECT coalesce((SELECT pk FROM notes WHERE id = ?1), 0), EXISTS (SELECT 1 FROM outbox WHERE note = ?1),
		EXISTS (SELECT 1 FROM shadows WHERE note = ?1 AND server = ?2), coalesce((SELECT max(version) FROM versions WHERE note = ?1), 0)`
	if err := t.row(q, id, key).Scan(&k.pk, &k.ops, &k.shadow, &k.last); err != nil {
		return nil, t.s.fault("read note", err)
	}
	t.known = k
	if !k.ops {
		t.opless = id
	}
	return k, nil
}

// rowOf returns the row of a note that has one.
func (t *tx) rowOf(k *known) (present, error) {
	if k.row != nil {
		return *k.row, nil
	}
	var row noteRow
	var p present
	if err := t.row("SELECT shelf, text_rev, "+noteColumns+" FROM notes WHERE pk = ?", k.pk).
		Scan(append([]any{&p.shelf, &p.textRev}, row.dst()...)...); err != nil {
		return present{}, t.s.fault("read note", err)
	}
	var err error
	if p.n, err = row.note(); err != nil {
		return present{}, t.s.fault("read note", err)
	}
	k.row = &p
	return p, nil
}

// Note implements [store.Reader].
func (t *tx) Note(id string) (model.Note, error) {
	k, err := t.know(id)
	if err != nil {
		return model.Note{}, err
	}
	if k.pk == 0 {
		return model.Note{}, fmt.Errorf("note %s: %w", id, model.ErrNotFound)
	}
	p, err := t.rowOf(k)
	return p.note(), err
}

// Shadow implements [store.Reader].
func (t *tx) Shadow(id string) (model.Record, bool, error) {
	k, err := t.know(id)
	if err != nil {
		return model.Record{}, false, err
	}
	if k.pk != 0 {
		p, err := t.rowOf(k)
		if err != nil || p.n.Status == model.Synced {
			n := p.note()
			return recordOf(n), n.Rev != 0 && err == nil, err
		}
	}
	if !k.shadow {
		return model.Record{}, false, nil
	}
	key, err := t.serverKey()
	if err != nil {
		return model.Record{}, false, err
	}
	return t.shadowOf(key, id)
}

// Ops implements [store.Reader].
func (t *tx) Ops(noteID string) ([]model.Op, error) {
	k, err := t.know(noteID)
	if err != nil || !k.ops {
		return nil, err
	}
	return t.reader.Ops(noteID)
}
