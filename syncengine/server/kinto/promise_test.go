package kinto_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stet/syncengine/wire"
)

// TestKintoPreconditionsAreAtomic: of writes with one condition, one succeeds;
// a Kinto on PostgreSQL lets several through in 40 rounds of 40.
func TestKintoPreconditionsAreAtomic(t *testing.T) {
	for _, list := range []string{things, notes} {
		s := newSite(t)
		rev := s.put(list+"/a", "title", "start").rev()
		for round := range 40 {
			var wg sync.WaitGroup
			var won, lost atomic.Int64
			var next atomic.Int64
			for w := range 4 {
				wg.Add(1)
				go func() {
					defer wg.Done()
					r := s.do("PUT", list+"/a", data("title", fmt.Sprint(round, " ", w)), "If-Match", tag(rev))
					switch r.status {
					case 200:
						won.Add(1)
						next.Store(r.stamp())
					case 412:
						lost.Add(1)
					default:
						t.Errorf("%d %s", r.status, r.body)
					}
				}()
			}
			wg.Wait()
			if won.Load() != 1 || lost.Load() != 3 {
				t.Fatalf("round %d: %d writes went through, %d were refused", round, won.Load(), lost.Load())
			}
			rev = next.Load()
		}
	}
}

// TestKintoCounterLosesNothing: four workers add 50 each by compare and swap.
func TestKintoCounterLosesNothing(t *testing.T) {
	s := newSite(t)
	s.put(things+"/count", "n", 0)
	var wg sync.WaitGroup
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for done := 0; done < 50; {
				now := s.do("GET", things+"/count", nil)
				n, _ := now.data()["n"].(float64)
				if s.do("PUT", things+"/count", data("n", n+1), "If-Match", now.head.Get("ETag")).status == 200 {
					done++
				}
			}
		}()
	}
	wg.Wait()
	if n := s.do("GET", things+"/count", nil).want(200).data()["n"]; n != 200.0 {
		t.Errorf("counted to %v, want 200", n)
	}
}

// TestKintoBatchAcknowledgedIsKept: whatever other batches do, what was answered
// with 201 is there. A Kinto on PostgreSQL lost 304 of 1,951.
func TestKintoBatchAcknowledgedIsKept(t *testing.T) {
	for _, list := range []string{things, notes} {
		s := newSite(t)
		var wg sync.WaitGroup
		var mu sync.Mutex
		acknowledged := map[string]int64{}
		for w := range 4 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for b := range 5 {
					var requests []map[string]any
					for i := range 25 {
						id := fmt.Sprintf("w%d-%d-%d", w, b, i)
						if i == 24 {
							id = "shared" // one of all succeeds
						}
						requests = append(requests, request("PUT", list+"/"+id, map[string]string{"If-None-Match": "*"}, data("title", id)))
					}
					for _, r := range s.batch(requests...) {
						if r.Status != 201 && !(r.Status == 412 && strings.HasSuffix(r.Path, "/shared")) {
							t.Errorf("%s: %d %s", r.Path, r.Status, r.Body)
						}
						if r.Status == 201 {
							rev, _ := strconv.ParseInt(strings.Trim(r.Headers["ETag"], `"`), 10, 64)
							mu.Lock()
							if acknowledged[r.Path] != 0 {
								t.Errorf("%s was made twice", r.Path)
							}
							acknowledged[r.Path] = rev
							mu.Unlock()
						}
					}
				}
			}()
		}
		wg.Wait()
		there := map[string]int64{}
		for _, o := range s.do("GET", list, nil).want(200).list() {
			there[root+list+"/"+o.id()] = o.rev()
		}
		if len(there) != len(acknowledged) || len(there) != 4*5*24+1 {
			t.Errorf("%d acknowledged, %d there", len(acknowledged), len(there))
		}
		for path, rev := range acknowledged {
			if there[path] != rev {
				t.Errorf("%s was acknowledged at %d, is at %d", path, rev, there[path])
			}
		}
	}
}

// TestKintoBatchIsOneTransaction: no reader sees half of one.
func TestKintoBatchIsOneTransaction(t *testing.T) {
	s := newSite(t)
	s.put(things + "/seed")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		for {
			select {
			case <-stop:
				return
			default:
			}
			if n := len(s.do("GET", things, nil).list()); n%10 != 1 {
				t.Errorf("a reader saw %d records", n)
				return
			}
		}
	}()
	for b := range 15 {
		var requests []map[string]any
		for i := range 10 {
			requests = append(requests, request("POST", things, nil, data("id", fmt.Sprintf("b%d-%d", b, i))))
		}
		s.batch(requests...)
	}
	close(stop)
	wg.Wait()
}

