package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// environ is what the programs see: nothing of the caller's homes or servers.
func (b *bench) environ() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(b.dir, "nobody"), "TERM=xterm-256color",
		"LANG=C.UTF-8", "TMPDIR=" + b.dir}
}

// command prepares a program. It is killed when the run is interrupted.
func (b *bench) command(program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(b.ctx, program, args...)
	cmd.Env = b.environ()
	return cmd
}

// stetCmd prepares stet on a home.
func (b *bench) stetCmd(home string, args ...string) *exec.Cmd {
	return b.command(b.stet, append([]string{"--home", home}, args...)...)
}

// helloCmd prepares the floor program on the bare store.
func (b *bench) helloCmd(raw *rawStore, args ...string) *exec.Cmd {
	return b.command(b.hello, append([]string{"-db", raw.path, "-query", rawNewest}, args...)...)
}

// output runs a program and returns what it printed, without the last newline.
func output(cmd *exec.Cmd) (string, error) {
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", commandLine(cmd), err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

// timed runs a program to its end and returns how long that took, from before
// the fork.
func timed(cmd *exec.Cmd) (time.Duration, error) {
	var errs bytes.Buffer
	cmd.Stderr = &errs
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began)
	if err != nil {
		return took, fmt.Errorf("%s: %w: %s", commandLine(cmd), err, strings.TrimSpace(errs.String()))
	}
	return took, nil
}

func commandLine(cmd *exec.Cmd) string {
	return filepath.Base(cmd.Path) + " " + strings.Join(cmd.Args[1:], " ")
}

// commands measures stet as processes, in turns with the bare program.
func (b *bench) commands() error {
	w, err := b.large()
	if err != nil {
		return err
	}
	raw, err := b.rawNotes()
	if err != nil {
		return err
	}
	words := newCorpus(1).words
	subjects := []struct {
		what string
		bar  float64
		args []string
	}{
		{"stet ls -n 50", 8, []string{"ls", "-n", "50"}},
		{"stet search, a rare word", 11, []string{"search", words[9000]}},
		{"stet search, a frequent word", 0, []string{"search", words[400]}}, // prints what it finds: thousands
		{"stet sync, nothing new", 12, []string{"sync"}},
		{"stet add", 10, []string{"add", "Milk and bread", "-m", "2 litres, the good kind", "-t", "shop"}},
	}
	var failed error
	for _, s := range subjects {
		if s.args[0] == "sync" && w.unsynced != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", s.what, w.unsynced))
			continue
		}
		out, err := output(b.stetCmd(w.a.home, s.args...)) // fills caches, and catches up what is caught up once
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		subject, floor, err := inTurns(b.pick(41, 9),
			func() (time.Duration, error) { return timed(b.stetCmd(w.a.home, s.args...)) },
			func() (time.Duration, error) { return timed(b.helloCmd(raw, "-plain")) })
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		f := figure{Group: "commands", What: s.what, Got: subject.ms(50), Floor: ref(floor.ms(50)), FloorIs: "open and read"}
		if s.bar > 0 {
			f.Bars = []bar{atMost(s.bar)}
		}
		if s.args[0] == "search" {
			f.Note = fmt.Sprintf("%d found", strings.Count(out, "\n")+1)
		}
		b.add(f)
	}
	return failed
}

// inTurns measures subject and floor n times each, one after the other, so that
// what disturbs the machine disturbs both.
func inTurns(n int, subject, floor func() (time.Duration, error)) (subjects, floors times, err error) {
	for range n {
		f, err := floor()
		if err != nil {
			return nil, nil, err
		}
		s, err := subject()
		if err != nil {
			return nil, nil, err
		}
		subjects, floors = append(subjects, s), append(floors, f)
	}
	return subjects, floors, nil
}

// sizes measures the programs as they are shipped.
func (b *bench) sizes() error {
	hello, err := megabytes(b.hello)
	if err != nil {
		return err
	}
	for name, most := range map[string]float64{"stet": 14, "stetd": 15} {
		path, err := b.build(name)
		if err != nil {
			return err
		}
		size, err := megabytes(path)
		if err != nil {
			return err
		}
		b.add(figure{Group: "size", What: name + ", stripped", Got: size, Floor: &hello, FloorIs: "hello", Bars: []bar{atMost(most)}})
	}
	return nil
}

func megabytes(path string) (quantity, error) {
	info, err := os.Stat(path)
	if err != nil {
		return quantity{}, fmt.Errorf("look at program: %w", err)
	}
	return quantity{float64(info.Size()) / 1e6, "MB"}, nil
}

// wait sleeps, or ends early with the context's error.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
