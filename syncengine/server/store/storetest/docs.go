package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"stet/model"
	"stet/syncengine/server/store"
)

func (b *bench) putDoc(collection, id, data string) (doc store.Doc) {
	b.t.Helper()
	b.transact(func(x store.Txn) (err error) {
		var text []byte
		if data != "" {
			text = []byte(data)
		}
		doc, err = x.PutDoc(collection, id, text)
		return err
	})
	return doc
}

// testDocs keeps documents beside notes of the same id, on one clock.
func testDocs(t *testing.T, b *bench) {
	note := b.want(store.Applied, b.op(model.Create, "x", 0, title("note"))).Record
	long := `{"text":"` + strings.Repeat("long ", 1000) + `"}`
	first := b.putDoc("c", "x", `{"a":1}`)
	other := b.putDoc("d", "x", long)
	again := b.putDoc("c", "x", `{"a":2}`)
	gone := b.putDoc("d", "y", "")
	if !slices.IsSorted([]int64{note.Rev, first.Rev, other.Rev, again.Rev, gone.Rev}) || first.Rev == again.Rev {
		t.Errorf("revs %d %d %d %d %d", note.Rev, first.Rev, other.Rev, again.Rev, gone.Rev)
	}
	b.view(func(r store.Reader) error {
		for id, want := range map[string]int64{"x": first.Rev, "y": 0} {
			if prev, err := r.Previous("c", id); err != nil || prev != want {
				t.Errorf("before %s: %d, want %d, %v", id, prev, want, err)
			}
		}
		for _, want := range []struct {
			collection, id, data string
			rev                  int64
		}{{"c", "x", `{"a":2}`, again.Rev}, {"d", "x", long, other.Rev}, {"d", "y", "", gone.Rev}} {
			doc, err := r.Doc(want.collection, want.id)
			if err != nil || string(doc.Data) != want.data || doc.Rev != want.rev || doc.Deleted != (want.data == "") {
				t.Errorf("%s/%s: %+v, %v", want.collection, want.id, doc, err)
			}
		}
		if _, err := r.Doc("c", "y"); !errors.Is(err, store.ErrNoDoc) {
			t.Errorf("unknown: %v", err)
		}
		if _, err := r.Doc(store.Notes, "x"); !errors.Is(err, store.ErrNoDoc) {
			t.Errorf("a note as a document: %v", err)
		}
		return nil
	})
	if got, err := b.s.NoteAt(b.ctx, b.acc, "x", again.Rev); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("a document as a note: %+v, %v", got, err)
	}
	page, err := b.s.Changes(b.ctx, b.acc, store.Cursor{}, 10, 1<<20)
	if err != nil || len(page.Changes) != 1 || page.Next != b.head() || page.Next.Rev != gone.Rev {
		t.Errorf("notes: %+v, %v", page, err)
	}
	if err := b.s.Transact(b.ctx, b.acc, func(x store.Txn) error {
		_, err := x.PutDoc(store.Notes, "x", []byte("{}"))
		return err
	}); !errors.Is(err, model.ErrRefused) {
		t.Errorf("a document among the notes: %v", err)
	}
	bob := b.account("bob")
	if err := b.s.View(b.ctx, bob, func(r store.Reader) error {
		_, err := r.Doc("c", "x")
		return err
	}); !errors.Is(err, store.ErrNoDoc) {
		t.Errorf("another's document: %v", err)
	}
}

