package syncengine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"stet/db/local"
	"stet/model"
	"stet/syncengine"
	"stet/syncengine/remote"
	"stet/syncengine/remote/native"
	"stet/syncengine/store"
)

// The tests carry the numbers of the conformance list in PROTOCOL.md.

// outbox returns all ops of a device, in the order in which they go out.
func (d *device) outbox() (ops []model.Op) {
	d.w.t.Helper()
	err := d.store.Read(ctx, func(r store.Reader) error {
		var ids []string
		if err := r.IDs(func(id string, _ int64, _ model.Status, _ bool) bool { ids = append(ids, id); return true }); err != nil {
			return err
		}
		for _, id := range ids {
			of, err := r.Ops(id)
			if err != nil {
				return err
			}
			ops = append(ops, of...)
		}
		first, err := r.Sendable(1000, d.w.clock.Now(), true)
		ops = append(ops, first...)
		return err
	})
	if err != nil {
		d.w.t.Fatal(err)
	}
	return ops
}

func TestGuide01ActionsNeedNoNetwork(t *testing.T) {
	a, b, id := two(t, three)
	a.faults.set(func(*http.Request) fault { t.Error("an action asked the network"); return dropBefore })
	made := a.create("new", "made offline")
	a.edit(id, swapped("one", "ONE"))
	a.stands(made.ID, model.Pending, "create queued")
	a.stands(id, model.Pending, "update queued")
	if err := b.store.Close(); err != nil {
		t.Fatal(err)
	}
	a.reopen()
	if a.get(id).Body != "ONE\n\ntwo\n\nthree\n" || a.get(made.ID).Body != "made offline" {
		t.Error("what returned as saved is not on disk")
	}
	a.trash([]string{id})
	a.stands(id, model.Pending, "delete queued")
	if n := a.get(id); !n.Deleted || n.Status != model.Pending {
		t.Errorf("%+v", n)
	}
	b.open()
}

// reopen ends the device's program and starts it again.
func (d *device) reopen() {
	d.w.t.Helper()
	if err := d.store.Close(); err != nil {
		d.w.t.Fatal(err)
	}
	d.open()
}

// failing is a store whose transactions fail at one of their steps.
type failing struct {
	store.Store
	at string
}

type failingTx struct {
	store.Tx
	at string
}

var errBroken = errors.New("broken on purpose")

func (f failing) Write(ctx context.Context, do func(store.Tx) error) error {
	return f.Store.Write(ctx, func(tx store.Tx) error {
		if err := do(failingTx{tx, f.at}); err != nil {
			return err
		}
		if f.at == "end" {
			return errBroken
		}
		return nil
	})
}

func (f failingTx) SetOps(id string, ops []model.Op) error {
	if f.at == "before ops" {
		return errBroken
	}
	if err := f.Tx.SetOps(id, ops); err != nil || f.at != "after ops" {
		return err
	}
	return errBroken
}

func (f failingTx) PutNote(n model.Note) (model.Note, error) {
	n, err := f.Tx.PutNote(n)
	if err == nil && f.at == "after note" {
		err = errBroken
	}
	return n, err
}

