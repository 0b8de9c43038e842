package syncengine_test

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine/merge"
	"stet/syncengine/remote"
	"stet/syncengine/store"
)

const three = "one\n\ntwo\n\nthree\n"

// swapped is an edit that writes one text for another in the body.
func swapped(from, to string) func(*model.Fields) {
	return func(f *model.Fields) { f.Body = strings.Replace(f.Body, from, to, 1) }
}

// kept is what a device's store keeps of a note's sync.
type kept struct {
	row    model.Note
	ops    []model.Op
	shadow model.Record
	review model.Review
	inRev  bool
	held   bool
}

func (d *device) kept(id string) (k kept) {
	d.w.t.Helper()
	err := d.store.Read(ctx, func(r store.Reader) (err error) {
		if k.row, err = r.Note(id); err != nil && !errors.Is(err, model.ErrNotFound) {
			return err
		}
		if k.ops, err = r.Ops(id); err != nil {
			return err
		}
		if k.shadow, _, err = r.Shadow(id); err != nil {
			return err
		}
		if k.review, k.inRev, err = r.Review(id); err != nil {
			return err
		}
		_, k.held, err = r.HeldOf(id)
		return err
	})
	if err != nil {
		d.w.t.Fatalf("%s: read %s: %v", d.name, id, err)
	}
	return k
}

// stands checks a note's state and what its outbox holds, as "kind state" words.
func (d *device) stands(id string, want model.Status, ops ...string) kept {
	d.w.t.Helper()
	k := d.kept(id)
	var got []string
	for _, op := range k.ops {
		got = append(got, string(op.Kind)+" "+string(op.State))
	}
	if k.row.Status != want || !slices.Equal(got, ops) {
		d.w.t.Fatalf("%s: the note is %q with %v, want %q with %v", d.name, k.row.Status, got, want, ops)
	}
	d.invariants(id)
	return k
}

// invariants holds what is true of a note in every state.
func (d *device) invariants(id string) {
	d.w.t.Helper()
	k := d.kept(id)
	if k.row.ID == "" {
		return
	}
	fail := func(what string) {
		d.w.t.Helper()
		d.w.t.Fatalf("%s: %s of %s in state %q: ops %+v, review %v, shadow %+v, row %+v", d.name, what, id, k.row.Status, k.ops, k.inRev, k.shadow, k.row)
	}
	refused := false
	for _, op := range k.ops {
		stuck := op.State == model.Parked || op.Attempt >= model.GiveUpAfter && op.Problem != ""
		if refused = refused || stuck; stuck && op.Problem == "" {
			fail("an error without a reason")
		}
	}
	inStep := k.shadow.Rev == k.row.Rev && model.Equal(k.shadow.Fields, k.row.Fields)
	switch k.row.Status {
	case model.Synced:
		neverSent := k.row.Rev == 0 && k.row.Deleted // in the trash before the server heard of it
		if len(k.ops) > 0 || k.inRev || !inStep && !neverSent {
			fail("synced, yet not in step")
		}
	case model.Pending:
		if len(k.ops) == 0 || k.inRev || refused {
			fail("pending without something to send")
		}
	case model.Failed:
		if !refused || k.inRev {
			fail("an error that is none")
		}
	case model.NeedsReview:
		if !k.inRev {
			fail("in review without a conflict")
		}
		for _, op := range k.ops {
			if op.State == model.Queued && op.Kind != model.Append {
				fail("an undecided text would be sent")
			}
		}
	default:
		fail("an unknown state")
	}
	for i, op := range k.ops {
		if op.ID == "" || op.State == model.Sent && op.Attempt == 0 || i > 0 && op.State == model.Sent && k.ops[i-1].State != model.Sent {
			fail("an op out of order")
		}
	}
}

// texted fails if a text cannot be found on the device any more.
func (d *device) texted(id string, bodies ...string) {
	d.w.t.Helper()
	texts := d.texts(id)
	for _, b := range bodies {
		if !texts[b] {
			d.w.t.Fatalf("%s: the text %q is lost; there are %v", d.name, b, texts)
		}
	}
}

// offline syncs and wants that the server was not reached.
func (d *device) offline() {
	d.w.t.Helper()
	if _, err := d.sync(); !errors.Is(err, remote.ErrOffline) {
		d.w.t.Fatalf("%s: %v, want offline", d.name, err)
	}
}

