package mutations_test

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
	"stet/syncengine/server"
	"stet/syncengine/server/store"
)

// site is a real server over a real store, with two accounts.
type site struct {
	t    testing.TB
	st   store.Store
	http *httptest.Server
	ms   atomic.Int64
	ids  atomic.Int64
}

const annToken, bobToken = "stet_ann", "stet_bob"

func newSite(t testing.TB) *site {
	s := &site{t: t}
	s.ms.Store(1_763_000_000_000)
	st, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "stetd.db"), sqlite.Options{Now: s.now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	s.st = st
	for name, token := range map[string]string{"ann": annToken, "bob": bobToken} {
		if err := st.AddAccount(context.Background(), name); err != nil {
			t.Fatal(err)
		}
		if err := st.AddToken(context.Background(), name, name+"-laptop", server.Hash(token)); err != nil {
			t.Fatal(err)
		}
	}
	s.http = httptest.NewServer(server.New(st, server.Options{Now: s.now, NewID: func() string { return fmt.Sprint("id", s.ids.Add(1)) }}))
	t.Cleanup(func() {
		s.http.Close()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *site) now() time.Time { return time.UnixMilli(s.ms.Load()).UTC() }

// reply is an answer, read whole.
type reply struct {
	t      testing.TB
	status int
	head   http.Header
	body   []byte
}

// do asks with ann's token; further headers are name, value, and replace.
func (s *site) do(method, path, body string, header ...string) reply {
	s.t.Helper()
	if strings.HasPrefix(path, "/v1/") {
		path = "/mutations" + path
	}
	req, err := http.NewRequestWithContext(context.Background(), method, s.http.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", annToken)
	req.Header.Set("X-Client-Id", "a web page")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		if req.Header.Set(header[i], header[i+1]); header[i+1] == "" {
			req.Header.Del(header[i])
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply{s.t, resp.StatusCode, resp.Header, data}
}

// want checks status and, if not "", a part of the body.
func (r reply) want(status int, part string) reply {
	r.t.Helper()
	if r.status != status || !bytes.Contains(r.body, []byte(part)) {
		r.t.Fatalf("%d %s, want %d with %s", r.status, r.body, status, part)
	}
	return r
}

type mutation struct {
	Type, Resource, ResourceID string
	Data                       map[string]any
	Timestamp                  int64
}

type log struct {
	LastMutationAt int64
	Mutations      []mutation
	Page, Limit    int
	Total          *int
	HasMore        *bool
	raw            map[string]json.RawMessage
}

func (r reply) log() log {
	r.t.Helper()
	var in struct {
		Success bool
		Data    log
	}
	var envelope struct {
		Data map[string]json.RawMessage
	}
	if err := json.Unmarshal(r.body, &in); err != nil || !in.Success || r.status != 200 {
		r.t.Fatalf("%d %s: %v", r.status, r.body, err)
	}
	if err := json.Unmarshal(r.body, &envelope); err != nil {
		r.t.Fatal(err)
	}
	in.Data.raw = envelope.Data
	if at := r.head.Get("X-Mutation-At"); at != fmt.Sprint(in.Data.LastMutationAt) {
		r.t.Errorf("X-Mutation-At %q, lastMutationAt %d", at, in.Data.LastMutationAt)
	}
	return in.Data
}

func (s *site) head() int64 {
	s.t.Helper()
	return s.do("GET", "/v1/sync?mutationsSince=0&metadataOnly=true", "").log().LastMutationAt
}

// post pushes mutations at the account's number.
func (s *site) post(mutations string, header ...string) reply {
	s.t.Helper()
	return s.do("POST", fmt.Sprint("/v1/sync?lastMutationAt=", s.head()), `{"mutations":[`+mutations+`]}`, header...)
}

func (s *site) since(n int64, more string, header ...string) log {
	s.t.Helper()
	return s.do("GET", fmt.Sprintf("/v1/sync?mutationsSince=%d%s", n, more), "", header...).log()
}

func note(id, body string) string {
	return fmt.Sprintf(`{"type":"CREATE","resource":"NOTE","data":{"localId":%q,"body":%q}}`, id, body)
}
