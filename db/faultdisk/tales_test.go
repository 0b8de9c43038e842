//go:build linux && cgo

package faultdisk_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"stet/db/faultdisk"
	"stet/syncengine"
)

// tale is a round of the engine on device a, and what went before.
type tale struct {
	name   string
	before func(*world) error
	act    func(*world) error
}

func numbered(text string, n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("%s %d\n", text, i))
	}
	return out
}

// known is three notes on both devices.
func known(w *world) error {
	return errors.Join(w.a.make("apple\nmiddle\nend\n", "banana\n", "cherry\n"), w.a.sync(), w.b.sync())
}

func round(w *world) error { return w.a.sync() }

// tales are the ways in which a round writes a device's store.
var tales = []tale{
	{"user actions", known, func(w *world) error {
		return errors.Join(w.a.make("new\n"), w.a.save("banana", "banana 2\n"), w.a.remove("cherry"))
	}},
	{"push", func(w *world) error {
		return errors.Join(known(w), w.a.make(numbered("made", 4)...), w.a.save("banana", "banana 2\n"), w.a.remove("cherry"))
	}, round},
	{"pull", func(w *world) error {
		return errors.Join(known(w), w.b.make(numbered("made", 4)...), w.b.save("banana", "banana 2\n"), w.b.remove("cherry"), w.b.sync())
	}, round},
	{"merge", func(w *world) error {
		return errors.Join(known(w), w.b.save("apple", "apple\nmiddle\nend of b\n"), w.b.sync(), w.a.save("apple", "apple of a\nmiddle\nend\n"))
	}, round},
	{"conflict", func(w *world) error {
		return errors.Join(known(w), w.b.save("apple", "apple of b\nmiddle\nend\n"), w.b.sync(), w.a.save("apple", "apple of a\nmiddle\nend\n"))
	}, round},
	{"resolve and push", func(w *world) error {
		return errors.Join(known(w), w.b.save("apple", "apple of b\nmiddle\nend\n"), w.b.sync(), w.a.save("apple", "apple of a\nmiddle\nend\n"), w.a.sync())
	}, func(w *world) error {
		n, err := w.a.find("apple of a")
		if err != nil {
			return err
		}
		rev, _, err := w.a.device.Review(ctx, n.ID)
		if err != nil {
			return err
		}
		if _, err := w.a.notes.Resolve(ctx, n.ID, rev.Remote.Rev, fields("note", "apple of both\nmiddle\nend\n")); err != nil {
			return err
		}
		w.said("apple of both\nmiddle\nend\n", n.ID)
		return w.a.sync()
	}},
	{"an answer is lost", func(w *world) error {
		return errors.Join(known(w), w.a.make(numbered("made", 3)...), w.a.save("banana", "banana 2\n"))
	}, func(w *world) error {
		w.a.lose = 1
		_ = w.a.sync()
		w.a.lose = 0
		return w.a.sync()
	}},
	{"another server's data", func(w *world) error {
		return errors.Join(known(w), w.a.save("banana", "banana 2\n"), w.serve("another"))
	}, func(w *world) error { return w.a.round(syncengine.RoundOptions{Yes: true}) }},
	{"first meeting", func(w *world) error {
		return errors.Join(w.b.make(numbered("theirs", 4)...), w.b.sync(), w.a.make(numbered("mine", 4)...))
	}, round},
	{"guard", func(w *world) error {
		err := errors.Join(w.a.make(numbered("many", 24)...), w.a.sync(), w.b.sync())
		for _, text := range numbered("many", 24) {
			err = errors.Join(err, w.b.remove(text))
		}
		return errors.Join(err, w.b.sync())
	}, func(w *world) error {
		if err := w.a.sync(); !errors.Is(err, syncengine.ErrHeld) {
			return fmt.Errorf("the round was not held: %w", err)
		}
		return w.a.round(syncengine.RoundOptions{Yes: true})
	}},
}

// crashes lets device a die at each point of a tale, and returns how many
// there were.
func (l tale) crashes(t *testing.T, every int) (points int) {
	t.Helper()
	root := scratch(t)
	first := filepath.Join(root, "before")
	texts, server := l.begin(t, first)
	var states []string
	l.run(t, root, first, server, texts, &states, faultdisk.Death{})
	die := func(at faultdisk.Death) bool { return l.run(t, root, first, server, texts, &states, at) }
	for n := 1; die(faultdisk.Death{Statement: n}) && !t.Failed(); n += every {
		points++
	}
	for n := 1; die(faultdisk.Death{Change: n, Torn: n%2 == 0}) && !t.Failed(); n += every {
		points++
	}
	return points
}

// begin makes the files that a tale begins with.
func (l tale) begin(t *testing.T, dir string) (texts map[string]string, server string) {
	t.Helper()
	w, err := newWorld(dir)
	if err == nil {
		err = l.before(w)
		server = filepath.Base(w.server.dir)
		err = errors.Join(err, w.close())
	}
	if err != nil {
		t.Fatalf("%s: before: %v", l.name, err)
	}
	return w.texts, server
}

// run tells the tale with a death. Without one it records the states that
// device a goes through; with one the state that is left must be one of them,
// and all must agree afterwards.
func (l tale) run(t *testing.T, root, first, server string, texts map[string]string, states *[]string, at faultdisk.Death) (died bool) {
	t.Helper()
	dir, err := os.MkdirTemp(root, "run")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	list, err := os.ReadDir(first)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		to := filepath.Join(dir, f.Name())
		if err := os.Mkdir(to, 0o700); err != nil {
			t.Fatal(err)
		}
		files(t, filepath.Join(first, f.Name()), to)
	}
	disk := mustDisk(t, filepath.Join(dir, "a"))
	w, err := newWorld(dir)
	if err == nil {
		err = w.serve(server)
	}
	if err != nil {
		t.Fatalf("%s: %v", l.name, err)
	}
	defer func() { _ = w.close() }() // what counts was looked at
	for text, id := range texts {
		w.texts[text] = id
	}
	for _, m := range []*machine{w.a, w.b} {
		m.reset(20)
	}
	w.a.disk = disk
	recording := at == faultdisk.Death{}
	see := func() string {
		text, err := dump(w.a.path())
		if err != nil {
			t.Fatalf("%s: %v", l.name, err)
		}
		return text
	}
	if recording {
		*states = []string{see()}
		w.a.wrote = func() { *states = append(*states, see()) }
	}
	disk.Die(at)
	err = l.act(w)
	died = disk.Dead()
	if !died && err != nil {
		t.Fatalf("%s: without a death: %v", l.name, err)
	}
	_ = w.a.close() // fails where it is dead
	died = died || disk.Dead()
	disk.Close()
	w.a.disk, w.a.wrote = nil, nil
	what := fmt.Sprintf("%s: death at %+v", l.name, at)
	if !slices.Contains(*states, see()) {
		t.Errorf("%s: device a is between two states\n%s", what, difference((*states)[0], see()))
	}
	if err := w.a.start(30); err != nil {
		t.Errorf("%s: the device does not start: %v", what, err)
		return died
	}
	if err := w.settle(); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	return died
}
