package syncengine_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stet/model"
	"stet/syncengine"
	"stet/syncengine/remote"
	"stet/syncengine/remote/native"
	"stet/syncengine/store"
)

// TestPlanEqualsWhatThenHappens: in random situations (everything that
// [history] does, mass deletions, mass changes of a server that forgot) the
// plan of a round is compared, note by note, with the round that follows, as
// seen from outside: the rows before and after, and the ops that the server
// took.
//
// 12 situations by default; -rapid.checks=N tries N.
func TestPlanEqualsWhatThenHappens(t *testing.T) {
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		if err := flag.Set("rapid.checks", "12"); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = flag.Set("rapid.checks", checks.DefValue) }()
	}
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		defer w.store.Close()
		h := &history{t: rt, w: w, saved: map[string]map[string]bool{}, purged: map[string]bool{}}
		for i := range rapid.IntRange(2, 3).Draw(rt, "devices") {
			h.devices = append(h.devices, w.device(fmt.Sprint("d", i)))
		}
		var many []string
		if rapid.Bool().Draw(rt, "many") {
			for i := range 24 {
				many = append(many, h.devices[0].create(fmt.Sprint("many ", i), "text\n").ID)
			}
			for _, d := range h.devices {
				d.mustSync()
			}
		}
		for range rapid.IntRange(3, 25).Draw(rt, "steps") {
			switch what := rapid.IntRange(0, 9).Draw(rt, "what"); {
			case what == 0 && many != nil:
				h.mass(many)
			case what < 7:
				h.step()
			default:
				h.planned(h.devices[rapid.IntRange(0, len(h.devices)-1).Draw(rt, "planner")])
			}
		}
		for _, d := range h.devices {
			h.planned(d)
		}
	})
}

// mass does one thing to many notes on one device.
func (h *history) mass(ids []string) {
	d := h.devices[rapid.IntRange(0, len(h.devices)-1).Draw(h.t, "device")]
	what := rapid.SampledFrom([]string{"delete", "edit", "restore", "wipe"}).Draw(h.t, "mass")
	h.t.Logf("%s mass %s", d.name, what)
	if what == "wipe" { // what is sent to the new server does not descend from what others have
		d.w.clock.Move(1000 * time.Hour)
		h.w.wipe()
		_, _ = d.sync()
		what = "edit"
	}
	for _, id := range ids {
		n, err := d.store.Get(ctx, id)
		if err != nil || n.Purged {
			continue
		}
		switch what {
		case "delete":
			_, err = d.Delete(ctx, id)
		case "restore":
			_, err = d.Restore(ctx, id)
		case "edit":
			f := n.Fields.Clone()
			f.Body = fmt.Sprint("mass ", h.next(), "\n")
			_, err = d.Save(ctx, id, n.Fields, f)
		}
		if err != nil {
			h.t.Fatal(err)
		}
	}
	_, _ = d.sync()
}

// recorder is a driver that writes down what was taken of what was sent.
type recorder struct {
	remote.Remote
	taken   []string // note and kind
	refused bool     // something went otherwise than by the note's own state
}

func (r *recorder) Push(ctx context.Context, cursor string, ops []remote.Op) (remote.PushResult, error) {
	res, err := r.Remote.Push(ctx, cursor, ops)
	for i, out := range res.Outcomes {
		switch out.Kind {
		case remote.Applied:
			r.taken = append(r.taken, ops[i].NoteID+" "+string(ops[i].Kind))
		case remote.Conflict:
		default:
			r.refused = true
		}
	}
	return res, err
}

// recorded returns an engine of the device whose sending is written down.
func (d *device) recorded() (*syncengine.Engine, *recorder) {
	driver, err := native.New(d.w.url, d.w.token, native.WithTransport(d.faults))
	if err != nil {
		d.w.t.Fatal(err)
	}
	r := &recorder{Remote: driver}
	return d.engineOf(r), r
}

// engineOf returns an engine of the device on another driver.
func (d *device) engineOf(r remote.Remote) *syncengine.Engine {
	return syncengine.New(d.store, r, syncengine.Options{Now: d.w.clock.Now, NewID: d.w.id, Device: d.name,
		Rand: rand.New(rand.NewPCG(1, 2)).Float64, Changed: d.store.DataVersion,
		After: func(w time.Duration) <-chan time.Time {
			d.w.clock.Move(w)
			ch := make(chan time.Time, 1)
			ch <- d.w.clock.Now()
			return ch
		}})
}

// seen is what can be seen of a note from outside.
type seen struct {
	note   model.Note
	review model.Review
	there  bool
	reviewed,
	vague bool // an op is out whose fate only the server knows
}