// duringPull runs act while a device asks for changes: what it does then is
// older than the answer and not yet sent.
func (d *device) duringPull(act func()) (*spy, error) {
	d.w.t.Helper()
	done := false
	s := d.watch(func(r *http.Request) fault {
		if isPull(r) && !done {
			done = true
			act()
		}
		if isPush(r) {
			return dropBefore
		}
		return ""
	})
	_, err := d.sync()
	d.faults.set(nil)
	if !done {
		d.w.t.Fatal("it did not pull")
	}
	return s, err
}

// TestState01Transitions drives a note through every row of the protocol's
// table of states, with the real engine, store, driver, server and HTTP.
func TestState01Transitions(t *testing.T) {
	for i, row := range transitions {
		t.Run(fmt.Sprintf("%02d_%s", i+1, row.name), func(t *testing.T) {
			t.Parallel()
			row.run(t)
		})
	}
	if len(transitions) != 34 {
		t.Errorf("%d rows, the table has 34", len(transitions))
	}
}

var transitions = []struct {
	name string
	run  func(t *testing.T)
}{
	{"none_user_creates_pending", func(t *testing.T) {
		a := newWorld(t).device("a")
		n := a.create("t", three)
		k := a.stands(n.ID, model.Pending, "create queued")
		if *k.ops[0].Patch.Body != three || k.ops[0].BaseRev != 0 || a.faults.count() != 0 {
			t.Errorf("%+v, %d requests", k.ops, a.faults.count())
		}
	}},
	{"synced_user_edits_or_deletes_pending", func(t *testing.T) {
		a, b, id := two(t, three)
		rev := a.get(id).Rev
		a.edit(id, swapped("one", "ONE"))
		if k := a.stands(id, model.Pending, "update queued"); k.ops[0].BaseRev != rev || k.shadow.Fields.Body != three {
			t.Errorf("%+v", k)
		}
		if _, err := b.Delete(ctx, id); err != nil {
			t.Fatal(err)
		}
		b.stands(id, model.Pending, "delete queued")
		if list, err := b.store.Find(ctx, model.Query{}, 0); err != nil || len(list) != 0 {
			t.Errorf("the deleted note is shown: %v %v", list, err)
		}
		if n, err := b.Restore(ctx, id); err != nil || n.Body != three {
			t.Errorf("undo: %+v %v", n, err)
		}
		b.stands(id, model.Synced)
	}},
	{"pending_user_edits_pending", func(t *testing.T) {
		a, _, id := two(t, three)
		a.edit(id, swapped("one", "1"))
		a.edit(id, swapped("two", "2"))
		a.edit(id, func(f *model.Fields) { f.Title = "new"; f.Tags = []string{"x"} })
		k := a.stands(id, model.Pending, "update queued")
		if p := k.ops[0].Patch; *p.Body != "1\n\n2\n\nthree\n" || *p.Title != "new" || !slices.Equal(p.TagsAdd, []string{"x"}) {
			t.Errorf("not squashed: %+v", p)
		}
	}},
	{"pending_unsent_create_is_deleted_gone", func(t *testing.T) {
		a := newWorld(t).device("a")
		n := a.create("t", three)
		if _, err := a.Delete(ctx, n.ID); err != nil {
			t.Fatal(err)
		}
		a.stands(n.ID, model.Synced)
		s := a.watch(nil)
		a.mustSync()
		if len(s.ops) != 0 || !a.get(n.ID).Deleted || a.get(n.ID).Body != three {
			t.Errorf("%v, row %+v", s.requests, a.get(n.ID))
		}
	}},
	{"pending_worker_sends_syncing", func(t *testing.T) {
		a, _, id := two(t, three)
		a.edit(id, swapped("one", "ONE"))
		op := a.kept(id).ops[0]
		seen := false
		a.watch(func(r *http.Request) fault {
			if isPush(r) {
				seen = true
				k := a.stands(id, model.Pending, "update sent")
				if k.ops[0].ID != op.ID || k.ops[0].Attempt != 1 || !reflect.DeepEqual(k.ops[0].Patch, op.Patch) {
					t.Errorf("frozen as %+v, planned as %+v", k.ops[0], op)
				}
				lease, err := a.store.Lease(ctx) // syncing is told while the lock is held
				if err != nil {
					t.Errorf("lease: %v", err)
					return ""
				}
				if list, err := a.store.Find(ctx, model.Query{}, 0); err != nil || !list[0].Syncing {
					t.Errorf("not shown as syncing: %+v %v", list, err)
				}
				if err := lease.Release(); err != nil {
					t.Error(err)
				}
			}
			return ""
		})
		a.mustSync()
		if !seen {
			t.Error("nothing was sent")
		}
	}},
	{"syncing_applied_synced", func(t *testing.T) {
		a, b, id := two(t, three)
		a.w.clock.Move(time.Hour)
		before, _ := a.store.Meta(ctx, store.MetaLastSynced)
		a.edit(id, swapped("one", "ONE"))
		a.mustSync()
		k := a.stands(id, model.Synced)
		b.mustSync()
		if k.row.Rev != b.get(id).Rev || k.shadow.Rev != k.row.Rev || b.get(id).Body != k.row.Body {
			t.Errorf("%+v", k)
		}
		if after, _ := a.store.Meta(ctx, store.MetaLastSynced); after <= before {
			t.Errorf("last synced stayed at %s", after)
		}
	}},
	{"syncing_applied_with_more_ops_pending", func(t *testing.T) {
		a, b, id := two(t, three)
		a.edit(id, swapped("one", "ONE"))
		pushes := 0
		a.watch(func(r *http.Request) fault {
			if isPush(r) {
				if pushes++; pushes > 1 {
					return dropBefore
				}
				a.edit(id, swapped("two", "TWO"))
			}
			return ""
		})
		a.offline()
		b.mustSync()
		k := a.stands(id, model.Pending, "update sent") // it was tried once more
		if k.shadow.Fields.Body != "ONE\n\ntwo\n\nthree\n" || k.row.Body != "ONE\n\nTWO\n\nthree\n" ||
			k.ops[0].BaseRev != b.get(id).Rev || k.row.Rev != b.get(id).Rev {
			t.Errorf("%+v", k)
		}
	}},
	{"syncing_user_edits_syncing", func(t *testing.T) {
		a, b, id := two(t, three)
		a.edit(id, swapped("one", "ONE"))
		seen := false
		a.watch(func(r *http.Request) fault {
			if isPush(r) && !seen {
				seen = true
				before := a.kept(id).ops[0]
				a.edit(id, swapped("two", "TWO"))
				k := a.stands(id, model.Pending, "update sent", "update queued")
				if !reflect.DeepEqual(k.ops[0], before) || k.ops[1].ID == before.ID {
					t.Errorf("the frozen op was touched: %+v, was %+v", k.ops, before)
				}
			}
			return ""
		})
		a.mustSync()
		b.mustSync()
		a.stands(id, model.Synced)
		inStep(t, a, b)
	}},
	{"syncing_connection_lost_pending", func(t *testing.T) {
		for _, kind := range []fault{dropBefore, dropAfter, truncated, html200} {
			a, b, id := two(t, three)
			a.edit(id, swapped("one", "ONE"))
			op := a.kept(id).ops[0]
			a.faults.times(3, kind)
			a.offline()
			k := a.stands(id, model.Pending, "update sent")
			if k.ops[0].ID != op.ID || !reflect.DeepEqual(k.ops[0].Patch, op.Patch) {
				t.Errorf("%s: %+v, was %+v", kind, k.ops[0], op)
			}
			s := a.watch(nil)
			a.mustSync()
			if s.ids()[0] != fmt.Sprintf("%q", op.ID) {
				t.Errorf("%s: sent %v, want %s first", kind, s.ids(), op.ID)
			}
			a.stands(id, model.Synced)
			b.mustSync()
			inStep(t, a, b)
		}
	}},
	{"syncing_retry_pending_then_error", func(t *testing.T) {
		a, b, id := two(t, three)
		a.edit(id, swapped("one", "ONE"))
		op := a.kept(id).ops[0]
		a.faults.set(only(isPush, status(500, "internal", "")))
		for try := 1; try <= model.GiveUpAfter; try++ {
			_, _ = a.sync()
			want := model.Pending
			if try == model.GiveUpAfter {
				want = model.Failed
			}
			k := a.stands(id, want, "update sent")
			if k.ops[0].ID != op.ID || k.ops[0].Attempt != try || k.ops[0].Problem == "" || !k.ops[0].NextTry.After(a.w.clock.Now()) {
				t.Errorf("try %d: %+v", try, k.ops[0])
			}
		}
		a.faults.set(nil)
		a.mustSync()
		b.mustSync()
		a.stands(id, model.Synced)
		inStep(t, a, b)

		// 429 was certainly not applied: the op thaws and may be squashed again.
		a.edit(id, swapped("two", "TWO"))
		a.faults.times(1, status(429, "too-many-requests", "60"))
		var wait *remote.RetryError
		if _, err := a.sync(); !errors.As(err, &wait) || wait.After < time.Minute {
			t.Errorf("%v", err)
		}
		a.stands(id, model.Pending, "update queued")
		a.w.clock.Move(2 * time.Minute)
		// In flight elsewhere: unknown, it stays frozen.
		a.faults.set(only(isPush, inFlight))
		_, _ = a.sync()
		a.stands(id, model.Pending, "update sent")
	}},
	{"syncing_unauthorized_pending_and_paused", func(t *testing.T) {
		for code, want := range map[int]error{401: remote.ErrAuth, 403: remote.ErrForbidden} {
			a, b, id := two(t, three)
			a.edit(id, swapped("one", "ONE"))
			a.faults.set(only(isPush, status(code, "refused", "")))
			if _, err := a.sync(); !errors.Is(err, want) {
				t.Fatalf("%d: %v", code, err)
			}
			a.stands(id, model.Pending, "update sent")
			if p, _ := a.store.Meta(ctx, store.MetaPaused); p != "auth" {
				t.Errorf("%d: paused %q", code, p)
			}
			a.faults.set(nil)
			a.mustSync()
			b.mustSync()
			inStep(t, a, b)
			if p, _ := a.store.Meta(ctx, store.MetaPaused); p != "" {
				t.Errorf("%d: still paused: %q", code, p)
			}
		}
	}},
	{"syncing_rejected_error", func(t *testing.T) {
		for code, name := range map[int]string{400: "malformed", 413: "too-large", 422: "validation"} {
			a, _, id := two(t, three)
			a.edit(id, swapped("one", "ONE"))
			a.faults.set(only(isPush, status(code, name, "")))
			a.mustSync()
			if k := a.stands(id, model.Failed, "update parked"); k.ops[0].Problem == "" || k.row.Body != "ONE\n\ntwo\n\nthree\n" {
				t.Errorf("%d: %+v", code, k)
			}
			s := a.watch(nil)
			a.w.clock.Move(time.Hour)
			a.mustSync()
			if len(s.ops) != 0 {
				t.Errorf("%d: sent again by itself", code)
			}
		}
	}},
	{"syncing_conflict_merged_clean_pending", func(t *testing.T) {
		a, b, id := two(t, three)
		a.edit(id, swapped("one", "ONE"))
		a.mustSync()
		b.edit(id, swapped("three", "THREE"))
		old := b.kept(id).ops[0].ID
		pushes := 0
		b.watch(func(r *http.Request) fault {
			if isPush(r) {
				if pushes++; pushes > 1 {
					k := b.stands(id, model.Pending, "update sent")
					if k.ops[0].ID == old || k.ops[0].BaseRev != a.get(id).Rev || k.row.Body != "ONE\n\ntwo\n\nTHREE\n" || k.shadow.Rev != a.get(id).Rev {
						t.Errorf("%+v, the old op was %s", k, old)
					}
				}
			}
			return ""
		})
		b.mustSync()
		if pushes != 2 || !slices.Contains(b.events(id), "merged") {
			t.Errorf("%d pushes, events %v", pushes, b.events(id))
		}
		b.texted(id, "ONE\n\ntwo\n\nthree\n", "one\n\ntwo\n\nTHREE\n", "ONE\n\ntwo\n\nTHREE\n")
		b.stands(id, model.Synced)
	}},
	{"syncing_conflict_needs_review", func(t *testing.T) {
		a, b, id := two(t, three)
		a.edit(id, swapped("two", "by a"))
		a.mustSync()
		b.edit(id, swapped("two", "by b"))
		s := b.watch(nil)
		b.mustSync()
		k := b.stands(id, model.NeedsReview)
		if k.review.Base == nil || k.review.Base.Body != three || k.review.Remote.Rev != a.get(id).Rev ||
			k.review.Remote.Fields.Body != a.get(id).Body || k.row.Body != "one\n\nby b\n\nthree\n" {
			t.Errorf("%+v", k)
		}
		b.mustSync()
		if len(s.ops) != 1 {
			t.Errorf("sent %v", s.ids())
		}
	}},
	{"synced_pull_newer_synced", func(t *testing.T) {
		a, b, id := two(t, three)
		a.edit(id, swapped("two", "by a"))
		a.mustSync()
		b.mustSync()
		if k := b.stands(id, model.Synced); k.row.Body != "one\n\nby a\n\nthree\n" || k.row.Rev != a.get(id).Rev {
			t.Errorf("%+v", k.row)
		}
		b.texted(id, three)
	}},
	{"synced_pull_deleted_trash", func(t *testing.T) {
		a, b, id := two(t, three)
		a.trash([]string{id})
		a.mustSync()
		b.mustSync()
		if k := b.stands(id, model.Synced); !k.row.Deleted || k.row.Body != three {
			t.Errorf("%+v", k.row)
		}
		if _, err := b.Restore(ctx, id); err != nil {
			t.Fatal(err)
		}
		b.mustSync()
		a.mustSync()
		if n := a.get(id); n.Deleted || n.Body != three {
			t.Errorf("%+v", n)
		}
	}},
	{"pending_pull_newer_clean_pending", func(t *testing.T) {
		for _, failed := range []bool{false, true} {
			a, b, id := two(t, three)
			b.edit(id, swapped("three", "THREE"))
			b.mustSync()
			edit := func() { a.edit(id, swapped("one", "ONE")) }
			var err error
			if failed { // a parked op is merged as well
				edit()
				a.faults.set(only(isPush, status(413, "too-large", "")))
				a.mustSync()
				a.faults.set(nil)
			} else if _, err = a.duringPull(edit); !errors.Is(err, remote.ErrOffline) {
				t.Fatal(err)
			}
			k := a.kept(id)
			if want := "ONE\n\ntwo\n\nTHREE\n"; k.row.Body != want || k.shadow.Rev != b.get(id).Rev && !failed {
				t.Errorf("%+v", k)
			}
			if !failed {
				a.stands(id, model.Pending, "update sent")
			}
			a.texted(id, "ONE\n\ntwo\n\nthree\n", "one\n\ntwo\n\nTHREE\n")
		}
	}},
	{"pending_pull_newer_dirty_needs_review", func(t *testing.T) {
		a, b, id := two(t, three)
		b.edit(id, swapped("two", "by b"))
		b.mustSync()
		if _, err := a.duringPull(func() { a.edit(id, swapped("two", "by a")) }); err != nil {
			t.Fatal(err)
		}
		k := a.stands(id, model.NeedsReview)
		if k.row.Body != "one\n\nby a\n\nthree\n" || k.review.Remote.Fields.Body != "one\n\nby b\n\nthree\n" {
			t.Errorf("%+v", k)
		}
	}},
	{"pending_frozen_pull_newer_pending", func(t *testing.T) {
		a, b, id := two(t, three)
		a.edit(id, swapped("one", "ONE"))
		a.faults.times(3, dropAfter)
		a.offline()
		op := a.kept(id).ops[0]
		b.mustSync()
		b.edit(id, swapped("three", "THREE"))
		b.mustSync()
		a.faults.set(only(isPush, inFlight))
		a.mustSync()
		k := a.stands(id, model.Pending, "update sent")
		if !k.held || k.ops[0].ID != op.ID || k.row.Body != "ONE\n\ntwo\n\nthree\n" || k.row.Rev != op.BaseRev {
			t.Errorf("%+v", k)
		}
		a.faults.set(nil)
		a.mustSync()
		if k = a.stands(id, model.Synced); k.held || k.row.Body != "ONE\n\ntwo\n\nTHREE\n" {
			t.Errorf("%+v", k)
		}
		inStep(t, a, b)
	}},
	{"pending_pull_of_our_own_op_synced_or_pending", func(t *testing.T) {
		for _, more := range []bool{false, true} {
			a, b, id := two(t, three)
			a.edit(id, swapped("one", "ONE"))
			a.faults.times(3, dropAfter)
			a.offline()
			if more {
				a.edit(id, swapped("two", "TWO"))
			}
			a.faults.set(only(isPush, inFlight))
			a.mustSync()
			b.mustSync()
			want := []string{}
			status := model.Synced
			if more {
				want, status = []string{"update sent"}, model.Pending // tried in the same round, unknown again
			}
			if k := a.stands(id, status, want...); k.shadow.Rev != b.get(id).Rev || k.shadow.Fields.Body != "ONE\n\ntwo\n\nthree\n" {
				t.Errorf("more %v: %+v", more, k)
			}
			a.faults.set(nil)
			a.mustSync()
			b.mustSync()
			inStep(t, a, b)
		}
	}},
	{"pending_pull_deleted_needs_review", func(t *testing.T) {
		a, b, id := two(t, three)
		b.trash([]string{id})
		b.mustSync()
		if _, err := a.duringPull(func() { a.edit(id, swapped("two", "by a")) }); err != nil {
			t.Fatal(err)
		}
		if k := a.stands(id, model.NeedsReview); !k.review.Remote.Fields.Deleted || k.row.Deleted || k.row.Body != "one\n\nby a\n\nthree\n" {
			t.Errorf("%+v", k)
		}
	}},
	{"pending_delete_pull_deleted_synced", func(t *testing.T) {
		a, b, id := two(t, three)
		b.trash([]string{id})
		b.mustSync()
		s, err := a.duringPull(func() { a.trash([]string{id}) })
		if err != nil || len(s.ops) != 0 {
			t.Errorf("%v, sent %v", err, s.ids())
		}
		if k := a.stands(id, model.Synced); !k.row.Deleted || k.row.Body != three {
			t.Errorf("%+v", k.row)
		}
	}},
	{"pending_delete_pull_newer_needs_review", func(t *testing.T) {
		a, b, id := two(t, three)
		b.edit(id, swapped("two", "by b"))
		b.mustSync()
		if _, err := a.duringPull(func() { a.trash([]string{id}) }); err != nil {
			t.Fatal(err)
		}
		if k := a.stands(id, model.NeedsReview); !k.row.Deleted || k.review.Remote.Fields.Body != "one\n\nby b\n\nthree\n" {
			t.Errorf("%+v", k)
		}
		a.resolve(id, merge.Both) // keeps the edit
		a.mustSync()
		b.mustSync()
		if n := b.get(id); n.Deleted || n.Body != "one\n\nby b\n\nthree\n" {
			t.Errorf("%+v", n)
		}
	}},
	{"error_user_edits_pending", func(t *testing.T) {
		a, b, id := two(t, three)
		a.edit(id, swapped("one", "ONE"))
		a.faults.set(rejecting)
		a.mustSync()
		old := a.stands(id, model.Failed, "update parked").ops[0].ID
		a.edit(id, swapped("two", "TWO"))
		if k := a.stands(id, model.Pending, "update queued"); k.ops[0].ID == old || *k.ops[0].Patch.Body != "ONE\n\nTWO\n\nthree\n" {
			t.Errorf("%+v", k.ops)
		}
		a.faults.set(nil)
		a.mustSync()
		b.mustSync()
		inStep(t, a, b)
	}},
	{"error_retry_syncing", func(t *testing.T) {
		for _, how := range []string{"the user asks", "its time has come"} {
			a, b, id := two(t, three)
			a.edit(id, swapped("one", "ONE"))
			s := a.watch(only(isPush, fail500))
			for range model.GiveUpAfter {
				_, _ = a.sync()
			}
			first := a.stands(id, model.Failed, "update sent").ops[0]
			if how == "the user asks" {
				if _, err := a.SendAgain(ctx, id); err != nil {
					t.Fatal(err)
				}
				a.stands(id, model.Pending, "update sent")
			} else {
				a.w.clock.Move(time.Hour)
			}
			s2 := a.watch(nil)
			if _, err := a.quietly(); err != nil {
				t.Fatal(err)
			}
			if len(s2.ops) != 1 || !reflect.DeepEqual(s2.ops[0], s.ops[0]) || s2.ids()[0] != fmt.Sprintf("%q", first.ID) {
				t.Errorf("%s: sent %s, first %s", how, s2.ops, s.ops[0])
			}
			b.mustSync()
			inStep(t, a, b)
		}
	}},
	{"error_user_discards_synced", func(t *testing.T) {
		a, b, id := two(t, three)
		a.edit(id, swapped("one", "ONE"))
		a.faults.set(rejecting)
		a.mustSync()
		if _, err := a.Discard(ctx, id); err != nil {
			t.Fatal(err)
		}
		if k := a.stands(id, model.Synced); k.row.Body != three || k.row.Rev != b.get(id).Rev {
			t.Errorf("%+v", k.row)
		}
		a.texted(id, "ONE\n\ntwo\n\nthree\n")
		a.faults.set(nil)
		a.mustSync()
		inStep(t, a, b)
	}},
	{"needs_review_user_edits_needs_review", func(t *testing.T) {
		_, b, id := conflict(t)
		before := b.kept(id).review
		b.edit(id, swapped("from b", "from b, more"))
		k := b.stands(id, model.NeedsReview)
		if k.row.Body != "top\nfrom b, more\nend\n" || k.review.Remote.Rev != before.Remote.Rev || !reflect.DeepEqual(k.review.Base, before.Base) {
			t.Errorf("%+v", k)
		}
		b.texted(id, "top\nfrom b\nend\n", "top\nfrom a\nend\n")
	}},
	{"needs_review_pull_newer_recomputed", func(t *testing.T) {
		for again, want := range map[string]model.Status{"from a again": model.NeedsReview, "line": model.Synced, "from b": model.Synced} {
			a, b, id := conflict(t)
			a.edit(id, swapped("from a", again))
			a.mustSync()
			b.mustSync() // what became clean is sent in the same round
			k := b.stands(id, want)
			if k.row.Body != "top\nfrom b\nend\n" || want == model.NeedsReview && k.review.Remote.Rev != a.get(id).Rev {
				t.Errorf("%s: %+v", again, k)
			}
			b.texted(id, "top\nfrom a\nend\n")
		}
	}},
	{"needs_review_user_resolves_pending_or_synced", func(t *testing.T) {
		for choice, status := range map[merge.Choice]model.Status{merge.Mine: model.Pending, merge.Both: model.Pending, merge.Base: model.Pending, merge.Theirs: model.Synced} {
			a, b, id := conflict(t)
			b.resolve(id, choice)
			var want []string
			if status == model.Pending {
				want = []string{"update queued"}
			}
			k := b.stands(id, status, want...)
			for _, op := range k.ops {
				if op.BaseRev != a.get(id).Rev {
					t.Errorf("%s: on rev %d, the server has %d", choice, op.BaseRev, a.get(id).Rev)
				}
			}
			b.texted(id, "top\nfrom a\nend\n", "top\nfrom b\nend\n")
			b.mustSync()
			a.mustSync()
			inStep(t, a, b)
		}
	}},
	{"needs_review_resolution_outdated_needs_review", func(t *testing.T) {
		a, b, id := conflict(t)
		seen := b.kept(id).review.Remote.Rev
		a.edit(id, swapped("from a", "from a again"))
		a.mustSync()
		b.mustSync()
		if _, err := b.Resolve(ctx, id, seen, b.get(id).Fields); !errors.Is(err, model.ErrReviewMoved) {
			t.Errorf("%v", err)
		}
		if k := b.stands(id, model.NeedsReview); k.review.Remote.Fields.Body != "top\nfrom a again\nend\n" {
			t.Errorf("%+v", k.review)
		}
		// Chosen in time but overtaken before it was sent: shown again, never pushed over the newer text.
		b.resolve(id, merge.Mine)
		a.edit(id, swapped("again", "once more"))
		a.mustSync()
		b.mustSync()
		if k := b.stands(id, model.NeedsReview); k.row.Body != "top\nfrom b\nend\n" || k.review.Remote.Fields.Body != "top\nfrom a once more\nend\n" {
			t.Errorf("%+v", k)
		}
		a.mustSync()
		if got := a.get(id).Body; got != "top\nfrom a once more\nend\n" {
			t.Errorf("overwritten: %q", got)
		}
	}},
	{"any_restart_frozen_ops_go_first", func(t *testing.T) {
		w := newWorld(t)
		a, b := w.device("a"), w.device("b")
		var want []string
		for i := range 3 {
			a.create(fmt.Sprint(i), three)
		}
		s := a.watch(only(isPush, dropAfter))
		a.offline()
		want = s.ids()[:3]
		first := slices.Clone(s.ops[:3])
		late := a.create("late", three)
		if err := a.store.Close(); err != nil {
			t.Fatal(err)
		}
		a.faults.set(nil)
		a.open()
		a.stands(late.ID, model.Pending, "create queued")
		s = a.watch(nil)
		a.mustSync()
		if len(s.ops) != 4 || !slices.Equal(s.ids()[:3], want) || !reflect.DeepEqual(s.ops[:3], first) {
			t.Errorf("sent %v, want %v first", s.ids(), want)
		}
		b.mustSync()
		inStep(t, a, b)
	}},
	{"any_cursor_refused_unchanged", func(t *testing.T) {
		a, b, id := conflict(t)
		edited, made := b.create("edited", three), b.create("made", "x")
		b.mustSync()
		b.edit(edited.ID, swapped("one", "ONE"))
		b.edit(made.ID, func(f *model.Fields) { f.Body = "y" })
		before := []string{b.kept(edited.ID).ops[0].ID, b.kept(made.ID).ops[0].ID}
		b.w.wipe()
		pushes := 0
		b.watch(func(r *http.Request) fault {
			if isPush(r) {
				pushes++
				return ""
			}
			if isPull(r) && pushes == 1 { // the push was refused; nothing was compared yet
				for i, id := range []string{edited.ID, made.ID} {
					if k := b.stands(id, model.Pending, "update queued"); k.ops[0].ID != before[i] {
						t.Errorf("%+v, was %s", k.ops[0], before[i])
					}
				}
				b.stands(id, model.NeedsReview)
			}
			return ""
		})
		b.mustSync()
		if pushes < 2 {
			t.Errorf("%d pushes", pushes)
		}
		b.faults.set(nil)
		b.stands(edited.ID, model.Synced)
		b.texted(id, "top\nfrom a\nend\n", "top\nfrom b\nend\n")
		a.mustSync()
		if n := a.get(edited.ID); n.Body != "ONE\n\ntwo\n\nthree\n" {
			t.Errorf("%+v", n)
		}
	}},
	{"gone_undo_delete_pending", func(t *testing.T) {
		a, b, id := two(t, three)
		if _, err := a.Change(ctx, id, model.Patch{TagsAdd: []string{"x"}}); err != nil {
			t.Fatal(err)
		}
		a.trash([]string{id})
		a.mustSync()
		a.stands(id, model.Synced)
		if _, err := a.Restore(ctx, id); err != nil {
			t.Fatal(err)
		}
		k := a.stands(id, model.Pending, "update queued")
		if p := k.ops[0].Patch; p.Deleted == nil || *p.Deleted || *p.Body != three || *p.Title != "title" || !slices.Equal(p.TagsAdd, []string{"x"}) {
			t.Errorf("a restore must carry every field: %+v", p)
		}
		a.mustSync()
		b.mustSync()
		inStep(t, a, b)
	}},
	{"any_sign_out_keeps_everything", func(t *testing.T) {
		a, b, id := two(t, three)
		if err := a.store.SwitchServer(ctx, "first"); err != nil {
			t.Fatal(err)
		}
		if err := a.Replan(ctx); err != nil {
			t.Fatal(err)
		}
		a.mustSync()
		a.edit(id, swapped("one", "ONE"))
		made := a.create("offline", "never sent").ID
		for _, key := range []string{"", "first"} { // sign out, sign in again
			if err := a.store.SwitchServer(ctx, key); err != nil {
				t.Fatal(err)
			}
			if err := a.Replan(ctx); err != nil {
				t.Fatal(err)
			}
			if a.get(id).Body != "ONE\n\ntwo\n\nthree\n" || a.get(made).Body != "never sent" || a.get(id).Status != model.Pending {
				t.Errorf("server %q: %+v", key, a.get(id))
			}
		}
		a.mustSync()
		b.mustSync()
		inStep(t, a, b)
		if n := b.get(id); n.Body != "ONE\n\ntwo\n\nthree\n" || b.get(made).Body != "never sent" {
			t.Errorf("%+v", n)
		}
	}},
}
