package storetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"stet/model"
	"stet/syncengine/server/store"
)

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