// TestKintoPollerMissesNothing: four writers, and a poller that asks for what is
// newer than the last ETag.
func TestKintoPollerMissesNothing(t *testing.T) {
	for _, list := range []string{things, notes} {
		s := newSite(t)
		const writers, each = 4, 24
		var wg sync.WaitGroup
		var left atomic.Int64
		left.Store(writers)
		for w := range writers {
			wg.Add(1)
			go func() {
				defer wg.Done()
				defer left.Add(-1)
				for i := range each {
					path := fmt.Sprintf("%s/w%d-%d", list, w, i)
					s.put(path, "title", "first")
					switch i % 3 {
					case 1:
						s.put(path, "title", "second")
					case 2:
						s.do("DELETE", path, nil).want(200)
					}
				}
			}()
		}
		seen := map[string]object{}
		since, polls := int64(0), 0
		poll := func(limit int) {
			path, first := fmt.Sprintf("%s?_since=%d&_limit=%d", list, since, limit), int64(0)
			for path != "" {
				r := s.do("GET", path, nil, "If-None-Match", tag(since))
				if r.status == 304 {
					return
				}
				if r.want(200); first == 0 {
					first = r.stamp()
				}
				for _, o := range r.list() {
					if have := seen[o.id()]; have == nil || have.rev() < o.rev() {
						seen[o.id()] = o
					}
				}
				path = r.head.Get("Next-Page")
				polls++
			}
			since = max(since, first)
		}
		for left.Load() > 0 {
			poll(7)
		}
		wg.Wait()
		poll(50)
		all := s.do("GET", list+"?_since=0", nil).want(200).list()
		if len(all) != writers*each || len(seen) != len(all) {
			t.Errorf("%d seen of %d in %d polls", len(seen), len(all), polls)
		}
		for _, o := range all {
			if seen[o.id()].rev() != o.rev() {
				t.Errorf("%s is at %d, seen at %d", o.id(), o.rev(), seen[o.id()].rev())
			}
		}
	}
}

// TestKintoClientClockCannotPoison: a record from the future leaves the
// collection's clock alone, one from the past is seen by who polls.
func TestKintoClientClockCannotPoison(t *testing.T) {
	s := newSite(t)
	for _, list := range []string{things, notes} {
		before := s.put(list+"/a", "title", "x").rev()
		for _, stamp := range []any{9_000_000_000_000, 1234, "x", -5, 1e300} {
			for _, r := range []reply{s.do("PUT", list+"/a", data("last_modified", stamp)), s.do("POST", list, data("last_modified", stamp)),
				s.do("PATCH", list+"/a", data("last_modified", stamp))} {
				if rev := r.data().rev(); r.status > 201 || rev <= before || rev > s.ms.Load()+1000 {
					t.Errorf("%v: %d %s", stamp, r.status, r.body)
				}
			}
		}
		s.do("DELETE", list+"/a?last_modified=9000000000000", nil).want(200)
		now := s.do("GET", list, nil).want(200).stamp()
		s.do("GET", fmt.Sprintf("%s?_since=%d", list, now), nil).want(200)
		if got := len(s.do("GET", fmt.Sprintf("%s?_since=%d", list, before), nil).want(200).list()); got != 6 {
			t.Errorf("who polls sees %d changes, want 6", got)
		}
	}
	// A wall clock that was a week ahead once is no reason to refuse who polls.
	s.ms.Add(7 * 24 * time.Hour.Milliseconds())
	ahead := s.put(things+"/b", "n", 1).rev()
	s.ms.Add(-7 * 24 * time.Hour.Milliseconds())
	if got := s.listed(fmt.Sprintf("%s?_since=%d", things, ahead-1)); got != "b" {
		t.Errorf("%q", got)
	}
}

