package kinto_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/remote/kinto"
	"stet/syncengine/remote/remotetest"
)

// A row that is committed behind others that were read before is found: by the
// next pull that brings anything, and by one more look when all is quiet.
func TestLateRowIsFound(t *testing.T) {
	for _, quiet := range []bool{false, true} {
		bothWays(t, func(t *testing.T, f *fake, c *kinto.Client) {
			f.put("n1", `{"title":"one"}`)
			p := newPuller(t, c)
			p.pull(0)
			f.now += 5
			f.put("n2", `{"title":"two"}`)
			p.pull(0)
			late := f.stamp[f.place()] - 3
			f.do(func() {
				f.rows[f.place()]["late"] = object{"id": json.RawMessage(`"late"`), "last_modified": json.RawMessage(fmt.Sprint(late)), "title": json.RawMessage(`"late"`)}
			})
			if quiet {
				if page := p.pull(0); !page.Unchanged {
					t.Fatalf("at once: %+v", page)
				}
				f.now += 20_000
				p.pull(0)
				p.sees("one", "two", "late")
				f.requests()
				if page := p.pull(0); !page.Unchanged || len(f.requests()) != 1 {
					t.Errorf("settled: %+v", page)
				}
			} else {
				f.put("n3", `{"title":"three"}`)
				p.pull(0)
				p.sees("one", "two", "three", "late")
			}
			if p.told != len(p.notes) {
				t.Errorf("%d records for %d notes", p.told, len(p.notes))
			}
		})
	}
}

// One client's clock lifted the collection into the future, where the server
// takes no _since: everything still arrives, page by page.
func TestClockFarAhead(t *testing.T) {
	bothWays(t, func(t *testing.T, f *fake, c *kinto.Client) {
		f.put("n0", `{"title":"before"}`)
		p := newPuller(t, c)
		p.pull(0)
		f.do(func() { f.stamp[f.place()] = 9_000_000_000_000 })
		want := []string{"before"}
		for i := range 7 {
			f.put(fmt.Sprint("f", i), fmt.Sprintf(`{"title":"far%d"}`, i))
			want = append(want, fmt.Sprint("far", i))
		}
		p.pull(2)
		p.sees(want...)
		f.put("f9", `{"title":"after"}`)
		p.pull(2)
		p.sees(append(want, "after")...)
		fresh := newPuller(t, f.connect())
		fresh.pull(3)
		fresh.sees(append(want, "after")...)
	})
}

// A wrong password can open another, empty account. Nothing is pulled from it,
// nothing pushed into it, and nothing is taken for gone.
func TestOtherUserIsNoticed(t *testing.T) {
	bothWays(t, func(t *testing.T, f *fake, c *kinto.Client) {
		f.put("n1", `{"title":"one"}`)
		p := newPuller(t, c)
		p.pull(0)
		f.do(func() { f.user = "basicauth:somebody" })
		for name, client := range map[string]*kinto.Client{"the same process": c, "a new one": f.connect()} {
			if page, err := client.Pull(t.Context(), p.cursor, 0); !errors.Is(err, remote.ErrAuth) || len(page.Changes) > 0 {
				t.Errorf("%s: pull: %+v, %v", name, page, err)
			}
		}
		if _, err := f.connect().Push(t.Context(), p.cursor, []remote.Op{create(2, "mine")}); !errors.Is(err, remote.ErrAuth) {
			t.Errorf("push: %v", err)
		}
		if n := len(f.rows[f.place()]); n > 0 {
			t.Errorf("%d records in the other account", n)
		}
	})
}

