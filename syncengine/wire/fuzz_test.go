package wire

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"stet/model"
)

// maxFuzz bounds what the targets read, in bytes.
const maxFuzz = 1 << 14

// strictly reads data as a careful person would: the standard library's tokens
// one by one. ok says that it is one I-JSON text of at most 32 levels.
func strictly(data []byte) (ok bool) {
	if !utf8.Valid(data) || halfPair(data) {
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var names []map[string]bool // of the open objects; nil for an array
	var wantName []bool
	for first := true; first || len(names) > 0; first = false {
		token, err := dec.Token()
		if err != nil {
			return false
		}
		in := len(names) - 1
		switch d, delim := token.(json.Delim); {
		case delim && (d == '{' || d == '['):
			if d == '{' {
				names = append(names, map[string]bool{})
			} else {
				names = append(names, nil)
			}
			wantName = append(wantName, d == '{')
			if len(names) > 32 {
				return false
			}
			continue
		case delim:
			names, wantName = names[:in], wantName[:in]
			in--
		case in >= 0 && names[in] != nil && wantName[in]:
			name := token.(string)
			if names[in][name] {
				return false
			}
			names[in][name], wantName[in] = true, false
			continue
		}
		if in >= 0 && names[in] != nil {
			wantName[in] = true
		}
	}
	_, err := dec.Token()
	return err != nil && err.Error() == "EOF" && json.Valid(data)
}

var escape = regexp.MustCompile(`\\(u[0-9a-fA-F]{4}|.)`)

// halfPair reports whether one half of a surrogate pair stands alone.
func halfPair(data []byte) bool {
	high := -1 // where the escape of a first half ended
	for _, at := range escape.FindAllIndex(data, -1) {
		n := uint64(0)
		if at[1]-at[0] == 6 {
			n, _ = strconv.ParseUint(string(data[at[0]+2:at[1]]), 16, 32)
		}
		low := n >= 0xdc00 && n <= 0xdfff
		if (high == at[0]) != low || high >= 0 && high != at[0] {
			return true
		}
		high = -1
		if n >= 0xd800 && n <= 0xdbff {
			high = at[1]
		}
	}
	return high >= 0
}

// FuzzCheckJSON: the scanner and a slower reader agree on what is strict JSON.
func FuzzCheckJSON(f *testing.F) {
	for _, s := range []string{`{}`, ` {"a":[1,{"a":2}],"b":"\ud83d\ude00"} `, `{"a":1,"\u0061":2}`, `{} {}`, `"\ud800"`, `"\udc00\ud800"`, `"\\ud800"`, "\"\xff\"",
		`[1,]`, `-0.0e+1`, `{"a":{"a":{"a":[[]]}}}`, strings.Repeat("[", 33) + strings.Repeat("]", 33), `"\ud800\n\udc00"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > maxFuzz {
			return
		}
		if err := CheckJSON(data); (err == nil) != strictly(data) {
			t.Fatalf("%q: %v, read slowly it is strict: %v", data, err, err != nil)
		}
	})
}

// plainOp is what an op's members say, read without any of our code.
func plainOp(t *testing.T, data []byte) map[string]any {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var m map[string]any
	if err := dec.Decode(&m); err != nil {
		t.Fatalf("%q was accepted: %v", data, err)
	}
	return m
}

// checkOp holds what an accepted op is: strict, within bounds, and the same
// when it is written and read again.
func checkOp(t *testing.T, data []byte, op model.Op) {
	t.Helper()
	if !strictly(data) {
		t.Fatalf("%q was accepted", data)
	}
	m := plainOp(t, data)
	for name, got := range map[string]string{"opId": op.ID, "entityId": op.NoteID, "kind": string(op.Kind), "device": op.Device} {
		if want, _ := m[name].(string); want != got {
			t.Fatalf("%s of %q is %q", name, data, got)
		}
	}
	for name, got := range map[string]int64{"baseRev": op.BaseRev, "createdAt": millis(op.CreatedAt)} {
		n, _ := m[name].(json.Number)
		if want := strconv.FormatInt(got, 10); m[name] != nil && string(n) != want && !(got == 0 && n == "-0") {
			t.Fatalf("%s of %q is %s", name, data, want)
		}
	}
	if errs := CheckOp(op, DefaultLimits()); len(errs) > 0 {
		t.Fatalf("%q was accepted with %v", data, errs)
	}
	text, err := EncodeOp(op)
	if err != nil {
		t.Fatalf("%q cannot be written: %v", data, err)
	}
	back, err := DecodeOp(text, DefaultLimits())
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if again, err := EncodeOp(back); err != nil || !bytes.Equal(again, text) {
		t.Fatalf("%s then %s, %v", text, again, err)
	}
	if a, b := must(Fingerprint(op)), must(Fingerprint(back)); a != b {
		t.Fatalf("%s has another fingerprint", text)
	}
}

// checkProblem holds what a refusal of a request is.
func checkProblem(t *testing.T, data []byte, err error) {
	t.Helper()
	p, ok := err.(*Problem)
	if !ok || p == nil {
		t.Fatalf("%q: %v is no problem", data, err)
	}
	malformed := p.Status == http.StatusBadRequest && p.Code == CodeMalformed && p.Detail != ""
	invalid := p.Status == http.StatusUnprocessableEntity && (p.Code == CodeValidation && len(p.Errors) > 0 || p.Code == CodeTooManyOps)
	if !malformed && !invalid {
		t.Fatalf("%q: %+v", data, p)
	}
	if text, err := Marshal(p); err != nil || CheckJSON(text) != nil {
		t.Fatalf("%q: the problem cannot be written: %s, %v", data, text, err)
	}
}

const seedOp = `{"opId":"o","entity":"note","entityId":"n","kind":"update","baseRev":1,"patch":{"title":"x"},"createdAt":1}`

func FuzzDecodeOp(f *testing.F) {
	f.Add(must(EncodeOp(exampleOp())))
	for _, s := range []string{seedOp, `{"opId":"o","patch":{"tags":{"$add":["\ud83d\ude00"]}}}`, strings.Replace(seedOp, "1,", "1.0,", 1),
		strings.Replace(seedOp, `"title":"x"`, `"title":"x","title":"y"`, 1), strings.Replace(seedOp, `"title":"x"`, `"extra":{"k":{"b":1e400,"a":null}}`, 1),
		strings.Replace(seedOp, `"createdAt":1`, `"createdAt":9007199254740992`, 1), strings.Replace(seedOp, `"update"`, `"delete"`, 1),
		`{"opId":"o","entityId":"n","kind":"append","baseRev":0,"patch":{"log":{"$append":[{"id":"e","text":"t","at":"9999-12-31T23:59:59-23:59"}]}},"createdAt":-0}`,
		`{"opId":"o","entityId":"n","kind":"create","baseRev":0,"patch":{"createdAt":"2026-11-21T08:00:00+01:00"}}`, `null`, `[]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > maxFuzz {
			return
		}
		op, err := DecodeOp(data, DefaultLimits())
		if err != nil {
			checkProblem(t, data, err)
			return
		}
		checkOp(t, data, op)
	})
}

