package syncengine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine"
	"stet/syncengine/merge"
	"stet/syncengine/remote"
)

var ctx = context.Background()

// two returns two devices that both have one synced note.
func two(t *testing.T, body string) (a, b *device, id string) {
	w := newWorld(t)
	a, b = w.device("a"), w.device("b")
	id = a.create("title", body).ID
	a.mustSync()
	b.mustSync()
	return a, b, id
}

func TestNotesArriveByteEqual(t *testing.T) {
	w := newWorld(t)
	a, b := w.device("a"), w.device("b")
	bodies := []string{"", "a", "a\n", "a\r\nb\tc\r\n", "no end\nline", "\x00\x1b[31m", "🙂👩‍👩‍👧", "\ufeffbom", strings.Repeat("x", 1<<20), "<<<<<<< not a marker"}
	ids := map[string]string{}
	for i, body := range bodies {
		n, err := a.Create(ctx, model.Fields{Title: []string{"", "t"}[i%2], Body: body, Tags: []string{"z", "a", "a"}, Pinned: i%3 == 0, Notebook: "/x//y/"})
		if err != nil {
			t.Fatal(err)
		}
		ids[n.ID] = body
	}
	if r := a.mustSync(); r.Pushed != len(bodies) || r.Pending != 0 {
		t.Fatalf("report %+v", r)
	}
	b.mustSync()
	for id, body := range ids {
		na, nb := a.get(id), b.get(id)
		if nb.Body != body || !model.Equal(na.Fields, nb.Fields) || nb.Notebook != "x/y" || !slices.Equal(nb.Tags, []string{"a", "z"}) {
			t.Errorf("%.20q: arrived as %.60v", body, nb.Fields)
		}
		if na.Rev == 0 || na.Rev != nb.Rev || nb.Status != model.Synced || na.Status != model.Synced || !na.CreatedAt.Equal(nb.CreatedAt) {
			t.Errorf("standing: %+v %+v", na.Rev, nb.Rev)
		}
	}
}

