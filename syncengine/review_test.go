package syncengine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine"
	"stet/syncengine/merge"
	"stet/syncengine/store"
)

// quietly runs a round that waits for the backoff, as the worker does.
func (d *device) quietly() (syncengine.Report, error) {
	return d.engine.Round(ctx, syncengine.RoundOptions{})
}

// inStep checks that the devices agree on everything and owe nothing.
func inStep(t *testing.T, ds ...*device) {
	t.Helper()
	for _, d := range ds {
		if c, err := d.store.Counts(ctx); err != nil || c.Pending+c.Error+c.NeedsReview != 0 {
			t.Errorf("%s: %+v %v", d.name, c, err)
		}
		if x, y := ds[0].dump(), d.dump(); fmt.Sprint(x) != fmt.Sprint(y) {
			t.Errorf("%s differs:\n%v\n%v", d.name, x, y)
		}
	}
}

func TestState24SaveAfterGivingUp(t *testing.T) {
	a, b, id := two(t, "x")
	a.edit(id, func(f *model.Fields) { f.Body = "first" })
	a.faults.times(1<<30, inFlight)
	for range model.GiveUpAfter {
		_, _ = a.sync()
	}
	a.status(id, model.Failed)
	n := a.get(id)
	f := n.Fields.Clone()
	f.Body = "second"
	if _, err := a.Save(ctx, id, n.Fields, f); err != nil {
		t.Fatalf("a note that could not be sent cannot be saved: %v", err)
	}
	a.status(id, model.Pending)
	_, _ = a.sync()
	a.status(id, model.Failed)
	if _, err := a.SendAgain(ctx, id); err != nil {
		t.Errorf("send again: %v", err)
	}
	a.status(id, model.Pending)
	a.faults.set(nil)
	a.mustSync()
	b.mustSync()
	inStep(t, a, b)
}

func TestResolveWhileAnAppendFails(t *testing.T) {
	a, b, id := conflict(t)
	if _, err := b.Append(ctx, id, "entry"); err != nil {
		t.Fatal(err)
	}
	b.faults.times(1<<30, inFlight)
	for range model.GiveUpAfter {
		_, _ = b.sync()
	}
	b.resolve(id, merge.Mine)
	b.faults.set(nil)
	for range 2 {
		b.mustSync()
		a.mustSync()
	}
	inStep(t, a, b)
	if n := a.get(id); n.Body != "top\nfrom b\nend\n" || len(n.Log) != 1 {
		t.Errorf("%+v", n.Fields)
	}
}

// TestHeldChangeIsReleased: while the fate of an op is open another device's
// change of the note is pulled; the op is then found applied.
func TestHeldChangeIsReleased(t *testing.T) {
	for _, batch := range []bool{false, true} {
		t.Run(fmt.Sprint("batch ", batch), func(t *testing.T) {
			w := newWorld(t)
			a, b := w.device("a"), w.device("b")
			a.mustSync()
			id := a.create("title", "one\n\ntwo\n\nthree\n").ID
			if batch {
				a.create("other", "")
			}
			n := 0
			a.faults.set(func(*http.Request) fault {
				if n++; n <= 2 {
					return dropAfter
				}
				return inFlight
			})
			_, _ = a.sync()
			a.faults.set(nil)
			b.mustSync()
			b.edit(id, func(f *model.Fields) { f.Body = "one\n\ntwo\n\nTHREE\n" })
			b.mustSync()
			b.edit(id, func(f *model.Fields) { f.Body = "one\n\nTWO\n\nTHREE\n" })
			b.mustSync()
			if _, err := a.quietly(); err != nil { // too early for the op, not for a pull
				t.Fatal(err)
			}
			a.w.clock.Move(time.Hour)
			a.mustSync()
			a.mustSync()
			inStep(t, a, b)
			if x := a.get(id).Body; x != "one\n\nTWO\n\nTHREE\n" {
				t.Errorf("%q", x)
			}
		})
	}
}

