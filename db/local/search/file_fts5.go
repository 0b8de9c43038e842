//go:build sqlite_fts5 || fts5

package search

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/mattn/go-sqlite3"
)

// schema of the file:
//
//   - docs tells which text of which note is in. row rises with each text, so
//     that descending rows are the latest changed notes, and so that FTS5 need
//     not write out what it has gathered when an old note comes again.
//   - words has all words without their texts; titles those of the titles once
//     more, because a column of words is not found without reading all of it.
//     Their tokenizer only splits at spaces what this package has folded and
//     split.
//   - terms are the different words, and pieces their runs of three letters:
//     what is inside of a word is looked up there, and the words in words.
//     Both are empty until a query needs them.
const schema = `
	CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), store TEXT NOT NULL, seq INTEGER NOT NULL, pieces INTEGER NOT NULL,
		erased INTEGER NOT NULL, format INTEGER NOT NULL);
	CREATE TABLE docs (row INTEGER PRIMARY KEY, pk INTEGER NOT NULL UNIQUE, version INTEGER NOT NULL);
	CREATE VIRTUAL TABLE words USING fts5 (title, body, content='', contentless_delete=1, prefix='1 2 3', tokenize='ascii');
	CREATE VIRTUAL TABLE titles USING fts5 (title, content='', contentless_delete=1, prefix='1 2 3', tokenize='ascii');
	CREATE VIRTUAL TABLE vocabulary USING fts5vocab (words, instance);
	INSERT INTO words (words, rank) VALUES ('automerge', 0), ('crisismerge', 64), ('hashsize', 16777216);
	INSERT INTO titles (titles, rank) VALUES ('automerge', 0);` + emptyPieces

const emptyPieces = `
	DROP TABLE IF EXISTS terms;
	DROP TABLE IF EXISTS pieces;
	CREATE TABLE terms (id INTEGER PRIMARY KEY, term TEXT NOT NULL UNIQUE);
	CREATE VIRTUAL TABLE pieces USING fts5 (term, content='', detail=none, tokenize='trigram case_sensitive 1');
	INSERT INTO pieces (pieces, rank) VALUES ('hashsize', 4194304);`

const drop = `
	DROP TABLE IF EXISTS vocabulary;
	DROP TABLE IF EXISTS words;
	DROP TABLE IF EXISTS titles;
	DROP TABLE IF EXISTS inside;
	DROP TABLE IF EXISTS docs;
	DROP TABLE IF EXISTS state;`

const format = 2

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
	// Commits are not synced (NORMAL): a power cut may take the last of them,
	// which are made again, but does not damage the file.
	v := url.Values{"mode": {"rw"}, "_busy_timeout": {"0"}, "_journal_mode": {"WAL"}, "_synchronous": {"NORMAL"}, "_txlock": {"immediate"},
		"_stmt_cache_size": {"32"}, "_secure_delete": {"on"}, "_cache_size": {"-8000"}}
	u := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: v.Encode()}
	db := sql.OpenDB(connector{u.String()})
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(3)
	return db, nil
}

// state is how far the index is.
type state struct {
	store string
	seq   [2]int64 // change numbers up to which each part is made
	// erased: notes were purged whose words may still be in the file.
	erased bool
}

// readState reads how far the index is; a file without usable tables is at the
// beginning of no store.
func readState(ctx context.Context, db *sql.DB) (st state, err error) {
	var version int
	err = db.QueryRowContext(ctx, "SELECT store, seq, pieces, erased, format FROM state").
		Scan(&st.store, &st.seq[forWords], &st.seq[forPieces], &st.erased, &version)
	if err == nil && version == format {
		return st, nil
	}
	if err != nil && !strings.Contains(err.Error(), "no such table") && !strings.Contains(err.Error(), "no such column") {
		return state{}, fmt.Errorf("read index: %w", err)
	}
	return state{}, nil
}

// begin empties the index for a store.
func begin(ctx context.Context, db *sql.DB, id string) error {
	return inTx(ctx, db, func(tx *sql.Tx) error {
		for _, q := range []string{drop, schema} {
			if _, err := tx.ExecContext(ctx, q); err != nil {
				return fmt.Errorf("begin index: %w", err)
			}
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO state VALUES (1, ?, 0, 0, 0, ?)", id, format)
		return err
	})
}

func inTx(ctx context.Context, db *sql.DB, f func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after the commit
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}
