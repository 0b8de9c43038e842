package syncengine_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"stet/model"
	"stet/syncengine/merge"
)

// diverge lets both devices change a note and both sync, a first.
func diverge(t *testing.T, onA, onB func(*model.Fields)) (a, b *device, id string) {
	t.Helper()
	a, b, id = two(t, three)
	a.edit(id, onA)
	b.edit(id, onB)
	a.mustSync()
	b.mustSync()
	a.mustSync()
	return a, b, id
}

func TestMerge01DifferentFieldsMerge(t *testing.T) {
	edits := map[string]func(*model.Fields){
		"title": func(f *model.Fields) { f.Title = "new" }, "body": swapped("two", "TWO"), "notebook": func(f *model.Fields) { f.Notebook = "n" },
		"tags": func(f *model.Fields) { f.Tags = []string{"x"} }, "pinned": func(f *model.Fields) { f.Pinned = true }, "color": func(f *model.Fields) { f.Color = "red" },
		"archived": func(f *model.Fields) { f.Archived = true }, "order": func(f *model.Fields) { f.Order = "a5" },
	}
	for _, pair := range [][2]string{{"title", "body"}, {"body", "notebook"}, {"notebook", "tags"}, {"tags", "pinned"}, {"pinned", "color"},
		{"color", "archived"}, {"archived", "order"}, {"order", "title"}} {
		a, b, id := diverge(t, edits[pair[0]], edits[pair[1]])
		want := model.Fields{Title: "title", Body: three, CreatedAt: a.get(id).CreatedAt}
		edits[pair[0]](&want)
		edits[pair[1]](&want)
		inStep(t, a, b)
		for _, d := range []*device{a, b} {
			if n := d.get(id); !model.Equal(n.Fields, want) || slices.Contains(d.events(id), "conflict") {
				t.Errorf("%v: %s has %+v, want %+v", pair, d.name, n.Fields, want)
			}
		}
	}
}

func TestMerge02SameValueIsNoConflict(t *testing.T) {
	same := func(f *model.Fields) { f.Title, f.Body, f.Notebook, f.Tags = "new", "same\n", "n", []string{"x"} }
	a, b, id := diverge(t, same, same)
	inStep(t, a, b)
	if n := a.get(id); n.Title != "new" || n.Body != "same\n" || slices.Contains(b.events(id), "conflict") {
		t.Errorf("%+v, %v", n.Fields, b.events(id))
	}
}

func TestMerge03SameFieldDifferentIsListedAlone(t *testing.T) {
	for _, c := range []struct {
		field    string
		onA, onB func(*model.Fields)
	}{
		{"title", func(f *model.Fields) { f.Title = "by a"; f.Notebook = "n" }, func(f *model.Fields) { f.Title = "by b"; f.Tags = []string{"x"} }},
		{"notebook", func(f *model.Fields) { f.Notebook = "by a"; f.Title = "new" }, func(f *model.Fields) { f.Notebook = "by b" }},
		{"body", func(f *model.Fields) { swapped("two", "by a")(f); f.Title = "new" }, swapped("two", "by b")},
	} {
		_, b, id := diverge(t, c.onA, c.onB)
		k := b.stands(id, model.NeedsReview)
		want := model.Fields{Title: "title", Body: three, CreatedAt: k.row.CreatedAt}
		c.onB(&want)
		if !model.Equal(k.row.Fields, want) {
			t.Errorf("%s: the draft is not the local text: %+v", c.field, k.row.Fields)
		}
		r := merge.Notes(k.review.Base, k.row.Fields, k.review.Remote.Fields)
		if len(r.Conflicts) != 1 || r.Conflicts[0].Field != c.field {
			t.Errorf("%s: conflicts %+v", c.field, r.Conflicts)
		}
	}
}

func TestMerge05TouchingLinesGoToReview(t *testing.T) {
	a, b, id := diverge(t, swapped("two\n", "two\nby a\n"), swapped("two\n", "two\nby b\n"))
	b.stands(id, model.NeedsReview)
	for _, d := range []*device{a, b} {
		d.texted(id, three)
	}
	b.texted(id, "one\n\ntwo\nby a\n\nthree\n", "one\n\ntwo\nby b\n\nthree\n")
}

func TestMerge06TagsCompose(t *testing.T) {
	w := newWorld(t)
	a, b := w.device("a"), w.device("b")
	n, err := a.Create(ctx, model.Fields{Title: "t", Tags: []string{"keep", "gone a", "gone b", "gone both", "again"}})
	if err != nil {
		t.Fatal(err)
	}
	a.mustSync()
	b.mustSync()
	for d, p := range map[*device]model.Patch{
		a: {TagsAdd: []string{"new a", "new both"}, TagsRemove: []string{"gone a", "gone both", "again"}},
		b: {TagsAdd: []string{"new b", "new both"}, TagsRemove: []string{"gone b", "gone both"}}} {
		if _, err := d.Change(ctx, n.ID, p); err != nil {
			t.Fatal(err)
		}
	}
	a.mustSync()
	if _, err := a.Change(ctx, n.ID, model.Patch{TagsAdd: []string{"again"}}); err != nil {
		t.Fatal(err)
	}
	a.mustSync()
	b.mustSync()
	a.mustSync()
	inStep(t, a, b)
	if got := a.get(n.ID).Tags; !slices.Equal(got, []string{"again", "keep", "new a", "new b", "new both"}) {
		t.Errorf("%v", got)
	}
}

