package kinto_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine/server"
	"stet/syncengine/server/store"
	"stet/syncengine/wire"
)

// TestKintoRecordsShowWhatBecameEmpty: kinto.js lays a pulled record over its
// own. What a note lost has to be in the record, or the page keeps it and writes
// it back.
func TestKintoRecordsShowWhatBecameEmpty(t *testing.T) {
	s := newSite(t)
	full := s.put(notes+"/n", "title", "t", "body", "b", "notebook", "work", "tags", []string{"a"}, "pinned", true, "archived", true, "color", "red", "order", "m")
	s.put(notes+"/n", "color", "")
	shown := s.do("GET", notes+"?_since=0", nil).list()[0]
	for name := range full {
		if _, there := shown[name]; !there {
			t.Errorf("%s is missing: %v", name, shown)
		}
	}
	text, err := json.Marshal(map[string]any{"title": "", "body": "", "notebook": "", "tags": []string{}, "pinned": false, "archived": false, "color": "", "order": ""})
	if err != nil {
		t.Fatal(err)
	}
	var empty object
	if err := json.Unmarshal(text, &empty); err != nil {
		t.Fatal(err)
	}
	for name, want := range empty {
		if got := shown[name]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

// TestKintoEmptyPathParts: a path with an empty part is nobody's, in a batch too.
func TestKintoEmptyPathParts(t *testing.T) {
	s := newSite(t)
	s.put(things+"/a", "n", 1)
	for _, path := range []string{"//buckets", "/buckets//collections/things/records", "/buckets//collections", "/buckets/default//things", "/buckets/default/collections//records/a", "/buckets//groups"} {
		for _, method := range []string{"GET", "DELETE"} {
			s.do(method, path, nil).want(404, 111)
			if got := s.batch(request(method, "/v1"+path, nil, nil))[0]; got.Status != 404 {
				t.Errorf("%s %s in a batch: %d %s", method, path, got.Status, got.Body)
			}
		}
	}
	if got := s.listed(things); got != "a" {
		t.Errorf("left: %s", got)
	}
}

// TestKintoTimestampIsNoList: a list where one timestamp is wanted is refused; it
// must not read as "nothing new".
func TestKintoTimestampIsNoList(t *testing.T) {
	s := newSite(t)
	s.put(things+"/a", "n", 1)
	for _, q := range []string{"_since=[1]", "_before=[1]", "last_modified=[1]", "gt_last_modified=[]", "_since={}"} {
		s.do("GET", things+"?"+q, nil).want(400, 107)
		s.do("DELETE", things+"?"+q, nil).want(400, 107)
	}
	if got := s.listed(things + "?in_last_modified=1,2"); got != "" {
		t.Errorf("neither: %s", got)
	}
}

// TestKintoPermissionsAreChecked: what is no permission is refused where Kinto
// refuses it.
func TestKintoPermissionsAreChecked(t *testing.T) {
	s := newSite(t)
	group := bucket + "/groups/g"
	for _, c := range []struct {
		path, permissions, where string
	}{
		{things + "/a", `{"read":["x"],"write":[]}`, ""},
		{things + "/a", `{"nope":["x"]}`, "permissions"},
		{things + "/a", `{"record:create":["x"]}`, "permissions"},
		{things + "/a", `{"read":"x"}`, "permissions.read"},
		{things + "/a", `{"read":[1]}`, "permissions.read.0"},
		{bucket + "/collections/things", `{"record:create":["x"]}`, ""},
		{bucket + "/collections/things", `{"collection:create":["x"]}`, "permissions"},
		{bucket, `{"collection:create":["x"],"group:create":[]}`, ""},
		{group, `{"record:create":["x"]}`, "permissions"},
	} {
		for _, method := range []string{"PUT", "PATCH"} {
			r := s.do(method, c.path, `{"data":{},"permissions":`+c.permissions+`}`)
			if c.where == "" {
				if r.status > 201 && (method == "PUT" || r.status != 404) {
					t.Errorf("%s %s %s: %d %s", method, c.path, c.permissions, r.status, r.body)
				}
				continue
			}
			if f := decode[refusal](r.want(400, 107)); !strings.Contains(string(f.Details), `"name":"`+c.where+`"`) {
				t.Errorf("%s %s %s: %s", method, c.path, c.permissions, f.Details)
			}
		}
	}
}

// TestKintoPermissionsAreKept: what kinto-http sets, adds and removes is what it
// gets, of every kind of object; it opens nothing, and goes with the object.
func TestKintoPermissionsAreKept(t *testing.T) {
	s := newSite(t)
	const blog = "/buckets/blog"
	steps := func(ops string) []any { return []any{"PATCH", ops, "Content-Type", "application/json-patch+json"} }
	for _, path := range []string{blog, blog + "/collections/posts", blog + "/collections/posts/records/a", bucket + "/groups/g", things + "/a", notes + "/a"} {
		body := data("title", "x", "members", []string{})
		s.do("PUT", path, body).want(201)
		for _, c := range []struct {
			do   []any
			want string
		}{
			{[]any{"PUT", `{"permissions":{"read":["bob","ann"]}}`}, "read:ann,bob write:account:ann"},
			{[]any{"PATCH", `{"data":{"n":1}}`}, "read:ann,bob write:account:ann"},
			{[]any{"PUT", `{"data":{"title":"y","members":[]}}`}, "read:ann,bob write:account:ann"},
			{[]any{"PATCH", `{"permissions":{"write":["cy","account:ann"],"read":null}}`}, "read:ann,bob write:account:ann,cy"},
			{steps(`[{"op":"add","path":"/permissions/read/dan"},{"op":"remove","path":"/permissions/read/bob"},{"op":"remove","path":"/permissions/write/account:ann"}]`), "read:ann,dan write:account:ann,cy"},
			{steps(`[{"op":"add","path":"/data/n","value":2}]`), "read:ann,dan write:account:ann,cy"},
			{steps(`[{"op":"replace","path":"/permissions/write","value":["eve"]}]`), "read:ann,dan write:account:ann,eve"},
			{[]any{"PATCH", `{"permissions":{"write":[]}}`}, "read:ann,dan write:account:ann"},
			{[]any{"PUT", `{"permissions":{"write":["fay"]}}`}, "write:account:ann,fay"},
			{[]any{"PUT", `{"permissions":{}}`}, "write:account:ann,fay"},
		} {
			var head []string
			for _, h := range c.do[2:] {
				head = append(head, h.(string))
			}
			answer := s.do(c.do[0].(string), path, c.do[1], head...).want(200)
			if got := granted(answer); got != c.want {
				t.Errorf("%s %s %s: %s, want %s", c.do[0], path, c.do[1], got, c.want)
			}
			if got := s.do("GET", path, nil).want(200); granted(got) != c.want || got.data()["last_modified"] != answer.data()["last_modified"] {
				t.Errorf("%s after %s %s: %s, want %s", path, c.do[0], c.do[1], got.body, c.want)
			}
		}
		for _, name := range []string{"read/nobody", "nope/someone", "write/a/b"} {
			body := `[{"op":"remove","path":"/permissions/` + name + `"}]`
			s.do("PATCH", path, body, "Content-Type", "application/json-patch+json").want(400, 107)
		}
		s.do("PUT", path, `{"permissions":{"read":["account:bob"],"write":["system.Everyone"]}}`).want(200)
	}
	if got := s.do("GET", things+"/a", nil, "Authorization", basic("bob", bobToken)); got.status != 404 {
		t.Errorf("bob reads %s", got.body)
	}
	if got := s.do("GET", things, nil); bytes.Contains(got.body, []byte("bob")) {
		t.Errorf("a list with permissions: %s", got.body)
	}
	for path, of := range map[string]string{things + "/a": things + "/a", notes: notes + "/a", blog: blog} {
		s.do("DELETE", path, nil).want(200)
		if made := s.do("PUT", of, data()).want(201); granted(made) != "write:account:ann" {
			t.Errorf("%s, made again, has %s", of, granted(made))
		}
	}
	s.do("PUT", notes+"/b", `{"permissions":{"read":["bob"]}}`).want(201)
	s.apply(model.Op{NoteID: "b", Kind: model.Delete, BaseRev: s.record("b").Rev})
	if made := s.do("PUT", notes+"/b", data()).want(201); granted(made) != "write:account:ann" {
		t.Errorf("a note that a device deleted, made again, has %s", granted(made))
	}
	s.do("PUT", blog+"/collections/posts", data()).want(201)
	if made := s.do("PUT", blog+"/collections/posts/records/a", data()).want(201); granted(made) != "write:account:ann" {
		t.Errorf("a record of a bucket made again has %s", granted(made))
	}
}

// granted tells an answer's permissions.
func granted(r reply) string {
	var out []string
	for name, who := range decode[struct{ Permissions map[string][]string }](r).Permissions {
		slices.Sort(who)
		out = append(out, name+":"+strings.Join(who, ","))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// gathered is a store whose looks begin when all that are awaited have one of
// its connections.
type gathered struct {
	store.Store
	here *sync.WaitGroup
}

func (g gathered) View(ctx context.Context, account int64, f func(store.Reader) error) error {
	return g.Store.View(ctx, account, func(r store.Reader) error {
		g.here.Done()
		g.here.Wait()
		return f(r)
	})
}

// TestKintoHeartbeatsInBatches: batches that hold all connections and ask for the
// server's health do not wait for each other for ever.
func TestKintoHeartbeatsInBatches(t *testing.T) {
	s := newSite(t)
	s.put(things+"/a", "n", 1)
	many := max(4, runtime.GOMAXPROCS(0)) // as many as the store has connections
	g := gathered{s.st, &sync.WaitGroup{}}
	g.here.Add(many)
	busy := httptest.NewServer(server.New(g, server.Options{Now: s.now, NewID: func() string { return "" }}))
	defer busy.Close()
	client := &http.Client{Timeout: 10 * time.Second}
	var all sync.WaitGroup
	for range many {
		all.Go(func() {
			body := fmt.Sprintf(`{"requests":[{"path":%q},{"path":"/__heartbeat__"}]}`, things)
			req, err := http.NewRequest("POST", busy.URL+root+"/batch", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Authorization", basic("ann", annToken))
			req.Header.Set("Content-Type", "application/json")
			res, err := client.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			got, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != 200 || !strings.Contains(string(got), `"storage":true`) {
				t.Errorf("%d %v %s", res.StatusCode, err, got)
			}
		})
	}
	all.Wait()
}

// TestKintoBatchAnswersAreBounded: lists in a batch share what one answer may
// have; each still gets on, page by page.
func TestKintoBatchAnswersAreBounded(t *testing.T) {
	limits := wire.DefaultLimits()
	limits.Request = 100_000
	s := newSite(t, func(o *server.Options) { o.Limits = limits })
	for i := range 20 {
		s.put(fmt.Sprintf("%s/o%02d", things, i), "text", strings.Repeat("x", 10_000))
	}
	var requests []map[string]any
	for range 25 {
		requests = append(requests, request("GET", things+"?_sort=id", nil, nil), request("GET", things, nil, nil))
	}
	total := 0
	for i, part := range s.batch(requests[:25]...) {
		total += len(part.Body)
		var list struct{ Data []object }
		if err := json.Unmarshal(part.Body, &list); err != nil {
			t.Fatal(err)
		}
		if len(list.Data) == 0 || part.Headers["Next-Page"] == "" {
			t.Errorf("%d: %d objects, then %q", i, len(list.Data), part.Headers["Next-Page"])
		}
	}
	if most := 100_000 + 26*11_000; total > most {
		t.Errorf("%d bytes, want %d at most", total, most)
	}
	seen := 0
	for next := things; next != ""; {
		r := s.do("GET", next, nil).want(200)
		seen += len(r.list())
		next = r.head.Get("Next-Page")
	}
	if seen != 20 {
		t.Errorf("%d objects by pages", seen)
	}
}

// TestKintoCapabilities: clients that offer a choice look for how to sign in, and
// all of a server's capabilities tell what they are and where that is explained.
func TestKintoCapabilities(t *testing.T) {
	s := newSite(t, func(o *server.Options) { o.Flush = true })
	for _, auth := range []string{"", basic("ann", annToken)} {
		h := decode[struct {
			Capabilities map[string]struct{ Description, URL string }
		}](s.do("GET", "/", nil, "Authorization", auth).want(200))
		for _, name := range []string{"basicauth", "default_bucket", "flush_endpoint", "stet"} {
			if c := h.Capabilities[name]; c.Description == "" || c.URL == "" {
				t.Errorf("%s: %+v", name, c)
			}
		}
	}
}