// TestMerge12WaitAfterALostAnswer: a 429 tells nothing of an earlier try.
func TestMerge12WaitAfterALostAnswer(t *testing.T) {
	for _, sameRound := range []bool{false, true} {
		t.Run(fmt.Sprint("same round ", sameRound), func(t *testing.T) {
			a, b, id := two(t, "x\n")
			a.edit(id, func(f *model.Fields) { f.Body = "first\n" })
			n := 0
			a.faults.set(func(*http.Request) fault {
				if n++; n == 1 || n < 4 && !sameRound {
					return dropAfter
				}
				return retry429
			})
			_, _ = a.sync()
			if !sameRound {
				_, _ = a.sync()
			}
			a.faults.set(nil)
			a.edit(id, func(f *model.Fields) { f.Body = "second\n" })
			a.w.clock.Move(time.Hour)
			if r := a.mustSync(); r.NeedsReview != 0 {
				t.Error("a device is in conflict with itself")
			}
			a.mustSync()
			b.mustSync()
			inStep(t, a, b)
		})
	}
}

// paragraphs makes a note whose first paragraph changed after the backup.
func paragraphs(t *testing.T) (a, b *device, id string) {
	a, b, id = two(t, "one\n\ntwo\n\nthree\n")
	a.w.backup()
	a.edit(id, func(f *model.Fields) { f.Body = "ONE\n\ntwo\n\nthree\n" })
	a.mustSync()
	b.mustSync()
	return a, b, id
}

func TestRestoredServerRollsNothingBack(t *testing.T) {
	for _, unknown := range []bool{false, true} {
		t.Run(fmt.Sprint("outcome unknown ", unknown), func(t *testing.T) {
			a, b, id := paragraphs(t)
			a.edit(id, func(f *model.Fields) { f.Body = "ONE\n\ntwo\n\nTHREE\n" })
			if unknown {
				a.faults.times(3, dropBefore)
				_, _ = a.sync()
			}
			a.w.restore()
			r := a.mustSync()
			if r.Pending != 0 {
				t.Errorf("the round ended with something to send: %+v", r)
			}
			for range 2 {
				b.mustSync()
				a.mustSync()
			}
			inStep(t, a, b)
			if x := a.get(id).Body; x != "ONE\n\ntwo\n\nTHREE\n" {
				t.Errorf("%q", x)
			}
		})
	}
}

func TestRestoredServerDuringReview(t *testing.T) {
	a, b, id := paragraphs(t)
	a.edit(id, func(f *model.Fields) { f.Body = "ONE\n\ntwo\n\nby a\n" })
	b.edit(id, func(f *model.Fields) { f.Body = "ONE\n\ntwo\n\nby b\n" })
	a.mustSync()
	b.mustSync()
	b.status(id, model.NeedsReview)
	a.w.restore()
	b.mustSync()
	b.status(id, model.NeedsReview)
	b.resolve(id, merge.Both)
	for range 3 {
		b.mustSync()
		a.mustSync()
	}
	if x := b.get(id).Body; x != "ONE\n\ntwo\n\nby b\nby a\n" {
		t.Errorf("%q", x)
	}
}

func TestWipedServerGetsAllInOneRound(t *testing.T) {
	a, _, id := two(t, "x")
	a.edit(id, func(f *model.Fields) { f.Body = "y" })
	a.create("new", "")
	a.w.wipe()
	if r := a.mustSync(); r.Pending != 0 {
		t.Errorf("%+v", r)
	}
	c := a.w.device("c")
	c.mustSync()
	inStep(t, a, c)
}

// many makes two devices with n notes.
func many(t *testing.T, n int) (a, b *device, ids []string) {
	w := newWorld(t)
	a, b = w.device("a"), w.device("b")
	for i := range n {
		ids = append(ids, a.create(fmt.Sprint(i), "text").ID)
	}
	a.mustSync()
	b.mustSync()
	return a, b, ids
}

func (d *device) trash(ids []string) {
	d.w.t.Helper()
	for _, id := range ids {
		if _, err := d.Delete(ctx, id); err != nil {
			d.w.t.Fatal(err)
		}
	}
}