// FuzzDecodeBatch: a batch takes exactly those of its ops that would be taken
// alone.
func FuzzDecodeBatch(f *testing.F) {
	f.Add(must(EncodeBatch(Batch{Want: WantChanged, Ops: []model.Op{exampleOp()}})))
	for _, s := range []string{`{"ops":[]}`, `{"ops":[` + seedOp + `,` + strings.Replace(seedOp, `"o"`, `"p"`, 1) + `],"want":"all","x":[{}]}`,
		`{"ops":[` + seedOp + `,` + seedOp + `]}`, `{"ops":[{"opId":"a"},{"opId":"a","kind":"x"}]}`, `{"OPS":[]}`, `{"ops":null}`, `{"ops":[null]}`,
		`{"ops":[],"want":"some"}`, `{"ops":[{},{},{},{}]}`, `{"ops":{}}`} {
		f.Add([]byte(s))
	}
	limits := DefaultLimits()
	limits.Batch = 3
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > maxFuzz {
			return
		}
		b, err := DecodeBatch(data, limits)
		if err != nil {
			checkProblem(t, data, err)
			return
		}
		var m map[string]json.RawMessage
		var raw []json.RawMessage
		if json.Unmarshal(data, &m) != nil || json.Unmarshal(m["ops"], &raw) != nil || !strictly(data) {
			t.Fatalf("%q was accepted", data)
		}
		if len(b.Ops) != len(raw) || len(b.Bad) != len(raw) || len(raw) > limits.Batch || b.Want != WantAll && b.Want != WantChanged {
			t.Fatalf("%q gives %d ops, %d judgements", data, len(b.Ops), len(b.Bad))
		}
		seen := map[string]bool{}
		for i, op := range b.Ops {
			_, alone := DecodeOp(raw[i], limits)
			if (alone == nil) != (b.Bad[i] == nil) {
				t.Fatalf("op %d of %q: %v, alone %v", i, data, b.Bad[i], alone)
			}
			if b.Bad[i] != nil {
				checkProblem(t, data, b.Bad[i])
				continue
			}
			checkOp(t, raw[i], op)
			if seen[op.ID] {
				t.Fatalf("%q has op %q twice", data, op.ID)
			}
			seen[op.ID] = true
		}
	})
}