func TestQuietSyncIsOneRequest(t *testing.T) {
	a, _, _ := two(t, "x")
	a.mustSync()
	before := a.faults.seen
	if r := a.mustSync(); r.Pushed+r.Pulled != 0 {
		t.Errorf("report %+v", r)
	}
	if n := a.faults.seen - before; n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestOneChangeIsOneRequest(t *testing.T) {
	a, _, id := two(t, "x")
	a.mustSync()
	a.edit(id, func(f *model.Fields) { f.Body = "y" })
	before := a.faults.seen
	a.mustSync()
	if n := a.faults.seen - before; n != 1 {
		t.Errorf("%d requests", n)
	}
	a.mustSync()
	if !model.Equal(a.get(id).Fields, model.Fields{Title: "title", Body: "y"}) {
		t.Error("lost")
	}
}

func TestLifeOfANote(t *testing.T) {
	a, b, id := two(t, "x")
	step := func(name string, do func() error, want func(model.Note) bool) {
		t.Helper()
		if err := do(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		a.mustSync()
		b.mustSync()
		if n := b.get(id); !want(n) || n.Status != model.Synced {
			t.Errorf("%s: b has %+v", name, n)
		}
	}
	step("tags", func() error { _, err := a.Change(ctx, id, model.Patch{TagsAdd: []string{"t"}}); return err },
		func(n model.Note) bool { return slices.Equal(n.Tags, []string{"t"}) })
	yes := true
	step("pin", func() error { _, err := a.Change(ctx, id, model.Patch{Pinned: &yes}); return err },
		func(n model.Note) bool { return n.Pinned })
	step("append", func() error { _, err := a.Append(ctx, id, "entry"); return err },
		func(n model.Note) bool { return len(n.Log) == 1 && n.Log[0].Text == "entry" })
	step("delete", func() error { _, err := a.Delete(ctx, id); return err },
		func(n model.Note) bool { return n.Deleted && n.Body == "x" })
	step("restore", func() error { _, err := a.Restore(ctx, id); return err },
		func(n model.Note) bool {
			return !n.Deleted && n.Body == "x" && n.Pinned && len(n.Log) == 1 && len(n.Tags) == 1
		})
	if _, err := a.Delete(ctx, id); err != nil {
		t.Fatal(err)
	}
	if err := a.Purge(ctx, id); err != nil {
		t.Fatal(err)
	}
	a.mustSync()
	b.mustSync()
	for _, d := range []*device{a, b} {
		if _, err := d.store.Get(ctx, id); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("%s still has the purged note: %v", d.name, err)
		}
	}
}

func TestMerge05SeparateParagraphsMergeWithReceipt(t *testing.T) {
	a, b, id := two(t, "one\n\ntwo\n\nthree\n")
	a.edit(id, func(f *model.Fields) { f.Body = "ONE\n\ntwo\n\nthree\n" })
	b.edit(id, func(f *model.Fields) { f.Body = "one\n\ntwo\n\nTHREE\n"; f.Title = "other" })
	a.mustSync()
	if r := b.mustSync(); r.Merged != 1 || r.NeedsReview != 0 {
		t.Errorf("report %+v", r)
	}
	a.mustSync()
	for _, d := range []*device{a, b} {
		if n := d.get(id); n.Body != "ONE\n\ntwo\n\nTHREE\n" || n.Title != "other" || n.Status != model.Synced {
			t.Errorf("%s: %+v", d.name, n)
		}
	}
	if !slices.Contains(b.events(id), "merged") {
		t.Errorf("why does not tell: %v", b.events(id))
	}
	texts := b.texts(id)
	if !texts["ONE\n\ntwo\n\nthree\n"] || !texts["one\n\ntwo\n\nTHREE\n"] {
		t.Errorf("parents missing: %v", texts)
	}
}

// conflict makes both devices change one line; b is left in review.
func conflict(t *testing.T) (a, b *device, id string) {
	a, b, id = two(t, "top\nline\nend\n")
	other := a.create("other", "o").ID
	a.edit(id, func(f *model.Fields) { f.Body = "top\nfrom a\nend\n" })
	b.edit(id, func(f *model.Fields) { f.Body = "top\nfrom b\nend\n" })
	bOther := b.create("b's other", "").ID
	a.mustSync()
	r := b.mustSync()
	if r.NeedsReview != 1 {
		t.Fatalf("report %+v", r)
	}
	b.status(id, model.NeedsReview)
	b.status(other, model.Synced)
	b.status(bOther, model.Synced)
	if n := b.get(id); n.Body != "top\nfrom b\nend\n" {
		t.Errorf("the row is not the user's own text: %q", n.Body)
	}
	if texts := b.texts(id); !texts["top\nfrom a\nend\n"] || !texts["top\nfrom b\nend\n"] {
		t.Errorf("a side is missing: %v", texts)
	}
	return a, b, id
}

// resolve decides every conflict of the note the same way.
func (d *device) resolve(id string, c merge.Choice) model.Note {
	d.w.t.Helper()
	r, ok, err := d.store.Review(ctx, id)
	if err != nil || !ok {
		d.w.t.Fatalf("review: %v %v", ok, err)
	}
	local := d.get(id).Fields
	res := merge.Notes(r.Base, local, r.Remote.Fields)
	decisions := make([]merge.Decision, len(res.Conflicts))
	for i := range decisions {
		decisions[i].Choice = c
	}
	f, open, err := merge.Resolve(res, r.Base, local, r.Remote.Fields, decisions)
	if err != nil || open != 0 {
		d.w.t.Fatalf("resolve: open %d, %v", open, err)
	}
	n, err := d.Resolve(ctx, id, r.Remote.Rev, f)
	if err != nil {
		d.w.t.Fatalf("resolve: %v", err)
	}
	return n
}

func TestResolveReachesBothDevices(t *testing.T) {
	for _, c := range []struct {
		choice merge.Choice
		want   string
	}{
		{merge.Mine, "top\nfrom b\nend\n"}, {merge.Theirs, "top\nfrom a\nend\n"},
		{merge.Both, "top\nfrom b\nfrom a\nend\n"}, {merge.Base, "top\nline\nend\n"}, {merge.Neither, "top\nend\n"},
	} {
		t.Run(string(c.choice), func(t *testing.T) {
			a, b, id := conflict(t)
			b.resolve(id, c.choice)
			b.mustSync()
			a.mustSync()
			for _, d := range []*device{a, b} {
				if n := d.get(id); n.Body != c.want || n.Status != model.Synced {
					t.Errorf("%s: %q %s", d.name, n.Body, n.Status)
				}
			}
			if texts := b.texts(id); !texts["top\nfrom a\nend\n"] || !texts["top\nfrom b\nend\n"] {
				t.Errorf("a side was dropped: %v", texts)
			}
		})
	}
}

func TestMerge13OutdatedResolutionIsNotPushed(t *testing.T) {
	a, b, id := conflict(t)
	r, _, _ := b.store.Review(ctx, id)
	a.edit(id, func(f *model.Fields) { f.Body = "top\nfrom a again\nend\n" })
	a.mustSync()
	b.mustSync()
	if _, err := b.Resolve(ctx, id, r.Remote.Rev, b.get(id).Fields); !errors.Is(err, model.ErrReviewMoved) {
		t.Errorf("resolve against an old side: %v", err)
	}
	now, _, _ := b.store.Review(ctx, id)
	if now.Remote.Fields.Body != "top\nfrom a again\nend\n" {
		t.Errorf("shown side is %q", now.Remote.Fields.Body)
	}
}

func TestReviewBecomesCleanByItself(t *testing.T) {
	a, b, id := conflict(t)
	a.edit(id, func(f *model.Fields) { f.Body = "top\nline\nend\n" })
	a.mustSync()
	b.mustSync()
	b.status(id, model.Synced)
	a.mustSync()
	if x, y := a.get(id).Body, b.get(id).Body; x != y || x != "top\nfrom b\nend\n" {
		t.Errorf("a %q b %q", x, y)
	}
}

func TestMerge14EditsDuringReviewAreLocal(t *testing.T) {
	a, b, id := conflict(t)
	b.edit(id, func(f *model.Fields) { f.Body = "top\nfrom b, more\nend\n" })
	b.status(id, model.NeedsReview)
	if r := b.mustSync(); r.Pushed != 0 {
		t.Errorf("something of a note in review was sent: %+v", r)
	}
	b.resolve(id, merge.Mine)
	b.mustSync()
	a.mustSync()
	if n := a.get(id); n.Body != "top\nfrom b, more\nend\n" {
		t.Errorf("%q", n.Body)
	}
}

func TestNative34AppendsNeverConflict(t *testing.T) {
	a, b, id := conflict(t)
	for _, d := range []*device{a, b} {
		if _, err := d.Append(ctx, id, "from "+d.name); err != nil {
			t.Fatal(err)
		}
	}
	a.mustSync()
	b.mustSync()
	a.mustSync()
	b.status(id, model.NeedsReview)
	if x := a.get(id).Log; len(x) != 2 {
		t.Errorf("a has %+v", x)
	}
	b.resolve(id, merge.Both)
	b.mustSync()
	a.mustSync()
	la, lb := a.get(id).Log, b.get(id).Log
	if len(la) != 2 || len(lb) != 2 || la[0].ID != lb[0].ID || la[1].ID != lb[1].ID {
		t.Errorf("logs differ: %+v %+v", la, lb)
	}
}

func TestMerge09EditAgainstDeleteAsks(t *testing.T) {
	for _, c := range []struct {
		name    string
		deletes int // which device deletes: 0 a (remote), 1 b (local)
		choice  merge.Choice
		deleted bool
	}{
		{"deleted elsewhere, keep", 0, merge.Mine, false}, {"deleted elsewhere, delete", 0, merge.Theirs, true},
		{"deleted here, delete", 1, merge.Mine, true}, {"deleted here, keep", 1, merge.Theirs, false},
		{"both keeps the edit", 1, merge.Both, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b, id := two(t, "text\n")
			ds := []*device{a, b}
			if _, err := ds[c.deletes].Delete(ctx, id); err != nil {
				t.Fatal(err)
			}
			ds[1-c.deletes].edit(id, func(f *model.Fields) { f.Body = "edited\n" })
			a.mustSync()
			b.mustSync()
			b.status(id, model.NeedsReview)
			b.resolve(id, c.choice)
			b.mustSync()
			a.mustSync()
			b.mustSync()
			for _, d := range ds {
				n := d.get(id)
				if n.Deleted != c.deleted || n.Status != model.Synced || !c.deleted && n.Body != "edited\n" {
					t.Errorf("%s: deleted %v %s %q", d.name, n.Deleted, n.Status, n.Body)
				}
			}
			if typed := ds[1-c.deletes]; !typed.texts(id)["edited\n"] {
				t.Errorf("%s lost its edit: %v", typed.name, typed.texts(id))
			}
		})
	}
}

