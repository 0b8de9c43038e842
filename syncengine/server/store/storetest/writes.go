package storetest

import (
	"errors"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine/server/store"
)

func testKinds(t *testing.T, b *bench) {
	before := b.head()
	made := b.want(store.Applied, b.op(model.Create, "n", 0, model.Patch{Title: ptr("T"), Body: ptr("a\r\n\x00"), TagsAdd: []string{"x"}}))
	if made.Prev != before || made.Next != b.head() || made.Record.Rev != made.Next.Rev || made.Record.Device != "dev" {
		t.Errorf("create: %+v", made)
	}
	changed := b.want(store.Applied, b.op(model.Update, "n", made.Record.Rev, title("U")))
	f := changed.Record.Fields
	if changed.Record.Rev <= made.Record.Rev || f.Title != "U" || f.Body != "a\r\n\x00" || len(f.Tags) != 1 {
		t.Errorf("update: %+v", changed)
	}
	head := b.head()
	same := b.want(store.NoChange, b.op(model.Update, "n", changed.Record.Rev, title("U")))
	if same.Record.Rev != changed.Record.Rev || b.head() != head {
		t.Errorf("an update that changes nothing made a revision: %+v", same)
	}
	got, err := b.s.Note(b.ctx, b.acc, "n")
	if err != nil || got.Fields.Title != "U" || got.OpID != changed.Record.OpID || !got.SavedAt.Equal(time.UnixMilli(5)) {
		t.Errorf("note: %+v, %v", got, err)
	}
	if _, err := b.s.Note(b.ctx, b.acc, "none"); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("unknown note: %v", err)
	}
	for _, kind := range []model.Kind{model.Update, model.Append, model.Delete, model.Purge} {
		b.want(store.UnknownNote, b.op(kind, "none", 1, model.Patch{}))
	}
}

func testReplay(t *testing.T, b *bench) {
	create := b.op(model.Create, "n", 0, title("first"))
	first := b.want(store.Applied, create)
	b.want(store.Applied, b.op(model.Update, "n", first.Record.Rev, title("second")))
	head := b.head()
	again := b.want(store.Replayed, create)
	if again.Record.Rev != first.Record.Rev || again.Record.Fields.Title != "first" || again.Kind != model.Create || b.head() != head {
		t.Errorf("replay: %+v", again)
	}
	other := create
	other.Patch = title("other")
	b.want(store.KeyReused, other)
	moved := create
	moved.NoteID = "m"
	b.want(store.KeyReused, moved)
	if b.head() != head {
		t.Error("a replay moved the clock")
	}
	refused := b.op(model.Update, "n", 1, title("x"))
	b.want(store.Conflict, refused)
	refused.BaseRev = head.Rev
	b.want(store.Applied, refused) // a refusal does not use up the key
}

func testConflict(t *testing.T, b *bench) {
	made := b.want(store.Applied, b.op(model.Create, "n", 0, title("a")))
	now := b.want(store.Applied, b.op(model.Update, "n", made.Record.Rev, title("b")))
	head := b.head()
	for _, op := range []model.Op{b.op(model.Update, "n", made.Record.Rev, title("c")), b.op(model.Delete, "n", made.Record.Rev, model.Patch{}),
		b.op(model.Update, "n", now.Record.Rev+1, title("c")), b.op(model.Purge, "n", now.Record.Rev, model.Patch{})} {
		if res := b.want(store.Conflict, op); res.Record.Rev != now.Record.Rev || res.Record.Fields.Title != "b" {
			t.Errorf("current: %+v", res)
		}
	}
	if res := b.want(store.AlreadyExists, b.op(model.Create, "n", 0, title("c"))); res.Record.Rev != now.Record.Rev {
		t.Errorf("current: %+v", res)
	}
	if b.head() != head {
		t.Error("a refused op moved the clock")
	}
}

