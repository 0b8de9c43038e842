//go:build linux && cgo

package local

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"stet/db/faultdisk"
)

// TestFormatChangeOnABadDisk brings a store of an older format up to date while
// the n-th call of the disk fails, or the process dies there: the next start
// finds the old format or the new one, and all notes.
func TestFormatChangeOnABadDisk(t *testing.T) {
	every := 12
	if os.Getenv("STET_DISK") == "all" {
		every = 1
	}
	newer := append(steps(), step{"next", "CREATE TABLE next (a TEXT) STRICT; INSERT INTO next SELECT id FROM notes; ALTER TABLE meta ADD COLUMN extra TEXT;"})
	old := filepath.Join(t.TempDir(), "old.db")
	s := openAt(t, old)
	put(t, s, note(noteID(1), "kept", "text"), note(noteID(2), "kept", "text"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	bytes, err := os.ReadFile(old)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"write", "sync", "delete", "dies at statement", "dies at change"} {
		struck := 0
		for n := 1; ; n += every {
			if !changeFormat(t, newer, bytes, kind, n) {
				break
			}
			struck++
		}
		if struck == 0 {
			t.Errorf("%s: nothing failed", kind)
		}
	}
}

// changeFormat reports whether the disk did what kind says.
func changeFormat(t *testing.T, newer []step, bytes []byte, kind string, n int) bool {
	t.Helper()
	root := "/dev/shm"
	if _, err := os.Stat(root); err != nil {
		root = ""
	}
	dir, err := os.MkdirTemp(root, "format")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	o := Options{Path: filepath.Join(dir, "stet.db"), Now: testNow, Sleep: func(time.Duration) {}, After: func(time.Duration) <-chan time.Time { return nil }}
	if err := os.WriteFile(o.Path, bytes, 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := faultdisk.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	switch kind {
	case "write":
		d.Arm(faultdisk.Fault{Op: faultdisk.Write, Kind: faultdisk.KindFull, N: n, Sticky: n%2 == 0})
	case "sync":
		d.Arm(faultdisk.Fault{Op: faultdisk.Sync, Kind: faultdisk.KindIO, N: n, Sticky: n%2 == 0})
	case "delete":
		d.Arm(faultdisk.Fault{Op: faultdisk.Delete, Kind: faultdisk.KindIO, N: n, Sticky: n%2 == 0})
	case "dies at statement":
		d.Die(faultdisk.Death{Statement: n})
	default:
		d.Die(faultdisk.Death{Change: n, Torn: n%2 == 0})
	}
	s, opened := open(context.Background(), o, newer)
	if opened == nil {
		_ = s.Close() // it may fail: the disk does
	}
	struck := d.Fired() > 0 || d.Dead()
	d.Close()
	what := fmt.Sprintf("%s %d (%v)", kind, n, opened)
	for _, steps := range [][]step{steps(), newer} {
		s, err := open(context.Background(), o, steps)
		if err != nil && (opened == nil || len(steps) == len(newer)) {
			if len(steps) == len(newer) {
				t.Errorf("%s: does not open afterwards: %v", what, err)
			}
			continue // rightly: it has the newer format
		}
		if err != nil {
			continue
		}
		for i := 1; i <= 2; i++ {
			if got, err := s.Get(context.Background(), noteID(i)); err != nil || got.Body != "text" {
				t.Errorf("%s: note %d: %q %v", what, i, got.Body, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	return struck
}
