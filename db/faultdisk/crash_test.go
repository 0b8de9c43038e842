//go:build linux && cgo

package faultdisk_test

import (
	"fmt"
	"testing"

	"stet/db/faultdisk"
)

// TestCrashBetweenStatements lets the process die before the first, second, …
// statement of each scenario, and before and in the middle of each change of a
// file: the next start finds all of the write or nothing of it. STET_DISK=all
// takes every point.
func TestCrashBetweenStatements(t *testing.T) {
	every, far, few := 3, 12, map[string]bool{"resolve": true, "apply a purge": true, "pull": true, "merge": true}
	if number(t, "STET_DISK", 0) == -1 {
		every, far, few = 1, 1, nil
	}
	points := 0
	for _, sc := range writes {
		if few != nil && !few[sc.name] {
			continue
		}
		s := newStage(t, sc)
		for n := 1; s.crash(t, faultdisk.Death{Statement: n}); n += every {
			points++
		}
		for n := 1; s.crash(t, faultdisk.Death{Change: n}); n += every {
			points++
		}
		for n := 1; s.crash(t, faultdisk.Death{Change: n, Torn: true}); n += every {
			points++
		}
	}
	engine := 0
	for _, tale := range tales {
		if few != nil && !few[tale.name] {
			continue
		}
		engine += tale.crashes(t, far)
	}
	t.Logf("%d points in stores, %d in rounds", points, engine)
	if points < 8 || engine < 8 || few == nil && (points < 30*len(writes) || engine < 30*len(tales)) {
		t.Errorf("only %d and %d points", points, engine)
	}
	if every == 1 && !t.Failed() {
		fmt.Printf("proof G7 | a crash between every two statements of every write path | %d points in %d scenarios: before or after only | all\n",
			points+engine, len(writes)+len(tales))
	}
}

// crash runs the scenario with a death, and reports whether that came.
func (s *stage) crash(t *testing.T, at faultdisk.Death) bool {
	t.Helper()
	dir := s.fresh(t)
	defer s.done(dir)
	r := s.run(dir, plan{act: true, arm: func(d *faultdisk.Disk) { d.Die(at) }})
	s.judge(t, dir, r, fmt.Sprintf("death at %+v", at))
	return r.dead
}
