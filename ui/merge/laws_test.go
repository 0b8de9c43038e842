package merge

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	engine "stet/syncengine/merge"

	"stet/model"
)

// drawSides makes three texts that descend from one another, often with
// conflicts, sometimes with repeated lines, sometimes with a deletion or
// without a base.
func drawSides(t *rapid.T) sides {
	words := []string{"a", "b", "c", "same", "same", "é 漢", "", "x\r"}
	line := rapid.SampledFrom(words)
	base := rapid.SliceOfN(line, 0, 14).Draw(t, "base")
	side := func(name string) model.Fields {
		var out []string
		for _, l := range base {
			switch rapid.IntRange(0, 9).Draw(t, name) {
			case 0:
			case 1:
				out = append(out, l+" "+name)
			case 2:
				out = append(out, l, rapid.SampledFrom([]string{"new", "new " + name}).Draw(t, name))
			default:
				out = append(out, l)
			}
		}
		f := model.Fields{Title: "T", Body: strings.Join(out, "\n")}
		if rapid.IntRange(0, 2).Draw(t, name) == 0 {
			f.Title += " " + name
		}
		if rapid.IntRange(0, 3).Draw(t, name) == 0 {
			f.Notebook = name
		}
		if rapid.Bool().Draw(t, name) {
			f.Body += "\n"
		}
		return f
	}
	b := model.Fields{Title: "T", Body: strings.Join(base, "\n")}
	s := sides{base: &b, local: side("mine"), remote: side("theirs")}
	switch rapid.IntRange(0, 11).Draw(t, "special") {
	case 0:
		s.base = nil
	case 1:
		s.local.Deleted = true
	case 2:
		s.remote = model.Fields{Deleted: true}
	}
	return s
}

// drawSteps makes random choices, undos among them.
func drawSteps(t *rapid.T, w *walk, undos bool) {
	choices := []engine.Choice{engine.Mine, engine.Theirs, engine.Both, engine.BothTheirsFirst, engine.Base, engine.Neither, engine.Undecided}
	for range rapid.IntRange(0, 12).Draw(t, "steps") {
		if n := len(w.sheet.items); n > 0 {
			w.at = rapid.IntRange(0, n-1).Draw(t, "at")
		}
		switch rapid.IntRange(0, 9).Draw(t, "do") {
		case 0:
			_ = w.choose(pick{engine.Edited, rapid.SampledFrom([]string{"typed\n", "", "typed"}).Draw(t, "text")})
		case 1:
			w.rest(rapid.SampledFrom([]engine.Choice{engine.Mine, engine.Theirs}).Draw(t, "rest"))
		case 2:
			if r, err := w.result(); err == nil && !r.Deleted && w.sheet.hunks != nil && rapid.IntRange(0, 2).Draw(t, "whole") == 0 {
				w.editWhole(r.Body + "written outside\n")
			}
		case 3:
			if undos {
				w.undo()
			}
		case 4:
			if undos {
				w.redo()
			}
		default:
			_ = w.choose(pick{Choice: rapid.SampledFrom(choices).Draw(t, "choice")})
		}
		checkWalk(t, w)
	}
}

func checkWalk(t *rapid.T, w *walk) {
	open := 0
	for i, p := range w.picks {
		open += isOpen(p)
		if p.Choice == auto && !w.sheet.items[i].merged {
			t.Fatalf("conflict %d counts as merged", i)
		}
	}
	if open != w.open {
		t.Fatalf("%d open, counted %d", open, w.open)
	}
	if _, err := w.final(); (err == nil) != (open == 0) {
		t.Fatalf("%d open: final says %v", open, err)
	}
	if _, err := w.result(); err != nil {
		t.Fatal(err)
	}
}

