//go:build sqlite_fts5 || fts5

package search

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	// batch is the number of changed notes indexed in one transaction, and
	// slice how many changes a query that may not wait catches up itself.
	batch = 6000
	slice = 100
	// many is the number of texts after which the index is put into one piece.
	many = 20_000
)

// part is a part of the index that is brought up to date by itself.
type part int

const (
	forWords  part = iota
	forPieces      // what is inside of words; the texts of forWords come first
)

func (p part) column() string { return [...]string{"seq", "pieces"}[p] }

// ready opens the index and brings a part of it up to date, or has that done
// in the background when it is long and the caller may not wait; behind tells
// that this is so.
func (x *Index) ready(ctx context.Context, p part, complete bool) (behind bool, err error) {
	db, err := x.open()
	if err != nil {
		return false, err
	}
	st, seq, err := x.compare(ctx, db)
	if err != nil {
		return false, err
	}
	gap := seq - st.seq[p]
	switch {
	case gap == 0 && !st.erased:
		return false, nil
	case complete:
		return false, x.complete(ctx, db, p)
	case gap > slice || st.erased:
		x.background(p)
		return gap > 0, nil
	}
	if !x.work.TryLock() {
		return true, nil
	}
	defer x.work.Unlock()
	for more := true; more && err == nil; {
		more, _, err = x.step(ctx, db, p, slice)
	}
	if busy(err) {
		return true, nil
	}
	return false, err
}

// compare returns how far the index is and how far the store. The index of
// another store, or one from the future of this one, is at the beginning.
func (x *Index) compare(ctx context.Context, db *sql.DB) (st state, seq int64, err error) {
	id, seq, err := x.src.State(ctx)
	if err != nil {
		return st, 0, err
	}
	if st, err = readState(ctx, db); err != nil || st.store == id && st.seq[forWords] <= seq && st.seq[forPieces] <= seq {
		return st, seq, err
	}
	x.work.Lock()
	defer x.work.Unlock()
	if again, err := readState(ctx, db); err != nil || again.store == id && again.seq[forWords] <= seq {
		return again, seq, err // made meanwhile
	}
	if err := begin(ctx, db, id); err != nil {
		return st, seq, err
	}
	return state{store: id}, seq, nil
}

// complete brings a part up to date, or says errBehind when another process is
// at it.
func (x *Index) complete(ctx context.Context, db *sql.DB, p part) error {
	err := x.makeUp(ctx, db, p)
	if busy(err) {
		return errBehind
	}
	return err
}

// background starts the worker unless it runs.
func (x *Index) background(p part) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.running || x.db == nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	x.running, x.stop = true, stop
	x.idle.Add(1)
	go func(db *sql.DB) {
		defer x.idle.Done()
		defer stop()
		err := x.makeUp(ctx, db, p)
		if err == nil {
			err = x.eraseMarked(ctx, db)
		}
		if broken(err) {
			x.discard() // the next query makes it anew
		}
		x.mu.Lock()
		x.running = false
		x.mu.Unlock()
	}(x.db)
}

// makeUp brings a part up to date batch by batch; what it was long at it puts
// into order.
func (x *Index) makeUp(ctx context.Context, db *sql.DB, p part) error {
	made := 0
	for more := true; more; {
		err := func() (err error) {
			x.work.Lock()
			defer x.work.Unlock()
			var n int
			more, n, err = x.step(ctx, db, p, batch)
			made += n
			return err
		}()
		if err != nil {
			return err
		}
	}
	x.work.Lock()
	defer x.work.Unlock()
	if p == forWords && made >= many {
		return join(ctx, db)
	}
	return nil
}

func (x *Index) eraseMarked(ctx context.Context, db *sql.DB) error {
	x.work.Lock()
	defer x.work.Unlock()
	if st, err := readState(ctx, db); err != nil || !st.erased {
		return err
	}
	return erase(ctx, db)
}

// join puts the index into one piece. In that state it is quickest, and small
// changes do not set off long work.
func join(ctx context.Context, db *sql.DB) error {
	return inTx(ctx, db, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO words (words) VALUES ('optimize'); INSERT INTO titles (titles) VALUES ('optimize')"); err != nil {
			return fmt.Errorf("join index: %w", err)
		}
		return nil
	})
}

