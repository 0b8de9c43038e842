package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"stet/db/local"
)

// soakHomes is the number of devices, and soakRounds how many rounds of each
// they may need once the faults are off.
const (
	soakHomes  = 6
	soakRounds = 10
)

// chaos draws what a request meets, a third of the time something bad; now and
// then everything fails for a while.
type chaos struct {
	mu    sync.Mutex
	rnd   *rand.Rand
	until time.Time // of a partition
	met   map[string]int
}

func (c *chaos) draw() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	fault := ""
	n := c.rnd.IntN(100)
	switch {
	case time.Now().Before(c.until):
		fault = "reset"
	case n == 0:
		c.until = time.Now().Add(time.Duration(c.rnd.IntN(2000)) * time.Millisecond)
		fault = "reset"
	case n < 36:
		fault = []string{"500", "503", "page", "cut", "dropped", "dropped", "dropped", "reset", "reset", "slow"}[c.rnd.IntN(10)]
	case n == 36:
		fault = "429"
	}
	c.met[fault]++
	return fault
}

// TestSoak: devices save and sync through a bad network, and any program is
// killed at any time. Once the faults are off, all is sent and all agree within
// ten rounds, every text can be found and none is there twice.
func TestSoak(t *testing.T) {
	t.Parallel()
	seconds := scale(t, "STET_SOAK", 2)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := newServer(t)
	p := newProxy(t, s)
	c := &chaos{rnd: rand.New(rand.NewPCG(12, seed)), met: map[string]int{}}
	p.draw = c.draw
	var worlds []*lane
	for i := range soakHomes {
		o := newOwner(t, fmt.Sprintf("home%d-", i))
		o.connectTo(p.URL, s.token)
		worlds = append(worlds, &lane{t: t, rnd: rand.New(rand.NewPCG(uint64(i), seed)), s: s, homes: []*owner{o}, killed: map[string]int{},
			took: map[string]time.Duration{}, note: o.name})
	}
	p.fault.Store("chaos")
	until := time.Now().Add(time.Duration(seconds) * time.Second)
	goOn := func() bool { return time.Now().Before(until) && !t.Failed() }
	var wg sync.WaitGroup
	for _, l := range worlds {
		wg.Go(func() { l.soak(goOn) })
	}
	killed := 0
	rnd := rand.New(rand.NewPCG(99, seed))
	for goOn() {
		time.Sleep(time.Duration(300+rnd.IntN(min(seconds, 10)*200)) * time.Millisecond)
		s.kill()
		killed++
		time.Sleep(time.Duration(rnd.IntN(400)) * time.Millisecond)
		s.start()
	}
	wg.Wait()
	p.fault.Store("")
	if t.Failed() {
		return
	}
	saves, clients := 0, 0
	for _, l := range worlds {
		saves += l.seq
		clients += l.killed["stet"]
	}
	t.Logf("%d saves, %d kills of stet, %d of stetd; requests met %v", saves, clients, killed, c.met)
	if c.met["429"] > 0 {
		time.Sleep(2 * time.Second) // what it asked for
	}
	rounds := settle(t, s, worlds)
	if t.Failed() {
		return
	}
	found := 0
	for _, l := range worlds {
		found += l.recoverable()
	}
	if clients == 0 || killed == 0 || big("STET_SOAK") && (c.met["dropped"] == 0 || c.met["cut"] == 0 || c.met["reset"] == 0) {
		t.Errorf("the soak met too little: %d and %d kills, %v", clients, killed, c.met)
	}
	proof(t, "G11", fmt.Sprintf("after faults stop, outboxes empty and dumps equal (soak of real processes, %d s, %d devices)", seconds, soakHomes),
		fmt.Sprintf("%d rounds at most; %d saves, %d texts found, %d kills of stet, %d of stetd", rounds, saves, found, clients, killed), "10 rounds")
}

// soak is the life of one device.
func (l *lane) soak(goOn func() bool) {
	o := l.homes[0]
	for goOn() {
		switch n := l.rnd.IntN(20); {
		case n < 12:
			if l.save(o, l.rnd.IntN(6) == 0) {
				l.killed["stet"]++
			}
			st, err := o.inspect()
			if err == nil {
				err = o.holds(st)
			}
			if err != nil {
				l.t.Fatalf("%s: %v", o.name, err)
			}
		case n < 16:
			if l.strike("sync", o.device, "sync").killed {
				l.killed["stet"]++
			}
		case n < 19:
			if e := l.start(o.device, "sync").wait(); e.code != 0 && e.code != 5 && e.code != 1 || strings.Contains(e.errs, "goroutine ") {
				l.t.Fatalf("sync: exit %d: %s", e.code, e.errs)
			}
		default:
			w := l.start(o.device, "sync", "--watch")
			time.Sleep(time.Duration(l.rnd.IntN(800)) * time.Millisecond)
			l.save(o, false)
			w.kill()
			w.wait()
			l.killed["stet"]++
		}
		time.Sleep(time.Duration(l.rnd.IntN(60)) * time.Millisecond)
	}
}

// settle syncs all devices in turn until nothing waits and all agree, and
// returns how many rounds that took.
func settle(t *testing.T, s *server, worlds []*lane) int {
	t.Helper()
	var devices []*device
	for _, l := range worlds {
		devices = append(devices, l.homes[0].device)
	}
	var err error
	for round := 1; round <= soakRounds; round++ {
		for _, d := range devices {
			if _, errs, code := d.run("", "sync"); code != 0 {
				t.Errorf("round %d after the faults: exit %d: %s", round, code, errs)
			}
		}
		if err = agree(s, devices...); err == nil {
			return round
		}
	}
	t.Fatalf("no agreement after %d rounds: %v", soakRounds, err)
	return 0
}

// recoverable checks what the user of a device expects: the notes as they are
// saved last, and each earlier text in the history. It returns how many texts
// were found.
func (l *lane) recoverable() int {
	l.t.Helper()
	o := l.homes[0]
	st, err := o.inspect()
	if err == nil {
		err = o.holds(st)
	}
	if err == nil {
		err = o.sumsUp()
	}
	if err != nil {
		l.t.Fatalf("%s: %v", o.name, err)
	}
	ctx := context.Background()
	db, err := local.Open(ctx, local.Options{Path: o.file(), Now: time.Now, Device: "check"})
	if err != nil {
		l.t.Fatal(err)
	}
	defer db.Close()
	found := len(o.entries) + len(o.tags)
	for id, w := range o.notes {
		versions, err := db.History(ctx, id, 0)
		if err != nil {
			l.t.Fatal(err)
		}
		texts := map[string]bool{}
		for _, v := range versions {
			texts[v.Fields.Body] = true
		}
		for _, text := range w.kept {
			found++
			if !texts[text] {
				l.t.Errorf("%s: %.40q of note %s was saved and is in no version", o.name, text, id)
			}
		}
	}
	return found
}
