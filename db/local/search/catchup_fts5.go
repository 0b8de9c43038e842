//go:build sqlite_fts5 || fts5

package search

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/mattn/go-sqlite3"
)

// batch is the number of changed notes read and indexed at a time.
const batch = 1000

// schema: words without their texts, and three-letter pieces without their
// places; docs tells which text of a note is in. Erased texts are overwritten.
const schema = `
	CREATE TABLE IF NOT EXISTS state (one INTEGER PRIMARY KEY CHECK (one = 1), store TEXT NOT NULL, seq INTEGER NOT NULL, format INTEGER NOT NULL);
	CREATE TABLE IF NOT EXISTS docs (pk INTEGER PRIMARY KEY, version INTEGER NOT NULL);
	CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (title, body, content='', contentless_delete=1, prefix='1 2 3', tokenize='unicode61');
	CREATE VIRTUAL TABLE IF NOT EXISTS inside USING fts5 (title, body, content='', contentless_delete=1, detail=none, tokenize='trigram');
	INSERT OR IGNORE INTO state VALUES (1, '', 0, 1);`

const format = 1

type connector struct{ dsn string }

func (c connector) Connect(context.Context) (driver.Conn, error) {
	return (&sqlite3.SQLiteDriver{}).Open(c.dsn)
}
func (c connector) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

func openFile(path string) (*sql.DB, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	v := url.Values{"mode": {"rw"}, "_busy_timeout": {"0"}, "_journal_mode": {"WAL"}, "_synchronous": {"NORMAL"}, "_txlock": {"immediate"},
		"_stmt_cache_size": {"32"}, "_secure_delete": {"on"}, "_cache_size": {"-16000"}}
	u := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: v.Encode()}
	db := sql.OpenDB(connector{u.String()})
	db.SetMaxOpenConns(4)
	return db, nil
}

// ready opens the index if need be and brings it up to date. While another
// process does that, the index is used as it is.
func (x *Index) ready(ctx context.Context) (*sql.DB, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.db == nil {
		db, err := openFile(x.path)
		if err != nil {
			return nil, err
		}
		x.db = db
	}
	err := x.catchUp(ctx)
	if busy(err) {
		err = nil
	}
	return x.db, err
}

func busy(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && (e.Code == sqlite3.ErrBusy || e.Code == sqlite3.ErrLocked)
}

func (x *Index) catchUp(ctx context.Context) error {
	id, seq, err := x.src.State(ctx)
	if err != nil {
		return err
	}
	store, have, err := x.state(ctx)
	if err != nil {
		return err
	}
	if store != id || have > seq {
		if err := x.begin(ctx, id); err != nil {
			return err
		}
		have = 0
	}
	for have < seq {
		last, err := x.next(ctx, have)
		if err != nil {
			return err
		}
		if last == 0 {
			return x.mark(ctx, seq) // what lay between is gone without a trace
		}
		have = last
	}
	return nil
}

// state reads which store and change number the index stands at; a new file is
// given its tables.
func (x *Index) state(ctx context.Context) (store string, seq int64, err error) {
	var version int
	err = x.db.QueryRowContext(ctx, "SELECT store, seq, format FROM state").Scan(&store, &seq, &version)
	if err == nil && version == format {
		return store, seq, nil
	}
	if err != nil && !strings.Contains(err.Error(), "no such table") {
		return "", 0, err
	}
	return "", 0, nil
}

// begin empties the index for a store.
func (x *Index) begin(ctx context.Context, id string) error {
	return x.tx(ctx, func(tx *sql.Tx) error {
		for _, q := range []string{"DROP TABLE IF EXISTS words", "DROP TABLE IF EXISTS inside", "DROP TABLE IF EXISTS docs",
			"DROP TABLE IF EXISTS state", schema, "INSERT INTO words (words, rank) VALUES ('secure-delete', 1)",
			"INSERT INTO inside (inside, rank) VALUES ('hashsize', 4194304)"} {
			if _, err := tx.ExecContext(ctx, q); err != nil {
				return fmt.Errorf("begin index: %w", err)
			}
		}
		_, err := tx.ExecContext(ctx, "UPDATE state SET store = ?, seq = 0", id)
		return err
	})
}

func (x *Index) tx(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := x.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after the commit
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

func (x *Index) mark(ctx context.Context, seq int64) error {
	_, err := x.db.ExecContext(ctx, "UPDATE state SET seq = max(seq, ?)", seq)
	return err
}

// next indexes one batch of changes in one transaction.
func (x *Index) next(ctx context.Context, after int64) (last int64, err error) {
	err = x.tx(ctx, func(tx *sql.Tx) error {
		last, err = x.src.Changed(ctx, after, batch, func(d Doc) error { return put(tx, d) })
		if err != nil || last == 0 {
			return err
		}
		_, err = tx.Exec("UPDATE state SET seq = ?", last)
		return err
	})
	return last, err
}

func put(tx *sql.Tx, d Doc) error {
	var have int64
	err := tx.QueryRow("SELECT version FROM docs WHERE pk = ?", d.PK).Scan(&have)
	known := err == nil
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if known && have == d.Version && !d.Gone {
		return nil
	}
	if known {
		for _, q := range []string{"DELETE FROM words WHERE rowid = ?", "DELETE FROM inside WHERE rowid = ?", "DELETE FROM docs WHERE pk = ?"} {
			if _, err := tx.Exec(q, d.PK); err != nil {
				return err
			}
		}
	}
	if d.Gone {
		return nil
	}
	title, body := fold(d.Title), fold(d.Body)
	if _, err := tx.Exec("INSERT INTO words (rowid, title, body) VALUES (?,?,?)", d.PK, strings.Join(words(title), " "),
		strings.Join(words(body), " ")); err != nil {
		return err
	}
	if _, err := tx.Exec("INSERT INTO inside (rowid, title, body) VALUES (?,?,?)", d.PK, title, body); err != nil {
		return err
	}
	_, err = tx.Exec("INSERT INTO docs (pk, version) VALUES (?,?)", d.PK, d.Version)
	return err
}
