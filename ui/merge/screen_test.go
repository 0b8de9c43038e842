package merge

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/exp/golden"
	"pgregory.net/rapid"

	"stet/model"
	"stet/ui/screen"
)

func groceryShelf() *shelf {
	s := newShelf()
	b, l, r := groceries()
	s.add("n1", b, l, r)
	return s
}

func TestFrames(t *testing.T) {
	for name, keys := range map[string][]string{
		"open": nil, "chosen": {"2", "1", "4"}, "three": {"2", "v"}, "unified": {"2", "v", "v"}, "merged": {"a", "tab"},
		"edit": {"1", "e"}, "refused": {"1", "s"}, "rest": {"ctrl+g"},
	} {
		t.Run(name, func(t *testing.T) {
			d := drive(t, groceryShelf(), "n1").press(keys...)
			var out strings.Builder
			for _, size := range [][2]int{{40, 10}, {80, 24}, {120, 40}} {
				out.WriteString(d.m.Title() + "   " + d.m.Headline() + "   " + d.m.Footline() + "\n" + d.frame(size[0], size[1]) + "\n")
			}
			golden.RequireEqual(t, out.String())
		})
	}
}

func TestFramesOfADeletion(t *testing.T) {
	b, l, _ := groceries()
	s := newShelf()
	s.add("n1", b, l, model.Fields{Deleted: true})
	d := drive(t, s, "n1")
	var out strings.Builder
	for _, size := range [][2]int{{40, 10}, {80, 24}, {120, 40}} {
		out.WriteString(d.m.Title() + "   " + d.m.Headline() + "\n" + d.frame(size[0], size[1]) + "\n")
	}
	golden.RequireEqual(t, out.String())
}

func TestAllOutcomesByKeys(t *testing.T) {
	s := groceryShelf()
	d := drive(t, s, "n1").see("conflict 1 of 4 · 3 merged for you", "this device · thinkpad, today 14:02", "phone, today 14:05")
	d.press("s").see("4 left")
	d.press("3", "4", "0", "e").typing("!").press("esc").see("all chosen")
	d.press("s")
	got, ok := s.resolved["n1"]
	if !ok {
		t.Fatal("not saved")
	}
	if got.Title != "Groceries for Saturday / Groceries and wine" {
		t.Errorf("title %q", got.Title)
	}
	want := "Weekly plan\n\n- bread\n- oat milk (barista)\n- 2 litres oat milk\n- eggs\n\nAna brings red wine.\n\n- salt\n- pepper\n- rice\n\nCall the butcher on Tuesday about the order.!\n\nend\nthe very end\n"
	if got.Body != want {
		t.Errorf("body\n%s\nwant\n%s", got.Body, want)
	}
	if !d.asked(screen.Back{}) {
		t.Error("did not go back")
	}
}

func (d *driver) asked(want tea.Msg) bool {
	for _, m := range d.out {
		if reflect.DeepEqual(m, want) {
			return true
		}
	}
	return false
}

func TestReopenWhatWasMerged(t *testing.T) {
	s := groceryShelf()
	d := drive(t, s, "n1").press("ctrl+g", "1").see("all chosen", "4 chosen from this device")
	d.press("a", "[", "c")
	for range 9 {
		if strings.Contains(d.frame(100, 30), "Ana brings red wine.   ") && strings.Contains(d.frame(100, 30), "added “red”") {
			break
		}
		d.press("tab")
	}
	d.see("merged, from this device").press("r").see("1 left").press("2", "s")
	if !strings.Contains(s.resolved["n1"].Body, "Ana brings wine.") {
		t.Fatalf("saved %q", s.resolved["n1"].Body)
	}
}

func TestDeleteAgainstEdit(t *testing.T) {
	for key, want := range map[string]bool{"1": false, "2": true} {
		b, l, _ := groceries()
		s := newShelf()
		s.add("n1", b, l, model.Fields{Deleted: true})
		d := drive(t, s, "n1").see("phone deleted this note; you edited it: 1 keep (restore everywhere)   2 delete")
		d.press("3").see("keep or delete").press("x", "e", "0", key, "s")
		if got, ok := s.resolved["n1"]; !ok || got.Deleted != want {
			t.Errorf("key %s: %+v %v", key, got, ok)
		}
	}
}

