package local

import (
	"encoding/json"
	"fmt"
	"time"

	"stet/model"
)

// fieldColumns are the columns of a note's fields, the same in notes, shadows
// and versions, body last.
const fieldColumns = "deleted, pinned, archived, created_at, color, ord, notebook, title, tags, log, extra, body"

// fieldArgs are f's values for fieldColumns.
func fieldArgs(f model.Fields) ([]any, error) {
	tags, err := packTags(f.Tags)
	if err != nil {
		return nil, err
	}
	log, err := packJSON(len(f.Log), f.Log)
	if err != nil {
		return nil, err
	}
	extra, err := packJSON(len(f.Extra), f.Extra)
	if err != nil {
		return nil, err
	}
	return []any{f.Deleted, f.Pinned, f.Archived, millis(f.CreatedAt), blob(f.Color), blob(f.Order), blob(f.Notebook),
		blob(f.Title), tags, log, extra, blob(f.Body)}, nil
}

// fieldRow takes a row's fieldColumns.
type fieldRow struct {
	f                           model.Fields
	created                     int64
	color, ord, notebook, title []byte
	tags, log, extra, body      []byte
}

func (r *fieldRow) dst() []any {
	return []any{&r.f.Deleted, &r.f.Pinned, &r.f.Archived, &r.created, &r.color, &r.ord, &r.notebook, &r.title, &r.tags, &r.log,
		&r.extra, &r.body}
}

func (r *fieldRow) fields() (model.Fields, error) {
	f := r.f
	f.CreatedAt = at(r.created)
	f.Color, f.Order, f.Notebook, f.Title, f.Body = string(r.color), string(r.ord), string(r.notebook), string(r.title), string(r.body)
	if err := unpackJSON(r.tags, &f.Tags); err != nil {
		return f, err
	}
	if err := unpackJSON(r.log, &f.Log); err != nil {
		return f, err
	}
	return f, unpackJSON(r.extra, &f.Extra)
}

// blob binds text as bytes; an empty text is an empty blob, not NULL.
func blob(s string) []byte {
	if s == "" {
		return []byte{}
	}
	return []byte(s)
}

func packTags(tags []string) (any, error) { return packJSON(len(tags), tags) }

// packJSON spells v, or NULL when it has no members: most notes have no log,
// and reading them should not pay for JSON.
func packJSON(n int, v any) (any, error) {
	if n == 0 {
		return nil, nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("pack note: %w", err)
	}
	return b, nil
}

func unpackJSON(b []byte, dst any) error {
	if len(b) == 0 {
		return nil
	}
	if err := json.Unmarshal(b, dst); err != nil {
		return fmt.Errorf("%w: unpack note: %w", model.ErrCorrupt, err)
	}
	return nil
}

// zeroMillis is how the zero time is stored.
var zeroMillis = time.Time{}.UnixMilli()

func millis(t time.Time) int64 { return t.UnixMilli() }

func at(ms int64) time.Time {
	if ms == zeroMillis {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
