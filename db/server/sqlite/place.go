package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"stet/db/disk"
	"stet/model"
)

// applicationID marks the files of server stores ("stds"), as schema/0002.sql
// sets it.
const applicationID = 0x73746473

// writing are the settings of connections that write.
var writing = []string{"PRAGMA trusted_schema=OFF", "PRAGMA cell_size_check=ON", "PRAGMA secure_delete=ON",
	"PRAGMA wal_autocheckpoint=4000", "PRAGMA cache_size=-32768"}

// lockName is the side file whose lock tells who has the store open: shared by
// all that use it, exclusive for a restore.
func lockName(path string) string { return path + ".lock" }

// share takes the store's lock together with others, in a place where a store
// may be.
func share(path string) (*disk.Lock, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, &os.PathError{Op: "open", Path: path, Err: syscall.EISDIR}
	}
	if kind := disk.NetworkFS(filepath.Dir(path)); kind != "" {
		return nil, refusedPlace(kind)
	}
	lock, err := disk.Share(lockName(path))
	if errors.Is(err, disk.ErrLocked) {
		return nil, fmt.Errorf("%w: a restore is under way", model.ErrBusy)
	}
	return lock, readable(err)
}

// PlaceError says that the store's place is a network file system, where other
// machines' locks do not reach and data can be damaged. It wraps
// model.ErrRefused.
type PlaceError struct{ Kind string }

func (e *PlaceError) Error() string { return "the store is on a network file system (" + e.Kind + ")" }
func (e *PlaceError) Unwrap() error { return model.ErrRefused }

func refusedPlace(kind string) error { return &PlaceError{kind} }

// exclude takes the store's lock alone.
func exclude(path string) (*disk.Lock, error) {
	lock, err := disk.Exclude(lockName(path))
	if errors.Is(err, disk.ErrLocked) {
		return nil, fmt.Errorf("%w: %w", model.ErrBusy, ErrServed)
	}
	return lock, readable(err)
}

// ErrServed says that a store is open elsewhere and cannot be replaced.
var ErrServed = errors.New("the store is open in another process")

// foreign looks at a file's head, before SQLite may write a byte of it, and
// refuses other programs' databases.
func foreign(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return readable(err)
	}
	defer f.Close() // read only
	var head [100]byte
	if n, _ := f.ReadAt(head[:], 0); n < len(head) {
		return nil // empty: a new store; anything else is SQLite's to judge
	}
	if id := binary.BigEndian.Uint32(head[68:]); id != 0 && id != applicationID {
		return fmt.Errorf("%w: it is another program's database", model.ErrCorrupt)
	}
	return nil
}
