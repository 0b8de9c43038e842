package sim

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"stet/model"
)

// schedules is how many schedules the tests run: STET_SIM, or a few.
func schedules(t *testing.T) int {
	t.Helper()
	text := os.Getenv("STET_SIM")
	if text == "" {
		return 25
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("STET_SIM: %v", err)
	}
	return n
}

func TestSchedules(t *testing.T) {
	for i := range schedules(t) {
		if res := Run(Draw(uint64(i+1)), Options{Dir: Scratch()}); res.Violation != nil {
			t.Fatalf("seed %d: %v", i+1, res.Violation)
		}
	}
}

// TestSameSeedSameTrace: a seed decides everything.
func TestSameSeedSameTrace(t *testing.T) {
	for seed := uint64(100); seed < 106; seed++ {
		a, b := Run(Draw(seed), Options{Dir: Scratch()}), Run(Draw(seed), Options{Dir: Scratch()})
		if a.Trace != b.Trace || a.Dump != b.Dump {
			t.Errorf("seed %d: traces %x and %x", seed, a.Trace, b.Trace)
		}
	}
}

func TestClocksDecideNothing(t *testing.T) {
	for seed := uint64(200); seed < 204; seed++ {
		if v := CheckClocks(Draw(seed), Options{Dir: Scratch()}); v != nil {
			t.Errorf("seed %d: %v", seed, v)
		}
	}
}

// TestFoundBefore runs the schedules that once broke an invariant. Each file is
// named for what went wrong.
func TestFoundBefore(t *testing.T) {
	files, err := filepath.Glob("testdata/found/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var s Script
			if err := json.Unmarshal(data, &s); err != nil {
				t.Fatal(err)
			}
			if res := Run(s, Options{Dir: Scratch()}); res.Violation != nil {
				t.Error(res.Violation)
			}
		})
	}
}

// TestMinimise: a script that fails is cut down to the steps that it takes.
func TestMinimise(t *testing.T) {
	s := Draw(7)
	s.Config.Faults, s.Config.Kill, s.Config.Crash, s.Config.Meet = nil, 0, 0, 0
	plain := s.with(nil)
	for i := range 12 {
		plain.Steps = append(plain.Steps, Step{Do: []Action{Create, Sleep, Edit, Tag}[i%4], Seed: uint64(i)})
	}
	fails := func(s Script) bool {
		creates := 0
		for _, step := range s.Steps {
			if step.Do == Create {
				creates++
			}
		}
		return creates >= 2
	}
	if got := shorten(plain, fails, func() bool { return false }); len(got.Steps) != 2 {
		t.Errorf("%d steps are left: %v", len(got.Steps), got.Steps)
	}
}

// TestOracle: what the oracle expects of merges whose outcome is plain.
func TestOracle(t *testing.T) {
	base := model.Fields{Title: "t", Tags: []string{"a"}, Body: firstBody([bodyLines]string{"0", "1", "2", "3", "4"})}
	change := func(line int, text string) model.Fields {
		f := base.Clone()
		lines, _ := bodyOf(f.Body)
		lines[line] = text
		f.Body = firstBody(lines)
		return f
	}
	if _, conflict, ok := expect(base, change(1, "x"), change(1, "y")); !ok || !conflict {
		t.Error("one line changed twice is a conflict")
	}
	want, conflict, ok := expect(base, change(1, "x"), change(3, "y"))
	if lines, _ := bodyOf(want.Body); !ok || conflict || lines[1] != "x" || lines[3] != "y" {
		t.Error("two lines changed once each are none")
	}
	gone := base.Clone()
	gone.Deleted = true
	if _, conflict, ok := expect(base, change(1, "x"), gone); !ok || !conflict {
		t.Error("edit against delete is a conflict")
	}
	if want, conflict, ok := expect(base, base, gone); !ok || conflict || !want.Deleted {
		t.Error("a deletion of what nobody edited is none")
	}
}
