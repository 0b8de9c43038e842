package sqlite

import (
	"context"

	"stet/syncengine/server/store"
)

const (
	sqlEpochs   = `SELECT id FROM accounts ORDER BY id`
	sqlNewEpoch = `UPDATE accounts SET epoch = ?, clock = max(clock, ?), floor = max(clock, ?), floor_tag = tag WHERE id = ?`
)

// Flush implements store.Transactor.
func (s *Store) Flush(ctx context.Context) error {
	return s.submit(ctx, maxGroup, func(g *group) error {
		if _, err := g.newEpochs(0); err != nil {
			return err
		}
		for _, table := range []string{"notes", "changes", "collections"} {
			if _, err := g.w.conn.ExecContext(g.ctx, "DELETE FROM "+table); err != nil {
				return translate("flush", err)
			}
		}
		return nil
	})
}

// newEpochs makes every cursor that was given out foreign, and tells how many
// accounts there are. Clocks go on, at least from clock: no number is given out
// twice.
func (g *group) newEpochs(clock int64) (n int, err error) {
	if err := g.saveClocks(); err != nil {
		return 0, err
	}
	clear(g.accounts)
	clear(g.dirty)
	var ids []int64
	err = each(g.ctx, g.w.conn, sqlEpochs, func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		ids = append(ids, id)
		return err
	})
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		epoch, err := newEpoch(g.w.s.opts.Rand)
		if err != nil {
			return 0, err
		}
		if _, err := g.w.conn.ExecContext(g.ctx, sqlNewEpoch, epoch, clock, clock, id); err != nil {
			return 0, translate("begin epoch", err)
		}
	}
	return len(ids), nil
}

var _ store.Transactor = (*Store)(nil)
