package model

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	genText = rapid.SampledFrom([]string{"", "a", "b\n", "x\r\ny", "\x00", "🙂", "<a&b>", "\u2028", "- [ ] t"})
	genTags = rapid.Custom(func(t *rapid.T) []string {
		return NormalTags(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 4).Draw(t, "tags"))
	})
	genLog = rapid.Custom(func(t *rapid.T) []LogEntry {
		var f Fields
		for _, id := range rapid.SliceOfN(rapid.SampledFrom([]string{"1", "2", "3"}), 0, 3).Draw(t, "log") {
			f = Patch{LogAppend: []LogEntry{{ID: id, Text: "t" + id}}}.Apply(f)
		}
		return f.Log
	})
	genExtra = rapid.Custom(func(t *rapid.T) map[string]json.RawMessage {
		m := map[string]json.RawMessage{}
		for _, k := range rapid.SliceOfN(rapid.SampledFrom([]string{"k", "l"}), 0, 2).Draw(t, "extra") {
			m[k] = json.RawMessage(rapid.SampledFrom([]string{`1`, `"s"`, `{"a":[1,2]}`}).Draw(t, "value"))
		}
		if len(m) == 0 {
			return nil
		}
		return m
	})
	genFields = rapid.Custom(func(t *rapid.T) Fields {
		return Fields{Title: genText.Draw(t, "title"), Body: genText.Draw(t, "body"),
			Notebook: rapid.SampledFrom([]string{"", "a", "a/b"}).Draw(t, "notebook"), Tags: genTags.Draw(t, "tags"),
			Pinned: rapid.Bool().Draw(t, "pinned"), Archived: rapid.Bool().Draw(t, "archived"),
			Color: rapid.SampledFrom([]string{"", "red"}).Draw(t, "color"), Order: rapid.SampledFrom([]string{"", "a0"}).Draw(t, "order"),
			Log: genLog.Draw(t, "log"), Extra: genExtra.Draw(t, "extra"),
			CreatedAt: time.UnixMilli(1763712000000).UTC(), Deleted: rapid.Bool().Draw(t, "deleted")}
	})
)

// logsGrow makes to a later state of from: logs only ever grow.
func logsGrow(from, to Fields) Fields {
	to.Log = Patch{LogAppend: to.Log}.Apply(Fields{Log: from.Log}).Log
	return to
}

func TestDiffThenApplyReaches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := genFields.Draw(t, "from")
		to := logsGrow(from, genFields.Draw(t, "to"))
		start := from
		if from.Deleted { // what a server holds of a tombstone
			start = Fields{Deleted: true}
		}
		got := Diff(from, to).Apply(start)
		if !Equal(got, to) {
			t.Fatalf("got %+v want %+v", got, to)
		}
		if Diff(from, from).Empty() != true {
			t.Fatalf("a note differs from itself")
		}
	})
}

func TestPatchJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, to := genFields.Draw(t, "from"), genFields.Draw(t, "to")
		p := Diff(from, to)
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var back Patch
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		again, _ := json.Marshal(back)
		if string(again) != string(text) {
			t.Fatalf("%s then %s", text, again)
		}
		if !Equal(back.Apply(from), p.Apply(from)) {
			t.Fatalf("%s changed its meaning", text)
		}
	})
}

func TestRecordJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := genFields.Draw(t, "fields")
		if f.Deleted {
			f = Fields{Deleted: true}
		}
		rec := Record{ID: "n1", Rev: 5, Fields: f, Device: "d", OpID: "o", SavedAt: time.UnixMilli(7).UTC(), ServerAt: time.UnixMilli(9).UTC()}
		text, err := json.Marshal(rec)
		if err != nil {
			t.Fatal(err)
		}
		var back Record
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back, rec) {
			t.Fatalf("%s\n got %+v\nwant %+v", text, back, rec)
		}
	})
}

// TestNetReaches is the squash law: whatever the history of unsent saves, the
// ops planned take the server exactly to the row, and planning again from
// there gives none.
func TestNetReaches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var base *Record
		state := Fields{}
		if rapid.Bool().Draw(t, "known") {
			f := genFields.Draw(t, "base")
			if f.Deleted {
				f = Fields{Deleted: true}
			}
			base, state = &Record{ID: "n", Rev: 3, Fields: f}, f
		}
		want := logsGrow(state, genFields.Draw(t, "want"))
		server := base
		for _, in := range Net(base, want, false) {
			if in.Kind == Append && !in.Patch.OnlyAppends() {
				t.Fatalf("append carries more: %+v", in.Patch)
			}
			rec := Op{ID: "o", NoteID: "n", Kind: in.Kind, Patch: in.Patch}.After(server)
			rec.Rev = 9
			server = &rec
		}
		if server == nil {
			if !want.Deleted {
				t.Fatal("a live note was not created")
			}
			return
		}
		if !Equal(server.Fields, want) {
			t.Fatalf("server %+v want %+v", server.Fields, want)
		}
		if more := Net(server, want, false); len(more) != 0 {
			t.Fatalf("planning again gives %+v", more)
		}
	})
}