// TestGuide02RowAndOpAreOneTransaction lets every step of a save fail, and
// opens what a crash would leave of the files at every page of the log.
func TestGuide02RowAndOpAreOneTransaction(t *testing.T) {
	a, _, id := two(t, three)
	before, row := a.outbox(), a.get(id)
	for _, at := range []string{"after note", "before ops", "after ops", "end"} {
		n := syncengine.NewNotes(failing{a.store, at}, syncengine.NotesOptions{Now: a.w.clock.Now, NewID: a.w.id, Device: "a"})
		if _, err := n.Change(ctx, id, model.Patch{Body: str("lost")}); !errors.Is(err, errBroken) {
			t.Fatalf("%s: %v", at, err)
		}
		if _, err := n.Create(ctx, model.Fields{Title: "lost"}); !errors.Is(err, errBroken) {
			t.Fatalf("%s: %v", at, err)
		}
		if list, err := a.store.Find(ctx, model.Query{}, 0); err != nil || len(list) != 1 {
			t.Errorf("%s: %v %v", at, list, err)
		}
		if !reflect.DeepEqual(a.outbox(), before) || !reflect.DeepEqual(a.get(id), row) {
			t.Errorf("%s: a part of it is there", at)
		}
	}
	a.edit(id, swapped("one", "ONE"))
	made := a.create("t", three).ID
	file, err := os.ReadFile(a.path)
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(a.path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	const header, frame = 32, 24 + 4096
	seen := map[string]int{}
	for end := max(header, len(log)-24*frame); end <= len(log); end += frame {
		c := &device{w: a.w, name: "image", path: filepath.Join(t.TempDir(), "image.db"), faults: &faults{}}
		if err := errors.Join(os.WriteFile(c.path, file, 0o600), os.WriteFile(c.path+"-wal", log[:end], 0o600)); err != nil {
			t.Fatal(err)
		}
		c.open()
		for _, note := range []string{id, made} {
			k := c.kept(note)
			if k.row.ID == "" && len(k.ops) == 0 {
				seen["none"]++
				continue
			}
			c.invariants(note) // synced without an op, or pending with one
			if changed := k.row.Body != three || note == made; changed != (len(k.ops) == 1) {
				t.Errorf("cut at %d: row %q with %d ops", end, k.row.Body, len(k.ops))
			}
			seen[string(k.row.Status)]++
		}
		if err := c.store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if seen["pending"] == 0 || seen["none"] == 0 && seen["synced"] == 0 {
		t.Errorf("the cuts prove nothing: %v of a log of %d bytes", seen, len(log))
	}
}

func TestGuide03OneOpAWrite(t *testing.T) {
	a, _, id := two(t, three)
	s := a.watch(nil)
	writes := []func() error{
		func() error { a.edit(id, swapped("one", "1")); return nil },
		func() error { _, err := a.Change(ctx, id, model.Patch{TagsAdd: []string{"x"}}); return err },
		func() error { _, err := a.Append(ctx, id, "entry"); return err },
		func() error { _, err := a.Delete(ctx, id); return err },
		func() error { _, err := a.Restore(ctx, id); return err },
	}
	for i, write := range writes {
		if err := write(); err != nil {
			t.Fatal(err)
		}
		if ops := a.kept(id).ops; len(ops) != 1 {
			t.Errorf("write %d alone made %d ops", i, len(ops))
		}
		if i != 3 { // the deletion is taken back unsent, and leaves nothing to send
			a.mustSync()
		}
		if i == 3 {
			a.mustSync()
		}
	}
	for range 5 { // any number of unsent writes is one op
		a.edit(id, func(f *model.Fields) { f.Body += "more\n" })
	}
	a.stands(id, model.Pending, "update queued")
	a.mustSync()
	seen := map[string]bool{}
	for _, op := range s.ids() {
		if seen[op] {
			t.Errorf("op %s was used twice", op)
		}
		seen[op] = true
	}
	if len(seen) != len(writes)+1 {
		t.Errorf("%d ops for %d writes", len(seen), len(writes)+1)
	}
}

func TestGuide04OutboxSurvivesARestart(t *testing.T) {
	a, _, id := two(t, three)
	a.create("\x00odd\u202e", "bytes\r\n\x1b[31m")
	a.edit(id, func(f *model.Fields) {
		f.Body, f.Tags, f.Extra = "é\n", []string{"b", "a"}, map[string]json.RawMessage{"k": []byte(`{"n":1.50}`)}
	})
	a.faults.times(3, dropAfter) // some are frozen
	a.offline()
	a.faults.set(nil)
	a.edit(id, func(f *model.Fields) { f.Title = "later" })
	if _, err := a.Append(ctx, id, "entry"); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		a.create(fmt.Sprint(i), "queued")
	}
	before := a.outbox()
	a.reopen()
	if after := a.outbox(); !reflect.DeepEqual(before, after) || len(after) < 10 {
		t.Errorf("the outbox changed:\n%+v\n%+v", before, after)
	}
}

func TestGuide05UnreachableBlocksNothing(t *testing.T) {
	a, _, id := two(t, three)
	a.faults.set(func(*http.Request) fault { return dropBefore })
	for i := range 10 {
		a.edit(id, func(f *model.Fields) { f.Body = fmt.Sprint("offline ", i) })
		a.create(fmt.Sprint(i), "offline")
		a.offline()
		a.w.clock.Move(time.Hour)
	}
	if c, err := a.store.Counts(ctx); err != nil || c.Pending != 11 || c.Error+c.NeedsReview != 0 {
		t.Errorf("%+v %v", c, err)
	}
	if p, _ := a.store.Meta(ctx, store.MetaPaused); p != "" {
		t.Errorf("paused: %s", p)
	}
	if _, err := a.Delete(ctx, id); err != nil {
		t.Error(err)
	}
	if _, err := a.Restore(ctx, id); err != nil {
		t.Error(err)
	}
}

func TestGuide06LastSyncedIsOfACompleteRound(t *testing.T) {
	a, b, id := two(t, three)
	for i := range 3 {
		b.create(fmt.Sprint(i), "from b")
	}
	b.mustSync()
	before, _ := a.store.Meta(ctx, store.MetaLastSynced)
	same := func(what string) {
		t.Helper()
		a.w.clock.Move(3 * time.Minute)
		if now, _ := a.store.Meta(ctx, store.MetaLastSynced); now != before {
			t.Errorf("%s: moved to %s", what, now)
		}
	}
	for _, kind := range []fault{dropBefore, dropAfter, err500, html200, truncated, retry429, auth401} {
		b.create(string(kind), "what a has to pull")
		b.mustSync()
		a.faults.set(only(isPull, kind)) // the push works, the pull does not
		a.edit(id, func(f *model.Fields) { f.Body += "x\n" })
		if _, err := a.sync(); err == nil {
			t.Errorf("%s: a round without a pull is complete", kind)
		}
		same(string(kind) + " at the pull")
		a.faults.set(only(isPush, kind))
		a.edit(id, func(f *model.Fields) { f.Body += "y\n" })
		if _, err := a.sync(); err == nil {
			t.Errorf("%s: a round without a push is complete", kind)
		}
		same(string(kind) + " at the push")
	}
	a.faults.set(nil)
	a.mustSync()
	if now, _ := a.store.Meta(ctx, store.MetaLastSynced); now <= before {
		t.Errorf("a complete round did not move it: %s", now)
	}
}

func TestGuide07ShapeOfAnOp(t *testing.T) {
	a, _, id := two(t, three)
	rev := a.get(id).Rev
	a.edit(id, func(f *model.Fields) { f.Body = "new\n"; f.Tags = []string{"x"} })
	s := a.watch(nil)
	a.mustSync()
	if len(s.ops) != 1 {
		t.Fatalf("%v", s.ops)
	}
	op := s.ops[0]
	if got := slices.Sorted(maps.Keys(op)); !slices.Equal(got, []string{"baseRev", "createdAt", "device", "entity", "entityId", "kind", "opId", "patch"}) {
		t.Errorf("members %v", got)
	}
	for name, want := range map[string]string{"entity": `"note"`, "entityId": fmt.Sprintf("%q", id), "kind": `"update"`, "baseRev": fmt.Sprint(rev),
		"device": `"a"`, "patch": `{"body":"new\n","tags":{"$add":["x"]}}`} {
		if string(op[name]) != want {
			t.Errorf("%s is %s, want %s", name, op[name], want)
		}
	}
	if at := string(op["createdAt"]); at != fmt.Sprint(a.get(id).UpdatedAt.UnixMilli()) {
		var ms int64
		if err := json.Unmarshal(op["createdAt"], &ms); err != nil || time.UnixMilli(ms).Sub(a.get(id).UpdatedAt).Abs() > time.Second {
			t.Errorf("createdAt %s, saved at %s", at, a.get(id).UpdatedAt)
		}
	}
}

func TestGuide08PushThenPull(t *testing.T) {
	a, b, id := two(t, three)
	b.create("from b", "x")
	b.mustSync()
	a.edit(id, swapped("one", "ONE"))
	s := a.watch(nil)
	if r := a.mustSync(); r.Pushed != 1 || r.Pulled != 1 {
		t.Errorf("%+v", r)
	}
	if !slices.Equal(s.requests, []string{"POST /sync/ops", "GET /sync/changes"}) {
		t.Errorf("%v", s.requests)
	}
	// A device that knows nothing yet pulls first: it would be sent its own notes back.
	c := a.w.device("c")
	c.create("from c", "y")
	s = c.watch(nil)
	c.mustSync()
	if s.requests[0] != "GET /sync/changes" || s.requests[1] != "POST /sync/ops" {
		t.Errorf("cold: %v", s.requests)
	}
}

// seeded gives the device an engine with its own chance.
func (d *device) seeded(seed uint64) {
	d.w.t.Helper()
	driver, err := native.New(d.w.url, d.w.token, native.WithTransport(d.faults))
	if err != nil {
		d.w.t.Fatal(err)
	}
	d.engine = syncengine.New(d.store, driver, syncengine.Options{Now: d.w.clock.Now, NewID: d.w.id, Device: d.name,
		Rand: rand.New(rand.NewPCG(seed, seed)).Float64, Changed: d.store.DataVersion,
		After: func(time.Duration) <-chan time.Time { ch := make(chan time.Time, 1); ch <- time.Time{}; return ch }})
}

func TestGuide09Backoff(t *testing.T) {
	var waits [2][]time.Duration
	for seed := range waits {
		a, _, id := two(t, three)
		a.seeded(uint64(seed) + 7)
		a.edit(id, swapped("one", "ONE"))
		a.faults.set(only(isPush, fail500))
		for try := range 12 {
			began := a.w.clock.Now()
			_, _ = a.sync()
			wait := a.kept(id).ops[0].NextTry.Sub(began).Round(100 * time.Millisecond)
			waits[seed] = append(waits[seed], wait)
			full := 5 * time.Minute
			if try < 7 {
				full = 2 * time.Second << try
			}
			if wait < full/2-time.Second || wait > full+time.Second {
				t.Errorf("after try %d it waits %s, want %s to %s", try+1, wait, full/2, full)
			}
			if before := a.faults.count(); try == 3 { // and does not send before
				if _, err := a.quietly(); err != nil || a.faults.count()-before != 1 {
					t.Errorf("%v, %d requests", err, a.faults.count()-before)
				}
			}
		}
	}
	if slices.Equal(waits[0], waits[1]) {
		t.Errorf("two devices retry in step: %v", waits[0])
	}
}

func TestGuide10WhatIsRetried(t *testing.T) {
	for _, code := range []int{400, 413, 422, 408, 429, 500, 502, 503, 504, 0} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			a, b, id := two(t, three)
			a.edit(id, swapped("one", "ONE"))
			kind := dropBefore
			if code > 0 {
				kind = status(code, "some-code", "")
			}
			a.faults.set(only(isPush, kind))
			_, err := a.sync()
			refused := code == 400 || code == 413 || code == 422
			if (err == nil) != refused {
				t.Errorf("the round ended with %v", err)
			}
			want := model.Pending
			if refused {
				want = model.Failed
			}
			a.status(id, want)
			s := a.watch(nil)
			a.w.clock.Move(24 * time.Hour)
			for range 3 {
				if _, err := a.quietly(); err != nil {
					t.Fatal(err)
				}
				a.mustSync()
			}
			if sent := len(s.ops) > 0; sent == refused {
				t.Errorf("sent again by itself: %v", sent)
			}
			if !refused {
				b.mustSync()
				inStep(t, a, b)
			}
		})
	}
}

