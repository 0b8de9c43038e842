//go:build linux && cgo

package faultdisk_test

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"stet/db/faultdisk"
)

// stage is a scenario with the files it begins with, and the only states that
// it may leave.
type stage struct {
	scenario
	root, files        string
	before, after      string
	orLater, withLater string // the same two with the later write
	seen               map[[32]byte]string
}

func newStage(t *testing.T, sc scenario) *stage {
	t.Helper()
	s := &stage{scenario: sc, root: scratch(t), seen: map[[32]byte]string{}}
	s.files = filepath.Join(s.root, "before")
	if err := os.Mkdir(s.files, 0o700); err != nil {
		t.Fatal(err)
	}
	b := &bench{dir: s.files}
	b.reset(0)
	if !sc.opening || sc.before != nil {
		var err error
		if err = b.open(sc.server); err == nil && sc.before != nil {
			err = sc.before(b)
		}
		if err := errors.Join(err, b.close()); err != nil {
			t.Fatalf("%s: before: %v", sc.name, err)
		}
	}
	s.before = s.state(t, s.files)
	for _, ref := range []struct {
		dst        *string
		act, later bool
	}{{&s.after, true, false}, {&s.orLater, false, true}, {&s.withLater, true, true}} {
		dir := s.fresh(t)
		r := s.run(dir, plan{act: ref.act, later: ref.later})
		if err := errors.Join(r.open, r.act, r.later, r.close); err != nil {
			t.Fatalf("%s: without a fault: %v", sc.name, err)
		}
		*ref.dst = s.state(t, dir)
		s.done(dir)
	}
	if sc.act != nil && !sc.opening && s.before == s.after {
		t.Fatalf("%s: writes nothing", sc.name)
	}
	return s
}

// fresh is a folder with the scenario's files.
func (s *stage) fresh(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(s.root, "run")
	if err != nil {
		t.Fatal(err)
	}
	files(t, s.files, dir)
	return dir
}

func (s *stage) done(dir string) { _ = os.RemoveAll(dir) }

// state dumps the store of a folder; "" when there is none. The same bytes are
// read once: they hold the same rows and are as sound.
func (s *stage) state(t *testing.T, dir string) string {
	t.Helper()
	b := bench{dir: dir}
	if info, err := os.Stat(b.path()); errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 && s.server {
		return ""
	}
	key, text, known := s.lookUp(dir)
	if known {
		return text
	}
	text, err := dump(b.path())
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	if key != [32]byte{} {
		s.seen[key] = text
	}
	return text
}

// lookUp returns what is known of a folder's store by its bytes; the key is
// zero where a journal belongs to them.
func (s *stage) lookUp(dir string) (key [32]byte, text string, known bool) {
	path := (&bench{dir: dir}).path()
	if info, err := os.Stat(path + "-wal"); err == nil && info.Size() > 0 {
		return key, "", false
	}
	bytes, err := os.ReadFile(path)
	if err != nil {
		return key, "", false
	}
	key = sha256.Sum256(bytes)
	text, known = s.seen[key]
	return key, text, known
}

// plan is what a run does.
type plan struct {
	arm        func(*faultdisk.Disk) // before what is tried
	act, later bool
	afterAct   func(d *faultdisk.Disk, failed bool) (later bool)
}

// result tells how a run went.
type result struct {
	open, act, later, close error
	acted, tried            bool // act ended; later was tried
	fired                   int
	dead                    bool
}

// run does the scenario on the store in a folder.
func (s *stage) run(dir string, p plan) (r result) {
	b := &bench{dir: dir}
	b.reset(1)
	d, err := faultdisk.New(dir)
	if err != nil {
		r.open = err
		return r
	}
	defer func() {
		r.fired, r.dead = d.Fired(), d.Dead()
		d.Close()
	}()
	if p.arm != nil && s.opening {
		p.arm(d)
	}
	if r.open = b.open(s.server); r.open != nil {
		return r
	}
	if p.arm != nil && !s.opening {
		p.arm(d)
	}
	if p.act && s.act != nil {
		r.act = s.act(b)
	}
	r.acted = r.act == nil
	later := p.later
	if p.afterAct != nil {
		later = p.afterAct(d, !r.acted)
	}
	if later {
		r.tried = true
		r.later = b.later()
	}
	r.close = b.close()
	return r
}

// judge looks at what a run left: every state is whole, what was said to be
// saved is there.
func (s *stage) judge(t *testing.T, dir string, r result, what string) {
	t.Helper()
	// As the next start of the program would.
	b := &bench{dir: dir}
	b.reset(2)
	if _, _, known := s.lookUp(dir); s.opening || !known {
		err := b.open(s.server)
		if err == nil && s.opening && s.act != nil {
			err = s.act(b)
		}
		if err := errors.Join(err, b.close()); err != nil {
			t.Errorf("%s: %s: cannot be used afterwards: %v", s.name, what, err)
			return
		}
	}
	got := s.state(t, dir)
	before, after := s.before, s.after
	if r.tried && r.later == nil {
		before, after = s.orLater, s.withLater
	}
	switch {
	case got == after:
	case r.open == nil && r.acted:
		t.Errorf("%s: %s: was said to be saved and is not there\n%s", s.name, what, difference(after, got))
	case got != before:
		t.Errorf("%s: %s: neither before nor after (%v)\n%s", s.name, what, r.act, difference(before, got))
	}
}
