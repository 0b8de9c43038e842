package editor

import (
	"errors"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/exp/golden"
	"pgregory.net/rapid"

	"stet/model"
	"stet/ui/screen"
)

func TestFrames(t *testing.T) {
	for name, keys := range map[string][]string{
		"open": nil, "typing": {"x", "enter", "y"}, "find": {"ctrl+f", "b", "r"}, "each": {"ctrl+r", "b", "enter", "c", "enter"},
		"tags": {"ctrl+t"}, "title": {"up", "!"},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, newShelf(list()), screen.Target{NoteID: "n1"}).press(keys...)
			var out strings.Builder
			for _, s := range [][2]int{{40, 10}, {80, 24}, {120, 40}} {
				out.WriteString(d.frame(s[0], s[1]) + "\n")
			}
			golden.RequireEqual(t, out.String())
		})
	}
}

// Opening and leaving a note is no edit, whatever bytes it holds.
func TestOpeningIsNoEdit(t *testing.T) {
	for _, body := range []string{"", "a\r\nb\rc\td\x00", "no newline", "\n\n\n", "\ufeffx\u202ey"} {
		n := list()
		n.Body, n.Title = body, "two\nlines"
		s := newShelf(n)
		d := open(t, s, screen.Target{NoteID: "n1"})
		d.frame(80, 24)
		d.press("down", "end", "esc")
		if s.saves != 0 || !d.left() {
			t.Errorf("%q: %d saves, left %v", body, s.saves, d.left())
		}
		open(t, s, screen.Target{NoteID: "n1"}).press("ctrl+end").write("!").press("esc")
		if got := s.notes["n1"]; got.Body != body+"!" || got.Title != "two\nlines" {
			t.Errorf("saved %q %q", got.Title, got.Body)
		}
	}
}

func TestNewNote(t *testing.T) {
	s := newShelf()
	d := open(t, s, screen.Target{New: true, Notebook: "Home"})
	d.press("esc")
	if len(s.notes) != 0 || !d.left() {
		t.Fatal("an empty note was made")
	}
	d = open(t, s, screen.Target{New: true}).write("x").wait(1).press("backspace", "esc")
	if len(s.notes) != 0 || len(s.drafts) != 0 || !d.left() {
		t.Fatal("a note of nothing was made, or its draft stays")
	}
	d = open(t, s, screen.Target{New: true, Notebook: "Home"}).write("Plan\n- one\ntwo").wait(2)
	if len(s.drafts) != 1 {
		t.Fatal("not journaled")
	}
	d.press("ctrl+s").write("!").press("esc")
	n := s.notes["made0"]
	if n.Title != "Plan" || n.Body != "- one\n- two!" || n.Notebook != "Home" || len(s.notes) != 1 || len(s.drafts) != 0 {
		t.Fatalf("%+v, drafts %v", n, s.drafts)
	}
	if d.sync.asked != 1 {
		t.Fatal("ctrl+s did not sync")
	}
}

func TestUndoRedoListsAndFind(t *testing.T) {
	s := newShelf(list())
	d := open(t, s, screen.Target{NoteID: "n1"}).press("ctrl+f").write("bread").press("esc", "end", "enter").write("tea")
	d.see("- bread", "- tea").press("ctrl+z", "ctrl+z", "ctrl+_")
	if got := d.e.text.body.String(); got != list().Body {
		t.Fatalf("undone: %q", got)
	}
	d.press("ctrl+y", "ctrl+y").see("- tea")
	d.press("ctrl+r").write("e").press("enter").write("E").press("enter", "y", "n", "a")
	if got := d.e.text.body.String(); strings.Count(got, "e") != 0 || strings.Count(got, "E") < 10 {
		t.Fatalf("replaced: %q", got)
	}
	d.press("ctrl+t", "ctrl+u").write("a, #b").press("enter", "ctrl+o", "ctrl+u").write("/Work//x/").press("enter", "esc")
	if n := s.notes["n1"]; n.Notebook != "Work/x" || strings.Join(n.Tags, "|") != "a|b" {
		t.Fatalf("%+v", n)
	}
}

