package kinto_test

import (
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
	"stet/syncengine/remote/kinto"
	"stet/syncengine/remote/remotetest"
	"stet/syncengine/server"
)

// stetd is our own server, spoken to as if it were a Kinto.
type stetd struct {
	url      string
	store    *sqlite.Store
	accounts atomic.Int64
}

func newStetd(t *testing.T) *stetd {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "server.db"), sqlite.Options{Now: time.Now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	var requests atomic.Int64
	handler := server.New(st, server.Options{Now: time.Now, NewID: func() string { return fmt.Sprint("r", requests.Add(1)) }})
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	return &stetd{url: srv.URL + "/kinto/v1", store: st}
}

func (s *stetd) account(t *testing.T) kinto.Credentials {
	t.Helper()
	n := s.accounts.Add(1)
	name, token := fmt.Sprint("account", n), fmt.Sprintf("stet_%043d", n)
	if err := s.store.AddAccount(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if err := s.store.AddToken(t.Context(), name, "device", server.Hash(token)); err != nil {
		t.Fatal(err)
	}
	return kinto.Credentials{User: name, Password: token}
}

// replace takes all that the server has, and begins new epochs.
func (s *stetd) replace(t *testing.T) {
	if err := s.store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Our own server's Kinto dialect runs the same suite, in the notes and in a
// collection of plain records.
func TestSuiteOnStetd(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"notes", "things"} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "notes" {
				t.Skip("-short: the suite runs in the notes alone")
			}
			s := newStetd(t)
			remotetest.Run(t, remotetest.Harness{NotModified: true, ListsTombstones: true, NoPurge: true,
				Replace: s.replace,
				Account: func(t *testing.T) remotetest.Connect {
					who := s.account(t)
					return func(t *testing.T, _ string, via http.RoundTripper) remote.Remote {
						c, err := kinto.New(s.url, who, kinto.WithCollection(name), kinto.WithTransport(via))
						if err != nil {
							t.Fatal(err)
						}
						return c
					}
				},
				Refused: func(t *testing.T, _ string, via http.RoundTripper) remote.Remote {
					c, err := kinto.New(s.url, kinto.Credentials{User: "account1", Password: "wrong"}, kinto.WithTransport(via))
					if err != nil {
						t.Fatal(err)
					}
					return c
				},
			})
		})
	}
}

func TestDevicesOnStetd(t *testing.T) {
	t.Parallel()
	for _, sc := range scenarios {
		if sc.name == "CollectionWiped" {
			continue // it cannot be: our server writes a tombstone for each note
		}
		t.Run(sc.name, func(t *testing.T) {
			s := newStetd(t)
			sc.run(t, place{s.url, s.account(t), "notes"})
		})
	}
}

// A cursor from before the server told its epoch takes the first one that it is
// told, also where nothing else is new.
func TestOldCursorTakesTheEpoch(t *testing.T) {
	s := newStetd(t)
	hidden := &silent{next: http.DefaultTransport, on: true}
	c, err := kinto.New(s.url, s.account(t), kinto.WithTransport(hidden))
	if err != nil {
		t.Fatal(err)
	}
	page, err := c.Pull(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	old := page.Next
	if page, err = c.Pull(t.Context(), old, 0); err != nil || !page.Unchanged || page.Next != old {
		t.Fatalf("%+v, %v", page, err)
	}
	hidden.on = false
	if page, err = c.Pull(t.Context(), old, 0); err != nil || page.Unchanged || page.Next == old || len(page.Changes) > 0 {
		t.Fatalf("%+v, %v", page, err)
	}
	if page, err = c.Pull(t.Context(), page.Next, 0); err != nil || !page.Unchanged {
		t.Fatalf("%+v, %v", page, err)
	}
	s.replace(t)
	var lost *remote.ResyncError
	if _, err := c.Pull(t.Context(), page.Next, 0); !errors.As(err, &lost) || lost.Reason != remote.EpochChanged {
		t.Errorf("%v", err)
	}
}

// silent is a server that does not tell its epoch.
type silent struct {
	next http.RoundTripper
	on   bool
}

func (s *silent) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := s.next.RoundTrip(r)
	if err == nil && s.on {
		res.Header.Del("X-Stet-Epoch")
	}
	return res, err
}
