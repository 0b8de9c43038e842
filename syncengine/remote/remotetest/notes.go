package remotetest

import (
	"encoding/json"
	"strings"
	"testing"

	"stet/model"
	"stet/syncengine/remote"
)

var deleted = model.Fields{Deleted: true}

// full has a value in every field.
func full() model.Fields {
	return model.Fields{Title: "Title", Body: "one\ntwo\n", Notebook: "a/b", Tags: []string{"x", "y"}, Pinned: true, Archived: true,
		Color: "red", Order: "a0", Extra: map[string]json.RawMessage{"their": json.RawMessage(`{"n":[1,2.50,null]}`)}}
}

// hostile are texts that something between two devices may be tempted to touch.
func hostile() map[string]string {
	return map[string]string{
		"empty":         "",
		"one byte":      "x",
		"crlf":          "a\r\nb\rc\n\r\n",
		"no newline":    "a\nb",
		"nul":           "a\x00b\x00",
		"controls":      "\x01\x02\x1b[31mred\x1b]0;title\x07\x7f\u0080\u009b",
		"bom":           "\ufeffa\ufeff",
		"emoji":         "👩‍👩‍👧‍👦🏳️‍🌈e\u0301é\u200d\u202eabc",
		"noncharacters": "\ufffe\uffff\ufdd0\U0010ffff\ufffd",
		"separators":    "a\u2028b\u2029c\u0085d",
		"json":          `{"a":"\u0000\\","b":[1,2]}"'` + "`",
		"html":          "<script>alert(1)</script>&amp;&#0;",
		"markers":       "<<<<<<< mine\na\n=======\nb\n>>>>>>> theirs\n",
		"null":          "null",
		"spaces":        " \t a \t \n\n ",
		"long line":     strings.Repeat("word ", 20_000),
		"many lines":    strings.Repeat("\n", 50_000),
		"a megabyte":    strings.Repeat("0123456789abcdef", 1<<16),
		"hard to zip":   scramble(1 << 20),
	}
}

// scramble returns n bytes of printable text without pattern.
func scramble(n int) string {
	out := make([]byte, n)
	x := uint64(0x9e3779b97f4a7c15)
	for i := range out {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		out[i] = byte('!' + x%90)
	}
	return string(out)
}

func testHello(t *testing.T, h Harness) {
	a, b := pair(t, h)
	one, err := a.remote.Hello(t.Context())
	if err != nil || one.Protocol == "" {
		t.Fatalf("%+v, %v", one, err)
	}
	two, err := b.remote.Hello(t.Context())
	if err != nil || one != two {
		t.Errorf("two devices are told %+v and %+v, %v", one, two, err)
	}
	if caps := a.remote.Caps(); caps.MaxBatch < 1 {
		t.Errorf("caps: %+v", caps)
	}
}

// testLife: create, update, delete and restore arrive whole and change only
// what they name.
func testLife(t *testing.T, h Harness) {
	a, b := pair(t, h)
	id := noteID(1)
	f := full()
	rev := a.write(id, f).Rev
	b.pull()
	b.sees(id, f)
	if got := b.notes[id]; got.Rev != rev {
		t.Errorf("revision %d, want %d", got.Rev, rev)
	}
	steps := []func(*model.Fields){
		func(f *model.Fields) { f.Title = "new" },
		func(f *model.Fields) { f.Body = "" },
		func(f *model.Fields) { f.Tags = []string{"y", "z"} },
		func(f *model.Fields) { f.Notebook, f.Pinned, f.Archived, f.Color, f.Order = "", false, false, "", "b1" },
		func(f *model.Fields) { f.Extra = map[string]json.RawMessage{"other": json.RawMessage(`"v"`)} },
		func(f *model.Fields) { f.Extra, f.Tags = nil, nil },
		func(f *model.Fields) { *f = deleted },
		func(f *model.Fields) { *f = full() },
		func(f *model.Fields) { *f = deleted },
		func(f *model.Fields) { *f = model.Fields{Body: "back"} },
	}
	writer, reader := a, b
	for i, step := range steps {
		f = f.Clone()
		step(&f)
		now := writer.write(id, f).Rev
		if now <= rev {
			t.Errorf("step %d: revision goes from %d to %d", i, rev, now)
		}
		rev = now
		reader.pull()
		reader.sees(id, f)
		if got := reader.notes[id].Rev; got != rev {
			t.Errorf("step %d: revision %d, want %d", i, got, rev)
		}
		writer.pull()
		writer.sees(id, f)
		writer, reader = reader, writer
	}
}

// testHostileText: every byte arrives, in every text field.
func testHostileText(t *testing.T, h Harness) {
	a, b := pair(t, h)
	n := 0
	for name, text := range hostile() {
		n++
		id := noteID(n)
		a.write(id, model.Fields{Title: "t", Body: text})
		b.pull()
		if got := b.notes[id].Fields.Body; got != text {
			t.Errorf("%s: created body of %d bytes arrives as %d", name, len(text), len(got))
		}
		if got := b.get(id).Fields.Body; got != text {
			t.Errorf("%s: body of %d bytes is got as %d", name, len(text), len(got))
		}
		if len(text) > 500 || text == "" {
			continue
		}
		f := model.Fields{Title: text, Body: text + text, Color: "c", Tags: []string{"tag"}}
		b.write(id, f)
		a.pull()
		a.sees(id, f)
		if got := a.notes[id].Fields; got.Title != text || got.Body != text+text {
			t.Errorf("%s: updated text differs", name)
		}
	}
}

