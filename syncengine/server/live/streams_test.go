package live_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"stet/syncengine/server"
	"stet/syncengine/wire"
)

const soon = 5 * time.Second // far more than it takes, for slow machines

func TestPokesCarryTheCursor(t *testing.T) {
	s := newSite(t, server.Options{})
	first := s.write("ann")
	e := s.listen("ann", "?since="+first)
	if got := e.event(150 * time.Millisecond); got != "" {
		t.Errorf("told of %q where nothing is new", got)
	}
	second := s.write("ann")
	if got := e.event(soon); got != second {
		t.Errorf("poke %q, want %q", got, second)
	}
	if got := s.listen("ann", "?since="+first).event(soon); got != second {
		t.Errorf("behind: %q, want %q", got, second)
	}
	if got := s.listen("ann", "").event(soon); got != second {
		t.Errorf("knows nothing: %q, want %q", got, second)
	}
	if got := s.listen("ann", "?since="+first, wire.HeaderLastEvent, second).event(150 * time.Millisecond); got != "" {
		t.Errorf("Last-Event-ID does not win: %q", got)
	}
	if got := s.listen("ann", "?since="+second, wire.HeaderLastEvent, first).event(soon); got != second {
		t.Errorf("Last-Event-ID does not win: %q, want %q", got, second)
	}
	if got := s.listen("bob", "").event(150 * time.Millisecond); got != "" {
		t.Errorf("an empty account is told of %q", got)
	}
}

func TestRefusedStreams(t *testing.T) {
	s := newSite(t, server.Options{Streams: 2})
	mine, theirs := s.write("ann"), s.write("bob")
	for _, c := range []struct {
		token, query string
		status       int
	}{{"ann", "?since=" + theirs, 410}, {"ann", "?since=garbage", 400}, {"ann", "?since=" + mine + "x", 410}, {"nobody", "", 401}} {
		res := s.request(t.Context(), c.token, wire.PathEvents+c.query)
		_ = res.Body.Close()
		if res.StatusCode != c.status || res.Header.Get("Content-Type") != wire.TypeProblem {
			t.Errorf("%s%s: %d %s, want %d", c.token, c.query, res.StatusCode, res.Header.Get("Content-Type"), c.status)
		}
	}
	one, _ := s.listen("ann", ""), s.listen("ann", "")
	res := s.request(t.Context(), "ann", wire.PathEvents)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
		t.Errorf("third stream: %d", res.StatusCode)
	}
	s.listen("bob", "")
	one.close()
	for end := time.Now().Add(soon); ; time.Sleep(10 * time.Millisecond) { // the place is free again
		res := s.request(t.Context(), "ann", wire.PathEvents, "X", "y")
		_ = res.Body.Close()
		if res.StatusCode == http.StatusOK {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("after one left: %d", res.StatusCode)
		}
	}
}

func TestNobodyHearsOfAnother(t *testing.T) {
	s := newSite(t, server.Options{Sweep: 50 * time.Millisecond})
	at := s.write("bob")
	e := s.listen("bob", "?since="+at)
	for range 5 {
		s.write("ann")
	}
	if got := e.event(400 * time.Millisecond); got != "" {
		t.Errorf("bob is told %q of ann's writes", got)
	}
	if at = s.write("bob"); e.event(soon) != at {
		t.Error("bob is not told of his own")
	}
}

func TestBurstIsOnePoke(t *testing.T) {
	s := newSite(t, server.Options{})
	e := s.listen("ann", "")
	last, writes := "", 60
	for range writes {
		last = s.write("ann")
	}
	n := 0
	for got := ""; got != last; n++ {
		if got = e.event(soon); got == "" {
			t.Fatal("the last write was never told")
		}
	}
	t.Logf("%d writes, %d pokes", writes, n)
	if n > writes/2 {
		t.Errorf("%d writes made %d pokes", writes, n)
	}
	if got := e.event(200 * time.Millisecond); got != "" {
		t.Errorf("one more poke: %q", got)
	}
}

func TestHeartbeatAndNoTimeout(t *testing.T) {
	s := newSite(t, server.Options{Heartbeat: 100 * time.Millisecond}, func(srv *http.Server) {
		srv.ReadTimeout, srv.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond
	})
	e := s.listen("ann", "")
	if n := e.beats(time.Second); n < 4 || n > 12 {
		t.Errorf("%d comments in a second", n)
	}
	at := s.write("ann")
	if got := e.event(soon); got != at {
		t.Errorf("after the server's time-outs: %q, want %q", got, at)
	}
}

func TestAnotherProcessWrites(t *testing.T) {
	s := newSite(t, server.Options{Sweep: 50 * time.Millisecond})
	at := s.write("ann")
	one, two := s.listen("ann", "?since="+at), s.listen("bob", "")
	there := s.beside()
	other := there.store
	if err := other.AddToken(t.Context(), "ann", "second", server.Hash("second")); err != nil {
		t.Fatal(err)
	}
	second := s.listen("second", "?since="+at)
	at = there.write("ann")
	for _, e := range []*ear{one, second} {
		if got := e.event(soon); got != at {
			t.Errorf("told %q, want %q", got, at)
		}
	}
	if _, err := other.RevokeTokens(t.Context(), "ann", "ann"); err != nil {
		t.Fatal(err)
	}
	if !one.ended(soon) {
		t.Error("a revoked token goes on listening")
	}
	at = s.write("second")
	if got := second.event(soon); got != at {
		t.Errorf("the other token is told %q, want %q", got, at)
	}
	if err := other.RemoveAccount(t.Context(), "bob"); err != nil {
		t.Fatal(err)
	}
	if !two.ended(soon) {
		t.Error("a removed account is listened to")
	}
}

func TestShutdownEndsStreams(t *testing.T) {
	s := newSite(t, server.Options{})
	at := s.write("ann")
	e := s.listen("ann", "?since="+at)
	polled := make(chan int, 1)
	go func() {
		res := s.request(context.Background(), "ann", wire.PathChanges+"?wait=20&since="+at)
		_ = res.Body.Close()
		polled <- res.StatusCode
	}()
	time.Sleep(200 * time.Millisecond)
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.srv.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if d := time.Since(began); d > 3*time.Second {
		t.Errorf("shutdown took %s", d)
	}
	if !e.ended(soon) || <-polled != http.StatusOK {
		t.Error("a stream or a poll did not end well")
	}
}

// A client that went is forgotten, and with the last one the sweep ends: the
// check of goroutines at the end of all tests sees to that.
func TestLeavingStreams(t *testing.T) {
	s := newSite(t, server.Options{Heartbeat: 20 * time.Millisecond, Sweep: 20 * time.Millisecond, Streams: 20})
	for range 5 {
		var ears []*ear
		for range 20 {
			ears = append(ears, s.listen("ann", ""))
		}
		for _, e := range ears {
			e.close()
		}
		for end := time.Now().Add(soon); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			res := s.request(t.Context(), "ann", wire.PathEvents)
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				break
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
}
