package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
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
	results := runAll(o)
	took := time.Since(began)
	var broken []uint64
	hash := fnv.New64a()
	hits := map[string]int{}
	ran := 0
	for i, res := range results {
		if res == nil {
			continue
		}
		ran++
		_ = binary.Write(hash, binary.LittleEndian, res.Trace) // a hash takes all
		for k, n := range res.Hits {
			hits[k] += n
		}
		if res.Violation != nil {
			broken = append(broken, o.seed+uint64(i))
			if len(broken) <= maxTold {
				tell(w, o, o.seed+uint64(i), res.Violation)
			}
		}
	}
	fmt.Fprintf(w, "%d schedules in %.1f s, %.0f a second and core\n", ran, took.Seconds(),
		float64(ran)/took.Seconds()/float64(max(1, min(o.workers, o.n))))
	proved := !o.proof || proofs(w, o, results, ran, len(broken), hits)
	fmt.Fprintf(w, "schedules %d seed %d violations %d trace %016x\n", ran, o.seed, len(broken), hash.Sum64())
	if len(broken) > 0 || !proved {
		return errBroken
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

// runAll checks all seeds, several at a time; the result of seed+i is at i, nil
// if it was not run.
func runAll(o options) []*sim.Result {
	out := make([]*sim.Result, o.n)
	var next atomic.Int64
	var stop atomic.Bool
	var all sync.WaitGroup
	for range max(1, o.workers) {
		all.Go(func() {
			with := sim.Options{Dir: o.dir}
			if pool, err := sim.NewPool(o.dir); err == nil { // without one each run makes its own, or tells why it cannot
				defer pool.Close()
				with.Pool = pool
			}
			for !stop.Load() {
				i := int(next.Add(1)) - 1
				if i >= o.n {
					return
				}
				res := check(sim.Draw(o.seed+uint64(i)), o.every(), with)
				out[i] = &res
				if res.Violation != nil && o.first {
					stop.Store(true)
				}
			}
		})
	}
	all.Wait()
	return out
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
func proofs(w io.Writer, o options, results []*sim.Result, ran, broken int, hits map[string]int) bool {
	fmt.Fprintf(w, "proof G1 | simulated schedules, all faults, I-1 to I-22 | %d schedules: %d violations | 5000\n", ran, broken)
	again := o
	again.n = min(o.n, repeated)
	differ := 0
	for i, res := range runAll(again) {
		if res == nil || results[i] == nil || res.Trace != results[i].Trace {
			differ++
		}
	}
	fmt.Fprintf(w, "proof G3 | seeds run twice, equal trace | %d seeds: %d differ | 200\n", again.n, differ)
	rarest, least := "", 1<<62
	kinds := sim.Kinds()
	for _, k := range kinds {
		if hits[k] < least {
			rarest, least = k, hits[k]
		}
	}
	rare := o.n >= gate && least < often
	if rare {
		fmt.Fprintf(w, "%s was met %d times only\n", rarest, least)
	}
	fmt.Fprintf(w, "proof G5 | each kind of fault and rare state met | %d kinds, the rarest (%s) %d times | 10\n", len(kinds), rarest, least)
	fmt.Fprintf(w, "proof G11 | after the faults stop: outboxes empty, dumps equal | all of %d schedules, at most %d rounds | 10\n", ran,
		most(results, "cycles to drain"))
	return differ == 0 && !rare
}

func most(results []*sim.Result, what string) int {
	n := 0
	for _, res := range results {
		if res != nil {
			n = max(n, res.Hits[what])
		}
	}
	return n
}
