package merge

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stet/model"
)

func drawFields(t *rapid.T, base *model.Fields) model.Fields {
	word := rapid.SampledFrom([]string{"", "a", "b", "c"})
	f := model.Fields{Extra: map[string]json.RawMessage{}}
	if base != nil {
		f = base.Clone()
		f.Deleted = false
		if f.Extra == nil {
			f.Extra = map[string]json.RawMessage{}
		}
	}
	touch := func() bool { return base == nil || rapid.IntRange(0, 2).Draw(t, "touch") == 0 }
	if touch() {
		f.Title = word.Draw(t, "title")
	}
	if touch() {
		f.Notebook = word.Draw(t, "notebook")
	}
	if touch() {
		f.Body = edits(t, f.Body, "body")
	}
	if touch() {
		f.Tags = model.NormalTags(rapid.SliceOf(rapid.SampledFrom([]string{"x", "y", "z"})).Draw(t, "tags"))
	}
	if touch() {
		f.Pinned, f.Archived = rapid.Bool().Draw(t, "pinned"), rapid.Bool().Draw(t, "archived")
		f.Color, f.Order = word.Draw(t, "color"), word.Draw(t, "order")
	}
	if touch() {
		id := rapid.StringMatching("[a-f]{3}").Draw(t, "entry")
		if !slices.ContainsFunc(f.Log, func(e model.LogEntry) bool { return e.ID == id }) {
			f.Log = append(f.Log, model.LogEntry{ID: id})
		}
	}
	if touch() {
		f.Extra[word.Draw(t, "member")] = json.RawMessage(rapid.SampledFrom([]string{"1", `{"k":2}`}).Draw(t, "value"))
	}
	if touch() && rapid.Bool().Draw(t, "drop") {
		f.Extra = nil
	}
	if len(f.Extra) == 0 {
		f.Extra = nil
	}
	f.Deleted = rapid.IntRange(0, 5).Draw(t, "deleted") == 0
	return f
}

func TestMerge04NoteLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawFields(t, nil)
		x, y := drawFields(t, &b), drawFields(t, &b)
		want := func(name string, r Result, f model.Fields) {
			if !r.Clean() || !model.Equal(r.Merged, f) {
				t.Fatalf("%s: %+v\nwant %+v\nbase %+v", name, r, f, b)
			}
		}
		cosmetic := func(f model.Fields) bool { return f.Deleted == b.Deleted || f.Deleted || b.Deleted }
		if cosmetic(x) {
			want("merge(b,x,b)", Notes(&b, x, b), x)
			want("merge(b,b,x)", Notes(&b, b, x), x)
		}
		want("merge(b,x,x)", Notes(&b, x, x), x)
		want("merge(nil,x,x)", Notes(nil, x, x), x)
		for _, base := range []*model.Fields{&b, nil} {
			checkNotes(t, base, x, y)
		}
	})
}

func checkNotes(t rapid.TB, base *model.Fields, x, y model.Fields) {
	before := [2]model.Fields{x.Clone(), y.Clone()}
	r, s := Notes(base, x, y), Notes(base, y, x)
	if !reflect.DeepEqual(before, [2]model.Fields{x, y}) {
		t.Fatal("an argument was changed")
	}
	if len(r.Conflicts) != len(s.Conflicts) {
		t.Fatalf("conflicts differ between devices: %+v\n%+v", r.Conflicts, s.Conflicts)
	}
	swap := map[ConflictKind]ConflictKind{Edits: Edits, Adds: Adds, DeleteEdit: EditDelete, EditDelete: DeleteEdit}
	for i, c := range r.Conflicts {
		d := s.Conflicts[i]
		if d.Field != c.Field || d.Hunk != c.Hunk || d.Kind != swap[c.Kind] || d.Local != c.Remote || d.Remote != c.Local || d.Base != c.Base {
			t.Fatalf("conflict %+v, on the other device %+v", c, d)
		}
	}
	if r.Clean() && (!model.SameText(r.Merged, s.Merged) && !r.Merged.Deleted || r.Merged.Deleted != s.Merged.Deleted) {
		t.Fatalf("devices differ: %+v\n%+v", r.Merged, s.Merged)
	}
	// The merge with the server's text, seen from any device that had either
	// side, is stable.
	if r.Clean() && base != nil && !x.Deleted && !y.Deleted && !base.Deleted {
		if again := Notes(&y, r.Merged, y); !again.Clean() || !model.Equal(again.Merged, r.Merged) {
			t.Fatalf("not stable: %+v, then %+v", r.Merged, again)
		}
	}
	if r.Clean() && slices.Contains(r.MergedFields, model.FieldBody) != (r.Merged.Body != x.Body && !r.Merged.Deleted) {
		t.Fatalf("merged fields %v of %+v", r.MergedFields, r)
	}
	checkResolve(t, base, x, y, r)
}

