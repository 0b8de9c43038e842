package local

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/mattn/go-sqlite3"
	"golang.org/x/sys/unix"

	"stet/model"
)

// applicationID marks a file as ours ("stet").
const applicationID = 0x73746574

// smallFile is the size up to which a whole check costs less than a
// millisecond, so that it is made on every start.
const smallFile = 1 << 20

// inspect reads the file's head and its schema's version. A file that is not
// ours is damaged as far as notes are concerned.
func inspect(ctx context.Context, db *sql.DB) (version int, err error) {
	var app, tables int
	const q = `SELECT (SELECT user_version FROM pragma_user_version), (SELECT application_id FROM pragma_application_id),
		(SELECT count(*) FROM sqlite_schema WHERE name IN ('notes', 'meta', 'totals'))`
	if err := db.QueryRowContext(ctx, q).Scan(&version, &app, &tables); err != nil {
		return 0, err
	}
	if app != applicationID || version < 1 || tables != 3 {
		return 0, fmt.Errorf("%w: the file is not a store of stet", model.ErrCorrupt)
	}
	return version, nil
}

// checkSize finds a file that was cut off. While a journal holds frames the
// file may rightly be shorter than its head says.
func checkSize(path string, info os.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %s is not a file", model.ErrRefused, path)
	}
	if wal, err := os.Stat(path + "-wal"); err == nil && wal.Size() > 0 && info.Size() >= 100 {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // read only
	var head [100]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return fmt.Errorf("%w: the file is cut off at %d bytes", model.ErrCorrupt, info.Size())
	}
	page := int64(binary.BigEndian.Uint16(head[16:]))
	if page == 1 {
		page = 65536
	}
	pages := int64(binary.BigEndian.Uint32(head[28:]))
	sure := binary.BigEndian.Uint32(head[24:]) == binary.BigEndian.Uint32(head[92:])
	if sure && info.Size() < page*pages {
		return fmt.Errorf("%w: the file has %d bytes of %d", model.ErrCorrupt, info.Size(), page*pages)
	}
	return nil
}

// checkSmall checks a small file whole.
func (s *Store) checkSmall(ctx context.Context) error {
	info, err := os.Stat(s.o.Path)
	if err != nil || info.Size() > smallFile {
		return err
	}
	return quickCheck(ctx, s.writer)
}

func quickCheck(ctx context.Context, db *sql.DB) error {
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("%w: %s", unread(verdict), verdict)
	}
	return nil
}

// unread tells a page that is wrong from one that the disk did not give, which
// the check counts as wrong too: its verdict ends with SQLite's code.
func unread(verdict string) error {
	_, after, ok := strings.Cut(verdict, "unable to get the page. error code=")
	var code int
	if n, _ := fmt.Sscanf(after, "%d", &code); ok && n == 1 && code&0xff == int(sqlite3.ErrIoErr) {
		return syscall.EIO
	}
	return model.ErrCorrupt
}

// writable reports why the file cannot be written in its place.
func writable(path string) error {
	for _, p := range []string{path, filepath.Dir(path)} {
		if err := unix.Faccessat(unix.AT_FDCWD, p, unix.W_OK, unix.AT_EACCESS); err != nil {
			return fmt.Errorf("write %s: %w", p, err)
		}
	}
	return nil
}
