package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/charmbracelet/x/term"

	"stet/model"
)

// app is what every command is given: the streams, the home, and the store
// once it was opened.
type app struct {
	in     *os.File
	stdout *os.File
	out    *output
	err    io.Writer
	getenv func(string) string

	interrupted <-chan struct{} // closed by the first interrupt; nil never

	homeFlag string
	home     *home
	device   *device
	helpErr  error // why help could not be written
	toldOld  bool  // said that a newer stet wrote the notes
}

// output is a buffered stdout that remembers why it could not be written.
type output struct{ *bufio.Writer }

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if err != nil {
		return n, &outputError{err}
	}
	return n, nil
}

// flush writes what is buffered.
func (o *output) flush() error {
	if err := o.Flush(); err != nil {
		return &outputError{err}
	}
	return nil
}

// newApp returns the app of this process.
func newApp() *app {
	return &app{in: os.Stdin, stdout: os.Stdout, out: &output{bufio.NewWriterSize(os.Stdout, 32<<10)}, err: os.Stderr,
		getenv: os.Getenv}
}

// close flushes stdout and closes the store.
func (a *app) close() error {
	err := a.out.flush()
	if a.device != nil {
		err = errors.Join(err, a.device.close())
		a.device = nil
	}
	return err
}

// say writes one message to stderr.
func (a *app) say(format string, args ...any) {
	// A message that cannot be told has nobody to tell it to.
	_, _ = fmt.Fprintf(a.err, format+"\n", args...)
}

// print writes data to stdout.
func (a *app) print(format string, args ...any) error {
	_, err := fmt.Fprintf(a.out, format, args...)
	return err
}

// toTerminal reports whether stdout is a terminal.
func (a *app) toTerminal() bool { return term.IsTerminal(a.stdout.Fd()) }

// interactive reports whether somebody can be asked.
func (a *app) interactive() bool {
	return term.IsTerminal(a.in.Fd()) && term.IsTerminal(os.Stderr.Fd())
}

// ask puts a yes-or-no question on a terminal; anything but y is no.
func (a *app) ask(question string) bool {
	_, _ = fmt.Fprintf(a.err, "%s [y/N] ", question)
	answer, _ := interruptibly(a, func() (answer string, err error) {
		_, err = fmt.Fscanln(a.in, &answer)
		return answer, err
	})
	return answer == "y" || answer == "Y" || answer == "yes"
}

// open opens the store once and tells when it can only be read.
func (a *app) open(ctx context.Context) (*device, error) {
	if a.device != nil {
		return a.device, nil
	}
	h, err := a.findHome()
	if err != nil {
		return nil, err
	}
	d, err := openDevice(ctx, h)
	if err != nil {
		return nil, err
	}
	a.device = d
	if reason := d.store.ReadOnly(); errors.Is(reason, model.ErrNewerSchema) {
		a.say("stet: %s", newerSchema)
		a.toldOld = true
	}
	return d, nil
}

// find opens the store and looks up a note by a short id.
func (a *app) find(ctx context.Context, short string) (*device, string, error) {
	d, err := a.open(ctx)
	if err != nil {
		return nil, "", err
	}
	id, err := d.lookup(ctx, short)
	return d, id, err
}

// each runs f for every id given; all are tried, and the worst error is
// returned after the others were told.
func (a *app) each(ctx context.Context, shorts []string, f func(d *device, id string) error) error {
	var worst error
	for _, short := range shorts {
		d, id, err := a.find(ctx, short)
		if err == nil {
			err = f(d, id)
		}
		if err != nil && len(shorts) > 1 {
			err = quiet(a.report(err))
		}
		if worst = a.worst(worst, err); isCanceled(err) {
			break
		}
	}
	return worst
}
