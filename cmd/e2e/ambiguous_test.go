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
	"stet/syncengine/remote"
	"stet/syncengine/remote/kinto"
	"stet/syncengine/remote/mutations"
	"stet/syncengine/remote/native"
)

// dropping is a network that loses answers: the server has done it, and nobody
// hears.
type dropping struct {
	rnd             *rand.Rand
	share           float64
	writes, dropped int // requests that change something, and those whose answer was lost
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
	write := r.Method != http.MethodGet && r.Method != http.MethodHead
	if write {
		d.writes++
	}
	if d.rnd.Float64() < d.share {
		if write {
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
	rnd    *rand.Rand
	wrote  map[string]string // what this device wrote last into its own notes, by id
	own    []string          // those that live, in order
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func newInside(t *testing.T, p place, name string, rnd *rand.Rand) *inside {
	t.Helper()
	in := &inside{device: newDevice(t), net: &dropping{rnd: rnd}, rnd: rnd, wrote: map[string]string{}}
	in.to(p)
	var err error
	in.store, err = local.Open(context.Background(), local.Options{Path: filepath.Join(in.home, "stet.db"), Now: time.Now, Device: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.store.Close() })
	driver, err := p.driver(in.net)
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

// driver speaks to a place through a network. Its Kinto looks back for a second
// only, not for ten: all of the test is within some.
func (p place) driver(net http.RoundTripper) (remote.Remote, error) {
	switch p.protocol {
	case "kinto":
		return kinto.New(p.url(), kinto.Credentials{User: "ana", Password: p.token}, kinto.WithTransport(net), kinto.WithOverlap(time.Second))
	case "mutations":
		return mutations.New(p.url(), p.token, "stet", mutations.WithTransport(net))
	}
	return native.New(p.url(), p.token, native.WithTransport(net))
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

// hearing is what the users of a world did, by what it left.
type hearing struct {
	t       *testing.T
	homes   []*inside
	n       int
	titles  map[string]bool // of notes that live
	entries map[string]bool // of their logs
}

// TestAnswersAreLost: three of ten answers never arrive, after stetd has done
// what was asked, whichever protocol asked it. No op is applied twice and none
// is lost. STET_OPS is the number of ops over each protocol, STET_OPS_OTHERS
// that over all but the native one.
func TestAnswersAreLost(t *testing.T) {
	all := scale(t, "STET_OPS", 60)
	others := all
	if big("STET_OPS_OTHERS") {
		others = scale(t, "STET_OPS_OTHERS", all)
	}
	for _, protocol := range protocols {
		want := others
		if protocol == "native" {
			want = all
		}
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			answersAreLost(t, newServer(t).at(protocol), want)
		})
	}
}

func answersAreLost(t *testing.T, p place, want int) {
	ctx := context.Background()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(14, seed))
	h := &hearing{t: t, homes: []*inside{newInside(t, p, "a", rnd), newInside(t, p, "b", rnd)}, titles: map[string]bool{}, entries: map[string]bool{}}
	begin := time.Now()
	var on serverState
	rounds, look := 0, want/2
	for ; len(on.ops) < want || h.lost() < 3; rounds++ {
		in := h.homes[rnd.IntN(2)]
		for range 1 + rnd.IntN(20) {
			h.write(ctx, in)
		}
		in.net.share = 0.3
		if rounds == 0 || rnd.IntN(12) == 0 { // all tries of a round: its ops stay out while the user writes on
			in.net.share = 1
		}
		_ = in.round(ctx) // some fail
		if h.n >= look {
			var err error
			if on, err = p.inspect(); err != nil {
				t.Fatal(err)
			}
			look = h.n + max(20, (want-len(on.ops))*3/4)
		}
	}
	writes, dropped := 0, h.lost()
	for _, in := range h.homes {
		writes, in.net.share = writes+in.net.writes, 0
	}
	if writes > 400 && dropped*4 < writes {
		t.Fatalf("%d of %d answers dropped", dropped, writes)
	}
	fresh := newInside(t, p, "c", rnd)
	for range 3 {
		for _, in := range append(h.homes, fresh) {
			if err := in.round(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := agree(p.server, h.homes[0].device, h.homes[1].device, fresh.device); err != nil {
		t.Fatal(err)
	}
	ops := once(t, p, h.homes)
	h.check(fresh)
	t.Logf("%d ops in %d rounds, %d of %d answers to writes dropped, %v", ops, rounds, dropped, writes, time.Since(begin).Round(time.Millisecond))
	proof(t, "G14", "30 % of responses dropped after commit, "+p.protocol+" protocol",
		fmt.Sprintf("%d ops: 0 duplicates, 0 lost (%d of %d responses to writes dropped)", ops, dropped, writes), fmt.Sprint(want))
}

// lost is how many answers to writes never came.
func (h *hearing) lost() (n int) {
	for _, in := range h.homes {
		n += in.net.dropped
	}
	return n
}

// write has the user of a home do something.
func (h *hearing) write(ctx context.Context, in *inside) {
	h.t.Helper()
	must := func(err error) {
		h.t.Helper()
		if err != nil {
			h.t.Fatal(err)
		}
	}
	h.n++
	token := fmt.Sprintf("token-%d.", h.n)
	switch kind := in.rnd.IntN(20); {
	case kind < 8 || len(in.own) == 0:
		note, err := in.notes.Create(ctx, model.Fields{Title: token, Body: "created " + token})
		must(err)
		h.titles[token], in.wrote[note.ID] = true, "created "+token
		in.own = append(in.own, note.ID)
	case kind < 14:
		id := in.any(in.rnd)
		if in.rnd.IntN(2) == 0 { // one whose op may be out
			id = in.own[max(0, len(in.own)-1-in.rnd.IntN(8))]
		}
		note, err := in.store.Get(ctx, id)
		must(err)
		text := note.Fields.Clone()
		text.Body = "edited " + token
		_, err = in.notes.Save(ctx, id, note.Fields, text)
		must(err)
		in.wrote[id] = text.Body
	case kind < 16: // one that nobody wrote into the log of
		k := in.rnd.IntN(len(in.own))
		note, err := in.store.Get(ctx, in.own[k])
		must(err)
		if len(note.Log) > 0 || !strings.HasPrefix(note.Body, "created ") {
			return
		}
		_, err = in.notes.Delete(ctx, note.ID)
		must(err)
		delete(h.titles, note.Title)
		delete(in.wrote, note.ID)
		in.own = append(in.own[:k], in.own[k+1:]...)
	default: // to a note of any device that was edited, if it is there yet
		of := h.homes[in.rnd.IntN(2)]
		if len(of.own) == 0 {
			return
		}
		id := of.any(in.rnd)
		if note, err := in.store.Get(ctx, id); errors.Is(err, model.ErrNotFound) || err == nil && !strings.HasPrefix(note.Body, "edited ") {
			return
		}
		_, err := in.notes.Append(ctx, id, token)
		must(err)
		h.entries[token] = true
	}
}

// any draws one of a home's own notes.
func (in *inside) any(rnd *rand.Rand) string { return in.own[rnd.IntN(len(in.own))] }

// check looks whether a device that was never cut off has all, and once.
func (h *hearing) check(fresh *inside) {
	t := h.t
	t.Helper()
	st, err := fresh.inspect()
	if err != nil {
		t.Fatal(err)
	}
	if len(st.notes) != len(h.titles) {
		t.Errorf("%d notes were made, a fresh device has %d", len(h.titles), len(st.notes))
	}
	logs := map[string]int{}
	for _, n := range st.notes {
		if !h.titles[n.title] {
			t.Errorf("twice, deleted or nobody's: %s", n.title)
		}
		delete(h.titles, n.title)
		for _, part := range strings.Split(n.log, `"token-`)[1:] {
			text, _, _ := strings.Cut(part, `"`)
			logs["token-"+text]++
		}
	}
	for _, in := range h.homes {
		for id, body := range in.wrote {
			if st.notes[id].body != body {
				t.Errorf("%s has %q, written was %q", id, st.notes[id].body, body)
			}
		}
	}
	for token := range h.entries {
		if logs[token] != 1 {
			t.Errorf("entry %s is there %d times", token, logs[token])
		}
	}
}

// once checks that each op that the server has was acknowledged to just one
// device, and returns how many there are. An op applied under two ids, or one
// that its device gave up, would be too many here.
func once(t *testing.T, p place, homes []*inside) int {
	t.Helper()
	on, err := p.inspect()
	if err != nil {
		t.Fatal(err)
	}
	acked := 0
	for _, in := range homes {
		st, err := in.inspect()
		if err != nil {
			t.Fatal(err)
		}
		if err := p.kept(on, st); err != nil {
			t.Error(err)
		}
		acked += len(st.accepted)
	}
	if acked != len(on.ops) {
		t.Errorf("%d ops were acknowledged, the server applied %d", acked, len(on.ops))
	}
	return len(on.ops)
}
