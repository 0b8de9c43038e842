//go:build sqlite_fts5 || fts5

package search

import (
	"context"
	"fmt"
	"testing"
	"time"

	"stet/model"
)

// FuzzQuery: no line that can be typed makes an error of the index, and what
// the index finds is what reading all notes finds.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{`cat`, `"foo bar" -x`, `title:caf body:"a b"`, `NEAR(a b) AND OR NOT ^a* a:b {x y}: +c`, `'";--`, "a\x00b \xff", `会議 東`, `ı İ ß`, `onca`,
		`-`, `""`, `*`, `( ) [ ]`, `-word body:"-"`, "\u0301 e\u0301", `²½ 🎉`, `words : title`} {
		f.Add(s, "Café Zürich\ncall foo_bar(x) "+s)
	}
	s := newShelf("concatenate strings", "会議資料 来週の東京会議", "before\x00after foo bar ²", "the cat, a: \"b\" NEAR AND words title")
	s.put(9, "Catalog of cats", "")
	x := indexOf(f, s)
	n := int64(100)
	f.Fuzz(func(t *testing.T, line, text string) {
		if len(line) > 256 || len(text) > 1024 {
			return
		}
		if n++; n%4 == 0 { // texts come and go: eight of them stay beside the fixed ones
			s.put(100+n/4%8, line, text)
		}
		q, err := model.ParseQuery(line, time.UTC)
		if err != nil || len(q.Text) == 0 {
			return
		}
		asked := parse(q.Text)
		got, want := map[Hit]bool{}, map[Hit]bool{}
		tell := func(h Hit) (bool, error) { got[h] = true; return true, nil }
		if len(asked.must) > 0 { // without the way out when the index cannot be used
			err = x.each(context.Background(), asked, true, tell)
		} else {
			err = x.Each(context.Background(), q.Text, true, tell)
		}
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if err := scan(context.Background(), s, asked, func(h Hit) (bool, error) { want[h] = true; return true, nil }); err != nil {
			t.Fatal(err)
		}
		if len(asked.must) > 0 && fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%q beside %q: the index has %v, the notes %v", line, text, got, want)
		}
	})
}

// FuzzFold: folding is final, and words are pieces of the folded text that the
// index's own tokenizer leaves whole.
func FuzzFold(f *testing.F) {
	for _, s := range []string{"Café ZÜRICH", "İıŉ ß ς", "会議-Tokyo", "a\xffb", "x\u0301", "²Ⅷ\u0660"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 1<<12 {
			return
		}
		once := fold(s)
		if fold(once) != once {
			t.Fatalf("%q folds to %q, then %q", s, once, fold(once))
		}
		list := words(once)
		for _, w := range list {
			if w == "" || fmt.Sprint(words(w)) != fmt.Sprint([]string{w}) {
				t.Fatalf("%q has the word %q, which is %q", s, w, words(w))
			}
		}
		if fmt.Sprint(words(fold(spaced(s)))) != fmt.Sprint(list) {
			t.Fatalf("%q has the words %q, in the index %q", s, list, words(fold(spaced(s))))
		}
	})
}
