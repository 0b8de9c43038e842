package kinto_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine/server/store"
)

// record returns a note as the store has it.
func (s *site) record(id string) model.Record {
	s.t.Helper()
	rec, err := s.st.Note(s.t.Context(), s.ann, id)
	if err != nil {
		s.t.Fatal(err)
	}
	return rec
}

// apply writes as a native device does.
func (s *site) apply(op model.Op) model.Record {
	s.t.Helper()
	op.ID, op.Device = fmt.Sprint("native-", s.ids.Add(1)), "phone"
	res, err := s.st.Apply(s.t.Context(), s.ann, store.Cursor{}, []store.Write{{Op: op, Fingerprint: [32]byte{byte(s.ids.Load())}, At: s.now()}})
	if err != nil || res[0].Verdict != store.Applied {
		s.t.Fatalf("%+v, %v", res, err)
	}
	return res[0].Record
}

func ptr[T any](v T) *T { return &v }

// TestNative35KintoIsOnTheAccountsClock: every write has one number in all
// dialects, and it grows whatever the wall clock does.
func TestNative35KintoIsOnTheAccountsClock(t *testing.T) {
	s := newSite(t)
	var last int64
	next := func(what string, rev int64) {
		t.Helper()
		if rev <= last {
			t.Errorf("%s: %d after %d", what, rev, last)
		}
		last = rev
	}
	for i := range 4 {
		id := fmt.Sprint("n", i)
		made := s.do("PUT", notes+"/"+id, data("title", "x")).want(201)
		next("PUT of a note", made.stamp())
		if rec := s.record(id); rec.Rev != made.stamp() || made.data().rev() != made.stamp() {
			t.Errorf("rev %d, last_modified %d, ETag %d", rec.Rev, made.data().rev(), made.stamp())
		}
		s.ms.Add(-5000) // the wall clock steps back
		next("a record of another collection", s.put(things+"/"+id).rev())
		native := s.apply(model.Op{NoteID: id, Kind: model.Update, BaseRev: made.stamp(), Patch: model.Patch{Title: ptr("y")}})
		next("a native update", native.Rev)
		if got := s.do("GET", notes+"/"+id, nil).want(200); got.stamp() != native.Rev || got.data().rev() != native.Rev || s.do("GET", notes, nil).stamp() != native.Rev {
			t.Errorf("rev %d is %s with %v", native.Rev, got.body, got.head)
		}
		next("PATCH", s.do("PATCH", notes+"/"+id, data("pinned", true)).want(200).stamp())
		next("PATCH that changes nothing", s.do("PATCH", notes+"/"+id, data()).want(200).stamp())
		next("DELETE", s.do("DELETE", notes+"/"+id, nil).want(200).stamp())
		next("what is told of a collection", s.do("PUT", bucket+"/collections/things", data("n", i)).stamp())
		s.ms.Add(7000)
	}
	head, err := s.st.Head(t.Context(), s.ann)
	if err != nil || head.Rev != last {
		t.Errorf("head %d, want %d, %v", head.Rev, last, err)
	}
	page, err := s.st.Changes(t.Context(), s.ann, store.Cursor{}, 100, 1<<20)
	if err != nil || len(page.Changes) != 0 || page.Next != head {
		t.Errorf("all notes are deleted: %+v, %v", page, err)
	}
}

