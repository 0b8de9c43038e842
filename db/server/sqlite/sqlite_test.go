package sqlite

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine/server/store"
	"stet/syncengine/server/store/storetest"
)

func open(t testing.TB, path string, now func() time.Time) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, Options{Now: now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T, now func() time.Time) store.Store {
		return open(t, filepath.Join(t.TempDir(), "stetd.db"), now)
	})
}

var clock = func() time.Time { return time.UnixMilli(1_700_000_000_000) }

// account makes an account and returns its number.
func addAccount(t *testing.T, s *Store, name string) int64 {
	t.Helper()
	if err := s.AddAccount(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	id, err := accountID(t.Context(), s.read, name)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestFileIsTheOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a folder", "x?y%20.db")
	s := open(t, path, clock)
	addAccount(t, s, "ann")
	files, err := filepath.Glob(filepath.Dir(path) + "/*")
	if err != nil || len(files) != 4 { // with the journal, its index and the lock
		t.Fatalf("%v %v", files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", f, info.Mode(), err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if err := s.AddAccount(t.Context(), "bob"); err == nil {
		t.Error("a closed store took an account")
	}
	if files, _ = filepath.Glob(filepath.Dir(path) + "/*"); len(files) != 2 {
		t.Errorf("left behind: %v", files)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "x.db"), clock)
	addAccount(t, s, "ann")
	if _, err := s.write.Stats(), s.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(filepath.Join(dir, "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	torn := append([]byte{}, good...)
	for i := 4096; i < len(torn); i++ {
		torn[i] ^= 0x5a
	}
	newer := append([]byte{}, good...)
	newer[63] = 200 // user_version
	for name, c := range map[string]struct {
		text []byte
		want error
	}{"torn": {torn, model.ErrCorrupt}, "noise": {torn[4096:], model.ErrCorrupt}, "newer": {newer, model.ErrNewerSchema}} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, c.text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), file, Options{Now: clock, Rand: rand.Reader}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if after, _ := os.ReadFile(file); !bytes.Equal(after, c.text) {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

// TestNative12KeyAndChangeTogether stops a transaction between its rows.
func TestNative12KeyAndChangeTogether(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), clock)
	defer s.Close()
	id := addAccount(t, s, "ann")
	broken := errors.New("broken")
	w := create()
	err := s.submit(t.Context(), 1, func(g *group) error {
		acc, err := g.account(id)
		if err != nil {
			return err
		}
		if _, err := g.applyAll(acc, []store.Write{w}); err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if _, err := s.Note(t.Context(), id, w.Op.NoteID); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("the note is there: %v", err)
	}
	res, err := s.Apply(t.Context(), id, store.Cursor{}, []store.Write{w})
	if err != nil || res[0].Verdict != store.Applied || res[0].Prev.Rev != 0 {
		t.Errorf("%+v %v", res, err)
	}
}

// TestPoisonHarmsNobodyElse has calls that fail or panic in one group with
// calls that do not.
func TestPoisonHarmsNobodyElse(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), clock)
	defer s.Close()
	id := addAccount(t, s, "ann")
	inside, gate := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.submit(t.Context(), 1, func(*group) error { close(inside); <-gate; return nil }) })
	<-inside // alone in its group; the others queue up behind it
	for i := range 30 {
		wg.Go(func() {
			switch i % 3 {
			case 0:
				if err := s.submit(t.Context(), 1, func(*group) error { panic("poison") }); err == nil {
					t.Error("a panic was no error")
				}
			case 1:
				if err := s.submit(t.Context(), 1, func(*group) error { return model.ErrCorrupt }); !errors.Is(err, model.ErrCorrupt) {
					t.Error(err)
				}
			default:
				if res, err := s.Apply(t.Context(), id, store.Cursor{}, []store.Write{create()}); err != nil || res[0].Verdict != store.Applied {
					t.Error(res, err)
				}
			}
		})
	}
	for len(s.queue) < 30 {
		runtime.Gosched()
	}
	close(gate)
	wg.Wait()
	page, err := s.Changes(t.Context(), id, store.Cursor{}, 100, 1<<20)
	if err != nil || len(page.Changes) != 10 {
		t.Fatalf("%d notes, %v", len(page.Changes), err)
	}
}

