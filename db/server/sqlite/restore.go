package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"stet/db/disk"
	"stet/model"
)

// RestoreOptions are what a restore needs of the world and of the user.
type RestoreOptions struct {
	Options
	// Force replaces a store that holds accounts; it is kept aside.
	Force bool
}

// Restored tells what a restore did.
type Restored struct {
	Summary
	// Aside is the file that now holds the replaced store, "" if there was none.
	Aside string
	// Damaged says that the replaced store could not be read: what was revoked
	// since the backup, and which revs were given out, is not known.
	Damaged bool
	// Known says that the replaced store told what was revoked since the backup.
	Known bool
	// Revoked is how many tokens of the backup were revoked in the replaced store
	// and stay so; Missing how many valid ones that were made since are not there.
	Revoked, Missing int
	// Back are accounts that had been removed, Gone those that were made since.
	Back, Gone []string
}

// ErrNotEmpty says that there is a store with accounts where one is restored.
var ErrNotEmpty = errors.New("there is a store already")

// FileError is a backup that cannot be restored.
type FileError struct {
	Path string
	Err  error
}

func (e *FileError) Error() string { return e.Path + ": " + e.Err.Error() }
func (e *FileError) Unwrap() error { return e.Err }

// Restore puts a checked copy of the backup file into the place of the store at
// path and begins a new epoch for each account, so that devices notice and
// compare. No one may have the store open. The replaced store is kept beside
// it. Until the new one is whole and durable the old one stays in place.
// Errors: *FileError for the backup; ErrServed, ErrNotEmpty, model.ErrRefused
// and those of the file system for the store.
func Restore(ctx context.Context, file, path string, o RestoreOptions) (Restored, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Restored{}, fmt.Errorf("open store: %w", err)
	}
	if kind := disk.NetworkFS(filepath.Dir(path)); kind != "" {
		return Restored{}, refusedPlace(kind)
	}
	lock, err := exclude(path)
	if err != nil {
		return Restored{}, fmt.Errorf("open store: %w", err)
	}
	r := restore{ctx: ctx, file: file, path: path, o: o}
	err = errors.Join(r.run(), lock.Release())
	return r.out, err
}

// restore is one run.
type restore struct {
	ctx        context.Context
	file, path string
	o          RestoreOptions
	old        *former // nil if there is none to tell
	out        Restored
}

func (r *restore) run() (err error) {
	if err := r.mayReplace(); err != nil {
		return err
	}
	dir, free, err := workshop(r.path + ".restoring")
	if err != nil {
		return fmt.Errorf("prepare restore: %w", err)
	}
	defer func() { err = errors.Join(err, free()) }()
	temp := filepath.Join(dir, "copy.db")
	if err := r.fetch(temp); err != nil {
		return &FileError{r.file, err}
	}
	if err := r.begin(temp); err != nil {
		return err
	}
	return r.replace(temp)
}

// mayReplace looks at what is at the store's place.
func (r *restore) mayReplace() error {
	there, err := os.Stat(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	if !there.Mode().IsRegular() {
		return fmt.Errorf("open store: %w: not a file", model.ErrRefused)
	}
	if from, err := os.Stat(r.file); err == nil && os.SameFile(from, there) {
		return &FileError{r.file, errors.New("it is the store itself")}
	}
	r.old, err = readFormer(r.ctx, r.path)
	switch {
	case err == nil && len(r.old.accounts) == 0:
		r.old = nil // made in a hurry: it has nothing to tell
		return nil
	case !r.o.Force:
		return ErrNotEmpty
	case err != nil:
		r.out.Damaged = true
	}
	return nil
}

// fetch copies the backup and makes sure that it is a whole store and nothing
// else. The file itself is only read.
func (r *restore) fetch(temp string) error {
	info, err := os.Stat(r.file)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("it is not a file")
	case info.Size() == 0:
		return ErrEmpty
	case disk.Held(lockName(r.file)):
		return errors.New("it is a store in use (stetd backup makes a copy of it)")
	}
	if err := foreign(r.file); err != nil {
		return err
	}
	if err := disk.Copy(r.file, temp); err != nil {
		return err
	}
	if log, err := os.Stat(r.file + "-wal"); err == nil && log.Size() > 0 { // a store that was copied by hand
		if err := disk.Copy(r.file+"-wal", temp+"-wal"); err != nil {
			return err
		}
	}
	return r.using(temp, func(conn *sql.Conn) error {
		if err := inspectWhole(r.ctx, conn); err != nil {
			return err
		}
		return migrate(r.ctx, conn)
	})
}