// TestNative36KintoCarriesWholeNotes: what one dialect writes the other reads
// whole, and members that one does not know survive.
func TestNative36KintoCarriesWholeNotes(t *testing.T) {
	s := newSite(t)
	made := time.UnixMilli(1_700_000_000_123).UTC()
	full := model.Fields{Title: "T", Body: "line\r\n\x00 <b> é\n", Notebook: "a/b", Tags: []string{"x", "y"}, Pinned: true, Archived: true, Color: "red", Order: "a1",
		Log: []model.LogEntry{{ID: "e1", Text: "first", Device: "pad", At: made}}, CreatedAt: made,
		Extra: map[string]json.RawMessage{"mood": json.RawMessage(`{"deep":[1,null]}`), "big": json.RawMessage(`12345678901234567890`)}}
	rec := s.apply(model.Op{NoteID: "n", Kind: model.Create, Patch: model.Full(full)})
	got := s.do("GET", notes+"/n", nil).want(200).data()
	for name, want := range map[string]string{"title": `"T"`, "body": `"line\r\n\u0000 <b> é\n"`, "notebook": `"a/b"`, "tags": `["x","y"]`, "pinned": "true", "archived": "true",
		"color": `"red"`, "order": `"a1"`, "createdAt": `"` + model.FormatTime(made) + `"`, "device": `"phone"`, "at": `"` + model.FormatTime(rec.SavedAt) + `"`,
		"mood": `{"deep":[1,null]}`} {
		have, err := json.Marshal(got[name])
		if err != nil || !model.SameJSON(have, json.RawMessage(want)) {
			t.Errorf("%s: %s, want %s", name, have, want)
		}
	}
	if _, ok := got["rev"]; ok || got["extra"] != nil || got["deleted"] != nil {
		t.Errorf("%v", got)
	}
	// The same record sent back is the same note.
	raw := decode[struct{ Data json.RawMessage }](s.do("GET", notes+"/n", nil)).Data
	s.do("PUT", notes+"/n", `{"data":`+string(raw)+`}`).want(200)
	if back := s.record("n"); !model.Equal(back.Fields, full) || !back.Fields.CreatedAt.Equal(made) || !back.Fields.Log[0].At.Equal(made) {
		t.Errorf("%+v\nwant %+v", back.Fields, full)
	}
	// A patch of one member leaves all others alone.
	s.do("PATCH", notes+"/n", data("title", "T2")).want(200)
	full.Title = "T2"
	if back := s.record("n"); !model.Equal(back.Fields, full) {
		t.Errorf("%+v\nwant %+v", back.Fields, full)
	}
	// What a page adds a native device carries along.
	s.do("PATCH", notes+"/n", data("stars", 5, "page", map[string]any{"scroll": 0.5})).want(200)
	s.apply(model.Op{NoteID: "n", Kind: model.Update, BaseRev: s.record("n").Rev, Patch: model.Patch{Body: ptr("new")}})
	if got := s.do("GET", notes+"/n", nil).data(); got["stars"] != 5.0 || got["body"] != "new" || got["mood"] == nil || fmt.Sprint(got["page"]) != "map[scroll:0.5]" {
		t.Errorf("%v", got)
	}
}

// TestKintoPutReplacesButKeepsTheLog: what a PUT leaves out goes, but for log
// entries and the time of creation.
func TestKintoPutReplacesButKeepsTheLog(t *testing.T) {
	s := newSite(t)
	entry := func(id, text string) map[string]any { return map[string]any{"id": id, "text": text} }
	s.put(notes+"/n", "title", "T", "body", "B", "tags", []string{"a"}, "pinned", true, "mood", 1, "createdAt", "2026-01-01T00:00:00Z",
		"log", []any{entry("e1", "one"), entry("e2", "two")})
	s.put(notes+"/n", "body", "B2", "createdAt", "2027-01-01T00:00:00Z", "log", []any{entry("e3", "three"), entry("e1", "changed")})
	f := s.record("n").Fields
	if f.Title != "" || f.Body != "B2" || f.Tags != nil || f.Pinned || f.Extra != nil {
		t.Errorf("%+v", f)
	}
	if len(f.Log) != 3 || f.Log[0].Text != "one" || f.Log[1].ID != "e2" || f.Log[2].ID != "e3" {
		t.Errorf("log %+v", f.Log)
	}
	if f.CreatedAt.Year() != 2026 {
		t.Errorf("created %v", f.CreatedAt)
	}
	s.do("PATCH", notes+"/n", `[{"op":"add","path":"/data/log/-","value":{"id":"e4","text":"four"}},{"op":"remove","path":"/data/log/0"}]`, "Content-Type", asPatch).want(200)
	if f = s.record("n").Fields; len(f.Log) != 4 || f.Log[0].ID != "e1" {
		t.Errorf("log %+v", f.Log)
	}
	// Over a tombstone nothing of the deleted note comes back.
	s.do("DELETE", notes+"/n", nil).want(200)
	s.put(notes+"/n", "title", "new")
	if f = s.record("n").Fields; len(f.Log) != 0 || f.Body != "" || f.Title != "new" {
		t.Errorf("%+v", f)
	}
}

