package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"stet/model"
	"stet/syncengine/server/store"
)

const (
	sqlCollection = `SELECT coalesce((SELECT stamp FROM collections WHERE account = ? AND name = ?), 0)`
	sqlTop        = `SELECT coalesce(max(rev), 0) FROM notes WHERE account = ? AND collection = ?`
	sqlLive       = `SELECT count(*) FROM notes WHERE account = ? AND collection = ? AND NOT deleted`
	sqlMade       = `SELECT count(*) FROM changes WHERE account = ? AND op_id = ? AND note = ? AND collection = 'notes'`
	sqlRange      = ` FROM notes n JOIN changes c ON c.account = n.account AND c.rev = n.rev
		WHERE n.account = ? AND n.collection = ? AND n.rev > ? AND n.rev < ? AND n.deleted <= ? ORDER BY n.rev `
	sqlPrevious = `SELECT c.prev FROM notes n JOIN changes c ON c.account = n.account AND c.rev = n.rev
		WHERE n.account = ? AND n.collection = ? AND n.id = ?`
	docColumns = `n.id, n.rev, n.deleted, c.snapshot`
	sqlDoc     = `SELECT ` + docColumns + ` FROM notes n JOIN changes c ON c.account = n.account AND c.rev = n.rev
		WHERE n.account = ? AND n.collection = ? AND n.id = ?`
)

// reader implements store.Reader on a snapshot or a transaction.
type reader struct {
	ctx context.Context
	s   *Store
	q   querier
	acc *account
}

// View implements store.Transactor.
func (s *Store) View(ctx context.Context, id int64, f func(store.Reader) error) error {
	return s.view(ctx, func(tx *sql.Tx) error {
		acc, err := readAccount(ctx, tx, id)
		if err != nil {
			return err
		}
		return f(reader{ctx, s, tx, acc})
	})
}

func (r reader) Head() store.Cursor { return r.acc.head() }

func (r reader) Note(id string) (model.Record, error) {
	var purged bool
	rec, _, err := r.s.scanChange(r.q.QueryRowContext(r.ctx, sqlNote, r.acc.id, store.Notes, id), &purged)
	if errors.Is(err, sql.ErrNoRows) {
		return rec, fmt.Errorf("read note: %w", model.ErrNotFound)
	}
	rec.Purged = purged
	return rec, translate("read note", err)
}

func (r reader) Made(note, opID string) (made bool, err error) {
	err = r.q.QueryRowContext(r.ctx, sqlMade, r.acc.id, opID, note).Scan(&made)
	return made, translate("look up key", err)
}

func (r reader) Doc(collection, id string) (store.Doc, error) {
	doc, err := r.s.scanDoc(r.q.QueryRowContext(r.ctx, sqlDoc, r.acc.id, collection, id))
	if errors.Is(err, sql.ErrNoRows) || collection == store.Notes {
		return doc, fmt.Errorf("read document: %w", store.ErrNoDoc)
	}
	return doc, translate("read document", err)
}

func (r reader) Previous(collection, id string) (rev int64, err error) {
	err = r.q.QueryRowContext(r.ctx, sqlPrevious, r.acc.id, collection, id).Scan(&rev)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return rev, translate("read history", err)
}

func (r reader) Newest(collection string) (rev int64, err error) {
	err = r.q.QueryRowContext(r.ctx, sqlTop, r.acc.id, collection).Scan(&rev)
	return rev, translate("read collection", err)
}

func (r reader) Looked(collection string) (int64, error) {
	rev, err := r.Newest(collection)
	if err != nil || rev > 0 {
		return rev, err
	}
	err = r.q.QueryRowContext(r.ctx, sqlCollection, r.acc.id, collection).Scan(&rev)
	return rev, translate("read collection", err)
}

func (r reader) Count(collection string) (n int, err error) {
	err = r.q.QueryRowContext(r.ctx, sqlLive, r.acc.id, collection).Scan(&n)
	return n, translate("count documents", err)
}

func (r reader) EachNote(in store.Range, do func(model.Record) bool) error {
	return r.each(`SELECT n.purged, `+changeColumns, store.Notes, in, func(rows *sql.Rows) (bool, error) {
		var purged bool
		rec, _, err := r.s.scanChange(rows, &purged)
		rec.Purged = purged
		return err == nil && do(rec), err
	})
}

func (r reader) EachDoc(collection string, in store.Range, do func(store.Doc) bool) error {
	if collection == store.Notes {
		return fmt.Errorf("list documents: %w", model.ErrRefused)
	}
	return r.each(`SELECT `+docColumns, collection, in, func(rows *sql.Rows) (bool, error) {
		doc, err := r.s.scanDoc(rows)
		return err == nil && do(doc), err
	})
}

// each runs do on the rows of a range until it says that it has enough.
func (r reader) each(columns, collection string, in store.Range, do func(*sql.Rows) (more bool, err error)) error {
	order := "ASC"
	if in.Newest {
		order = "DESC"
	}
	if in.Before == 0 {
		in.Before = math.MaxInt64
	}
	rows, err := r.q.QueryContext(r.ctx, columns+sqlRange+order, r.acc.id, collection, in.After, in.Before, in.Tombstones)
	if err != nil {
		return translate("list collection", err)
	}
	defer rows.Close()
	for rows.Next() {
		if more, err := do(rows); err != nil || !more {
			return translate("list collection", err)
		}
	}
	return translate("list collection", rows.Err())
}

func (s *Store) scanDoc(row scanner) (doc store.Doc, err error) {
	var snapshot []byte
	if err = row.Scan(&doc.ID, &doc.Rev, &doc.Deleted, &snapshot); err != nil || doc.Deleted {
		return doc, err
	}
	doc.Data, err = s.codec.text(snapshot)
	return doc, err
}
