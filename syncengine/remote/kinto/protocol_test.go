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

// ways are both ways of paging.
var ways = map[string][]kinto.Option{"oldest first": nil, "newest first": {kinto.WithNewestFirst()}}

// bothWays runs a test with both ways of paging, each on a server of its own.
func bothWays(t *testing.T, test func(t *testing.T, f *fake, c *kinto.Client)) {
	for name, opts := range ways {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			test(t, f, f.connect(opts...))
		})
	}
}

// puller keeps what a device would: the cursor and the newest version of each
// note.
type puller struct {
	t      *testing.T
	c      *kinto.Client
	cursor string
	notes  map[string]model.Record
	told   int // records handed on
}

func newPuller(t *testing.T, c *kinto.Client) *puller {
	return &puller{t: t, c: c, notes: map[string]model.Record{}}
}

func (p *puller) try(limit int) (remote.Page, error) {
	p.t.Helper()
	for {
		page, err := p.c.Pull(p.t.Context(), p.cursor, limit)
		if err != nil {
			return page, err
		}
		for _, rec := range page.Changes {
			p.told++
			if rec.Rev > p.notes[rec.ID].Rev {
				p.notes[rec.ID] = rec
			}
		}
		p.cursor = page.Next
		if !page.More {
			return page, nil
		}
	}
}

func (p *puller) pull(limit int) remote.Page {
	p.t.Helper()
	page, err := p.try(limit)
	if err != nil {
		p.t.Fatalf("pull: %v", err)
	}
	return page
}

