package local

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"stet/db/local/search"
	"stet/model"
)

// ranked is the least number of hits of a search that are put in order; those
// beyond follow as the index has them, latest changed first.
const ranked = 256

// Find returns the notes that match q, words included: with words those with
// all of them in the title first, newest first in each half; without words in
// q's order. limit <= 0 means all.
//
// With a limit, a search does not wait for an index that is far behind (the
// first one, or after a large pull): until that is made in the background it
// tells what it finds among the newest notes and in the part that is made. See
// [Store.FindComplete].
func (s *Store) Find(ctx context.Context, q model.Query, limit int) ([]model.Head, error) {
	return s.find(ctx, q, limit, limit <= 0)
}

// FindComplete is Find that waits until it knows every match.
func (s *Store) FindComplete(ctx context.Context, q model.Query, limit int) ([]model.Head, error) {
	return s.find(ctx, q, limit, true)
}

func (s *Store) find(ctx context.Context, q model.Query, limit int, complete bool) (out []model.Head, err error) {
	if q.Filtered() {
		return s.findText(ctx, q, limit, complete)
	}
	err = s.read(ctx, func(r *reader) error {
		rows, err := r.findRows(q, limit)
		out = plain(rows)
		return err
	})
	return out, err
}

func (r *reader) findRows(q model.Query, limit int) ([]headRow, error) {
	f, err := r.filterOf(q)
	if err != nil {
		return nil, err
	}
	rest, args := whole(q, f)
	return r.selectHeads(rest+orderBy(q.Sort)+" LIMIT 0+?", append(slices.Clone(args), unlimited(limit))...)
}

func (s *Store) findText(ctx context.Context, q model.Query, limit int, complete bool) ([]model.Head, error) {
	var out []headRow
	enough := max(ranked, limit+limit/4)
	if limit <= 0 || q.Sort != model.SortUpdated {
		enough = max(enough, 1000)
	}
	var chunk []search.Hit
	first := true
	take := func() error {
		rows, err := s.hits(ctx, q, chunk, limit-len(out))
		chunk, first, out = chunk[:0], false, append(out, rows...)
		enough = min(2*enough, 8000)
		return err
	}
	err := s.index.Each(ctx, q.Text, complete, func(h search.Hit) (bool, error) {
		chunk = append(chunk, h)
		if len(chunk) < enough {
			return true, nil
		}
		err := take()
		return limit <= 0 || len(out) < limit, err
	})
	if err == nil && len(chunk) > 0 && (first || limit <= 0 || len(out) < limit) {
		err = take()
	}
	if err != nil {
		return nil, s.fault("search", err)
	}
	if q.Sort == model.SortTitle || q.Sort == model.SortOrder || q.Sort == model.SortCreated {
		sortRows(out, q.Sort)
	}
	if limit > 0 && len(out) > limit {
		out = out[:limit]
	}
	return plain(out), nil
}

// hits reads the heads of a chunk of hits that pass q's other conditions, in
// rank. Only the best limit are read whole.
func (s *Store) hits(ctx context.Context, q model.Query, hits []search.Hit, limit int) (out []headRow, err error) {
	inTitle := make(map[int64]bool, len(hits))
	pks := make([]int64, len(hits))
	for i, h := range hits {
		pks[i], inTitle[h.PK] = h.PK, h.Title
	}
	list, err := json.Marshal(pks)
	if err != nil {
		return nil, fmt.Errorf("rank hits: %w", err)
	}
	err = s.read(ctx, func(r *reader) error {
		f, err := r.filterOf(q)
		if err != nil {
			return err
		}
		where, args := whole(q, f)
		if limit > 0 && len(hits) > 2*limit && q.Sort == model.SortUpdated {
			best, err := r.rank(where, args, string(list), inTitle)
			if err != nil {
				return err
			}
			if list, err = json.Marshal(best[:min(limit, len(best))]); err != nil {
				return fmt.Errorf("rank hits: %w", err)
			}
		}
		// No other index than the key: the notes are named.
		out, err = r.selectHeads("NOT INDEXED "+where+" AND n.pk IN (SELECT value FROM json_each(?))", append(slices.Clone(args), string(list))...)
		slices.SortFunc(out, func(a, b headRow) int {
			return byRank(inTitle, a.pk, b.pk, a.UpdatedAt.UnixMilli(), b.UpdatedAt.UnixMilli())
		})
		return err
	})
	return out, err
}

