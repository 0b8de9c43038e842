package syncengine_test

import (
	"context"
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"stet/db/local"
	"stet/db/server/sqlite"
	"stet/model"
	"stet/syncengine"
	"stet/syncengine/server"
)

// clock is a clock that tests move; it also ticks a little at every look so
// that no two times are equal.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

func (c *clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is a real server over real HTTP, and devices with real stores.
type world struct {
	t       testing.TB
	clock   *clock
	url     string
	path    string
	token   string
	store   *sqlite.Store
	http    *httptest.Server
	handler swap
	dialect string // that devices speak, "" for the native one
	ids     int
	mu      sync.Mutex
}

// swap lets a test exchange the server behind one address.
type swap struct {
	mu   sync.Mutex
	h    http.Handler
	date func(http.Header) // dates an answer; nil leaves it to net/http
}

func (s *swap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	h := s.h
	s.mu.Unlock()
	if s.date != nil {
		s.date(w.Header())
	}
	h.ServeHTTP(w, r)
}

func (s *swap) set(h http.Handler) {
	s.mu.Lock()
	s.h = h
	s.mu.Unlock()
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, clock: newClock(), path: filepath.Join(t.TempDir(), "stetd.db")}
	w.open()
	w.token = w.addAccount("ana")
	w.http = httptest.NewServer(&w.handler)
	w.url = w.http.URL
	t.Cleanup(func() {
		w.http.Close()
		_ = w.store.Close()
	})
	return w
}

func (w *world) id() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids++
	return fmt.Sprintf("0192f000-0000-7000-8000-%012x", w.ids)
}

// device is one home with its actions and its engine.
type device struct {
	*syncengine.Notes
	w      *world
	name   string
	store  *local.Store
	engine *syncengine.Engine
	faults *faults
	path   string
}

func (w *world) device(name string) *device {
	d := &device{w: w, name: name, path: filepath.Join(w.t.TempDir(), name+".db"), faults: &faults{}}
	d.open()
	w.t.Cleanup(func() { _ = d.store.Close() })
	return d
}

// open opens the device's store, as a start of the program does.
func (d *device) open() {
	ctx := context.Background()
	s, err := local.Open(ctx, local.Options{Path: d.path, Now: d.w.clock.Now, Device: d.name})
	if err != nil {
		d.w.t.Fatalf("open %s: %v", d.name, err)
	}
	driver := d.remote()
	d.store = s
	d.Notes = syncengine.NewNotes(s, syncengine.NotesOptions{Now: d.w.clock.Now, NewID: d.w.id, Device: d.name})
	d.engine = syncengine.New(s, driver, syncengine.Options{Now: d.w.clock.Now, NewID: d.w.id, Device: d.name,
		Rand: rand.New(rand.NewPCG(1, 2)).Float64, Changed: s.DataVersion,
		After: func(w time.Duration) <-chan time.Time {
			d.w.clock.Move(w)
			ch := make(chan time.Time, 1)
			ch <- d.w.clock.Now()
			return ch
		}})
}

// sync runs one round, whatever comes of it.
func (d *device) sync() (syncengine.Report, error) {
	return d.engine.Round(context.Background(), syncengine.RoundOptions{Force: true})
}

func (d *device) mustSync() syncengine.Report {
	d.w.t.Helper()
	r, err := d.sync()
	if err != nil {
		d.w.t.Fatalf("%s: sync: %v", d.name, err)
	}
	return r
}

func (d *device) get(id string) model.Note {
	d.w.t.Helper()
	n, err := d.store.Get(context.Background(), id)
	if err != nil {
		d.w.t.Fatalf("%s: get %s: %v", d.name, id, err)
	}
	return n
}

func (d *device) create(title, body string) model.Note {
	d.w.t.Helper()
	n, err := d.Create(context.Background(), model.Fields{Title: title, Body: body})
	if err != nil {
		d.w.t.Fatalf("%s: create: %v", d.name, err)
	}
	return n
}

// edit changes the note as the user of this device sees it.
func (d *device) edit(id string, change func(*model.Fields)) model.Note {
	d.w.t.Helper()
	n := d.get(id)
	f := n.Fields.Clone()
	change(&f)
	n, err := d.Save(context.Background(), id, n.Fields, f)
	if err != nil {
		d.w.t.Fatalf("%s: save: %v", d.name, err)
	}
	return n
}

func (d *device) status(id string, want model.Status) {
	d.w.t.Helper()
	if got := d.get(id).Status; got != want {
		d.w.t.Errorf("%s: status of %s is %s, want %s", d.name, id, got, want)
	}
}

// texts returns every body that the device can find for a note: the note, its
// history, its conflict.
func (d *device) texts(id string) map[string]bool {
	d.w.t.Helper()
	ctx := context.Background()
	out := map[string]bool{}
	versions, err := d.store.History(ctx, id, 0)
	if err != nil {
		d.w.t.Fatalf("history: %v", err)
	}
	for _, v := range versions {
		out[v.Fields.Body] = true
	}
	if r, ok, err := d.store.Review(ctx, id); err != nil {
		d.w.t.Fatalf("review: %v", err)
	} else if ok {
		out[r.Remote.Fields.Body] = true
	}
	return out
}

func (d *device) events(id string) []string {
	d.w.t.Helper()
	evs, err := d.store.Timeline(context.Background(), id, 0)
	if err != nil {
		d.w.t.Fatalf("timeline: %v", err)
	}
	var out []string
	for _, e := range evs {
		out = append(out, string(e.Name))
	}
	return out
}

func (w *world) open() {
	s, err := sqlite.Open(context.Background(), w.path, sqlite.Options{Now: w.clock.Now, Rand: crand.Reader})
	if err != nil {
		w.t.Fatalf("open server store: %v", err)
	}
	w.store = s
	w.handler.set(server.New(s, server.Options{Now: w.clock.Now, NewID: w.id}))
}

// fault is what a request meets instead of, or after, its answer.
type fault string

const (
	dropBefore fault = "dropped before the server"
	dropAfter  fault = "response dropped after commit"
	twice      fault = "delivered twice"
	err500     fault = "500"
	html200    fault = "a page with 200"
	truncated  fault = "body truncated"
	retry429   fault = "429"
	auth401    fault = "401"
	reject422  fault = "422"
	fail500    fault = "500 in the protocol"
	inFlight   fault = "409 in flight"
)

// faults is a transport that fails as asked.
type faults struct {
	mu   sync.Mutex
	next func(*http.Request) fault
	seen int
}

func (f *faults) set(next func(*http.Request) fault) {
	f.mu.Lock()
	f.next = next
	f.mu.Unlock()
}

// once meets the next n requests.
func (f *faults) times(n int, kind fault) {
	f.set(func(*http.Request) fault {
		if n <= 0 {
			return ""
		}
		n--
		return kind
	})
}

func (f *faults) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	f.seen++
	kind := fault("")
	if f.next != nil {
		kind = f.next(r)
	}
	f.mu.Unlock()
	return meet(kind, r)
}

// count is how many requests there were.
func (f *faults) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen
}