func TestLeavingKeepsTheChoices(t *testing.T) {
	s := groceryShelf()
	d := drive(t, s, "n1").press("2", "3", "u", "1", "esc")
	if !d.asked(screen.Back{}) || s.reviews["n1"] == nil || len(s.reviews["n1"].Draft) == 0 {
		t.Fatalf("left %v, draft %s", d.out, s.reviews["n1"].Draft)
	}
	again := drive(t, s, "n1").see("as you left them", "conflict 3 of 4", "2 left")
	again.press("u", "u").see("conflict 1 of 4", "4 left")
	if again.m.walk.undo() {
		t.Fatal("more undone than was done")
	}
	again.press("esc")
	if d := s.reviews["n1"].Draft; d != nil {
		t.Fatalf("nothing chosen, draft %s", d)
	}
}

func TestChoicesAreJournaled(t *testing.T) {
	s := groceryShelf()
	drive(t, s, "n1").press("2", "1").wait()
	drive(t, s, "n1").see("as you left them", "2 left")
}

func TestLeavingTellsWhenChoicesCannotBeKept(t *testing.T) {
	s := groceryShelf()
	d := drive(t, s, "n1").press("2")
	s.fail = errors.New("disk is full")
	d.press("esc").see("could not be kept: disk is full")
	if d.asked(screen.Back{}) {
		t.Fatal("left at once")
	}
	if d.press("esc"); !d.asked(screen.Back{}) {
		t.Fatal("could not leave")
	}
}

// The other side moves while choices are made: they stand where their texts
// do, and only what is new is asked.
func TestOtherSideMoves(t *testing.T) {
	for _, how := range []string{"bell", "save"} {
		s := groceryShelf()
		d := drive(t, s, "n1").press("2", "1", "2")
		if how == "save" {
			d.press("1")
		}
		s.mu.Lock()
		s.reviews["n1"].Remote.Rev = 8
		s.reviews["n1"].Remote.Fields.Body = strings.Replace(s.reviews["n1"].Remote.Fields.Body, "oat milk (barista)", "soy milk", 1)
		s.mu.Unlock()
		if how == "save" {
			d.press("s").see("phone changed the note again · 3 choices kept, 1 to look at", "soy milk")
			if len(s.resolved) != 0 {
				t.Fatal("saved against a text nobody saw")
			}
			d.press("2", "s")
			if got := s.resolved["n1"]; !strings.Contains(got.Body, "- soy milk\n") || got.Title != "Groceries and wine" {
				t.Fatalf("saved %+v", got)
			}
			continue
		}
		d.handle(screen.NotesChanged{})
		d.see("phone changed the note again · 2 choices kept, 2 to look at", "soy milk", "conflict 2 of 4")
	}
}

func TestNextReview(t *testing.T) {
	s := groceryShelf()
	b, l, r := groceries()
	b.Title, l.Title, r.Title = "Trip to Lisbon", "Trip to Lisbon", "Trip to Lisbon"
	s.add("n2", b, l, r)
	d := drive(t, s, "n1").press("ctrl+g", "2", "s").see("Saved.", "Next note that needs review: Trip to Lisbon (enter)")
	d.press("enter").see("Trip to Lisbon", "conflict 1 of 3").press("ctrl+g", "1", "s")
	if len(s.resolved) != 2 || !d.asked(screen.Toast{Text: "Saved. Nothing else needs review."}) {
		t.Fatalf("%v", d.out)
	}
}

func TestEndedElsewhere(t *testing.T) {
	s := groceryShelf()
	d := drive(t, s, "n1")
	delete(s.reviews, "n1")
	d.press("ctrl+g", "1", "s").see("ended elsewhere").press("esc")
	if !d.asked(screen.Back{}) {
		t.Fatal("stuck")
	}
	drive(t, newShelf(), "").see("Nothing needs review.")
}

func TestWholeResultInEditor(t *testing.T) {
	s := groceryShelf()
	d := drive(t, s, "n1").press("2", "E").see("edited text is the result", "all chosen")
	d.press("u").see("3 left").press("ctrl+r", "s")
	if got := s.resolved["n1"]; !strings.Contains(got.Body, "EGGS") || got.Title != "Groceries and wine" {
		t.Fatalf("saved %+v", got)
	}
}

func TestBothAddedWithoutBase(t *testing.T) {
	s := newShelf()
	s.add("n1", nil, model.Fields{Title: "A", Body: "one\nmine\n"}, model.Fields{Title: "A", Body: "one\ntheirs\n"})
	d := drive(t, s, "n1").see("no common text")
	d.press("0").see("there is no text from before").press("3", "s")
	if got := s.resolved["n1"].Body; got != "one\nmine\ntheirs\n" {
		t.Fatalf("saved %q", got)
	}
}

