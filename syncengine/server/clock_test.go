package server_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine/wire"
)

func TestNative33ServerTime(t *testing.T) {
	s := newSite(t)
	rec := s.post(s.op(model.Create, "n", 0, title("1"))).want(201).note()
	for i := range 20 {
		s.ms.Add(-60_000)
		next := s.post(s.op(model.Update, "n", rec.Rev, title(fmt.Sprint(i)))).want(200).note()
		if !next.ServerAt.After(rec.ServerAt) || next.ServerAt.UnixMilli() != next.Rev {
			t.Errorf("%s after %s, rev %d", next.ServerAt, rec.ServerAt, next.Rev)
		}
		rec = next
	}
	// Another account's clock is its own.
	if bobs := s.post(s.op(model.Create, "n", 0, title("1")), asBob()...).want(201).note(); bobs.ServerAt.After(s.now()) {
		t.Errorf("bob's note is of %s, it is %s", bobs.ServerAt, s.now())
	}
	s.do("PUT", "/notes/n", `{"updatedAtServer":"2020-01-01T00:00:00.000Z"}`, wire.HeaderKey, "k", "If-Match", "*").want(422, wire.CodeValidation)
	text := fmt.Sprintf(`{"opId":"o","entityId":"n","kind":"update","baseRev":%d,"patch":{"title":"t","updatedAtServer":"2020-01-01T00:00:00.000Z"},"createdAt":1}`, rec.Rev)
	s.do("POST", wire.PathOps, text, wire.HeaderKey, "o").want(422, wire.CodeValidation)
	text = strings.Replace(text, `"patch":{"title":"t","updatedAtServer":"2020-01-01T00:00:00.000Z"}`, `"updatedAtServer":"2020-01-01T00:00:00.000Z","rev":5,"patch":{"title":"t"}`, 1)
	next := s.do("POST", wire.PathOps, text, wire.HeaderKey, "o").want(200).note()
	if next.Rev <= rec.Rev || next.ServerAt.Before(rec.ServerAt) || !next.SavedAt.Equal(time.UnixMilli(1)) {
		t.Errorf("%+v", next)
	}
}

// TestNative35OneClock: a write has one number, wherever it is shown, and it
// grows with every write, whatever the wall clock does and whoever writes.
func TestNative35OneClock(t *testing.T) {
	s := newSite(t)
	last := int64(0)
	check := func(r reply, cursor string) model.Record {
		t.Helper()
		rec := r.note()
		at, err := wire.ParseCursor(cursor)
		if err != nil || rec.Rev <= last || at.Rev != rec.Rev || r.head.Get("ETag") != wire.ETag(rec.Rev) || rec.ServerAt.UnixMilli() != rec.Rev {
			t.Fatalf("after %d: rev %d, cursor %d, etag %s, %s (%v)", last, rec.Rev, at.Rev, r.head.Get("ETag"), rec.ServerAt, err)
		}
		page := s.changes(r.head.Get(wire.HeaderPrevCursor), 10)
		if len(page.Changes) != 1 || page.Changes[0].Rev != rec.Rev || page.Cursor != cursor {
			t.Fatalf("in the feed it is %+v", page)
		}
		last = rec.Rev
		return rec
	}
	write := func(r reply) model.Record { t.Helper(); return check(r, r.head.Get(wire.HeaderCursor)) }
	steps := []int64{0, 1, -1, -3_600_000, 5, 0, 3_600_000, -315_360_000_000, 0, 0}
	for i, step := range steps {
		s.ms.Add(step)
		id := fmt.Sprint("n", i)
		rec := write(s.post(s.op(model.Create, id, 0, title("1"))).want(201))
		rec = write(s.post(s.op(model.Update, id, rec.Rev, title("2"))).want(200))
		rec = write(s.do("PUT", "/notes/"+id, `{"body":"x"}`, wire.HeaderKey, fmt.Sprint("k", i), "If-Match", wire.ETag(rec.Rev)).want(200))
		rec = write(s.post(s.op(model.Append, id, 0, model.Patch{LogAppend: []model.LogEntry{{ID: "e"}}})).want(200))
		rec = write(s.post(s.op(model.Delete, id, rec.Rev, model.Patch{})).want(200))
		write(s.post(s.op(model.Purge, id, rec.Rev, model.Patch{})).want(200))
	}
	s.stop()
	s.start()
	s.ms.Add(-1000)
	write(s.post(s.op(model.Create, "after-a-restart", 0, title("1"))).want(201))
}

