package kinto_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"stet/db/local"
	"stet/model"
	"stet/syncengine"
	"stet/syncengine/merge"
	"stet/syncengine/remote/kinto"
	"stet/syncengine/remote/remotetest"
)

// scenarios are what two devices do on one collection.
var scenarios = []struct {
	name string
	run  func(t *testing.T, p place)
}{
	{"RoundTrip", roundTrip},
	{"ConflictWaysOut", conflictWaysOut},
	{"EditAgainstDelete", editAgainstDelete},
	{"MergeAfterLostAnswer", mergeAfterLostAnswer},
	{"Strangers", strangers},
	{"CollectionWiped", collectionWiped},
	{"AnswersAreLost", answersAreLost},
	{"BothWriteAtOnce", bothWriteAtOnce},
	{"Killed", killed},
}

// TestDevices runs them against the fake; make interop against the real thing.
func TestDevices(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			f := newFake(t)
			f.page = 9
			f.now = time.Now().UnixMilli()
			s.run(t, place{f.http.URL + "/v1", kinto.Credentials{User: "anna", Password: "x"}, "notes"})
		})
	}
}

func TestInteropDevices(t *testing.T) {
	real := realServer(t)
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) { s.run(t, place{real.url, real.credentials, collection(t)}) })
	}
}

