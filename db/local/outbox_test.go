package local

import (
	"context"
	"slices"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine/store"
)

func op(id, note string, kind model.Kind, seq int64) model.Op {
	return model.Op{ID: id, NoteID: note, Kind: kind, State: model.Queued, NoteSeq: seq, CreatedAt: t0}
}

func sendable(t *testing.T, s *Store, now time.Time, force bool) (ids []string) {
	t.Helper()
	if err := s.Read(context.Background(), func(r store.Reader) error {
		ops, err := r.Sendable(100, now, force)
		for _, o := range ops {
			ids = append(ids, o.ID)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestSendable(t *testing.T) {
	s := openTemp(t)
	put(t, s, note("a", "", ""), note("b", "", ""), note("c", "", ""), note("d", "", ""))
	write(t, s, func(tx store.Tx) error {
		a := op("a1", "a", model.Update, 1)
		body, made := "b\x00dy", t0
		a.Patch = model.Patch{Body: &body, CreatedAt: &made, TagsAdd: []string{"x"}}
		for _, ops := range [][]model.Op{{a, op("a2", "a", model.Append, 1)}, {op("b1", "b", model.Update, 2), op("b2", "b", model.Append, 2)},
			{op("c1", "c", model.Create, 3)}, {op("d1", "d", model.Create, 4)}} {
			if err := tx.SetOps(ops[0].NoteID, ops); err != nil {
				return err
			}
		}
		if err := tx.PutReview(model.Review{NoteID: "b", Remote: model.Record{ID: "b", Rev: 2}}); err != nil {
			return err
		}
		if err := tx.Freeze([]string{"d1"}, "cur1"); err != nil {
			return err
		}
		return tx.Postpone("c1", "later", testNow().Add(time.Hour), false)
	})
	for _, c := range []struct {
		force bool
		want  []string
	}{{false, []string{"d1", "a1", "b2"}}, {true, []string{"d1", "a1", "b2", "c1"}}} {
		if got := sendable(t, s, testNow(), c.force); !slices.Equal(got, c.want) {
			t.Errorf("force %v: %v, want %v", c.force, got, c.want)
		}
	}
	write(t, s, func(tx store.Tx) error {
		if err := tx.Park("a1", "no"); err != nil {
			return err
		}
		if err := tx.Freeze([]string{"d1"}, "cur2"); err != nil {
			return err
		}
		ops, err := tx.Ops("d")
		if err != nil || ops[0].SentAt != "cur1" || ops[0].Attempt != 2 {
			t.Errorf("frozen twice: %+v", ops)
		}
		ops, err = tx.Ops("a")
		if p := ops[0].Patch; *p.Body != "b\x00dy" || !p.CreatedAt.Equal(t0) || p.TagsAdd[0] != "x" || p.Title != nil {
			t.Errorf("patch: %+v", p)
		}
		return err
	})
	if got := sendable(t, s, testNow(), false); !slices.Equal(got, []string{"d1", "b2"}) {
		t.Errorf("parked: %v", got)
	}
}

func TestSettleClean(t *testing.T) {
	s := openTemp(t)
	ctx := context.Background()
	settle := func(o model.Op, rev int64) (ok bool) {
		write(t, s, func(tx store.Tx) (err error) { ok, err = tx.SettleClean(o, rev, t0); return err })
		return ok
	}
	plan := func(o model.Op, n model.Note) model.Op {
		write(t, s, func(tx store.Tx) (err error) {
			if n, err = tx.PutNote(n); err != nil {
				return err
			}
			o.NoteSeq = n.Seq
			return tx.SetOps(n.ID, []model.Op{o})
		})
		return o
	}
	create := plan(op("1", "a", model.Create, 0), note("a", "t", "b"))
	if !settle(create, 5) || settle(create, 5) {
		t.Fatal("a create that was accepted settles once")
	}
	edit := note("a", "t", "b2")
	edit.Rev = 5
	update := op("2", "a", model.Update, 0)
	update.BaseRev = 5
	update = plan(update, edit)
	stale := update
	stale.NoteSeq--
	if settle(stale, 6) {
		t.Fatal("settled although the note was saved again")
	}
	write(t, s, func(tx store.Tx) error { return tx.PutShadow(model.Record{ID: "a", Rev: 9}) })
	if settle(update, 10) {
		t.Fatal("settled although the server's state is another")
	}
	write(t, s, func(tx store.Tx) error { return tx.PutShadow(model.Record{ID: "a", Rev: 5}) })
	if !settle(update, 10) {
		t.Fatal("not settled")
	}
	n, err := s.Get(ctx, "a")
	if err != nil || n.Status != model.Synced || n.Rev != 10 || !n.UpdatedAtServer.Equal(t0) {
		t.Fatalf("%+v %v", n, err)
	}
	h, err := s.History(ctx, "a", 0)
	if err != nil || len(h) != 2 || h[0].Rev != 10 || h[1].Rev != 5 {
		t.Fatalf("revisions of texts: %+v %v", h, err)
	}
}

// TestSyncingNeedsALease: a frozen op alone is not a running request.
func TestSyncingNeedsALease(t *testing.T) {
	s := openTemp(t)
	put(t, s, note("a", "", ""))
	write(t, s, func(tx store.Tx) error {
		if err := tx.SetOps("a", []model.Op{op("1", "a", model.Create, 1)}); err != nil {
			return err
		}
		return tx.Freeze([]string{"1"}, "")
	})
	for _, held := range []bool{false, true} {
		if held {
			l, err := s.Lease(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			defer l.Release()
		}
		c, err := s.Counts(context.Background())
		if err != nil || (c.Syncing == 1) != held {
			t.Errorf("lease %v: %+v %v", held, c, err)
		}
		heads, err := s.Find(context.Background(), model.Query{State: []model.Match{{Value: "syncing"}}}, 0)
		if err != nil || (len(heads) == 1 && heads[0].Syncing) != held {
			t.Errorf("lease %v: %+v %v", held, heads, err)
		}
	}
}
