package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// kills is how often TestKillAnything kills; STET_KILLS says otherwise.
func kills(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("STET_KILLS"))
	if err != nil {
		n = 25
	}
	t.Logf("%d kills (STET_KILLS)", n)
	return n
}

// TestKillAnything kills stet and stetd with SIGKILL at random moments of
// saves and syncs. Every save that returned is there after each kill, and at
// the end both devices hold the same notes, none twice.
func TestKillAnything(t *testing.T) {
	s := newServer(t)
	a, b := newDevice(t), newDevice(t)
	a.connect(s)
	b.connect(s)
	rnd := rand.New(rand.NewPCG(7, uint64(os.Getpid())))
	saved := map[string]string{} // id → body that a returned save gave it
	var order []string
	for i := range kills(t) {
		body := fmt.Sprintf("body %d of run", i)
		switch rnd.IntN(4) {
		case 0: // kill stetd while a syncs
			done := make(chan struct{})
			go func() { a.run("", "sync"); close(done) }()
			time.Sleep(time.Duration(rnd.IntN(25)) * time.Millisecond)
			s.kill()
			s.start()
			<-done
		case 1: // kill a sync
			a.killed(rnd, "sync")
		case 2: // kill a save of an old note
			if len(order) > 0 {
				id := order[rnd.IntN(len(order))]
				if a.killed(rnd, "set", id, "-m", body) {
					saved[id] = body
				} else {
					saved[id] = "" // either text, checked to be one of them below
					if got := a.must("show", id, "--raw"); got != body && !strings.HasPrefix(got, "body ") {
						t.Fatalf("half a save: %q", got)
					}
				}
			}
		case 3: // kill a new note
			ctx, cancel := context.WithCancel(context.Background())
			cmd := a.cmd(ctx, "add", fmt.Sprint("note ", i), "-m", body)
			timer := time.AfterFunc(time.Duration(rnd.IntN(14))*time.Millisecond, cancel)
			out, err := cmd.Output()
			timer.Stop()
			cancel()
			if err == nil {
				id := strings.TrimSpace(string(out))
				saved[id] = body
				order = append(order, id)
			}
		}
		if rnd.IntN(5) == 0 {
			b.run("", "sync")
		}
		there := a.notes()
		for id, want := range saved {
			n, ok := there[id]
			if !ok || want != "" && n.Body != want {
				t.Fatalf("after kill %d: note %s has %q, saved %q", i, id, n.Body, want)
			}
		}
	}
	for range 3 {
		a.must("sync")
		b.must("sync")
	}
	onA, onB := a.notes(), b.notes()
	if len(onA) != len(onB) || len(onA) < len(saved) {
		t.Fatalf("a has %d notes, b %d, saved %d", len(onA), len(onB), len(saved))
	}
	titles := map[string]bool{}
	for id, n := range onA {
		m := onB[id]
		if n.Body != m.Body || n.Title != m.Title || n.Rev != m.Rev || n.Status != "synced" || m.Status != "synced" {
			t.Errorf("differs: %+v %+v", n, m)
		}
		if titles[n.Title] {
			t.Errorf("%s is there twice", n.Title)
		}
		titles[n.Title] = true
	}
}

// killed runs a command and kills it at a random moment; it reports whether the
// command had returned with success before.
func (d *device) killed(rnd *rand.Rand, args ...string) bool {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	timer := time.AfterFunc(time.Duration(rnd.IntN(18))*time.Millisecond, cancel)
	defer timer.Stop()
	return d.cmd(ctx, args...).Run() == nil
}
