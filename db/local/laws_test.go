package local

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stet/model"
	"stet/syncengine/store"
)

// plainStore is the contract told without a database.
type plainStore struct {
	notes    map[string]model.Note
	shadows  map[string]model.Record
	texts    map[string][]model.Fields // every text ever put or kept
	versions map[string]map[int64]model.Fields
}

func newPlain() *plainStore {
	return &plainStore{map[string]model.Note{}, map[string]model.Record{}, map[string][]model.Fields{}, map[string]map[int64]model.Fields{}}
}

func (p *plainStore) put(n model.Note) {
	old, had := p.notes[n.ID]
	last := int64(0)
	for v := range p.versions[n.ID] {
		last = max(last, v)
	}
	switch {
	case !had:
		n.Version = last + 1
	case model.SameText(old.Fields, n.Fields):
		n.Version = old.Version
	default:
		p.keep(n.ID, old.Version, old.Fields)
		n.Version = max(last, old.Version) + 1
	}
	switch {
	case n.Status == model.Synced:
		delete(p.shadows, n.ID)
	case had && old.Status == model.Synced && old.Rev != 0:
		if _, set := p.shadows[n.ID]; !set {
			p.shadows[n.ID] = recordOf(old)
		}
	}
	p.notes[n.ID] = n
	p.texts[n.ID] = append(p.texts[n.ID], n.Fields)
}

func (p *plainStore) keep(id string, version int64, f model.Fields) {
	if p.versions[id] == nil {
		p.versions[id] = map[int64]model.Fields{}
	}
	p.versions[id][version] = f
}

func (p *plainStore) shadow(id string) (model.Record, bool) {
	if n, ok := p.notes[id]; ok && n.Status == model.Synced {
		return recordOf(n), n.Rev != 0
	}
	rec, ok := p.shadows[id]
	return rec, ok
}

func (p *plainStore) counts() (c model.Counts) {
	for _, n := range p.notes {
		switch shelfOf(n) {
		case shelfLive, shelfArchived:
			c.Notes++
		case shelfTrash:
			c.Trash++
		}
		switch n.Status {
		case model.Pending:
			c.Pending++
		case model.NeedsReview:
			c.NeedsReview++
		case model.Failed:
			c.Error++
		}
	}
	return c
}

func (p *plainStore) list(q model.Query) (ids []string) {
	var rows []model.Note
	for _, n := range p.notes {
		if slices.Contains(shelves(q), shelfOf(n)) {
			rows = append(rows, n)
		}
	}
	key := func(n model.Note) model.Key {
		return model.KeyOf(model.Head{ID: n.ID, Pinned: n.Pinned, Deleted: n.Deleted, UpdatedAt: n.UpdatedAt})
	}
	sort.Slice(rows, func(i, j int) bool { return precedes(key(rows[i]), key(rows[j])) })
	for _, n := range rows {
		ids = append(ids, n.ID)
	}
	return ids
}

var (
	genText   = rapid.SampledFrom([]string{"", "a", "b\x00c", "long\n", "äöü 会議", "x\r\ny", "1", "2", "3"})
	genStatus = rapid.SampledFrom([]model.Status{model.Synced, model.Pending, model.Pending, model.NeedsReview, model.Failed})
	genID     = rapid.SampledFrom([]string{"n1", "n2", "n3", "n4", "n5", "n6"})
)

func genNote(t *rapid.T) model.Note {
	n := model.Note{ID: genID.Draw(t, "id"), UpdatedAt: t0.Add(time.Duration(rapid.IntRange(0, 4).Draw(t, "at")) * time.Second),
		Status: genStatus.Draw(t, "status"), Rev: rapid.Int64Range(0, 3).Draw(t, "rev"), Cause: model.CauseEdit}
	n.Title, n.Body, n.Notebook = genText.Draw(t, "title"), genText.Draw(t, "body"), genText.Draw(t, "book")
	n.Tags = model.NormalTags(rapid.SliceOfN(genText, 0, 3).Draw(t, "tags"))
	n.Pinned, n.Archived, n.Deleted = rapid.Bool().Draw(t, "pin"), rapid.Bool().Draw(t, "arch"), rapid.IntRange(0, 3).Draw(t, "del") == 0
	n.Purged = n.Deleted && rapid.Bool().Draw(t, "purged")
	return n
}

// TestContractLaws runs random histories against the plain telling of the
// contract: L1 rows and shadows equal; L2 every text ever put is in the
// history; L3 counters equal a recount; L4 windows equal a full sort.
func TestContractLaws(t *testing.T) {
	dir := t.TempDir()
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		path := filepath.Join(dir, fmt.Sprint(run), "stet.db")
		defer os.RemoveAll(filepath.Dir(path))
		s, err := Open(context.Background(), Options{Path: path, Now: testNow})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		p := newPlain()
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			if err := s.Write(context.Background(), func(tx store.Tx) error {
				for range rapid.IntRange(1, 3).Draw(t, "in one tx") {
					if err := randomStep(t, tx, p); err != nil {
						return err
					}
				}
				return sameCounts(t, tx, p)
			}); err != nil {
				t.Fatal(err)
			}
		}
		checkRows(t, s, p)
		checkWindows(t, s, p)
	})
}

func sameCounts(t *rapid.T, r store.Reader, p *plainStore) error {
	c, err := r.Counts()
	if err == nil && c != p.counts() {
		t.Fatalf("counts %+v, recount %+v", c, p.counts())
	}
	return err
}

