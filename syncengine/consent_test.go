package syncengine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine"
	"stet/syncengine/remote/native"
	"stet/syncengine/store"
)

// crowd is two devices with n notes that both have.
func crowd(t *testing.T, n int) (a, b *device, ids []string) {
	w := newWorld(t)
	a, b = w.device("a"), w.device("b")
	for i := range n {
		ids = append(ids, a.create(fmt.Sprint("note ", i), fmt.Sprint("text ", i)).ID)
	}
	a.mustSync()
	b.mustSync()
	return a, b, ids
}

func (d *device) round(o syncengine.RoundOptions) (syncengine.Report, error) {
	o.Force = true
	return d.engine.Round(ctx, o)
}

func (d *device) deleteAll(ids []string) {
	d.w.t.Helper()
	for _, id := range ids {
		if _, err := d.Delete(ctx, id); err != nil {
			d.w.t.Fatal(err)
		}
	}
}

func (d *device) editAll(ids []string, text string) {
	for _, id := range ids {
		d.edit(id, func(f *model.Fields) { f.Body = text })
	}
}

// held fails unless the guard holds so many notes of this device.
func (d *device) held(want int, action string) {
	d.w.t.Helper()
	r, err := d.sync()
	if !errors.Is(err, syncengine.ErrHeld) || r.Held != want {
		d.w.t.Fatalf("%s: held %d, want %d (%v)", d.name, r.Held, want, err)
	}
	list, err := d.Held(ctx)
	if err != nil || len(list) != want {
		d.w.t.Fatalf("%s: %d are listed, want %d (%v)", d.name, len(list), want, err)
	}
	for _, h := range list {
		if h.Action != action || h.Title == "" || h.Why == "" {
			d.w.t.Errorf("%s: %+v", d.name, h)
		}
	}
}

// replaced is a crowd whose server was replaced by one with other texts under
// the same ids, which b never saw.
func replaced(t *testing.T, n int) (a, b *device, ids []string) {
	a, b, ids = crowd(t, n)
	a.w.clock.Move(time.Hour)
	a.w.wipe()
	if _, err := a.sync(); err != nil {
		t.Fatal(err)
	}
	a.editAll(ids, "other data")
	a.mustSync()
	return a, b, ids
}

func TestGuardHoldsReplacementsByWhatDoesNotDescend(t *testing.T) {
	a, b, ids := replaced(t, 30)
	b.held(30, "replace")
	for i, id := range ids {
		if got := b.get(id).Body; got != fmt.Sprint("text ", i) {
			t.Fatalf("replaced without consent: %q", got)
		}
	}
	// What builds on a text that is held is held as well.
	a.editAll(ids[:5], "other data, goes on")
	a.mustSync()
	b.held(30, "replace")
	if got := b.get(ids[0]).Body; got != "text 0" {
		t.Fatalf("replaced without consent: %q", got)
	}
	if _, err := b.round(syncengine.RoundOptions{Yes: true}); err != nil {
		t.Fatal(err)
	}
	if b.get(ids[0]).Body != "other data, goes on" || b.get(ids[9]).Body != "other data" {
		t.Error("consent did not take the server's texts")
	}
	u, err := b.Undo(ctx)
	if err != nil || u.Back != 30 || len(u.Changed) != 0 {
		t.Fatalf("%+v %v", u, err)
	}
	b.mustSync()
	a.mustSync()
	for i, id := range ids {
		for _, d := range []*device{a, b} {
			if n := d.get(id); n.Body != fmt.Sprint("text ", i) || n.Status != model.Synced {
				t.Fatalf("%s: %q %s", d.name, n.Body, n.Status)
			}
		}
	}
	if !a.texts(ids[9])["other data"] {
		t.Error("the texts that were replaced again are lost")
	}
}

func TestFewReplacementsNeedNoConsent(t *testing.T) {
	_, b, ids := replaced(t, 20)
	b.mustSync()
	if got := b.get(ids[3]).Body; got != "other data" {
		t.Errorf("%q", got)
	}
	if !b.texts(ids[3])["text 3"] {
		t.Error("the text is not in history")
	}
}

