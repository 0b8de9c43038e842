package mutations_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"stet/db/local"
	"stet/model"
	"stet/syncengine"
	"stet/syncengine/remote/mutations"
	"stet/syncengine/remote/remotetest"
	"stet/syncengine/store"
)

var ids atomic.Int64

func newID() string { return fmt.Sprintf("0192f000-0000-7000-8000-%012x", ids.Add(1)) }

// device is one home with its actions and its engine, over a mutations log.
type device struct {
	*syncengine.Notes
	t      testing.TB
	store  *local.Store
	engine *syncengine.Engine
	client *mutations.Client
	faults *remotetest.Faults
	clock  atomic.Int64 // ahead of the real one, in ns
}

// setup is what a device may have its own way.
type setup struct {
	name     string
	strategy syncengine.Strategy
	plain    bool // no guard
	opts     []mutations.Option
}

func newDevice(t testing.TB, url, token string, s setup) *device {
	t.Helper()
	d := &device{t: t, faults: remotetest.NewFaults(nil)}
	t.Cleanup(d.faults.CloseIdleConnections)
	now := func() time.Time { return time.Now().Add(time.Duration(d.clock.Load())) }
	st, err := local.Open(context.Background(), local.Options{Path: filepath.Join(t.TempDir(), s.name+".db"), Now: now, Device: s.name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	var via http.RoundTripper = d.faults
	if s.plain {
		via = unguarded{d.faults}
	}
	d.client = connect(t, url, token, append([]mutations.Option{mutations.WithTransport(via)}, s.opts...)...)
	d.store = st
	d.Notes = syncengine.NewNotes(st, syncengine.NotesOptions{Now: now, NewID: newID, Device: s.name})
	d.engine = syncengine.New(st, d.client, syncengine.Options{Now: now, NewID: newID, Device: s.name, Strategy: s.strategy,
		Rand: rand.New(rand.NewPCG(1, 2)).Float64, Changed: st.DataVersion,
		After: func(w time.Duration) <-chan time.Time {
			d.clock.Add(int64(w))
			ch := make(chan time.Time, 1)
			ch <- now()
			return ch
		}})
	return d
}

func (d *device) sync() (syncengine.Report, error) {
	return d.engine.Round(context.Background(), syncengine.RoundOptions{Force: true})
}

func (d *device) mustSync() syncengine.Report {
	d.t.Helper()
	r, err := d.sync()
	if err != nil {
		d.t.Fatalf("sync: %v", err)
	}
	return r
}

func (d *device) create(title, body string) model.Note {
	d.t.Helper()
	n, err := d.Create(context.Background(), model.Fields{Title: title, Body: body})
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

func (d *device) get(id string) model.Note {
	d.t.Helper()
	n, err := d.store.Get(context.Background(), id)
	if err != nil {
		d.t.Fatalf("get %s: %v", id, err)
	}
	return n
}

func (d *device) edit(id string, change func(*model.Fields)) {
	d.t.Helper()
	n := d.get(id)
	f := n.Fields.Clone()
	change(&f)
	if _, err := d.Save(context.Background(), id, n.Fields, f); err != nil {
		d.t.Fatal(err)
	}
}

func (d *device) remove(id string) {
	d.t.Helper()
	if _, err := d.Delete(context.Background(), id); err != nil {
		d.t.Fatal(err)
	}
}

func (d *device) status(id string, want model.Status) {
	d.t.Helper()
	if got := d.get(id).Status; got != want {
		d.t.Errorf("status of %s is %s, want %s", id, got, want)
	}
}

// live returns the ids of the live notes.
func (d *device) live() (all []string) {
	d.t.Helper()
	err := d.store.Read(context.Background(), func(tx store.Reader) error {
		return tx.IDs(func(id string, _ int64, _ model.Status, deleted bool) bool {
			if !deleted {
				all = append(all, id)
			}
			return true
		})
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return all
}

// notes returns the live notes by id.
func (d *device) notes() map[string]model.Note {
	d.t.Helper()
	out := map[string]model.Note{}
	for _, id := range d.live() {
		out[id] = d.get(id)
	}
	return out
}

// texts returns every body that history has of a note.
func (d *device) texts(id string) map[string]bool {
	d.t.Helper()
	versions, err := d.store.History(context.Background(), id, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	out := map[string]bool{}
	for _, v := range versions {
		out[v.Fields.Body] = true
	}
	return out
}

// writes returns the queries of the pushes seen so far.
func (d *device) writes() (out []string) {
	for _, s := range d.faults.Seen() {
		if s.Method != http.MethodGet {
			out = append(out, s.Query)
		}
	}
	return out
}
