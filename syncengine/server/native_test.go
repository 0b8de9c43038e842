package server_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"stet/model"
	"stet/syncengine/wire"
)

// The tests carry the numbers of the protocol's conformance list.

func TestNative01Create(t *testing.T) {
	s := newSite(t)
	r := s.post(s.op(model.Create, "n", 0, model.Patch{Title: ptr("T"), Body: ptr("a\r\n<&>\x00é"), TagsAdd: []string{"b", "a"}})).want(201)
	rec := r.note()
	if rec.ID != "n" || rec.Rev == 0 || r.head.Get("ETag") != wire.ETag(rec.Rev) || rec.Fields.Body != "a\r\n<&>\x00é" ||
		rec.Device != "ann-laptop" || !rec.ServerAt.Equal(s.now()) {
		t.Errorf("%+v %v", rec, r.head)
	}
	if r.head.Get(wire.HeaderCursor) != s.changes("", 10).Cursor || r.head.Get(wire.HeaderPrevCursor) == "" {
		t.Errorf("cursors: %v", r.head)
	}
}

func TestNative02Update(t *testing.T) {
	s := newSite(t)
	made := s.post(s.op(model.Create, "n", 0, model.Patch{Title: ptr("T"), Body: ptr("B")})).want(201)
	r := s.post(s.op(model.Update, "n", made.note().Rev, title("U")), wire.HeaderClientID, "phone").want(200)
	rec := r.note()
	if rec.Rev <= made.note().Rev || rec.Fields.Title != "U" || rec.Fields.Body != "B" || rec.Device != "phone" {
		t.Errorf("%+v", rec)
	}
	if r.head.Get(wire.HeaderPrevCursor) != made.head.Get(wire.HeaderCursor) {
		t.Error("the cursors of two writes in a row do not meet")
	}
}

func TestNative03Replay(t *testing.T) {
	s := newSite(t)
	op := s.op(model.Create, "n", 0, title("T"))
	first := s.post(op).want(201)
	again := s.post(op).want(201)
	if !bytes.Equal(first.body, again.body) || again.head.Get(wire.HeaderReplayed) != "true" || first.head.Get(wire.HeaderReplayed) != "" ||
		again.head.Get("ETag") != first.head.Get("ETag") {
		t.Errorf("first %s, again %s, %v", first.body, again.body, again.head)
	}
	if len(s.changes("", 10).Changes) != 1 {
		t.Error("the replay made a change")
	}
}

func TestNative04ReplayAfterRestartAndLaterEdit(t *testing.T) {
	s := newSite(t)
	op := s.op(model.Create, "n", 0, title("T"))
	first := s.post(op).want(201)
	s.post(s.op(model.Update, "n", first.note().Rev, title("later"))).want(200)
	s.stop()
	s.start()
	if again := s.post(op).want(201); !bytes.Equal(first.body, again.body) {
		t.Errorf("first %s, again %s", first.body, again.body)
	}
}

func TestNative05KeyReused(t *testing.T) {
	s := newSite(t)
	op := s.op(model.Create, "n", 0, title("T"))
	s.post(op).want(201)
	before := s.changes("", 10).Cursor
	op.Patch = title("other")
	s.post(op).want(422, wire.CodeKeyReused)
	if s.changes("", 10).Cursor != before {
		t.Error("something changed")
	}
}

func TestNative06OtherSpelling(t *testing.T) {
	s := newSite(t)
	a := `{"opId":"k","entity":"note","entityId":"n","kind":"create","baseRev":0,"patch":{"title":"T","body":"B"},"createdAt":1}`
	b := "{\"patch\": {\"body\":\"\\u0042\",\n\"title\":\"T\"},\"createdAt\":1,\"baseRev\":0,\"kind\":\"create\",\"entityId\":\"n\",\"future\":1,\"opId\":\"k\"}"
	first := s.do("POST", wire.PathOps, a, wire.HeaderKey, "k").want(201)
	again := s.do("POST", wire.PathOps, b, wire.HeaderKey, `"k"`).want(201)
	if !bytes.Equal(first.body, again.body) || again.head.Get(wire.HeaderReplayed) != "true" {
		t.Error("not a replay")
	}
}