func TestGuide11NoRequestBeforeRetryAfter(t *testing.T) {
	for _, form := range []string{"120", "Sat, 21 Nov 2026 08:02:00 GMT"} {
		for _, code := range []int{429, 503} {
			for _, pushing := range []bool{true, false} {
				a, _, id := two(t, "x")
				a.faults.set(only(isPull, status(code, "wait", form)))
				if pushing {
					a.edit(id, func(f *model.Fields) { f.Body = "y" })
					a.faults.set(only(isPush, status(code, "wait", form)))
				}
				var wait *remote.RetryError
				if _, err := a.sync(); !errors.As(err, &wait) || wait.After < 119*time.Second || wait.After > 121*time.Second {
					t.Fatalf("%s: %v", form, err)
				}
				a.faults.set(nil)
				before := a.faults.count()
				for range 5 {
					if _, err := a.sync(); !errors.As(err, &wait) || a.faults.count() != before {
						t.Errorf("asked again before its time: %v, %d requests", err, a.faults.count()-before)
					}
					a.w.clock.Move(20 * time.Second)
				}
				a.reopen() // the wait outlives the program
				if _, err := a.sync(); !errors.As(err, &wait) || a.faults.count() != before {
					t.Errorf("after a restart: %v, %d requests", err, a.faults.count()-before)
				}
				a.w.clock.Move(time.Minute)
				a.mustSync()
				a.status(id, model.Synced)
			}
		}
	}
}

