package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine/server/store"
)

func testClock(t *testing.T, b *bench) {
	last := b.head().Rev
	for i := range 20 {
		b.ms.Add(int64(5 - i)) // goes back soon
		res := b.want(store.Applied, b.op(model.Create, fmt.Sprintf("n%d", i), 0, title("x")))
		if res.Record.Rev <= last || !res.Record.ServerAt.Equal(time.UnixMilli(res.Record.Rev)) {
			t.Fatalf("rev %d after %d, at %s", res.Record.Rev, last, res.Record.ServerAt)
		}
		last = res.Record.Rev
	}
}

func testCursors(t *testing.T, b *bench) {
	zero := b.head()
	made := b.want(store.Applied, b.op(model.Create, "n", 0, title("a")))
	b.want(store.Applied, b.op(model.Create, "m", 0, title("a")))
	good := []store.Cursor{{}, zero, made.Next, b.head()}
	bad := map[store.Cursor]error{
		{Epoch: "other", Rev: made.Next.Rev, Tag: made.Next.Tag}:        store.ErrEpoch,
		{Epoch: zero.Epoch, Rev: made.Next.Rev, Tag: "aaaaaaaa"}:        store.ErrUnknown,
		{Epoch: zero.Epoch, Rev: made.Next.Rev - 1, Tag: made.Next.Tag}: store.ErrUnknown,
		{Epoch: zero.Epoch, Rev: b.head().Rev + 1, Tag: b.head().Tag}:   store.ErrUnknown,
		{Epoch: zero.Epoch, Rev: zero.Rev, Tag: "aaaaaaaa"}:             store.ErrUnknown,
	}
	for _, c := range good {
		if _, err := b.s.Changes(b.ctx, b.acc, c, 1, 1<<20); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for c, want := range bad {
		if _, err := b.s.Changes(b.ctx, b.acc, c, 1, 1<<20); !errors.Is(err, want) {
			t.Errorf("changes since %+v: %v, want %v", c, err, want)
		}
		head := b.head()
		_, err := b.s.Apply(b.ctx, b.acc, c, []store.Write{write(b.op(model.Create, "x", 0, title("x")))})
		if !errors.Is(err, want) || b.head() != head {
			t.Errorf("apply since %+v: %v, want %v and nothing applied", c, err, want)
		}
	}
}

func testCold(t *testing.T, b *bench) {
	for i := range 5 {
		b.want(store.Applied, b.op(model.Create, fmt.Sprintf("n%d", i), 0, title("x")))
	}
	n, _ := b.s.Note(b.ctx, b.acc, "n1")
	b.want(store.Applied, b.op(model.Delete, "n1", n.Rev, model.Patch{}))
	page, err := b.s.Changes(b.ctx, b.acc, store.Cursor{}, 100, 1<<20)
	if err != nil || len(page.Changes) != 4 || page.More || page.Next != b.head() {
		t.Fatalf("%+v, %v", page, err)
	}
	page, err = b.s.Changes(b.ctx, b.acc, page.Next, 100, 1<<20)
	if err != nil || len(page.Changes) != 0 || page.More || page.Next != b.head() {
		t.Fatalf("nothing new: %+v, %v", page, err)
	}
}

func testPageSize(t *testing.T, b *bench) {
	big := string(make([]byte, 10_000))
	for i := range 6 {
		b.want(store.Applied, b.op(model.Create, fmt.Sprintf("n%d", i), 0, model.Patch{Body: &big}))
	}
	page, err := b.s.Changes(b.ctx, b.acc, store.Cursor{}, 100, 1)
	if err != nil || len(page.Changes) != 1 || !page.More {
		t.Fatalf("a page has one change at least: %d, %v", len(page.Changes), err)
	}
	page, err = b.s.Changes(b.ctx, b.acc, page.Next, 100, 25_000)
	if err != nil || len(page.Changes) > 3 || !page.More {
		t.Fatalf("a page ends at its size: %d, %v", len(page.Changes), err)
	}
}

func testHistory(t *testing.T, b *bench) {
	rev := b.want(store.Applied, b.op(model.Create, "n", 0, title("0"))).Record.Rev
	revs := []int64{rev}
	for i := 1; i < 5; i++ {
		rev = b.want(store.Applied, b.op(model.Update, "n", rev, title(fmt.Sprint(i)))).Record.Rev
		b.want(store.Applied, b.op(model.Create, fmt.Sprintf("other%d", i), 0, title("x")))
		revs = append(revs, rev)
	}
	all, err := b.s.History(b.ctx, b.acc, "n", 0, 100)
	if err != nil || len(all) != 5 || all[0].Fields.Title != "4" || all[4].Fields.Title != "0" || all[0].Device != "dev" ||
		all[0].Kind != model.Update || all[4].Kind != model.Create {
		t.Fatalf("%+v, %v", all, err)
	}
	some, err := b.s.History(b.ctx, b.acc, "n", revs[3], 2)
	if err != nil || len(some) != 2 || some[0].Rev != revs[2] || some[1].Rev != revs[1] {
		t.Fatalf("%+v, %v", some, err)
	}
	at, err := b.s.NoteAt(b.ctx, b.acc, "n", revs[2])
	if err != nil || at.Fields.Title != "2" {
		t.Fatalf("%+v, %v", at, err)
	}
	if _, err := b.s.NoteAt(b.ctx, b.acc, "other1", revs[2]); !errors.Is(err, model.ErrNotFound) {
		t.Fatalf("another note's revision: %v", err)
	}
}
