// Package mutations serves the mutations log and its direct endpoints of notes
// over the notes of an account: the same notes and the same clock as in every
// other dialect. The log's timestamps are the notes' revisions, its head is the
// newest of them.
//
// Rules of the room: what an answer says is looked at and written in one
// transaction of the store. A write names the head or nothing of it is applied.
// A client that asks for the guard (package mutlog) is told ops and revisions,
// and what it sends is held to them; no other client sees anything of it.
package mutations

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"stet/model"
	"stet/syncengine/server/answer"
	"stet/syncengine/server/store"
	"stet/syncengine/wire"
	"stet/syncengine/wire/mutlog"
)

// Options are what the dialect needs of the world.
type Options struct {
	NewID  func() string // of notes whose maker gave them none, and of requests
	Limits wire.Limits
	// Authenticate returns the account of a token; store.ErrToken.
	Authenticate func(ctx context.Context, token string) (store.Account, error)
	Log          *slog.Logger
}

// Dialect answers the paths of the mutations log.
type Dialect struct {
	store store.Store
	opts  Options
}

// New returns the dialect over a store.
func New(s store.Store, opts Options) *Dialect { return &Dialect{store: s, opts: opts} }

// call is one request with its account and its note, if the path names one.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	acc    store.Account
	device string
	guard  bool
	note   string
}

// Base is where a server has the dialect.
const Base = "/mutations"

type handler func(d *Dialect, c call) error

// route returns the methods of a path, nil if it is not ours.
func route(path string) (methods map[string]handler, note string) {
	path, ok := strings.CutPrefix(path, Base)
	if !ok {
		return nil, ""
	}
	switch path {
	case mutlog.PathSync:
		return map[string]handler{http.MethodGet: (*Dialect).getSync, http.MethodPost: (*Dialect).postSync}, ""
	case mutlog.PathNotes:
		return map[string]handler{http.MethodGet: (*Dialect).listNotes, http.MethodPost: (*Dialect).postNote}, ""
	}
	note, ok = strings.CutPrefix(path, mutlog.PathNotes+"/")
	if !ok {
		return nil, ""
	}
	return map[string]handler{http.MethodGet: (*Dialect).getNote, http.MethodPatch: (*Dialect).patchNote,
		http.MethodDelete: (*Dialect).deleteNote}, note
}

// Owns reports whether a path is the dialect's.
func (d *Dialect) Owns(path string) bool {
	methods, _ := route(path)
	return methods != nil
}

// Serve answers a request for one of the dialect's paths.
func (d *Dialect) Serve(w http.ResponseWriter, r *http.Request) {
	if err := d.serve(w, r); err != nil {
		d.Fail(w, r, err)
	}
}

func (d *Dialect) serve(w http.ResponseWriter, r *http.Request) error {
	methods, note := route(r.URL.Path)
	h := methods[cmp.Or(map[string]string{http.MethodHead: http.MethodGet}[r.Method], r.Method)]
	if h == nil {
		w.Header().Set("Allow", allow(methods))
		return &refusal{status: http.StatusMethodNotAllowed, text: "method is not allowed"}
	}
	acc, err := d.authenticate(r)
	if err != nil {
		return err
	}
	client := strings.TrimSpace(r.Header.Get(mutlog.HeaderClient))
	if client == "" {
		return invalid("missing header x-client-id")
	}
	c := call{w: w, r: r, acc: acc, device: label(client), guard: r.Header.Get(mutlog.HeaderGuard) == mutlog.GuardOn, note: note}
	w.Header().Set("Cache-Control", "no-store")
	if c.guard {
		w.Header().Set(mutlog.HeaderGuard, mutlog.GuardOn)
	}
	return h(d, c)
}

// maxLabel bounds the label of a device, in characters, as everywhere.
const maxLabel = 128

func label(client string) string {
	client = strings.ToValidUTF8(client, "")
	for utf8.RuneCountInString(client) > maxLabel {
		_, n := utf8.DecodeLastRuneInString(client)
		client = client[:len(client)-n]
	}
	return client
}