func TestMerge10DeleteAgainstDeleteIsSilent(t *testing.T) {
	a, b, id := two(t, "x")
	for _, d := range []*device{a, b} {
		if _, err := d.Delete(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	a.mustSync()
	if r := b.mustSync(); r.NeedsReview != 0 || r.Pending != 0 {
		t.Errorf("%+v", r)
	}
	b.status(id, model.Synced)
}

func TestMerge15CreateAndDeleteBeforeAnySendIsNoRequest(t *testing.T) {
	a, _, _ := two(t, "x")
	n := a.create("gone", "soon")
	if _, err := a.Delete(ctx, n.ID); err != nil {
		t.Fatal(err)
	}
	if r := a.mustSync(); r.Pushed != 0 {
		t.Errorf("%+v", r)
	}
	if _, err := a.Restore(ctx, n.ID); err != nil {
		t.Fatal(err)
	}
	if r := a.mustSync(); r.Pushed != 1 {
		t.Errorf("restore of a never sent note: %+v", r)
	}
}

func TestSaveOverAMovedNote(t *testing.T) {
	a, b, id := two(t, "one\n\ntwo\n\nthree\n")
	opened := b.get(id).Fields
	a.edit(id, func(f *model.Fields) { f.Body = "ONE\n\ntwo\n\nthree\n" })
	a.mustSync()
	b.mustSync()
	text := opened.Clone()
	text.Body = "one\n\ntwo\n\nTHREE\n"
	n, err := b.Save(ctx, id, opened, text)
	if err != nil || n.Body != "ONE\n\ntwo\n\nTHREE\n" || n.Status != model.Pending {
		t.Fatalf("%q %s %v", n.Body, n.Status, err)
	}
	// What overlaps goes to review, with both texts.
	opened = n.Fields
	if _, err := b.Change(ctx, id, model.Patch{Body: str("ONE, said the shell\n\ntwo\n\nTHREE\n")}); err != nil {
		t.Fatal(err)
	}
	text = opened.Clone()
	text.Body = "ONE, said the editor\n\ntwo\n\nTHREE\n"
	if n, err = b.Save(ctx, id, opened, text); err != nil || n.Status != model.NeedsReview || n.Body != text.Body {
		t.Fatalf("%q %s %v", n.Body, n.Status, err)
	}
	if !b.texts(id)["ONE, said the shell\n\ntwo\n\nTHREE\n"] {
		t.Error("the other text is lost")
	}
	b.mustSync()
	b.resolve(id, merge.Both)
	b.mustSync()
	a.mustSync()
	if x := a.get(id).Body; x != "ONE, said the editor\nONE, said the shell\n\ntwo\n\nTHREE\n" {
		t.Errorf("%q", x)
	}
}

func str(s string) *string { return &s }

// TestGuide19AllOrders runs every order of edits and syncs of two devices.
func TestGuide19AllOrders(t *testing.T) {
	steps := []string{"ea", "eb", "sa", "sb"}
	permute(steps, func(order []string) {
		for _, same := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s same=%v", strings.Join(order, " "), same), func(t *testing.T) {
				t.Parallel()
				a, b, id := two(t, "base\n")
				for _, s := range order {
					switch s {
					case "ea":
						a.edit(id, func(f *model.Fields) { f.Body = "by a\n" })
					case "eb":
						b.edit(id, func(f *model.Fields) {
							if same {
								f.Body = "by b\n"
							} else {
								f.Title = "by b"
							}
						})
					case "sa":
						a.mustSync()
					case "sb":
						b.mustSync()
					}
				}
				for range 3 {
					a.mustSync()
					b.mustSync()
				}
				reviews := 0
				for _, d := range []*device{a, b} {
					if d.get(id).Status == model.NeedsReview {
						reviews++
					}
					texts := d.texts(id)
					if typed := "by " + d.name + "\n"; (same || d == a) && !texts[typed] {
						t.Errorf("%s lost what was typed on it: %v", d.name, texts)
					}
					for _, op := range d.kept(id).ops {
						t.Errorf("%s still has %+v", d.name, op)
					}
					if same && reviews > 0 && d.get(id).Status == model.NeedsReview && (!texts["by a\n"] || !texts["by b\n"]) {
						t.Errorf("%s lost a text: %v", d.name, texts)
					}
				}
				seen := slices.Index(order, "ea") < slices.Index(order, "sa") && slices.Index(order, "sa") < slices.Index(order, "sb") &&
					slices.Index(order, "sb") < slices.Index(order, "eb") ||
					slices.Index(order, "eb") < slices.Index(order, "sb") && slices.Index(order, "sb") < slices.Index(order, "sa") &&
						slices.Index(order, "sa") < slices.Index(order, "ea")
				want := 0
				if same && !seen {
					want = 1
				}
				if reviews != want {
					t.Errorf("%d reviews, want %d", reviews, want)
				}
			})
		}
	})
}

