package mutlog

import (
	"encoding/json"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine/wire"
)

// FuzzNote: whatever the data of a note are, what was read is written and read
// again as the same, and changes nothing where it came from.
func FuzzNote(f *testing.F) {
	f.Add(`{"title":"t","body":"b","tags":["y","x"],"pinned":true,"log":[{"id":"e","text":"x"}],"mood":{"n":[1,2.50]}}`)
	f.Add(`{"title":7,"tags":"x","log":{},"pinned":"yes","localId":[1],"clientCreatedAt":"never","_stet":{"op":"o","extra":{"localId":"theirs"}}}`)
	f.Add(`{"body":null,"mood":null,"clientCreatedAt":1700000000000,"clientUpdatedAt":"2026-05-19T10:15:30.000Z","_stet":7}`)
	f.Fuzz(func(t *testing.T, text string) {
		if wire.CheckJSON([]byte(text)) != nil || len(text) == 0 || text[0] != '{' {
			return
		}
		first, err := DecodeNote(json.RawMessage(text))
		if err != nil {
			t.Fatalf("an object is refused: %v", err)
		}
		was := first.Onto(model.Fields{})
		out, err := EncodeNote(Note{Fields: was, Stet: &Stet{}})
		if err != nil {
			return // a time in the log that has no spelling
		}
		again, err := DecodeNote(out)
		if err != nil {
			t.Fatal(err)
		}
		if now := again.Onto(model.Fields{}); !model.Equal(was, now) || !was.CreatedAt.Equal(now.CreatedAt) {
			t.Errorf("%s reads as %+v, written and read as %+v", text, was, now)
		}
		if now := again.Onto(was); !model.Equal(was, now) {
			t.Errorf("%s written onto itself: %+v, was %+v", text, now, was)
		}
		if lacks := again.Lacks(); len(lacks) > 0 {
			t.Errorf("a whole note lacks %v", lacks)
		}
	})
}

// FuzzSync: an answer is understood or refused, and never panics.
func FuzzSync(f *testing.F) {
	f.Add(`{"success":true,"data":{"lastMutationAt":7,"mutations":[{"type":"UPDATE","resource":"NOTE","resourceId":"a","data":{},"timestamp":7}],"hasMore":false}}`)
	f.Add(`{"success":true,"data":{"lastMutationAt":-1}}`)
	f.Add(`{"message":"m","type":"Conflict","success":false,"details":{"success":false,"error":{"code":"OutOfSyncError"}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := DecodeSync([]byte(text))
		if err == nil && (s.LastMutationAt == nil || *s.LastMutationAt < NoHistory) {
			t.Errorf("%s is taken as %+v", text, s)
		}
		if fail, err := DecodeFailure([]byte(text)); err == nil && fail.Success {
			t.Errorf("%s is taken as a failure", text)
		}
	})
}

func TestFailureShapes(t *testing.T) {
	for text, want := range map[string][2]string{
		`{"success":false,"error":{"code":"OutOfSyncError","message":"m"}}`:                                                             {"OutOfSyncError", "m"},
		`{"message":"x","type":"Conflict","success":false,"details":{"success":false,"error":{"code":"OutOfSyncError","message":"m"}}}`: {"OutOfSyncError", "m"},
		`{"message":"m","type":"invalid_request","success":false}`:                                                                      {"", "m"},
	} {
		f, err := DecodeFailure([]byte(text))
		if err != nil || f.Code() != want[0] || f.Text() != want[1] {
			t.Errorf("%s: %q %q %v", text, f.Code(), f.Text(), err)
		}
	}
	if n, ok := Index("Missing data at mutation[12]"); !ok || n != 12 {
		t.Errorf("index %d %t", n, ok)
	}
}

func TestTimes(t *testing.T) {
	want := time.UnixMilli(1_700_000_000_000).UTC()
	for _, text := range []string{`1700000000000`, `"2023-11-14T22:13:20.000Z"`, `"2023-11-15T00:13:20+02:00"`} {
		n, err := DecodeNote(json.RawMessage(`{"clientCreatedAt":` + text + `}`))
		if err != nil || !n.Fields.CreatedAt.Equal(want) {
			t.Errorf("%s reads as %s, %v", text, n.Fields.CreatedAt, err)
		}
	}
}
