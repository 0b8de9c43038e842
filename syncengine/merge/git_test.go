package merge

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

func write(t testing.TB, dir, b, l, r string) {
	t.Helper()
	for name, s := range map[string]string{"b": b, "l": l, "r": r} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// gitMerge runs git merge-file: the merged text, and whether it was clean.
func gitMerge(t *testing.T, git, dir, b, l, r string) (string, bool) {
	t.Helper()
	write(t, dir, b, l, r)
	cmd := exec.Command(git, "merge-file", "-p", "-q", "l", "b", "r")
	cmd.Dir = dir
	out, err := cmd.Output()
	if exit, ok := err.(*exec.ExitError); err != nil && (!ok || exit.ExitCode() < 0 || exit.ExitCode() > 127) {
		t.Fatalf("git merge-file: %v", err)
	}
	return string(out), err == nil
}

type triple struct{ b, l, r string }

// gitTriples draws texts with the repeated and empty lines that notes have.
func gitTriples(r *rand.Rand, n int) []triple {
	out := make([]triple, n)
	for i := range out {
		size := 3 + r.IntN(16)
		line := func(j int) string {
			switch r.IntN(5) {
			case 0:
				return ""
			case 1:
				return []string{"- [ ] milk", "- [ ] bread", "---"}[r.IntN(3)]
			}
			return fmt.Sprint("text ", j)
		}
		base := make([]string, size)
		for j := range base {
			base[j] = line(j)
		}
		k := 1000 + r.IntN(2)
		fresh := func() string { k++; return line(k) }
		l := drawEdits(r, size, 1+r.IntN(3), fresh)
		k = 1000 + r.IntN(2)
		rem := drawEdits(r, size, 1+r.IntN(3), fresh)
		out[i] = triple{joined(base), joined(apply(base, l)), joined(apply(base, rem))}
	}
	return out
}

// repeatedChoice is the one listed reason to be clean where git conflicts: lines
// repeat, so that a side's text can be reached in more than one shortest way,
// and git took another than we. Ours must be a shortest one for both sides.
func repeatedChoice(c triple) bool {
	base := split(c.b)
	ids := numberBase(base)
	many := false
	for _, s := range []string{c.l, c.r} {
		side := ids.side(split(s))
		kept := base.len()
		for _, x := range match(ids.ids, side, len(ids.first)) {
			kept -= x.b1 - x.b0
		}
		longest, ways := alignments(ids.ids, side)
		if kept != longest {
			return false
		}
		many = many || ways > 1
	}
	return many
}

// alignments returns the most lines that a and b can keep in common, and in how
// many ways, by dynamic programming.
func alignments(a, b []int32) (longest, ways int) {
	type cell struct{ n, ways int }
	at := make([][]cell, len(a)+1)
	for i := range at {
		at[i] = make([]cell, len(b)+1)
		for j := range at[i] {
			if i == 0 || j == 0 {
				at[i][j] = cell{0, 1}
				continue
			}
			up, left, diagonal := at[i-1][j], at[i][j-1], at[i-1][j-1]
			best := max(up.n, left.n)
			if a[i-1] == b[j-1] {
				best = max(best, diagonal.n+1)
			}
			sum := 0
			if up.n == best {
				sum += up.ways
			}
			if left.n == best {
				sum += left.ways
			}
			if up.n == best && left.n == best && diagonal.n == best {
				sum -= diagonal.ways // counted both ways
			}
			if a[i-1] == b[j-1] && diagonal.n+1 == best {
				sum += diagonal.ways
			}
			at[i][j] = cell{best, sum}
		}
	}
	end := at[len(a)][len(b)]
	return end.n, end.ways
}

func TestAgreesWithGit(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not on the PATH: nothing to compare with")
	}
	n := 3200
	if testing.Short() {
		n = 400
	}
	triples := gitTriples(rand.New(rand.NewPCG(3, 17)), n)
	var mu sync.Mutex
	var clean, conflicts, stricter, bolder, differ int
	var wg sync.WaitGroup
	for worker := range 2 {
		dir := t.TempDir()
		wg.Go(func() {
			for i := worker; i < len(triples); i += 2 {
				c := triples[i]
				theirs, gitClean := gitMerge(t, git, dir, c.b, c.l, c.r)
				h := Lines(c.b, c.l, c.r)
				ours := mergedOf(h)
				mu.Lock()
				switch {
				case gitClean && isClean(h):
					clean++
					if ours != theirs {
						differ++
						t.Logf("clean in both, other text: %q\ngit %q\nwe  %q", c, theirs, ours)
					}
				case gitClean:
					stricter++
				case isClean(h):
					bolder++
					if repeatedChoice(c) {
						break
					}
					t.Errorf("clean where git conflicts:\nb %q\nl %q\nr %q\ngit %q\nwe  %q\n%q", c.b, c.l, c.r, theirs, ours, h)
				default:
					conflicts++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("%d triples: both clean %d (%d with other text), both conflict %d, only we conflict %d (%.1f %%), only git conflicts %d",
		n, clean, differ, conflicts, stricter, 100*float64(stricter)/float64(n), bolder)
	if 300*bolder > n {
		t.Errorf("%d of %d triples are clean only here, want at most 1 in 300", bolder, n)
	}
	if 100*stricter > 4*n {
		t.Errorf("%d of %d triples conflict only here, want at most 4 %%", stricter, n)
	}
}
