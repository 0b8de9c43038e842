package sim

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"
)

var errCut = errors.New("connection reset by peer")

// lateRequest is one that the network delivers some steps later.
type lateRequest struct {
	to   *host
	step int
	req  *http.Request
	body []byte
}

// line is a device's way to the server it is connected to.
type line struct{ d *device }

// maxRequests bounds a round: none of a few hundred notes takes a tenth of it.
const maxRequests = 5000

// RoundTrip implements http.RoundTripper: the whole network between a device
// and its server.
func (l line) RoundTrip(r *http.Request) (*http.Response, error) {
	d, w := l.d, l.d.w
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	d.asked = true
	if d.requests++; d.requests > maxRequests {
		w.violate("I-18", "%s asks without end: %d requests in one round", d.label, d.requests)
	}
	d.checkWait()
	w.others(d)
	fault := w.drawFault(d.dialect)
	if fault != "" {
		w.meet(string(fault))
	}
	s := w.servers[d.server]
	r = l.address(fault, r)
	res, whole, done, err := l.abroad(fault, r, body)
	if !done {
		res, whole, err = w.through(s, fault, r, body)
	}
	if err == nil && d.dialect != Stet {
		err = l.colour(fault, r, res)
	}
	status := 0
	if err == nil {
		status = res.StatusCode
	}
	w.trace.add("  %s %s %s %s → %d", d.label, r.Method, r.URL.Path, fault, status)
	w.others(d)
	if err == nil {
		d.heard(r, body, res, whole)
	}
	return res, err
}

func (w *world) drawFault(in Dialect) Fault {
	if w.calm {
		return ""
	}
	if w.strikes() && w.ill.fault.among(in) {
		return w.ill.fault
	}
	for _, table := range [][]chanceOf{faults, foreignFaults[in]} { // in their order: a map has none
		for _, f := range table {
			if w.chance(w.script.Config.Faults[f.Fault]) {
				return f.Fault
			}
		}
	}
	return ""
}

// through carries one request and its answer. whole says that the answer is one
// that the server may have given.
func (w *world) through(s *host, fault Fault, r *http.Request, body []byte) (res *http.Response, whole bool, err error) {
	if limit := w.script.Config.Limit; limit > 0 && !w.calm && dialectOf(r) == Stet && len(w.decoded(r, body)) > limit { // nothing of it gets through
		w.meet("request too large")
		return page(r, 413, "text/html", "<html>Request Entity Too Large</html>"), true, nil
	}
	switch fault {
	case DropRequest:
		return nil, false, errCut
	case LateRequest:
		w.later(s, r, body)
		return nil, false, errCut
	case InFlight409:
		if r.Method == http.MethodPost {
			return w.busy(r), true, nil
		}
	case Refused422:
		if r.Method == http.MethodPost {
			return w.invalid(r, body), true, nil
		}
	case Doubled:
		if _, err := s.serve(r, body); err != nil {
			return nil, false, err
		}
	case DoubledLate:
		w.later(s, r, body)
	}
	if res := w.stranger(fault, r); res != nil {
		return res, false, nil
	}
	if res, err = s.serve(r, body); err != nil {
		return nil, false, err
	}
	return w.spoil(fault, r, res)
}

// stranger answers in the server's place.
func (w *world) stranger(fault Fault, r *http.Request) *http.Response {
	switch fault {
	case Error500:
		return page(r, 500, "text/plain", "oops")
	case Gateway502:
		return page(r, 502, "text/html", "<html>Bad gateway</html>")
	case Busy503, TooMany429:
		return w.wait(r, fault)
	case Unauthorized:
		return problem(r, 401, "unauthorized")
	case Forbidden:
		return problem(r, 403, "forbidden")
	case Portal:
		return page(r, 200, "text/html", "<html>Welcome to the hotel. Please log in.</html>")
	case Redirect:
		res := page(r, 302, "text/html", "moved")
		res.Header.Set("Location", "http://elsewhere.example/login")
		return res
	}
	return nil
}

