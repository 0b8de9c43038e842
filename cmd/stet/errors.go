package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"stet/model"
	"stet/syncengine"
	"stet/syncengine/remote"
	"stet/ui/kit/cells"
)

// The exit codes. Scripts rely on them.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitReview      = 4
	exitOffline     = 5
	exitAuth        = 6
	exitBusy        = 7
	exitIntegrity   = 8
	exitInterrupted = 130
)

// problem is an error with the sentence, the hint and the code that the user
// gets.
type problem struct {
	code int
	err  error  // the sentence; "" prints nothing
	hint string // what to do about it, "" if nothing
}

func (p *problem) Error() string { return p.err.Error() }
func (p *problem) Unwrap() error { return p.err }

// fail makes a problem. The format may wrap an error with %w.
func fail(code int, hint, format string, args ...any) error {
	return &problem{code, fmt.Errorf(format, args...), hint}
}

// usage makes a problem of how the command was called.
func usage(hint, format string, args ...any) error { return fail(exitUsage, hint, format, args...) }

// newerSchema is said when the notes are opened, and when they should be
// changed.
const newerSchema = "these notes were written by a newer stet: they can be read here, but not changed"

// quiet ends with a code whose reason was already told.
func quiet(code int) error {
	if code == exitOK {
		return nil
	}
	return &problem{code: code, err: errSaid}
}

var (
	errSaid        = errors.New("")
	errInterrupted = &problem{code: exitInterrupted, err: errSaid}
)

func isCanceled(err error) bool {
	var p *problem
	return errors.Is(err, context.Canceled) && !errors.As(err, &p)
}

// report tells an error on stderr and returns the exit code.
func (a *app) report(err error) int {
	if err == nil || isClosedPipe(err) {
		return exitOK
	}
	p := explain(err, a)
	if sentence := cells.CleanLine(p.Error()); sentence != "" {
		if !a.toldOld || sentence != newerSchema {
			a.say("stet: %s", sentence)
		}
		if p.hint != "" {
			a.say("  %s", cells.CleanLine(p.hint))
		}
	}
	return p.code
}

// isClosedPipe reports that the reader of our output went away, which is its
// right.
func isClosedPipe(err error) bool {
	var out *outputError
	return errors.As(err, &out) && errors.Is(err, syscall.EPIPE)
}

// outputError says that stdout could not be written.
type outputError struct{ err error }

func (e *outputError) Error() string { return "write output: " + e.err.Error() }
func (e *outputError) Unwrap() error { return e.err }

// explain turns any error into a sentence, a hint and a code. The order is the
// order in which codes win.
func explain(err error, a *app) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	var out *outputError
	say := func(code int, hint, format string, args ...any) *problem {
		return &problem{code, fmt.Errorf(format, args...), hint}
	}
	switch {
	case errors.Is(err, model.ErrNewerSchema):
		return say(exitIntegrity, "update stet on this device",
			newerSchema)
	case errors.Is(err, model.ErrCorrupt):
		return say(exitIntegrity, "nothing was changed; make a copy of "+a.homeName()+" before anything else",
			"the note store is damaged (%s)", damage(err))
	case errors.Is(err, model.ErrBusy):
		return say(exitBusy, "try again; if it stays so, another stet is writing", "the note store is busy")
	case errors.Is(err, remote.ErrAuth):
		return say(exitAuth, "nothing was lost; sign in again: stet connect URL --token-file FILE", "the server refused the token")
	case errors.Is(err, remote.ErrForbidden):
		return say(exitAuth, "nothing was lost; ask the server's owner", "the server does not allow this token to do that")
	case offline(err):
		return say(exitOffline, "your changes are safe on this device", "%s", offlineSentence(err))
	case errors.Is(err, syncengine.ErrHeld):
		return say(exitReview, "to go on: stet sync --yes", "this round would delete or replace many notes")
	case errors.Is(err, model.ErrReviewMoved):
		return say(exitReview, "look again: stet conflicts", "the other side changed meanwhile")
	case errors.Is(err, model.ErrNotFound):
		return say(exitNotFound, "see: stet ls", "there is no such note")
	case errors.Is(err, model.ErrAmbiguous):
		return say(exitUsage, "write more of the id", "%s", firstLine(err))
	case errors.Is(err, model.ErrInvalid):
		return say(exitUsage, "", "%s", afterMark(err, model.ErrInvalid))
	case errors.Is(err, model.ErrRefused):
		return say(exitFailure, "", "%s", afterMark(err, model.ErrRefused))
	case errors.As(err, &out):
		return say(exitFailure, "", "the output cannot be written (%w)", out.err)
	case errors.Is(err, syscall.ENOSPC):
		return say(exitFailure, "nothing was saved", "the disk is full")
	case errors.Is(err, model.ErrReadOnly), errors.Is(err, fs.ErrPermission):
		return say(exitFailure, "nothing was saved", "%s cannot be written", a.homeName())
	case errors.Is(err, syscall.EIO):
		return say(exitFailure, "look whether it is there before you try again: stet ls", "the disk failed (%s)", firstLine(err))
	}
	return say(exitFailure, "", "%w", err)
}

// offline reports that a round could not be finished for a reason that is not
// ours.
func offline(err error) bool {
	var retry *remote.RetryError
	return errors.Is(err, remote.ErrOffline) || errors.Is(err, remote.ErrNotProtocol) || errors.As(err, &retry) ||
		errors.Is(err, context.DeadlineExceeded)
}

func offlineSentence(err error) string {
	var retry *remote.RetryError
	switch {
	case errors.As(err, &retry) && retry.After > 0:
		return fmt.Sprintf("the server asks to wait %s", retry.After.Round(1e9))
	case errors.As(err, &retry) && !errors.Is(err, remote.ErrOffline):
		return "the server has too much to do and asks to come back later"
	case errors.Is(err, remote.ErrNotProtocol):
		return "what answers there is not a stet server" + because(err, remote.ErrNotProtocol)
	case errors.Is(err, remote.ErrServer):
		return "the server has trouble" + because(err, remote.ErrServer)
	}
	return "the server cannot be reached" + because(err, remote.ErrOffline)
}

// because is the detail that follows a sentinel in an error's text, in
// parentheses, or nothing.
func because(err, mark error) string {
	if detail := afterMark(err, mark); detail != err.Error() {
		return " (" + detail + ")"
	}
	return ""
}

// damage tells what is wrong with a store, without the heading that SQLite puts
// over what it found.
func damage(err error) string {
	text := afterMark(err, model.ErrCorrupt)
	if head, found, ok := strings.Cut(text, "\n"); ok && strings.HasPrefix(head, "***") {
		text, _, _ = strings.Cut(found, "\n")
	}
	return text
}

// firstLine returns an error's text up to its first newline.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// afterMark returns the part of an error's text that follows the sentinel:
// what was wrong, without the chain of what was attempted.
func afterMark(err, mark error) string {
	text := err.Error()
	if i := strings.Index(text, mark.Error()+": "); i >= 0 {
		return text[i+len(mark.Error())+2:]
	}
	return text
}

// worst returns the error whose code is highest, for commands that try several
// notes.
func (a *app) worst(err, other error) error {
	switch {
	case err == nil:
		return other
	case other == nil || explain(err, a).code >= explain(other, a).code:
		return err
	}
	return other
}
