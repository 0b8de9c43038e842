package local

import (
	"database/sql"
	"errors"
	"fmt"
	"syscall"

	"github.com/mattn/go-sqlite3"

	"stet/model"
)

// mapError turns an error of SQLite into one of the model's, or of a full or
// failing disk into the system's ([syscall.ENOSPC], [syscall.EIO]); the text of
// the original stays. Others pass as they are.
func mapError(err error) error {
	var e sqlite3.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return model.ErrNotFound
	case !errors.As(err, &e):
		return err
	}
	if sentinel := sentinelOf(e); sentinel != nil && !errors.Is(err, sentinel) {
		return fmt.Errorf("%w: %w", sentinel, err)
	}
	return err
}

func sentinelOf(e sqlite3.Error) error {
	switch e.Code {
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return model.ErrBusy
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB, sqlite3.ErrFormat:
		return model.ErrCorrupt
	case sqlite3.ErrReadonly, sqlite3.ErrPerm:
		return model.ErrReadOnly
	case sqlite3.ErrIoErr:
		if e.ExtendedCode == sqlite3.ErrIoErrShortRead {
			return model.ErrCorrupt
		}
		if noRoom(e.SystemErrno) {
			return syscall.ENOSPC
		}
		return syscall.EIO
	case sqlite3.ErrFull:
		return syscall.ENOSPC
	case sqlite3.ErrCantOpen:
		if noRoom(e.SystemErrno) {
			return syscall.ENOSPC
		}
	}
	return nil
}

// noRoom reports whether the system refused to let a file grow.
func noRoom(e syscall.Errno) bool {
	return e == syscall.ENOSPC || e == syscall.EDQUOT || e == syscall.EFBIG
}

// diskFailed reports whether an error came from a disk that is full or broken.
func diskFailed(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EIO) }

// fault maps an error of the store's file and remembers damage: after it, no
// write is tried.
func (s *Store) fault(doing string, err error) error {
	if err == nil {
		return nil
	}
	err = mapError(err)
	if errors.Is(err, model.ErrCorrupt) {
		s.damaged.Store(true)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
