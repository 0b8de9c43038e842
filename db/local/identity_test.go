package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"

	"stet/db/disk"
	"stet/model"
	"stet/syncengine/store"
)

// waiting is a store with a note of each kind of op, in a home of its own.
func waiting(t *testing.T) *Store {
	s := openTemp(t)
	for _, id := range []string{"queued", "sent", "parked"} {
		put(t, s, note(id, id, "text of "+id))
		write(t, s, func(tx store.Tx) error {
			n, err := tx.Note(id)
			if err != nil {
				return err
			}
			if err := tx.SetOps(id, []model.Op{createOp(n, "op-"+id)}); err != nil {
				return err
			}
			switch id {
			case "sent":
				return tx.Freeze([]string{"op-sent"}, "e.1.t")
			case "parked":
				return tx.Park("op-parked", "too large")
			}
			return nil
		})
	}
	write(t, s, func(tx store.Tx) error { return tx.SetCursor("e.1.t") })
	if err := s.SetMeta(context.Background(), store.MetaDevice, "desk"); err != nil {
		t.Fatal(err)
	}
	if err := s.PutDraft(context.Background(), model.Draft{Key: "k", NoteID: "queued", At: t0, Text: model.Fields{Body: "half"}}); err != nil {
		t.Fatal(err)
	}
	return s
}