// testConflict: of two edits of one revision the second is refused and shown
// the first.
func testConflict(t *testing.T, h Harness) {
	a, b := pair(t, h)
	id := noteID(1)
	a.write(id, full())
	b.pull()
	theirs, mine := full(), full()
	theirs.Body, mine.Body = "theirs", "mine"
	rev := a.write(id, theirs).Rev
	out := b.settle(b.plan(id, mine))
	if out.Kind != remote.Conflict || out.Current.Rev != rev || !h.Same(theirs, out.Current.Fields) {
		t.Fatalf("%s %+v", out.Kind, out.Current)
	}
	a.pull()
	a.sees(id, theirs)
	b.write(id, mine) // book took the other side as base
	a.pull()
	a.sees(id, mine)

	stranger := model.Fields{Title: "the same id"}
	delete(b.notes, id)
	if out := b.settle(b.plan(id, stranger)); out.Kind != remote.Conflict || !h.Same(mine, out.Current.Fields) {
		t.Errorf("create of a known id: %s %+v", out.Kind, out.Current)
	}
	a.pull()
	a.sees(id, mine)
}

func testConflictWithDelete(t *testing.T, h Harness) {
	a, b := pair(t, h)
	id, other := noteID(1), noteID(2)
	a.write(id, full())
	a.write(other, full())
	b.pull()
	rev := a.write(id, deleted).Rev
	edit := full()
	edit.Title = "edited"
	out := b.settle(b.plan(id, edit))
	if out.Kind != remote.Conflict || !out.Current.Fields.Deleted || out.Current.Rev != 0 && out.Current.Rev != rev {
		t.Errorf("edit of a deleted note: %s %+v", out.Kind, out.Current)
	}
	b.pull()
	a.write(other, edit)
	out = b.settle(b.plan(other, deleted))
	if out.Kind != remote.Conflict || !h.Same(edit, out.Current.Fields) {
		t.Errorf("delete of an edited note: %s %+v", out.Kind, out.Current)
	}
	a.pull()
	a.sees(other, edit)
}

func testDeleteTwice(t *testing.T, h Harness) {
	a, b := pair(t, h)
	id := noteID(1)
	a.write(id, full())
	b.pull()
	first := a.write(id, deleted)
	out := b.settle(b.plan(id, deleted))
	ok := out.Kind == remote.Applied || out.Kind == remote.Conflict && (out.Current.Fields.Deleted || out.Current.Rev == 0)
	if !ok {
		t.Errorf("second delete: %s %+v", out.Kind, out.Current)
	}
	if out.Kind == remote.Applied && a.remote.Caps().Idempotent && out.Rev != first.Rev {
		t.Errorf("second delete made revision %d of %d", out.Rev, first.Rev)
	}
	a.pull()
	b.pull()
	a.sees(id, deleted)
	b.sees(id, deleted)
}

func testUnknownNote(t *testing.T, h Harness) {
	a, _ := pair(t, h)
	a.pull()
	id := noteID(9)
	if rec := a.get(id); rec.Rev != 0 {
		t.Errorf("get: %+v", rec)
	}
	for i, want := range []model.Fields{{Title: "new"}, deleted} {
		id := noteID(9 + i)
		a.notes[id] = model.Record{ID: id, Rev: 1_700_000_000_000, Fields: model.Fields{Title: "old"}}
		out := a.settle(a.plan(id, want))
		known := out.Kind == remote.Applied && (want.Deleted || h.UpdateCreates)
		if !known && (out.Kind != remote.Conflict || out.Current.Rev != 0 && !out.Current.Fields.Deleted) {
			t.Errorf("deleted %t: %s %+v", want.Deleted, out.Kind, out.Current)
		}
	}
}

func testPurge(t *testing.T, h Harness) {
	if h.NoPurge {
		return // nothing to ask for: the protocol has no such word
	}
	a, b := pair(t, h)
	id := noteID(1)
	a.write(id, full())
	b.pull()
	a.write(id, deleted)
	base := a.notes[id]
	a.agreed(a.freeze(id, model.Net(&base, deleted, true)[0], deleted))
	if rec := a.get(id); !rec.Purged || !rec.Fields.Deleted {
		t.Errorf("after the purge: %+v", rec)
	}
	edit, from := full(), b.cursor
	edit.Title = "too late"
	if out := b.settle(b.plan(id, edit)); out.Kind != remote.Conflict || !out.Current.Purged {
		t.Errorf("edit of an erased note: %s %+v", out.Kind, out.Current)
	}
	b.notes, b.cursor = map[string]model.Record{}, from // it may have pulled to learn that
	b.pull()
	if rec := b.notes[id]; !rec.Purged || rec.Rev != a.notes[id].Rev {
		t.Errorf("the other device is told %+v", rec)
	}
}
