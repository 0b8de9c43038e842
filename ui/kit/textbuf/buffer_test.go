package textbuf

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	"stet/ui/kit/cells"
)

// prose draws texts with everything that editors get wrong.
func prose(n int) *rapid.Generator[string] {
	atom := rapid.SampledFrom([]string{"a", "b", " ", "  ", "\t", "word", "longerwordhere", "\n", "\n", "\r\n", "\r", "\x00", "\x1b[31m", "é", "e\u0301", "\u0301", "漢字", "👩‍👩‍👧", "\u200d", "🇩", "नमस्ते", "- ", "1. ", "- [ ] ", "> ", "\u202e", "ẞ", "K", "\u2028"})
	return rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(atom, 0, n).Draw(t, "atoms"), "") })
}

// check holds the invariants of the buffer after every verb.
func check(t *rapid.T, b *Buffer) {
	text := b.String()
	if b.Len() != len(text) {
		t.Fatalf("Len %d, text %d", b.Len(), len(text))
	}
	want := split(text)
	if len(want) != len(b.lines) {
		t.Fatalf("%d lines, %q has %d", len(b.lines), text, len(want))
	}
	var ends [4]int
	off := 0
	for i := range want {
		if want[i].text != b.lines[i].text || want[i].end != b.lines[i].end {
			t.Fatalf("line %d is %q, want %q", i, b.lines[i].raw(), want[i].raw())
		}
		ends[want[i].end]++
		if w := b.lines[i].wrap; w != nil {
			if full := breakRows(want[i].text, 0, w.width, nil); !reflect.DeepEqual(full, w.rows) {
				t.Fatalf("line %q wrapped at %d as %v, want %v", want[i].text, w.width, w.rows, full)
			}
		}
		if got := b.offset(pos{i, 0}); got != off {
			t.Fatalf("line %d at %d, want %d", i, got, off)
		}
		off += want[i].size()
	}
	if ends != b.ends {
		t.Fatalf("endings %v, want %v", b.ends, ends)
	}
	l := b.lines[b.cur.line].text
	c := 0
	for c < b.cur.col {
		c += cells.Next(l[c:])
	}
	if c != b.cur.col {
		t.Fatalf("cursor %d inside a grapheme of %q", b.cur.col, l)
	}
}

func window(t *rapid.T, b *Buffer) {
	h := rapid.IntRange(0, 9).Draw(t, "height")
	rows := b.Render(h)
	if len(rows) > h {
		t.Fatalf("%d rows in %d", len(rows), h)
	}
	for _, r := range rows {
		out := r.Draw(b.width, cells.Pen{}, cells.Pen{}, cells.Pen{})
		if g, c := ansi.StringWidth(out), ansi.StringWidthWc(out); g != b.width || c != b.width {
			t.Fatalf("row %q is %d/%d wide, want %d", out, g, c, b.width)
		}
	}
	if h == 0 {
		return
	}
	x, y := b.CursorCell()
	if y >= len(rows) || x < 0 || x >= b.width {
		t.Fatalf("cursor %d,%d outside of %d rows of %d cells", x, y, len(rows), b.width)
	}
	r := rows[y]
	if r.Line != b.cur.line || b.cur.col < r.Start || b.cur.col > r.Start+len(r.Text) {
		t.Fatalf("cursor %+v drawn on row %+v", b.cur, r)
	}
}

// press runs one random verb and returns what the text must be afterwards.
func press(t *rapid.T, b *Buffer) (want string) {
	text, cur := b.String(), b.Cursor()
	start, end, sel := b.Selection()
	if !sel {
		start, end = cur, cur
	}
	put := func(s string) string { return text[:start] + s + text[end:] }
	switch rapid.IntRange(0, 30).Draw(t, "verb") {
	case 0, 1, 2, 3:
		s := prose(4).Draw(t, "insert")
		b.Insert(s)
		if s == "" {
			return text
		}
		return put(s)
	case 4:
		nl := b.Newline()
		b.InsertNewline()
		return put(nl)
	case 5, 6, 7:
		b.Backspace()
		if !sel {
			n := len(text) - b.Len()
			return text[:cur-n] + text[cur:]
		}
		return put("")
	case 8, 9:
		b.Delete()
		if !sel {
			n := len(text) - b.Len()
			return text[:cur] + text[cur+n:]
		}
		return put("")
	case 10:
		s := b.KillLine()
		return text[:cur] + strings.TrimPrefix(text[cur:], s)
	case 11:
		s := b.KillWordBack()
		return strings.TrimSuffix(text[:cur], s) + text[cur:]
	case 12:
		s := b.KillWord()
		return text[:cur] + strings.TrimPrefix(text[cur:], s)
	case 13:
		s := b.KillLineBack()
		return strings.TrimSuffix(text[:cur], s) + text[cur:]
	case 14:
		b.Undo()
		return b.String()
	case 15:
		b.Redo()
		return b.String()
	case 16:
		b.NewlineSmart()
		return b.String()
	case 17:
		b.Tab()
		return b.String()
	case 18:
		b.Outdent()
		return b.String()
	case 19:
		q, s, fold := rapid.SampledFrom([]string{"a", "word", "A", "漢", "é", ""}).Draw(t, "q"), prose(2).Draw(t, "by"), rapid.Bool().Draw(t, "fold")
		b.SetQuery(q, fold)
		n := b.Count()
		if got := b.ReplaceAll(s); got != n {
			t.Fatalf("replaced %d of %d", got, n)
		}
		if fold || q == "" {
			return b.String()
		}
		return strings.ReplaceAll(text, q, s)
	case 20:
		to := prose(10).Draw(t, "apply")
		b.Apply(to)
		return to
	default:
		move(t, b)
		return text
	}
}

