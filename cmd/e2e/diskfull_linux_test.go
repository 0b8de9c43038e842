package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// disk is a small file system of its own, which can be filled and emptied.
type disk struct {
	t   *testing.T
	dir string
}

// newDisk mounts a file system that only this test sees. Mounting needs a
// namespace of its own, in which the test is run once more; for that one, and
// where none is to be had, it returns nil: the test is over.
func newDisk(t *testing.T, size string) *disk {
	t.Helper()
	if os.Getenv(ownMounts) == "" {
		again(t)
		return nil
	}
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("no file system can be mounted to fill: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return &disk{t, dir}
}

// ownMounts is set for a test that may mount.
const ownMounts = "STET_OWN_MOUNTS"

// again runs the test in a namespace where it may mount.
func again(t *testing.T) {
	t.Helper()
	cmd := exec.Command("unshare", "-rm", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=2m")
	cmd.Env = append(os.Environ(), ownMounts+"=1", binaries+"="+filepath.Dir(stetBin))
	out, err := cmd.CombinedOutput()
	switch {
	case !bytes.Contains(out, []byte("=== RUN")):
		t.Skipf("no namespace to mount a file system in: %v %s", err, out)
	case err != nil:
		t.Fatalf("%v\n%s", err, out)
	case bytes.Contains(out, []byte("--- SKIP")):
		t.Skipf("%s", out)
	}
	t.Logf("%s", out)
}

// fill leaves no free page.
func (d *disk) fill() {
	d.t.Helper()
	f, err := os.OpenFile(filepath.Join(d.dir, "filler"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{64 << 10, 4 << 10} {
		for err == nil {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			d.t.Fatalf("fill: %v", err)
		}
		err = nil
	}
}

func (d *disk) free() {
	d.t.Helper()
	if err := os.Remove(filepath.Join(d.dir, "filler")); err != nil {
		d.t.Fatal(err)
	}
}

// TestFullDisk: on a full disk a save says that the disk is full and exits
// with 1, nothing is there by half, the notes can be read, and with space again
// all goes on.
func TestFullDisk(t *testing.T) {
	k := newDisk(t, "4m")
	if k == nil {
		return
	}
	d := &device{t, filepath.Join(k.dir, "home")}
	k.fill()
	d.refused("the first note of a home", "add", "never", "-m", "text")
	k.free()
	id := d.must("add", "before", "-m", "the text before")
	notes := map[string]string{id: "the text before"}
	full := 0
	for i := range 12 {
		body := strings.Repeat(fmt.Sprint(i, " words "), 1<<(i+2))
		k.fill()
		for _, args := range [][]string{{"add", fmt.Sprint("new ", i), "-m", body}, {"set", id, "-m", body}} {
			out, errs, code := d.run("", args...)
			switch {
			case code == 0 && args[0] == "add": // a page was free yet
				notes[strings.TrimSpace(out)] = body
			case code == 0:
				notes[id] = body
			default:
				full++
				d.explains(fmt.Sprint(args[0], " ", len(body)), out, errs, code)
			}
		}
		// SQLite needs a page to read beside others; without it reading says why.
		if out, errs, code := d.run("", "show", id, "--raw"); (code != 0 || out != notes[id]) && (code != 1 || !strings.Contains(errs, "full")) {
			t.Errorf("reading on a full disk: exit %d %s%.60q", code, errs, out)
		}
		k.free()
		st, err := d.inspect()
		if err != nil {
			t.Fatal(err)
		}
		if len(st.notes) != len(notes) {
			t.Fatalf("%d notes, %d were saved", len(st.notes), len(notes))
		}
		for id, body := range notes {
			if st.notes[id].body != body {
				t.Fatalf("%s has %.60q, saved was %.60q", id, st.notes[id].body, body)
			}
		}
	}
	d.must("set", id, "-m", "the text after")
	if err := d.sumsUp(); err != nil {
		t.Error(err)
	}
	if full < 6 {
		t.Errorf("only %d saves met a full disk", full)
	}
}

// refused checks a command that cannot save.
func (d *device) refused(what string, args ...string) {
	d.t.Helper()
	out, errs, code := d.run("", args...)
	d.explains(what, out, errs, code)
}

func (d *device) explains(what, out, errs string, code int) {
	d.t.Helper()
	if code != 1 || out != "" || !strings.Contains(errs, "full") || !strings.Contains(errs, "nothing was saved") || strings.Count(errs, "\n") > 2 {
		d.t.Errorf("%s: exit %d, stdout %q, stderr %q", what, code, out, errs)
	}
}

// TestFullDiskOnTheScreens: what is typed while the disk is full stays on the
// screen, the message is true, and once there is space the same text is saved.
func TestFullDiskOnTheScreens(t *testing.T) {
	k := newDisk(t, "4m")
	if k == nil {
		return
	}
	d := &device{t, filepath.Join(k.dir, "home")}
	id := d.must("add", "Opened", "-m", "one line\n")
	s := d.screen(t)
	wait(t, "the list", s.shows("Opened"))
	s.press(t, "e")
	time.Sleep(300 * time.Millisecond)
	k.fill()
	typed := "TYPED" + strings.Repeat("x", 9000) + "END"
	s.press(t, "\x1b[200~"+typed+"\x1b[201~")
	time.Sleep(500 * time.Millisecond)
	before := len(s.text())
	s.press(t, "\x13") // ctrl+s
	wait(t, "the screens say that the disk is full", func() bool { return strings.Contains(strings.ToLower(s.text()), "full") })
	time.Sleep(300 * time.Millisecond)
	t.Logf("after ctrl+s: %q", s.text()[before:])
	select {
	case <-s.gone:
		t.Fatal("the screens are gone")
	default:
	}
	if n := d.notes()[id]; strings.Contains(n.Title+n.Body, "TYPED") {
		t.Fatal("it says that the disk is full, and saved")
	}
	k.free()
	time.Sleep(200 * time.Millisecond)
	s.press(t, "\x13")
	wait(t, "the text is saved once there is space", func() bool {
		n := d.notes()[id]
		return strings.Contains(n.Title+n.Body, typed)
	})
	if err := d.sumsUp(); err != nil {
		t.Error(err)
	}
}