// sees checks the titles of the live notes.
func (p *puller) sees(want ...string) {
	p.t.Helper()
	var got []string
	for _, rec := range p.notes {
		if !rec.Fields.Deleted {
			got = append(got, rec.Fields.Title)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		p.t.Errorf("titles are %q, want %q", got, want)
	}
}

func create(n int, title string) remote.Op {
	f := model.Fields{Title: title}
	return remote.Op{Want: f, Op: model.Op{ID: fmt.Sprint("op-create-", n), NoteID: fmt.Sprint("n", n), Kind: model.Create,
		Patch: model.Full(f), Device: "anna", CreatedAt: time.UnixMilli(1_790_000_000_000)}}
}

func update(id string, base model.Record, change func(*model.Fields)) remote.Op {
	want := base.Fields.Clone()
	change(&want)
	return remote.Op{Base: base, Want: want, Op: model.Op{ID: id, NoteID: base.ID, Kind: model.Update, BaseRev: base.Rev,
		Patch: model.Diff(base.Fields, want), Device: "anna", CreatedAt: time.UnixMilli(1_790_000_001_000)}}
}

func remove(id string, base model.Record) remote.Op {
	return remote.Op{Base: base, Want: model.Fields{Deleted: true}, Op: model.Op{ID: id, NoteID: base.ID, Kind: model.Delete, BaseRev: base.Rev}}
}

func title(s string) func(*model.Fields) { return func(f *model.Fields) { f.Title = s } }

// push sends ops that must be answered.
func push(t *testing.T, c *kinto.Client, cursor string, ops ...remote.Op) remote.PushResult {
	t.Helper()
	res, err := c.Push(t.Context(), cursor, ops)
	if err != nil {
		t.Fatalf("push: %v", err)
	}
	if wrong := remotetest.CheckResult(ops, res); wrong != "" {
		t.Fatalf("%s: %+v", wrong, res)
	}
	return res
}

func only(t *testing.T, res remote.PushResult, kind remote.OutcomeKind) remote.Outcome {
	t.Helper()
	if len(res.Outcomes) != 1 || res.Outcomes[0].Kind != kind {
		t.Fatalf("want %s: %+v", kind, res)
	}
	return res.Outcomes[0]
}

func record(t *testing.T, c *kinto.Client, id string) model.Record {
	t.Helper()
	rec, err := c.Get(t.Context(), id, "")
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func TestKinto01ColdSyncHasNoConditions(t *testing.T) {
	bothWays(t, func(t *testing.T, f *fake, c *kinto.Client) {
		f.put("n1", `{"title":"one"}`)
		p := newPuller(t, c)
		p.pull(0)
		p.sees("one")
		first := f.lists()[0]
		if first.query.Has("_since") || first.header.Get("If-Match") != "" || first.header.Get("If-None-Match") != "" {
			t.Errorf("cold: %v %v", first.query, first.header)
		}
	})
}

func TestKinto02PollIsConditional(t *testing.T) {
	bothWays(t, func(t *testing.T, f *fake, c *kinto.Client) {
		f.put("n1", `{"title":"one"}`)
		p := newPuller(t, c)
		p.pull(0)
		f.requests()
		before := p.cursor
		page := p.pull(0)
		asked := f.requests()
		if !page.Unchanged || p.cursor != before || len(asked) != 1 {
			t.Errorf("a quiet poll: %+v, %d requests", page, len(asked))
		}
		stamp := fmt.Sprintf(`"%d"`, f.stamp[f.place()])
		if asked[0].query.Get("_since") == "" || asked[0].header.Get("If-None-Match") != stamp || asked[0].header.Get("If-Match") != "" {
			t.Errorf("poll: %v %v", asked[0].query, asked[0].header)
		}
	})
}

// What came and where to go on from are of one answer: the engine stores both
// in one transaction (see the engine's tests). Here: a page without its cursor,
// or a cursor without its page, is never handed out.
func TestKinto03ChangesAndCursorTogether(t *testing.T) {
	bothWays(t, func(t *testing.T, f *fake, c *kinto.Client) {
		p := newPuller(t, c)
		p.pull(0)
		f.put("n1", `{"title":"one"}`)
		page := p.pull(0)
		if len(page.Changes) != 1 || page.Next == "" {
			t.Fatalf("%+v", page)
		}
		if again := p.pull(0); !again.Unchanged {
			t.Errorf("the cursor does not cover its page: %+v", again)
		}
		for i := range 3 { // what is old by then is not told again
			f.now += 60_000
			f.put("n2", fmt.Sprintf(`{"title":"%d"}`, i))
			if page := p.pull(0); len(page.Changes) != 1 {
				t.Errorf("one change is %+v", page.Changes)
			}
		}
	})
}

func TestKinto04DeletedAndUnknown(t *testing.T) {
	bothWays(t, func(t *testing.T, f *fake, c *kinto.Client) {
		f.put("n1", `{"title":"one"}`)
		p := newPuller(t, c)
		p.pull(0)
		f.remove("n1")
		f.put("n2", `{"title":"two"}`)
		f.put("n3", `{"title":"never seen"}`)
		f.remove("n3")
		page := p.pull(0)
		p.sees("two")
		for _, rec := range page.Changes {
			if rec.ID != "n2" && (!rec.Fields.Deleted || rec.Rev == 0 || rec.Fields.Title != "") {
				t.Errorf("tombstone: %+v", rec)
			}
		}
	})
}

func TestKinto05NextPageWithoutLimit(t *testing.T) {
	bothWays(t, func(t *testing.T, f *fake, c *kinto.Client) {
		f.page = 2
		var want []string
		for i := range 9 {
			want = append(want, fmt.Sprint("t", i))
			f.put(fmt.Sprint("n", i), fmt.Sprintf(`{"title":"t%d"}`, i))
		}
		p := newPuller(t, c)
		p.pull(0)
		p.sees(want...)
		if p.told != 9 {
			t.Errorf("%d records for 9 notes", p.told)
		}
		for _, a := range f.lists() {
			if a.query.Has("_token") && !strings.HasPrefix(a.header.Get("If-Match"), `"`) && t.Name() == "TestKinto05NextPageWithoutLimit/newest_first" {
				t.Errorf("a page was asked for without If-Match: %v", a.query)
			}
		}
	})
}

// An edit, a delete and a create while the client pages are all present
// afterwards, in the pull itself and after the next one.
func TestKinto06ChangesWhilePaging(t *testing.T) {
	bothWays(t, func(t *testing.T, f *fake, c *kinto.Client) {
		f.page = 2
		for i := range 6 {
			f.put(fmt.Sprint("n", i), fmt.Sprintf(`{"title":"t%d"}`, i))
		}
		changes := []func(){
			func() { f.put("n1", `{"title":"edited"}`) },
			func() { f.remove("n4") },
			func() { f.put("new", `{"title":"created"}`) },
		}
		pages := 0
		f.script = func(r *http.Request, _ []byte) *scripted {
			if strings.HasSuffix(r.URL.Path, "/records") && r.URL.Query().Get("deleted") == "" {
				if pages++; pages > 1 && len(changes) > 0 {
					changes[0]()
					changes = changes[1:]
				}
			}
			return nil
		}
		p := newPuller(t, c)
		p.pull(0)
		if len(changes) > 0 {
			t.Fatalf("only %d pages", pages)
		}
		want := []string{"t0", "edited", "t2", "t3", "t5", "created"}
		p.sees(want...)
		p.pull(0)
		p.sees(want...)
		fresh := newPuller(t, f.connect())
		fresh.pull(0)
		fresh.sees(want...)
	})
}

func TestKinto07CursorStaysWhenAPageFails(t *testing.T) {
	bothWays(t, func(t *testing.T, f *fake, c *kinto.Client) {
		p := newPuller(t, c)
		p.pull(0)
		f.page = 2
		for i := range 5 {
			f.put(fmt.Sprint("n", i), fmt.Sprintf(`{"title":"t%d"}`, i))
		}
		for fail := range 3 {
			n := 0
			f.script = func(r *http.Request, _ []byte) *scripted {
				if n++; n > fail {
					return &scripted{status: 500}
				}
				return nil
			}
			before := p.cursor
			page, err := p.c.Pull(t.Context(), before, 0)
			if err == nil && len(page.Changes) > 0 { // a page that is whole is a place to go on from
				continue
			}
			if !errors.Is(err, remote.ErrOffline) || page.Next != "" || len(page.Changes) > 0 {
				t.Errorf("page %d fails: %+v, %v", fail, page, err)
			}
		}
		f.script = nil
		p.pull(0)
		p.sees("t0", "t1", "t2", "t3", "t4")
	})
}

func TestKinto08NextPageElsewhere(t *testing.T) {
	other := newFake(t)
	f := newFake(t)
	f.page = 1
	f.put("n1", `{"title":"one"}`)
	f.put("n2", `{"title":"two"}`)
	for _, place := range []string{other.http.URL + "/v1/buckets/default/collections/notes/records?_token=5", "//127.0.0.2/v1/x", "https://" + f.http.Listener.Addr().String() + "/v1/x", "/elsewhere?_token=5"} {
		f.script = func(r *http.Request, _ []byte) *scripted {
			if !strings.HasSuffix(r.URL.Path, "/records") || r.URL.Query().Has("_since") {
				return nil
			}
			return &scripted{status: 200, body: `{"data":[{"id":"n1","last_modified":1795000000002}]}`, header: http.Header{"Etag": {`"1795000000003"`}, "Next-Page": {place}}}
		}
		if page, err := f.connect(kinto.WithNewestFirst()).Pull(t.Context(), "", 0); !errors.Is(err, remote.ErrNotProtocol) || len(page.Changes) > 0 {
			t.Errorf("%s: %+v, %v", place, page, err)
		}
		p := newPuller(t, f.connect()) // knows its next page without being told where it is
		p.pull(0)
		if len(p.notes) != 2 {
			t.Errorf("%d notes", len(p.notes))
		}
	}
	if got := other.requests(); len(got) > 0 {
		t.Errorf("credentials went to another server: %v", got[0].header)
	}
}

func TestKinto09CreateTwice(t *testing.T) {
	f := newFake(t)
	a, b := f.connect(), f.connect()
	only(t, push(t, a, "", create(1, "anna's")), remote.Applied)
	put := f.requests()[1]
	if put.method != http.MethodPut || put.header.Get("If-None-Match") != "*" || !strings.HasSuffix(put.path, "/n1") {
		t.Errorf("create: %s %s %v", put.method, put.path, put.header)
	}
	op := create(1, "bert's")
	op.ID = "op-other"
	if out := only(t, push(t, b, "", op), remote.Conflict); out.Current.Fields.Title != "anna's" || out.Current.Device != "anna" {
		t.Errorf("%+v", out.Current)
	}
}

func TestKinto10Update(t *testing.T) {
	f := newFake(t)
	c := f.connect()
	only(t, push(t, c, "", create(1, "one")), remote.Applied)
	base := record(t, c, "n1")
	f.requests()
	only(t, push(t, c, "", update("op-2", base, title("two"))), remote.Applied)
	seen := f.requests()
	if put := seen[len(seen)-1]; put.method != http.MethodPut || put.header.Get("If-Match") != fmt.Sprintf(`"%d"`, base.Rev) {
		t.Errorf("update: %s %v", put.method, put.header)
	}
	if out := only(t, push(t, c, "", update("op-3", base, title("three"))), remote.Conflict); out.Current.Fields.Title != "two" || out.Current.Rev <= base.Rev {
		t.Errorf("412 with existing: %+v", out.Current)
	}
	f.remove("n1")
	gone := f.stamp[f.place()]
	if out := only(t, push(t, c, "", update("op-4", base, title("four"))), remote.Conflict); !out.Current.Fields.Deleted || out.Current.Rev != gone {
		t.Errorf("412 without existing: %+v", out.Current)
	}
	f.do(func() { delete(f.rows[f.place()], "n1") }) // its tombstone was purged, or the server forgot it: what is written stays
	if out := only(t, push(t, c, "", update("op-5", base, title("five"))), remote.Conflict); out.Current.Rev != 0 {
		t.Errorf("412 without anything: %+v", out.Current)
	}
}

func TestKinto11Delete(t *testing.T) {
	f := newFake(t)
	c := f.connect()
	only(t, push(t, c, "", create(1, "one")), remote.Applied)
	base := record(t, c, "n1")
	f.put("n1", `{"title":"moved"}`)
	if out := only(t, push(t, c, "", remove("op-2", base)), remote.Conflict); out.Current.Fields.Title != "moved" {
		t.Errorf("412: %+v", out.Current)
	}
	seen := f.requests()
	if del := seen[len(seen)-1]; del.method != http.MethodDelete || del.header.Get("If-Match") != fmt.Sprintf(`"%d"`, base.Rev) {
		t.Errorf("delete: %s %v", del.method, del.header)
	}
	now := record(t, c, "n1")
	first := only(t, push(t, c, "", remove("op-3", now)), remote.Applied)
	if again := only(t, push(t, c, "", remove("op-4", now)), remote.Applied); again.Rev != first.Rev {
		t.Errorf("404: revision %d, want %d", again.Rev, first.Rev)
	}
	purge := remove("op-5", model.Record{ID: "n1", Rev: first.Rev, Fields: model.Fields{Deleted: true}})
	purge.Kind = model.Purge
	only(t, push(t, c, "", purge), remote.Applied)
	// Of a note that nobody knows here the device may have a number of another
	// count: what it keeps is not above what the collection has given out.
	far := remove("op-6", model.Record{ID: "n2", Rev: base.Rev + 1<<40, Fields: model.Fields{Title: "elsewhere"}})
	far.NoteID = "n2"
	if out := only(t, push(t, c, "", far), remote.Applied); out.Rev != first.Rev {
		t.Errorf("404 of what was never there: revision %d, want %d", out.Rev, first.Rev)
	}
}

// lose drops the answer to the next write.
func lose(f *fake) {
	f.script = func(r *http.Request, _ []byte) *scripted {
		if r.Method == http.MethodGet {
			return nil
		}
		f.do(func() { f.script = nil })
		return &scripted{status: 502, after: true}
	}
}

func TestKinto12AnswerLost(t *testing.T) {
	f := newFake(t)
	c := f.connect()
	ops := []func() remote.Op{
		func() remote.Op { return create(1, "one") },
		func() remote.Op { return update("op-2", record(t, c, "n1"), title("two")) },
		func() remote.Op { return remove("op-3", record(t, c, "n1")) },
	}
	for _, make := range ops {
		op := make()
		lose(f)
		if _, err := c.Push(t.Context(), "", []remote.Op{op}); !errors.Is(err, remote.ErrOffline) {
			t.Fatalf("%s: %v", op.Kind, err)
		}
		stamp := f.stamp[f.place()]
		op.Replay, op.Attempt = true, 1
		out := only(t, push(t, c, "", op), remote.Applied)
		if out.Superseded || out.Rev != stamp || f.stamp[f.place()] != stamp {
			t.Errorf("%s: revision %d, the first try made %d, the collection is at %d", op.Kind, out.Rev, stamp, f.stamp[f.place()])
		}
	}
}

// The answer is lost and another device writes on our version: our op counts as
// applied, and what is there now is told with it, so that the engine merges from
// the version that we sent.
func TestKinto13AnswerLostThenEdited(t *testing.T) {
	for _, strangers := range []bool{false, true} {
		f := newFake(t)
		a, b := f.connect(), f.connect()
		push(t, a, "", create(1, "base"))
		op := update("op-a", record(t, a, "n1"), title("anna's"))
		lose(f)
		if _, err := a.Push(t.Context(), "", []remote.Op{op}); err == nil {
			t.Fatal("the answer was not lost")
		}
		if strangers { // a page with kinto.js leaves our member as it was
			f.do(func() { f.rows[f.place()]["n1"]["body"] = json.RawMessage(`"bert's"`) })
			f.do(func() { f.rows[f.place()]["n1"]["last_modified"] = json.RawMessage(fmt.Sprint(f.tick(f.place()))) })
		} else {
			push(t, b, "", update("op-b", record(t, b, "n1"), func(f *model.Fields) { f.Body = "bert's" }))
			push(t, b, "", update("op-c", record(t, b, "n1"), func(f *model.Fields) { f.Pinned = true }))
		}
		op.Replay = true
		out := only(t, push(t, a, "", op), remote.Applied)
		if out.Current == nil || out.Current.Fields.Body != "bert's" || out.Current.Fields.Title != "anna's" || out.Rev != out.Current.Rev || !out.Superseded {
			t.Errorf("strangers %t: %+v", strangers, out)
		}
	}
}

func TestKinto14TimestampsAreTheServers(t *testing.T) {
	bothWays(t, func(t *testing.T, f *fake, c *kinto.Client) {
		push(t, c, "", create(1, "one"))
		push(t, c, "", update("op-2", record(t, c, "n1"), title("two")), create(2, "new"))
		p := newPuller(t, c)
		p.pull(0)
		p.pull(0)
		for _, a := range f.requests() {
			if strings.Contains(string(a.body), "last_modified") {
				t.Errorf("a timestamp was sent: %s", a.body)
			}
			if v := a.header.Get("If-None-Match"); v != "" && v != "*" && v != fmt.Sprintf(`"%d"`, f.stamp[f.place()]) {
				t.Errorf("If-None-Match: %s", v)
			}
		}
		f.weak = true
		f.put("n3", `{"title":"three"}`)
		p.pull(0)
		p.sees("two", "new", "three")
		if page := p.pull(0); !page.Unchanged {
			t.Errorf("%+v", page)
		}
	})
}

func TestKinto15TransientAndBackoff(t *testing.T) {
	f := newFake(t)
	c := f.connect()
	busy := &scripted{status: 409, body: `{"code":409,"errno":122,"error":"Conflict","message":"Integrity constraint violated, please retry"}`, header: http.Header{"Retry-After": {"3"}}}
	f.script = func(r *http.Request, _ []byte) *scripted {
		if r.Method == http.MethodPut {
			return busy
		}
		return nil
	}
	if out := only(t, push(t, c, "", create(1, "one")), remote.NotApplied); out.After != 3*time.Second || out.Problem == "" {
		t.Errorf("%+v", out)
	}
	f.script = nil
	f.trailer = http.Header{"Backoff": {"40"}}
	if res := push(t, c, "", create(1, "one")); res.After != 40*time.Second || res.Outcomes[0].Kind != remote.Applied {
		t.Errorf("%+v", res)
	}
	p := newPuller(t, c)
	if page := p.pull(0); page.After != 40*time.Second || len(page.Changes) != 1 {
		t.Errorf("%+v", page)
	}
	if page := p.pull(0); page.After != 40*time.Second || !page.Unchanged {
		t.Errorf("304: %+v", page)
	}
	f.script = func(*http.Request, []byte) *scripted {
		return &scripted{status: 503, header: http.Header{"Retry-After": {"7"}}}
	}
	var wait *remote.RetryError
	if _, err := p.try(0); !errors.As(err, &wait) || wait.After != 40*time.Second {
		t.Errorf("503 with Backoff and Retry-After: %v", err)
	}
}

func TestKinto16BatchesAreSplit(t *testing.T) {
	f := newFake(t)
	c := f.connect()
	push(t, c, "", create(30, "there already"))
	var ops []remote.Op
	for i := range 60 {
		op := create(i, fmt.Sprint("t", i))
		op.ID = fmt.Sprint("op-", i)
		ops = append(ops, op)
	}
	f.requests()
	res := push(t, c, "", ops...)
	for i, out := range res.Outcomes {
		want := remote.Applied
		if i == 30 {
			want = remote.Conflict
		}
		if out.Kind != want {
			t.Errorf("op %d: %s %s", i, out.Kind, out.Problem)
		}
	}
	var sizes []int
	for _, a := range f.requests() {
		var in struct{ Requests []json.RawMessage }
		if a.path == "/v1/batch" && json.Unmarshal(a.body, &in) == nil {
			sizes = append(sizes, len(in.Requests))
		}
	}
	if !slices.Equal(sizes, []int{25, 25, 10}) {
		t.Errorf("batches of %v", sizes)
	}
}

func TestKinto17FlushedOrRestored(t *testing.T) {
	bothWays(t, func(t *testing.T, f *fake, c *kinto.Client) {
		for i := range 5 {
			f.put(fmt.Sprint("n", i), fmt.Sprintf(`{"title":"t%d"}`, i))
		}
		p := newPuller(t, c)
		p.pull(0)
		cursor, place := p.cursor, f.place()
		kept, stamp := f.rows[place], f.stamp[place]
		reasons := map[string]remote.ResyncReason{"flushed": remote.CursorUnknown, "flushed and written": remote.CursorUnknown, "restored": remote.EpochChanged}
		for name, harm := range map[string]func(){
			"flushed": func() { delete(f.rows, place); delete(f.stamp, place) },
			"flushed and written": func() {
				f.rows[place] = map[string]object{"x": {"id": json.RawMessage(`"x"`), "last_modified": json.RawMessage(fmt.Sprint(f.tick(place)))}}
			},
			"restored": func() {
				f.rows[place] = map[string]object{"n0": kept["n0"], "n1": kept["n1"]}
				f.stamp[place] = kept["n1"].rev()
			},
		} {
			f.do(harm)
			var lost *remote.ResyncError
			page, err := c.Pull(t.Context(), cursor, 0)
			if !errors.As(err, &lost) || lost.Reason != reasons[name] || len(page.Changes) > 0 {
				t.Errorf("%s: %+v, %v", name, page, err)
			}
			op := update("op-"+strings.ReplaceAll(name, " ", "-"), p.notes["n3"], title("mine"))
			res, err := c.Push(t.Context(), cursor, []remote.Op{op})
			if err == nil {
				err = res.Stopped
			}
			if !errors.As(err, &lost) || len(res.Outcomes) > 0 && res.Outcomes[0].Kind != remote.NotApplied {
				t.Errorf("%s: push: %+v, %v", name, res, err)
			}
			f.do(func() { f.rows[place], f.stamp[place] = kept, stamp })
		}
		if page := p.pull(0); !page.Unchanged {
			t.Errorf("nothing happened: %+v", page)
		}
	})
}
