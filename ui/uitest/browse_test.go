package uitest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"stet/model"
	"stet/ui/screen"
)

func TestFirstRowsCostOneQuestion(t *testing.T) {
	clock := NewClock()
	n := many(clock, 1000)
	d := New(t, n, nil, clock, 120, 40)
	if n.Lists != 1 {
		t.Fatalf("%d questions before the first frame, want 1", n.Lists)
	}
	d.See("Note number 0", "Note number 33", "1,000 notes")
}

func TestListFrames(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 10}} {
		d, _ := start(t, size[0], size[1])
		name := fmt.Sprintf("%dx%d", size[0], size[1])
		d.Frame("list-" + name)
		d.Press("/").Type("note").Frame("search-" + name)
		d.Press("esc", ":").Frame("palette-" + name)
		d.Press("esc", "T").Frame("trash-" + name)
	}
}

func TestEmptyStatesSayWhatToDo(t *testing.T) {
	clock := NewClock()
	d := New(t, NewNotes(clock.Now), nil, clock, 80, 24)
	d.See("No notes yet. n writes one.", "0 notes", "on this device only")
	d.Press("T").See("The trash is empty.")
	d.Press("esc", "!").See("Nothing needs review.")
	d.Press("esc", "/").Type("x").See("Nothing matches.")
}

func TestEveryStateHasSymbolAndWord(t *testing.T) {
	d, n := start(t, 80, 24)
	d.See("↑ Pending", "◆ Needs review", "✓ Synced", "! Error", "2 pending", "1 needs review", "1 error")
	head := n.Pull("lisbon", func(f *model.Fields) {})
	if head.Status != model.Synced {
		t.Fatal(head.Status)
	}
}

func TestMovingThroughAThousandNotes(t *testing.T) {
	clock := NewClock()
	d := New(t, many(clock, 1000), nil, clock, 80, 24)
	d.Press("G").See("› Note number 999")
	d.Press("k", "k").See("› Note number 997")
	d.Press("g").See("› Note number 0 ")
	for range 150 {
		d.Press("j")
	}
	d.See("› Note number 150")
	d.Press("pgdown").See("› Note number 169")
	d.Press("ctrl+u").See("› Note number 159")
}

// line returns the number of the row that is selected.
func line(d *Driver) int {
	for i, row := range strings.Split(d.Plain(), "\n") {
		if strings.HasPrefix(row, " ›") {
			return i
		}
	}
	return -1
}

func TestNothingMovesWhenNotesArrive(t *testing.T) {
	clock := NewClock()
	n := many(clock, 300)
	d := New(t, n, nil, clock, 80, 24)
	for range 60 {
		d.Press("j")
	}
	d.See("› Note number 60")
	at := line(d)
	for i := range 40 {
		clock.Move(time.Second)
		n.Put(model.Note{ID: fmt.Sprintf("new%d", i), Fields: model.Fields{Title: "Came in"}})
		d.Ring(screen.Ring{Notes: true})
		if line(d) != at {
			t.Fatalf("the selection went from line %d to %d", at, line(d))
		}
	}
	d.See("› Note number 60").DontSee("Came in")
}

func TestNewNotesAreSeenAtTheTop(t *testing.T) {
	clock := NewClock()
	n := many(clock, 300)
	d := New(t, n, nil, clock, 80, 24)
	clock.Move(time.Second)
	n.Put(model.Note{ID: "fresh", Fields: model.Fields{Title: "Just came in"}})
	d.Ring(screen.Ring{Notes: true})
	d.See("Just came in", "› Note number 0 ")
}

func TestTheSelectedNoteIsFollowedWhenItMoves(t *testing.T) {
	clock := NewClock()
	n := many(clock, 3000)
	d := New(t, n, nil, clock, 80, 24)
	d.Press("G").See("› Note number 2999")
	clock.Move(time.Second)
	n.Pull("n0002999", func(f *model.Fields) { f.Body = "changed far away\n" })
	d.Ring(screen.Ring{Notes: true})
	d.See("› Note number 2999", "changed far away", "Note number 0 ")
}

