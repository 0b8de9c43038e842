package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// newHome returns an open device in a fresh home.
func newHome(t *testing.T) *device {
	t.Helper()
	h := &home{data: filepath.Join(t.TempDir(), "h"), one: true}
	if err := h.make(); err != nil {
		t.Fatal(err)
	}
	d, err := openDevice(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.close() })
	return d
}

// served returns a server and a file that holds its token.
func served(t *testing.T) (s demoServer, tokenFile string) {
	t.Helper()
	s, err := startDemoServer(t.Context(), filepath.Join(t.TempDir(), "server.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	tokenFile = filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(tokenFile, []byte(s.token), 0o600); err != nil {
		t.Fatal(err)
	}
	return s, tokenFile
}

func TestInterruptedWatch(t *testing.T) {
	s, token := served(t)
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		home := filepath.Join(t.TempDir(), "h")
		stet(t, home, "connect", s.url, "--token-file", token)
		cmd := exec.Command("stet", "--home", home, "sync", "--watch")
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 100)); err != nil { // the first round was told
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		err = cmd.Wait()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
			t.Errorf("%v: %v, want exit code %d", sig, err, exitInterrupted)
		}
		if errs.Len() > 0 {
			t.Errorf("%v: it said %q", sig, errs.String())
		}
	}
}