func TestPasteIsPaste(t *testing.T) {
	d := open(t, newShelf(list()), screen.Target{NoteID: "n1"})
	text := "q\x1b\x13\ttab\r\n- item\r\n"
	d.run(d.e.Update(tea.PasteMsg{Content: text}))
	if got := d.e.text.body.String(); got != text+list().Body {
		t.Fatalf("%q", got)
	}
	if d.left() {
		t.Fatal("a paste pressed a key")
	}
}

// A terminal that is killed at any moment loses no more than a pause.
func TestKilledTerminal(t *testing.T) {
	s := newShelf(list())
	open(t, s, screen.Target{NoteID: "n1"}).write("typed ").wait(2)
	d := open(t, s, screen.Target{NoteID: "n1"}).see("Recovered what was typed", "typed Weekly", "· editing")
	d.press("ctrl+z")
	if got := d.e.text.body.String(); got != list().Body {
		t.Fatalf("%q", got)
	}
	d.press("ctrl+y", "esc")
	if s.body("n1") != "typed "+list().Body || len(s.drafts) != 0 {
		t.Fatalf("%q, drafts %v", s.body("n1"), s.drafts)
	}
	// The note moved while the draft lay there: both are kept.
	open(t, s, screen.Target{NoteID: "n1"}).write("more ").wait(2)
	s.elsewhere("n1", func(b string) string { return b + "from the phone\n" })
	open(t, s, screen.Target{NoteID: "n1"}).press("esc")
	if got := s.body("n1"); !strings.HasPrefix(got, "more typed ") || !strings.HasSuffix(got, "from the phone\n") {
		t.Fatalf("%q", got)
	}
}

func TestKilledNewNote(t *testing.T) {
	s := newShelf()
	open(t, s, screen.Target{New: true}).write("Idea\nbody").wait(2)
	open(t, s, screen.Target{New: true})
	if len(s.notes) != 0 {
		t.Fatal("took the draft of an editor that may live")
	}
	for k, dr := range s.drafts {
		dr.At = noon.Add(-time.Hour)
		s.drafts[k] = dr
	}
	s.drafts["n9"] = model.Draft{Key: "n9", NoteID: "n9", At: noon.Add(-time.Hour), Text: model.Fields{Title: "of a note"}}
	d := open(t, s, screen.Target{New: true})
	if n := s.notes["made0"]; n.Title != "Idea" || n.Body != "body" || len(s.drafts) != 1 || len(d.out) != 1 {
		t.Fatalf("%+v %v %v", n, s.drafts, d.out)
	}
	d.write("Other").press("esc")
	if len(s.notes) != 2 {
		t.Fatal(s.notes)
	}
}

func TestIdleSaves(t *testing.T) {
	s := newShelf(list())
	d := open(t, s, screen.Target{NoteID: "n1"}).write("x").wait(1)
	if s.saves != 0 {
		t.Fatal("the journal is no save")
	}
	d.wait(1)
	if s.saves != 1 || len(s.drafts) != 0 || d.left() {
		t.Fatalf("%d saves, drafts %v", s.saves, s.drafts)
	}
	d.see("✓ saved").wait(5)
	if s.saves != 1 {
		t.Fatalf("saved again: %d", s.saves)
	}
}

func TestNoteMovesWhileClean(t *testing.T) {
	s := newShelf(list())
	d := open(t, s, screen.Target{NoteID: "n1"}).press("ctrl+f").write("Ana").press("esc", "left")
	at := d.e.text.body.Cursor()
	s.elsewhere("n1", func(b string) string { return "first\n" + b })
	d.handle(screen.NotesChanged{})
	d.see("first", "Taken over from phone")
	if got := d.e.text.body.Cursor(); got != at+len("first\n") {
		t.Fatalf("cursor %d, was %d", got, at)
	}
	d.press("esc")
	if s.saves != 0 {
		t.Fatal("taking over is no edit")
	}
}