func TestNetSquashes(t *testing.T) {
	live := &Record{ID: "n", Rev: 3, Fields: Fields{Title: "t"}}
	dead := &Record{ID: "n", Rev: 4, Fields: Fields{Deleted: true}}
	erased := &Record{ID: "n", Rev: 4, Fields: Fields{Deleted: true}, Purged: true}
	for _, c := range []struct {
		name   string
		base   *Record
		want   Fields
		purged bool
		kinds  []Kind
	}{
		{"create and delete before any send", nil, Fields{Deleted: true}, false, nil},
		{"create and update is one create", nil, Fields{Title: "x"}, false, []Kind{Create}},
		{"update and delete is one delete", live, Fields{Title: "x", Deleted: true}, false, []Kind{Delete}},
		{"delete and restore is nothing", live, Fields{Title: "t"}, false, nil},
		{"restore of a tombstone", dead, Fields{Title: "t"}, false, []Kind{Update}},
		{"log entries travel alone", live, Fields{Title: "x", Log: []LogEntry{{ID: "1"}}}, false, []Kind{Update, Append}},
		{"log entries join an unsent create", nil, Fields{Log: []LogEntry{{ID: "1"}}}, false, []Kind{Create}},
		{"purge of a live note deletes first", live, Fields{Deleted: true}, true, []Kind{Delete}},
		{"purge of a tombstone", dead, Fields{Deleted: true}, true, []Kind{Purge}},
		{"a purged note comes back as a new one", erased, Fields{Title: "t"}, false, []Kind{Create}},
		{"delete of a deleted note", dead, Fields{Deleted: true}, false, nil},
	} {
		var kinds []Kind
		for _, in := range Net(c.base, c.want, c.purged) {
			kinds = append(kinds, in.Kind)
		}
		if !reflect.DeepEqual(kinds, c.kinds) {
			t.Errorf("%s: got %v want %v", c.name, kinds, c.kinds)
		}
	}
}

func TestPatchRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, text := range []string{`{"rev":1}`, `{"id":"x"}`, `{"title":1}`, `{"tags":["a"]}`, `{"log":[]}`, `{"words":3}`,
		`{"updatedAtServer":"x"}`, `{"pinned":"yes"}`, `{"tags":{"$add":["a"],"x":1}}`, `{"createdAt":5}`} {
		var p Patch
		if err := json.Unmarshal([]byte(text), &p); err == nil {
			t.Errorf("%s was taken as %+v", text, p)
		}
	}
	var p Patch
	if err := json.Unmarshal([]byte(`{"title":null,"pinned":null}`), &p); err != nil || *p.Title != "" || *p.Pinned {
		t.Errorf("null does not clear: %+v %v", p, err)
	}
}

func TestMoves(t *testing.T) {
	for _, c := range []struct {
		move     Move
		from, to Status
		ok       bool
	}{
		{MoveSave, None, Pending, true}, {MoveSave, Synced, Pending, true}, {MoveSave, NeedsReview, NeedsReview, true},
		{MoveAccept, Pending, Synced, true}, {MoveAccept, Synced, Pending, false}, {MovePull, Synced, Synced, true},
		{MoveConflict, Pending, NeedsReview, true}, {MoveResolve, Pending, Synced, false}, {MoveResolve, NeedsReview, Pending, true},
		{MoveReject, Synced, Failed, false}, {MoveGiveUp, Pending, Failed, true}, {"no such move", Synced, Synced, false},
	} {
		if err := Check(c.move, c.from, c.to); (err == nil) != c.ok {
			t.Errorf("%s %q→%q: %v", c.move, c.from, c.to, err)
		}
	}
}

func TestStatusOf(t *testing.T) {
	queued, parked, tired := Op{State: Queued}, Op{State: Parked}, Op{State: Sent, Attempt: GiveUpAfter, Problem: "x"}
	for _, c := range []struct {
		review bool
		ops    []Op
		want   Status
	}{{false, nil, Synced}, {false, []Op{queued}, Pending}, {false, []Op{queued, parked}, Failed}, {false, []Op{tired}, Failed},
		{true, []Op{parked}, NeedsReview}, {true, nil, NeedsReview}} {
		if got := StatusOf(c.review, c.ops); got != c.want {
			t.Errorf("%v %v: got %s want %s", c.review, c.ops, got, c.want)
		}
	}
}
