//go:build sqlite_fts5 || fts5

package search

import (
	"context"
	"database/sql"
	"strings"
	"unicode/utf8"

	"stet/model"
)

const (
	// titleHits is the number of matches in titles that are put before the
	// others.
	titleHits = 500
	// ahead is the number of newest notes that are read beside an index that
	// is far behind.
	ahead = 150
	// manyWords is the number of words up to which the beginning of a word is
	// spelled out. FTS5 gathers all notes of a beginning of more letters than
	// it has an index for, and reads the notes of a word one by one.
	manyWords = 100
	// longPrefix is the number of letters of that index.
	longPrefix = 3
)

// askWords tells the notes that match word by word.
func (x *Index) askWords(ctx context.Context, q query, behind bool, f func(Hit) (bool, error)) error {
	db, err := x.open()
	if err != nil {
		return err
	}
	told := map[int64]bool{}
	more := true
	tell := func(h Hit) (_ bool, err error) {
		if told[h.PK] {
			return true, nil
		}
		told[h.PK] = true
		more, err = f(h)
		return more, err
	}
	if behind {
		if err := x.askNewest(ctx, q.byWords, told, tell); err != nil || !more {
			return err
		}
	}
	if err := q.spellOut(ctx, db); err != nil {
		return err
	}
	if expr, table, ok := q.matchTitle(); ok {
		err := rowids(ctx, db, table, expr, titleHits, func(pk int64) (bool, error) { return tell(Hit{pk, true}) })
		if err != nil || !more {
			return err
		}
	}
	return rowids(ctx, db, "words", q.match(""), -1, func(pk int64) (bool, error) { return tell(Hit{pk, false}) })
}

// askNewest asks the newest notes themselves. Those that do not match are seen,
// too: what the index has of them may be old.
func (x *Index) askNewest(ctx context.Context, match func(*text) (ok, title bool), seen map[int64]bool, f func(Hit) (bool, error)) error {
	var found hits
	n := 0
	err := x.src.All(ctx, func(d Doc) error {
		if ok, title := match(textOf(d)); ok {
			found.add(d.PK, title)
		} else {
			seen[d.PK] = true
		}
		if n++; n == ahead {
			return errEnough
		}
		return nil
	})
	if err := unlessEnough(err); err != nil {
		return err
	}
	return found.each(f)
}

func rowids(ctx context.Context, db *sql.DB, table, expr string, limit int, f func(int64) (bool, error)) error {
	rows, err := db.QueryContext(ctx, "SELECT (SELECT pk FROM docs WHERE row = "+table+".rowid) FROM "+table+" WHERE "+table+
		" MATCH ? ORDER BY rowid DESC LIMIT 0+?", expr, limit)
	if err != nil {
		return err
	}
	defer rows.Close() // its error is that of rows.Err
	for rows.Next() {
		var pk sql.NullInt64
		if err := rows.Scan(&pk); err != nil {
			return err
		}
		if !pk.Valid {
			continue
		}
		if more, err := f(pk.Int64); err != nil || !more {
			return err
		}
	}
	return rows.Err()
}

// beginning walks from word to word. It looks for one row each time: the rows of
// a word are its occurrences.
const beginning = `WITH RECURSIVE v(t) AS (
	SELECT (SELECT term FROM vocabulary WHERE term >= ?1 LIMIT 1)
	UNION ALL SELECT (SELECT term FROM vocabulary WHERE term >= t || char(0) LIMIT 1) FROM v WHERE t IS NOT NULL)
	SELECT t FROM v LIMIT 0+?2`

// spellOut looks up which words begin with the query's last one, if FTS5 would
// be slow at that.
func (q *query) spellOut(ctx context.Context, db *sql.DB) error {
	last := &q.must[len(q.must)-1]
	word := last.words[len(last.words)-1]
	if utf8.RuneCountInString(word) <= longPrefix {
		return nil
	}
	rows, err := db.QueryContext(ctx, beginning, word, manyWords+1)
	if err != nil {
		return err
	}
	defer rows.Close() // its error is that of rows.Err
	var found []string
	for rows.Next() {
		var next sql.NullString
		if err := rows.Scan(&next); err != nil {
			return err
		}
		if !strings.HasPrefix(next.String, word) {
			break
		}
		found = append(found, next.String)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if len(found) > 0 && len(found) <= manyWords {
		last.ends = found
	}
	return nil
}

// match spells the query for FTS5, each term in a field unless it names one.
func (q query) match(field string) string {
	var out strings.Builder
	for i, m := range q.must {
		if i > 0 {
			out.WriteString(" AND ")
		}
		in := m.field
		if field != "" {
			in = field
		}
		out.WriteString(m.spell(in))
	}
	s := out.String()
	for _, m := range q.not {
		if len(m.words) > 0 {
			s = "(" + s + ") NOT " + m.spell(m.field)
		}
	}
	return s
}

// matchTitle spells the query for notes that have all terms in the title, and
// names the table to ask; false when there cannot be any.
func (q query) matchTitle() (expr, table string, ok bool) {
	for _, m := range q.must {
		if m.field == model.FieldBody {
			return "", "", false
		}
	}
	if len(q.not) > 0 { // those may be anywhere in the note
		return q.match(model.FieldTitle), "words", true
	}
	return q.match(model.FieldTitle), "titles", true
}

func (m term) spell(field string) string {
	before := ""
	if field != "" {
		before = field + " : "
	}
	if len(m.ends) == 0 {
		s := before + quote(strings.Join(m.words, " "))
		if m.prefix {
			s += " *"
		}
		return s
	}
	begin := strings.Join(append(m.words[:len(m.words)-1:len(m.words)-1], ""), " ")
	phrases := make([]string, len(m.ends))
	for i, end := range m.ends {
		phrases[i] = quote(begin + end)
	}
	return before + "(" + strings.Join(phrases, " OR ") + ")"
}

func quote(s string) string { return `"` + s + `"` }
