package wire

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stet/model"
)

var update = flag.Bool("update", false, "write the golden examples again")

var at = time.UnixMilli(1763712345678).UTC()

func ptr[T any](v T) *T { return &v }

func exampleOp() model.Op {
	return model.Op{ID: "0199aa00-0000-7000-8000-000000000001", NoteID: "0199aa00-0000-7000-8000-0000000000aa",
		Kind: model.Update, BaseRev: 1763712345000, CreatedAt: time.UnixMilli(1700000000000).UTC(), Device: "laptop",
		Patch: model.Patch{Title: ptr("Tea <&> milk"), Body: ptr("a\r\nb\x00\n"), TagsAdd: []string{"b"}, TagsRemove: []string{"a"},
			LogAppend: []model.LogEntry{{ID: "e1", Text: "hello"}}, Pinned: ptr(true),
			Extra: map[string]json.RawMessage{"k": json.RawMessage(`{"b":1,"a":null}`)}}}
}

func exampleNote() model.Record {
	return model.Record{ID: "n1", Rev: 1763712345678, Fields: model.Fields{Title: "T", Body: "B", Tags: []string{"a"}},
		Device: "laptop", OpID: "o1", SavedAt: at, ServerAt: at}
}

func golden(t *testing.T, name string, v any) {
	t.Helper()
	got, err := Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, got, "", "  "); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(pretty.Bytes(), want) {
		t.Errorf("%s changed:\n%s", name, pretty.Bytes())
	}
}

