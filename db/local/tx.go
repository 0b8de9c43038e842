package local

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/mattn/go-sqlite3"

	"stet/model"
	"stet/syncengine/store"
)

// lockWait is how long a writer sleeps between two looks at the turnstile, and
// lockTries how often it looks: 5 s in all.
const (
	lockWait  = time.Millisecond
	lockTries = 5000
)

// querier is where statements go: a snapshot's transaction, or the connection
// of a write.
type querier interface {
	QueryContext(ctx context.Context, q string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, q string, args ...any) *sql.Row
	ExecContext(ctx context.Context, q string, args ...any) (sql.Result, error)
}

// reader reads one snapshot. It serves [store.Reader], alone and inside a tx.
type reader struct {
	s  *Store
	db querier
	// ctx is that of the call for readers. Inside a write it never ends: a
	// statement that is begun is finished.
	ctx context.Context
	// changes are the counters' movements in this transaction, not yet written.
	changes totals
	server  *string // key of the shadows, read once
}

// tx is one write transaction.
type tx struct {
	reader
	seq    int64 // last local change number, 0 before the first is needed
	failed error // a statement failed: nothing may be committed
	// known is what is known of the note that was last asked for, see known.go;
	// opless is a note that is known to have no ops.
	known  *known
	opless string
}

var (
	_ store.Tx     = (*tx)(nil)
	_ store.Reader = (*reader)(nil)
)

// Write implements [store.Store].
func (s *Store) Write(ctx context.Context, f func(store.Tx) error) error {
	return s.write(ctx, func(t *tx) error { return f(t) })
}

func (s *Store) write(ctx context.Context, f func(*tx) error) (err error) {
	switch {
	case s.readOnly != nil:
		return fmt.Errorf("write store: %w", s.readOnly)
	case s.damaged.Load():
		return fmt.Errorf("write store: %w", model.ErrCorrupt)
	}
	conn, err := s.writer.Conn(ctx)
	if err != nil {
		return s.fault("write store", err)
	}
	defer func() { err = errors.Join(err, s.end(conn, err)) }() // after the commit, nothing; also if f panics
	if err := s.begin(ctx, conn); err != nil {
		return s.fault("write store", err)
	}
	t := &tx{reader: reader{s: s, db: conn, ctx: context.Background()}}
	if err := t.settle(); err != nil {
		return err
	}
	if err := f(t); err != nil {
		return err
	}
	if t.failed != nil {
		return t.failed
	}
	if err := t.flush(); err != nil {
		return err
	}
	if _, err := conn.ExecContext(t.ctx, "COMMIT"); err != nil {
		return s.fault("commit", err)
	}
	s.elsewhere.Store(false)
	s.janitor.committed()
	return nil
}

// end takes back what is not committed and gives the connection back. A
// transaction is spelled in SQL and not a [sql.Tx], which starts a goroutine
// for each query that it makes.
//
// After a failure of the disk nothing that the connection holds is trusted: it
// is closed, the next write opens another one, which reads the file anew. If
// what failed was the commit, its outcome is open until then: it may be found in
// the journal after a crash, whole, but it was never said to be saved.
func (s *Store) end(conn *sql.Conn, cause error) error {
	err := conn.Raw(func(c any) error {
		own := c.(*sqlite3.SQLiteConn)
		if diskFailed(cause) {
			return driver.ErrBadConn
		}
		if own.AutoCommit() {
			return nil
		}
		if _, err := own.Exec("ROLLBACK", nil); err != nil {
			return errors.Join(err, driver.ErrBadConn) // closing the connection takes it back
		}
		return nil
	})
	if errors.Is(err, driver.ErrBadConn) { // it is closed
		if diskFailed(cause) {
			return nil
		}
		return s.fault("take back", err)
	}
	return errors.Join(s.fault("take back", err), s.fault("write store", conn.Close()))
}