func randomStep(t *rapid.T, tx store.Tx, p *plainStore) error {
	switch rapid.IntRange(0, 9).Draw(t, "step") {
	case 0:
		id := genID.Draw(t, "id")
		status := genStatus.Draw(t, "status")
		n, ok := p.notes[id]
		if !ok {
			return nil
		}
		if n.Status == model.Synced && status != model.Synced && n.Rev != 0 {
			p.shadows[id] = recordOf(n)
		}
		if status == model.Synced {
			delete(p.shadows, id)
		}
		n.Status = status
		p.notes[id] = n
		return tx.SetStatus(id, status)
	case 1:
		n := genNote(t)
		if p.notes[n.ID].Status == model.Synced {
			return nil // the engine sets shadows of unsynced rows
		}
		rec := model.Record{ID: n.ID, Rev: n.Rev, Fields: n.Fields}
		delete(p.shadows, n.ID)
		if rec.Rev != 0 {
			want := rec
			if want.Fields.Deleted {
				want.Fields = model.Fields{Deleted: true}
			}
			p.shadows[n.ID] = want
		}
		return tx.PutShadow(rec)
	case 2:
		n := genNote(t)
		var last int64
		for v := range p.versions[n.ID] {
			last = max(last, v)
		}
		last = max(last, p.notes[n.ID].Version)
		p.texts[n.ID] = append(p.texts[n.ID], n.Fields)
		// Rev is unique, so that the rule against doubles has no part here.
		p.keep(n.ID, last+1, n.Fields)
		return tx.KeepVersion(model.Version{NoteID: n.ID, Rev: 1000 + int64(len(p.texts[n.ID])), Fields: n.Fields})
	case 3:
		id := genID.Draw(t, "id")
		erase := rapid.Bool().Draw(t, "erase")
		if n, ok := p.notes[id]; ok && !erase {
			erase = true // the present text leaves with its row
			_ = n
		}
		delete(p.notes, id)
		delete(p.shadows, id)
		if erase {
			delete(p.versions, id)
			delete(p.texts, id)
		}
		return tx.DropNote(id, erase)
	}
	n := genNote(t)
	p.put(n)
	got, err := tx.PutNote(n)
	if err == nil && got.Version != p.notes[n.ID].Version {
		t.Fatalf("version %d, want %d", got.Version, p.notes[n.ID].Version)
	}
	return err
}

func checkRows(t *rapid.T, s *Store, p *plainStore) {
	ctx := context.Background()
	for _, id := range []string{"n1", "n2", "n3", "n4", "n5", "n6"} {
		want, has := p.notes[id]
		got, err := s.Get(ctx, id)
		if has != (err == nil) || has && (!sameFields(got.Fields, want.Fields) || got.Status != want.Status || got.Version != want.Version || got.Rev != want.Rev) {
			t.Fatalf("note %s: %+v, %v; want %+v", id, got, err, want)
		}
		if err := s.Read(ctx, func(r store.Reader) error {
			rec, ok, err := r.Shadow(id)
			want, has := p.shadow(id)
			if ok != has || ok && (rec.Rev != want.Rev || !sameFields(rec.Fields, want.Fields)) {
				t.Fatalf("shadow of %s: %+v %v; want %+v %v", id, rec, ok, want, has)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		history, err := s.History(ctx, id, 0)
		if err != nil && len(p.texts[id]) > 0 && !want.Purged {
			t.Fatal(err)
		}
		for _, text := range p.texts[id] {
			if want.Purged && model.SameText(text, want.Fields) {
				continue // the present text of a purged note is not shown
			}
			if !slices.ContainsFunc(history, func(v model.Version) bool { return model.SameText(v.Fields, text) }) {
				t.Fatalf("%s lost a text: %+v", id, text)
			}
		}
	}
}

func sameFields(a, b model.Fields) bool {
	return model.SameText(a, b) && a.Pinned == b.Pinned && a.Archived == b.Archived && a.Deleted == b.Deleted
}

func checkWindows(t *rapid.T, s *Store, p *plainStore) {
	for _, q := range []model.Query{{}, {All: true}, {Trash: true}} {
		want := p.list(q)
		var got []string
		w := model.Window{After: 2}
		for {
			page, err := s.List(context.Background(), q, w)
			if err != nil {
				t.Fatal(err)
			}
			rows := page.Rows
			if w.Anchor != nil {
				rows = rows[1:] // the anchor itself
			}
			for _, h := range rows {
				got = append(got, h.ID)
			}
			if page.AtEnd {
				break
			}
			k := model.KeyOf(page.Rows[len(page.Rows)-1])
			w = model.Window{Anchor: &k, After: 3}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%+v: paged %v, sorted %v", q, got, want)
		}
		end, err := s.List(context.Background(), q, model.Window{FromEnd: true, Before: 3})
		if err != nil || !end.AtEnd || end.AtTop != (len(want) <= 3) || len(end.Rows) != min(3, len(want)) {
			t.Fatalf("from the end: %+v %v", end, err)
		}
		for i, h := range end.Rows {
			if h.ID != want[len(want)-len(end.Rows)+i] {
				t.Fatalf("from the end: %v, want %v", end.Rows, want)
			}
		}
		all, err := s.Find(context.Background(), q, 0)
		if err != nil || len(all) != len(want) {
			t.Fatalf("find: %d of %d, %v", len(all), len(want), err)
		}
	}
}
