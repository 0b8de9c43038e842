package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Lanes are worlds that are killed side by side: most of a kill is waiting.
// A world is left after so many kills, since each kill checks all of it.
const (
	lanes        = 4
	killsAWorld  = 125
	killsToAgree = 25
)

// TestKillAnything kills stet and stetd with SIGKILL at random moments of
// saves and syncs. After each kill the files are opened without the programs:
// every save that returned is there, no transaction is there by half, SQLite
// finds them sound, and the server has what it acknowledged. Every 25 kills all
// hold the same notes, none twice. The worlds take turns with the protocols.
func TestKillAnything(t *testing.T) {
	want := scale(t, "STET_KILLS", 60)
	begin := time.Now()
	var done atomic.Int64
	var mu sync.Mutex
	killed, over := map[string]int{}, map[string]int{}
	var wg sync.WaitGroup
	for i := range lanes {
		wg.Go(func() {
			for world := 0; done.Load() < int64(want) && !t.Failed(); world++ {
				seed := uint64(os.Getpid())<<16 | uint64(i)<<8 | uint64(world)
				l := newLane(t, seed, spoken[(i+world)%len(spoken)])
				l.run(want, &done)
				mu.Lock()
				for victim, n := range l.killed {
					killed[victim] += n
					over[l.homes[0].at.protocol] += n
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	all := 0
	for _, n := range killed {
		all += n
	}
	t.Logf("%d kills in %v (%.1f a second): %v, %v", all, time.Since(begin).Round(time.Millisecond), float64(all)/time.Since(begin).Seconds(), killed, over)
	if t.Failed() {
		return
	}
	if all < want || all >= 200 && (killed["stetd"]*5 < all || (killed["sync"]+killed["watch"])*5 < all) {
		t.Fatalf("%d kills of %d, too few of stetd or of syncs: %v", all, want, killed)
	}
	proof(t, "G6", "kill -9 of the real programs at random moments, checked after each",
		fmt.Sprintf("%d kills (%d stetd, %d syncs, %d saves; over Kinto %d, the mutations log %d): 0 saves lost, 0 halves, 0 corrupt", all,
			killed["stetd"], killed["sync"]+killed["watch"], killed["save"]+killed["first save"], over["kinto"], over["mutations"]), fmt.Sprint(want))
}

// lane is one world that is killed again and again.
type lane struct {
	t      *testing.T
	rnd    *rand.Rand
	seed   uint64
	s      *server
	p      *proxy // before s
	homes  []*owner
	killed map[string]int
	took   map[string]time.Duration // how long a command runs that is not killed
	seq    int
	note   string // what was killed last
}

// spoken are what the two devices of a world speak, world after world.
var spoken = [][2]string{{"native", "native"}, {"kinto", "kinto"}, {"mutations", "native"}, {"native", "kinto"}, {"mutations", "mutations"}}

func newLane(t *testing.T, seed uint64, spoken [2]string) *lane {
	l := &lane{t: t, rnd: rand.New(rand.NewPCG(7, seed)), seed: seed, s: newServer(t), killed: map[string]int{}, took: map[string]time.Duration{}}
	l.p = newProxy(t, l.s)
	for i, name := range []string{"a", "b"} {
		o := newOwner(t, name)
		o.at = l.s.at(spoken[i])
		o.at.through = l.p.URL
		o.to(o.at)
		l.homes = append(l.homes, o)
	}
	return l
}

func (l *lane) run(want int, done *atomic.Int64) {
	defer l.s.kill()
	for n := 0; n < killsAWorld && done.Load() < int64(want) && !l.t.Failed(); {
		o := l.homes[min(l.rnd.IntN(4), 1)] // a quarter of it on a
		victim := l.pick()
		dead := map[string]func(*owner) bool{"save": l.killSave, "first save": l.killFirst, "sync": l.killSync, "watch": l.killWatch,
			"stetd": l.killServer}[victim](o)
		if !dead {
			continue // it was faster
		}
		n++
		done.Add(1)
		l.killed[victim]++
		l.note = fmt.Sprintf("seed %d, %s, kill %d in this world, of %s", l.seed, o.at.protocol, n, victim)
		l.check()
		if n%killsToAgree == 0 {
			l.agree()
		}
	}
	l.agree()
}

func (l *lane) pick() string {
	switch n := l.rnd.IntN(100); {
	case n < 36:
		return "save"
	case n < 40:
		return "first save"
	case n < 64:
		return "sync"
	case n < 70:
		return "watch"
	}
	return "stetd"
}

// ended is how a command ended.
type ended struct {
	out, errs string
	code      int
	killed    bool
}

// strike runs a command and kills it at a random moment of its life.
func (l *lane) strike(kind string, d *device, args ...string) ended {
	usual, ok := l.took[kind]
	if !ok {
		usual = 15 * time.Millisecond
	}
	after := time.Duration(l.rnd.Float64() * 1.1 * float64(usual))
	begin := time.Now()
	end := l.start(d, args...)
	timer := time.AfterFunc(after, end.kill)
	defer timer.Stop()
	e := end.wait()
	if !e.killed {
		l.took[kind] = (usual*7 + time.Since(begin)) / 8
	}
	return e
}

// command is a running stet.
type command struct {
	l         *lane
	cmd       *exec.Cmd
	out, errs bytes.Buffer
}

func (l *lane) start(d *device, args ...string) *command {
	c := &command{l: l, cmd: exec.Command(stetBin, append([]string{"--home", d.home}, args...)...)}
	c.cmd.Stdout, c.cmd.Stderr = &c.out, &c.errs
	if err := c.cmd.Start(); err != nil {
		l.t.Errorf("start %v: %v", args, err)
	}
	return c
}

func (c *command) kill() { _ = c.cmd.Process.Kill() }

func (c *command) wait() ended {
	err := c.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.l.t.Errorf("%v: %v", c.cmd.Args, err)
	}
	status := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ended{c.out.String(), c.errs.String(), c.cmd.ProcessState.ExitCode(), status.Signaled() && status.Signal() == syscall.SIGKILL}
}

// owner is a home with what its user expects of it.
type owner struct {
	*device
	at      place
	name    string
	notes   map[string]*expected
	order   []string
	entries map[string]string // text of a log entry whose append returned → note
	tags    map[string]string // tag that was set → note
}

func newOwner(t *testing.T, name string) *owner {
	return &owner{device: newDevice(t), name: name, notes: map[string]*expected{}, entries: map[string]string{}, tags: map[string]string{}}
}

// expected is what a note made here must be.
type expected struct {
	body    string
	maybe   []string // of killed saves since: each may have happened
	kept    []string // every text that was saved
	deleted bool
	dying   bool // its deletion was killed
	shared  bool // the other device appends to it, so it is never deleted
}

// save saves something on o; victim may die of it. It reports whether it did.
func (l *lane) save(o *owner, victim bool) bool {
	l.seq++
	token := fmt.Sprintf("%s%d.", o.name, l.seq)
	args, settle := l.action(o, token)
	var e ended
	if victim {
		e = l.strike(args[0], o.device, args...)
	} else {
		e = l.start(o.device, args...).wait()
	}
	if !e.killed && e.code != 0 {
		l.t.Fatalf("stet %v: exit %d: %s (%s)", args, e.code, e.errs, l.note)
	}
	settle(e)
	return e.killed
}

// action draws a save, and what its end means for what is expected.
func (l *lane) action(o *owner, token string) (args []string, settle func(ended)) {
	body := "body " + token + strings.Repeat(" word", l.rnd.IntN(200))
	var id string
	for range 8 { // one that is not deleted, if there is any
		if len(o.order) == 0 {
			break
		}
		id = o.order[l.rnd.IntN(len(o.order))]
		if w := o.notes[id]; !w.deleted && !w.dying {
			break
		}
		id = ""
	}
	kind := l.rnd.IntN(100)
	if id == "" {
		kind = 0
	}
	switch {
	case kind < 30:
		title, shared := "doomed "+token, l.rnd.IntN(4) > 0
		if shared {
			title = "note " + token
		}
		return []string{"add", title, "-m", body}, func(e ended) {
			if id := strings.TrimSpace(e.out); id != "" { // printed is promised, whatever came then
				o.notes[id] = &expected{body: body, shared: shared}
				o.order = append(o.order, id)
			}
		}
	case kind < 60:
		return []string{"set", id, "-m", body}, func(e ended) {
			if w := o.notes[id]; e.killed {
				w.maybe = append(w.maybe, body)
			} else {
				w.body, w.maybe = body, nil
				w.kept = append(w.kept, body)
			}
		}
	case kind < 66 && o.notes[id].shared:
		id, tag := l.anyones(o, id), "tag-"+token
		return []string{"set", id, "--tag", "+" + tag}, func(e ended) {
			if !e.killed {
				o.tags[tag] = id
			}
		}
	case kind < 90 || o.notes[id].shared:
		id := l.anyones(o, id)
		return []string{"append", id, "entry " + token}, func(e ended) {
			if !e.killed {
				o.entries["entry "+token] = id
			}
		}
	}
	return []string{"rm", id}, func(e ended) { o.notes[id].deleted, o.notes[id].dying = !e.killed, e.killed }
}

// anyones returns, half of the time, a note that any device made and that is
// never deleted, instead of one's own.
func (l *lane) anyones(o *owner, own string) string {
	if l.rnd.IntN(2) == 0 {
		return own
	}
	st, err := o.inspect()
	if err != nil {
		l.t.Fatal(err)
	}
	var ids []string
	for id, n := range st.notes {
		if strings.HasPrefix(n.title, "note ") && !n.deleted {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return own
	}
	slices.Sort(ids)
	return ids[l.rnd.IntN(len(ids))]
}

func (l *lane) killSave(o *owner) bool {
	var beside *command
	if l.rnd.IntN(3) == 0 { // while another process of this home syncs
		beside = l.start(o.device, "sync")
	}
	dead := l.save(o, true)
	if beside != nil {
		l.fine(beside.wait())
	}
	return dead
}

// killFirst kills the first save of a home: the store is being made.
func (l *lane) killFirst(*owner) bool {
	d := newDevice(l.t)
	e := l.strike("first", d, "add", "first", "-m", "text")
	if !e.killed {
		return false
	}
	if _, err := os.Stat(d.file()); err == nil {
		st, err := d.inspect()
		if err != nil {
			l.t.Fatalf("killed first save: %v", err)
		}
		if _, ok := st.notes[strings.TrimSpace(e.out)]; e.out != "" && !ok {
			l.t.Fatalf("killed first save: %s was printed and is lost", e.out)
		}
	} else if e.out != "" {
		l.t.Fatalf("killed first save: %s was printed, and there is no store", e.out)
	}
	if end := l.start(d, "ls").wait(); end.code != 0 {
		l.t.Fatalf("after a killed first save: exit %d: %s", end.code, end.errs)
	}
	_ = os.RemoveAll(filepath.Dir(d.home))
	return true
}

func (l *lane) prepare(o *owner) {
	for range 1 + l.rnd.IntN(2) {
		l.save(o, false)
	}
}

func (l *lane) killSync(o *owner) bool {
	l.prepare(o)
	e := l.strike("sync", o.device, "sync")
	if !e.killed {
		l.fine(e)
	}
	return e.killed
}

func (l *lane) killWatch(o *owner) bool {
	w := l.start(o.device, "sync", "--watch")
	timer := time.AfterFunc(time.Duration(l.rnd.IntN(350))*time.Millisecond, w.kill)
	defer timer.Stop()
	for range 4 {
		l.save(o, false)
	}
	return w.wait().killed
}

// killServer kills stetd while devices sync. They go on, or say that they are
// offline and come back.
func (l *lane) killServer(o *owner) bool {
	l.prepare(o)
	if l.rnd.IntN(2) == 0 {
		return l.killAnswered(o)
	}
	syncs := []*command{l.start(o.device, "sync")}
	if l.rnd.IntN(2) == 0 {
		syncs = append(syncs, l.start(l.homes[1-slices.Index(l.homes, o)].device, "sync"))
	}
	usual, ok := l.took["sync"]
	if !ok {
		usual = 15 * time.Millisecond
	}
	time.Sleep(time.Duration(l.rnd.Float64() * 1.1 * float64(usual)))
	if l.rnd.IntN(2) == 0 { // half of the devices are gone with it
		for _, c := range syncs {
			c.kill()
		}
	}
	l.s.kill()
	l.s.start()
	for _, c := range syncs {
		if e := c.wait(); !e.killed {
			l.fine(e)
		}
	}
	return true
}

// killAnswered kills stetd in the moment in which it has answered a write. What
// it said must be true of its file.
func (l *lane) killAnswered(o *owner) bool {
	var once sync.Once
	hit := make(chan struct{})
	process := l.s.cmd.Process
	l.p.hit = func() {
		once.Do(func() {
			_ = process.Kill()
			close(hit)
		})
	}
	l.p.fault.Store("answered")
	c := l.start(o.device, "sync")
	done := make(chan ended, 1)
	go func() { done <- c.wait() }()
	select {
	case <-hit:
		l.p.fault.Store("")
		l.s.kill()
		l.s.start()
		l.fine(<-done)
		return true
	case e := <-done: // there was nothing to send, or it came to nothing
		l.p.fault.Store("")
		l.fine(e)
		select {
		case <-hit:
			l.s.kill()
			l.s.start()
			return true
		default:
			return false
		}
	}
}

// fine checks how a sync ended that nobody killed.
func (l *lane) fine(e ended) {
	if e.code != 0 && e.code != 5 || strings.Contains(e.errs, "goroutine ") {
		l.t.Errorf("sync: exit %d: %s%s (%s)", e.code, e.out, e.errs, l.note)
	}
}

// check opens all files and looks for what must be there.
func (l *lane) check() {
	l.t.Helper()
	var states []state
	for _, o := range l.homes {
		st, err := o.inspect()
		if err != nil {
			l.t.Fatalf("%s: device %s: %v", l.note, o.name, err)
		}
		states = append(states, st)
		if err := o.holds(st); err != nil {
			l.t.Fatalf("%s: device %s: %v", l.note, o.name, err)
		}
	}
	on, err := l.s.inspect()
	if err != nil {
		l.t.Fatalf("%s: %v", l.note, err)
	}
	for i, st := range states {
		if err := l.homes[i].at.kept(on, st); err != nil {
			l.t.Fatalf("%s: device %s: %v", l.note, l.homes[i].name, err)
		}
	}
}

// holds checks a home against what its user expects, and takes note of what
// became of killed saves: their process is dead, so it is settled.
func (o *owner) holds(st state) error {
	titles, entries := map[string]string{}, map[string]bool{}
	for id, n := range st.notes {
		if before, ok := titles[n.title]; ok && !n.deleted {
			return fmt.Errorf("twice: %q is %s and %s", n.title, before, id)
		}
		if !n.deleted {
			titles[n.title] = id
		}
		for _, part := range strings.Split(n.log, `"entry `)[1:] {
			text, _, _ := strings.Cut(part, `"`)
			if entries[text] {
				return fmt.Errorf("twice: entry %s", text)
			}
			entries[text] = true
		}
	}
	for id, w := range o.notes {
		n, ok := st.notes[id]
		switch {
		case !ok:
			return fmt.Errorf("lost: note %s of a save that returned", id)
		case w.deleted && !n.deleted:
			return fmt.Errorf("lost: the deletion of %s", id)
		case n.deleted && !w.deleted && !w.dying:
			return fmt.Errorf("lost: %s is deleted, and nobody did", id)
		case !n.deleted && n.body != w.body && !slices.Contains(w.maybe, n.body):
			return fmt.Errorf("lost: %s has %.40q, saved %.40q", id, n.body, w.body)
		}
		w.deleted, w.dying = n.deleted, false
		if !n.deleted {
			w.body, w.maybe = n.body, nil
		}
	}
	for tag, id := range o.tags {
		if n := st.notes[id]; !strings.Contains(n.tags, `"`+tag+`"`) {
			return fmt.Errorf("lost: %s of %s", tag, id)
		}
	}
	for text, id := range o.entries {
		if n := st.notes[id]; !n.deleted && !entries[strings.TrimPrefix(text, "entry ")] {
			return fmt.Errorf("lost: %q of %s", text, id)
		}
	}
	return nil
}

// agree syncs all until nothing is left and compares.
func (l *lane) agree() {
	l.t.Helper()
	if l.t.Failed() {
		return
	}
	var err error
	for range 4 {
		for _, o := range l.homes {
			if e := l.start(o.device, "sync").wait(); e.code != 0 {
				l.t.Fatalf("%s: sync: exit %d: %s", l.note, e.code, e.errs)
			}
		}
		if err = agree(l.s, l.homes[0].device, l.homes[1].device); err == nil {
			break
		}
	}
	if err != nil {
		l.t.Fatalf("%s: they do not agree: %v", l.note, err)
	}
	for _, o := range l.homes {
		if err := o.sumsUp(); err != nil {
			l.t.Fatalf("%s: device %s: %v", l.note, o.name, err)
		}
	}
	l.check()
	all := maps.Clone(l.homes[0].notes)
	maps.Copy(all, l.homes[1].notes)
	st, err := l.homes[0].inspect()
	if err != nil {
		l.t.Fatal(err)
	}
	for id, w := range all {
		if n, ok := st.notes[id]; !w.deleted && (!ok || n.body != w.body) {
			l.t.Fatalf("%s: note %s did not reach the other device", l.note, id)
		}
	}
}