func TestGuide12RefusedCredentialsKeepEverything(t *testing.T) {
	a, b, id := two(t, "x")
	made := a.create("new", "y").ID
	a.edit(id, func(f *model.Fields) { f.Body = "y" })
	if n, err := a.w.store.RevokeTokens(ctx, "ana", "test"); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	s := a.watch(nil)
	for range 3 {
		if _, err := a.sync(); !errors.Is(err, remote.ErrAuth) {
			t.Fatalf("error %v", err)
		}
	}
	a.status(id, model.Pending)
	a.status(made, model.Pending)
	if p, _ := a.store.Meta(ctx, store.MetaPaused); p != "auth" {
		t.Errorf("not shown as paused: %q", p)
	}
	a.w.token = "stet_new"
	a.w.grant("ana", "stet_new")
	refused := s.ids()
	a.reopen()
	b.reopen()
	s = a.watch(nil)
	a.mustSync()
	b.mustSync()
	inStep(t, a, b)
	for _, op := range s.ids() {
		if !slices.Contains(refused, op) {
			t.Errorf("op %s is new; refused were %v", op, refused)
		}
	}
	if b.get(id).Body != "y" || b.get(made).Body != "y" || len(s.ids()) != 2 {
		t.Errorf("lost, or sent %v", s.ids())
	}
	if p, _ := a.store.Meta(ctx, store.MetaPaused); p != "" {
		t.Errorf("still paused: %s", p)
	}
}

