//go:build sqlite_fts5 || fts5

package search

import (
	"context"
	"database/sql"
	"strings"
	"unicode/utf8"
)

// askInside looks for texts inside of words. A text without a separator is
// inside of one word, so the words that have it narrow; the texts decide.
func (x *Index) askInside(ctx context.Context, q query, complete bool, f func(Hit) (bool, error)) error {
	if !q.hasWords() {
		return stream(ctx, x.src, q.inside, f)
	}
	behind, err := x.ready(ctx, forPieces, complete)
	if err != nil {
		return err
	}
	db, err := x.open()
	if err != nil {
		return err
	}
	seen := map[int64]bool{}
	more := true
	tell := func(h Hit) (_ bool, err error) {
		seen[h.PK] = true
		more, err = f(h)
		return more, err
	}
	if behind {
		if err := x.askNewest(ctx, q.inside, seen, tell); err != nil || !more {
			return err
		}
	}
	expr, possible, err := narrow(ctx, db, q)
	if err != nil || !possible {
		return err
	}
	if expr == "" { // too many words have it: so have the newest notes
		return stream(ctx, x.src, q.inside, f)
	}
	var pks []int64
	look := func() error {
		if len(pks) == 0 {
			return nil
		}
		err := x.verify(ctx, q, pks, tell)
		pks = pks[:0]
		return err
	}
	err = rowids(ctx, db, "words", expr, -1, func(pk int64) (bool, error) {
		if !seen[pk] {
			pks = append(pks, pk)
		}
		if len(pks) < group {
			return true, nil
		}
		err := look()
		return more, err
	})
	if err != nil || !more {
		return err
	}
	return look()
}

// verify tells which candidates have the texts, titles first.
func (x *Index) verify(ctx context.Context, q query, pks []int64, f func(Hit) (bool, error)) error {
	var found hits
	err := x.src.Texts(ctx, pks, func(d Doc) error {
		if ok, title := q.inside(textOf(d)); ok {
			found.add(d.PK, title)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return found.each(f)
}

func (q query) hasWords() bool {
	for _, m := range q.must {
		if len(m.words) > 0 {
			return true
		}
	}
	return false
}

// narrow spells for FTS5 which notes may have all texts: an empty expression
// says nothing, and possible is false if there are none.
func narrow(ctx context.Context, db *sql.DB, q query) (expr string, possible bool, err error) {
	var parts []string
	for _, m := range q.must {
		for i, w := range m.words {
			switch {
			case i > 0 && i == len(m.words)-1:
				parts = append(parts, quote(w)+" *")
				continue
			case i > 0:
				parts = append(parts, quote(w))
				continue
			}
			having, err := wordsHaving(ctx, db, w)
			if err != nil || len(having) == 0 {
				return "", false, err
			}
			if len(having) > manyWords {
				continue
			}
			for i, s := range having {
				having[i] = quote(s)
			}
			parts = append(parts, "("+strings.Join(having, " OR ")+")")
		}
	}
	return strings.Join(parts, " AND "), true, nil
}

// wordsHaving returns the words with s inside, but no more than one above
// manyWords.
func wordsHaving(ctx context.Context, db *sql.DB, s string) (out []string, err error) {
	q, args := "SELECT term FROM terms WHERE instr(term, ?) > 0 LIMIT 0+?", []any{s, manyWords + 1}
	if utf8.RuneCountInString(s) >= 3 {
		q = "SELECT t.term FROM pieces CROSS JOIN terms t ON t.id = pieces.rowid WHERE pieces MATCH ? AND instr(t.term, ?) > 0 LIMIT 0+?"
		args = append([]any{trigrams(s)}, args...)
	}
	rows, err := db.QueryContext(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() // its error is that of rows.Err
	for rows.Next() {
		var term string
		if err := rows.Scan(&term); err != nil {
			return nil, err
		}
		out = append(out, term)
	}
	return out, rows.Err()
}

// trigrams spells each run of three letters of s for FTS5.
func trigrams(s string) string {
	var out []string
	runes := []rune(s)
	for i := 0; i+3 <= len(runes); i++ {
		out = append(out, quote(string(runes[i:i+3])))
	}
	return strings.Join(out, " AND ")
}