// authenticate finds the account of the protocol's token header, or of a bearer
// token.
func (d *Dialect) authenticate(r *http.Request) (store.Account, error) {
	token := strings.TrimSpace(r.Header.Get(mutlog.HeaderToken))
	if token == "" {
		scheme, bearer, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if strings.EqualFold(scheme, "Bearer") {
			token = strings.TrimSpace(bearer)
		}
	}
	if token == "" {
		return store.Account{}, store.ErrToken
	}
	return d.opts.Authenticate(r.Context(), token)
}

func allow(methods map[string]handler) string {
	var names []string
	for _, name := range []string{http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodPatch, http.MethodPost} {
		if methods[name] != nil || name == http.MethodHead && methods[http.MethodGet] != nil {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// success answers with data and the account's number. head 0 tells none.
func (c call) success(head int64, data any) error {
	if head != 0 {
		c.w.Header().Set(mutlog.HeaderAt, strconv.FormatInt(head, 10))
	}
	return answer.JSON(c.w, c.r, http.StatusOK, mutlog.Success[any]{Success: true, Data: data})
}

// number reads a parameter that must be an integer within bounds.
func (c call) number(name string, absent, low, high int64) (int64, error) {
	text := c.r.URL.Query().Get(name)
	if text == "" && absent >= low {
		return absent, nil
	}
	if text == "" {
		return 0, invalid("missing parameter " + name)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < low || n > high {
		return 0, invalid("invalid parameter " + name)
	}
	return n, nil
}

// required is number's absent for a parameter that must be there.
const required = -2

// headOf is the account's number: its newest note's, -1 if there was none.
func headOf(r store.Reader) (int64, error) {
	head, err := r.Newest(store.Notes)
	if head == 0 {
		head = mutlog.NoHistory
	}
	return head, err
}

// refusal is an error answer.
type refusal struct {
	status int
	code   string // of the shape with a code; "" for the other one
	text   string
}

func (e *refusal) Error() string { return strconv.Itoa(e.status) + " " + e.code + " " + e.text }

func invalid(text string) error { return &refusal{status: http.StatusBadRequest, text: text} }

func notFound() error { return &refusal{status: http.StatusNotFound, text: "no such note"} }

func validation(text string) error {
	return &refusal{http.StatusUnprocessableEntity, mutlog.CodeValidation, text}
}

// types are the names of statuses in errors without a code.
var types = map[int]string{http.StatusBadRequest: "invalid_request", http.StatusUnauthorized: "unauthorized", http.StatusForbidden: "forbidden",
	http.StatusNotFound: "not_found", http.StatusMethodNotAllowed: "method_not_allowed", http.StatusRequestEntityTooLarge: "request_too_large",
	http.StatusUnsupportedMediaType: "unsupported_media_type", http.StatusUnprocessableEntity: "unprocessable_entity",
	http.StatusTooManyRequests: "rate_limit_exceeded", http.StatusServiceUnavailable: "service_unavailable"}

// refusalOf returns any error as one. What is not foreseen is 500 and tells
// nothing.
func refusalOf(err error) *refusal {
	var e *refusal
	var p *wire.Problem
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &p):
		return &refusal{status: p.Status, text: cmp.Or(p.Detail, p.Title)}
	case errors.Is(err, store.ErrToken), errors.Is(err, store.ErrNoAccount):
		return &refusal{status: http.StatusUnauthorized, text: "a valid x-auth-token is needed"}
	case errors.Is(err, model.ErrNotFound):
		return &refusal{status: http.StatusNotFound, text: "no such note"}
	case errors.Is(err, model.ErrBusy), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &refusal{status: http.StatusServiceUnavailable, text: "busy, try again"}
	}
	return &refusal{status: http.StatusInternalServerError, text: "internal error"}
}

// Fail answers an error in the protocol's shape.
func (d *Dialect) Fail(w http.ResponseWriter, r *http.Request, err error) {
	e := refusalOf(err)
	id := d.opts.NewID()
	if e.status >= 500 {
		d.opts.Log.Error("request failed", "request", id, "method", r.Method, "err", err)
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set(wire.HeaderRequestID, id)
	if e.status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	f := mutlog.Failure{Message: e.text, Type: cmp.Or(types[e.status], "internal_server_error")}
	if e.code != "" {
		f = mutlog.Failure{Error: &mutlog.Error{Code: e.code, Message: e.text}}
	}
	_ = answer.JSON(w, r, e.status, f)
}
