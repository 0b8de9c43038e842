package syncengine_test

import (
	"fmt"
	"time"

	"stet/model"
	"stet/syncengine/merge"
)

var clockDays = []scenario{
	{"wiped and the numbers given out twice", func(d *day) {
		d.choice = merge.Theirs // which is newer cannot be known: it is asked
		d.reopen(frozen)
		d.set(d.a, d.ids[0], "first life")
		d.a.mustSync()
		d.b.mustSync()
		d.wipe()
		d.reopen(frozen)
		d.round(d.b)
		d.set(d.b, d.ids[0], "second life")
		d.round(d.b)
		d.finish()
		d.want(d.ids[0], "second life")
	}},
	{"wiped, the clock set back, another device wrote first", func(d *day) {
		d.choice = merge.Theirs
		d.wipe()
		past := d.clock.Now().Add(-1000 * time.Hour)
		d.reopen(func() time.Time { return past })
		d.round(d.b)
		for i, id := range d.ids {
			d.set(d.b, id, fmt.Sprint("newer ", i))
		}
		d.round(d.b)
		d.finish()
		for i, id := range d.ids {
			d.want(id, fmt.Sprint("newer ", i))
		}
	}},
	{"wiped and the numbers given out twice, with ops that wait", func(d *day) {
		d.choice = merge.Theirs
		d.reopen(frozen)
		d.set(d.a, d.ids[0], "one")
		d.a.mustSync()
		d.set(d.a, d.ids[0], "two")
		d.lose(d.a)
		d.set(d.b, d.ids[1], "by b")
		d.lose(d.b)
		d.wipe()
		d.reopen(frozen)
		d.finish()
		d.want(d.ids[0], "two")
		d.want(d.ids[1], "by b")
	}},
	{"wiped and the numbers given out twice, with a review", func(d *day) {
		d.reopen(frozen)
		d.conflict()
		d.wipe()
		d.reopen(frozen)
		d.set(d.a, d.ids[0], "by a, in the second life")
		d.round(d.a)
		d.finish()
		d.total(6)
	}},
	{"restored by hand, the clock set back, other changes under the same numbers", func(d *day) {
		c := d.join("c")
		d.round(c)
		d.reopen(frozen)
		at := d.save()
		d.set(d.a, d.ids[0], "lost")
		d.a.mustSync()
		d.b.mustSync()
		d.byHand(at)
		d.reopen(frozen)
		d.set(c, d.ids[0], "by c") // the same note under the same number
		d.round(c)
		d.finish()
		d.total(6)
	}},
	{"restored by hand to just before what one device sent, and could not follow by a pull", func(d *day) {
		d.set(d.b, d.ids[1], "by b")
		d.round(d.b)
		at := d.save()
		d.set(d.a, d.ids[0], "by a")
		made := d.add(d.a, "top\n\nnew\n\nend\n")
		d.a.faults.set(only(isPull, dropBefore))
		_, _ = d.a.sync()
		d.a.faults.set(nil)
		d.byHand(at) // the cursor of a is right there, before and after
		d.finish()
		d.want(d.ids[0], "by a")
		d.want(made, "new")
	}},
	{"wiped, and erased there before another device sends it again", func(d *day) {
		d.choice = merge.Theirs
		d.wipe()
		d.round(d.b)
		d.remove(d.b, d.ids[0])
		d.round(d.b)
		if err := d.b.Purge(ctx, d.ids[0]); err != nil {
			d.t.Fatal(err)
		}
		d.round(d.b)
		d.finish()
		d.total(5)
	}},
	{"server clock ten years ahead, then right again", func(d *day) {
		d.years(10)
		d.set(d.a, d.ids[0], "ahead")
		d.round(d.a)
		d.years(-10)
		d.set(d.b, d.ids[1], "right")
		d.finish()
		d.set(d.b, d.ids[0], "right")
		d.finish()
		d.want(d.ids[0], "right")
		d.want(d.ids[1], "right")
	}},
	{"server clock ten years behind", func(d *day) {
		past := d.clock.Now().Add(-10 * 365 * 24 * time.Hour)
		d.reopen(func() time.Time { return past })
		d.set(d.a, d.ids[0], "behind")
		d.finish()
		d.want(d.ids[0], "behind")
	}},
	{"server clock stands still", func(d *day) {
		now := d.clock.Now()
		d.reopen(func() time.Time { return now })
		for i, id := range d.ids {
			d.set(d.devices[i%2], id, fmt.Sprint("still ", i))
			d.round(d.devices[i%2])
		}
		d.finish()
		d.want(d.ids[5], "still 5")
	}},
	{"restored after the server clock was ten years ahead", func(d *day) {
		at := d.save()
		d.years(10)
		d.set(d.a, d.ids[0], "ahead")
		d.round(d.a)
		d.years(-10)
		d.bring(at)
		d.set(d.b, d.ids[1], "by b")
		d.finish()
		d.want(d.ids[0], "ahead")
		d.want(d.ids[1], "by b")
	}},
	{"device clocks ten years off", func(d *day) {
		d.reopen(frozen)
		d.years(10)
		d.set(d.a, d.ids[0], "by a")
		d.years(-20)
		d.set(d.b, d.ids[0], "by b")
		d.round(d.b)
		d.years(10)
		d.round(d.a)
		d.a.status(d.ids[0], model.NeedsReview) // no clock decides
		d.finish()
	}},
	{"device clock goes backwards between writes", func(d *day) {
		d.set(d.a, d.ids[0], "first")
		d.clock.Move(-time.Hour)
		d.set(d.a, d.ids[0], "second")
		d.years(-1)
		d.set(d.a, d.ids[0], "third")
		d.finish()
		d.want(d.ids[0], "third")
	}},
	{"device clock goes back ten years while an op waits", func(d *day) {
		d.set(d.a, d.ids[0], "waits")
		d.a.faults.times(3, fail500)
		_, _ = d.a.sync()
		d.a.faults.set(nil)
		d.years(-10)
		d.finish()
		d.want(d.ids[0], "waits")
	}},
}

