package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"time"

	"stet/model"
	"stet/syncengine/server/store"
)

// changeColumns is what a record is made of, in the order of scanChange.
const changeColumns = `c.note, c.rev, c.op_id, c.device, c.kind, c.at, c.snapshot`

const (
	sqlByOp = `SELECT c.body_hash, ` + changeColumns + ` FROM changes c WHERE c.account = ? AND c.op_id = ?`
	sqlNote = `SELECT n.purged, ` + changeColumns + ` FROM notes n JOIN changes c ON c.account = n.account AND c.rev = n.rev
		WHERE n.account = ? AND n.collection = ? AND n.id = ?`
	sqlInsert = `INSERT INTO changes (account, rev, prev, collection, note, op_id, device, kind, at, body_hash, tag, snapshot)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlUpsert = `INSERT INTO notes (account, collection, id, rev, deleted, purged) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (account, collection, id) DO UPDATE SET rev = excluded.rev, deleted = excluded.deleted, purged = excluded.purged`
	sqlClock = `UPDATE accounts SET clock = ?, tag = ? WHERE id = ?`
	sqlPrev  = `SELECT prev FROM changes WHERE account = ? AND rev = ?`
	sqlErase = `UPDATE changes SET snapshot = NULL WHERE account = ? AND rev = ? AND snapshot IS NOT NULL`
)

// Apply implements store.Store.
func (s *Store) Apply(ctx context.Context, id int64, since store.Cursor, writes []store.Write) ([]store.Result, error) {
	var out []store.Result
	err := s.submit(ctx, len(writes), func(g *group) error {
		acc, err := g.account(id)
		if err != nil {
			return err
		}
		if err := acc.check(g.ctx, g.w.conn, since); err != nil {
			return err
		}
		out, err = g.applyAll(acc, writes)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// account returns an account's row as this transaction has left it.
func (g *group) account(id int64) (*account, error) {
	if a := g.accounts[id]; a != nil {
		return a, nil
	}
	a, err := readAccount(g.ctx, g.w.conn, id)
	if err == nil {
		g.accounts[id] = a
	}
	return a, err
}

func (g *group) saveClocks() error {
	for id := range g.dirty {
		a := g.accounts[id]
		if _, err := g.w.stmt.clock.ExecContext(g.ctx, a.clock, a.tag, id); err != nil {
			return translate("write clock", err)
		}
	}
	return nil
}

func (g *group) applyAll(acc *account, writes []store.Write) ([]store.Result, error) {
	out := make([]store.Result, len(writes))
	barred := map[string]bool{}
	for i, w := range writes {
		if barred[w.Op.NoteID] {
			out[i] = store.Result{Verdict: store.NotTried, Kind: w.Op.Kind, Record: model.Record{ID: w.Op.NoteID}}
			continue
		}
		res, err := g.apply(acc, w)
		if err != nil {
			return nil, err
		}
		if failed(res.Verdict) {
			barred[w.Op.NoteID] = true
		}
		out[i] = res
	}
	return out, nil
}

// apply runs one write: key, judgement, clock, rows. Nothing is written before
// the judgement is done.
func (g *group) apply(acc *account, w store.Write) (store.Result, error) {
	if res, seen, err := g.replay(acc, w); seen || err != nil {
		return g.date(acc.id, res, err)
	}
	cur, err := g.current(acc.id, w.Op.NoteID)
	if err != nil {
		return store.Result{}, err
	}
	verdict, after := judge(w.Op, cur)
	if verdict != store.Applied {
		res := store.Result{Verdict: verdict, Kind: w.Op.Kind, Record: model.Record{ID: w.Op.NoteID}}
		if cur != nil {
			res.Record = *cur
		}
		return res, nil
	}
	return g.write(acc, w, cur, after)
}

// date says of a replay whether the note has changed since.
func (g *group) date(acc int64, res store.Result, err error) (store.Result, error) {
	if err != nil || res.Verdict != store.Replayed {
		return res, err
	}
	var rev int64
	if err := g.w.conn.QueryRowContext(g.ctx, sqlNewest, acc, store.Notes, res.Record.ID).Scan(&rev); err != nil {
		return res, translate("look up note", err)
	}
	res.Superseded = rev != res.Record.Rev
	return res, nil
}

// replay answers a key that was used before.
func (g *group) replay(acc *account, w store.Write) (store.Result, bool, error) {
	var hash []byte
	rec, kind, err := g.w.s.scanChange(g.w.stmt.byOp.QueryRowContext(g.ctx, acc.id, w.Op.ID), &hash)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return store.Result{}, false, nil
	case err != nil:
		return store.Result{}, false, translate("look up key", err)
	case !bytes.Equal(hash, w.Fingerprint[:]):
		return store.Result{Verdict: store.KeyReused, Kind: w.Op.Kind, Record: model.Record{ID: w.Op.NoteID}}, true, nil
	}
	if rec.Purged && kind != model.Purge {
		return g.outlived(acc, w, kind, rec)
	}
	return store.Result{Verdict: store.Replayed, Kind: kind, Record: rec}, true, nil
}

// outlived answers a key whose snapshot is gone. Of a purged note a tombstone is
// the whole answer. Otherwise the op is told as done, without the text that it
// made; an append's answer, which is always the whole note, is the present one.
func (g *group) outlived(acc *account, w store.Write, kind model.Kind, rec model.Record) (store.Result, bool, error) {
	cur, err := g.current(acc.id, w.Op.NoteID)
	if err != nil {
		return store.Result{}, true, err
	}
	switch {
	case cur == nil || cur.Purged:
		return store.Result{Verdict: store.Replayed, Kind: kind, Record: rec}, true, nil
	case kind == model.Append:
		return store.Result{Verdict: store.Replayed, Kind: kind, Record: *cur}, true, nil
	}
	rec.Purged, rec.Fields = false, model.Fields{Deleted: kind == model.Delete}
	return store.Result{Verdict: store.Replayed, Kind: kind, Record: rec, Thin: true}, true, nil
}

func (g *group) current(acc int64, id string) (*model.Record, error) {
	var purged bool
	rec, _, err := g.w.s.scanChange(g.w.stmt.note.QueryRowContext(g.ctx, acc, store.Notes, id), &purged)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, translate("read note", err)
	}
	rec.Purged = purged
	return &rec, nil
}

// write gives the op the next rev and writes its rows.
func (g *group) write(acc *account, w store.Write, cur *model.Record, after model.Fields) (store.Result, error) {
	snapshot, err := g.w.s.codec.pack(after)
	if err != nil {
		return store.Result{}, err
	}
	prev, prevRev := acc.head(), int64(0)
	if cur != nil {
		prevRev = cur.Rev
	}
	rev := max(g.w.s.opts.Now().UnixMilli(), acc.clock+1)
	tag := nextTag(acc.tag, rev, w.Op.ID, w.Fingerprint)
	purged := w.Op.Kind == model.Purge
	_, err = g.w.stmt.insert.ExecContext(g.ctx, acc.id, rev, prevRev, store.Notes, w.Op.NoteID, w.Op.ID, w.Op.Device,
		string(w.Op.Kind), millis(w.At), w.Fingerprint[:], tag, snapshot)
	if err != nil {
		return store.Result{}, translate("write change", err)
	}
	if _, err = g.w.stmt.upsert.ExecContext(g.ctx, acc.id, store.Notes, w.Op.NoteID, rev, after.Deleted, purged); err != nil {
		return store.Result{}, translate("write note", err)
	}
	if purged {
		if err := g.erase(acc.id, prevRev); err != nil {
			return store.Result{}, err
		}
	}
	acc.clock, acc.tag = rev, tag
	g.dirty[acc.id] = true
	rec := model.Record{ID: w.Op.NoteID, Rev: rev, Fields: after, Purged: purged, Device: w.Op.Device, OpID: w.Op.ID,
		SavedAt: fromMillis(millis(w.At)), ServerAt: fromMillis(rev)}
	return store.Result{Verdict: store.Applied, Record: rec, Kind: w.Op.Kind, Prev: prev, Next: acc.head()}, nil
}

// erase empties the snapshots of a note's history, from rev back.
func (g *group) erase(acc, rev int64) error {
	for rev != 0 {
		if _, err := g.w.conn.ExecContext(g.ctx, sqlErase, acc, rev); err != nil {
			return translate("erase history", err)
		}
		if err := g.w.conn.QueryRowContext(g.ctx, sqlPrev, acc, rev).Scan(&rev); err != nil {
			return translate("erase history", err)
		}
	}
	return nil
}

// scanner is a row.
type scanner interface{ Scan(dst ...any) error }

// scanChange reads changeColumns, after columns of the caller's. An emptied
// snapshot reads as a purged tombstone: that is all that is left to tell.
func (s *Store) scanChange(row scanner, first ...any) (model.Record, model.Kind, error) {
	var rec model.Record
	var kind string
	var at int64
	var snapshot []byte
	err := row.Scan(append(first, &rec.ID, &rec.Rev, &rec.OpID, &rec.Device, &kind, &at, &snapshot)...)
	if err != nil {
		return rec, "", err
	}
	rec.SavedAt, rec.ServerAt = fromMillis(at), fromMillis(rec.Rev)
	rec.Purged = kind == string(model.Purge)
	if snapshot == nil {
		rec.Fields, rec.Purged = model.Fields{Deleted: true}, true
		return rec, model.Kind(kind), nil
	}
	rec.Fields, err = s.codec.unpack(snapshot)
	return rec, model.Kind(kind), err
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
