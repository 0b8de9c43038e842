//go:build linux && cgo

package faultdisk_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"stet/db/faultdisk"
	"stet/db/local"
	"stet/model"
	"stet/syncengine"
	"stet/syncengine/remote/native"
	"stet/syncengine/server"
	"stet/syncengine/store"
)

const token = "stet_test_token"

// world is a server behind real HTTP and two devices that sync with it. Device
// a is the one that dies.
type world struct {
	dir    string
	clock  source
	http   *httptest.Server
	server *bench
	a, b   *machine
	mu     sync.Mutex
	texts  map[string]string // every body that was said to be saved, to its note
}

// machine is a device with its engine.
type machine struct {
	bench
	w      *world
	engine *syncengine.Engine
	disk   *faultdisk.Disk
	lose   int // this many answers get lost
	wrote  func()
}

// recorder tells of each transaction that is on disk.
type recorder struct {
	*local.Store
	m *machine
}

func (r recorder) Write(c context.Context, f func(store.Tx) error) error {
	err := r.Store.Write(c, f)
	if err == nil && r.m.wrote != nil {
		r.m.wrote()
	}
	return err
}

// RoundTrip sends nothing for a process that is dead.
func (m *machine) RoundTrip(r *http.Request) (*http.Response, error) {
	if m.disk != nil && m.disk.Dead() {
		return nil, errors.New("the process is dead")
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && m.lose > 0 && r.Method == http.MethodPost {
		m.lose--
		_ = res.Body.Close()
		return nil, errors.New("the answer is lost")
	}
	return res, err
}

// newWorld is the world in a folder, which may hold one already.
func newWorld(dir string) (*world, error) {
	w := &world{dir: dir, texts: map[string]string{}, server: &bench{}}
	w.clock.reset(1)
	for _, name := range []string{"server", "a", "b"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			return nil, err
		}
	}
	if err := w.serve("server"); err != nil {
		return nil, err
	}
	w.http = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		server.New(w.server.server, server.Options{Now: w.clock.Now, NewID: w.clock.ID}).ServeHTTP(rw, r)
	}))
	w.a, w.b = &machine{w: w}, &machine{w: w}
	w.a.dir, w.b.dir = filepath.Join(dir, "a"), filepath.Join(dir, "b")
	return w, errors.Join(w.a.start(1), w.b.start(2))
}

// serve opens the server's store in a folder of that name.
func (w *world) serve(name string) error {
	if err := w.server.close(); err != nil {
		return err
	}
	w.server.dir = filepath.Join(w.dir, name)
	if err := os.MkdirAll(w.server.dir, 0o700); err != nil {
		return err
	}
	w.server.reset(1)
	w.server.epochs = byte(len(name)) // another one for another server
	if err := w.server.open(true); err != nil {
		return err
	}
	if names, err := w.server.server.Accounts(ctx); err != nil || len(names) > 0 {
		return err
	}
	return errors.Join(w.server.server.AddAccount(ctx, "ana"), w.server.server.AddToken(ctx, "ana", "test", server.Hash(token)))
}

// start opens a machine's store, as a start of the program does.
func (m *machine) start(n int) error {
	m.reset(n)
	if err := m.open(false); err != nil {
		return err
	}
	driver, err := native.New(m.w.http.URL, token, native.WithTransport(m))
	if err != nil {
		return err
	}
	kept := recorder{m.device, m}
	m.notes = syncengine.NewNotes(kept, syncengine.NotesOptions{Now: m.Now, NewID: m.ID, Device: filepath.Base(m.dir)})
	m.engine = syncengine.New(kept, driver, syncengine.Options{Now: m.Now, NewID: m.ID, Device: filepath.Base(m.dir),
		Rand: func() float64 { return 0.5 }, Changed: m.device.DataVersion, After: atOnce})
	return nil
}

func (w *world) close() error {
	w.http.Close()
	return errors.Join(w.a.close(), w.b.close(), w.server.close())
}

func (m *machine) round(o syncengine.RoundOptions) error {
	o.Force = true
	_, err := m.engine.Round(ctx, o)
	return err
}

