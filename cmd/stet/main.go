// Command stet is the app: a terminal user interface and a command line over
// one device's notes.
//
// Rules of the room: data go to stdout, messages to stderr; nothing is asked
// and nothing coloured unless on a terminal. A command touches the store only
// when it runs, never while the commands are set up, so that `stet add` costs a
// few milliseconds. wire.go alone names concrete types and sources of time, ids
// and randomness. Text from notes and servers passes cells.Clean before it
// reaches a terminal. Exit codes are those of errors.go and never change.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run(os.Args[1:], newApp())) }

// run is the whole program but for the exit itself.
func run(args []string, a *app) int {
	ctx, stop := interruptible()
	defer stop()
	a.interrupted = ctx.Done()
	err := execute(ctx, a, args)
	if closeErr := a.close(); err == nil {
		err = closeErr
	}
	if ctx.Err() != nil && (err == nil || isCanceled(err)) {
		err = errInterrupted
	}
	return a.report(err)
}

// interruptible returns a context that the first interrupt cancels; the second
// ends the process at once. A write to a closed pipe becomes an error instead
// of death, so that what was saved is also reported as saved.
func interruptible() (context.Context, context.CancelFunc) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
