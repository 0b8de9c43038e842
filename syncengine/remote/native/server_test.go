package native_test

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"stet/db/server/sqlite"
	"stet/syncengine/remote"
	"stet/syncengine/remote/native"
	"stet/syncengine/remote/remotetest"
	"stet/syncengine/server"
)

// realServer is stetd's handler over a store on disk, spoken to over TCP.
type realServer struct {
	url      string
	bytes    *counted
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
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &realServer{store: st, bytes: &counted{Listener: inner}}
	var requests atomic.Int64
	handler := server.New(st, server.Options{Now: time.Now, NewID: func() string { return fmt.Sprint("r", requests.Add(1)) }})
	srv := &httptest.Server{Listener: s.bytes, Config: server.HTTP(handler, nil)}
	srv.Start()
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

// account makes an account and returns its token, as long as a real one.
func (s *realServer) account(t testing.TB) string {
	t.Helper()
	n := s.accounts.Add(1)
	name, tok := fmt.Sprint("account", n), fmt.Sprintf("stet_%043d", n)
	if err := s.store.AddAccount(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if err := s.store.AddToken(t.Context(), name, "device", server.Hash(tok)); err != nil {
		t.Fatal(err)
	}
	return tok
}

func (s *realServer) connect(t testing.TB, tok string, opts ...native.Option) *native.Client {
	t.Helper()
	c, err := native.New(s.url, tok, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestSuite(t *testing.T) {
	s := newRealServer(t)
	remotetest.Run(t, remotetest.Harness{
		NotModified: true,
		Replace: func(t *testing.T) {
			if err := s.store.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
		Account: func(t *testing.T) remotetest.Connect {
			tok := s.account(t)
			return func(t *testing.T, _ string, via http.RoundTripper) remote.Remote {
				return s.connect(t, tok, native.WithTransport(via))
			}
		},
		Refused: func(t *testing.T, _ string, via http.RoundTripper) remote.Remote {
			return s.connect(t, "stet_nobody", native.WithTransport(via))
		},
	})
}

// A sync that finds nothing is one request, and it and its answer are 373 bytes.
func TestQuietSyncIsShort(t *testing.T) {
	s := newRealServer(t)
	c := s.connect(t, s.account(t))
	res, err := c.Push(t.Context(), "", []remote.Op{create(1)})
	if err != nil || res.Next == "" {
		t.Fatalf("%+v, %v", res, err)
	}
	in, out := s.bytes.in.Load(), s.bytes.out.Load()
	page, err := c.Pull(t.Context(), res.Next, 200)
	if err != nil || !page.Unchanged {
		t.Fatalf("%+v, %v", page, err)
	}
	in, out = s.bytes.in.Load()-in, s.bytes.out.Load()-out
	t.Logf("request %d, answer %d bytes", in, out)
	if in+out > 373 {
		t.Errorf("request %d, answer %d bytes", in, out)
	}
}

// A device of one account sees nothing of another's, not even that it exists.
func TestAccountsAreApart(t *testing.T) {
	s := newRealServer(t)
	mine, theirs := s.connect(t, s.account(t)), s.connect(t, s.account(t))
	res, err := theirs.Push(t.Context(), "", []remote.Op{create(1)})
	if err != nil {
		t.Fatal(err)
	}
	if rec, err := mine.Get(t.Context(), "note-1", ""); err != nil || rec.Rev != 0 {
		t.Errorf("get: %+v, %v", rec, err)
	}
	if page, err := mine.Pull(t.Context(), "", 0); err != nil || len(page.Changes) != 0 {
		t.Errorf("pull: %+v, %v", page, err)
	}
	if _, err := mine.Pull(t.Context(), res.Next, 0); remotetest.CheckError(err) != "" || err == nil {
		t.Errorf("pull since their cursor: %v", err)
	}
	again, err := mine.Push(t.Context(), "", []remote.Op{create(1)})
	if err != nil || again.Outcomes[0].Kind != remote.Applied {
		t.Errorf("the same key and id: %+v, %v", again, err)
	}
}

// An op that breaks a limit is refused with a reason, alone and among others.
func TestLimits(t *testing.T) {
	s := newRealServer(t)
	c := s.connect(t, s.account(t))
	long := create(1)
	long.Patch.Title = ptr(string(make([]byte, 2000)))
	big := create(2)
	big.Patch.Body = ptr(string(make([]byte, 5<<20))) // NULs: 30 MiB of JSON
	res, err := c.Push(t.Context(), "", []remote.Op{create(0), long, create(3), big, create(4)})
	if err != nil {
		t.Fatal(err)
	}
	want := []remote.OutcomeKind{remote.Applied, remote.Rejected, remote.Applied, remote.Rejected, remote.Applied}
	for i, out := range res.Outcomes {
		if out.Kind != want[i] || (out.Kind == remote.Rejected) != (out.Problem != "") {
			t.Errorf("op %d: %s %q", i, out.Kind, out.Problem)
		}
	}
	for _, o := range []remote.Op{long, big} {
		one, err := c.Push(t.Context(), "", []remote.Op{o})
		if err != nil || one.Outcomes[0].Kind != remote.Rejected {
			t.Errorf("%s alone: %+v, %v", o.ID, one, err)
		}
	}
}

// notes returns creates of about 600 bytes of prose, as a real notebook has.
func notes(n int) []remote.Op {
	ops := make([]remote.Op, n)
	for i := range ops {
		ops[i] = create(i)
		ops[i].Patch.Body = ptr(fmt.Sprintf("# Note %d\n\n%s", i, prose(i, 600)))
	}
	return ops
}

func prose(seed, size int) string {
	words := []string{"keep", "the", "list", "of", "what", "is", "left", "to", "write", "before", "winter", "and", "after", "it"}
	var out []byte
	for x := uint32(seed)*2654435761 + 1; len(out) < size; x = x*1664525 + 1013904223 {
		out = append(append(out, words[int(x>>16)%len(words)]...), ' ')
	}
	return string(out)
}

func BenchmarkPush10000(b *testing.B) {
	ops := notes(10_000)
	for b.Loop() {
		s, c := benchServer(b)
		before := s.bytes.in.Load() + s.bytes.out.Load()
		for from := 0; from < len(ops); from += 500 {
			res, err := c.Push(b.Context(), "", ops[from:from+500])
			if err != nil || count(res, remote.Applied) != 500 {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(s.bytes.in.Load()+s.bytes.out.Load()-before), "wire-B/op")
	}
}

func BenchmarkPull10000(b *testing.B) {
	s, c := benchServer(b)
	ops := notes(10_000)
	for from := 0; from < len(ops); from += 500 {
		if _, err := c.Push(b.Context(), "", ops[from:from+500]); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		before := s.bytes.in.Load() + s.bytes.out.Load()
		cursor, n := "", 0
		for more := true; more; {
			page, err := c.Pull(b.Context(), cursor, 1000)
			if err != nil {
				b.Fatal(err)
			}
			cursor, more, n = page.Next, page.More, n+len(page.Changes)
		}
		if n != len(ops) {
			b.Fatalf("%d notes", n)
		}
		b.ReportMetric(float64(s.bytes.in.Load()+s.bytes.out.Load()-before), "wire-B/op")
	}
}

func benchServer(b *testing.B) (*realServer, *native.Client) {
	s := newRealServer(b)
	return s, s.connect(b, s.account(b))
}
