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

// Engine is the sync worker of one store and one account. Rounds of one engine
// do not overlap; the lease keeps other processes' engines out.
type Engine struct {
	hand
	store   store.Store
	remote  remote.Remote
	rand    func() float64
	after   func(time.Duration) <-chan time.Time
	changed func(context.Context) (int64, error)
	every   time.Duration
	// strategy decides conflicts; "" is StrategyMerge.
	strategy Strategy
	bell     *bell
	nudges   chan struct{}
	wakes    chan struct{}
}

// Options are an engine's sources of time, ids and chance.
type Options struct {
	Now    func() time.Time
	NewID  func() string // UUIDv7
	Device string        // label of this device
	// Rand returns a number in [0,1), for jitter.
	Rand func() float64
	// After is time.After, or a simulated one.
	After func(time.Duration) <-chan time.Time
	// Changed returns a number that changes whenever any process wrote to the
	// store.
	Changed func(context.Context) (int64, error)
	// Strategy decides what becomes of a note that was changed in two places; ""
	// is StrategyMerge.
	Strategy Strategy
	// Every is how often Run asks the server when nothing happens here; 0 means
	// 5 s.
	Every time.Duration
}

// New returns an engine. It does nothing before Round or Run.
func New(s store.Store, r remote.Remote, o Options) *Engine {
	if o.Every == 0 {
		o.Every = 5 * time.Second
	}
	return &Engine{hand: hand{o.Now, o.NewID, o.Device}, store: s, remote: r, rand: o.Rand, after: o.After,
		changed: o.Changed, every: o.Every, strategy: o.Strategy, bell: newBell(), nudges: make(chan struct{}, 1),
		wakes: make(chan struct{}, 1)}
}

// Events returns the channel of the engine's bell.
func (e *Engine) Events() <-chan Event { return e.bell.ch }

// Nudge asks Run for a round soon. It never blocks.
func (e *Engine) Nudge() {
	select {
	case e.nudges <- struct{}{}:
	default:
	}
}

// Tries of one request, and the time they may take together.
const (
	maxTries = 3
	tryTime  = 10 * time.Second
	tryPause = 300 * time.Millisecond
)

