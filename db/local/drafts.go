package local

import (
	"context"
	"encoding/json"
	"fmt"

	"stet/model"
)

const draftQuery = `SELECT d.key, d.note, d.at, d.cursor, d.rest, b.rest, d.body, b.body
	FROM drafts d JOIN draft_bases b ON b.key = d.key `

// Drafts returns the editors' journals, newest first.
func (s *Store) Drafts(ctx context.Context) (out []model.Draft, err error) {
	err = s.read(ctx, func(r *reader) error {
		out, err = r.drafts("ORDER BY d.at DESC, d.key")
		return err
	})
	return out, err
}

// Draft returns the journal kept under key, and whether there is one.
func (s *Store) Draft(ctx context.Context, key string) (d model.Draft, found bool, err error) {
	err = s.read(ctx, func(r *reader) error {
		all, err := r.drafts("WHERE d.key = ?", key)
		if len(all) > 0 {
			d, found = all[0], true
		}
		return err
	})
	return d, found, err
}

func (r *reader) drafts(q string, args ...any) (out []model.Draft, err error) {
	err = r.each(draftQuery+q, args, func(scan func(...any) error) error {
		var d model.Draft
		var ms int64
		var text, base, textBody, baseBody []byte
		if err := scan(&d.Key, &d.NoteID, &ms, &d.Cursor, &text, &base, &textBody, &baseBody); err != nil {
			return err
		}
		if err := unpackJSON(text, &d.Text); err != nil {
			return err
		}
		if err := unpackJSON(base, &d.Base); err != nil {
			return err
		}
		d.At, d.Text.Body, d.Base.Body = at(ms), string(textBody), string(baseBody)
		out = append(out, d)
		return nil
	})
	return out, err
}

// PutDraft keeps an editor's journal; it is on disk when PutDraft returns. The
// base is written again only when it changed.
func (s *Store) PutDraft(ctx context.Context, d model.Draft) error {
	text, err := packRest(d.Text)
	if err != nil {
		return err
	}
	base, err := packRest(d.Base)
	if err != nil {
		return err
	}
	return s.write(ctx, func(t *tx) error {
		if _, err := t.exec("INSERT OR REPLACE INTO drafts (key, note, at, cursor, rest, body) VALUES (?,?,?,?,?,?)", d.Key, d.NoteID,
			millis(d.At), d.Cursor, text, blob(d.Text.Body)); err != nil {
			return err
		}
		_, err := t.exec(`INSERT INTO draft_bases (key, rest, body) VALUES (?,?,?) ON CONFLICT (key) DO UPDATE
			SET rest = excluded.rest, body = excluded.body WHERE rest <> excluded.rest OR body <> excluded.body`, d.Key, base, blob(d.Base.Body))
		return err
	})
}

// packRest spells the fields without the body.
func packRest(f model.Fields) ([]byte, error) {
	f.Body = ""
	b, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("pack draft: %w", err)
	}
	return b, nil
}

// DropDraft forgets a journal; a missing one is no error.
func (s *Store) DropDraft(ctx context.Context, key string) error {
	return s.write(ctx, func(t *tx) error {
		if _, err := t.exec("DELETE FROM draft_bases WHERE key = ?", key); err != nil {
			return err
		}
		_, err := t.exec("DELETE FROM drafts WHERE key = ?", key)
		return err
	})
}