func permute(s []string, f func([]string)) {
	var rec func(k int)
	rec = func(k int) {
		if k == len(s) {
			f(slices.Clone(s))
			return
		}
		for i := k; i < len(s); i++ {
			s[k], s[i] = s[i], s[k]
			rec(k + 1)
			s[k], s[i] = s[i], s[k]
		}
	}
	rec(0)
}

func TestFaultsLoseAndDoubleNothing(t *testing.T) {
	for _, kind := range []fault{dropBefore, dropAfter, twice, err500, html200, truncated, retry429, auth401} {
		for _, n := range []int{1, 2, 7} {
			t.Run(fmt.Sprintf("%s x%d", kind, n), func(t *testing.T) {
				a, b, id := two(t, "x")
				a.edit(id, func(f *model.Fields) { f.Body = "changed" })
				made := a.create("new", "note").ID
				if _, err := a.Append(ctx, id, "entry"); err != nil {
					t.Fatal(err)
				}
				a.faults.times(n, kind)
				_, err := a.sync()
				if err != nil {
					if want := map[fault]error{auth401: remote.ErrAuth}[kind]; want != nil && !errors.Is(err, want) {
						t.Errorf("error %v", err)
					}
					if n := a.get(made); n.Body != "note" {
						t.Error("text lost")
					}
				}
				a.edit(made, func(f *model.Fields) { f.Body = "note, later" })
				a.faults.set(nil)
				for range 4 {
					a.w.clock.Move(10 * time.Minute)
					if _, err = a.sync(); err == nil {
						break
					}
				}
				if err != nil {
					t.Fatalf("did not complete: %v", err)
				}
				b.mustSync()
				list, err := b.store.Find(ctx, model.Query{}, 0)
				if err != nil || len(list) != 2 {
					t.Errorf("b has %d notes, %v", len(list), err)
				}
				if n := b.get(id); n.Body != "changed" || len(n.Log) != 1 {
					t.Errorf("%+v", n)
				}
				if n := b.get(made); n.Body != "note, later" {
					t.Errorf("%q", n.Body)
				}
				a.status(id, model.Synced)
				a.status(made, model.Synced)
			})
		}
	}
}

