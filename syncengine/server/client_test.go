package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stet/db/server/sqlite"
	"stet/model"
	"stet/syncengine/server"
	"stet/syncengine/server/store"
	"stet/syncengine/wire"
)

// site is a real server over a real store, with two accounts.
type site struct {
	t    testing.TB
	path string
	st   store.Store
	http *httptest.Server
	ms   atomic.Int64
	ids  atomic.Int64
}

const annToken, bobToken = "stet_ann", "stet_bob"

func newSite(t testing.TB) *site {
	s := &site{t: t, path: filepath.Join(t.TempDir(), "stetd.db")}
	s.ms.Store(1_763_000_000_000)
	s.start()
	ctx := context.Background()
	for name, token := range map[string]string{"ann": annToken, "bob": bobToken} {
		if err := s.st.AddAccount(ctx, name); err != nil {
			t.Fatal(err)
		}
		if err := s.st.AddToken(ctx, name, name+"-laptop", server.Hash(token)); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(s.stop)
	return s
}

func (s *site) now() time.Time { return time.UnixMilli(s.ms.Load()).UTC() }

func (s *site) start() {
	st, err := sqlite.Open(context.Background(), s.path, sqlite.Options{Now: s.now, Rand: rand.Reader})
	if err != nil {
		s.t.Fatal(err)
	}
	s.st = st
	s.http = httptest.NewUnstartedServer(server.New(st, server.Options{Now: s.now, Heartbeat: 100 * time.Millisecond,
		NewID: func() string { return fmt.Sprintf("req-%d", s.ids.Add(1)) }}))
	s.http.Start()
}

func (s *site) stop() {
	s.http.Close()
	if err := s.st.Close(); err != nil {
		s.t.Error(err)
	}
}

// reply is an answer, read whole.
type reply struct {
	t      testing.TB
	status int
	head   http.Header
	body   []byte
}

// do sends a request as ann, unless the headers say otherwise.
func (s *site) do(method, path string, body any, headers ...string) reply {
	s.t.Helper()
	var r io.Reader
	var text []byte
	switch b := body.(type) {
	case nil:
	case string:
		text = []byte(b)
	case []byte:
		text = b
	default:
		text, _ = json.Marshal(b)
	}
	if text != nil {
		r = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, s.http.URL+path, r)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+annToken)
	if text != nil {
		req.Header.Set("Content-Type", wire.TypeJSON)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			req.Header.Del(headers[i])
		}
	}
	res, err := s.http.Client().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply{s.t, res.StatusCode, res.Header, got}
}

// want checks status and, for problems, code.
func (r reply) want(status int, code ...string) reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status %d, want %d: %s", r.status, status, r.body)
	}
	if len(code) > 0 {
		p := r.problem()
		if p.Code != code[0] || p.RequestID == "" || r.head.Get("Content-Type") != wire.TypeProblem {
			r.t.Fatalf("problem %+v of %s, want %s", p, r.head.Get("Content-Type"), code[0])
		}
		if bytes.Contains(r.body, []byte("goroutine")) || bytes.Contains(r.body, []byte(".go:")) {
			r.t.Fatalf("a stack trace: %s", r.body)
		}
	}
	return r
}

func (r reply) problem() *wire.Problem {
	r.t.Helper()
	p, err := wire.DecodeProblem(r.status, r.body)
	if err != nil {
		r.t.Fatalf("%v: %s", err, r.body)
	}
	return p
}

func decode[T any](r reply) T {
	r.t.Helper()
	var v T
	if err := wire.CheckJSON(r.body); err != nil {
		r.t.Fatalf("%v: %s", err, r.body)
	}
	if err := json.Unmarshal(r.body, &v); err != nil {
		r.t.Fatalf("%v: %s", err, r.body)
	}
	return v
}

func (r reply) note() model.Record { r.t.Helper(); return decode[model.Record](r) }

func ptr[T any](v T) *T { return &v }

func title(s string) model.Patch { return model.Patch{Title: &s} }

func (s *site) op(kind model.Kind, note string, base int64, p model.Patch) model.Op {
	return model.Op{ID: fmt.Sprintf("op-%d", s.ids.Add(1)), NoteID: note, Kind: kind, BaseRev: base, Patch: p,
		CreatedAt: time.UnixMilli(1_700_000_000_000)}
}

func (s *site) post(op model.Op, headers ...string) reply {
	s.t.Helper()
	body, err := wire.EncodeOp(op)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.do("POST", wire.PathOps, body, append([]string{wire.HeaderKey, op.ID}, headers...)...)
}

func (s *site) batch(want wire.Want, ops ...model.Op) wire.BatchAnswer {
	s.t.Helper()
	body, err := wire.EncodeBatch(wire.Batch{Want: want, Ops: ops})
	if err != nil {
		s.t.Fatal(err)
	}
	return decode[wire.BatchAnswer](s.do("POST", wire.PathBatch, body).want(200))
}

func (s *site) changes(since string, limit int) wire.Page {
	s.t.Helper()
	path := fmt.Sprintf("%s?limit=%d", wire.PathChanges, limit)
	if since != "" {
		path += "&since=" + since
	}
	return decode[wire.Page](s.do("GET", path, nil).want(200))
}

func asBob(headers ...string) []string {
	return append([]string{"Authorization", "Bearer " + bobToken}, headers...)
}

func repeat(s string, n int) string { return strings.Repeat(s, n) }
