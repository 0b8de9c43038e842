package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"stet/model"
	"stet/syncengine"
	"stet/syncengine/remote"
	"stet/ui/screen"
)

// syncPort is what the screens need of the sync worker. It turns the engine's
// bell into the screens' and, where there is no server, rings when another
// process wrote.
type syncPort struct {
	device  *device
	engine  *syncengine.Engine // nil if not connected
	problem string             // why not, if there is a reason to tell
	ring    chan screen.Ring

	mu sync.Mutex
}

var (
	_ screen.Sync    = (*syncPort)(nil)
	_ screen.Consent = (*syncPort)(nil)
)

func newSyncPort(d *device, e *syncengine.Engine, problem string) *syncPort {
	return &syncPort{device: d, engine: e, problem: problem, ring: make(chan screen.Ring, 1)}
}

// Account tells the connection's state.
func (p *syncPort) Account(ctx context.Context) (model.Account, error) {
	s, err := p.device.status(ctx)
	if err != nil {
		return model.Account{}, err
	}
	a := model.Account{Device: s.Device}
	for _, f := range []struct {
		from *string
		to   *string
	}{{s.Server, &a.Server}, {s.Protocol, &a.Protocol}, {s.PausedReason, &a.Paused}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	a.Paused, a.Held, a.Undoable = pausedSentence(a.Paused), s.Held, s.Undoable
	if s.LastSynced != nil {
		a.LastSynced, err = model.ParseTime(*s.LastSynced)
	}
	return a, err
}

// SyncNow asks for a round soon.
func (p *syncPort) SyncNow() {
	if p.engine != nil {
		p.engine.Nudge()
	}
}

// Bell is the screens' bell.
func (p *syncPort) Bell() <-chan screen.Ring { return p.ring }

// lookEvery is how often a device without a server looks for writes of other
// processes.
const lookEvery = 250 * time.Millisecond

// lookRunning is how often the screens look at the notes while a round runs.
const lookRunning = 150 * time.Millisecond

// run works until ctx ends.
func (p *syncPort) run(ctx context.Context) error {
	if p.engine == nil {
		return p.look(ctx)
	}
	done := make(chan error, 1)
	go func() { done <- p.engine.Run(ctx) }()
	var last screen.Ring
	for {
		var look <-chan time.Time
		if last.Online == screen.Running {
			look = time.After(lookRunning)
		}
		select {
		case ev := <-p.engine.Events():
			last = ringOf(ev)
			p.tell(last)
		case <-look: // notes are being sent: their badges change though no note does
			last.Notes = true
			p.tell(last)
		case err := <-done:
			if err == nil || ctx.Err() != nil {
				return nil
			}
			// The notes can still be read and written; the screens say that sync ended.
			p.tell(screen.Ring{Notes: true, Online: screen.Paused, Problem: "Sync ended: " + err.Error()})
			return p.look(ctx)
		}
	}
}

// look rings when the store changed.
func (p *syncPort) look(ctx context.Context) error {
	online := screen.NotConnected
	if p.problem != "" {
		online = screen.SignIn
	}
	if p.engine != nil {
		online = screen.Paused
	}
	p.tell(screen.Ring{Online: online, Problem: p.problem})
	var seen int64
	for first := true; ; first = false {
		at, err := p.device.store.DataVersion(ctx)
		if err == nil && at != seen {
			seen = at
			if !first {
				p.tell(screen.Ring{Notes: true, Online: online, Problem: p.problem})
			}
		}
		if sleep(ctx, lookEvery) != nil {
			return nil
		}
	}
}

// tell rings, merging with a ring that nobody heard yet.
func (p *syncPort) tell(r screen.Ring) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case unheard := <-p.ring:
		r.Notes = r.Notes || unheard.Notes
	default:
	}
	p.ring <- r
}

// ringOf translates the worker's event.
func ringOf(ev syncengine.Event) screen.Ring {
	r := screen.Ring{Notes: ev.Notes, Done: ev.Done, Total: ev.Total}
	switch ev.State {
	case syncengine.StateIdle, syncengine.StateWaiting:
		r.Online, r.Problem = screen.Idle, serverSays(ev.Report.Notice)
	case syncengine.StateRunning:
		r.Online, r.Problem = screen.Running, serverSays(ev.Report.Notice)
	case syncengine.StateOffline:
		r.Online, r.Problem = screen.Offline, offlineProblem(ev.Err)
	case syncengine.StateAuth:
		r.Online, r.Problem = screen.SignIn, pausedSentence("auth")
	case syncengine.StateHeld:
		r.Online, r.Problem = screen.Paused, pausedSentence("held")
	}
	return r
}

// serverSays is what the server wants its users to know.
func serverSays(notice string) string {
	if notice == "" {
		return ""
	}
	return "The server says: " + notice
}

func offlineProblem(err error) string {
	var retry *remote.RetryError
	if errors.As(err, &retry) || errors.Is(err, remote.ErrServer) {
		return "Can't sync right now. Your changes are safe."
	}
	return "The server cannot be reached. Your changes are safe."
}
