package sim

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"stet/model"
	"stet/syncengine/remote"
)

// heard notes what an answer told a device, before its engine sees it.
func (d *device) heard(r *http.Request, sent []byte, res *http.Response, whole bool) {
	whole = whole && answers(res)
	d.sound = d.sound || whole
	d.hearBackoff(res)
	d.heardLost = d.w.servers[d.server].lost
	switch {
	case whole && d.dialect == Stet:
		d.tellOps(r, sent, res)
	case whole:
		d.tellAll()
	}
	if (res.StatusCode == 429 || res.StatusCode == 503) && d.stable() {
		d.askedToWait(res.Header.Get("Retry-After"), res.Header.Get("Date"))
	}
}

var opIDs = regexp.MustCompile(`"opId":"([^"]+)"`)

// tellOps notes the ops whose fate an answer told: those of a push, and those
// that a list of changes names.
func (d *device) tellOps(r *http.Request, sent []byte, res *http.Response) {
	text := d.w.decoded(r, sent)
	if r.Method == http.MethodGet {
		var err error
		if text, err = io.ReadAll(res.Body); err != nil {
			d.w.violate("error", "read answer: %v", err)
		}
		res.Body = io.NopCloser(bytes.NewReader(text))
	}
	named := opIDs.FindAllSubmatch(text, -1)
	for _, m := range named {
		d.told[string(m[1])] = true
	}
	if res.StatusCode == http.StatusUnprocessableEntity && len(named) == 1 {
		d.refused = string(named[0][1])
	}
}

// decoded is a request's body without its coding.
func (w *world) decoded(r *http.Request, body []byte) []byte {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return body
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	w.must("read request", err)
	text, err := io.ReadAll(z)
	w.must("read request", err)
	return text
}

// tellAll takes every op that is out for told: what the other protocols say of
// ops is said without naming them.
func (d *device) tellAll() {
	for _, s := range d.view {
		for _, op := range s.ops {
			if op.State == model.Sent {
				d.told[op.ID] = true
			}
		}
	}
}

// answers reports whether an answer says something of the account: not that
// the server failed, was busy, or does not know us.
func answers(res *http.Response) bool {
	switch res.StatusCode {
	case 401, 403, 429:
		return false
	}
	return res.StatusCode < 500
}

// ear is a device's driver. It tells where one exchange ends and the next one
// begins: what an engine writes must come from an answer to its own question.
type ear struct {
	remote.Remote
	d *device
}

// Pull implements remote.Remote.
func (e ear) Pull(ctx context.Context, cursor string, limit int) (remote.Page, error) {
	e.d.sound, e.d.refused = false, ""
	return e.Remote.Pull(ctx, cursor, limit)
}

// Push implements remote.Remote.
func (e ear) Push(ctx context.Context, cursor string, ops []remote.Op) (remote.PushResult, error) {
	e.d.sound, e.d.refused = false, ""
	res, err := e.Remote.Push(ctx, cursor, ops)
	if err == nil && e.d.dialect != Stet { // of some ops it knows the fate from what was held back
		e.d.sound = true
		e.d.tellAll()
	}
	return res, err
}

// Recognise implements remote.Recogniser for drivers that have it.
func (e ear) Recognise(sent []remote.Op, page *remote.Page) {
	if r, ok := e.Remote.(remote.Recogniser); ok {
		r.Recognise(sent, page)
	}
}

// List implements remote.Lister for drivers that have it.
func (e ear) List(ctx context.Context) (map[string]int64, error) {
	far, ok := e.Remote.(remote.Lister)
	if !ok {
		return nil, remote.ErrUnsupported
	}
	e.d.sound = false
	return far.List(ctx)
}

// askedToWait remembers how long the device must not ask: the seconds or the
// date that the server named, at most an hour.
func (d *device) askedToWait(after, date string) {
	wait, ok := waitOf(after, date)
	if !ok {
		return
	}
	d.notBefore = d.w.now.Add(min(wait, time.Hour))
}

var digits = regexp.MustCompile(`^[0-9]{1,18}$`)

func waitOf(after, date string) (time.Duration, bool) {
	if digits.MatchString(after) {
		var n int64
		for _, c := range after {
			n = n*10 + int64(c-'0')
		}
		if n > 3600 {
			return time.Hour, true
		}
		return time.Duration(n) * time.Second, true
	}
	at, err := http.ParseTime(after)
	if err != nil {
		return 0, false
	}
	from, err := http.ParseTime(date)
	if err != nil || !at.After(from) {
		return 0, false
	}
	return at.Sub(from), true
}

// checkWait holds a device to the server's Retry-After. Times are cut to whole
// milliseconds on their way through the store.
func (d *device) checkWait() {
	if d.stable() && d.w.now.Add(2*time.Millisecond).Before(d.notBefore) {
		d.w.violate("I-18", "%s asks again %s before the time that the server named", d.label, d.notBefore.Sub(d.w.now))
	}
}

// tokenIn is the token that a request carries, wherever its dialect has it.
func tokenIn(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	if token := r.Header.Get("X-Auth-Token"); token != "" {
		return token
	}
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// checkStranger looks for one account's texts in another's answers.
func (s *host) checkStranger(r *http.Request, body []byte) {
	for i, name := range accounts {
		if tokenIn(r) == tokenOf(name) {
			continue
		}
		if bytes.Contains(body, []byte(mark(i))) {
			s.w.violate("I-20", "an answer to another account holds a text of %s", name)
		}
	}
}
