package main

import (
	"bufio"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"stet": main})
}

// TestScripts runs the program as its users do. Every script has a fresh
// folder; $HOME lies in it, so nothing outside is touched.
//
//	exits CODE PROG ARG…   run and compare the exit code
//	keep NAME              $NAME = what the last command printed
//	server [NAME]          start stetd: $URL, tokens of accounts me and other in token and token2
//	stop                   end stetd at once; serve starts it again at the same address
//	sql FILE STATEMENT     change a store behind stet's back
//	until SECONDS PATTERN PROG ARG…   run again until stdout matches
func TestScripts(t *testing.T) {
	stetdDir = t.TempDir()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			for name, value := range map[string]string{"HOME": e.WorkDir, "STET_HOME": "", "XDG_DATA_HOME": "", "TZ": "UTC",
				"STET_EDITOR": "", "VISUAL": "", "EDITOR": "", "NO_COLOR": "", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"} {
				e.Setenv(name, value)
			}
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "keep": keep, "server": startServer, "serve": serve, "stop": killServer, "sql": runSQL, "until": until,
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROG ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("run %v: %v", args[1:], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%v: exit code %d, want %d", args[1:], got, want)
	}
}

func keep(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

func until(ts *testscript.TestScript, _ bool, args []string) {
	seconds, err := strconv.Atoi(args[0])
	ts.Check(err)
	pattern := regexp.MustCompile(args[1])
	for end := time.Now().Add(time.Duration(seconds) * time.Second); ; time.Sleep(50 * time.Millisecond) {
		err := ts.Exec(args[2], args[3:]...)
		if out := ts.ReadFile("stdout"); pattern.MatchString(out) {
			return
		} else if time.Now().After(end) {
			ts.Fatalf("%v never printed %q (%v): %s", args[2:], args[1], err, out)
		}
	}
}

func runSQL(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite3", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec(args[1])
	ts.Check(err)
}

// stetdDir is where stetd is built; it goes with TestScripts.
var stetdDir string

// stetd is built once for all scripts.
var stetd = sync.OnceValues(func() (string, error) {
	path := filepath.Join(stetdDir, "stetd")
	if out, err := exec.Command("go", "build", "-o", path, "stet/cmd/stetd").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build stetd: %w\n%s", err, out)
	}
	return path, nil
})

// daemon is the server of one script.
type daemon struct{ cmd *exec.Cmd }

var (
	daemonsMu sync.Mutex
	daemons   = map[*testscript.TestScript]*daemon{}
)

func startServer(ts *testscript.TestScript, _ bool, _ []string) {
	bin, err := stetd()
	ts.Check(err)
	store := ts.MkAbs("server.db")
	for account, file := range map[string]string{"me": "token", "other": "token2"} {
		out, err := exec.Command(bin, "account", "add", account, "--store", store).Output()
		if err != nil {
			ts.Fatalf("account add: %v", err)
		}
		ts.Check(os.WriteFile(ts.MkAbs(file), out, 0o600))
	}
	ts.Setenv("LISTEN", "127.0.0.1:0")
	serve(ts, false, nil)
	ts.Defer(func() { stopServer(ts, syscall.SIGKILL) })
}

// address finds where stetd listens in the line it writes.
var address = regexp.MustCompile(`127\.0\.0\.1:\d+`)

func serve(ts *testscript.TestScript, _ bool, _ []string) {
	bin, err := stetd()
	ts.Check(err)
	cmd := exec.Command(bin, "serve", "--listen", ts.Getenv("LISTEN"), "--store", ts.MkAbs("server.db"))
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	ts.Check(cmd.Start())
	daemonsMu.Lock()
	daemons[ts] = &daemon{cmd}
	daemonsMu.Unlock()
	found := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if at := address.FindString(lines.Text()); at != "" {
				select {
				case found <- at:
				default:
				}
			}
		}
	}()
	select {
	case at := <-found:
		ts.Setenv("LISTEN", at)
		ts.Setenv("URL", "http://"+at)
	case <-time.After(20 * time.Second):
		ts.Fatalf("stetd did not say where it listens")
	}
}

func killServer(ts *testscript.TestScript, _ bool, _ []string) { stopServer(ts, syscall.SIGTERM) }

func stopServer(ts *testscript.TestScript, sig syscall.Signal) {
	daemonsMu.Lock()
	d := daemons[ts]
	delete(daemons, ts)
	daemonsMu.Unlock()
	if d != nil {
		_ = d.cmd.Process.Signal(sig)
		_ = d.cmd.Wait()
	}
}
