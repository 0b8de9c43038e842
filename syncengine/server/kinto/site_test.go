package kinto_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
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
	ann  int64
}

const annToken, bobToken = "stet_ann", "stet_bob"

// base is where the records of a plain collection and of the notes are.
const (
	root   = "/kinto/v1"
	bucket = "/buckets/default"
	things = bucket + "/collections/things/records"
	notes  = bucket + "/collections/notes/records"
)

func newSite(t testing.TB, change ...func(*server.Options)) *site {
	s := &site{t: t}
	s.ms.Store(1_763_000_000_000)
	st, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "stetd.db"), sqlite.Options{Now: s.now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	s.st = st
	for name, token := range map[string]string{"ann": annToken, "bob": bobToken} {
		if err := st.AddAccount(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if err := st.AddToken(t.Context(), name, name+"-laptop", server.Hash(token)); err != nil {
			t.Fatal(err)
		}
	}
	acc, err := st.Authenticate(t.Context(), server.Hash(annToken))
	if err != nil {
		t.Fatal(err)
	}
	s.ann = acc.ID
	opts := server.Options{Now: s.now, NewID: func() string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", s.ids.Add(1)) }}
	for _, c := range change {
		c(&opts)
	}
	s.http = httptest.NewServer(server.New(st, opts))
	t.Cleanup(func() {
		s.http.Close()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// now is the site's own clock, or the machine's if that stands at 0.
func (s *site) now() time.Time {
	if s.ms.Load() == 0 {
		return time.Now().UTC()
	}
	return time.UnixMilli(s.ms.Load()).UTC()
}

// reply is an answer, read whole.
type reply struct {
	t      testing.TB
	status int
	head   http.Header
	body   []byte
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// do sends a request as ann, unless the headers say otherwise. A path that is
// no URL is below the dialect's root.
func (s *site) do(method, path string, body any, headers ...string) reply {
	s.t.Helper()
	var text []byte
	switch b := body.(type) {
	case nil:
	case string:
		text = []byte(b)
	default:
		var err error
		if text, err = json.Marshal(b); err != nil {
			s.t.Fatal(err)
		}
	}
	if !strings.HasPrefix(path, "http://") {
		path = s.http.URL + root + path
	}
	req, err := http.NewRequest(method, path, bytes.NewReader(text))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", basic("ann", annToken))
	if text != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			req.Header.Del(headers[i])
		}
	}
	client := &http.Client{Transport: s.http.Client().Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
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

// want checks the status and, for refusals, Kinto's number and the body's form.
func (r reply) want(status int, errno ...int) reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status %d, want %d: %s", r.status, status, r.body)
	}
	if len(errno) > 0 {
		f := decode[refusal](r)
		if f.Errno != errno[0] || f.Code != status || f.Error == "" || r.head.Get("Content-Type") != "application/json" {
			r.t.Fatalf("%s, want errno %d", r.body, errno[0])
		}
	}
	return r
}

type refusal struct {
	Code    int             `json:"code"`
	Errno   int             `json:"errno"`
	Error   string          `json:"error"`
	Message string          `json:"message"`
	Details json.RawMessage `json:"details"`
}

func decode[T any](r reply) T {
	r.t.Helper()
	var v T
	if err := json.Unmarshal(r.body, &v); err != nil {
		r.t.Fatalf("%v: %s", err, r.body)
	}
	return v
}

type object map[string]any

func (o object) id() string { id, _ := o["id"].(string); return id }

func (o object) rev() int64 { n, _ := o["last_modified"].(float64); return int64(n) }

func (r reply) data() object {
	r.t.Helper()
	return decode[struct{ Data object }](r).Data
}

func (r reply) list() []object {
	r.t.Helper()
	return decode[struct{ Data []object }](r).Data
}

// ids are those of a list, in order, tombstones marked.
func (r reply) ids() string {
	r.t.Helper()
	var out []string
	for _, o := range r.list() {
		id := o.id()
		if o["deleted"] == true {
			id = "-" + id
		}
		out = append(out, id)
	}
	return strings.Join(out, " ")
}

// stamp is the ETag's number.
func (r reply) stamp() int64 {
	r.t.Helper()
	n, err := strconv.ParseInt(strings.Trim(r.head.Get("ETag"), `"`), 10, 64)
	if err != nil {
		r.t.Fatalf("ETag %q of %d %s", r.head.Get("ETag"), r.status, r.body)
	}
	return n
}

func tag(rev int64) string { return fmt.Sprintf("%q", strconv.FormatInt(rev, 10)) }

func data(pairs ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	return map[string]any{"data": m}
}

func (s *site) put(path string, pairs ...any) object {
	s.t.Helper()
	r := s.do("PUT", path, data(pairs...))
	if r.status != 200 && r.status != 201 {
		s.t.Fatalf("PUT %s: %d %s", path, r.status, r.body)
	}
	return r.data()
}

func (s *site) listed(query string) string {
	s.t.Helper()
	return s.do("GET", query, nil).want(200).ids()
}

type answerPart struct {
	Path    string
	Status  int
	Headers map[string]string
	Body    json.RawMessage
}

func (s *site) batch(requests ...map[string]any) []answerPart {
	s.t.Helper()
	r := s.do("POST", "/batch", map[string]any{"requests": requests}).want(200)
	return decode[struct{ Responses []answerPart }](r).Responses
}

func request(method, path string, headers map[string]string, body any) map[string]any {
	m := map[string]any{"method": method, "path": path}
	if headers != nil {
		m["headers"] = headers
	}
	if body != nil {
		m["body"] = body
	}
	return m
}

func has(list, name string) bool {
	return slices.ContainsFunc(strings.Split(list, ","), func(s string) bool { return strings.EqualFold(strings.TrimSpace(s), name) })
}
