package sqlite

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/mattn/go-sqlite3"

	"stet/model"
)

// translate wraps SQLite's errors in the model's, and says what was attempted.
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
		case sqlite3.ErrCantOpen:
			return fmt.Errorf("%s: %w", what, fs.ErrPermission)
		}
	}
	return fmt.Errorf("%s: %w", what, err)
}
