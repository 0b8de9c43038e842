package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"stet/model"
	"stet/syncengine/server/store"
)

const (
	sqlPage = `SELECT c.tag, n.purged, ` + changeColumns + `
		FROM notes n JOIN changes c ON c.account = n.account AND c.rev = n.rev
		WHERE n.account = ? AND n.rev > ? AND n.collection = ? AND n.deleted <= ? ORDER BY n.rev LIMIT 0+?`
	sqlAt     = `SELECT ` + changeColumns + ` FROM changes c WHERE c.account = ? AND c.rev = ? AND c.collection = 'notes' AND c.note = ? AND c.snapshot IS NOT NULL`
	sqlLink   = `SELECT c.prev, c.snapshot IS NULL, ` + changeColumns + ` FROM changes c WHERE c.account = ? AND c.rev = ?`
	sqlNewest = `SELECT rev FROM notes WHERE account = ? AND collection = ? AND id = ?`
)

// view runs do on one snapshot.
func (s *Store) view(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return translate("begin to read", err)
	}
	defer func() { _ = tx.Rollback() }()
	return do(tx)
}

// Changes implements store.Store.
func (s *Store) Changes(ctx context.Context, id int64, since store.Cursor, limit, maxBytes int) (store.Page, error) {
	var page store.Page
	err := s.view(ctx, func(tx *sql.Tx) error {
		acc, err := readAccount(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := acc.check(ctx, tx, since); err != nil {
			return err
		}
		if page.Next = acc.head(); since == page.Next {
			return nil
		}
		return s.page(ctx, tx, acc, since, limit, maxBytes, &page)
	})
	if err != nil {
		return store.Page{}, err
	}
	return page, nil
}

func (s *Store) page(ctx context.Context, tx *sql.Tx, acc *account, since store.Cursor, limit, maxBytes int, page *store.Page) error {
	cold := since == store.Cursor{}
	rows, err := tx.QueryContext(ctx, sqlPage, acc.id, since.Rev, store.Notes, !cold, limit+1)
	if err != nil {
		return translate("read changes", err)
	}
	defer rows.Close()
	var last store.Cursor
	size := 0
	for rows.Next() {
		if len(page.Changes) == limit || size >= maxBytes {
			page.More, page.Next = true, last
			return nil
		}
		var tag string
		var purged bool
		rec, _, err := s.scanChange(rows, &tag, &purged)
		if err != nil {
			return translate("read changes", err)
		}
		rec.Purged = purged
		size += len(rec.Fields.Title) + len(rec.Fields.Body) + logSize(rec.Fields) + 256
		page.Changes = append(page.Changes, rec)
		last = acc.place(rec.Rev, tag)
	}
	return translate("read changes", rows.Err())
}

func logSize(f model.Fields) (n int) {
	for _, e := range f.Log {
		n += len(e.Text) + 96
	}
	for _, v := range f.Extra {
		n += len(v)
	}
	return n
}

// Head implements store.Store.
func (s *Store) Head(ctx context.Context, id int64) (store.Cursor, error) {
	acc, err := readAccount(ctx, s.read, id)
	if err != nil {
		return store.Cursor{}, err
	}
	return acc.head(), nil
}

// Note implements store.Store.
func (s *Store) Note(ctx context.Context, account int64, id string) (model.Record, error) {
	var purged bool
	rec, _, err := s.scanChange(s.read.QueryRowContext(ctx, sqlNote, account, store.Notes, id), &purged)
	if errors.Is(err, sql.ErrNoRows) {
		return rec, fmt.Errorf("read note: %w", model.ErrNotFound)
	}
	rec.Purged = purged
	return rec, translate("read note", err)
}

// NoteAt implements store.Store.
func (s *Store) NoteAt(ctx context.Context, account int64, id string, rev int64) (model.Record, error) {
	rec, _, err := s.scanChange(s.read.QueryRowContext(ctx, sqlAt, account, rev, id))
	if errors.Is(err, sql.ErrNoRows) {
		return rec, fmt.Errorf("read note at a revision: %w", model.ErrNotFound)
	}
	return rec, translate("read note at a revision", err)
}

// History implements store.Store. It walks the note's chain of changes.
func (s *Store) History(ctx context.Context, account int64, id string, before int64, limit int) ([]store.Version, error) {
	var out []store.Version
	err := s.view(ctx, func(tx *sql.Tx) error {
		var rev int64
		err := tx.QueryRowContext(ctx, sqlNewest, account, store.Notes, id).Scan(&rev)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read history: %w", model.ErrNotFound)
		}
		if err != nil {
			return translate("read history", err)
		}
		for rev != 0 && len(out) < limit {
			var prev int64
			var empty bool
			rec, kind, err := s.scanChange(tx.QueryRowContext(ctx, sqlLink, account, rev), &prev, &empty)
			if err != nil {
				return translate("read history", err)
			}
			if !empty && (before == 0 || rev < before) {
				out = append(out, store.Version{Record: rec, Kind: kind})
			}
			rev = prev
		}
		return nil
	})
	return out, err
}