// FuzzDecodeFields: a body that PUT or PATCH takes becomes an op that another
// server would read from its text, and does the same when sent twice.
func FuzzDecodeFields(f *testing.F) {
	for _, s := range []string{`{"id":"n","title":"T","tags":["b","a"," c "],"log":[{"id":"1","text":"x"}]}`, `{"tags":null,"log":null}`, `{"tags":{"$add":["a"]},"log":{"$append":[]}}`,
		`{"id":"m"}`, `{"deleted":false,"extra":{"k":1},"createdAt":"2026-11-21T08:00:00Z"}`, `{"rev":3}`, `{"body":"\u0000","pinned":null}`} {
		f.Add([]byte(s))
	}
	base := model.Fields{Title: "t", Tags: []string{"a", "z"}, Log: []model.LogEntry{{ID: "1"}}}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > maxFuzz {
			return
		}
		p, err := DecodeFields(data, "n", base)
		if err != nil {
			checkProblem(t, data, err)
			return
		}
		if !strictly(data) {
			t.Fatalf("%q was accepted", data)
		}
		op := model.Op{ID: "o", NoteID: "n", Kind: model.Update, BaseRev: 1, Patch: p}
		if len(CheckOp(op, DefaultLimits())) > 0 {
			return // the server refuses it next
		}
		text, err := EncodeOp(op)
		if err != nil {
			t.Fatalf("%q cannot be written: %v", data, err)
		}
		back, err := DecodeOp(text, DefaultLimits())
		if err != nil || must(Fingerprint(back)) != must(Fingerprint(op)) {
			t.Fatalf("%q is %s: %v", data, text, err)
		}
		once := p.Apply(base)
		again, err := DecodeFields(data, "n", once)
		if err != nil || !model.Equal(again.Apply(once), once) {
			t.Fatalf("%q once %+v, twice %+v, %v", data, once, again.Apply(once), err)
		}
	})
}