func testTombstone(t *testing.T, b *bench) {
	made := b.want(store.Applied, b.op(model.Create, "n", 0, title("a")))
	gone := b.want(store.Applied, b.op(model.Delete, "n", made.Record.Rev, model.Patch{}))
	if !gone.Record.Fields.Deleted || gone.Record.Fields.Title != "" {
		t.Errorf("tombstone: %+v", gone)
	}
	twice := b.want(store.NoChange, b.op(model.Delete, "n", 1, model.Patch{}))
	if twice.Record.Rev != gone.Record.Rev {
		t.Errorf("second delete: %+v", twice)
	}
	b.want(store.AlreadyExists, b.op(model.Create, "n", 0, title("b")))
	b.want(store.Conflict, b.op(model.Update, "n", gone.Record.Rev, title("b")))
	b.want(store.Conflict, b.op(model.Append, "n", gone.Record.Rev, model.Patch{LogAppend: []model.LogEntry{{ID: "e"}}}))
	restore := model.Patch{Deleted: ptr(false), Title: ptr("back")}
	b.want(store.Conflict, b.op(model.Update, "n", made.Record.Rev, restore))
	back := b.want(store.Applied, b.op(model.Update, "n", gone.Record.Rev, restore))
	if back.Record.Fields.Deleted || back.Record.Fields.Title != "back" {
		t.Errorf("restored: %+v", back)
	}
}

func testPurge(t *testing.T, b *bench) {
	create := b.op(model.Create, "n", 0, title("secret"))
	made := b.want(store.Applied, create)
	gone := b.want(store.Applied, b.op(model.Delete, "n", made.Record.Rev, model.Patch{}))
	purge := b.op(model.Purge, "n", gone.Record.Rev, model.Patch{})
	res := b.want(store.Applied, purge)
	if !res.Record.Purged || !res.Record.Fields.Deleted {
		t.Errorf("purged: %+v", res)
	}
	if _, err := b.s.NoteAt(b.ctx, b.acc, "n", made.Record.Rev); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("the purged text can still be read: %v", err)
	}
	if again := b.want(store.Replayed, create); again.Record.Fields.Title != "" || again.Record.Rev != made.Record.Rev {
		t.Errorf("replay after purge: %+v", again)
	}
	b.want(store.Replayed, purge)
	b.want(store.Purged, b.op(model.Update, "n", res.Record.Rev, title("x")))
	b.want(store.NoChange, b.op(model.Purge, "n", res.Record.Rev, model.Patch{}))
	note, err := b.s.Note(b.ctx, b.acc, "n")
	if err != nil || !note.Purged {
		t.Errorf("note: %+v, %v", note, err)
	}
	page, err := b.s.Changes(b.ctx, b.acc, made.Next, 10, 1<<20)
	if err != nil || len(page.Changes) != 1 || !page.Changes[0].Purged {
		t.Errorf("feed: %+v, %v", page, err)
	}
	b.want(store.Applied, b.op(model.Create, "n", 0, title("anew")))
}

func testAppend(t *testing.T, b *bench) {
	made := b.want(store.Applied, b.op(model.Create, "n", 0, title("a")))
	entry := func(id string) model.Patch { return model.Patch{LogAppend: []model.LogEntry{{ID: id, Text: id}}} }
	b.want(store.Applied, b.op(model.Append, "n", made.Record.Rev, entry("1")))
	two := b.want(store.Applied, b.op(model.Append, "n", made.Record.Rev, entry("2")))
	b.want(store.NoChange, b.op(model.Append, "n", 0, entry("1")))
	if log := two.Record.Fields.Log; len(log) != 2 || log[0].ID != "1" || log[1].ID != "2" {
		t.Errorf("log: %+v", log)
	}
}

func testBatch(t *testing.T, b *bench) {
	made := b.want(store.Applied, b.op(model.Create, "a", 0, title("a")))
	ops := []model.Op{b.op(model.Create, "b", 0, title("b")), b.op(model.Update, "a", 1, title("no")),
		b.op(model.Create, "c", 0, title("c")), b.op(model.Update, "a", made.Record.Rev, title("not tried"))}
	want := []store.Verdict{store.Applied, store.Conflict, store.Applied, store.NotTried}
	res := b.apply(ops...)
	for i, r := range res {
		if r.Verdict != want[i] {
			t.Errorf("op %d: %s, want %s", i, r.Verdict, want[i])
		}
	}
	if res[0].Prev != made.Next || res[0].Next != res[2].Prev || res[2].Next != b.head() {
		t.Errorf("cursors do not meet: %+v", res)
	}
	head := b.head()
	want = []store.Verdict{store.Replayed, store.Conflict, store.Replayed, store.NotTried}
	for i, r := range b.apply(ops...) {
		if r.Verdict != want[i] {
			t.Errorf("again, op %d: %s, want %s", i, r.Verdict, want[i])
		}
	}
	if b.head() != head {
		t.Error("the second time changed something")
	}
}
