package syncengine_test

import (
	"cmp"
	"context"
	crand "crypto/rand"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stet/db/server/sqlite"
	"stet/syncengine/server"
)

// reopen starts the server again with a clock of its own.
func (w *world) reopen(now func() time.Time) {
	w.t.Helper()
	w.close()
	s, err := sqlite.Open(context.Background(), w.path, sqlite.Options{Now: now, Rand: crand.Reader})
	if err != nil {
		w.t.Fatalf("open server store: %v", err)
	}
	w.store = s
	w.handler.set(server.New(s, server.Options{Now: now, NewID: w.id}))
}

// frozen is a clock that stands: revs are then numbers in a row, which a wiped
// server begins anew.
func frozen() time.Time { return time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC) }

// TestDayRandomRevsGivenTwice: random histories in which servers are wiped and
// restored and give out numbers that devices have seen for other texts. STET_DAYS
// is how many.
func TestDayRandomRevsGivenTwice(t *testing.T) {
	many := os.Getenv("STET_DAYS")
	checks := flag.Lookup("rapid.checks")
	defer func() { _ = flag.Set("rapid.checks", checks.DefValue) }()
	if err := flag.Set("rapid.checks", cmp.Or(many, "5")); err != nil {
		t.Fatal(err)
	}
	ran := 0
	defer func() {
		if many != "" && !t.Failed() {
			fmt.Printf("proof G15 | random histories of servers wiped and restored | %d histories: 0 texts lost, all converge | all\n", ran)
		}
	}()
	rapid.Check(t, func(rt *rapid.T) {
		ran++
		w := newWorld(t)
		defer func() { _ = w.store.Close() }()
		h := &history{t: rt, w: w, saved: map[string]map[string]bool{}, purged: map[string]bool{}}
		for i := range rapid.IntRange(2, 3).Draw(rt, "devices") {
			h.devices = append(h.devices, w.device(fmt.Sprint("d", i)))
		}
		var own *sqlite.Store
		for range rapid.IntRange(5, 40).Draw(rt, "steps") {
			if w.store != own {
				w.reopen(frozen)
				own = w.store
			}
			if rapid.IntRange(0, 9).Draw(rt, "day") > 0 {
				h.step()
				continue
			}
			if h.backed && rapid.Bool().Draw(rt, "restored") {
				w.restore()
			} else {
				w.wipe()
			}
		}
		w.reopen(frozen)
		h.quiesce()
		h.check()
	})
}