// copyHome copies all files of a closed store's folder, and returns the path of
// the copied store.
func copyHome(t *testing.T, s *Store) string {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	from, to := filepath.Dir(s.o.Path), filepath.Join(t.TempDir(), "copy")
	files, err := os.ReadDir(from)
	if err := errors.Join(err, os.Mkdir(to, 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := disk.Copy(filepath.Join(from, f.Name()), filepath.Join(to, f.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(to, filepath.Base(s.o.Path))
}

func deviceID(t *testing.T, s *Store) string {
	t.Helper()
	id, err := s.DeviceID(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// newDevices counts the times that a store became another device.
func newDevices(t *testing.T, s *Store) int {
	t.Helper()
	events, err := s.Activity(context.Background(), []model.EventName{model.EventNewDevice}, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.NoteID != "" || !e.At.Equal(testNow()) || e.Detail == "" {
			t.Errorf("event %+v", e)
		}
	}
	return len(events)
}

// carried is all that a copy must have as it was.
type carried struct {
	Ops           []model.Op
	Cursor, Label string
	Drafts        []model.Draft
	Counts        model.Counts
}

func carries(t *testing.T, s *Store) (c carried) {
	t.Helper()
	ctx := context.Background()
	err := s.Read(ctx, func(r store.Reader) (err error) {
		for _, id := range []string{"queued", "sent", "parked"} {
			ops, err := r.Ops(id)
			if err != nil {
				return err
			}
			c.Ops = append(c.Ops, ops...)
		}
		if c.Cursor, err = r.Cursor(); err != nil {
			return err
		}
		c.Label, err = r.Meta(store.MetaDevice)
		return err
	})
	if err == nil {
		c.Counts, err = s.Counts(ctx)
	}
	if err == nil {
		c.Drafts, err = s.Drafts(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A copy becomes a device of its own and keeps all that it carries; the
// original stays who it is.
func TestCopyIsAnotherDevice(t *testing.T) {
	s := waiting(t)
	id, was := deviceID(t, s), carries(t, s)
	if len(id) != 32 || newDevices(t, s) != 0 || len(was.Ops) != 3 || len(was.Drafts) != 1 {
		t.Fatalf("id %q, %d events, %+v", id, newDevices(t, s), was)
	}
	path := copyHome(t, s)
	ids := map[string]bool{id: true}
	for i := range 3 { // a copy, and copies of copies
		c := openAt(t, path)
		put(t, c, note(fmt.Sprint("own", i), "own", "text"))
		mine := deviceID(t, c)
		if ids[mine] || newDevices(t, c) != i+1 {
			t.Errorf("copy %d: id %s of %v, %d events", i, mine, ids, newDevices(t, c))
		}
		ids[mine] = true
		now := carries(t, c)
		now.Counts = was.Counts // of own
		if !reflect.DeepEqual(now, was) {
			t.Errorf("copy %d carries\n%+v, want\n%+v", i, now, was)
		}
		path = copyHome(t, c)
	}
	again := openAt(t, s.o.Path)
	if got := deviceID(t, again); got != id || newDevices(t, again) != 0 || !reflect.DeepEqual(carries(t, again), was) {
		t.Errorf("the original: id %s, %d events, %+v", got, newDevices(t, again), carries(t, again))
	}
}

// A rename, a close and a reopen change nothing; another machine does, though
// the file is the same one.
func TestPlaceOfAStore(t *testing.T) {
	s := waiting(t)
	id := deviceID(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Rename(filepath.Dir(s.o.Path), moved); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(moved, "stet.db")
	s = openAt(t, path)
	put(t, s, note("x", "x", "x"))
	if got := deviceID(t, s); got != id || newDevices(t, s) != 0 {
		t.Errorf("moved: id %s, want %s; %d events", got, id, newDevices(t, s))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	far, err := Open(context.Background(), Options{Path: path, Now: testNow, Machine: "another"})
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	if got := deviceID(t, far); got == id || newDevices(t, far) != 1 {
		t.Errorf("on another machine: id %s, %d events", got, newDevices(t, far))
	}
}

// A store from before stores knew their place gets an id and is no copy.
func TestStoreWithoutPlace(t *testing.T) {
	s := waiting(t)
	ctx := context.Background()
	before, _, err := source{s}.State(ctx)
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, func(tx store.Tx) error {
		return errors.Join(tx.SetMeta(metaPlace, ""), tx.SetMeta(store.MetaDeviceID, ""))
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, s.o.Path)
	if id := deviceID(t, s); len(id) != 32 || newDevices(t, s) != 0 {
		t.Errorf("id %q, %d events", id, newDevices(t, s))
	}
	if after, _, err := (source{s}).State(ctx); err != nil || after != before {
		t.Errorf("store id %s, want %s (%v)", after, before, err)
	}
}

// Reading a copy writes nothing; a write that fails leaves it a copy, and the
// next one settles it, once.
func TestCopySettlesWithItsFirstWrite(t *testing.T) {
	s := waiting(t)
	id := deviceID(t, s)
	c := openAt(t, copyHome(t, s))
	ctx := context.Background()
	stored := func() string {
		t.Helper()
		v, err := c.Meta(ctx, store.MetaDeviceID)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	carries(t, c)
	if stored() != id {
		t.Error("a read made another device")
	}
	broken := errors.New("broken")
	if err := c.Write(ctx, func(store.Tx) error { return broken }); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = c.Write(ctx, func(store.Tx) error { panic("broken") })
	}()
	if stored() != id || newDevices(t, c) != 0 {
		t.Errorf("a write that failed left %s and %d events", stored(), newDevices(t, c))
	}
	l, err := c.Lease(ctx) // nothing is sent without
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	mine := stored()
	if mine == id || newDevices(t, c) != 1 {
		t.Errorf("with the right to sync: id %s, %d events", mine, newDevices(t, c))
	}
	put(t, c, note("x", "x", "x"))
	if stored() != mine || newDevices(t, c) != 1 {
		t.Errorf("then: id %s, %d events", stored(), newDevices(t, c))
	}
}

// A copy that can only be read stays as it is and has no id.
func TestCopyThatIsOnlyRead(t *testing.T) {
	s := waiting(t)
	if _, err := s.writer.Exec("PRAGMA user_version = 999"); err != nil {
		t.Fatal(err)
	}
	c := openAt(t, copyHome(t, s))
	if c.ReadOnly() == nil {
		t.Fatal("it can be written")
	}
	if id := deviceID(t, c); id != "" {
		t.Errorf("it calls itself %s", id)
	}
	if kept, err := c.Meta(context.Background(), store.MetaDeviceID); err != nil || len(kept) != 32 || newDevices(t, c) != 0 {
		t.Errorf("id %q (%v), %d events", kept, err, newDevices(t, c))
	}
}

// Who finds a copy at the same time agrees on who it is.
func TestCopyFoundTwice(t *testing.T) {
	path := copyHome(t, waiting(t))
	var found [4]string
	var stores [len(found)]*Store
	for i := range found {
		stores[i] = openAt(t, path)
	}
	var all sync.WaitGroup
	for i, s := range stores {
		all.Go(func() { found[i], _ = s.DeviceID(context.Background()) })
	}
	all.Wait()
	if len(slices.Compact(found[:])) != 1 || found[0] == "" || newDevices(t, stores[0]) != 1 {
		t.Errorf("ids %v, %d events", found, newDevices(t, stores[0]))
	}
}

// The search index that came with a copy, or stayed when an older store was
// brought back, finds nothing that is not there.
func TestSearchIndexOfACopy(t *testing.T) {
	s := waiting(t)
	old := copyHome(t, s)
	s = openAt(t, s.o.Path)
	for i := range 8 {
		n := note("queued", "queued", fmt.Sprint("zebra ", i))
		n.Cause = model.CauseEdit
		put(t, s, n)
	}
	if got := found(t, s, "zebra"); !slices.Equal(got, []string{"queued"}) {
		t.Fatal(got)
	}
	both := openAt(t, copyHome(t, s))
	if got := found(t, both, "zebra"); !slices.Equal(got, []string{"queued"}) {
		t.Errorf("before the copy's first write: %v", got)
	}
	put(t, both, note("sent", "sent", "a horse"))
	if z, h := found(t, both, "zebra"), found(t, both, "horse"); !slices.Equal(z, []string{"queued"}) || !slices.Equal(h, []string{"sent"}) {
		t.Errorf("after it: %v %v", z, h)
	}
	if err := os.Rename(old, s.o.Path); err != nil { // the index beside it is newer
		t.Fatal(err)
	}
	s = openAt(t, s.o.Path)
	for range 20 { // past where the index was
		put(t, s, note("parked", "parked", "a horse"))
	}
	if z, h := found(t, s, "zebra"), found(t, s, "horse"); len(z) > 0 || !slices.Equal(h, []string{"parked"}) {
		t.Errorf("brought back: zebra %v, horse %v", z, h)
	}
}

// BenchmarkLookAround is what knowing its place adds to opening a store.
func BenchmarkLookAround(b *testing.B) {
	s := openTemp(b)
	put(b, s, note("x", "x", "x"))
	b.ResetTimer()
	for range b.N {
		s.lookAround(context.Background())
	}
}