// TestNative24CommitOrder holds a writing transaction open in another process's
// stead: no later write may be visible before it.
func TestNative24CommitOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path, clock)
	defer s.Close()
	id := addAccount(t, s, "ann")
	inside, gate, done := make(chan struct{}), make(chan struct{}), make(chan error, 2)
	first, second := create(), create()
	go func() {
		done <- s.submit(context.Background(), 1, func(g *group) error {
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
	go func() {
		_, err := s.Apply(context.Background(), id, store.Cursor{}, []store.Write{second})
		done <- err
	}()
	for len(s.queue) == 0 {
		runtime.Gosched()
	}
	page, err := s.Changes(t.Context(), id, store.Cursor{}, 10, 1<<20)
	if err != nil || len(page.Changes) != 0 {
		t.Fatalf("visible before its commit: %+v %v", page, err)
	}
	at := page.Next
	close(gate)
	if err := errors.Join(<-done, <-done); err != nil {
		t.Fatal(err)
	}
	page, err = s.Changes(t.Context(), id, at, 10, 1<<20)
	if err != nil || len(page.Changes) != 2 || page.Changes[0].ID != first.Op.NoteID {
		t.Fatalf("%+v %v", page, err)
	}
}

func TestExpiredCursor(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"), clock)
	defer s.Close()
	id := addAccount(t, s, "ann")
	var at []store.Cursor
	for range 3 {
		res, err := s.Apply(t.Context(), id, store.Cursor{}, []store.Write{create()})
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, res[0].Next)
	}
	err := s.submit(t.Context(), 1, func(g *group) error {
		_, err := g.w.conn.ExecContext(g.ctx, `UPDATE accounts SET floor = ?, floor_tag = ? WHERE id = ?`, at[1].Rev, at[1].Tag, id)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	forged := at[1]
	forged.Tag = "aaaaaaaa"
	for _, c := range []struct {
		at   store.Cursor
		want error
	}{{at[0], store.ErrExpired}, {at[1], nil}, {at[2], nil}, {forged, store.ErrUnknown}} {
		if _, err := s.Changes(t.Context(), id, c.at, 10, 1<<20); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v, want %v", c.at, err, c.want)
		}
	}
}

// TestPurgedTextLeavesTheFile looks for it in the bytes.
func TestPurgedTextLeavesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path, clock)
	id := addAccount(t, s, "ann")
	secret := "short secret"
	w := create()
	w.Op.Patch.Body = &secret
	var rev int64
	for i, kind := range []model.Kind{model.Create, model.Delete, model.Purge} {
		w.Op.ID, w.Op.Kind, w.Op.BaseRev = string(rune('a'+i)), kind, rev
		if kind != model.Create {
			w.Op.Patch = model.Patch{}
		}
		res, err := s.Apply(t.Context(), id, store.Cursor{}, []store.Write{w})
		if err != nil || res[0].Verdict != store.Applied {
			t.Fatal(res, err)
		}
		rev = res[0].Record.Rev
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if file, err := os.ReadFile(path); err != nil || bytes.Contains(file, []byte(secret)) {
		t.Errorf("the purged text is in the file: %v", err)
	}
}

// TestSecondProcess writes through two stores on one file.
func TestSecondProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	a, b := open(t, path, clock), open(t, path, clock)
	defer a.Close()
	defer b.Close()
	id := addAccount(t, a, "ann")
	var wg sync.WaitGroup
	for _, s := range []*Store{a, b, a, b} {
		wg.Go(func() {
			for range 20 {
				if res, err := s.Apply(t.Context(), id, store.Cursor{}, []store.Write{create()}); err != nil || res[0].Verdict != store.Applied {
					t.Error(res, err)
				}
			}
		})
	}
	wg.Wait()
	page, err := a.Changes(t.Context(), id, store.Cursor{}, 100, 1<<20)
	if err != nil || len(page.Changes) != 80 {
		t.Errorf("%d, %v", len(page.Changes), err)
	}
}
