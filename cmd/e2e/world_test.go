package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var stetBin, stetdBin string

// binaries names a folder with programs that were built already.
const binaries = "STET_BINARIES"

func TestMain(m *testing.M) {
	os.Exit(func() int {
		if dir := os.Getenv(binaries); dir != "" {
			stetBin, stetdBin = filepath.Join(dir, "stet"), filepath.Join(dir, "stetd")
			return m.Run()
		}
		dir, err := os.MkdirTemp("", "stet-e2e")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		build := exec.Command("go", "build", "-tags", "sqlite_fts5", "-o", dir, "../stet", "../stetd")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
			return 1
		}
		stetBin, stetdBin = filepath.Join(dir, "stet"), filepath.Join(dir, "stetd")
		return m.Run()
	}())
}

// server is a stetd process on a fixed port, so that it can be killed and come
// back where devices look for it.
type server struct {
	t     *testing.T
	store string
	addr  string
	token string
	args  []string // more flags of serve
	cmd   *exec.Cmd
}

func newServer(t *testing.T, args ...string) *server {
	s := &server{t: t, store: filepath.Join(t.TempDir(), "stetd.db"), addr: "127.0.0.1:0", args: args}
	out, err := exec.Command(stetdBin, "account", "add", "ana", "--store", s.store).Output()
	if err != nil {
		t.Fatalf("account: %v", err)
	}
	s.token = strings.TrimSpace(string(out))
	s.start()
	t.Cleanup(s.kill)
	return s
}

func (s *server) start() {
	s.t.Helper()
	for try := 0; ; try++ {
		if s.serve() {
			return
		}
		if try == 50 {
			s.t.Fatal("stetd does not come up")
		}
		time.Sleep(20 * time.Millisecond) // the port of the killed one is not free yet
	}
}

func (s *server) serve() bool {
	cmd := exec.Command(stetdBin, append([]string{"serve", "--listen", s.addr, "--store", s.store}, s.args...)...)
	pipe, err := cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		if _, addr, ok := strings.Cut(lines.Text(), "http://"); ok {
			s.addr, s.cmd = strings.Fields(addr)[0], cmd
			go func() {
				for lines.Scan() {
					_ = lines.Text() // a full pipe would stop the server
				}
			}()
			return true
		}
	}
	_ = cmd.Wait()
	return false
}

func (s *server) kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

func (s *server) url() string { return "http://" + s.addr }

// device is one home.
type device struct {
	t    *testing.T
	home string
}

func newDevice(t *testing.T) *device { return &device{t, filepath.Join(t.TempDir(), "home")} }

func (d *device) cmd(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, stetBin, append([]string{"--home", d.home}, args...)...)
}

// run runs stet to its end and returns its output and exit code.
func (d *device) run(in string, args ...string) (out, errs string, code int) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := d.cmd(ctx, args...)
	cmd.Stdin = strings.NewReader(in)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		d.t.Fatalf("stet %v: %v", args, err)
	}
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

func (d *device) must(args ...string) string {
	d.t.Helper()
	out, errs, code := d.run("", args...)
	if code != 0 {
		d.t.Fatalf("stet %v: exit %d: %s", args, code, errs)
	}
	return strings.TrimSuffix(out, "\n")
}

func (d *device) connect(s *server) {
	d.t.Helper()
	d.connectTo(s.url(), s.token)
}

func (d *device) connectTo(url, token string) {
	d.t.Helper()
	if _, errs, code := d.run(token+"\n", "connect", url, "--token-file", "-", "--yes"); code != 0 {
		d.t.Fatalf("connect: exit %d: %s", code, errs)
	}
}

// note is what `stet ls --json` tells, as far as tests look.
type note struct {
	ID, Title, Body, Status string
	Rev                     int64
	Deleted                 bool
}

func (d *device) notes(args ...string) map[string]note {
	d.t.Helper()
	out := map[string]note{}
	for line := range strings.Lines(d.must(append([]string{"ls", "--json"}, args...)...)) {
		var n note
		if err := json.Unmarshal([]byte(line), &n); err != nil {
			d.t.Fatalf("%q: %v", line, err)
		}
		out[n.ID] = n
	}
	return out
}
