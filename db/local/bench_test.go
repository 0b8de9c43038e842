package local

import (
	"context"
	"fmt"
	"math/rand"
	"path/filepath"
	"sync"
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

func BenchmarkPull10000(b *testing.B) {
	r := rand.New(rand.NewSource(3))
	body := make([]string, 10_000)
	for i := range body {
		body[i] = prose(r, 600)
	}
	for range b.N {
		b.StopTimer()
		s := openTemp(b)
		b.StartTimer()
		for i := 0; i < 10_000; i += 200 {
			write(b, s, func(t store.Tx) error {
				for k := i; k < i+200; k++ {
					n := note(noteID(k), "pulled note", body[k])
					n.Status, n.Rev, n.UpdatedAtServer = model.Synced, int64(k+1), t0
					if _, err := t.PutNote(n); err != nil {
						return err
					}
					if err := t.Log(model.Event{NoteID: n.ID, At: t0, Name: model.EventPulled, Rev: n.Rev}); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
}

// BenchmarkOutbox reports Sendable(500) and the settling of 500 with 10,000
// queued.
func BenchmarkOutbox(b *testing.B) {
	r := rand.New(rand.NewSource(4))
	var sendable, settle, freeze time.Duration
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
		start := time.Now()
		if err := s.Read(context.Background(), func(r store.Reader) (err error) {
			ops, err = r.Sendable(500, testNow(), false)
			return err
		}); err != nil || len(ops) != 500 {
			b.Fatal(len(ops), err)
		}
		sendable += time.Since(start)
		start = time.Now()
		write(b, s, func(t store.Tx) error {
			ids := make([]string, 500)
			for i, op := range ops {
				ids[i] = op.ID
			}
			return t.Freeze(ids, "cursor")
		})
		freeze += time.Since(start)
		start = time.Now()
		write(b, s, func(t store.Tx) error {
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
		})
		settle += time.Since(start)
	}
	b.ReportMetric(float64(sendable.Microseconds())/float64(b.N), "sendable-µs")
	b.ReportMetric(float64(freeze.Microseconds())/float64(b.N), "freeze-µs")
	b.ReportMetric(float64(settle.Microseconds())/float64(b.N), "settle-µs")
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
