package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"stet/syncengine/server/store"
)

// maxGroup bounds the writes of one transaction, so that no caller waits for
// more than a moment.
const maxGroup = 1000

// errClosed answers calls after Close.
var errClosed = errors.New("store is closed")

// job is one call that waits for the writer. do runs inside a transaction that
// others share; it may run twice, if the first transaction is rolled back.
type job struct {
	ctx    context.Context
	do     func(*group) error
	writes int // how many, about
	err    error
	done   chan struct{}
}

// group is one transaction: the accounts it has met, and the statements.
type group struct {
	ctx      context.Context
	w        *writer
	accounts map[int64]*account
	dirty    map[int64]bool
}

// writer owns the one connection that writes. conn is nil after a failure of
// the disk, until the next transaction opens another one.
type writer struct {
	s    *Store
	conn *sql.Conn
	stmt statements
}

// statements are prepared once for the writer's connection.
type statements struct {
	byOp, note, insert, upsert, clock *sql.Stmt
}

func newWriter(ctx context.Context, s *Store, conn *sql.Conn) (*writer, error) {
	w := &writer{s: s, conn: conn}
	return w, w.prepare(ctx)
}

func (w *writer) prepare(ctx context.Context) error {
	for dst, text := range map[**sql.Stmt]string{&w.stmt.byOp: sqlByOp, &w.stmt.note: sqlNote, &w.stmt.insert: sqlInsert,
		&w.stmt.upsert: sqlUpsert, &w.stmt.clock: sqlClock} {
		stmt, err := w.conn.PrepareContext(ctx, text)
		if err != nil {
			return translate("prepare statement", err)
		}
		*dst = stmt
	}
	return nil
}

// reopen gives the writer a connection if it has none.
func (w *writer) reopen(ctx context.Context) (err error) {
	if w.conn != nil {
		return nil
	}
	if w.conn, err = w.s.write.Conn(ctx); err != nil {
		w.conn = nil
		return translate("open store again", err)
	}
	if err = checkSettings(ctx, w.conn); err == nil {
		err = w.prepare(ctx)
	}
	if err != nil {
		w.abandon()
	}
	return err
}

// abandon closes the connection for good. After a failure of the disk nothing
// that it holds is trusted, a commit least of all: what becomes of that shows
// when the file is read anew, and nobody was told that it succeeded.
func (w *writer) abandon() {
	_ = w.conn.Raw(func(any) error { return driver.ErrBadConn }) // what it is about
	w.conn, w.stmt = nil, statements{}
}

// run takes jobs until the queue is closed and empty.
func (w *writer) run() {
	defer close(w.s.done)
	defer w.close()
	defer w.endRun()
	for first := range w.s.queue {
		jobs := w.take(first)
		if err := w.transact(jobs); err != nil {
			w.single(jobs, err)
		}
		for _, j := range jobs {
			close(j.done)
		}
	}
}

// close empties the log and gives the connection back, statements finished, so
// that SQLite can remove the log's files.
func (w *writer) close() {
	if w.conn == nil {
		return
	}
	_, _ = w.conn.ExecContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)")
	for _, stmt := range []*sql.Stmt{w.stmt.byOp, w.stmt.note, w.stmt.insert, w.stmt.upsert, w.stmt.clock} {
		_ = stmt.Close()
	}
	_ = w.conn.Close()
}

// take returns first and what else waits, without those who have gone away.
func (w *writer) take(first *job) []*job {
	jobs, writes := make([]*job, 0, 16), 0
	add := func(j *job) {
		if j.err = j.ctx.Err(); j.err != nil {
			close(j.done)
			return
		}
		jobs = append(jobs, j)
		writes += j.writes
	}
	add(first)
	for writes < maxGroup {
		select {
		case j, ok := <-w.s.queue:
			if !ok {
				return jobs
			}
			add(j)
		default:
			return jobs
		}
	}
	return jobs
}

// single tries jobs one by one after their group failed with err.
func (w *writer) single(jobs []*job, err error) {
	if len(jobs) == 1 || diskFailed(err) { // a failing disk is nobody's fault
		for _, j := range jobs {
			j.err = err
		}
		return
	}
	for _, j := range jobs {
		if err := w.transact([]*job{j}); err != nil {
			j.err = err
		}
	}
}

// transact runs jobs in one transaction. A job's own error (j.err) is an answer
// that wrote nothing; the error returned means that all was rolled back.
func (w *writer) transact(jobs []*job) (err error) {
	if len(jobs) == 0 {
		return nil
	}
	ctx := context.Background()
	if err := w.reopen(ctx); err != nil {
		return err
	}
	defer func() {
		if diskFailed(err) && w.conn != nil {
			w.abandon()
		}
	}()
	if _, err := w.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return translate("begin", err)
	}
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("write: panic: %v", v)
		}
		if err != nil {
			_, _ = w.conn.ExecContext(ctx, "ROLLBACK")
		}
	}()
	g := &group{ctx: ctx, w: w, accounts: map[int64]*account{}, dirty: map[int64]bool{}}
	for _, j := range jobs {
		if j.err = j.do(g); j.err != nil && !harmless(j.err) {
			return j.err
		}
	}
	if err := g.saveClocks(); err != nil {
		return err
	}
	_, err = w.conn.ExecContext(ctx, "COMMIT")
	return translate("commit", err)
}

// harmless reports whether an error is an answer given before any row changed.
func harmless(err error) bool {
	for _, e := range []error{store.ErrNoAccount, store.ErrExists, store.ErrToken, store.ErrEpoch, store.ErrUnknown, store.ErrExpired} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// submit queues do, which writes about so many rows, and waits until it is on disk. If ctx ends first the write
// may still happen.
func (s *Store) submit(ctx context.Context, writes int, do func(*group) error) error {
	j := &job{ctx: ctx, do: do, writes: writes, done: make(chan struct{})}
	if err := s.enqueue(j); err != nil {
		return err
	}
	select {
	case <-j.done:
		return j.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) enqueue(j *job) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return errClosed
	}
	select {
	case s.queue <- j:
		return nil
	case <-j.ctx.Done():
		return j.ctx.Err()
	}
}

// offer queues do if there is room, and does not wait.
func (s *Store) offer(do func(*group) error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return
	}
	select {
	case s.queue <- &job{ctx: context.Background(), do: do, writes: 1, done: make(chan struct{})}:
	default:
	}
}
