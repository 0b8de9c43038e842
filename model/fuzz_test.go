package model

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

// maxFuzz bounds what the targets read, in bytes.
const maxFuzz = 1 << 14

// FuzzPatchJSON: a patch that can be read is written in one spelling, and to
// apply it means the same before and after, once or twice.
func FuzzPatchJSON(f *testing.F) {
	for _, s := range []string{`{}`, `null`, `{"title":"a","body":"b\r\n","notebook":"x/y","pinned":true,"archived":false,"color":"red","order":"a0"}`,
		`{"tags":{"$add":["b","a "],"$remove":["c","b"]}}`, `{"log":{"$append":[{"id":"1","text":"t","at":"2026-11-21T08:00:00.123456+05:30"}]}}`,
		`{"createdAt":"2026-11-21T08:00:00.9999Z","deleted":true,"extra":{"k":null,"l":{"b":1.0,"a":[1e3]}}}`, `{"title":null,"createdAt":""}`,
		`{"createdAt":"9999-12-31T23:59:59-23:59"}`, `{"title":"\ud800\u0000"}`, `{"rev":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var p Patch
		if len(data) > maxFuzz || json.Unmarshal(data, &p) != nil {
			return
		}
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatalf("%q was read but cannot be written: %v", data, err)
		}
		var back Patch
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("%s cannot be read back: %v", text, err)
		}
		if again, err := json.Marshal(back); err != nil || string(again) != string(text) {
			t.Fatalf("%s then %s, %v", text, again, err)
		}
		for _, from := range []Fields{{}, {Deleted: true}, someFields()} {
			checkApply(t, p, back, from)
		}
	})
}

func someFields() Fields {
	return Fields{Title: "t", Body: "b\n", Notebook: "n", Tags: []string{"a", "b", "c"}, Pinned: true, Color: "red", Order: "a1",
		Log: []LogEntry{{ID: "1", Text: "one"}}, CreatedAt: time.UnixMilli(5).UTC(), Extra: map[string]json.RawMessage{"k": json.RawMessage(`1`)}}
}

func checkApply(t *testing.T, p, back Patch, from Fields) {
	was := from.Clone()
	got := p.Apply(from)
	switch {
	case !identical(from, was):
		t.Fatalf("%+v changed what it was applied to: %+v", p, from)
	case !identical(back.Apply(from), got):
		t.Fatalf("%+v means %+v, read back %+v", p, got, back.Apply(from))
	case !identical(p.Apply(got), got):
		t.Fatalf("%+v applied twice is %+v, once %+v", p, p.Apply(got), got)
	case p.Empty() && !identical(got, from):
		t.Fatalf("an empty patch made %+v of %+v", got, from)
	case p.OnlyAppends() && (len(got.Log) < len(from.Log) || !SameText(got, from)):
		t.Fatalf("an append made %+v of %+v", got, from)
	}
	// What was done is what the difference says, but for what a tombstone hides.
	if !from.Deleted && !got.Deleted && !Equal(Diff(from, got).Apply(from), got) {
		t.Fatalf("the difference of %+v and %+v is %+v", from, got, Diff(from, got))
	}
}

// identical is Equal that looks behind tombstones.
func identical(a, b Fields) bool {
	same := a.Deleted == b.Deleted && a.CreatedAt.Equal(b.CreatedAt)
	a.Deleted, b.Deleted = false, false
	return same && Equal(a, b)
}

// FuzzNoteJSON: notes and fields that can be read are written in one spelling
// that says the same.
func FuzzNoteJSON(f *testing.F) {
	for _, s := range []string{`{"id":"n","rev":5,"title":"T","body":"B","tags":["b"," a","b"],"log":[{"id":"1","text":"x"}],"opId":"o"}`,
		`{"id":"n","rev":5,"deleted":true,"purged":true,"title":"hidden"}`, `{"rev":1.0}`, `{"ID":"n","Rev":9007199254740993}`, `null`, `[]`,
		`{"createdAt":"0000-01-01T00:00:00+23:59","at":"2026-11-21T08:00:00Z"}`, `{"extra":{"a":{"b":[null]}},"tags":null}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > maxFuzz {
			return
		}
		var rec, again Record
		if json.Unmarshal(data, &rec) == nil {
			text := spelling(t, rec, &again)
			if rec.Rev != again.Rev || rec.ID != again.ID || rec.Fields.Deleted != again.Fields.Deleted || !Equal(rec.Fields, again.Fields) ||
				!rec.SavedAt.Equal(again.SavedAt) || !rec.ServerAt.Equal(again.ServerAt) {
				t.Fatalf("%s says %+v, was %+v", text, again, rec)
			}
			if rec.Fields.Deleted && (strings.Contains(text, `"title"`) || strings.Contains(text, `"body"`)) {
				t.Fatalf("a tombstone tells text: %s", text)
			}
		}
		var fields, back Fields
		if json.Unmarshal(data, &fields) == nil {
			if text := spelling(t, fields, &back); !identical(fields, back) {
				t.Fatalf("%s says %+v, was %+v", text, back, fields)
			}
		}
	})
}

// spelling writes v, reads it into back, and checks that this is written alike.
func spelling[T any](t *testing.T, v T, back *T) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%+v cannot be written: %v", v, err)
	}
	if err := json.Unmarshal(text, back); err != nil {
		t.Fatalf("%s cannot be read back: %v", text, err)
	}
	if again, err := json.Marshal(*back); err != nil || string(again) != string(text) {
		t.Fatalf("%s then %s, %v", text, again, err)
	}
	return string(text)
}