// begin starts a transaction when it is this process's turn. SQLite's own wait
// is a poll that always loses against a process writing in a loop, so whoever
// waits holds the turnstile, and the other one queues there for its next
// transaction.
func (s *Store) begin(ctx context.Context, conn *sql.Conn) error {
	if s.turn == nil {
		turn, err := openLock(filepath.Join(filepath.Dir(s.o.Path), "write.lock"))
		if err != nil {
			return err
		}
		s.turn = turn
	}
	for tries := 0; ; tries++ {
		err := s.turn.try()
		if err == nil {
			break
		}
		if !errors.Is(err, errLocked) {
			return fmt.Errorf("take turn: %w", err)
		}
		if tries == lockTries {
			return model.ErrBusy
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		s.o.Sleep(lockWait)
	}
	_, err := conn.ExecContext(context.WithoutCancel(ctx), "BEGIN IMMEDIATE")
	return errors.Join(err, s.turn.unlock())
}

// Read implements [store.Store].
func (s *Store) Read(ctx context.Context, f func(store.Reader) error) error {
	return s.read(ctx, func(r *reader) error { return f(r) })
}

func (s *Store) read(ctx context.Context, f func(*reader) error) (err error) {
	conn, err := s.readers.Conn(ctx)
	if err != nil {
		return s.fault("read store", err)
	}
	// A snapshot is spelled in SQL for the same reason as a transaction is.
	defer func() { err = errors.Join(err, s.endRead(conn)) }()
	if _, err := conn.ExecContext(context.WithoutCancel(ctx), "BEGIN"); err != nil {
		return s.fault("read store", err)
	}
	return f(&reader{s: s, db: conn, ctx: ctx})
}

// endRead gives a snapshot back, which has nothing to keep. A connection that
// cannot is closed.
func (s *Store) endRead(conn *sql.Conn) error {
	err := conn.Raw(func(c any) error {
		own := c.(*sqlite3.SQLiteConn)
		if own.AutoCommit() {
			return nil
		}
		if _, err := own.Exec("ROLLBACK", nil); err != nil {
			return driver.ErrBadConn
		}
		return nil
	})
	if err != nil {
		return nil // closed, and what was read stands
	}
	return s.fault("read store", conn.Close())
}

func (r *reader) query(q string, args ...any) (*sql.Rows, error) {
	rows, err := r.db.QueryContext(r.ctx, q, args...)
	return rows, r.s.fault("read store", err)
}

func (r *reader) row(q string, args ...any) *sql.Row { return r.db.QueryRowContext(r.ctx, q, args...) }

// one scans the only row of q, and reports whether there is one.
func (r *reader) one(q string, args, dst []any) (bool, error) {
	err := r.row(q, args...).Scan(dst...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, r.s.fault("read store", err)
}

// each scans all rows of q.
func (r *reader) each(q string, args []any, f func(scan func(...any) error) error) error {
	rows, err := r.query(q, args...)
	if err != nil {
		return err
	}
	defer rows.Close() // its error is that of rows.Err
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return r.s.fault("read store", err)
		}
	}
	return r.s.fault("read store", rows.Err())
}

// exec runs a statement and returns the number of rows it changed. What was
// known of a note is known no longer.
func (t *tx) exec(q string, args ...any) (int64, error) {
	t.known = nil
	res, err := t.aside(q, args...)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, t.fail(t.s.fault("write store", err))
	}
	return n, nil
}

// aside runs a statement on a table that known tells nothing of. After a
// failure none is run: SQLite may have taken the transaction back by itself,
// and what came then would be written for good.
func (t *tx) aside(q string, args ...any) (sql.Result, error) {
	if t.failed != nil {
		return nil, t.failed
	}
	res, err := t.db.ExecContext(t.ctx, q, args...)
	if err != nil {
		return nil, t.fail(t.s.fault("write store", err))
	}
	return res, nil
}

// fail remembers an error of the store, so that a caller who overlooks it
// commits nothing.
func (t *tx) fail(err error) error {
	if t.failed == nil {
		t.failed = err
	}
	return err
}