func TestNoteMovesWhileDirty(t *testing.T) {
	s := newShelf(list())
	d := open(t, s, screen.Target{NoteID: "n1"}).write("typed ")
	s.elsewhere("n1", func(b string) string { return b + "phone\n" })
	d.handle(screen.NotesChanged{})
	d.see("Also changed elsewhere; both will be merged when you leave", "typed Weekly")
	d.write("on ").see("Also changed elsewhere").press("ctrl+s").see("phone", "typed on Weekly", "✓ saved")
	if got := s.body("n1"); !strings.HasPrefix(got, "typed on ") || !strings.HasSuffix(got, "phone\n") {
		t.Fatalf("%q", got)
	}
	d.write("z").press("esc")
	if got := s.body("n1"); !strings.HasPrefix(got, "typed on z") || !strings.HasSuffix(got, "phone\n") {
		t.Fatalf("%q", got)
	}
}

func TestSaveThatEndsInReview(t *testing.T) {
	s := newShelf(list())
	d := open(t, s, screen.Target{NoteID: "n1"}).write("mine ")
	s.elsewhere("n1", func(b string) string { return "phone " + b })
	d.press("esc")
	if s.body("n1") != "mine "+list().Body || !d.left() {
		t.Fatalf("%q", s.body("n1"))
	}
	if toast, ok := d.out[0].(screen.Toast); !ok || toast.Text != "Edited in two places · needs review" {
		t.Fatalf("%v", d.out)
	}
}

func TestSaveFails(t *testing.T) {
	s := newShelf(list())
	d := open(t, s, screen.Target{NoteID: "n1"}).write("x")
	s.fail = errors.New("database or disk is full")
	d.press("esc").see("The disk is full", "esc again or ctrl+c leaves", "kept in the draft", "! not saved")
	if d.left() || len(s.drafts) != 1 {
		t.Fatal("left, or no draft")
	}
	d.press("esc")
	if !d.left() || len(s.drafts) != 1 {
		t.Fatal("could not leave, or draft lost")
	}
	s.fail = nil
	open(t, s, screen.Target{NoteID: "n1"}).see("Recovered").press("esc")
	if s.body("n1") != "x"+list().Body {
		t.Fatal("lost")
	}

	s.fail, s.failDraft = model.ErrReadOnly, model.ErrReadOnly
	d = open(t, s, screen.Target{NoteID: "n1"}).write("y").wait(1)
	d.due = nil
	d.press("esc", "esc", "esc")
	d.see("can only be read", "ctrl+c leaves and loses it", "the text is only here")
	if d.left() {
		t.Fatal("left with the only copy")
	}
	s.fail, s.failDraft = nil, nil
	d.wait(3)
	if s.body("n1") != "yx"+list().Body {
		t.Fatal("not tried again")
	}
	d.see("✓ saved")
}

// Saves that overlap with typing and with one another end with everything.
func TestOverlappingSaves(t *testing.T) {
	s := newShelf(list())
	d := open(t, s, screen.Target{NoteID: "n1"}).write("a")
	d.slow = true
	d.press("ctrl+s")
	d.slow = false
	d.write("b").wait(1).see("⟳ saving")
	d.slow = true
	d.run(d.e.Update(screen.Leaving{}))
	d.release()
	if got := s.body("n1"); got != "ab"+list().Body {
		t.Fatalf("%q", got)
	}
	if n := s.notes["n1"]; n.Status == model.NeedsReview || len(s.drafts) != 0 {
		t.Fatalf("%s, drafts %v", n.Status, s.drafts)
	}
}

