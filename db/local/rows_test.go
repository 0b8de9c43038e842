package local

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"stet/db/local/search"
	"stet/model"
	"stet/syncengine/store"
)

func synced(id, body string, rev int64) model.Note {
	n := note(id, "", body)
	n.Status, n.Rev = model.Synced, rev
	return n
}

// count counts the rows of a table.
func count(t *testing.T, s *Store, table string) (n int) {
	t.Helper()
	if err := s.readers.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestASyncedRowIsItsShadow: a shadow set before the row was written synced
// goes with it, whether the row is new or was synced already.
func TestASyncedRowIsItsShadow(t *testing.T) {
	s := openTemp(t)
	put(t, s, synced("old", "1", 5))
	for _, id := range []string{"old", "new"} {
		write(t, s, func(tx store.Tx) error {
			if err := tx.PutShadow(model.Record{ID: id, Rev: 9, Fields: model.Fields{Body: "stale"}}); err != nil {
				return err
			}
			_, err := tx.PutNote(synced(id, "2", 10))
			return err
		})
		if n := count(t, s, "shadows"); n != 0 {
			t.Errorf("%s: %d explicit shadows", id, n)
		}
		put(t, s, note(id, "", "mine"))
		write(t, s, func(tx store.Tx) error {
			if rec, ok, err := tx.Shadow(id); err != nil || !ok || rec.Rev != 10 || rec.Fields.Body != "2" {
				t.Errorf("%s: shadow %+v %v %v", id, rec, ok, err)
			}
			return tx.PutShadow(model.Record{ID: id})
		})
	}
}

func TestADeletedShadowHasNoText(t *testing.T) {
	s := openTemp(t)
	write(t, s, func(tx store.Tx) error {
		return tx.PutShadow(model.Record{ID: "a", Rev: 1, Fields: model.Fields{Body: "secret", Deleted: true}})
	})
	if n := count(t, s, "shadows WHERE length(body) > 0"); n != 0 {
		t.Error("the text of a deleted note is still in the file")
	}
}

// TestDropNoteLeavesNothing of the note but its versions and ops, and tells
// the index.
func TestDropNoteLeavesNothing(t *testing.T) {
	s := openTemp(t)
	ctx := context.Background()
	n := note("a", "", "first")
	n.Tags = []string{"x"}
	put(t, s, n, note("b", "", ""))
	n.Body = "second"
	put(t, s, n)
	if err := s.PutDraft(ctx, model.Draft{Key: "k", NoteID: "a"}); err != nil {
		t.Fatal(err)
	}
	write(t, s, func(tx store.Tx) error {
		if err := tx.PutReview(model.Review{NoteID: "a"}); err != nil {
			return err
		}
		if err := tx.Hold(store.Held{Record: model.Record{ID: "a"}, Reason: store.HeldForOp}); err != nil {
			return err
		}
		return tx.PutShadow(model.Record{ID: "a", Rev: 3})
	})
	src := source{s}
	_, seq, err := src.State(ctx)
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, func(tx store.Tx) error { return tx.DropNote("a", false) })
	for _, table := range []string{"reviews", "held", "shadows", "drafts", "draft_bases", "note_tags"} {
		if n := count(t, s, table); n != 0 {
			t.Errorf("%s: %d rows", table, n)
		}
	}
	gone := 0
	if _, err := src.Changed(ctx, seq, 100, func(d search.Doc) error {
		if d.Gone {
			gone++
		}
		return nil
	}); err != nil || gone != 1 {
		t.Errorf("the index hears of %d dropped notes, %v", gone, err)
	}
	if n := count(t, s, "versions"); n != 1 {
		t.Errorf("%d versions", n)
	}
	write(t, s, func(tx store.Tx) error { return tx.DropNote("a", true) })
	if n := count(t, s, "versions"); n != 0 {
		t.Errorf("%d versions after erasing", n)
	}
}

func TestAPurgedNoteHasNoTags(t *testing.T) {
	s := openTemp(t)
	for _, purged := range []bool{true, false, true} { // inserted purged, brought back, purged again
		n := note("a", "", "")
		n.Tags, n.Deleted, n.Purged = []string{"x"}, purged, purged
		put(t, s, n)
		if got := count(t, s, "note_tags"); (got == 0) != purged {
			t.Errorf("purged %v: %d tags", purged, got)
		}
	}
}

// TestRevisionOfAText: the text that a server had as a revision keeps that
// number in the history, a text of this device has none.
func TestRevisionOfAText(t *testing.T) {
	s := openTemp(t)
	put(t, s, synced("a", "theirs", 7), note("a", "", "mine"))
	h, err := s.History(context.Background(), "a", 0)
	if err != nil || len(h) != 2 || h[0].Rev != 0 || h[1].Rev != 7 {
		t.Fatalf("%+v %v", h, err)
	}
}

