package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"stet/db/local"
	"stet/model"
)

// drainNotes is how long a queue is; STET_DRAIN makes it long.
func drainNotes(t *testing.T) int {
	if v := os.Getenv("STET_DRAIN"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 1100
}

// slowServer is a real server whose every push takes a while.
func slowServer(t *testing.T, push time.Duration) (address, tokenFile string) {
	dir := t.TempDir()
	s, err := startDemoServer(context.Background(), filepath.Join(dir, "server.db"))
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(at)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			time.Sleep(push)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
		_ = s.close()
	})
	tokenFile = filepath.Join(dir, "token")
	if err := os.WriteFile(tokenFile, []byte(s.token), 0o600); err != nil {
		t.Fatal(err)
	}
	return front.URL, tokenFile
}

// queued makes a home with n notes that were never sent.
func queued(t *testing.T, n int) (home string, store *local.Store) {
	home = filepath.Join(t.TempDir(), "h")
	stet(t, home, "add", "note 0", "-m", "text")
	store, err := local.Open(context.Background(), local.Options{Path: filepath.Join(home, "stet.db"), Now: now, Device: "h"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	notes := newNotes(store, "h")
	for i := 1; i < n; i++ {
		if _, err := notes.Create(context.Background(), model.Fields{Title: fmt.Sprint("note ", i), Body: "text"}); err != nil {
			t.Fatal(err)
		}
	}
	return home, store
}

// A long queue drains although every round but the last is interrupted; nothing
// is lost or doubled, and a script's stderr stays free of progress.
func TestLongQueueDrainsThroughInterrupts(t *testing.T) {
	n := drainNotes(t)
	address, token := slowServer(t, 20*time.Millisecond)
	home, store := queued(t, n)
	stet(t, home, "connect", address, "--token-file", token)
	pending := func() int {
		c, err := store.Counts(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return c.Pending
	}
	began, interrupts := time.Now(), 0
	for left := pending(); left > 0; left = pending() {
		if time.Since(began) > 10*time.Minute {
			t.Fatalf("%d notes still wait", left)
		}
		cmd := exec.Command("stet", "--home", home, "sync")
		var errs bytes.Buffer
		cmd.Stderr = &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if interrupts < 5 {
			for pending() > left-min(400, left) {
				time.Sleep(2 * time.Millisecond)
			}
			interrupts++
			_ = cmd.Process.Signal(os.Interrupt) // it may have ended meanwhile
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != exitInterrupted) {
			t.Fatalf("%v: %s", err, errs.String())
		}
		if strings.Contains(errs.String(), "sent ") || strings.Contains(errs.String(), "\r") {
			t.Errorf("progress on a pipe: %q", errs.String())
		}
	}
	other := filepath.Join(t.TempDir(), "other")
	stet(t, other, "connect", address, "--token-file", token)
	stet(t, other, "sync")
	titles := map[string]int{}
	for _, line := range strings.Split(stet(t, other, "ls"), "\n") {
		titles[strings.SplitN(line, "  ", 3)[2]]++
	}
	lost, doubled := 0, 0
	for i := range n {
		switch titles[fmt.Sprint("note ", i)] {
		case 0:
			lost++
		case 1:
		default:
			doubled++
		}
	}
	if lost+doubled > 0 || len(titles) != n {
		t.Errorf("%d lost, %d doubled, %d titles", lost, doubled, len(titles))
	}
	if os.Getenv("STET_DRAIN") != "" {
		fmt.Printf("proof G23 | a queue of %d notes drains through %d interrupts | %d lost, %d doubled, in %s | 0\n", n, interrupts,
			lost, doubled, time.Since(began).Round(time.Second))
	}
}

func TestProgressIsShownOnATerminal(t *testing.T) {
	address, token := slowServer(t, 400*time.Millisecond)
	home, _ := queued(t, 1100)
	stet(t, home, "connect", address, "--token-file", token)
	s := onTerminal(t, nil, "--home", home, "sync")
	s.sees(20*time.Second, "sent 500 of 1,100", "1100 sent, 0 fetched")
	if code := s.ends(20 * time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if last := s.text(); strings.LastIndex(last, "sent 1,000 of") > strings.LastIndex(last, "\r\x1b[K") {
		t.Errorf("the line of progress was left behind: %q", last)
	}
}

// A sync that stops before many deletions is answered on the screen, and taken
// back there.
func TestConsentOnTheScreen(t *testing.T) {
	address, token := slowServer(t, 0)
	a, _ := queued(t, 25)
	b := filepath.Join(t.TempDir(), "b")
	for _, home := range []string{a, b} {
		stet(t, home, "connect", address, "--token-file", token)
		stet(t, home, "sync")
	}
	var ids []string
	for _, line := range strings.Split(stet(t, a, "ls"), "\n") {
		ids = append(ids, strings.Fields(line)[0])
	}
	stet(t, a, append([]string{"rm"}, ids...)...)
	stet(t, a, "sync")
	s := onTerminal(t, nil, "--home", b)
	s.sees(20*time.Second, "25 notes wait for you")
	s.press("S")
	s.sees(10*time.Second, "A sync would delete or replace 25 notes here.", "it was deleted")
	s.press("y")
	s.sees(20*time.Second, "25 notes were deleted or replaced. z undoes.")
	s.press("z")
	s.sees(20*time.Second, "are back.", "Nothing waits for you.") // only what differs is drawn
	s.press("qq")
	if code := s.ends(20 * time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
	s.restored()
	stet(t, b, "sync")
	stet(t, a, "sync")
	if out := stet(t, a, "ls"); strings.Count(out, "note ") != 25 {
		t.Errorf("not back everywhere: %q", out)
	}
}