// A batch in which the server undid something is not believed: none of its
// successes count, and all of it goes out again.
func TestUndoneBatchIsNotBelieved(t *testing.T) {
	f := newFake(t)
	c := f.connect()
	ops := []remote.Op{create(1, "one"), create(2, "two"), create(3, "three"), create(4, "four")}
	for i := range ops {
		ops[i].ID = fmt.Sprint("op-", i)
	}
	kept := ""
	f.script = func(r *http.Request, body []byte) *scripted {
		if r.URL.Path != "/v1/batch" {
			return nil
		}
		f.do(func() { f.script = nil })
		f.put("n4", kept)
		return &scripted{status: 200, body: `{"responses":[
			{"path":"/v1/buckets/default/collections/notes/records/n1","status":201,"headers":{},"body":{"data":{"id":"n1","last_modified":1795000000100,"title":"one"}}},
			{"path":"/v1/buckets/default/collections/notes/records/n2","status":409,"headers":{"Retry-After":"3"},"body":{"code":409,"errno":122,"error":"Conflict"}},
			{"path":"/v1/buckets/default/collections/notes/records/n3","status":400,"headers":{},"body":{"code":400,"errno":107,"error":"Invalid parameters","message":"no"}},
			{"path":"/v1/buckets/default/collections/notes/records/n4","status":201,"headers":{},"body":{"data":{"id":"n4","last_modified":1795000000101,"title":"four"}}}]}`}
	}
	kept = `{"title":"four","body":"","tags":[]}`
	res := push(t, c, "", ops...)
	for i, want := range []remote.OutcomeKind{remote.Unknown, remote.Unknown, remote.Rejected, remote.Unknown} {
		if out := res.Outcomes[i]; out.Kind != want || want == remote.Unknown && out.After != 3*time.Second {
			t.Errorf("op %d: %+v", i, out)
		}
	}
	for i := range ops {
		ops[i].Replay = true
	}
	for i, out := range push(t, c, "", ops[0], ops[1], ops[3]).Outcomes {
		if out.Kind != remote.Applied {
			t.Errorf("again, op %d: %+v", i, out)
		}
	}
	if n := len(f.rows[f.place()]); n != 3 {
		t.Errorf("%d records", n)
	}
}

// What the server fails on time and again is found by halving, and all else
// gets through.
func TestPoisonIsIsolated(t *testing.T) {
	f := newFake(t)
	c := f.connect()
	var busy http.Header
	f.script = func(r *http.Request, body []byte) *scripted {
		if r.Method != http.MethodGet && strings.Contains(string(body), "poison") {
			return &scripted{status: 500, header: busy}
		}
		return nil
	}
	var ops []remote.Op
	for i := range 20 {
		op := create(i, map[bool]string{true: "poison", false: "good"}[i == 7])
		op.ID, op.Attempt, op.Replay = fmt.Sprint("op-", i), 1, true
		ops = append(ops, op)
	}
	if _, err := c.Push(t.Context(), "", ops); !errors.Is(err, remote.ErrServer) {
		t.Fatalf("the first try is the server's own trouble: %v", err)
	}
	for i := range ops {
		ops[i].Attempt = 3
	}
	f.requests()
	busy = http.Header{"Retry-After": {"3"}} // and one that names a time is not asked before
	var wait *remote.RetryError
	if _, err := c.Push(t.Context(), "", ops); !errors.As(err, &wait) || len(f.requests()) != 1 {
		t.Fatalf("a busy server: %v", err)
	}
	busy = nil
	for i, out := range push(t, c, "", ops...).Outcomes {
		if want := map[bool]remote.OutcomeKind{true: remote.Unknown, false: remote.Applied}[i == 7]; out.Kind != want {
			t.Errorf("op %d: %+v", i, out)
		}
	}
	f.requests()
	f.script = func(r *http.Request, body []byte) *scripted { // and a server that is down is not asked for ever
		if r.Method != http.MethodGet {
			return &scripted{status: 503}
		}
		return nil
	}
	if _, err := c.Push(t.Context(), "", ops); !errors.Is(err, remote.ErrServer) || len(f.requests()) > 10 {
		t.Errorf("server down: %v", err)
	}
}

// A batch that is too long for a proxy goes in parts; a note that is too long by
// itself is refused, and no other with it.
func TestTooLargeForAProxy(t *testing.T) {
	f := newFake(t)
	c := f.connect()
	f.script = func(r *http.Request, body []byte) *scripted {
		if len(body) > 2500 {
			return &scripted{status: 413, body: "<html>too large", header: http.Header{"Content-Type": {"text/html"}}}
		}
		return nil
	}
	var ops []remote.Op
	for i := range 10 {
		op := create(i, strings.Repeat("x", map[bool]int{true: 3000, false: 300}[i == 4]))
		op.ID = fmt.Sprint("op-", i)
		ops = append(ops, op)
	}
	for i, out := range push(t, c, "", ops...).Outcomes {
		if want := map[bool]remote.OutcomeKind{true: remote.Rejected, false: remote.Applied}[i == 4]; out.Kind != want {
			t.Errorf("op %d: %+v", i, out)
		}
	}
}

