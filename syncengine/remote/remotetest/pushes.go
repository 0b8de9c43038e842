package remotetest

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"stet/model"
	"stet/syncengine/remote"
)

func entry(id, text string) model.LogEntry { return model.LogEntry{ID: id, Text: text} }

// testAppends: log entries need no revision, are kept once each, and the answer
// shows the note as it is, edits of others included.
func testAppends(t *testing.T, h Harness) {
	a, b := pair(t, h)
	if !a.remote.Caps().Appends {
		return // there an append is an update, which other parts ask about
	}
	id := noteID(1)
	a.write(id, model.Fields{Title: "log"})
	b.pull()
	edited := a.notes[id].Fields.Clone()
	edited.Title = "edited"
	a.write(id, edited)
	withA, withB := edited.Clone(), b.notes[id].Fields.Clone()
	withA.Log = append(withA.Log, entry("e1", "from anna"))
	withB.Log = append(withB.Log, entry("e2", "from bert"))
	a.write(id, withA)
	op := b.plan(id, withB)
	if op.Kind != model.Append {
		t.Fatalf("planned %s", op.Kind)
	}
	b.faults.On(Writes, DropResponse())
	out := b.agreed(op)
	if out.Current.Fields.Title != "edited" || len(out.Current.Fields.Log) != 2 {
		t.Errorf("the answer to an append: %+v", out.Current)
	}
	again := b.freeze(id, model.Intent{Kind: model.Append, BaseRev: 1, Patch: model.Patch{LogAppend: withB.Log}}, out.Current.Fields)
	b.agreed(again) // the same entry by another op
	a.pull()
	b.pull()
	log := a.notes[id].Fields.Log
	if len(log) != 2 || log[0].ID != "e1" || log[1].ID != "e2" || log[1].Text != "from bert" {
		t.Errorf("log: %+v", log)
	}
	alike(t, a, b)
	a.write(id, deleted)
	late := b.freeze(id, model.Intent{Kind: model.Append, BaseRev: b.notes[id].Rev, Patch: model.Patch{LogAppend: []model.LogEntry{entry("e3", "late")}}}, withB)
	if out := b.settle(late); out.Kind != remote.Conflict || !out.Current.Fields.Deleted {
		t.Errorf("append to a deleted note: %s %+v", out.Kind, out.Current)
	}
}

// testBatch: as many ops as the driver takes, with a conflict in the middle and
// a delete at the end, and the whole once more.
func testBatch(t *testing.T, h Harness) {
	a, b := pair(t, h)
	n := a.remote.Caps().MaxBatch
	if n < 3 {
		return // nothing of it can be asked
	}
	middle, last := n/2, n-1
	a.write(noteID(middle), model.Fields{Title: "first"})
	a.write(noteID(last), model.Fields{Title: "to go"})
	b.pull()
	moved := b.write(noteID(middle), model.Fields{Title: "moved"})
	b.write(noteID(n+1), model.Fields{Title: "elsewhere"})
	ops := make([]remote.Op, n)
	for i := range ops {
		want := model.Fields{Title: fmt.Sprint("note ", i), Body: "text\r\n"}
		if i == last {
			want = deleted
		}
		ops[i] = a.plan(noteID(i), want)
	}
	res, err := a.remote.Push(t.Context(), a.cursor, ops)
	if err != nil {
		t.Fatal(err)
	}
	if res.PullFirst {
		t.Log("the protocol takes a batch whole or not at all")
		return
	}
	a.book(ops, res)
	for i, out := range res.Outcomes {
		want := remote.Applied
		if i == middle {
			want = remote.Conflict
		}
		if out.Kind != want {
			t.Fatalf("op %d: %s %s", i, out.Kind, out.Problem)
		}
	}
	if cur := res.Outcomes[middle].Current; cur.Rev != moved.Rev || cur.Fields.Title != "moved" {
		t.Errorf("conflict: %+v", cur)
	}
	for i := range ops {
		ops[i].Replay = true
	}
	again, err := a.remote.Push(t.Context(), a.cursor, ops)
	if err != nil {
		t.Fatal(err)
	}
	for i, out := range again.Outcomes {
		if first := res.Outcomes[i]; out.Kind != first.Kind || out.Rev != first.Rev {
			t.Fatalf("op %d again: %s at %d, first %s at %d", i, out.Kind, out.Rev, first.Kind, first.Rev)
		}
	}
	a.pull()
	b.pull()
	alike(t, a, b)
}

