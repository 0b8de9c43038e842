package merge

import (
	"math/rand/v2"
	"strings"
	"testing"

	"stet/model"
)

// FuzzNotes: whole notes with any bodies, and any changes of the other fields,
// merge as each field's policy says, the same on both devices, and every
// decision about what is left keeps its laws.
func FuzzNotes(f *testing.F) {
	for i, x := range [][3]string{{"", "", ""}, {"a\nb\nc\n", "a\nx\nc\n", "a\nb\nc\nd\n"}, {"a\r\nb", "a\nb\n", "a\r\nb\r\nc"}, {"x\nx\nx\n", "x\nx\n", "x\ny\nx\nx\n"},
		{"a\nb\nc\n", "a\r\nb\r\nc", "a\nb\nc\nd\ne"}, {"\r", "\r\n", "\n\r"}, {"1\nm\n2\n", "one\nm\n2", "uno\nm\nTWO\n"}} {
		f.Add(uint64(i*7), x[0], x[1], x[2])
	}
	f.Fuzz(func(t *testing.T, seed uint64, b, l, r string) {
		if len(b)+len(l)+len(r) > 1<<12 || strings.Contains(b+l+r, "<<<<") || strings.Contains(b+l+r, "====") {
			return // checkResolve looks for conflict markers
		}
		x := [3]string{b, l, r}
		if err := judgeNote(rand.New(rand.NewPCG(seed, 1)), x, Lines(b, l, r)); err != nil {
			t.Fatalf("%q: %v", x, err)
		}
		rnd := rand.New(rand.NewPCG(seed, 2))
		base := changeFields(rnd, model.Fields{Title: "t", Tags: []string{"old"}}, b, "b")
		local, remote := changeFields(rnd, base, l, "l"), changeFields(rnd, base, r, "r")
		for _, base := range []*model.Fields{&base, nil} {
			checkNotes(t, base, local, remote)
		}
	})
}