func TestNative07Keys(t *testing.T) {
	s := newSite(t)
	op := s.op(model.Create, "n", 0, title("T"))
	s.post(op, wire.HeaderKey, "").want(400, wire.CodeMissingKey)
	s.post(op, wire.HeaderKey, "other").want(400, wire.CodeKeyMismatch)
	s.post(op, wire.HeaderKey, "a b").want(400, wire.CodeBadKey)
	s.post(op, wire.HeaderKey, repeat("k", 256)).want(400, wire.CodeBadKey)
	s.post(op, wire.HeaderKey, `"`+op.ID+`"`).want(201)
	if s.post(op).want(201).head.Get(wire.HeaderReplayed) != "true" {
		t.Error("bare and quoted are two keys")
	}
}

func TestNative08OneKey50Times(t *testing.T) {
	s := newSite(t)
	op := s.op(model.Create, "n", 0, title("T"))
	bodies := make([][]byte, 50)
	var wg sync.WaitGroup
	for i := range bodies {
		wg.Go(func() { bodies[i] = s.post(op).want(201).body })
	}
	wg.Wait()
	for _, b := range bodies {
		if !bytes.Equal(b, bodies[0]) {
			t.Errorf("%s differs from %s", b, bodies[0])
		}
	}
	if h := decode[wire.History](s.do("GET", "/notes/n/history", nil).want(200)); len(h.Versions) != 1 {
		t.Errorf("%d versions", len(h.Versions))
	}
}

func TestNative09KeysOfTwoAccounts(t *testing.T) {
	s := newSite(t)
	op := s.op(model.Create, "n", 0, title("T"))
	s.post(op).want(201)
	op.Patch = title("bob's")
	if r := s.post(op, asBob()...).want(201); r.head.Get(wire.HeaderReplayed) != "" || r.note().Fields.Title != "bob's" {
		t.Errorf("%s", r.body)
	}
}

func TestNative10Conflict(t *testing.T) {
	s := newSite(t)
	one := s.post(s.op(model.Create, "n", 0, title("1"))).want(201).note()
	two := s.post(s.op(model.Update, "n", one.Rev, title("2"))).want(200).note()
	before := s.changes("", 10).Cursor
	p := s.post(s.op(model.Update, "n", one.Rev, title("3"))).want(409, wire.CodeConflict).problem()
	if p.Current == nil || p.Current.Rev != two.Rev || p.Current.Fields.Title != "2" || p.ETag != wire.ETag(two.Rev) ||
		p.Base == nil || p.Base.Fields.Title != "1" || p.Current.Device == "" {
		t.Errorf("%+v", p)
	}
	if s.changes("", 10).Cursor != before {
		t.Error("a refused op is in the feed")
	}
}

func TestNative13CreateOfAKnownID(t *testing.T) {
	s := newSite(t)
	rev := s.post(s.op(model.Create, "n", 0, title("1"))).want(201).note().Rev
	if p := s.post(s.op(model.Create, "n", 0, title("2"))).want(409, wire.CodeAlreadyExists).problem(); p.Current == nil || p.Current.Rev != rev {
		t.Errorf("%+v", p)
	}
	rev = s.post(s.op(model.Delete, "n", rev, model.Patch{})).want(200).note().Rev
	s.post(s.op(model.Create, "n", 0, title("2"))).want(409, wire.CodeAlreadyExists)
	purged := s.post(s.op(model.Purge, "n", rev, model.Patch{})).want(200).note()
	if !purged.Purged {
		t.Errorf("%+v", purged)
	}
	s.do("GET", "/notes/n", nil).want(410, wire.CodePurged)
	s.post(s.op(model.Update, "n", purged.Rev, title("2"))).want(410, wire.CodePurged)
	again := s.op(model.Create, "n", 0, title("2"))
	again.UnlessPurged = true
	if p := s.post(again).want(410, wire.CodePurged).problem(); p.Current == nil || !p.Current.Purged || p.Current.Rev != purged.Rev {
		t.Errorf("%+v", p)
	}
	s.post(s.op(model.Create, "n", 0, title("2"))).want(201)
	other := s.op(model.Create, "m", 0, title("2"))
	other.UnlessPurged = true
	s.post(other).want(201)
	wrong := s.op(model.Delete, "m", 0, model.Patch{})
	wrong.UnlessPurged = true
	s.post(wrong).want(422, wire.CodeValidation)
}

