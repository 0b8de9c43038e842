package syncengine_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"stet/db/disk"
	"stet/db/server/sqlite"
	"stet/model"
	"stet/syncengine"
	"stet/syncengine/merge"
)

// day is one dangerous day: devices with notes on a server, and a record of
// all that was written, so that the end can be judged.
type day struct {
	*world
	a, b    *device
	ids     []string
	devices []*device
	wrote   map[*device]map[string][]string // device → note → bodies
	gone    map[string]bool                 // notes that their user deleted
	consent bool                            // the user agrees to what is held
	holds   int                             // rounds that the guard stopped
	choice  merge.Choice                    // in reviews
	backups int
}

// newDay has two devices in step with six notes.
func newDay(t *testing.T) *day {
	d := emptyDay(t)
	d.a, d.b = d.join("a"), d.join("b")
	for i := range 6 {
		d.ids = append(d.ids, d.add(d.a, fmt.Sprintf("top\n\nnote %d\n\nend\n", i)))
	}
	d.a.mustSync()
	d.b.mustSync()
	return d
}

func emptyDay(t *testing.T) *day {
	return &day{world: newWorld(t), wrote: map[*device]map[string][]string{}, gone: map[string]bool{}, choice: merge.Both}
}

func (d *day) join(name string) *device {
	dev := d.device(name)
	if err := dev.store.SwitchServer(ctx, "A"); err != nil {
		d.t.Fatal(err)
	}
	d.devices = append(d.devices, dev)
	return dev
}

// note remembers what the user of dev sees.
func (d *day) note(dev *device, id, body string) {
	if d.wrote[dev] == nil {
		d.wrote[dev] = map[string][]string{}
	}
	d.wrote[dev][id] = append(d.wrote[dev][id], body)
}

func (d *day) add(dev *device, body string) string {
	d.t.Helper()
	n := dev.create("title", body)
	d.note(dev, n.ID, n.Body)
	return n.ID
}

// set changes the middle paragraph; top the first one.
func (d *day) set(dev *device, id, text string) {
	d.t.Helper()
	n := dev.edit(id, func(f *model.Fields) { f.Body = "top\n\n" + text + "\n\nend\n" })
	d.note(dev, id, n.Body)
}

func (d *day) top(dev *device, id, text string) {
	d.t.Helper()
	n := dev.edit(id, func(f *model.Fields) { f.Body = text + f.Body[len("top"):] })
	d.note(dev, id, n.Body)
}

func (d *day) remove(dev *device, id string) {
	d.t.Helper()
	if _, err := dev.Delete(ctx, id); err != nil {
		d.t.Fatal(err)
	}
	d.gone[id] = true
}

// lose lets the answers of a device's next round get lost: its ops are applied
// and stay frozen.
func (d *day) lose(dev *device) {
	d.t.Helper()
	dev.faults.times(3, dropAfter)
	_, _ = dev.sync()
	dev.faults.set(nil)
}

// save makes a backup of the running server; bring restores it.
func (d *day) save() string {
	d.t.Helper()
	d.backups++
	file := filepath.Join(d.t.TempDir(), fmt.Sprint("backup", d.backups))
	if _, err := sqlite.Backup(ctx, d.path, file); err != nil {
		d.t.Fatalf("backup: %v", err)
	}
	return file
}

func (d *day) bring(file string) sqlite.Restored {
	d.t.Helper()
	d.close()
	done, err := sqlite.Restore(ctx, file, d.path, sqlite.RestoreOptions{Options: sqlite.Options{Now: d.clock.Now, Rand: rand.Reader}, Force: true})
	if err != nil {
		d.t.Fatalf("restore: %v", err)
	}
	d.open()
	return done
}

// byHand copies a backup over the store as an administrator in a hurry does.
func (d *day) byHand(file string) {
	d.t.Helper()
	d.close()
	for _, ext := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(d.path + ext)
	}
	if err := disk.Copy(file, d.path); err != nil {
		d.t.Fatal(err)
	}
	d.open()
}

// compact drops what is older than 400 days, while the server runs.
func (d *day) compact() sqlite.Compacted {
	d.t.Helper()
	done, err := sqlite.Compact(ctx, d.path, sqlite.CompactOptions{Before: d.clock.Now().Add(-400 * 24 * time.Hour), Now: d.clock.Now,
		Sleep: func(context.Context, time.Duration) error { return nil }})
	if err != nil {
		d.t.Fatalf("compact: %v", err)
	}
	return done
}

func (d *day) years(n float64) { d.clock.Move(time.Duration(n * 365 * 24 * float64(time.Hour))) }

// copyOf copies a device's store and returns the copy as one more device.
func (d *day) copyOf(dev *device) *device {
	d.t.Helper()
	file := dev.keep()
	twin := &device{w: dev.w, name: dev.name, path: filepath.Join(d.t.TempDir(), "twin.db"), faults: &faults{}}
	if err := disk.Copy(file, twin.path); err != nil {
		d.t.Fatal(err)
	}
	twin.open()
	d.t.Cleanup(func() { _ = twin.store.Close() })
	d.devices = append(d.devices, twin)
	for id, bodies := range d.wrote[dev] {
		for _, body := range bodies {
			d.note(twin, id, body)
		}
	}
	return twin
}

