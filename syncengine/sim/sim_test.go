package sim

import (
	"os"
	"strconv"
	"testing"
	"time"
)

func TestSmoke(t *testing.T) {
	n := 200
	first := 1
	if v := os.Getenv("STET_SIM"); v != "" {
		n, _ = strconv.Atoi(v)
	}
	if v := os.Getenv("STET_FIRST"); v != "" {
		first, _ = strconv.Atoi(v)
	}
	start := time.Now()
	hits := map[string]int{}
	for i := first; i < first+n; i++ {
		var tell func(string)
		if os.Getenv("STET_TELL") != "" {
			tell = func(s string) { t.Log(s) }
		}
		res := Run(Draw(uint64(i)), Options{Dir: "/dev/shm", Tell: tell})
		for k, v := range res.Hits {
			hits[k] += v
		}
		if res.Violation != nil {
			t.Fatalf("seed %d: %v", i, res.Violation)
		}
	}
	t.Logf("%d in %s: %v", n, time.Since(start), hits)
}
