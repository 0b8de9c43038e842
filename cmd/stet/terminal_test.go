package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// session is a program on a terminal of its own.
type session struct {
	t   *testing.T
	cmd *exec.Cmd
	tty *os.File

	mu   sync.Mutex
	seen bytes.Buffer
	done chan struct{}
}

// onTerminal starts stet on a terminal of 100 x 30.
func onTerminal(t *testing.T, env []string, args ...string) *session {
	t.Helper()
	bin, err := exec.LookPath("stet")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, args...)
	cmd.Env = append(append(os.Environ(), "TERM=xterm-256color", "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent"), env...)
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 30, Cols: 100})
	if err != nil {
		t.Fatal(err)
	}
	s := &session{t: t, cmd: cmd, tty: tty, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		_, _ = io.Copy(writer(func(p []byte) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.seen.Write(p)
			// Answer what a terminal is asked, or the program waits for it.
			if bytes.Contains(p, []byte("\x1b]11;?")) {
				_, _ = tty.WriteString("\x1b]11;rgb:0000/0000/0000\x1b\\")
			}
		}), tty)
	}()
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = tty.Close() })
	return s
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

func (s *session) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen.String()
}

// sees waits until all texts were drawn.
func (s *session) sees(within time.Duration, texts ...string) {
	s.t.Helper()
	for end := time.Now().Add(within); ; time.Sleep(20 * time.Millisecond) {
		missing := ""
		for _, want := range texts {
			if !strings.Contains(s.text(), want) {
				missing = want
			}
		}
		if missing == "" {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("%q was never drawn; got:\n%q", missing, s.text())
		}
	}
}

func (s *session) press(keys string) {
	s.t.Helper()
	if _, err := s.tty.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// ends waits for the program's end and returns its exit code.
func (s *session) ends(within time.Duration) int {
	s.t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- s.cmd.Wait() }()
	select {
	case err := <-ended:
		<-s.done
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return exit.ExitCode()
		}
		if err != nil {
			s.t.Fatal(err)
		}
		return 0
	case <-time.After(within):
		s.t.Fatalf("the program did not end; got:\n%q", s.text())
		return -1
	}
}

// restored checks that the terminal was given back.
func (s *session) restored() {
	s.t.Helper()
	out := s.text()
	for _, pair := range [][2]string{{"\x1b[?1049h", "\x1b[?1049l"}, {"\x1b[?25l", "\x1b[?25h"}, {"\x1b[?2004h", "\x1b[?2004l"}} {
		if on, off := strings.LastIndex(out, pair[0]), strings.LastIndex(out, pair[1]); on > off {
			s.t.Errorf("%q was not taken back", pair[0])
		}
	}
}

// stet runs a command off the terminal and returns what it printed.
func stet(t *testing.T, home string, args ...string) string {
	t.Helper()
	cmd := exec.Command("stet", append([]string{"--home", home}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("stet %v: %v: %s", args, err, errs.String())
	}
	return strings.TrimSpace(out.String())
}

func TestScreensOpenAndClose(t *testing.T) {
	home := filepath.Join(t.TempDir(), "h")
	stet(t, home, "add", "Of cabbages", "-m", "and kings")
	stet(t, home, "add", "Of sealing wax")
	s := onTerminal(t, nil, "--home", home)
	s.sees(10*time.Second, "Of cabbages", "Of sealing wax")
	s.press("q")
	if code := s.ends(10 * time.Second); code != 0 {
		t.Errorf("exit code %d after q", code)
	}
	s.restored()
}

func TestScreensNoticeOtherProcesses(t *testing.T) {
	home := filepath.Join(t.TempDir(), "h")
	stet(t, home, "add", "There before")
	s := onTerminal(t, nil, "--home", home)
	s.sees(10*time.Second, "There before")
	stet(t, home, "add", "Written meanwhile")
	s.sees(10*time.Second, "Written meanwhile")
	s.press("q")
	s.ends(10 * time.Second)
}

func TestSignalGivesTheTerminalBack(t *testing.T) {
	home := filepath.Join(t.TempDir(), "h")
	stet(t, home, "add", "One note")
	s := onTerminal(t, nil, "--home", home)
	s.sees(10*time.Second, "One note")
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := s.ends(10 * time.Second); code != 0 && code != exitInterrupted {
		t.Errorf("exit code %d after SIGINT", code)
	}
	s.restored()
}

func TestDumbTerminal(t *testing.T) {
	s := onTerminal(t, []string{"TERM=dumb"}, "--home", filepath.Join(t.TempDir(), "h"))
	if code := s.ends(10 * time.Second); code != exitUsage {
		t.Errorf("exit code %d, want %d", code, exitUsage)
	}
}

func TestDemoShowsEveryBadge(t *testing.T) {
	tmp := t.TempDir()
	s := onTerminal(t, []string{"TMPDIR=" + tmp, "HOME=" + tmp}, "demo")
	s.sees(20*time.Second, "Welcome to stet", "Shopping list", "◆", "✓", "↑", "!")
	s.press("q")
	if code := s.ends(20 * time.Second); code != 0 {
		t.Errorf("exit code %d after q", code)
	}
	s.restored()
	left, err := os.ReadDir(tmp)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		t.Errorf("%s was left behind", e.Name())
	}
}

// What a terminal shows of a note is safe, whatever the note holds.
func TestShowOnTerminal(t *testing.T) {
	home := filepath.Join(t.TempDir(), "h")
	id := stet(t, home, "add", "T", "-m", "a\x1b]0;owned\x07b\x1b[31m")
	for _, args := range [][]string{{"show", id}, {"show", id, "--raw"}, {"show", id, "--json"}, {"ls"}, {"history", id}, {"diff", id, "1"}} {
		s := onTerminal(t, nil, append([]string{"--home", home}, args...)...)
		if code := s.ends(10 * time.Second); code != 0 {
			t.Errorf("%v: exit code %d", args, code)
		}
		if out := s.text(); strings.Contains(out, "\x1b]0;") || strings.Contains(out, "\x1b[31m") {
			t.Errorf("%v: an escape sequence reached the terminal: %q", args, out)
		}
	}
}

func TestPurgeAsksOnTerminal(t *testing.T) {
	home := filepath.Join(t.TempDir(), "h")
	id := stet(t, home, "add", "T")
	stet(t, home, "rm", id)
	s := onTerminal(t, nil, "--home", home, "purge", id)
	s.sees(10*time.Second, "[y/N]")
	s.press("n\r")
	if code := s.ends(10 * time.Second); code != exitFailure {
		t.Errorf("exit code %d after no", code)
	}
	stet(t, home, "show", id)
	s = onTerminal(t, nil, "--home", home, "purge", id)
	s.sees(10*time.Second, "[y/N]")
	s.press("y\r")
	if code := s.ends(10 * time.Second); code != 0 {
		t.Errorf("exit code %d after yes", code)
	}
	if out := stet(t, home, "ls", "--trash"); out != "" {
		t.Errorf("trash still has %q", out)
	}
}