// sleep lets b sleep 400 days and more.
func (d *day) sleep() { d.years(1.2) }

var compactedDays = []scenario{
	{"compacted while a device slept with clean notes", func(d *day) {
		d.remove(d.a, d.ids[0])
		d.set(d.a, d.ids[1], "by a")
		d.a.mustSync()
		d.sleep()
		if c := d.compact(); c.Accounts != 1 || c.Versions != 2 || c.Tombstones != 1 {
			d.t.Errorf("%+v", c)
		}
		d.finish()
		d.trashed(d.ids[0])
		d.want(d.ids[1], "by a")
		if n := d.b.get(d.ids[0]); n.Body == "" {
			d.t.Error("the text of the trashed note is lost")
		}
	}},
	{"compacted while a device slept with a dirty note that was deleted", func(d *day) {
		d.set(d.b, d.ids[0], "by b")
		if _, err := d.a.Delete(ctx, d.ids[0]); err != nil {
			d.t.Fatal(err)
		}
		d.a.mustSync()
		d.sleep()
		d.compact()
		d.round(d.b)
		d.b.status(d.ids[0], model.NeedsReview)
		d.finish()
		d.want(d.ids[0], "by b")
	}},
	{"compacted while a device slept with a dirty note that was changed", func(d *day) {
		d.top(d.b, d.ids[0], "by b")
		d.set(d.a, d.ids[0], "once")
		d.a.mustSync()
		d.set(d.a, d.ids[0], "twice")
		d.a.mustSync()
		d.sleep()
		d.compact()
		d.finish()
		if n := d.b.get(d.ids[0]); n.Body != "by b\n\ntwice\n\nend\n" {
			d.t.Errorf("%q", n.Body)
		}
	}},
	{"compacted while a device slept with new notes", func(d *day) {
		made := d.add(d.b, "top\n\nnew\n\nend\n")
		d.set(d.a, d.ids[0], "by a")
		d.a.mustSync()
		d.sleep()
		d.compact()
		d.finish()
		d.want(made, "new")
		d.total(7)
	}},
	{"compacted while a device slept with a review", func(d *day) {
		d.conflict()
		d.set(d.a, d.ids[0], "by a, later")
		d.a.mustSync()
		d.sleep()
		d.compact()
		d.finish()
		d.total(6)
	}},
	{"compacted while a device slept with frozen ops", func(d *day) {
		d.set(d.b, d.ids[0], "frozen")
		made := d.add(d.b, "top\n\nnew\n\nend\n")
		d.lose(d.b)
		d.a.mustSync()
		d.set(d.a, d.ids[0], "by a")
		d.set(d.a, made, "by a too")
		d.a.mustSync()
		d.note(d.b, d.ids[0], d.b.get(d.ids[0]).Body)
		d.sleep()
		d.compact()
		d.finish()
		d.want(d.ids[0], "by a")
		d.want(made, "by a too")
		d.total(7)
	}},
	{"compacted while a device slept with a frozen append", func(d *day) {
		if _, err := d.b.Append(ctx, d.ids[0], "entry"); err != nil {
			d.t.Fatal(err)
		}
		d.lose(d.b)
		d.a.mustSync()
		d.set(d.a, d.ids[0], "by a")
		d.a.mustSync()
		d.sleep()
		d.compact()
		d.finish()
		d.want(d.ids[0], "by a")
		for _, dev := range d.devices {
			if n := dev.get(d.ids[0]); len(n.Log) != 1 {
				d.t.Errorf("%s: %d entries", dev.name, len(n.Log))
			}
		}
	}},
	{"compacted and more was deleted than goes without asking", func(d *day) {
		for i := range 30 {
			d.ids = append(d.ids, d.add(d.a, fmt.Sprintf("top\n\nmore %d\n\nend\n", i)))
		}
		d.a.mustSync()
		d.b.mustSync()
		for _, id := range d.ids[:30] {
			d.remove(d.a, id)
		}
		d.a.mustSync()
		d.sleep()
		d.compact()
		d.round(d.b)
		if d.holds != 1 || len(d.b.live()) != 36 {
			d.t.Errorf("held %d times, %d notes left", d.holds, len(d.b.live()))
		}
		d.consent = true
		d.finish()
		d.total(6)
	}},
	{"compacted and a device joins, page by page", func(d *day) {
		for i := range 1100 { // more than a page, all below the floor
			d.add(d.a, fmt.Sprintf("top\n\nmany %d\n\nend\n", i))
		}
		d.a.mustSync()
		d.sleep()
		d.set(d.a, d.ids[0], "young")
		d.a.mustSync()
		d.compact()
		c := d.join("c")
		d.round(c)
		d.count(c, 1106)
		d.round(d.b)
		d.devices = []*device{d.a, d.b, c}
		d.finish()
		d.total(1106)
	}},
	{"compacted, then restored from before", func(d *day) {
		d.set(d.a, d.ids[0], "by a")
		d.a.mustSync()
		at := d.save()
		d.sleep()
		d.set(d.a, d.ids[1], "later")
		d.a.mustSync()
		d.compact()
		d.bring(at)
		d.finish()
		d.want(d.ids[0], "by a")
		d.want(d.ids[1], "later")
	}},
}

