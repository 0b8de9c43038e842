package local

import (
	"fmt"
	"slices"

	"stet/model"
)

// The shelves: which list shows a note.
const (
	shelfLive = iota
	shelfArchived
	shelfTrash
	shelfPurged
)

func shelfOf(n model.Note) int {
	switch {
	case n.Purged:
		return shelfPurged
	case n.Deleted:
		return shelfTrash
	case n.Archived:
		return shelfArchived
	}
	return shelfLive
}

const noteColumns = `id, seq, updated_at, status, rev, version, server_at, remote_id, device, cause, purged, ` + fieldColumns

// noteRow takes a row's noteColumns.
type noteRow struct {
	n               model.Note
	updated, server int64
	fieldRow
}

func (r *noteRow) dst() []any {
	n := &r.n
	return append([]any{&n.ID, &n.Seq, &r.updated, &n.Status, &n.Rev, &n.Version, &r.server, &n.RemoteID, &n.Device, &n.Cause,
		&n.Purged}, r.fieldRow.dst()...)
}

func (r *noteRow) note() (model.Note, error) {
	n := r.n
	n.UpdatedAt, n.UpdatedAtServer = at(r.updated), at(r.server)
	var err error
	n.Fields, err = r.fields()
	return n, err
}

// Note implements [store.Reader].
func (r *reader) Note(id string) (model.Note, error) {
	var row noteRow
	found, err := r.one("SELECT "+noteColumns+" FROM notes WHERE id = ?", []any{id}, row.dst())
	if err != nil {
		return model.Note{}, err
	}
	if !found {
		return model.Note{}, fmt.Errorf("note %s: %w", id, model.ErrNotFound)
	}
	n, err := row.note()
	return n, r.s.fault("read note", err)
}

// RemoteIDs calls f for each note that bears another id on the server, until f
// returns false.
func (r *reader) RemoteIDs(f func(remoteID, id string) bool) error {
	rows, err := r.query("SELECT remote_id, id FROM notes WHERE remote_id <> ''")
	if err != nil {
		return err
	}
	defer rows.Close() // its error is that of rows.Err
	for rows.Next() {
		var remoteID, id string
		if err := rows.Scan(&remoteID, &id); err != nil {
			return r.s.fault("list remote ids", err)
		}
		if !f(remoteID, id) {
			return nil
		}
	}
	return r.s.fault("list remote ids", rows.Err())
}

// IDs implements [store.Reader].
func (r *reader) IDs(f func(id string, rev int64, status model.Status, deleted bool) bool) error {
	rows, err := r.query("SELECT id, rev, status, deleted FROM notes WHERE purged = 0 OR status <> 'synced' ORDER BY id")
	if err != nil {
		return err
	}
	defer rows.Close() // its error is that of rows.Err
	for rows.Next() {
		var id string
		var rev int64
		var status model.Status
		var deleted bool
		if err := rows.Scan(&id, &rev, &status, &deleted); err != nil {
			return r.s.fault("list ids", err)
		}
		if !f(id, rev, status, deleted) {
			return nil
		}
	}
	return r.s.fault("list ids", rows.Err())
}

// PutNote implements [store.Tx].
func (t *tx) PutNote(n model.Note) (model.Note, error) {
	n.UpdatedAt, n.UpdatedAtServer, n.CreatedAt = at(millis(n.UpdatedAt)), at(millis(n.UpdatedAtServer)), at(millis(n.CreatedAt))
	k, err := t.know(n.ID)
	if err != nil {
		return model.Note{}, t.fail(err)
	}
	if n.Seq, err = t.nextSeq(); err != nil {
		return model.Note{}, err
	}
	if k.pk == 0 {
		return t.insertNote(n, k)
	}
	old, err := t.rowOf(k)
	if err != nil {
		return model.Note{}, t.fail(err)
	}
	return t.updateNote(n, k, old)
}

func (t *tx) insertNote(n model.Note, k *known) (model.Note, error) {
	n.Version = k.last + 1
	var textRev int64
	if n.Status == model.Synced {
		textRev = n.Rev
	}
	args, err := noteArgs(n, textRev)
	if err != nil {
		return model.Note{}, t.fail(err)
	}
	const q = `INSERT INTO notes (id, seq, shelf, pin, updated_at, status, rev, text_rev, version, server_at, remote_id, device, cause,
		purged, tasks, snippet, ` + fieldColumns + `) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`
	t.known = nil
	res, err := t.aside(q, append([]any{n.ID}, args...)...)
	if err != nil {
		return model.Note{}, err
	}
	t.changes.count(shelfOf(n), n.Status, 1)
	if k.shadow && n.Status == model.Synced {
		if err := t.dropShadow(n.ID); err != nil {
			return model.Note{}, err
		}
	}
	if len(n.Tags) == 0 || n.Purged {
		return n, nil
	}
	pk, err := res.LastInsertId()
	if err != nil {
		return model.Note{}, t.fail(t.s.fault("write note", err))
	}
	return n, t.putTags(pk, n.Tags)
}