// What is typed while a save runs descends from what was saved, not from what
// the save was merged with.
func TestTypingWhileASaveMerges(t *testing.T) {
	s := newShelf(list())
	d := open(t, s, screen.Target{NoteID: "n1"}).write("a")
	s.elsewhere("n1", func(b string) string { return b + "phone\n" })
	d.slow = true
	d.press("ctrl+s")
	d.slow = false
	d.write("b").wait(2)
	d.release()
	if dr := s.drafts["n1"]; dr.Base.Body != "a"+list().Body || dr.Text.Body != "ab"+list().Body {
		t.Fatalf("draft %+v", dr)
	}
	d.press("esc")
	if got := s.body("n1"); got != "ab"+list().Body+"phone\n" {
		t.Fatalf("%q", got)
	}
}

func TestOneNoteOfOverlappingSaves(t *testing.T) {
	s := newShelf()
	d := open(t, s, screen.Target{New: true}).write("a")
	d.slow = true
	d.press("ctrl+s")
	d.slow = false
	d.write("b")
	d.slow = true
	d.run(d.e.Update(screen.Leaving{}))
	d.release()
	if len(s.notes) != 1 || s.notes["made0"].Title != "ab" || len(s.drafts) != 0 {
		t.Fatalf("%v", s.notes)
	}
}

func TestJournalKeepsTheNewest(t *testing.T) {
	s := newShelf()
	j := &journal{notes: s}
	ctx := t.Context()
	at := func(n int) model.Draft { return model.Draft{Key: "k", Cursor: n} }
	for _, step := range []struct {
		do   func() error
		want int // -1: no draft
	}{
		{func() error { return j.put(ctx, 2, at(2)) }, 2},
		{func() error { return j.put(ctx, 1, at(1)) }, 2},
		{func() error { return j.drop(ctx, 1, "k") }, 2},
		{func() error { return j.drop(ctx, 3, "k") }, -1},
		{func() error { return j.put(ctx, 3, at(3)) }, -1},
		{func() error { return j.put(ctx, 4, at(4)) }, 4},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if d, ok := s.drafts["k"]; ok != (step.want >= 0) || ok && d.Cursor != step.want {
			t.Fatalf("draft %v %v, want %d", d, ok, step.want)
		}
	}
}

func TestPurgedMeanwhile(t *testing.T) {
	s := newShelf(list())
	d := open(t, s, screen.Target{NoteID: "n1"}).write("x")
	delete(s.notes, "n1")
	d.press("esc")
	if got := s.body("made0"); got != "x"+list().Body || !d.left() {
		t.Fatalf("%q", got)
	}
	open(t, s, screen.Target{NoteID: "n1"}).see("This note is no more.").press("esc")
}

func TestOutsideEditor(t *testing.T) {
	s := newShelf(list())
	d := open(t, s, screen.Target{NoteID: "n1"}).write("in ")
	d.outer = func(text string) string {
		if len(s.drafts) != 1 {
			t.Error("no draft while the text is away")
		}
		return text + "outside\n"
	}
	d.press("ctrl+e", "esc")
	if got := s.body("n1"); got != "in "+list().Body+"outside\n" {
		t.Fatalf("%q", got)
	}

	// A sync lands while the text is away: merged.
	d = open(t, s, screen.Target{NoteID: "n1"})
	d.outer = func(text string) string {
		s.elsewhere("n1", func(b string) string { return "phone\n" + b })
		d.handle(screen.NotesChanged{})
		return text + "again\n"
	}
	d.press("ctrl+e").see("phone", "again").press("esc")
	if got := s.body("n1"); !strings.HasPrefix(got, "phone\nin ") || !strings.HasSuffix(got, "outside\nagain\n") {
		t.Fatalf("%q", got)
	}

	// The same line on both sides: a review, nothing overwritten.
	d = open(t, s, screen.Target{NoteID: "n1"})
	d.outer = func(text string) string {
		s.elsewhere("n1", func(b string) string { return strings.Replace(b, "bread", "rye bread", 1) })
		d.handle(screen.NotesChanged{})
		return strings.Replace(text, "bread", "white bread", 1)
	}
	d.press("ctrl+e", "ctrl+s")
	if n := s.notes["n1"]; n.Status != model.NeedsReview || !strings.Contains(n.Body, "white bread") {
		t.Fatalf("%s %q", n.Status, n.Body)
	}
}