func (d *device) look(r remote.Remote) map[string]seen {
	out := map[string]seen{}
	err := d.store.Read(ctx, func(tx store.Reader) error {
		var ids []string
		if err := tx.IDs(func(id string, _ int64, _ model.Status, _ bool) bool {
			ids = append(ids, id)
			return true
		}); err != nil {
			return err
		}
		ops, err := tx.Sendable(1<<20, time.Time{}, true)
		if err != nil {
			return err
		}
		for _, op := range ops { // a note that waits to be erased is not listed
			if !slices.Contains(ids, op.NoteID) {
				ids = append(ids, op.NoteID)
			}
		}
		for _, id := range ids {
			var s seen
			if s.note, err = tx.Note(id); err != nil && !errors.Is(err, model.ErrNotFound) {
				return err
			}
			s.there = err == nil
			if s.review, s.reviewed, err = tx.Review(id); err != nil {
				return err
			}
			ops, err := tx.Ops(id)
			if err != nil {
				return err
			}
			for _, op := range ops {
				if op.State == model.Sent && r != nil {
					there, err := r.Get(ctx, id, "")
					s.vague = s.vague || err != nil || there.OpID != op.ID && there.Rev > op.BaseRev
				}
			}
			out[id] = s
		}
		return nil
	})
	if err != nil {
		d.w.t.Fatal(err)
	}
	return out
}

// happened names what a round did to a note here: the words of
// [syncengine.PlanItem], from rows alone.
func happened(before, after seen) string {
	b, a := before.there && !before.note.Purged, after.there && !after.note.Purged
	switch {
	case !b && !a:
		return ""
	case !b && after.note.Deleted:
		return "delete"
	case !b && before.there:
		return "restore"
	case !b:
		return "new"
	case !a:
		return "purge"
	case after.reviewed && !(before.reviewed && model.Equal(before.review.Remote.Fields, after.review.Remote.Fields)):
		return "review"
	case !before.note.Deleted && after.note.Deleted:
		return "delete"
	case before.note.Deleted && !after.note.Deleted:
		return "restore"
	case model.Equal(before.note.Fields, after.note.Fields):
		return ""
	case before.note.Status == model.Synced && after.note.Status == model.Synced:
		return "update"
	}
	return "merge"
}

// planned makes a plan, then does the round, and compares.
func (h *history) planned(d *device) {
	opts := syncengine.RoundOptions{Force: true, Yes: rapid.IntRange(0, 3).Draw(h.t, "yes") == 0}
	if !opts.Yes {
		opts.Keep = rapid.IntRange(0, 3).Draw(h.t, "keep") == 0
	}
	d.w.clock.Move(2 * time.Hour) // no Retry-After holds any more
	e, rec := d.recorded()
	version, err := d.store.DataVersion(ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	d.faults.set(func(r *http.Request) fault {
		if r.Method != http.MethodGet {
			h.t.Errorf("the plan sent %s %s", r.Method, r.URL)
		}
		return ""
	})
	plan, err := e.PlanRound(ctx, opts)
	d.faults.set(nil)
	if err != nil {
		h.t.Fatalf("%s plan: %v", d.name, err)
	}
	if now, err := d.store.DataVersion(ctx); err != nil || now != version {
		h.t.Fatalf("the plan wrote to the store (%v)", err)
	}
	before := d.look(rec.Remote)
	report, err := e.Round(ctx, opts)
	if err != nil && !errors.Is(err, syncengine.ErrHeld) {
		h.t.Fatalf("%s round: %v", d.name, err)
	}
	if rec.refused {
		return // of that no plan can know
	}
	h.compare(d, plan, report, before, rec.taken)
}

func (h *history) compare(d *device, plan syncengine.Plan, report syncengine.Report, before map[string]seen, taken []string) {
	after := d.look(nil)
	for _, s := range before {
		if s.vague {
			h.t.Logf("%s: an op's fate is unknown; not compared", d.name)
			return
		}
	}
	var planned, did, held, holds, pushes []string
	for _, it := range plan.Pull {
		what := it.NoteID + " " + strings.Replace(it.Action, "replace", "update", 1)
		if it.Held {
			held = append(held, it.NoteID+" "+it.Action)
			if it.Why == "" {
				h.t.Errorf("no reason why %s is held", it.NoteID)
			}
			continue
		}
		planned = append(planned, what)
	}
	ids := map[string]bool{}
	for id := range before {
		ids[id] = true
	}
	for id := range after {
		ids[id] = true
	}
	for id := range ids {
		if what := happened(before[id], after[id]); what != "" {
			did = append(did, id+" "+what)
		}
	}
	waits, err := d.Held(ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, w := range waits {
		holds = append(holds, w.ID+" "+w.Action)
	}
	for _, it := range plan.Push {
		pushes = append(pushes, it.NoteID+" "+it.Action)
	}
	for _, list := range [][]string{planned, did, held, holds, pushes, taken} {
		slices.Sort(list)
	}
	if !slices.Equal(planned, did) || !slices.Equal(held, holds) || !slices.Equal(pushes, taken) || plan.Held != report.Held {
		h.t.Fatalf("%s: the plan and what happened differ\nhere  planned %v\n      did     %v\nheld  planned %v (%d)\n      did     %v (%d)\nthere planned %v\n      did     %v",
			d.name, planned, did, held, plan.Held, holds, report.Held, pushes, taken)
	}
}
