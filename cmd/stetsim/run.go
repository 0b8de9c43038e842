package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"stet/syncengine/sim"
)

// clocksEvery is how often a schedule is also run with right and wrong clocks,
// to show that they decide nothing.
const clocksEvery = 50

// every is clocksEvery, or more often where schedules are few.
func (o options) every() uint64 {
	if o.first {
		return 4
	}
	return clocksEvery
}

// maxTold is how many violations are told and shortened; the rest is counted.
const maxTold = 5

// schedules runs o.n schedules and reports.
func schedules(w io.Writer, o options) error {
	if o.verbose && o.n == 1 {
		return one(w, sim.Draw(o.seed), o)
	}
	began := time.Now()
	t, err := runAll(o)
	if err != nil {
		return err
	}
	took := time.Since(began)
	broken := slices.Sorted(maps.Keys(t.broken))
	for _, i := range broken[:min(len(broken), maxTold)] {
		tell(w, o, o.seed+uint64(i), t.broken[i])
	}
	ran, hash := 0, fnv.New64a()
	for i, done := range t.done {
		if done {
			ran++
			_ = binary.Write(hash, binary.LittleEndian, t.traces[i]) // a hash takes all
		}
	}
	fmt.Fprintf(w, "%d schedules in %.1f s, %.0f a second and core\n", ran, took.Seconds(),
		float64(ran)/took.Seconds()/float64(max(1, min(o.workers, o.n))))
	proved := true
	if o.proof && !t.interrupted {
		if proved, err = proofs(w, o, t, ran); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "schedules %d seed %d violations %d trace %016x\n", ran, o.seed, len(broken), hash.Sum64())
	switch {
	case len(broken) > 0 || !proved:
		return errBroken
	case t.interrupted:
		return fmt.Errorf("interrupted after %d of %d schedules", ran, o.n)
	}
	return nil
}

// check runs a script, and now and then the same with other clocks.
func check(s sim.Script, every uint64, o sim.Options) sim.Result {
	res := sim.Run(s, o)
	if res.Violation == nil && s.Seed%every == 0 {
		res.Violation = sim.CheckClocks(s, o)
	}
	return res
}

// tally is what runs of many seeds came to; the run of seed+i is at i. It stays
// small: a million runs are a few megabytes.
type tally struct {
	sync.Mutex
	traces []uint64
	done   []bool
	broken map[int]*sim.Violation
	hits   map[string]int // how often each kind was met, in all runs together
	cycles int            // the most that a run needed until all was drained
	// interrupted says that the user ended it before all were run.
	interrupted bool
}

func (t *tally) add(i int, res sim.Result) {
	t.Lock()
	defer t.Unlock()
	t.traces[i], t.done[i] = res.Trace, true
	if res.Violation != nil {
		t.broken[i] = res.Violation
	}
	for k, n := range res.Hits {
		t.hits[k] += n
	}
	t.cycles = max(t.cycles, res.Hits[sim.Cycles])
}

// runAll checks all seeds, several at a time, and says now and then how far it
// is where somebody watches. It ends early at the first violation with -first,
// when -limit is over, and when the program is told to end; what has begun is
// finished, so that nothing is left behind.
func runAll(o options) (*tally, error) {
	t := &tally{traces: make([]uint64, o.n), done: make([]bool, o.n), broken: map[int]*sim.Violation{}, hits: map[string]int{}}
	var next atomic.Int64
	var stop atomic.Bool
	if o.limit > 0 {
		defer time.AfterFunc(o.limit, func() { stop.Store(true) }).Stop()
	}
	told, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer release()
	defer context.AfterFunc(told, func() {
		stop.Store(true)
		release() // who asks a second time need not wait
	})()
	defer progress(o, &next)()
	var all sync.WaitGroup
	errs := make([]error, max(1, o.workers))
	for n := range errs {
		all.Go(func() {
			errs[n] = work(o, t, &next, &stop)
			if errs[n] != nil {
				stop.Store(true) // schedules are missing
			}
		})
	}
	all.Wait()
	t.interrupted = told.Err() != nil && next.Load() < int64(o.n)
	return t, errors.Join(errs...)
}