// erase removes the words of purged notes, which FTS5 has only marked as gone.
func erase(ctx context.Context, db *sql.DB) error {
	if err := join(ctx, db); err != nil {
		return err
	}
	return inTx(ctx, db, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, emptyPieces+"UPDATE state SET pieces = 0, erased = 0"); err != nil {
			return fmt.Errorf("erase from index: %w", err)
		}
		return nil
	})
}

// step indexes the next up to limit changes in one transaction. It returns how
// many texts it took in, and whether there may be more changes.
func (x *Index) step(ctx context.Context, db *sql.DB, p part, limit int) (more bool, made int, err error) {
	err = inTx(ctx, db, func(tx *sql.Tx) error {
		var after, last, seq, row int64
		if _, seq, err = x.src.State(ctx); err != nil {
			return err
		}
		if err := tx.QueryRow("SELECT "+p.column()+", (SELECT coalesce(max(row), 0) FROM docs) FROM state").Scan(&after, &row); err != nil {
			return err
		}
		if after >= seq {
			return nil
		}
		var put func(Doc) error
		flush := func() error { return nil }
		if p == forWords {
			put = func(d Doc) error {
				row++
				ok, err := putWords(tx, row, d)
				if ok {
					made++
				}
				return err
			}
		} else {
			v := vocabulary{}
			put, flush = func(d Doc) error { made++; v.add(d); return nil }, func() error { return v.put(tx) }
		}
		if last, err = x.src.Changed(ctx, after, limit, put); err != nil {
			return err
		}
		if err := flush(); err != nil {
			return err
		}
		if more = last > 0; !more {
			last = seq // what lay between is gone without a trace
		}
		_, err = tx.Exec("UPDATE state SET "+p.column()+" = ?", last)
		return err
	})
	return more && err == nil, made, err
}

// putWords takes in one text as the given row, unless it is in already.
func putWords(tx *sql.Tx, row int64, d Doc) (bool, error) {
	var old, have int64
	err := tx.QueryRow("SELECT row, version FROM docs WHERE pk = ?", d.PK).Scan(&old, &have)
	known := err == nil
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	if known && have == d.Version && !d.Gone {
		return false, nil
	}
	if known {
		for _, q := range []string{"DELETE FROM words WHERE rowid = ?", "DELETE FROM titles WHERE rowid = ?", "DELETE FROM docs WHERE row = ?"} {
			if _, err := tx.Exec(q, old); err != nil {
				return false, err
			}
		}
	}
	if d.Gone {
		if known {
			_, err = tx.Exec("UPDATE state SET erased = 1")
			return false, err
		}
		return false, nil
	}
	title, body := spaced(d.Title), spaced(d.Body)
	if _, err := tx.Exec("INSERT INTO words (rowid, title, body) VALUES (?,?,?)", row, title, body); err != nil {
		return false, err
	}
	if title != "" {
		if _, err := tx.Exec("INSERT INTO titles (rowid, title) VALUES (?,?)", row, title); err != nil {
			return false, err
		}
	}
	_, err = tx.Exec("INSERT INTO docs (row, pk, version) VALUES (?,?,?)", row, d.PK, d.Version)
	return true, err
}

// spaced returns a text whose words FTS5's tokenizer finds. It takes apart and
// folds plain ASCII just as this package does.
func spaced(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf || s[i] == 0 {
			return strings.Join(words(fold(s)), " ")
		}
	}
	return s
}

// vocabulary are different words.
type vocabulary map[string]struct{}

func (v vocabulary) add(d Doc) {
	if d.Gone {
		return
	}
	for _, text := range []string{d.Title, d.Body} {
		for _, w := range words(fold(text)) {
			v[w] = struct{}{}
		}
	}
}

// put takes in the words that are not yet known.
func (v vocabulary) put(tx *sql.Tx) error {
	for w := range v {
		res, err := tx.Exec("INSERT OR IGNORE INTO terms (term) VALUES (?)", w)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			if err != nil {
				return err
			}
			continue
		}
		id, err := res.LastInsertId()
		if err != nil {
			return err
		}
		if _, err := tx.Exec("INSERT INTO pieces (rowid, term) VALUES (?,?)", id, w); err != nil {
			return err
		}
	}
	return nil
}
