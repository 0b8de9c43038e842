package native_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stet/syncengine/remote"
	"stet/syncengine/remote/native"
	"stet/syncengine/wire"
)

// watching calls Watch beside the test.
func watching(ctx context.Context, c *native.Client, cursor string) <-chan error {
	done := make(chan error, 1)
	go func() { done <- c.Watch(ctx, cursor) }()
	return done
}

func returns(t *testing.T, done <-chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("Watch does not return")
		return nil
	}
}

func waits(t *testing.T, done <-chan error) {
	t.Helper()
	select {
	case err := <-done:
		t.Fatalf("Watch returned %v", err)
	case <-time.After(200 * time.Millisecond):
	}
}

// counted counts the requests to a path.
type requests struct {
	path string
	n    atomic.Int64
	next http.RoundTripper
}

func (r *requests) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Path == r.path {
		r.n.Add(1)
	}
	return r.next.RoundTrip(req)
}

func TestWatch(t *testing.T) {
	s := newRealServer(t)
	tok := s.account(t)
	plain := &http.Transport{}
	defer plain.CloseIdleConnections()
	streams := &requests{path: wire.PathEvents, next: plain}
	a, b := s.connect(t, tok), s.connect(t, tok, native.WithTransport(streams))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	push := func(n int) string {
		t.Helper()
		res, err := a.Push(t.Context(), "", []remote.Op{create(n)})
		if err != nil || res.Next == "" {
			t.Fatalf("%+v, %v", res, err)
		}
		return res.Next
	}
	at := push(0)
	for i := range 4 { // one stream for all
		done := watching(ctx, b, at)
		waits(t, done)
		at = push(i + 1)
		if err := returns(t, done); err != nil {
			t.Fatal(err)
		}
	}
	if n := streams.n.Load(); n != 1 {
		t.Errorf("%d streams were opened", n)
	}
	behind := at
	push(10)
	push(11)
	if err := returns(t, watching(ctx, b, behind)); err != nil { // told by the kept stream, or by a new one
		t.Error(err)
	}
	at = push(12)
	waits(t, watching(ctx, b, at)) // it has not heard of it, but is there
	stop()

	other := s.connect(t, tok)
	ctx, cancel := context.WithCancel(t.Context())
	done := watching(ctx, other, at)
	waits(t, done)
	cancel()
	if err := returns(t, done); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	var lost *remote.ResyncError
	for _, bad := range []string{"x.1.y", "no/cursor"} {
		if err := other.Watch(t.Context(), bad); !errors.As(err, &lost) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if err := s.connect(t, "stet_nobody").Watch(t.Context(), at); !errors.Is(err, remote.ErrAuth) {
		t.Errorf("refused: %v", err)
	}
}

// sayer serves the same answer to every request for events, and real polls.
func sayer(t *testing.T, events http.HandlerFunc, polls http.HandlerFunc) *native.Client {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc(wire.PathEvents, events)
	mux.HandleFunc(wire.PathChanges, polls)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	c, err := native.New(srv.URL, token, native.WithHeartbeat(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// sends streams text and then leaves the connection open until the client goes.
func sends(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", wire.TypeEvents)
		_, _ = io.WriteString(w, text)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
}

func notModified(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }

func TestWatchBelievesNothing(t *testing.T) {
	const at = "e.1.t"
	poke := func(data string) string { return "event: change\nid: e.2.u\ndata: " + data + "\n\n" }
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"poke":           {poke(`{"cursor":"e.2.u"}`), nil},
		"more members":   {poke(`{"cursor":"e.2.u","x":[1]}`), nil},
		"crlf":           {strings.ReplaceAll(poke(`{"cursor":"e.2.u"}`), "\n", "\r\n"), nil},
		"ours, theirs":   {poke(`{"cursor":"e.1.t"}`) + ":\n\n" + poke(`{"cursor":"e.2.u"}`), nil},
		"ours only":      {poke(`{"cursor":"e.1.t"}`), remote.ErrOffline}, // and then silence
		"silence":        {":\n\n", remote.ErrOffline},
		"half an event":  {"event: change\ndata: {\"cursor\":\"e.2.u\"}\n", remote.ErrOffline},
		"another event":  {"event: other\ndata: {\"cursor\":\"e.2.u\"}\n\n", remote.ErrOffline},
		"no JSON":        {poke("<html>"), remote.ErrNotProtocol},
		"no cursor":      {poke(`{}`), remote.ErrNotProtocol},
		"hostile cursor": {poke(`{"cursor":"a b\u001b"}`), remote.ErrNotProtocol},
		"endless line":   {strings.Repeat("x", 100_000), remote.ErrNotProtocol},
		"endless data":   {"event: change\n" + strings.Repeat("data: 123456789\n", 1000), remote.ErrNotProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			err := returns(t, watching(t.Context(), sayer(t, sends(c.text), http.NotFound), at))
			if !errors.Is(err, c.want) || err == nil != (c.want == nil) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if took := time.Since(began); name == "silence" && (took < 200*time.Millisecond || took > 3*time.Second) {
				t.Errorf("silence is noticed after %s, want 250 ms", took)
			}
		})
	}
}

func TestWatchFallsBack(t *testing.T) {
	const at = "e.1.t"
	status := func(code int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	var polls atomic.Int64
	page := fmt.Sprintf(`{"changes":[],"cursor":"e.2.u","hasMore":false,"epoch":"e","serverTime":"%s"}`, "2026-11-21T08:00:00.000Z")
	slow := func(w http.ResponseWriter, r *http.Request) { // waits, and tells at the second time
		if r.URL.Query().Get("wait") == "" || r.Header.Get("If-None-Match") != `"`+at+`"` {
			t.Errorf("poll %s", r.URL)
		}
		time.Sleep(1200 * time.Millisecond)
		if polls.Add(1) == 1 {
			notModified(w, r)
			return
		}
		status(200, wire.TypeJSON, page)(w, r)
	}
	portal := status(200, "text/html", "<html>Log in</html>")
	for name, c := range map[string]struct {
		events, polls http.HandlerFunc
		want          error
	}{
		"404, polls wait":        {http.NotFound, slow, nil},
		"406, polls do not":      {status(406, "text/plain", ""), notModified, remote.ErrUnsupported},
		"405, polls may not":     {status(405, "text/plain", ""), status(400, wire.TypeProblem, `{"code":"bad-parameter","status":400}`), remote.ErrUnsupported},
		"204":                    {status(204, "", ""), notModified, remote.ErrUnsupported},
		"a portal":               {portal, portal, remote.ErrNotProtocol},
		"a redirect":             {http.RedirectHandler("http://127.0.0.1:1/", http.StatusFound).ServeHTTP, portal, remote.ErrNotProtocol},
		"another kind":           {status(200, wire.TypeJSON, "{}"), notModified, remote.ErrUnsupported},
		"500":                    {status(500, "text/plain", ""), notModified, remote.ErrServer},
		"403":                    {status(403, "text/plain", ""), notModified, remote.ErrForbidden},
		"410, cursor is no good": {status(410, wire.TypeProblem, `{"code":"epoch-changed","resync":"full"}`), notModified, errResync},
	} {
		t.Run(name, func(t *testing.T) {
			err := returns(t, watching(t.Context(), sayer(t, c.events, c.polls), at))
			var lost *remote.ResyncError
			if c.want == errResync {
				if !errors.As(err, &lost) {
					t.Errorf("%v, want a resync", err)
				}
				return
			}
			if !errors.Is(err, c.want) || err == nil != (c.want == nil) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

var errResync = errors.New("resync")

// The server goes away in the middle of a stream, and comes back.
func TestWatchEndsWithTheServer(t *testing.T) {
	var gone atomic.Bool
	c := sayer(t, func(w http.ResponseWriter, r *http.Request) {
		if gone.CompareAndSwap(false, true) {
			w.Header().Set("Content-Type", wire.TypeEvents)
			_, _ = io.WriteString(w, ":\n\n")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		sends(wire.Event(wire.Cursor{Epoch: "e", Rev: 2, Tag: "u"}))(w, r)
	}, notModified)
	if err := returns(t, watching(t.Context(), c, "e.1.t")); !errors.Is(err, remote.ErrOffline) {
		t.Errorf("broken off: %v", err)
	}
	if err := returns(t, watching(t.Context(), c, "e.1.t")); err != nil {
		t.Errorf("back: %v", err)
	}
}