func TestGoldenExamplesReadBack(t *testing.T) {
	op := exampleOp()
	golden(t, "op.json", wireOp(op))
	golden(t, "batch.json", struct {
		Want Want     `json:"want"`
		Ops  []opJSON `json:"ops"`
	}{WantChanged, []opJSON{wireOp(op)}})
	note := exampleNote()
	problem := NewProblem(409, CodeConflict, "the note moved")
	problem.Current, problem.ETag = &note, ETag(note.Rev)
	golden(t, "problem.json", problem)
	answer := BatchAnswer{PrevCursor: "e1.1.aa", Cursor: "e1.2.bb", Results: []Result{
		{OpID: "o1", Status: 200, Rev: note.Rev, UpdatedAtServer: model.FormatTime(at), Note: &note},
		{OpID: "o2", Status: 409, Problem: problem}}}
	golden(t, "batch-answer.json", answer)
	page := Page{Changes: []Change{ChangeOf(note), ChangeOf(model.Record{ID: "n2", Rev: 5, Fields: model.Fields{Deleted: true}, ServerAt: at})},
		Cursor: "e1.2.bb", Epoch: "e1", ServerTime: model.FormatTime(at)}
	golden(t, "page.json", page)
	golden(t, "meta.json", Meta{Protocol: Protocol, Account: "ann", Epoch: "e1", Cursor: "e1.2.bb", Limits: DefaultLimits()})

	text, _ := os.ReadFile("testdata/op.json")
	got, err := DecodeOp(text, DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if a, _ := Fingerprint(got); a != must(Fingerprint(op)) {
		t.Errorf("op read back differs: %+v", got)
	}
	text, _ = os.ReadFile("testdata/batch-answer.json")
	back, err := DecodeBatchAnswer(text)
	if err != nil || !reflect.DeepEqual(back, answer) {
		t.Errorf("answer read back: %+v, %v", back, err)
	}
	text, _ = os.ReadFile("testdata/page.json")
	p, err := DecodePage(text)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := p.Changes[0].Record()
	if err != nil || !reflect.DeepEqual(rec, note) {
		t.Errorf("change read back: %+v, %v", rec, err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestCheckJSON(t *testing.T) {
	good := []string{`{}`, `[]`, `1`, ` {"a":[1,{"a":2}],"b":{"a":"\ud83d\ude00"}} `, `"\\u"`, `[{},[],"",null]`,
		strings.Repeat("[", 32) + strings.Repeat("]", 32)}
	for _, text := range good {
		if err := CheckJSON([]byte(text)); err != nil {
			t.Errorf("%.40q: %v", text, err)
		}
	}
	bad := []string{``, `{`, `{} {}`, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `[{"x":{"y":1,"y":1}}]`, "\"\xff\"", `"\ud800"`,
		`"\ud800x"`, `"\udc00"`, `"\ud800\u0041"`, `{"a":01}`, `{'a':1}`, `[1,]`, strings.Repeat("[", 33) + strings.Repeat("]", 33),
		strings.Repeat("[", 1e6)}
	for _, text := range bad {
		if CheckJSON([]byte(text)) == nil {
			t.Errorf("%.40q was accepted", text)
		}
	}
	many := "{"
	for i := range 40 {
		many += fmt.Sprintf(`"k%d":1,`, i)
	}
	if err := CheckJSON([]byte(many + `"z":1}`)); err != nil {
		t.Error(err)
	}
	if CheckJSON([]byte(many+`"k7":1}`)) == nil {
		t.Error("a double among many members was accepted")
	}
}

func TestDecodeOpRefusals(t *testing.T) {
	base := `{"opId":"o","entity":"note","entityId":"n","kind":"update","baseRev":1,"patch":{"title":"x"},"createdAt":1}`
	if _, err := DecodeOp([]byte(base), DefaultLimits()); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		from, to, code, field string
	}{
		{`"baseRev":1`, `"baseRev":1.0`, CodeMalformed, ""},
		{`"baseRev":1`, `"baseRev":1e3`, CodeMalformed, ""},
		{`"baseRev":1`, `"baseRev":-1`, CodeMalformed, ""},
		{`"baseRev":1`, `"baseRev":null`, CodeMalformed, ""},
		{`"baseRev":1`, `"baseRev":"1"`, CodeMalformed, ""},
		{`"opId":"o"`, `"opId":7`, CodeMalformed, ""},
		{`"opId":"o"`, `"OPID":"o"`, CodeValidation, "opId"},
		{`"entityId":"n"`, `"entityId":"../n"`, CodeValidation, "entityId"},
		{`"entity":"note"`, `"entity":"book"`, CodeValidation, "entity"},
		{`"kind":"update"`, `"kind":"upsert"`, CodeValidation, "kind"},
		{`"kind":"update"`, `"kind":"create"`, CodeValidation, "baseRev"},
		{`"kind":"update"`, `"kind":"append"`, CodeValidation, "log"},
		{`"kind":"update"`, `"kind":"delete"`, CodeValidation, "patch"},
		{`"title":"x"`, `"rev":3`, CodeValidation, "rev"},
		{`"title":"x"`, `"updatedAtServer":"2020-01-01T00:00:00Z"`, CodeValidation, "updatedAtServer"},
		{`"title":"x"`, `"words":3`, CodeValidation, "words"},
		{`"title":"x"`, `"title":3`, CodeValidation, "title"},
		{`"title":"x"`, `"title":"` + strings.Repeat("é", 1025) + `"`, CodeValidation, "title"},
		{`"title":"x"`, `"tags":{"$add":["` + strings.Repeat("x", 65) + `"]}`, CodeValidation, "tags"},
		{`"title":"x"`, `"deleted":true`, CodeValidation, "deleted"},
	}
	for _, c := range cases {
		_, err := DecodeOp([]byte(strings.Replace(base, c.from, c.to, 1)), DefaultLimits())
		p, ok := err.(*Problem)
		if !ok || p.Code != c.code || c.field != "" && (len(p.Errors) == 0 || p.Errors[0].Field != c.field) {
			t.Errorf("%.60s: got %v %+v", c.to, err, p)
		}
	}
}

func TestFingerprintIgnoresSpelling(t *testing.T) {
	a := `{"opId":"o","entityId":"n","kind":"update","baseRev":1,"patch":{"title":"x","extra":{"k":{"b":1,"a":2}}},"createdAt":1}`
	b := "{ \"createdAt\":1,\n\"patch\":{\"extra\":{\"k\":{\"a\":2,\"b\":1}},\"title\":\"\\u0078\"},\"baseRev\":1,\"kind\":\"update\",\"entityId\":\"n\",\"opId\":\"o\",\"entity\":\"note\"}"
	c := strings.Replace(a, `"x"`, `"y"`, 1)
	print := func(s string) [32]byte { return must(Fingerprint(must(DecodeOp([]byte(s), DefaultLimits())))) }
	if print(a) != print(b) || print(a) == print(c) {
		t.Error("fingerprint depends on spelling, or not on content")
	}
}

func TestCursorAndETagRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Cursor{Epoch: rapid.StringMatching(`[a-z0-9]{8,10}`).Draw(t, "epoch"),
			Rev: rapid.Int64Range(0, maxInteger).Draw(t, "rev"), Tag: rapid.StringMatching(`[a-z0-9]{8}`).Draw(t, "tag")}
		back, err := ParseCursor(c.String())
		if err != nil || back != c {
			t.Fatalf("%v came back as %v, %v", c, back, err)
		}
		if c.Rev > 0 {
			if rev, ok := ParseETag(ETag(c.Rev)); !ok || rev != c.Rev {
				t.Fatalf("etag of %d came back as %d", c.Rev, rev)
			}
		}
	})
	for _, text := range []string{"x", "a.b", "a.b.c.d", "a..b", ".1.b", "a.+1.b", "a.-1.b", "A.1.b", "a.01.b", "a.1.b\n", strings.Repeat("a", 300)} {
		if _, err := ParseCursor(text); err == nil {
			t.Errorf("cursor %q was accepted", text)
		}
	}
	for _, tag := range []string{`W/"rev-5"`, `rev-5`, `"rev-05"`, `"rev--5"`, `"rev-5","rev-6"`, `*`, ``} {
		if _, ok := ParseETag(tag); ok {
			t.Errorf("etag %q was accepted", tag)
		}
	}
}