func move(t *rapid.T, b *Buffer) {
	verbs := []func(){b.Left, b.Right, b.Up, b.Down, b.WordLeft, b.WordRight, b.LineStart, b.LineEnd, b.PageUp, b.PageDown, b.Home, b.End, b.Select, b.Unselect, b.SelectAll,
		func() { b.FindNext() }, func() { b.FindPrev() },
		func() { b.SetWidth(rapid.IntRange(-1, 40).Draw(t, "width")) },
		func() { b.SetCursor(rapid.IntRange(-1, b.Len()+1).Draw(t, "to")) }}
	verbs[rapid.IntRange(0, len(verbs)-1).Draw(t, "move")]()
}

func TestEditingLaws(t *testing.T) { rapid.Check(t, editingLaws) }

// editingLaws presses random keys: each verb does what it says, and all of it
// can be undone and done again.
func editingLaws(t *rapid.T) {
	src := prose(30).Draw(t, "src")
	b := New(src, rapid.IntRange(0, 30).Draw(t, "width"))
	if b.String() != src {
		t.Fatalf("loaded %q as %q", src, b.String())
	}
	for range rapid.IntRange(0, 40).Draw(t, "keys") {
		want := press(t, b)
		if b.String() != want {
			t.Fatalf("text %q, want %q", b.String(), want)
		}
		check(t, b)
		window(t, b)
	}
	final := b.String()
	for b.Redo() {
		final = b.String()
	}
	for b.Undo() {
		check(t, b)
	}
	if b.String() != src {
		t.Fatalf("undone to %q, loaded %q", b.String(), src)
	}
	for b.Redo() {
		check(t, b)
	}
	if b.String() != final {
		t.Fatalf("redone to %q, was %q", b.String(), final)
	}
}

func TestLeftUndoesRight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := New(prose(20).Draw(t, "src"), 12)
		b.SetCursor(rapid.IntRange(0, b.Len()).Draw(t, "at"))
		was := b.Cursor()
		b.Right()
		if b.Cursor() != was {
			b.Left()
		}
		if b.Cursor() != was {
			t.Fatalf("%d, was %d in %q", b.Cursor(), was, b.String())
		}
	})
}

func TestDownKeepsTheCell(t *testing.T) {
	b := New("a long first line\nab\nanother long line", 80)
	b.SetCursor(10)
	b.Down()
	if _, col := b.Place(); col != 2 {
		t.Fatalf("column %d on the short line", col)
	}
	b.Down()
	if line, col := b.Place(); line != 2 || col != 10 {
		t.Fatalf("%d:%d, want 2:10", line, col)
	}
	b.Up()
	b.Up()
	if b.Cursor() != 10 {
		t.Fatalf("back at %d", b.Cursor())
	}
	b.Up()
	if b.Cursor() != 0 {
		t.Fatalf("up on the first row goes to the start, not %d", b.Cursor())
	}
}

func TestCursorBehindAFullRowHasACell(t *testing.T) {
	b := New("abcd", 4)
	b.End()
	rows := b.Render(3)
	if x, y := b.CursorCell(); len(rows) != 2 || x != 1 || y != 1 {
		t.Fatalf("%+v, cursor %d,%d", rows, x, y)
	}
}

func TestSplit(t *testing.T) {
	for in, want := range map[string]string{"": "[]", "a": "[a]", "a\n": "[a\n|]", "a\r\n\rb\n\r": "[a\r\n|\r|b\n|\r|]", "\n\n": "[\n|\n|]", "\r\r\n": "[\r|\r\n|]"} {
		var raw []string
		for _, l := range split(in) {
			raw = append(raw, l.raw())
		}
		if got := "[" + strings.Join(raw, "|") + "]"; got != want {
			t.Errorf("%q split into %q, want %q", in, got, want)
		}
	}
}