func TestABadgeChangesInPlace(t *testing.T) {
	d, n := start(t, 80, 24)
	before := d.Plain()
	for _, id := range []string{"offline", "ana"} {
		note := *n.notes[id]
		note.Status = model.Synced
		n.put(note)
	}
	d.Ring(screen.Ring{Notes: true})
	d.See("Offline notes     ✓ Synced").DontSee("pending")
	after := strings.NewReplacer("✓ Synced ", "↑ Pending").Replace(d.Plain())
	if strings.Index(before, "Trip to Lisbon") != strings.Index(after, "Trip to Lisbon")-len("") && line(d) != 3 {
		t.Fatalf("rows moved:\n%s\n%s", before, after)
	}
}

func TestSearchNarrowsAndEscRestoresThePlace(t *testing.T) {
	clock := NewClock()
	d := New(t, many(clock, 500), nil, clock, 100, 24)
	for range 77 {
		d.Press("j")
	}
	before := d.Plain()
	d.Press("/").Type("number 42").See("› Note number 42 ", "Note number 420", "matches")
	d.Press("down").See("› Note number 142")
	d.Press("backspace", "backspace").See("300+ matches")
	d.Press("esc")
	if after := d.Plain(); after != before {
		t.Fatalf("esc came back to another place:\n%s\nwas\n%s", after, before)
	}
}

func TestSearchOpensTheNoteAtItsMatch(t *testing.T) {
	d, _ := start(t, 80, 12)
	d.Press("/").Type("fencing").See("› Offline notes").Press("enter").See("lease with fencing", "match 1 of 1")
	d.Press("esc", "esc").See("/ fencing", "1 match")
	d.Press("t").Type(" x").Press("enter").See("/ fencing", "Tags changed")
	d.Press("esc").See("8 notes")
	d.Press("/").See("/ words")
}

func TestABadQuerySaysWhy(t *testing.T) {
	d, _ := start(t, 200, 24)
	d.Press("/").Type("status:foo").See("status:foo is none of", "Offline notes")
	d.Press("ctrl+u").Type("tag:sync").See("› Offline notes").DontSee("Lisbon")
}

func TestPasteNeverPressesKeys(t *testing.T) {
	d, n := start(t, 80, 24)
	d.Paste("qdDn")
	if d.Quit || !strings.Contains(d.Plain(), "› Offline notes") {
		t.Fatal("a paste pressed keys")
	}
	d.Press("/").Paste("lis\nbon\x1b[31m").See("/ lis bon[31m")
	if c, _ := n.Counts(t.Context()); c.Trash != 1 {
		t.Fatal(c)
	}
}

func TestTrashUndoRedo(t *testing.T) {
	d, n := start(t, 80, 24)
	d.Press("d", "d", "d").See("Moved to trash · z undoes", "› Meeting with Ana", "5 notes")
	d.Press("z").See("Undone: moved to trash · Z redoes", "Trip to Lisbon")
	d.Press("z", "z").See("Offline notes", "Groceries", "8 notes")
	d.Press("z").See("Nothing to undo.")
	d.Press("Z").See("7 notes").Press("z").See("8 notes")
	if c, _ := n.Counts(t.Context()); c.Trash != 1 {
		t.Fatal(c)
	}
}

func TestStaleAnswersAreDropped(t *testing.T) {
	clock := NewClock()
	d := New(t, many(clock, 300), nil, clock, 80, 24)
	d.Press("/").Hold().Type("number 17").Release().See("/ number 17", "› Note number 17 ", "13 matches").DontSee("Note number 1 ")
	d.Press("esc", "j").Hold().Press("j", "j", "j").Release().See("› Note number 4 ")
	d.See("Body 4.").DontSee("Body 2.", "Body 3.")
}

func TestAnUndoNeverOvertakesItsAction(t *testing.T) {
	d, n := start(t, 80, 24)
	d.Hold().Press("d", "z").Release()
	if n.notes["offline"].Deleted {
		t.Fatal("undone before it was done")
	}
	d.See("Offline notes", "8 notes")
}

