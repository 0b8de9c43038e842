package remotetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// Fault is what happens to one request instead of the plain exchange. It is
// given the request with a body that it may read once, and the way onwards.
type Fault func(req *http.Request, next http.RoundTripper) (*http.Response, error)

// ErrDropped is the network error that faults make up.
var ErrDropped = errors.New("connection reset by fault")

// Seen is one request that passed, and how it ended.
type Seen struct {
	Method, Path, Query string
	Status              int // 0 if no answer was handed back
}

// Faults is a transport that spoils requests as it is told. Requests nothing is
// planned for pass untouched. Safe for concurrent use.
type Faults struct {
	next http.RoundTripper

	mu     sync.Mutex
	plans  []plan
	always func(*http.Request) Fault
	seen   []Seen
	kept   []func() error
}

type plan struct {
	match func(*http.Request) bool
	fault Fault
}

var _ http.RoundTripper = (*Faults)(nil)

// NewFaults wraps a transport; nil is one of its own with keep-alive.
func NewFaults(next http.RoundTripper) *Faults {
	if next == nil {
		next = &http.Transport{DisableCompression: true}
	}
	return &Faults{next: next}
}

// Next plans faults for the next requests, one each; nil lets one pass.
func (f *Faults) Next(faults ...Fault) { f.On(nil, faults...) }

// On plans faults for the next requests that match (nil: any), one each.
func (f *Faults) On(match func(*http.Request) bool, faults ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range faults {
		f.plans = append(f.plans, plan{match, fault})
	}
}

// Always asks choose about every request that no plan takes; a nil fault lets
// it pass. choose may be called concurrently. nil ends it.
func (f *Faults) Always(choose func(*http.Request) Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.always = choose
}

// Clear forgets all plans; what was kept for [Faults.Redeliver] stays.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plans, f.always = nil, nil
}

// Seen returns the requests so far and forgets them.
func (f *Faults) Seen() []Seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.seen
	f.seen = nil
	return out
}

// Planned reports how many planned faults have not met their request yet.
func (f *Faults) Planned() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.plans)
}

// CloseIdleConnections passes on to the transport below.
func (f *Faults) CloseIdleConnections() {
	if t, ok := f.next.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// RoundTrip spoils or passes one request.
func (f *Faults) RoundTrip(req *http.Request) (*http.Response, error) {
	fault := f.take(req)
	var resp *http.Response
	var err error
	if fault == nil {
		resp, err = f.next.RoundTrip(req)
	} else {
		resp, err = fault(req, f.next)
	}
	seen := Seen{Method: req.Method, Path: req.URL.Path, Query: req.URL.RawQuery}
	if resp != nil {
		seen.Status = resp.StatusCode
	}
	f.mu.Lock()
	f.seen = append(f.seen, seen)
	f.mu.Unlock()
	return resp, err
}

func (f *Faults) take(req *http.Request) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, p := range f.plans {
		if p.match == nil || p.match(req) {
			f.plans = append(f.plans[:i:i], f.plans[i+1:]...)
			return p.fault
		}
	}
	if f.always != nil {
		return f.always(req)
	}
	return nil
}

// Writes matches requests that change something.
func Writes(req *http.Request) bool {
	return req.Method != http.MethodGet && req.Method != http.MethodHead
}

// Reads matches requests that change nothing.
func Reads(req *http.Request) bool { return !Writes(req) }

// DropRequest loses the request before the server sees it.
func DropRequest() Fault {
	return func(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
		discard(req)
		return nil, ErrDropped
	}
}

// DropResponse lets the server do all its work, then loses the answer.
func DropResponse() Fault {
	return func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
		if err := finish(next.RoundTrip(req)); err != nil {
			return nil, err
		}
		return nil, ErrDropped
	}
}

// Duplicate delivers the request twice and hands back the second answer.
func Duplicate() Fault {
	return func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
		again, err := copyOf(req)
		if err != nil {
			return nil, err
		}
		if err := finish(next.RoundTrip(again(req))); err != nil {
			return nil, err
		}
		return next.RoundTrip(again(req))
	}
}

// Keep passes the request and keeps a copy that [Faults.Redeliver] delivers
// again: a packet that was in the network for an hour.
func (f *Faults) Keep() Fault {
	return func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
		again, err := copyOf(req)
		if err != nil {
			return nil, err
		}
		late := again(req.Clone(context.WithoutCancel(req.Context())))
		f.mu.Lock()
		f.kept = append(f.kept, func() error { return finish(next.RoundTrip(late)) })
		f.mu.Unlock()
		return next.RoundTrip(again(req))
	}
}