func TestGuardCountsTheWholeRound(t *testing.T) {
	a, b, ids := crowd(t, 60)
	a.deleteAll(ids[:18])
	a.edit(ids[50], func(f *model.Fields) { f.Title = "by a" })
	a.mustSync()
	b.edit(ids[50], func(f *model.Fields) { f.Body = "by b" }) // to be merged, so that there is a second pass
	posts := 0
	b.faults.set(func(r *http.Request) fault {
		if r.Method == http.MethodPost {
			if posts++; posts == 2 { // b has let the first eighteen through
				a.deleteAll(ids[18:36])
				a.mustSync()
			}
		}
		return ""
	})
	_, err := b.sync()
	b.faults.set(nil)
	if !errors.Is(err, syncengine.ErrHeld) {
		t.Errorf("36 deletions in one round went through: %v", err)
	}
}

func TestKeepMine(t *testing.T) {
	a, b, ids := crowd(t, 30)
	a.deleteAll(ids[:25])
	a.mustSync()
	b.held(25, "delete")
	r, err := b.round(syncengine.RoundOptions{Keep: true})
	if err != nil || r.Kept != 25 || r.Pushed != 25 || r.Held != 0 {
		t.Fatalf("%+v %v", r, err)
	}
	a.mustSync()
	for i, id := range ids {
		for _, d := range []*device{a, b} {
			if n := d.get(id); n.Deleted || n.Body != fmt.Sprint("text ", i) || n.Status != model.Synced {
				t.Fatalf("%s: %v %q %s", d.name, n.Deleted, n.Body, n.Status)
			}
		}
	}
	if paused, _ := b.store.Meta(ctx, store.MetaPaused); paused != "" {
		t.Errorf("still paused: %q", paused)
	}
}

func TestKeepMineAgainstOtherData(t *testing.T) {
	a, b, ids := replaced(t, 30)
	b.held(30, "replace")
	if r, err := b.round(syncengine.RoundOptions{Keep: true}); err != nil || r.Kept != 30 {
		t.Fatalf("%+v %v", r, err)
	}
	a.mustSync()
	if got := a.get(ids[4]).Body; got != "text 4" {
		t.Errorf("a has %q", got)
	}
	if !b.texts(ids[4])["other data"] {
		t.Error("what was refused is in no history")
	}
}

func TestUndoSkipsWhatWasWrittenSince(t *testing.T) {
	a, b, ids := crowd(t, 30)
	a.deleteAll(ids)
	a.mustSync()
	b.held(30, "delete")
	if n, _, err := b.Undoable(ctx); err != nil || n != 0 {
		t.Errorf("undoable before anything was done: %d %v", n, err)
	}
	if _, err := b.round(syncengine.RoundOptions{Yes: true}); err != nil {
		t.Fatal(err)
	}
	if n, _, err := b.Undoable(ctx); err != nil || n != 30 {
		t.Errorf("undoable: %d %v", n, err)
	}
	if _, err := b.Restore(ctx, ids[0]); err != nil { // the user was quicker, and wrote on
		t.Fatal(err)
	}
	b.edit(ids[0], func(f *model.Fields) { f.Body = "written since" })
	if _, err := b.Restore(ctx, ids[1]); err != nil {
		t.Fatal(err)
	}
	if err := b.Purge(ctx, ids[2]); err != nil {
		t.Fatal(err)
	}
	u, err := b.Undo(ctx)
	if err != nil || u.Back != 27 || u.Already != 2 || len(u.Changed) != 1 {
		t.Fatalf("%+v %v", u, err)
	}
	if got := b.get(ids[0]).Body; got != "written since" {
		t.Errorf("undo overwrote: %q", got)
	}
	b.mustSync()
	a.mustSync()
	if n := a.get(ids[7]); n.Deleted || n.Body != "text 7" {
		t.Errorf("not back everywhere: %+v", n)
	}
	if u, err := b.Undo(ctx); err != nil || !u.At.IsZero() || u.Back != 0 {
		t.Errorf("undone twice: %+v %v", u, err)
	}
}