// try runs a request, again when the server could not be reached or asked for
// a short wait, up to three times within ten seconds.
func (e *Engine) try(ctx context.Context, request func() error) error {
	deadline := e.now().Add(tryTime)
	for n := 1; ; n++ {
		err := request()
		if err == nil || n == maxTries || ctx.Err() != nil {
			return err
		}
		wait := time.Duration(float64(tryPause<<(n-1)) * (0.5 + e.rand()/2))
		var retry *remote.RetryError
		switch {
		case errors.As(err, &retry):
			wait = max(wait, retry.After)
		case !errors.Is(err, remote.ErrOffline):
			return err
		}
		if e.now().Add(wait).After(deadline) {
			return err
		}
		select {
		case <-e.after(wait):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// rest lets another process have the store when a long round writes much.
func (e *Engine) rest(ctx context.Context) {
	if y, ok := e.store.(interface{ Yield(context.Context) }); ok {
		y.Yield(ctx)
	}
}

// RoundOptions say how a round treats what it would otherwise put off.
type RoundOptions struct {
	Yes   bool // the user agreed to what the guard holds
	Keep  bool // the user refused it: the notes stay, here and everywhere
	Force bool // send notes in a transient error again whatever their backoff says
	// Full compares every note with the server's list, where the server is one
	// that may lose a change; otherwise that is done once a day.
	Full bool
}

// round is the state of one round.
type round struct {
	force, yes bool
	keep       bool            // answer what the guard holds with the notes here
	stopped    bool            // the round before this one was held
	joining    bool            // the first listing of this server is not complete
	told       bool            // the timeline has that this one is
	freed      int             // deletions and replacements that this round let through
	tried      map[string]bool // ops sent in this round
	pass       map[string]bool // notes that this pass has sent an op of
	last       bool            // this is the last pass
	after      time.Duration   // how long a server under load asked to be left alone
	notice     *string         // what the server wants its users to know; nil if it was not asked
	report     Report
	gauge      gauge
}

func (r *round) count(did outcome) {
	if did == merged {
		r.report.Merged++
	}
}

// maxPasses bounds how often a round repeats push and pull.
const maxPasses = 5

// Round does one full round: push and pull, again until nothing can be sent.
// The caller holds the lease. The report is right also with an error, which
// wraps one of remote's, [ErrHeld], a store's, or the context's. last_synced
// moves when the round finishes.
func (e *Engine) Round(ctx context.Context, o RoundOptions) (Report, error) {
	r := &round{force: o.Force, yes: o.Yes, keep: o.Keep, tried: map[string]bool{}}
	r.gauge.bell = e.bell
	at, err := e.outset(ctx)
	if err == nil {
		err = e.mayAsk(at.retryAfter)
	}
	if err == nil && at.replan != "" { // a change of server was cut short by a crash
		err = e.replan(ctx, e.store)
	}
	if err != nil {
		return e.finish(ctx, r, err)
	}
	r.force, r.stopped = r.force || e.farAway(at.nextTry), at.paused == pausedHeld
	// A device that does not know all yet would be sent its own notes back, and
	// make notes anew that are deleted there; one that was cut off looks for what it
	// sent before it sends more.
	r.joining = at.cursor == "" || at.joining != ""
	if err = e.passes(ctx, r, r.joining || at.taken != ""); err == nil || errors.Is(err, ErrHeld) {
		found, failed := e.takeStock(ctx, r, o.Full)
		switch {
		case failed != nil:
			err = failed
		case found:
			err = e.passes(ctx, r, false)
		}
	}
	return e.finish(ctx, r, err)
}

// outset is what a round finds when it begins: a cursor, marks of rounds
// before, and the time of the next try, zero if nothing waits.
type outset struct {
	retryAfter, replan, paused, taken, joining, cursor string
	nextTry                                            time.Time
}

func (e *Engine) outset(ctx context.Context) (at outset, err error) {
	err = e.store.Read(ctx, func(tx store.Reader) error {
		for _, m := range []struct {
			key   string
			value *string
		}{{store.MetaRetryAfter, &at.retryAfter}, {store.MetaReplan, &at.replan}, {store.MetaPaused, &at.paused}, {store.MetaTaken, &at.taken},
			{store.MetaJoining, &at.joining}} {
			if *m.value, err = tx.Meta(m.key); err != nil {
				return err
			}
		}
		if at.cursor, err = tx.Cursor(); err != nil {
			return err
		}
		at.nextTry, _, err = tx.NextTry()
		return err
	})
	if err != nil {
		return at, fmt.Errorf("begin round: %w", err)
	}
	return at, nil
}

// passes pushes and pulls; first says that a pull comes before anything is
// sent.
func (e *Engine) passes(ctx context.Context, r *round, first bool) error {
	var waits error // the guard holds: all else goes on
	if first {
		if err := e.pull(ctx, r); err != nil {
			return err
		}
	}
	for pass := 1; ; pass++ {
		r.last = pass == maxPasses
		p, err := e.push(ctx, r)
		r.report.Pushed += p.ops
		if lost := (*remote.ResyncError)(nil); errors.As(err, &lost) {
			err = e.beginResync(ctx, lost.Reason)
			p.inStep = false
		}
		if err != nil {
			return err
		}
		if quiet := p.ops == 0 && pass == 1 && first; !quiet && (p.ops == 0 || !p.inStep) {
			if err := e.pull(ctx, r); err != nil {
				return err
			}
		}
		r.pass = nil
		again, err := e.releaseHeldBack(ctx, r)
		if waits = err; err != nil && !errors.Is(err, ErrHeld) {
			return err
		}
		if !again || pass == maxPasses {
			return waits
		}
	}
}

// mayAsk holds requests back until a stored Retry-After has passed.
func (e *Engine) mayAsk(text string) error {
	at, err := model.ParseTime(text)
	if err != nil || at.IsZero() {
		return nil
	}
	wait := at.Sub(e.now())
	if wait <= 0 || wait > maxRetryAfter { // a jump of the clock must not stop sync for good
		return nil
	}
	return &remote.RetryError{After: wait, Err: errors.New("the server asked to wait")}
}

// farAway reports whether a try is further away than any wait is long: the
// clock went back since, and the round sends at once.
func (e *Engine) farAway(try time.Time) bool { return try.Sub(e.now()) > maxRetryAfter }

// maxRetryAfter is the longest wait a server can ask for.
const maxRetryAfter = time.Hour

// finish writes down how the round ended.
func (e *Engine) finish(ctx context.Context, r *round, cause error) (Report, error) {
	held := errors.Is(cause, ErrHeld)
	ended := context.WithoutCancel(ctx)
	err := e.store.Write(ended, func(tx store.Tx) error {
		counts, err := tx.Counts()
		if err != nil {
			return err
		}
		r.report.NeedsReview, r.report.Pending, r.report.Errors = counts.NeedsReview, counts.Pending, counts.Error
		last, err := e.mark(tx, cause, held, r.after)
		if err != nil {
			return err
		}
		if r.report.Notice, err = notice(tx, r.notice); err != nil {
			return err
		}
		if r.report.Pushed+r.report.Pulled > 0 { // a quiet round is no news
			detail := fmt.Sprintf("%d sent, %d fetched, %d merged", r.report.Pushed, r.report.Pulled, r.report.Merged)
			if err := e.log(tx, "", model.EventRound, 0, "", detail); err != nil {
				return err
			}
		}
		r.report.LastSynced, err = model.ParseTime(last)
		return err
	})
	if err != nil {
		return r.report, errors.Join(cause, fmt.Errorf("end round: %w", err))
	}
	r.report.after = r.after
	return r.report, cause
}

// notice keeps what the server said to its users, if it was asked, and returns
// what it said last.
func notice(tx store.Tx, told *string) (string, error) {
	old, err := tx.Meta(store.MetaNotice)
	if err != nil || told == nil || *told == old {
		return old, err
	}
	return *told, tx.SetMeta(store.MetaNotice, *told)
}

// mark writes what a round leaves for the next: when it was, what it waits for.
// A quiet round writes one value; nothing is written twice.
func (e *Engine) mark(tx store.Tx, cause error, held bool, rest time.Duration) (last string, err error) {
	if last, err = tx.Meta(store.MetaLastSynced); err != nil {
		return "", err
	}
	paused, after := "", ""
	var retry *remote.RetryError
	if cause != nil && !held { // a round that proved nothing ends no pause
		if paused, err = tx.Meta(store.MetaPaused); err != nil {
			return "", err
		}
	}
	switch {
	case cause == nil || held:
		last = model.FormatTime(e.time())
		if rest > 0 {
			after = model.FormatTime(e.time().Add(min(rest, maxRetryAfter)))
		}
		if held {
			paused = pausedHeld
		}
	case errors.Is(cause, remote.ErrAuth), errors.Is(cause, remote.ErrForbidden):
		paused = "auth"
	case errors.As(cause, &retry):
		wait := retry.After
		if wait <= 0 {
			wait = e.backoff(1)
		}
		after = model.FormatTime(e.time().Add(min(wait, maxRetryAfter)))
	}
	for _, m := range []struct{ key, value string }{{store.MetaLastSynced, last}, {store.MetaPaused, paused}, {store.MetaRetryAfter, after}} {
		old, err := tx.Meta(m.key)
		if err != nil {
			return "", err
		}
		if old == m.value {
			continue
		}
		if err := tx.SetMeta(m.key, m.value); err != nil {
			return "", err
		}
		if m.key == store.MetaPaused && m.value != "" {
			if err := e.log(tx, "", model.EventPaused, 0, "", m.value); err != nil {
				return "", err
			}
		}
	}
	return last, nil
}