// testOwnSteps: where a push tells the cursors around it, a device that stood
// at the first misses nothing at the second.
func testOwnSteps(t *testing.T, h Harness) {
	a, b := pair(t, h)
	for i := range 4 {
		a.pull()
		if i == 2 {
			b.pull()
			b.write(noteID(50), full())
		}
		ops := []remote.Op{a.plan(noteID(i), full())}
		if i%2 == 1 && a.remote.Caps().MaxBatch > 1 {
			ops = append(ops, a.plan(noteID(10+i), full()))
		}
		res := a.push(ops...)
		first := res.PullFirst
		if first {
			a.pull()
			res = a.push(ops...)
		}
		if res.Next == "" {
			continue
		}
		if i == 2 && res.Prev == a.cursor && !first {
			t.Errorf("the step leads over another device's change")
		}
		if res.Prev == a.cursor {
			a.cursor = res.Next
			if got := a.pull(); len(got) != 0 {
				t.Errorf("after the step %d changes are new", len(got))
			}
		}
	}
	a.pull()
	b.pull()
	alike(t, a, b)
}

// writeFaults are what can happen to a push; each may happen several times in
// a row, and in the end the op is there once.
func writeFaults() map[string]Fault {
	return map[string]Fault{
		"request dropped":  DropRequest(),
		"response dropped": DropResponse(),
		"duplicate":        Duplicate(),
		"500":              Answer(500, ""),
		"500 after":        AnswerAfter(500, ""),
		"502 after":        AnswerAfter(502, "<html>", "Content-Type", "text/html"),
		"503 after":        AnswerAfter(503, "", "Retry-After", "3"),
		"429":              TooMany("3"),
		"portal":           Portal(),
		"portal after":     AnswerAfter(200, "<html>hi</html>", "Content-Type", "text/html"),
		"truncated":        Truncate(0.5),
		"cut":              Cut(0.9),
		"empty after":      AnswerAfter(200, ""),
		"wrong type":       Relabel("Content-Type", "text/plain"),
		"schema after":     AnswerAfter(200, `{"ok":true}`, "Content-Type", "application/json"),
	}
}

// testFaultsOfWrites: every kind of op under every fault is applied exactly
// once (I-3).
func testFaultsOfWrites(t *testing.T, h Harness) {
	for name, fault := range writeFaults() {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t, h)
			id := noteID(1)
			edited, logged := full(), full()
			edited.Body = "edited"
			logged.Body, logged.Log = "edited", []model.LogEntry{entry("e1", "once")}
			for i, want := range []model.Fields{full(), edited, logged, deleted, full()} {
				a.faults.On(Writes, fault, fault)
				out := a.write(id, want)
				a.faults.Clear()
				b.pull()
				b.sees(id, want)
				if got := b.notes[id].Rev; got != out.Rev {
					t.Errorf("step %d: the op made revision %d, the note is at %d", i, out.Rev, got)
				}
				if got := b.notes[id].Fields.Log; len(want.Log) != len(got) {
					t.Errorf("step %d: log %+v", i, got)
				}
				a.pull()
				alike(t, a, b)
			}
		})
	}
}

