package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"stet/model"
	"stet/syncengine/server/store"
)

const (
	sqlKnownOp  = `SELECT count(*) FROM changes WHERE account = ? AND op_id = ?`
	sqlLook     = `INSERT INTO collections (account, name, stamp) VALUES (?, ?, ?)`
	sqlDropText = `UPDATE changes SET snapshot = NULL WHERE account = ? AND rev IN (SELECT rev FROM notes WHERE account = ? AND collection = ?)`
	sqlDropDocs = `DELETE FROM notes WHERE account = ? AND collection = ?`
	sqlDropLook = `DELETE FROM collections WHERE account = ? AND name = ?`
)

// Kinds of changes that are no ops. Their keys have a space, which no client's
// has.
const (
	kindDoc  = "doc"
	kindLook = "look" // the first at a collection
)

// shared is about how many writes one transaction of a caller's makes.
const shared = 16

// txn implements store.Txn inside a group. What it wrote can be undone without
// the group.
type txn struct {
	reader
	g *group
	// before is the account at the first write, if there was one.
	before *account
	clean  bool // the account had no write in this group until then
}

// Transact implements store.Transactor.
func (s *Store) Transact(ctx context.Context, id int64, f func(store.Txn) error) error {
	var refused error
	err := s.submit(ctx, shared, func(g *group) error {
		acc, err := g.account(id)
		if err != nil {
			return err
		}
		t := &txn{reader: reader{g.ctx, s, g.w.conn, acc}, g: g}
		refused = f(t)
		return t.end(refused)
	})
	if err != nil {
		return err
	}
	return refused
}

// begin marks the place to which a refused transaction goes back.
func (t *txn) begin() error {
	if t.before != nil {
		return nil
	}
	if _, err := t.g.w.conn.ExecContext(t.ctx, "SAVEPOINT caller"); err != nil {
		return translate("begin", err)
	}
	before := *t.acc
	t.before, t.clean = &before, !t.g.dirty[t.acc.id]
	return nil
}

// end keeps or undoes what was written. An error is the whole group's.
func (t *txn) end(refused error) error {
	if diskFailed(refused) {
		return refused
	}
	if t.before == nil {
		return nil
	}
	if refused == nil {
		_, err := t.g.w.conn.ExecContext(t.ctx, "RELEASE caller")
		return translate("write", err)
	}
	if _, err := t.g.w.conn.ExecContext(t.ctx, "ROLLBACK TO caller"); err != nil {
		return translate("undo", err)
	}
	if _, err := t.g.w.conn.ExecContext(t.ctx, "RELEASE caller"); err != nil {
		return translate("undo", err)
	}
	*t.acc = *t.before
	if t.clean {
		delete(t.g.dirty, t.acc.id)
	}
	return nil
}

func (t *txn) PutNote(w store.Write, after model.Fields) (model.Record, error) {
	if err := t.begin(); err != nil {
		return model.Record{}, err
	}
	if err := t.name(&w.Op); err != nil {
		return model.Record{}, err
	}
	if w.At.IsZero() {
		w.At = t.s.opts.Now()
	}
	cur, err := t.g.current(t.acc.id, w.Op.NoteID)
	if err != nil {
		return model.Record{}, err
	}
	res, err := t.g.write(t.acc, w, cur, after)
	return res.Record, err
}

func (t *txn) Knows(opID string) (bool, error) {
	var n int
	err := t.g.w.conn.QueryRowContext(t.ctx, sqlKnownOp, t.acc.id, opID).Scan(&n)
	return n > 0, translate("look up key", err)
}

// name gives an op a key if it has none. The clock stands at each number once.
func (t *txn) name(op *model.Op) error {
	given := op.ID != ""
	if !given {
		op.ID = "put-" + strconv.FormatInt(t.acc.clock, 10)
	}
	for {
		var n int
		if err := t.g.w.conn.QueryRowContext(t.ctx, sqlKnownOp, t.acc.id, op.ID).Scan(&n); err != nil {
			return translate("look up key", err)
		}
		if n == 0 {
			return nil
		}
		if given {
			return fmt.Errorf("write note: key: %w", store.ErrExists)
		}
		op.ID += "." // somebody took it to be clever
	}
}

func (t *txn) PutDoc(collection, id string, data []byte) (store.Doc, error) {
	if collection == store.Notes {
		return store.Doc{}, fmt.Errorf("write document: %w", model.ErrRefused)
	}
	if err := t.begin(); err != nil {
		return store.Doc{}, err
	}
	prev := int64(0)
	err := t.g.w.conn.QueryRowContext(t.ctx, sqlNewest, t.acc.id, collection, id).Scan(&prev)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return store.Doc{}, translate("read document", err)
	}
	deleted := data == nil
	rev, err := t.tick(prev, collection, id, kindDoc, sha256.Sum256(data), t.s.codec.packText(data))
	if err != nil {
		return store.Doc{}, err
	}
	if _, err := t.g.w.stmt.upsert.ExecContext(t.ctx, t.acc.id, collection, id, rev, deleted, false); err != nil {
		return store.Doc{}, translate("write document", err)
	}
	if _, err := t.g.w.conn.ExecContext(t.ctx, sqlErase, t.acc.id, prev); err != nil {
		return store.Doc{}, translate("write document", err)
	}
	return store.Doc{ID: id, Rev: rev, Data: data, Deleted: deleted}, nil
}

// tick moves the clock for something that is no op and writes its change row, so
// that the new position can be proven like any other.
func (t *txn) tick(prev int64, collection, id, kind string, hash [32]byte, snapshot []byte) (int64, error) {
	now := t.s.opts.Now()
	rev := max(now.UnixMilli(), t.acc.clock+1)
	key := kind + " " + strconv.FormatInt(rev, 10)
	tag := nextTag(t.acc.tag, rev, key, hash)
	_, err := t.g.w.stmt.insert.ExecContext(t.ctx, t.acc.id, rev, prev, collection, id, key, "", kind, millis(now), hash[:], tag, snapshot)
	if err != nil {
		return 0, translate("write change", err)
	}
	t.acc.clock, t.acc.tag = rev, tag
	t.g.dirty[t.acc.id] = true
	return rev, nil
}

func (t *txn) Stamp(collection string) (int64, error) {
	rev, err := t.Looked(collection)
	if err != nil || rev > 0 {
		return rev, err
	}
	if err := t.begin(); err != nil {
		return 0, err
	}
	if rev, err = t.tick(0, collection, "", kindLook, [32]byte{}, nil); err != nil {
		return 0, err
	}
	_, err = t.g.w.conn.ExecContext(t.ctx, sqlLook, t.acc.id, collection, rev)
	return rev, translate("write collection", err)
}

func (t *txn) DropCollection(collection string) error {
	if collection == store.Notes {
		return fmt.Errorf("erase collection: %w", model.ErrRefused)
	}
	if err := t.begin(); err != nil {
		return err
	}
	if _, err := t.g.w.conn.ExecContext(t.ctx, sqlDropText, t.acc.id, t.acc.id, collection); err != nil {
		return translate("erase collection", err)
	}
	for _, text := range []string{sqlDropDocs, sqlDropLook} {
		if _, err := t.g.w.conn.ExecContext(t.ctx, text, t.acc.id, collection); err != nil {
			return translate("erase collection", err)
		}
	}
	return nil
}
