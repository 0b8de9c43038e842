package syncengine_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	"stet/model"
	"stet/syncengine/store"
)

// payloads remembers the content of every op that was seen in an outbox: an id
// never has two.
type payloads map[string]string

// look reads the outbox of dev, and returns the ids in it.
func (p payloads) look(dev *device) map[string]bool {
	t := dev.w.t
	t.Helper()
	ids := map[string]bool{}
	err := dev.store.Read(ctx, func(r store.Reader) error {
		var notes []string
		if err := r.IDs(func(id string, _ int64, _ model.Status, _ bool) bool { notes = append(notes, id); return true }); err != nil {
			return err
		}
		for _, id := range notes {
			ops, err := r.Ops(id)
			if err != nil {
				return err
			}
			for _, op := range ops {
				patch, err := json.Marshal(op.Patch)
				if err != nil {
					return err
				}
				content := fmt.Sprintf("%s %s on %d by %s at %s: %s", op.Kind, op.NoteID, op.BaseRev, op.Device, op.CreatedAt, patch)
				if was, seen := p[op.ID]; seen && was != content {
					t.Errorf("op %s is\n%s, was\n%s", op.ID, content, was)
				}
				p[op.ID], ids[op.ID] = content, true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// busy leaves an op of each kind waiting on dev, one half of them out with the
// answer lost.
func (d *day) busy(dev *device) (made, entry string) {
	d.t.Helper()
	d.set(dev, d.ids[0], "out")
	out := d.add(dev, "top\n\nmade, out\n\nend\n")
	if _, err := dev.Append(ctx, d.ids[1], "entry, out"); err != nil {
		d.t.Fatal(err)
	}
	d.remove(dev, d.ids[2])
	d.lose(dev)
	d.set(dev, d.ids[3], "waits")
	d.add(dev, "top\n\nmade, waits\n\nend\n")
	if _, err := dev.Append(ctx, d.ids[4], "entry, waits"); err != nil {
		d.t.Fatal(err)
	}
	d.remove(dev, d.ids[5])
	d.set(dev, out, "made, out, and more") // beside the frozen create
	return out, d.ids[4]
}

// Two copies with ops that wait and ops that are out send all of it once, in
// either order: the second one moves nothing on the server.
func TestCopiesSendEverythingOnce(t *testing.T) {
	for _, first := range []string{"original", "copy"} {
		t.Run(first+" first", func(t *testing.T) {
			d := newDay(t)
			made, logged := d.busy(d.b)
			x, y := d.b, d.copyOf(d.b)
			mine, err := d.b.store.DeviceID(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if other, err := y.store.DeviceID(ctx); err != nil || other == mine || other == "" {
				t.Errorf("the copy is %q (%v), the original %q", other, err, mine)
			}
			if first == "copy" {
				x, y = y, x
			}
			seen := payloads{}
			seen.look(x)
			seen.look(y)
			d.round(x)
			d.round(d.a)
			want := d.a.dump()
			seen.look(y)
			if r := d.round(y); r.Errors+r.NeedsReview+r.Merged > 0 {
				t.Errorf("the second one: %+v", r)
			}
			if r := d.round(d.a); r.Pulled > 0 || !maps.Equal(d.a.dump(), want) {
				t.Errorf("the second one moved %d notes:\n%v, was\n%v", r.Pulled, d.a.dump(), want)
			}
			d.finish()
			d.total(6)
			d.want(made, "made, out, and more")
			if n := d.a.get(logged); len(n.Log) != 1 {
				t.Errorf("log %v", n.Log)
			}
		})
	}
}

// Both copies write on in a note that waits to be sent: what differs has
// different ids, also where an op is planned anew after a refusal.
func TestCopiesWriteOnInAWaitingNote(t *testing.T) {
	d := newDay(t)
	made, _ := d.busy(d.b)
	twin := d.copyOf(d.b)
	both := []*device{d.b, twin}
	seen := payloads{}
	shared := seen.look(twin)
	for i, dev := range both {
		d.set(dev, d.ids[3], fmt.Sprint("waits, then ", i))
		d.top(dev, made, fmt.Sprint("copy ", i))
		if _, err := dev.Append(ctx, d.ids[4], fmt.Sprint("entry of ", i)); err != nil {
			t.Fatal(err)
		}
		d.add(dev, fmt.Sprint("top\n\nonly here ", i, "\n\nend\n"))
	}
	own := seen.look(d.b)
	for id := range seen.look(twin) {
		if own[id] && !shared[id] {
			t.Errorf("op %s was made on both", id)
		}
	}
	for i := range 6 {
		dev := both[i%2]
		if r := d.round(dev); r.Errors > 0 {
			t.Errorf("round %d: %+v", i, r)
		}
		seen.look(dev)
	}
	d.finish()
	d.total(8)
	if n := d.a.get(d.ids[4]); len(n.Log) != 3 {
		t.Errorf("log %v, want the shared entry once and one of each", n.Log)
	}
}

// What waited in both copies, was sent by one and then taken back by its user,
// is not sent a second time by the other: the ids of what waits are kept.
func TestCopySendsNothingThatWasTakenBack(t *testing.T) {
	d := newDay(t)
	d.set(d.b, d.ids[0], "by mistake")
	made := d.add(d.b, "top\n\nby mistake\n\nend\n")
	twin := d.copyOf(d.b)
	d.round(d.b)
	d.set(d.b, d.ids[0], "note 0")
	d.remove(d.b, made)
	d.round(d.b)
	if r := d.round(twin); r.NeedsReview > 0 {
		t.Errorf("the copy: %+v", r)
	}
	d.finish()
	d.want(d.ids[0], "note 0")
	d.trashed(made)
}
