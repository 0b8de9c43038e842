//go:build linux && cgo

package faultdisk_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"stet/db/faultdisk"
	"stet/model"
)

// sane are the failures that each kind of call can meet.
var sane = map[faultdisk.Op][]faultdisk.Kind{
	faultdisk.Open:     {faultdisk.KindIO, faultdisk.KindFull, faultdisk.KindReadOnly},
	faultdisk.Read:     {faultdisk.KindIO, faultdisk.KindShort},
	faultdisk.Write:    faultdisk.Kinds,
	faultdisk.Sync:     {faultdisk.KindIO, faultdisk.KindFull},
	faultdisk.Truncate: {faultdisk.KindIO, faultdisk.KindFull, faultdisk.KindReadOnly},
	faultdisk.Shm:      {faultdisk.KindIO}, // a lock is never full, and read-only is another kind of memory, no failure
	faultdisk.Delete:   {faultdisk.KindIO, faultdisk.KindReadOnly},
}

// TestIOFaultSweep lets the n-th call of each kind fail in each way, for
// n = 1, 2, 3 … until there is no n-th call, in some scenarios. STET_DISK=all
// takes every n, STET_SWEEP=all every scenario, STET_SWEEP=3 every third.
func TestIOFaultSweep(t *testing.T) {
	every, step := 10, number(t, "STET_SWEEP", 0)
	if number(t, "STET_DISK", 0) == -1 {
		every = 1
	}
	if step == -1 {
		step = 1
	}
	usual := map[string]bool{"edit": true, "apply a batch": true}
	faults, done := 0, 0
	for i, sc := range writes {
		if !usual[sc.name] && (step == 0 || i%step != 0) {
			continue
		}
		done++
		had := faults
		s := newStage(t, sc)
		for op, kinds := range sane {
			for _, kind := range kinds {
				for _, sticky := range []bool{false, true} {
					faults += s.sweep(t, faultdisk.Fault{Op: op, Kind: kind, Sticky: sticky}, every)
				}
			}
		}
		t.Logf("%s: %d faults", sc.name, faults-had)
	}
	if faults < 20*done {
		t.Errorf("only %d faults struck in %d scenarios", faults, done)
	}
	if every == 1 && !t.Failed() {
		fmt.Printf("proof G8 | I/O fault sweep: n-th call × way to fail × once or for good | %d faults in %d of %d scenarios: 0 acked lost, integrity ok | 2 scenarios\n",
			faults, done, len(writes))
	}
}

// sweep lets the first, second, … call fail, and returns how many failed.
func (s *stage) sweep(t *testing.T, f faultdisk.Fault, every int) (faults int) {
	t.Helper()
	for f.N = 1; ; f.N += every {
		dir := s.fresh(t)
		fired := 0
		r := s.run(dir, plan{act: true,
			arm: func(d *faultdisk.Disk) { d.Arm(f) },
			afterAct: func(d *faultdisk.Disk, failed bool) (later bool) {
				if fired = d.Fired(); fired > 0 && !f.Sticky {
					d.Disarm()
				}
				return failed && !f.Sticky
			}})
		what := fmt.Sprintf("%s %d fails with %s, sticky %v", f.Op, f.N, f.Kind, f.Sticky)
		s.judge(t, dir, r, what)
		if err := truthful(errors.Join(r.open, r.act), f); err != nil {
			t.Errorf("%s: %s: %v", s.name, what, err)
		}
		if r.tried && r.later != nil {
			t.Errorf("%s: %s: the disk works again, the store does not: %v", s.name, what, r.later)
		}
		s.done(dir)
		if fired == 0 && r.fired == 0 {
			return faults
		}
		faults++
	}
}

// truthful checks that an error says what happened.
func truthful(err error, f faultdisk.Fault) error {
	if err == nil {
		return nil
	}
	for _, lie := range []error{model.ErrNotFound, model.ErrAmbiguous, model.ErrNewerSchema, model.ErrRefused, model.ErrInvalid, model.ErrBusy} {
		if errors.Is(err, lie) {
			return fmt.Errorf("a failing disk is told as %q: %w", lie, err)
		}
	}
	ok := false
	switch f.Kind {
	case faultdisk.KindFull:
		ok = errors.Is(err, syscall.ENOSPC)
	case faultdisk.KindReadOnly:
		ok = errors.Is(err, model.ErrReadOnly)
	default:
		ok = errors.Is(err, syscall.EIO) || strings.Contains(err.Error(), "unable to open")
	}
	if !ok {
		return fmt.Errorf("does not say what happened: %w", err)
	}
	return nil
}

// difference is what two dumps do not share.
func difference(want, got string) string {
	had := map[string]int{}
	for line := range strings.Lines(want) {
		had[line]++
	}
	var out strings.Builder
	for line := range strings.Lines(got) {
		if had[line]--; had[line] < 0 {
			fmt.Fprintf(&out, "+ %.300s\n", strings.TrimSuffix(line, "\n"))
		}
	}
	for line, n := range had {
		if n > 0 {
			fmt.Fprintf(&out, "- %.300s\n", strings.TrimSuffix(line, "\n"))
		}
	}
	if text := out.String(); len(text) > 1500 {
		return text[:1500] + "…"
	}
	return out.String()
}