// Redeliver delivers what was kept, in order, and throws the answers away.
func (f *Faults) Redeliver() error {
	f.mu.Lock()
	kept := f.kept
	f.kept = nil
	f.mu.Unlock()
	for _, deliver := range kept {
		if err := deliver(); err != nil {
			return fmt.Errorf("deliver late: %w", err)
		}
	}
	return nil
}

// Answer hands back an answer that the server never gave; the request is lost.
// header is name, value, name, value.
func Answer(status int, body string, header ...string) Fault {
	return func(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
		discard(req)
		return madeUp(req, status, body, header), nil
	}
}

// AnswerAfter lets the server do all its work, then hands back another answer.
func AnswerAfter(status int, body string, header ...string) Fault {
	return func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
		if err := finish(next.RoundTrip(req)); err != nil {
			return nil, err
		}
		return madeUp(req, status, body, header), nil
	}
}

// Portal answers 200 with a page of HTML, as a captive portal does.
func Portal() Fault {
	return Answer(http.StatusOK, "<!DOCTYPE html><html><body>Please log in</body></html>", "Content-Type", "text/html; charset=utf-8")
}

// TooMany answers 429 with this Retry-After ("" for none).
func TooMany(after string) Fault {
	if after == "" {
		return Answer(http.StatusTooManyRequests, "")
	}
	return Answer(http.StatusTooManyRequests, "", "Retry-After", after)
}

// Truncate lets the server work and cuts the answer's body after a share (0 to
// 1) of its bytes: the connection broke.
func Truncate(share float64) Fault {
	return rewrite(func(resp *http.Response, body []byte) io.ReadCloser {
		cut := body[:min(len(body), int(float64(len(body))*share))]
		return io.NopCloser(io.MultiReader(bytes.NewReader(cut), broken{}))
	})
}

// Cut is Truncate where the end looks like a clean one: the length is adjusted.
func Cut(share float64) Fault {
	return rewrite(func(resp *http.Response, body []byte) io.ReadCloser {
		cut := body[:min(len(body), int(float64(len(body))*share))]
		resp.ContentLength = int64(len(cut))
		resp.Header.Set("Content-Length", strconv.Itoa(len(cut)))
		return io.NopCloser(bytes.NewReader(cut))
	})
}

// Rewrite lets the server work and changes its answer's body; the length is
// adjusted. The body is given as it travels, coded or not.
func Rewrite(change func(body []byte) []byte) Fault {
	return rewrite(func(resp *http.Response, body []byte) io.ReadCloser {
		body = change(body)
		resp.ContentLength = int64(len(body))
		resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
		return io.NopCloser(bytes.NewReader(body))
	})
}

// Relabel lets the server work and sets a header of its answer ("" removes it).
func Relabel(name, value string) Fault {
	return func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
		resp, err := next.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		if resp.Header.Set(name, value); value == "" {
			resp.Header.Del(name)
		}
		return resp, nil
	}
}

// Hang gives no answer until the request's context ends.
func Hang() Fault {
	return func(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
		discard(req)
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
}

// Then passes the request on when do has run: something happens on the way.
func Then(do func()) Fault {
	return func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
		do()
		return next.RoundTrip(req)
	}
}

func rewrite(change func(*http.Response, []byte) io.ReadCloser) Fault {
	return func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
		resp, err := next.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return nil, err
		}
		resp.Body = change(resp, body)
		return resp, nil
	}
}

func madeUp(req *http.Request, status int, body string, header []string) *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Add(header[i], header[i+1])
	}
	return &http.Response{
		Status: strconv.Itoa(status) + " " + http.StatusText(status), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: req,
	}
}

// copyOf reads the body and returns a maker of fresh copies of a request with it.
func copyOf(req *http.Request) (func(*http.Request) *http.Request, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		req.Body.Close()
	}
	return func(r *http.Request) *http.Request {
		out := r.Clone(r.Context())
		if body != nil {
			out.Body = io.NopCloser(bytes.NewReader(body))
			out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		}
		return out
	}, nil
}

func finish(resp *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func discard(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

// broken is a body's end where the connection is lost.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
