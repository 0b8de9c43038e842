package kinto_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine"
	"stet/syncengine/remote"
	"stet/syncengine/remote/kinto"
	"stet/syncengine/store"
)

// behind writes a row as a commit does that comes after a later one: its
// timestamp is old, the collection's does not move, and no poll shows it. A row
// that is nil vanishes.
func (f *fake) behind(id string, at int64, row object) {
	f.do(func() {
		if row == nil {
			delete(f.rows[f.place()], id)
			return
		}
		row["id"], row["last_modified"] = json.RawMessage(strconv.Quote(id)), json.RawMessage(strconv.FormatInt(at, 10))
		f.rows[f.place()][id] = row
	})
}

func (f *fake) rev(id string) (rev int64) {
	f.do(func() { rev = f.rows[f.place()][id].rev() })
	return rev
}

func text(body string) object { return object{"body": json.RawMessage(strconv.Quote(body))} }

func dead() object { return object{"deleted": json.RawMessage("true")} }

// listings are the questions for a list of all notes among the requests so far.
func (f *fake) listings() (n int) {
	for _, a := range f.lists() {
		if a.query.Get("_fields") != "" && a.query.Get("_since") == "" && a.query.Get("in_id") == "" && a.query.Get("_token") == "" {
			n++
		}
	}
	return n
}

// later runs a round, as a user's worker does, after so much time.
func (d *device) later(wait time.Duration, o syncengine.RoundOptions) (syncengine.Report, error) {
	d.moved += wait
	lease, err := d.store.Lease(context.Background())
	if err != nil {
		d.t.Fatal(err)
	}
	r, err := d.engine.Round(context.Background(), o)
	return r, errors.Join(err, lease.Release())
}

// stocked is a fake with notes in step with a device whose first comparison is
// done: the oldest has ids[0], and there is a last one that no test touches.
func stocked(t *testing.T, n int, opts ...kinto.Option) (f *fake, a *device, ids []string) {
	f = newFake(t)
	f.now = time.Now().Add(-time.Hour).UnixMilli() // what comes behind is not within the overlap
	a = newDevice(t, place{f.http.URL + "/v1", kinto.Credentials{User: "anna", Password: "x"}, "notes"}, "anna", opts...)
	for i := range n + 1 {
		ids = append(ids, a.create(fmt.Sprint("note ", i), "old"))
		f.do(func() { f.now += 100 })
		if n < 5 || i == n { // each in a request of its own, or all in few
			a.sync()
			f.do(func() { f.now += 60_000 })
		}
	}
	a.sync()
	f.requests()
	return f, a, ids
}

const day = 24*time.Hour + time.Minute

var quietly = syncengine.RoundOptions{}

func TestListFindsWhatPollsMissed(t *testing.T) {
	f, a, ids := stocked(t, 3)
	f.behind(ids[0], f.rev(ids[0])+1, text("edited elsewhere"))
	f.behind("late-create", f.rev(ids[0])+2, text("created elsewhere"))
	f.behind(ids[1], f.rev(ids[1])+1, dead())
	f.behind(ids[2], 0, nil)
	if r, err := a.later(time.Hour, quietly); err != nil || r.Pulled+r.Pushed != 0 {
		t.Fatalf("a poll sees it: %+v, %v", r, err)
	}
	plan, err := a.engine.PlanRound(t.Context(), syncengine.RoundOptions{Full: true})
	if err != nil {
		t.Fatal(err)
	}
	var planned []string
	for _, it := range append(plan.Pull, plan.Push...) {
		planned = append(planned, it.Action+" "+it.NoteID)
	}
	want := []string{"update " + ids[0], "delete " + ids[1], "new late-create", "create " + ids[2]}
	slices.Sort(planned)
	slices.Sort(want)
	if !slices.Equal(planned, want) {
		t.Errorf("planned %q, want %q", planned, want)
	}
	a.is(ids[0], model.Synced, "old") // a plan changes nothing
	r, err := a.later(day, quietly)
	if err != nil || r.Pushed != 1 || r.Pulled != 3 || r.Pending != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	a.is(ids[0], model.Synced, "edited elsewhere")
	a.is("late-create", model.Synced, "created elsewhere")
	a.is(ids[2], model.Synced, "old")
	if n := a.get(ids[1]); !n.Deleted || n.Body != "old" {
		t.Errorf("%+v", n)
	}
	if !strings.Contains(string(f.text(ids[2])), `"old"`) {
		t.Errorf("what the server lost was not sent again: %s", f.text(ids[2]))
	}
	f.requests()
	if r, err := a.later(day, quietly); err != nil || r.Pulled+r.Pushed != 0 || f.listings() != 1 {
		t.Errorf("once more: %+v, %v", r, err)
	}
}

