package mutations

import (
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"stet/syncengine/remote"
	"stet/syncengine/remote/link"
	"stet/syncengine/wire"
	"stet/syncengine/wire/mutlog"
)

// errTooMany is what a 429's RetryError wraps: nothing was applied. A 503's
// wraps ErrOffline instead: the work may have been done.
var errTooMany = errors.New("too many requests")

// refused is an answer that says what is wrong with what was asked.
type refused struct {
	status int
	text   string
}

// refusal sorts an answer that is no success: an error that concerns the whole
// exchange, or what the server has against the request, which the caller must
// map. A 409 is one whatever it says: it has two shapes that are known, and
// nothing else that it could mean.
func refusal(a answer) (refused, error) {
	wait := link.RetryAfter(a.header)
	switch {
	case a.status == http.StatusUnauthorized:
		return refused{}, remote.ErrAuth
	case a.status == http.StatusForbidden:
		return refused{}, remote.ErrForbidden
	case a.status == http.StatusTooManyRequests:
		return refused{}, &remote.RetryError{After: wait, Err: errTooMany}
	case a.status == http.StatusServiceUnavailable, a.status >= 500 && wait > 0:
		return refused{}, &remote.RetryError{After: wait, Err: failed(a.status)}
	case a.status == http.StatusNetworkAuthenticationRequired:
		return refused{}, link.NotProtocol("the network wants a log-in")
	case a.status >= 500:
		return refused{}, failed(a.status)
	case a.status == http.StatusRequestTimeout:
		return refused{}, fmt.Errorf("%w: status %d", remote.ErrOffline, a.status)
	case a.status < 400:
		return refused{}, link.NotProtocol("status %d", a.status)
	}
	f, err := mutlog.Failure{}, error(nil)
	if a.is(wire.TypeJSON) {
		f, err = mutlog.DecodeFailure(a.body)
	}
	sure := a.status == http.StatusConflict || a.status == http.StatusRequestEntityTooLarge // proxies mean that, too
	if !sure && (err != nil || f.Text() == "" && f.Code() == "") {
		return refused{}, link.NotProtocol("status %d without a reason", a.status)
	}
	return refused{a.status, f.Text()}, nil
}

// failed is a server's own failure: it may have done the work.
func failed(status int) error {
	return fmt.Errorf("%w, %w: status %d", remote.ErrServer, remote.ErrOffline, status)
}

// strange turns a refusal that has no meaning for a request into an error.
func strange(r refused, err error) error {
	if err != nil {
		return err
	}
	return link.NotProtocol("status %d", r.status)
}

// sentence says for a person why an op was refused. The server's own words are
// hostile text like any other; they hold nothing of the note if it keeps its
// promise, and are cut short if not.
func (r refused) sentence() string {
	switch {
	case r.status == http.StatusRequestEntityTooLarge:
		return "too large for the server"
	case r.text == "":
		return fmt.Sprintf("the server refused it (%d)", r.status)
	}
	return cut("the server refused it: " + r.text)
}

// maxSentence bounds what is kept of a server's words, in bytes.
const maxSentence = 200

func cut(s string) string {
	if len(s) <= maxSentence {
		return s
	}
	n := maxSentence
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
