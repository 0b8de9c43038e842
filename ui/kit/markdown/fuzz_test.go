package markdown

import (
	"strings"
	"testing"
	"time"
)

// FuzzRender: every document of hostile bytes becomes clean rows that fit, in
// time that does not run away.
func FuzzRender(f *testing.F) {
	f.Add(note(1), uint8(40))
	for _, s := range []string{"# A *b* `c`\n\n- [ ] x\n  - [X] y\n", "|a|b|\n|-|:-:|\n|x|漢|\n", "> > ```\n\x1b[2J\n", "[r]: http://y\n[r] ![i](u) <b>&#27;&#x202e;</b>",
		"1) a\n\n2) b\n***\n~~no~~ https://e.org/x", strings.Repeat("> ", 50) + "x", strings.Repeat("*", 99) + "a", strings.Repeat("[", 99), "\r\n\u0301\x00\xff\t|"} {
		f.Add(s, uint8(len(s)))
	}
	f.Fuzz(func(t *testing.T, src string, width uint8) {
		if len(src) > 1<<12 {
			return
		}
		start := time.Now()
		checkDoc(t, src, int(width%120)+1)
		if took := time.Since(start); took > 3*time.Second {
			t.Fatalf("%d bytes took %v", len(src), took)
		}
	})
}