// keep copies a device's store as it is now; back brings the copy back.
func (d *device) keep() string {
	d.w.t.Helper()
	if err := d.store.Close(); err != nil {
		d.w.t.Fatal(err)
	}
	file := filepath.Join(d.w.t.TempDir(), "kept.db")
	if err := disk.Copy(d.path, file); err != nil {
		d.w.t.Fatal(err)
	}
	d.open()
	return file
}

func (d *day) back(dev *device, file string) {
	d.t.Helper()
	if err := dev.store.Close(); err != nil {
		d.t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(dev.path), "*.db*"))
	for _, f := range files {
		_ = os.Remove(f)
	}
	if err := disk.Copy(file, dev.path); err != nil {
		d.t.Fatal(err)
	}
	dev.open()
}

// move connects a device to another server.
func (d *day) move(dev *device, to *world, key string) {
	d.t.Helper()
	if err := dev.store.SwitchServer(ctx, key); err != nil {
		d.t.Fatal(err)
	}
	if err := dev.store.Close(); err != nil {
		d.t.Fatal(err)
	}
	dev.w = to
	dev.open()
}

// live returns the ids of a device's notes that are not in the trash.
func (d *device) live() map[string]bool {
	d.w.t.Helper()
	out := map[string]bool{}
	if err := d.store.Each(ctx, model.Query{All: true}, func(n model.Note) error {
		if !n.Deleted && !n.Purged {
			out[n.ID] = true
		}
		return nil
	}); err != nil {
		d.w.t.Fatal(err)
	}
	return out
}

// round runs one round of dev and checks that it deletes nothing that nobody
// deleted.
func (d *day) round(dev *device) syncengine.Report {
	d.t.Helper()
	dev.w.clock.Move(2 * time.Hour)
	before := dev.live()
	r, err := dev.engine.Round(ctx, syncengine.RoundOptions{Force: true, Yes: d.consent})
	switch {
	case errors.Is(err, syncengine.ErrHeld):
		d.holds++
	case err != nil:
		d.t.Fatalf("%s does not sync: %v", dev.name, err)
	}
	after := dev.live()
	for id := range before {
		if !after[id] && !d.gone[id] && !d.consent {
			d.t.Errorf("%s lost note %s without consent: %v", dev.name, id, dev.events(id))
		}
	}
	return r
}

// finish syncs until nothing moves, resolves what needs it, and judges: outboxes
// empty, devices equal, every text found where it was written, and nothing gone
// that nobody deleted.
func (d *day) finish() {
	d.t.Helper()
	for quiet, n := 0, 0; quiet < 2*len(d.devices) && n < 30; n++ {
		dev := d.devices[n%len(d.devices)]
		r := d.round(dev)
		heads, err := dev.store.Reviews(ctx)
		if err != nil {
			d.t.Fatal(err)
		}
		for _, r := range heads {
			dev.resolve(r.ID, d.choice)
			d.note(dev, r.ID, dev.get(r.ID).Body)
		}
		if quiet++; r.Pushed+r.Pulled+len(heads) > 0 {
			quiet = 0
		}
	}
	d.judge()
}

func (d *day) judge() {
	d.t.Helper()
	first := d.devices[0].dump()
	for _, dev := range d.devices {
		if c, err := dev.store.Counts(ctx); err != nil || c.Pending+c.Error+c.NeedsReview > 0 {
			d.t.Errorf("%s did not drain: %+v %v", dev.name, c, err)
		}
		if dump := dev.dump(); !maps.Equal(first, dump) {
			d.t.Errorf("%s differs:\n%v\n%v", dev.name, first, dump)
		}
		live := dev.live()
		for id, bodies := range d.wrote[dev] {
			if !live[id] && !d.gone[id] {
				d.t.Errorf("%s: note %s is gone: %v", dev.name, id, dev.events(id))
			}
			texts := dev.texts(id)
			for _, body := range bodies {
				if !texts[body] {
					d.t.Errorf("%s lost %q of %s; has %q\nevents %v", dev.name, body, id, slices.Collect(maps.Keys(texts)), dev.events(id))
				}
			}
		}
	}
}

// want checks the body of a note on all devices.
func (d *day) want(id, body string) {
	d.t.Helper()
	for _, dev := range d.devices {
		if n := dev.get(id); n.Body != "top\n\n"+body+"\n\nend\n" || n.Deleted {
			d.t.Errorf("%s: %q (deleted %v), want %q; %v", dev.name, n.Body, n.Deleted, body, dev.events(id))
		}
	}
}

// trashed checks that a note is deleted on all devices that have it.
func (d *day) trashed(id string) {
	d.t.Helper()
	for _, dev := range d.devices {
		if dev.live()[id] {
			d.t.Errorf("%s: a deleted note is back: %v", dev.name, dev.events(id))
		}
	}
}

// total checks the number of live notes everywhere.
func (d *day) total(n int) {
	d.t.Helper()
	for _, dev := range d.devices {
		if got := len(dev.live()); got != n {
			d.t.Errorf("%s has %d notes, want %d", dev.name, got, n)
		}
	}
}