// TestNative35UnderWriters has many write at once while the clock steps.
func TestNative35UnderWriters(t *testing.T) {
	s := newSite(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[int64]bool{}
	for w := range 8 {
		wg.Go(func() {
			mine := int64(0)
			for i := range 25 {
				s.ms.Add(int64(i%3-1) * 500)
				rev := s.post(s.op(model.Create, fmt.Sprintf("n%d-%d", w, i), 0, title("x"))).want(201).note().Rev
				mu.Lock()
				if seen[rev] || rev <= mine {
					t.Errorf("rev %d given twice or not after %d", rev, mine)
				}
				seen[rev], mine = true, rev
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	last := int64(0)
	for _, c := range s.changes("", 1000).Changes {
		if c.Rev <= last || !seen[c.Rev] {
			t.Errorf("feed: %d after %d", c.Rev, last)
		}
		last = c.Rev
	}
}

// TestNative36UnknownMembersSurvive writes members that no other client knows
// through one way of writing and edits the note through all the others.
func TestNative36UnknownMembersSurvive(t *testing.T) {
	s := newSite(t)
	const foreign = `{"b":1.50,"a":[null,12345678901234567890]}`
	rec := s.do("PUT", "/notes/n", `{"title":"1","body":"whole","tags":["t"],"extra":{"theirs":`+foreign+`,"gone":1}}`, wire.HeaderKey, "k1", "If-None-Match", "*").want(201).note()
	step := func(r reply) {
		t.Helper()
		rec = r.want(200).note()
		if string(rec.Fields.Extra["theirs"]) != foreign {
			t.Fatalf("%s", r.body)
		}
	}
	step(s.post(s.op(model.Update, "n", rec.Rev, title("2"))))
	step(s.do("PUT", "/notes/n", `{"body":"w"}`, wire.HeaderKey, "k2", "If-Match", wire.ETag(rec.Rev)))
	step(s.do("PATCH", "/notes/n", `{"extra":{"gone":null,"new":true}}`, wire.HeaderKey, "k3", "If-Match", wire.ETag(rec.Rev)))
	step(s.post(s.op(model.Append, "n", 0, model.Patch{LogAppend: []model.LogEntry{{ID: "e", Text: "t"}}})))
	if a := s.batch(wire.WantAll, s.op(model.Update, "n", rec.Rev, title("3"))); a.Results[0].Status != 200 {
		t.Fatalf("%+v", a)
	}
	step(s.do("GET", "/notes/n", nil))
	if _, there := rec.Fields.Extra["gone"]; there || string(rec.Fields.Extra["new"]) != "true" || rec.Fields.Title != "3" || rec.Fields.Body != "w" || len(rec.Fields.Log) != 1 {
		t.Errorf("%+v", rec.Fields)
	}
	for _, c := range s.changes("", 10).Changes { // the feed and the history have it whole too
		if string(c.Note.Fields.Extra["theirs"]) != foreign || c.Note.Fields.Tags[0] != "t" {
			t.Errorf("%+v", c.Note)
		}
	}
}

func TestNative37History(t *testing.T) {
	s := newSite(t)
	rev := s.post(s.op(model.Create, "n", 0, title("0"))).want(201).note().Rev
	for i := 1; i < 3; i++ {
		rev = s.post(s.op(model.Update, "n", rev, title(fmt.Sprint(i))), wire.HeaderClientID, fmt.Sprint("dev", i)).want(200).note().Rev
	}
	op := s.op(model.Append, "n", 0, model.Patch{LogAppend: []model.LogEntry{{ID: "e", Text: "t"}}})
	op.Device = "phone"
	rev = s.post(op).want(200).note().Rev
	s.post(s.op(model.Update, "n", 5, title("refused"))).want(409)
	s.post(op).want(200) // a replay is no version
	gone := s.post(s.op(model.Delete, "n", rev, model.Patch{})).want(200).note().Rev
	s.post(s.op(model.Update, "n", gone, model.Patch{Deleted: ptr(false), Title: ptr("back")})).want(200)
	want := []struct {
		kind          model.Kind
		device, title string
		deleted       bool
	}{{model.Update, "ann-laptop", "back", false}, {model.Delete, "ann-laptop", "", true}, {model.Append, "phone", "2", false},
		{model.Update, "dev2", "2", false}, {model.Update, "dev1", "1", false}, {model.Create, "ann-laptop", "0", false}}
	h := decode[wire.History](s.do("GET", "/notes/n/history", nil).want(200))
	if len(h.Versions) != len(want) || h.HasMore {
		t.Fatalf("%+v", h)
	}
	last := int64(1 << 53)
	for i, v := range h.Versions {
		w := want[i]
		if v.Kind != w.kind || v.Device != w.device || v.Note.Fields.Title != w.title || v.Note.Fields.Deleted != w.deleted ||
			v.Rev >= last || v.Note.Rev != v.Rev || v.At == "" {
			t.Errorf("version %d: %+v, want %+v", i, v, w)
		}
		last = v.Rev
	}
	var paged []wire.Version
	for before, more := "", true; more; {
		page := decode[wire.History](s.do("GET", "/notes/n/history?limit=1"+before, nil).want(200))
		paged, more = append(paged, page.Versions...), page.HasMore
		before = fmt.Sprint("&before=", page.Versions[0].Rev)
	}
	if fmt.Sprintf("%+v", paged) != fmt.Sprintf("%+v", h.Versions) {
		t.Errorf("by pages: %+v", paged)
	}
	s.do("GET", "/notes/none/history", nil).want(404, wire.CodeUnknownNote)
	// What is no longer kept is absent, and no base of a conflict either.
	old := h.Versions[4]
	s.onDisk(`UPDATE changes SET snapshot = NULL WHERE rev = ?`, old.Rev)
	kept := decode[wire.History](s.do("GET", "/notes/n/history", nil).want(200)).Versions
	if want := slices.Delete(slices.Clone(h.Versions), 4, 5); fmt.Sprintf("%+v", kept) != fmt.Sprintf("%+v", want) {
		t.Errorf("without version 4: %+v, want %+v", kept, want)
	}
	if p := s.post(s.op(model.Update, "n", old.Rev, title("x"))).want(409, wire.CodeConflict).problem(); p.Base != nil || p.Current == nil {
		t.Errorf("%+v", p)
	}
	// What is erased is absent, never wrong.
	now := s.do("GET", "/notes/n", nil).want(200).note().Rev
	gone = s.post(s.op(model.Delete, "n", now, model.Patch{})).want(200).note().Rev
	s.post(s.op(model.Purge, "n", gone, model.Patch{})).want(200)
	h = decode[wire.History](s.do("GET", "/notes/n/history", nil).want(200))
	if len(h.Versions) != 1 || h.Versions[0].Kind != model.Purge || !h.Versions[0].Note.Purged {
		t.Errorf("%+v", h)
	}
}

// TestNative25ExpiredCursor raises the floor as a compaction does: what lies
// below it is answered 410, what lies above still counts.
func TestNative25ExpiredCursor(t *testing.T) {
	s := newSite(t)
	var at []string
	for i := range 3 {
		at = append(at, s.post(s.op(model.Create, fmt.Sprint("n", i), 0, title("x"))).want(201).head.Get(wire.HeaderCursor))
	}
	floor, err := wire.ParseCursor(at[1])
	if err != nil {
		t.Fatal(err)
	}
	s.onDisk(`UPDATE accounts SET floor = ?, floor_tag = ? WHERE name = 'ann'`, floor.Rev, floor.Tag)
	if p := s.do("GET", wire.PathChanges+"?since="+at[0], nil).want(410, wire.CodeCursorExpired).problem(); p.Resync != "full" {
		t.Errorf("%+v", p)
	}
	s.post(s.op(model.Create, "m", 0, title("x")), wire.HeaderCursor, at[0]).want(410, wire.CodeCursorExpired)
	s.do("GET", "/notes/m", nil).want(404)
	if page := s.changes(at[1], 10); len(page.Changes) != 1 || page.Changes[0].ID != "n2" {
		t.Errorf("%+v", page)
	}
	if page := s.changes("", 10); len(page.Changes) != 3 {
		t.Errorf("%+v", page)
	}
}

// onDisk changes the store's file while the server is stopped, as maintenance
// would.
func (s *site) onDisk(query string, args ...any) {
	s.t.Helper()
	s.stop()
	db, err := sql.Open("sqlite3", s.path)
	if err != nil {
		s.t.Fatal(err)
	}
	if res, err := db.Exec(query, args...); err != nil {
		s.t.Fatal(err)
	} else if n, _ := res.RowsAffected(); n != 1 {
		s.t.Fatalf("%d rows were changed", n)
	}
	if err := db.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.start()
}