// spoil is what happens to an answer on its way.
func (w *world) spoil(fault Fault, r *http.Request, res *http.Response) (*http.Response, bool, error) {
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, false, err
	}
	put := func(b []byte) {
		res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
		res.Header.Del("Content-Length")
	}
	put(text)
	switch {
	case fault == DropAnswer:
		return nil, false, errCut
	case fault == Error500After:
		return page(r, 500, "text/plain", "oops"), false, nil
	case fault == PortalAfter:
		return page(r, 200, "text/html; charset=utf-8", "<html>Log in</html>"), false, nil
	case len(text) == 0:
	case fault == Truncated:
		put(text[:w.rng.IntN(max(1, len(text)-1))]) // more than the line's end
		return res, false, nil
	case fault == EmptyAnswer && res.StatusCode < 300:
		put(nil)
		return res, false, nil
	case fault == WrongType:
		res.Header.Set("Content-Type", "text/plain")
		return res, false, nil
	case fault == WrongSchema && res.StatusCode < 300:
		put([]byte(`{"ok":true,"items":[],"changes":{"a":1}}`))
		return res, false, nil
	case fault == NewMembers && text[0] == '{':
		put(append([]byte(`{"x-new":{"deep":[1,2,null]},`), text[1:]...))
	}
	return res, true, nil
}

// wait is an answer that asks to come again later, in every spelling.
func (w *world) wait(r *http.Request, fault Fault) *http.Response {
	status := 429
	if fault == Busy503 {
		status = 503
	}
	res := problem(r, status, "rate")
	spell := []string{"1", "30", "120", "4000", "1000000000000", "-5", "soon", "",
		w.now.Add(90 * time.Second).Format(http.TimeFormat), w.now.Add(-time.Hour).Format(http.TimeFormat)}
	res.Header.Set("Retry-After", spell[w.rng.IntN(len(spell))])
	res.Header.Set("Date", w.now.Format(http.TimeFormat))
	return res
}

func problem(r *http.Request, status int, code string) *http.Response {
	switch dialectOf(r) {
	case Kinto:
		return page(r, status, "application/json", fmt.Sprintf(`{"code":%d,"errno":999,"error":%q,"message":%q}`, status, code, code))
	case Mutations:
		return page(r, status, "application/json", fmt.Sprintf(`{"message":%q,"type":%q,"success":false}`, code, code))
	}
	return page(r, status, "application/problem+json", fmt.Sprintf(`{"status":%d,"code":%q}`, status, code))
}

func page(r *http.Request, status int, kind, body string) *http.Response {
	return &http.Response{Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r}
}

// later keeps a request for the network to deliver when nobody waits for it.
func (w *world) later(s *host, r *http.Request, body []byte) {
	w.late = append(w.late, lateRequest{s, w.step + 1 + w.rng.IntN(8), r.Clone(ctx), body})
}

// deliverLate delivers what is due; nobody hears the answers.
func (w *world) deliverLate() {
	kept := w.late[:0]
	var due []lateRequest
	for _, l := range w.late {
		if l.step > w.step {
			kept = append(kept, l)
		} else {
			due = append(due, l)
		}
	}
	w.late = kept
	for _, l := range due {
		if res, err := l.to.serve(l.req, l.body); err == nil {
			w.trace.add("  late %s %s → %d", l.req.Method, l.req.URL.Path, res.StatusCode)
		}
	}
}

// serve runs the real handler. A crash shows as a broken connection; the
// process is started again at once.
func (s *host) serve(r *http.Request, body []byte) (*http.Response, error) {
	w := s.w
	s.dies = w.often(w.script.Config.Crash)
	in := r.Clone(ctx)
	in.RequestURI, in.RemoteAddr = in.URL.RequestURI(), "192.0.2.1:1234"
	in.Host = in.URL.Host
	in.Body = io.NopCloser(bytes.NewReader(body))
	in.ContentLength = int64(len(body))
	in.Header.Del("Accept-Encoding") // the checks read answers
	if s.plain(r) {
		s.shelf.ask(r, w.decoded(r, body))
	}
	rec := httptest.NewRecorder()
	s.handler.ServeHTTP(rec, in)
	if w.failed != nil {
		panic(stop{})
	}
	s.dies = false
	if s.crashed {
		s.restart()
		return nil, errCut
	}
	res := rec.Result()
	res.Request = r
	res.Header.Set("Date", s.now().UTC().Format(http.TimeFormat)) // as net/http does
	w.trace.add("  server %d %s %d %s", s.n, in.URL.RequestURI(), res.StatusCode, digest(rec.Body.Bytes()))
	s.checkStranger(r, rec.Body.Bytes())
	if s.plain(r) {
		return res, s.shelf.show(r, res)
	}
	return res, nil
}

func digest(b []byte) string {
	h := fnv.New64a()
	_, _ = h.Write(b)
	return strconv.FormatUint(h.Sum64(), 16)
}