// using runs do on the copy and folds its journal in.
func (r *restore) using(temp string, do func(*sql.Conn) error) (err error) {
	db, conn, err := scratch(r.ctx, temp)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(), db.Close()) }()
	if err := do(conn); err != nil {
		return err
	}
	_, err = conn.ExecContext(r.ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return translate("write copy", err)
}

// begin makes the copy the store that follows on the old one: new epochs,
// clocks not behind what was given out, revoked tokens revoked.
func (r *restore) begin(temp string) error {
	return r.using(temp, func(conn *sql.Conn) error {
		tx, err := conn.BeginTx(r.ctx, nil)
		if err != nil {
			return translate("begin epoch", err)
		}
		defer func() { _ = tx.Rollback() }()
		if err := r.beginEpochs(tx); err != nil {
			return err
		}
		if err := r.keepRevoked(tx); err != nil {
			return err
		}
		if err := r.fitRun(tx); err != nil {
			return err
		}
		if r.out.Summary, err = summarize(r.ctx, tx); err != nil {
			return err
		}
		return translate("begin epoch", tx.Commit())
	})
}

// aside is a name for the replaced store that nothing has yet.
func (r *restore) aside() string {
	name := r.path + ".before-restore-" + r.o.Now().UTC().Format("20060102T150405Z")
	for n := 1; ; n++ {
		at := name
		if n > 1 {
			at = fmt.Sprintf("%s-%d", name, n)
		}
		if _, err := os.Lstat(at); errors.Is(err, fs.ErrNotExist) {
			return at
		}
	}
}

// replace keeps the old store under another name and gives its place to the
// copy in one step.
func (r *restore) replace(temp string) error {
	if err := disk.Sync(temp); err != nil {
		return fmt.Errorf("write store: %w", err)
	}
	if err := r.putAside(); err != nil {
		return fmt.Errorf("keep the replaced store: %w", err)
	}
	if err := os.Rename(temp, r.path); err != nil {
		return fmt.Errorf("put the store into place: %w", err)
	}
	info, err := os.Stat(r.path)
	if err != nil {
		return fmt.Errorf("put the store into place: %w", err)
	}
	r.out.Bytes = info.Size()
	return disk.Sync(filepath.Dir(r.path))
}

// putAside gives the old store a second name. Its journal is folded in already;
// a damaged store's goes along, since a journal that stayed would be taken for
// the new store's.
func (r *restore) putAside() error {
	if _, err := os.Lstat(r.path); errors.Is(err, fs.ErrNotExist) {
		return r.looseEnds("")
	}
	if r.old == nil && !r.out.Damaged {
		return r.looseEnds("") // empty
	}
	aside := r.aside()
	if err := r.looseEnds(aside); err != nil {
		return err
	}
	if err := os.Link(r.path, aside); err != nil {
		if err := os.Rename(r.path, aside); err != nil {
			return err
		}
	}
	r.out.Aside = aside
	return disk.Sync(filepath.Dir(r.path))
}

// looseEnds moves journals away, to aside or out of the world.
func (r *restore) looseEnds(aside string) error {
	if err := os.Remove(r.path + "-shm"); err != nil && !errors.Is(err, fs.ErrNotExist) { // an index that SQLite makes anew
		return err
	}
	for _, ext := range []string{"-wal", "-journal"} {
		from, to := r.path+ext, aside+ext
		if aside == "" { // a journal without its store is kept too: it may be all that is left
			to = r.aside() + ext
		}
		if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.Rename(from, to); err != nil {
			return err
		}
	}
	return nil
}