// FuzzAnswers: an answer of whatever kind that can be read says the same when
// it is written again, and none that is not strict JSON is read.
func FuzzAnswers(f *testing.F) {
	for _, s := range []string{`{"changes":[{"id":"n","rev":5,"deleted":false,"note":{"id":"n","rev":5,"title":"T"},"at":"2026-11-21T08:00:00Z"},{"id":"m","rev":6,"deleted":true}],"cursor":"e.1.t","epoch":"e"}`,
		`{"results":[{"opId":"o","status":200,"rev":5,"note":{"id":"n","rev":5}},{"opId":"p","status":409,"problem":{"code":"conflict","current":{"id":"p","rev":1}}}]}`,
		`{"code":"conflict","status":1,"errors":[{"field":"a","detail":"b"}],"etag":"\"rev-5\""}`, `{"protocol":"notes-sync/1","epoch":"e"}`, `<html>`, `null`, `{"code":""}`,
		`{"changes":[{"id":"n","rev":5,"note":{"id":"n","rev":5,"deleted":true}}]}`, `{"changes":[{"id":"n","rev":5,"at":"x","deleted":true}]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > maxFuzz {
			return
		}
		if page, ok := readTwice(t, data, DecodePage); ok {
			for _, c := range page.Changes {
				rec, err := c.Record()
				if err != nil {
					continue
				}
				if rec.Fields.Deleted != c.Deleted || rec.ID != c.ID || rec.Rev != c.Rev {
					t.Fatalf("%+v is %+v", c, rec)
				}
				back, err := ChangeOf(rec).Record()
				a, b := must(Marshal(rec)), must(Marshal(back))
				if err != nil || !bytes.Equal(a, b) {
					t.Fatalf("%s as a change is %s, %v", a, b, err)
				}
			}
		}
		readTwice(t, data, DecodeMeta)
		readTwice(t, data, DecodeNote)
		if a, ok := readTwice(t, data, DecodeBatchAnswer); ok {
			for _, r := range a.Results {
				if r.Problem != nil && r.Problem.Status != r.Status {
					t.Fatalf("%+v", r)
				}
			}
		}
		if p, ok := readTwice(t, data, func(data []byte) (*Problem, error) { return DecodeProblem(418, data) }); ok && (p.Status != 418 || p.Code == "") {
			t.Fatalf("%q is %+v", data, p)
		}
	})
}

func readTwice[T any](t *testing.T, data []byte, read func([]byte) (T, error)) (T, bool) {
	t.Helper()
	v, err := read(data)
	if err != nil {
		return v, false
	}
	if !strictly(data) {
		t.Fatalf("%q was read as %+v", data, v)
	}
	text, err := Marshal(v)
	if err != nil {
		t.Fatalf("%q cannot be written: %v", data, err)
	}
	again, err := read(text)
	if err != nil {
		t.Fatalf("%q, written %s: %v", data, text, err)
	}
	if back := must(Marshal(again)); !bytes.Equal(back, text) {
		t.Fatalf("%s then %s", text, back)
	}
	return v, true
}

var (
	tagForm    = regexp.MustCompile(`^"rev-([1-9][0-9]{0,18})"$`)
	cursorForm = regexp.MustCompile(`^[a-z0-9]{1,32}\.(0|[1-9a-z][0-9a-z]{0,31})\.[a-z0-9]{1,32}$`)
	keyForm    = regexp.MustCompile(`^[!#-\[\]-~]{1,255}$`)
	noteForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
)

// FuzzTokens: entity tags, cursors, keys and ids are what their grammars say,
// and nothing else.
func FuzzTokens(f *testing.F) {
	for _, s := range []string{`"rev-5"`, `W/"rev-5"`, `"rev-05"`, `"rev-9223372036854775808"`, `e.1.t`, `e.zz9.t`, `e.01.t`, `e.2gosa7pa2gw.t`, `e.2gosa7pa2gx.t`, "e.1.t\n",
		`"key"`, ` key `, `"`, `""`, `a"b`, `*`, `k\`, strings.Repeat("k", 256), "0-_", "-a", "ä", "a\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > maxFuzz {
			return
		}
		m := tagForm.FindStringSubmatch(strings.TrimSpace(s))
		rev, ok := ParseETag(s)
		if inRange := m != nil && (len(m[1]) < 19 || m[1] <= "9223372036854775807"); ok != inRange || ok && ETag(rev) != strings.TrimSpace(s) {
			t.Fatalf("entity tag %q is %d, %v", s, rev, ok)
		}
		c, err := ParseCursor(s)
		switch parts := strings.Split(s, "."); {
		case err == nil && c.String() != s, err == nil && s != "" && !cursorForm.MatchString(s):
			t.Fatalf("cursor %q is %+v", s, c)
		case err != nil && cursorForm.MatchString(s) && len(parts[1]) < 11: // 36^10 < 2^53
			t.Fatalf("cursor %q: %v", s, err)
		case c.Rev < 0 || c.Rev > 1<<53:
			t.Fatalf("cursor %q is at %d", s, c.Rev)
		}
		bare := strings.TrimSpace(s)
		if len(bare) > 1 && strings.HasPrefix(bare, `"`) && strings.HasSuffix(bare, `"`) {
			bare = bare[1 : len(bare)-1]
		}
		if key, ok := ParseKey(s); ok != keyForm.MatchString(bare) || ok && key != bare {
			t.Fatalf("key %q is %q, %v", s, key, ok)
		}
		if ValidKey(s) != keyForm.MatchString(s) || ValidNoteID(s) != noteForm.MatchString(s) {
			t.Fatalf("%q: key %v, note id %v", s, ValidKey(s), ValidNoteID(s))
		}
	})
}