func TestGuide13CaptivePortalIsNoSuccess(t *testing.T) {
	for _, kind := range []fault{html200, truncated, status(200, "ok", ""), status(302, "moved", ""), status(511, "log-in", ""), status(404, "not-found", "")} {
		a, b, id := two(t, three)
		before, _ := a.store.Meta(ctx, store.MetaLastSynced)
		cursor := a.cursor()
		a.edit(id, swapped("one", "ONE"))
		op := a.kept(id).ops[0].ID
		a.faults.set(func(*http.Request) fault { return kind })
		_, err := a.sync()
		if kind != status(404, "not-found", "") && !errors.Is(err, remote.ErrOffline) {
			t.Errorf("%s: %v", kind, err)
		}
		k := a.kept(id)
		if len(k.ops) != 1 || k.ops[0].ID != op || k.row.Status != model.Pending || k.row.Body != "ONE\n\ntwo\n\nthree\n" {
			t.Errorf("%s: %+v", kind, k)
		}
		if after, _ := a.store.Meta(ctx, store.MetaLastSynced); after != before || a.cursor() != cursor {
			t.Errorf("%s: taken for a success", kind)
		}
		a.faults.set(nil)
		a.mustSync()
		b.mustSync()
		inStep(t, a, b)
	}
}

func (d *device) cursor() (c string) {
	d.w.t.Helper()
	if err := d.store.Read(ctx, func(r store.Reader) (err error) { c, err = r.Cursor(); return err }); err != nil {
		d.w.t.Fatal(err)
	}
	return c
}

// TestGuide14Triggers: a round begins at the start, when asked, and from time
// to time. (That saves begin one, and that a network which is back is noticed,
// are tests of their own.)
func TestGuide14Triggers(t *testing.T) {
	for _, c := range []struct {
		name  string
		every time.Duration
		act   func(e *syncengine.Engine)
	}{{"start", time.Hour, nil}, {"by hand, or the terminal's focus", time.Hour, (*syncengine.Engine).Nudge}, {"from time to time", 300 * time.Millisecond, func(*syncengine.Engine) {}}} {
		t.Run(c.name, func(t *testing.T) {
			a, b, id := two(t, "x")
			change := func() { b.edit(id, func(f *model.Fields) { f.Body = "y" }); b.mustSync() }
			if c.act == nil {
				change()
			}
			before, e := a.faults.count(), a.worker(c.every)
			start(t, e)
			if c.act != nil {
				eventually(t, "the first round", func() bool { return a.faults.count() > before })
				time.Sleep(50 * time.Millisecond)
				change()
				c.act(e)
			}
			eventually(t, "the change", func() bool { return a.get(id).Body == "y" })
		})
	}
}

