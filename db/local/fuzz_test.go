package local

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"stet/model"
)

// FuzzFind: no line makes an error of a real store, in either build; a limit
// takes the first of what is found; and what is found by tag has it.
func FuzzFind(f *testing.F) {
	for _, s := range []string{"cat", `"two of" -dog`, `tag:All is:pinned`, `-tag:x' title:"`, `notebook:Lib/% status:pending`, `notebook:_ib`, `created:2026 updated:<2027-01`,
		`is:conflict -is:task`, `foo_bar(x)`, "a\x00 \xff", `会議 -資料`, `title:NEAR(`, `is:deleted`, `*`, `is:archived cat`, `tag:"a b"`} {
		f.Add(s, uint8(2))
	}
	s := openTemp(f)
	for i, body := range []string{"opening hours: daily", "how to concatenate two of them", "- [ ] the cat sleeps, the dog runs", "来週の東京会議について", "call foo_bar(x) 🎉", "before\x00after"} {
		n := note(noteID(i), "Title "+body[:4], body)
		n.UpdatedAt = t0.Add(time.Duration(i) * time.Minute)
		n.Tags, n.Notebook, n.Pinned, n.Archived = []string{"All", body[:3]}, "Lib/"+body[:1], i == 2, i == 3
		put(f, s, n)
	}
	ctx := context.Background()
	f.Fuzz(func(t *testing.T, line string, limit uint8) {
		if len(line) > 256 {
			return
		}
		q, err := model.ParseQuery(line, time.UTC)
		if err != nil {
			if !errors.Is(err, model.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		for _, sort := range []model.Sort{model.SortUpdated, model.SortTitle} {
			q.Sort = sort
			all, err := s.Find(ctx, q, 0)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			some, err := s.FindComplete(ctx, q, int(limit%8)+1)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if want := all[:min(len(all), int(limit%8)+1)]; !slices.EqualFunc(some, want, func(a, b model.Head) bool { return a.ID == b.ID }) {
				t.Fatalf("%q finds %d, the first %d are others", line, len(all), len(some))
			}
			for _, h := range all {
				checkHead(t, q, h, line)
			}
		}
	})
}

// checkHead holds an answer against the conditions that a head shows.
func checkHead(t *testing.T, q model.Query, h model.Head, line string) {
	for _, m := range q.Tag {
		if has := slices.ContainsFunc(h.Tags, func(s string) bool { return strings.EqualFold(s, m.Value) }); has == m.Not {
			t.Fatalf("%q finds %v", line, h.Tags)
		}
	}
	for _, m := range q.Is {
		flag, known := map[string]bool{"pinned": h.Pinned, "archived": h.Archived, "deleted": h.Deleted}[m.Value]
		if known && flag == m.Not {
			t.Fatalf("%q finds %+v", line, h)
		}
	}
}
