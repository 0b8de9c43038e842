package sim

import (
	"slices"
	"time"
)

// CheckClocks runs a script with right clocks and with clocks that are off by
// years (I-11): what the devices agree on at the end must be the same. Jumps
// while a schedule runs are left out, since they end waits earlier or later.
func CheckClocks(s Script, o Options) *Violation {
	s.Steps = slices.DeleteFunc(slices.Clone(s.Steps), func(step Step) bool { return step.Do == ClockJump })
	r := stream(s.Seed, 4)
	right, wrong := make([]time.Duration, len(s.Config.Skew)), make([]time.Duration, len(s.Config.Skew))
	for i := range wrong {
		wrong[i] = time.Duration(r.Int64N(int64(20*year))) - 10*year
	}
	o.Clocks = right
	a := Run(s, o)
	o.Clocks = wrong
	b := Run(s, o)
	for _, res := range []Result{a, b} {
		if res.Violation != nil {
			return res.Violation
		}
	}
	if a.Dump != b.Dump {
		return &Violation{"I-11", "the devices' clocks decide what the notes are:\n" + a.Dump + "with clocks off:\n" + b.Dump, len(s.Steps)}
	}
	return nil
}