func TestMerge12SentOpKeepsIdThroughEditsAndRestart(t *testing.T) {
	a, b, id := two(t, "x")
	a.edit(id, func(f *model.Fields) { f.Body = "first" })
	a.faults.times(3, dropAfter)
	if _, err := a.sync(); !errors.Is(err, remote.ErrOffline) {
		t.Fatalf("error %v", err)
	}
	a.edit(id, func(f *model.Fields) { f.Body = "second" })
	b.mustSync()
	if x := b.get(id).Body; x != "first" {
		t.Errorf("server has %q", x)
	}
	if err := a.store.Close(); err != nil {
		t.Fatal(err)
	}
	a.faults.set(nil)
	a.open()
	a.mustSync()
	b.mustSync()
	if x := b.get(id); x.Body != "second" || x.Status != model.Synced {
		t.Errorf("%q", x.Body)
	}
	if h, _ := b.store.History(ctx, id, 0); len(h) != 3 {
		t.Errorf("b saw %d texts, want 3", len(h))
	}
}

func TestPullWhileAnOpIsUnknown(t *testing.T) {
	a, b, id := two(t, "one\n\ntwo\n\nthree\n")
	a.edit(id, func(f *model.Fields) { f.Body = "ONE\n\ntwo\n\nthree\n" })
	a.faults.times(3, dropAfter)
	_, _ = a.sync()
	b.mustSync()
	b.edit(id, func(f *model.Fields) { f.Body = "ONE\n\ntwo\n\nTHREE\n" })
	b.mustSync()
	a.faults.set(nil)
	a.edit(id, func(f *model.Fields) { f.Body = "ONE\n\nTWO\n\nthree\n" })
	for range 2 {
		a.mustSync()
		b.mustSync()
	}
	for _, d := range []*device{a, b} {
		if n := d.get(id); n.Body != "ONE\n\nTWO\n\nTHREE\n" || n.Status != model.Synced {
			t.Errorf("%s: %q %s", d.name, n.Body, n.Status)
		}
	}
}

