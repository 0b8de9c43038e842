package syncengine

import (
	"context"
	"errors"
	"time"

	"stet/syncengine/remote"
	"stet/syncengine/store"
)

// Times of listening to the server.
const (
	// quietEvery is how often the server is asked while it tells of changes by
	// itself: no promise of it is trusted for longer.
	quietEvery = time.Minute
	// trusted is how long listening must have gone well before polls get rare.
	trusted = 20 * time.Second
	// deafFor is how long a server is only polled that cannot tell.
	deafFor = 10 * time.Minute
	// vainTime: a poke so soon after we began to listen, at the place of the last
	// one, tells of nothing that a round could fetch.
	vainTime = time.Second
)

// ear listens to the server, one call of remote.Watch at a time. All calls get
// one context, so that a driver can keep its connection.
type ear struct {
	heard    chan error // what a call returned
	ctx      context.Context
	cancel   context.CancelFunc
	busy     bool      // a call is under way, or its result waits in heard
	cursor   string    // what the call was made with
	asked    time.Time // when it was made
	since    time.Time // since when listening goes well; zero if it does not
	proven   bool      // and a poke came
	poked    string    // cursor at the last poke
	failures int       // in a row
	again    time.Time // not before
}

func newEar() *ear { return &ear{heard: make(chan error, 1)} }

// stop ends the call under way and waits for its end. Listening may begin anew.
func (e *ear) stop() {
	if e.cancel == nil {
		return
	}
	e.cancel()
	e.cancel = nil
	if e.busy {
		<-e.heard
	}
	e.busy, e.since, e.proven = false, time.Time{}, false
}

// listen begins to wait for the server's word, if that is due. Only who holds
// the lease and has just been in touch with the server does.
func (w *worker) listen(ctx context.Context) error {
	if w.ear.busy || w.lease == nil || !w.reached {
		return nil
	}
	if wait := w.ear.again.Sub(w.now()); wait > 0 && wait <= maxRetryAfter { // more: the clock went back
		return nil
	}
	cursor, err := w.cursor(ctx)
	if err != nil || cursor == "" {
		return err
	}
	if w.ear.cancel == nil {
		w.ear.ctx, w.ear.cancel = context.WithCancel(ctx)
	}
	w.ear.busy, w.ear.cursor, w.ear.asked = true, cursor, w.now()
	if w.ear.since.IsZero() {
		w.ear.since = w.ear.asked
	}
	go func(ctx context.Context, heard chan<- error) { heard <- w.remote.Watch(ctx, cursor) }(w.ear.ctx, w.ear.heard)
	return nil
}

// hear takes what a call returned: a poke brings a round, unless our own pushes
// have brought us to where it points.
func (w *worker) hear(ctx context.Context, result error) error {
	w.ear.busy = false
	if result != nil {
		w.deaf(result)
		return nil
	}
	cursor, err := w.cursor(ctx)
	if err != nil || cursor != w.ear.cursor {
		return err // the next call tells whether there is more
	}
	now := w.now()
	if cursor == w.ear.poked && now.Sub(w.ear.asked) < vainTime {
		w.deaf(errVain)
		return nil
	}
	w.ear.poked, w.ear.proven, w.ear.failures = cursor, true, 0
	if w.failures > 0 { // the server is there, but not well
		now = now.Add(w.offline(1))
	}
	w.sooner(now)
	return nil
}

var errVain = errors.New("the server tells of changes and has none")

// deaf plans what follows when listening failed: polls go on, and after a while
// it is tried again.
func (w *worker) deaf(err error) {
	now := w.now()
	w.ear.since, w.ear.proven = time.Time{}, false
	w.ear.failures++
	wait := w.offline(w.ear.failures)
	var retry *remote.RetryError
	var lost *remote.ResyncError
	switch {
	case errors.Is(err, remote.ErrUnsupported):
		wait = deafFor
	case errors.As(err, &retry):
		wait = max(wait, min(retry.After, maxRetryAfter))
	case errors.As(err, &lost), errors.Is(err, remote.ErrAuth), errors.Is(err, remote.ErrForbidden):
		if w.ear.failures == 1 {
			w.sooner(now) // a round finds out what it means
		}
	}
	w.ear.again = now.Add(wait)
	w.sooner(now.Add(w.every))
}

// sooner brings the next round forward.
func (w *worker) sooner(at time.Time) {
	if at.Before(w.due) {
		w.due = at
	}
}

// pollEvery is the pause between polls: short, unless the server tells of
// changes by itself.
func (w *worker) pollEvery() time.Duration {
	if w.ear.proven || !w.ear.since.IsZero() && w.now().Sub(w.ear.since) >= trusted {
		return max(w.every, quietEvery)
	}
	return w.every
}

// waking is a store whose writes wake a worker.
type waking struct {
	store.Store
	wakes chan<- struct{}
}

// Waking returns s, which is the engine's store or leads to it, for the actions
// of the process that runs the engine: Run sees what is written through it at
// once, and not when it next looks.
func (e *Engine) Waking(s store.Store) store.Store { return waking{s, e.wakes} }

// Write implements store.Store.
func (s waking) Write(ctx context.Context, f func(store.Tx) error) error {
	err := s.Store.Write(ctx, f)
	if err == nil {
		select {
		case s.wakes <- struct{}{}:
		default:
		}
	}
	return err
}
