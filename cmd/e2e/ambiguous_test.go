package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"stet/db/local"
	"stet/model"
	"stet/syncengine"
	"stet/syncengine/remote/native"
)

// dropping is a network that loses answers: the server has done it, and nobody
// hears.
type dropping struct {
	rnd            *rand.Rand
	share          float64
	posts, dropped int // requests that change something, and those whose answer was lost
}

var errLost = errors.New("connection reset by peer")

func (d *dropping) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		return nil, err
	}
	if r.Method == http.MethodPost {
		d.posts++
	}
	if d.rnd.Float64() < d.share {
		if r.Method == http.MethodPost {
			d.dropped++
		}
		return nil, errLost
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

// inside is a home that this process itself works on, with the engine of the
// programs: thousands of rounds would cost thousands of processes.
type inside struct {
	*device
	store  *local.Store
	notes  *syncengine.Notes
	engine *syncengine.Engine
	net    *dropping
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func newInside(t *testing.T, s *server, name string, rnd *rand.Rand) *inside {
	t.Helper()
	in := &inside{device: newDevice(t), net: &dropping{rnd: rnd}}
	in.connect(s)
	var err error
	in.store, err = local.Open(context.Background(), local.Options{Path: filepath.Join(in.home, "stet.db"), Now: time.Now, Device: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.store.Close() })
	driver, err := native.New(s.url(), s.token, native.WithTransport(in.net))
	if err != nil {
		t.Fatal(err)
	}
	in.notes = syncengine.NewNotes(in.store, syncengine.NotesOptions{Now: time.Now, NewID: newID, Device: name})
	atOnce := func(time.Duration) <-chan time.Time {
		ch := make(chan time.Time, 1)
		ch <- time.Now()
		return ch
	}
	in.engine = syncengine.New(in.store, driver, syncengine.Options{Now: time.Now, NewID: newID, Device: name, Rand: rnd.Float64,
		After: atOnce, Changed: in.store.DataVersion})
	return in
}

// round does one round under the lease, as the programs do.
func (in *inside) round(ctx context.Context) error {
	lease, err := in.store.Lease(ctx)
	if err != nil {
		return err
	}
	_, err = in.engine.Round(ctx, syncengine.RoundOptions{Force: true})
	return errors.Join(err, lease.Release())
}

// TestAnswersAreLost: three of ten answers never arrive, after stetd has done
// what was asked. No op is applied twice and none is lost.
func TestAnswersAreLost(t *testing.T) {
	t.Parallel()
	want := scale(t, "STET_OPS", 300)
	ctx := context.Background()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(14, seed))
	s := newServer(t)
	homes := []*inside{newInside(t, s, "a", rnd), newInside(t, s, "b", rnd)}
	bodies := []map[string]string{{}, {}} // what each device wrote into its own notes
	ids := [][]string{nil, nil}
	entries := map[string]bool{}
	titles := map[string]bool{}
	begin := time.Now()
	var on serverState
	rounds := 0
	for n := 0; len(on.ops) < want; rounds++ {
		who := rnd.IntN(2)
		in := homes[who]
		for range 1 + rnd.IntN(20) {
			n++
			token := fmt.Sprintf("token-%d.", n)
			switch kind := rnd.IntN(10); {
			case kind < 4 || len(ids[who]) == 0:
				note, err := in.notes.Create(ctx, model.Fields{Title: token, Body: "created " + token})
				if err != nil {
					t.Fatal(err)
				}
				titles[token] = true
				bodies[who][note.ID] = "created " + token
				ids[who] = append(ids[who], note.ID)
			case kind < 7:
				id := ids[who][rnd.IntN(len(ids[who]))]
				if rnd.IntN(2) == 0 { // one whose op may be out
					id = ids[who][max(0, len(ids[who])-1-rnd.IntN(8))]
				}
				note, err := in.store.Get(ctx, id)
				if err != nil {
					t.Fatal(err)
				}
				text := note.Fields.Clone()
				text.Body = "edited " + token
				if _, err := in.notes.Save(ctx, id, note.Fields, text); err != nil {
					t.Fatal(err)
				}
				bodies[who][id] = text.Body
			default: // to a note of any device, if it is there yet
				of := ids[rnd.IntN(2)]
				if len(of) == 0 {
					continue
				}
				_, err := in.notes.Append(ctx, of[rnd.IntN(len(of))], token)
				if errors.Is(err, model.ErrNotFound) {
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				entries[token] = true
			}
		}
		in.net.share = 0.2
		if rnd.IntN(12) == 0 { // all tries of a round: its ops stay out while the user writes on
			in.net.share = 1
		}
		_ = in.round(ctx) // some fail
		if rounds%20 == 0 {
			var err error
			if on, err = s.inspect(); err != nil {
				t.Fatal(err)
			}
		}
	}
	posts, dropped := 0, 0
	for _, in := range homes {
		posts, dropped, in.net.share = posts+in.net.posts, dropped+in.net.dropped, 0
	}
	if dropped < posts/10 {
		t.Fatalf("%d of %d answers dropped", dropped, posts)
	}
	fresh := newInside(t, s, "c", rnd)
	for range 3 {
		for _, in := range append(homes, fresh) {
			if err := in.round(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := agree(s, homes[0].device, homes[1].device, fresh.device); err != nil {
		t.Fatal(err)
	}
	ops := once(t, s, homes)
	st, err := fresh.inspect()
	if err != nil {
		t.Fatal(err)
	}
	if len(st.notes) != len(titles) {
		t.Errorf("%d notes were made, a fresh device has %d", len(titles), len(st.notes))
	}
	logs := ""
	for _, n := range st.notes {
		if !titles[n.title] {
			t.Errorf("twice or nobody's: %s", n.title)
		}
		delete(titles, n.title)
		logs += n.log
	}
	for who := range homes {
		for id, body := range bodies[who] {
			if st.notes[id].body != body {
				t.Errorf("%s has %q, written was %q", id, st.notes[id].body, body)
			}
		}
	}
	for token := range entries {
		if n := strings.Count(logs, `"`+token+`"`); n != 1 {
			t.Errorf("entry %s is there %d times", token, n)
		}
	}
	t.Logf("%d ops in %d rounds, %d of %d answers to writes dropped, %v", ops, rounds, dropped, posts, time.Since(begin).Round(time.Millisecond))
	proof(t, "G14", "30 % of responses dropped after commit, native protocol",
		fmt.Sprintf("%d ops: 0 duplicates, 0 lost (%d of %d responses to writes dropped)", ops, dropped, posts), fmt.Sprint(want))
}

// once checks that each op that the server has was acknowledged to just one
// device, at the same revision, and returns how many there are. An op applied
// under two ids, or one that its device gave up, would be too many here.
func once(t *testing.T, s *server, homes []*inside) int {
	t.Helper()
	on, err := s.inspect()
	if err != nil {
		t.Fatal(err)
	}
	acked := 0
	for _, in := range homes {
		st, err := in.inspect()
		if err != nil {
			t.Fatal(err)
		}
		if err := kept(on, st); err != nil {
			t.Error(err)
		}
		acked += len(st.accepted)
	}
	if acked != len(on.ops) {
		t.Errorf("%d ops were acknowledged, the server applied %d", acked, len(on.ops))
	}
	return len(on.ops)
}