func mustResult(t *rapid.T, w *walk) model.Fields {
	f, err := w.result()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestUndoToTheStartIsByteIdentical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWalk(drawSides(t))
		start := mustResult(t, w)
		drawSteps(t, w, true)
		end, picks := mustResult(t, w), append([]pick(nil), w.picks...)
		n := 0
		for w.undo() {
			n++
		}
		if got := mustResult(t, w); !reflect.DeepEqual(got, start) {
			t.Fatalf("after undo\n%+v\nstart\n%+v", got, start)
		}
		for range n {
			w.redo()
		}
		if got := mustResult(t, w); !reflect.DeepEqual(got, end) || !slices.Equal(w.picks, picks) {
			t.Fatalf("after redo\n%+v\nwas\n%+v", got, end)
		}
	})
}

// The result is made of pieces of the three texts and of what was typed: no
// line of it, a marker least of all, comes from anywhere else.
func TestResultHoldsOnlyWhatSomebodyWrote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSides(t)
		w := newWalk(s)
		drawSteps(t, w, true)
		known := map[string]bool{"": true, "typed": true, "written outside": true}
		for _, f := range []model.Fields{s.commonText(), s.local, s.remote} {
			for _, l := range strings.Split(f.Body, "\n") {
				known[strings.TrimRight(l, "\r")] = true
			}
		}
		for _, l := range strings.Split(mustResult(t, w).Body, "\n") {
			if !known[strings.TrimRight(l, "\r")] && !strings.HasSuffix(l, "written outside") {
				t.Fatalf("result has %q", l)
			}
		}
	})
}

func TestDraftRestoresExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSides(t)
		w := newWalk(s)
		drawSteps(t, w, true)
		b, err := w.draft(3).encode()
		if err != nil {
			t.Fatal(err)
		}
		d, ok := readDraft(b)
		if ok != (len(w.done) > 0) {
			t.Fatalf("draft %s of %d steps", b, len(w.done))
		}
		again := newWalk(s)
		again.replay(d)
		checkWalk(t, again)
		if !slices.Equal(again.picks, w.picks) || !reflect.DeepEqual(mustResult(t, again), mustResult(t, w)) {
			t.Fatalf("restored %+v, was %+v", again.picks, w.picks)
		}
		for again.undo() {
		}
		if got, start := mustResult(t, again), mustResult(t, newWalk(s)); !reflect.DeepEqual(got, start) {
			t.Fatalf("undone %+v, start %+v", got, start)
		}
	})
}

// A choice is replayed only on a conflict with the very texts it was made
// about, whatever the new sides are.
func TestReplayNeverTouchesAnotherConflict(t *testing.T) {
	type about struct{ field, base, local, remote string }
	rapid.Check(t, func(t *rapid.T) {
		old := drawSides(t)
		w := newWalk(old)
		drawSteps(t, w, false)
		for _, st := range w.done {
			if st.whole != nil {
				t.Skip("an edit of the whole text has a law of its own")
			}
		}
		made := map[about]map[pick]bool{}
		for i, it := range w.sheet.items {
			k := about{it.field, it.base, it.local, it.remote}
			if made[k] == nil {
				made[k] = map[pick]bool{}
			}
			made[k][w.picks[i]] = true
		}
		moved := drawSides(t)
		if rapid.Bool().Draw(t, "near") {
			moved = old
			moved.remote.Body += "more\n"
		}
		next, _, changed := w.moved(moved)
		if !changed {
			return
		}
		checkWalk(t, next)
		fresh := newWalk(moved)
		for i, it := range next.sheet.items {
			if next.picks[i] != fresh.picks[i] && !made[about{it.field, it.base, it.local, it.remote}][next.picks[i]] {
				t.Fatalf("item %+v got %+v, never chosen for it", it, next.picks[i])
			}
		}
	})
}

// An edit of the whole text survives another change of the other side: every
// line typed is in the result or in a conflict.
func TestWholeTextIsNeverLostWhenTheOtherSideMoves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSides(t)
		if s.local.Deleted || s.remote.Deleted {
			t.Skip("no text to edit")
		}
		w := newWalk(s)
		body := mustResult(t, w).Body
		w.editWhole("first words\n" + body)
		s.remote.Body += "\nanother change"
		next, _, _ := w.moved(s)
		all := mustResult(t, next).Body
		for _, it := range next.sheet.items {
			all += it.local
		}
		if !strings.Contains(all, "first words") {
			t.Fatalf("lost: %q", all)
		}
	})
}

