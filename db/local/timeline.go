package local

import (
	"context"
	"slices"
	"strings"

	"stet/model"
)

// Log implements [store.Tx]. The entry's id is given by the store.
func (t *tx) Log(e model.Event) error {
	_, err := t.aside("INSERT INTO timeline (note, at, name, op, rev, detail) VALUES (?,?,?,?,?,?)", e.NoteID, millis(e.At), string(e.Name),
		e.OpID, e.Rev, e.Detail)
	return err
}

// Timeline returns a note's events, oldest first; with a limit the newest that
// many. limit <= 0 means all.
func (s *Store) Timeline(ctx context.Context, id string, limit int) ([]model.Event, error) {
	out, err := s.events(ctx, "WHERE note = ? ORDER BY id DESC LIMIT 0+?", id, unlimited(limit))
	slices.Reverse(out)
	return out, err
}

// Activity returns events of all notes, newest first: those with one of names
// (all if none is given) and an id below before (0 begins at the newest).
func (s *Store) Activity(ctx context.Context, names []model.EventName, before int64, limit int) ([]model.Event, error) {
	var where []string
	var args []any
	if before > 0 {
		where, args = append(where, "id < ?"), append(args, before)
	}
	if len(names) > 0 {
		where = append(where, "name IN (?"+strings.Repeat(",?", len(names)-1)+")")
		for _, n := range names {
			args = append(args, string(n))
		}
	}
	q := "ORDER BY id DESC LIMIT 0+?"
	if len(where) > 0 {
		q = "WHERE " + strings.Join(where, " AND ") + " " + q
	}
	return s.events(ctx, q, append(args, unlimited(limit))...)
}

func (s *Store) events(ctx context.Context, q string, args ...any) (out []model.Event, err error) {
	err = s.read(ctx, func(r *reader) error {
		return r.each("SELECT id, note, at, name, op, rev, detail FROM timeline "+q, args, func(scan func(...any) error) error {
			var e model.Event
			var ms int64
			err := scan(&e.ID, &e.NoteID, &ms, &e.Name, &e.OpID, &e.Rev, &e.Detail)
			e.At = at(ms)
			out = append(out, e)
			return err
		})
	})
	return out, err
}

// unlimited spells "all" for SQL.
func unlimited(limit int) int {
	if limit <= 0 {
		return -1
	}
	return limit
}
