package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"stet/db/disk"
	"stet/db/local/search"
	"stet/model"
	"stet/syncengine/store"
)

// Options say which store to open and what the store may use.
type Options struct {
	Path   string           // the file; its folder is made when missing
	Now    func() time.Time // the clock
	Device string           // this device's label, used when the store has none yet
	// Machine tells this machine from others; "" takes the system's id of it. A
	// store that comes from another machine becomes a device of its own.
	Machine string
	// ReadOnlyOK lets Open succeed on a store that can only be read (a
	// read-only file or folder, or a newer schema); [Store.ReadOnly] then says
	// why. Without it Open returns that reason as its error.
	ReadOnlyOK bool
	// AllowNetworkFS opens a store on a network file system all the same.
	AllowNetworkFS bool
	// Sleep waits between tries of a lock; nil means [time.Sleep].
	Sleep func(time.Duration)
	// After tells when the store has been quiet; nil means [time.After].
	After func(time.Duration) <-chan time.Time
}

// Store is a device's store. It is safe for use by many goroutines.
type Store struct {
	o        Options
	writer   *sql.DB // one connection; nil when the store can only be read
	readers  *sql.DB
	readOnly error // why, nil when it can be written
	damaged  atomic.Bool
	turn     *fileLock // who writes next, see tx.go
	janitor  *janitor
	index    *search.Index

	watch   sync.Mutex
	watched *sql.Conn // kept for DataVersion

	place     string      // where the file is, see identity.go
	elsewhere atomic.Bool // it was last written in another place

	leaseMu sync.Mutex
	lease   *lease

	closing  sync.Once
	closeErr error
}

var _ store.Store = (*Store)(nil)

// readConns is the number of connections that read, one of them kept by
// DataVersion.
const readConns = 5

// Open opens the store in o.Path, and makes it when there is none. Errors:
// model.ErrCorrupt for a damaged or foreign file, model.ErrReadOnly and
// model.ErrNewerSchema unless o.ReadOnlyOK, model.ErrRefused for a place or a
// library on which notes would not be safe.
func Open(ctx context.Context, o Options) (*Store, error) { return open(ctx, o, steps()) }

func open(ctx context.Context, o Options, steps []step) (*Store, error) {
	if o.Sleep == nil {
		o.Sleep = time.Sleep
	}
	if o.After == nil {
		o.After = time.After
	}
	s := &Store{o: o}
	if err := s.prepare(ctx, steps); err != nil {
		return nil, fmt.Errorf("open store: %w", mapError(err))
	}
	if err := s.connect(ctx, steps); err != nil {
		return nil, fmt.Errorf("open store: %w", errors.Join(mapError(err), s.Close()))
	}
	return s, nil
}

// prepare finds or makes the file, without opening it in place.
func (s *Store) prepare(ctx context.Context, steps []step) error {
	if err := checkVersion(); err != nil {
		return err
	}
	dir := filepath.Dir(s.o.Path)
	info, err := os.Stat(s.o.Path)
	if errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	if kind := disk.NetworkFS(dir); kind != "" && !s.o.AllowNetworkFS {
		return fmt.Errorf("%w: %s is on a network file system (%s), where a store can be damaged", model.ErrRefused, dir, kind)
	}
	if info == nil {
		return create(ctx, s.o.Path, steps)
	}
	if err := checkSize(s.o.Path, info); err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 && os.Chmod(s.o.Path, 0o600) != nil {
		return nil // another's file, or a read-only place: readable is all that is needed
	}
	return nil
}

// connect opens the connections, checks the file and brings it up to date.
func (s *Store) connect(ctx context.Context, steps []step) error {
	if err := writable(s.o.Path); err != nil {
		s.readOnly = fmt.Errorf("%w: %w", model.ErrReadOnly, err)
	} else {
		s.writer = pool(s.o.Path, role{write: true}, 1)
		found, err := inspect(ctx, s.writer)
		if err == nil && found < len(steps) {
			if err = s.writer.Close(); err == nil {
				err = migrate(ctx, s.o, steps)
			}
			s.writer = pool(s.o.Path, role{write: true}, 1)
		}
		if errors.Is(mapError(err), syscall.ENOSPC) && s.o.ReadOnlyOK { // SQLite needs room beside the file even to read it
			s.readOnly = fmt.Errorf("%w: %w", model.ErrReadOnly, mapError(err))
			found, err = len(steps), s.writer.Close()
			s.writer = nil
		}
		if err != nil {
			return err
		}
		if found > len(steps) {
			s.readOnly = fmt.Errorf("%w (its format is %d, known is %d)", model.ErrNewerSchema, found, len(steps))
		}
	}
	s.readers = pool(s.o.Path, role{}, readConns)
	if s.writer == nil {
		if err := s.connectReadOnly(ctx, len(steps)); err != nil {
			return err
		}
	}
	if s.readOnly != nil && !s.o.ReadOnlyOK {
		return s.readOnly
	}
	s.index = search.New(filepath.Join(filepath.Dir(s.o.Path), "search.db"), source{s}, s.readOnly != nil)
	s.lookAround(ctx)
	if s.readOnly == nil {
		s.janitor = newJanitor(s)
		return s.checkSmall(ctx)
	}
	return nil
}

// connectReadOnly opens a store in a place where nothing can be written. When
// SQLite cannot make its side files there, the file alone is read, provided no
// journal holds anything newer.
func (s *Store) connectReadOnly(ctx context.Context, known int) error {
	found, err := inspect(ctx, s.readers)
	if err != nil && !errors.Is(mapError(err), model.ErrCorrupt) {
		if info, statErr := os.Stat(s.o.Path + "-wal"); statErr == nil && info.Size() > 0 {
			return fmt.Errorf("%w: its journal cannot be read here: %w", model.ErrReadOnly, err)
		}
		if err := s.readers.Close(); err != nil {
			return err
		}
		s.readers = pool(s.o.Path, role{immutable: true}, readConns)
		found, err = inspect(ctx, s.readers)
	}
	if err != nil {
		return err
	}
	if found > known {
		s.readOnly = fmt.Errorf("%w (its format is %d, known is %d)", model.ErrNewerSchema, found, known)
	}
	if found < known {
		return fmt.Errorf("%w: it has an older format and cannot be brought up to date", s.readOnly)
	}
	return nil
}

// ReadOnly returns why the store can only be read, wrapping model.ErrReadOnly
// or model.ErrNewerSchema; nil when it can be written.
func (s *Store) ReadOnly() error { return s.readOnly }

// Close frees the store. It waits for running transactions, and moves the
// journal into the file. It may be called twice.
func (s *Store) Close() error {
	s.closing.Do(func() {
		var errs []error
		if s.janitor != nil {
			errs = append(errs, s.janitor.stop())
		}
		errs = append(errs, s.dropLease())
		s.watch.Lock()
		if s.watched != nil {
			errs = append(errs, s.watched.Close())
		}
		s.watch.Unlock()
		if s.index != nil {
			errs = append(errs, s.index.Close())
		}
		for _, db := range []*sql.DB{s.readers, s.writer} {
			if db != nil {
				errs = append(errs, db.Close())
			}
		}
		if s.turn != nil {
			errs = append(errs, s.turn.close())
		}
		s.closeErr = errors.Join(errs...)
	})
	return s.closeErr
}
