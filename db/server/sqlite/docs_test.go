package sqlite

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine/server/store"
)

// TestOldSchemaIsBroughtUp makes a store of the schema before documents, with a
// note in it, and opens it.
func TestOldSchemaIsBroughtUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stetd.db")
	s := open(t, path, clock)
	acc := addAccount(t, s, "ann")
	title := "kept"
	res, err := s.Apply(t.Context(), acc, store.Cursor{}, []store.Write{{Op: model.Op{ID: "k", NoteID: "n", Kind: model.Create,
		Patch: model.Patch{Title: &title}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(`DROP TABLE run; DROP TABLE collections; DROP INDEX notes_rev; CREATE UNIQUE INDEX notes_rev ON notes (account, rev); PRAGMA user_version = 2`)
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, clock)
	defer s.Close()
	rec, err := s.Note(t.Context(), acc, "n")
	if err != nil || rec.Fields.Title != "kept" || rec.Rev != res[0].Record.Rev {
		t.Errorf("%+v, %v", rec, err)
	}
	err = s.Transact(t.Context(), acc, func(x store.Txn) error {
		if stamp, err := x.Stamp(store.Notes); err != nil || stamp != rec.Rev {
			t.Errorf("timestamp %d, %v", stamp, err)
		}
		_, err := x.Stamp("other")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestBackupAndCompactionCarryDocuments takes documents and timestamps through
// a compaction that empties everything old, a backup and a restore.
func TestBackupAndCompactionCarryDocuments(t *testing.T) {
	dir := t.TempDir()
	path, copied, restored := filepath.Join(dir, "stetd.db"), filepath.Join(dir, "copy.db"), filepath.Join(dir, "restored.db")
	s := open(t, path, clock)
	acc := addAccount(t, s, "ann")
	var stamp int64
	err := s.Transact(t.Context(), acc, func(x store.Txn) (err error) {
		for _, d := range []struct{ id, data string }{{"a", `{"v":1}`}, {"a", `{"v":2}`}, {"b", `{}`}, {"b", ""}} {
			var text []byte
			if d.data != "" {
				text = []byte(d.data)
			}
			if _, err := x.PutDoc("c", d.id, text); err != nil {
				return err
			}
		}
		stamp, err = x.Stamp("empty")
		return err
	})
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	later := func() time.Time { return clock().Add(time.Hour) }
	if _, err := Compact(t.Context(), path, CompactOptions{Before: later(), Now: later, Sleep: noSleep}); err != nil {
		t.Fatal(err)
	}
	sum, err := Backup(t.Context(), path, copied)
	if err != nil || sum.Notes != 0 {
		t.Fatalf("%+v, %v: documents are no notes", sum, err)
	}
	if _, err := Restore(t.Context(), copied, restored, RestoreOptions{Options: Options{Now: clock, Rand: rand.Reader}}); err != nil {
		t.Fatal(err)
	}
	s = open(t, restored, clock)
	defer s.Close()
	err = s.View(t.Context(), acc, func(r store.Reader) error {
		doc, err := r.Doc("c", "a")
		if err != nil || string(doc.Data) != `{"v":2}` {
			t.Errorf("%+v, %v", doc, err)
		}
		if gone, err := r.Doc("c", "b"); err != nil || !gone.Deleted {
			t.Errorf("%+v, %v", gone, err)
		}
		if got, err := r.Looked("empty"); err != nil || got != stamp {
			t.Errorf("timestamp %d, want %d, %v", got, stamp, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveAccount(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := s.read.QueryRow(`SELECT (SELECT count(*) FROM collections) + (SELECT count(*) FROM notes) + (SELECT count(*) FROM changes)`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d rows are left of a removed account, %v", left, err)
	}
}

// TestOldTextOfADocumentIsGone looks for what a document held before.
func TestOldTextOfADocumentIsGone(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "stetd.db"), clock)
	defer s.Close()
	acc := addAccount(t, s, "ann")
	err := s.Transact(t.Context(), acc, func(x store.Txn) error {
		_, err := x.PutDoc("c", "a", []byte(`{"v":1}`))
		_, err2 := x.PutDoc("c", "a", []byte(`{"v":2}`))
		_, err3 := x.PutDoc("d", "a", []byte(`{"v":3}`))
		return errors.Join(err, err2, err3, x.DropCollection("d"))
	})
	if err != nil {
		t.Fatal(err)
	}
	var texts int
	if err := s.read.QueryRow(`SELECT count(*) FROM changes WHERE snapshot IS NOT NULL`).Scan(&texts); err != nil || texts != 1 {
		t.Errorf("%d texts are kept, want 1; %v", texts, err)
	}
}