// TestSwitchServerAndBack with what is purged, held or only known as a shadow.
func TestSwitchServerAndBack(t *testing.T) {
	s := openTemp(t)
	ctx := context.Background()
	connect := func(key string) {
		t.Helper()
		if err := s.SwitchServer(ctx, key); err != nil {
			t.Fatal(err)
		}
	}
	want := func(id string, status model.Status) {
		t.Helper()
		if n, err := s.Get(ctx, id); err != nil || n.Status != status {
			t.Errorf("%s is %s, want %s, %v", id, n.Status, status, err)
		}
	}
	shadow := func(id string, rev int64) {
		t.Helper()
		if err := s.Read(ctx, func(r store.Reader) error {
			rec, ok, err := r.Shadow(id)
			if !ok || rec.Rev != rev {
				t.Errorf("shadow of %s: %+v %v, want revision %d", id, rec, ok, rev)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	put(t, s, note("early", "", "mine"))
	write(t, s, func(tx store.Tx) error { return tx.PutShadow(model.Record{ID: "early", Rev: 2}) })
	connect("A")
	shadow("early", 2)
	trash := synced("trash", "", 4)
	trash.Deleted = true
	erased := synced("erased", "", 0)
	erased.Deleted, erased.Purged = true, true
	put(t, s, trash, erased, synced("edited", "theirs", 6))
	write(t, s, func(tx store.Tx) error {
		return tx.Hold(store.Held{Record: model.Record{ID: "trash"}, Reason: store.HeldForConsent})
	})
	connect("B")
	want("erased", model.Synced) // B never had it and need not hear of it
	if n := count(t, s, "held"); n != 0 {
		t.Errorf("%d changes of A are still held", n)
	}
	put(t, s, synced("edited", "as B has it", 3))
	trash.Status, trash.Purged = model.Pending, true
	put(t, s, trash, note("edited", "", "mine"))
	shadow("edited", 3)
	connect("A")
	shadow("edited", 6)
	want("trash", model.Pending) // A must hear of the purge
	want("edited", model.Pending)
	if h, err := s.History(ctx, "edited", 0); err != nil || h[0].Rev != 0 {
		t.Errorf("a text of this device is told as A's revision: %+v %v", h, err)
	}
}

// TestErasedElsewhere: what is erased while another server is in use is to be
// erased on the first one too, and its text is nowhere in the file's rows.
func TestErasedElsewhere(t *testing.T) {
	s := openTemp(t)
	ctx := context.Background()
	connect := func(key string) {
		t.Helper()
		if err := s.SwitchServer(ctx, key); err != nil {
			t.Fatal(err)
		}
	}
	connect("A")
	put(t, s, synced("erased", "secret", 7), synced("dropped", "text", 8))
	connect("B")
	write(t, s, func(tx store.Tx) error { return tx.DropNote("erased", true) })
	write(t, s, func(tx store.Tx) error { return tx.DropNote("dropped", false) })
	if n := count(t, s, "shadows WHERE cast(body AS text) LIKE '%secret%'"); n != 0 {
		t.Error("the text of an erased note is kept as a shadow")
	}
	connect("A")
	n, err := s.Get(ctx, "erased")
	if err != nil || !n.Purged || !n.Deleted || n.Rev != 7 || n.Status != model.Pending || n.Body != "" {
		t.Errorf("back at A: %+v, %v", n, err)
	}
	if n, err := s.Get(ctx, "dropped"); err == nil {
		t.Errorf("what was not erased by anyone: %+v", n)
	}
}

// TestOneOpThroughItsStates follows an op to the server and back.
func TestOneOpThroughItsStates(t *testing.T) {
	s := openTemp(t)
	put(t, s, note("a", "", ""), note("b", "", ""))
	only := func(tx store.Tx) model.Op {
		t.Helper()
		ops, err := tx.Ops("a")
		if err != nil || len(ops) != 1 {
			t.Fatalf("%v %v", ops, err)
		}
		return ops[0]
	}
	write(t, s, func(tx store.Tx) error {
		if err := tx.SetOps("a", []model.Op{op("a1", "a", model.Create, 1)}); err != nil {
			return err
		}
		if err := tx.SetOps("b", []model.Op{op("b1", "b", model.Create, 2)}); err != nil {
			return err
		}
		if err := tx.Freeze([]string{"a1"}, "cur"); err != nil {
			return err
		}
		later := testNow().Add(time.Hour)
		if err := tx.Postpone("a1", "busy", later, true); err != nil {
			return err
		}
		if o := only(tx); o.State != model.Queued || !o.NotSent || o.Problem != "busy" || !o.NextTry.Equal(later) || o.Attempt != 1 {
			t.Errorf("thawed: %+v", o)
		}
		if err := tx.Freeze([]string{"a1"}, "cur2"); err != nil {
			return err
		}
		if o := only(tx); o.State != model.Sent || o.NotSent || o.SentAt != "cur2" || o.Attempt != 2 {
			t.Errorf("sent again: %+v", o)
		}
		if err := tx.Postpone("a1", "lost", later, false); err != nil {
			return err
		}
		if o := only(tx); o.State != model.Sent || o.NotSent || o.Problem != "lost" {
			t.Errorf("outcome unknown: %+v", o)
		}
		if err := tx.Park("b1", "refused"); err != nil {
			return err
		}
		if next, waiting, err := tx.NextTry(); err != nil || !waiting || !next.Equal(later) {
			t.Errorf("next try %v %v %v: a parked op is not tried", next, waiting, err)
		}
		for _, ids := range [][]string{{"a1", "b1"}, {"nobody"}} {
			if err := tx.Freeze(ids, ""); !isErr(err, model.ErrNotFound) {
				t.Errorf("freeze %v: %v", ids, err)
			}
		}
		return tx.Freeze(nil, "")
	})
	err := s.Write(context.Background(), func(tx store.Tx) error { _ = tx.Freeze([]string{"a1", "a1"}, ""); return nil })
	if !isErr(err, model.ErrInvalid) {
		t.Errorf("frozen twice at once: %v", err)
	}
}

// TestSettleCleanLeavesTheRest: an op is settled only when nothing else is
// known of its note.
func TestSettleCleanLeavesTheRest(t *testing.T) {
	for name, also := range map[string]func(store.Tx, *model.Op) error{
		"in review": func(tx store.Tx, o *model.Op) error {
			return tx.PutReview(model.Review{NoteID: o.NoteID})
		},
		"another op": func(tx store.Tx, o *model.Op) error {
			return tx.SetOps(o.NoteID, []model.Op{*o, op("later", o.NoteID, model.Append, o.NoteSeq)})
		},
		"a newer shadow": func(tx store.Tx, o *model.Op) error { return tx.PutShadow(model.Record{ID: o.NoteID, Rev: 3}) },
		"op is gone":     func(tx store.Tx, o *model.Op) error { return tx.DropOp(o.ID) },
		"row is in step": func(tx store.Tx, o *model.Op) error {
			o.NoteSeq++
			return tx.SetStatus(o.NoteID, model.Synced)
		},
		"row was saved": func(tx store.Tx, o *model.Op) error {
			_, err := tx.PutNote(note(o.NoteID, "", "newer"))
			return err
		},
	} {
		s := openTemp(t)
		write(t, s, func(tx store.Tx) error {
			n, err := tx.PutNote(note("a", "", ""))
			if err != nil {
				return err
			}
			o := op("a1", "a", model.Create, n.Seq)
			if err := tx.SetOps("a", []model.Op{o}); err != nil {
				return err
			}
			if err := also(tx, &o); err != nil {
				return err
			}
			ok, err := tx.SettleClean(o, 1, t0)
			if ok {
				t.Errorf("%s: settled", name)
			}
			return err
		})
	}
}

// TestWhereANoteIsShown: the trash goes before the archive.
func TestWhereANoteIsShown(t *testing.T) {
	s := openTemp(t)
	n := note("a", "", "")
	n.Archived, n.Deleted = true, true
	put(t, s, n)
	c, err := s.Counts(context.Background())
	if err != nil || c.Notes != 0 || c.Trash != 1 {
		t.Errorf("%+v %v", c, err)
	}
	page, err := s.List(context.Background(), model.Query{Trash: true}, model.Window{After: 9})
	if err != nil || len(page.Rows) != 1 {
		t.Errorf("%+v %v", page, err)
	}
}

// TestNothingIsWrittenAfterAFailure: SQLite may have taken the transaction
// back by itself, and what came after it would be written for good.
func TestNothingIsWrittenAfterAFailure(t *testing.T) {
	s := openTemp(t)
	twice := op("1", "a", model.Create, 1)
	if err := s.Write(context.Background(), func(tx store.Tx) error {
		_ = tx.SetOps("a", []model.Op{twice, twice})
		if err := tx.Log(model.Event{NoteID: "a", At: t0}); err == nil {
			t.Error("written after a failure")
		}
		return nil
	}); err == nil {
		t.Error("committed")
	}
}

// TestHeldKeepsWhatItBuildsOn: without it nobody could tell, once it is let
// through, that it overwrote ours unseen. A member of any name is not in the way.
func TestHeldKeepsWhatItBuildsOn(t *testing.T) {
	s := openTemp(t)
	for _, parents := range [][]int64{nil, {7}, {7, 3}} {
		rec := model.Record{ID: "a", Rev: 9, Parents: parents,
			Fields: model.Fields{Title: "t", Extra: map[string]json.RawMessage{"parents": json.RawMessage(`[1]`)}}}
		write(t, s, func(tx store.Tx) error { return tx.Hold(store.Held{Record: rec, Reason: store.HeldForConsent}) })
		err := s.Read(context.Background(), func(r store.Reader) error {
			h, ok, err := r.HeldOf("a")
			if !ok || !slices.Equal(h.Record.Parents, parents) || !model.Equal(h.Record.Fields, rec.Fields) || h.Record.Rev != 9 {
				t.Errorf("held with parents %v, read %+v", parents, h)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