func TestNative14DeleteTwice(t *testing.T) {
	s := newSite(t)
	rev := s.post(s.op(model.Create, "n", 0, title("1"))).want(201).note().Rev
	gone := s.post(s.op(model.Delete, "n", rev, model.Patch{})).want(200).note()
	again := s.post(s.op(model.Delete, "n", rev, model.Patch{})).want(200).note()
	if !gone.Fields.Deleted || gone.Rev <= rev || again.Rev != gone.Rev {
		t.Errorf("%+v, then %+v", gone, again)
	}
}

func TestNative15Restore(t *testing.T) {
	s := newSite(t)
	rev := s.post(s.op(model.Create, "n", 0, title("1"))).want(201).note().Rev
	gone := s.post(s.op(model.Delete, "n", rev, model.Patch{})).want(200).note().Rev
	if p := s.post(s.op(model.Update, "n", gone, title("2"))).want(409, wire.CodeConflict).problem(); !p.Current.Fields.Deleted {
		t.Errorf("%+v", p)
	}
	back := s.post(s.op(model.Update, "n", gone, model.Patch{Deleted: ptr(false), Title: ptr("2")})).want(200).note()
	if back.Fields.Deleted || back.Rev <= gone {
		t.Errorf("%+v", back)
	}
}

func TestNative16GetNote(t *testing.T) {
	s := newSite(t)
	made := s.post(s.op(model.Create, "n", 0, title("1"))).want(201)
	r := s.do("GET", "/notes/n", nil).want(200)
	if r.head.Get("ETag") != made.head.Get("ETag") || !bytes.Equal(r.body, made.body) {
		t.Errorf("%s", r.body)
	}
	if r := s.do("GET", "/notes/n", nil, "If-None-Match", `"x", W/`+r.head.Get("ETag")).want(304); len(r.body) > 0 {
		t.Error("304 with a body")
	}
	s.do("GET", "/notes/n", nil, "If-None-Match", `"rev-1"`).want(200)
	s.do("GET", "/notes/m", nil).want(404, wire.CodeUnknownNote)
	s.do("GET", "/notes/..%2f", nil).want(404, wire.CodeUnknownNote)
	s.post(s.op(model.Delete, "n", made.note().Rev, model.Patch{})).want(200)
	if p := s.do("GET", "/notes/n", nil).want(410, wire.CodeDeleted).problem(); p.Current == nil || !p.Current.Fields.Deleted || p.ETag == "" {
		t.Errorf("%+v", p)
	}
}

