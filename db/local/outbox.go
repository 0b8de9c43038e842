package local

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"stet/model"
)

// opColumns: a patch's title and body are columns of their own, since JSON of
// a long body costs more than the rest of a save; patch is what remains.
const opColumns = `id, note, kind, base_rev, created_at, device, state, attempt, sent_at, not_sent, problem, next_try, note_seq,
	made_at, patch, title, body`

// opRow takes one row after another; its bytes are the driver's until the next.
type opRow struct {
	op                 model.Op
	created, next      int64
	made               *int64
	patch, title, body sql.RawBytes
}

func (r *opRow) dst() []any {
	o := &r.op
	return []any{&o.ID, &o.NoteID, (*string)(&o.Kind), &o.BaseRev, &r.created, &o.Device, (*string)(&o.State), &o.Attempt, &o.SentAt,
		&o.NotSent, &o.Problem, &r.next, &o.NoteSeq, &r.made, &r.patch, &r.title, &r.body}
}

func (r *opRow) read() (model.Op, error) {
	op := r.op
	if err := unpackJSON(r.patch, &op.Patch); err != nil {
		return op, err
	}
	op.CreatedAt, op.NextTry = at(r.created), at(r.next)
	if r.made != nil {
		made := at(*r.made)
		op.Patch.CreatedAt = &made
	}
	op.Patch.Title, op.Patch.Body = textOf(r.title), textOf(r.body)
	return op, nil
}

func textOf(b []byte) *string {
	if b == nil {
		return nil
	}
	s := string(b)
	return &s
}

func optional(s *string) any {
	if s == nil {
		return nil
	}
	return blob(*s)
}

// ops appends the ops that q finds to out.
func (r *reader) ops(out []model.Op, q string, args ...any) ([]model.Op, error) {
	var row opRow
	dst := row.dst()
	err := r.each("SELECT "+opColumns+" FROM outbox o "+q, args, func(scan func(...any) error) error {
		if err := scan(dst...); err != nil {
			return err
		}
		op, err := row.read()
		out = append(out, op)
		return err
	})
	return out, err
}

// Ops implements [store.Reader].
func (r *reader) Ops(noteID string) ([]model.Op, error) {
	return r.ops(nil, "WHERE note = ? ORDER BY pos", noteID)
}

// mayGo says that an op is its note's oldest; in review, the oldest of its
// appends.
const mayGo = ` AND CASE WHEN EXISTS (SELECT 1 FROM reviews r WHERE r.note = o.note)
	THEN kind = 'append' AND NOT EXISTS (SELECT 1 FROM outbox p WHERE p.note = o.note AND p.pos < o.pos AND p.kind = 'append')
	ELSE NOT EXISTS (SELECT 1 FROM outbox p WHERE p.note = o.note AND p.pos < o.pos) END`

// sendableRoom is the number of ops that Sendable makes room for at once, so
// that a full batch is not copied while it grows.
const sendableRoom = 500

// Sendable implements [store.Reader].
func (r *reader) Sendable(limit int, now time.Time, force bool) ([]model.Op, error) {
	const sent = "WHERE state = 'sent' AND (? OR next_try <= ?)" + mayGo + " ORDER BY pos LIMIT 0+?"
	const queued = "WHERE state = 'queued' AND (? OR next_try <= ?)" + mayGo + " ORDER BY pos LIMIT 0+?"
	out, err := r.ops(make([]model.Op, 0, max(0, min(limit, sendableRoom))), sent, force, millis(now), limit)
	if err != nil || len(out) >= limit {
		return out, err
	}
	return r.ops(out, queued, force, millis(now), limit-len(out))
}

// NextTry implements [store.Reader].
func (r *reader) NextTry() (first time.Time, waiting bool, err error) {
	var next *int64
	const q = "SELECT min(next_try) FROM outbox o WHERE state <> 'parked'" + mayGo
	if err := r.row(q).Scan(&next); err != nil {
		return time.Time{}, false, r.s.fault("read outbox", err)
	}
	if next == nil {
		return time.Time{}, false, nil
	}
	return at(*next), true, nil
}

