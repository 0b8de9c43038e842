// Package storetest is the suite that every store of the sync server passes.
//
// Rules of the room: it knows the contract alone, never a store. Each test
// makes a fresh store with a clock of its own.
package storetest

import (
	"context"
	"crypto/sha256"
	"fmt"
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
		"transaction":      testTransact,
		"refused":          testTransactRefused,
		"counter":          testTransactCounter,
		"note put":         testPutNote,
		"documents":        testDocs,
		"ranges":           testRanges,
		"timestamps":       testStamp,
		"dropped":          testDrop,
		"one view":         testView,
		"flush":            testFlush,
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