func TestParseKey(t *testing.T) {
	for in, want := range map[string]string{`abc`: "abc", `"abc"`: "abc", ` abc `: "abc"} {
		if got, ok := ParseKey(in); !ok || got != want {
			t.Errorf("%q: %q %v", in, got, ok)
		}
	}
	for _, in := range []string{"", `""`, "a b", "ä", "a\x01", `a"b`, strings.Repeat("k", 256)} {
		if _, ok := ParseKey(in); ok {
			t.Errorf("%q was accepted", in)
		}
	}
}

func TestDecodeBatch(t *testing.T) {
	good := `{"opId":"%s","entityId":"n","kind":"update","baseRev":1,"patch":{},"createdAt":1}`
	one := func(id string) string { return strings.Replace(good, "%s", id, 1) }
	b, err := DecodeBatch([]byte(`{"want":"changed","x":1,"ops":[`+one("a")+`,`+strings.Replace(one("b"), "update", "nope", 1)+`]}`), DefaultLimits())
	if err != nil || b.Want != WantChanged || b.Bad[0] != nil || b.Bad[1] == nil || b.Ops[1].ID != "b" || b.Ops[1].NoteID != "n" {
		t.Fatalf("%+v %v", b, err)
	}
	for text, code := range map[string]string{`{}`: CodeMalformed, `{"ops":1}`: CodeMalformed, `{"ops":[1]}`: CodeMalformed,
		`[]`: CodeMalformed, `{"ops":[],"want":"x"}`: CodeValidation, `{"ops":[` + one("a") + `,` + one("a") + `]}`: CodeMalformed,
		`{"ops":[` + strings.Repeat(`{},`, 500) + `{}]}`: CodeTooManyOps} {
		_, err := DecodeBatch([]byte(text), DefaultLimits())
		if p, ok := err.(*Problem); !ok || p.Code != code {
			t.Errorf("%.50s: %v", text, err)
		}
	}
	text, err := EncodeBatch(Batch{Want: WantAll, Ops: []model.Op{exampleOp()}})
	if err != nil {
		t.Fatal(err)
	}
	if b, err = DecodeBatch(text, DefaultLimits()); err != nil || len(b.Ops) != 1 {
		t.Errorf("%v %v", b, err)
	}
}
