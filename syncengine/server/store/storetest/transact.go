package storetest

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"stet/model"
	"stet/syncengine/server/store"
)

var errRefused = errors.New("refused")

func (b *bench) transact(f func(store.Txn) error) {
	b.t.Helper()
	if err := b.s.Transact(b.ctx, b.acc, f); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) view(f func(store.Reader) error) {
	b.t.Helper()
	if err := b.s.View(b.ctx, b.acc, f); err != nil {
		b.t.Fatal(err)
	}
}

func put(id string) store.Write {
	return store.Write{Op: model.Op{NoteID: id, Kind: model.Update, Device: "page"}}
}

// testTransact writes twice in one transaction, which reads what it wrote.
func testTransact(t *testing.T, b *bench) {
	first := b.want(store.Applied, b.op(model.Create, "n", 0, title("one"))).Record
	before := b.head()
	var second, third model.Record
	b.transact(func(x store.Txn) error {
		got, err := x.Note("n")
		if err != nil || got.Rev != first.Rev || got.Fields.Title != "one" || x.Head() != before {
			t.Errorf("%+v, %v, head %+v", got, err, x.Head())
		}
		if second, err = x.PutNote(put("n"), model.Fields{Title: "two"}); err != nil {
			return err
		}
		if got, err = x.Note("n"); err != nil || got.Fields.Title != "two" || x.Head().Rev != second.Rev {
			t.Errorf("own write: %+v, %v, head %+v", got, err, x.Head())
		}
		third, err = x.PutNote(put("m"), model.Fields{Body: "b"})
		return err
	})
	if second.Rev <= first.Rev || third.Rev <= second.Rev || b.head().Rev != third.Rev {
		t.Errorf("revs %d %d %d, head %+v", first.Rev, second.Rev, third.Rev, b.head())
	}
	page, err := b.s.Changes(b.ctx, b.acc, before, 10, 1<<20)
	if err != nil || len(page.Changes) != 2 || page.Changes[0].Fields.Title != "two" || page.Changes[1].Device != "page" {
		t.Errorf("feed: %+v, %v", page, err)
	}
	if err := b.s.Transact(b.ctx, 4711, func(store.Txn) error { return nil }); !errors.Is(err, store.ErrNoAccount) {
		t.Errorf("nobody's: %v", err)
	}
}

// testTransactRefused gives f's own error back and keeps nothing of its writes,
// the clock included, whoever shares the commit.
func testTransactRefused(t *testing.T, b *bench) {
	b.want(store.Applied, b.op(model.Create, "n", 0, title("one")))
	var wg sync.WaitGroup
	heads := make([]store.Cursor, 40)
	for i := range 40 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			err := b.s.Transact(b.ctx, b.acc, func(x store.Txn) error {
				heads[i] = x.Head()
				if _, err := x.PutNote(put(fmt.Sprint("r", i)), model.Fields{Title: "kept"}); err != nil {
					return err
				}
				if _, err := x.PutDoc("c", fmt.Sprint("d", i), []byte("{}")); err != nil {
					return err
				}
				if i%2 == 1 {
					return errRefused
				}
				return nil
			})
			if refused := i%2 == 1; refused && err != errRefused || !refused && err != nil {
				t.Errorf("%d: %v", i, err)
			}
		}()
	}
	wg.Wait()
	b.view(func(r store.Reader) error {
		for i := range 40 {
			_, note := r.Note(fmt.Sprint("r", i))
			_, doc := r.Doc("c", fmt.Sprint("d", i))
			if there := i%2 == 0; there != (note == nil) || there != (doc == nil) {
				t.Errorf("%d: %v, %v", i, note, doc)
			}
		}
		return nil
	})
	page, err := b.s.Changes(b.ctx, b.acc, store.Cursor{}, 1000, 1<<30)
	if err != nil || len(page.Changes) != 21 || page.Next != b.head() {
		t.Errorf("%d notes, %v", len(page.Changes), err)
	}
	for _, head := range append(heads, b.head()) {
		if _, err := b.s.Changes(b.ctx, b.acc, head, 1, 1); err != nil {
			t.Errorf("%+v was the head and is no cursor: %v", head, err)
		}
	}
}

// testTransactCounter increments a number from many goroutines at once.
func testTransactCounter(t *testing.T, b *bench) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 25 {
				err := b.s.Transact(b.ctx, b.acc, func(x store.Txn) error {
					rec, err := x.Note("count")
					if err != nil && !errors.Is(err, model.ErrNotFound) {
						return err
					}
					n, _ := strconv.Atoi(rec.Fields.Title)
					_, err = x.PutNote(put("count"), model.Fields{Title: strconv.Itoa(n + 1)})
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wg.Wait()
	rec, err := b.s.Note(b.ctx, b.acc, "count")
	if err != nil || rec.Fields.Title != "100" {
		t.Errorf("%+v, %v", rec, err)
	}
	vs, err := b.s.History(b.ctx, b.acc, "count", 0, 1000)
	if err != nil || len(vs) != 100 {
		t.Errorf("%d versions, %v", len(vs), err)
	}
}

// testPutNote writes over whatever was there: nothing, a tombstone, a purged
// note.
func testPutNote(t *testing.T, b *bench) {
	b.want(store.Applied, b.op(model.Create, "n", 0, title("one")))
	write := func(w store.Write, f model.Fields) (rec model.Record) {
		t.Helper()
		b.transact(func(x store.Txn) (err error) {
			rec, err = x.PutNote(w, f)
			return err
		})
		return rec
	}
	gone := put("n")
	gone.Op.Kind = model.Delete
	rec := write(gone, model.Fields{Deleted: true})
	if !rec.Fields.Deleted || rec.OpID == "" || rec.SavedAt.UnixMilli() != b.ms.Load() {
		t.Errorf("%+v", rec)
	}
	b.want(store.Applied, b.op(model.Purge, "n", rec.Rev, model.Patch{}))
	back := write(put("n"), model.Fields{Title: "back"})
	if got, err := b.s.Note(b.ctx, b.acc, "n"); err != nil || got.Fields.Title != "back" || got.Purged || got.Rev != back.Rev {
		t.Errorf("%+v, %v", got, err)
	}
	same := write(put("n"), model.Fields{Title: "back"})
	if same.Rev <= back.Rev || same.OpID == back.OpID {
		t.Errorf("%+v after %+v", same, back)
	}
	keyed := put("n")
	keyed.Op.ID = "mine"
	if rec := write(keyed, model.Fields{}); rec.OpID != "mine" {
		t.Errorf("%+v", rec)
	}
	b.view(func(r store.Reader) error {
		mine, err := r.Made("n", "mine")
		others, err2 := r.Made("m", "mine")
		unknown, err3 := r.Made("n", "yours")
		if !mine || others || unknown {
			t.Errorf("made: %v %v %v", mine, others, unknown)
		}
		return errors.Join(err, err2, err3)
	})
	err := b.s.Transact(b.ctx, b.acc, func(x store.Txn) error {
		_, err := x.PutNote(keyed, model.Fields{})
		return err
	})
	if !errors.Is(err, store.ErrExists) {
		t.Errorf("key twice: %v", err)
	}
}