func TestNative17PutConditions(t *testing.T) {
	s := newSite(t)
	key := func(h ...string) []string {
		return append([]string{wire.HeaderKey, fmt.Sprint("k", s.ids.Add(1))}, h...)
	}
	s.do("PUT", "/notes/n", `{"title":"1"}`, "If-None-Match", "*").want(400, wire.CodeMissingKey)
	s.do("PUT", "/notes/n", `{"title":"1"}`, key()...).want(428, wire.CodeNoCondition)
	s.do("PUT", "/notes/n", `{"title":"1"}`, key("If-Match", `"rev-5"`)...).want(404, wire.CodeUnknownNote)
	made := s.do("PUT", "/notes/n", `{"title":"1"}`, key("If-None-Match", "*")...).want(201)
	old := made.head.Get("ETag")
	next := s.do("PUT", "/notes/n", `{"title":"2"}`, key("If-Match", old)...).want(200).head.Get("ETag")
	if next == old {
		t.Error("the ETag stayed")
	}
	p := s.do("PUT", "/notes/n", `{"title":"3"}`, key("If-Match", old)...).want(412, wire.CodePrecondition).problem()
	if p.Current == nil || p.Current.Fields.Title != "2" || p.ETag != next {
		t.Errorf("%+v", p)
	}
	s.do("PUT", "/notes/n", `{"title":"3"}`, key("If-Match", "W/"+next)...).want(412, wire.CodePrecondition)
	s.do("PUT", "/notes/n", `{"title":"3"}`, key("If-None-Match", "*")...).want(412, wire.CodePrecondition)
	s.do("PUT", "/notes/n", `{"title":"3"}`, key("If-Match", next, "If-None-Match", "*")...).want(412, wire.CodePrecondition)
	s.do("PUT", "/notes/none", `{"title":"3"}`, key("If-Match", "*", "If-None-Match", "*")...).want(404, wire.CodeUnknownNote)
	s.do("PATCH", "/notes/n", `{"title":"3"}`, key("If-Match", `"rev-9", `+next, "Content-Type", wire.TypeMerge)...).want(200)
	s.do("PUT", "/notes/n", `{"title":"4"}`, key("If-Match", "*")...).want(200)
	s.do("PUT", "/notes/n", `{"rev":7}`, key("If-Match", "*")...).want(422, wire.CodeValidation)
	s.do("DELETE", "/notes/n", nil, key()...).want(428, wire.CodeNoCondition)
	s.do("DELETE", "/notes/n", nil, key("If-Match", old)...).want(412, wire.CodePrecondition)
	tag := s.do("GET", "/notes/n", nil).want(200).head.Get("ETag")
	gone := s.do("DELETE", "/notes/n", nil, key("If-Match", tag)...).want(200)
	again := s.do("DELETE", "/notes/n", nil, key("If-Match", tag)...).want(200)
	if gone.note().Rev != again.note().Rev || !again.note().Fields.Deleted {
		t.Errorf("%s, then %s", gone.body, again.body)
	}
}

func TestNative18PutRetry(t *testing.T) {
	s := newSite(t)
	rev := s.post(s.op(model.Create, "n", 0, model.Patch{TagsAdd: []string{"a", "b"}})).want(201).note().Rev
	put := func() reply {
		return s.do("PUT", "/notes/n", `{"title":"2","tags":["b","c"]}`, wire.HeaderKey, "k", "If-Match", wire.ETag(rev))
	}
	first := put().want(200)
	s.post(s.op(model.Update, "n", first.note().Rev, model.Patch{TagsAdd: []string{"z"}})).want(200)
	again := put().want(200)
	if !bytes.Equal(first.body, again.body) || again.head.Get(wire.HeaderReplayed) != "true" {
		t.Errorf("%s, then %s", first.body, again.body)
	}
	star := func() reply {
		return s.do("PUT", "/notes/n", `{"tags":["q"]}`, wire.HeaderKey, "k2", "If-Match", "*")
	}
	first, again = star().want(200), star().want(200)
	if !bytes.Equal(first.body, again.body) {
		t.Errorf("%s, then %s", first.body, again.body)
	}
}

func TestNative19PutOmitsAndClears(t *testing.T) {
	s := newSite(t)
	rec := s.post(s.op(model.Create, "n", 0, model.Patch{Title: ptr("T"), TagsAdd: []string{"a", "b"}})).want(201).note()
	rec = s.do("PUT", "/notes/n", `{"body":"B"}`, wire.HeaderKey, "k1", "If-Match", wire.ETag(rec.Rev)).want(200).note()
	if len(rec.Fields.Tags) != 2 || rec.Fields.Title != "T" || rec.Fields.Body != "B" {
		t.Errorf("%+v", rec)
	}
	rec = s.do("PUT", "/notes/n", `{"tags":null,"title":null}`, wire.HeaderKey, "k2", "If-Match", wire.ETag(rec.Rev)).want(200).note()
	if len(rec.Fields.Tags) != 0 || rec.Fields.Title != "" || rec.Fields.Body != "B" {
		t.Errorf("%+v", rec)
	}
}