// testRanges lists by rev, both ways, with and without tombstones.
func testRanges(t *testing.T, b *bench) {
	var revs []int64
	for i := range 6 {
		revs = append(revs, b.putDoc("c", fmt.Sprint("d", i), "{}").Rev)
		b.want(store.Applied, b.op(model.Create, fmt.Sprint("d", i), 0, title("t")))
	}
	revs[2] = b.putDoc("c", "d2", "").Rev
	b.want(store.Applied, b.op(model.Delete, "d3", b.note("d3").Rev, model.Patch{}))
	for _, c := range []struct {
		in         store.Range
		docs, note string
	}{
		{store.Range{}, "d0 d1 d3 d4 d5", "d0 d1 d2 d4 d5"},
		{store.Range{Newest: true}, "d5 d4 d3 d1 d0", "d5 d4 d2 d1 d0"},
		{store.Range{Tombstones: true}, "d0 d1 d3 d4 d5 d2", "d0 d1 d2 d4 d5 d3"},
		{store.Range{After: revs[1], Before: revs[4]}, "d3", "d1 d2"},
		{store.Range{After: revs[4], Tombstones: true, Newest: true}, "d2 d5", "d3 d5 d4"},
	} {
		var docs, notes []string
		b.view(func(r store.Reader) error {
			return errors.Join(
				r.EachDoc("c", c.in, func(d store.Doc) bool { docs = append(docs, d.ID); return true }),
				r.EachNote(c.in, func(rec model.Record) bool { notes = append(notes, rec.ID); return true }))
		})
		if got := strings.Join(docs, " "); got != c.docs {
			t.Errorf("%+v: documents %s, want %s", c.in, got, c.docs)
		}
		if got := strings.Join(notes, " "); got != c.note {
			t.Errorf("%+v: notes %s, want %s", c.in, got, c.note)
		}
	}
	n := 0
	b.view(func(r store.Reader) error {
		live, err := r.Count("c")
		notes, err2 := r.Count(store.Notes)
		if live != 5 || notes != 5 {
			t.Errorf("count %d, %d", live, notes)
		}
		return errors.Join(err, err2, r.EachDoc("c", store.Range{}, func(store.Doc) bool { n++; return n < 2 }))
	})
	if n != 2 {
		t.Errorf("went on to %d", n)
	}
}

func (b *bench) note(id string) model.Record {
	b.t.Helper()
	rec, err := b.s.Note(b.ctx, b.acc, id)
	if err != nil {
		b.t.Fatal(err)
	}
	return rec
}

// testStamp moves the clock at the first look at a collection and never again.
func testStamp(t *testing.T, b *bench) {
	stamp := func(collection string) (rev int64) {
		t.Helper()
		b.transact(func(x store.Txn) (err error) {
			rev, err = x.Stamp(collection)
			return err
		})
		return rev
	}
	newest := func(collection string) (rev, looked int64) {
		t.Helper()
		b.view(func(r store.Reader) (err error) {
			if rev, err = r.Newest(collection); err != nil {
				return err
			}
			looked, err = r.Looked(collection)
			return err
		})
		return rev, looked
	}
	if rev, looked := newest("c"); rev != 0 || looked != 0 {
		t.Errorf("nobody looked: %d %d", rev, looked)
	}
	first := stamp("c")
	head := b.head()
	if again := stamp("c"); again != first || first != head.Rev || b.head() != head {
		t.Errorf("%d then %d, head %+v", first, again, b.head())
	}
	if rev, looked := newest("c"); rev != 0 || looked != first {
		t.Errorf("looked: %d %d, want 0 %d", rev, looked, first)
	}
	if _, err := b.s.Changes(b.ctx, b.acc, head, 1, 1); err != nil {
		t.Errorf("the position of a look is no cursor: %v", err)
	}
	notes := stamp(store.Notes)
	if rev := b.want(store.Applied, b.op(model.Create, "n", 0, title("t"))).Record.Rev; rev <= notes || stamp(store.Notes) != rev {
		t.Errorf("note %d, timestamps %d %d", rev, notes, stamp(store.Notes))
	}
	if _, err := b.s.Changes(b.ctx, b.acc, head, 1, 1); err != nil {
		t.Errorf("the position of a look is no cursor any more: %v", err)
	}
	doc := b.putDoc("c", "d", "{}")
	gone := b.putDoc("c", "d", "")
	if now := stamp("c"); now != gone.Rev || doc.Rev >= gone.Rev {
		t.Errorf("timestamp %d after %d, %d", now, doc.Rev, gone.Rev)
	}
}

