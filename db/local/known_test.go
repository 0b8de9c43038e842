package local

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"stet/model"
	"stet/syncengine/store"
)

// TestAWriteKnowsWhatIsSo: whatever a write has done and read before, what it
// remembers of a note is what the store holds.
func TestAWriteKnowsWhatIsSo(t *testing.T) {
	dir := t.TempDir()
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		path := filepath.Join(dir, fmt.Sprint(run), "stet.db")
		defer os.RemoveAll(filepath.Dir(path))
		s, err := Open(context.Background(), Options{Path: path, Now: testNow})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		ids := 0
		for range rapid.IntRange(1, 5).Draw(t, "transactions") {
			if err := s.write(context.Background(), func(x *tx) error {
				for range rapid.IntRange(1, 12).Draw(t, "steps") {
					if err := anyStep(t, x, &ids); err != nil {
						return err
					}
					sameAsRead(t, x, genID.Draw(t, "look at"))
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func anyStep(t *rapid.T, x *tx, ids *int) error {
	id := genID.Draw(t, "of")
	old, err := x.reader.Note(id)
	exists := err == nil
	ops, err := x.reader.Ops(id)
	if err != nil {
		return err
	}
	switch step := rapid.IntRange(0, 11).Draw(t, "step"); {
	case step == 0 && exists:
		return x.SetStatus(id, genStatus.Draw(t, "status"))
	case step == 1:
		n := genNote(t)
		return x.PutShadow(model.Record{ID: id, Rev: n.Rev, Fields: n.Fields})
	case step == 2:
		n := genNote(t)
		return x.KeepVersion(model.Version{NoteID: id, Rev: n.Rev, Fields: n.Fields})
	case step == 3:
		return x.DropNote(id, rapid.Bool().Draw(t, "erase"))
	case step == 4:
		return x.SetMeta(store.MetaServer, rapid.SampledFrom([]string{"A", "B", ""}).Draw(t, "server"))
	case step <= 6:
		var planned []model.Op
		for range rapid.IntRange(0, 2).Draw(t, "ops") {
			*ids++
			planned = append(planned, op(fmt.Sprint("op", *ids), id, model.Update, old.Seq))
		}
		return planAndCheck(t, x, id, ops, planned)
	case step == 7 && len(ops) > 0:
		return x.Freeze([]string{ops[0].ID}, "")
	case step == 8 && len(ops) > 0:
		return x.DropOp(ops[0].ID)
	case step == 9 && len(ops) > 0:
		_, err := x.SettleClean(ops[0], old.Rev+1, t0)
		return err
	}
	n := genNote(t)
	n.ID = id
	return putAndCheck(t, x, n)
}

// planAndCheck: of the ops that were, the sent ones stay.
func planAndCheck(t *rapid.T, x *tx, id string, before, planned []model.Op) error {
	if err := x.SetOps(id, planned); err != nil {
		return err
	}
	var want, got []string
	for _, o := range append(before, planned...) {
		if o.State == model.Sent || slices.ContainsFunc(planned, func(p model.Op) bool { return p.ID == o.ID }) {
			want = append(want, o.ID)
		}
	}
	now, err := x.reader.Ops(id)
	for _, o := range now {
		got = append(got, o.ID)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("ops of %s: %v, want %v", id, got, want)
	}
	return err
}

// putAndCheck: a text's number is never one that another text of the note has.
func putAndCheck(t *rapid.T, x *tx, n model.Note) error {
	got, err := x.PutNote(n)
	if err != nil {
		return err
	}
	if kept, err := x.lastVersion(n.ID); err != nil || got.Version <= kept {
		t.Fatalf("version %d, but %d is kept, %v", got.Version, kept, err)
	}
	return nil
}

func sameAsRead(t *rapid.T, x *tx, id string) {
	n, err := x.Note(id)
	wantNote, wantErr := x.reader.Note(id)
	if !reflect.DeepEqual(n, wantNote) || (err == nil) != (wantErr == nil) {
		t.Fatalf("note %+v, %v; the store has %+v, %v", n, err, wantNote, wantErr)
	}
	if len(n.Tags) > 0 {
		n.Tags[0] = "the caller's own"
	}
	rec, has, err := x.Shadow(id)
	wantRec, wantHas, wantErr := x.reader.Shadow(id)
	if !reflect.DeepEqual(rec, wantRec) || has != wantHas || err != nil || wantErr != nil {
		t.Fatalf("shadow %+v %v, %v; the store has %+v %v, %v", rec, has, err, wantRec, wantHas, wantErr)
	}
	ops, err := x.Ops(id)
	wantOps, wantErr := x.reader.Ops(id)
	if !reflect.DeepEqual(ops, wantOps) || err != nil || wantErr != nil {
		t.Fatalf("ops %+v, %v; the store has %+v, %v", ops, err, wantOps, wantErr)
	}
}

// TestCodeThatPanicsWritesNothing and leaves the store usable.
func TestCodeThatPanicsWritesNothing(t *testing.T) {
	s := openTemp(t)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = s.Write(context.Background(), func(tx store.Tx) error {
			_, _ = tx.PutNote(note("a", "", ""))
			panic("in the caller's code")
		})
	}()
	put(t, s, note("b", "", ""))
	if c, err := s.Counts(context.Background()); err != nil || c.Notes != 1 {
		t.Fatal(c, err)
	}
}