func TestNative20ColdPagesHaveEveryLiveNoteOnce(t *testing.T) {
	s := newSite(t)
	for i := range 9 {
		s.post(s.op(model.Create, fmt.Sprint("n", i), 0, title("x"))).want(201)
	}
	for _, gone := range []string{"n2", "n8"} {
		s.post(s.op(model.Delete, gone, s.do("GET", "/notes/"+gone, nil).note().Rev, model.Patch{})).want(200)
	}
	for limit := 1; limit <= 10; limit++ {
		seen, at, pages := map[string]int{}, "", 0
		for more := true; more; pages++ {
			page := s.changes(at, limit)
			for _, c := range page.Changes {
				if c.Deleted && pages > 0 { // from the second page on the server knows no cold reader
					continue
				}
				seen[c.ID]++
				if c.Note == nil || c.Deleted || c.Rev == 0 || c.OpID == "" || c.Device == "" || c.At == "" {
					t.Errorf("%+v", c)
				}
			}
			if len(page.Changes) > limit || page.Epoch == "" || page.ServerTime == "" {
				t.Errorf("limit %d: %+v", limit, page)
			}
			at, more = page.Cursor, page.HasMore
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("limit %d: %s came %d times", limit, id, n)
			}
		}
		if page := s.changes(at, 3); len(seen) != 7 || len(page.Changes) != 0 || page.HasMore || page.Cursor != at {
			t.Fatalf("limit %d: %d seen in %d pages, then %+v", limit, len(seen), pages, page)
		}
	}
	list := decode[wire.List](s.do("GET", "/notes", nil).want(200))
	if len(list.Notes) != 7 {
		t.Errorf("%d live notes", len(list.Notes))
	}
}

func TestNative21ChangesAfterACursor(t *testing.T) {
	s := newSite(t)
	a := s.post(s.op(model.Create, "a", 0, title("x"))).want(201).note()
	b := s.post(s.op(model.Create, "b", 0, title("x"))).want(201).note()
	s.post(s.op(model.Create, "quiet", 0, title("x"))).want(201)
	at := s.changes("", 10).Cursor
	gone := s.post(s.op(model.Delete, "a", a.Rev, model.Patch{})).want(200).note()
	b = s.post(s.op(model.Update, "b", b.Rev, title("y"))).want(200).note()
	b = s.post(s.op(model.Update, "b", b.Rev, title("z"))).want(200).note()
	fresh := s.post(s.op(model.Create, "c", 0, title("x"))).want(201).note()
	page := s.changes(at, 10)
	if len(page.Changes) != 3 || page.HasMore {
		t.Fatalf("%+v", page)
	}
	if c := page.Changes[0]; c.ID != "a" || !c.Deleted || c.Note != nil || c.Rev != gone.Rev || c.UpdatedAtServer == "" {
		t.Errorf("tombstone: %+v", c)
	}
	if c := page.Changes[1]; c.ID != "b" || c.Rev != b.Rev || c.Note == nil || c.Note.Fields.Title != "z" {
		t.Errorf("update: %+v", c)
	}
	if c := page.Changes[2]; c.ID != "c" || c.Rev != fresh.Rev || c.Note == nil {
		t.Errorf("create: %+v", c)
	}
}

// TestNative23CursorSavedMidway keeps the cursor of every page, lets notes
// change behind and before it, and goes on from each as after a restart.
func TestNative23CursorSavedMidway(t *testing.T) {
	s := newSite(t)
	for i := range 12 {
		s.post(s.op(model.Create, fmt.Sprint("n", i), 0, title("x"))).want(201)
	}
	type point struct {
		at   string
		seen map[string]int64
	}
	seen, at := map[string]int64{}, ""
	var points []point
	for more := true; more; {
		page := s.changes(at, 3)
		for _, c := range page.Changes {
			seen[c.ID] = c.Rev
		}
		at, more = page.Cursor, page.HasMore
		points = append(points, point{at, maps.Clone(seen)})
	}
	for _, id := range []string{"n1", "n7"} { // read already, or not yet, according to the point
		s.post(s.op(model.Update, id, seen[id], title("y"))).want(200)
	}
	s.post(s.op(model.Delete, "n4", seen["n4"], model.Patch{})).want(200)
	s.stop()
	s.start()
	want := map[string]int64{}
	for i := range 12 {
		id := fmt.Sprint("n", i)
		if r := s.do("GET", "/notes/"+id, nil); r.status == 200 {
			want[id] = r.note().Rev
		}
	}
	for i, p := range points {
		for at, more := p.at, true; more; {
			page := s.changes(at, 3)
			for _, c := range page.Changes {
				if p.seen[c.ID] = c.Rev; c.Deleted {
					delete(p.seen, c.ID)
				}
			}
			at, more = page.Cursor, page.HasMore
		}
		if !maps.Equal(p.seen, want) {
			t.Errorf("from page %d on: %v, want %v", i, p.seen, want)
		}
	}
}

