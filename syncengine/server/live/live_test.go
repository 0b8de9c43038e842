package live_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"stet/db/server/sqlite"
	"stet/model"
	"stet/syncengine/server"
	"stet/syncengine/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a real server with the accounts ann and bob, whose tokens are their
// names.
type site struct {
	t      *testing.T
	path   string
	store  *sqlite.Store
	srv    *http.Server
	http   *httptest.Server
	client *http.Client
	ops    atomic.Int64
}

func newSite(t *testing.T, opts server.Options, change ...func(*http.Server)) *site {
	s := &site{t: t, path: filepath.Join(t.TempDir(), "stetd.db")}
	s.store = s.open()
	for _, name := range []string{"ann", "bob"} {
		if err := s.store.AddAccount(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if err := s.store.AddToken(t.Context(), name, name, server.Hash(name)); err != nil {
			t.Fatal(err)
		}
	}
	s.serve(opts, change)
	return s
}

// serve serves the store until the test ends, then closes it.
func (s *site) serve(opts server.Options, change []func(*http.Server)) {
	s.client = &http.Client{Transport: &http.Transport{}}
	opts.Now, opts.NewID = time.Now, func() string { return "req" }
	s.srv = server.HTTP(server.New(s.store, opts), nil)
	for _, c := range change {
		c(s.srv)
	}
	s.http = httptest.NewUnstartedServer(nil)
	s.http.Config = s.srv
	s.http.Start()
	s.t.Cleanup(func() {
		s.client.CloseIdleConnections()
		s.http.CloseClientConnections()
		s.http.Close()
		if err := s.store.Close(); err != nil {
			s.t.Error(err)
		}
	})
}

// beside is another server over the same file, with a store of its own.
func (s *site) beside() *site {
	other := &site{t: s.t, path: s.path}
	other.ops.Store(1_000_000)
	other.store = other.open()
	other.serve(server.Options{}, nil)
	return other
}

func (s *site) open() *sqlite.Store {
	st, err := sqlite.Open(s.t.Context(), s.path, sqlite.Options{Now: time.Now, Rand: rand.Reader})
	if err != nil {
		s.t.Fatal(err)
	}
	return st
}

func (s *site) request(ctx context.Context, token, path string, headers ...string) *http.Response {
	s.t.Helper()
	req, err := http.NewRequestWithContext(ctx, "GET", s.http.URL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	return res
}

// write makes a note of the account and returns the cursor after it.
func (s *site) write(token string) string {
	s.t.Helper()
	n := s.ops.Add(1)
	text := fmt.Sprint("note ", n)
	op := model.Op{ID: fmt.Sprint("op-", n), NoteID: fmt.Sprint("n", n), Kind: model.Create, Patch: model.Patch{Title: &text},
		CreatedAt: time.UnixMilli(1_700_000_000_000)}
	body, err := wire.EncodeOp(op)
	if err != nil {
		s.t.Fatal(err)
	}
	req, _ := http.NewRequest("POST", s.http.URL+wire.PathOps, bytes.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", wire.TypeJSON)
	req.Header.Set(wire.HeaderKey, op.ID)
	res, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusCreated {
		s.t.Fatalf("write: %d %v", res.StatusCode, err)
	}
	return res.Header.Get(wire.HeaderCursor)
}

// ear is an open stream; what it says comes line by line.
type ear struct {
	t     *testing.T
	lines chan string // closed when the stream ended
	close func()
}

func (s *site) listen(token, query string, headers ...string) *ear {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	res := s.request(ctx, token, wire.PathEvents+query, headers...)
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != wire.TypeEvents {
		body, _ := io.ReadAll(res.Body)
		s.t.Fatalf("events: %d %s", res.StatusCode, body)
	}
	e := &ear{s.t, make(chan string, 1000), cancel}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(e.lines)
		defer res.Body.Close()
		for sc := bufio.NewScanner(res.Body); sc.Scan(); {
			e.lines <- sc.Text()
		}
	}()
	s.t.Cleanup(func() { cancel(); <-done })
	return e
}

// event returns the cursor of the next event, "" if there is none within d or
// the stream ended. Comments are passed over.
func (e *ear) event(d time.Duration) string {
	e.t.Helper()
	over := time.After(d)
	var got []string
	for {
		select {
		case line, open := <-e.lines:
			switch {
			case !open:
				return ""
			case line == "" && len(got) > 0:
				cursor := strings.TrimPrefix(got[1], "id: ")
				want := []string{"event: change", "id: " + cursor, `data: {"cursor":"` + cursor + `"}`}
				if strings.Join(got, "\n") != strings.Join(want, "\n") {
					e.t.Fatalf("event %q", got)
				}
				return cursor
			case line != "" && line[0] != ':':
				got = append(got, line)
			}
		case <-over:
			return ""
		}
	}
}

// beats counts comments for d.
func (e *ear) beats(d time.Duration) (n int) {
	over := time.After(d)
	for {
		select {
		case line, open := <-e.lines:
			if !open {
				return n
			}
			if strings.HasPrefix(line, ":") {
				n++
			}
		case <-over:
			return n
		}
	}
}

// ended reports whether the stream ends within d.
func (e *ear) ended(d time.Duration) bool {
	over := time.After(d)
	for {
		select {
		case _, open := <-e.lines:
			if !open {
				return true
			}
		case <-over:
			return false
		}
	}
}
