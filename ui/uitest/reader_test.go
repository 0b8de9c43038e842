package uitest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stet/model"
	"stet/ui/screen"
)

func openNote(t testing.TB, body string, w, h int) (*Driver, *Notes) {
	clock := NewClock()
	n := NewNotes(clock.Now)
	n.Put(model.Note{ID: "one", Fields: model.Fields{Title: "One", Body: body}})
	d := New(t, n, nil, clock, w, h)
	return d.Press("enter"), n
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "Paragraph %d.\n\n", i)
	}
	return b.String()
}

func TestReaderFrames(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 10}} {
		d, _ := start(t, size[0], size[1])
		name := fmt.Sprintf("%dx%d", size[0], size[1])
		d.Press("enter").Frame("reader-" + name)
		d.Press("o").Frame("outline-" + name)
		d.Press("esc", "v").Frame("raw-" + name)
		d.Press("q", "j", "j", "j", "j", "j", "w").Frame("why-" + name)
		d.Press("H").Frame("history-" + name)
		d.Press("q", "q", "L").Frame("log-" + name)
		d.Press("q", "?").Frame("help-" + name)
	}
}

func TestReaderScrollsLikeLess(t *testing.T) {
	d, _ := openNote(t, numbered(100), 80, 24)
	d.See("Paragraph 0.").Press("space").DontSee("Paragraph 0.").See("Paragraph 9.")
	d.Press("b").See("Paragraph 0.").Press("G").See("Paragraph 99.", "100%").Press("u", "k", "g").See("Paragraph 0.")
	d.Press("d", "j").DontSee("Paragraph 0.")
}

func TestReaderSearch(t *testing.T) {
	d, _ := openNote(t, numbered(100), 80, 24)
	d.Press("j", "j")
	before := d.Plain()
	d.Press("/").Type("graph 77").See("Paragraph 77.", "match 1 of 1").Press("esc")
	if d.Plain() != before {
		t.Fatal("esc did not return")
	}
	d.Press("/").Type("graph 5").See("match 1 of 11").Press("enter", "n").See("match 2 of 11", "Paragraph 50.")
	d.Press("N", "N").See("match 11 of 11", "Paragraph 59.").Press("esc").DontSee("match")
	d.Press("/").Type("qS").See("no match")
	if d.Quit || d.Sync.Asked > 0 {
		t.Fatal("a typed letter was a command")
	}
}

func TestReaderKeepsThePlaceWhenTheNoteChanges(t *testing.T) {
	d, n := openNote(t, numbered(100), 80, 24)
	d.Press("space", "space").See("Paragraph 17.")
	first := strings.Split(d.Plain(), "\n")[4]
	d.Clock.Move(time.Second)
	n.Pull("one", func(f *model.Fields) { f.Body = "# New on top\n\nmore\n\n" + f.Body })
	d.Ring(screen.Ring{Notes: true})
	if now := strings.Split(d.Plain(), "\n")[4]; now != first {
		t.Fatalf("the text moved from %q to %q", first, now)
	}
	d.Press("v")
	if !strings.Contains(d.Plain(), strings.TrimSpace(first)) {
		t.Fatalf("the raw text is elsewhere:\n%s", d.Plain())
	}
	d.Resize(50, 24).See(strings.TrimSpace(first))
}

func TestReaderTicksTasks(t *testing.T) {
	body := "\tmixed\r\n\r\n- [ ] one\r\n- [x] two\r\n"
	d, n := openNote(t, body, 80, 24)
	d.Press("x").See("Ticked · z undoes", "2 of 2 tasks", "› [x] one")
	if got := n.notes["one"].Body; got != strings.Replace(body, "[ ] one", "[x] one", 1) {
		t.Fatalf("%q", got)
	}
	d.Press("tab", "x").See("› [ ] two", "1 of 2 tasks")
	d.Press("z").See("2 of 2 tasks", "Undone.")
	d.Press("x", "x", "shift+tab", "x")
	if got := n.notes["one"].Body; got != body {
		t.Fatalf("%q", got)
	}
}

func TestReaderTickMergesWithWhatCame(t *testing.T) {
	d, n := openNote(t, "- [ ] one\n", 80, 24)
	n.Pull("one", func(f *model.Fields) { f.Tags = []string{"new"} }) // no bell yet
	d.Press("x")
	if f := n.notes["one"].Fields; f.Body != "- [x] one\n" || len(f.Tags) != 1 {
		t.Fatalf("%+v", f)
	}
}

