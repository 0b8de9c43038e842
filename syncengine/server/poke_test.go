package server_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine/wire"
)

// TestNative29LongPoll: a waiting poll is answered at once when something
// changes, and with nothing when its time is over.
func TestNative29LongPoll(t *testing.T) {
	s := newSite(t)
	s.post(s.op(model.Create, "n", 0, title("x"))).want(201)
	at := s.changes("", 10).Cursor
	poll := func(wait int, headers ...string) (wire.Page, reply, time.Duration) {
		began := time.Now()
		r := s.do("GET", fmt.Sprintf("%s?since=%s&wait=%d", wire.PathChanges, at, wait), nil, headers...)
		if r.status != 200 {
			return wire.Page{}, r, time.Since(began)
		}
		return decode[wire.Page](r), r, time.Since(began)
	}
	if page, _, took := poll(1); len(page.Changes) != 0 || page.Cursor != at || took < 900*time.Millisecond || took > 10*time.Second {
		t.Errorf("nothing new: %+v after %s", page, took)
	}
	if _, r, took := poll(1, "If-None-Match", `"`+at+`"`); r.status != 304 || took < 900*time.Millisecond {
		t.Errorf("nothing new: %d after %s", r.status, took)
	}
	type answer struct {
		page wire.Page
		at   time.Time
	}
	got := make(chan answer, 1)
	go func() {
		page, _, _ := poll(30)
		got <- answer{page, time.Now()}
	}()
	time.Sleep(100 * time.Millisecond)
	s.post(s.op(model.Create, "bobs", 0, title("x")), asBob()...).want(201) // is no news of ours
	select {
	case a := <-got:
		t.Fatalf("answered without a change of this account: %+v", a.page)
	case <-time.After(200 * time.Millisecond):
	}
	written := time.Now()
	s.post(s.op(model.Create, "m", 0, title("x"))).want(201)
	a := <-got
	if len(a.page.Changes) != 1 || a.page.Changes[0].ID != "m" || a.at.Sub(written) > time.Second {
		t.Errorf("%+v, %s after the change", a.page, a.at.Sub(written))
	}
	if page, _, took := poll(30); len(page.Changes) != 1 || took > time.Second {
		t.Errorf("what came before is not told at once: %+v after %s", page, took)
	}
}

// listener is a client of the event stream.
type listener struct {
	t     *testing.T
	stop  context.CancelFunc
	head  http.Header
	lines chan string
}

func (s *site) listen(t *testing.T, query string, headers ...string) *listener {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", s.http.URL+wire.PathEvents+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+annToken)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := s.http.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 200 {
		t.Fatalf("status %d", res.StatusCode)
	}
	l := &listener{t, stop, res.Header, make(chan string, 1000)}
	go func() {
		defer res.Body.Close()
		defer close(l.lines)
		for in := bufio.NewScanner(res.Body); in.Scan(); {
			l.lines <- in.Text()
		}
	}()
	t.Cleanup(stop)
	return l
}

// next returns the lines of the next event, "" for a heartbeat; false if there
// is none within wait.
func (l *listener) next(wait time.Duration) (event map[string]string, ok bool) {
	l.t.Helper()
	event = map[string]string{}
	over := time.After(wait)
	for {
		select {
		case line, open := <-l.lines:
			name, value, _ := strings.Cut(line, ": ")
			switch {
			case !open:
				return nil, false
			case line == "" && len(event) > 0:
				return event, true
			case strings.HasPrefix(line, ":"):
				event["heartbeat"] = "seen"
			case line != "":
				event[name] = value
			}
		case <-over:
			return nil, false
		}
	}
}

// poke waits for an event that is no heartbeat.
func (l *listener) poke() map[string]string {
	l.t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
		if e, ok := l.next(time.Until(end)); ok && e["event"] != "" {
			return e
		}
	}
	l.t.Fatal("no event")
	return nil
}

// quiet wants no event but heartbeats for a while.
func (l *listener) quiet(d time.Duration) {
	l.t.Helper()
	for end := time.Now().Add(d); ; {
		e, ok := l.next(time.Until(end))
		if !ok {
			return
		}
		if e["event"] != "" {
			l.t.Fatalf("an event out of nothing: %v", e)
		}
	}
}

func TestNative29Events(t *testing.T) {
	s := newSite(t)
	s.do("GET", wire.PathEvents, nil, "Authorization", "").want(401, wire.CodeUnauthorized)
	s.do("POST", wire.PathEvents, nil).want(405, wire.CodeNotAllowed)
	s.do("GET", wire.PathEvents+"?since=rubbish", nil).want(400, wire.CodeBadCursor)
	first := s.post(s.op(model.Create, "n", 0, title("secret"))).want(201).head.Get(wire.HeaderCursor)
	forged, err := wire.ParseCursor(first)
	if err != nil {
		t.Fatal(err)
	}
	forged.Rev++
	s.do("GET", wire.PathEvents, nil, wire.HeaderLastEvent, forged.String()).want(410, wire.CodeCursorUnknown)
	s.do("GET", wire.PathEvents, nil, asBob(wire.HeaderLastEvent, first)...).want(410, wire.CodeEpochChanged)

	l := s.listen(t, "?since="+first)
	if kind := l.head.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") || !strings.Contains(l.head.Get("Cache-Control"), "no-store") {
		t.Errorf("%v", l.head)
	}
	l.quiet(100 * time.Millisecond)
	s.post(s.op(model.Create, "bobs", 0, title("x")), asBob()...).want(201)
	l.quiet(100 * time.Millisecond)
	written := time.Now()
	second := s.post(s.op(model.Create, "m", 0, title("secret"))).want(201).head.Get(wire.HeaderCursor)
	e := l.poke()
	if took := time.Since(written); took > time.Second {
		t.Errorf("the poke took %s", took)
	}
	if e["event"] != "change" || e["id"] != second || e["data"] != `{"cursor":"`+second+`"}` || len(e) > 4 {
		t.Errorf("%v, want the cursor %s and nothing else", e, second)
	}
	beats := 0
	for range 3 {
		if e, ok := l.next(5 * time.Second); ok && e["heartbeat"] != "" {
			beats++
		}
	}
	if beats < 2 {
		t.Errorf("%d heartbeats", beats)
	}
	l.stop()

	// While nobody listens there is a change; the next stream begins with it,
	// whichever way the client says where it is.
	third := s.post(s.op(model.Create, "o", 0, title("x"))).want(201).head.Get(wire.HeaderCursor)
	for _, l := range []*listener{s.listen(t, "", wire.HeaderLastEvent, second), s.listen(t, "?since="+second), s.listen(t, "?since="+first, wire.HeaderLastEvent, second)} {
		if e := l.poke(); e["id"] != third {
			t.Errorf("%v, want %s", e, third)
		}
		l.stop()
	}
	up := s.listen(t, "", wire.HeaderLastEvent, third)
	up.quiet(100 * time.Millisecond)
	// Many changes may be one poke, but the last one is told.
	last := ""
	for i := range 30 {
		last = s.post(s.op(model.Create, fmt.Sprint("many", i), 0, title("x"))).want(201).head.Get(wire.HeaderCursor)
	}
	for e := up.poke(); e["id"] != last; {
		e = up.poke()
	}
	up.stop()
}