func TestGuide15PersistentFailureShowsAndClears(t *testing.T) {
	a, b, id := two(t, three)
	other := a.create("other", "x").ID
	a.mustSync()
	a.edit(id, swapped("one", "ONE"))
	a.faults.set(only(isPush, fail500))
	for range model.GiveUpAfter {
		_, _ = a.sync()
	}
	k := a.stands(id, model.Failed, "update sent")
	if k.ops[0].Problem == "" || k.row.Body != "ONE\n\ntwo\n\nthree\n" {
		t.Errorf("%+v", k)
	}
	a.status(other, model.Synced) // the error is the note's, not the app's
	a.faults.set(nil)
	a.mustSync()
	a.stands(id, model.Synced)
	b.mustSync()
	inStep(t, a, b)
}

func TestGuide16DeleteAndUndo(t *testing.T) {
	for _, synced := range []bool{false, true} {
		a, b, id := two(t, three)
		a.trash([]string{id})
		if list, err := a.store.Find(ctx, model.Query{}, 0); err != nil || len(list) != 0 {
			t.Errorf("still shown: %v %v", list, err)
		}
		s := a.watch(nil)
		if synced {
			a.mustSync()
			b.mustSync()
			if len(s.ops) != 1 || string(s.ops[0]["kind"]) != `"delete"` || !b.get(id).Deleted {
				t.Errorf("sent %v", s.ops)
			}
		}
		a.w.clock.Move(400 * 24 * time.Hour) // the trash keeps for ever
		if n, err := a.Restore(ctx, id); err != nil || n.Body != three || n.Title != "title" {
			t.Errorf("%+v %v", n, err)
		}
		a.mustSync()
		b.mustSync()
		inStep(t, a, b)
		if n := b.get(id); n.Deleted || n.Body != three || !synced && len(s.ops) != 0 {
			t.Errorf("%+v, sent %v", n, s.ops)
		}
	}
}

func TestGuide17AConflictStopsNoOtherNote(t *testing.T) {
	a, b, id := two(t, three)
	a.edit(id, swapped("two", "by a"))
	a.mustSync()
	var others []string
	for i := range 4 {
		others = append(others, b.create(fmt.Sprint(i), "x").ID)
		if i == 1 {
			b.edit(id, swapped("two", "by b"))
		}
	}
	if r := b.mustSync(); r.Pushed != 4 || r.NeedsReview != 1 || r.Pending != 0 {
		t.Errorf("%+v", r)
	}
	for range 3 { // nor later, while it waits
		others = append(others, b.create("more", "y").ID)
		b.mustSync()
	}
	for _, o := range others {
		b.status(o, model.Synced)
	}
	b.status(id, model.NeedsReview)
}

// skew starts the device's program again with a wrong clock.
func (d *device) skew(by time.Duration) {
	d.w.t.Helper()
	now := func() time.Time { return d.w.clock.Now().Add(by) }
	if err := d.store.Close(); err != nil {
		d.w.t.Fatal(err)
	}
	s, err := local.Open(ctx, local.Options{Path: d.path, Now: now, Device: d.name})
	if err != nil {
		d.w.t.Fatal(err)
	}
	driver, err := native.New(d.w.url, d.w.token, native.WithTransport(d.faults))
	if err != nil {
		d.w.t.Fatal(err)
	}
	d.store = s
	d.Notes = syncengine.NewNotes(s, syncengine.NotesOptions{Now: now, NewID: d.w.id, Device: d.name})
	d.engine = syncengine.New(s, driver, syncengine.Options{Now: now, NewID: d.w.id, Device: d.name, Rand: rand.New(rand.NewPCG(1, 2)).Float64,
		Changed: s.DataVersion, After: func(time.Duration) <-chan time.Time { ch := make(chan time.Time, 1); ch <- time.Time{}; return ch }})
}

