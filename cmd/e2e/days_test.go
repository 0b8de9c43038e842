package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// admin runs a command of stetd on the server's store.
func (s *server) admin(args ...string) string {
	s.t.Helper()
	out, err := exec.Command(stetdBin, append(args, "--store", s.store)...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("stetd %v: %v: %s", args, err, out)
	}
	return string(out)
}

// sameNotes syncs devices until they hold the same notes, and returns them.
func sameNotes(t *testing.T, want int, devices ...*device) map[string]note {
	t.Helper()
	for range 3 {
		for _, d := range devices {
			d.must("sync")
		}
	}
	first := devices[0].notes()
	for _, d := range devices {
		got := d.notes()
		if len(got) != want {
			t.Errorf("%d notes, want %d", len(got), want)
		}
		for id, n := range first {
			if m := got[id]; m != n || n.Status != "synced" {
				t.Errorf("differs: %+v %+v", n, m)
			}
		}
	}
	return first
}

// TestDayServerRestored backs a serving server up, loses what came after, and
// restores it: what devices have comes back, twice.
func TestDayServerRestored(t *testing.T) {
	s := newServer(t)
	a, b := newDevice(t), newDevice(t)
	a.connect(s)
	b.connect(s)
	old := a.must("add", "old", "-m", "as in the backup")
	a.must("sync")
	b.must("sync")
	file := filepath.Join(t.TempDir(), "backup.db")
	s.admin("backup", file)
	a.must("set", old, "-m", "newer than the backup")
	since := a.must("add", "since", "-m", "not in the backup")
	gone := a.must("add", "gone", "-m", "deleted again")
	a.must("sync")
	b.must("sync")
	a.must("rm", gone)
	a.must("sync")
	b.must("sync") // a deletion that nobody else saw is undone by a restore; this one is not
	b.must("add", "waiting", "-m", "not sent yet")
	for range 2 {
		s.kill()
		s.admin("restore", file, "--force")
		s.start()
		got := sameNotes(t, 3, a, b)
		if got[old].Body != "newer than the backup" || got[since].Body != "not in the backup" {
			t.Errorf("%+v", got)
		}
	}
}

// TestDayServerCompacted compacts under a running server while a device sleeps.
func TestDayServerCompacted(t *testing.T) {
	s := newServer(t)
	a, b := newDevice(t), newDevice(t)
	a.connect(s)
	b.connect(s)
	kept, gone := a.must("add", "kept", "-m", "first"), a.must("add", "gone", "-m", "gone")
	a.must("sync")
	b.must("sync")
	a.must("set", kept, "-m", "second")
	a.must("rm", gone)
	a.must("sync")
	dirty := b.must("add", "dirty", "-m", "written asleep")
	if said := s.admin("compact", "--before", "0d"); !bytes.Contains([]byte(said), []byte("2 versions")) {
		t.Errorf("%s", said)
	}
	got := sameNotes(t, 2, a, b)
	if got[kept].Body != "second" || got[dirty].Body != "written asleep" {
		t.Errorf("%+v", got)
	}
	if body := b.must("show", gone, "--raw"); body != "gone" {
		t.Errorf("the trash has %q", body)
	}
}

// TestDayCopiedHome copies a device's whole folder; both go on as devices.
func TestDayCopiedHome(t *testing.T) {
	s := newServer(t)
	a := newDevice(t)
	a.connect(s)
	shared := a.must("add", "shared", "-m", "one\n\ntwo\n\nthree\n")
	a.must("sync")
	waiting := a.must("add", "waiting", "-m", "sent by either")
	b := newDevice(t)
	if out, err := exec.Command("cp", "-a", a.home, b.home).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	a.must("set", shared, "-m", "ONE\n\ntwo\n\nthree\n")
	b.must("set", shared, "-m", "one\n\ntwo\n\nTHREE\n")
	onA, onB := a.must("add", "on a", "-m", "by a"), b.must("add", "on b", "-m", "by b")
	got := sameNotes(t, 4, a, b)
	if got[shared].Body != "ONE\n\ntwo\n\nTHREE\n" || got[waiting].Body != "sent by either" || got[onA].Body != "by a" || got[onB].Body != "by b" {
		t.Errorf("%+v", got)
	}
}

// TestDayBackupKilled kills backups at random moments: the file is absent or
// whole, and the next backup leaves nothing of a killed one.
func TestDayBackupKilled(t *testing.T) {
	s := newServer(t)
	a := newDevice(t)
	a.connect(s)
	for i := range 20 {
		a.must("add", fmt.Sprint(i), "-m", "text")
	}
	a.must("sync")
	dir := t.TempDir()
	whole, absent := 0, 0
	for i := range 12 {
		file := filepath.Join(dir, fmt.Sprint("backup", i))
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i*4)*time.Millisecond)
		_ = exec.CommandContext(ctx, stetdBin, "backup", file, "--store", s.store).Run()
		cancel()
		if _, err := os.Stat(file); err != nil {
			absent++
			s.admin("backup", file)
		} else {
			whole++
		}
		if out, err := exec.Command(stetdBin, "restore", file, "--store", filepath.Join(dir, fmt.Sprint("store", i))).CombinedOutput(); err != nil ||
			!bytes.Contains(out, []byte("20 notes")) {
			t.Errorf("backup %d: %v %s", i, err, out)
		}
	}
	t.Logf("%d killed before the file was there, %d after", absent, whole)
	left, _ := filepath.Glob(filepath.Join(dir, "*.partial"))
	for _, l := range left { // of one that was killed after its file was there
		if _, err := os.Stat(l[:len(l)-len(".partial")]); err != nil {
			t.Errorf("left behind: %s", l)
		}
	}
}
