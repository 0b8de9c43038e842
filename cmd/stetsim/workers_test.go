package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"stet/syncengine/sim"
)

// TestMain sets SQLite up as the program does, and makes the test binary a
// worker where it is started as one.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "-child") {
		main()
		return
	}
	if err := keepMemory(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// run returns what a run says last.
func run(t *testing.T, o options) (last string, err error) {
	t.Helper()
	var out strings.Builder
	err = schedules(&out, o)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	return lines[len(lines)-1], err
}

func testOptions(t *testing.T) options {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return options{n: 6, seed: 310001, workers: 2, dir: sim.Scratch(), program: program}
}

// TestWorkersTellNothing: who checks a schedule is not seen in what is said.
func TestWorkersTellNothing(t *testing.T) {
	o := testOptions(t)
	two, err := run(t, o)
	if err != nil {
		t.Fatal(err)
	}
	o.workers = 1
	one, err := run(t, o)
	if err != nil {
		t.Fatal(err)
	}
	if one != two || !strings.HasPrefix(one, "schedules 6 seed 310001 violations 0 ") {
		t.Errorf("one worker says %q, two say %q", one, two)
	}
}

// TestWorkerDies: a worker that ends too early is an error, however it ends.
func TestWorkerDies(t *testing.T) {
	for name, script := range map[string]string{
		"fails at once":       "exit 3",
		"ends without a word": "exit 0",
		"fails later":         "head -c 1 >/dev/null; exit 3",
	} {
		o := testOptions(t)
		o.program = filepath.Join(t.TempDir(), "worker")
		if err := os.WriteFile(o.program, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		last, err := run(t, o)
		if err == nil || !strings.Contains(err.Error(), "no result for seed 31000") {
			t.Errorf("%s: the run says %q and %v", name, last, err)
		}
	}
}

// TestResultFromWorker: what a worker finds arrives whole.
func TestResultFromWorker(t *testing.T) {
	o := testOptions(t)
	c, err := startChild(o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.check(o.seed)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.close(); err != nil {
		t.Error(err)
	}
	want := sim.Run(sim.Draw(o.seed), sim.Options{Dir: o.dir})
	want.Dump = ""
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v is not %+v", got, want)
	}
}