func TestNewlineSmart(t *testing.T) {
	for in, want := range map[string]string{
		"- milk": "- milk\n- ", "  * x": "  * x\n  * ", "9. x": "9. x\n10. ", "3) x": "3) x\n4) ", "- [x] done": "- [x] done\n- [ ] ",
		"  code": "  code\n  ", "> q": "> q\n> ", "- ": "", "1. a\r\n2. b": "1. a\r\n2. b\r\n3. ", "- [ ] ": "", "plain": "plain\n", "**bold": "**bold\n", "1.5 x": "1.5 x\n",
	} {
		b := New(in, 40)
		b.End()
		b.NewlineSmart()
		if got := b.String(); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestTypingIsUndoneByWords(t *testing.T) {
	b := New("", 40)
	for _, r := range "two words" {
		b.Insert(string(r))
	}
	b.Undo()
	if b.String() != "two " {
		t.Fatalf("%q", b.String())
	}
	b.Undo()
	if b.String() != "" || b.Undo() {
		t.Fatalf("%q", b.String())
	}
	b.Redo()
	b.Redo()
	if b.String() != "two words" || b.Cursor() != 9 {
		t.Fatalf("%q %d", b.String(), b.Cursor())
	}
}

func TestFind(t *testing.T) {
	b := New("one Two\nthree two ΣΑΣ\nTWO", 40)
	b.SetQuery("two", true)
	var at []string
	for range 4 {
		b.FindNext()
		s, _, _ := b.Selection()
		at = append(at, fmt.Sprint(s, b.Selected()))
	}
	b.FindPrev()
	s, _, _ := b.Selection()
	if want := "[4Two 14two 25TWO 4Two]"; fmt.Sprint(at) != want || s != 25 {
		t.Fatalf("%v then %d, want %s", at, s, want)
	}
	b.Home()
	b.FindNext()
	if !b.Replace("2") || b.Selected() != "two" {
		t.Fatalf("%q %q", b.String(), b.Selected())
	}
	b.SetQuery("σας", true)
	if !b.FindNext() || b.Selected() != "ΣΑΣ" {
		t.Fatalf("greek: %q", b.Selected())
	}
	if r := b.Render(5)[1]; len(r.Found) != 1 || r.Text[r.Found[0].Start:r.Found[0].End] != "ΣΑΣ" {
		t.Fatalf("not marked: %+v", r)
	}
}

func TestLineLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l Line
		verbs := []func(){l.Left, l.Right, l.Home, l.End, l.WordLeft, l.WordRight, l.Backspace, l.Delete, l.DeleteWord, l.KillToEnd, l.KillToStart,
			func() { l.SetValue(prose(5).Draw(t, "v")) }, func() { l.Insert(prose(5).Draw(t, "i")) }, func() { l.Insert(prose(5).Draw(t, "i")) }}
		for range rapid.IntRange(1, 20).Draw(t, "n") {
			verbs[rapid.IntRange(0, len(verbs)-1).Draw(t, "verb")]()
			w := rapid.IntRange(0, 20).Draw(t, "w")
			out, x := l.Render(w)
			if g := ansi.StringWidthWc(out); g != w || x < 0 || x > max(w-1, 0) {
				t.Fatalf("%q is %d wide, cursor %d, want %d", out, g, x, w)
			}
			if strings.ContainsAny(l.Value(), "\r\n") || l.cur > len(l.text) {
				t.Fatalf("%q %d", l.Value(), l.cur)
			}
		}
	})
}

func TestLineInput(t *testing.T) {
	var l Line
	l.Insert("two\r\nwords")
	l.DeleteWord()
	l.Insert("é漢")
	if l.Value() != "two é漢" {
		t.Fatalf("%q", l.Value())
	}
	out, x := l.Render(6)
	if out != " é漢  " && x >= 6 {
		t.Fatalf("%q %d", out, x)
	}
	if !utf8.ValidString(out) {
		t.Fatal(out)
	}
}

func megabyte(lines bool) string {
	s := "Some words of an ordinary note, with é and more text. "[:52]
	if lines {
		return strings.Repeat(s+"\n", 20000)
	}
	return strings.Repeat(s, 20000)
}

func benchKeys(b *testing.B, text string, key func(*Buffer)) {
	buf := New(text, 80)
	buf.SetCursor(len(text) / 2)
	buf.Render(40)
	b.ResetTimer()
	for b.Loop() {
		key(buf)
		for _, r := range buf.Render(40) {
			r.Draw(80, cells.Pen{}, cells.Pen{}, cells.Pen{})
		}
		buf.CursorCell()
	}
}

func BenchmarkKeyToFrame(b *testing.B) {
	keys := map[string]func(*Buffer){
		"insert":  func(b *Buffer) { b.Insert("x") },
		"newline": func(b *Buffer) { b.InsertNewline() },
		"erase":   func(b *Buffer) { b.Backspace() },
		"down":    func(b *Buffer) { b.Down() },
		"jump": func(b *Buffer) {
			if b.Cursor() == 0 {
				b.End()
			} else {
				b.Home()
			}
		},
	}
	for name, key := range keys {
		b.Run("20000lines/"+name, func(b *testing.B) { benchKeys(b, megabyte(true), key) })
		b.Run("1line/"+name, func(b *testing.B) { benchKeys(b, megabyte(false), key) })
	}
}

func BenchmarkLoad(b *testing.B) {
	s := megabyte(true)
	for b.Loop() {
		New(s, 80).Render(40)
	}
}

func BenchmarkFindFold(b *testing.B) {
	buf := New(megabyte(true), 80)
	buf.SetQuery("zebra", true)
	for b.Loop() {
		buf.FindNext()
	}
}