// testLateDelivery: a request that arrives a second time after others have
// written changes nothing.
func testLateDelivery(t *testing.T, h Harness) {
	a, b := pair(t, h)
	id := noteID(1)
	for _, want := range []model.Fields{{Title: "one"}, {Title: "two"}} {
		a.faults.On(Writes, a.faults.Keep())
		a.write(id, want)
	}
	b.pull()
	b.write(id, model.Fields{Title: "three"})
	rev := b.notes[id].Rev
	if err := a.faults.Redeliver(); err != nil {
		t.Fatal(err)
	}
	b.pull()
	a.pull()
	b.sees(id, model.Fields{Title: "three"})
	if got := b.notes[id].Rev; got != rev {
		t.Errorf("revision %d, want %d", got, rev)
	}
	alike(t, a, b)
}

// testRandomFaults: two devices write at random through a bad network. A
// refused edit is made again on the version that was shown. In the end both
// hold the same, and every log entry that was acknowledged is there once.
func testRandomFaults(t *testing.T, h Harness) {
	faults := []Fault{nil, nil, nil}
	kinds := writeFaults()
	for _, name := range slices.Sorted(maps.Keys(kinds)) { // so that a seed means the same again
		faults = append(faults, kinds[name])
	}
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		connect := h.Account(t)
		devices := [2]*device{newDevice(t, h, connect, fmt.Sprint("anna", run)), newDevice(t, h, connect, fmt.Sprint("bert", run))}
		for _, d := range devices {
			d.t = rt
			d.faults.Always(nil)
		}
		acked := map[string]string{} // entry id → note
		steps := rapid.IntRange(1, 25).Draw(rt, "steps")
		for step := range steps {
			d := devices[rapid.IntRange(0, 1).Draw(rt, "device")]
			if rapid.IntRange(0, 3).Draw(rt, "pull") == 0 {
				d.faults.On(Reads, faults[rapid.IntRange(0, len(faults)-1).Draw(rt, "read fault")])
				d.tryPull(rapid.IntRange(0, 3).Draw(rt, "limit"))
				d.faults.Clear()
				continue
			}
			id := noteID(run*100 + rapid.IntRange(0, 2).Draw(rt, "note"))
			want := randomEdit(rt, d.notes[id].Fields, step)
			if len(model.Net(recordOf(d, id), want, false)) == 0 {
				continue
			}
			d.faults.On(Writes, faults[rapid.IntRange(0, len(faults)-1).Draw(rt, "fault")], faults[rapid.IntRange(0, len(faults)-1).Draw(rt, "fault")])
			out := d.settle(d.plan(id, want))
			d.faults.Clear()
			if out.Kind != remote.Applied && out.Kind != remote.Conflict {
				rt.Fatalf("step %d: %s %s", step, out.Kind, out.Problem)
			}
			if out.Kind == remote.Applied && want.Deleted {
				for e, note := range acked {
					if note == id {
						delete(acked, e)
					}
				}
			}
			if n := len(want.Log); out.Kind == remote.Applied && n > 0 {
				acked[want.Log[n-1].ID] = id
			}
		}
		for _, d := range devices {
			d.pull()
		}
		alike(rt, devices[0], devices[1])
		for e, id := range acked {
			n := 0
			for _, have := range devices[0].notes[id].Fields.Log {
				if have.ID == e {
					n++
				}
			}
			if n != 1 && !devices[0].notes[id].Fields.Deleted {
				rt.Errorf("acknowledged entry %s is there %d times", e, n)
			}
		}
	})
}

func recordOf(d *device, id string) *model.Record {
	rec := d.notes[id]
	return &rec
}

// randomEdit changes one thing about a note.
func randomEdit(rt *rapid.T, f model.Fields, step int) model.Fields {
	f = f.Clone()
	if f.Deleted {
		return model.Fields{Title: fmt.Sprint("restored ", step)}
	}
	switch rapid.IntRange(0, 4).Draw(rt, "edit") {
	case 0:
		return deleted
	case 1:
		f.Title = fmt.Sprint("title ", step)
	case 2:
		f.Tags = model.NormalTags(append(f.Tags, fmt.Sprint("tag", step)))
	case 3:
		f.Log = append(f.Log, entry(fmt.Sprint("e", step), "text"))
	default:
		f.Body += fmt.Sprint("line ", step, "\r\n")
	}
	return f
}