func TestScrolling(t *testing.T) {
	d := drive(t, groceryShelf(), "n1")
	d.h = 16
	d.see("Title: Groceries").press("G").see("the very end").press("k", "k", "g").see("Title: Groceries").press("pgdown", "pgdown", "pgdown").see("the very end")
}

func TestPasteNeverPressesKeys(t *testing.T) {
	d := drive(t, groceryShelf(), "n1")
	d.m.Update(tea.PasteMsg{Content: "1234sq"})
	if d.m.walk.open != 4 {
		t.Fatal("a paste decided something")
	}
	d.press("1", "e")
	d.m.Update(tea.PasteMsg{Content: "1q\n"})
	if !strings.Contains(d.m.editing.String(), "1q\n") {
		t.Fatal("not pasted")
	}
}

func TestAnyKeysAtAnySize(t *testing.T) {
	keys := []string{"1", "2", "3", "4", "0", "x", "e", "esc", "u", "ctrl+r", "tab", "shift+tab", "]", "[", "c", "j", "k", "G", "g",
		"v", "a", "r", "ctrl+g", "s", "E", "ctrl+d", "ctrl+u", "enter", "q", "z"}
	hostile := "\x1b]0;evil\a\u202e\u200b👩‍👩‍👧 漢字 नमस्ते\tx\x00"
	rapid.Check(t, func(rt *rapid.T) {
		sd := drawSides(rt)
		sd.local.Title += hostile
		sd.remote.Body = strings.ReplaceAll(sd.remote.Body, "theirs", hostile)
		if sd.remote.Deleted {
			sd.remote = model.Fields{Deleted: true}
		}
		s := newShelf()
		s.add("n1", sd.base, sd.local, sd.remote)
		s.reviews["n1"].Remote.Device = hostile
		d := drive(t, s, "n1")
		for range rapid.IntRange(1, 15).Draw(rt, "n") {
			k := rapid.SampledFrom(keys).Draw(rt, "key")
			d.press(k)
			if rapid.Bool().Draw(rt, "wait") {
				d.wait()
			}
			d.frame(rapid.IntRange(1, 300).Draw(rt, "w"), rapid.IntRange(1, 100).Draw(rt, "h"))
		}
		d.frame(20, 5)
		d.m.Keys()
	})
}

func BenchmarkKeyToFrame(b *testing.B) {
	s := newShelf()
	var base, local, remote strings.Builder
	for i := range 1000 {
		n := strings.Repeat("x", i%7) + time.Duration(i).String()
		base.WriteString("line " + n + " that nobody changes\nthe line " + n + " in question\n")
		local.WriteString("line " + n + " that nobody changes\nthe line " + n + " in answer\n")
		remote.WriteString("line " + n + " that nobody changes\nthe short line " + n + " in question\n")
	}
	s.add("n1", &model.Fields{Title: "T", Body: base.String()}, model.Fields{Title: "T", Body: local.String()}, model.Fields{Title: "T", Body: remote.String()})
	d := drive(b, s, "n1")
	if d.m.walk.sheet.conflicts != 1000 {
		b.Fatalf("%d conflicts", d.m.walk.sheet.conflicts)
	}
	for _, keys := range [][]string{{"1"}, {"j"}, {"tab"}, {"3", "u"}, {"v", "1"}, {"G", "g"}} {
		b.Run(strings.Join(keys, " "), func(b *testing.B) {
			d.m.View(120, 40)
			for b.Loop() {
				for _, k := range keys {
					d.m.Update(screen.Press(k))
					d.m.View(120, 40)
				}
				if d.m.walk.open == 0 {
					d.m.walk = newWalk(d.m.walk.sides)
				}
			}
		})
	}
}

// TestGuide23ReviewShowsAllThree: base and both sides, with their differences.
func TestGuide23ReviewShowsAllThree(t *testing.T) {
	s := newShelf()
	s.add("n1", &model.Fields{Title: "t", Body: "wine for the base\n"}, model.Fields{Title: "t", Body: "red wine from here\n"}, model.Fields{Title: "t", Body: "white wine from there\n"})
	for _, size := range [][2]int{{80, 24}, {120, 40}} {
		d := drive(t, s, "n1")
		frame := func() string { return d.m.Headline() + d.frame(size[0], size[1]) + d.m.Footline() }
		two := frame()
		three := func() string { d.press("v"); return frame() }()
		for text, frame := range map[string]string{"red wine from here": two, "white wine from there": two, "this device": two, "phone": two, "conflict 1 of 1": two,
			"wine for the base": three} {
			if !strings.Contains(frame, text) {
				t.Errorf("%v: %q is not shown in\n%s", size, text, frame)
			}
		}
	}
}
