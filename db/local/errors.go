package local

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/mattn/go-sqlite3"

	"stet/model"
)

// mapError turns an error of SQLite into one of the model's; the text of the
// original stays. Errors that are none of the model's (a full disk, a failing
// one) pass as they are.
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
	}
	return nil
}

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
