package local

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"stet/model"
)

//go:embed migrations/*.sql
var migrations embed.FS

// step is one change of the schema; the schema's version is the number of
// steps it has taken.
type step struct{ name, sql string }

// steps returns all steps in order.
func steps() []step {
	names, err := migrations.ReadDir("migrations")
	if err != nil {
		panic(err) // embedded: cannot fail in a binary that was built
	}
	var out []step
	for _, n := range names {
		text, err := migrations.ReadFile("migrations/" + n.Name())
		if err != nil {
			panic(err)
		}
		out = append(out, step{n.Name(), string(text)})
	}
	return out
}

// create makes a store under another name and then links it into place: at
// path there is never a half-made store, so a cut-off one is always damage.
func create(ctx context.Context, path string, steps []step) error {
	if info, err := os.Stat(path + "-wal"); err == nil && info.Size() > 0 {
		return fmt.Errorf("%w: its journal is there, the file is gone", model.ErrCorrupt)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-store-*")
	if err != nil {
		return err
	}
	temp := f.Name()
	defer func() {
		for _, side := range []string{"", "-wal", "-shm"} { // after the link: the second name only
			_ = os.Remove(temp + side)
		}
	}()
	if err := errors.Join(f.Chmod(0o600), f.Close()); err != nil {
		return err
	}
	if err := apply(ctx, temp, 0, steps); err != nil {
		return err
	}
	if err := emptyJournal(ctx, temp); err != nil {
		return err
	}
	if err := os.Link(temp, path); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return syncFile(filepath.Dir(path))
}

// emptyJournal makes sure that all of a store is in its file: the journal does
// not come along when the file gets another name, and a close that fails to move
// it does not tell.
func emptyJournal(ctx context.Context, path string) error {
	db := pool(path, role{write: true}, 1)
	log, moved, err := checkpoint(ctx, db, "TRUNCATE")
	if err == nil && moved < log {
		err = errors.New("the journal could not be moved into the file")
	}
	return errors.Join(err, db.Close())
}

// migrate brings an existing store up to date, after a copy that was checked.
// Two processes may come at once: the second finds nothing left to do.
func migrate(ctx context.Context, o Options, steps []step) error {
	lock, err := openLock(o.Path + ".migrate")
	if err != nil {
		return err
	}
	defer lock.close() // the lock goes with the file; the file stays, or two could each lock one of that name
	for tries := 0; ; tries++ {
		if err = lock.try(); !errors.Is(err, errLocked) {
			break
		}
		if tries == 50 {
			return fmt.Errorf("%w: another process is changing its format", model.ErrBusy)
		}
		o.Sleep(lockWait * 100)
	}
	if err != nil {
		return err
	}
	db := pool(o.Path, role{write: true}, 1)
	found, err := inspect(ctx, db)
	if err == nil && found < len(steps) {
		err = backup(ctx, db, o.Path, found)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	return apply(ctx, o.Path, found, steps)
}

// backup copies the store before its format changes: a whole, checked and
// compressed copy beside it.
func backup(ctx context.Context, db *sql.DB, path string, version int) (err error) {
	temp := path + ".before"
	defer func() { err = errors.Join(err, ignoreMissing(os.Remove(temp))) }()
	if err := ignoreMissing(os.Remove(temp)); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", temp); err != nil {
		return fmt.Errorf("copy store: %w", err)
	}
	if err := os.Chmod(temp, 0o600); err != nil {
		return err
	}
	copied := pool(temp, role{immutable: true}, 1)
	if err := errors.Join(quickCheck(ctx, copied), copied.Close()); err != nil {
		return fmt.Errorf("check copy of store: %w", err)
	}
	return compress(temp, fmt.Sprintf("%s.format%d.zst", path, version))
}

func compress(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() // read only
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	z, err := zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return errors.Join(err, out.Close())
	}
	_, err = io.Copy(z, in)
	if err := errors.Join(err, z.Close(), out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("keep copy of store: %w", err)
	}
	return syncFile(filepath.Dir(to))
}

// apply takes the steps from version on in one transaction, on a connection of
// its own.
func apply(ctx context.Context, path string, version int, steps []step) error {
	if version >= len(steps) {
		return nil
	}
	db := pool(path, role{write: true}, 1)
	err := applyTo(ctx, db, version, steps)
	return errors.Join(err, db.Close())
}

func applyTo(ctx context.Context, db *sql.DB, version int, steps []step) error {
	if version == 0 {
		if _, err := db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id=%d", applicationID)); err != nil {
			return err
		}
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after the commit
	for _, st := range steps[version:] {
		if _, err := tx.ExecContext(ctx, st.sql); err != nil {
			return fmt.Errorf("bring store up to date, %s: %w", st.name, err)
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version=%d", len(steps))); err != nil {
		return err
	}
	return tx.Commit()
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
