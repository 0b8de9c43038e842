package main

import (
	"fmt"
	"io"
	"os"
	"unicode/utf8"
)

// maxInput bounds what is read from stdin or a file: somewhat more than a note
// may hold, so that too large a text is refused and not cut.
const maxInput = 8 << 20

// text reads a flag's value; "-" stands for stdin.
func (a *app) text(value string) (string, error) {
	if value != "-" {
		return valid("the text", value)
	}
	return a.stdin()
}

// file reads a whole text from a file or stdin.
func (a *app) file(path string) (string, error) {
	if path == "-" {
		return a.stdin()
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fail(exitUsage, "", "%s cannot be read: %w", path, unwrapPath(err))
	}
	defer f.Close()
	return readText(f, path)
}

func (a *app) stdin() (string, error) {
	return interruptibly(a, func() (string, error) { return readText(a.in, "stdin") })
}

// interruptibly waits for somebody's input, or for the interrupt that ends the
// wait. The reading itself cannot be ended; it goes with the process.
func interruptibly[T any](a *app, read func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		value, err := read()
		answered <- answer{value, err}
	}()
	select {
	case got := <-answered:
		return got.value, got.err
	case <-a.interrupted:
		var none T
		return none, errInterrupted
	}
}

// piped returns what was piped into the command, "" if nothing was: a terminal
// or a device like /dev/null is not read.
func (a *app) piped() (string, error) {
	info, err := a.in.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice != 0 || info.IsDir() {
		return "", nil
	}
	return a.stdin()
}

// readText reads bytes exactly and refuses what is not UTF-8 or too large.
func readText(r io.Reader, name string) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	if len(data) > maxInput {
		return "", usage("nothing was stored", "%s holds more than a note can", name)
	}
	return valid(name, string(data))
}

// valid refuses text that is not UTF-8, the only text a note can hold.
func valid(name, s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", usage("nothing was stored; convert it, for example with iconv", "%s is not valid UTF-8", name)
	}
	return s, nil
}

func unwrapPath(err error) error {
	if p, ok := err.(*os.PathError); ok {
		return p.Err
	}
	return err
}