// SetOps implements [store.Tx].
func (t *tx) SetOps(noteID string, ops []model.Op) error {
	if noteID == "" || noteID != t.opless {
		if _, err := t.exec("DELETE FROM outbox WHERE note = ? AND state <> 'sent'", noteID); err != nil {
			return err
		}
	}
	for _, op := range ops {
		if op.ID == "" || op.NoteID != noteID || op.State != model.Queued && op.State != model.Parked {
			return t.fail(fmt.Errorf("%w: op %q of %q cannot be planned for %q as %q", model.ErrInvalid, op.ID, op.NoteID, noteID, op.State))
		}
		if err := t.insertOp(op); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) insertOp(op model.Op) error {
	t.opless = ""
	p := op.Patch
	title, body := optional(p.Title), optional(p.Body)
	var made any
	if p.CreatedAt != nil {
		made = millis(*p.CreatedAt)
	}
	p.Title, p.Body, p.CreatedAt = nil, nil, nil
	members := 1
	if p.Empty() {
		members = 0
	}
	patch, err := packJSON(members, p)
	if err != nil {
		return t.fail(err)
	}
	_, err = t.exec("INSERT INTO outbox ("+opColumns+") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", op.ID, op.NoteID, string(op.Kind),
		op.BaseRev, millis(op.CreatedAt), op.Device, string(op.State), op.Attempt, op.SentAt, op.NotSent, op.Problem, millis(op.NextTry),
		op.NoteSeq, made, patch, title, body)
	return err
}

// DropOp implements [store.Tx].
func (t *tx) DropOp(opID string) error {
	_, err := t.exec("DELETE FROM outbox WHERE id = ?", opID)
	return err
}

// Freeze implements [store.Tx].
func (t *tx) Freeze(opIDs []string, cursor string) error {
	list, err := json.Marshal(opIDs)
	if err != nil {
		return t.fail(fmt.Errorf("freeze ops: %w", err))
	}
	const q = `UPDATE outbox SET sent_at = CASE state WHEN 'sent' THEN sent_at ELSE ? END, state = 'sent', attempt = attempt + 1, not_sent = 0
		WHERE id IN (SELECT value FROM json_each(?)) AND state <> 'parked'`
	n, err := t.exec(q, cursor, string(list))
	if err != nil || n == int64(len(opIDs)) {
		return err
	}
	return t.unfrozen(opIDs)
}

// unfrozen says why fewer ops were frozen than asked for.
func (t *tx) unfrozen(opIDs []string) error {
	for _, id := range opIDs {
		var n int
		found, err := t.one("SELECT 1 FROM outbox WHERE id = ? AND state <> 'parked'", []any{id}, []any{&n})
		if err != nil {
			return t.fail(err)
		}
		if !found {
			return fmt.Errorf("op %s: %w", id, model.ErrNotFound)
		}
	}
	return t.fail(fmt.Errorf("%w: an op cannot be frozen twice at once", model.ErrInvalid))
}

// Postpone implements [store.Tx].
func (t *tx) Postpone(opID, problem string, next time.Time, thaw bool) error {
	const q = `UPDATE outbox SET problem = ?, next_try = ?, state = CASE WHEN ? THEN 'queued' ELSE state END,
		not_sent = CASE WHEN ? THEN 1 ELSE not_sent END WHERE id = ?`
	return t.onOp(opID, q, problem, millis(next), thaw, thaw, opID)
}

// Park implements [store.Tx].
func (t *tx) Park(opID, problem string) error {
	return t.onOp(opID, "UPDATE outbox SET state = 'parked', problem = ? WHERE id = ?", problem, opID)
}

// onOp changes one op; that it is gone is the caller's to know.
func (t *tx) onOp(id, q string, args ...any) error {
	n, err := t.exec(q, args...)
	if err == nil && n == 0 {
		return fmt.Errorf("op %s: %w", id, model.ErrNotFound)
	}
	return err
}

// SettleClean implements [store.Tx]. The server's state is the row itself when
// the op was planned against the shadow that still stands.
func (t *tx) SettleClean(op model.Op, rev int64, serverAt time.Time) (bool, error) {
	key, err := t.serverKey()
	if err != nil {
		return false, t.fail(err)
	}
	const q = `SELECT n.pk, n.shelf, n.status, o.pos FROM outbox o JOIN notes n ON n.id = o.note
		WHERE o.id = ?3 AND n.id = ?1 AND n.seq = ?2 AND n.status <> 'synced'
		AND NOT EXISTS (SELECT 1 FROM outbox p WHERE p.note = n.id AND p.pos <> o.pos)
		AND NOT EXISTS (SELECT 1 FROM reviews WHERE note = n.id)
		AND coalesce((SELECT rev FROM shadows WHERE note = n.id AND server = ?4), 0) = ?5`
	var pk, pos int64
	var shelf int
	var was model.Status
	found, err := t.one(q, []any{op.NoteID, op.NoteSeq, op.ID, key, op.BaseRev}, []any{&pk, &shelf, &was, &pos})
	if err != nil || !found {
		return false, t.fail(err)
	}
	if _, err := t.exec("DELETE FROM outbox WHERE pos = ?", pos); err != nil {
		return false, err
	}
	seq, err := t.nextSeq()
	if err != nil {
		return false, err
	}
	t.changes.count(shelf, was, -1)
	t.changes.count(shelf, model.Synced, 1)
	if _, err := t.exec("UPDATE notes SET status = 'synced', rev = ?, text_rev = ?, server_at = ?, seq = ? WHERE pk = ?", rev, rev,
		millis(serverAt), seq, pk); err != nil {
		return false, err
	}
	if op.BaseRev == 0 {
		return true, nil
	}
	return true, t.dropShadow(op.NoteID)
}