// work has a worker of its own check one seed after another.
func work(o options, t *tally, next *atomic.Int64, stop *atomic.Bool) (err error) {
	by, err := newWorker(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, by.close()) }()
	for !stop.Load() {
		i := int(next.Add(1)) - 1
		if i >= o.n {
			return nil
		}
		res, err := by.check(o.seed + uint64(i))
		if err != nil {
			return err
		}
		t.add(i, res)
		if res.Violation != nil && o.first {
			stop.Store(true)
		}
	}
	return nil
}

// progress tells on a terminal how many schedules have begun, until the function
// that it returns is called.
func progress(o options, begun *atomic.Int64) (end func()) {
	if info, err := os.Stderr.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return func() {}
	}
	ticker, quit := time.NewTicker(time.Second), make(chan struct{})
	go func() {
		for {
			select {
			case <-ticker.C:
				fmt.Fprintf(os.Stderr, "\r%d of %d schedules ", min(begun.Load(), int64(o.n)), o.n)
			case <-quit:
				return
			}
		}
	}()
	return func() {
		ticker.Stop()
		close(quit)
		fmt.Fprint(os.Stderr, "\r")
	}
}

// tell prints a violation with all that is needed to meet it again.
func tell(w io.Writer, o options, seed uint64, v *sim.Violation) {
	fmt.Fprintf(w, "seed %d commit %s: %v\n", seed, commit(), v)
	if o.first {
		return
	}
	s := sim.Minimise(sim.Draw(seed), sim.Options{Dir: o.dir}, time.Now().Add(30*time.Second))
	for i, step := range s.Steps {
		fmt.Fprintf(w, "  %3d d%d %s\n", i, step.Device%s.Config.Devices, step.Do)
	}
	if again := sim.Run(s, sim.Options{Dir: o.dir}).Violation; again != nil {
		fmt.Fprintf(w, "  shortened: %v\n", again)
	}
	path := filepath.Join(os.TempDir(), fmt.Sprintf("stetsim-%d.json", seed))
	data, err := json.MarshalIndent(s, "", " ")
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		fmt.Fprintf(w, "  its script could not be kept: %v\n", err)
		return
	}
	fmt.Fprintf(w, "  script %s; go run -tags sqlite_fts5 ./cmd/stetsim -v -script %s\n", path, path)
}

// commit names the source, where git can.
func commit() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// In a gate's number of schedules each kind of fault and rare state must have
// been met this often.
const (
	gate  = 5000
	often = 10
)

// repeated is how many schedules are run a second time to show that a seed
// decides everything.
const repeated = 200

// proofs prints the lines of the table of proofs. It reports whether the same
// seeds did the same again, and the gate's number of schedules met every kind of
// fault often enough.
func proofs(w io.Writer, o options, t *tally, ran int) (proved bool, err error) {
	fmt.Fprintf(w, "proof G1 | simulated schedules, all faults, I-1 to I-22 | %d schedules: %d violations | 5000\n", ran, len(t.broken))
	again := o
	again.n = min(o.n, repeated)
	differ := 0
	second, err := runAll(again)
	if err != nil {
		return false, err
	}
	if second.interrupted {
		return false, errors.New("interrupted while seeds were run again")
	}
	for i, trace := range second.traces {
		if second.done[i] && t.done[i] && trace != t.traces[i] {
			differ++
		}
	}
	fmt.Fprintf(w, "proof G3 | seeds run twice, equal trace | %d seeds: %d differ | 200\n", again.n, differ)
	rarest, least := "", 1<<62
	kinds := sim.Kinds()
	for _, k := range kinds {
		if t.hits[k] < least {
			rarest, least = k, t.hits[k]
		}
	}
	rare := o.n >= gate && least < often
	if rare {
		fmt.Fprintf(w, "%s was met %d times only\n", rarest, least)
	}
	fmt.Fprintf(w, "proof G5 | each kind of fault and rare state met | %d kinds, the rarest (%s) %d times | 10\n", len(kinds), rarest, least)
	fmt.Fprintf(w, "proof G11 | after the faults stop: outboxes empty, dumps equal | all of %d schedules, at most %d rounds | 10\n", ran, t.cycles)
	return differ == 0 && !rare, nil
}