// A record is what a page with kinto.js expects, whatever a page wrote into it
// comes back, and our own member is never shown.
func TestRecordsOfOthers(t *testing.T) {
	f := newFake(t)
	c := f.connect()
	op := create(1, "mine")
	op.Want.Body, op.Want.Tags, op.Want.Pinned = "text", []string{"a"}, true
	push(t, c, "", op)
	raw := f.rows[f.place()]["n1"]
	for name, want := range map[string]string{"id": `"n1"`, "title": `"mine"`, "body": `"text"`, "tags": `["a"]`, "pinned": "true"} {
		if string(raw[name]) != want {
			t.Errorf("%s is %s", name, raw[name])
		}
	}
	if raw["rev"] != nil || raw["archived"] != nil || raw["_stet"] == nil {
		t.Errorf("members: %v", raw)
	}

	f.put("n2", `{"title":7,"body":"b","tags":["x",3],"pinned":"yes","log":"none","createdAt":"today","done":false,"n":[1,{"a":null}],"deleted":true,"schema":5,"rev":3}`)
	rec := record(t, c, "n2")
	if rec.Fields.Deleted || rec.Fields.Title != "" || rec.Fields.Body != "b" || rec.Fields.Pinned || rec.OpID != "" || len(rec.Fields.Extra) != 10 {
		t.Errorf("%+v", rec)
	}
	push(t, c, "", update("op-2", rec, func(f *model.Fields) { f.Body = "new" }))
	after := f.rows[f.place()]["n2"]
	for name, want := range map[string]string{"title": "7", "tags": `["x",3]`, "pinned": `"yes"`, "log": `"none"`, "createdAt": `"today"`, "done": "false", "n": `[1,{"a":null}]`, "schema": "5", "rev": "3", "body": `"new"`} {
		if string(after[name]) != want {
			t.Errorf("%s is %s, want %s", name, after[name], want)
		}
	}
	want := rec.Fields.Clone()
	want.Body = "new"
	if got := record(t, c, "n2"); !model.Equal(got.Fields, want) || got.Fields.Extra["_stet"] != nil {
		t.Errorf("%+v", got.Fields)
	}
}

// A page that edits what we wrote leaves our member in the record: the edit is
// not taken for ours.
func TestStrangersEditIsNotOurs(t *testing.T) {
	f := newFake(t)
	c := f.connect()
	push(t, c, "", create(1, "older"))
	push(t, c, "", update("op-1", record(t, c, "n1"), title("mine")))
	if rec := record(t, c, "n1"); rec.OpID != "op-1" || rec.Device != "anna" {
		t.Errorf("%+v", rec)
	}
	f.do(func() { f.rows[f.place()]["n1"]["title"] = json.RawMessage(`"theirs"`) })
	rec := record(t, c, "n1")
	if rec.OpID != "" || rec.Device != "" || rec.Fields.Title != "theirs" || rec.Parents != nil {
		t.Errorf("%+v", rec)
	}
	f.put("n1", strings.Replace(string(f.text("n1")), "theirs", "once more", 1)) // as such a page does
	rec = record(t, c, "n1")
	push(t, c, "", update("op-2", rec, func(f *model.Fields) { f.Body = "ours again" }))
	if now := record(t, c, "n1"); !slices.Equal(now.Parents, []int64{rec.Rev}) || now.OpID != "op-2" {
		t.Errorf("what it builds on before the stranger's edit is not known: %v of %d, %v", now.Parents, rec.Rev, now.OpID)
	}
}

