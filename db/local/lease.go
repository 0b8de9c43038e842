package local

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"

	"stet/model"
	"stet/syncengine/store"
)

// metaFence holds the fencing number of the last lease.
const metaFence = "fence"

type lease struct {
	s     *Store
	lock  *fileLock
	fence int64
	once  sync.Once
	err   error
}

// Lease implements [store.Store]. The lock is the system's and goes with the
// process; the number is kept in the store and only grows.
func (s *Store) Lease(ctx context.Context) (store.Lease, error) {
	if s.readOnly != nil {
		return nil, fmt.Errorf("take lease: %w", s.readOnly)
	}
	lock, err := openLock(s.leasePath())
	if err != nil {
		return nil, fmt.Errorf("take lease: %w", err)
	}
	if err := lock.tryPast(); err != nil {
		if errors.Is(err, errLocked) {
			err = fmt.Errorf("%w: another process syncs", model.ErrBusy)
		}
		return nil, fmt.Errorf("take lease: %w", errors.Join(err, lock.close()))
	}
	l := &lease{s: s, lock: lock}
	if err := s.write(ctx, l.number); err != nil {
		return nil, fmt.Errorf("take lease: %w", errors.Join(err, lock.close()))
	}
	s.leaseMu.Lock()
	defer s.leaseMu.Unlock()
	s.lease = l
	return l, nil
}

func (l *lease) number(t *tx) error {
	last, err := t.Meta(metaFence)
	if err != nil {
		return err
	}
	n, _ := strconv.ParseInt(last, 10, 64) // "" before the first
	l.fence = n + 1
	return t.putMeta(metaFence, strconv.FormatInt(l.fence, 10))
}

func (s *Store) leasePath() string { return filepath.Join(filepath.Dir(s.o.Path), "sync.lock") }

// someoneSyncs reports whether any process holds the lease.
func (s *Store) someoneSyncs() bool {
	s.leaseMu.Lock()
	mine := s.lease != nil
	s.leaseMu.Unlock()
	return mine || heldElsewhere(s.leasePath())
}

// Fence implements [store.Lease].
func (l *lease) Fence() int64 { return l.fence }

// Release implements [store.Lease].
func (l *lease) Release() error {
	l.once.Do(func() {
		l.s.leaseMu.Lock()
		if l.s.lease == l {
			l.s.lease = nil
		}
		l.s.leaseMu.Unlock()
		l.err = l.lock.close() // the lock goes with the file
	})
	return l.err
}

func (s *Store) dropLease() error {
	s.leaseMu.Lock()
	l := s.lease
	s.leaseMu.Unlock()
	if l == nil {
		return nil
	}
	return l.Release()
}
