package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"stet/model"
	"stet/syncengine"
)

// world is a server with an account of all notes and the two devices of it.
// Both reach the server through a meter.
type world struct {
	server  *daemon
	a, b    *device
	toA     *meter
	toB     *meter
	pushing time.Duration // a's first sync
	pulling time.Duration // b's first sync, 0 before second
	pulled  int64         // bytes of b's first sync
	// unsynced is why a could not be synced; its notes are there all the same.
	unsynced error
}

// large is the world with its first device, made once.
func (b *bench) large() (*world, error) {
	if b.world != nil {
		return b.world, nil
	}
	w := &world{a: b.newDevice("a"), b: b.newDevice("b")}
	began := time.Now()
	if err := w.a.fill(b, newCorpus(1), b.notes()); err != nil {
		return nil, err
	}
	b.say("  %d notes made in %.1f s", b.notes(), time.Since(began).Seconds())
	b.world = w
	w.unsynced = w.join(b)
	if w.unsynced != nil {
		b.say("  the notes stay unsynced: %v", w.unsynced)
	}
	return w, nil
}

// join starts the server and sends it a's notes.
func (w *world) join(b *bench) (err error) {
	if w.server, err = b.serve("server"); err != nil {
		return err
	}
	token, err := w.server.account("bench")
	if err != nil {
		return err
	}
	if w.toA, err = b.meterFor(w.server.url); err != nil {
		return err
	}
	if w.toB, err = b.meterFor(w.server.url); err != nil {
		return err
	}
	if err := w.a.connect(b, w.toA.url, token); err != nil {
		return err
	}
	w.b.token = token
	w.pushing, err = b.sync(w.a, func(r syncReport) bool { return r.Pushed == b.notes() })
	return err
}

// second pulls all notes to the second device, once.
func (w *world) second(b *bench) (err error) {
	if w.unsynced != nil || w.pulling != 0 {
		return w.unsynced
	}
	if err := w.b.connect(b, w.toB.url, w.b.token); err != nil {
		return err
	}
	w.toB.reset()
	w.pulling, err = b.sync(w.b, func(r syncReport) bool { return r.Pulled == b.notes() })
	w.pulled = w.toB.bytes.Load()
	return err
}

// syncReport is what `stet sync --json` prints.
type syncReport struct{ Pushed, Pulled, Pending int }

// sync runs `stet sync` and checks what it did.
func (b *bench) sync(d *device, right func(syncReport) bool) (time.Duration, error) {
	began := time.Now()
	out, err := output(b.stetCmd(d.home, "sync", "--json"))
	took := time.Since(began)
	if err != nil {
		return took, err
	}
	var r syncReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		return took, fmt.Errorf("read the sync's report: %w", err)
	}
	if !right(r) {
		return took, fmt.Errorf("sync: not all was moved: %s", out)
	}
	return took, nil
}

// bulkSync measures first pushes and pulls as processes.
func (b *bench) bulkSync() error {
	n := b.bulk()
	d, err := b.serve("bulk")
	if err != nil {
		return err
	}
	defer d.stop()
	var pushes, pulls, rawPushes, rawPulls times
	var wire int64
	for i := range b.pick(3, 1) {
		p, q, err := b.rawSync(fmt.Sprintf("bulk-raw%d", i), n)
		if err != nil {
			return err
		}
		rawPushes, rawPulls = append(rawPushes, p), append(rawPulls, q)
		push, pull, bytes, err := b.bulkOnce(d, fmt.Sprintf("bulk%d", i), n)
		if err != nil {
			return err
		}
		pushes, pulls, wire = append(pushes, push), append(pulls, pull), bytes
	}
	scale := float64(n) / 10_000 // -quick moves fewer
	b.add(figure{Group: "bulk", What: fmt.Sprintf("push %d new notes", n), Got: pushes.ms(50), Floor: ref(rawPushes.ms(50)),
		FloorIs: "bare write and mark", Bars: []bar{atMost(1100 * scale)}})
	b.add(figure{Group: "bulk", What: fmt.Sprintf("first pull of %d", n), Got: pulls.ms(50), Floor: ref(rawPulls.ms(50)),
		FloorIs: "bare read and write", Bars: []bar{atMost(1000 * scale)}})
	b.add(figure{Group: "bulk", What: fmt.Sprintf("first pull of %d, on the wire", n), Got: quantity{float64(wire) / 1e6, "MB"},
		Bars: []bar{atMost(5.6 * scale)}})
	return b.bulkAll()
}

