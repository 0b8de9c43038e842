package mutations_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"stet/model"
	"stet/syncengine"
	"stet/syncengine/remote"
	"stet/syncengine/remote/mutations"
	"stet/syncengine/remote/remotetest"
	"stet/syncengine/wire/mutlog"
)

// ours runs on stetd alone what need not be asked of all servers.
func ours(t *testing.T, run func(t *testing.T, url, token string, s setup)) {
	s := newRealServer(t)
	run(t, s.url, s.account(t), setup{plain: true})
}

// some runs a case on all servers if it is one of names, on stetd otherwise.
func some(t *testing.T, name string, names []string, run func(t *testing.T, url, token string, s setup)) {
	if slices.Contains(names, name) {
		kinds(t, run)
		return
	}
	ours(t, run)
}

// kinds are the servers that a device meets: stetd, stetd without the guard, and
// one that keeps neither our ids nor our other members.
func kinds(t *testing.T, run func(t *testing.T, url, token string, s setup)) {
	t.Run("stetd", func(t *testing.T) {
		s := newRealServer(t)
		run(t, s.url, s.account(t), setup{})
	})
	t.Run("stetd unguarded", func(t *testing.T) {
		s := newRealServer(t)
		run(t, s.url, s.account(t), setup{plain: true})
	})
	t.Run("foreign", func(t *testing.T) {
		f := newForeign(t, func(f *foreign) {
			f.keeps = []string{"title", "body", "tags", "notebook", "pinned", "archived", "color", "order", "log", "clientCreatedAt", "clientUpdatedAt"}
		})
		run(t, f.url, "token", setup{})
	})
	t.Run("foreign, bodies", func(t *testing.T) {
		f := newForeign(t, func(f *foreign) {
			f.keeps, f.needs = []string{"body", "ranges", "clientCreatedAt", "clientUpdatedAt"}, "ranges"
		})
		run(t, f.url, "token", setup{opts: []mutations.Option{mutations.WithPlainBodies(mutations.Bodies{Ranges: []string{"2:255-2:257"}, Min: 6, Max: 10000})}})
	})
	t.Run("foreign, direct", func(t *testing.T) {
		f := newForeign(t, func(f *foreign) { f.keeps = []string{"body", "clientCreatedAt", "clientUpdatedAt"} })
		run(t, f.url, "token", setup{opts: []mutations.Option{mutations.WithDirect()}})
	})
}

func pair(t *testing.T, url, token string, s setup) (a, b *device) {
	t.Helper()
	s.name = "anna"
	a = newDevice(t, url, token, s)
	s.name = "bert"
	return a, newDevice(t, url, token, s)
}

// same checks that devices hold the same live notes, all in step.
func same(t *testing.T, devices ...*device) {
	t.Helper()
	for i, d := range devices {
		have := d.notes()
		for id, n := range have {
			if n.Status != model.Synced {
				t.Errorf("device %d: note %s is %s", i, id, n.Status)
			}
		}
		if i == 0 {
			continue
		}
		if first := texts(devices[0]); first != texts(d) {
			t.Errorf("device 0 has %s, device %d %s", first, i, texts(d))
		}
	}
}

func texts(d *device) string {
	var all []string
	for _, n := range d.notes() {
		all = append(all, fmt.Sprintf("%q/%q/%q", n.Title, n.Body, n.Tags))
	}
	slices.Sort(all)
	return fmt.Sprint(len(all), " ", all)
}

// settle syncs devices until nothing is left to tell.
func settle(devices ...*device) {
	for range 3 {
		for _, d := range devices {
			d.mustSync()
		}
	}
}

// First contact asks for the number alone, and the first push names it: -1.
func TestMlog01FirstContact(t *testing.T) {
	kinds(t, func(t *testing.T, url, token string, s setup) {
		a, b := pair(t, url, token, s)
		n := a.create("Title", "the text")
		a.mustSync()
		seen := a.faults.Seen()
		if q := seen[0].Query; seen[0].Method != http.MethodGet || !strings.Contains(q, "metadataOnly=true") || !strings.Contains(q, "mutationsSince=0") {
			t.Errorf("first request: %+v", seen[0])
		}
		if seen[1].Method != http.MethodPost || seen[1].Query != "lastMutationAt=-1" {
			t.Errorf("second request: %+v", seen[1])
		}
		a.status(n.ID, model.Synced)
		b.mustSync()
		same(t, a, b)
	})
}