// checkResolve holds what every choice keeps.
func checkResolve(t rapid.TB, base *model.Fields, x, y model.Fields, r Result) {
	all := func(c Choice) []Decision {
		out := make([]Decision, len(r.Conflicts))
		for i := range out {
			out[i] = Decision{Choice: c, Text: "edited\n"}
		}
		return out
	}
	for _, c := range []Choice{Mine, Theirs, Both, BothTheirsFirst} {
		f, open, err := Resolve(r, base, x, y, all(c))
		if err != nil || open != 0 {
			t.Fatalf("%s: %d open, %v", c, open, err)
		}
		if strings.Contains(f.Body, "<<<<") || strings.Contains(f.Body, "====") {
			t.Fatalf("markers: %q", f.Body)
		}
		if c == Mine && !x.Deleted && !reflect.DeepEqual(f.Body, r.Merged.Body) {
			t.Fatalf("mine: %q, want %q", f.Body, r.Merged.Body)
		}
		if c == Mine && base == nil && !y.Deleted && f.Body != x.Body || c == Theirs && base == nil && !x.Deleted && !y.Deleted && f.Body != y.Body {
			t.Fatalf("without a base %s gives %q of %q and %q", c, f.Body, x.Body, y.Body)
		}
		// What is decided here is the other choice on the other device.
		s, swapped := Notes(base, y, x), map[Choice]Choice{Mine: Theirs, Theirs: Mine, Both: BothTheirsFirst, BothTheirsFirst: Both}[c]
		g, _, err := Resolve(s, base, y, x, all(swapped))
		if err != nil || f.Deleted != g.Deleted || !f.Deleted && !model.SameText(f, g) {
			t.Fatalf("%s %+v\nthere %+v, %v", c, f, g, err)
		}
	}
	first, open, err := Resolve(r, base, x, y, nil)
	if err != nil || open != len(r.Conflicts) {
		t.Fatalf("undecided: %d open of %d, %v", open, len(r.Conflicts), err)
	}
	again, _, _ := Resolve(r, base, x, y, make([]Decision, len(r.Conflicts)))
	if !reflect.DeepEqual(first, again) {
		t.Fatalf("undo is not stable: %+v\n%+v", first, again)
	}
	if len(r.Conflicts) == 0 {
		if !reflect.DeepEqual(first, r.Merged) {
			t.Fatalf("clean, yet %+v is not %+v", first, r.Merged)
		}
		return
	}
	f, _, err := Resolve(r, base, x, y, all(Base))
	bothRestored := base != nil && base.Deleted && !x.Deleted && !y.Deleted
	switch {
	case base == nil || bothRestored:
		if !errors.Is(err, model.ErrRefused) {
			t.Fatalf("base without a base: %v", err)
		}
	case err != nil || !reflect.DeepEqual(f, first):
		t.Fatalf("base: %+v, want as undecided %+v, %v", f, first, err)
	}
}

func note(title, body string) model.Fields { return model.Fields{Title: title, Body: body} }

func TestFieldPolicies(t *testing.T) {
	b := model.Fields{Title: "t", Body: "a\nb\nc\n", Tags: []string{"keep", "gone"}, Color: "red",
		Log: []model.LogEntry{{ID: "1"}}, CreatedAt: time.Unix(50, 0), Extra: map[string]json.RawMessage{"m": []byte("1"), "n": []byte("1")}}
	l, r := b.Clone(), b.Clone()
	l.Tags, r.Tags = []string{"keep", "mine"}, []string{"gone", "keep", "theirs"}
	l.Log = append(l.Log, model.LogEntry{ID: "3"})
	r.Log = append(r.Log, model.LogEntry{ID: "2"})
	l.Pinned, r.Color, l.Order, r.Order = true, "blue", "L", "R"
	l.Body, r.Body = "A\nb\nc\n", "a\nb\nC\n"
	r.Notebook, r.CreatedAt = "n", time.Unix(40, 0)
	l.Extra["m"], r.Extra["m"], r.Extra["n"], r.Extra["o"] = []byte("2"), []byte("3"), []byte("4"), []byte("5")
	delete(l.Extra, "n")
	got := Notes(&b, l, r)
	want := model.Fields{Title: "t", Body: "A\nb\nC\n", Notebook: "n", Tags: []string{"keep", "mine", "theirs"}, Pinned: true,
		Color: "blue", Order: "L", Log: []model.LogEntry{{ID: "1"}, {ID: "2"}, {ID: "3"}}, CreatedAt: time.Unix(40, 0),
		Extra: map[string]json.RawMessage{"m": []byte("2"), "o": []byte("5")}}
	if !got.Clean() || !reflect.DeepEqual(got.Merged, want) {
		t.Fatalf("%+v\nwant %+v", got, want)
	}
	if f := strings.Join(got.MergedFields, " "); f != "body notebook tags color log extra" {
		t.Fatalf("merged fields %q", f)
	}
}