func (m *machine) sync() error { return m.round(syncengine.RoundOptions{}) }

// make saves new notes with these bodies.
func (m *machine) make(bodies ...string) error {
	for _, body := range bodies {
		n, err := m.notes.Create(ctx, fields("note", body))
		if err != nil {
			return err
		}
		m.w.said(body, n.ID)
	}
	return nil
}

// save edits the note that has a text in its body.
func (m *machine) save(old, body string) error {
	n, err := m.find(old)
	if err != nil {
		return err
	}
	f := n.Fields.Clone()
	f.Body = body
	if _, err := m.notes.Save(ctx, n.ID, n.Fields, f); err != nil {
		return err
	}
	m.w.said(body, n.ID)
	return nil
}

func (m *machine) remove(text string) error {
	n, err := m.find(text)
	if err == nil {
		_, err = m.notes.Delete(ctx, n.ID)
	}
	return err
}

func (w *world) said(body, noteID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.texts[body] = noteID
}

func (m *machine) find(text string) (found model.Note, err error) {
	err = m.device.Each(ctx, model.Query{All: true}, func(n model.Note) error {
		if strings.Contains(n.Body, text) {
			found = n
		}
		return nil
	})
	if err == nil && found.ID == "" {
		err = fmt.Errorf("no note with %q", text)
	}
	return found, err
}

// holds are all texts that a machine can show.
func (m *machine) holds() (map[string]bool, error) {
	out, all := map[string]bool{}, []string{}
	err := m.device.Read(ctx, func(r store.Reader) error {
		return r.IDs(func(id string, _ int64, _ model.Status, _ bool) bool {
			all = append(all, id)
			return true
		})
	})
	for _, id := range all {
		versions, herr := m.device.History(ctx, id, 0)
		rev, ok, rerr := m.device.Review(ctx, id)
		err = errors.Join(err, herr, rerr)
		for _, v := range versions {
			out[v.Fields.Body] = true
		}
		if ok {
			out[rev.Remote.Fields.Body] = true
		}
	}
	return out, err
}

// list is what a machine agrees on with others: all notes not in review.
func (m *machine) list(skip map[string]bool) (out []string, err error) {
	for _, q := range []model.Query{{All: true}, {Trash: true}} {
		err = errors.Join(err, m.device.Each(ctx, q, func(n model.Note) error {
			if n.Status == model.NeedsReview {
				skip[n.ID] = true
			}
			body := n.Body
			if n.Deleted { // each device's trash keeps the text it had
				body = ""
			}
			out = append(out, fmt.Sprintf("%s %v %s", n.ID, n.Deleted, body))
			return nil
		}))
	}
	slices.Sort(out)
	return out, err
}

// settle syncs until all agree, and checks that they do and that no text that
// was said to be saved is gone.
func (w *world) settle() error {
	var la, lb []string
	for range 10 {
		for _, m := range []*machine{w.a, w.b} {
			if err := m.round(syncengine.RoundOptions{Yes: true}); err != nil {
				return fmt.Errorf("sync afterwards: %w", err)
			}
		}
		skip := map[string]bool{}
		var err, berr error
		la, err = w.a.list(skip)
		lb, berr = w.b.list(skip)
		if err := errors.Join(err, berr); err != nil {
			return err
		}
		in := func(s string) bool { return skip[strings.Fields(s)[0]] }
		la, lb = slices.DeleteFunc(la, in), slices.DeleteFunc(lb, in)
		c, err := w.a.device.Counts(ctx)
		if err != nil {
			return err
		}
		if slices.Equal(la, lb) && c.Pending == 0 && c.Error == 0 {
			return w.complete()
		}
	}
	return fmt.Errorf("the devices do not agree after ten rounds:\n%s\n\n%s", strings.Join(la, "\n"), strings.Join(lb, "\n"))
}

func (w *world) complete() error {
	onA, err := w.a.holds()
	onB, berr := w.b.holds()
	if err := errors.Join(err, berr); err != nil {
		return err
	}
	for text := range w.texts {
		if !onA[text] && !onB[text] {
			return fmt.Errorf("%q was said to be saved and is gone", text)
		}
	}
	return nil
}