// A new account refuses any number but -1, in the words for it. A device that
// believed another one finds out by asking.
func TestMlog02WrongFirstNumber(t *testing.T) {
	s := newRealServer(t)
	token := s.account(t)
	status, body, _ := raw(t, "POST", s.url+"/v1/sync?lastMutationAt=5", token, `{"mutations":[{"type":"CREATE","resource":"NOTE","data":{"body":"x"}}]}`)
	if want := `{"success":false,"error":{"code":"OutOfSyncError","message":"First sync detected. Please use lastMutationAt=-1 for initial sync."}}`; status != 409 || strings.TrimSpace(body) != want {
		t.Errorf("%d %s", status, body)
	}
	c := connect(t, s.url, token)
	op := remote.Op{Op: model.Op{ID: "op1", NoteID: "note1", Kind: model.Create, Patch: model.Full(model.Fields{Title: "x"})}, Want: model.Fields{Title: "x"}}
	var lost *remote.ResyncError
	if _, err := c.Push(t.Context(), "m1.5", []remote.Op{op}); !errors.As(err, &lost) {
		t.Errorf("a number that the server forgot: %v", err)
	}
	page, err := c.Pull(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Push(t.Context(), page.Next, []remote.Op{op})
	if err != nil || res.Outcomes[0].Kind != remote.Applied {
		t.Errorf("after asking: %+v, %v", res, err)
	}
}

// raw makes one request as another client would.
func raw(t testing.TB, method, url, token, body string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", token)
	req.Header.Set("X-Client-Id", "a web page")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out strings.Builder
	if _, err := copyTo(&out, resp); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, out.String(), resp.Header
}

// A push names exactly the last number, which each answer tells twice.
func TestMlog03ExactNumber(t *testing.T) {
	kinds(t, func(t *testing.T, url, token string, s setup) {
		a, _ := pair(t, url, token, s)
		var n model.Note
		for i := range 3 {
			n = a.create("t", fmt.Sprint("text of ", i))
			a.mustSync()
			status, body, h := raw(t, "GET", url+"/v1/sync?mutationsSince=0&metadataOnly=true", token, "")
			var in struct {
				Data struct{ LastMutationAt int64 }
			}
			if err := json.Unmarshal([]byte(body), &in); status != 200 || err != nil || h.Get("X-Mutation-At") != fmt.Sprint(in.Data.LastMutationAt) {
				t.Fatalf("%d %s %s", status, body, h.Get("X-Mutation-At"))
			}
			a.faults.Seen()
			a.edit(n.ID, func(f *model.Fields) { f.Body += " and more" })
			a.mustSync()
			if got := a.writes(); len(got) != 1 || got[0] != fmt.Sprint("lastMutationAt=", in.Data.LastMutationAt) {
				t.Errorf("pushed at %q, the account is at %d", got, in.Data.LastMutationAt)
			}
		}
	})
}

// Both shapes of a 409, one without a body, and a real one: the device pulls,
// merges, and sends again with the new number in the same round.
func TestMlog04OutOfSync(t *testing.T) {
	shapes := map[string]string{
		"documented": `{"success":false,"error":{"code":"OutOfSyncError","message":"Invalid lastMutationAt, please re-sync your data and try again."}}`,
		"backend":    `{"message":"m","type":"Conflict","success":false,"details":{"success":false,"error":{"code":"OutOfSyncError","message":"m"}}}`,
		"other code": `{"success":false,"error":{"code":"Whatever","message":"m"}}`,
		"no body":    ``,
		"real":       "",
	}
	for name, body := range shapes {
		t.Run(name, func(t *testing.T) {
			some(t, name, []string{"real"}, func(t *testing.T, url, token string, s setup) {
				a, b := pair(t, url, token, s)
				n := a.create("Title", "one\n\ntwo\n\nthree\n")
				settle(a, b)
				id := n.ID
				for other := range b.notes() { // on a server that makes ids it has another here
					id = other
				}
				b.edit(id, func(f *model.Fields) { f.Body = "one\n\ntwo\n\nthree of bert\n" })
				b.mustSync()
				if name != "real" {
					a.faults.On(remotetest.Writes, remotetest.Answer(409, body, "Content-Type", "application/json"))
				}
				a.edit(n.ID, func(f *model.Fields) { f.Body = "one of anna\n\ntwo\n\nthree\n" })
				another := a.create("another", "that nobody else touched")
				a.mustSync()
				a.status(n.ID, model.Synced)
				a.status(another.ID, model.Synced)
				settle(a, b)
				same(t, a, b)
				if got := a.get(n.ID).Body; got != "one of anna\n\ntwo\n\nthree of bert\n" {
					t.Errorf("merged: %q", got)
				}
			})
		})
	}
}

// A server that always says 409 is asked a few times, then left alone for a
// while. Nothing is lost and each refusal of a round's end is in the timeline.
func TestMlog05RepeatedConflicts(t *testing.T) {
	s := newRealServer(t)
	a := newDevice(t, s.url, s.account(t), setup{name: "anna"})
	a.mustSync()
	n := a.create("Title", "text")
	a.faults.Always(func(r *http.Request) remotetest.Fault {
		if remotetest.Writes(r) {
			return remotetest.Answer(409, `{"success":false,"error":{"code":"OutOfSyncError","message":"m"}}`, "Content-Type", "application/json")
		}
		return nil
	})
	a.faults.Seen()
	for round := range 3 {
		if _, err := a.sync(); err != nil {
			t.Fatal(err)
		}
		if got := len(a.writes()); got == 0 || got > 5 {
			t.Errorf("round %d pushes %d times", round, got)
		}
	}
	at, waits, err := nextTry(a)
	if err != nil || !waits || !at.After(a.now()) {
		t.Errorf("the next try is at %v (%t, %v)", at, waits, err)
	}
	events, err := a.store.Timeline(t.Context(), n.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	retries := 0
	for _, ev := range events {
		if ev.Name == model.EventRetry {
			retries++
		}
	}
	if retries != 3 {
		t.Errorf("%d refusals are in the timeline, want one a round", retries)
	}
	a.faults.Clear()
	a.mustSync()
	a.status(n.ID, model.Synced)
}

// All pages are read, and an edit between two of them is not missed.
func TestMlog06Paging(t *testing.T) {
	s := newRealServer(t)
	token := s.account(t)
	writer := connect(t, s.url, token)
	cursor := begin(t, writer)
	cursor = pushNotes(t, writer, cursor, 0, 250)
	for _, limit := range []int{1, 2, 7, 100, 250, 1000} {
		c := connect(t, s.url, token)
		seen, at, pages := map[string]int64{}, "", 0
		for more := true; more; pages++ {
			page, err := c.Pull(t.Context(), at, limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, rec := range page.Changes {
				if rec.Rev <= seen[rec.ID] {
					t.Errorf("limit %d: %s comes again at %d", limit, rec.ID, rec.Rev)
				}
				seen[rec.ID] = rec.Rev
			}
			at, more = page.Next, page.More
			if pages == 0 && more { // the first two of the log move to its end, and one is new
				cursor = change(t, writer, cursor, []string{"note0000", "note0001"})
				cursor = pushNotes(t, writer, cursor, 300+limit, 1)
			}
			if pages > 400 {
				t.Fatal("does not end")
			}
		}
		for id, rev := range all(t, c) {
			if seen[id] != rev {
				t.Errorf("limit %d: %s is at %d, was seen at %d", limit, id, rev, seen[id])
			}
		}
	}
}

// A log whose timestamps are not unique, one that is not ordered, and one that
// includes the number asked for, are read whole as well; what moves under
// numbered pages makes them begin anew.
func TestMlog06StrangeLogs(t *testing.T) {
	for name, change := range map[string]func(*foreign){
		"one timestamp a batch": func(f *foreign) { f.twice = true },
		"newest first":          func(f *foreign) { f.backward = true },
		"inclusive":             func(f *foreign) { f.since = true },
		"inclusive, twice":      func(f *foreign) { f.since, f.twice = true, true },
		"moving": func(f *foreign) {
			f.twice = true
			moves := 3
			f.between = func() {
				if moves > 0 {
					moves--
					f.write("UPDATE", "slub0001", map[string]json.RawMessage{"title": json.RawMessage(`"moved"`)})
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newForeign(t, change)
			writer := connect(t, f.url, "token")
			cursor := begin(t, writer)
			for i := range 3 {
				cursor = pushNotes(t, writer, cursor, i*10, 10)
			}
			for _, limit := range []int{1, 2, 7, 29, 30, 100} {
				c := connect(t, f.url, "token")
				seen, at := map[string]int64{}, ""
				for more, pages := true, 0; more; pages++ {
					page, err := c.Pull(t.Context(), at, limit)
					if err != nil || pages > 100 {
						t.Fatalf("limit %d, page %d: %v", limit, pages, err)
					}
					for _, rec := range page.Changes {
						seen[rec.ID] = rec.Rev
					}
					at, more = page.Next, page.More
				}
				if len(seen) != 30 {
					t.Errorf("limit %d: %d notes, want 30", limit, len(seen))
				}
				for id, rev := range all(t, c) {
					if seen[id] != rev {
						t.Errorf("limit %d: %s is at %d, was seen at %d", limit, id, rev, seen[id])
					}
				}
			}
		})
	}
}

// Asking for the number alone tells nothing else and moves no cursor: who missed
// it still gets everything.
func TestMlog07MetadataOnly(t *testing.T) {
	s := newRealServer(t)
	token := s.account(t)
	a, b := pair(t, s.url, token, setup{})
	b.mustSync()
	a.create("Title", "text")
	a.mustSync()
	status, body, _ := raw(t, "GET", s.url+"/v1/sync?mutationsSince=0&metadataOnly=true", token, "")
	if status != 200 || strings.Contains(body, "mutations\"") || strings.Contains(body, "hasMore") {
		t.Errorf("%d %s", status, body)
	}
	if status, _, _ := raw(t, "GET", s.url+"/v1/sync?metadataOnly=true", token, ""); status != 400 {
		t.Errorf("without mutationsSince: %d", status)
	}
	if _, err := b.client.Hello(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.mustSync()
	same(t, a, b)
	if len(b.notes()) != 1 {
		t.Error("the note did not come")
	}
}

// lostAnswers are ways in which the answer to a push does not arrive.
func lostAnswers() map[string]remotetest.Fault {
	return map[string]remotetest.Fault{
		"dropped": remotetest.DropResponse(), "truncated": remotetest.Truncate(0.5), "500": remotetest.AnswerAfter(500, ""),
		"twice": remotetest.Duplicate(), "portal": remotetest.AnswerAfter(200, "<html>", "Content-Type", "text/html"),
	}
}

// A create whose answer was lost is recognised: one note, bound to its name.
func TestMlog08LostCreate(t *testing.T) {
	for name, fault := range lostAnswers() {
		t.Run(name, func(t *testing.T) {
			some(t, name, []string{"dropped", "twice"}, func(t *testing.T, url, token string, s setup) {
				a, b := pair(t, url, token, s)
				settle(a, b)
				n := a.create("Title", "the first text")
				a.faults.On(remotetest.Writes, fault)
				a.sync()
				a.faults.Clear()
				for other := range b.notes() {
					t.Errorf("a note came from nowhere: %s", other)
				}
				settle(a, b)
				if len(a.notes()) != 1 || len(b.notes()) != 1 {
					t.Fatalf("anna has %s, bert %s", texts(a), texts(b))
				}
				same(t, a, b)
				a.edit(n.ID, func(f *model.Fields) { f.Body = "the second text" })
				settle(a, b)
				same(t, a, b)
				if len(b.notes()) != 1 {
					t.Errorf("an edit made another note: %s", texts(b))
				}
			})
		})
	}
}

// The same while another device changes the note before the first one asks.
func TestMlog08LostCreateThenChanged(t *testing.T) {
	kinds(t, func(t *testing.T, url, token string, s setup) {
		a, b := pair(t, url, token, s)
		settle(a, b)
		a.create("Title", "one\n\ntwo\n\nthree\n")
		a.faults.Always(func(r *http.Request) remotetest.Fault {
			if remotetest.Writes(r) {
				return remotetest.DropResponse()
			}
			return remotetest.DropRequest()
		})
		a.sync()
		a.faults.Clear()
		b.mustSync()
		for id := range b.notes() {
			b.edit(id, func(f *model.Fields) { f.Body = "one\n\ntwo\n\nthree of bert\n" })
		}
		b.mustSync()
		settle(a, b)
		if len(a.notes()) != 1 || len(b.notes()) != 1 {
			t.Fatalf("anna has %s, bert %s", texts(a), texts(b))
		}
		for _, d := range []*device{a, b} {
			for id, n := range d.notes() {
				if n.Status == model.Synced && n.Body != "one\n\ntwo\n\nthree of bert\n" || !d.texts(id)["one\n\ntwo\n\nthree of bert\n"] {
					t.Errorf("%s: %q", n.Status, n.Body)
				}
			}
		}
	})
}

// unanswered syncs while nothing comes back, though the server does its work,
// then once more as the worker would: what failed is not tried again yet, but
// everything is pulled.
func (d *device) unanswered() {
	d.t.Helper()
	d.faults.Always(func(r *http.Request) remotetest.Fault {
		if remotetest.Writes(r) {
			return remotetest.AnswerAfter(500, "")
		}
		return remotetest.Answer(500, "")
	})
	d.sync()
	d.faults.Clear()
	if at, _, err := nextTry(d); err != nil || !at.After(d.now()) {
		d.t.Fatalf("the next try is at %v, %v", at, err)
	}
}

// A create whose echo is pulled before it is sent again is the same note.
func TestMlog08EchoIsPulledFirst(t *testing.T) {
	kinds(t, func(t *testing.T, url, token string, s setup) {
		a, b := pair(t, url, token, s)
		settle(a, b)
		n := a.create("Title", "the first text")
		a.unanswered()
		if _, err := a.engine.Round(t.Context(), syncengine.RoundOptions{}); err != nil {
			t.Fatal(err)
		}
		if len(a.notes()) != 1 {
			t.Fatalf("the echo became a note of its own: %s", texts(a))
		}
		a.edit(n.ID, func(f *model.Fields) { f.Body = "the second text" })
		settle(a, b)
		same(t, a, b)
		if len(a.notes()) != 1 || len(b.notes()) != 1 {
			t.Errorf("anna has %s, bert %s", texts(a), texts(b))
		}
	})
}

// An update that was applied unheard, then overtaken by another device's, then
// pulled: both texts come together, and the server is not taken to have
// forgotten anything.
func TestMlog09OvertakenEcho(t *testing.T) {
	kinds(t, func(t *testing.T, url, token string, s setup) {
		a, b := pair(t, url, token, s)
		n := a.create("Title", "one\n\ntwo\n\nthree\n")
		settle(a, b)
		a.edit(n.ID, func(f *model.Fields) { f.Body = "one of anna\n\ntwo\n\nthree\n" })
		a.unanswered()
		b.mustSync()
		for id := range b.notes() {
			b.edit(id, func(f *model.Fields) { f.Body = "one of anna\n\ntwo\n\nthree of bert\n" })
		}
		b.mustSync()
		if _, err := a.engine.Round(t.Context(), syncengine.RoundOptions{}); err != nil {
			t.Fatal(err)
		}
		settle(a, b)
		same(t, a, b)
		if got := a.get(n.ID).Body; got != "one of anna\n\ntwo\n\nthree of bert\n" {
			t.Errorf("%q", got)
		}
		if events, err := a.store.Timeline(t.Context(), "", 0); err != nil || contains(events, model.EventResync) {
			t.Errorf("everything was compared: %v, %v", events, err)
		}
	})
}

// Who writes only what it knows of a note leaves the rest of it alone, on the
// devices as on the server.
func TestMlog17WriterOfBodies(t *testing.T) {
	for name, opts := range map[string][]mutations.Option{"members": nil, "bodies": {mutations.WithPlainBodies(mutations.Bodies{})}} {
		t.Run(name, func(t *testing.T) {
			f := newForeign(t, func(f *foreign) { f.keeps = []string{"body", "clientCreatedAt", "clientUpdatedAt"} })
			a, b := pair(t, f.url, "token", setup{opts: opts})
			n := a.create("Title", "ours")
			a.edit(n.ID, func(f *model.Fields) { f.Tags, f.Pinned = []string{"x"}, true })
			settle(a, b)
			f.mu.Lock()
			f.write("UPDATE", "slub0001", map[string]json.RawMessage{"body": json.RawMessage(`"from the web"`)})
			f.mu.Unlock()
			settle(a, b)
			if got := a.get(n.ID); got.Body != "from the web" || got.Title != "Title" || len(got.Tags) != 1 || !got.Pinned {
				t.Errorf("%+v", got.Fields)
			}
			a.edit(n.ID, func(f *model.Fields) { f.Body = "ours again" })
			settle(a, b)
			for _, got := range b.notes() {
				if got.Body != "ours again" || opts != nil && got.Title != "Title" {
					t.Errorf("bert: %+v", got.Fields)
				}
			}
			if len(a.notes())+len(b.notes()) != 2 {
				t.Errorf("anna has %s, bert %s", texts(a), texts(b))
			}
		})
	}
}

// An update and a delete whose answers were lost are recognised: no review, no
// second change.
func TestMlog09LostUpdateAndDelete(t *testing.T) {
	for name, fault := range lostAnswers() {
		t.Run(name, func(t *testing.T) {
			some(t, name, []string{"twice"}, func(t *testing.T, url, token string, s setup) {
				a, b := pair(t, url, token, s)
				n, gone := a.create("Title", "the text"), a.create("Other", "to be deleted")
				settle(a, b)
				a.edit(n.ID, func(f *model.Fields) { f.Body, f.Tags = "another text", []string{"x"} })
				a.remove(gone.ID)
				a.faults.On(remotetest.Writes, fault, fault)
				a.sync()
				a.edit(n.ID, func(f *model.Fields) { f.Title = "typed meanwhile" })
				a.faults.Clear()
				settle(a, b)
				same(t, a, b)
				if got := a.notes(); len(got) != 1 || a.get(n.ID).Body != "another text" || a.get(n.ID).Title != "typed meanwhile" {
					t.Errorf("notes: %s", texts(a))
				}
				if r, err := a.store.Timeline(t.Context(), n.ID, 0); err != nil || contains(r, model.EventConflict) {
					t.Errorf("a review was opened: %v, %v", r, err)
				}
			})
		})
	}
}

func contains(events []model.Event, name model.EventName) bool {
	for _, ev := range events {
		if ev.Name == name {
			return true
		}
	}
	return false
}

// More mutations than a request takes are split, and the second names the number
// that the first brought.
func TestMlog10Split(t *testing.T) {
	s := newRealServer(t)
	token := s.account(t)
	c := connect(t, s.url, token)
	if got := c.Caps().MaxBatch; got != mutlog.MaxMutations {
		t.Errorf("a push takes %d", got)
	}
	a, b := pair(t, s.url, token, setup{})
	for i := range 101 {
		a.create(fmt.Sprint("note ", i), "text")
	}
	a.mustSync()
	got := a.writes()
	if len(got) != 2 || got[0] != "lastMutationAt=-1" {
		t.Fatalf("pushes: %q", got)
	}
	b.mustSync()
	same(t, a, b)
	if len(b.notes()) != 101 {
		t.Errorf("%d notes", len(b.notes()))
	}
	var third int64 // the 100th by the server's number is where the first push ended
	revs := []int64{}
	for _, n := range a.notes() {
		revs = append(revs, n.Rev)
	}
	for _, r := range revs {
		less := 0
		for _, o := range revs {
			if o < r {
				less++
			}
		}
		if less == 99 {
			third = r
		}
	}
	if got[1] != fmt.Sprint("lastMutationAt=", third) {
		t.Errorf("second push at %s, the first ended at %d", got[1], third)
	}
	over := make([]remote.Op, 101)
	for i := range over {
		over[i] = create(fmt.Sprintf("over%04d", i), "text")
	}
	cursor := begin(t, c)
	res, err := c.Push(t.Context(), cursor, over)
	if err != nil || res.Prev != cursor {
		t.Fatal(err)
	}
	for _, out := range res.Outcomes {
		if out.Kind != remote.Applied {
			t.Fatalf("%+v", out)
		}
	}
}
