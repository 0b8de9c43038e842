package local

import (
	"context"
	"fmt"
	"slices"

	"stet/model"
)

const versionColumns = "version, rev, at, device, cause, codec, base, size, " + fieldColumns

type versionRow struct {
	v     model.Version
	at    int64
	codec int
	base  int64
	size  int
	fieldRow
}

func (r *versionRow) dst() []any {
	v := &r.v
	return append([]any{&v.Version, &v.Rev, &r.at, &v.Device, &v.Cause, &r.codec, &r.base, &r.size}, r.fieldRow.dst()...)
}

// lastVersion returns the highest number kept for a note, 0 if none.
func (t *tx) lastVersion(id string) (last int64, err error) {
	if err := t.row("SELECT coalesce(max(version), 0) FROM versions WHERE note = ?", id).Scan(&last); err != nil {
		return 0, t.fail(t.s.fault("read versions", err))
	}
	return last, nil
}

// keep writes a version.
func (t *tx) keep(v model.Version) error {
	packed, err := t.pack(v)
	if err != nil {
		return t.fail(err)
	}
	fields, err := fieldArgs(v.Fields)
	if err != nil {
		return t.fail(err)
	}
	fields[len(fields)-1] = packed.data
	_, err = t.exec("INSERT INTO versions (note, "+versionColumns+") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
		append([]any{v.NoteID, v.Version, v.Rev, millis(v.At), v.Device, string(v.Cause), packed.codec, packed.base, len(v.Fields.Body)},
			fields...)...)
	return err
}

// KeepVersion implements [store.Tx].
func (t *tx) KeepVersion(v model.Version) error {
	newest, err := t.versions("WHERE note = ? AND rev = ? ORDER BY version DESC LIMIT 1", v.NoteID, v.NoteID, v.Rev)
	if err != nil {
		return t.fail(err)
	}
	if len(newest) > 0 && model.SameText(newest[0].Fields, v.Fields) && len(model.Diff(newest[0].Fields, v.Fields).LogAppend) == 0 {
		return nil
	}
	if v.Version, err = t.lastVersion(v.NoteID); err != nil {
		return err
	}
	var row int64
	if _, err := t.one("SELECT version FROM notes WHERE id = ?", []any{v.NoteID}, []any{&row}); err != nil {
		return t.fail(err)
	}
	v.Version = max(v.Version, row) + 1
	return t.keep(v)
}

// versions reads kept versions of one note and unpacks their bodies.
func (r *reader) versions(where, id string, args ...any) (out []model.Version, err error) {
	var rows []versionRow
	err = r.each("SELECT "+versionColumns+" FROM versions "+where, args, func(scan func(...any) error) error {
		rows = append(rows, versionRow{})
		return scan(rows[len(rows)-1].dst()...)
	})
	if err != nil {
		return nil, err
	}
	u := unpacker{r: r, note: id}
	defer u.close()
	for _, row := range rows {
		if row.body, err = u.unpack(row); err != nil {
			return nil, r.s.fault("read version", err)
		}
		v := row.v
		v.NoteID, v.At = id, at(row.at)
		if v.Fields, err = row.fields(); err != nil {
			return nil, r.s.fault("read version", err)
		}
		out = append(out, v)
	}
	return out, nil
}

// Knew implements [store.Reader].
func (r *reader) Knew(noteID string, f model.Fields) (bool, error) {
	all, err := r.versions("WHERE note = ?", noteID, noteID)
	return slices.ContainsFunc(all, func(v model.Version) bool {
		return v.Cause != model.CauseOther && model.SameText(v.Fields, f)
	}), err
}

// presentVersion returns the note's row as a version.
func (r *reader) presentVersion(id string) (model.Version, bool, error) {
	var row noteRow
	var textRev int64
	found, err := r.one("SELECT text_rev, "+noteColumns+" FROM notes WHERE id = ? AND purged = 0", []any{id},
		append([]any{&textRev}, row.dst()...))
	if err != nil || !found {
		return model.Version{}, false, err
	}
	n, err := row.note()
	return model.Version{NoteID: id, Version: n.Version, Rev: textRev, At: n.UpdatedAt, Device: n.Device, Cause: n.Cause, Fields: n.Fields},
		err == nil, r.s.fault("read note", err)
}

// History returns a note's texts, newest first, the present one at the head.
// limit <= 0 means all. model.ErrNotFound if there is neither note nor version.
func (s *Store) History(ctx context.Context, id string, limit int) (out []model.Version, err error) {
	err = s.read(ctx, func(r *reader) error {
		now, found, err := r.presentVersion(id)
		if err != nil {
			return err
		}
		if found {
			out = append(out, now)
		}
		kept := unlimited(limit)
		if limit > 0 {
			kept = limit - len(out)
		}
		old, err := r.versions("WHERE note = ? ORDER BY version DESC LIMIT 0+?", id, id, kept)
		out = append(out, old...)
		if err == nil && len(out) == 0 {
			return fmt.Errorf("history of %s: %w", id, model.ErrNotFound)
		}
		return err
	})
	return out, err
}

// VersionOf returns one text of a note by its number; model.ErrNotFound if it
// has none of this number.
func (s *Store) VersionOf(ctx context.Context, id string, version int64) (v model.Version, err error) {
	err = s.read(ctx, func(r *reader) error {
		now, found, err := r.presentVersion(id)
		if err != nil {
			return err
		}
		if found && now.Version == version {
			v = now
			return nil
		}
		old, err := r.versions("WHERE note = ? AND version = ?", id, id, version)
		if err != nil {
			return err
		}
		if len(old) == 0 {
			return fmt.Errorf("version %d of %s: %w", version, id, model.ErrNotFound)
		}
		v = old[0]
		return nil
	})
	return v, err
}