func TestMerge07LogsConcatenateOnce(t *testing.T) {
	a, b, id := two(t, three)
	for i := range 3 {
		for _, d := range []*device{a, b} {
			if _, err := d.Append(ctx, id, fmt.Sprint(d.name, i)); err != nil {
				t.Fatal(err)
			}
		}
		a.faults.times(3, dropAfter) // applied, and sent again
		a.offline()
		b.faults.times(1, twice)
		b.mustSync()
		a.faults.set(nil)
		a.mustSync()
	}
	b.mustSync()
	inStep(t, a, b)
	seen := map[string]int{}
	for _, e := range b.get(id).Log {
		seen[e.Text]++
	}
	if len(seen) != 6 || len(b.get(id).Log) != 6 {
		t.Errorf("%+v", b.get(id).Log)
	}
	for _, d := range []string{"a", "b"} { // each device's own entries stay in its order
		last := -1
		for i := range 3 {
			at := slices.IndexFunc(b.get(id).Log, func(e model.LogEntry) bool { return e.Text == fmt.Sprint(d, i) })
			if at <= last {
				t.Errorf("%s%d is at %d, the one before at %d", d, i, at, last)
			}
			last = at
		}
	}
}

func TestMerge08ReordersConverge(t *testing.T) {
	w := newWorld(t)
	a, b := w.device("a"), w.device("b")
	var ids []string
	for i := range 6 {
		n, err := a.Create(ctx, model.Fields{Title: fmt.Sprint(i), Order: fmt.Sprint("a", i)})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, n.ID)
	}
	a.mustSync()
	b.mustSync()
	move := func(d *device, note int, to string) {
		d.edit(ids[note], func(f *model.Fields) { f.Order = to })
	}
	move(a, 0, "a4V")
	move(b, 0, "a2V") // the same note to two places: the one that arrives last
	move(a, 5, "a1V")
	move(b, 1, "a1V") // two notes to one place: a tie
	move(b, 3, "Zz")
	a.mustSync()
	b.mustSync()
	a.mustSync()
	inStep(t, a, b)
	var lists [2][]string
	for i, d := range []*device{a, b} {
		list, err := d.store.Find(ctx, model.Query{Sort: model.SortOrder}, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range list {
			lists[i] = append(lists[i], h.Title)
		}
	}
	if !slices.Equal(lists[0], lists[1]) || lists[0][0] != "3" || slices.Index(lists[0], "0") != 4 {
		t.Errorf("a shows %v, b %v", lists[0], lists[1])
	}
}

// TestMerge11FiveOfflineEditsBecomeOneOp: what was refused is superseded; no op
// id is ever sent with two contents.
func TestMerge11FiveOfflineEditsBecomeOneOp(t *testing.T) {
	a, b, id := two(t, three)
	a.edit(id, swapped("one", "ONE"))
	a.mustSync()
	s := b.watch(nil)
	for i := range 5 {
		b.edit(id, swapped("three", fmt.Sprint("three ", i, ",")))
	}
	b.mustSync()
	if len(s.ops) != 2 { // the refused one, and the merged one in its place
		t.Errorf("%d ops were sent: %v", len(s.ops), s.ids())
	}
	if s.ids()[0] == s.ids()[1] || string(s.ops[1]["baseRev"]) != fmt.Sprint(a.get(id).Rev) {
		t.Errorf("%v", s.ops)
	}
	for range 3 {
		b.mustSync()
		a.mustSync()
	}
	payloads := map[string]string{}
	for _, op := range s.ops {
		text := fmt.Sprintf("%s", op)
		if old, ok := payloads[string(op["opId"])]; ok && old != text {
			t.Errorf("an op id with two contents: %s and %s", old, text)
		}
		payloads[string(op["opId"])] = text
	}
	inStep(t, a, b)
	if n := a.get(id); n.Body != "ONE\n\ntwo\n\nthree 4, 3, 2, 1, 0,\n" {
		t.Errorf("%q", n.Body)
	}
}

func TestMerge15CreateAndDelete(t *testing.T) {
	a, b, _ := two(t, three)
	n := a.create("gone", "soon")
	a.trash([]string{n.ID})
	s := a.watch(nil)
	a.mustSync()
	if len(s.ops) != 0 {
		t.Errorf("before any send: %v", s.ops)
	}
	// Once the create may have arrived, the deletion must be told.
	n = a.create("gone", "later")
	a.faults.times(3, dropAfter)
	a.offline()
	a.trash([]string{n.ID})
	s = a.watch(nil)
	a.mustSync()
	if len(s.ops) != 2 || string(s.ops[0]["kind"]) != `"create"` || string(s.ops[1]["kind"]) != `"delete"` {
		t.Errorf("after a send: %v", s.ops)
	}
	b.mustSync()
	if list, err := b.store.Find(ctx, model.Query{}, 0); err != nil || len(list) != 1 {
		t.Errorf("%v %v", list, err)
	}
	if _, err := b.store.Get(ctx, n.ID); err != nil && !errors.Is(err, model.ErrNotFound) {
		t.Error(err)
	}
	a.stands(n.ID, model.Synced)
}
