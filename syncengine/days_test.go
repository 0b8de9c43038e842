package syncengine_test

import (
	"fmt"
	"slices"
	"testing"

	"stet/model"
	"stet/syncengine/merge"
)

// TestDay runs the dangerous days: real engines, real stores, the real server
// over HTTP, and what administrators and clocks do to them. A short run takes
// every fourth.
func TestDay(t *testing.T) {
	all := slices.Concat(wipedDays, restoredDays, clockDays, compactedDays, clonedDays, joiningDays)
	ran := 0
	for i, s := range all {
		if testing.Short() && i%4 != 0 {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			ran++
			s.run(newDay(t))
		})
	}
	if !t.Failed() && ran == len(all) {
		fmt.Printf("proof G15 | server wiped, restored, compacted; cloned devices; clocks; joins | "+
			"%d scenarios: 0 notes deleted without consent, 0 texts lost | all\n", ran)
	}
}

type scenario struct {
	name string
	run  func(*day)
}

var wipedDays = []scenario{
	{"wiped", func(d *day) { d.wipe(); d.finish(); d.total(6) }},
	{"wiped with pending ops on both", func(d *day) {
		d.set(d.a, d.ids[0], "by a")
		d.set(d.b, d.ids[1], "by b")
		made := d.add(d.b, "top\n\nnew\n\nend\n")
		d.wipe()
		d.finish()
		d.want(d.ids[0], "by a")
		d.want(d.ids[1], "by b")
		d.want(made, "new")
	}},
	{"wiped with frozen ops", func(d *day) {
		d.set(d.a, d.ids[0], "by a")
		made := d.add(d.a, "top\n\nnew\n\nend\n")
		d.lose(d.a)
		d.wipe()
		d.finish()
		d.want(d.ids[0], "by a")
		d.want(made, "new")
		d.total(7)
	}},
	{"wiped with frozen ops and writing on", func(d *day) {
		d.set(d.a, d.ids[0], "by a")
		d.lose(d.a)
		d.wipe()
		d.set(d.a, d.ids[0], "by a, later")
		d.finish()
		d.want(d.ids[0], "by a, later")
	}},
	{"wiped with a review open", func(d *day) {
		d.conflict()
		d.wipe()
		d.finish()
		d.want(d.ids[0], "by b\nby a")
	}},
	{"wiped with a delete since", func(d *day) {
		d.remove(d.a, d.ids[0])
		d.a.mustSync()
		d.wipe()
		d.finish()
		d.total(5 + len(d.kept(d.ids[0])))
	}},
	{"wiped with a delete that both have", func(d *day) {
		d.remove(d.a, d.ids[0])
		d.a.mustSync()
		d.b.mustSync()
		d.wipe()
		d.finish()
		d.trashed(d.ids[0])
	}},
	{"wiped with a delete waiting", func(d *day) {
		d.remove(d.a, d.ids[0])
		d.wipe()
		d.finish()
	}},
	{"wiped twice", func(d *day) {
		d.wipe()
		d.round(d.a)
		d.set(d.b, d.ids[0], "by b")
		d.wipe()
		d.finish()
		d.want(d.ids[0], "by b")
	}},
	{"wiped and only one device has the newest", func(d *day) {
		d.set(d.a, d.ids[0], "newest")
		d.a.mustSync()
		d.wipe()
		d.round(d.b) // the one behind comes first
		d.finish()
		d.total(6)
	}},
	{"wiped in the middle of a round", func(d *day) {
		for i, id := range d.ids {
			d.set(d.a, id, fmt.Sprint("again ", i))
		}
		d.lose(d.a)
		d.wipe()
		d.lose(d.a)
		d.finish()
		d.want(d.ids[5], "again 5")
	}},
	{"replaced by a server with other notes", func(d *day) {
		d.wipe()
		c := d.join("c")
		d.add(c, "top\n\nother\n\nend\n")
		d.set(d.a, d.ids[0], "by a")
		d.round(c)
		d.finish()
		d.total(7)
		d.want(d.ids[0], "by a")
	}},
	{"replaced by a server with the same notes, moved on", func(d *day) {
		c := d.copyOf(d.b)
		d.wipe()
		d.round(c)
		d.set(c, d.ids[0], "on the new server")
		d.round(c)
		d.set(d.a, d.ids[0], "by a")
		d.finish()
		d.total(6)
	}},
}

// conflict leaves note 0 in review on b.
func (d *day) conflict() {
	d.t.Helper()
	d.set(d.a, d.ids[0], "by a")
	d.set(d.b, d.ids[0], "by b")
	d.a.mustSync()
	d.b.mustSync()
	d.b.status(d.ids[0], model.NeedsReview)
}

// kept returns the note if it is live again on the first device: where a server
// forgot a deletion that not all devices had seen, keeping the note is as right.
func (d *day) kept(id string) []string {
	if d.devices[0].live()[id] {
		return []string{id}
	}
	return nil
}

