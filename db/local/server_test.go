package local

import (
	"context"
	"testing"

	"stet/model"
	"stet/syncengine/store"
)

// TestSwitchServer: another server and back again; what each was known to hold
// is remembered.
func TestSwitchServer(t *testing.T) {
	s := openTemp(t)
	ctx := context.Background()
	connect := func(key string) {
		t.Helper()
		if err := s.SwitchServer(ctx, key); err != nil {
			t.Fatal(err)
		}
	}
	status := func(id string) (model.Status, int64) {
		t.Helper()
		n, err := s.Get(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		return n.Status, n.Rev
	}
	put(t, s, note("early", "", "written before any server"))
	write(t, s, func(tx store.Tx) error { return tx.SetOps("early", []model.Op{op("e", "early", model.Create, 1)}) })
	connect("A")
	same, moved := note("same", "", "same"), note("moved", "", "first")
	for _, n := range []*model.Note{&same, &moved} {
		n.Status, n.Rev = model.Synced, 7
	}
	put(t, s, same, moved)
	write(t, s, func(tx store.Tx) error {
		if ops, err := tx.Ops("early"); err != nil || len(ops) != 1 {
			t.Errorf("the first server takes the outbox: %v %v", ops, err)
		}
		if err := tx.PutReview(model.Review{NoteID: "moved", Remote: model.Record{ID: "moved", Rev: 8, Fields: model.Fields{Body: "theirs"}}}); err != nil {
			return err
		}
		return tx.SetCursor("cursor of A")
	})
	connect("A")
	connect("")
	connect("A")
	if st, rev := status("same"); st != model.Synced || rev != 7 {
		t.Fatal("leaving and coming back changed", st, rev)
	}
	connect("B")
	if st, rev := status("same"); st != model.Pending || rev != 0 {
		t.Fatal(st, rev)
	}
	if err := s.Read(ctx, func(r store.Reader) error {
		if c, err := r.Cursor(); c != "" || err != nil {
			t.Error("cursor of the old server", c, err)
		}
		if ops, err := r.Ops("early"); len(ops) != 0 || err != nil {
			t.Error("ops of the old server", ops, err)
		}
		_, found, err := r.Shadow("same")
		if found {
			t.Error("shadow of the old server")
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	h, err := s.History(ctx, "moved", 0)
	if err != nil || len(h) != 2 || h[1].Fields.Body != "theirs" {
		t.Fatalf("the other side of a review is lost: %+v %v", h, err)
	}
	edited := note("moved", "", "second")
	put(t, s, edited)
	connect("A")
	if st, rev := status("same"); st != model.Synced || rev != 7 {
		t.Error("same:", st, rev)
	}
	if st, rev := status("moved"); st != model.Pending || rev != 7 {
		t.Error("moved:", st, rev)
	}
	if err := s.Read(ctx, func(r store.Reader) error {
		rec, found, err := r.Shadow("moved")
		if !found || rec.Rev != 7 || rec.Fields.Body != "first" {
			t.Errorf("shadow: %+v %v", rec, found)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if c, err := s.Counts(ctx); err != nil || c.Notes != 3 || c.Pending != 2 {
		t.Errorf("%+v %v", c, err)
	}
}
