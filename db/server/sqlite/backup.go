package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"stet/db/disk"
	"stet/model"
)

// Summary is what a store's file holds.
type Summary struct {
	Accounts int
	Notes    int   // live ones, of all accounts
	Bytes    int64 // of the file
}

// Backup writes a consistent copy of the store at path to the new file to,
// while servers may go on writing. The copy is checked and durable when Backup
// returns; until then nothing has its name. Errors: *FileError for the new file,
// which wraps fs.ErrExist if there is one; for the store fs.ErrNotExist,
// ErrEmpty, model.ErrBusy, model.ErrCorrupt, model.ErrNewerSchema and those of
// the file system.
func Backup(ctx context.Context, path, to string) (Summary, error) {
	if _, err := os.Lstat(to); err == nil {
		return Summary{}, &FileError{to, fs.ErrExist}
	}
	lock, err := existing(path)
	if err != nil {
		return Summary{}, err
	}
	sum, err := backup(ctx, path, to)
	return sum, errors.Join(err, lock.Release())
}

// existing takes the shared lock of a store that is there.
func existing(path string) (*disk.Lock, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	lock, err := share(path)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := foreign(path); err != nil {
		return nil, errors.Join(fmt.Errorf("open store: %w", err), lock.Release())
	}
	return lock, nil
}

func backup(ctx context.Context, path, to string) (sum Summary, err error) {
	dir, free, err := workshop(to + ".partial")
	if err != nil {
		return sum, &FileError{to, err}
	}
	defer func() { err = errors.Join(err, free()) }()
	temp := filepath.Join(dir, "copy.db")
	if err := vacuumInto(ctx, path, temp); errors.Is(err, syscall.ENOSPC) {
		return sum, &FileError{to, err}
	} else if err != nil {
		return sum, err
	}
	if err := markCopy(ctx, temp); errors.Is(err, syscall.ENOSPC) {
		return sum, &FileError{to, err}
	} else if err != nil {
		return sum, err
	}
	if sum, err = checkCopy(ctx, temp); err != nil {
		return sum, err
	}
	if err := disk.Publish(temp, to); err != nil {
		return sum, &FileError{to, err}
	}
	return sum, nil
}

// workshop makes a folder for unfinished work that is its process's alone. What
// a killed one left there is removed. free removes the folder.
func workshop(dir string) (_ string, free func() error, err error) {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", nil, err
	}
	lock, err := disk.ExcludeFolder(dir)
	if errors.Is(err, disk.ErrLocked) {
		return "", nil, fmt.Errorf("%w: another process works in %s", model.ErrBusy, dir)
	}
	if err != nil {
		return "", nil, err
	}
	free = func() error { return errors.Join(os.RemoveAll(dir), lock.Release()) }
	left, err := os.ReadDir(dir)
	for _, e := range left {
		err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
	}
	if err != nil {
		return "", nil, errors.Join(err, lock.Release())
	}
	return dir, free, nil
}

// vacuumInto writes what one read transaction sees of the store to temp.
func vacuumInto(ctx context.Context, path, temp string) error {
	db := pool(path, "ro", []string{"PRAGMA trusted_schema=OFF", "PRAGMA cell_size_check=ON"})
	defer db.Close() // it only reads
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(ctx)
	if err != nil {
		return translate("open store", err)
	}
	defer conn.Close()
	if have, err := identify(ctx, conn); err != nil || have == 0 {
		return errors.Join(err, empty(have))
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // SQLite's would be others' to read
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, "VACUUM INTO ?", temp); err != nil {
		return fmt.Errorf("copy store: %w", errors.Join(ctx.Err(), translate("write copy", err)))
	}
	return nil
}

func empty(schema int) error {
	if schema > 0 {
		return nil
	}
	return fmt.Errorf("open store: %w", ErrEmpty)
}

// ErrEmpty says that a file is empty where a store is wanted.
var ErrEmpty = errors.New("the file is empty")

// checkCopy reads a copy through and tells what it holds.
func checkCopy(ctx context.Context, path string) (sum Summary, err error) {
	db := pool(path, "ro", []string{"PRAGMA trusted_schema=OFF", "PRAGMA cell_size_check=ON", "PRAGMA query_only=ON"})
	defer db.Close() // it only reads
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(ctx)
	if err != nil {
		return sum, translate("check copy", err)
	}
	defer conn.Close()
	if err := quickCheck(ctx, conn); err != nil {
		return sum, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return sum, err
	}
	sum, err = summarize(ctx, conn)
	sum.Bytes = info.Size()
	return sum, err
}

func summarize(ctx context.Context, q querier) (sum Summary, err error) {
	err = q.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM notes WHERE collection = 'notes' AND NOT deleted)`).
		Scan(&sum.Accounts, &sum.Notes)
	return sum, translate("count notes", err)
}

// scratch opens one connection that writes to a file that is ours alone.
func scratch(ctx context.Context, path string) (*sql.DB, *sql.Conn, error) {
	db := pool(path, "rw", writing)
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, nil, errors.Join(translate("open store", err), db.Close())
	}
	return db, conn, nil
}