var restoredDays = slices.Concat(restoredBack(), []scenario{
	{"restored with pending ops", func(d *day) {
		at := d.save()
		d.set(d.a, d.ids[0], "lost")
		d.a.mustSync()
		d.set(d.a, d.ids[0], "waiting")
		d.set(d.b, d.ids[1], "by b")
		d.bring(at)
		d.finish()
		d.want(d.ids[0], "waiting")
		d.want(d.ids[1], "by b")
	}},
	{"restored with frozen ops", func(d *day) {
		at := d.save()
		d.set(d.a, d.ids[0], "frozen")
		made := d.add(d.a, "top\n\nnew\n\nend\n")
		d.lose(d.a)
		d.bring(at)
		d.finish()
		d.want(d.ids[0], "frozen")
		d.want(made, "new")
		d.total(7)
	}},
	{"restored with frozen ops that the backup has", func(d *day) {
		d.set(d.a, d.ids[0], "frozen")
		made := d.add(d.a, "top\n\nnew\n\nend\n")
		d.lose(d.a)
		at := d.save()
		d.b.mustSync()
		d.set(d.b, d.ids[0], "by b")
		d.b.mustSync()
		d.bring(at)
		d.finish()
		d.want(d.ids[0], "by b")
		d.want(made, "new")
		d.total(7)
	}},
	{"restored with a review open", func(d *day) {
		at := d.save()
		d.conflict()
		d.bring(at)
		d.finish()
		d.want(d.ids[0], "by b\nby a")
	}},
	{"restored with a review open that the backup has", func(d *day) {
		d.conflict()
		at := d.save()
		d.set(d.a, d.ids[0], "by a, later")
		d.a.mustSync()
		d.bring(at)
		d.finish()
	}},
	{"restored with deletes since", func(d *day) {
		at := d.save()
		d.remove(d.a, d.ids[0])
		d.a.mustSync()
		d.b.mustSync()
		d.bring(at)
		d.finish()
		d.trashed(d.ids[0])
		d.total(5)
	}},
	{"restored with purges since", func(d *day) {
		at := d.save()
		d.remove(d.a, d.ids[0])
		if err := d.a.Purge(ctx, d.ids[0]); err != nil {
			d.t.Fatal(err)
		}
		delete(d.wrote[d.a], d.ids[0])
		d.a.mustSync()
		d.b.mustSync()
		d.bring(at)
		for range 3 { // the backup has it: it comes back, as nobody here knows of it
			d.round(d.a)
			d.round(d.b)
		}
		d.finish()
	}},
	{"restored with undeletes since", func(d *day) {
		d.remove(d.a, d.ids[0])
		d.a.mustSync()
		d.b.mustSync()
		at := d.save()
		if _, err := d.a.Restore(ctx, d.ids[0]); err != nil {
			d.t.Fatal(err)
		}
		delete(d.gone, d.ids[0])
		d.a.mustSync()
		d.b.mustSync()
		d.bring(at)
		d.finish()
		d.total(6)
	}},
	{"restored with new notes since", func(d *day) {
		at := d.save()
		made := d.add(d.a, "top\n\nnew\n\nend\n")
		d.a.mustSync()
		other := d.add(d.b, "top\n\nother\n\nend\n")
		d.b.mustSync()
		d.bring(at)
		d.finish()
		d.total(8)
		d.want(made, "new")
		d.want(other, "other")
	}},
	{"restored with appends since", func(d *day) {
		at := d.save()
		if _, err := d.a.Append(ctx, d.ids[0], "entry"); err != nil {
			d.t.Fatal(err)
		}
		d.a.mustSync()
		d.bring(at)
		d.finish()
		for _, dev := range d.devices {
			if n := dev.get(d.ids[0]); len(n.Log) != 1 {
				d.t.Errorf("%s: %d entries", dev.name, len(n.Log))
			}
		}
	}},
	{"restored and a device never saw the lost part", func(d *day) {
		at := d.save()
		d.set(d.a, d.ids[0], "lost")
		made := d.add(d.a, "top\n\nnew\n\nend\n")
		d.a.mustSync()
		d.set(d.b, d.ids[1], "by b")
		d.bring(at)
		d.round(d.b) // as if nothing had happened
		d.finish()
		d.want(d.ids[0], "lost")
		d.want(d.ids[1], "by b")
		d.want(made, "new")
	}},
	{"restored and one of two devices is ahead", func(d *day) {
		at := d.save()
		d.set(d.a, d.ids[0], "first")
		d.a.mustSync()
		d.b.mustSync()
		d.set(d.a, d.ids[0], "second")
		d.a.mustSync()
		d.bring(at)
		d.round(d.b) // sends the first again
		d.finish()
		for _, dev := range d.devices {
			if texts := dev.texts(d.ids[0]); !texts["top\n\nsecond\n\nend\n"] {
				d.t.Errorf("%s lost the newest", dev.name)
			}
		}
	}},
	{"restored and both write on from different texts", func(d *day) {
		at := d.save()
		d.set(d.a, d.ids[0], "first")
		d.a.mustSync()
		d.bring(at)
		d.top(d.b, d.ids[0], "by b")
		d.finish()
	}},
	{"restored twice", func(d *day) {
		at := d.save()
		d.set(d.a, d.ids[0], "first")
		d.a.mustSync()
		later := d.save()
		d.set(d.a, d.ids[0], "second")
		d.a.mustSync()
		d.b.mustSync()
		d.bring(at)
		d.round(d.a)
		d.bring(later)
		d.finish()
		d.want(d.ids[0], "second")
	}},
	{"restored, then the replaced store is put back", func(d *day) {
		at := d.save()
		d.set(d.a, d.ids[0], "newer")
		d.a.mustSync()
		aside := d.bring(at).Aside
		d.round(d.b)
		d.set(d.b, d.ids[1], "on the old one")
		d.round(d.b)
		d.bring(aside)
		d.finish()
		d.want(d.ids[0], "newer")
		d.want(d.ids[1], "on the old one")
	}},
	{"restored by hand", func(d *day) {
		at := d.save()
		d.set(d.a, d.ids[0], "lost")
		d.a.mustSync()
		d.b.mustSync()
		d.byHand(at)
		d.finish()
		d.want(d.ids[0], "lost")
	}},
	{"restored by hand and written to before anyone notices", func(d *day) {
		c := d.join("c")
		d.round(c)
		at := d.save()
		d.set(d.a, d.ids[0], "lost")
		d.a.mustSync()
		d.b.mustSync()
		d.byHand(at)
		d.set(c, d.ids[1], "by c") // c knows the backup's place: nothing to notice
		d.round(c)
		d.finish()
		d.want(d.ids[0], "lost")
		d.want(d.ids[1], "by c")
	}},
	{"restored by hand under the same numbers", func(d *day) {
		c := d.join("c")
		d.round(c)
		d.reopen(frozen)
		at := d.save()
		d.set(d.a, d.ids[0], "lost")
		d.a.mustSync()
		d.b.mustSync()
		d.byHand(at)
		d.reopen(frozen)
		d.set(c, d.ids[1], "by c") // gets the number that a's change had
		d.round(c)
		d.finish()
		d.want(d.ids[1], "by c")
		d.want(d.ids[0], "lost")
	}},
})