// byRank puts matches in titles first, then the newest.
func byRank(inTitle map[int64]bool, a, b, aUpdated, bUpdated int64) int {
	switch {
	case inTitle[a] != inTitle[b]:
		if inTitle[a] {
			return -1
		}
		return 1
	case aUpdated != bUpdated:
		return cmp.Compare(bUpdated, aUpdated)
	}
	return cmp.Compare(b, a)
}

// rank returns which of the notes pass, title matches first, newest first.
func (r *reader) rank(where string, args []any, pks string, inTitle map[int64]bool) (best []int64, err error) {
	type place struct {
		pk, updated int64
	}
	var places []place
	err = r.each("SELECT n.pk, n.updated_at FROM json_each(?) j CROSS JOIN notes n ON n.pk = j.value "+where, append([]any{pks}, args...),
		func(scan func(...any) error) error {
			places = append(places, place{})
			p := &places[len(places)-1]
			return scan(&p.pk, &p.updated)
		})
	slices.SortFunc(places, func(a, b place) int { return byRank(inTitle, a.pk, b.pk, a.updated, b.updated) })
	for _, p := range places {
		best = append(best, p.pk)
	}
	return best, err
}

// sortRows orders found rows by a sort that is not the rank.
func sortRows(rows []headRow, by model.Sort) {
	slices.SortStableFunc(rows, func(a, b headRow) int {
		if a.Pinned != b.Pinned && by != model.SortTitle {
			if a.Pinned {
				return -1
			}
			return 1
		}
		switch by {
		case model.SortTitle:
			return compareFold(a.Title, b.Title)
		case model.SortOrder:
			return compare(a.order, b.order)
		}
		return int(b.created - a.created)
	})
}

// Get returns a note, deleted ones too; model.ErrNotFound if there is none.
func (s *Store) Get(ctx context.Context, id string) (n model.Note, err error) {
	err = s.read(ctx, func(r *reader) error {
		n, err = r.Note(id)
		return err
	})
	return n, err
}

// Each calls f for each note that q selects, whole, in list order (with words
// in rank), one at a time. An error of f ends it and is returned. f must not
// write for long: the snapshot it reads holds the journal.
func (s *Store) Each(ctx context.Context, q model.Query, f func(model.Note) error) error {
	if q.Filtered() {
		heads, err := s.Find(ctx, q, 0)
		if err != nil {
			return err
		}
		return s.read(ctx, func(r *reader) error { return r.eachOf(heads, f) })
	}
	return s.read(ctx, func(r *reader) error {
		fl, err := r.filterOf(q)
		if err != nil {
			return err
		}
		where, args := whole(q, fl)
		return r.stream(where+orderBy(q.Sort), args, f)
	})
}

func (r *reader) eachOf(heads []model.Head, f func(model.Note) error) error {
	for _, h := range heads {
		n, err := r.Note(h.ID)
		if err != nil {
			return err
		}
		if err := f(n); err != nil {
			return err
		}
	}
	return nil
}

// stream reads whole notes in order. Only the keys are sorted; each body is
// read when its turn comes.
func (r *reader) stream(rest string, args []any, f func(model.Note) error) error {
	ids, err := r.ids("SELECT n.id FROM notes n "+rest, args...)
	if err != nil {
		return err
	}
	for _, id := range ids {
		n, err := r.Note(id)
		if err != nil {
			return err
		}
		if err := f(n); err != nil {
			return err
		}
	}
	return nil
}
