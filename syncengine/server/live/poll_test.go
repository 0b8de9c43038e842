package live_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"stet/syncengine/server"
	"stet/syncengine/wire"
)

// poll asks for changes and returns the status, how many there are and how long
// it took.
func (s *site) poll(query string, headers ...string) (status, changes int, took time.Duration) {
	s.t.Helper()
	began := time.Now()
	res := s.request(s.t.Context(), "ann", wire.PathChanges+query, headers...)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	took = time.Since(began)
	if res.StatusCode == http.StatusOK {
		var page wire.Page
		if err := json.Unmarshal(body, &page); err != nil {
			s.t.Fatal(err)
		}
		changes = len(page.Changes)
	}
	return res.StatusCode, changes, took
}

func TestPollsWait(t *testing.T) {
	s := newSite(t, server.Options{}, func(srv *http.Server) {
		srv.ReadTimeout, srv.WriteTimeout = 500*time.Millisecond, 500*time.Millisecond
	})
	at := s.write("ann")
	tag := []string{"If-None-Match", `"` + at + `"`}
	for _, c := range []struct {
		headers []string
		status  int
	}{{nil, 200}, {tag, 304}} {
		if status, n, took := s.poll("?wait=1&since="+at, c.headers...); status != c.status || n != 0 || took < time.Second || took > 4*time.Second {
			t.Errorf("nothing new: %d with %d changes after %s, want %d after 1 s", status, n, took, c.status)
		}
		if status, n, took := s.poll("?since="+at, c.headers...); status != c.status || n != 0 || took > 900*time.Millisecond {
			t.Errorf("no wait: %d with %d changes after %s", status, n, took)
		}
	}
	if status, _, took := s.poll("?wait=1&since=" + "x.1.y"); status != 410 || took > 900*time.Millisecond {
		t.Errorf("refused cursor: %d after %s", status, took)
	}
	if status, _, _ := s.poll("?wait=31"); status != 400 {
		t.Errorf("wait=31: %d", status)
	}
	for _, conditional := range []bool{false, true} {
		var headers []string
		if conditional {
			headers = []string{"If-None-Match", `"` + at + `"`}
		}
		next := make(chan string, 1)
		go func() {
			time.Sleep(300 * time.Millisecond)
			s.write("bob")
			next <- s.write("ann")
		}()
		status, n, took := s.poll("?wait=20&since="+at, headers...)
		if status != 200 || n != 1 || took < 250*time.Millisecond || took > 3*time.Second {
			t.Errorf("change: %d with %d changes after %s", status, n, took)
		}
		after := <-next
		if status, n, took := s.poll("?wait=20&since="+at, headers...); status != 200 || n != 1 || took > 900*time.Millisecond {
			t.Errorf("behind: %d with %d changes after %s", status, n, took)
		}
		at = after
	}
}

// A page that the client has already is no news, even if it is behind.
func TestPollWaitsForAnotherPage(t *testing.T) {
	s := newSite(t, server.Options{})
	first, second := s.write("ann"), s.write("ann")
	status, _, took := s.poll("?wait=1&since="+first, "If-None-Match", `"`+second+`"`)
	if status != 304 || took < time.Second {
		t.Errorf("%d after %s", status, took)
	}
}
