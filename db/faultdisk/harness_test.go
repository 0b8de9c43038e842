//go:build linux && cgo

package faultdisk_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"stet/db/faultdisk"
	"stet/db/local"
	"stet/db/server/sqlite"
	"stet/syncengine"
)

var ctx = context.Background()

// scratch is a folder in memory where there is one: the fault disk is what
// fails here, the real one would only be slow.
func scratch(t testing.TB) string {
	t.Helper()
	root := "/dev/shm"
	if f, err := os.CreateTemp(root, "stet"); err != nil {
		root = ""
	} else {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}
	dir, err := os.MkdirTemp(root, "faultdisk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// number reads a size of a test from the environment; "all" is -1.
func number(t testing.TB, name string, usual int) int {
	t.Helper()
	switch text := os.Getenv(name); text {
	case "":
		return usual
	case "all":
		return -1
	default:
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return n
	}
}

// source gives times and ids that are the same in every run.
type source struct {
	mu  sync.Mutex
	now time.Time
	ids int
	// epochs is what epochs are made of.
	epochs byte
}

func (s *source) reset(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now, s.ids = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC).Add(time.Duration(n)*time.Hour), n*100
}

func (s *source) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(time.Millisecond)
	return s.now
}

func (s *source) ID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids++
	return id(s.ids)
}

func id(n int) string { return fmt.Sprintf("0192f000-0000-7000-8000-%012x", n) }

// Read makes epochs that are the same in every run.
func (s *source) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = s.epochs
	}
	return len(p), nil
}

// never is a clock whose alarms do not ring: nothing happens in the background.
func never(time.Duration) <-chan time.Time { return nil }

// atOnce is one whose alarms all ring.
func atOnce(time.Duration) <-chan time.Time {
	c := make(chan time.Time, 1)
	c <- time.Now()
	return c
}

// bench is one store, of a device or a server, in a folder of its own.
type bench struct {
	source
	dir    string
	after  func(time.Duration) <-chan time.Time
	device *local.Store
	notes  *syncengine.Notes
	server *sqlite.Store
}

func (b *bench) path() string { return filepath.Join(b.dir, "stet.db") }

func (b *bench) open(server bool) (err error) {
	if server {
		b.server, err = sqlite.Open(ctx, b.path(), sqlite.Options{Now: b.Now, Rand: b})
		return err
	}
	after := b.after
	if after == nil {
		after = never
	}
	b.device, err = local.Open(ctx, local.Options{Path: b.path(), Now: b.Now, Device: "desk", After: after, Sleep: func(time.Duration) {}})
	b.notes = syncengine.NewNotes(b.device, syncengine.NotesOptions{Now: b.Now, NewID: b.ID, Device: "desk"})
	return err
}

func (b *bench) close() error {
	var errs []error
	if b.device != nil {
		errs = append(errs, b.device.Close())
	}
	if b.server != nil {
		errs = append(errs, b.server.Close())
	}
	b.device, b.server = nil, nil
	return errors.Join(errs...)
}

// dump is every row of every table of a file, and SQLite's own verdict on it.
func dump(path string) (text string, err error) {
	db, err := sql.Open("sqlite3", "file:"+path)
	if err != nil {
		return "", err
	}
	defer db.Close() // read only
	var out strings.Builder
	var verdict string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		return "", fmt.Errorf("integrity check: %s: %w", verdict, err)
	}
	tables, err := column(db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
	if err != nil {
		return "", err
	}
	for _, table := range tables {
		rows, err := lines(db, table)
		if err != nil {
			return "", fmt.Errorf("read %s: %w", table, err)
		}
		slices.Sort(rows)
		fmt.Fprintf(&out, "%s\n  %s\n", table, strings.Join(rows, "\n  "))
	}
	return out.String(), nil
}

func column(db *sql.DB, q string) (out []string, err error) {
	rows, err := db.Query(q)
	if err != nil {
		return nil, err
	}
	defer rows.Close() // its error is that of rows.Err
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// random are the rows that differ from store to store and from place to place.
var random = regexp.MustCompile(`^\["(store_id|device_id|place)" `)

func lines(db *sql.DB, table string) (out []string, err error) {
	rows, err := db.Query("SELECT * FROM " + table)
	if err != nil {
		return nil, err
	}
	defer rows.Close() // its error is that of rows.Err
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		row, dst := make([]any, len(names)), make([]any, len(names))
		for i := range row {
			dst[i] = &row[i]
		}
		if err := rows.Scan(dst...); err != nil {
			return nil, err
		}
		if line := fmt.Sprintf("%q", row); !random.MatchString(line) {
			out = append(out, line)
		}
	}
	return out, rows.Err()
}

// files copies a folder's files.
func files(t testing.TB, from, to string) {
	t.Helper()
	list, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		text, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, f.Name()), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func mustDisk(t testing.TB, dir string) *faultdisk.Disk {
	t.Helper()
	d, err := faultdisk.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
