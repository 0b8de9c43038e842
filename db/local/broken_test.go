package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"stet/model"
	"stet/syncengine/store"
)

func isErr(err, target error) bool { return errors.Is(err, target) }

// closedStore makes a store with n notes and returns its path.
func closedStore(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "home", "stet.db")
	s, err := Open(context.Background(), Options{Path: path, Now: testNow})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s, n)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestDamage: whatever is done to the file, Open or a read or a write says so,
// and nothing changes the bytes.
func TestDamage(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"empty":      func([]byte) []byte { return nil },
		"cut":        func(b []byte) []byte { return b[:len(b)/2] },
		"cut by one": func(b []byte) []byte { return b[:len(b)-1] },
		"garbage":    func(b []byte) []byte { return bytes.Repeat([]byte("garbage!"), len(b)/8) },
		"head":       func(b []byte) []byte { copy(b, "not a store at all"); return b },
		"schema":     func(b []byte) []byte { copy(b[100:4000], bytes.Repeat([]byte{0xA5}, 3900)); return b },
		"pages": func(b []byte) []byte {
			for i := 4096; i+4096 <= len(b); i += 3 * 4096 {
				copy(b[i:i+512], bytes.Repeat([]byte{0x5A}, 512))
			}
			return b
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := closedStore(t, 60)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			b = damage(b)
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := Open(context.Background(), Options{Path: path, Now: testNow, ReadOnlyOK: true})
			if err == nil {
				t.Errorf("opened")
				_ = s.Close()
			} else if !isErr(err, model.ErrCorrupt) {
				t.Errorf("open: %v", err)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, b) {
				t.Errorf("the damaged file was changed (%v)", err)
			}
		})
	}
}

// TestDamageOfLargeStore: damage that a start does not see is seen by whoever
// meets it, and stops all writing from then on.
func TestDamageOfLargeStore(t *testing.T) {
	path := closedStore(t, 3000)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, _ := f.Stat()
	for off := int64(40 * 4096); off < info.Size(); off += 2 * 4096 {
		if _, err := f.WriteAt(bytes.Repeat([]byte{0x5A}, 4096), off); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, path)
	ctx := context.Background()
	if err := s.Each(ctx, model.Query{All: true}, func(model.Note) error { return nil }); !isErr(err, model.ErrCorrupt) {
		t.Errorf("read: %v", err)
	}
	if err := s.SetMeta(ctx, "k", "v"); !isErr(err, model.ErrCorrupt) {
		t.Errorf("write: %v", err)
	}
}

func TestForeignFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stet.db")
	db := pool(path+"?", role{write: true}, 1)
	if err := os.WriteFile(path+"?", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE t (x)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), Options{Path: path + "?", Now: testNow}); !isErr(err, model.ErrCorrupt) {
		t.Fatal(err)
	}
}

func TestLostFileBesideItsJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stet.db")
	if err := os.WriteFile(path+"-wal", []byte("frames"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), Options{Path: path, Now: testNow}); !isErr(err, model.ErrCorrupt) {
		t.Fatal(err)
	}
}

func TestNewerSchemaIsReadOnly(t *testing.T) {
	path := closedStore(t, 3)
	newer := append(steps(), step{"0002", "CREATE TABLE later (x INTEGER)"})
	ctx := context.Background()
	s, err := open(ctx, Options{Path: path, Now: testNow}, newer)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	copies, _ := filepath.Glob(path + ".format1.zst")
	if len(copies) != 1 {
		t.Fatalf("no copy from before the change: %v", copies)
	}
	packed, err := os.ReadFile(copies[0])
	if err != nil {
		t.Fatal(err)
	}
	plain, err := decode(packed)
	if err != nil || !bytes.HasPrefix(plain, []byte("SQLite format 3")) {
		t.Fatalf("the copy is not a store: %v", err)
	}
	old := openAt(t, path)
	if _, err := old.Get(ctx, noteID(1)); err != nil || !isErr(old.ReadOnly(), model.ErrNewerSchema) {
		t.Fatal(err, old.ReadOnly())
	}
	if err := old.SetMeta(ctx, "k", "v"); !isErr(err, model.ErrNewerSchema) {
		t.Fatal(err)
	}
	if _, err := Open(ctx, Options{Path: path, Now: testNow}); !isErr(err, model.ErrNewerSchema) {
		t.Fatal(err)
	}
}

