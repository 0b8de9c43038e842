package mutations_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"stet/db/server/sqlite"
	"stet/syncengine/remote"
	"stet/syncengine/remote/mutations"
	"stet/syncengine/remote/remotetest"
	"stet/syncengine/server"
)

// realServer is stetd's handler over a store on disk, spoken to over TCP.
type realServer struct {
	url      string
	store    *sqlite.Store
	accounts atomic.Int64
}

func newRealServer(t testing.TB) *realServer {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "server.db"), sqlite.Options{Now: time.Now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &realServer{store: st}
	var requests atomic.Int64
	handler := server.New(st, server.Options{Now: time.Now, NewID: func() string { return fmt.Sprint("r", requests.Add(1)) }})
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = server.HTTP(handler, nil)
	srv.Start()
	t.Cleanup(srv.Close)
	s.url = srv.URL + "/mutations"
	return s
}

// account makes an account and returns its token.
func (s *realServer) account(t testing.TB) string {
	t.Helper()
	n := s.accounts.Add(1)
	name, tok := fmt.Sprint("account", n), fmt.Sprintf("stet_%043d", n)
	if err := s.store.AddAccount(context.Background(), name); err != nil {
		t.Fatal(err)
	}
	if err := s.store.AddToken(context.Background(), name, "device", server.Hash(tok)); err != nil {
		t.Fatal(err)
	}
	return tok
}

func connect(t testing.TB, url, token string, opts ...mutations.Option) *mutations.Client {
	t.Helper()
	c, err := mutations.New(url, token, "a-client", opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// unguarded hides from driver and server that they could look at ops and
// revisions: what is left is the protocol as others speak it.
type unguarded struct{ next http.RoundTripper }

func (u unguarded) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Del("X-Stet-Guard")
	return u.next.RoundTrip(req)
}

func TestSuite(t *testing.T) {
	s := newRealServer(t)
	remotetest.Run(t, remotetest.Harness{
		UpdateCreates: true,
		Account: func(t *testing.T) remotetest.Connect {
			tok := s.account(t)
			return func(t *testing.T, device string, via http.RoundTripper) remote.Remote {
				return connect(t, s.url, tok, mutations.WithTransport(via))
			}
		},
		Refused: func(t *testing.T, _ string, via http.RoundTripper) remote.Remote {
			return connect(t, s.url, "stet_nobody", mutations.WithTransport(via))
		},
	})
}

// TestSuiteUnguarded asks the same of a server that, like those of others, knows
// neither ops nor revisions.
func TestSuiteUnguarded(t *testing.T) {
	s := newRealServer(t)
	remotetest.Run(t, remotetest.Harness{
		UpdateCreates: true, NoPurge: true,
		Account: func(t *testing.T) remotetest.Connect {
			tok := s.account(t)
			return func(t *testing.T, device string, via http.RoundTripper) remote.Remote {
				return connect(t, s.url, tok, mutations.WithTransport(unguarded{via}))
			}
		},
	})
}