// The list is asked for once a day of the device's clock, or when the user
// wants it, and is one request while both sides agree.
func TestListIsAskedForRarely(t *testing.T) {
	f := newFake(t)
	a := newDevice(t, place{f.http.URL + "/v1", kinto.Credentials{User: "anna", Password: "x"}, "notes"}, "anna")
	a.create("t", "x")
	a.sync()
	if n := f.listings(); n != 1 {
		t.Errorf("%d listings with the first sync", n)
	}
	count := func(wait time.Duration, o syncengine.RoundOptions) (all, listings int) {
		t.Helper()
		f.requests()
		if _, err := a.later(wait, o); err != nil {
			t.Fatal(err)
		}
		seen := f.requests()
		f.do(func() { f.seen = seen })
		return len(seen), f.listings()
	}
	_, _ = count(time.Minute, quietly) // the last look back
	quiet, n := count(time.Minute, quietly)
	if n != 0 {
		t.Error("a list a minute later")
	}
	for _, step := range []struct {
		wait time.Duration
		full bool
		want int
	}{{23 * time.Hour, false, 0}, {time.Hour, false, 1}, {time.Minute, false, 0}, {time.Minute, true, 1}, {time.Minute, false, 0}, {-72 * time.Hour, false, 1}, {time.Minute, false, 0}} {
		all, n := count(step.wait, syncengine.RoundOptions{Full: step.full})
		if n != step.want || all != quiet+step.want {
			t.Errorf("after %s, full %t: %d requests with %d listings, want %d more than %d", step.wait, step.full, all, n, step.want, quiet)
		}
	}
}

// More notes than one round asks for are met in parts, each of which is kept;
// who asks for all gets all.
func TestListIsTakenInParts(t *testing.T) {
	f, a, ids := stocked(t, 5)
	for i := range 450 {
		f.behind(fmt.Sprintf("late-%03d", i), f.rev(ids[0])+1+int64(i), text("x"))
	}
	for round, want := range []int{200, 400, 450, 450} {
		wait := time.Second
		if round == 0 {
			wait = day
		}
		if _, err := a.later(wait, quietly); err != nil {
			t.Fatal(err)
		}
		if n := len(a.notes()) - len(ids); n != want {
			t.Errorf("round %d: %d notes, want %d", round, n, want)
		}
	}
	for i := range 450 {
		f.behind(fmt.Sprintf("late-%03d", i), f.rev(ids[0])+10_000+int64(i), text("y"))
	}
	if r, err := a.later(time.Second, syncengine.RoundOptions{Full: true}); err != nil || r.Pulled != 450 {
		t.Errorf("%+v, %v", r, err)
	}
}