// TestKintoForeignMembers: a known member of a wrong type is kept as it is and
// reads as empty; what the server tells is not heard.
func TestKintoForeignMembers(t *testing.T) {
	s := newSite(t)
	s.put(notes+"/n", "title", 5, "device", "liar", "at", "2001-01-01T00:00:00Z", "opId", "x", "updatedAtServer", "x", "rev", 1)
	if rec := s.record("n"); len(rec.Fields.Extra) != 1 || rec.Device != "ann-laptop" || rec.OpID == "x" {
		t.Errorf("%+v", rec)
	}
	s.put(notes+"/n", sign("key-1", "title", 5, "body", nil, "tags", "work", "pinned", "yes", "log", "none", "createdAt", "soon", "mood", nil, "deleted", false,
		"last_modified", 9_000_000_000_000)...)
	rec := s.record("n")
	if f := rec.Fields; f.Title != "" || f.Tags != nil || f.Pinned || f.Log != nil || len(f.Extra) != 5 {
		t.Errorf("%+v", rec.Fields)
	}
	if rec.Device != "pad" || rec.OpID != "key-1" || rec.SavedAt.Year() != 2026 {
		t.Errorf("%+v", rec)
	}
	got := s.do("GET", notes+"/n", nil).data()
	if got["title"] != 5.0 || got["body"] != "" || got["tags"] != "work" || got["pinned"] != "yes" || got["log"] != "none" || got["createdAt"] != "soon" ||
		got["_stet"] != nil || got["mood"] != nil || got.rev() != rec.Rev || got["device"] != "pad" {
		t.Errorf("%v", got)
	}
	s.do("PATCH", notes+"/n", data("title", "text", "pinned", true), "X-Client-Id", "page in the hall").want(200)
	rec = s.record("n")
	if rec.Fields.Title != "text" || !rec.Fields.Pinned || len(rec.Fields.Extra) != 3 || rec.Device != "page in the hall" {
		t.Errorf("%+v", rec)
	}
	if rec = s.apply(model.Op{NoteID: "m", Kind: model.Create, Patch: model.Patch{Title: ptr("known"), Extra: map[string]json.RawMessage{"title": json.RawMessage(`"foreign"`), "id": json.RawMessage(`"other"`), "last_modified": json.RawMessage(`1`)}}}); rec.Rev == 0 {
		t.Fatal(rec)
	}
	if got := s.do("GET", notes+"/m", nil).data(); got["title"] != "known" || got.id() != "m" || got.rev() != rec.Rev {
		t.Errorf("%v", got)
	}
	s.do("PUT", notes+"/n", data("title", "x", "deleted", true)).want(400, 107)
	if s.record("n").Fields.Deleted {
		t.Error("a member made a tombstone")
	}
}

// TestNative36KintoHiddenMembers: foreign members with names that a record needs
// for something else are never shown and survive writes that do not know them.
func TestNative36KintoHiddenMembers(t *testing.T) {
	s := newSite(t)
	odd := map[string]json.RawMessage{"device": json.RawMessage(`"a field of theirs"`), "id": json.RawMessage(`7`), "deleted": json.RawMessage(`true`), "body": json.RawMessage(`[1]`)}
	s.apply(model.Op{NoteID: "n", Kind: model.Create, Patch: model.Patch{Title: ptr("t"), Body: ptr("b"), Extra: odd}})
	got := s.do("GET", notes+"/n", nil).want(200).data()
	if got.id() != "n" || got["deleted"] != nil || got["body"] != "b" || got["device"] != "phone" {
		t.Errorf("%v", got)
	}
	s.put(notes+"/n", "title", "t2", "body", "b2")
	s.do("PATCH", notes+"/n", data("pinned", true)).want(200)
	if f := s.record("n").Fields; f.Body != "b2" || !model.Equal(model.Fields{Extra: f.Extra}, model.Fields{Extra: odd}) {
		t.Errorf("%+v", f)
	}
	// Our driver, which echoes nothing, tells of one by its mark.
	s.put(notes+"/m", sign("k", "title", "t", "device", "a field of theirs")...)
	if rec := s.record("m"); string(rec.Fields.Extra["device"]) != `"a field of theirs"` || rec.Device != "pad" {
		t.Errorf("%+v", rec)
	}
}