func roundTrip(t *testing.T, p place) {
	a, b := newDevice(t, p, "anna"), newDevice(t, p, "bert", kinto.WithNewestFirst())
	id := a.create("title", "one\ntwo\n")
	a.edit(id, func(f *model.Fields) {
		f.Tags, f.Notebook, f.Pinned, f.Color = []string{"x", "y"}, "a/b", true, "red"
		f.Extra = map[string]json.RawMessage{"their": json.RawMessage(`{"n":2.50}`)}
	})
	a.sync()
	b.sync()
	same(t, a, b)
	b.edit(id, func(f *model.Fields) { f.Body, f.Tags = "one\ntwo\nthree\x00\n", []string{"y"} })
	if _, err := b.Append(context.Background(), id, "entry"); err != nil {
		t.Fatal(err)
	}
	b.sync()
	a.sync()
	same(t, a, b)
	if n := a.get(id); len(n.Log) != 1 || n.Extra["their"] == nil || n.Device != "bert" {
		t.Errorf("%+v", n)
	}
	a.delete(id)
	a.sync()
	b.sync()
	if len(b.notes()) != 0 {
		t.Errorf("the deletion did not arrive: %+v", b.notes())
	}
	if _, err := b.Restore(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	b.sync()
	a.sync()
	same(t, a, b)
	a.is(id, model.Synced, "one\ntwo\nthree\x00\n")
	if r := a.sync(); r.Pushed+r.Pulled > 0 {
		t.Errorf("a quiet round: %+v", r)
	}
	c := newDevice(t, p, "cleo")
	c.sync()
	same(t, a, c)
}

func conflictWaysOut(t *testing.T, p place) {
	a, b := newDevice(t, p, "anna"), newDevice(t, p, "bert")
	for choice, want := range map[merge.Choice]string{merge.Mine: "top\nbert\nend\n", merge.Theirs: "top\nanna\nend\n",
		merge.Both: "top\nbert\nanna\nend\n", merge.Base: "top\nbase\nend\n"} {
		id := a.create(string(choice), "top\nbase\nend\n")
		other := b.create("goes on", string(choice))
		a.sync()
		b.sync()
		a.edit(id, func(f *model.Fields) { f.Body = "top\nanna\nend\n" })
		b.edit(id, func(f *model.Fields) { f.Body = "top\nbert\nend\n" })
		b.edit(other, func(f *model.Fields) { f.Body += "more" })
		a.sync()
		if r := b.sync(); r.NeedsReview != 1 {
			t.Fatalf("%s: %+v", choice, r)
		}
		b.is(id, model.NeedsReview, "top\nbert\nend\n")
		b.is(other, model.Synced, string(choice)+"more")
		b.resolve(id, choice)
		b.sync()
		a.sync()
		a.is(id, model.Synced, want)
	}
	same(t, a, b)
	id := a.create("merges", "one\ntwo\nthree\n") // what does not overlap needs nobody
	a.sync()
	b.sync()
	a.edit(id, func(f *model.Fields) { f.Body = "ONE\ntwo\nthree\n" })
	b.edit(id, func(f *model.Fields) { f.Body = "one\ntwo\nTHREE\n" })
	a.sync()
	if r := b.sync(); r.Merged != 1 {
		t.Errorf("%+v", r)
	}
	a.sync()
	a.is(id, model.Synced, "ONE\ntwo\nTHREE\n")
	same(t, a, b)
}

func editAgainstDelete(t *testing.T, p place) {
	a, b := newDevice(t, p, "anna"), newDevice(t, p, "bert")
	for _, keep := range []merge.Choice{merge.Mine, merge.Theirs} {
		for _, editor := range []*device{a, b} { // who edits is the second to sync, then the first
			id := a.create("t", "text")
			a.sync()
			b.sync()
			other := map[*device]*device{a: b, b: a}[editor]
			editor.edit(id, func(f *model.Fields) { f.Body = "edited" })
			other.delete(id)
			a.sync()
			b.sync()
			if n := b.get(id); n.Status != model.NeedsReview {
				t.Errorf("edit against delete is %s", n.Status)
			}
			b.resolve(id, keep)
			b.sync()
			a.sync()
			stays := (editor == b) == (keep == merge.Mine)
			if _, there := a.notes()[id]; there != stays {
				t.Errorf("%s, %s edited: there %t, want %t", keep, editor.name, there, stays)
			}
			if stays {
				a.is(id, model.Synced, "edited")
			}
			same(t, a, b)
		}
	}
}

// mergeAfterLostAnswer: the answer to anna's edit is lost, bert goes on from
// what she wrote, in the very line: nothing is in doubt.
func mergeAfterLostAnswer(t *testing.T, p place) {
	a, b := newDevice(t, p, "anna"), newDevice(t, p, "bert")
	id := a.create("t", "one\n")
	a.sync()
	b.sync()
	a.edit(id, func(f *model.Fields) { f.Body = "one, anna\n" })
	a.faults.Always(func(r *http.Request) remotetest.Fault {
		if remotetest.Writes(r) {
			return remotetest.DropResponse()
		}
		return remotetest.DropRequest()
	})
	a.faults.On(remotetest.Reads, nil, nil) // what comes before the write
	if _, err := a.try(); err == nil {
		t.Fatal("the answer was not lost")
	}
	a.faults.Clear()
	b.sync()
	b.is(id, model.Synced, "one, anna\n")
	b.edit(id, func(f *model.Fields) { f.Body = "one, anna, bert\n" })
	b.sync()
	a.edit(id, func(f *model.Fields) { f.Title = "titled" })
	a.sync()
	a.is(id, model.Synced, "one, anna, bert\n")
	b.sync()
	same(t, a, b)
	if b.get(id).Title != "titled" {
		t.Errorf("title %q", b.get(id).Title)
	}
}

// strangers: another client's record becomes a note, its members survive our
// edits, and its edit of our note is taken.
func strangers(t *testing.T, p place) {
	a := newDevice(t, p, "anna")
	a.sync()
	records := p.url + "/buckets/default/collections/" + p.collection + "/records/"
	page := func(id, data string) map[string]any {
		t.Helper()
		method := http.MethodGet
		if data != "" {
			method = http.MethodPut
		}
		req, err := http.NewRequestWithContext(t.Context(), method, records+id, strings.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(p.credentials.User, p.credentials.Password)
		req.Header.Set("Content-Type", "application/json")
		resp, err := (&http.Client{Transport: a.faults}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var out struct{ Data map[string]any }
		if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || out.Data == nil {
			t.Fatalf("%s: %d, %v", id, resp.StatusCode, err)
		}
		return out.Data
	}
	page("their-1", `{"data":{"title":"from a page","body":"b","done":true,"list":[1,2]}}`)
	a.sync()
	a.is("their-1", model.Synced, "b")
	a.edit("their-1", func(f *model.Fields) { f.Body = "edited" })
	id := a.create("ours", "text")
	a.sync()
	if got := page("their-1", ""); got["done"] != true || got["body"] != "edited" || len(got["list"].([]any)) != 2 {
		t.Errorf("%v", got)
	}
	ours := page(id, "")
	ours["body"] = "a page edits"
	delete(ours, "last_modified")
	text, err := json.Marshal(map[string]any{"data": ours})
	if err != nil {
		t.Fatal(err)
	}
	page(id, string(text))
	a.sync()
	a.is(id, model.Synced, "a page edits")
	if n := a.get(id); n.Device == "anna" || n.Extra != nil {
		t.Errorf("%+v", n)
	}
}

// collectionWiped: somebody deleted the collection with its tombstones. All is
// sent again, nothing goes to the trash, what waited is not lost.
func collectionWiped(t *testing.T, p place) {
	a, b := newDevice(t, p, "anna"), newDevice(t, p, "bert")
	var ids []string
	for i := range 12 {
		ids = append(ids, a.create(fmt.Sprint("t", i), fmt.Sprint("text ", i)))
	}
	a.sync()
	b.sync()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, p.url+"/buckets/default/collections/"+p.collection, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(p.credentials.User, p.credentials.Password)
	resp, err := (&http.Client{Transport: a.faults}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	a.edit(ids[0], func(f *model.Fields) { f.Body = "edited meanwhile" })
	b.create("new", "made meanwhile")
	for range 3 {
		a.sync()
		b.sync()
	}
	a.sync()
	same(t, a, b)
	if n := len(a.notes()); n != 13 {
		t.Errorf("%d notes of 13", n)
	}
	a.is(ids[0], model.Synced, "edited meanwhile")
}

// answersAreLost: three of ten answers never arrive after the server did what
// was asked. Nothing is doubled, nothing lost.
func answersAreLost(t *testing.T, p place) {
	want := scale(t, "STET_KINTO_OPS", 100)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(13, seed))
	devices := []*device{newDevice(t, p, "anna"), newDevice(t, p, "bert", kinto.WithNewestFirst())}
	texts := map[string]string{}
	owner := map[string]*device{}
	var ids []string
	lost := 0
	for _, d := range devices {
		d.faults.Always(func(r *http.Request) remotetest.Fault {
			if rnd.IntN(10) < 3 {
				lost++
				return remotetest.DropResponse()
			}
			return nil
		})
	}
	for n := 0; n < want; {
		d := devices[rnd.IntN(2)]
		for range 1 + rnd.IntN(20) {
			n++
			var mine []string
			for _, id := range ids {
				if owner[id] == d {
					mine = append(mine, id)
				}
			}
			text := fmt.Sprintf("%s-%d", d.name, n)
			switch kind := rnd.IntN(10); {
			case kind < 5 || len(mine) == 0:
				id := d.create(text, text)
				ids, texts[id], owner[id] = append(ids, id), text, d
			case kind < 9:
				id := mine[rnd.IntN(len(mine))]
				if _, there := texts[id]; there {
					d.edit(id, func(f *model.Fields) { f.Body = text })
					texts[id] = text
				}
			default:
				id := mine[rnd.IntN(len(mine))]
				if _, there := texts[id]; there {
					d.delete(id)
					delete(texts, id)
				}
			}
		}
		_, _ = d.try() // it may well fail
	}
	for _, d := range devices {
		d.faults.Clear()
	}
	for range 3 {
		for _, d := range devices {
			d.sync()
		}
	}
	same(t, devices[0], devices[1])
	fresh := newDevice(t, p, "cleo")
	fresh.sync()
	same(t, devices[0], fresh)
	got := fresh.notes()
	for id, text := range texts {
		if got[id].Body != text {
			t.Errorf("%s is %q, want %q", id, got[id].Body, text)
		}
	}
	if len(got) != len(texts) {
		t.Errorf("%d notes, want %d", len(got), len(texts))
	}
	proof(t, "G14", "3 of 10 answers are lost", fmt.Sprintf("%d ops, %d answers lost: 0 lost, 0 twice", want, lost), want)
}

// bothWriteAtOnce: two devices push and pull at the same time, new notes and the
// same ones. A backend that lets both through or undoes half a batch loses
// nothing of it in the end.
func bothWriteAtOnce(t *testing.T, p place) {
	rounds := scale(t, "STET_KINTO_ROUNDS", 3)
	a, b := newDevice(t, p, "anna"), newDevice(t, p, "bert")
	devices := []*device{a, b}
	created := map[string]bool{}
	for round := range rounds {
		for _, d := range devices {
			for i := range 30 {
				created[d.create(fmt.Sprint(d.name, round), fmt.Sprint(i))] = true
			}
		}
		done := make(chan error, 2)
		for _, d := range devices {
			go func() {
				_, err := d.try()
				done <- err
			}()
		}
		<-done
		<-done // what failed goes again
	}
	for range 4 {
		for _, d := range devices {
			d.sync()
		}
	}
	same(t, a, b)
	got := a.notes()
	for id := range created {
		if _, ok := got[id]; !ok {
			t.Errorf("%s is lost", id)
		}
	}
	if len(got) != len(created) {
		t.Errorf("%d notes, want %d", len(got), len(created))
	}
	fresh := newDevice(t, p, "cleo")
	fresh.sync()
	same(t, a, fresh)
}

// killed: a process that syncs is killed with no warning, again and again. What
// it had saved reaches the server once.
func killed(t *testing.T, p place) {
	kills := scale(t, "STET_KINTO_KILLS", 3)
	d := newDevice(t, p, "anna")
	texts := map[string]string{}
	var ids []string
	for n := range kills {
		for i := range 30 {
			text := fmt.Sprintf("%d-%d", n, i)
			if i%3 == 2 && len(ids) > 5 {
				id := ids[rand.IntN(len(ids))]
				d.edit(id, func(f *model.Fields) { f.Body = text })
				texts[id] = text
				continue
			}
			id := d.create(text, text)
			ids, texts[id] = append(ids, id), text
		}
		if err := d.store.Close(); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "STET_KINTO_CHILD="+d.path, "STET_KINTO_CHILD_URL="+p.url, "STET_KINTO_CHILD_COLLECTION="+p.collection,
			"STET_KINTO_CHILD_AUTH="+p.credentials.User+":"+p.credentials.Password)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(10+rand.IntN(150)) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
		d.open()
	}
	d.sync()
	d.sync()
	fresh := newDevice(t, p, "cleo")
	fresh.sync()
	same(t, d, fresh)
	got := fresh.notes()
	for id, text := range texts {
		if got[id].Body != text {
			t.Errorf("%s is %q, want %q", id, got[id].Body, text)
		}
	}
	if len(got) != len(texts) {
		t.Errorf("%d notes, want %d", len(got), len(texts))
	}
	proof(t, "G6", "kill -9 of the process that syncs", fmt.Sprintf("%d kills: %d notes, 0 lost, 0 twice", kills, len(got)), kills)
}

// proof tells what was measured against a server that others wrote.
func proof(t *testing.T, goal, what, measured string, bar int) {
	t.Helper()
	if server := os.Getenv("STET_KINTO_BACKEND"); server != "" && !t.Failed() {
		fmt.Printf("proof %s | %s (%s) | %s | %d\n", goal, what, server, measured, bar)
	}
}

// child syncs a home until it is killed.
func child(path string) {
	user, password, _ := strings.Cut(os.Getenv("STET_KINTO_CHILD_AUTH"), ":")
	p := place{os.Getenv("STET_KINTO_CHILD_URL"), kinto.Credentials{User: user, Password: password}, os.Getenv("STET_KINTO_CHILD_COLLECTION")}
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
	}
	ctx := context.Background()
	s, err := local.Open(ctx, local.Options{Path: path, Now: time.Now, Device: "anna"})
	fail(err)
	driver, err := p.connect(http.DefaultTransport)
	fail(err)
	e := syncengine.New(s, driver, syncengine.Options{Now: time.Now, NewID: newID, Device: "anna", Rand: rand.Float64, After: time.After, Changed: s.DataVersion})
	_, err = s.Lease(ctx)
	fail(err)
	for {
		_, err = e.Round(ctx, syncengine.RoundOptions{Force: true, Yes: true})
		fail(err)
	}
}
