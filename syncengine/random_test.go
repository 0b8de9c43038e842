package syncengine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stet/model"
	"stet/syncengine"
	"stet/syncengine/merge"
)

// TestState02RandomHistories: two or three devices do anything in any order
// over a network that fails in every way; then the faults stop. All must
// converge, every outbox must drain, and every text that was ever saved must be
// found on the device that saved it.
func TestState02RandomHistories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		defer w.store.Close()
		h := &history{t: rt, w: w, saved: map[string]map[string]bool{}, purged: map[string]bool{}}
		for i := range rapid.IntRange(2, 3).Draw(rt, "devices") {
			h.devices = append(h.devices, w.device(fmt.Sprint("d", i)))
		}
		for range rapid.IntRange(5, 40).Draw(rt, "steps") {
			h.step()
			for _, d := range h.devices {
				for _, id := range h.ids {
					d.invariants(id)
				}
			}
		}
		h.quiesce()
		h.check()
	})
}

type history struct {
	t       *rapid.T
	w       *world
	devices []*device
	ids     []string
	saved   map[string]map[string]bool // device and note → bodies
	purged  map[string]bool
	backed  bool
	n       int
}

func (h *history) step() {
	d := h.devices[rapid.IntRange(0, len(h.devices)-1).Draw(h.t, "device")]
	what := rapid.SampledFrom([]string{"create", "edit", "edit", "edit", "append", "tag", "pin", "delete", "restore", "resolve",
		"sync", "sync", "sync", "fault", "fault", "reopen", "stale", "quiet", "mixed", "discard", "again", "purge", "clock", "backup", "server"}).Draw(h.t, "step")
	h.t.Logf("%s %s", d.name, what)
	if what == "create" || len(h.ids) == 0 {
		note := d.create("t", h.text("one\n\ntwo\n\nthree\n", 0))
		h.ids = append(h.ids, note.ID)
		h.save(d, note.ID)
		return
	}
	id := rapid.SampledFrom(h.ids).Draw(h.t, "note")
	note, err := d.store.Get(ctx, id)
	there := err == nil && !note.Purged
	switch what {
	case "sync":
		_, _ = d.sync()
	case "fault":
		kinds := []fault{dropBefore, dropAfter, twice, err500, html200, truncated, retry429, auth401, reject422, inFlight}
		d.faults.times(rapid.IntRange(1, 4).Draw(h.t, "requests"), rapid.SampledFrom(kinds).Draw(h.t, "fault"))
		_, _ = d.sync()
		d.faults.set(nil)
		d.w.clock.Move(time.Duration(rapid.IntRange(0, 3).Draw(h.t, "minutes")) * time.Minute)
	case "quiet":
		_, _ = d.quietly()
	case "mixed":
		kinds := []fault{"", dropBefore, dropAfter, retry429, reject422, inFlight}
		d.faults.set(func(*http.Request) fault { return rapid.SampledFrom(kinds).Draw(h.t, "fault") })
		_, _ = d.quietly()
		d.faults.set(nil)
	case "clock":
		d.w.clock.Move(time.Duration(rapid.IntRange(-48, 48).Draw(h.t, "hours")) * time.Hour)
	case "backup":
		h.w.backup()
		h.backed = true
	case "server":
		if h.backed {
			h.w.restore()
		} else {
			h.w.wipe()
		}
	case "reopen":
		if err := d.store.Close(); err != nil {
			h.t.Fatal(err)
		}
		d.open()
	}
	if !there {
		return
	}
	switch what {
	case "edit", "stale":
		h.edit(d, note, what == "stale")
	case "append":
		_, err = d.Append(ctx, id, fmt.Sprint("entry ", h.next()))
	case "tag":
		_, err = d.Change(ctx, id, model.Patch{TagsAdd: []string{rapid.SampledFrom([]string{"a", "b", "c"}).Draw(h.t, "tag")}})
	case "pin":
		p := !note.Pinned
		_, err = d.Change(ctx, id, model.Patch{Pinned: &p})
	case "delete":
		_, err = d.Delete(ctx, id)
	case "restore":
		_, err = d.Restore(ctx, id)
	case "discard":
		_, err = d.Discard(ctx, id)
	case "again":
		_, err = d.SendAgain(ctx, id)
	case "purge":
		if err = d.Purge(ctx, id); err == nil {
			h.purged[id] = true
		}
	case "resolve":
		if note.Status == model.NeedsReview {
			h.resolve(d, id)
		}
	}
	if err != nil && !errors.Is(err, model.ErrRefused) {
		h.t.Fatalf("%s %s: %v", d.name, what, err)
	}
	h.save(d, id)
}

func (h *history) next() int { h.n++; return h.n }

