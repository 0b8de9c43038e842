package kinto_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"stet/syncengine/remote/kinto"
)

// fake is as much of a Kinto server as the driver speaks to, as a real one was
// seen to answer, with ways to make it do what a real one does rarely.
type fake struct {
	t    testing.TB
	http *httptest.Server

	mu      sync.Mutex
	now     int64 // the server's clock, ms
	stamp   map[string]int64
	rows    map[string]map[string]object // by collection and id
	user    string
	batch   int
	page    int // rows in a page at most, 0 for all
	seen    []asked
	script  func(*http.Request, []byte) *scripted // nil lets it pass
	trailer http.Header                           // added to every answer
	weak    bool                                  // a proxy compresses, and weakens ETags
}

type object map[string]json.RawMessage

// asked is a request that came in; sub-requests of a batch are not.
type asked struct {
	method, path string
	query        url.Values
	header       http.Header
	body         []byte
}

// scripted is an answer that the fake's own logic does not give. after lets it
// work before.
type scripted struct {
	status int
	body   string
	header http.Header
	after  bool
}

func newFake(t testing.TB) *fake {
	f := &fake{t: t, now: 1_795_000_000_000, stamp: map[string]int64{}, rows: map[string]map[string]object{}, user: "basicauth:anna", batch: 25}
	f.http = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.http.Close)
	return f
}

func (f *fake) connect(opts ...kinto.Option) *kinto.Client {
	f.t.Helper()
	c, err := kinto.New(f.http.URL+"/v1", kinto.Credentials{User: "anna", Password: "secret"}, opts...)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(c.Close)
	return c
}

