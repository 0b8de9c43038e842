package sim

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// world is one run of a script.
type world struct {
	script  Script
	dir     string
	now     time.Time // true time; devices and servers are off by their skew
	rng     *rand.Rand
	ids     int
	step    int
	calm    bool // the second phase: no faults, no crashes, nobody interferes
	depth   int  // how deep actions are nested
	servers []*host
	devices []*device
	late    []lateRequest
	on      int            // the spell of habit under way; 0 for none
	notes   map[int]string // the note of each spell
	ill     illness        // the fault that the step under way brings with it
	people  people
	trace   trace
	pool    *Pool
	failed  *Violation
	hits    map[string]int // how often each kind of fault and rare state was met
}

// Violation is a broken invariant.
type Violation struct {
	Invariant string // I-1 to I-22, or "error" for what must not happen at all
	What      string
	Step      int // index of the script's step, len(steps) for the end
}

func (v *Violation) Error() string {
	return fmt.Sprintf("%s at step %d: %s", v.Invariant, v.Step, v.What)
}

// stop unwinds a run after a violation.
type stop struct{}

// violate ends the run. Handlers catch panics, so it is also remembered.
func (w *world) violate(invariant, format string, args ...any) {
	if w.failed == nil {
		w.failed = &Violation{Invariant: invariant, What: fmt.Sprintf(format, args...), Step: w.step}
	}
	panic(stop{})
}

// must ends the run when the simulation itself cannot go on.
func (w *world) must(doing string, err error) {
	if err != nil {
		w.violate("error", "%s: %v", doing, err)
	}
}

var ctx = context.Background()

// newID makes ids that sort by time, as UUIDv7 do.
func (w *world) newID() string {
	w.ids++
	return fmt.Sprintf("0192f000-0000-7000-8000-%012x", w.ids)
}

func (w *world) chance(p float64) bool { return p > 0 && w.rng.Float64() < p }

// often is chance outside the calm phase.
func (w *world) often(p float64) bool { return !w.calm && w.chance(p) }

func (w *world) meet(what string) { w.hits[what]++ }

// trace is a running hash of all that happened.
type trace struct {
	sum  uint64
	tell func(string)
}

func (t *trace) add(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if t.tell != nil {
		t.tell(line)
	}
	h := fnv.New64a()
	var b [8]byte
	for i := range b {
		b[i] = byte(t.sum >> (8 * i))
	}
	_, _ = h.Write(b[:])
	_, _ = h.Write([]byte(line))
	t.sum = h.Sum64()
}

// Result is how a run went.
type Result struct {
	Violation *Violation // nil if every invariant held
	Trace     uint64     // hash of all requests, steps and the final state
	Steps     int
	Requests  int
	Hits      map[string]int
	Dump      string // what all devices agreed on at the end
}

// Options of a run.
type Options struct {
	Dir  string       // where its files are; made and removed by Run. "" means a temporary folder
	Tell func(string) // hears each line of the trace; nil for nobody
	Pool *Pool        // of open stores, for many runs one after another; nil for none
	// Clocks overrides the skew of all devices, to show that clocks decide
	// nothing.
	Clocks []time.Duration
}

// start is the true time at which every run begins.
var start = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

// Run runs a script.
func Run(s Script, o Options) (res Result) {
	dir, err := os.MkdirTemp(o.Dir, "sim-")
	if err != nil {
		return Result{Violation: &Violation{"error", err.Error(), 0}}
	}
	defer os.RemoveAll(dir)
	if o.Clocks != nil {
		s.Config.Skew = o.Clocks
	}
	if o.Pool == nil {
		if o.Pool, err = NewPool(dir); err != nil {
			return Result{Violation: &Violation{"error", err.Error(), 0}}
		}
		defer o.Pool.Close()
	}
	w := &world{script: s, dir: dir, now: start, hits: map[string]int{}, notes: map[int]string{}, people: newPeople(), pool: o.Pool}
	w.trace.tell = o.Tell
	defer w.pool.keep(w)
	defer func() {
		res.Violation, res.Trace, res.Hits, res.Steps = w.failed, w.trace.sum, w.hits, len(s.Steps)
		if w.failed != nil && o.Tell != nil {
			w.stories(o.Tell)
		}
		if w.failed != nil {
			w.trace.add("violation %v", w.failed)
			res.Trace = w.trace.sum
		}
	}()
	defer func() {
		if v := recover(); v != nil {
			if _, ok := v.(stop); !ok {
				panic(v)
			}
		}
	}()
	w.build()
	for i, step := range s.Steps {
		w.step = i
		w.rng = stream(step.Seed, 1)
		w.on, w.ill = step.On, step.illness()
		w.now = w.now.Add(time.Duration(1+w.rng.IntN(5000)) * time.Millisecond)
		d := w.devices[step.Device%len(w.devices)]
		w.trace.add("%d %s %s", i, d.label, step.Do)
		w.deliverLate()
		w.act(d, step.Do)
	}
	w.step = len(s.Steps)
	w.rng = stream(s.Seed, 2)
	res.Dump = w.finish()
	return res
}

func (w *world) build() {
	w.rng = stream(w.script.Seed, 3)
	w.calm = true
	defer func() { w.calm = false }()
	c := w.script.Config
	for i := range c.Servers {
		w.servers = append(w.servers, newHost(w, i))
	}
	for i := range c.Devices {
		account := 0
		if c.Stranger && i == c.Devices-1 {
			account = 1
		}
		w.devices = append(w.devices, newDevice(w, fmt.Sprintf("d%d", i), account, c.Skew[i%len(c.Skew)]))
	}
	if c.Second {
		w.devices[0].processes = append(w.devices[0].processes, w.devices[0].start())
	}
}

func (w *world) folder(name string) string {
	dir := filepath.Join(w.dir, name)
	w.must("make folder", os.MkdirAll(dir, 0o700))
	return dir
}

// Scratch is a folder in memory where there is one, else "": a schedule writes
// much and keeps nothing.
func Scratch() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return ""
}
