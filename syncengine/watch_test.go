package syncengine_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine"
	"stet/syncengine/remote"
)

// deaf is a remote that can only be polled.
type deaf struct{ remote.Remote }

func (deaf) Watch(context.Context, string) error { return remote.ErrUnsupported }

// poker is a remote whose pokes are the test's, and which counts its pulls.
type poker struct {
	remote.Remote
	watched chan string
	poke    chan error
	pulls   atomic.Int64
}

func newPoker(r remote.Remote) *poker {
	return &poker{Remote: r, watched: make(chan string, 100), poke: make(chan error)}
}

func (r *poker) Watch(ctx context.Context, cursor string) error {
	r.watched <- cursor
	select {
	case err := <-r.poke:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *poker) Pull(ctx context.Context, cursor string, limit int) (remote.Page, error) {
	r.pulls.Add(1)
	return r.Remote.Pull(ctx, cursor, limit)
}

// listens waits for a call of Watch and returns its cursor.
func (r *poker) listens(t *testing.T) string {
	t.Helper()
	select {
	case cursor := <-r.watched:
		return cursor
	case <-time.After(15 * time.Second):
		t.Fatal("nobody listens")
		return ""
	}
}

// TestLive: what is saved on one device comes to the other by itself, over real
// HTTP, both polling so rarely that only pokes can bring it.
func TestLive(t *testing.T) {
	a, b, id := two(t, "x")
	e := a.worker(time.Hour)
	start(t, e)
	start(t, b.worker(time.Hour))
	time.Sleep(time.Second) // both listen
	saves := syncengine.NewNotes(e.Waking(a.store), syncengine.NotesOptions{Now: time.Now, NewID: a.w.id, Device: "a"})
	var times []time.Duration
	for i := range 4 {
		n := a.get(id)
		text := n.Fields.Clone()
		text.Body = "save " + string(rune('a'+i))
		if _, err := saves.Save(ctx, id, n.Fields, text); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for b.get(id).Body != text.Body {
			if time.Since(began) > 15*time.Second {
				t.Fatalf("save %d never came", i)
			}
			time.Sleep(time.Millisecond)
		}
		times = append(times, time.Since(began))
		time.Sleep(1100 * time.Millisecond)
	}
	slices.Sort(times)
	t.Logf("saved on one, stored on the other: median %s, worst %s", times[len(times)/2], times[len(times)-1])
	if median := times[len(times)/2]; median > 300*time.Millisecond {
		t.Errorf("median %s, want at most 300 ms", median)
	}
}

func TestPokeBringsARound(t *testing.T) {
	t.Parallel()
	a, b, id := two(t, "x")
	r := newPoker(a.remote())
	start(t, a.workerOf(r, time.Hour))
	first := r.listens(t)
	b.edit(id, func(f *model.Fields) { f.Body = "from b" })
	b.mustSync()
	pulls := r.pulls.Load()
	r.poke <- nil
	if again := r.listens(t); again == first {
		t.Error("it listens at the old place")
	}
	if n := r.pulls.Load() - pulls; a.get(id).Body != "from b" || n != 1 {
		t.Errorf("%q after %d pulls", a.get(id).Body, n)
	}
}

// Our own push comes back as a poke, which brings no pull.
func TestOwnPokeIsNoNews(t *testing.T) {
	t.Parallel()
	a, _, id := two(t, "x")
	r := newPoker(a.remote())
	start(t, a.workerOf(r, time.Hour))
	first := r.listens(t)
	pulls := r.pulls.Load()
	a.edit(id, func(f *model.Fields) { f.Body = "mine" })
	eventually(t, "sent", func() bool { return a.get(id).Status == model.Synced })
	r.poke <- nil
	if again := r.listens(t); again == first {
		t.Error("it listens at the old place")
	}
	time.Sleep(200 * time.Millisecond)
	if n := r.pulls.Load() - pulls; n != 0 {
		t.Errorf("%d pulls", n)
	}
}

// A server that cries wolf is polled, not obeyed.
func TestVainPokesAreFew(t *testing.T) {
	t.Parallel()
	a, _, _ := two(t, "x")
	r := newPoker(a.remote())
	close(r.poke)
	start(t, a.workerOf(r, time.Hour))
	r.listens(t)
	time.Sleep(2 * time.Second)
	if n := r.pulls.Load(); n > 8 {
		t.Errorf("%d pulls in two seconds", n)
	}
}

func TestListeningFails(t *testing.T) {
	for _, c := range []struct {
		name  string
		err   error
		again bool // within 2 s
		round bool
	}{{"offline", remote.ErrOffline, true, false}, {"unsupported", remote.ErrUnsupported, false, false},
		{"resync", &remote.ResyncError{Reason: remote.EpochChanged}, true, true}, {"auth", remote.ErrAuth, true, true},
		{"wait", &remote.RetryError{After: time.Minute, Err: errors.New("slow down")}, false, false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, _, _ := two(t, "x")
			r := newPoker(a.remote())
			start(t, a.workerOf(r, time.Hour))
			r.listens(t)
			pulls := r.pulls.Load()
			r.poke <- c.err
			again := false
			select {
			case <-r.watched:
				again = true
			case <-time.After(2 * time.Second):
			}
			if round := r.pulls.Load() > pulls; again != c.again || round != c.round {
				t.Errorf("listened again %v, round %v", again, round)
			}
		})
	}
}

// While it cannot listen it polls, and while it can it hardly does.
func TestPollsStandIn(t *testing.T) {
	t.Parallel()
	a, b, id := two(t, "x")
	r := newPoker(a.remote())
	start(t, a.workerOf(r, 300*time.Millisecond))
	r.listens(t)
	r.poke <- remote.ErrUnsupported
	b.edit(id, func(f *model.Fields) { f.Body = "from b" })
	b.mustSync()
	eventually(t, "pulled", func() bool { return a.get(id).Body == "from b" })

	c, d, other := two(t, "x")
	live := newPoker(c.remote())
	start(t, c.workerOf(live, 300*time.Millisecond))
	live.listens(t)
	d.edit(other, func(f *model.Fields) { f.Body = "from d" })
	d.mustSync()
	live.poke <- nil
	live.listens(t)
	pulls := live.pulls.Load()
	time.Sleep(time.Second)
	if n := live.pulls.Load() - pulls; n != 0 {
		t.Errorf("%d polls in a second of listening", n)
	}
}

// Refused credentials end the stream; it comes back with the rest.
func TestAuthEndsListening(t *testing.T) {
	t.Parallel()
	a, _, id := two(t, "x")
	r := newPoker(a.remote())
	e := a.workerOf(r, time.Hour)
	start(t, e)
	r.listens(t)
	a.faults.times(1, auth401)
	a.edit(id, func(f *model.Fields) { f.Body = "y" })
	eventually(t, "paused", func() bool { s, _ := a.store.Meta(ctx, "paused"); return s == "auth" })
	select {
	case r.poke <- nil:
		t.Error("it goes on listening")
	case <-time.After(300 * time.Millisecond):
	}
	e.Nudge()
	r.listens(t)
}

func TestOnlyTheHolderListens(t *testing.T) {
	t.Parallel()
	a, _, _ := two(t, "x")
	lease, err := a.store.Lease(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r := newPoker(a.remote())
	start(t, a.workerOf(r, 100*time.Millisecond))
	select {
	case <-r.watched:
		t.Error("it listens without the lease")
	case <-time.After(700 * time.Millisecond):
	}
	if err := lease.Release(); err != nil {
		t.Fatal(err)
	}
	r.listens(t)
}