func TestUndoOfErasedNotes(t *testing.T) {
	a, b, ids := crowd(t, 30)
	a.deleteAll(ids)
	for _, id := range ids {
		if err := a.Purge(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	a.mustSync()
	b.held(30, "delete")
	if _, err := b.round(syncengine.RoundOptions{Yes: true}); err != nil {
		t.Fatal(err)
	}
	if u, err := b.Undo(ctx); err != nil || u.Back != 30 {
		t.Fatalf("%+v %v", u, err)
	}
	b.mustSync()
	a.mustSync()
	for i, id := range ids {
		if n := a.get(id); n.Deleted || n.Body != fmt.Sprint("text ", i) {
			t.Fatalf("%+v", n)
		}
	}
}

func TestSnapshotEndsAfterNinetyDays(t *testing.T) {
	a, b, ids := crowd(t, 30)
	a.deleteAll(ids)
	a.mustSync()
	if _, err := b.round(syncengine.RoundOptions{Yes: true}); err != nil {
		t.Fatal(err)
	}
	b.w.clock.Move(91 * 24 * time.Hour)
	if n, _, err := b.Undoable(ctx); err != nil || n != 0 {
		t.Errorf("undoable: %d %v", n, err)
	}
	if u, err := b.Undo(ctx); err != nil || u.Back != 0 {
		t.Errorf("%+v %v", u, err)
	}
}

// cut is a store that fails at one of its writes.
type cut struct {
	store.Store
	after int
}

func (c *cut) Write(ctx context.Context, f func(store.Tx) error) error {
	if c.after--; c.after < 0 {
		return errCut
	}
	return c.Store.Write(ctx, f)
}

// Wherever a consented round is cut, what it took away comes back.
func TestSnapshotSurvivesCuts(t *testing.T) {
	const n = 250 // two transactions of taking away
	for after := range 5 {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			a, b, ids := crowd(t, n)
			a.deleteAll(ids)
			a.mustSync()
			b.held(n, "delete")
			driver, err := native.New(b.w.url, b.w.token)
			if err != nil {
				t.Fatal(err)
			}
			e := syncengine.New(&cut{b.store, after}, driver, syncengine.Options{Now: b.w.clock.Now, NewID: b.w.id, Device: b.name,
				Rand: func() float64 { return 0 }, After: time.After, Changed: b.store.DataVersion})
			_, _ = e.Round(ctx, syncengine.RoundOptions{Yes: true})
			if _, err := b.round(syncengine.RoundOptions{Yes: true}); err != nil {
				t.Fatal(err)
			}
			if c, _ := b.store.Counts(ctx); c.Notes != 0 {
				t.Fatalf("%d notes are left", c.Notes)
			}
			if u, err := b.Undo(ctx); err != nil || u.Back != n {
				t.Fatalf("%d of %d are back, %v", u.Back, n, err)
			}
		})
	}
}

func TestHeldChangesBlockNothingElse(t *testing.T) {
	a, b, ids := crowd(t, 60)
	a.deleteAll(ids[:30])
	a.edit(ids[40], func(f *model.Fields) { f.Title = "by a" })
	a.mustSync()
	b.edit(ids[40], func(f *model.Fields) { f.Body = "by b" })
	mine := b.create("mine", "x").ID
	b.held(30, "delete")
	b.status(ids[40], model.Synced) // merged, and sent in the same round
	b.status(mine, model.Synced)
	if n := b.get(ids[40]); n.Title != "by a" || n.Body != "by b" {
		t.Errorf("%q %q", n.Title, n.Body)
	}
}