// TestKintoPagingKeepsFirstTimestamp: a client that keeps the last page's ETag,
// as kinto.js does, misses nothing that changed while it turned pages.
func TestKintoPagingKeepsFirstTimestamp(t *testing.T) {
	for _, sort := range []string{"", "&_sort=title", "&_sort=last_modified"} {
		s := newSite(t)
		for i := range 6 {
			s.put(fmt.Sprintf("%s/r%d", things, i), "title", fmt.Sprint(i))
		}
		local := map[string]object{}
		pull := func(path string, between func()) (cursor int64) {
			for path != "" {
				r := s.do("GET", path, nil).want(200)
				for _, o := range r.list() {
					local[o.id()] = o
				}
				cursor = r.stamp() // of whichever page is the last
				path = r.head.Get("Next-Page")
				between()
			}
			return cursor
		}
		once := sync.OnceFunc(func() {
			s.put(things+"/r5", "title", "edited")
			s.put(things+"/r0", "title", "edited")
			s.put(things+"/new", "title", "0 new")
			s.do("DELETE", things+"/r4", nil).want(200)
		})
		cursor := pull(things+"?_limit=2"+sort, once)
		pull(fmt.Sprintf("%s?_limit=2&_since=%d%s", things, cursor, sort), func() {})
		for _, o := range s.do("GET", things+"?_since=0", nil).want(200).list() {
			if local[o.id()].rev() != o.rev() {
				t.Errorf("%q: %s is at %d, the client has %d", sort, o.id(), o.rev(), local[o.id()].rev())
			}
		}
	}
	// A client that turns pages under a condition hears of the change at once.
	s := newSite(t)
	for i := range 4 {
		s.put(fmt.Sprintf("%s/r%d", things, i))
	}
	page := s.do("GET", things+"?_limit=2", nil).want(200)
	s.do("GET", page.head.Get("Next-Page"), nil, "If-Match", tag(page.stamp())).want(200)
	now := s.put(things + "/r0").rev()
	if r := s.do("GET", page.head.Get("Next-Page"), nil, "If-Match", tag(page.stamp())).want(412, 114); r.stamp() != now {
		t.Errorf("ETag %d, want %d", r.stamp(), now)
	}
}

// TestKintoExcludeIDHidesNothingNew: kinto.js leaves out what it just pushed; an
// edit that another device made to that since is shown.
func TestKintoExcludeIDHidesNothingNew(t *testing.T) {
	for _, list := range []string{things, notes} {
		s := newSite(t)
		for _, id := range []string{"edited", "deleted", "quiet", "dropped"} {
			s.put(list + "/" + id)
		}
		since := s.put(list + "/other").rev()
		for _, id := range []string{"edited", "deleted", "quiet", "new", "newer"} { // we push
			s.put(list+"/"+id, "n", 1)
		}
		s.do("DELETE", list+"/dropped", nil).want(200)
		for _, id := range []string{"edited", "newer"} { // another device
			s.put(list+"/"+id, "n", 2)
		}
		s.do("DELETE", list+"/deleted", nil).want(200)
		ids := "edited,deleted,quiet,new,newer,dropped,unknown"
		if got := s.listed(fmt.Sprintf("%s?_since=%d&exclude_id=%s&_sort=id", list, since, ids)); got != "-deleted edited newer" {
			t.Errorf("%q", got)
		}
		if got := s.listed(list + "?exclude_id=" + ids); got != "other" {
			t.Errorf("without _since it is a filter: %q", got)
		}
	}
}

// TestKintoWritesWakeDevices: who listens to the native stream hears of a write
// through Kinto at once.
func TestKintoWritesWakeDevices(t *testing.T) {
	s := newSite(t)
	s.put(notes + "/first")
	head, err := s.st.Head(t.Context(), s.ann)
	if err != nil {
		t.Fatal(err)
	}
	for _, write := range []func(){
		func() { s.put(notes+"/n", "title", "x") },
		func() { s.batch(request("PUT", notes+"/m", nil, data("title", "y"))) },
	} {
		woken := make(chan string, 1)
		go func() {
			url := fmt.Sprintf("%s%s?since=%s&wait=20", s.http.URL, wire.PathChanges, wire.Cursor(head))
			req, err := http.NewRequest("GET", url, nil)
			if err != nil {
				t.Error(err)
			}
			req.Header.Set("Authorization", "Bearer "+annToken)
			res, err := s.http.Client().Do(req)
			if err != nil {
				t.Error(err)
				woken <- ""
				return
			}
			defer res.Body.Close()
			woken <- res.Status
		}()
		time.Sleep(50 * time.Millisecond) // let it begin to wait; sooner is as well
		write()
		select {
		case status := <-woken:
			if status != "200 OK" {
				t.Error(status)
			}
		case <-time.After(1500 * time.Millisecond): // the sweep would come after 2 s
			t.Error("nobody was woken")
		}
		if head, err = s.st.Head(t.Context(), s.ann); err != nil {
			t.Fatal(err)
		}
	}
}