func TestFailedMigrationChangesNothing(t *testing.T) {
	path := closedStore(t, 3)
	bad := append(steps(), step{"0002", "CREATE TABLE later (x INTEGER); INSERT INTO nowhere VALUES (1)"})
	if _, err := open(context.Background(), Options{Path: path, Now: testNow}, bad); err == nil {
		t.Fatal("opened")
	}
	s := openAt(t, path)
	if s.ReadOnly() != nil {
		t.Fatal(s.ReadOnly())
	}
}

// readOnlyChild runs without the right to write in the store's folder.
func readOnlyChild(ctx context.Context, s *Store) int {
	_, err := s.Get(ctx, noteID(1))
	fmt.Println("read:", err)
	werr := s.SetMeta(ctx, "k", "v")
	q, _ := model.ParseQuery("title", nil)
	found, ferr := s.Find(ctx, q, 0)
	if err != nil || !isErr(werr, model.ErrReadOnly) || !isErr(s.ReadOnly(), model.ErrReadOnly) || ferr != nil || len(found) == 0 {
		fmt.Println("write:", werr, "reason:", s.ReadOnly(), "find:", len(found), ferr)
		return 1
	}
	return 0
}

func TestReadOnlyFolder(t *testing.T) {
	path := closedStore(t, 5)
	dir := filepath.Dir(path)
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	cmd := start(t, "readonly", path)
	if os.Geteuid() == 0 { // permissions do not bind root: give the child no rights
		unprivileged(t, cmd, path)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func unprivileged(t *testing.T, cmd *exec.Cmd, path string) {
	t.Helper()
	exe, err := os.ReadFile(cmd.Path)
	if err != nil {
		t.Fatal(err)
	}
	public, err := os.MkdirTemp("", "stet-child")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(public) })
	cmd.Path = filepath.Join(public, "child.test")
	for _, err := range []error{os.WriteFile(cmd.Path, exe, 0o755), os.Chmod(public, 0o755), os.Chmod(path, 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for dir := filepath.Dir(path); strings.HasPrefix(dir, os.TempDir()) && dir != os.TempDir(); dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err != nil || os.Chmod(dir, info.Mode().Perm()|0o055) != nil {
			t.Fatal(err)
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
}

func TestPermissions(t *testing.T) {
	s := openTemp(t)
	put(t, s, note("a", "t", "b"))
	q, _ := model.ParseQuery("t", nil)
	if _, err := s.Find(context.Background(), q, 0); err != nil {
		t.Fatal(err)
	}
	l, err := s.Lease(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	dir := filepath.Dir(s.o.Path)
	if info, _ := os.Stat(dir); info.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v", info.Mode())
	}
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		info, err := f.Info()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", f.Name(), info.Mode(), err)
		}
	}
	if len(files) < 3 {
		t.Errorf("only %d files", len(files))
	}
}

// TestFailureTakesAllBack: an error of f, or one of the store that f overlooks,
// commits nothing.
func TestFailureTakesAllBack(t *testing.T) {
	s := openTemp(t)
	ctx := context.Background()
	own := errors.New("own")
	if err := s.Write(ctx, func(tx store.Tx) error { _, _ = tx.PutNote(note("a", "", "")); return own }); !isErr(err, own) {
		t.Fatal(err)
	}
	put(t, s, note("b", "", ""))
	err := s.Write(ctx, func(tx store.Tx) error {
		_, _ = tx.PutNote(note("c", "", ""))
		op := createOp(note("c", "", ""), "same")
		_ = tx.SetOps("c", []model.Op{op, op})
		return nil
	})
	if err == nil {
		t.Fatal("an op was written twice")
	}
	if c, err := s.Counts(ctx); err != nil || c.Notes != 1 || c.Pending != 1 {
		t.Fatal(c, err)
	}
}
