//go:build unix

package local

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// fileLock is an exclusive lock on a side file. It goes with the process that
// holds it, however that ends.
type fileLock struct{ f *os.File }

// errLocked says that someone else holds the lock.
var errLocked = errors.New("locked")

func openLock(path string) (*fileLock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return &fileLock{f}, nil
}

// try takes the lock, or returns errLocked at once.
func (l *fileLock) try() error {
	err := unix.Flock(int(l.f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return errLocked
	}
	return err
}

// tryPast is try that outlasts the moment in which another process only looks
// whether the lock is held.
func (l *fileLock) tryPast() (err error) {
	for range 64 {
		if err = l.try(); !errors.Is(err, errLocked) {
			return err
		}
		runtime.Gosched()
	}
	return err
}

func (l *fileLock) unlock() error { return unix.Flock(int(l.f.Fd()), unix.LOCK_UN) }

func (l *fileLock) close() error {
	if err := l.f.Close(); err != nil {
		return fmt.Errorf("close lock: %w", err)
	}
	return nil
}

// heldElsewhere reports whether anyone holds the lock on path. It never makes
// the file.
func heldElsewhere(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close() // read only: nothing is lost, and the lock goes with it
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}
