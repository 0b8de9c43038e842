package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"stet/db/disk"
	"stet/syncengine/server/store"
)

var runs atomic.Int64

func nameRun() string { return fmt.Sprint("run", runs.Add(1)) }

// serve opens the store and begins a run on it.
func serve(t *testing.T, path string) (s *Store, same bool) {
	t.Helper()
	s = open(t, path, clock)
	same, err := s.Serve(t.Context(), nameRun)
	if err != nil {
		t.Fatal(errors.Join(err, s.Close()))
	}
	return s, same
}

func stop(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func head(t *testing.T, s *Store) store.Cursor {
	t.Helper()
	at, err := s.Head(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// serves runs a server for a moment and tells in which epoch. want is whether
// it takes the store for the one that was served last.
func serves(t *testing.T, path string, want bool) string {
	t.Helper()
	s, same := serve(t, path)
	at := head(t, s)
	if stop(t, s); same != want {
		t.Errorf("the store served last: %v, want %v", same, want)
	}
	return at.Epoch
}

// keeps starts a server that is to go on as if nothing were.
func keeps(t *testing.T, path, epoch string) {
	t.Helper()
	if got := serves(t, path, true); got != epoch {
		t.Errorf("epoch %s, want %s as before", got, epoch)
	}
}

// begins starts a server that is to notice; the next start is as any other.
func begins(t *testing.T, path, epoch string) {
	t.Helper()
	next := serves(t, path, false)
	if next == epoch {
		t.Errorf("still in epoch %s", epoch)
	}
	keeps(t, path, next)
}

// stored makes a store with a note that was served and is at rest, and returns
// its epoch.
func stored(t *testing.T) (path, epoch string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "x.db")
	s, same := serve(t, path)
	if apply(t, s, addAccount(t, s, "ann"), create()); !same {
		t.Error("a new store was taken for another one")
	}
	epoch = head(t, s).Epoch
	stop(t, s)
	return path, epoch
}

// killed copies all files as they are to another folder, where the store is
// then as after a kill.
func killed(t *testing.T, path string) string {
	t.Helper()
	dir := t.TempDir()
	all, err := filepath.Glob(path + "*")
	for _, from := range all {
		if info, serr := os.Stat(from); serr == nil && info.Mode().IsRegular() && !strings.HasSuffix(from, "-shm") {
			err = errors.Join(err, disk.Copy(from, filepath.Join(dir, filepath.Base(from))))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, filepath.Base(path))
}

// copyOver brings an older file, with its journal if it has one, into the
// store's place as people do.
func copyOver(t *testing.T, from, path string) {
	t.Helper()
	for _, ext := range []string{"", "-wal", "-shm"} {
		err := os.Remove(path + ext)
		if _, there := os.Stat(from + ext); there == nil && ext != "-shm" {
			err = disk.Copy(from+ext, path+ext)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

func alter(t *testing.T, path, query string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(query)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// aged takes what this schema added out of a store, as one of before has it.
func aged(t *testing.T, path string) {
	t.Helper()
	alter(t, path, `DROP TABLE run; PRAGMA user_version = 3`)
}

// olderFiles are the ways to come by a copy of a store that is served, of one
// at rest and of one of before there were runs.
var olderFiles = map[string]func(t *testing.T, path, to string) (resting bool){
	"backup": func(t *testing.T, path, to string) bool {
		if _, err := Backup(t.Context(), path, to); err != nil {
			t.Fatal(err)
		}
		return false
	},
	"snapshot while served": func(t *testing.T, path, to string) bool {
		copyOver(t, killed(t, path), to)
		return false
	},
	"copied at rest": func(t *testing.T, path, to string) bool {
		copyOver(t, path, to)
		return true
	},
	"of before": func(t *testing.T, path, to string) bool {
		copyOver(t, path, to)
		aged(t, to)
		return true
	},
}

// TestCopiedBack: whoever copies an older file over the store gets a new epoch
// at the next start, once, and no number is given out twice.
func TestCopiedBack(t *testing.T) {
	for name, copyOf := range olderFiles {
		t.Run(name, func(t *testing.T) {
			path, epoch := stored(t)
			older := filepath.Join(t.TempDir(), "older.db")
			resting := copyOf(t, path, older)
			s, same := serve(t, path)
			if !same {
				t.Fatal("it took itself for another store")
			}
			if !resting {
				copyOver(t, "", older)
				copyOf(t, path, older)
			}
			lost := apply(t, s, 1, create())
			stop(t, s)
			copyOver(t, older, path)

			s, same = serve(t, path)
			if at := head(t, s); same || at.Epoch == epoch || at.Rev < lost.Record.Rev {
				t.Errorf("same %v, at %+v, was in epoch %s at rev %d", same, at, epoch, lost.Record.Rev)
			}
			if _, err := s.Changes(t.Context(), 1, lost.Next, 10, 1<<20); !errors.Is(err, store.ErrEpoch) {
				t.Errorf("a cursor of before: %v", err)
			}
			if next := apply(t, s, 1, create()); next.Record.Rev <= lost.Record.Rev {
				t.Errorf("rev %d was given out before", next.Record.Rev)
			}
			page, err := s.Changes(t.Context(), 1, store.Cursor{}, 10, 1<<20)
			if err != nil || len(page.Changes) != 2 {
				t.Errorf("%d changes: %v", len(page.Changes), err)
			}
			epoch = head(t, s).Epoch
			stop(t, s)
			keeps(t, path, epoch)
			copyOver(t, older, path) // and once more
			begins(t, path, epoch)
		})
	}
}

// TestCopiedBackAroundAKill: a kill hides nothing once the store was served
// again, and never hides a backup.
func TestCopiedBackAroundAKill(t *testing.T) {
	for name, copyOf := range olderFiles {
		for _, started := range []bool{true, false} {
			if !started && name == "snapshot while served" {
				continue // the names are those of the run that was killed: not to be told
			}
			t.Run(fmt.Sprint(name, ", started since: ", started), func(t *testing.T) {
				path, epoch := stored(t)
				older := filepath.Join(t.TempDir(), "older.db")
				resting := copyOf(t, path, older)
				s, _ := serve(t, path)
				defer stop(t, s)
				if !resting {
					copyOver(t, "", older)
					copyOf(t, path, older)
				}
				apply(t, s, 1, create())
				dead := killed(t, path)
				if started {
					keeps(t, dead, epoch)
				}
				copyOver(t, older, dead)
				begins(t, dead, epoch)
			})
		}
	}
}

// TestTheSameStoreKeepsItsEpoch whatever happens to it in its place.
func TestTheSameStoreKeepsItsEpoch(t *testing.T) {
	path, epoch := stored(t)
	keeps(t, path, epoch)

	s, _ := serve(t, path)
	apply(t, s, 1, create())
	path = killed(t, path)
	stop(t, s)
	keeps(t, path, epoch)

	tools := func() { // what others do meanwhile
		other := open(t, path, clock)
		addAccount(t, other, nameRun())
		stop(t, other)
		_, err := Backup(t.Context(), path, filepath.Join(t.TempDir(), "backup"))
		_, cerr := Compact(t.Context(), path, CompactOptions{Before: clock(), Now: clock, Sleep: noSleep})
		if err := errors.Join(err, cerr); err != nil {
			t.Fatal(err)
		}
	}
	tools()
	keeps(t, path, epoch)
	s, _ = serve(t, path)
	tools()
	stop(t, s)
	tools()
	keeps(t, path, epoch)

	a, _ := serve(t, path)
	b, same := serve(t, path) // two at once, and the first ends first
	if stop(t, a); !same {
		t.Error("the second server took the store for another one")
	}
	apply(t, b, 1, create())
	path = killed(t, path)
	stop(t, b)
	keeps(t, path, epoch)

	moved := filepath.Join(t.TempDir(), "moved", "y.db")
	if err := errors.Join(os.Mkdir(filepath.Dir(moved), 0o700), os.Rename(path, moved), os.Rename(sideName(path), sideName(moved))); err != nil {
		t.Fatal(err)
	}
	keeps(t, moved, epoch)
	if info, err := os.Stat(sideName(moved)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file beside: %v %v", info, err)
	}
	if err := os.Remove(sideName(moved)); err != nil {
		t.Fatal(err)
	}
	begins(t, moved, epoch)
}

// TestManyServersAtOnce start and stop on one store; none takes it for another.
func TestManyServersAtOnce(t *testing.T) {
	path, epoch := stored(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 5 {
				s, err := Open(t.Context(), path, Options{Now: clock, Rand: rand.Reader})
				if err != nil {
					t.Error(err)
					return
				}
				same, err := s.Serve(t.Context(), nameRun)
				if err := errors.Join(err, s.Close()); err != nil || !same {
					t.Errorf("the same store: %v, %v", same, err)
				}
			}
		})
	}
	all.Wait()
	keeps(t, path, epoch)
}

// TestStoresOfBeforeAdopt: a store without a name takes one and nobody notices.
func TestStoresOfBeforeAdopt(t *testing.T) {
	path, epoch := stored(t)
	if aged(t, path); os.Remove(sideName(path)) != nil {
		t.Fatal("the file beside it is missing")
	}
	older := filepath.Join(t.TempDir(), "older.db")
	copyOver(t, path, older)
	keeps(t, path, epoch)
	keeps(t, path, epoch)
	copyOver(t, older, path)
	begins(t, path, epoch)
}

// TestFirstRunElsewhere: a store in its first run is known too where the file
// beside it is not.
func TestFirstRunElsewhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s, _ := serve(t, path)
	apply(t, s, addAccount(t, s, "ann"), create())
	epoch, dead := head(t, s).Epoch, killed(t, path)
	stop(t, s)
	if err := os.Remove(sideName(dead)); err != nil {
		t.Fatal(err)
	}
	begins(t, dead, epoch)
}

// TestRestoreBeginsOneEpoch: the start after a restore begins no second one; a
// backup that was brought to another place by hand does.
func TestRestoreBeginsOneEpoch(t *testing.T) {
	path, epoch := stored(t)
	file := filepath.Join(t.TempDir(), "backup")
	if _, err := Backup(t.Context(), path, file); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(file + "*"); len(left) != 1 {
		t.Errorf("a backup is one file: %v", left)
	}
	if text, err := os.ReadFile(file); err != nil || text[18] != 1 { // of the file format: no journal beside it is wanted
		t.Errorf("a backup that cannot be read where nothing can be written: %v %v", text[18], err)
	}
	for _, to := range []string{path, filepath.Join(t.TempDir(), "new.db")} {
		if _, err := Restore(t.Context(), file, to, restoreOptions()); err != nil {
			t.Fatal(err)
		}
		s := open(t, to, clock)
		restored := head(t, s).Epoch
		if stop(t, s); restored == epoch {
			t.Error("the restore began no epoch")
		}
		keeps(t, to, restored)
		keeps(t, to, restored)
		copyOver(t, file, to)
		begins(t, to, restored)
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere.db")
	copyOver(t, file, elsewhere)
	begins(t, elsewhere, epoch)
}

// block makes writes of the file beside the store fail; free ends that.
func block(t *testing.T, path string) (free func()) {
	t.Helper()
	temp := sideName(path) + ".new"
	_ = os.Remove(temp)
	if err := os.Mkdir(temp, 0o700); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(temp); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCutBetweenTheTwoSteps stops a beginning or an end of a run after its first
// step, in every state that a store can be in, and starts again: the names fit,
// or what did not fit begins one epoch and no second one. An older file is
// noticed after it all the same.
func TestCutBetweenTheTwoSteps(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(t *testing.T, path string)
		forgot  bool
	}{
		"at rest":      {func(*testing.T, string) {}, false},
		"of before":    {func(t *testing.T, path string) { aged(t, path); _ = os.Remove(sideName(path)) }, false},
		"without side": {func(t *testing.T, path string) { _ = os.Remove(sideName(path)) }, true},
		"older file": {func(t *testing.T, path string) {
			old := killed(t, path)
			serves(t, path, true)
			copyOver(t, old, path)
		}, true},
		"torn side": {func(t *testing.T, path string) { _ = os.WriteFile(sideName(path), []byte("\x00\xffru"), 0o600) }, true},
	} {
		for _, half := range []bool{false, true} { // a half-written new file beside it
			t.Run(fmt.Sprint(name, ", half a file: ", half), func(t *testing.T) {
				path, epoch := stored(t)
				c.prepare(t, path)
				before, forgot := killed(t, path), c.forgot
				free := block(t, path)
				for range 2 { // cut, and cut again
					s := open(t, path, clock)
					var side *SideError
					if _, err := s.Serve(t.Context(), nameRun); !errors.As(err, &side) || side.Path != sideName(path) {
						t.Fatalf("begun: %v", err)
					}
					was := head(t, s).Epoch
					if stop(t, s); (was != epoch) != forgot {
						t.Errorf("epoch %s, was %s, and something was forgotten: %v", was, epoch, forgot)
					}
					forgot, epoch = false, was
				}
				free()
				if half {
					if err := os.WriteFile(sideName(path)+".new", []byte("ru"), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				keeps(t, path, epoch)
				copyOver(t, before, path)
				begins(t, path, epoch)
			})
		}
	}
}

// TestCutAtTheEnd is the same for the end of a run, which fails silently.
func TestCutAtTheEnd(t *testing.T) {
	path, epoch := stored(t)
	older := filepath.Join(t.TempDir(), "older.db")
	copyOver(t, path, older)
	s, _ := serve(t, path)
	free := block(t, path)
	stop(t, s)
	free()
	keeps(t, path, epoch)
	copyOver(t, older, path)
	begins(t, path, epoch)
}

// TestARefusedStartHidesNothing: a server that could not look beside the store
// leaves it to the next to notice.
func TestARefusedStartHidesNothing(t *testing.T) {
	path, epoch := stored(t)
	older := killed(t, path)
	keeps(t, path, epoch)
	copyOver(t, older, path)
	name := sideName(path)
	if err := errors.Join(os.Rename(name, name+".kept"), os.Mkdir(name, 0o700)); err != nil {
		t.Fatal(err)
	}
	s := open(t, path, clock)
	var side *SideError
	if _, err := s.Serve(t.Context(), nameRun); !errors.As(err, &side) || !errors.Is(err, syscall.EISDIR) {
		t.Errorf("a folder in its place: %v", err)
	}
	if err := errors.Join(os.Remove(name), os.Rename(name+".kept", name)); err != nil {
		t.Fatal(err)
	}
	stop(t, s)
	begins(t, path, epoch)
}

// TestFullDiskBeside: a store that fits can be served; one that was replaced
// begins its epoch and says why it cannot go on.
func TestFullDiskBeside(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skipf("no disk that is always full: %v", err)
	}
	path, epoch := stored(t)
	older := killed(t, path)
	keeps(t, path, epoch)
	temp := sideName(path) + ".new"
	if err := os.Symlink("/dev/full", temp); err != nil {
		t.Fatal(err)
	}
	keeps(t, path, epoch)
	copyOver(t, older, path)
	s := open(t, path, clock)
	var side *SideError
	if _, err := s.Serve(t.Context(), nameRun); !errors.As(err, &side) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a store that was replaced: %v", err)
	}
	next := head(t, s).Epoch
	if stop(t, s); next == epoch {
		t.Error("no epoch has begun")
	}
}

// TestServeCostsOneTransaction counts what a start and a stop add to the journal
// and to the time: a run has its own page.
func TestServeCostsOneTransaction(t *testing.T) {
	path, _ := stored(t)
	s := open(t, path, clock)
	defer s.Close()
	info, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	was, begun := info.Size(), time.Now()
	if _, err := s.Serve(context.Background(), nameRun); err != nil {
		t.Fatal(err)
	}
	took := time.Since(begun)
	if info, err = os.Stat(path + "-wal"); err != nil {
		t.Fatal(err)
	}
	if pages := (info.Size() - was) / 4096; pages > 2 {
		t.Errorf("%d pages were written in %v", pages, took)
	}
}

// TestServingNamesNoRunTwice: a run's name is written where it belongs only.
func TestServingNamesNoRunTwice(t *testing.T) {
	path, _ := stored(t)
	var names []string
	for range 3 {
		m, err := readSide(sideName(path))
		if err != nil || slices.Contains(names, m.run) || m.clock < clock().UnixMilli() {
			t.Errorf("%+v %v after %v", m, err, names)
		}
		names = append(names, m.run)
		serves(t, path, true)
	}
}