func TestNative22PagingUnderWriters(t *testing.T) {
	s := newSite(t)
	const writers, each = 8, 130
	var wg sync.WaitGroup
	final := sync.Map{}
	for w := range writers {
		wg.Go(func() {
			revs := map[string]int64{}
			for i := range each {
				id := fmt.Sprintf("n%d-%d", w, i%9)
				op := s.op(model.Create, id, 0, title("x"))
				if rev := revs[id]; rev > 0 {
					op.Kind, op.BaseRev, op.Patch = model.Update, rev, title(fmt.Sprint(i))
				}
				r := s.post(op)
				if r.status >= 300 {
					t.Errorf("%s", r.body)
				}
				revs[id] = r.note().Rev
			}
			for id, rev := range revs {
				final.Store(id, rev)
			}
		})
	}
	finished := make(chan struct{})
	go func() { wg.Wait(); close(finished) }()
	seen, at := map[string]int64{}, ""
	for last := false; ; {
		page := s.changes(at, 1)
		for _, c := range page.Changes {
			seen[c.ID] = c.Rev
		}
		at = page.Cursor
		if len(page.Changes) > 0 {
			continue
		}
		if last {
			break
		}
		select {
		case <-finished:
			last = true
		default:
		}
	}
	n := 0
	final.Range(func(id, rev any) bool {
		if n++; seen[id.(string)] != rev.(int64) {
			t.Errorf("%s: seen %d, is %d", id, seen[id.(string)], rev)
		}
		return true
	})
	if n != writers*9 || len(seen) != n {
		t.Errorf("%d notes, %d seen", n, len(seen))
	}
}

func TestNative25Cursors(t *testing.T) {
	s := newSite(t)
	s.post(s.op(model.Create, "n", 0, title("x"))).want(201)
	at, err := wire.ParseCursor(s.changes("", 10).Cursor)
	if err != nil {
		t.Fatal(err)
	}
	ahead, other, forged := at, at, at
	ahead.Rev++
	other.Epoch = "zzzzzzzzzz"
	forged.Tag = "aaaaaaaa"
	for text, want := range map[string]struct {
		status int
		code   string
	}{"rubbish": {400, wire.CodeBadCursor}, ahead.String(): {410, wire.CodeCursorUnknown},
		other.String(): {410, wire.CodeEpochChanged}, forged.String(): {410, wire.CodeCursorUnknown}} {
		if p := s.do("GET", wire.PathChanges+"?since="+text, nil).want(want.status, want.code).problem(); p.Resync != "full" {
			t.Errorf("%s: resync %q", text, p.Resync)
		}
		op := s.op(model.Create, "m", 0, title("x"))
		s.post(op, wire.HeaderCursor, text).want(want.status, want.code)
	}
	s.do("GET", "/notes/m", nil).want(404)
	s.do("GET", wire.PathNotes+"?cursor=rubbish", nil).want(400, wire.CodeBadCursor)
	s.do("GET", wire.PathChanges+"?limit=0", nil).want(400, wire.CodeBadParameter)
	s.do("GET", wire.PathChanges+"?limit=1001", nil).want(400, wire.CodeBadParameter)
}

func TestNative26QuietPoll(t *testing.T) {
	s := newSite(t)
	s.post(s.op(model.Create, "n", 0, title("x"))).want(201)
	r := s.do("GET", wire.PathChanges, nil).want(200)
	at := decode[wire.Page](r).Cursor
	if r.head.Get("Cache-Control") != "private, no-cache" || r.head.Get("Vary") != "Authorization" {
		t.Errorf("%v", r.head)
	}
	quiet := s.do("GET", wire.PathChanges+"?since="+at, nil, "If-None-Match", r.head.Get("ETag")).want(304)
	if len(quiet.body) > 0 || !strings.Contains(quiet.head.Get("Cache-Control"), "private") {
		t.Errorf("%v", quiet)
	}
	s.post(s.op(model.Create, "m", 0, title("x"))).want(201)
	s.do("GET", wire.PathChanges+"?since="+at, nil, "If-None-Match", r.head.Get("ETag")).want(200)
}

