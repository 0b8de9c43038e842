package sim

import (
	"math/rand/v2"
	"slices"
)

// Steps that are drawn one by one seldom follow from one another: that two
// devices meet on one note just when a server forgot it takes thousands of
// schedules. So in three of four seeds there are spells of habit: two devices do
// the same few things to the same note again and again. Which things, and who
// syncs when, is drawn like all else; no spell knows of a fault to look for.

// turns are what a spell may turn on, in this order; nothing in the first.
var turns = [][]Action{
	nil, nil,
	{SwitchServer}, {SwitchServer},
	{ServerBackup, ServerRestore}, {ServerBackup, ServerCopied}, {ServerBackup, ServerCopied}, {ServerBackup, ServerCopied},
	{ServerWipe}, {ServerWipe}, {ServerClock, ServerWipe}, {Sleep, ServerCompact},
	{BackupHome, RestoreHome}, {Clone}, {SwitchServer, BackupHome, RestoreHome}, {SwitchServer, Clone},
}

// themes are what its users do meanwhile, in this order; a spell has one or two.
var themes = [][]Action{
	{Edit}, {Edit, Undo}, {Edit, Discard}, {Edit, Resolve}, {Append}, {Append, Discard},
	{Append, Delete, Discard}, {Append, Delete, Restore}, {Tag}, {Cosmetic, Retitle}, {Cosmetic, Cosmetic, Cosmetic}, {Create},
	{Create, Create, Create, Create},
	{Delete}, {Delete, Purge}, {Delete, Purge}, {Delete, Round, Purge}, {Delete, Round, Purge}, {Delete, Restore}, {Create, Delete}, {Many, Many, Round, Edit, Round, Edit, Round},
}

// spell is one of them while it is drawn.
type spell struct {
	r       *rand.Rand
	c       Config
	n       int
	who     []int
	turn    []Action
	turned  int // how many steps of the turn are done
	themes  [][]Action
	turning float64    // how often it turns
	rounds  [2]float64 // how often each one syncs after something was done
	ill     float64    // how often that meets a fault of its own
	trouble bool       // it just did: that seldom comes alone
	loose   float64    // how often it is about some other note
	second  float64    // the share of the second device
	steps   []Step
}

// drawHabits puts spells of habit in the place of some of the steps.
func (s *Script) drawHabits(r *rand.Rand) {
	if r.IntN(4) == 0 {
		return
	}
	for n := range 1 + r.IntN(2) {
		p := s.Config.drawSpell(r, n+1)
		if slices.ContainsFunc(p.themes, func(t []Action) bool { return slices.Contains(t, Many) }) {
			s.Config.Burst = 0.12 // others do much with them in the midst of a round
		}
		at := r.IntN(len(s.Steps))
		if r.IntN(4) == 0 {
			at = 0 // where nobody has synced yet
		}
		for _, step := range p.cast(8 + r.IntN(9)) {
			s.Steps[at%len(s.Steps)] = step
			if at++; r.IntN(10) == 0 { // something else comes between
				at++
			}
		}
	}
}

func (c Config) drawSpell(r *rand.Rand, n int) *spell {
	p := &spell{r: r, c: c, n: n, turning: 0.1 + 0.4*r.Float64(), rounds: [2]float64{r.Float64(), r.Float64()}, second: 0.5 * r.Float64(),
		ill: []float64{0, 0.3, 0.7}[r.IntN(3)], loose: []float64{0, 0, 0.5}[r.IntN(3)]}
	p.turn = turns[r.IntN(len(turns))]
	if slices.ContainsFunc(p.turn, func(a Action) bool { return !c.possible(a) }) {
		p.turn = nil
	}
	for range 1 + r.IntN(2) {
		theme := themes[r.IntN(len(themes))]
		if slices.Contains(theme, Many) && r.IntN(3) > 0 { // it takes ten times as long as others
			theme = themes[0]
		}
		p.themes = append(p.themes, theme)
	}
	friends := c.Devices
	if c.Stranger {
		friends--
	}
	p.who = r.Perm(friends)[:2]
	if slices.Contains(p.turn, Clone) && r.IntN(2) == 0 {
		p.who[1] = c.Devices // the copy, once there is one
	}
	return p
}

