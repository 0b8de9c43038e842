package kinto_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"stet/db/local"
	"stet/model"
	"stet/syncengine"
	"stet/syncengine/merge"
	"stet/syncengine/remote/kinto"
	"stet/syncengine/remote/remotetest"
)

// place is a collection on some server.
type place struct {
	url         string
	credentials kinto.Credentials
	collection  string
}

func (p place) connect(via http.RoundTripper, opts ...kinto.Option) (*kinto.Client, error) {
	return kinto.New(p.url, p.credentials, append([]kinto.Option{kinto.WithCollection(p.collection), kinto.WithTransport(via)}, opts...)...)
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// device is one home: a real store, a real engine, a network of its own.
type device struct {
	*syncengine.Notes
	t      *testing.T
	name   string
	path   string
	store  *local.Store
	engine *syncengine.Engine
	driver *kinto.Client
	faults *remotetest.Faults
	moved  time.Duration // how far this device's clock was moved by waiting
}

func newDevice(t *testing.T, p place, name string, opts ...kinto.Option) *device {
	t.Helper()
	d := &device{t: t, name: name, path: filepath.Join(t.TempDir(), name+".db"), faults: remotetest.NewFaults(nil)}
	driver, err := p.connect(d.faults, opts...)
	if err != nil {
		t.Fatal(err)
	}
	d.driver = driver
	d.open()
	t.Cleanup(func() {
		_ = d.store.Close()
		d.faults.CloseIdleConnections()
	})
	return d
}

// now is this device's clock, which waiting moves instead of passing.
func (d *device) now() time.Time { return time.Now().Add(d.moved) }

func (d *device) open() {
	d.t.Helper()
	s, err := local.Open(context.Background(), local.Options{Path: d.path, Now: d.now, Device: d.name})
	if err != nil {
		d.t.Fatal(err)
	}
	d.store = s
	d.Notes = syncengine.NewNotes(s, syncengine.NotesOptions{Now: d.now, NewID: newID, Device: d.name})
	d.engine = syncengine.New(s, d.driver, syncengine.Options{Now: d.now, NewID: newID, Device: d.name, Rand: rand.Float64, Changed: s.DataVersion,
		After: func(w time.Duration) <-chan time.Time {
			d.moved += w
			ch := make(chan time.Time, 1)
			ch <- d.now()
			return ch
		}})
}

// try runs one round, and waits as long as the server asked before.
func (d *device) try() (syncengine.Report, error) {
	lease, err := d.store.Lease(context.Background())
	if err != nil {
		return syncengine.Report{}, err
	}
	d.moved += 10 * time.Minute // over any backoff
	r, err := d.engine.Round(context.Background(), syncengine.RoundOptions{Force: true, Yes: true})
	return r, errors.Join(err, lease.Release())
}

func (d *device) sync() syncengine.Report {
	d.t.Helper()
	r, err := d.try()
	if err != nil {
		d.t.Fatalf("%s: sync: %v", d.name, err)
	}
	return r
}

func (d *device) create(title, body string) string {
	d.t.Helper()
	n, err := d.Create(context.Background(), model.Fields{Title: title, Body: body})
	if err != nil {
		d.t.Fatalf("%s: create: %v", d.name, err)
	}
	return n.ID
}

func (d *device) get(id string) model.Note {
	d.t.Helper()
	n, err := d.store.Get(context.Background(), id)
	if err != nil {
		d.t.Fatalf("%s: get %s: %v", d.name, id, err)
	}
	return n
}

func (d *device) edit(id string, change func(*model.Fields)) {
	d.t.Helper()
	n := d.get(id)
	f := n.Fields.Clone()
	change(&f)
	if _, err := d.Save(context.Background(), id, n.Fields, f); err != nil {
		d.t.Fatalf("%s: save: %v", d.name, err)
	}
}

func (d *device) delete(id string) {
	d.t.Helper()
	if _, err := d.Delete(context.Background(), id); err != nil {
		d.t.Fatalf("%s: delete: %v", d.name, err)
	}
}

// resolve decides every conflict of a note in review the same way.
func (d *device) resolve(id string, c merge.Choice) {
	d.t.Helper()
	r, ok, err := d.store.Review(context.Background(), id)
	if err != nil || !ok {
		d.t.Fatalf("%s: review: %v, %v", d.name, ok, err)
	}
	mine := d.get(id).Fields
	res := merge.Notes(r.Base, mine, r.Remote.Fields)
	decisions := make([]merge.Decision, len(res.Conflicts))
	for i := range decisions {
		decisions[i].Choice = c
	}
	f, open, err := merge.Resolve(res, r.Base, mine, r.Remote.Fields, decisions)
	if err != nil || open != 0 {
		d.t.Fatalf("%s: resolve: %d open, %v", d.name, open, err)
	}
	if _, err := d.Resolve(context.Background(), id, r.Remote.Rev, f); err != nil {
		d.t.Fatalf("%s: resolve: %v", d.name, err)
	}
}

// notes are all live notes by id.
func (d *device) notes() map[string]model.Note {
	d.t.Helper()
	out := map[string]model.Note{}
	err := d.store.Each(context.Background(), model.Query{}, func(n model.Note) error {
		if !n.Deleted {
			out[n.ID] = n
		}
		return nil
	})
	if err != nil {
		d.t.Fatalf("%s: list: %v", d.name, err)
	}
	return out
}

func (d *device) is(id string, status model.Status, body string) {
	d.t.Helper()
	if n := d.get(id); n.Status != status || n.Body != body || n.Deleted {
		d.t.Errorf("%s: note is %s (deleted %t) %q, want %s %q", d.name, n.Status, n.Deleted, n.Body, status, body)
	}
}

// same checks that devices hold the same live notes, all of them synced.
func same(t *testing.T, a, b *device) {
	t.Helper()
	x, y := a.notes(), b.notes()
	for id, n := range x {
		m, ok := y[id]
		if !ok || !model.Equal(n.Fields, m.Fields) || n.Status != model.Synced || m.Status != model.Synced || n.Rev != m.Rev {
			t.Errorf("%s: %s has %q %s at %d, %s %q %s at %d", id, a.name, n.Body, n.Status, n.Rev, b.name, m.Body, m.Status, m.Rev)
		}
	}
	if len(x) != len(y) {
		t.Errorf("%s has %d notes, %s %d", a.name, len(x), b.name, len(y))
	}
}

// scale is a number from the environment.
func scale(t testing.TB, name string, small int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return small
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatal(fmt.Errorf("%s: want a number: %q", name, text))
	}
	return n
}