// text puts a unique token into one paragraph of body.
func (h *history) text(body string, paragraph int) string {
	lines := strings.Split(body, "\n\n")
	lines[paragraph%len(lines)] = fmt.Sprintf("token %d", h.next())
	return strings.Join(lines, "\n\n")
}

func (h *history) edit(d *device, note model.Note, stale bool) {
	base := note.Fields
	if stale { // an editor that was opened on an older text
		versions, err := d.store.History(ctx, note.ID, 0)
		if err != nil {
			h.t.Fatal(err)
		}
		base = versions[rapid.IntRange(0, len(versions)-1).Draw(h.t, "opened")].Fields
		base.Log, base.Deleted = note.Log, note.Deleted
	}
	f := base.Clone()
	f.Body = h.text(f.Body, rapid.IntRange(0, 2).Draw(h.t, "paragraph"))
	if rapid.IntRange(0, 4).Draw(h.t, "title") == 0 {
		f.Title = fmt.Sprint("title ", h.next())
	}
	if _, err := d.Save(ctx, note.ID, base, f); err != nil {
		h.t.Fatalf("%s save: %v", d.name, err)
	}
	h.remember(d, note.ID, f.Body)
}

func (h *history) resolve(d *device, id string) {
	r, ok, err := d.store.Review(ctx, id)
	if err != nil || !ok {
		h.t.Fatalf("no review of %s: %v", id, err)
	}
	local := d.get(id).Fields
	res := merge.Notes(r.Base, local, r.Remote.Fields)
	decisions := make([]merge.Decision, len(res.Conflicts))
	for i := range decisions {
		decisions[i].Choice = rapid.SampledFrom([]merge.Choice{merge.Mine, merge.Theirs, merge.Both}).Draw(h.t, "choice")
	}
	f, _, err := merge.Resolve(res, r.Base, local, r.Remote.Fields, decisions)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := d.Resolve(ctx, id, r.Remote.Rev, f); err != nil {
		h.t.Fatalf("%s resolve: %v", d.name, err)
	}
}

func (h *history) save(d *device, id string) {
	if n, err := d.store.Get(ctx, id); err == nil {
		h.remember(d, id, n.Body)
	}
}

func (h *history) remember(d *device, id, body string) {
	key := d.name + " " + id
	if h.saved[key] == nil {
		h.saved[key] = map[string]bool{}
	}
	h.saved[key][body] = true
}

// quiesce syncs without faults until nothing moves, resolving what needs it.
func (h *history) quiesce() {
	for range 10 {
		for _, d := range h.devices {
			d.w.clock.Move(2 * time.Hour) // longer than any wait, also one that a clock step made long
			if _, err := d.engine.Round(context.Background(), syncengine.RoundOptions{Yes: true, Force: true}); err != nil {
				h.t.Fatalf("%s does not sync after the faults: %v", d.name, err)
			}
			heads, err := d.store.Reviews(ctx)
			if err != nil {
				h.t.Fatal(err)
			}
			for _, r := range heads {
				h.resolve(d, r.ID)
			}
			for _, id := range h.ids {
				if n, err := d.store.Get(ctx, id); err == nil && !n.Purged && n.Status == model.Failed {
					if _, err := d.SendAgain(ctx, id); err != nil {
						h.t.Fatalf("%s send again: %v", d.name, err)
					}
				}
			}
		}
	}
}

func (h *history) check() {
	var first map[string]string
	for _, d := range h.devices {
		c, err := d.store.Counts(ctx)
		if err != nil || c.Pending+c.Error+c.NeedsReview != 0 {
			h.t.Fatalf("%s did not drain: %+v %v", d.name, c, err)
		}
		dump := d.dump()
		if first == nil {
			first = dump
		}
		if !maps.Equal(first, dump) {
			h.t.Fatalf("%s differs:\n%v\n%v", d.name, first, dump)
		}
		for _, id := range h.ids {
			want := h.saved[d.name+" "+id]
			if len(want) == 0 || h.purged[id] {
				continue
			}
			texts := d.texts(id)
			for body := range want {
				if !texts[body] {
					h.t.Fatalf("%s lost %q of %s; has %q\nevents %v", d.name, body, id, slices.Collect(maps.Keys(texts)), d.events(id))
				}
			}
		}
	}
}

// dump is what all devices must agree on.
func (d *device) dump() map[string]string {
	out := map[string]string{}
	err := d.store.Each(ctx, model.Query{All: true}, func(n model.Note) error {
		f := n.Fields
		f.CreatedAt = time.Time{}
		text, err := f.MarshalJSON()
		out[n.ID] = fmt.Sprintf("%s rev %d", text, n.Rev)
		return err
	})
	if err != nil {
		d.w.t.Fatal(err)
	}
	return out
}
