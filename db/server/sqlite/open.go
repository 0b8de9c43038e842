package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/mattn/go-sqlite3"

	"stet/db/disk"
	"stet/model"
	"stet/syncengine/server/store"
)

// oldestSQLite is the first release without the known fault of the WAL's
// restart (3.51.3), as sqlite3.Version counts.
const oldestSQLite = 3051003

// checkBelow is the size in bytes up to which a store is checked when opened.
const checkBelow = 32 << 20

// Options are what a store needs of the world.
type Options struct {
	Now  func() time.Time
	Rand io.Reader // makes epochs
}

// Store is a server store in one SQLite file.
type Store struct {
	opts   Options
	path   string
	lock   *disk.Lock // shared: no restore under us
	write  *sql.DB
	read   *sql.DB
	codec  *codec
	queue  chan *job
	done   chan struct{} // closed when the writer has ended
	mu     sync.RWMutex  // held to read while queueing, to write while closing
	closed bool
	newRun func() string // not nil while served
}

var _ store.Store = (*Store)(nil)

// Open opens the store at path and makes it if there is none. Errors:
// model.ErrCorrupt, model.ErrNewerSchema, model.ErrReadOnly, model.ErrBusy,
// model.ErrRefused for a place where data would not be safe, and those of the
// file system.
func Open(ctx context.Context, path string, opts Options) (*Store, error) {
	if _, n, _ := sqlite3.Version(); n < oldestSQLite {
		return nil, fmt.Errorf("open store: SQLite %d is too old, want %d", n, oldestSQLite)
	}
	lock, err := makeFile(path)
	if err != nil {
		return nil, err
	}
	s, err := openFile(ctx, path, opts)
	if err != nil {
		return nil, errors.Join(err, lock.Release())
	}
	s.lock = lock
	return s, nil
}

func openFile(ctx context.Context, path string, opts Options) (*Store, error) {
	codec, err := newCodec()
	if err != nil {
		return nil, err
	}
	s := &Store{opts: opts, path: path, codec: codec, queue: make(chan *job, 4096), done: make(chan struct{})}
	s.write = pool(path, "rw", writing)
	s.write.SetMaxOpenConns(1)
	s.read = pool(path, "ro", []string{"PRAGMA trusted_schema=OFF", "PRAGMA query_only=ON", "PRAGMA cache_size=-8192"})
	readers := max(4, runtime.GOMAXPROCS(0))
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	if err := s.start(ctx, path); err != nil {
		_ = s.read.Close()
		_ = s.write.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) start(ctx context.Context, path string) error {
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return translate("open store", err)
	}
	if err := prepare(ctx, conn, path); err != nil {
		_ = conn.Close()
		return err
	}
	w, err := newWriter(ctx, s, conn)
	if err != nil {
		_ = conn.Close()
		return err
	}
	go w.run()
	return nil
}

// prepare reads the settings back, checks the file and brings its schema up.
func prepare(ctx context.Context, conn *sql.Conn, path string) error {
	if info, err := os.Stat(path); err == nil && info.Size() > 0 && info.Size() <= checkBelow {
		if err := quickCheck(ctx, conn); err != nil {
			return err
		}
	}
	if err := checkSettings(ctx, conn); err != nil {
		return err
	}
	return migrate(ctx, conn)
}

// checkSettings reads back what a durable commit rests on.
func checkSettings(ctx context.Context, conn *sql.Conn) error {
	var mode string
	var sync int
	if err := conn.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return translate("open store", err)
	}
	if err := conn.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&sync); err != nil {
		return translate("open store", err)
	}
	if mode != "wal" || sync != 2 {
		return fmt.Errorf("open store: journal is %s and synchronous %d, want wal and 2", mode, sync)
	}
	return nil
}

func quickCheck(ctx context.Context, conn *sql.Conn) error {
	var answer string
	if err := conn.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&answer); err != nil {
		return translate("check store", err)
	}
	if strings.Contains(answer, "unable to get the page. error code=") { // not wrong, not read
		return fmt.Errorf("check store: %w: %s", syscall.EIO, answer)
	}
	if answer != "ok" {
		return fmt.Errorf("check store: %w", model.ErrCorrupt)
	}
	return nil
}

// makeFile makes folder and file if they are missing, for the owner alone, and
// returns the lock that keeps a restore out.
func makeFile(path string) (*disk.Lock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	lock, err := share(path)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err = errors.Join(readable(err), foreign(path)); err != nil {
		return nil, fmt.Errorf("open store: %w", errors.Join(err, lock.Release()))
	}
	return lock, nil
}

// readable adds model.ErrReadOnly to a file system's refusal.
func readable(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: %w", model.ErrReadOnly, err)
	}
	return err
}

// connector opens connections with settings that a DSN cannot hold. It keeps
// the process's table of drivers untouched.
type connector struct {
	dsn    string
	driver *sqlite3.SQLiteDriver
}

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c connector) Driver() driver.Driver                        { return c.driver }

func pool(path, mode string, pragmas []string) *sql.DB {
	q := url.Values{"mode": {mode}, "_busy_timeout": {"5000"}, "_foreign_keys": {"on"}, "_stmt_cache_size": {"64"}}
	if mode == "rw" {
		q.Set("_journal_mode", "WAL")
		q.Set("_synchronous", "FULL")
		q.Set("_txlock", "immediate")
	}
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
	hook := func(c *sqlite3.SQLiteConn) error {
		for _, p := range pragmas {
			if _, err := c.Exec(p, nil); err != nil {
				return err
			}
		}
		return nil
	}
	return sql.OpenDB(connector{dsn, &sqlite3.SQLiteDriver{ConnectHook: hook}})
}

// Close waits for the writes that were queued, ends the run of a server, then
// closes the file.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.queue)
	s.mu.Unlock()
	<-s.done
	return errors.Join(s.read.Close(), s.write.Close(), s.lock.Release())
}