func (p *spell) put(who int, do Action, fault Fault) {
	on := p.n
	if p.r.Float64() < p.loose {
		on = 0
	}
	p.steps = append(p.steps, Step{Do: do, Device: who, Seed: p.r.Uint64(), On: on, Fault: fault})
}

// sync is a round of one of the two, perhaps.
func (p *spell) sync(i int) {
	if p.r.Float64() >= p.rounds[i] {
		return
	}
	fault := Fault("")
	if p.r.Float64() < p.ill {
		fault, p.trouble = pickFault(p.r, p.c.dialect(p.who[i])), true
	}
	p.put(p.who[i], Round, fault)
}

// cast makes the steps of a spell. It begins with a note that one
// device has, or both.
func (p *spell) cast(length int) []Step {
	r := p.r
	p.put(p.who[0], []Action{Create, Edit}[r.IntN(2)], "")
	if r.IntN(3) > 0 {
		p.put(p.who[0], Round, "")
		p.put(p.who[1], Round, "")
	}
	for me := 0; len(p.steps) < length; {
		if r.IntN(2) == 0 { // else the same goes on
			if me = 0; r.Float64() < p.second {
				me = 1
			}
		}
		turning := p.turning
		if p.trouble {
			turning = max(turning, 0.5)
		}
		if p.trouble = false; p.turn != nil && r.Float64() < turning {
			for once := true; once || p.turned%len(p.turn) > 0 && r.IntN(2) == 0; once = false {
				p.put(p.who[me], p.turn[p.turned%len(p.turn)], "")
				p.turned++
			}
			if r.Float64() < 0.7 { // who was there notices first
				p.put(p.who[me], Round, "")
			}
		} else {
			for _, do := range p.themes[r.IntN(len(p.themes))] {
				p.put(p.who[me], do, "")
			}
		}
		p.sync(me)
		p.sync(1 - me)
		if p.trouble && r.IntN(3) == 0 { // they come back when the waits are over
			p.put(p.who[me], Sleep, "")
		}
	}
	return p.steps
}

// pickFault draws a kind of fault, the frequent ones more often: one that all
// servers know, or, as often, one of the dialect alone.
func pickFault(r *rand.Rand, in Dialect) Fault {
	kinds := faults
	if own := foreignFaults[in]; r.IntN(2) == 0 && own != nil {
		kinds = own
	}
	total := 0.0
	for _, f := range kinds {
		total += f.max
	}
	x := r.Float64() * total
	for _, f := range kinds {
		if x -= f.max; x < 0 {
			return f.Fault
		}
	}
	return DropAnswer
}

// possible reports whether an action has a meaning with this configuration.
func (c Config) possible(a Action) bool {
	switch a {
	case SwitchServer:
		return c.Servers > 1 || c.Dialects != nil
	case ServerCopied, ServerRestore, ServerWipe:
		return !c.Foreign // only an epoch tells for sure that a server forgot, once others have written there again
	}
	return true
}

// illness is the fault that a step brings with it: the line breaks in the midst
// of it, and stays so. After how many requests follows from the step alone.
type illness struct {
	fault Fault
	after int
}

func (s Step) illness() illness { return illness{s.Fault, stream(s.Seed, 4).IntN(3)} }

// strikes reports whether a request meets the step's own fault.
func (w *world) strikes() bool {
	w.ill.after--
	return w.ill.fault != "" && w.ill.after < 0
}

// bound is the note of the spell that the step under way belongs to; ok is false
// if there is none, or if who is in the midst of it looks elsewhere.
func (w *world) bound() (id string, ok bool) {
	if w.calm || w.on == 0 {
		return "", false
	}
	id, ok = w.notes[w.on]
	return id, ok && (w.depth == 0 || w.rng.IntN(2) == 0)
}

// bind makes a note the one of the spell.
func (w *world) bind(id string) {
	if !w.calm && w.on != 0 && w.depth == 0 {
		w.notes[w.on] = id
	}
}

// burst lets another device do much between two requests of a round, and send
// it, while the round's own user writes.
func (w *world) burst(d *device) {
	who := w.devices[w.rng.IntN(len(w.devices))]
	w.trace.add("   meanwhile %s much", who.label)
	for _, do := range [][]Action{{DeleteSome, Round}, {Round, DeleteSome, Round}, {Edit, Round}}[w.rng.IntN(3)] {
		w.act(who, do)
	}
	w.act(d, Edit)
}
