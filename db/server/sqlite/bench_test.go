package sqlite

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"stet/model"
	"stet/syncengine/server/store"
	"stet/syncengine/wire"
)

// The floor of the benchmarks is a bare SQLite that does what the least server
// would: one op, one row, one durable transaction.

// text returns about 600 bytes of words.
func text() string {
	var b strings.Builder
	for b.Len() < 600 {
		fmt.Fprintf(&b, "%s ", []string{"tea", "milk", "server", "note", "garden", "Tuesday", "merge", "seven"}[rand.IntN(8)])
		if rand.IntN(9) == 0 {
			fmt.Fprintf(&b, "%x\n", rand.Uint32())
		}
	}
	return b.String()
}

func BenchmarkFloorOneOpATransaction(b *testing.B) {
	db := pool(filepath.Join(b.TempDir(), "floor.db"), "rwc", []string{"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL"})
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`CREATE TABLE ops (id TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID`); err != nil {
		b.Fatal(err)
	}
	insert := `INSERT INTO ops (id, body) VALUES (?, ?)`
	body := text()
	used := cpu()
	for b.Loop() {
		if _, err := db.Exec(insert, uuid.Must(uuid.NewV7()).String(), body); err != nil {
			b.Fatal(err)
		}
	}
	perSecond(b, 1, used)
}

// cpu is the processor time of this process: a figure that holds on a busy
// machine too.
func cpu() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func perSecond(b *testing.B, ops int, used time.Duration) {
	b.ReportMetric(float64((cpu()-used).Microseconds())/float64(b.N*ops), "cpu-µs/op")
	b.ReportMetric(float64(b.N*ops)/b.Elapsed().Seconds(), "ops/s")
}

func benchStore(b *testing.B) (*Store, []int64) {
	s := open(b, filepath.Join(b.TempDir(), "stetd.db"), time.Now)
	b.Cleanup(func() { _ = s.Close() })
	var ids []int64
	for i := range 8 {
		name := fmt.Sprint("acc", i)
		hash := sha256.Sum256([]byte(name))
		if err := s.AddAccount(b.Context(), name); err != nil {
			b.Fatal(err)
		}
		if err := s.AddToken(b.Context(), name, "", hash); err != nil {
			b.Fatal(err)
		}
		a, err := s.Authenticate(b.Context(), hash)
		if err != nil {
			b.Fatal(err)
		}
		ids = append(ids, a.ID)
	}
	return s, ids
}

func create() store.Write {
	body := text()
	op := model.Op{ID: uuid.Must(uuid.NewV7()).String(), NoteID: uuid.Must(uuid.NewV7()).String(), Kind: model.Create,
		Patch: model.Patch{Body: &body}, Device: "laptop"}
	sum, _ := wire.Fingerprint(op)
	return store.Write{Op: op, Fingerprint: sum, At: time.Now()}
}

func BenchmarkApplySingle(b *testing.B) {
	for _, clients := range []int{1, 8, 32, 128} {
		b.Run(fmt.Sprint("clients=", clients), func(b *testing.B) {
			s, ids := benchStore(b)
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			b.ResetTimer()
			used := cpu()
			for i := range clients {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						if _, err := s.Apply(context.Background(), ids[i%8], store.Cursor{}, []store.Write{create()}); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			perSecond(b, 1, used)
		})
	}
}

func BenchmarkApplyBatch100(b *testing.B) {
	s, ids := benchStore(b)
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ResetTimer()
	used := cpu()
	for i := range 4 {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				writes := make([]store.Write, 100)
				for j := range writes {
					writes[j] = create()
				}
				if _, err := s.Apply(context.Background(), ids[i], store.Cursor{}, writes); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	perSecond(b, 100, used)
}

func BenchmarkAuthenticate(b *testing.B) {
	s, _ := benchStore(b)
	hash := sha256.Sum256([]byte("acc3"))
	for b.Loop() {
		if _, err := s.Authenticate(b.Context(), hash); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkColdPull1000(b *testing.B) {
	s, ids := benchStore(b)
	writes := make([]store.Write, 1000)
	for j := range writes {
		writes[j] = create()
	}
	if _, err := s.Apply(b.Context(), ids[0], store.Cursor{}, writes); err != nil {
		b.Fatal(err)
	}
	used := cpu()
	for b.Loop() {
		if p, err := s.Changes(b.Context(), ids[0], store.Cursor{}, 1000, 4<<20); err != nil || len(p.Changes) != 1000 {
			b.Fatal(err, len(p.Changes))
		}
	}
	perSecond(b, 1000, used)
}
