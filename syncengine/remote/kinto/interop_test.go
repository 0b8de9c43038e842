package kinto_test

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"stet/syncengine/remote"
	"stet/syncengine/remote/kinto"
	"stet/syncengine/remote/remotetest"
)

// foreign is a real Kinto server that was started for the tests.
type foreign struct {
	url         string
	credentials kinto.Credentials
}

// realServer finds the server that the environment names: STET_KINTO_URL is its
// address, ending in /v1, STET_KINTO_AUTH a user of it as name:password.
func realServer(t testing.TB) foreign {
	t.Helper()
	url, auth := os.Getenv("STET_KINTO_URL"), os.Getenv("STET_KINTO_AUTH")
	if url == "" {
		t.Skip("no Kinto server: STET_KINTO_URL is not set; make interop starts one")
	}
	user, password, _ := strings.Cut(auth, ":")
	return foreign{url, kinto.Credentials{User: user, Password: password}}
}

// collection makes up a collection that nobody has used.
func collection(t testing.TB) string {
	t.Helper()
	var b [9]byte
	if _, err := rand.Read(b[:]); err != nil {
		t.Fatal(err)
	}
	return "c" + hex.EncodeToString(b[:])
}

func (f foreign) connect(t testing.TB, opts ...kinto.Option) *kinto.Client {
	t.Helper()
	c, err := kinto.New(f.url, f.credentials, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// harness runs the suite on collections of their own.
func (f foreign) harness(opts ...kinto.Option) remotetest.Harness {
	return remotetest.Harness{
		NotModified: true, ListsTombstones: true,
		NoPurge: true,
		Account: func(t *testing.T) remotetest.Connect {
			name := collection(t)
			return func(t *testing.T, _ string, via http.RoundTripper) remote.Remote {
				return f.connect(t, append([]kinto.Option{kinto.WithCollection(name), kinto.WithTransport(via)}, opts...)...)
			}
		},
		Refused: func(t *testing.T, _ string, via http.RoundTripper) remote.Remote {
			c, err := kinto.New(f.url, kinto.Credentials{Bearer: "nobody"}, kinto.WithTransport(via))
			if err != nil {
				t.Fatal(err)
			}
			return c
		},
	}
}

func TestInteropSuite(t *testing.T) {
	remotetest.Run(t, realServer(t).harness())
}

func TestInteropSuiteNewestFirst(t *testing.T) {
	remotetest.Run(t, realServer(t).harness(kinto.WithNewestFirst()))
}

// A wrong password opens another account on a server that takes any: nothing is
// pulled, pushed or given up.
func TestInteropOtherUser(t *testing.T) {
	f := realServer(t)
	name := kinto.WithCollection(collection(t))
	a := f.connect(t, name)
	push(t, a, "", create(1, "mine"))
	p := newPuller(t, a)
	p.pull(0)
	f.credentials.Password += "x"
	b := f.connect(t, name)
	if page, err := b.Pull(t.Context(), p.cursor, 0); !errors.Is(err, remote.ErrAuth) || len(page.Changes) > 0 {
		t.Errorf("pull: %+v, %v", page, err)
	}
	if _, err := b.Push(t.Context(), p.cursor, []remote.Op{create(2, "mine too")}); !errors.Is(err, remote.ErrAuth) {
		t.Errorf("push: %v", err)
	}
}

// A collection whose timestamp a client's clock has lifted beyond what the
// server takes as _since is pulled all the same.
func TestInteropClockFarAhead(t *testing.T) {
	f := realServer(t)
	for way, opts := range ways {
		name := collection(t)
		c := f.connect(t, append(opts, kinto.WithCollection(name))...)
		p := newPuller(t, c)
		push(t, c, "", create(1, "before"))
		p.pull(0)
		put(t, f, name, "far", `{"data":{"title":"far","last_modified":9000000000000}}`)
		var want = []string{"before", "far"}
		for i := range 5 {
			op := create(10+i, "after")
			op.ID += way
			push(t, c, p.cursor, op)
			want = append(want, "after")
		}
		p.pull(2)
		p.sees(want...)
		push(t, c, p.cursor, create(20, "last"))
		p.pull(2)
		p.sees(append(want, "last")...)
	}
}

// put writes a record as another client would.
func put(t *testing.T, f foreign, collection, id, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, f.url+"/buckets/default/collections/"+collection+"/records/"+id, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(f.credentials.User, f.credentials.Password)
	req.Header.Set("Content-Type", "application/json")
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode > 201 {
		t.Fatalf("put %s: %d", id, resp.StatusCode)
	}
}