func TestAFailedWriteSaysSoAndIsNotUndone(t *testing.T) {
	d, n := start(t, 100, 24)
	n.Fail = fmt.Errorf("write note: %w", model.ErrBusy)
	d.Press("d").See("Not done: The store is busy. Try again.", "Offline notes")
	n.Fail = errors.New("disk \x1b[31mfull")
	d.Press("d").See("Not done: disk ␛[31mfull")
	n.Fail = nil
	d.Press("z").See("Nothing to undo.")
}

func TestPinTagsNotebookArchive(t *testing.T) {
	d, n := start(t, 100, 24)
	d.Press("j", "j").See("› Trip to Lisbon")
	d.Press("p").See("Pinned · z undoes", "› Trip to Lisbon")
	if !n.notes["lisbon"].Pinned {
		t.Fatal("not pinned")
	}
	d.Press("z")
	d.Press("t").Type("#summer, trip").Press("enter").See("#summer #trip", "Tags changed · z undoes")
	d.Press("m", "ctrl+u").Type("tra").See("Travel").Press("tab").Type("/2026").Press("enter").See("Moved to Travel/2026")
	d.Press("z", "z").See("Undone")
	if f := n.notes["lisbon"].Fields; f.Notebook != "Travel" || len(f.Tags) != 0 || f.Pinned {
		t.Fatalf("%+v", f)
	}
	d.Press("a").See("Archived, /is:archived finds it").DontSee("› Trip to Lisbon")
	d.Press("/").Type("is:archived").See("› Trip to Lisbon")
}

func TestMarksActOnSeveral(t *testing.T) {
	d, n := start(t, 100, 24)
	d.Press("space", "j", "space").See("2 marked").Press("d").See("2 notes: moved to trash", "6 notes")
	if !n.notes["offline"].Deleted || !n.notes["lisbon"].Deleted || n.notes["groceries"].Deleted {
		t.Fatal("the wrong notes went")
	}
	d.Press("z").See("8 notes")
	d.Press("space", "esc").DontSee("marked")
}

func TestTrashRestoreAndPurge(t *testing.T) {
	d, n := start(t, 100, 24)
	d.Press("T").See("› Thrown away", "1 in the trash", "r restore")
	d.Press("D").See("Delete “Thrown away” and its history for good?", "y delete").Press("esc").See("› Thrown away")
	d.Press("r").See("The trash is empty").Press("z").See("› Thrown away")
	d.Press("D", "y").See("Deleted for good", "The trash is empty")
	if _, err := n.Get(t.Context(), "gone"); !errors.Is(err, model.ErrNotFound) {
		t.Fatal(err)
	}
	d.Press("z").See("Nothing to undo.") // a purge cannot be taken back
	d.Press("Z").See("That note is gone.")
}

func TestCopy(t *testing.T) {
	d, n := start(t, 100, 24)
	d.Press("y").See("Copied.")
	if d.Clipboard != n.notes["offline"].Body {
		t.Fatalf("%q", d.Clipboard)
	}
}

func TestEnterOnANoteInReviewChooses(t *testing.T) {
	d, _ := start(t, 100, 24)
	d.Press("j").See("› Groceries", "enter choose").Press("enter").See("this device", "phone")
}

func TestHostileTitles(t *testing.T) {
	clock := NewClock()
	n := NewNotes(clock.Now)
	for i, s := range []string{"\x1b[2Jgone", "rtl \u202eabc", "👩‍👩‍👧 family ❤️ ⚠️", "नमस्ते", "two\nlines\ttab", "\xff\xfe", strings.Repeat("字", 200), "\u200b\u0301"} {
		n.Put(model.Note{ID: fmt.Sprint("h", i), Device: s, Fields: model.Fields{Title: s, Body: s, Notebook: s, Tags: []string{s}}})
	}
	d := New(t, n, nil, clock, 80, 24)
	for range 9 {
		for _, keys := range [][]string{{"enter", "v", "v", "esc"}, {"w", "esc"}, {"H", "esc"}, {"t", "esc"}, {"L", "esc"}, {"j"}} {
			for _, k := range keys {
				d.Press(k).DontSee("\x1b[2J", "\u202e")
			}
		}
	}
}