// FuzzNet is the squash law on histories: whatever was saved in between, one
// plan at the end and a plan after each save take the server to the same note.
func FuzzNet(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03\x04"), true)
	f.Add([]byte("\x10\x41\x09\x09\x52\x0a\x0b"), false)
	f.Add([]byte("\x07\x17\x27\x08\x09\x08"), true)
	f.Fuzz(func(t *testing.T, saves []byte, known bool) {
		if len(saves) > 64 {
			return
		}
		var base *Record
		row := Fields{}
		if known {
			row = someFields()
			base = &Record{ID: "n", Rev: 3, Fields: row.Clone()}
		}
		stepwise, exists := base, known
		for i, b := range saves {
			row, exists = save(row, b, i), true
			stepwise = after(t, stepwise, row)
			if more := Net(stepwise, row, false); stepwise != nil && len(more) != 0 {
				t.Fatalf("planning again gives %+v", more)
			}
		}
		if !exists {
			return
		}
		once := after(t, base, row)
		if stepwise == nil || once == nil {
			if !row.Deleted {
				t.Fatalf("a live note was not created: %+v", row)
			}
			return
		}
		if !Equal(stepwise.Fields, row) || !Equal(once.Fields, row) {
			t.Fatalf("row %+v\nsaved one by one %+v\nsquashed %+v", row, stepwise.Fields, once.Fields)
		}
	})
}

// save makes one change of the row, chosen by b.
func save(row Fields, b byte, i int) Fields {
	row = row.Clone()
	word := string(rune('a' + b>>4))
	switch b % 12 {
	case 0:
		row.Title = word
	case 1:
		row.Body += word + "\n"
	case 2:
		row.Notebook = word
	case 3:
		row.Tags = NormalTags(append(row.Tags, word))
	case 4:
		row.Tags = NormalTags(without(row.Tags, []string{word}))
	case 5:
		row.Pinned, row.Archived = !row.Pinned, b&16 != 0
	case 6:
		row.Color, row.Order = word, word+"0"
	case 7:
		row.Log = append(row.Log, newEntries([]LogEntry{{ID: word, Text: word}}, row.Log)...)
	case 8:
		row.Deleted = true
	case 9:
		row.Deleted = false
	case 10:
		if row.Extra == nil {
			row.Extra = map[string]json.RawMessage{}
		}
		row.Extra[word] = json.RawMessage(`{"n":1}`)
	case 11:
		delete(row.Extra, word)
		if len(row.Extra) == 0 {
			row.Extra = nil
		}
	}
	return row
}

// after returns what the server holds once it has taken the plan for row.
func after(t *testing.T, base *Record, row Fields) *Record {
	for _, in := range Net(base, row, false) {
		switch {
		case in.Kind == Append && !in.Patch.OnlyAppends():
			t.Fatalf("append carries more: %+v", in.Patch)
		case in.Kind != Create && in.BaseRev == 0, in.Kind == Create && in.BaseRev != 0:
			t.Fatalf("%s on revision %d", in.Kind, in.BaseRev)
		}
		rec := Op{ID: "o", NoteID: "n", Kind: in.Kind, Patch: in.Patch}.After(base)
		rec.Rev = 9
		base = &rec
	}
	return base
}

// FuzzParseQuery: any line is a query or ErrInvalid, and its terms written in
// quotes are the same query.
func FuzzParseQuery(f *testing.F) {
	for _, s := range []string{`a "b c" -d tag:x updated:2026`, `-"`, `title:"A:b" -body:x tag:"" is:pinned status:review notebook:/a//b/`,
		`created:>2026-11 created:<9999-12-31`, "x:y \t\n-", `"un closed -a`, "\xff İ ẞ", `created:0000 updated:"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > maxFuzz {
			return
		}
		q, err := ParseQuery(s, time.UTC)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		var line strings.Builder
		write := func(op, value string, not bool) {
			if strings.Contains(value, `"`) || value == "" {
				t.Fatalf("%q gives the value %q", s, value)
			}
			if not {
				line.WriteByte('-')
			}
			line.WriteString(op + `"` + value + `" `)
		}
		for _, term := range q.Text {
			op := ""
			if term.Field != "" {
				op = term.Field + ":"
			}
			write(op, term.Text, term.Not)
		}
		for _, m := range q.Tag {
			write("tag:", m.Value, m.Not)
		}
		again, err := ParseQuery(line.String(), time.UTC)
		if err != nil || !equalTerms(again.Text, q.Text) || !equalMatches(again.Tag, q.Tag) {
			t.Fatalf("%q means %+v, written %q it means %+v, %v", s, q, line.String(), again, err)
		}
	})
}

func equalTerms(a, b []Term) bool {
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

func equalMatches(a, b []Match) bool {
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

// FuzzParseTime: a time that can be read is UTC, whole milliseconds, and
// written so that it reads the same.
func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"", "2026-11-21T08:00:00Z", "2026-11-21T08:00:00.1239999+05:30", "0001-01-01T00:00:00Z", "0000-01-01T00:00:00+23:59",
		"9999-12-31T23:59:59.999-23:59", "2026-02-30T00:00:00Z", "2026-11-21 08:00:00Z", "2026-11-21T24:00:00Z", "2026-11-21t08:00:00z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseTime(s)
		if err != nil {
			if !got.IsZero() {
				t.Fatalf("%q: %v with %v", s, got, err)
			}
			return
		}
		if got.Location() != time.UTC || got.Nanosecond()%1e6 != 0 {
			t.Fatalf("%q is %v", s, got)
		}
		back, err := ParseTime(FormatTime(got))
		if err != nil || !back.Equal(got) {
			t.Fatalf("%q is %v, written %q, read back %v, %v", s, got, FormatTime(got), back, err)
		}
	})
}
