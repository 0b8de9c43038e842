// Package server is the sync server: an http.Handler over one store of
// accounts. It knows who asks, bounds what is asked, and hands the request to
// the dialect whose path it is.
//
// Rules of the room: the account comes from the token alone. Every error is a
// problem with a code and a request id; no panic, path or query reaches a
// client. The clock and the ids are passed in. The native dialect is in native;
// kinto and mutations come beside it, as further entries of New's table.
package server

import (
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
}

// Server is the handler.
type Server struct {
	store  store.Store
	opts   Options
	native *native.Dialect
}

// New returns a handler that serves s. It owns nothing: closing s is the
// caller's.
func New(s store.Store, opts Options) http.Handler {
	if opts.Limits == (wire.Limits{}) {
		opts.Limits = wire.DefaultLimits()
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{store: s, opts: opts, native: native.New(s, native.Options{Now: opts.Now, Limits: opts.Limits})}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer s.recover(w, r)
	switch r.URL.Path {
	case "/healthz", "/readyz":
		s.health(w, r)
		return
	}
	if !s.native.Owns(r.URL.Path) {
		s.fail(w, r, wire.NewProblem(http.StatusNotFound, wire.CodeNotFound, "no such page"))
		return
	}
	acc, err := s.authenticate(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if err := s.native.Serve(w, r, acc); err != nil {
		s.fail(w, r, err)
	}
}

// authenticate finds the account of the request's bearer token. The look-up is
// by hash, and the store compares in constant time.
func (s *Server) authenticate(r *http.Request) (store.Account, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return store.Account{}, store.ErrToken
	}
	return s.store.Authenticate(r.Context(), Hash(token))
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
	s.fail(w, r, errors.New("panic"))
}

// HTTP returns an http.Server with the bounds that a server on the open
// network needs.
func HTTP(h http.Handler, log *slog.Logger) *http.Server {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 60 * time.Second, IdleTimeout: 120 * time.Second, MaxHeaderBytes: 32 << 10}
	if log != nil {
		srv.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	}
	return srv
}