// TestGuide18ClocksDecideNothing runs one story with clocks that are right and
// clocks that are ten years off, either way.
func TestGuide18ClocksDecideNothing(t *testing.T) {
	story := func(skewA, skewB time.Duration) (out []string) {
		w := newWorld(t)
		a, b := w.device("a"), w.device("b")
		clean, dirty, gone, color := a.create("clean", three).ID, a.create("dirty", three).ID, a.create("gone", three).ID, a.create("color", three).ID
		a.mustSync()
		b.mustSync()
		a.skew(skewA)
		b.skew(skewB)
		for _, d := range []*device{a, b} {
			d.edit(clean, swapped(map[string]string{"a": "one", "b": "three"}[d.name], "by "+d.name))
			d.edit(dirty, swapped("two", "by "+d.name))
			d.edit(color, func(f *model.Fields) { f.Color = "of " + d.name; f.Pinned = d.name == "a" })
			if _, err := d.Append(ctx, clean, "entry of "+d.name); err != nil {
				t.Fatal(err)
			}
		}
		b.edit(gone, swapped("two", "edited"))
		a.trash([]string{gone})
		for range 3 {
			a.mustSync()
			b.mustSync()
		}
		for _, d := range []*device{a, b} {
			for _, id := range []string{clean, dirty, gone, color} {
				n := d.get(id)
				var log []string
				for _, e := range n.Log {
					log = append(log, e.Text)
				}
				out = append(out, fmt.Sprintf("%s %s %s %q %s %v %v %v", d.name, n.Title, n.Status, n.Body, n.Color, n.Pinned, n.Deleted, log))
			}
		}
		return out
	}
	const decade = 10 * 365 * 24 * time.Hour
	want := story(0, 0)
	if s := fmt.Sprint(want); !strings.Contains(s, string(model.NeedsReview)) || !strings.Contains(s, "of b") {
		t.Fatalf("no story: %s", s)
	}
	for _, by := range [][2]time.Duration{{-decade, decade}, {decade, -decade}, {0, decade}, {-decade, 0}} {
		if got := story(by[0], by[1]); !slices.Equal(got, want) {
			t.Errorf("clocks %v decide:\n%v\nwant\n%v", by, got, want)
		}
	}
}

// TestGuide20MergesCanBeAudited finds base, both sides and the result of an
// automatic merge on the device that made it.
func TestGuide20MergesCanBeAudited(t *testing.T) {
	a, b, id := two(t, three)
	a.edit(id, swapped("one", "ONE"))
	b.edit(id, swapped("three", "THREE"))
	a.mustSync()
	if r := b.mustSync(); r.Merged != 1 {
		t.Errorf("%+v", r)
	}
	events, err := b.store.Timeline(ctx, id, 0)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(events, func(e model.Event) bool { return e.Name == model.EventMerged })
	if i < 0 || events[i].Rev == 0 || events[i].Detail == "" {
		t.Fatalf("%+v", events)
	}
	versions, err := b.store.History(ctx, id, 0)
	if err != nil {
		t.Fatal(err)
	}
	causes := map[string]model.Cause{}
	for _, v := range versions {
		causes[v.Fields.Body] = v.Cause
	}
	for body, want := range map[string]model.Cause{three: model.CausePull, "one\n\ntwo\n\nTHREE\n": model.CauseEdit,
		"ONE\n\ntwo\n\nthree\n": model.CauseOther, "ONE\n\ntwo\n\nTHREE\n": model.CauseMerge} {
		if causes[body] != want {
			t.Errorf("%q is kept as %q, want %q", body, causes[body], want)
		}
	}
}

func TestGuide21DerivedFieldsAreEqualAndNeverSent(t *testing.T) {
	a, b, id := two(t, "- [ ] one\n- [x] two words\n")
	s := a.watch(nil)
	a.edit(id, func(f *model.Fields) { f.Body += "- [ ] and three more\n" })
	b.edit(id, func(f *model.Fields) { f.Title = "other" })
	a.mustSync()
	b.mustSync()
	a.mustSync()
	for _, op := range s.ops {
		var patch map[string]json.RawMessage
		if err := json.Unmarshal(op["patch"], &patch); err != nil || len(patch) != 1 || patch["body"] == nil {
			t.Errorf("patch %s %v", op["patch"], err)
		}
	}
	for _, d := range []*device{a, b} {
		body := d.get(id).Body
		if open, done := model.Tasks(body); model.Words(body) != 14 || open != 2 || done != 1 {
			t.Errorf("%s: %d words, %d open, %d done", d.name, model.Words(body), open, done)
		}
	}
}
