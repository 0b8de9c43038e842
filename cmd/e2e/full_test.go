//go:build linux

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// onSmallDisk runs a script where $D is a file system of 600 KiB, in namespaces
// of its own, and returns its output. Where the system forbids that the test is
// skipped.
func onSmallDisk(t *testing.T, script string) string {
	t.Helper()
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	script = fmt.Sprintf("D=%s\nS='%s --home '$D/home\nmount -t tmpfs -o size=600k tmpfs $D || exit 77\n%s", disk, stetBin, script)
	cmd := exec.Command("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.Is(err, exec.ErrNotFound) || errors.As(err, &exit) && (exit.ExitCode() == 77 || strings.Contains(out.String(), "unshare")) {
		t.Skipf("no small file system can be mounted here: %v %s", err, out.String())
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return out.String()
}

// said are the lines that belong to one step of a script.
func said(out, step string) string {
	_, after, _ := strings.Cut(out, "== "+step+"\n")
	text, _, _ := strings.Cut(after, "== ")
	return text
}

// TestDiskFull fills a real file system under the real program: what cannot be
// saved is told so and has no id, what was saved is read and stays, and with
// room all works again.
func TestDiskFull(t *testing.T) {
	out := onSmallDisk(t, `
id=$($S add first -m kept)
cat /dev/zero > $D/filler 2>/dev/null
step() { echo "== $1"; shift; "$@"; echo "exit $?"; }
step add $S add second -m lost
step append $S append $id more
step ls $S ls
step show $S show $id
rm $D/filler
head -c 900000 /dev/zero | tr '\0' x > $D.big
echo "== big"; $S add big -m - < $D.big; echo "exit $?"
step again $S add third -m saved
step all $S ls
`)
	for _, step := range []string{"add", "append", "big"} {
		if got := said(out, step); !strings.Contains(got, "the disk is full") || !strings.HasSuffix(got, "exit 1\n") || len(strings.Fields(got)) > 14 {
			t.Errorf("%s on a full disk: %q", step, got)
		}
	}
	if got := said(out, "ls"); !strings.Contains(got, "first") || !strings.HasSuffix(got, "exit 0\n") {
		t.Errorf("ls on a full disk: %q", got)
	}
	if got := said(out, "show"); !strings.Contains(got, "kept") || !strings.HasSuffix(got, "exit 0\n") {
		t.Errorf("show on a full disk: %q", got)
	}
	if got := said(out, "again"); !strings.HasSuffix(got, "exit 0\n") {
		t.Errorf("add with room again: %q", got)
	}
	if got := said(out, "all"); !strings.Contains(got, "first") || !strings.Contains(got, "third") || strings.Contains(got, "second") ||
		strings.Contains(got, "big") {
		t.Errorf("all notes: %q", got)
	}
}

// TestFileLimit saves under a limit of the process's files: the system's other
// word for a full disk.
func TestFileLimit(t *testing.T) {
	d := newDevice(t)
	script := fmt.Sprintf("ulimit -f 400; head -c 900000 /dev/zero | tr '\\0' x | %s --home %s add big", stetBin, d.home)
	cmd := exec.Command("sh", "-c", script)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || out.Len() != 0 || !strings.Contains(errs.String(), "the disk is full") {
		t.Errorf("%v: %q %q", err, out.String(), errs.String())
	}
}
