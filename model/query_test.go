package model

import (
	"errors"
	"testing"
	"time"
)

func TestParseQuery(t *testing.T) {
	q, err := ParseQuery(`Milk "oat milk" -bread title:Shop -tag:old notebook:/a/b/ status:review is:pinned updated:>2026-11 x:y`, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	want := []Term{{Text: "milk"}, {Text: "oat milk"}, {Text: "bread", Not: true}, {Text: "shop", Field: "title"}, {Text: "x:y"}}
	if len(q.Text) != len(want) {
		t.Fatalf("terms %+v", q.Text)
	}
	for i := range want {
		if q.Text[i] != want[i] {
			t.Errorf("term %d: %+v want %+v", i, q.Text[i], want[i])
		}
	}
	if q.Tag[0] != (Match{"old", true}) || q.Book[0].Value != "a/b" || q.State[0].Value != string(NeedsReview) || q.Is[0].Value != "pinned" {
		t.Errorf("operators %+v", q)
	}
	if !q.UpdatedFrom.Equal(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)) || !q.UpdatedTo.IsZero() {
		t.Errorf("updated %v %v", q.UpdatedFrom, q.UpdatedTo)
	}
	for _, bad := range []string{"status:nope", "is:nope", "created:soon", "updated:<2026-13"} {
		if _, err := ParseQuery(bad, time.UTC); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	for _, odd := range []string{"", "-", `"`, `-"`, "tag:", ":", "::", "title:\"", "- a"} {
		if _, err := ParseQuery(odd, time.UTC); err != nil {
			t.Errorf("%q: %v", odd, err)
		}
	}
}

func TestTasksAndWords(t *testing.T) {
	open, done := Tasks("- [ ] a\n* [x] b\n1. [X] c\n- [] no\n-[ ] no\n> - [ ] quoted\ntext [ ]\n- [ ]")
	if open != 3 || done != 2 {
		t.Errorf("open %d done %d", open, done)
	}
	if n := Words(" a b\n\tc—d "); n != 3 {
		t.Errorf("words %d", n)
	}
	if s := Snippet("\n\n# **Head**\nrest"); s != "**Head**" {
		t.Errorf("snippet %q", s)
	}
}
