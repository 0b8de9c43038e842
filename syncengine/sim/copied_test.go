package sim

import (
	"os"
	"strconv"
	"testing"
)

// TestCopiedBackOften: in schedules of all dialects somebody copies older files
// over the server's store again and again. STET_COPIED is how many schedules.
func TestCopiedBackOften(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("STET_COPIED"))
	if err != nil {
		n = 12
	}
	p, met, others := newPool(t), 0, 0
	for seed := uint64(600001); n > 0; seed++ {
		s := Draw(seed)
		if s.Config.Foreign {
			continue // whose servers tell no epoch
		}
		n--
		r := stream(seed, 7)
		for i := range s.Steps {
			do := []Action{ServerBackup, ServerCopied, ""}[min(r.IntN(12), 2)]
			if do != "" {
				s.Steps[i].Do = do
			}
		}
		res := Run(s, Options{Dir: Scratch(), Pool: p})
		if res.Violation != nil {
			t.Errorf("seed %d: %v", seed, res.Violation)
			p = newPool(t)
		}
		met += res.Hits["server file copied back"]
		if s.Config.Dialects != nil {
			others += res.Hits["server file copied back"]
		}
	}
	if t.Logf("%d copied back, %d of them under other dialects", met, others); others == 0 {
		t.Error("none was copied back under other dialects")
	}
}
