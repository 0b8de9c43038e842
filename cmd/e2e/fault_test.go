package e2e

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// proxy stands before a server and fails as told.
type proxy struct {
	*httptest.Server
	fault atomic.Value  // string
	draw  func() string // what the next request meets in "chaos"
	hit   func()        // what happens once a write is "answered", before who asked hears of it
}

func newProxy(t *testing.T, s *server) *proxy {
	target, err := url.Parse(s.url())
	if err != nil {
		t.Fatal(err)
	}
	through := httputil.NewSingleHostReverseProxy(target)
	through.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) } // as if nothing stood before it
	through.ErrorLog = log.New(io.Discard, "", 0)
	p := &proxy{}
	p.fault.Store("")
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault := p.fault.Load().(string)
		if fault == "chaos" {
			fault = p.draw()
		}
		switch fault {
		case "500":
			http.Error(w, "oops", http.StatusInternalServerError)
		case "429":
			w.Header().Set("Retry-After", "2")
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"status":429,"code":"rate-limited"}`)
		case "401":
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"status":401,"code":"unauthorized"}`)
		case "page":
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html>Welcome to the hotel</html>")
		case "503":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "reset": // before the server saw it
			panic(http.ErrAbortHandler)
		case "slow":
			time.Sleep(200 * time.Millisecond)
			through.ServeHTTP(w, r)
		case "answered":
			rec := httptest.NewRecorder()
			through.ServeHTTP(rec, r)
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				p.hit()
			}
			for k, v := range rec.Header() {
				w.Header()[k] = v
			}
			w.WriteHeader(rec.Code)
			_, _ = w.Write(rec.Body.Bytes())
		case "dropped": // after the server has done it
			through.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		case "cut":
			rec := httptest.NewRecorder()
			through.ServeHTTP(rec, r)
			for k, v := range rec.Header() {
				w.Header()[k] = v
			}
			w.WriteHeader(rec.Code)
			_, _ = w.Write(rec.Body.Bytes()[:rec.Body.Len()/2])
			panic(http.ErrAbortHandler)
		default:
			through.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

func TestFaultsOnTheCommandLine(t *testing.T) {
	t.Parallel() // most of it is waiting
	s := newServer(t)
	p := newProxy(t, s)
	a, b := newDevice(t), newDevice(t)
	a.connectTo(p.URL, s.token)
	b.connect(s)
	want := map[string]string{}
	for _, c := range []struct {
		fault string
		code  int
		says  string
	}{{"500", 5, "safe"}, {"page", 5, "safe"}, {"dropped", 5, "safe"}, {"cut", 5, "safe"}, {"401", 6, "connect"}, {"429", 5, "safe"}} {
		id := a.must("add", "during "+c.fault, "-m", "text of "+c.fault)
		want[id] = "text of " + c.fault
		p.fault.Store(c.fault)
		out, errs, code := a.run("", "sync")
		if code != c.code || !strings.Contains(strings.ToLower(errs), c.says) || strings.Contains(errs, "goroutine") {
			t.Errorf("%s: exit %d, want %d; stderr %q stdout %q", c.fault, code, c.code, errs, out)
		}
		p.fault.Store("")
	}
	_, errs, code := a.run("", "sync") // the wait that 429 asked for is not over
	if code != 5 {
		t.Errorf("asked again before Retry-After: exit %d %s", code, errs)
	}
	wait(t, "sync completes", func() bool { _, _, code := a.run("", "sync"); return code == 0 })
	b.must("sync")
	got := b.notes()
	if len(got) != len(want) {
		t.Errorf("%d notes arrived, want %d", len(got), len(want))
	}
	for id, body := range want {
		if got[id].Body != body {
			t.Errorf("%s: %q", id, got[id].Body)
		}
	}
	s.kill()
	if _, errs, code := a.run("", "sync"); code != 5 || !strings.Contains(errs, "safe") {
		t.Errorf("port closed: exit %d %s", code, errs)
	}
}
