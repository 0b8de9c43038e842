package kinto

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
	"unicode/utf8"

	"stet/syncengine/remote"
	"stet/syncengine/remote/link"
)

// problem is the body of an error answer.
type problem struct {
	Code    int             `json:"code"`
	Errno   int             `json:"errno"`
	Error   string          `json:"error"`
	Message string          `json:"message"`
	Details json.RawMessage `json:"details"`
}

// Numbers of errors that mean something of their own.
const (
	errnoUnknownObject = 110
	errnoUnknownPlace  = 111 // also: unknown collection
	errnoModified      = 114
)

// errTooMany is what a 429's RetryError wraps: nothing was applied. A 503's
// wraps ErrOffline instead: the work may have been done.
var errTooMany = errors.New("too many requests")

// refusal sorts an answer that is no success: an error that concerns the whole
// exchange, or the server's problem, which the caller must map.
func refusal(a answer) (problem, error) {
	if err := denied(a.status, wait(a.header), problemOf(a).Message); err != nil {
		return problem{}, err
	}
	p := problemOf(a)
	if p.Code != a.status {
		if a.status == http.StatusRequestEntityTooLarge { // proxies answer this by themselves, and mean it
			return problem{Code: a.status, Message: "too large for the server"}, nil
		}
		return p, link.NotProtocol("status %d without a problem", a.status)
	}
	return p, nil
}

// denied is the error of a status that says nothing about one record; nil if
// it does. after is what the server asked to wait.
func denied(status int, after time.Duration, message string) error {
	switch {
	case status == http.StatusUnauthorized:
		return remote.ErrAuth
	case status == http.StatusForbidden:
		return remote.ErrForbidden
	case status == http.StatusMethodNotAllowed:
		return fmt.Errorf("%w: it takes no changes", remote.ErrForbidden)
	case status == http.StatusGone:
		return fmt.Errorf("%w: the service has ended: %s", remote.ErrForbidden, cut(message))
	case status == http.StatusTooManyRequests:
		return &remote.RetryError{After: after, Err: errTooMany}
	case status == http.StatusServiceUnavailable, status >= 500 && after > 0:
		return &remote.RetryError{After: after, Err: failed(status)}
	case status == http.StatusNetworkAuthenticationRequired:
		return link.NotProtocol("the network wants a log-in")
	case status >= 500:
		return failed(status)
	case status == http.StatusRequestTimeout:
		return fmt.Errorf("%w: status %d", remote.ErrOffline, status)
	case status < 400:
		return link.NotProtocol("status %d", status)
	}
	return nil
}

// failed is a server's own failure: it may have done the work.
func failed(status int) error {
	return fmt.Errorf("%w, %w: status %d", remote.ErrServer, remote.ErrOffline, status)
}

// problemOf reads an error answer's body; zero if it is none.
func problemOf(a answer) (p problem) {
	if !a.json() || json.Unmarshal(a.body, &p) != nil {
		return problem{}
	}
	return p
}

// existing is the record that a 412 shows, nil if it shows none.
func (p problem) existing() json.RawMessage {
	var d struct {
		Existing json.RawMessage `json:"existing"`
	}
	if json.Unmarshal(p.Details, &d) != nil || len(d.Existing) == 0 || string(d.Existing) == "null" {
		return nil
	}
	return d.Existing
}

// sentence says for a person why a write was refused for good. The server's own
// words are hostile text like any other, and are cut short.
func (p problem) sentence() string {
	switch {
	case p.Code == http.StatusRequestEntityTooLarge:
		return "too large for the server"
	case p.Message != "":
		return cut("the server refused it: " + p.Message)
	}
	return cut("the server refused it: " + p.Error)
}

// maxSentence bounds what is kept of a server's words, in bytes.
const maxSentence = 200

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

// wait is how long the server asks not to be asked: Retry-After (seconds, or a
// date measured against the answer's own Date) or Backoff, whichever is longer,
// within 1 s and 1 h. 0 says that it asks for nothing that can be read.
func wait(h http.Header) time.Duration {
	return max(link.Wait(h.Get("Retry-After"), h.Get("Date")), backoff(h))
}

// backoff is what a server under load adds to any answer, successes among them.
func backoff(h http.Header) time.Duration { return link.Wait(h.Get("Backoff"), "") }