// If-Match does not hold everywhere: a version tells what it was made from, so
// that one which was overwritten unseen can be told from one that was replaced.
func TestParentsTellWhatWasOverwritten(t *testing.T) {
	f := newFake(t)
	a, b := f.connect(), f.connect()
	push(t, a, "", create(1, "base"))
	base := record(t, a, "n1")
	op := update("op-a", base, title("anna's"))
	first := only(t, push(t, a, "", op), remote.Applied)
	if rec := record(t, a, "n1"); !slices.Equal(rec.Parents, []int64{base.Rev}) {
		t.Errorf("parents %v of %d", rec.Parents, rec.Rev)
	}
	// The server lets bert's write of the same moment through as well.
	f.script = func(r *http.Request, _ []byte) *scripted {
		if r.Method == http.MethodPut {
			r.Header.Set("If-Match", fmt.Sprintf(`"%d"`, first.Rev))
		}
		return nil
	}
	only(t, push(t, b, "", update("op-b", base, title("bert's"))), remote.Applied)
	f.script = nil
	rec := record(t, a, "n1")
	if slices.Contains(rec.Parents, first.Rev) || !slices.Contains(rec.Parents, base.Rev) {
		t.Errorf("parents %v: %d was overwritten, %d was the base", rec.Parents, first.Rev, base.Rev)
	}
	op.Replay = true // its answer never came: what is there now does not build on it
	only(t, push(t, a, "", op), remote.Conflict)
	for i := range 12 {
		rec = record(t, b, "n1")
		push(t, b, "", update(fmt.Sprint("op-", i), rec, title(fmt.Sprint(i))))
	}
	now := record(t, a, "n1")
	if len(now.Parents) != 8 || now.Parents[0] != rec.Rev || !slices.IsSortedFunc(now.Parents, func(x, y int64) int { return int(y - x) }) {
		t.Errorf("parents %v", now.Parents)
	}
}

// The end of a service is told once asked, and is no error before its day.
func TestServiceEnds(t *testing.T) {
	f := newFake(t)
	f.trailer = http.Header{"Alert": {`{"code":"soft-eol","message":"It ends.","url":"https://example.org"}`}}
	info, err := f.connect().Hello(t.Context())
	if err != nil || info.Notice != "It ends. https://example.org" || info.Protocol != "kinto" || info.Account != "basicauth:anna" {
		t.Errorf("%+v, %v", info, err)
	}
	f.script = func(*http.Request, []byte) *scripted {
		return &scripted{status: 410, body: `{"code":410,"errno":202,"error":"Gone","message":"It has ended."}`}
	}
	if _, err := f.connect().Pull(t.Context(), "", 0); !errors.Is(err, remote.ErrForbidden) || !strings.Contains(err.Error(), "It has ended.") {
		t.Errorf("%v", err)
	}
}

