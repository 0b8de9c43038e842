package local

import (
	"context"
	"fmt"
	"strings"

	"stet/model"
)

// minSuffix is the shortest end of an id that names a note.
const minSuffix = 4

// Lookup returns the note that an id, the beginning of one, or the end of one
// (4 characters or more) names; purged notes have no name. Errors:
// model.ErrNotFound, model.ErrAmbiguous.
func (s *Store) Lookup(ctx context.Context, short string) (id string, err error) {
	err = s.read(ctx, func(r *reader) error {
		id, err = r.lookup(short)
		return err
	})
	return id, err
}

func (r *reader) lookup(short string) (string, error) {
	if short == "" {
		return "", fmt.Errorf("note: %w", model.ErrNotFound)
	}
	// The end of the range is the greatest text that begins with short.
	const byPrefix = "SELECT id FROM notes WHERE id >= ? AND id < ? AND purged = 0 ORDER BY id LIMIT 2"
	found, err := r.ids(byPrefix, short, short+"\U0010FFFF")
	if err != nil {
		return "", err
	}
	if len(found) > 0 && found[0] == short {
		return short, nil
	}
	if len(found) == 0 && len(short) >= minSuffix {
		const bySuffix = "SELECT id FROM notes WHERE substr(id, ?) = ? AND purged = 0 LIMIT 2"
		if found, err = r.ids(bySuffix, -len(short), short); err != nil {
			return "", err
		}
	}
	if len(found) == 0 && strings.ToLower(short) != short {
		return r.lookup(strings.ToLower(short))
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("note %q: %w", short, model.ErrNotFound)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("note %q: %w", short, model.ErrAmbiguous)
}

func (r *reader) ids(q string, args ...any) (out []string, err error) {
	err = r.each(q, args, func(scan func(...any) error) error {
		out = append(out, "")
		return scan(&out[len(out)-1])
	})
	return out, err
}
