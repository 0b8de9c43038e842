package sim

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"stet/db/local"
	"stet/model"
	"stet/syncengine"
	"stet/syncengine/store"
)

// device is one home: a store, the processes that use it, and what the watch
// knows of both.
type device struct {
	w          *world
	label      string
	account    int
	dir        string
	home       *home // its place in the pool; nil for a copy
	skew       time.Duration
	server     int // which one it is connected to
	dialect    Dialect
	processes  []*process
	view       map[string]stance // the committed state of each note
	cursor     string
	comparing  bool            // the store's resync mark is set
	writing    map[string]text // token → what was saved here
	drafts     map[string]string
	open       map[string]model.Fields // external editor: note → text it was opened on
	backups    []deviceBackup
	unanswered map[string]question // reviews that nobody has answered yet, those of servers that it left too

	acting    int         // depth of its nested actions
	rounds    int         // rounds under way: the lease allows one
	lease     store.Lease // kept from one round to the next, as a worker does
	consent   bool
	removed   int             // clean notes that the round under way moved to the trash or replaced
	live      int             // live notes when the round began
	sound     bool            // the exchange under way has had an answer that counts
	asked     bool            // a request was made in the round under way
	requests  int             // that were made in it
	heardLost int             // how often the server had forgotten when it last answered
	told      map[string]bool // ops whose fate an answer told
	notBefore time.Time       // in true time
	backoff   time.Duration   // that the last answer of the round under way asks for
	again     bool            // the list under way tells its last entry again
	refused   string          // an op that the server refused, until that is written down
	shown     map[string]bool // rows that a Kinto listed, by id and revision
	jumped    bool            // its clock moved in this run
	lost      []int           // per server: how often it had forgotten when this device last finished a round
	leaving   bool            // it is changing servers or homes: the watch looks away
	synced    bool            // it did, since the faults stopped
	moved     bool            // its last round sent or fetched something
}

// question is the other side of a review.
type question struct {
	server int
	rev    int64
}

type deviceBackup struct {
	dir     string
	writing map[string]text
	drafts  map[string]string
	server  int
	dialect Dialect
	lost    []int
}

// process is one running stet.
type process struct {
	d      *device
	store  *local.Store
	notes  *syncengine.Notes
	engine *syncengine.Engine
}

func newDevice(w *world, label string, account int, skew time.Duration) *device {
	d := &device{w: w, label: label, account: account, skew: skew, view: map[string]stance{},
		writing: map[string]text{}, drafts: map[string]string{}, open: map[string]model.Fields{}, told: map[string]bool{}, shown: map[string]bool{},
		lost: make([]int, w.script.Config.Servers)}
	h, s, err := w.pool.home(d)
	w.must("take home", err)
	d.home, d.dir, d.dialect = h, h.dir, w.script.Config.dialect(len(w.devices))
	if s == nil {
		s = d.load()
	}
	d.processes = []*process{d.run(s)}
	d.connect(0, d.dialect)
	return d
}

func (d *device) now() time.Time { return d.w.now.Add(d.skew) }

// stable reports whether the device's clock runs like the true one, only
// elsewhere.
func (d *device) stable() bool { return !d.jumped }

// main is the process that the user has open.
func (d *device) main() *process { return d.processes[0] }

// any is one of its processes.
func (d *device) any() *process { return d.processes[d.w.rng.IntN(len(d.processes))] }

// start is a start of the program.
func (d *device) start() *process { return d.run(d.load()) }

func (d *device) load() *local.Store {
	d.refused = "" // what was not written down is asked again
	now := d.now
	if d.home != nil {
		now = d.home.now
	}
	s, err := local.Open(ctx, local.Options{Path: filepath.Join(d.dir, "stet.db"), Now: now, Device: d.label, Machine: "sim",
		Sleep: time.Sleep, After: func(time.Duration) <-chan time.Time { return nil }})
	d.w.must("open store", err)
	return s
}

// run is a program with an open store.
func (d *device) run(s *local.Store) *process {
	w := d.w
	p := &process{d: d, store: s}
	driver, err := d.driver()
	w.must("make driver", err)
	p.notes = syncengine.NewNotes(watched{p, false}, syncengine.NotesOptions{Now: d.now, NewID: w.newID, Device: d.label})
	p.engine = syncengine.New(watched{p, true}, ear{driver, d}, syncengine.Options{Now: d.now, NewID: w.newID, Device: d.label,
		Rand: func() float64 { return w.rng.Float64() }, Changed: s.DataVersion, After: w.after})
	return p
}

