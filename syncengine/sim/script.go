package sim

import (
	"math/rand/v2"
	"time"
)

// Script is a schedule: all that a run depends on besides the code.
type Script struct {
	Seed   uint64
	Config Config
	Steps  []Step
}

// Config is what a seed draws once.
type Config struct {
	Devices  int
	Second   bool // device 0 is used by two processes
	Stranger bool // the last device belongs to another account
	Servers  int
	Dialects []Dialect // what each device speaks, Stet for all if there are none
	Foreign  bool      // its servers show nothing of a stetd: they tell no epoch and guard nothing
	Page     int       // most changes of one answer; 0 for the protocol's own
	// Faults are the chances of each kind of fault for one request.
	Faults map[Fault]float64
	Kill   float64         // of a device's process, at each edge of a transaction
	Crash  float64         // of the server, before or after each commit
	Meet   float64         // that others act between two requests or transactions of a round
	Burst  float64         `json:",omitempty"` // that another does much at once between two requests of a spell's round
	Limit  int             `json:",omitempty"` // most bytes of a request, decoded, that a proxy lets through; 0 for any number
	Skew   []time.Duration // what each device's clock is off by
}

// Step is one thing that happens. Seed is the source of all chance in it.
type Step struct {
	Do     Action
	Device int
	Seed   uint64
	On     int   `json:",omitempty"` // the spell of habit that it belongs to, which has one note; 0 for none
	Fault  Fault `json:",omitempty"` // what its requests meet from some point on, besides what all may meet
}

// stream makes the i-th independent source of a seed.
func stream(seed, i uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, i*0x9e3779b97f4a7c15+1)) }

// absent is the share of seeds in which a kind of fault or action never
// happens.
const absent = 0.3

// Draw makes the schedule of a seed.
func Draw(seed uint64) Script {
	r := stream(seed, 0)
	s := Script{Seed: seed, Config: drawConfig(r)}
	s.Config.Dialects = drawDialects(stream(seed, 5), s.Config.Devices)
	drawForeign(stream(seed, 7), &s.Config)
	weights, total := drawWeights(r, s.Config)
	steps := 40
	if r.IntN(40) == 0 {
		steps += r.IntN(360)
	}
	for range steps {
		s.Steps = append(s.Steps, Step{Do: pick(r, weights, total), Device: r.IntN(s.Config.Devices), Seed: r.Uint64()})
	}
	r = stream(seed, 6)
	if r.IntN(6) == 0 { // who bounds the size of requests bounds their number too
		s.Config.Limit, s.Config.Faults[TooMany429] = 800+r.IntN(2000), 0.05+0.1*r.Float64()
	}
	s.drawHabits(r)
	return s
}

func drawConfig(r *rand.Rand) Config {
	c := Config{Devices: 3, Servers: 1, Faults: map[Fault]float64{}}
	for c.Devices < 6 && r.IntN(3) == 0 {
		c.Devices++
	}
	c.Second = r.IntN(4) == 0
	c.Stranger = r.IntN(5) == 0
	if r.IntN(3) == 0 {
		c.Servers = 2
	}
	if r.IntN(2) == 0 {
		c.Page = 1 + r.IntN(8)
	}
	quiet := r.IntN(8) == 0 // no fault at all: only people disagree
	for _, f := range faults {
		if p := r.Float64() * f.max; r.Float64() >= absent && !quiet {
			c.Faults[f.Fault] = p
		}
	}
	chance := func(most float64) float64 {
		p := r.Float64() * most
		if r.Float64() < absent || quiet {
			return 0
		}
		return p
	}
	c.Kill, c.Crash, c.Meet = chance(0.03), chance(0.03), chance(0.15)
	for range c.Devices {
		var skew time.Duration
		if r.IntN(3) == 0 {
			skew = time.Duration(r.Int64N(int64(20*year))) - 10*year
		}
		c.Skew = append(c.Skew, skew)
	}
	return c
}

const (
	day  = 24 * time.Hour
	year = 365 * day
)

type weighted struct {
	do     Action
	weight float64
}

func drawWeights(r *rand.Rand, c Config) (out []weighted, total float64) {
	for _, a := range actions {
		if a.weight == 0 {
			continue
		}
		w := a.weight * (0.3 + r.Float64())
		if a.rare && r.Float64() < absent {
			w = 0
		}
		if !c.possible(a.do) {
			w = 0
		}
		out = append(out, weighted{a.do, w})
		total += w
	}
	return out, total
}

func pick(r *rand.Rand, ws []weighted, total float64) Action {
	x := r.Float64() * total
	for _, w := range ws {
		if x -= w.weight; x < 0 {
			return w.do
		}
	}
	return ws[0].do
}
