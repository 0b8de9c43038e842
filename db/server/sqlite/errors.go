package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/mattn/go-sqlite3"

	"stet/model"
)

// translate wraps SQLite's errors in the model's, those of a full or failing
// disk in the system's (syscall.ENOSPC, syscall.EIO), and says what was
// attempted.
func translate(what string, err error) error {
	if err == nil {
		return nil
	}
	var e sqlite3.Error
	if errors.As(err, &e) {
		switch e.Code {
		case sqlite3.ErrBusy, sqlite3.ErrLocked:
			return fmt.Errorf("%s: %w", what, model.ErrBusy)
		case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
			return fmt.Errorf("%s: %w", what, model.ErrCorrupt)
		case sqlite3.ErrReadonly, sqlite3.ErrPerm, sqlite3.ErrAuth:
			return fmt.Errorf("%s: %w", what, model.ErrReadOnly)
		case sqlite3.ErrFull:
			return fmt.Errorf("%s: %w", what, syscall.ENOSPC)
		case sqlite3.ErrFull:
			return fmt.Errorf("%s: %w: %w", what, syscall.ENOSPC, err)
		case sqlite3.ErrIoErr:
			if noRoom(e.SystemErrno) {
				return fmt.Errorf("%s: %w: %w", what, syscall.ENOSPC, err)
			}
			return fmt.Errorf("%s: %w: %w", what, syscall.EIO, err)
		case sqlite3.ErrCantOpen:
			if noRoom(e.SystemErrno) || e.SystemErrno == syscall.EIO {
				return fmt.Errorf("%s: %w: %w", what, e.SystemErrno, err)
			}
			return fmt.Errorf("%s: %w", what, fs.ErrPermission)
		}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// noRoom reports whether the system refused to let a file grow.
func noRoom(e syscall.Errno) bool {
	return e == syscall.ENOSPC || e == syscall.EDQUOT || e == syscall.EFBIG
}

// diskFailed reports whether an error came from a disk that is full or broken.
func diskFailed(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EIO) }
