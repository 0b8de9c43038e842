package local

import (
	"context"
	"fmt"
	"strings"

	"stet/model"
	"stet/syncengine/store"
)

// metaShadows names the server whose shadows count: the connected one, and
// after a disconnect the last one, so that coming back goes on where it was.
const metaShadows = "shadow_server"

// serverKey returns the key of the shadows that count.
func (r *reader) serverKey() (string, error) {
	if r.server != nil {
		return *r.server, nil
	}
	key, err := r.Meta(metaShadows)
	if err == nil {
		r.server = &key
	}
	return key, err
}

// Shadow implements [store.Reader].
func (r *reader) Shadow(id string) (model.Record, bool, error) {
	var row noteRow
	found, err := r.one("SELECT "+noteColumns+" FROM notes WHERE id = ? AND status = 'synced'", []any{id}, row.dst())
	if err != nil {
		return model.Record{}, false, err
	}
	if found {
		n, err := row.note()
		return recordOf(n), n.Rev != 0 && err == nil, r.s.fault("read shadow", err)
	}
	key, err := r.serverKey()
	if err != nil {
		return model.Record{}, false, err
	}
	return r.shadowOf(key, id)
}

// recordOf is a synced row as the server has it. Only the device's trash keeps
// a deleted note's text.
func recordOf(n model.Note) model.Record {
	rec := model.Record{ID: n.ID, RemoteID: n.RemoteID, Rev: n.Rev, Fields: n.Fields, Purged: n.Purged, Device: n.Device,
		SavedAt: n.UpdatedAt, ServerAt: n.UpdatedAtServer}
	if n.Deleted {
		rec.Fields = model.Fields{Deleted: true}
	}
	return rec
}

// shadowOf returns the explicit shadow kept for one server.
func (r *reader) shadowOf(server, id string) (model.Record, bool, error) {
	rec := model.Record{ID: id}
	var saved, serverAt int64
	var fields fieldRow
	found, err := r.one("SELECT rev, remote_id, purged, device, op_id, saved_at, server_at, "+fieldColumns+
		" FROM shadows WHERE note = ? AND server = ?", []any{id, server},
		append([]any{&rec.Rev, &rec.RemoteID, &rec.Purged, &rec.Device, &rec.OpID, &saved, &serverAt}, fields.dst()...))
	if err != nil || !found {
		return model.Record{}, false, err
	}
	rec.SavedAt, rec.ServerAt = at(saved), at(serverAt)
	rec.Fields, err = fields.fields()
	if rec.Fields.Deleted {
		rec.Fields = model.Fields{Deleted: true}
	}
	return rec, err == nil, r.s.fault("read shadow", err)
}

