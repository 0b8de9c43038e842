//go:build unix

package disk

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// ErrLocked says that another holder's lock stands against ours.
var ErrLocked = errors.New("locked by another process")

// Lock is a lock on a file or folder. It goes with the process that holds it,
// however that ends.
type Lock struct{ f *os.File }

// Share takes a lock that others may share, on the side file at path, which is
// made when missing. It returns ErrLocked at once while someone holds it alone.
func Share(path string) (*Lock, error) { return take(path, os.O_RDWR|os.O_CREATE, unix.LOCK_SH) }

// Exclude takes the lock on the side file at path alone, or returns ErrLocked
// at once while anyone holds it.
func Exclude(path string) (*Lock, error) { return take(path, os.O_RDWR|os.O_CREATE, unix.LOCK_EX) }

// ExcludeFolder is Exclude on a folder that exists.
func ExcludeFolder(path string) (*Lock, error) { return take(path, os.O_RDONLY, unix.LOCK_EX) }

// Held reports whether anyone holds the lock on path. It never makes the file.
func Held(path string) bool {
	l, err := take(path, os.O_RDONLY, unix.LOCK_EX)
	if err == nil {
		_ = l.Release()
	}
	return errors.Is(err, ErrLocked)
}

func take(path string, flags, how int) (*Lock, error) {
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, err
	}
	if err = unix.Flock(int(f.Fd()), how|unix.LOCK_NB); err != nil {
		_ = f.Close() // nothing was written
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrLocked
		}
		return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
	}
	return &Lock{f}, nil
}

// Release gives the lock back.
func (l *Lock) Release() error { return l.f.Close() }
