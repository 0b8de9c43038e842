// Command stetbench measures stet beside the floors it is judged by and prints
// one table: figure, floor, ratio, bar, and whether the bar holds.
//
// Rules of the room: a figure and its floor are taken in the same run and,
// where that can be, in turns. Nothing is asserted by time: the exit code is 0
// even when a bar does not hold, and 1 only when something could not be
// measured. The programs under test run as a user runs them, in homes under one
// temporary folder that is removed at the end with every process started. Texts
// are made from a fixed seed, so two runs measure the same notes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// bench is one run.
type bench struct {
	ctx         context.Context
	dir         string // everything is under it
	stet, stetd string // the programs under test
	hello       string // the floor program
	quick       bool
	only        []string
	profiles    string // folder for a CPU profile of each group, "" for none
	say         func(format string, args ...any)
	figures     []figure
	closers     []func()
	floor       *rawStore // the same notes in a bare SQLite file
	world       *world    // a server and two devices with all notes
}

// notes is how many notes the large stores hold.
func (b *bench) notes() int { return b.pick(100_000, 10_000) }

// bulk is how many notes the first push and pull move.
func (b *bench) bulk() int { return b.pick(10_000, 1_000) }

// pick chooses by -quick.
func (b *bench) pick(full, quick int) int {
	if b.quick {
		return quick
	}
	return full
}

// group is a set of figures that are measured together.
type group struct {
	name string
	run  func(*bench) error
}

// groups in the order of measuring: what is small and sensitive first.
var groups = []group{
	{"disk", (*bench).disk},
	{"size", (*bench).sizes},
	{"merge", (*bench).merging},
	{"bulk", (*bench).bulkSync},
	{"start", (*bench).start},
	{"keys", (*bench).keys},
	{"search", (*bench).search},
	{"commands", (*bench).commands},
	{"change", (*bench).changes},
	{"live", (*bench).live},
	{"save", (*bench).saves},
	{"server", (*bench).serverRates},
}

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("stetbench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	stet := flags.String("stet", "", "the stet to measure; built if empty")
	stetd := flags.String("stetd", "", "the stetd to measure; built if empty")
	quick := flags.Bool("quick", false, "10,000 notes and few repeats: does everything run?")
	only := flags.String("only", "", "groups to measure, with commas between: "+names())
	profiles := flags.String("profile", "", "folder for a CPU profile of this process during each group")
	asJSON := flags.Bool("json", false, "one object a line instead of the table")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	say := func(format string, args ...any) { fmt.Fprintf(stderr, format+"\n", args...) }
	b := &bench{ctx: ctx, quick: *quick, profiles: *profiles, say: say}
	if *only != "" {
		b.only = strings.Split(*only, ",")
	}
	if bad := unknown(b.only); bad != "" {
		say("stetbench: there is no group %q; there are: %s", bad, names())
		return 2
	}
	err := b.measure(*stet, *stetd)
	if printErr := printFigures(stdout, b.figures, *asJSON); printErr != nil {
		err = errors.Join(err, printErr)
	}
	if err != nil {
		say("stetbench: %v", err)
		return 1
	}
	return 0
}

func names() string {
	var out []string
	for _, g := range groups {
		out = append(out, g.name)
	}
	return strings.Join(out, ",")
}

func unknown(only []string) string {
	for _, name := range only {
		if !slices.ContainsFunc(groups, func(g group) bool { return g.name == name }) {
			return name
		}
	}
	return ""
}

// measure runs the groups. A group that fails does not end the others.
func (b *bench) measure(stet, stetd string) (err error) {
	if b.dir, err = os.MkdirTemp("", "stetbench"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.programs(stet, stetd); err != nil {
		return err
	}
	b.say("%s/%s, %d processors, %s, load %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), load())
	var failed error
	for _, g := range groups {
		if len(b.only) > 0 && !slices.Contains(b.only, g.name) {
			continue
		}
		if b.ctx.Err() != nil {
			return errors.Join(failed, b.ctx.Err())
		}
		b.say("%s: measuring, load %s", g.name, load())
		began := time.Now()
		if err := b.profiled(g); err != nil {
			b.say("%s: %v", g.name, err)
			failed = errors.Join(failed, fmt.Errorf("measure %s: %w", g.name, err))
		}
		b.say("%s: took %.1f s", g.name, time.Since(began).Seconds())
	}
	return failed
}

// profiled runs a group, with a CPU profile if one is wanted. The profile shows
// what runs inside this process: the store, the engine, the merge.
func (b *bench) profiled(g group) error {
	if b.profiles == "" {
		return g.run(b)
	}
	f, err := os.Create(filepath.Join(b.profiles, g.name+".prof"))
	if err != nil {
		return fmt.Errorf("keep profile: %w", err)
	}
	defer f.Close()
	if err := pprof.StartCPUProfile(f); err != nil {
		return fmt.Errorf("keep profile: %w", err)
	}
	defer pprof.StopCPUProfile()
	return g.run(b)
}

// close ends what was started, newest first, and removes all files.
func (b *bench) close() error {
	for _, c := range slices.Backward(b.closers) {
		c()
	}
	if err := os.RemoveAll(b.dir); err != nil {
		return fmt.Errorf("clean up: %w", err)
	}
	return nil
}

// onClose has f called at the end.
func (b *bench) onClose(f func()) { b.closers = append(b.closers, f) }

// add keeps a figure for the table.
func (b *bench) add(f figure) {
	b.figures = append(b.figures, f)
	b.say("  %s: %s", f.What, f.Got)
}

// programs finds or builds the programs under test and builds the floor's.
func (b *bench) programs(stet, stetd string) (err error) {
	for _, p := range []struct {
		dst         *string
		given, name string
	}{{&b.stet, stet, "stet"}, {&b.stetd, stetd, "stetd"}, {&b.hello, "", "stetbench/hello"}} {
		if *p.dst, err = filepath.Abs(p.given); err != nil {
			return fmt.Errorf("find %s: %w", p.name, err)
		}
		if p.given == "" {
			if *p.dst, err = b.build(p.name); err != nil {
				return err
			}
		}
		if _, err := os.Stat(*p.dst); err != nil {
			return fmt.Errorf("find %s: %w", p.name, err)
		}
	}
	return nil
}

// build builds a program of cmd as it is shipped: stripped.
func (b *bench) build(name string) (string, error) {
	out := filepath.Join(b.dir, "bin", filepath.Base(name))
	cmd := exec.CommandContext(b.ctx, "go", "build", "-tags", "sqlite_fts5", "-trimpath", "-ldflags", "-s -w", "-o", out, "stet/cmd/"+name)
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w: %s", name, err, text)
	}
	return out, nil
}

// load is the machine's load average where it can be had: figures taken on a
// busy machine are worth little.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return one
}
