package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"stet/model"
	"stet/syncengine/server"
	"stet/syncengine/wire"
)

// The floor of these benchmarks is in db/server/sqlite: one op a transaction on
// a bare SQLite. Run both in one go and compare.

func benchOp() model.Op {
	body := strings.Repeat("tea milk server "+uuid.NewString()+"\n", 11)
	return model.Op{ID: uuid.Must(uuid.NewV7()).String(), NoteID: uuid.Must(uuid.NewV7()).String(), Kind: model.Create,
		Patch: model.Patch{Body: &body, Title: ptr("a title")}, Device: "laptop", CreatedAt: time.UnixMilli(1_700_000_000_000)}
}

// load runs b.N requests of size ops over clients connections.
func load(b *testing.B, clients, size int) {
	s := newSite(b)
	s.ms.Store(time.Now().UnixMilli())
	for i := range 16 {
		name := fmt.Sprint("acc", i)
		if err := s.st.AddAccount(context.Background(), name); err != nil {
			b.Fatal(err)
		}
		if err := s.st.AddToken(context.Background(), name, "", server.Hash("stet_"+name)); err != nil {
			b.Fatal(err)
		}
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	var left atomic.Int64
	left.Store(int64(b.N))
	times := make([][]time.Duration, clients)
	var wg sync.WaitGroup
	b.ResetTimer()
	used := cpu()
	for i := range clients {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				from := time.Now()
				send(b, client, s.http.URL, fmt.Sprint("stet_acc", i%16), size)
				times[i] = append(times[i], time.Since(from))
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "ops/s")
	b.ReportMetric(float64((cpu()-used).Microseconds())/float64(b.N*size), "cpu-µs/op")
	all := slices.Concat(times...)
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
}

// cpu is the processor time of this process, load generator included: a figure
// that holds on a busy machine too.
func cpu() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func send(b *testing.B, client *http.Client, url, token string, size int) {
	path, body, key := wire.PathOps, []byte(nil), ""
	if size == 1 {
		op := benchOp()
		key = op.ID
		body, _ = wire.EncodeOp(op)
	} else {
		path = wire.PathBatch
		ops := make([]model.Op, size)
		for i := range ops {
			ops[i] = benchOp()
		}
		body, _ = wire.EncodeBatch(wire.Batch{Want: wire.WantChanged, Ops: ops})
	}
	req, _ := http.NewRequest(http.MethodPost, url+path, bytes.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", wire.TypeJSON)
	req.Header.Set(wire.HeaderKey, key)
	res, err := client.Do(req)
	if err != nil {
		b.Error(err)
		return
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	if res.StatusCode >= 300 {
		b.Error(res.Status)
	}
}

func BenchmarkHTTPSingle(b *testing.B) {
	for _, clients := range []int{1, 32, 128} {
		b.Run(fmt.Sprint("clients=", clients), func(b *testing.B) { load(b, clients, 1) })
	}
}

func BenchmarkHTTPBatch100(b *testing.B) { load(b, 4, 100) }
