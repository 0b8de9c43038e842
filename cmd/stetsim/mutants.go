package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// mutant is a bug that can be built into stet: in file, old is replaced by new.
// invariant is the one that it is meant to break; another that breaks first
// will do.
type mutant struct {
	name      string
	invariant string
	file      string
	old, new  string
}

// mutants builds each bug with an overlay over the source, which stays
// untouched, and runs schedules until one notices.
func mutants(w io.Writer, o options) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "mutants-")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer os.RemoveAll(dir)
	var chosen []mutant
	all := bugs
	if o.rare {
		all = rareBugs
	}
	for _, m := range all {
		if strings.Contains(m.name, o.only) {
			chosen = append(chosen, m)
		}
	}
	chosen = spread(chosen, o.pick)
	missed, broken := 0, 0
	for v := range hunt(chosen, o, root, dir) {
		fmt.Fprintln(w, v.line())
		if v.err != nil {
			broken++
		} else if !v.caught {
			missed++
		}
	}
	if o.proof {
		fmt.Fprintf(w, "proof G4 | seeded bugs caught | %d of %d | all\n", len(chosen)-missed-broken, len(chosen))
	}
	switch {
	case broken > 0:
		return fmt.Errorf("%d bugs could not be built: the source they change has changed", broken)
	case missed > 0:
		return errBroken
	}
	return nil
}

// spread returns n of the mutants, from all over the list, or all if n is 0.
func spread(all []mutant, n int) []mutant {
	if n <= 0 || n >= len(all) {
		return all
	}
	out := make([]mutant, n)
	for i := range out {
		out[i] = all[i*len(all)/n]
	}
	return out
}

// verdict is what became of a mutant.
type verdict struct {
	mutant
	caught    bool
	broken    string // the invariant that noticed
	schedules int
	err       error
}

func (v verdict) line() string {
	switch {
	case v.err != nil:
		return fmt.Sprintf("missed %s → %s: %v", v.name, v.mutant.invariant, v.err)
	case v.caught:
		return fmt.Sprintf("caught %s → %s in %d schedules", v.name, v.broken, v.schedules)
	}
	return fmt.Sprintf("missed %s → %s in %d schedules", v.name, v.mutant.invariant, v.schedules)
}

// hunt tries all mutants, as many at a time as there are workers.
func hunt(chosen []mutant, o options, root, dir string) <-chan verdict {
	out, next := make(chan verdict), make(chan mutant)
	var all sync.WaitGroup
	for n := range max(1, o.workers) {
		all.Go(func() {
			for m := range next {
				v := try(m, o, root, filepath.Join(dir, strconv.Itoa(n)))
				v.mutant = m
				out <- v
			}
		})
	}
	go func() {
		for _, m := range chosen {
			next <- m
		}
		close(next)
		all.Wait()
		close(out)
	}()
	return out
}

// mutantTime bounds one bug's schedules. Who is not done so long after that
// hangs, which is noticed too.
const (
	mutantTime = 20 * time.Minute
	hangTime   = 2 * time.Minute
)

var (
	lastLine = regexp.MustCompile(`(?m)^schedules (\d+) seed \d+ violations (\d+) trace`)
	seedLine = regexp.MustCompile(`(?m)^seed \d+ commit [^:]*: (I-\d+|error) at step`)
)

func try(m mutant, o options, root, dir string) verdict {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return verdict{err: err}
	}
	bin := filepath.Join(dir, "stetsim")
	if err := build(m, root, dir, bin); err != nil {
		return verdict{err: err}
	}
	cmd := exec.Command(bin, "-first", "-workers", "1", "-limit", mutantTime.String(), "-n", strconv.Itoa(o.budget), "-seed", strconv.FormatUint(o.seed, 10))
	timer := time.AfterFunc(mutantTime+hangTime, func() { _ = cmd.Process.Kill() })
	text, err := cmd.Output()
	timer.Stop()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return verdict{err: err}
	}
	last := lastLine.FindStringSubmatch(string(text))
	if last == nil { // a hang or a crash is noticed too
		return verdict{caught: true, broken: "crash or hang"}
	}
	v := verdict{caught: last[2] != "0"}
	v.schedules, _ = strconv.Atoi(last[1])
	if found := seedLine.FindStringSubmatch(string(text)); found != nil {
		v.broken = found[1]
	}
	return v
}

// build builds this program with one bug in it.
func build(m mutant, root, dir, bin string) error {
	path := filepath.Join(root, m.file)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		return fmt.Errorf("%s has %q %d times", m.file, m.old, n)
	}
	changed := filepath.Join(dir, "changed.go")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(text), m.old, m.new, 1)), 0o600); err != nil {
		return err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		return err
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-tags", "sqlite_fts5", "-ldflags", "-s -w", "-overlay", list, "-o", bin, "./cmd/stetsim")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %s", strings.TrimSpace(string(out)))
	}
	return nil
}

// moduleRoot is the folder of the source.
func moduleRoot() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the source: %w", err)
	}
	mod := strings.TrimSpace(string(out))
	if mod == "" || mod == os.DevNull {
		return "", errors.New("seeded bugs are built from the source: run this in its folder")
	}
	return filepath.Dir(mod), nil
}
