package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"stet/model"
	"stet/syncengine"
	"stet/syncengine/server/store"
)

// Cycles is the name under which Hits tells how many rounds of every device it
// took to drain.
const Cycles = "cycles to drain"

// maxCycles is how many rounds of every device it may take until all is
// drained, once the faults have stopped and every review is answered.
const maxCycles = 10

// finish ends the faults, lets everybody sync, and checks the end. It returns
// what all devices of the first account hold.
func (w *world) finish() string {
	w.calm = true
	for _, s := range w.servers {
		s.locked = false
	}
	w.late = nil // what comes later than everything comes to nobody
	for _, d := range w.devices {
		if d.server != 0 {
			d.connect(0, d.dialect)
		}
	}
	w.drain()
	for _, d := range w.devices {
		d.release()
	}
	for _, s := range w.servers {
		if w.rng.IntN(4) == 0 { // most schedules start it again before
			s.restart()
		} else {
			s.verify()
		}
	}
	for _, d := range w.devices {
		d.checkAfterStart()
		d.checkTexts()
	}
	w.checkAccepted()
	return w.agree()
}

// drain syncs all devices until each one has nothing left to do and stands
// where its server stands. Then one of them, another one in each schedule, has
// to show that one more round does nothing.
func (w *world) drain() {
	for cycle := 1; ; cycle++ {
		quiet := true
		for _, d := range w.devices {
			quiet = (d.atRest() || w.calmly(d)) && quiet
		}
		if quiet && w.calmly(w.devices[w.rng.IntN(len(w.devices))]) {
			w.hits[Cycles] = max(w.hits[Cycles], cycle)
			return
		}
		if cycle > maxCycles {
			w.violate("I-18", "not drained after %d rounds of every device:%s", cycle, w.waiting())
		}
	}
}

// atRest reports whether the device has synced since the faults stopped, and
// there is nothing to sync.
func (d *device) atRest() bool {
	at, ok := d.place()
	if !ok || !d.synced || d.comparing || at != d.w.servers[d.server].books.of(int64(d.account+1)).clock {
		return false
	}
	for _, s := range d.view {
		if s.exists && s.note.Status != model.Synced || len(s.ops) > 0 || s.held != nil {
			return false
		}
	}
	return true
}

// waiting tells what is not drained.
func (w *world) waiting() string {
	var b strings.Builder
	for _, d := range w.devices {
		for _, id := range slices.Sorted(maps.Keys(d.view)) {
			if s := d.view[id]; s.exists && s.note.Status != model.Synced || len(s.ops) > 0 || s.held != nil {
				fmt.Fprintf(&b, "\n %s %s %s %s held %v%s", d.label, id, s.note.Status, tellOps(s.ops), s.held != nil, d.story(id))
			}
		}
	}
	return b.String()
}

// calmly is one round of a device without faults, and its user's answers. It
// reports whether there was nothing to do.
func (w *world) calmly(d *device) (quiet bool) {
	w.now = w.now.Add(2 * time.Hour) // longer than any wait
	d.notBefore = time.Time{}
	rev := d.cursor
	if err := d.round(d.main(), syncengine.RoundOptions{Yes: true}); err != nil {
		w.violate("I-18", "%s does not sync after the faults: %v", d.label, err)
	}
	d.synced = true
	quiet = rev == d.cursor || d.dialect != Stet && !d.moved // other cursors count the time too
	for _, id := range slices.Sorted(maps.Keys(d.view)) {
		s := d.view[id]
		switch {
		case !s.exists:
		case s.inReview:
			quiet = false
			d.resolve(id, s)
		case s.note.Status == model.Failed:
			quiet = false
			if !s.note.Purged {
				_, err := d.main().notes.SendAgain(ctx, id)
				d.done("send again", err)
			}
		case s.note.Status == model.Pending, len(s.ops) > 0, s.held != nil:
			quiet = false
		}
	}
	return quiet
}