// TestQuietPollBytes counts request and answer on the wire.
func TestQuietPollBytes(t *testing.T) {
	s := newSite(t)
	token := "stet_" + repeat("x", 43)
	at := s.changes("", 10).Cursor
	request := "GET /sync/changes?since=" + at + "&limit=1000 HTTP/1.1\r\nHost: 127.0.0.1:8420\r\nUser-Agent: stet\r\n" +
		"Authorization: Bearer " + annToken + "\r\nIf-None-Match: \"" + at + "\"\r\nAccept-Encoding: zstd\r\n\r\n"
	conn, err := net.Dial("tcp", s.http.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	size := len(request) + len(token) - len(annToken)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if size += len(line); line == "\r\n" {
			break
		}
	}
	t.Logf("a quiet poll takes %d bytes", size)
	if size > 373 {
		t.Errorf("a quiet poll takes %d bytes, want at most 373", size)
	}
}

func TestNative27Batch(t *testing.T) {
	s := newSite(t)
	rev := s.post(s.op(model.Create, "a", 0, title("a"))).want(201).note().Rev
	before := s.changes("", 10).Cursor
	ops := []model.Op{s.op(model.Create, "b", 0, title("b")), s.op(model.Update, "a", 1, title("x")), s.op(model.Create, "c", 0, title("c")),
		s.op(model.Update, "a", rev, title("y")), s.op(model.Append, "b", 0, model.Patch{LogAppend: []model.LogEntry{{ID: "e", Text: "t"}}})}
	answer := s.batch(wire.WantChanged, ops...)
	for i, want := range []int{201, 409, 201, 424, 200} {
		r := answer.Results[i]
		if r.OpID != ops[i].ID || r.Status != want || want < 300 && (r.Rev == 0 || r.UpdatedAtServer == "") {
			t.Errorf("op %d: %+v", i, r)
		}
	}
	if answer.Results[1].Problem.Current == nil || answer.Results[0].Note != nil || answer.Results[4].Note == nil {
		t.Errorf("%+v", answer.Results)
	}
	after := s.changes("", 10).Cursor
	if answer.PrevCursor != before || answer.Cursor != after {
		t.Errorf("cursors %s to %s, want %s to %s", answer.PrevCursor, answer.Cursor, before, after)
	}
	again := s.batch(wire.WantAll, ops...)
	for i, want := range []int{201, 409, 201, 424, 200} {
		if r := again.Results[i]; r.Status != want || r.Replayed != (want < 300) || r.Rev != answer.Results[i].Rev || (r.Note != nil) != (want < 300) {
			t.Errorf("again, op %d: %+v", i, r)
		}
	}
	if s.changes("", 10).Cursor != after || again.Cursor != "" {
		t.Error("the second time changed something")
	}
}

func TestBatchWithAnOpThatCannotBeTaken(t *testing.T) {
	s := newSite(t)
	good := s.op(model.Create, "a", 0, title("a"))
	bad := s.op(model.Create, "b", 0, title(repeat("x", 1025)))
	later := s.op(model.Create, "b", 0, title("fine"))
	answer := s.batch(wire.WantAll, good, bad, later)
	for i, want := range []int{201, 422, 424} {
		if answer.Results[i].Status != want {
			t.Errorf("op %d: %+v", i, answer.Results[i])
		}
	}
}

func TestNative28Limits(t *testing.T) {
	s := newSite(t)
	ops := make([]model.Op, 501)
	for i := range ops {
		ops[i] = s.op(model.Create, fmt.Sprint("n", i), 0, title("x"))
	}
	body, _ := wire.EncodeBatch(wire.Batch{Ops: ops})
	s.do("POST", wire.PathBatch, body).want(422, wire.CodeTooManyOps)
	if len(s.changes("", 10).Changes) > 0 {
		t.Error("something was applied")
	}
	s.do("POST", wire.PathBatch, repeat(" ", 16<<20+1)).want(413, wire.CodeTooLarge)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 40 {
		_, _ = z.Write(make([]byte, 1<<20))
	}
	_ = z.Close()
	s.do("POST", wire.PathBatch, bomb.Bytes(), "Content-Encoding", "gzip").want(413, wire.CodeTooLarge)
	enc, _ := zstd.NewWriter(nil)
	s.do("POST", wire.PathBatch, enc.EncodeAll(make([]byte, 40<<20), nil), "Content-Encoding", "zstd").want(413, wire.CodeTooLarge)
}

