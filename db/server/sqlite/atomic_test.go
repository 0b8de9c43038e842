package sqlite

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"stet/model"
	"stet/syncengine/server/store"
)

// TestNative12FailureBetweenTheRows lets the second and the third row of a
// write fail after the first was written.
func TestNative12FailureBetweenTheRows(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), clock)
	defer s.Close()
	id := addAccount(t, s, "ann")
	run := func(text string) {
		t.Helper()
		if err := s.submit(t.Context(), 1, func(g *group) error {
			_, err := g.w.conn.ExecContext(g.ctx, text)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, at := range []string{"AFTER INSERT ON changes", "BEFORE INSERT ON notes", "AFTER INSERT ON notes", "BEFORE UPDATE ON accounts", "AFTER UPDATE ON accounts"} {
		before, err := s.Head(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		w := create()
		run("CREATE TRIGGER broken " + at + " BEGIN SELECT RAISE(FAIL, 'broken'); END")
		if res, err := s.Apply(t.Context(), id, store.Cursor{}, []store.Write{w}); err == nil {
			t.Errorf("%s: %+v", at, res)
		}
		run("DROP TRIGGER broken")
		if _, err := s.Note(t.Context(), id, w.Op.NoteID); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("%s: the note is there: %v", at, err)
		}
		if after, err := s.Head(t.Context(), id); err != nil || after != before {
			t.Errorf("%s: the clock is at %v, was at %v, %v", at, after, before, err)
		}
		res, err := s.Apply(t.Context(), id, store.Cursor{}, []store.Write{w})
		if err != nil || res[0].Verdict != store.Applied || res[0].Prev != before {
			t.Errorf("%s: the key was kept: %+v %v", at, res, err)
		}
	}
}

// TestNative12CrashImages opens what a crash would leave of the files: inside a
// writing transaction, and with the log cut after every page of a written one.
func TestNative12CrashImages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path, clock)
	defer s.Close()
	id := addAccount(t, s, "ann")
	old := create()
	if res, err := s.Apply(t.Context(), id, store.Cursor{}, []store.Write{old}); err != nil || res[0].Verdict != store.Applied {
		t.Fatal(res, err)
	}
	body := make([]byte, 40_000) // does not fit into a page, nor compress
	_, _ = rand.Read(body)
	text := fmt.Sprintf("%x", body)
	w := create()
	w.Op.Patch.Body = &text
	var inside image
	err := s.submit(t.Context(), 1, func(g *group) error {
		if _, err := g.w.conn.ExecContext(g.ctx, "PRAGMA cache_size=4"); err != nil { // pages go to the log before the commit
			return err
		}
		before := takeImage(t, path)
		acc, err := g.account(id)
		if err != nil {
			return err
		}
		if _, err := g.applyAll(acc, []store.Write{w}); err != nil {
			return err
		}
		if inside = takeImage(t, path); len(inside.log) <= len(before.log) {
			t.Error("nothing of the transaction is in the log yet: the image proves nothing")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	done := takeImage(t, path)
	if inside.holds(t, id, old, w) {
		t.Error("an unfinished write is there after a crash")
	}
	if !done.holds(t, id, old, w) {
		t.Error("a finished write is gone after a crash")
	}
	const header, frame = 32, 24 + 4096
	there := 0
	for end := header; end <= len(done.log); end += frame {
		cut := done
		cut.log = done.log[:end]
		if cut.holds(t, id, w) {
			there++
		}
	}
	if there == 0 || (len(done.log)-header)%frame != 0 {
		t.Errorf("the cuts prove nothing: %d with the write, log of %d bytes", there, len(done.log))
	}
}

// image is a store's file and its log as they were.
type image struct{ file, log []byte }

func takeImage(t *testing.T, path string) (i image) {
	t.Helper()
	var err, lerr error
	i.file, err = os.ReadFile(path)
	i.log, lerr = os.ReadFile(path + "-wal")
	if err := errors.Join(err, lerr); err != nil {
		t.Fatal(err)
	}
	return i
}

// holds opens the image and reports whether the last of writes is in it. Key
// and note must both be there or neither; the writes before must be there.
func (i image) holds(t *testing.T, acc int64, writes ...store.Write) bool {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image.db")
	if err := errors.Join(os.WriteFile(path, i.file, 0o600), os.WriteFile(path+"-wal", i.log, 0o600)); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), path, Options{Now: clock, Rand: rand.Reader})
	if errors.Is(err, store.ErrNoAccount) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := readAccount(t.Context(), s.read, acc); errors.Is(err, store.ErrNoAccount) {
		return false // cut before there was an account
	}
	found := false
	for k, w := range writes {
		_, err := s.Note(t.Context(), acc, w.Op.NoteID)
		found = err == nil
		res, aerr := s.Apply(t.Context(), acc, store.Cursor{}, []store.Write{w})
		if aerr != nil || found != (res[0].Verdict == store.Replayed) || !found && res[0].Verdict != store.Applied {
			t.Fatalf("note there: %v (%v), key: %+v %v", found, err, res, aerr)
		}
		if k < len(writes)-1 && !found {
			t.Fatal("an older write is gone")
		}
	}
	return found
}

// TestNative24AcrossProcesses holds a transaction open in one process while
// another writes: the other's number must be higher, and invisible until then.
func TestNative24AcrossProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	a, b := open(t, path, clock), open(t, path, clock)
	defer a.Close()
	defer b.Close()
	id := addAccount(t, a, "ann")
	first, second := create(), create()
	inside, gate, done := make(chan struct{}), make(chan struct{}), make(chan error, 2)
	go func() {
		done <- a.submit(context.Background(), 1, func(g *group) error {
			acc, err := g.account(id)
			if err == nil {
				_, err = g.applyAll(acc, []store.Write{first})
			}
			close(inside)
			<-gate
			return err
		})
	}()
	<-inside
	started := make(chan struct{})
	go func() {
		close(started)
		_, err := b.Apply(context.Background(), id, store.Cursor{}, []store.Write{second})
		done <- err
	}()
	<-started
	for range 20 { // the other process is at the lock for most of these
		for _, s := range []*Store{a, b} {
			if page, err := s.Changes(t.Context(), id, store.Cursor{}, 10, 1<<20); err != nil || len(page.Changes) != 0 {
				t.Fatalf("visible before the first commit: %+v %v", page, err)
			}
		}
	}
	close(gate)
	if err := errors.Join(<-done, <-done); err != nil {
		t.Fatal(err)
	}
	page, err := b.Changes(t.Context(), id, store.Cursor{}, 10, 1<<20)
	if err != nil || len(page.Changes) != 2 || page.Changes[0].ID != first.Op.NoteID || page.Changes[1].ID != second.Op.NoteID {
		t.Fatalf("%+v %v", page, err)
	}
}
