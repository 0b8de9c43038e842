package link

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stet/syncengine/remote"
)

func ask(ctx context.Context, h http.HandlerFunc, timeout time.Duration) ([]byte, error) {
	srv := httptest.NewServer(h)
	defer srv.Close()
	rt := Transport(nil, 0)
	defer rt.CloseIdleConnections()
	_, body, err := Exchange(ctx, rt, timeout, 1000, func(ctx context.Context) (*http.Request, error) {
		return http.NewRequestWithContext(ctx, http.MethodGet, srv.URL, nil)
	})
	return body, err
}

func zipped(n int) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(bytes.Repeat([]byte("x"), n))
	_ = z.Close()
	return b.Bytes()
}

func TestExchange(t *testing.T) {
	gz := func(body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(body)
		}
	}
	if body, err := ask(context.Background(), gz(zipped(1000)), time.Minute); err != nil || len(body) != 1000 {
		t.Errorf("%d %v", len(body), err)
	}
	if _, err := ask(context.Background(), gz(zipped(1001)), time.Minute); !errors.Is(err, ErrTooLong) || !errors.Is(err, remote.ErrOffline) {
		t.Errorf("a bomb: %v", err)
	}
	for name, h := range map[string]http.HandlerFunc{
		"half of it": gz(zipped(1000)[:20]),
		"no gzip":    gz([]byte("plain")),
		"other coding": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			_, _ = w.Write([]byte("x"))
		},
	} {
		if _, err := ask(context.Background(), h, time.Minute); !errors.Is(err, remote.ErrNotProtocol) || !errors.Is(err, remote.ErrOffline) {
			t.Errorf("%s: %v", name, err)
		}
	}
	slow := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	if _, err := ask(context.Background(), slow, 50*time.Millisecond); !errors.Is(err, remote.ErrOffline) || !strings.Contains(err.Error(), "in time") {
		t.Errorf("no answer: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := ask(ctx, slow, time.Minute); !errors.Is(err, context.Canceled) || errors.Is(err, remote.ErrOffline) {
		t.Errorf("given up: %v", err)
	}
	moved := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://elsewhere.example/", http.StatusFound)
	}
	if _, err := ask(context.Background(), moved, time.Minute); err != nil {
		t.Errorf("a redirect is an answer: %v", err)
	}
}

func TestWait(t *testing.T) {
	const now = "Sat, 21 Nov 2026 10:00:00 GMT"
	for v, want := range map[string]time.Duration{"": 0, "soon": 0, "NaN": 0, "30": 30 * time.Second, "0": time.Second, "-5": time.Second,
		"1e999": time.Hour, "99999": time.Hour, " 2 ": 2 * time.Second, "Sat, 21 Nov 2026 10:01:00 GMT": time.Minute, "Sat, 21 Nov 2026 09:00:00 GMT": time.Second} {
		if got := Wait(v, now); got != want {
			t.Errorf("%q: %s, want %s", v, got, want)
		}
	}
	if got := Wait(now, ""); got != 0 {
		t.Errorf("a date without the server's clock: %s", got)
	}
}
