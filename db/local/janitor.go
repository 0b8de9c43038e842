package local

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// When the journal is moved into the file: after a quiet while, or when it has
// grown and some writes have passed since the last time.
const (
	quiet        = 2 * time.Second
	journalBytes = 4 << 20
	journalTx    = 64
)

// janitor moves the journal into the file, off the path of a save and on a
// connection of its own. Its goroutine starts with the first write.
type janitor struct {
	s       *Store
	start   sync.Once
	commits atomic.Int64
	last    atomic.Int64 // commits at the last look at the journal
	armed   atomic.Bool  // it waits for the quiet after a write, and looks at commits then
	wake    chan struct{}
	done    chan struct{}
	ended   chan struct{}
}

func newJanitor(s *Store) *janitor {
	return &janitor{s: s, wake: make(chan struct{}, 1), done: make(chan struct{}), ended: make(chan struct{})}
}

// committed tells of a write. It never waits, and wakes the goroutine only for
// what that cannot see by itself.
func (j *janitor) committed() {
	n := j.commits.Add(1)
	j.start.Do(func() { go j.run() })
	if j.armed.Load() && n-j.last.Load() < journalTx {
		return
	}
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

func (j *janitor) run() {
	defer close(j.ended)
	var timer <-chan time.Time
	var armed int64
	for {
		select {
		case <-j.done:
			return
		case <-j.wake:
			if !j.armed.Load() {
				timer, armed = j.arm()
			}
			if n := j.commits.Load(); n-j.last.Load() >= journalTx {
				j.last.Store(n) // one look at the file for so many writes
				if j.journal() > journalBytes {
					j.move()
				}
			}
		case <-timer:
			j.armed.Store(false) // before the look: a write after it wakes
			if j.commits.Load() != armed {
				timer, armed = j.arm()
				continue
			}
			timer = nil
			j.move()
		}
	}
}

// arm begins to wait for quiet, and returns how many writes it has seen.
func (j *janitor) arm() (<-chan time.Time, int64) {
	timer := j.s.o.After(quiet)
	j.armed.Store(true) // before the look: what it does not count finds it armed
	return timer, j.commits.Load()
}

func (j *janitor) journal() int64 {
	info, err := os.Stat(j.s.o.Path + "-wal")
	if err != nil {
		return 0
	}
	return info.Size()
}

// move copies the journal into the file beside running writes, then cuts it
// off if nobody is in the way. What fails is tried again after later writes:
// the journal is as durable as the file.
func (j *janitor) move() {
	j.last.Store(j.commits.Load())
	if j.journal() == 0 || j.s.damaged.Load() {
		return
	}
	db := pool(j.s.o.Path, role{write: true}, 1)
	defer db.Close() // nothing was written on it
	ctx := context.Background()
	log, moved, err := checkpoint(ctx, db, "PASSIVE")
	if err != nil || moved < log {
		return
	}
	if _, err := db.ExecContext(ctx, "PRAGMA busy_timeout=0"); err != nil {
		return
	}
	_, _, _ = checkpoint(ctx, db, "TRUNCATE") // busy: the next writer begins the journal anew all the same
}

func checkpoint(ctx context.Context, db *sql.DB, mode string) (log, moved int, err error) {
	var busy int
	if err := db.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &log, &moved); err != nil {
		return 0, 0, fmt.Errorf("move journal: %w", err)
	}
	return log, moved, nil
}

// stop ends the goroutine and waits for it.
func (j *janitor) stop() error {
	close(j.done)
	ran := true
	j.start.Do(func() { ran = false })
	if ran {
		<-j.ended
	}
	if !ran || j.s.damaged.Load() || j.journal() < journalBytes/4 {
		return nil // the last to close moves a small journal by itself
	}
	j.move()
	return nil
}
