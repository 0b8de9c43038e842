package sim

import (
	"slices"
	"time"
)

// Minimise returns a shorter script that still breaks the same invariant, found
// by leaving out steps in ever smaller pieces (Zeller's ddmin), then kinds of
// faults. It gives up when the time is over and returns the best so far.
func Minimise(s Script, o Options, until time.Time) Script {
	first := Run(s, o).Violation
	if first == nil {
		return s
	}
	fails := func(s Script) bool {
		v := Run(s, o).Violation
		return v != nil && v.Invariant == first.Invariant
	}
	over := func() bool { return time.Now().After(until) }
	if n := first.Step + 1; n < len(s.Steps) {
		if cut := s.with(s.Steps[:n]); fails(cut) {
			s = cut
		}
	}
	s = shorten(s, fails, over)
	for _, f := range faults {
		if p := s.Config.Faults[f.Fault]; p > 0 && !over() {
			if cut := s.without(f.Fault); fails(cut) {
				s = cut
			}
		}
	}
	return s
}

// shorten leaves out steps, in ever smaller pieces, while the script fails.
func shorten(s Script, fails func(Script) bool, over func() bool) Script {
	for size := len(s.Steps) / 2; size > 0 && !over(); size /= 2 {
		for at := 0; at < len(s.Steps) && !over(); {
			end := min(at+size, len(s.Steps))
			if cut := s.with(slices.Concat(s.Steps[:at], s.Steps[end:])); fails(cut) {
				s = cut
			} else {
				at = end
			}
		}
	}
	return s
}

func (s Script) with(steps []Step) Script {
	s.Steps = slices.Clone(steps)
	return s
}

func (s Script) without(f Fault) Script {
	kept := map[Fault]float64{}
	for k, p := range s.Config.Faults {
		if k != f {
			kept[k] = p
		}
	}
	s.Config.Faults = kept
	return s
}