// after is time.After in a world where waiting is instant.
func (w *world) after(t time.Duration) <-chan time.Time {
	w.now = w.now.Add(t)
	ch := make(chan time.Time, 1)
	ch <- w.now
	return ch
}

// killed unwinds a device's processes.
type killed struct{ d *device }

// mayDie kills the device's processes at the edges of its transactions.
func (d *device) mayDie() {
	if d.w.often(d.w.script.Config.Kill) {
		d.w.meet("process killed")
		panic(killed{d})
	}
}

// acts runs f as this device. A kill inside ends f, whatever was nested in it,
// and starts the programs again; it also ends whoever was in the middle of
// something when the killed one acted.
func (d *device) acts(f func()) {
	defer func() {
		d.acting--
		v := recover()
		if v == nil {
			return
		}
		k, ok := v.(killed)
		if !ok {
			panic(v)
		}
		if d.acting == 0 {
			d.reopen()
		}
		if k.d != d || d.acting > 0 {
			panic(v)
		}
	}()
	d.acting++
	f()
}

// reopen starts the programs anew and checks that all that was committed is
// there.
func (d *device) reopen() {
	d.restartAll()
	d.notBefore = time.Time{} // it may have died before it wrote it down
	d.w.trace.add("  %s starts again", d.label)
	d.checkAfterStart()
	d.checkTexts()
}

func (d *device) restartAll() {
	d.alone()
	for i, p := range d.processes {
		d.w.must("close store", p.store.Close())
		d.processes[i] = d.start()
	}
	d.rounds, d.lease, d.leaving = 0, nil, false
	d.open = map[string]model.Fields{}
}

// alone leaves the store's file to the programs.
func (d *device) alone() {
	if d.home != nil {
		d.w.must("leave home", d.home.raw.Close())
	}
}

// round is one `stet sync`, or one of the worker's.
func (d *device) round(p *process, o syncengine.RoundOptions) error {
	if d.rounds > 0 {
		d.tryLease(p)
		return nil
	}
	if !d.w.calm && d.w.depth > 2 {
		return nil
	}
	var err error
	if d.lease == nil {
		d.lease, err = p.store.Lease(ctx)
		d.w.must("take lease", err)
	}
	d.rounds++
	d.consent, d.removed, d.asked, d.live = o.Yes, 0, false, d.countLive()
	d.backoff, d.requests = 0, 0
	lost := d.w.servers[d.server].lost
	report, err := p.engine.Round(ctx, o)
	d.moved = report.Pushed+report.Pulled > 0
	d.rounds--
	d.rest(err)
	if !d.w.calm {
		d.release()
	}
	d.checkRound(err, o)
	if err == nil && lost == d.w.servers[d.server].lost {
		d.lost[d.server] = lost
	}
	d.w.trace.add("  %s round: %v", d.label, err)
	return err
}

// release lets others sync, where nobody was killed before he could.
func (d *device) release() {
	if lease := d.lease; lease != nil {
		d.lease = nil
		d.w.must("release lease", lease.Release())
	}
}

// tryLease is a second process that would sync while one does.
func (d *device) tryLease(p *process) {
	d.w.meet("lease refused")
	lease, err := p.store.Lease(ctx)
	if err == nil {
		_ = lease.Release()
		d.w.violate("I-13", "two processes of %s sync at once", d.label)
	}
	if !errors.Is(err, model.ErrBusy) {
		d.w.violate("I-13", "the lease is refused with %v", err)
	}
}

// connect goes to a server, as `stet connect` does.
func (d *device) connect(n int, in Dialect) {
	d.leaving = true
	was := d.dialect
	if d.server, d.dialect = n, in; in != was {
		for i, p := range d.processes {
			d.processes[i] = d.run(p.store)
		}
	}
	p := d.main()
	d.w.must("switch server", p.store.SwitchServer(ctx, fmt.Sprintf("%s http://sim%d %s", in, n, accounts[d.account])))
	d.rescan()
	d.w.must("plan", p.notes.Replan(ctx))
	d.notBefore = time.Time{}
	d.w.must("forget wait", p.store.SetMeta(ctx, store.MetaRetryAfter, ""))
	d.leaving = false
	d.rescan()
}

// copyStore copies a store that nobody has open.
func copyStore(from, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, ext := range []string{"-wal", "-shm"} {
		_ = os.Remove(filepath.Join(to, "stet.db"+ext))
	}
	return copyFile(filepath.Join(from, "stet.db"), filepath.Join(to, "stet.db"))
}
