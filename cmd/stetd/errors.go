package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"stet/db/server/sqlite"
	"stet/model"
	"stet/syncengine/server/store"
)

// Exit codes, as stet has them.
const (
	exitOK        = 0
	exitFailure   = 1
	exitUsage     = 2
	exitNotFound  = 3
	exitBusy      = 7
	exitIntegrity = 8
	exitInterrupt = 130
)

// usageError is a command line that makes no sense.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usage(text string) error { return &usageError{text} }

// notFoundError names what is not there.
type notFoundError struct{ text string }

func (e *notFoundError) Error() string { return e.text }

// storeError is a store that could not be opened.
type storeError struct {
	path string
	err  error
}

func (e *storeError) Error() string { return e.path + ": " + e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }

// explain returns the sentence and the exit code of an error.
func explain(err error) (string, int) {
	var use *usageError
	var missing *notFoundError
	switch {
	case errors.As(err, &use):
		return use.text + " (see stetd help)", exitUsage
	case errors.As(err, &missing):
		return missing.text, exitNotFound
	case errors.Is(err, store.ErrNoAccount):
		return "there is no such account (stetd account ls lists them)", exitNotFound
	case errors.Is(err, store.ErrExists):
		return "there is such an account already (stetd token add makes another token)", exitFailure
	case errors.Is(err, context.Canceled):
		return "interrupted", exitInterrupt
	}
	if text, code, ok := explainFile(err); ok {
		return text, code
	}
	if text, code, ok := explainStore(err); ok {
		return text, code
	}
	return err.Error(), exitFailure
}

func explainStore(err error) (string, int, bool) {
	name := "the store"
	var at *storeError
	if errors.As(err, &at) {
		name = "the store " + at.path
	}
	var where *sqlite.PlaceError
	var beside *sqlite.SideError
	switch {
	case errors.As(err, &beside):
		return "the file " + beside.Path + ", which tells whether " + name + " was replaced, cannot be read or written: " + beside.Err.Error() + "; mend that, or move it away: every device then compares its notes once", exitFailure, true
	case errors.As(err, &where):
		return name + " is on a network file system (" + where.Kind + "), where it can be damaged; --store takes a file on a disk of this machine", exitFailure, true
	case errors.Is(err, sqlite.ErrServed):
		return name + " is open in another process; stop the server (stetd serve) first", exitBusy, true
	case errors.Is(err, sqlite.ErrNotEmpty):
		return name + " is there already; --force replaces it and keeps it beside the new one", exitFailure, true
	case errors.Is(err, model.ErrBusy):
		return name + " is in use by another process, try again", exitBusy, true
	case errors.Is(err, model.ErrCorrupt):
		return name + " is damaged or no store of stetd; it was left as it is", exitIntegrity, true
	case errors.Is(err, model.ErrNewerSchema):
		return name + " was written by a newer stetd; install that version", exitIntegrity, true
	case errors.Is(err, model.ErrReadOnly):
		return name + " can only be read; check its owner and permissions", exitFailure, true
	case at == nil:
		return "", 0, false
	case errors.Is(err, fs.ErrNotExist):
		return "there is no store at " + at.path + " (--store names its file)", exitNotFound, true
	case errors.Is(err, sqlite.ErrEmpty):
		return name + " is an empty file", exitNotFound, true
	case strings.Contains(err.Error(), "no such table"): // a database, but somebody else's
		return name + " is damaged or no store of stetd; it was left as it is", exitIntegrity, true
	case errors.Is(err, fs.ErrPermission):
		return name + " cannot be opened: permission denied", exitFailure, true
	case errors.Is(err, syscall.ENOSPC):
		return name + " has no room left on its disk", exitFailure, true
	case errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENOTDIR):
		return name + " cannot be opened: a folder where a file should be, or the reverse", exitFailure, true
	}
	return "", 0, false
}

// explainFile tells why a backup's file cannot be read or written.
func explainFile(err error) (string, int, bool) {
	var file *sqlite.FileError
	if !errors.As(err, &file) {
		return "", 0, false
	}
	name := "the backup " + file.Path
	switch {
	case errors.Is(err, fs.ErrExist):
		return name + " is there already; a backup never replaces a file", exitFailure, true
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file or folder: " + file.Path, exitNotFound, true
	case errors.Is(err, model.ErrCorrupt), errors.Is(err, sqlite.ErrEmpty):
		return name + " is damaged or no store of stetd; nothing was changed", exitIntegrity, true
	case errors.Is(err, model.ErrNewerSchema):
		return name + " was written by a newer stetd; install that version", exitIntegrity, true
	case errors.Is(err, model.ErrBusy):
		return name + " is being written by another process", exitBusy, true
	case errors.Is(err, syscall.ENOSPC):
		return name + " does not fit on the disk; nothing of it is left there", exitFailure, true
	case errors.Is(err, fs.ErrPermission):
		return name + " cannot be read or written: permission denied", exitFailure, true
	}
	return name + " cannot be used: " + file.Err.Error(), exitFailure, true
}

// noArgs and oneName check a command's words.
func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(fmt.Sprintf("unknown word %q", args[0]))
	}
	return nil
}

func oneName(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usage("want one account name")
	}
	if !validName(args[0]) {
		return usage("an account name is 1 to 64 letters, digits and . _ @ + -, and starts with a letter or digit")
	}
	return nil
}

func validName(name string) bool {
	for i := range len(name) {
		c := name[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '.' && c != '_' && c != '@' && c != '+' && c != '-') {
			return false
		}
	}
	return name != "" && len(name) <= 64
}

func oneFile(_ *cobra.Command, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return usage("want one file name")
	}
	return nil
}

// needsCommand answers a command that only groups others.
func needsCommand(cmd *cobra.Command, _ []string) error {
	cmd.SetOut(cmd.ErrOrStderr()) // help that nobody asked for is no data
	_ = cmd.Help()
	return usage("say which command")
}