func TestSaveTakesExactlyWhatTheEngineTakes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSides(t)
		w := newWalk(s)
		var decisions []engine.Decision
		for i, it := range w.sheet.items {
			if it.merged {
				continue
			}
			w.at = i
			c := rapid.SampledFrom([]engine.Choice{engine.Mine, engine.Theirs}).Draw(t, "choice")
			if err := w.choose(pick{Choice: c}); err != nil {
				t.Fatal(err)
			}
			decisions = append(decisions, engine.Decision{Choice: c})
		}
		want, _, err := engine.Resolve(engine.Notes(s.base, s.local, s.remote), s.base, s.local, s.remote, decisions)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := w.final(); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v (%v), want %+v", got, err, want)
		}
	})
}

func TestHostileDraftsAreNoDrafts(t *testing.T) {
	b, l, r := groceries()
	s := sides{b, l, r}
	for _, text := range []string{"", "{", "null", `{"steps":[{"set":[{"key":"x","nth":-1,"of":0,"choice":"mine"}]}]}`, `{"steps":[{"set":[{"choice":"rm -rf"}]}]}`} {
		w := newWalk(s)
		d, _ := readDraft([]byte(text))
		w.replay(d)
		if w.open != newWalk(s).open {
			t.Fatalf("%q decided something", text)
		}
	}
	it := newWalk(s).sheet.items[0]
	evil, err := json.Marshal(draft{Steps: []draftStep{{Set: []draftPick{{Key: it.key, Of: 1, Choice: auto}, {Key: it.key, Of: 1, Choice: "nonsense"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	w := newWalk(s)
	d, _ := readDraft(evil)
	if w.replay(d); w.open != newWalk(s).open {
		t.Fatal("a conflict was passed off as merged")
	}
}

// Conflicts with the very same texts are told apart by their order while there
// are as many of them, and asked again when there are not.
func TestReplayOfTwins(t *testing.T) {
	twin := func(n int, end string) sides {
		text := func(s string) model.Fields {
			return model.Fields{Body: strings.Repeat("keep\n"+s+"\n", n) + "keep\n" + end}
		}
		base := text("b")
		return sides{&base, text("mine"), text("theirs")}
	}
	w := newWalk(twin(2, ""))
	if len(w.sheet.items) != 2 || w.sheet.items[0].key != w.sheet.items[1].key {
		t.Fatalf("no twins: %+v", w.sheet.items)
	}
	w.at = 1
	if err := w.choose(pick{Choice: engine.Theirs}); err != nil {
		t.Fatal(err)
	}
	next, r, _ := w.moved(twin(2, "end\n"))
	if next.open != 1 || next.picks[1].Choice != engine.Theirs || r.kept != 1 {
		t.Fatalf("%+v", next.picks)
	}
	if next, r, _ = w.moved(twin(3, "")); next.open != 3 || r.dropped != 1 {
		t.Fatalf("%+v", next.picks)
	}
}

func TestReplayMindsTheBase(t *testing.T) {
	on := func(base string) sides {
		return sides{&model.Fields{Body: base}, model.Fields{Body: "mine\n"}, model.Fields{Body: "theirs\n"}}
	}
	w := newWalk(on("one\n"))
	if err := w.choose(pick{Choice: engine.Base}); err != nil {
		t.Fatal(err)
	}
	if next, _, _ := w.moved(on("two\n")); next.open != 1 {
		t.Fatal("a choice of the text from before was taken for another text")
	}
}

func TestAChoiceEndsRedo(t *testing.T) {
	b, l, r := groceries()
	w := newWalk(sides{b, l, r})
	for _, c := range []engine.Choice{engine.Mine, engine.Theirs} {
		if err := w.choose(pick{Choice: c}); err != nil {
			t.Fatal(err)
		}
		if c == engine.Mine {
			w.undo()
		}
	}
	if w.redo() {
		t.Fatal("redid what was chosen otherwise")
	}
}