func (t *tx) updateNote(n model.Note, k *known, old present) (model.Note, error) {
	was := old.n
	n.Version = was.Version
	textRev := old.textRev
	if !model.SameText(was.Fields, n.Fields) {
		if err := t.keep(model.Version{NoteID: n.ID, Version: was.Version, Rev: old.textRev, At: was.UpdatedAt, Device: was.Device,
			Cause: was.Cause, Fields: was.Fields}); err != nil {
			return model.Note{}, err
		}
		n.Version, textRev = max(k.last, was.Version)+1, 0
	}
	if err := t.moveShadow(n, was, k.shadow); err != nil {
		return model.Note{}, err
	}
	if n.Status == model.Synced {
		textRev = n.Rev
	}
	args, err := noteArgs(n, textRev)
	if err != nil {
		return model.Note{}, t.fail(err)
	}
	const q = `UPDATE notes SET seq=?, shelf=?, pin=?, updated_at=?, status=?, rev=?, text_rev=?, version=?, server_at=?, remote_id=?,
		device=?, cause=?, purged=?, tasks=?, snippet=?, deleted=?, pinned=?, archived=?, created_at=?, color=?, ord=?, notebook=?,
		title=?, tags=?, log=?, extra=?, body=? WHERE pk=?`
	if _, err := t.exec(q, append(args, k.pk)...); err != nil {
		return model.Note{}, err
	}
	t.changes.count(old.shelf, was.Status, -1)
	t.changes.count(shelfOf(n), n.Status, 1)
	if slices.Equal(was.Tags, n.Tags) && was.Purged == n.Purged {
		return n, nil
	}
	if _, err := t.exec("DELETE FROM note_tags WHERE note = ?", k.pk); err != nil || n.Purged {
		return n, err
	}
	return n, t.putTags(k.pk, n.Tags)
}

// noteArgs are the values of all columns after id.
func noteArgs(n model.Note, textRev int64) ([]any, error) {
	fields, err := fieldArgs(n.Fields)
	if err != nil {
		return nil, err
	}
	open, done := model.Tasks(n.Body)
	return append([]any{n.Seq, shelfOf(n), n.Pinned && !n.Deleted, millis(n.UpdatedAt), string(n.Status), n.Rev, textRev, n.Version,
		millis(n.UpdatedAtServer), n.RemoteID, n.Device, string(n.Cause), n.Purged, open + done, blob(model.Snippet(n.Body))}, fields...), nil
}

func (t *tx) putTags(pk int64, tags []string) error {
	for _, tag := range tags {
		if _, err := t.exec("INSERT OR IGNORE INTO note_tags (tag, note) VALUES (?, ?)", blob(tag), pk); err != nil {
			return err
		}
	}
	return nil
}

// SetStatus implements [store.Tx].
func (t *tx) SetStatus(noteID string, s model.Status) error {
	var pk int64
	var shelf int
	var was model.Status
	found, err := t.one("SELECT pk, shelf, status FROM notes WHERE id = ?", []any{noteID}, []any{&pk, &shelf, &was})
	if err != nil {
		return t.fail(err)
	}
	if !found {
		return fmt.Errorf("set status of %s: %w", noteID, model.ErrNotFound)
	}
	if was == model.Synced && s != model.Synced {
		if err := t.keepRowAsShadow(noteID); err != nil {
			return err
		}
	}
	if was != model.Synced && s == model.Synced {
		if err := t.dropShadow(noteID); err != nil {
			return err
		}
	}
	seq, err := t.nextSeq()
	if err != nil {
		return err
	}
	t.changes.count(shelf, was, -1)
	t.changes.count(shelf, s, 1)
	_, err = t.exec("UPDATE notes SET status = ?, seq = ? WHERE pk = ?", string(s), seq, pk)
	return err
}

// DropNote implements [store.Tx].
func (t *tx) DropNote(id string, erase bool) error {
	var pk int64
	var shelf int
	var was model.Status
	found, err := t.one("SELECT pk, shelf, status FROM notes WHERE id = ?", []any{id}, []any{&pk, &shelf, &was})
	if err != nil {
		return t.fail(err)
	}
	if found {
		if err := t.dropRow(pk); err != nil {
			return err
		}
		t.changes.count(shelf, was, -1)
	}
	if err := t.dropShadows(id, erase); err != nil {
		return err
	}
	for _, q := range []string{"DELETE FROM reviews WHERE note = ?", "DELETE FROM held WHERE note = ?",
		"DELETE FROM draft_bases WHERE key IN (SELECT key FROM drafts WHERE note = ?)", "DELETE FROM drafts WHERE note = ?"} {
		if _, err := t.exec(q, id); err != nil {
			return err
		}
	}
	if erase {
		_, err = t.exec("DELETE FROM versions WHERE note = ?", id)
	}
	return err
}

func (t *tx) dropRow(pk int64) error {
	seq, err := t.nextSeq()
	if err != nil {
		return err
	}
	if _, err := t.exec("INSERT INTO gone (seq, pk) VALUES (?, ?)", seq, pk); err != nil {
		return err
	}
	if _, err := t.exec("DELETE FROM note_tags WHERE note = ?", pk); err != nil {
		return err
	}
	_, err = t.exec("DELETE FROM notes WHERE pk = ?", pk)
	return err
}