// bulkOnce pushes n notes of one new device and pulls them to two others, the
// second one metered.
func (b *bench) bulkOnce(d *daemon, name string, n int) (push, pull time.Duration, wire int64, err error) {
	token, err := d.account(name)
	if err != nil {
		return 0, 0, 0, err
	}
	m, err := b.meterFor(d.url)
	if err != nil {
		return 0, 0, 0, err
	}
	from, to, metered := b.newDevice(name+"-from"), b.newDevice(name+"-to"), b.newDevice(name+"-metered")
	if err := from.fill(b, newCorpus(2), n); err != nil {
		return 0, 0, 0, err
	}
	if err := errors.Join(from.connect(b, d.url, token), to.connect(b, d.url, token)); err != nil {
		return 0, 0, 0, err
	}
	if push, err = b.sync(from, func(r syncReport) bool { return r.Pushed == n && r.Pending == 0 }); err != nil {
		return 0, 0, 0, err
	}
	if pull, err = b.sync(to, func(r syncReport) bool { return r.Pulled == n }); err != nil {
		return 0, 0, 0, err
	}
	if err := metered.connect(b, m.url, token); err != nil { // asks what is there, which is no sync
		return 0, 0, 0, err
	}
	m.reset()
	_, err = b.sync(metered, func(r syncReport) bool { return r.Pulled == n })
	return push, pull, m.bytes.Load(), err
}

// bulkAll tells what the making of the large world took.
func (b *bench) bulkAll() error {
	w, err := b.large()
	if err != nil {
		return err
	}
	if err := w.second(b); err != nil {
		return err
	}
	scale := float64(b.notes()) / 100_000
	b.add(figure{Group: "bulk", What: fmt.Sprintf("push %d new notes", b.notes()), Got: quantity{w.pushing.Seconds(), "s"},
		Bars: []bar{atMost(11 * scale)}})
	b.add(figure{Group: "bulk", What: fmt.Sprintf("first pull of %d", b.notes()), Got: quantity{w.pulling.Seconds(), "s"},
		Bars: []bar{atMost(9.5 * scale)}, Note: fmt.Sprintf("%.1f MB", float64(w.pulled)/1e6)})
	return nil
}

// rounds is what rounds of one kind cost.
type rounds struct {
	took            times
	requests, bytes []int64
}

// round runs one round as the app's worker does and keeps what it cost.
func (r *rounds) round(b *bench, d *device, e *syncengine.Engine, m *meter, right func(syncengine.Report) bool) error {
	lease, err := d.store.Lease(b.ctx)
	if err != nil {
		return fmt.Errorf("take the right to sync: %w", err)
	}
	defer lease.Release()
	m.reset()
	began := time.Now()
	report, err := e.Round(b.ctx, syncengine.RoundOptions{})
	r.took = append(r.took, time.Since(began))
	r.requests, r.bytes = append(r.requests, m.requests.Load()), append(r.bytes, m.bytes.Load())
	if err != nil {
		return err
	}
	if !right(report) {
		return fmt.Errorf("round did not do what it should: %+v", report)
	}
	return nil
}

func (r *rounds) show(b *bench, what string, ms, bytes float64) {
	slices.Sort(r.bytes)
	var bars []bar
	if ms > 0 {
		bars = []bar{atMost(ms)}
	}
	b.add(figure{Group: "change", What: what, Got: r.took.ms(50), Bars: bars})
	b.add(figure{Group: "change", What: what + ", on the wire", Got: quantity{float64(r.bytes[len(r.bytes)/2]), "B"}, Bars: []bar{atMost(bytes)}})
	b.add(figure{Group: "change", What: what + ", requests at most", Got: quantity{float64(slices.Max(r.requests)), ""}, Bars: []bar{atMost(1)}})
}

// changes measures one change among all notes from device to device, and a
// round with nothing new, with the connection open as in the running app.
func (b *bench) changes() error {
	w, err := b.large()
	if err != nil {
		return err
	}
	if err := w.second(b); err != nil {
		return err
	}
	if err := errors.Join(w.a.open(b), w.b.open(b)); err != nil {
		return err
	}
	defer w.a.close()
	defer w.b.close()
	a, err := w.a.engine(b)
	if err != nil {
		return err
	}
	other, err := w.b.engine(b)
	if err != nil {
		return err
	}
	whatever := func(syncengine.Report) bool { return true }
	var warm, push, pull, quiet rounds
	if err := errors.Join(warm.round(b, w.a, a, w.toA, whatever), warm.round(b, w.b, other, w.toB, whatever)); err != nil {
		return err
	}
	c := newCorpus(5)
	for range b.pick(41, 9) {
		body := c.body(600)
		if _, err := w.a.notes.Change(b.ctx, w.a.ids[c.rng.IntN(len(w.a.ids)-1)], model.Patch{Body: &body}); err != nil {
			return err
		}
		if err := push.round(b, w.a, a, w.toA, func(r syncengine.Report) bool { return r.Pushed == 1 && r.Pending == 0 }); err != nil {
			return err
		}
		if err := pull.round(b, w.b, other, w.toB, func(r syncengine.Report) bool { return r.Pulled == 1 }); err != nil {
			return err
		}
		if err := quiet.round(b, w.b, other, w.toB, func(r syncengine.Report) bool { return r.Pulled == 0 }); err != nil {
			return err
		}
	}
	among := fmt.Sprintf(" among %d", b.notes())
	push.show(b, "one change"+among+", sent", 10, 2048)
	pull.show(b, "one change"+among+", fetched", 10, 2048)
	quiet.show(b, "nothing new", 0, 373)
	return nil
}