// One note that the server always fails on starves no other: after two failed
// rounds it stands alone, the others go, changes come in, and it is in error.
func TestPoisonousOpStarvesNoOther(t *testing.T) {
	a, b, ids := crowd(t, 3)
	word, requests := []byte("arsenic"), 0
	a.faults.set(func(r *http.Request) fault {
		for i, op := range carried(t, r) {
			if i == 0 {
				requests++
			}
			for _, member := range op {
				if bytes.Contains(member, word) {
					return err500
				}
			}
		}
		return ""
	})
	bad := a.create("bad", "arsenic").ID
	var good []string
	for i := range 40 {
		good = append(good, a.create(fmt.Sprint(i), "bread").ID)
	}
	b.edit(ids[0], func(f *model.Fields) { f.Body = "from b" })
	b.mustSync()
	for range 6 {
		_, _ = a.sync()
		a.w.clock.Move(time.Hour)
	}
	for _, id := range good {
		a.status(id, model.Synced)
	}
	if got := a.get(ids[0]).Body; got != "from b" {
		t.Errorf("nothing comes in: %q", got)
	}
	a.status(bad, model.Failed)
	fresh := a.create("fresh", "milk").ID
	requests = 0
	r, err := a.sync()
	if err != nil || r.Errors != 1 {
		t.Errorf("%+v %v", r, err)
	}
	a.status(fresh, model.Synced)
	if requests > 5 {
		t.Errorf("%d requests for one new note", requests)
	}
	word = []byte("nothing of the kind")
	a.mustSync()
	a.status(bad, model.Synced)
	b.mustSync()
	if got := b.get(bad).Body; got != "arsenic" {
		t.Errorf("%q", got)
	}
}

// A note from elsewhere may be larger than ours may be; what does not touch its
// text is still possible.
func TestForeignOversizeNoteCanBeActedOn(t *testing.T) {
	w := newWorld(t)
	a := w.device("a")
	id := a.create("t", "small").ID
	a.mustSync()
	big := strings.Repeat("x", syncengine.MaxBody+1)
	err := a.store.Write(ctx, func(tx store.Tx) error { // as a server with larger limits gives it
		n, err := tx.Note(id)
		if err != nil {
			return err
		}
		n.Body, n.Color = big, strings.Repeat("c", syncengine.MaxColor+1)
		_, err = tx.PutNote(n)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	pin := true
	if _, err := a.Change(ctx, id, model.Patch{Pinned: &pin}); err != nil {
		t.Errorf("pin: %v", err)
	}
	if _, err := a.Append(ctx, id, "entry"); err != nil {
		t.Errorf("append: %v", err)
	}
	if _, err := a.Delete(ctx, id); err != nil {
		t.Errorf("delete: %v", err)
	}
	if _, err := a.Restore(ctx, id); err != nil {
		t.Errorf("restore: %v", err)
	}
	n := a.get(id)
	f := n.Fields.Clone()
	f.Body += "y"
	if _, err := a.Save(ctx, id, n.Fields, f); !errors.Is(err, model.ErrInvalid) {
		t.Errorf("a larger text was saved: %v", err)
	}
	if a.get(id).Body != big {
		t.Error("the text changed")
	}
}

// A long queue drains, is told of with its length, and goes on where it was
// interrupted; nothing arrives twice.
func TestLongQueueDrainsAndResumes(t *testing.T) {
	w := newWorld(t)
	a, b := w.device("a"), w.device("b")
	n := 1100
	for i := range n {
		a.create(fmt.Sprint(i), "text")
	}
	rounds, told := 0, false
	for {
		if rounds++; rounds > 10 {
			t.Fatal("never drained")
		}
		cutting, stop := context.WithCancel(ctx)
		posts := 0
		a.faults.set(func(r *http.Request) fault {
			if r.Method != http.MethodPost {
				return ""
			}
			if posts++; posts == 2 {
				stop()
				return dropAfter // the answer to the second batch is never heard
			}
			return ""
		})
		_, err := a.engine.Round(cutting, syncengine.RoundOptions{Force: true})
		stop()
		select {
		case ev := <-a.engine.Events():
			told = told || ev.Total > 500 && ev.Done > 0 && ev.Done <= ev.Total
		default:
		}
		if c, cerr := a.store.Counts(ctx); cerr != nil || c.Pending == 0 {
			if err != nil {
				t.Errorf("drained with %v", err)
			}
			break
		}
	}
	a.faults.set(nil)
	if rounds < 2 || !told {
		t.Errorf("%d rounds, progress told: %v", rounds, told)
	}
	b.mustSync()
	if c, _ := b.store.Counts(ctx); c.Notes != n {
		t.Errorf("%d notes arrived, want %d", c.Notes, n)
	}
}