// do changes the fake while nothing is answered.
func (f *fake) do(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// requests returns what was asked so far and forgets it.
func (f *fake) requests() []asked {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.seen
	f.seen = nil
	return out
}

// lists are the requests for lists among them.
func (f *fake) lists() []asked {
	return slices.DeleteFunc(f.requests(), func(a asked) bool {
		return a.method != http.MethodGet || !strings.HasSuffix(a.path, "/records")
	})
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if epoch := r.Header.Get("X-Stet-Epoch"); epoch != "" { // it tells none
		f.t.Errorf("asked for epoch %s", epoch)
	}
	f.mu.Lock()
	f.seen = append(f.seen, asked{r.Method, r.URL.Path, r.URL.Query(), r.Header.Clone(), body})
	script := f.script
	f.mu.Unlock()
	var made *scripted
	if script != nil {
		made = script(r, body)
	}
	var status int
	var text []byte
	header := http.Header{}
	if made == nil || made.after {
		f.mu.Lock()
		status, text = f.answer(r.Method, r.URL, r.Header, body, header)
		f.mu.Unlock()
	}
	if made != nil {
		status, text, header = made.status, []byte(made.body), made.header
	}
	f.mu.Lock()
	for name, v := range f.trailer {
		w.Header()[name] = v
	}
	w.Header().Set("Date", time.UnixMilli(f.now).UTC().Format(http.TimeFormat))
	f.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	for name, v := range header {
		w.Header()[name] = v
	}
	if etag := w.Header().Get("ETag"); f.weak && etag != "" {
		w.Header().Set("ETag", "W/"+etag)
	}
	w.WriteHeader(status)
	if status != http.StatusNotModified {
		_, _ = w.Write(text)
	}
}

// tick is the next timestamp of a collection.
func (f *fake) tick(coll string) int64 {
	f.now++
	f.stamp[coll] = max(f.now, f.stamp[coll]+1)
	return f.stamp[coll]
}

func (f *fake) answer(method string, u *url.URL, h http.Header, body []byte, out http.Header) (int, []byte) {
	path := strings.TrimPrefix(u.Path, "/v1")
	if path == "/" {
		return 200, fmt.Appendf(nil, `{"project_name":"kinto","http_api_version":"1.23","settings":{"batch_max_requests":%d},"user":{"id":%q,"bucket":"b-%s"},"capabilities":{}}`,
			f.batch, f.user, base64.RawURLEncoding.EncodeToString([]byte(f.user)))
	}
	if path == "/batch" {
		return f.batched(body)
	}
	if parts := strings.Split(path, "/"); len(parts) == 5 && method == http.MethodDelete { // the whole collection
		coll := f.user + "/" + parts[2] + "/" + parts[4]
		delete(f.rows, coll)
		delete(f.stamp, coll)
		return 200, []byte(`{"data":{}}`)
	}
	parts := strings.Split(path, "/") // "", buckets, b, collections, c, records, id
	if len(parts) < 6 || parts[5] != "records" {
		return problem(404, 111, "")
	}
	coll := f.user + "/" + parts[2] + "/" + parts[4]
	if f.rows[coll] == nil {
		f.rows[coll] = map[string]object{}
		f.tick(coll)
	}
	if len(parts) == 6 {
		return f.list(coll, u, h, out)
	}
	return f.object(coll, parts[6], method, h, body, out)
}

func problem(status, errno int, details string) (int, []byte) {
	if details != "" {
		details = `,"details":` + details
	}
	return status, fmt.Appendf(nil, `{"code":%d,"errno":%d,"error":%q,"message":"made up"%s}`, status, errno, http.StatusText(status), details)
}

func (o object) rev() int64 {
	n, _ := strconv.ParseInt(string(o["last_modified"]), 10, 64)
	return n
}

func (o object) dead() bool { return string(o["deleted"]) == "true" && len(o) == 3 }

func (f *fake) object(coll, id, method string, h http.Header, body []byte, out http.Header) (int, []byte) {
	was, known := f.rows[coll][id]
	live := known && !was.dead()
	etag := func(n int64) { out.Set("ETag", fmt.Sprintf("%q", strconv.FormatInt(n, 10))) }
	if !live && (method == http.MethodGet || method == http.MethodDelete) {
		return problem(404, 110, fmt.Sprintf(`{"id":%q,"resource_name":"record"}`, id))
	}
	match, none := h.Get("If-Match"), h.Get("If-None-Match")
	if match != "" && (!live || match != fmt.Sprintf("%q", strconv.FormatInt(was.rev(), 10))) || none == "*" && live {
		if !live {
			etag(f.stamp[coll])
			return problem(412, 114, "")
		}
		etag(was.rev())
		text, _ := json.Marshal(was)
		return problem(412, 114, `{"existing":`+string(text)+`}`)
	}
	status, now := 200, was
	switch method {
	case http.MethodPut:
		var in struct{ Data object }
		if err := json.Unmarshal(body, &in); err != nil || in.Data == nil {
			return problem(400, 107, "")
		}
		now = in.Data
		if !live {
			status = 201
		}
	case http.MethodDelete:
		now = object{"deleted": json.RawMessage("true")}
	}
	if method != http.MethodGet {
		now["id"], _ = json.Marshal(id)
		now["last_modified"] = json.RawMessage(strconv.FormatInt(f.tick(coll), 10))
		f.rows[coll][id] = now
	}
	etag(now.rev())
	text, _ := json.Marshal(map[string]any{"data": now})
	return status, text
}

func (f *fake) list(coll string, u *url.URL, h http.Header, out http.Header) (int, []byte) {
	q := u.Query()
	stamp := f.stamp[coll]
	out.Set("ETag", fmt.Sprintf("%q", strconv.FormatInt(stamp, 10)))
	quoted := fmt.Sprintf("%q", strconv.FormatInt(stamp, 10))
	if h.Get("If-None-Match") == quoted {
		return 304, nil
	}
	if m := h.Get("If-Match"); m != "" && m != quoted {
		return problem(412, 114, "")
	}
	number := func(name string, none int64) int64 {
		n, err := strconv.ParseInt(strings.Trim(q.Get(name), `"`), 10, 64)
		if err != nil {
			return none
		}
		return n
	}
	day := (24 * time.Hour).Milliseconds()
	since, before := number("_since", -1), number("_before", -1)
	if since > f.now+day || before > f.now+day || number("_token", 0) > f.now+day {
		return problem(400, 107, "")
	}
	var ids []string
	if v := q.Get("in_id"); v != "" {
		for _, id := range strings.Split(v, ",") {
			ids = append(ids, strings.Trim(id, `"`))
		}
	}
	var rows []object
	for id, o := range f.rows[coll] {
		at := o.rev()
		if at <= since || before >= 0 && at >= before || o.dead() && since < 0 && before < 0 ||
			q.Get("deleted") == "true" && !o.dead() || ids != nil && !slices.Contains(ids, id) {
			continue
		}
		rows = append(rows, o)
	}
	up := q.Get("_sort") == "last_modified"
	slices.SortFunc(rows, func(a, b object) int {
		d := int(a.rev() - b.rev())
		if !up {
			d = -d
		}
		return d
	})
	if token := number("_token", -1); token >= 0 {
		rows = slices.DeleteFunc(rows, func(o object) bool { return up && o.rev() <= token || !up && o.rev() >= token })
	}
	limit := int(number("_limit", 0))
	if f.page > 0 && (limit == 0 || limit > f.page) {
		limit = f.page
	}
	if limit > 0 && len(rows) > limit {
		rows = rows[:limit]
		next := *u
		q.Set("_limit", strconv.Itoa(limit))
		q.Set("_token", strconv.FormatInt(rows[limit-1].rev(), 10))
		next.RawQuery = q.Encode()
		out.Set("Next-Page", f.http.URL+next.String())
	}
	if fields := q.Get("_fields"); fields != "" {
		rows = slices.Clone(rows)
		for i, o := range rows {
			rows[i] = object{"id": o["id"], "last_modified": o["last_modified"]}
			for _, name := range strings.Split(fields, ",") {
				if v, ok := o[name]; ok {
					rows[i][name] = v
				}
			}
		}
	}
	if rows == nil {
		rows = []object{}
	}
	text, _ := json.Marshal(map[string]any{"data": rows})
	return 200, text
}

func (f *fake) batched(body []byte) (int, []byte) {
	var in struct {
		Requests []struct {
			Method, Path string
			Headers      map[string]string
			Body         json.RawMessage
		}
	}
	if json.Unmarshal(body, &in) != nil || len(in.Requests) > f.batch {
		return problem(400, 107, "")
	}
	var out bytes.Buffer
	for i, r := range in.Requests {
		h, answered := http.Header{}, http.Header{}
		for name, v := range r.Headers {
			h.Set(name, v)
		}
		status, text := f.answer(r.Method, &url.URL{Path: "/v1" + r.Path}, h, r.Body, answered)
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, `{"path":"/v1%s","status":%d,"headers":{"ETag":%q},"body":%s}`, r.Path, status, answered.Get("ETag"), text)
	}
	return 200, fmt.Appendf(nil, `{"responses":[%s]}`, out.Bytes())
}

// place is where a client with no options has its notes.
func (f *fake) place() string { return f.user + "/default/notes" }

// put writes a record as another client would.
func (f *fake) put(id, data string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	status, text := f.answer(http.MethodPut, &url.URL{Path: "/v1/buckets/default/collections/notes/records/" + id}, http.Header{}, []byte(`{"data":`+data+`}`), http.Header{})
	if status > 201 {
		f.t.Errorf("put %s: %d %s", id, status, text)
	}
}

func (f *fake) remove(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer(http.MethodDelete, &url.URL{Path: "/v1/buckets/default/collections/notes/records/" + id}, http.Header{}, nil, http.Header{})
}

// text is a record as it is stored.
func (f *fake) text(id string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	out, err := json.Marshal(f.rows[f.place()][id])
	if err != nil {
		f.t.Error(err)
	}
	return out
}