// testDrop forgets a collection but no position.
func testDrop(t *testing.T, b *bench) {
	last := b.putDoc("c", "a", "{}").Rev
	head := b.head()
	b.putDoc("c", "b", "")
	b.putDoc("e", "a", "{}")
	b.transact(func(x store.Txn) error { return x.DropCollection("c") })
	b.view(func(r store.Reader) error {
		if _, err := r.Doc("c", "a"); !errors.Is(err, store.ErrNoDoc) {
			t.Errorf("dropped: %v", err)
		}
		if rev, err := r.Looked("c"); rev != 0 || err != nil {
			t.Errorf("looked %d, %v", rev, err)
		}
		_, err := r.Doc("e", "a")
		return err
	})
	if _, err := b.s.Changes(b.ctx, b.acc, head, 1, 1); err != nil {
		t.Errorf("a position inside is lost: %v", err)
	}
	if rev := b.putDoc("c", "a", "{}").Rev; rev <= last {
		t.Errorf("%d after %d", rev, last)
	}
	if err := b.s.Transact(b.ctx, b.acc, func(x store.Txn) error { return x.DropCollection(store.Notes) }); !errors.Is(err, model.ErrRefused) {
		t.Errorf("notes dropped: %v", err)
	}
}

// testView reads one moment, whatever is written meanwhile.
func testView(t *testing.T, b *bench) {
	b.putDoc("c", "a", `{"n":1}`)
	b.view(func(r store.Reader) error {
		before := r.Head()
		later := b.putDoc("c", "a", `{"n":2}`)
		doc, err := r.Doc("c", "a")
		newest, err2 := r.Newest("c")
		if string(doc.Data) != `{"n":1}` || newest != before.Rev || r.Head() != before || later.Rev <= newest {
			t.Errorf("%+v, newest %d, head %+v", doc, newest, r.Head())
		}
		return errors.Join(err, err2)
	})
	if err := b.s.View(b.ctx, b.acc, func(store.Reader) error { return errRefused }); err != errRefused {
		t.Errorf("%v", err)
	}
	if err := b.s.View(b.ctx, 4711, func(store.Reader) error { return nil }); !errors.Is(err, store.ErrNoAccount) {
		t.Errorf("nobody's: %v", err)
	}
}

// testFlush erases everything but who may come in; no number comes twice.
func testFlush(t *testing.T, b *bench) {
	op := b.op(model.Create, "n", 0, title("t"))
	b.want(store.Applied, op)
	b.putDoc("c", "a", "{}")
	before := b.head()
	if err := b.s.Flush(b.ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := b.s.Changes(b.ctx, b.acc, before, 1, 1); !errors.Is(err, store.ErrEpoch) {
		t.Errorf("an old cursor: %v", err)
	}
	if page, err := b.s.Changes(b.ctx, b.acc, store.Cursor{}, 10, 1<<20); err != nil || len(page.Changes) != 0 {
		t.Errorf("%+v, %v", page, err)
	}
	after := b.head()
	if after.Rev < before.Rev || after.Epoch == before.Epoch {
		t.Errorf("%+v after %+v", after, before)
	}
	if _, err := b.s.Changes(b.ctx, b.acc, after, 1, 1); err != nil {
		t.Errorf("the new beginning is no cursor: %v", err)
	}
	if rec := b.want(store.Applied, op).Record; rec.Rev <= before.Rev {
		t.Errorf("rev %d after %d", rec.Rev, before.Rev)
	}
	b.view(func(r store.Reader) error {
		if rev, err := r.Looked("c"); rev != 0 || err != nil {
			t.Errorf("looked %d, %v", rev, err)
		}
		return nil
	})
}
