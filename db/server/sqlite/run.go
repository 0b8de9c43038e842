package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"syscall"
)

// A run is one time that a server has the store. Its name is kept in the store
// and in a file beside it, and both get a new one when a server begins and ends.
// Who copies an older file over the store brings an older name back.
//
// The store goes first and remembers what the file beside it says, so that the
// two fit at every moment: a crash between the two steps is no copy.
//
//	store: was a, now b │ file: b      served, or at rest
//	store: was b, now c │ file: b      the first step is done
//	store: was b, now c │ file: c      both
//
// A store without a name and a file that is missing fit too: that is a new
// store, or one of before there were names.
const (
	sqlRun     = `SELECT was, now FROM run`
	sqlPutRun  = `INSERT OR REPLACE INTO run (one, was, now) VALUES (1, ?, ?)`
	sqlDropRun = `DELETE FROM run`
	sqlLastRev = `SELECT coalesce(max(clock), 0) FROM accounts`
)

// copied stands for the run of a backup, which fits no file: what was brought
// into a store's place without a restore is always noticed.
const copied = "copied"

// Serve begins a run and reports whether this is the store that was served last.
// If it is not, because a file was copied over it or it came here without the
// file beside it, each account has begun a new epoch when Serve returns, and no
// clock is behind what the last run that ended had given out. newRun makes names
// that no other run has; [Store.Close] uses it too. Other processes may serve
// the store or use it. Errors: *SideError and those of a write.
func (s *Store) Serve(ctx context.Context, newRun func() string) (same bool, err error) {
	r := runner{s: s, newRun: newRun, write: func(do func(*group) error) error { return s.submit(ctx, 1, do) }}
	err = r.begin()
	if r.same && errors.Is(err, syscall.ENOSPC) {
		err = nil // notes can still be read, and the names fit as they are
	}
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	s.newRun = newRun
	s.mu.Unlock()
	return r.same, nil
}

// endRun ends the run of a store that was served, after the last write. If that
// fails the names fit all the same: a copy from this run is then not noticed
// before the next has begun.
func (w *writer) endRun() {
	w.s.mu.RLock()
	newRun := w.s.newRun
	w.s.mu.RUnlock()
	if newRun == nil {
		return
	}
	r := runner{s: w.s, newRun: newRun, write: func(do func(*group) error) error {
		j := &job{ctx: context.Background(), do: do}
		return errors.Join(w.transact([]*job{j}), j.err)
	}}
	_ = r.move(nil)
}

// runner gives the store and the file beside it a new name.
type runner struct {
	s      *Store
	newRun func() string
	write  func(do func(*group) error) error
	same   bool
}

func (r *runner) begin() error {
	first := false
	err := r.move(func(g *group, side mark) error {
		first = side.run == ""
		was, now, err := readRun(g.ctx, g.w.conn)
		if err != nil {
			return err
		}
		if r.same = side.run == was || side.run == now; r.same {
			return nil
		}
		n, err := g.newEpochs(side.clock)
		r.same = n == 0 // nobody knows it
		return err
	})
	if err == nil && first {
		return r.move(nil) // until then the store fits where no file is
	}
	return err
}

// move takes both steps; check looks at the names before the first.
func (r *runner) move(check func(*group, mark) error) error {
	path := sideName(r.s.path)
	err := r.write(func(g *group) error {
		side, err := readSide(path)
		if err == nil && check != nil {
			err = check(g, side)
		}
		if err != nil {
			return err
		}
		_, err = g.w.conn.ExecContext(g.ctx, sqlPutRun, side.run, r.newRun())
		return translate("write run", err)
	})
	if err != nil {
		return err
	}
	// The name is read again: another process may have given one since. No other
	// can meanwhile, for the transaction keeps it out.
	return r.write(func(g *group) error {
		_, now, err := readRun(g.ctx, g.w.conn)
		if err != nil {
			return err
		}
		if err := g.saveClocks(); err != nil {
			return err
		}
		next := mark{run: now}
		if err := g.w.conn.QueryRowContext(g.ctx, sqlLastRev).Scan(&next.clock); err != nil {
			return translate("read clocks", err)
		}
		return next.write(path)
	})
}

// readRun returns the store's names, "" for none.
func readRun(ctx context.Context, q querier) (was, now string, err error) {
	err = q.QueryRowContext(ctx, sqlRun).Scan(&was, &now)
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", nil
	}
	return was, now, translate("read run", err)
}

// markCopy makes the copy at path, which is ours alone, known as one. It stays
// a single file that can be read where nothing can be written.
func markCopy(ctx context.Context, path string) (err error) {
	db, conn, err := scratch(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(), db.Close()) }()
	if have, err := identify(ctx, conn); err != nil || have < 4 {
		return err
	}
	if _, err := conn.ExecContext(ctx, sqlPutRun, copied, copied); err != nil {
		return translate("write copy", err)
	}
	_, err = conn.ExecContext(ctx, "PRAGMA journal_mode=DELETE")
	return translate("write copy", err)
}

// fitRun gives the copy a name that fits the file beside the place it is going
// to: its epochs are new already.
func (r *restore) fitRun(tx *sql.Tx) error {
	side, err := readSide(sideName(r.path))
	if err != nil {
		return err
	}
	if side.run == "" {
		_, err = tx.ExecContext(r.ctx, sqlDropRun)
		return translate("write run", err)
	}
	now, err := newEpoch(r.o.Rand)
	if err != nil {
		return fmt.Errorf("name run: %w", err)
	}
	_, err = tx.ExecContext(r.ctx, sqlPutRun, side.run, now)
	return translate("write run", err)
}
