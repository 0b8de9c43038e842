package mutations_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"stet/model"
	"stet/syncengine/server/store"
	"stet/syncengine/wire"
)

// TestNative35MutationsAreOnTheAccountsClock: a write has one number in the
// native dialect and in the log, whichever of them it came through, and numbers
// grow across both when the wall clock steps back.
func TestNative35MutationsAreOnTheAccountsClock(t *testing.T) {
	s := newSite(t)
	last := int64(0)
	for i := range 10 {
		s.ms.Add(-60_000)
		id := fmt.Sprint("n", i)
		if i%2 == 0 {
			s.post(note(id, "x")).want(200, "")
		} else {
			op := fmt.Sprintf(`{"opId":"op%d","entityId":%q,"kind":"create","baseRev":0,"patch":{"body":"x"},"createdAt":1}`, i, id)
			s.do("POST", wire.PathOps, op, "Authorization", "Bearer "+annToken, wire.HeaderKey, fmt.Sprint("op", i)).want(201, "")
		}
		var rec struct{ Rev int64 }
		r := s.do("GET", "/notes/"+id, "", "Authorization", "Bearer "+annToken).want(200, "")
		if err := json.Unmarshal(r.body, &rec); err != nil {
			t.Fatal(err)
		}
		got := s.since(last, "")
		if rec.Rev <= last || got.LastMutationAt != rec.Rev || len(got.Mutations) != 1 || got.Mutations[0].Timestamp != rec.Rev ||
			r.head.Get("ETag") != wire.ETag(rec.Rev) {
			t.Errorf("note %d: rev %d after %d, etag %s, log %+v", i, rec.Rev, last, r.head.Get("ETag"), got)
		}
		last = rec.Rev
	}
	// What is in another collection moves the clock, not the log.
	if err := s.st.Transact(t.Context(), 1, func(x store.Txn) error { _, err := x.PutDoc("things", "a", []byte(`{}`)); return err }); err != nil {
		t.Fatal(err)
	}
	if err := s.st.Transact(t.Context(), 2, func(x store.Txn) error { _, err := x.PutDoc("things", "a", []byte(`{}`)); return err }); err != nil {
		t.Fatal(err)
	}
	if got := s.head(); got != last {
		t.Errorf("the log is at %d, its last mutation at %d", got, last)
	}
	s.post(note("after", "x")).want(200, "")
	if got := s.head(); got <= last+1 {
		t.Errorf("after another collection's write the log is at %d, was at %d", got, last)
	}
}

// TestNative36MutationsCarryWholeNotes: a note of one dialect reads whole in the
// other, and members that neither knows survive a write through either.
func TestNative36MutationsCarryWholeNotes(t *testing.T) {
	s := newSite(t)
	bearer := []string{"Authorization", "Bearer " + annToken}
	patch := `{"title":"T","body":"B\u0000\r\n","notebook":"a/b","tags":{"$add":["y","x"]},"pinned":true,"archived":true,"color":"red","order":"a0",
		"log":{"$append":[{"id":"e1","text":"entry"}]},"extra":{"their":{"n":[1,2.50]},"localId":"a field of theirs","body2":null}}`
	op := `{"opId":"op1","entityId":"n","kind":"create","baseRev":0,"device":"phone","patch":` + patch + `,"createdAt":1}`
	s.do("POST", wire.PathOps, op, append(bearer, wire.HeaderKey, "op1")...).want(201, "")
	read := func() model.Record {
		t.Helper()
		var rec model.Record
		if err := json.Unmarshal(s.do("GET", "/notes/n", "", bearer...).want(200, "").body, &rec); err != nil {
			t.Fatal(err)
		}
		return rec
	}
	whole := read()
	data := s.since(0, "").Mutations[0].Data
	for name, want := range map[string]any{"title": "T", "body": "B\x00\r\n", "notebook": "a/b", "pinned": true, "archived": true, "color": "red",
		"order": "a0", "localId": "n"} {
		if data[name] != want {
			t.Errorf("%s is %v, want %v", name, data[name], want)
		}
	}
	if fmt.Sprint(data["tags"], data["their"]) != "[x y] map[n:[1 2.5]]" || len(data["log"].([]any)) != 1 {
		t.Errorf("%v", data)
	}
	// A write that names one member leaves the rest; a whole one too.
	s.post(`{"type":"UPDATE","resource":"NOTE","resourceId":"n","data":{"body":"new","mood":"good","log":[{"id":"e2","text":"more"}]}}`).want(200, "")
	want := whole.Fields.Clone()
	want.Body = "new"
	want.Log = append(want.Log, model.LogEntry{ID: "e2", Text: "more"})
	want.Extra["mood"] = json.RawMessage(`"good"`)
	if got := read(); !model.Equal(got.Fields, want) || got.Device != "a web page" {
		t.Errorf("by %q: %+v, want %+v", got.Device, got.Fields, want)
	}
	text, err := json.Marshal(s.since(0, "").Mutations[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	s.post(`{"type":"UPDATE","resource":"NOTE","resourceId":"n","data":`+string(text)+`}`).want(200, "")
	want.Extra["their"] = json.RawMessage(`{"n":[1,2.5]}`) // as this program's JSON writes it
	if got := read(); !model.Equal(got.Fields, want) {
		t.Errorf("written back: %+v, want %+v", got.Fields, want)
	}
	// null clears; a known member of the wrong type is kept, and reads as empty.
	s.post(`{"type":"UPDATE","resource":"NOTE","resourceId":"n","data":{"mood":null,"color":null,"title":7}}`).want(200, "")
	got := read().Fields
	if got.Color != "" || got.Title != "" || string(got.Extra["title"]) != "7" || got.Extra["mood"] != nil {
		t.Errorf("%+v", got)
	}
	if title := s.since(0, "").Mutations[0].Data["title"]; title != float64(7) {
		t.Errorf("shown as %v", title)
	}
	s.post(`{"type":"UPDATE","resource":"NOTE","resourceId":"n","data":{"title":"again"}}`).want(200, "")
	if got := read().Fields; got.Title != "again" || got.Extra["title"] != nil {
		t.Errorf("%+v", got)
	}
}
