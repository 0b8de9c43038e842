package local

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine/store"
)

var (
	bigOnce sync.Once
	big     *Store
)

// bigStore is one store of 100,000 notes for all benchmarks of a run.
func bigStore(b *testing.B) *Store {
	bigOnce.Do(func() {
		s, err := Open(context.Background(), Options{Path: filepath.Join(benchDir, "stet.db"), Now: testNow})
		if err != nil {
			b.Fatal(err)
		}
		fill(b, s, 100_000)
		big = s
	})
	b.ResetTimer()
	return big
}

func createOp(n model.Note, id string) model.Op {
	return model.Op{ID: id, NoteID: n.ID, Kind: model.Create, Patch: model.Full(n.Fields), CreatedAt: t0, State: model.Queued, NoteSeq: n.Seq}
}

func BenchmarkSave(b *testing.B) {
	s := bigStore(b)
	r := rand.New(rand.NewSource(2))
	for i := range b.N {
		n := note(noteID(r.Intn(100_000)), "saved", prose(r, 600))
		n.UpdatedAt = testNow()
		if err := s.Write(context.Background(), func(t store.Tx) error {
			n, err := t.PutNote(n)
			if err != nil {
				return err
			}
			op := createOp(n, fmt.Sprintf("save-%d-%d", i, time.Now().UnixNano()))
			op.Kind, op.BaseRev = model.Update, 1
			if err := t.SetOps(n.ID, []model.Op{op}); err != nil {
				return err
			}
			return t.Log(model.Event{NoteID: n.ID, At: t0, Name: model.EventEdited})
		}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBareCommit(b *testing.B) {
	s := bigStore(b)
	for i := range b.N {
		if err := s.Write(context.Background(), func(t store.Tx) error { return t.SetMeta("bare", fmt.Sprint(i)) }); err != nil {
			b.Fatal(err)
		}
	}
}

// pullOne does to the store what the engine does with a pulled note that is
// new to the device.
func pullOne(t store.Tx, n model.Note) error {
	if _, err := t.Note(n.ID); !errors.Is(err, model.ErrNotFound) {
		return fmt.Errorf("a new note: %w", err)
	}
	if _, ok, err := t.Shadow(n.ID); ok || err != nil {
		return fmt.Errorf("shadow of a new note: %v %w", ok, err)
	}
	if ops, err := t.Ops(n.ID); len(ops) > 0 || err != nil {
		return fmt.Errorf("ops of a new note: %v %w", ops, err)
	}
	if _, err := t.PutNote(n); err != nil {
		return err
	}
	if err := t.SetOps(n.ID, nil); err != nil {
		return err
	}
	return t.Log(model.Event{NoteID: n.ID, At: t0, Name: model.EventPulled, Rev: n.Rev})
}

// BenchmarkPull10000 also reports the processor's time, which a loaded machine
// does not stretch, and the part of the whole that the commits take.
func BenchmarkPull10000(b *testing.B) {
	r := rand.New(rand.NewSource(3))
	body := make([]string, 10_000)
	for i := range body {
		body[i] = prose(r, 600)
	}
	var cpu, commits time.Duration
	for range b.N {
		b.StopTimer()
		s := openTemp(b)
		b.StartTimer()
		before := cpuTime()
		for i := 0; i < 10_000; i += 200 {
			var done time.Time
			write(b, s, func(t store.Tx) error {
				for k := i; k < i+200; k++ {
					n := note(noteID(k), "pulled note", body[k])
					n.Status, n.Rev, n.UpdatedAtServer = model.Synced, int64(k+1), t0
					if err := pullOne(t, n); err != nil {
						return err
					}
				}
				done = time.Now()
				return nil
			})
			commits += time.Since(done)
		}
		cpu += cpuTime() - before
	}
	b.ReportMetric(float64(cpu.Milliseconds())/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(commits.Milliseconds())/float64(b.N), "commit-ms/op")
}

// cpuTime is what this process has used of the processor.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkOutbox reports Sendable(500), the freezing and the settling of 500
// with 10,000 queued.
func BenchmarkOutbox(b *testing.B) {
	r := rand.New(rand.NewSource(4))
	took := map[string]*stopwatch{"sendable": {}, "freeze": {}, "settle": {}}
	for range b.N {
		b.StopTimer()
		s := openTemp(b)
		write(b, s, func(t store.Tx) error {
			for k := range 10_000 {
				n, err := t.PutNote(note(noteID(k), "queued note", prose(r, 600)))
				if err != nil {
					return err
				}
				if err := t.SetOps(n.ID, []model.Op{createOp(n, fmt.Sprint("op", k))}); err != nil {
					return err
				}
			}
			return nil
		})
		b.StartTimer()
		var ops []model.Op
		took["sendable"].time(func() {
			if err := s.Read(context.Background(), func(r store.Reader) (err error) {
				ops, err = r.Sendable(500, testNow(), false)
				return err
			}); err != nil || len(ops) != 500 {
				b.Fatal(len(ops), err)
			}
		})
		took["freeze"].time(func() { write(b, s, func(t store.Tx) error { return t.Freeze(idsOf(ops), "cursor") }) })
		took["settle"].time(func() { write(b, s, func(t store.Tx) error { return settleAll(t, ops) }) })
	}
	for name, w := range took {
		b.ReportMetric(float64(w.wall.Microseconds())/float64(b.N), name+"-µs")
		b.ReportMetric(float64(w.cpu.Microseconds())/float64(b.N), name+"-cpu-µs")
	}
}

// stopwatch adds up what one part of a benchmark takes.
type stopwatch struct{ wall, cpu time.Duration }

func (w *stopwatch) time(f func()) {
	start, cpu := time.Now(), cpuTime()
	f()
	w.wall, w.cpu = w.wall+time.Since(start), w.cpu+cpuTime()-cpu
}

func idsOf(ops []model.Op) []string {
	ids := make([]string, len(ops))
	for i, op := range ops {
		ids[i] = op.ID
	}
	return ids
}

func settleAll(t store.Tx, ops []model.Op) error {
	for i, op := range ops {
		ok, err := t.SettleClean(op, int64(i+1), t0)
		if err != nil || !ok {
			return fmt.Errorf("settle %v %w", ok, err)
		}
		if err := t.Log(model.Event{NoteID: op.NoteID, At: t0, Name: model.EventAccepted, OpID: op.ID}); err != nil {
			return err
		}
	}
	return nil
}

func BenchmarkListWindow(b *testing.B) {
	s := bigStore(b)
	r := rand.New(rand.NewSource(5))
	for range b.N {
		k := model.Key{UpdatedAt: t0.Add(-time.Duration(r.Intn(1e9)) * time.Millisecond)}
		if _, err := s.List(context.Background(), model.Query{}, model.Window{Anchor: &k, Before: 10, After: 40}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCounts(b *testing.B) {
	s := bigStore(b)
	for range b.N {
		if _, err := s.Counts(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	s := bigStore(b)
	start := time.Now()
	find := func(line string) {
		q, err := model.ParseQuery(line, time.UTC)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Find(context.Background(), q, 50); err != nil {
			b.Fatal(err)
		}
	}
	find("meeting")
	first := time.Since(start)
	for _, line := range []string{"m", "me", "mee", "meeting", "meeting12", "meeting12 bud", "budget plan", "eeting12", "zzzz"} {
		b.Run(line, func(b *testing.B) {
			for range b.N {
				find(line)
			}
		})
	}
	b.Logf("index of 100,000 notes made in %v", first)
}

func BenchmarkOpen(b *testing.B) {
	path := bigStore(b).o.Path
	for range b.N {
		s, err := Open(context.Background(), Options{Path: path, Now: testNow})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.List(context.Background(), model.Query{}, model.Window{After: 50}); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
