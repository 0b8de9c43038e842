package local

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"stet/model"
)

const headColumns = `n.pk, n.id, n.title, n.snippet, n.notebook, n.tags, n.pinned, n.archived, n.deleted, n.color, n.status, n.updated_at,
	n.rev, n.seq, n.ord, n.created_at, n.status IN ('pending', 'error') AND EXISTS
	(SELECT 1 FROM outbox o WHERE o.note = n.id AND o.state = 'sent' AND o.next_try <= ?)`

// headRow is a head and what else orders it.
type headRow struct {
	model.Head
	pk      int64
	order   string
	created int64
}

// selectHeads reads heads; rest follows FROM notes n.
func (r *reader) selectHeads(rest string, args ...any) (out []headRow, err error) {
	sent := false
	err = r.each("SELECT "+headColumns+" FROM notes n "+rest, append([]any{millis(r.s.o.Now())}, args...),
		func(scan func(...any) error) error {
			var h headRow
			var title, snippet, book, tags, color, ord []byte
			var updated int64
			if err := scan(&h.pk, &h.ID, &title, &snippet, &book, &tags, &h.Pinned, &h.Archived, &h.Deleted, &color, &h.Status, &updated,
				&h.Rev, &h.Seq, &ord, &h.created, &h.Syncing); err != nil {
				return err
			}
			h.Title, h.Snippet, h.Notebook, h.Color, h.order = string(title), string(snippet), string(book), string(color), string(ord)
			h.UpdatedAt = at(updated)
			sent = sent || h.Syncing
			out = append(out, h)
			return unpackJSON(tags, &out[len(out)-1].Tags)
		})
	if sent && !r.s.someoneSyncs() {
		for i := range out {
			out[i].Syncing = false
		}
	}
	return out, err
}

func (s *Store) heads(ctx context.Context, rest string, args ...any) (out []model.Head, err error) {
	err = s.read(ctx, func(r *reader) error {
		rows, err := r.selectHeads(rest, args...)
		out = plain(rows)
		return err
	})
	return out, err
}

func plain(rows []headRow) []model.Head {
	out := make([]model.Head, len(rows))
	for i, r := range rows {
		out[i] = r.Head
	}
	return out
}

// precedes reports whether a stands before b in the order newest-first.
func precedes(a, b model.Key) bool {
	if a.Pinned != b.Pinned {
		return a.Pinned
	}
	if !a.UpdatedAt.Equal(b.UpdatedAt) {
		return a.UpdatedAt.After(b.UpdatedAt)
	}
	return a.ID > b.ID
}

func byKey(a, b headRow) int {
	if precedes(model.KeyOf(a.Head), model.KeyOf(b.Head)) {
		return -1
	}
	return 1
}

// List returns the rows around a place in the order newest first, pinned
// first; its cost depends on the window, not on the number of notes. q's words
// and its Sort take no part.
func (s *Store) List(ctx context.Context, q model.Query, w model.Window) (out model.Slice, err error) {
	err = s.read(ctx, func(r *reader) error {
		out, err = r.list(q, w)
		return err
	})
	return out, err
}

func (r *reader) list(q model.Query, w model.Window) (model.Slice, error) {
	f, err := r.filterOf(q)
	if err != nil {
		return model.Slice{}, err
	}
	top, end := w.Anchor == nil && !w.FromEnd, w.Anchor == nil && w.FromEnd
	var before, after []headRow
	if !top { // one more than asked tells whether the list goes on
		if before, err = r.side(q, f, w.Anchor, true, w.Before+1); err != nil {
			return model.Slice{}, err
		}
	}
	if !end {
		if after, err = r.side(q, f, w.Anchor, false, w.After+1); err != nil {
			return model.Slice{}, err
		}
	}
	s := model.Slice{AtTop: len(before) <= w.Before, AtEnd: len(after) <= w.After}
	before, after = before[:min(len(before), w.Before)], after[:min(len(after), w.After)]
	slices.Reverse(before)
	s.Rows = plain(append(before, after...))
	return s, nil
}

// side returns up to n rows on one side of a place, the nearest first: those
// before it, or those from it on. Shelves are read one by one, each along its
// index, and joined here.
func (r *reader) side(q model.Query, f filter, anchor *model.Key, before bool, n int) ([]headRow, error) {
	op, dir := "<=", "DESC"
	if before {
		op, dir = ">", "ASC"
	}
	var all []headRow
	books := shelves(q)
	for _, shelf := range books {
		rest, args := "WHERE n.shelf = ?", []any{shelf}
		if anchor != nil {
			rest += " AND (n.pin, n.updated_at, n.id) " + op + " (?, ?, ?)"
			args = append(args, anchor.Pinned, millis(anchor.UpdatedAt), anchor.ID)
		}
		rest += f.and() + fmt.Sprintf(" ORDER BY n.pin %s, n.updated_at %s, n.id %s LIMIT 0+?", dir, dir, dir)
		rows, err := r.selectHeads(rest, append(append(args, f.args...), n)...)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	if len(books) > 1 {
		slices.SortFunc(all, byKey)
		if before {
			slices.Reverse(all)
		}
	}
	return all[:min(len(all), n)], nil
}

// orderBy spells a query's order for the whole list.
func orderBy(s model.Sort) string {
	switch s {
	case model.SortCreated:
		return " ORDER BY n.pin DESC, n.created_at DESC, n.id DESC"
	case model.SortTitle:
		return " ORDER BY lower(CAST(n.title AS TEXT)), n.title, n.id"
	case model.SortOrder:
		return " ORDER BY n.pin DESC, n.ord, n.updated_at DESC, n.id DESC"
	}
	return " ORDER BY n.pin DESC, n.updated_at DESC, n.id DESC"
}

// whole spells a query without words over all its rows.
func whole(q model.Query, f filter) (string, []any) {
	var in []string
	for _, shelf := range shelves(q) {
		in = append(in, fmt.Sprint(shelf))
	}
	return "WHERE n.shelf IN (" + strings.Join(in, ",") + ")" + f.and(), f.args
}

// Notebooks returns the notebooks of notes that are not in the trash, sorted.
func (s *Store) Notebooks(ctx context.Context) (out []string, err error) {
	err = s.read(ctx, func(r *reader) error {
		out, err = r.ids(`WITH RECURSIVE b(name) AS (
			SELECT min(notebook) FROM notes WHERE notebook > x''
			UNION ALL SELECT (SELECT min(notebook) FROM notes WHERE notebook > x'' AND notebook > name) FROM b WHERE name IS NOT NULL)
			SELECT name FROM b WHERE name IS NOT NULL AND EXISTS (SELECT 1 FROM notes WHERE notebook > x'' AND notebook = name AND shelf < 2)`)
		return err
	})
	return out, err
}

// tagsQuery walks from tag to tag along the index.
const tagsQuery = `WITH RECURSIVE t(name) AS (
	SELECT min(tag) FROM note_tags
	UNION ALL SELECT (SELECT min(tag) FROM note_tags WHERE tag > name) FROM t WHERE name IS NOT NULL)
	SELECT name FROM t WHERE name IS NOT NULL`

// Tags returns the tags of notes that are not in the trash, sorted.
func (s *Store) Tags(ctx context.Context) (out []string, err error) {
	err = s.read(ctx, func(r *reader) error {
		out, err = r.ids("SELECT name FROM (" + tagsQuery + `) WHERE EXISTS
			(SELECT 1 FROM note_tags g JOIN notes n ON n.pk = g.note WHERE g.tag = name AND n.shelf < 2)`)
		return err
	})
	return out, err
}