func TestNative34Append(t *testing.T) {
	s := newSite(t)
	rev := s.post(s.op(model.Create, "n", 0, title("1"))).want(201).note().Rev
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			op := s.op(model.Append, "n", rev, model.Patch{LogAppend: []model.LogEntry{{ID: fmt.Sprint("e", i), Text: "t"}}})
			s.post(op).want(200)
			s.post(op).want(200)
		})
	}
	wg.Wait()
	rec := s.do("GET", "/notes/n", nil).note()
	if len(rec.Fields.Log) != 2 || rec.Fields.Log[0].ID == rec.Fields.Log[1].ID {
		t.Errorf("%+v", rec.Fields.Log)
	}
}

func TestCodings(t *testing.T) {
	s := newSite(t)
	op := s.op(model.Create, "n", 0, model.Patch{Body: ptr(repeat("text ", 1000))})
	body, _ := wire.EncodeOp(op)
	enc, _ := zstd.NewWriter(nil)
	s.do("POST", wire.PathOps, enc.EncodeAll(body, nil), "Content-Encoding", "zstd", wire.HeaderKey, op.ID).want(201)
	plain := s.do("GET", "/notes/n", nil, "Accept-Encoding", "identity").want(200)
	for coding, open := range map[string]func(io.Reader) (io.Reader, error){
		"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"zstd": func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r) }} {
		accept := coding
		if coding == "zstd" {
			accept = "gzip;q=0.5, zstd"
		}
		r := s.do("GET", "/notes/n", nil, "Accept-Encoding", accept).want(200)
		if r.head.Get("Content-Encoding") != coding || len(r.body) > len(plain.body)/4 {
			t.Errorf("%s: %v, %d bytes", coding, r.head, len(r.body))
		}
		z, err := open(bytes.NewReader(r.body))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, plain.body) {
			t.Errorf("%s: %v", coding, err)
		}
	}
	if r := s.do("GET", "/notes/n", nil, "Accept-Encoding", "gzip;q=0").want(200); r.head.Get("Content-Encoding") != "" {
		t.Error("coded although refused")
	}
}

func TestMeta(t *testing.T) {
	s := newSite(t)
	m := decode[wire.Meta](s.do("GET", wire.PathMeta, nil).want(200))
	if m.Protocol != wire.Protocol || m.Account != "ann" || m.Epoch == "" || m.Cursor == "" || m.Limits != wire.DefaultLimits() {
		t.Errorf("%+v", m)
	}
	if r := s.do(http.MethodHead, wire.PathMeta, nil).want(200); len(r.body) > 0 {
		t.Error("HEAD with a body")
	}
}

// An accepted op can be answered without the note's fields, but an append never
// is: its answer may hold what others wrote.
func TestPreferMinimal(t *testing.T) {
	s := newSite(t)
	minimal := []string{wire.HeaderPrefer, wire.PreferMinimal}
	made := s.post(s.op(model.Create, "n", 0, model.Patch{Title: ptr("T"), Body: ptr("B")}), minimal...).want(201)
	if rec := made.note(); rec.Rev == 0 || rec.Fields.Title != "" || rec.Fields.Body != "" || made.head.Get(wire.HeaderPreferApplied) != wire.PreferMinimal {
		t.Errorf("%s %v", made.body, made.head)
	}
	entry := model.Patch{LogAppend: []model.LogEntry{{ID: "e", Text: "x"}}}
	added := s.post(s.op(model.Append, "n", 0, entry), minimal...).want(200)
	if rec := added.note(); rec.Fields.Body != "B" || len(rec.Fields.Log) != 1 || added.head.Get(wire.HeaderPreferApplied) != "" {
		t.Errorf("an append was answered with %s", added.body)
	}
}
