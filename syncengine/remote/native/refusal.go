package native

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"stet/syncengine/remote"
	"stet/syncengine/remote/link"
	"stet/syncengine/wire"
)

// errTooMany is what a 429's RetryError wraps: nothing was applied. A 503's
// wraps ErrOffline instead: the work may have been done.
var errTooMany = errors.New("too many requests")

// refusal sorts an answer that is no success: an error that concerns the whole
// exchange, or the server's problem, which the caller must map.
func refusal(a answer) (*wire.Problem, error) {
	wait := link.RetryAfter(a.header)
	switch {
	case a.status == http.StatusUnauthorized:
		return nil, remote.ErrAuth
	case a.status == http.StatusForbidden:
		return nil, remote.ErrForbidden
	case a.status == http.StatusTooManyRequests:
		return nil, &remote.RetryError{After: wait, Err: errTooMany}
	case a.status == http.StatusServiceUnavailable, a.status >= 500 && wait > 0:
		return nil, &remote.RetryError{After: wait, Err: failed(a.status)}
	case a.status == http.StatusNetworkAuthenticationRequired:
		return nil, link.NotProtocol("the network wants a log-in")
	case a.status >= 500:
		return nil, failed(a.status)
	case a.status == http.StatusRequestTimeout:
		return nil, fmt.Errorf("%w: status %d", remote.ErrOffline, a.status)
	case a.status < 400:
		return nil, link.NotProtocol("status %d", a.status)
	}
	p, err := problem(a)
	if err != nil {
		return nil, err
	}
	if reason, ok := resync(p); ok {
		return nil, &remote.ResyncError{Reason: reason}
	}
	return p, nil
}

// failed is a server's own failure: it may have done the work.
func failed(status int) error {
	return fmt.Errorf("%w, %w: status %d", remote.ErrServer, remote.ErrOffline, status)
}

// problem reads an error answer's body.
func problem(a answer) (*wire.Problem, error) {
	if a.is(wire.TypeProblem) || a.is(wire.TypeJSON) {
		if p, err := wire.DecodeProblem(a.status, a.body); err == nil {
			return p, nil
		}
	}
	if a.status == http.StatusRequestEntityTooLarge { // proxies answer this by themselves, and mean it
		return wire.NewProblem(a.status, wire.CodeTooLarge, ""), nil
	}
	return nil, link.NotProtocol("status %d without a problem", a.status)
}

// resync reports whether a problem concerns our cursor. One that cannot even be
// read was never given out; a reason that we do not know is the careful one.
func resync(p *wire.Problem) (remote.ResyncReason, bool) {
	switch {
	case p.Code == wire.CodeCursorExpired:
		return remote.CursorExpired, true
	case p.Code == wire.CodeEpochChanged:
		return remote.EpochChanged, true
	case p.Code == wire.CodeCursorUnknown, p.Code == wire.CodeBadCursor, p.Status == http.StatusGone && p.Resync != "":
		return remote.CursorUnknown, true
	}
	return "", false
}

// maxSentence bounds what is kept of a server's words, in bytes.
const maxSentence = 200

// sentence says for a person why an op was refused. The server's own words are
// hostile text like any other; they hold nothing of the note if it keeps its
// promise, and are cut short if not.
func sentence(p *wire.Problem) string {
	switch p.Code {
	case wire.CodeTooLarge:
		return "too large for the server"
	case wire.CodeKeyReused:
		return "the server knows this change's id with another content"
	case wire.CodeNotTried:
		return "waits for an earlier change of the note"
	case wire.CodeInFlight:
		return "the server is still at work on it"
	}
	var parts []string
	for _, e := range p.Errors {
		parts = append(parts, e.Field+": "+e.Detail)
	}
	switch {
	case len(parts) > 0:
		return cut("the server does not take it: " + strings.Join(parts, "; "))
	case p.Detail != "":
		return cut("the server refused it: " + p.Detail)
	}
	return cut("the server refused it: " + p.Code)
}

func cut(s string) string {
	if len(s) <= maxSentence {
		return s
	}
	s = s[:maxSentence]
	for len(s) > 0 {
		if r, n := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || n > 1 {
			break
		}
		s = s[:len(s)-1]
	}
	return s + "…"
}
