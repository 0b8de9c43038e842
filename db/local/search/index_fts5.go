//go:build sqlite_fts5 || fts5

package search

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/mattn/go-sqlite3"

	"stet/model"
)

// Index answers queries over one store.
type Index struct {
	path     string
	src      Source
	readOnly bool

	mu sync.Mutex
	db *sql.DB
}

// titleHits is the number of matches in titles that are put before the others.
const titleHits = 500

// New returns the index of src, kept in the file path. Nothing is opened
// before the first query. With readOnly there is no file: the notes are read.
func New(path string, src Source, readOnly bool) *Index {
	return &Index{path: path, src: src, readOnly: readOnly}
}

// Close frees the index.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.db == nil {
		return nil
	}
	db := x.db
	x.db = nil
	return db.Close()
}

// Each calls f for every note that has all terms, those with all of them in
// the title first, until f returns false.
func (x *Index) Each(ctx context.Context, terms []model.Term, f func(Hit) (bool, error)) error {
	q := parse(terms)
	if x.readOnly || len(q.must) == 0 {
		return scan(ctx, x.src, q, f)
	}
	db, err := x.ready(ctx)
	if err == nil {
		var begun bool
		err = x.ask(ctx, db, q, func(h Hit) (bool, error) { begun = true; return f(h) })
		if err == nil || begun || !broken(err) {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// The index cannot be used (damaged between two looks, a full disk): the
	// notes themselves can. A damaged one is made anew by the next query.
	if broken(err) {
		x.discard()
	}
	return scan(ctx, x.src, q, f)
}

// broken reports whether an error is one of the index's file.
func broken(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && e.Code != sqlite3.ErrInterrupt
}

// discard closes and deletes the index.
func (x *Index) discard() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.db != nil {
		_ = x.db.Close() // derived: what it held is lost on purpose
		x.db = nil
	}
	for _, tail := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(x.path + tail) // missing is what is wanted
	}
}

func (x *Index) ask(ctx context.Context, db *sql.DB, q query, f func(Hit) (bool, error)) error {
	any := false
	if !q.wordless {
		err := x.askWords(ctx, db, q, func(h Hit) (bool, error) { any = true; return f(h) })
		if err != nil || any {
			return err
		}
	}
	return x.askInside(ctx, db, q, f)
}

func (x *Index) askWords(ctx context.Context, db *sql.DB, q query, f func(Hit) (bool, error)) error {
	told := map[int64]bool{}
	more := true
	if expr, ok := q.match(true); ok {
		err := rowids(ctx, db, expr, titleHits, func(pk int64) (_ bool, err error) {
			told[pk] = true
			more, err = f(Hit{pk, true})
			return more, err
		})
		if err != nil || !more {
			return err
		}
	}
	expr, _ := q.match(false)
	return rowids(ctx, db, expr, -1, func(pk int64) (bool, error) {
		if told[pk] {
			return true, nil
		}
		return f(Hit{pk, false})
	})
}

func rowids(ctx context.Context, db *sql.DB, expr string, limit int, f func(int64) (bool, error)) error {
	rows, err := db.QueryContext(ctx, "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT ?", expr, limit)
	if err != nil {
		return err
	}
	defer rows.Close() // its error is that of rows.Err
	for rows.Next() {
		var pk int64
		if err := rows.Scan(&pk); err != nil {
			return err
		}
		if more, err := f(pk); err != nil || !more {
			return err
		}
	}
	return rows.Err()
}

// match spells the query for FTS5. With title, all terms must be in the title;
// false when that cannot be.
func (q query) match(title bool) (string, bool) {
	var out strings.Builder
	for i, m := range q.must {
		field := m.field
		if title {
			if field == model.FieldBody {
				return "", false
			}
			field = model.FieldTitle
		}
		if i > 0 {
			out.WriteString(" AND ")
		}
		out.WriteString(m.spell(field))
	}
	s := out.String()
	for _, m := range q.not {
		if len(m.words) > 0 {
			s = "(" + s + ") NOT " + m.spell(m.field)
		}
	}
	return s, true
}

func (m term) spell(field string) string {
	s := `"` + strings.Join(m.words, " ") + `"`
	if m.prefix {
		s += " *"
	}
	if field != "" {
		s = field + " : " + s
	}
	return s
}

// askInside looks for texts inside of words: the trigrams narrow, the texts
// decide.
func (x *Index) askInside(ctx context.Context, db *sql.DB, q query, f func(Hit) (bool, error)) error {
	var grams []string
	for _, m := range q.must {
		grams = append(grams, trigrams(m.text)...)
	}
	if len(grams) == 0 {
		return scan(ctx, x.src, q, f)
	}
	var pks []int64
	rows, err := db.QueryContext(ctx, "SELECT rowid FROM inside WHERE inside MATCH ? ORDER BY rowid DESC", strings.Join(grams, " AND "))
	if err != nil {
		return err
	}
	defer rows.Close() // its error is that of rows.Err
	for rows.Next() {
		pks = append(pks, 0)
		if err := rows.Scan(&pks[len(pks)-1]); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if err := rows.Close(); err != nil {
		return err
	}
	return x.verify(ctx, q, pks, f)
}

// verify tells which candidates have the texts. It reads them newest first and
// no further than is asked for; titles come first among those read together.
func (x *Index) verify(ctx context.Context, q query, pks []int64, f func(Hit) (bool, error)) error {
	more := true
	for len(pks) > 0 && more {
		var found hits
		for len(pks) > 0 && len(found.title)+len(found.rest) < titleHits {
			n := min(len(pks), titleHits)
			err := x.src.Texts(ctx, pks[:n], func(d Doc) error {
				if ok, title := q.inside(textOf(d)); ok {
					found.add(d.PK, title)
				}
				return nil
			})
			if err != nil {
				return err
			}
			pks = pks[n:]
		}
		err := found.each(func(h Hit) (_ bool, err error) {
			more, err = f(h)
			return more, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// trigrams spells each run of three signs of s for FTS5.
func trigrams(s string) (out []string) {
	runes := []rune(s)
	for i := 0; i+3 <= len(runes); i++ {
		gram := string(runes[i : i+3])
		if strings.ContainsRune(gram, 0) || strings.ContainsRune(gram, utf8.RuneError) {
			continue
		}
		out = append(out, `"`+strings.ReplaceAll(gram, `"`, `""`)+`"`)
	}
	return out
}