// A missed change meets what was written here as a pulled one does, and the
// guard holds many deletions that were missed.
func TestListGoesTheWayOfAPull(t *testing.T) {
	f, a, ids := stocked(t, 30)
	a.edit(ids[0], func(f *model.Fields) { f.Body = "mine" })
	a.edit(ids[1], func(f *model.Fields) { f.Title = "mine" })
	f.script = func(r *http.Request, _ []byte) *scripted { // they cannot be sent yet
		if r.Method == http.MethodPost || r.Method == http.MethodPut {
			return &scripted{status: 413, body: `{"code":413,"errno":113,"error":"x"}`}
		}
		return nil
	}
	for i, id := range ids[:30] {
		row := object(nil)
		switch i {
		case 0, 1:
			row = text("theirs")
			row["title"] = json.RawMessage(fmt.Sprintf(`"note %d"`, i))
		default:
			row = dead()
		}
		f.behind(id, f.rev(id)+1, row)
	}
	r, err := a.later(day, quietly)
	if !errors.Is(err, syncengine.ErrHeld) || r.Held != 28 || r.NeedsReview != 1 || len(a.notes()) != 31 {
		t.Fatalf("%+v, %v, %d notes", r, err, len(a.notes()))
	}
	if n := a.get(ids[1]); n.Title != "mine" || n.Body != "theirs" {
		t.Errorf("%+v", n)
	}
	a.is(ids[0], model.NeedsReview, "mine")
	f.requests()
	if _, err := a.later(time.Minute, syncengine.RoundOptions{Full: true}); !errors.Is(err, syncengine.ErrHeld) {
		t.Error(err)
	}
	for _, q := range f.requests() { // what is held already is not fetched again
		if q.method == http.MethodGet && strings.HasSuffix(q.path, "/records/"+ids[5]) {
			t.Error("fetched again")
		}
	}
	if r, err := a.later(time.Minute, syncengine.RoundOptions{Full: true, Yes: true}); err != nil || r.Held != 0 || len(a.notes()) != 3 {
		t.Errorf("%+v, %v, %d notes", r, err, len(a.notes()))
	}
}

// A server that lists a note at an older revision than it once told went back:
// everything is compared.
func TestListShowsThatTheServerWentBack(t *testing.T) {
	f, a, ids := stocked(t, 2)
	was := f.rev(ids[0])
	a.edit(ids[0], func(f *model.Fields) { f.Body = "new" })
	a.sync()
	a.edit(ids[1], func(f *model.Fields) { f.Body = "last" }) // the witness
	a.sync()
	f.behind(ids[0], was, text("old"))
	if r, err := a.later(day, quietly); err != nil || r.Pushed != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if !strings.Contains(string(f.text(ids[0])), `"new"`) {
		t.Errorf("%s", f.text(ids[0]))
	}
	a.is(ids[0], model.Synced, "new")
}

// A list that fails is no failure of the round; it is asked for again later, or
// told to who asked.
func TestListFails(t *testing.T) {
	f, a, ids := stocked(t, 2)
	f.behind(ids[0], f.rev(ids[0])+1, text("edited elsewhere"))
	f.script = func(r *http.Request, _ []byte) *scripted {
		if r.URL.Query().Get("_fields") == "deleted" && !r.URL.Query().Has("_since") {
			return &scripted{status: 503, body: `{"code":503,"errno":201,"error":"x"}`, header: http.Header{"Retry-After": {"30"}}}
		}
		return nil
	}
	if _, err := a.later(day, quietly); err != nil {
		t.Errorf("the round: %v", err)
	}
	var wait *remote.RetryError
	if _, err := a.later(time.Minute, syncengine.RoundOptions{Full: true}); !errors.As(err, &wait) {
		t.Errorf("asked: %v", err)
	}
	f.script = nil
	f.requests()
	if _, err := a.later(time.Minute, quietly); err != nil || f.listings() != 0 {
		t.Errorf("at once: %v", err)
	}
	if r, err := a.later(10*time.Minute, quietly); err != nil || r.Pulled != 1 {
		t.Errorf("later: %+v, %v", r, err)
	}
}

// hides lets polls miss some notes of a server.
type hides struct {
	next http.RoundTripper
	ids  map[string]bool
}

