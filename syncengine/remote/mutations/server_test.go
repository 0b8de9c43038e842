package mutations_test

import (
	"context"
	"crypto/rand"
	"errors"
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
// revisions, and the epoch: what is left is the protocol as others speak it.
type unguarded struct{ next http.RoundTripper }

func (u unguarded) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Del("X-Stet-Guard")
	if epoch := req.Header.Get("X-Stet-Epoch"); epoch != "" {
		return nil, fmt.Errorf("a server that tells no epoch was asked for %s", epoch)
	}
	res, err := u.next.RoundTrip(req)
	if err == nil {
		res.Header.Del("X-Stet-Epoch")
	}
	return res, err
}

func TestSuite(t *testing.T) {
	s := newRealServer(t)
	remotetest.Run(t, remotetest.Harness{
		UpdateCreates: true,
		Replace: func(t *testing.T) {
			if err := s.store.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
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

// A cursor from before the server told its epoch takes the first one that it is
// told.
func TestOldCursorTakesTheEpoch(t *testing.T) {
	s := newRealServer(t)
	tok := s.account(t)
	old, err := connect(t, s.url, tok, mutations.WithTransport(unguarded{http.DefaultTransport})).Pull(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, s.url, tok)
	page, err := c.Pull(t.Context(), old.Next, 0)
	if err != nil || page.Unchanged || page.Next == old.Next || len(page.Changes) > 0 {
		t.Fatalf("%+v, %v", page, err)
	}
	if page, err = c.Pull(t.Context(), page.Next, 0); err != nil || !page.Unchanged {
		t.Fatalf("%+v, %v", page, err)
	}
	if err := s.store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var lost *remote.ResyncError
	if _, err := c.Pull(t.Context(), page.Next, 0); !errors.As(err, &lost) || lost.Reason != remote.EpochChanged {
		t.Errorf("%v", err)
	}
}
