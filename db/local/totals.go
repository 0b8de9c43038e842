package local

import (
	"context"

	"stet/model"
)

// totals are the counters kept in the store's one row of them.
type totals struct{ notes, trash, pending, review, failed int64 }

// count adds by times a row to the counters. Purged rows count only by their
// status: what waits to be told to the server is still pending.
func (c *totals) count(shelf int, status model.Status, by int64) {
	switch shelf {
	case shelfLive, shelfArchived:
		c.notes += by
	case shelfTrash:
		c.trash += by
	}
	switch status {
	case model.Pending:
		c.pending += by
	case model.NeedsReview:
		c.review += by
	case model.Failed:
		c.failed += by
	}
}

// nextSeq returns the next local change number. The last one is written once,
// by flush.
func (t *tx) nextSeq() (int64, error) {
	if t.seq == 0 {
		if err := t.row("SELECT seq FROM totals").Scan(&t.seq); err != nil {
			return 0, t.fail(t.s.fault("read change number", err))
		}
	}
	t.seq++
	return t.seq, nil
}

// flush writes the change number and the counters before the commit.
func (t *tx) flush() error {
	c := t.changes
	if t.seq == 0 && c == (totals{}) {
		return nil
	}
	_, err := t.exec(`UPDATE totals SET seq=max(seq,?), notes=notes+?, trash=trash+?, pending=pending+?, review=review+?, error=error+?`,
		t.seq, c.notes, c.trash, c.pending, c.review, c.failed)
	return err
}

// Counts implements [store.Reader].
func (r *reader) Counts() (model.Counts, error) {
	var c totals
	const q = "SELECT notes, trash, pending, review, error FROM totals"
	if err := r.row(q).Scan(&c.notes, &c.trash, &c.pending, &c.review, &c.failed); err != nil {
		return model.Counts{}, r.s.fault("count notes", err)
	}
	d := r.changes
	out := model.Counts{Notes: int(c.notes + d.notes), Trash: int(c.trash + d.trash), Pending: int(c.pending + d.pending),
		NeedsReview: int(c.review + d.review), Error: int(c.failed + d.failed)}
	const inFlight = `SELECT count(DISTINCT o.note) FROM outbox o JOIN notes n ON n.id = o.note
		WHERE o.state = 'sent' AND o.next_try <= ? AND n.status = 'pending'`
	if out.Pending == 0 {
		return out, nil
	}
	var sent int
	if err := r.row(inFlight, r.s.o.Now().UnixMilli()).Scan(&sent); err != nil {
		return model.Counts{}, r.s.fault("count notes", err)
	}
	if sent > 0 && r.s.someoneSyncs() {
		out.Syncing = sent
	}
	return out, nil
}

// Counts returns the numbers that status lines show.
func (s *Store) Counts(ctx context.Context) (c model.Counts, err error) {
	err = s.read(ctx, func(r *reader) error {
		c, err = r.Counts()
		return err
	})
	return c, err
}
