package local

import (
	"context"
	"encoding/json"
	"fmt"

	"stet/db/local/search"
)

// source gives the search index what it needs of the store.
type source struct{ s *Store }

var _ search.Source = source{}

// State implements [search.Source].
func (src source) State(ctx context.Context) (id string, seq int64, err error) {
	err = src.s.read(ctx, func(r *reader) error {
		if id, err = r.Meta(metaStoreID); err != nil {
			return err
		}
		return r.s.fault("read change number", r.row("SELECT seq FROM totals").Scan(&seq))
	})
	return id, seq, err
}

const changedDocs = `SELECT seq, pk, shelf = 3, version, title, CASE WHEN shelf = 3 THEN x'' ELSE body END FROM notes WHERE seq > ?1 AND seq <= ?2
	UNION ALL SELECT seq, pk, 1, 0, x'', x'' FROM gone WHERE seq > ?1 AND seq <= ?2`

// Changed implements [search.Source].
func (src source) Changed(ctx context.Context, after int64, limit int, f func(search.Doc) error) (last int64, err error) {
	err = src.s.read(ctx, func(r *reader) error {
		const end = `SELECT max(seq) FROM (SELECT seq FROM (SELECT seq FROM notes WHERE seq > ?1 ORDER BY seq LIMIT 0+?2)
			UNION ALL SELECT seq FROM (SELECT seq FROM gone WHERE seq > ?1 ORDER BY seq LIMIT 0+?2) ORDER BY seq LIMIT 0+?2)`
		var until *int64
		if err := r.row(end, after, limit).Scan(&until); err != nil || until == nil {
			return r.s.fault("read changes", err)
		}
		last = *until
		return r.docs(changedDocs, []any{after, last}, f)
	})
	return last, err
}

// Texts implements [search.Source].
func (src source) Texts(ctx context.Context, pks []int64, f func(search.Doc) error) error {
	list, err := json.Marshal(pks)
	if err != nil {
		return fmt.Errorf("read texts: %w", err)
	}
	return src.s.read(ctx, func(r *reader) error {
		return r.docs("SELECT seq, pk, 0, version, title, body FROM json_each(?) j JOIN notes ON pk = j.value WHERE shelf < 3 ORDER BY pk DESC",
			[]any{string(list)}, f)
	})
}

// All implements [search.Source].
func (src source) All(ctx context.Context, f func(search.Doc) error) error {
	return src.s.read(ctx, func(r *reader) error {
		return r.docs("SELECT seq, pk, 0, version, title, body FROM notes WHERE shelf < 3 ORDER BY pk DESC", nil, f)
	})
}

func (r *reader) docs(q string, args []any, f func(search.Doc) error) error {
	return r.each(q, args, func(scan func(...any) error) error {
		var d search.Doc
		var seq int64
		var title, body []byte
		if err := scan(&seq, &d.PK, &d.Gone, &d.Version, &title, &body); err != nil {
			return err
		}
		d.Title, d.Body = string(title), string(body)
		return f(d)
	})
}