// An interrupt ends a command that waits for somebody to type, and nothing is
// stored.
func TestInterruptedInput(t *testing.T) {
	home := filepath.Join(t.TempDir(), "h")
	id := stet(t, home, "add", "Title", "-m", "old")
	for _, args := range [][]string{{"add", "x", "-m", "-"}, {"add"}, {"append", id, "-"}, {"set", id, "-m", "-"},
		{"resolve", id, "--file", "-"}, {"connect", "http://127.0.0.1:1", "--token-file", "-"}} {
		cmd := exec.Command("stet", append([]string{"--home", home}, args...)...)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := in.Write([]byte("half a te")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		stuck := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		err = cmd.Wait()
		stuck.Stop()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted || errs.Len() > 0 {
			t.Errorf("%v: %v and %q, want exit code %d and silence", args, err, errs.String(), exitInterrupted)
		}
		_ = in.Close()
	}
	if list := stet(t, home, "ls", "--json"); strings.Count(list, "\n") > 1 || strings.Contains(list, "half") {
		t.Errorf("notes are %s", list)
	}
}

// Every one of many processes that write at once keeps its note.
func TestProcessesAtOnce(t *testing.T) {
	home := filepath.Join(t.TempDir(), "h")
	const n = 12
	var wg sync.WaitGroup
	ids := make([]string, n)
	for i := range n {
		wg.Go(func() { ids[i] = stet(t, home, "add", fmt.Sprintf("Note %d", i)) })
	}
	wg.Wait()
	list := stet(t, home, "ls")
	for i, id := range ids {
		if !strings.Contains(list, id) {
			t.Errorf("note %d is not listed", i)
		}
	}
}

// A text that a dead process left in an editor becomes a draft; one of a living
// process, and one that was not changed, do not.
func TestLeftTextBecomesDraft(t *testing.T) {
	d := newHome(t)
	ctx := t.Context()
	n, err := d.notes.Create(ctx, demoNotes[0])
	if err != nil {
		t.Fatal(err)
	}
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	leave := func(pid int, text string) string {
		h, err := d.handOut(n)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(h.path(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		moved := strings.Replace(h.dir, fmt.Sprintf(".%d.", os.Getpid()), fmt.Sprintf(".%d.", pid), 1)
		if err := os.Rename(h.dir, moved); err != nil {
			t.Fatal(err)
		}
		return moved
	}
	alive := leave(os.Getppid(), "of a living process")
	same := leave(dead.Process.Pid, n.Body)
	if err := d.recoverEdits(ctx, now()); err != nil {
		t.Fatal(err)
	}
	if drafts, err := d.store.Drafts(ctx); err != nil || len(drafts) != 0 {
		t.Fatalf("drafts %+v (%v), want none", drafts, err)
	}
	left := leave(dead.Process.Pid, "precious")
	if err := d.recoverEdits(ctx, now()); err != nil {
		t.Fatal(err)
	}
	drafts, err := d.store.Drafts(ctx)
	if err != nil || len(drafts) != 1 || drafts[0].Text.Body != "precious" || drafts[0].Base.Body != n.Body || drafts[0].NoteID != n.ID {
		t.Fatalf("drafts %+v (%v)", drafts, err)
	}
	for path, want := range map[string]bool{alive: true, same: false, left: false} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: there is %v, want %v", path, err == nil, want)
		}
	}
}

// A token is sent to the server that it belongs to and to no other.
func TestTokenOfAnotherServer(t *testing.T) {
	h := &home{data: t.TempDir(), one: true}
	where, err := h.keepToken("stet https://a x", "secret")
	if err != nil || where != tokenInFile {
		t.Fatal(where, err)
	}
	if token, err := h.readToken(where, "stet https://a x"); token != "secret" || err != nil {
		t.Errorf("got %q, %v", token, err)
	}
	if token, err := h.readToken(where, "stet https://b x"); token != "" || !errors.Is(err, errNoToken) {
		t.Errorf("another server got %q, %v", token, err)
	}
	if err := h.forgetToken(where, ""); err != nil {
		t.Error(err)
	}
	if _, err := h.readToken(where, "stet https://a x"); !errors.Is(err, errNoToken) {
		t.Errorf("a forgotten token: %v", err)
	}
}

// A change of server that a crash cut short is finished before anything is
// sent: shadows of another account would make wrong changes.
func TestCutShortSwitchIsFinished(t *testing.T) {
	s, _ := served(t)
	d := newHome(t)
	ctx := t.Context()
	c := connection{URL: s.url, Protocol: protocolStet, Account: s.account}
	if err := d.keepConnection(ctx, c, s.token, "", ""); err != nil { // and then the process dies
		t.Fatal(err)
	}
	if _, err := d.engine(ctx); err != nil {
		t.Fatal(err)
	}
	if key, err := d.store.Meta(ctx, "server"); err != nil || key != c.key() {
		t.Errorf("the shadows are those of %q (%v), want %q", key, err, c.key())
	}
}

// While one process holds the right to sync, another's round is done by it or
// refused as busy, never done beside it.
func TestSyncBesideAStandingHolder(t *testing.T) {
	t.Parallel() // it waits for most of its time
	s, token := served(t)
	d := newHome(t)
	stet(t, d.home.data, "connect", s.url, "--token-file", token)
	lease, err := d.store.Lease(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lease.Release() }()
	begun := time.Now()
	if _, err := d.notes.Create(t.Context(), demoNotes[0]); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("stet", "--home", d.home.data, "sync", "--json").Output()
	if !strings.Contains(string(out), `"pending":1,`) {
		t.Errorf("it printed %q, want the numbers of the store", out)
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitBusy {
		t.Errorf("%v, want exit code %d", err, exitBusy)
	}
	if said := string(exit.Stderr); !strings.Contains(said, "another stet syncs") {
		t.Errorf("it said %q", said)
	}
	if took := time.Since(begun); took < 9*time.Second {
		t.Errorf("it gave up after %s", took)
	}
}

// Something answers, but not a stet server: unreachable, and nothing is saved.
func TestConnectToAnythingElse(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"captive portal": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<h1>Welcome to the hotel \x1b[31m</h1>"))
		},
		"other JSON": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"hello":"world"}`))
		},
		"trouble": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"nothing": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusFound)
		},
		"too busy": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusTooManyRequests)
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(h)
			defer server.Close()
			dir := t.TempDir()
			token := filepath.Join(dir, "t")
			if err := os.WriteFile(token, []byte("secret"), 0o600); err != nil {
				t.Fatal(err)
			}
			home := filepath.Join(dir, "h")
			cmd := exec.Command("stet", "--home", home, "connect", server.URL, "--token-file", token)
			said, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != exitOffline {
				t.Errorf("%v, want exit code %d: %s", err, exitOffline, said)
			}
			if bytes.Contains(said, []byte("secret")) || bytes.ContainsRune(said, 0x1b) {
				t.Errorf("it said %q", said)
			}
			if !strings.Contains(stet(t, home, "status", "--json"), `"server":null`) {
				t.Error("a connection was saved")
			}
		})
	}
}
