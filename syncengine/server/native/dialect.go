// Package native serves the protocol notes-sync/1: ops, batches, changes, and
// notes as resources.
//
// Rules of the room: a request comes with its account; nothing else says whose
// notes these are. Every way to write becomes an op and goes through the
// store's Apply, which looks up the key before it judges. Errors are returned,
// not written: the server gives them their request id.
package native

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"stet/model"
	"stet/syncengine/server/live"
	"stet/syncengine/server/store"
	"stet/syncengine/wire"
)

// Options are what the dialect needs of the world.
type Options struct {
	Now    func() time.Time
	Limits wire.Limits
	// Hub tells of changes to who waits for them.
	Hub *live.Hub
	// After is time.After, or a simulated one.
	After func(time.Duration) <-chan time.Time
	// Heartbeat is the longest silence of a stream.
	Heartbeat time.Duration
}

// Dialect answers the native paths.
type Dialect struct {
	store store.Store
	opts  Options
}

// New returns the dialect over a store.
func New(s store.Store, opts Options) *Dialect { return &Dialect{store: s, opts: opts} }

// call is one request with its account and its note, if the path names one.
type call struct {
	w     http.ResponseWriter
	r     *http.Request
	acc   store.Account
	token [32]byte // hash of the token that the request came with
	note  string
}

type handler func(d *Dialect, c call) error

// route returns the methods of a path, nil if it is not ours.
func route(path string) (methods map[string]handler, note string) {
	switch path {
	case wire.PathOps:
		return map[string]handler{http.MethodPost: (*Dialect).postOp}, ""
	case wire.PathBatch:
		return map[string]handler{http.MethodPost: (*Dialect).postBatch}, ""
	case wire.PathChanges:
		return map[string]handler{http.MethodGet: (*Dialect).getChanges}, ""
	case wire.PathEvents:
		return map[string]handler{http.MethodGet: (*Dialect).getEvents}, ""
	case wire.PathMeta:
		return map[string]handler{http.MethodGet: (*Dialect).getMeta}, ""
	case wire.PathNotes:
		return map[string]handler{http.MethodGet: (*Dialect).getNotes}, ""
	}
	note, ok := strings.CutPrefix(path, wire.PathNotes+"/")
	if !ok {
		return nil, ""
	}
	if id, ok := strings.CutSuffix(note, "/history"); ok {
		return map[string]handler{http.MethodGet: (*Dialect).getHistory}, id
	}
	return map[string]handler{http.MethodGet: (*Dialect).getNote, http.MethodPut: (*Dialect).putNote,
		http.MethodPatch: (*Dialect).patchNote, http.MethodDelete: (*Dialect).deleteNote}, note
}

// Owns reports whether a path is the dialect's.
func (d *Dialect) Owns(path string) bool {
	methods, _ := route(path)
	return methods != nil
}

// Serve answers a request of an account, which the token with this hash opened,
// or returns why not.
func (d *Dialect) Serve(w http.ResponseWriter, r *http.Request, acc store.Account, token [32]byte) error {
	methods, note := route(r.URL.Path)
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	h := methods[method]
	if h == nil {
		w.Header().Set("Allow", allow(methods))
		return wire.NewProblem(http.StatusMethodNotAllowed, wire.CodeNotAllowed, "")
	}
	if strings.HasPrefix(r.URL.Path, wire.PathNotes+"/") && !wire.ValidNoteID(note) {
		return unknownNote()
	}
	return h(d, call{w, r, acc, token, note})
}

func allow(methods map[string]handler) string {
	var names []string
	for name := range methods {
		if names = append(names, name); name == http.MethodGet {
			names = append(names, http.MethodHead)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func unknownNote() *wire.Problem {
	return wire.NewProblem(http.StatusNotFound, wire.CodeUnknownNote, "no such note")
}

// ProblemOf returns any error as a problem. What is not foreseen is 500 and
// tells nothing.
func ProblemOf(err error) *wire.Problem {
	var p *wire.Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, store.ErrToken), errors.Is(err, store.ErrNoAccount):
		return wire.NewProblem(http.StatusUnauthorized, wire.CodeUnauthorized, "a valid bearer token is needed")
	case errors.Is(err, live.ErrTooMany):
		p = wire.NewProblem(http.StatusTooManyRequests, wire.CodeTooMany, "this account has too many open streams")
		p.RetryAfter = 30
		return p
	case errors.Is(err, store.ErrEpoch):
		return resync(wire.CodeEpochChanged, "the server's data were restored or replaced")
	case errors.Is(err, store.ErrUnknown):
		return resync(wire.CodeCursorUnknown, "this cursor was never given out")
	case errors.Is(err, store.ErrExpired):
		return resync(wire.CodeCursorExpired, "this cursor is older than what is kept")
	case errors.Is(err, model.ErrNotFound):
		return unknownNote()
	case errors.Is(err, model.ErrBusy), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		p = wire.NewProblem(http.StatusServiceUnavailable, wire.CodeUnavailable, "busy, try again")
		p.RetryAfter = 1
		return p
	}
	return wire.NewProblem(http.StatusInternalServerError, wire.CodeInternal, "")
}

func resync(code, detail string) *wire.Problem {
	p := wire.NewProblem(http.StatusGone, code, detail)
	p.Resync = "full"
	return p
}
