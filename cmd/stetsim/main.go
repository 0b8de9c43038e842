// Command stetsim runs simulated schedules of stet and checks its invariants;
// see package sim. It needs the source tree only for -mutants.
//
//	stetsim -n 5000 -seed 1      5,000 schedules, seeds 1 to 5000
//	stetsim -n 1 -seed 317 -v    one schedule, told step by step
//	stetsim -script FILE         a script that a failure left behind
//	stetsim -mutants             seeded bugs: every one must be caught
//
// The last line of a run is "schedules N seed S violations V trace HASH". It
// exits 1 if V is not 0, if a mutant was missed, or if it was interrupted.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"stet/syncengine/sim"
)

type options struct {
	n       int
	seed    uint64
	verbose bool
	script  string
	mutants bool
	only    string
	rare    bool
	proof   bool
	first   bool // stop at the first violation
	workers int
	budget  int
	limit   time.Duration
	pick    int
	dir     string
	program string // this one, which workers are started from
	child   bool   // this is such a worker
}

func main() {
	var o options
	flag.IntVar(&o.n, "n", 5000, "how many schedules")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the first; the others follow")
	flag.BoolVar(&o.verbose, "v", false, "tell each step")
	flag.StringVar(&o.script, "script", "", "run the script in this file")
	flag.BoolVar(&o.mutants, "mutants", false, "build and run each seeded bug")
	flag.StringVar(&o.only, "only", "", "with -mutants: those whose name contains this")
	flag.BoolVar(&o.rare, "rare", false, "with -mutants: those that are hardly ever met")
	flag.BoolVar(&o.proof, "proof", false, "also print the lines of the table of proofs")
	flag.BoolVar(&o.first, "first", false, "stop at the first violation, do not shorten it")
	flag.IntVar(&o.workers, "workers", runtime.GOMAXPROCS(0), "schedules at a time")
	flag.IntVar(&o.budget, "budget", 20000, "with -mutants: schedules that each bug may need")
	flag.IntVar(&o.pick, "pick", 0, "with -mutants: only so many, spread over the list; 0 means all")
	flag.DurationVar(&o.limit, "limit", 0, "begin no schedule after this time; 0 means no limit")
	flag.BoolVar(&o.child, "child", false, "for its own use: check the seeds that are read")
	flag.Parse()
	o.dir = sim.Scratch()
	program, err := os.Executable()
	if err == nil {
		o.program, err = program, tune(o)
	}
	switch {
	case err != nil:
	case o.child:
		signal.Ignore(syscall.SIGPIPE, os.Interrupt, syscall.SIGTERM) // who started this is gone, or ends it: clean up and end
		err = serve(os.Stdin, os.Stdout, o)
	case o.mutants:
		err = mutants(os.Stdout, o)
	case o.script != "":
		err = replay(os.Stdout, o)
	default:
		err = schedules(os.Stdout, o)
	}
	if err != nil {
		if !errors.Is(err, errBroken) {
			fmt.Fprintln(os.Stderr, "stetsim:", err)
		}
		os.Exit(1)
	}
}

// tune gives each worker one core, so that a schedule's goroutines take turns
// on it and wake no other, and lets garbage lie longer than a program should
// that keeps anything: little of what a schedule makes outlives it.
func tune(o options) error {
	runtime.GOMAXPROCS(max(1, o.workers))
	debug.SetGCPercent(garbage)
	return keepMemory()
}

// garbage is how much more than what is kept may lie about, in percent.
const garbage = 1000

// errBroken says that what had to be said is said.
var errBroken = errors.New("an invariant is broken")

func replay(w io.Writer, o options) error {
	data, err := os.ReadFile(o.script)
	if err != nil {
		return fmt.Errorf("read script: %w", err)
	}
	var s sim.Script
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("read script %s: %w", o.script, err)
	}
	return one(w, s, o)
}

// one runs one script and tells it.
func one(w io.Writer, s sim.Script, o options) error {
	opts := sim.Options{Dir: o.dir}
	if o.verbose {
		opts.Tell = func(line string) { fmt.Fprintln(w, line) }
	}
	res := sim.Run(s, opts)
	v := 0
	if res.Violation != nil {
		v = 1
		fmt.Fprintln(w, res.Violation)
	}
	fmt.Fprintf(w, "schedules 1 seed %d violations %d trace %016x\n", s.Seed, v, res.Trace)
	if v > 0 {
		return errBroken
	}
	return nil
}