// sign adds the mark of our driver to a record.
func sign(op string, pairs ...any) []any {
	m := data(pairs...)["data"].(map[string]any)
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if name == "last_modified" {
			continue
		}
		v := m[name]
		if n, ok := v.(int); ok {
			v = json.Number(strconv.FormatFloat(float64(n), 'e', -1, 64))
		}
		value, _ := json.Marshal(v)
		fmt.Fprintf(h, "%q:%s\n", name, value)
	}
	return append(pairs, "_stet", map[string]any{"rev": op, "device": "pad", "at": "2026-02-02T00:00:00.000Z", "parent": "3",
		"sum": base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12])})
}

// TestKintoRepeatedWriteIsOne: a driver that did not hear the answer sends the
// write again, signed with the same key.
func TestKintoRepeatedWriteIsOne(t *testing.T) {
	s := newSite(t)
	signed := func(op, title string) map[string]any { return data(sign(op, "title", title)...) }
	first := s.do("PUT", notes+"/n", signed("k1", "one"), "If-None-Match", "*").want(201)
	again := s.do("PUT", notes+"/n", signed("k1", "one"), "If-None-Match", "*").want(200)
	if again.stamp() != first.stamp() {
		t.Errorf("%d, then %d", first.stamp(), again.stamp())
	}
	second := s.do("PUT", notes+"/n", signed("k2", "two"), "If-Match", tag(first.stamp())).want(200)
	if again = s.do("PUT", notes+"/n", signed("k2", "two"), "If-Match", tag(first.stamp())).want(200); again.stamp() != second.stamp() {
		t.Errorf("%d, then %d", second.stamp(), again.stamp())
	}
	// Whoever wrote on since, the write is done, and the answer tells what is there.
	third := s.put(notes+"/n", "title", "another's").rev()
	for _, op := range []string{"k1", "k2"} {
		r := s.do("PUT", notes+"/n", signed(op, "mine"), "If-Match", tag(first.stamp())).want(200)
		if r.stamp() != third || r.data()["title"] != "another's" {
			t.Errorf("%s: %s", op, r.body)
		}
	}
	s.do("PUT", notes+"/n", signed("k9", "mine"), "If-Match", tag(first.stamp())).want(412, 114)
	s.do("PUT", notes+"/m", signed("k1", "another note")).want(201)
	// A page that changed a record and left the mark in it made a write of its own.
	stale := sign("k1", "title", "one")
	stale[1] = "edited by a page"
	if r := s.do("PUT", notes+"/n", data(stale...)).want(200); r.stamp() <= third || r.data()["title"] != "edited by a page" || r.data()["device"] != "ann-laptop" {
		t.Errorf("%s", r.body)
	}
	vs, err := s.st.History(t.Context(), s.ann, "n", 0, 10)
	if err != nil || len(vs) != 4 {
		t.Errorf("%d versions, %v", len(vs), err)
	}
}

// TestKintoPurgedNote is a tombstone that can be written over.
func TestKintoPurgedNote(t *testing.T) {
	s := newSite(t)
	s.put(notes+"/n", "title", "secret")
	gone := s.do("DELETE", notes+"/n", nil).want(200)
	s.apply(model.Op{NoteID: "n", Kind: model.Purge, BaseRev: gone.stamp()})
	if got := s.listed(notes + "?_since=0"); got != "-n" {
		t.Errorf("%s", got)
	}
	s.do("GET", notes+"/n", nil).want(404, 110)
	s.do("PUT", notes+"/n", data("title", "new"), "If-None-Match", "*").want(201)
	vs, err := s.st.History(t.Context(), s.ann, "n", 0, 10)
	if err != nil || len(vs) != 2 || vs[0].Fields.Title != "new" || vs[0].Kind != model.Create {
		t.Errorf("%+v, %v", vs, err)
	}
}