// PutShadow implements [store.Tx].
func (t *tx) PutShadow(rec model.Record) error {
	if rec.Rev == 0 {
		return t.dropShadow(rec.ID)
	}
	key, err := t.serverKey()
	if err != nil {
		return t.fail(err)
	}
	if rec.Fields.Deleted {
		rec.Fields = model.Fields{Deleted: true}
	}
	fields, err := fieldArgs(rec.Fields)
	if err != nil {
		return t.fail(err)
	}
	_, err = t.exec(`INSERT OR REPLACE INTO shadows (server, note, rev, remote_id, purged, device, op_id, saved_at, server_at, `+
		fieldColumns+`) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		append([]any{key, rec.ID, rec.Rev, rec.RemoteID, rec.Purged, rec.Device, rec.OpID, millis(rec.SavedAt), millis(rec.ServerAt)},
			fields...)...)
	return err
}

// dropShadows forgets what any server has of a note. One that the user erased is
// to be erased on the others too, once they are in use again: of those the
// revision stays, without its text.
func (t *tx) dropShadows(id string, erase bool) error {
	if !erase {
		_, err := t.exec("DELETE FROM shadows WHERE note = ?", id)
		return err
	}
	key, err := t.serverKey()
	if err != nil {
		return t.fail(err)
	}
	if _, err := t.exec("DELETE FROM shadows WHERE note = ? AND (server = ? OR purged = 1)", id, key); err != nil {
		return err
	}
	empty, err := fieldArgs(model.Fields{})
	if err != nil {
		return t.fail(err)
	}
	names := strings.Split(fieldColumns, ", ")[1:] // but for deleted
	_, err = t.exec("UPDATE shadows SET "+strings.Join(names, " = ?, ")+" = ? WHERE note = ?", append(empty[1:], id)...)
	return err
}

func (t *tx) dropShadow(id string) error {
	key, err := t.serverKey()
	if err != nil {
		return t.fail(err)
	}
	_, err = t.exec("DELETE FROM shadows WHERE note = ? AND server = ?", id, key)
	return err
}

// moveShadow keeps the rule of shadows when a row is written: a synced row is
// the shadow, any other has an explicit one. explicit says that there is one,
// which PutShadow may have set for a synced row in this transaction.
func (t *tx) moveShadow(n, was model.Note, explicit bool) error {
	switch {
	case n.Status == model.Synced && explicit:
		return t.dropShadow(n.ID)
	case n.Status != model.Synced && was.Status == model.Synced && !explicit:
		return t.keepRowAsShadow(n.ID)
	}
	return nil
}

// keepRowAsShadow makes a synced row the explicit shadow, unless the caller
// has set one already (a synced row has none of its own).
func (t *tx) keepRowAsShadow(id string) error {
	key, err := t.serverKey()
	if err != nil {
		return t.fail(err)
	}
	_, err = t.exec(materialise+" AND id = ?", key, id)
	return err
}

// materialise writes synced rows as shadows of a server.
const materialise = `INSERT OR IGNORE INTO shadows (server, note, rev, remote_id, purged, device, op_id, saved_at, server_at,
	` + fieldColumns + `)
	SELECT ?, id, rev, remote_id, purged, device, '', updated_at, server_at, ` + fieldColumns + `
	FROM notes WHERE status = 'synced' AND rev <> 0`

// SwitchServer connects the store to another server. What is known of the old
// one is kept under its key; notes that the new one is known to hold as they
// are become synced, all others pending, and the outbox is emptied: the engine
// plans anew, by the statuses that Reader.IDs tells. Reviews end, their other
// side stays as a version. The cursor begins anew.
//
// The same key again changes nothing. An empty key disconnects: everything
// stays, so that coming back to that server goes on where it was. The first
// server of a store takes the outbox as it is.
func (s *Store) SwitchServer(ctx context.Context, newServerKey string) error {
	return s.write(ctx, func(t *tx) error { return t.SetMeta(store.MetaServer, newServerKey) })
}

func (t *tx) switchServer(key string) error {
	old, err := t.serverKey()
	if err != nil {
		return t.fail(err)
	}
	if key == "" || key == old {
		return nil
	}
	if old != "" {
		if err := t.leaveServer(old, key); err != nil {
			return err
		}
	}
	t.server = &key
	if old == "" { // shadows without a server can only be this one's
		if _, err := t.exec("UPDATE shadows SET server = ? WHERE server = ''", key); err != nil {
			return err
		}
	}
	return t.putMeta(metaShadows, key)
}

func (t *tx) leaveServer(old, key string) error {
	if _, err := t.exec(materialise, old); err != nil {
		return err
	}
	if err := t.endReviews(); err != nil {
		return err
	}
	for _, q := range []string{"DELETE FROM outbox", "DELETE FROM held", "DELETE FROM meta WHERE key IN ('" + metaCursor + "', '" +
		store.MetaLastSynced + "', '" + store.MetaPaused + "', '" + store.MetaRetryAfter + "', '" + store.MetaResync + "', '" +
		store.MetaEpoch + "', '" + store.MetaTaken + "', '" + store.MetaStock + "', '" + store.MetaJoining + "', '" + store.MetaNotice + "')"} {
		if _, err := t.exec(q); err != nil {
			return err
		}
	}
	if err := t.putMeta(store.MetaReplan, "1"); err != nil {
		return err
	}
	var ids []string
	err := t.each("SELECT id FROM notes ORDER BY pk", nil, func(scan func(...any) error) error {
		ids = append(ids, "")
		return scan(&ids[len(ids)-1])
	})
	if err != nil {
		return t.fail(err)
	}
	for _, id := range ids {
		if err := t.rebase(key, id); err != nil {
			return err
		}
	}
	return t.bringErased(key)
}

// bringErased makes hidden rows of the notes that were erased here while another
// server was in use: the one that is entered is told.
func (t *tx) bringErased(key string) error {
	var erased []model.Note
	err := t.each("SELECT note, rev, remote_id FROM shadows WHERE server = ? AND note NOT IN (SELECT id FROM notes)", []any{key}, func(scan func(...any) error) error {
		n := model.Note{Fields: model.Fields{Deleted: true}, Purged: true, Status: model.Pending, Cause: model.CauseDelete, UpdatedAt: t.s.o.Now()}
		if err := scan(&n.ID, &n.Rev, &n.RemoteID); err != nil {
			return err
		}
		erased = append(erased, n)
		return nil
	})
	if err != nil {
		return t.fail(err)
	}
	for _, n := range erased {
		if _, err := t.PutNote(n); err != nil {
			return err
		}
	}
	return nil
}

// rebase sets where one note stands towards another server.
func (t *tx) rebase(key, id string) error {
	n, err := t.reader.Note(id)
	if err != nil {
		return t.fail(err)
	}
	rec, known, err := t.shadowOf(key, id)
	if err != nil {
		return t.fail(err)
	}
	status := model.Pending
	switch {
	case known && model.Equal(rec.Fields, n.Fields) && rec.Purged == n.Purged:
		status = model.Synced
	case !known && n.Purged:
		status = model.Synced // erased here, never known there: nothing to tell
	}
	seq, err := t.nextSeq()
	if err != nil {
		return err
	}
	shelf := shelfOf(n)
	t.changes.count(shelf, n.Status, -1)
	t.changes.count(shelf, status, 1)
	var textRev int64
	if known && model.SameText(rec.Fields, n.Fields) {
		textRev = rec.Rev
	}
	_, err = t.exec("UPDATE notes SET status=?, rev=?, remote_id=?, server_at=?, text_rev=?, seq=? WHERE id=?", string(status), rec.Rev,
		rec.RemoteID, millis(rec.ServerAt), textRev, seq, id)
	if err == nil && status == model.Synced {
		_, err = t.exec("DELETE FROM shadows WHERE note = ? AND server = ?", id, key)
	}
	return err
}

// endReviews closes every review and keeps its other side as a version.
func (t *tx) endReviews() error {
	var open []string
	err := t.each("SELECT note FROM reviews", nil, func(scan func(...any) error) error {
		open = append(open, "")
		return scan(&open[len(open)-1])
	})
	if err != nil {
		return t.fail(err)
	}
	for _, id := range open {
		r, _, err := t.Review(id)
		if err != nil {
			return t.fail(fmt.Errorf("end review: %w", err))
		}
		if !r.Remote.Fields.Deleted {
			err = t.KeepVersion(model.Version{NoteID: id, Rev: r.Remote.Rev, At: r.Remote.SavedAt, Device: r.Remote.Device,
				Cause: model.CauseOther, Fields: r.Remote.Fields})
		}
		if err == nil {
			err = t.unsee(r)
		}
		if err == nil {
			err = t.DropReview(id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unsee takes the server's side of an unanswered review back out of what is
// known: whoever comes back to that server meets it again, and is asked again.
func (t *tx) unsee(r model.Review) error {
	key, err := t.serverKey()
	if err != nil {
		return t.fail(err)
	}
	seen, known, err := t.shadowOf(key, r.NoteID)
	switch {
	case err != nil:
		return t.fail(err)
	case r.Remote.Rev == 0, !known, seen.Rev < r.Remote.Rev: // this device's own, or not taken in yet
		return nil
	case r.Base == nil:
		return t.dropShadow(r.NoteID)
	}
	return t.PutShadow(model.Record{ID: r.NoteID, Rev: 1, Fields: *r.Base})
}