// checkAccepted: every text that a server accepted is on a device, or in the
// server's history.
func (w *world) checkAccepted() {
	s := w.servers[0]
	if s.compacted {
		return // old texts were thrown away on purpose
	}
	for account, k := range s.books.accounts {
		for _, token := range slices.Sorted(maps.Keys(k.texts)) {
			note := k.texts[token]
			if w.people.purged[note] || w.found(s, account, note, token) {
				continue
			}
			w.violate("I-1", "%s of %s was accepted and is nowhere", token, note)
		}
	}
}

func (w *world) found(s *host, account int64, note, token string) bool {
	for _, d := range w.devices {
		if int64(d.account+1) != account {
			continue
		}
		if st := d.view[note]; st.exists && holds(st.note.Fields, token) {
			return true
		}
	}
	versions, err := s.store.History(ctx, account, note, 0, 1<<20)
	w.must("read the server's history", err)
	return slices.ContainsFunc(versions, func(v store.Version) bool { return holds(v.Record.Fields, token) })
}

// agree compares all devices of an account with one another and the server.
func (w *world) agree() string {
	all := ""
	for account := range accounts {
		first, who := "", ""
		for _, d := range w.devices {
			if d.account != account {
				continue
			}
			dump := d.dump()
			if who == "" {
				first, who = dump, d.label
				w.agreeServer(account, d)
			}
			if dump != first {
				w.tellDifference(who, d, first, dump)
				w.violate("I-5", "%s and %s differ:\n%s\n%s", who, d.label, first, dump)
			}
		}
		all += first
	}
	w.trace.add("end %s", all)
	return all
}

func (d *device) dump() string {
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(d.view)) {
		s := d.view[id]
		if !s.exists || s.note.Deleted {
			continue
		}
		f := s.note.Fields
		f.CreatedAt = time.Time{} // for display; each joining device keeps its own
		f.Log = slices.Clone(f.Log)
		for i := range f.Log {
			f.Log[i].At = time.Time{}
		}
		text, err := f.MarshalJSON()
		d.w.must("write note", err)
		fmt.Fprintf(&b, "%s %d %s\n", id, s.note.Rev, text)
	}
	return b.String()
}

// agreeServer compares a device with the server, tombstones too.
func (w *world) agreeServer(account int, d *device) {
	k := w.servers[0].books.of(int64(account + 1))
	for _, id := range slices.Sorted(maps.Keys(k.notes)) {
		e, s := k.notes[id], d.view[id]
		live := s.exists && !s.note.Deleted
		switch {
		case e.deleted && live:
			w.violate("I-6", "%s is deleted on the server and lives on %s", id, d.label)
		case !e.deleted && !live:
			w.violate("I-5", "%s is missing on %s", id, d.label)
		case !e.deleted && (!model.Equal(w.shown(e.fields, s.note.Fields), s.note.Fields) || e.rev != s.note.Rev):
			w.violate("I-5", "%s is at rev %d on the server, at %d on %s, or another text:\n%+v\n%+v", id, e.rev, s.note.Rev, d.label,
				e.fields, s.note.Fields)
		}
	}
	for id, s := range d.view {
		if _, ok := k.notes[id]; !ok && s.exists && !s.note.Deleted {
			w.violate("I-5", "%s is on %s and not on the server", id, d.label)
		}
	}
}

// shown is a note as the server shows it. A Kinto that is no stetd has its entries
// in the order in which they were written last.
func (w *world) shown(kept, seen model.Fields) model.Fields {
	if c := w.script.Config; !c.Foreign || c.dialect(0) != Kinto {
		return kept
	}
	place := func(e model.LogEntry) int {
		return slices.IndexFunc(seen.Log, func(x model.LogEntry) bool { return x.ID == e.ID })
	}
	kept.Log = slices.SortedStableFunc(slices.Values(kept.Log), func(a, b model.LogEntry) int { return place(a) - place(b) })
	return kept
}

// tellDifference names the first note on which two devices differ, so that its
// story can be told.
func (w *world) tellDifference(who string, d *device, a, b string) {
	for _, pair := range [][2]string{{a, b}, {b, a}} {
		there := strings.Split(pair[1], "\n")
		for _, line := range strings.Split(pair[0], "\n") {
			if !slices.Contains(there, line) {
				w.violate("I-5", "%s and %s differ in %s", who, d.label, line)
			}
		}
	}
}