func (h hides) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := h.next.RoundTrip(r)
	if err != nil || res.StatusCode != http.StatusOK || r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/records") || r.URL.Query().Get("_fields") != "" || r.URL.Query().Has("in_id") {
		return res, err
	}
	defer res.Body.Close()
	var list struct {
		Data []map[string]any `json:"data"`
	}
	dec := json.NewDecoder(res.Body)
	dec.UseNumber()
	if err := dec.Decode(&list); err != nil {
		return nil, err
	}
	list.Data = slices.DeleteFunc(list.Data, func(o map[string]any) bool { return h.ids[fmt.Sprint(o["id"])] })
	body, err := json.Marshal(map[string]any{"data": append([]map[string]any{}, list.Data...)})
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	res.Header.Del("Content-Encoding")
	return res, err
}

// TestListOnStetd: the same with our own server, whose changes get lost on the
// way.
func TestListOnStetd(t *testing.T) {
	s := newStetd(t)
	p := place{s.url, s.account(t), "notes"}
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	lost := hides{uncoded{transport}, map[string]bool{}}
	a, b := newDevice(t, p, "anna"), newDevice(t, p, "bert", kinto.WithTransport(lost))
	var ids []string
	for i := range 4 {
		ids = append(ids, a.create(fmt.Sprint(i), "old"))
	}
	a.sync()
	b.sync()
	lost.ids[ids[0]], lost.ids[ids[1]] = true, true
	a.edit(ids[0], func(f *model.Fields) { f.Body = "new" })
	a.delete(ids[1])
	made := a.create("made", "x")
	lost.ids[made] = true
	a.sync()
	a.edit(ids[2], func(f *model.Fields) { f.Body = "last" })
	a.sync()
	if _, err := b.later(time.Hour, quietly); err != nil {
		t.Fatal(err)
	}
	b.is(ids[0], model.Synced, "old")
	if _, err := b.later(day, quietly); err != nil {
		t.Fatal(err)
	}
	same(t, a, b)
	b.is(made, model.Synced, "x")
}

// uncoded asks for answers as they are.
type uncoded struct{ next http.RoundTripper }

func (u uncoded) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Accept-Encoding", "identity")
	return u.next.RoundTrip(r)
}

// What a server that will end says to its users comes with every answer, and is
// kept until it says it no more.
func TestNoticeIsCarried(t *testing.T) {
	f, a, _ := stocked(t, 1)
	told := func(want string) {
		t.Helper()
		r, err := a.later(time.Minute, quietly)
		kept := ""
		rerr := a.store.Read(t.Context(), func(tx store.Reader) (err error) {
			kept, err = tx.Meta(store.MetaNotice)
			return err
		})
		if err != nil || rerr != nil || r.Notice != want || kept != want {
			t.Errorf("%q, kept %q, want %q: %v", r.Notice, kept, want, errors.Join(err, rerr))
		}
	}
	told("")
	f.trailer = http.Header{"Alert": {`{"code":"soft-eol","message":"It ends in May.","url":"https://example.org"}`}}
	told("It ends in May. https://example.org")
	told("It ends in May. https://example.org")
	f.trailer = nil
	told("")
}

// Notes that the server lists and does not show do not keep the others away.
func TestListGoesOnBehindGhosts(t *testing.T) {
	f, a, ids := stocked(t, 2)
	for i := range 250 {
		f.behind(fmt.Sprintf("ghost-%03d", i), f.rev(ids[0])+1+int64(i), text("x"))
	}
	f.behind("late", f.rev(ids[0])+1000, text("x"))
	f.script = func(r *http.Request, _ []byte) *scripted {
		switch {
		case strings.Contains(r.URL.Path, "/ghost-"):
			return &scripted{status: 404, body: `{"code":404,"errno":110,"error":"Not Found"}`}
		case strings.Contains(r.URL.Query().Get("in_id"), "ghost-"):
			return &scripted{status: 200, body: `{"data":[]}`, header: http.Header{"Etag": {`"1795000000000"`}}}
		}
		return nil
	}
	for range 2 {
		if _, err := a.later(day, quietly); err != nil {
			t.Fatal(err)
		}
	}
	a.is("late", model.Synced, "x")
	f.requests()
	if _, err := a.later(time.Hour, quietly); err != nil || f.listings() != 0 {
		t.Errorf("again and again: %v", err)
	}
}
