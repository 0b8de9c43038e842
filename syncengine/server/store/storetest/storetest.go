// Package storetest is the suite that every store of the sync server passes.
//
// Rules of the room: it knows the contract alone, never a store. Each test
// makes a fresh store with a clock of its own.
package storetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine/server/store"
	"stet/syncengine/wire"
)

// Open makes an empty store whose clock is now. The suite closes it.
type Open func(t *testing.T, now func() time.Time) store.Store

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, *bench){
		"kinds":            testKinds,
		"replay":           testReplay,
		"conflict":         testConflict,
		"tombstone":        testTombstone,
		"purge":            testPurge,
		"append":           testAppend,
		"batch":            testBatch,
		"clock":            testClock,
		"cursors":          testCursors,
		"cold listing":     testCold,
		"size of a page":   testPageSize,
		"history":          testHistory,
		"accounts":         testAccounts,
		"isolation":        testIsolation,
		"feed under load":  testFeedUnderLoad,
		"one key at once":  testOneKeyAtOnce,
		"random histories": testRandom,
	} {
		t.Run(name, func(t *testing.T) {
			b := &bench{t: t, ctx: t.Context()}
			b.ms.Store(1_700_000_000_000)
			b.s = open(t, func() time.Time { return time.UnixMilli(b.ms.Load()) })
			t.Cleanup(func() {
				if err := b.s.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			b.acc = b.account("ann")
			test(t, b)
		})
	}
}

// bench is one test's store with an account.
type bench struct {
	t   *testing.T
	ctx context.Context
	s   store.Store
	acc int64
	ms  atomic.Int64
	n   atomic.Int64
}

func (b *bench) account(name string) int64 {
	b.t.Helper()
	hash := sha256.Sum256([]byte("token of " + name))
	if err := b.s.AddAccount(b.ctx, name); err != nil {
		b.t.Fatal(err)
	}
	if err := b.s.AddToken(b.ctx, name, "first", hash); err != nil {
		b.t.Fatal(err)
	}
	a, err := b.s.Authenticate(b.ctx, hash)
	if err != nil {
		b.t.Fatal(err)
	}
	return a.ID
}

func (b *bench) op(kind model.Kind, note string, base int64, p model.Patch) model.Op {
	return model.Op{ID: fmt.Sprintf("op-%d", b.n.Add(1)), NoteID: note, Kind: kind, BaseRev: base, Patch: p, Device: "dev"}
}

func write(op model.Op) store.Write {
	sum, err := wire.Fingerprint(op)
	if err != nil {
		panic(err)
	}
	return store.Write{Op: op, Fingerprint: sum, At: time.UnixMilli(5)}
}

func (b *bench) apply(ops ...model.Op) []store.Result {
	b.t.Helper()
	writes := make([]store.Write, len(ops))
	for i, op := range ops {
		writes[i] = write(op)
	}
	out, err := b.s.Apply(b.ctx, b.acc, store.Cursor{}, writes)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

func (b *bench) want(v store.Verdict, op model.Op) store.Result {
	b.t.Helper()
	res := b.apply(op)[0]
	if res.Verdict != v {
		b.t.Fatalf("%s of %s: %s, want %s", op.Kind, op.NoteID, res.Verdict, v)
	}
	return res
}

func (b *bench) head() store.Cursor {
	b.t.Helper()
	c, err := b.s.Head(b.ctx, b.acc)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func ptr[T any](v T) *T { return &v }

func title(s string) model.Patch { return model.Patch{Title: &s} }

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
	if err != nil || len(all) != 5 || all[0].Fields.Title != "4" || all[4].Fields.Title != "0" || all[0].Device != "dev" {
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

func testAccounts(t *testing.T, b *bench) {
	if err := b.s.AddAccount(b.ctx, "ann"); !errors.Is(err, store.ErrExists) {
		t.Errorf("second account: %v", err)
	}
	hash := sha256.Sum256([]byte("t"))
	if err := b.s.AddToken(b.ctx, "nobody", "", hash); !errors.Is(err, store.ErrNoAccount) {
		t.Errorf("token of nobody: %v", err)
	}
	if err := b.s.AddToken(b.ctx, "ann", "laptop", hash); err != nil {
		t.Fatal(err)
	}
	a, err := b.s.Authenticate(b.ctx, hash)
	if err != nil || a.Name != "ann" || a.Label != "laptop" || a.ID != b.acc || a.Cursor != b.head() {
		t.Errorf("%+v, %v", a, err)
	}
	if n, err := b.s.RevokeTokens(b.ctx, "ann", "laptop"); n != 1 || err != nil {
		t.Errorf("revoked %d, %v", n, err)
	}
	if _, err := b.s.Authenticate(b.ctx, hash); !errors.Is(err, store.ErrToken) {
		t.Errorf("revoked token: %v", err)
	}
	if _, err := b.s.Authenticate(b.ctx, [32]byte{}); !errors.Is(err, store.ErrToken) {
		t.Errorf("unknown token: %v", err)
	}
	tokens, err := b.s.Tokens(b.ctx, "ann")
	if err != nil || len(tokens) != 2 || !tokens[1].Revoked || tokens[1].Label != "laptop" {
		t.Errorf("%+v, %v", tokens, err)
	}
	b.want(store.Applied, b.op(model.Create, "n", 0, title("x")))
	if err := b.s.RemoveAccount(b.ctx, "ann"); err != nil {
		t.Fatal(err)
	}
	if err := b.s.RemoveAccount(b.ctx, "ann"); !errors.Is(err, store.ErrNoAccount) {
		t.Errorf("removed twice: %v", err)
	}
	if _, err := b.s.Head(b.ctx, b.acc); !errors.Is(err, store.ErrNoAccount) {
		t.Errorf("head of a removed account: %v", err)
	}
	if names, err := b.s.Accounts(b.ctx); err != nil || len(names) != 0 {
		t.Errorf("%v, %v", names, err)
	}
	if b.account("ann") == b.acc {
		t.Error("an account's number was used again")
	}
}

func testIsolation(t *testing.T, b *bench) {
	op := b.op(model.Create, "n", 0, title("ann's"))
	made := b.want(store.Applied, op)
	ann := b.acc
	b.acc = b.account("bob")
	if _, err := b.s.Note(b.ctx, b.acc, "n"); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("bob reads ann's note: %v", err)
	}
	if _, err := b.s.History(b.ctx, b.acc, "n", 0, 10); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("bob reads ann's history: %v", err)
	}
	if _, err := b.s.NoteAt(b.ctx, b.acc, "n", made.Record.Rev); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("bob reads ann's version: %v", err)
	}
	if _, err := b.s.Changes(b.ctx, b.acc, made.Next, 10, 1<<20); !errors.Is(err, store.ErrEpoch) {
		t.Errorf("bob uses ann's cursor: %v", err)
	}
	b.want(store.UnknownNote, b.op(model.Update, "n", made.Record.Rev, title("x")))
	op.Patch = title("bob's")
	b.want(store.Applied, op) // same key, same note id, another account
	note, err := b.s.Note(b.ctx, ann, "n")
	if err != nil || note.Fields.Title != "ann's" {
		t.Errorf("ann's note: %+v, %v", note, err)
	}
}

// testFeedUnderLoad has 8 writers and a reader of pages of one change.
func testFeedUnderLoad(t *testing.T, b *bench) {
	const writers, each = 8, 150
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				id := fmt.Sprintf("n%d-%d", w, i%20)
				op := b.op(model.Create, id, 0, title("x"))
				if rec, err := b.s.Note(b.ctx, b.acc, id); err == nil {
					op.Kind, op.BaseRev, op.Patch = model.Update, rec.Rev, title(fmt.Sprint(i))
				}
				if _, err := b.s.Apply(b.ctx, b.acc, store.Cursor{}, []store.Write{write(op)}); err != nil {
					t.Error(err)
				}
				b.ms.Add(1)
			}
		})
	}
	finished := make(chan struct{})
	go func() { wg.Wait(); close(finished) }()
	seen := map[string]int64{}
	var at store.Cursor
	for last := false; ; {
		page, err := b.s.Changes(b.ctx, b.acc, at, 1, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range page.Changes {
			if rec.Rev <= at.Rev {
				t.Fatalf("rev %d after %d", rec.Rev, at.Rev)
			}
			seen[rec.ID] = rec.Rev
		}
		at = page.Next
		if len(page.Changes) > 0 {
			continue
		}
		if last {
			break
		}
		select {
		case <-finished:
			last = true
		default:
		}
	}
	page, err := b.s.Changes(b.ctx, b.acc, store.Cursor{}, 1000, 1<<20)
	if err != nil || len(page.Changes) != writers*20 || len(seen) != writers*20 {
		t.Fatalf("%d notes, %d seen, %v", len(page.Changes), len(seen), err)
	}
	for _, rec := range page.Changes {
		if seen[rec.ID] != rec.Rev {
			t.Errorf("%s: saw %d, is %d", rec.ID, seen[rec.ID], rec.Rev)
		}
	}
}

func testOneKeyAtOnce(t *testing.T, b *bench) {
	op := write(b.op(model.Create, "n", 0, title("x")))
	var wg sync.WaitGroup
	var applied atomic.Int64
	for range 50 {
		wg.Go(func() {
			res, err := b.s.Apply(b.ctx, b.acc, store.Cursor{}, []store.Write{op})
			switch {
			case err != nil:
				t.Error(err)
			case res[0].Verdict == store.Applied:
				applied.Add(1)
			case res[0].Verdict != store.Replayed:
				t.Errorf("verdict %s", res[0].Verdict)
			}
		})
	}
	wg.Wait()
	if applied.Load() != 1 {
		t.Errorf("applied %d times", applied.Load())
	}
}