func TestReaderOutlineAndLinks(t *testing.T) {
	body := "# A\n\nsee [x](https://a.example/1)\n\n" + numbered(30) + "## B\n\n<https://b.example>\n" + numbered(30)
	d, _ := openNote(t, body, 80, 24)
	d.Press("o").See("Outline", "› A", "B").Press("j", "enter").See("## B").DontSee("Outline")
	d.Press("f").See("[1] https://a.example/1", "[2] https://b.example").Press("2", "enter").See("Copied https://b.example")
	if d.Clipboard != "https://b.example" {
		t.Fatal(d.Clipboard)
	}
}

func TestReaderGoesToTheNextNote(t *testing.T) {
	d, _ := start(t, 80, 24)
	d.Press("enter").See(" Offline notes").Press("J").See(" Groceries", "Updated in two places").Press("J").See(" Trip to Lisbon")
	d.Press("K", "K").See(" Offline notes").Press("K").See("This is the first note.")
}

func TestReaderOfANoteThatGoes(t *testing.T) {
	d, n := openNote(t, "x", 80, 24)
	if err := n.Purge(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	d.Ring(screen.Ring{Notes: true}).See("This note is gone. esc goes back.").Press("x", "e", "J", "v", "esc").See("No notes yet")
}

func TestReaderLongNote(t *testing.T) {
	d, _ := openNote(t, strings.Repeat("A line of a very long note with some words.\n\n", 20_000), 100, 40)
	d.See("A line of a very long note").Press("G").See("100%").Press("v", "g")
}

func TestWhyShowsTheWayOut(t *testing.T) {
	d, n := start(t, 80, 24)
	for range 5 {
		d.Press("j")
	}
	d.Press("w").See("Why: Router password", "! Error", "The server refuses notes in this notebook", "What happened", "Written on this device", "r sends it again")
	d.Press("r").See("Sending again.")
	if d.Sync.Asked != 1 {
		t.Fatal(d.Sync.Asked)
	}
	d.Press("D").See("Take the server's text?").Press("y").See("Back to the server's text", "✓ Synced")
	if n.notes["router"].Status != model.Synced {
		t.Fatal("not discarded")
	}
	d.Press("esc", "k", "k", "k", "k").See("› Groceries").Press("w").See("Updated in two places.", "enter shows both").Press("enter").See("phone")
}

func TestHistoryRestores(t *testing.T) {
	d, n := openNote(t, "first line\nsecond line\n", 120, 24)
	for _, s := range []string{"first line\nsecond words\n", "first line\nsecond words\nthird\n"} {
		d.Clock.Move(time.Hour)
		n.Pull("one", func(f *model.Fields) { f.Body = s })
	}
	d.Ring(screen.Ring{Notes: true})
	d.Press("H").See("3 versions", "came in", "+ third", "What this version changed").DontSee("- second")
	d.Press("j").See("- second line", "+ second words")
	d.Press("j").See("+ first line", "The first text on record")
	d.Press("c").See("- second line", "+ third", "to now")
	d.Press("r").See("Version 1 is the newest again · z undoes", "4 versions")
	if n.notes["one"].Body != "first line\nsecond line\n" {
		t.Fatal(n.notes["one"].Body)
	}
	d.Press("z").See("5 versions")
	if !strings.Contains(n.notes["one"].Body, "third") {
		t.Fatal("not undone")
	}
	d.Resize(50, 20).Press("enter").Press("esc", "esc")
}

func TestLogFiltersAndOpens(t *testing.T) {
	d, n := start(t, 100, 24)
	d.Press("L").See("[all]", "Synced: 1 sent, 2 came in", "Router password", "5 lines")
	d.Press("tab").See("[errors]", "The server refused it", "1 line").DontSee("1 sent")
	d.Press("enter").See("It is on the sticker").Press("esc").See("[errors]")
	d.Press("tab", "tab").See("[merges]", "Nothing was merged.")
	for i := range 1000 {
		n.Log("ana", model.EventMerged, fmt.Sprint("merge ", i))
	}
	d.Ring(screen.Ring{Notes: true}).See("200 newest lines", "merge 999")
	d.Press("G").See("400 newest lines")
	for range 10 {
		d.Press("G")
	}
	d.See("merge 0", "1,000 lines")
}
