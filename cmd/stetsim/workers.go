package main

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"

	"stet/syncengine/sim"
)

// worker checks schedules, one at a time.
type worker interface {
	check(seed uint64) (sim.Result, error)
	close() error
}

// newWorker returns one that works here, or, where there are to be several, in
// a process of its own: those of one process wait for each other's memory,
// files and garbage.
func newWorker(o options) (worker, error) {
	if o.workers > 1 {
		return startChild(o)
	}
	return newLocal(o), nil
}

// local is a worker in this process.
type local struct {
	o    options
	with sim.Options
}

func newLocal(o options) *local {
	l := &local{o, sim.Options{Dir: o.dir}}
	if pool, err := sim.NewPool(o.dir); err == nil { // without one each run makes its own, or tells why it cannot
		l.with.Pool = pool
	}
	return l
}

func (l *local) check(seed uint64) (sim.Result, error) {
	return check(sim.Draw(seed), l.o.every(), l.with), nil
}

func (l *local) close() error {
	if l.with.Pool == nil {
		return nil
	}
	return l.with.Pool.Close()
}

// child is a worker in a process of its own, this program again with -child. It
// is sent seeds and answers each with its result.
type child struct {
	cmd   *exec.Cmd
	seeds io.WriteCloser
	enc   *gob.Encoder
	dec   *gob.Decoder
}

func startChild(o options) (*child, error) {
	args := []string{"-child", "-workers", "1", "-first=" + strconv.FormatBool(o.first)}
	c := &child{cmd: exec.Command(o.program, args...)}
	c.cmd.Stderr = os.Stderr
	seeds, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start worker: %w", err)
	}
	results, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start worker: %w", err)
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start worker: %w", err)
	}
	c.seeds, c.enc, c.dec = seeds, gob.NewEncoder(seeds), gob.NewDecoder(results)
	return c, nil
}

func (c *child) check(seed uint64) (res sim.Result, err error) {
	if err = c.enc.Encode(seed); err == nil {
		err = c.dec.Decode(&res)
	}
	if err != nil {
		return res, fmt.Errorf("a worker gave no result for seed %d: %w", seed, err)
	}
	return res, nil
}

// close sends no more seeds and waits for the process to end.
func (c *child) close() error {
	_ = c.seeds.Close() // it may have ended already
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("a worker ended with %w", err)
	}
	return nil
}

// serve is what a child does: it reads seeds and writes results until no more
// seeds come.
func serve(r io.Reader, w io.Writer, o options) (err error) {
	own := newLocal(o)
	defer func() { err = errors.Join(err, own.close()) }()
	dec, enc := gob.NewDecoder(r), gob.NewEncoder(w)
	for {
		var seed uint64
		if err := dec.Decode(&seed); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read seed: %w", err)
		}
		res, err := own.check(seed)
		if err != nil {
			return err
		}
		res.Dump = "" // long, and nobody asks for it
		if err := enc.Encode(res); err != nil {
			return fmt.Errorf("send result: %w", err)
		}
	}
}
