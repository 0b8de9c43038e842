package syncengine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/store"
)

// Times of the worker.
const (
	startPause = 150 * time.Millisecond // the first screen is drawn before the first round
	lookEvery  = 40 * time.Millisecond  // how often it looks for writes of other processes
	saveGap    = time.Second            // a save after this quiet is sent at once, later ones at most so often
	leaseEvery = time.Second            // how often it tries for a lease that another process holds
	offlineMin = time.Second
	offlineMax = time.Minute
)

// Run syncs until ctx ends: at the start, after saves (at most once a second),
// when the server tells of something new, when nudged, when another process
// asks, from time to time, and with backoff after the server could not be
// reached. While another process holds the lease it only rings when rows
// change. It returns nil when ctx ends, or the store's error.
func (e *Engine) Run(ctx context.Context) error {
	w := &worker{Engine: e, due: e.now().Add(startPause), ear: newEar()}
	defer w.release()
	defer w.ear.stop()
	for {
		err := w.look(ctx)
		if err == nil {
			err = w.listen(ctx)
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("sync worker: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-e.nudges:
			w.due, w.forced = e.now(), true
		case <-e.wakes:
		case err := <-w.ear.heard:
			if err := w.hear(ctx, err); err != nil && ctx.Err() == nil {
				return fmt.Errorf("sync worker: %w", err)
			}
		case <-e.after(lookEvery):
		}
	}
}

// worker is the state of one Run.
type worker struct {
	*Engine
	lease    store.Lease
	leaseTry time.Time // not before
	seen     int64     // the store's change number at the last look
	due      time.Time // when the next round is due
	forced   bool
	saves    bool      // something waits to be sent
	sent     time.Time // when the last round began that was to send something
	failures int       // rounds in a row that did not reach the server
	state    State
	heard    bool // another process may have asked for a round
	reached  bool // the last round reached the server
	ear      *ear
}

func (w *worker) release() {
	if w.lease != nil {
		_ = w.lease.Release() // the process may be ending; the lock goes with it
	}
}

// look notices what changed and runs a round when one is due.
func (w *worker) look(ctx context.Context) error {
	changed, err := w.changed(ctx)
	if err != nil {
		return err
	}
	if changed != w.seen {
		w.seen = changed
		w.bell.ring(func(ev *Event) { ev.Notes = true })
		if err := w.plan(ctx); err != nil {
			return err
		}
		w.heard = true
	}
	asked := ""
	if w.heard { // only a write can bring a request
		if asked, err = w.asked(ctx); err != nil {
			return err
		}
		w.heard = asked != ""
	}
	if now := w.now(); w.due.Sub(now) > max(w.every, maxRetryAfter) {
		w.due = now // the clock went back
	}
	if asked == "" && w.now().Before(w.due) {
		return nil
	}
	if !w.hold(ctx) {
		return nil
	}
	return w.round(ctx, asked)
}

// plan brings the next round forward when there is something to send.
func (w *worker) plan(ctx context.Context) error {
	var at time.Time
	var waiting bool
	err := w.store.Read(ctx, func(tx store.Reader) (err error) {
		at, waiting, err = tx.NextTry()
		return err
	})
	if err != nil || !waiting || w.state == StateAuth || w.failures > 0 {
		return err // offline and refused rounds have their own times
	}
	w.saves = true
	if quiet := w.sent.Add(saveGap); at.Before(quiet) && !w.sent.After(w.now()) { // or the clock went back
		at = quiet
	}
	w.sooner(at)
	return nil
}

// hold takes the lease if it is to be had.
func (w *worker) hold(ctx context.Context) bool {
	if w.lease != nil {
		return true
	}
	if w.now().Before(w.leaseTry) {
		return false
	}
	w.leaseTry = w.now().Add(leaseEvery)
	lease, err := w.store.Lease(ctx)
	if err != nil {
		w.tell(StateWaiting, Report{}, nil)
		return false
	}
	w.lease = lease
	return true
}

// round runs one round and plans the next.
func (w *worker) round(ctx context.Context, asked string) error {
	opts := RoundOptions{Force: w.forced || asked != ""}
	opts.Yes, opts.Keep, opts.Full = w.consented(ctx, asked)
	if w.forced = false; w.saves {
		w.saves, w.sent = false, w.now()
	}
	if w.failures == 0 {
		w.bell.ring(func(ev *Event) { ev.State = StateRunning })
	}
	report, err := w.Round(ctx, opts)
	if ctx.Err() != nil {
		return nil
	}
	if asked != "" {
		if aerr := w.answer(ctx, asked, report, err); aerr != nil {
			return aerr
		}
	}
	if broken(err) {
		return err
	}
	// What was saved meanwhile shows at the next look, which plans for it.
	w.next(report, err)
	return nil
}

// broken reports whether the store itself failed, which no waiting mends.
func broken(err error) bool {
	return errors.Is(err, model.ErrCorrupt) || errors.Is(err, model.ErrReadOnly) || errors.Is(err, model.ErrNewerSchema)
}

// next sets the time of the next round from how this one went.
func (w *worker) next(report Report, err error) {
	var retry *remote.RetryError
	state, wait := StateIdle, w.pollEvery()
	back := w.failures > 0
	w.reached = err == nil || errors.Is(err, ErrHeld)
	switch {
	case err == nil:
		w.failures, wait = 0, max(wait, min(report.after, maxRetryAfter))
	case w.reached:
		w.failures, state = 0, StateHeld
	case errors.Is(err, remote.ErrAuth), errors.Is(err, remote.ErrForbidden):
		w.failures, state, wait = 0, StateAuth, offlineMax
		w.ear.stop() // what was let in with these credentials
	default:
		w.failures++
		state, wait = StateOffline, w.offline(w.failures)
		if errors.As(err, &retry) {
			wait = max(wait, min(retry.After, maxRetryAfter))
		}
	}
	if back && w.reached {
		w.ear.failures, w.ear.again = 0, time.Time{}
	}
	w.due = w.now().Add(wait)
	w.tell(state, report, err)
}

// offline is the wait after so many failures in a row, with jitter.
func (w *worker) offline(failures int) time.Duration {
	d := offlineMax
	if failures < 7 {
		d = offlineMin << (failures - 1)
	}
	return d/2 + time.Duration(w.rand()*float64(d)/2)
}

func (w *worker) tell(state State, report Report, err error) {
	w.state = state
	w.bell.ring(func(ev *Event) {
		ev.State, ev.Report, ev.Err, ev.Done, ev.Total = state, report, err, 0, 0
		ev.Notes = true
	})
}