func TestDeletions(t *testing.T) {
	b, gone, edit, cosmetic := note("t", "a\n"), model.Fields{Deleted: true}, note("t", "b\n"), note("t", "a\n")
	cosmetic.Pinned = true
	logged := b.Clone()
	logged.Log = []model.LogEntry{{ID: "1"}}
	for _, c := range []struct {
		name    string
		base    *model.Fields
		l, r    model.Fields
		kind    ConflictKind
		deleted bool
	}{
		{"both", &b, gone, gone, "", true},
		{"here, unchanged there", &b, gone, b, "", true},
		{"there, unchanged here", &b, b, gone, "", true},
		{"there, pinned here", &b, cosmetic, gone, "", true},
		{"there, edited here", &b, edit, gone, EditDelete, false},
		{"here, edited there", &b, gone, edit, DeleteEdit, true},
		{"here, appended there", &b, gone, logged, DeleteEdit, true},
		{"no base", nil, b, gone, EditDelete, false},
		{"restored here", &gone, b, gone, "", false},
		{"restored there", &gone, gone, b, "", false},
	} {
		got := Notes(c.base, c.l, c.r)
		kind := ConflictKind("")
		if !got.Clean() {
			kind = got.Conflicts[0].Kind
		}
		if kind != c.kind || got.Merged.Deleted != c.deleted || len(got.Conflicts) > 1 || got.Body != nil {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	r := Notes(&b, edit, gone)
	for choice, want := range map[Choice]bool{Mine: false, Theirs: true, Both: false, Base: false} {
		f, _, err := Resolve(r, &b, edit, gone, []Decision{{Choice: choice}})
		if err != nil || f.Deleted != want {
			t.Errorf("%s: %+v, %v", choice, f, err)
		}
		if choice == Theirs && f.Body != edit.Body {
			t.Errorf("the trash lost the text: %+v", f)
		}
	}
	for _, choice := range []Choice{Neither, Edited} {
		if _, _, err := Resolve(r, &b, edit, gone, []Decision{{Choice: choice}}); !errors.Is(err, model.ErrRefused) {
			t.Errorf("%s: %v", choice, err)
		}
	}
}

func TestResolveBody(t *testing.T) {
	b := note("t", "1\nm\n2\nk\nlast")
	l := model.Fields{Title: "mine", Body: "one\nm\n2\nk\nLAST", Notebook: "l"}
	r := model.Fields{Title: "theirs", Body: "uno\nm\nTWO\nk\nultimo", Notebook: "r"}
	res := Notes(&b, l, r)
	if len(res.Conflicts) != 4 || res.Conflicts[0].Field != "title" || res.Conflicts[1].Field != "notebook" {
		t.Fatalf("%+v", res.Conflicts)
	}
	take := func(d ...Decision) model.Fields {
		f, _, err := Resolve(res, &b, l, r, d)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	both := Decision{Choice: Both}
	if f := take(both, both, both, both); f.Title != "mine / theirs" || f.Notebook != "l" || f.Body != "one\nuno\nm\nTWO\nk\nLAST\nultimo" {
		t.Errorf("both: %+v", f)
	}
	swapped := Decision{Choice: BothTheirsFirst}
	if f := take(swapped, swapped, swapped, swapped); f.Title != "theirs / mine" || f.Notebook != "r" || f.Body != "uno\none\nm\nTWO\nk\nultimo\nLAST" {
		t.Errorf("swapped: %+v", f)
	}
	if f := take(Decision{Edited, "E"}, Decision{Choice: Neither}, Decision{Edited, "eins"}, Decision{Choice: Neither}); f.Title != "E" || f.Notebook != "" || f.Body != "eins\nm\nTWO\nk" {
		t.Errorf("edited: %+v", f)
	}
	if f := take(); f.Title != "t" || f.Body != "1\nm\nTWO\nk\nlast" {
		t.Errorf("undecided: %+v", f)
	}
	if _, _, err := Resolve(res, &b, l, r, []Decision{both}); !errors.Is(err, model.ErrInvalid) {
		t.Errorf("too few decisions: %v", err)
	}
	if _, _, err := Resolve(res, &b, l, r, []Decision{{Choice: "?"}, both, both, both}); !errors.Is(err, model.ErrInvalid) {
		t.Errorf("unknown choice: %v", err)
	}
}
