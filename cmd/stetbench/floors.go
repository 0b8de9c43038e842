package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

// rawStore is the same notes in a bare SQLite file: a table, an index by time,
// a history and a full-text index. It is what SQLite alone costs.
type rawStore struct {
	db   *sql.DB
	path string
	ids  []string
	fts  error // why there is no full-text index
}

// rawNewest is what a bare list reads.
const rawNewest = `SELECT title FROM notes ORDER BY updated DESC LIMIT 50`

const (
	rawSchema = `CREATE TABLE notes (id TEXT PRIMARY KEY, title TEXT, body TEXT, updated INTEGER);
		CREATE INDEX notes_updated ON notes (updated);
		CREATE TABLE history (id TEXT, at INTEGER, body TEXT);`
	rawInsert = `INSERT INTO notes (id, title, body, updated) VALUES (?, ?, ?, ?)`
	rawUpdate = `UPDATE notes SET body = ?, updated = ? WHERE id = ?`
	rawKeep   = `INSERT INTO history (id, at, body) VALUES (?, ?, ?)`
	rawIndex  = `CREATE VIRTUAL TABLE words USING fts5(title, body, content='notes', prefix='2 3');
		INSERT INTO words (words) VALUES ('rebuild');`
	rawRanked = `SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank LIMIT 300`
	rawLatest = `SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT 300`
)

// openRaw makes a bare store: WAL, each transaction on disk when it ends, one
// connection.
func (b *bench) openRaw(name string) (*rawStore, error) {
	r := &rawStore{path: filepath.Join(b.dir, name+".db")}
	dsn := url.URL{Scheme: "file", Opaque: r.path, RawQuery: "_journal_mode=WAL&_synchronous=FULL&_txlock=immediate&_stmt_cache_size=64"}
	var err error
	if r.db, err = sql.Open("sqlite3", dsn.String()); err != nil {
		return nil, fmt.Errorf("open bare store: %w", err)
	}
	r.db.SetMaxOpenConns(1)
	b.onClose(func() { _ = r.db.Close() }) // the file is removed next
	if _, err := r.db.ExecContext(b.ctx, rawSchema); err != nil {
		return nil, fmt.Errorf("make bare store: %w", err)
	}
	return r, nil
}

// rawNotes is the bare store with all notes, made once.
func (b *bench) rawNotes() (*rawStore, error) {
	if b.floor != nil {
		return b.floor, nil
	}
	r, err := b.openRaw("raw")
	if err != nil {
		return nil, err
	}
	if r.ids, err = r.load(b.ctx, newCorpus(1).texts(b.notes()), 10_000); err != nil {
		return nil, err
	}
	if _, r.fts = r.db.ExecContext(b.ctx, rawIndex); r.fts != nil {
		b.say("no bare full-text index: %v", r.fts)
	}
	b.floor = r
	return r, nil
}

// load writes notes in transactions of rows each and returns their ids.
func (r *rawStore) load(ctx context.Context, texts []text, rows int) (ids []string, err error) {
	for some := range slices.Chunk(texts, rows) {
		tx, err := r.db.BeginTx(ctx, nil)
		if err != nil {
			return nil, fmt.Errorf("fill bare store: %w", err)
		}
		defer tx.Rollback()
		for _, t := range some {
			ids = append(ids, t.id)
			if _, err := tx.ExecContext(ctx, rawInsert, t.id, t.fields.Title, t.fields.Body, t.at.UnixMilli()); err != nil {
				return nil, fmt.Errorf("fill bare store: %w", err)
			}
		}
		if err := tx.Commit(); err != nil {
			return nil, fmt.Errorf("fill bare store: %w", err)
		}
	}
	return ids, nil
}

