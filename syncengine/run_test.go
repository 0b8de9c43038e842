package syncengine_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine"
	"stet/syncengine/remote"
	"stet/syncengine/remote/kinto"
	"stet/syncengine/remote/mutations"
	"stet/syncengine/remote/native"
)

// remote returns a driver of its own.
func (d *device) remote() remote.Remote {
	d.w.t.Helper()
	var driver remote.Remote
	var err error
	switch d.w.dialect {
	case "kinto":
		driver, err = kinto.New(d.w.url+"/kinto", kinto.Credentials{User: "ana", Password: d.w.token}, kinto.WithTransport(d.faults))
	case "mutations":
		driver, err = mutations.New(d.w.url+"/mutations", d.w.token, d.name, mutations.WithTransport(d.faults))
	default:
		driver, err = native.New(d.w.url, d.w.token, native.WithTransport(d.faults))
	}
	if err != nil {
		d.w.t.Fatal(err)
	}
	return driver
}

// worker returns an engine of the device that runs on real time.
func (d *device) worker(every time.Duration) *syncengine.Engine { return d.workerOf(d.remote(), every) }

func (d *device) workerOf(r remote.Remote, every time.Duration) *syncengine.Engine {
	return syncengine.New(d.store, r, syncengine.Options{Now: time.Now, NewID: d.w.id, Device: d.name, Rand: rand.Float64,
		Changed: d.store.DataVersion, After: time.After, Every: every})
}

// start runs an engine until the test ends.
func start(t *testing.T, e *syncengine.Engine) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("worker: %v", err)
		}
	})
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func TestGuide14SavesGoOutByThemselvesInFewRequests(t *testing.T) {
	a, b, id := two(t, "x")
	start(t, a.worker(time.Hour))
	eventually(t, "first round", func() bool { s, _ := a.store.Meta(ctx, "last_synced"); return s > "2026-11-21T08:01" || s != "" })
	before, began := a.faults.count(), time.Now()
	for i := range 40 {
		a.edit(id, func(f *model.Fields) { f.Body = "typing " + string(rune('a'+i%26)) })
		time.Sleep(10 * time.Millisecond)
	}
	eventually(t, "synced", func() bool { return a.get(id).Status == model.Synced })
	took := time.Since(began) // a busy machine spreads the saves
	if n := a.faults.count() - before; n > 6+4*int(took.Seconds()) {
		t.Errorf("40 saves made %d requests in %v", n, took)
	}
	b.mustSync()
	if x, y := a.get(id).Body, b.get(id).Body; x != y {
		t.Errorf("%q %q", x, y)
	}
}

func TestGuide14WorkerComesBackAfterTheNetwork(t *testing.T) {
	a, _, id := two(t, "x")
	a.faults.times(1<<30, dropBefore)
	e := a.worker(time.Hour)
	start(t, e)
	a.edit(id, func(f *model.Fields) { f.Body = "y" })
	eventually(t, "offline is told", func() bool {
		select {
		case ev := <-e.Events():
			return ev.State == syncengine.StateOffline && errors.Is(ev.Err, remote.ErrOffline)
		default:
			return false
		}
	})
	a.status(id, model.Pending)
	a.faults.set(nil)
	eventually(t, "synced", func() bool { return a.get(id).Status == model.Synced })
}

func TestAskRound(t *testing.T) {
	a, b, id := two(t, "x")
	start(t, a.workerOf(deaf{a.remote()}, time.Hour)) // it hears of b's change by being asked alone
	eventually(t, "lease taken", func() bool {
		l, err := a.store.Lease(ctx)
		if err == nil {
			_ = l.Release()
			time.Sleep(150 * time.Millisecond)
		}
		return errors.Is(err, model.ErrBusy)
	})
	b.edit(id, func(f *model.Fields) { f.Body = "from b" })
	b.mustSync()
	r, err := a.worker(time.Hour).AskRound(ctx, syncengine.RoundOptions{})
	if err != nil || a.get(id).Body != "from b" { // a slow worker's first round may have it already
		t.Errorf("%+v %v", r, err)
	}
	a.faults.times(1, auth401)
	if _, err := a.worker(time.Hour).AskRound(ctx, syncengine.RoundOptions{}); !errors.Is(err, remote.ErrAuth) {
		t.Errorf("error does not come through: %v", err)
	}
}