func TestAddresses(t *testing.T) {
	f := newFake(t)
	for path, want := range map[string]string{
		"": "default/notes", "/v1": "default/notes", "/v1/": "default/notes", "/kinto/v1": "default/notes",
		"/v1/buckets/b": "b/notes", "/v1/buckets/b/collections/c": "b/c", "/v1/buckets/b/collections/c/records": "b/c",
	} {
		c, err := kinto.New(f.http.URL+path, kinto.Credentials{Bearer: "abc"})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		f.requests()
		_, err = c.Pull(t.Context(), "", 0)
		c.Close()
		if path == "/kinto/v1" {
			continue // not there; stetd has it
		}
		lists := f.lists()
		bucket, coll, _ := strings.Cut(want, "/")
		if err != nil || lists[0].path != "/v1/buckets/"+bucket+"/collections/"+coll+"/records" || lists[0].header.Get("Authorization") != "Bearer abc" {
			t.Errorf("%s: %v %+v", path, err, lists)
		}
	}
	for _, bad := range []string{"ftp://h/v1", "http:///v1", "http://u:p@h/v1", "http://h/v1?x", "http://h/v1#x", "http://h/v1/buckets/a%20b"} {
		if _, err := kinto.New(bad, kinto.Credentials{User: "u"}); err == nil || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	for _, bad := range []kinto.Credentials{{}, {User: "a:b"}, {Bearer: "a\nb"}} {
		if _, err := kinto.New("http://h/v1", bad); err == nil {
			t.Errorf("credentials %+v are taken", bad)
		}
	}
}

// A device that comes back from another server has no cursor, but notes: the
// listing tells it what was deleted. What changes between the two lists of which
// it is made is left to the next pull, none of it missed.
func TestListingTellsTombstones(t *testing.T) {
	bothWays(t, func(t *testing.T, f *fake, _ *kinto.Client) {
		c := f.connect(kinto.WithOverlap(0)) // nothing is looked at twice
		if strings.HasSuffix(t.Name(), "newest_first") {
			c = f.connect(kinto.WithOverlap(0), kinto.WithNewestFirst())
		}
		f.put("gone", `{"title":"gone"}`)
		f.put("n1", `{"title":"one"}`)
		f.put("n2", `{"title":"two"}`)
		f.remove("gone")
		f.script = func(r *http.Request, _ []byte) *scripted {
			if r.URL.Query().Get("deleted") == "true" {
				f.do(func() { f.script = nil })
				f.put("n3", `{"title":"three"}`)
				f.remove("n1")
			}
			return nil
		}
		p := newPuller(t, c)
		if page := p.pull(0); !page.Full || !p.notes["gone"].Fields.Deleted || p.notes["gone"].Rev == 0 {
			t.Errorf("%+v", page)
		}
		p.pull(0)
		p.sees("two", "three")
		if !p.notes["n1"].Fields.Deleted {
			t.Errorf("%+v", p.notes["n1"])
		}
	})
}

// Of several batches one fails: what was answered before counts, what was not
// sent is known not to be there, and only the one in between is in doubt.
func TestLaterBatchFails(t *testing.T) {
	f := newFake(t)
	c := f.connect()
	var ops []remote.Op
	for i := range 60 {
		op := create(i, fmt.Sprint("t", i))
		op.ID = fmt.Sprint("op-", i)
		ops = append(ops, op)
	}
	for name, tt := range map[string]struct {
		answer scripted
		middle remote.OutcomeKind
	}{
		"lost":     {scripted{status: 502, after: true}, remote.Unknown},
		"too many": {scripted{status: 429, header: http.Header{"Retry-After": {"9"}}}, remote.NotApplied},
		"refused":  {scripted{status: 401}, remote.NotApplied},
	} {
		f.do(func() { f.rows = map[string]map[string]object{} })
		n := 0
		f.script = func(r *http.Request, _ []byte) *scripted {
			if r.Method == http.MethodPost {
				if n++; n == 2 {
					return &tt.answer
				}
			}
			return nil
		}
		res := push(t, c, "", ops...)
		for i, out := range res.Outcomes {
			want := remote.Applied
			switch {
			case i >= 50:
				want = remote.NotApplied
			case i >= 25:
				want = tt.middle
			}
			if out.Kind != want {
				t.Errorf("%s: op %d: %+v", name, i, out)
			}
		}
		if res.Stopped == nil || remotetest.CheckError(res.Stopped) != "" || n != 2 {
			t.Errorf("%s: %v after %d requests", name, res.Stopped, n)
		}
	}
}

// The list by id shows what no pull can: a row that was written with an old
// timestamp, a tombstone that was purged.
func TestListShowsWhatPullsMiss(t *testing.T) {
	f := newFake(t)
	f.page = 2
	c := f.connect()
	for i := range 5 {
		f.put(fmt.Sprint("n", i), `{"title":"t"}`)
	}
	p := newPuller(t, c)
	p.pull(0)
	f.do(func() {
		rows := f.rows[f.place()]
		rows["old"] = object{"id": json.RawMessage(`"old"`), "last_modified": json.RawMessage("1234")}
		delete(rows, "n0")
	})
	f.remove("n1")
	p.pull(0)
	got, err := c.List(t.Context())
	if err != nil || len(got) != 4 || got["old"] != 1234 || got["n4"] != p.notes["n4"].Rev || got["n0"] != 0 || got["n1"] != 0 {
		t.Errorf("%v, %v", got, err)
	}
	for _, a := range f.lists() {
		if a.query.Get("_sort") == "" {
			t.Errorf("unsorted: %v", a.query)
		}
	}
}