func TestKeysBeforeTheNoteIsThere(t *testing.T) {
	s := newShelf(list())
	d := &driver{}
	*d = *open(t, s, screen.Target{NoteID: "n1"})
	d.e = New(d.e.deps, screen.Target{Name: screen.Editor, NoteID: "n1"}).(*Editor)
	d.write("early ")
	d.run(d.e.Init())
	if got := d.e.text.body.String(); got != "early "+list().Body {
		t.Fatalf("%q", got)
	}
}

func TestAnyKeysAtAnySize(t *testing.T) {
	keys := []string{"a", "é", "漢", "space", "enter", "tab", "shift+tab", "backspace", "delete", "up", "down", "left", "right", "shift+right",
		"shift+down", "home", "end", "pgup", "pgdown", "ctrl+f", "ctrl+g", "ctrl+r", "ctrl+t", "ctrl+o", "ctrl+z", "ctrl+y", "ctrl+s", "esc",
		"ctrl+k", "ctrl+x", "ctrl+v", "ctrl+w", "y", "n", "ctrl+e"}
	hostile := "\x1b]0;evil\a\u202e\u200b👩‍👩‍👧 漢字 नमस्ते\tx\x00\r\n"
	rapid.Check(t, func(rt *rapid.T) {
		n := list()
		n.Body += hostile + strings.Repeat(hostile, rapid.IntRange(0, 3).Draw(rt, "repeat"))
		n.Title, n.Notebook, n.Tags = hostile, hostile, []string{hostile}
		s := newShelf(n)
		d := open(t, s, screen.Target{NoteID: "n1"})
		d.outer = strings.ToUpper
		for range rapid.IntRange(1, 20).Draw(rt, "n") {
			switch k := rapid.SampledFrom(keys).Draw(rt, "key"); {
			case rapid.IntRange(0, 9).Draw(rt, "other") == 0:
				d.run(d.e.Update(tea.PasteMsg{Content: hostile}))
			case rapid.IntRange(0, 9).Draw(rt, "bell") == 0:
				s.elsewhere("n1", func(b string) string { return b + "phone\n" })
				d.handle(screen.NotesChanged{})
			default:
				d.press(k)
			}
			if rapid.IntRange(0, 3).Draw(rt, "wait") == 0 {
				d.wait(1)
			}
			d.frame(rapid.IntRange(1, 300).Draw(rt, "w"), rapid.IntRange(1, 100).Draw(rt, "h"))
		}
		d.frame(20, 5)
		d.e.Keys()
		if d.e.Typing() {
			want := d.e.text.body.String()
			d.run(d.e.Update(screen.Leaving{}))
			if got := s.body("n1"); d.e.text.body.String() == want && got != want && s.notes["n1"].Status != model.NeedsReview {
				rt.Fatalf("left with %q stored, %q typed", got, want)
			}
		}
	})
}

func BenchmarkKeyToFrame(b *testing.B) {
	n := list()
	n.Body = strings.Repeat("A paragraph that is one line, as prose in a note often is, wrapped by the editor. ", 20) + "\n"
	n.Body = strings.Repeat(n.Body, 1<<20/len(n.Body))
	for name, keys := range map[string][]string{"type": {"x"}, "newline": {"enter"}, "down": {"down"}, "page": {"pgdown", "pgup"}, "undo": {"x", "ctrl+z"}} {
		b.Run(name, func(b *testing.B) {
			d := open(b, newShelf(n), screen.Target{NoteID: "n1"})
			d.e.text.body.SetCursor(len(n.Body) / 2)
			d.e.View(120, 40)
			for b.Loop() {
				for _, k := range keys {
					d.e.Update(screen.Press(k))
					d.e.View(120, 40)
				}
			}
		})
	}
	b.Run("journal", func(b *testing.B) {
		d := open(b, newShelf(n), screen.Target{NoteID: "n1"}).write("x")
		for b.Loop() {
			d.e.keepDraft()
		}
	})
}
