package merge

import (
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// apartTexts returns 100 KB of lines and two sides with 30 edits each, no two
// touching.
func apartTexts() (b, l, r string) {
	rnd := rand.New(rand.NewPCG(4, 17))
	base := prose(rnd, 2400)
	var sides [2][]edit
	for i := range 60 {
		at := i*40 + 5
		sides[i%2] = append(sides[i%2], edit{at, at + i%3, []string{"new " + base[at]}})
	}
	return joined(base), joined(apply(base, sides[0])), joined(apply(base, sides[1]))
}

func BenchmarkLines100KB(bm *testing.B) {
	b, l, r := apartTexts()
	if h := Lines(b, l, r); !isClean(h) {
		bm.Fatal("the edits do not merge")
	}
	bm.SetBytes(int64(len(b)))
	bm.ReportAllocs()
	for bm.Loop() {
		Lines(b, l, r)
	}
}

func BenchmarkGitMergeFile100KB(bm *testing.B) {
	git, err := exec.LookPath("git")
	if err != nil {
		bm.Skip("git is not on the PATH: nothing to compare with")
	}
	b, l, r := apartTexts()
	dir := bm.TempDir()
	write(bm, dir, b, l, r)
	for bm.Loop() {
		cmd := exec.Command(git, "merge-file", "-p", "-q", "l", "b", "r")
		cmd.Dir = dir
		if err := cmd.Run(); err != nil {
			bm.Fatal(err)
		}
	}
}

// TestStrangersAreGated: unrelated texts cost a bounded count of steps.
func TestStrangersAreGated(t *testing.T) {
	side := func(mark string) string {
		var b strings.Builder
		for i := range 9000 {
			b.WriteString(mark + itoa(i*7919%97) + mark + "\n" + itoa(i%101) + "\n")
		}
		return b.String()
	}
	b, l, r := side("b"), side("l"), side("r")
	start := time.Now()
	h := Lines(b, l, r)
	t.Logf("3 x %d KB, nothing alike: %v, %d hunks", len(b)>>10, time.Since(start).Round(time.Millisecond), len(h))
	if len(h) > 4 || isClean(h) {
		t.Fatalf("%d hunks", len(h))
	}
	checkBody(t, b, l, r)
}