func (d *device) notes(want int) {
	d.w.t.Helper()
	if c, err := d.store.Counts(ctx); err != nil || c.Notes != want {
		d.w.t.Errorf("%s has %d notes, want %d, %v", d.name, c.Notes, want, err)
	}
}

func TestGuardHoldsMassPurge(t *testing.T) {
	a, b, ids := many(t, 40)
	a.trash(ids[:30])
	for _, id := range ids[:30] {
		if err := a.Purge(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	a.mustSync()
	if _, err := b.sync(); !errors.Is(err, syncengine.ErrHeld) {
		t.Errorf("error %v", err)
	}
	b.notes(40)
	if _, err := b.engine.Round(ctx, syncengine.RoundOptions{Yes: true}); err != nil {
		t.Fatal(err)
	}
	b.notes(10)
	inStep(t, a, b)
}

func TestGuardForgetsWhatWasRestored(t *testing.T) {
	a, b, ids := many(t, 40)
	a.trash(ids[:30])
	a.mustSync()
	if _, err := b.sync(); !errors.Is(err, syncengine.ErrHeld) {
		t.Fatalf("error %v", err)
	}
	for _, id := range ids[:30] {
		if _, err := a.Restore(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	a.mustSync()
	b.mustSync()
	inStep(t, a, b)
}

func TestGuardForgetsWhatTheServerTookBack(t *testing.T) {
	a, b, ids := many(t, 40)
	a.w.backup()
	a.trash(ids[:30])
	a.mustSync()
	if _, err := b.sync(); !errors.Is(err, syncengine.ErrHeld) {
		t.Fatalf("error %v", err)
	}
	a.w.restore()
	if _, err := b.engine.Round(ctx, syncengine.RoundOptions{Yes: true}); err != nil {
		t.Fatal(err)
	}
	b.notes(40)
}

func TestConsentWithSomethingToSend(t *testing.T) {
	a, b, ids := many(t, 40)
	a.trash(ids[:30])
	a.mustSync()
	for range 3 {
		if _, err := b.sync(); !errors.Is(err, syncengine.ErrHeld) {
			t.Fatalf("error %v", err)
		}
	}
	if evs, err := b.store.Timeline(ctx, "", 0); err != nil || len(evs) > 3 {
		t.Errorf("standing still fills the timeline: %d entries, %v", len(evs), err)
	}
	b.edit(ids[35], func(f *model.Fields) { f.Body = "edited" })
	if _, err := b.sync(); !errors.Is(err, syncengine.ErrHeld) {
		t.Errorf("the guard was forgotten by a push: %v", err)
	}
	b.edit(ids[35], func(f *model.Fields) { f.Body = "edited again" })
	if _, err := b.engine.Round(ctx, syncengine.RoundOptions{Yes: true}); err != nil {
		t.Fatal(err)
	}
	b.notes(10)
	a.mustSync()
	inStep(t, a, b)
}

func TestSaveOfAnOldTextInReviewKeepsTheLog(t *testing.T) {
	_, b, id := conflict(t)
	opened := b.get(id).Fields
	if _, err := b.Append(ctx, id, "entry"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Change(ctx, id, model.Patch{TagsAdd: []string{"t"}}); err != nil {
		t.Fatal(err)
	}
	text := opened.Clone()
	text.Body = "top\nfrom b, later\nend\n"
	n, err := b.Save(ctx, id, opened, text)
	if err != nil || len(n.Log) != 1 || len(n.Tags) != 1 || n.Body != text.Body {
		t.Errorf("%+v %v", n.Fields, err)
	}
}

// ownReview leaves device b in review of two texts of its own.
func ownReview(t *testing.T) (a, b *device, id string) {
	a, b, id = two(t, "one\n\ntwo\n\nthree\n")
	opened := b.get(id).Fields
	b.edit(id, func(f *model.Fields) { f.Body = "shell\n\ntwo\n\nSHELL\n" })
	text := opened.Clone()
	text.Body = "editor\n\ntwo\n\nthree\n"
	if n, err := b.Save(ctx, id, opened, text); err != nil || n.Status != model.NeedsReview {
		t.Fatalf("%s %v", n.Status, err)
	}
	return a, b, id
}

func TestOwnReviewOutlivesAnAppend(t *testing.T) {
	a, b, id := ownReview(t)
	if _, err := b.Append(ctx, id, "entry"); err != nil {
		t.Fatal(err)
	}
	b.mustSync()
	a.mustSync()
	a.edit(id, func(f *model.Fields) { f.Body = "one\n\nTWO\n\nthree\n" })
	a.mustSync()
	b.mustSync()
	b.status(id, model.NeedsReview)
	b.resolve(id, merge.Both)
	for range 2 {
		b.mustSync()
		a.mustSync()
	}
	inStep(t, a, b)
	if n := a.get(id); n.Body != "editor\nshell\n\nTWO\n\nSHELL\n" || len(n.Log) != 1 {
		t.Errorf("%q %d", n.Body, len(n.Log))
	}
}

func TestOwnReviewIsNotReplaced(t *testing.T) {
	for _, choice := range []merge.Choice{merge.Mine, merge.Theirs, merge.Base} {
		t.Run(string(choice), func(t *testing.T) {
			a, b, id := ownReview(t)
			a.edit(id, func(f *model.Fields) { f.Body = "far\n\ntwo\n\nthree\n" })
			a.mustSync()
			b.mustSync()
			r, ok, err := b.store.Review(ctx, id)
			if err != nil || !ok || r.Remote.Fields.Body != "shell\n\ntwo\n\nSHELL\n" {
				t.Fatalf("the choice begun has gone: %q %v", r.Remote.Fields.Body, err)
			}
			b.resolve(id, choice)
			b.mustSync()
			if choice != merge.Base {
				b.status(id, model.NeedsReview)
				b.resolve(id, merge.Both)
			}
			for range 2 {
				b.mustSync()
				a.mustSync()
			}
			inStep(t, a, b)
			want := map[merge.Choice]string{merge.Mine: "editor\nfar\n\ntwo\n\nSHELL\n", merge.Theirs: "shell\nfar\n\ntwo\n\nSHELL\n",
				merge.Base: "far\n\ntwo\n\nSHELL\n"}[choice]
			if x := a.get(id).Body; x != want {
				t.Errorf("%q, want %q", x, want)
			}
		})
	}
}

func TestPurgeSurvivesANewerTombstone(t *testing.T) {
	for _, pulled := range []bool{false, true} {
		t.Run(fmt.Sprint("pulled ", pulled), func(t *testing.T) {
			a, b, id := two(t, "x")
			a.trash([]string{id})
			a.mustSync()
			b.mustSync()
			if err := a.Purge(ctx, id); err != nil {
				t.Fatal(err)
			}
			if pulled {
				a.faults.times(3, inFlight)
				_, _ = a.sync()
				a.faults.set(nil)
			}
			if _, err := b.Restore(ctx, id); err != nil {
				t.Fatal(err)
			}
			b.mustSync()
			b.trash([]string{id})
			b.mustSync()
			if _, err := a.quietly(); err != nil {
				t.Fatal(err)
			}
			a.w.clock.Move(time.Hour)
			for range 2 {
				a.mustSync()
				b.mustSync()
			}
			for _, d := range []*device{a, b} {
				if n, err := d.store.Get(ctx, id); !errors.Is(err, model.ErrNotFound) {
					t.Errorf("%s has it still: %+v %v", d.name, n, err)
				}
			}
			inStep(t, a, b)
		})
	}
}

func TestDiscardInReviewIsRefused(t *testing.T) {
	_, b, id := conflict(t)
	if _, err := b.Discard(ctx, id); !errors.Is(err, model.ErrRefused) {
		t.Errorf("error %v", err)
	}
}

func TestDiscardKeepsTheLogInHistory(t *testing.T) {
	a, _, id := two(t, "x")
	if _, err := a.Append(ctx, id, "entry"); err != nil {
		t.Fatal(err)
	}
	n, err := a.Discard(ctx, id)
	if err != nil || n.Status != model.Synced {
		t.Fatalf("%s %v", n.Status, err)
	}
	h, err := a.store.History(ctx, id, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(n.Log) == 0 && !slices.ContainsFunc(h, func(v model.Version) bool { return len(v.Fields.Log) == 1 }) {
		t.Error("the entry is nowhere")
	}
}

// TestAskDuringARound: an ask that arrives while a round runs is served, and so
// are two at once.
func TestAskDuringARound(t *testing.T) {
	a, _, _ := two(t, "x")
	slow := make(chan struct{})
	var once sync.Once
	began := make(chan struct{})
	a.faults.set(func(*http.Request) fault {
		once.Do(func() { close(began) })
		<-slow
		return ""
	})
	start(t, a.worker(200*time.Millisecond))
	<-began
	within, stop := context.WithTimeout(ctx, 8*time.Second)
	defer stop()
	var asking sync.WaitGroup
	for range 3 {
		asking.Go(func() {
			if _, err := a.worker(time.Hour).AskRound(within, syncengine.RoundOptions{}); err != nil {
				t.Errorf("ask: %v", err)
			}
		})
		time.Sleep(30 * time.Millisecond)
	}
	close(slow)
	asking.Wait()
}

func TestConsentOfAnAskerThatLeftIsNotKept(t *testing.T) {
	a, b, ids := many(t, 40)
	lease, err := b.store.Lease(ctx)
	if err != nil {
		t.Fatal(err)
	}
	within, stop := context.WithTimeout(ctx, 100*time.Millisecond)
	defer stop()
	if _, err := b.worker(time.Hour).AskRound(within, syncengine.RoundOptions{Yes: true}); err == nil {
		t.Fatal("nobody could answer")
	}
	if err := lease.Release(); err != nil {
		t.Fatal(err)
	}
	a.trash(ids[:30])
	a.mustSync()
	start(t, b.worker(time.Hour))
	eventually(t, "held", func() bool { p, _ := b.store.Meta(ctx, "paused"); return p == "held" })
	b.notes(40)
}

// TestClockStepsBackAfterAFailure: a time to try again that was set before the
// clock went back must not stop sync until then.
func TestClockStepsBackAfterAFailure(t *testing.T) {
	a, b, id := two(t, "x")
	a.edit(id, func(f *model.Fields) { f.Body = "y" })
	a.faults.times(3, inFlight)
	_, _ = a.sync()
	a.faults.set(nil)
	a.w.clock.Move(-365 * 24 * time.Hour)
	if _, err := a.quietly(); err != nil {
		t.Fatal(err)
	}
	b.mustSync()
	if b.get(id).Body != "y" {
		t.Error("not sent")
	}
}

// rejecting answers every push with a refusal.
func rejecting(r *http.Request) fault {
	if r.Method == http.MethodPost {
		return reject422
	}
	return ""
}

func TestState24EditWhileTheRefusedOpIsOut(t *testing.T) {
	a, b, id := two(t, "x")
	a.edit(id, func(f *model.Fields) { f.Body = "refused" })
	a.faults.set(func(r *http.Request) fault {
		if r.Method == http.MethodPost && a.get(id).Body == "refused" {
			a.edit(id, func(f *model.Fields) { f.Body = "mended" })
			return reject422
		}
		return ""
	})
	a.mustSync()
	b.mustSync()
	inStep(t, a, b)
	a.edit(id, func(f *model.Fields) { f.Body = "refused again" })
	a.faults.set(rejecting)
	a.mustSync()
	before := a.faults.count()
	a.mustSync()
	if n := a.faults.count() - before; n != 1 {
		t.Errorf("a refused op was sent again: %d requests", n)
	}
	a.status(id, model.Failed)
	if err := a.discarded(id); err != nil {
		t.Error(err)
	}
}

func (d *device) discarded(id string) error {
	_, err := d.Discard(ctx, id)
	return err
}

// TestDiscardKeepsEntries: what was written into the log of a note is in its
// history when the note goes back to the server's text, from the trash too.
func TestDiscardKeepsEntries(t *testing.T) {
	for _, trashed := range []bool{false, true} {
		a := newWorld(t).device("a")
		id := a.create("title", "x").ID
		for _, tags := range [][]string{{"a"}, nil} { // the text is one that is kept already
			a.edit(id, func(f *model.Fields) { f.Tags = tags })
			a.mustSync()
		}
		if _, err := a.Append(ctx, id, "an entry"); err != nil {
			t.Fatal(err)
		}
		if trashed {
			a.trash([]string{id})
		}
		if err := a.discarded(id); err != nil {
			t.Fatal(err)
		}
		versions, err := a.store.History(ctx, id, 0)
		if err != nil || len(a.get(id).Log) != 0 {
			t.Fatalf("%+v, %v", a.get(id), err)
		}
		if !slices.ContainsFunc(versions, func(v model.Version) bool {
			return slices.ContainsFunc(v.Fields.Log, func(e model.LogEntry) bool { return e.Text == "an entry" })
		}) {
			t.Errorf("trashed %t: lost", trashed)
		}
	}
}

// TestRefusedCreateStays: a note that the server will not have is not sent
// again and again, whatever its members; erased, it leaves nothing behind.
func TestRefusedCreateStays(t *testing.T) {
	a, _, _ := two(t, "x")
	n, err := a.Create(ctx, model.Fields{Title: "t", Tags: []string{"b", "a"}, Extra: map[string]json.RawMessage{"k": []byte(`{"x": [1, 2],"a":"<"}`)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Append(ctx, n.ID, "entry"); err != nil {
		t.Fatal(err)
	}
	a.faults.set(rejecting)
	a.mustSync()
	a.status(n.ID, model.Failed)
	before := a.faults.count()
	a.mustSync()
	if n := a.faults.count() - before; n != 1 {
		t.Errorf("%d requests", n)
	}
	if _, err := a.SendAgain(ctx, n.ID); err != nil {
		t.Fatal(err)
	}
	a.faults.times(1, inFlight)
	_, _ = a.quietly()
	a.trash([]string{n.ID})
	if err := a.Purge(ctx, n.ID); err != nil {
		t.Fatal(err)
	}
	a.faults.set(rejecting)
	a.mustSync()
	inStep(t, a)
	if err := a.store.Read(ctx, func(r store.Reader) error {
		_, err := r.Note(n.ID)
		return err
	}); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("the row is left: %v", err)
	}
}

// TestSwitchOfServerAndBack: notes that went to one server are sent to
// another whole, and coming back to the first undoes nothing.
func TestSwitchOfServerAndBack(t *testing.T) {
	a, b, id := two(t, "one\n\ntwo\n")
	first, token := a.w.url, a.w.token
	w2 := newWorld(t)
	w2.ids = 1 << 20
	move := func(key, url, token string) {
		t.Helper()
		if err := a.store.SetMeta(ctx, store.MetaServer, key); err != nil {
			t.Fatal(err)
		}
		if err := a.Replan(ctx); err != nil {
			t.Fatal(err)
		}
		if err := a.store.Close(); err != nil {
			t.Fatal(err)
		}
		a.w.url, a.w.token = url, token
		a.open()
		a.w.url, a.w.token = first, token
	}
	move("first", first, token)
	a.mustSync()
	move("second", w2.url, w2.token)
	a.mustSync()
	a.edit(id, func(f *model.Fields) { f.Body = "ONE\n\ntwo\n" })
	a.mustSync()
	inStep(t, a)
	a.edit(id, func(f *model.Fields) { f.Title = "new" })
	b.edit(id, func(f *model.Fields) { f.Body = "one\n\nTWO\n" })
	b.mustSync()
	move("first", first, token)
	a.mustSync()
	b.mustSync()
	inStep(t, a, b)
	if n := b.get(id); n.Body != "ONE\n\nTWO\n" || n.Title != "new" {
		t.Errorf("%+v", n.Fields)
	}
}

// TestRefusedPurgeIsNoErrorWithoutANote: what the user cannot see he cannot mend.
func TestRefusedPurgeIsNoErrorWithoutANote(t *testing.T) {
	a, b, id := two(t, "x")
	a.trash([]string{id})
	a.mustSync()
	if err := a.Purge(ctx, id); err != nil {
		t.Fatal(err)
	}
	a.faults.set(rejecting)
	a.mustSync()
	if c, err := a.store.Counts(ctx); err != nil || c.Error != 0 {
		t.Errorf("%+v %v", c, err)
	}
	a.faults.set(nil)
	a.mustSync()
	b.mustSync()
	inStep(t, a)
}

// TestSentOpOfANoteThatWentIntoReview: an op whose fate is open is sent again
// before anything else of its note, in review too.
func TestSentOpOfANoteThatWentIntoReview(t *testing.T) {
	a, b, id := two(t, "one\n\ntwo\n\nthree\n")
	opened := a.get(id).Fields
	a.edit(id, func(f *model.Fields) { f.Title = "by a"; f.Body = "shell\n\ntwo\n\nthree\n" })
	a.faults.times(3, dropAfter)
	_, _ = a.sync()
	a.faults.set(nil)
	b.mustSync()
	b.edit(id, func(f *model.Fields) { f.Title = "by b" })
	b.mustSync()
	text := opened.Clone()
	text.Body = "editor\n\ntwo\n\nthree\n"
	if _, err := a.Save(ctx, id, opened, text); err != nil {
		t.Fatal(err)
	}
	a.status(id, model.NeedsReview)
	if _, err := a.Append(ctx, id, "entry"); err != nil {
		t.Fatal(err)
	}
	a.mustSync()
	a.mustSync()
	for range 3 {
		for a.get(id).Status == model.NeedsReview {
			a.resolve(id, merge.Theirs)
		}
		a.mustSync()
		b.mustSync()
	}
	inStep(t, a, b)
	if n := b.get(id); n.Title != "by b" || len(n.Log) != 1 {
		t.Errorf("%+v", n.Fields)
	}
}

// A device that comes back to a server knows its revisions but not what
// happened since: what the server lost meanwhile is sent again.
func TestComingBackComparesEverything(t *testing.T) {
	a, _, id := two(t, "x")
	if err := a.store.Write(ctx, func(tx store.Tx) error { return tx.SetCursor("") }); err != nil {
		t.Fatal(err)
	}
	a.w.wipe()
	a.mustSync()
	c := a.w.device("c")
	c.mustSync()
	if n := c.get(id); n.Body != "x" {
		t.Errorf("%+v", n)
	}
}

// A note in review that the server forgot: whatever is chosen is sent anew, also
// when it is the very text that the server once had.
func TestWipedServerDuringReview(t *testing.T) {
	for _, c := range []merge.Choice{merge.Mine, merge.Theirs} {
		_, b, id := conflict(t)
		b.w.wipe()
		b.mustSync()
		b.status(id, model.NeedsReview)
		b.resolve(id, c)
		b.mustSync()
		b.status(id, model.Synced)
		d := b.w.device("c") // the other device never comes back
		d.mustSync()
		if got, err := d.store.Get(ctx, id); err != nil || got.Body != b.get(id).Body {
			t.Errorf("%s: the server has %q, %v", c, got.Body, err)
		}
	}
}

// A note that was purged elsewhere and is kept here comes back as a new note.
func TestKeptAgainstAPurge(t *testing.T) {
	a, b, id := two(t, "x")
	b.edit(id, func(f *model.Fields) { f.Body = "kept" })
	if _, err := a.Delete(ctx, id); err != nil {
		t.Fatal(err)
	}
	if err := a.Purge(ctx, id); err != nil {
		t.Fatal(err)
	}
	a.mustSync()
	b.mustSync()
	b.resolve(id, merge.Mine)
	b.mustSync()
	b.status(id, model.Synced)
	a.mustSync()
	if n := a.get(id); n.Body != "kept" || n.Deleted {
		t.Errorf("%+v", n.Fields)
	}
}
