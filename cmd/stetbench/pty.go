package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/creack/pty"
)

// chunk is what one read of a terminal gave, and when.
type chunk struct {
	at   time.Time
	data []byte
}

// terminal is a program on a terminal of 120 × 40.
type terminal struct {
	cmd    *exec.Cmd
	tty    *os.File
	began  time.Time
	chunks chan chunk
	seen   []byte // what was written since the last look
}

// onTerminal starts a program on a terminal.
func onTerminal(cmd *exec.Cmd) (*terminal, error) {
	t := &terminal{cmd: cmd, chunks: make(chan chunk, 4096), began: time.Now()}
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 120})
	if err != nil {
		return nil, fmt.Errorf("start on a terminal: %w", err)
	}
	t.tty = tty
	go t.read()
	return t, nil
}

// read takes the time of each piece before anybody looks at it.
func (t *terminal) read() {
	defer close(t.chunks)
	for {
		buf := make([]byte, 64<<10)
		n, err := t.tty.Read(buf)
		if n > 0 {
			t.chunks <- chunk{time.Now(), buf[:n]}
		}
		if err != nil {
			return
		}
	}
}

// patience is how long a program may take to draw what is waited for.
const patience = 20 * time.Second

// waitFor returns when the text had been drawn.
func (t *terminal) waitFor(ctx context.Context, text string) (time.Time, error) {
	late := time.After(patience)
	for {
		select {
		case c, ok := <-t.chunks:
			if !ok {
				return time.Time{}, fmt.Errorf("wait for %q: the program ended after drawing %.300q", text, t.seen)
			}
			t.seen = append(t.seen, c.data...)
			if bytes.Contains(t.seen, []byte(text)) || bytes.Contains([]byte(ansi.Strip(string(t.seen))), []byte(text)) {
				t.seen = nil
				return c.at, nil
			}
		case <-late:
			return time.Time{}, fmt.Errorf("wait for %q: not drawn in %s, but %.300q", text, patience, ansi.Strip(string(t.seen)))
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
}

// quiet reads until nothing was drawn for d.
func (t *terminal) quiet(d time.Duration) error {
	late := time.After(patience)
	for {
		select {
		case _, ok := <-t.chunks:
			if !ok {
				return fmt.Errorf("wait for quiet: the program ended")
			}
		case <-time.After(d):
			t.seen = nil
			return nil
		case <-late:
			return fmt.Errorf("wait for quiet: still drawing after %s", patience)
		}
	}
}

// send types keys.
func (t *terminal) send(keys string) error {
	if _, err := t.tty.WriteString(keys); err != nil {
		return fmt.Errorf("type: %w", err)
	}
	return nil
}

// press types one key after a pause that does not keep step with the program's
// frames, and returns the time to the first bytes drawn.
func (t *terminal) press(ctx context.Context, key string, rng *rand.Rand) (time.Duration, error) {
	if err := t.quiet(15 * time.Millisecond); err != nil {
		return 0, err
	}
	time.Sleep(time.Duration(rng.Int64N(int64(17 * time.Millisecond))))
	began := time.Now()
	if err := t.send(key); err != nil {
		return 0, err
	}
	for {
		select {
		case c, ok := <-t.chunks:
			switch {
			case !ok:
				return 0, fmt.Errorf("press %q: the program ended", key)
			case c.at.After(began):
				return c.at.Sub(began), nil
			}
		case <-time.After(patience):
			return 0, fmt.Errorf("press %q: nothing was drawn", key)
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// rss is the memory that the program holds, in MiB; 0 where it cannot be had.
func (t *terminal) rss() float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", t.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, ok := bytes.Cut(text, []byte("VmRSS:"))
	var kb float64
	if _, err := fmt.Sscan(string(rest), &kb); !ok || err != nil {
		return 0
	}
	return kb / 1024
}

// close ends the program as a hang-up would, so that it closes its files, and by
// force if it does not.
func (t *terminal) close() {
	_ = t.cmd.Process.Signal(syscall.SIGTERM)
	force := time.AfterFunc(3*time.Second, func() { _ = t.cmd.Process.Kill() })
	go func() {
		for range t.chunks { // a full terminal would keep it from ending
			continue
		}
	}()
	_ = t.cmd.Wait()
	force.Stop()
	_ = t.tty.Close()
}