// save is one durable change with its history.
func (r *rawStore) save(ctx context.Context, id, body string, at time.Time) (time.Duration, error) {
	began := time.Now()
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("bare save: %w", err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, rawUpdate, body, at.UnixMilli(), id); err != nil {
		return 0, fmt.Errorf("bare save: %w", err)
	}
	if _, err := tx.ExecContext(ctx, rawKeep, id, at.UnixMilli(), body); err != nil {
		return 0, fmt.Errorf("bare save: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return 0, fmt.Errorf("bare save: %w", err)
	}
	return time.Since(began), nil
}

// find asks the bare index for notes with all words, the last one a prefix. Up
// to two letters it takes the newest, since ranking those costs most and says
// least.
func (r *rawStore) find(ctx context.Context, line string) (time.Duration, error) {
	words := strings.Fields(line)
	query := rawRanked
	if len(words[len(words)-1]) < 3 {
		query = rawLatest
	}
	match := `"` + strings.Join(words, `" "`) + `"*`
	began := time.Now()
	rows, err := r.db.QueryContext(ctx, query, match)
	if err != nil {
		return 0, fmt.Errorf("bare search: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return 0, fmt.Errorf("bare search: %w", err)
		}
	}
	return time.Since(began), rows.Err()
}

// mark200 marks all notes as sent in transactions of 200 rows, as a device does
// for what the server took.
func (r *rawStore) mark200(ctx context.Context, ids []string) error {
	for i := 0; i < len(ids); i += 200 {
		tx, err := r.db.BeginTx(ctx, nil)
		if err != nil {
			return fmt.Errorf("bare mark: %w", err)
		}
		for _, id := range ids[i:min(i+200, len(ids))] {
			if _, err := tx.ExecContext(ctx, `UPDATE notes SET updated = updated + 1 WHERE id = ?`, id); err != nil {
				return fmt.Errorf("bare mark: %w", err)
			}
		}
		if err := tx.Commit(); err != nil {
			return fmt.Errorf("bare mark: %w", err)
		}
	}
	return nil
}

// rawSync is what moving n notes costs SQLite alone, on both sides: in
// transactions of 200 rows, one side writes them, and for a push the other marks
// them, for a pull the other reads them.
func (b *bench) rawSync(name string, n int) (push, pull time.Duration, err error) {
	r, err := b.openRaw(name)
	if err != nil {
		return 0, 0, err
	}
	texts := newCorpus(2).texts(n)
	began := time.Now()
	ids, err := r.load(b.ctx, texts, 200)
	if err != nil {
		return 0, 0, err
	}
	write := time.Since(began)
	began = time.Now()
	if err := r.mark200(b.ctx, ids); err != nil {
		return 0, 0, err
	}
	marked := time.Since(began)
	began = time.Now()
	rows, err := r.db.QueryContext(b.ctx, `SELECT id, title, body, updated FROM notes ORDER BY updated`)
	if err != nil {
		return 0, 0, fmt.Errorf("bare read: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, title, body string
		var at int64
		if err := rows.Scan(&id, &title, &body, &at); err != nil {
			return 0, 0, fmt.Errorf("bare read: %w", err)
		}
	}
	return write + marked, write + time.Since(began), rows.Err()
}

// rawRate is how many inserts a second SQLite alone makes durable, perTx in
// each transaction.
func (b *bench) rawRate(perTx int, long time.Duration) (float64, error) {
	r, err := b.openRaw(fmt.Sprintf("rate%d", perTx))
	if err != nil {
		return 0, err
	}
	c := newCorpus(3)
	body := c.body(500)
	began, done := time.Now(), 0
	for time.Since(began) < long {
		tx, err := r.db.BeginTx(b.ctx, nil)
		if err != nil {
			return 0, fmt.Errorf("bare insert: %w", err)
		}
		for range perTx {
			if _, err := tx.ExecContext(b.ctx, rawInsert, c.uuidAt(time.Now()), "Title", body, done); err != nil {
				return 0, fmt.Errorf("bare insert: %w", err)
			}
			done++
		}
		if err := tx.Commit(); err != nil {
			return 0, fmt.Errorf("bare insert: %w", err)
		}
	}
	return float64(done) / time.Since(began).Seconds(), nil
}

// disk measures what one durable write of a page costs here.
func (b *bench) disk() error {
	f, err := os.Create(filepath.Join(b.dir, "fsync"))
	if err != nil {
		return fmt.Errorf("make file: %w", err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	var all times
	for range b.pick(500, 100) {
		began := time.Now()
		if _, err := f.Write(page); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		if err := f.Sync(); err != nil {
			return fmt.Errorf("sync file: %w", err)
		}
		all = append(all, time.Since(began))
	}
	b.add(figure{Group: "disk", What: "append 4 KiB and fsync, p50", Got: all.ms(50)})
	b.add(figure{Group: "disk", What: "append 4 KiB and fsync, p99", Got: all.ms(99)})
	return nil
}