// restoredBack loses the newest one, three or all changes of a history.
func restoredBack() (out []scenario) {
	for _, back := range []int{1, 3, 6} {
		out = append(out, scenario{fmt.Sprintf("restored %d changes back", back), func(d *day) {
			var backups []string
			for i, id := range d.ids {
				backups = append(backups, d.save())
				d.set(d.a, id, fmt.Sprint("again ", i))
				d.a.mustSync()
			}
			d.b.mustSync()
			d.bring(backups[len(backups)-back])
			d.finish()
			for i, id := range d.ids {
				d.want(id, fmt.Sprint("again ", i))
			}
		}})
	}
	return out
}

var joiningDays = []scenario{
	{"first join with notes on both sides", func(d *day) {
		c := d.join("c")
		d.add(c, "top\n\nonly on c\n\nend\n")
		d.finish()
		d.total(7)
	}},
	{"first join with equal texts under the same ids", func(d *day) {
		c := d.copyOf(d.a)
		if err := c.store.SwitchServer(ctx, "none yet"); err != nil { // knows of no server
			d.t.Fatal(err)
		}
		d.finish()
		d.total(6)
	}},
	{"first join with other texts under the same ids", func(d *day) {
		c := d.copyOf(d.a)
		if err := c.store.SwitchServer(ctx, "none yet"); err != nil {
			d.t.Fatal(err)
		}
		d.set(c, d.ids[0], "on c")
		d.set(d.a, d.ids[0], "on a")
		d.finish()
		d.total(6)
	}},
	{"first join of a device that deleted some", func(d *day) {
		c := d.join("c")
		id := d.add(c, "top\n\nsoon gone\n\nend\n")
		d.remove(c, id)
		d.finish()
		d.total(6)
	}},
	{"servers switched from A to B and back", func(d *day) {
		other := newWorld(d.t.(*testing.T))
		other.ids = 1 << 20
		d.move(d.b, other, "B")
		d.round(d.b)
		d.set(d.b, d.ids[0], "on B")
		d.round(d.b)
		d.set(d.a, d.ids[1], "on A")
		d.round(d.a)
		d.move(d.b, d.world, "A")
		d.finish()
		d.want(d.ids[0], "on B")
		d.want(d.ids[1], "on A")
	}},
	{"servers switched, with changes of the same note", func(d *day) {
		other := newWorld(d.t.(*testing.T))
		other.ids = 1 << 20
		d.choice = merge.Mine
		d.move(d.b, other, "B")
		d.set(d.b, d.ids[0], "on B")
		d.round(d.b)
		d.set(d.a, d.ids[0], "on A")
		d.round(d.a)
		d.move(d.b, d.world, "A")
		d.finish()
		d.total(6)
	}},
	{"servers switched with a delete there", func(d *day) {
		other := newWorld(d.t.(*testing.T))
		other.ids = 1 << 20
		d.move(d.b, other, "B")
		d.round(d.b)
		d.remove(d.b, d.ids[0])
		d.round(d.b)
		d.move(d.b, d.world, "A")
		d.finish()
		d.trashed(d.ids[0])
	}},
}