func TestGuardHoldsMassDeletion(t *testing.T) {
	w := newWorld(t)
	a, b := w.device("a"), w.device("b")
	var ids []string
	for i := range 40 {
		ids = append(ids, a.create(fmt.Sprint(i), "text").ID)
	}
	a.mustSync()
	b.mustSync()
	for _, id := range ids[:30] {
		if _, err := a.Delete(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	a.edit(ids[35], func(f *model.Fields) { f.Body = "goes on" })
	a.mustSync()
	plan, err := b.engine.Plan(ctx)
	if err != nil || plan.Held != 30 {
		t.Errorf("plan held %d, %v", plan.Held, err)
	}
	r, err := b.sync()
	if !errors.Is(err, syncengine.ErrHeld) || r.Held != 30 {
		t.Fatalf("report %+v, %v", r, err)
	}
	if c, _ := b.store.Counts(ctx); c.Notes != 40 {
		t.Errorf("%d notes are left", c.Notes)
	}
	if b.get(ids[35]).Body != "goes on" {
		t.Error("the guard blocked another note")
	}
	if _, err := b.sync(); !errors.Is(err, syncengine.ErrHeld) {
		t.Errorf("the guard forgot: %v", err)
	}
	if _, err := b.engine.Round(ctx, syncengine.RoundOptions{Yes: true}); err != nil {
		t.Fatal(err)
	}
	if c, _ := b.store.Counts(ctx); c.Notes != 10 || c.Trash != 30 {
		t.Errorf("after consent: %+v", c)
	}
}

func TestServerWiped(t *testing.T) {
	a, b, id := two(t, "x")
	only := a.create("offline", "not yet sent").ID
	a.w.wipe()
	for range 2 {
		a.mustSync()
		b.mustSync()
	}
	for _, d := range []*device{a, b} {
		list, _ := d.store.Find(ctx, model.Query{}, 0)
		if len(list) != 2 || d.get(id).Body != "x" || d.get(only).Body != "not yet sent" || d.get(id).Deleted {
			t.Errorf("%s: %d notes", d.name, len(list))
		}
	}
}

func TestServerRestoredFromBackup(t *testing.T) {
	a, b, id := two(t, "old")
	a.w.backup()
	a.edit(id, func(f *model.Fields) { f.Body = "new" })
	later := a.create("later", "made after the backup").ID
	a.mustSync()
	b.mustSync()
	a.w.restore()
	for range 3 {
		a.mustSync()
		b.mustSync()
	}
	for _, d := range []*device{a, b} {
		if d.get(id).Body != "new" || d.get(later).Body != "made after the backup" {
			t.Errorf("%s lost: %q", d.name, d.get(id).Body)
		}
		d.status(id, model.Synced)
		d.status(later, model.Synced)
	}
	if list, _ := b.store.Find(ctx, model.Query{}, 0); len(list) != 2 {
		t.Errorf("doubled: %d notes", len(list))
	}
}

// The activity log tells of rounds that moved something, and only of those.
func TestRoundsAreTold(t *testing.T) {
	a, _, id := two(t, "x")
	a.edit(id, func(f *model.Fields) { f.Body = "y" })
	a.mustSync()
	a.mustSync()
	rounds, err := a.store.Activity(ctx, []model.EventName{model.EventRound}, 0, 0)
	if err != nil || len(rounds) != 2 || rounds[0].Detail != "1 sent, 0 fetched, 0 merged" {
		t.Errorf("%+v %v", rounds, err)
	}
}