func (d *day) count(dev *device, n int) {
	d.t.Helper()
	if got := len(dev.live()); got != n {
		d.t.Errorf("%s has %d notes, want %d", dev.name, got, n)
	}
}

var clonedDays = []scenario{
	{"cloned, both write on", func(d *day) {
		twin := d.copyOf(d.b)
		d.set(d.b, d.ids[0], "by b")
		d.set(twin, d.ids[1], "by the twin")
		d.add(twin, "top\n\nnew\n\nend\n")
		d.finish()
		d.total(7)
		d.want(d.ids[0], "by b")
		d.want(d.ids[1], "by the twin")
	}},
	{"cloned with an op waiting", func(d *day) {
		d.set(d.b, d.ids[0], "waits")
		made := d.add(d.b, "top\n\nnew\n\nend\n")
		d.copyOf(d.b)
		d.finish()
		d.total(7)
		d.want(d.ids[0], "waits")
		d.want(made, "new")
	}},
	{"cloned with an op waiting, both write on", func(d *day) {
		d.set(d.b, d.ids[0], "waits")
		twin := d.copyOf(d.b)
		d.top(d.b, d.ids[0], "b")
		d.set(twin, d.ids[0], "waits no more")
		d.finish()
	}},
	{"cloned with an op out", func(d *day) {
		d.set(d.b, d.ids[0], "out")
		d.lose(d.b)
		twin := d.copyOf(d.b)
		d.set(twin, d.ids[0], "twin")
		d.finish()
		d.want(d.ids[0], "twin")
	}},
	{"cloned with a review open", func(d *day) {
		d.conflict()
		d.copyOf(d.b)
		d.finish()
		d.total(6)
	}},
	{"device put back to an older copy of itself", func(d *day) {
		old := d.b.keep()
		d.set(d.b, d.ids[0], "after the copy")
		made := d.add(d.b, "top\n\nnew\n\nend\n")
		d.round(d.b)
		d.back(d.b, old)
		d.wrote[d.b] = nil // its own later texts went with it; the server has them
		d.finish()
		d.want(d.ids[0], "after the copy")
		d.want(made, "new")
	}},
	{"device put back to an older copy, then written to", func(d *day) {
		old := d.b.keep()
		d.set(d.b, d.ids[0], "after the copy")
		d.round(d.b)
		d.back(d.b, old)
		d.wrote[d.b] = nil
		d.top(d.b, d.ids[0], "on the old one")
		d.finish()
		if n := d.a.get(d.ids[0]); n.Body != "on the old one\n\nafter the copy\n\nend\n" {
			d.t.Errorf("%q", n.Body)
		}
	}},
	{"device put back to a copy with an op that was sent since", func(d *day) {
		d.set(d.b, d.ids[0], "sent since")
		made := d.add(d.b, "top\n\nnew\n\nend\n")
		old := d.b.keep()
		d.round(d.b)
		d.set(d.a, d.ids[1], "by a")
		d.round(d.a)
		d.back(d.b, old)
		d.finish()
		d.total(7)
		d.want(d.ids[0], "sent since")
		d.want(made, "new")
	}},
	{"device and server both put back", func(d *day) {
		old, at := d.b.keep(), d.save()
		d.set(d.b, d.ids[0], "lost on both")
		d.round(d.b)
		d.round(d.a)
		d.back(d.b, old)
		d.wrote[d.b] = nil
		d.bring(at)
		d.finish()
		d.want(d.ids[0], "lost on both") // a has it
	}},
}
