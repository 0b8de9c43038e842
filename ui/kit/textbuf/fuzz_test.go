package textbuf

import (
	"testing"

	"pgregory.net/rapid"
)

// FuzzEditing is TestEditingLaws with keys that coverage leads to.
func FuzzEditing(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(editingLaws))
}

// FuzzText: any bytes are loaded, replaced piece by piece and written back as
// they were.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a\r\nb\rc\n", "\xff\x00\u0301", "漢字👩‍👩‍👧\t\u2028", "- [ ] x\n\n"} {
		f.Add(s, "new\r\n"+s, uint16(3), uint8(9))
	}
	f.Fuzz(func(t *testing.T, src, by string, at uint16, width uint8) {
		if len(src)+len(by) > 1<<12 {
			return
		}
		b := New(src, int(width))
		if b.String() != src || b.Len() != len(src) {
			t.Fatalf("loaded %q as %q", src, b.String())
		}
		b.SetCursor(int(at) % (len(src) + 1))
		cur := b.Cursor()
		b.Insert(by)
		if want := src[:cur] + by + src[cur:]; b.String() != want {
			t.Fatalf("%q put into %q at %d is %q", by, src, cur, b.String())
		}
		for range 3 {
			b.Down()
			b.WordRight()
			b.Render(int(width%16) + 1)
		}
		b.Undo()
		if by != "" && b.String() != src {
			t.Fatalf("undone to %q, was %q", b.String(), src)
		}
		b.Apply(by)
		if b.String() != by {
			t.Fatalf("%q applied is %q", by, b.String())
		}
		b.Undo()
		if b.String() != src {
			t.Fatalf("undone to %q, was %q", b.String(), src)
		}
	})
}
