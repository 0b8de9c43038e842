package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// terminal is stet in a pseudo-terminal.
type terminal struct {
	mu   sync.Mutex
	seen bytes.Buffer
	tty  *os.File
	cmd  *exec.Cmd
	gone chan struct{} // closed when the program has ended
}

func (d *device) screen(t *testing.T, args ...string) *terminal {
	ctx, stop := context.WithCancel(context.Background())
	cmd := d.cmd(ctx, args...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color")
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 100})
	if err != nil {
		t.Fatal(err)
	}
	s := &terminal{tty: tty, cmd: cmd, gone: make(chan struct{})}
	go func() {
		defer close(s.gone)
		buf := make([]byte, 4096)
		for {
			n, err := tty.Read(buf)
			s.mu.Lock()
			s.seen.Write(buf[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
		_ = tty.Close()
	})
	return s
}

// text is all that was written to the terminal.
func (s *terminal) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen.String()
}

// writing reports whether the cursor is shown: a screen that takes text is up.
func (s *terminal) writing() bool {
	text := s.text()
	return strings.LastIndex(text, "\x1b[?25h") > strings.LastIndex(text, "\x1b[?25l")
}

func (s *terminal) shows(text string) func() bool {
	return func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return bytes.Contains(s.seen.Bytes(), []byte(text))
	}
}

func (s *terminal) press(t *testing.T, keys string) {
	t.Helper()
	if _, err := s.tty.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

func wait(t *testing.T, what string, ok func() bool) time.Duration {
	t.Helper()
	begin := time.Now()
	for !ok() {
		if time.Since(begin) > 20*time.Second {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(begin)
}

// TestScreenAndShellShareTheNotes: what the shell adds shows on the screen, and
// what both save at once is kept.
func TestScreenAndShellShareTheNotes(t *testing.T) {
	s := newServer(t)
	d := newDevice(t)
	d.connect(s)
	id := d.must("add", "Opened first", "-m", "one\n\ntwo\n\nthree\n")
	screen := d.screen(t)
	wait(t, "the list", screen.shows("Opened first"))
	d.must("add", "From the shell")
	t.Logf("a note of the shell showed after %v", wait(t, "the shell's note", screen.shows("From the shell")))
	wait(t, "the worker syncs by itself", func() bool { return d.notes()[id].Status == "synced" })

	screen.press(t, "jj")
	screen.press(t, "ggG") // to the end: the oldest
	time.Sleep(300 * time.Millisecond)
	screen.press(t, "e")
	wait(t, "the editor", screen.shows("three"))
	screen.press(t, "TYPED ")
	time.Sleep(200 * time.Millisecond)
	d.must("set", id, "-m", "one\n\ntwo\n\nTHREE\n")
	time.Sleep(300 * time.Millisecond)
	screen.press(t, "\x1b")
	defer func() {
		if t.Failed() {
			t.Logf("notes: %+v\nwhy: %s", d.notes(), d.must("why", id))
		}
	}()
	wait(t, "both edits", func() bool {
		n := d.notes()[id]
		return bytes.Contains([]byte(n.Title+n.Body), []byte("TYPED")) && bytes.Contains([]byte(n.Body), []byte("THREE"))
	})
}
