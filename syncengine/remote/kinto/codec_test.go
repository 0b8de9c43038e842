package kinto

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stet/model"
)

// spelledByServer is what a backend may do to a record: members in another
// order, numbers as its language writes them.
func spelledByServer(t *rapid.T, raw json.RawMessage) json.RawMessage {
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	var v map[string]any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	v["id"], v["last_modified"] = "n1", json.Number("1795000000000")
	out, err := json.Marshal(mapValue(v, func(x any) any {
		if s, ok := x.(string); ok && strings.Contains(s, "\x00") {
			t.Fatalf("a NUL is sent: %q", s)
		}
		n, ok := x.(json.Number)
		if !ok || !strings.ContainsAny(n.String(), ".eE") {
			return x
		}
		f, err := strconv.ParseFloat(n.String(), 64)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var texts = rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "a\x00b", "\x00", "␀", "<&>", "\u2028"}))

func anyFields(t *rapid.T) model.Fields {
	f := model.Fields{Title: texts.Draw(t, "title"), Body: texts.Draw(t, "body"), Notebook: texts.Draw(t, "notebook"),
		Color: texts.Draw(t, "color"), Order: texts.Draw(t, "order"), Pinned: rapid.Bool().Draw(t, "pinned"),
		Archived: rapid.Bool().Draw(t, "archived"), Tags: model.NormalTags(rapid.SliceOfN(texts, 0, 3).Draw(t, "tags"))}
	if rapid.Bool().Draw(t, "created") {
		f.CreatedAt = time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "at")).UTC()
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "entries") {
		f.Log = append(f.Log, model.LogEntry{ID: fmt.Sprint("e", i), Text: texts.Draw(t, "entry")})
	}
	names := rapid.SampledFrom([]string{"x", "y", "id", "last_modified", "deleted", "schema", "_stet", "title", "tags", "log", "createdAt", "extra", "rev", "a\x00b"})
	values := rapid.SampledFrom([]string{"1", "2.50", "1e2", "12345678901234567890", `"s"`, `"\u0000"`, `{"a":[null,true,{"b":0.10}]}`, "[]", `""`, "false", "true"})
	for range rapid.IntRange(0, 4).Draw(t, "extra") {
		if f.Extra == nil {
			f.Extra = map[string]json.RawMessage{}
		}
		f.Extra[names.Draw(t, "name")] = json.RawMessage(values.Draw(t, "value"))
	}
	return f
}

// wellTyped reports whether an extra member would be read as the field of its
// name: no server ever handed such a one out.
func wellTyped(f model.Fields) bool {
	for name, v := range f.Extra {
		back := readFields(map[string]json.RawMessage{name: v})
		if name != "id" && name != "last_modified" && name != markName && back.Extra[name] == nil {
			return true
		}
	}
	return false
}

// Whatever a note holds, and whatever a backend does to its spelling, it comes
// back as it was, and is known to be ours.
func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFields(t)
		if wellTyped(f) {
			t.Skip("not a foreign member")
		}
		op := model.Op{ID: "op-1", Device: "anna", CreatedAt: time.UnixMilli(1_790_000_000_000).UTC()}
		raw, err := writeRecord(f, newMark(op, lineage{rev: 7, mark: &mark{Rev: "op-0", Revs: []int64{5}}}, true))
		if err != nil {
			t.Fatal(err)
		}
		got, err := readRow(spelledByServer(t, raw))
		if err != nil {
			t.Fatal(err)
		}
		if !model.Equal(f, got.rec.Fields) || !f.CreatedAt.Equal(got.rec.Fields.CreatedAt) {
			t.Fatalf("wrote %+v\nread  %+v\nraw %s", f, got.rec.Fields, raw)
		}
		for i := range f.Log {
			if f.Log[i] != got.rec.Fields.Log[i] {
				t.Fatalf("log %+v, want %+v", got.rec.Fields.Log, f.Log)
			}
		}
		if got.rec.OpID != "op-1" || got.rec.Device != "anna" || !got.rec.SavedAt.Equal(op.CreatedAt) || fmt.Sprint(got.rec.Parents) != "[7 5]" || !got.mark.knows("op-0") {
			t.Fatalf("mark: %+v", got.rec)
		}
	})
}

// Nothing that a server can send makes the reader panic, and what it takes is a
// note that can be written again.
func FuzzReadRow(f *testing.F) {
	f.Add([]byte(`{"id":"n1","last_modified":5,"title":"t","tags":["a"],"_stet":{"rev":"o","sum":"x","exact":"{}","extra":{"id":1}}}`))
	f.Add([]byte(`{"id":"n1","last_modified":5,"deleted":true}`))
	f.Add([]byte(`{"id":"n1","last_modified":5,"deleted":true,"log":[{"id":"e"}],"createdAt":"2026-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := readRow(data)
		if err != nil {
			return
		}
		if r.rec.ID == "" || r.rec.Rev <= 0 || r.rec.Fields.Extra[markName] != nil {
			t.Fatalf("%+v", r.rec)
		}
		if r.rec.Fields.Deleted {
			return
		}
		raw, err := writeRecord(r.rec.Fields, newMark(model.Op{ID: "o"}, lineage{rev: r.rec.Rev, mark: r.mark}, false))
		if err != nil {
			t.Fatalf("cannot be written again: %v", err)
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(raw, &members); err != nil {
			t.Fatal(err)
		}
		members["id"], members["last_modified"] = json.RawMessage(`"n1"`), json.RawMessage("9")
		whole, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		again, err := readRow(whole)
		if err != nil || !model.Equal(again.rec.Fields, r.rec.Fields) || again.rec.OpID != "o" {
			t.Fatalf("read %+v, written and read again %+v, %v", r.rec.Fields, again.rec, err)
		}
	})
}

// A cursor is whatever a device hands back.
func FuzzCursor(f *testing.F) {
	f.Add(cursor{Print: "p", ETag: 5, Head: head{"n1", 5}, Since: 4, Known: []int64{5}, Walk: &walk{Pos: 4}}.String())
	f.Add("k1.e30")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := parseCursor(text)
		if err != nil {
			return
		}
		back, err := parseCursor(k.String())
		if err != nil || back.String() != k.String() {
			t.Fatalf("%+v, %v", back, err)
		}
	})
}
