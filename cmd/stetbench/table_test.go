package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestPercentiles(t *testing.T) {
	hundred := make(times, 100)
	for i := range hundred {
		hundred[len(hundred)-1-i] = time.Duration(i + 1)
	}
	for p, want := range map[float64]time.Duration{1: 1, 50: 50, 99: 99, 99.5: 100, 100: 100} {
		if got := hundred.at(p); got != want {
			t.Errorf("p%v of 1..100 is %d, want %d", p, got, want)
		}
	}
	if got := (times{7, 3, 5}).at(50); got != 5 {
		t.Errorf("median of 3 5 7 is %d", got)
	}
	if got := (times{7, 3, 5}).at(99); got != 7 {
		t.Errorf("p99 of three is %d, want the largest", got)
	}
	if got := (times{}).at(50); got != 0 {
		t.Errorf("nothing measured gives %d", got)
	}
}

// A percentile is a measured value, at least p % are not above it, and asking
// leaves the order of measuring alone.
func TestPercentileLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOfN(rapid.Int64Range(0, 1000), 1, 60).Draw(t, "durations")
		p := rapid.Float64Range(0.1, 100).Draw(t, "p")
		var d times
		for _, v := range in {
			d = append(d, time.Duration(v))
		}
		before := slices.Clone(d)
		got := d.at(p)
		if !slices.Equal(before, d) {
			t.Fatal("the durations were reordered")
		}
		if !slices.Contains(d, got) {
			t.Fatalf("%d was never measured", got)
		}
		notAbove, below := 0, 0
		for _, v := range d {
			if v <= got {
				notAbove++
			}
			if v < got {
				below++
			}
		}
		n := float64(len(d))
		if float64(notAbove) < p/100*n-1e-9 || float64(below) >= p/100*n+1e-9 {
			t.Fatalf("p%v is %d: %d of %d not above, %d below", p, got, notAbove, len(d), below)
		}
	})
}

func TestVerdicts(t *testing.T) {
	floor := ref(quantity{2, "ms"})
	for name, c := range map[string]struct {
		f    figure
		want string
	}{
		"no bar":                     {figure{Got: quantity{9, "ms"}}, verdictNone},
		"under the number":           {figure{Got: quantity{3, "ms"}, Bars: []bar{atMost(3)}}, verdictHolds},
		"over the number":            {figure{Got: quantity{3.1, "ms"}, Bars: []bar{atMost(3)}}, verdictNot},
		"enough":                     {figure{Got: quantity{10, "ops/s"}, Bars: []bar{atLeast(9)}}, verdictHolds},
		"too few":                    {figure{Got: quantity{8, "ops/s"}, Bars: []bar{atLeast(9)}}, verdictNot},
		"under the floor's multiple": {figure{Got: quantity{4, "ms"}, Floor: floor, Bars: []bar{timesFloor(2)}}, verdictHolds},
		"over the floor's multiple":  {figure{Got: quantity{5, "ms"}, Floor: floor, Bars: []bar{timesFloor(2)}}, verdictNot},
		"one of two is broken":       {figure{Got: quantity{5, "ms"}, Floor: floor, Bars: []bar{atMost(9), timesFloor(2)}}, verdictNot},
		"floor missing":              {figure{Got: quantity{5, "ms"}, Bars: []bar{timesFloor(2)}}, verdictNone},
		"floor missing, number kept": {figure{Got: quantity{5, "ms"}, Bars: []bar{timesFloor(2), atMost(6)}}, verdictHolds},
	} {
		if got := c.f.verdict(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestTable(t *testing.T) {
	figures := []figure{
		{Group: "start", What: "first frame", Got: quantity{25, "ms"}, Floor: ref(quantity{20, "ms"}), FloorIs: "hello",
			Bars: []bar{timesFloor(1.25), atMost(30)}},
		{Group: "size", What: "stet", Got: quantity{15.04, "MB"}, Bars: []bar{atMost(14)}, Note: "stripped"},
	}
	var out bytes.Buffer
	if err := printFigures(&out, figures, false); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	want := []string{
		"figure           measured  floor        ratio   bar                      ",
		"first frame      25 ms     20 ms hello  1.25 ×  ≤ 1.25 × floor, ≤ 30 ms  holds",
		"stet (stripped)  15.0 MB                        ≤ 14 MB                  does not hold",
	}
	for i := range want {
		if got := lines[i]; strings.TrimRight(want[i], " ") != got {
			t.Errorf("line %d:\n got %q\nwant %q", i, got, want[i])
		}
	}

	out.Reset()
	if err := printFigures(&out, figures, true); err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
		var obj map[string]any
		if err := json.Unmarshal([]byte(line), &obj); err != nil || obj["figure"] != figures[i].What || obj["verdict"] != figures[i].verdict() {
			t.Errorf("object %d is %s (%v)", i, line, err)
		}
	}
}
