// Package server is the sync server: an http.Handler over one store of
// accounts. It knows who asks, bounds what is asked, and hands the request to
// the dialect whose path it is.
//
// Rules of the room: the account comes from the token alone. Every error is a
// problem with a code and a request id; no panic, path or query reaches a
// client. The clock and the ids are passed in. The native dialect is in native;
// the others come beside it, as further entries of New's table.
package server

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"stet/syncengine/server/answer"
	"stet/syncengine/server/kinto"
	"stet/syncengine/server/live"
	"stet/syncengine/server/mutations"
	"stet/syncengine/server/native"
	"stet/syncengine/server/store"
	"stet/syncengine/wire"
)

// Options are what a server needs of the world. Now and NewID are required.
type Options struct {
	Now   func() time.Time
	NewID func() string // request ids
	// Log is told of internal errors; nil for nobody.
	Log *slog.Logger
	// Limits are those of notes-sync/1 if zero.
	Limits wire.Limits
	// After is time.After if nil, or a simulated one.
	After func(time.Duration) <-chan time.Time
	// Heartbeat is the longest silence of an event stream; 25 s if 0.
	Heartbeat time.Duration
	// Sweep is how often revoked tokens and writes of other processes are looked
	// for while somebody listens; 2 s if 0.
	Sweep time.Duration
	// Streams is how many streams and waiting polls an account may have open at a
	// time; 256 if 0.
	Streams int
	// Flush lets anyone who can reach the server erase all notes by way of the
	// Kinto dialect. For tests of Kinto's clients.
	Flush bool
}

// complete fills in what was left out.
func (o Options) complete() Options {
	if o.Limits == (wire.Limits{}) {
		o.Limits = wire.DefaultLimits()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.After == nil {
		o.After = time.After
	}
	o.Heartbeat = cmp.Or(o.Heartbeat, 25*time.Second)
	o.Sweep = cmp.Or(o.Sweep, 2*time.Second)
	o.Streams = cmp.Or(o.Streams, 256)
	return o
}

// Server is the handler.
type Server struct {
	store  store.Store
	opts   Options
	hub    *live.Hub
	native *native.Dialect
	others []dialect
}

// dialect is another protocol on paths of its own. It knows how it is told who
// asks, and how it tells what went wrong.
type dialect interface {
	Owns(path string) bool
	Serve(w http.ResponseWriter, r *http.Request)
	// Fail answers an error that is not the dialect's.
	Fail(w http.ResponseWriter, r *http.Request, err error)
}

// New returns a handler that serves s. It owns nothing: closing s is the
// caller's.
func New(s store.Store, opts Options) http.Handler {
	opts = opts.complete()
	hub := live.New(s, live.Options{After: opts.After, Sweep: opts.Sweep, PerAccount: opts.Streams})
	srv := &Server{store: s, opts: opts, hub: hub}
	srv.native = native.New(hub.Store(), native.Options{Now: opts.Now, Limits: opts.Limits, Hub: hub, After: opts.After,
		Heartbeat: opts.Heartbeat})
	srv.others = []dialect{
		kinto.New(hub.Store(), kinto.Options{Now: opts.Now, NewID: opts.NewID, Limits: opts.Limits, Log: opts.Log,
			Authenticate: srv.named, Flush: opts.Flush}),
		mutations.New(hub.Store(), mutations.Options{NewID: opts.NewID, Limits: opts.Limits, Log: opts.Log,
			Authenticate: srv.bearer}),
	}
	return srv
}

// EndStreams ends the streams that are open, answers the polls that wait, and
// lets no new one begin: the server is to stop.
func (s *Server) EndStreams() { s.hub.Close() }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer s.recover(w, r)
	switch r.URL.Path {
	case "/healthz", "/readyz":
		s.health(w, r)
		return
	}
	if d := s.other(r.URL.Path); d != nil {
		d.Serve(w, r)
		return
	}
	if !s.native.Owns(r.URL.Path) {
		s.fail(w, r, wire.NewProblem(http.StatusNotFound, wire.CodeNotFound, "no such page"))
		return
	}
	acc, token, err := s.authenticate(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if err := s.native.Serve(w, r, acc, token); err != nil {
		s.fail(w, r, err)
	}
}

// other returns the dialect of a path, nil if it is the native one's or nobody's.
func (s *Server) other(path string) dialect {
	for _, d := range s.others {
		if d.Owns(path) {
			return d
		}
	}
	return nil
}

// named returns the account of a token; if user is not "", it has to be the
// account's name.
func (s *Server) named(ctx context.Context, user, token string) (store.Account, error) {
	acc, err := s.store.Authenticate(ctx, Hash(token))
	if err == nil && user != "" && user != acc.Name {
		return store.Account{}, store.ErrToken
	}
	return acc, err
}

// bearer returns the account of a token.
func (s *Server) bearer(ctx context.Context, token string) (store.Account, error) {
	return s.named(ctx, "", token)
}

// authenticate finds the account of the request's bearer token. The look-up is
// by hash, and the store compares in constant time.
func (s *Server) authenticate(r *http.Request) (acc store.Account, hash [32]byte, err error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return acc, hash, store.ErrToken
	}
	hash = Hash(token)
	acc, err = s.store.Authenticate(r.Context(), hash)
	return acc, hash, err
}

// Hash returns what a store keeps of a token.
func Hash(token string) [32]byte { return sha256.Sum256([]byte(token)) }

// health answers that the process runs; readyz also that the store can be read.
func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		s.fail(w, r, wire.NewProblem(http.StatusMethodNotAllowed, wire.CodeNotAllowed, ""))
		return
	}
	if r.URL.Path == "/readyz" {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if _, err := s.store.Authenticate(ctx, [32]byte{}); !errors.Is(err, store.ErrToken) {
			s.opts.Log.Error("store is not ready", "err", err)
			s.fail(w, r, wire.NewProblem(http.StatusServiceUnavailable, wire.CodeUnavailable, "the store cannot be read"))
			return
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, "ok\n")
}

// fail answers an error as a problem.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := native.ProblemOf(err)
	out := *p
	out.RequestID = s.opts.NewID()
	if out.Status >= 500 {
		s.opts.Log.Error("request failed", "request", out.RequestID, "method", r.Method, "err", err)
	}
	if out.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="stet"`)
	}
	answer.Problem(w, r, &out)
}

// recover turns a panic into a 500 that tells nothing.
func (s *Server) recover(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		panic(v)
	}
	s.opts.Log.Error("panic", "value", v, "stack", string(debug.Stack()))
	if d := s.other(r.URL.Path); d != nil {
		d.Fail(w, r, errors.New("panic"))
		return
	}
	s.fail(w, r, errors.New("panic"))
}

// HTTP returns an http.Server with the bounds that a server on the open
// network needs. Streams set their own. Its Shutdown ends them first, since
// they would never end by themselves.
func HTTP(h http.Handler, log *slog.Logger) *http.Server {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 60 * time.Second, IdleTimeout: 120 * time.Second, MaxHeaderBytes: 32 << 10}
	if s, ok := h.(interface{ EndStreams() }); ok {
		srv.RegisterOnShutdown(s.EndStreams)
	}
	if log != nil {
		srv.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	}
	return srv
}
