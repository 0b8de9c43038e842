package storetest

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"stet/model"
	"stet/syncengine/server/store"
)

// testRandom compares the store with a map and a list, for random ops, retries
// and readers that stop half-way.
func testRandom(t *testing.T, b *bench) {
	round := 0
	rapid.Check(t, func(r *rapid.T) {
		round++
		b.acc = b.account(fmt.Sprintf("acc%d", round))
		m := &mirror{b: b, notes: map[string]model.Record{}, first: map[string]store.Result{}, seen: map[string]model.Record{}}
		for range rapid.IntRange(1, 25).Draw(r, "steps") {
			if len(m.ops) > 0 && rapid.IntRange(0, 4).Draw(r, "retry") == 0 {
				m.retry(r, rapid.SampledFrom(m.ops).Draw(r, "op"))
				continue
			}
			if rapid.IntRange(0, 3).Draw(r, "read") == 0 {
				m.pull(r, 1)
				continue
			}
			m.fresh(r)
		}
		for m.pull(r, 3) {
		}
		for id, rec := range m.notes {
			if got := m.seen[id]; got.Rev != rec.Rev || !model.Equal(got.Fields, rec.Fields) {
				r.Fatalf("%s: a reader has %+v, the store should have %+v", id, got, rec)
			}
		}
	})
}

// mirror is what the store should hold.
type mirror struct {
	b     *bench
	notes map[string]model.Record
	ops   []model.Op
	first map[string]store.Result
	seen  map[string]model.Record
	at    store.Cursor
}

func (m *mirror) fresh(r *rapid.T) {
	id := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "note")
	kind := rapid.SampledFrom([]model.Kind{model.Create, model.Update, model.Update, model.Append, model.Delete, model.Purge}).Draw(r, "kind")
	op := m.b.op(kind, id, 0, model.Patch{})
	if kind != model.Create && rapid.IntRange(0, 5).Draw(r, "stale") > 0 {
		op.BaseRev = m.notes[id].Rev
	}
	switch kind {
	case model.Create, model.Update:
		op.Patch = title(rapid.SampledFrom([]string{"x", "y", "z"}).Draw(r, "title"))
		if kind == model.Update && rapid.Bool().Draw(r, "restore") {
			op.Patch.Deleted = ptr(false)
		}
	case model.Append:
		op.Patch.LogAppend = []model.LogEntry{{ID: rapid.SampledFrom([]string{"1", "2"}).Draw(r, "entry")}}
	}
	before, had := m.notes[id]
	res := m.b.apply(op)[0]
	if res.Verdict != store.Applied {
		if now, err := m.b.s.Note(m.b.ctx, m.b.acc, id); had && (err != nil || now.Rev != before.Rev) {
			r.Fatalf("a refused op changed the note: %+v, %v", now, err)
		}
		return
	}
	if before.Purged {
		before = model.Record{}
	}
	if before.Purged = false; kind == model.Create {
		before = model.Record{ID: id}
	}
	want := op.After(&before)
	if kind != model.Create && kind != model.Append && op.BaseRev != before.Rev || !model.Equal(want.Fields, res.Record.Fields) {
		r.Fatalf("%s on %+v gave %+v", kind, before, res.Record)
	}
	m.notes[id] = res.Record
	m.ops = append(m.ops, op)
	m.first[op.ID] = res
}

func (m *mirror) retry(r *rapid.T, op model.Op) {
	head := m.b.head()
	res := m.b.apply(op)[0]
	first := m.first[op.ID]
	if res.Verdict != store.Replayed || res.Record.Rev != first.Record.Rev || m.b.head() != head {
		r.Fatalf("retry of %+v gave %+v, first %+v", op, res, first)
	}
	if !res.Record.Purged && !res.Thin && !model.Equal(res.Record.Fields, first.Record.Fields) {
		r.Fatalf("retry answers another text: %+v, first %+v", res.Record, first.Record)
	}
}

// pull reads a page and reports whether it held anything.
func (m *mirror) pull(r *rapid.T, limit int) bool {
	page, err := m.b.s.Changes(m.b.ctx, m.b.acc, m.at, limit, 1<<20)
	if err != nil {
		r.Fatal(err)
	}
	for _, rec := range page.Changes {
		m.seen[rec.ID] = rec
	}
	// A cold listing has no tombstones; one whose note was never listed is owed
	// to nobody.
	if (m.at == store.Cursor{}) {
		for id, rec := range m.notes {
			if rec.Fields.Deleted && rec.Rev <= page.Next.Rev {
				m.seen[id] = rec
			}
		}
	}
	m.at = page.Next
	return len(page.Changes) > 0
}
