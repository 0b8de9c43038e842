//go:build sqlite_fts5 || fts5

package search

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"stet/model"
)

// shelf is a store in memory. Its notes are numbered from 1.
type shelf struct {
	mu    sync.Mutex
	id    string
	seq   int64
	docs  map[int64]Doc
	at    map[int64]int64 // change number of each
	reads int             // texts given out by All and Texts
	gate  chan struct{}   // when set, Changed waits for it
}

func newShelf(bodies ...string) *shelf {
	s := &shelf{id: "s", docs: map[int64]Doc{}, at: map[int64]int64{}}
	for i, b := range bodies {
		s.put(int64(i+1), "", b)
	}
	return s
}

func (s *shelf) put(pk int64, title, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	s.docs[pk], s.at[pk] = Doc{PK: pk, Version: s.seq, Title: title, Body: body}, s.seq
}

func (s *shelf) purge(pk int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	s.docs[pk], s.at[pk] = Doc{PK: pk, Gone: true}, s.seq
}

func (s *shelf) State(context.Context) (string, int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id, s.seq, nil
}

func (s *shelf) Changed(ctx context.Context, after int64, limit int, f func(Doc) error) (last int64, err error) {
	if s.gate != nil {
		select {
		case <-s.gate:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	for _, d := range s.some(func(d Doc) bool { return s.at[d.PK] > after }, func(a, b Doc) int { return int(s.at[a.PK] - s.at[b.PK]) }, limit) {
		if err := f(d); err != nil {
			return 0, err
		}
		last = s.at[d.PK]
	}
	return last, nil
}

func (s *shelf) some(want func(Doc) bool, order func(a, b Doc) int, limit int) (out []Doc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.docs {
		if want(d) {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, order)
	return out[:min(len(out), limit)]
}

func (s *shelf) Texts(ctx context.Context, pks []int64, f func(Doc) error) error {
	return s.tell(func(d Doc) bool { return !d.Gone && slices.Contains(pks, d.PK) }, f)
}

func (s *shelf) All(ctx context.Context, f func(Doc) error) error {
	return s.tell(func(d Doc) bool { return !d.Gone }, f)
}

func (s *shelf) tell(want func(Doc) bool, f func(Doc) error) error {
	for _, d := range s.some(want, func(a, b Doc) int { return int(b.PK - a.PK) }, 1<<30) {
		s.reads++
		if err := f(d); err != nil {
			return err
		}
	}
	return nil
}

func indexOf(t testing.TB, s *shelf) *Index {
	x := New(filepath.Join(t.TempDir(), "search.db"), s, false)
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

type tester interface {
	Helper()
	Fatal(...any)
}

func ask(t tester, x *Index, line string, complete bool) (pks []int64) {
	t.Helper()
	var terms []model.Term
	for _, w := range strings.Split(line, " ") {
		terms = append(terms, model.Term{Text: strings.TrimPrefix(w, "-"), Not: strings.HasPrefix(w, "-")})
	}
	err := x.Each(context.Background(), terms, complete, func(h Hit) (bool, error) {
		pks = append(pks, h.PK)
		return true, nil
	})
	if err != nil {
		t.Fatal(line, err)
	}
	return pks
}

func (x *Index) count(t testing.TB, q string) (n int) {
	t.Helper()
	db, err := x.open()
	if err == nil {
		err = db.QueryRow(q).Scan(&n)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// settle waits for the worker and looks again until nothing is left to do.
func (x *Index) settle(t testing.TB, line string) {
	for range 5 {
		x.idle.Wait()
		ask(t, x, line, false)
	}
	x.idle.Wait()
}

func notes(n int, text func(i int) string) *shelf {
	s := newShelf()
	for i := range n {
		s.put(int64(i+1), "", text(i))
	}
	return s
}

// TestPiecesAreMadeLazily: what is inside of words is only looked up, and only
// made, when no word begins as asked.
func TestPiecesAreMadeLazily(t *testing.T) {
	s := newShelf("concatenate strings", "a meeting")
	x := indexOf(t, s)
	if got := ask(t, x, "meet", false); !slices.Equal(got, []int64{2}) {
		t.Fatal(got)
	}
	if n := x.count(t, "SELECT count(*) FROM terms"); n != 0 {
		t.Fatal("a search by words made", n, "terms")
	}
	if got := ask(t, x, "oncaten", false); !slices.Equal(got, []int64{1}) {
		t.Fatal(got)
	}
	if n := x.count(t, "SELECT pieces FROM state"); n != 2 {
		t.Fatal("pieces are at", n)
	}
	s.put(3, "", "unconcatenated")
	ask(t, x, "meet", false)
	if n := x.count(t, "SELECT pieces FROM state"); n != 2 {
		t.Fatal("pieces moved without need, to", n)
	}
	if got := ask(t, x, "oncaten", false); !slices.Equal(got, []int64{3, 1}) {
		t.Fatal(got)
	}
}

// TestCatchUpIsBounded: far behind, a query that may not wait reads no more
// than the newest notes and leaves the index to the worker; when that is done,
// all is found.
func TestCatchUpIsBounded(t *testing.T) {
	s := notes(5000, func(i int) string { return fmt.Sprintf("common word%d", i) })
	s.gate = make(chan struct{})
	x := indexOf(t, s)
	if got := ask(t, x, "common", false); len(got) != ahead || got[0] != 5000 {
		t.Fatalf("%d hits, want the newest %d", len(got), ahead)
	}
	if s.reads != ahead {
		t.Fatal("read", s.reads)
	}
	if got := ask(t, x, "ommon", false); len(got) != ahead {
		t.Fatal("inside:", len(got))
	}
	close(s.gate)
	x.settle(t, "word77")
	if got := ask(t, x, "common", false); len(got) != 5000 {
		t.Fatal("at the end", len(got))
	}
	ask(t, x, "ommon", false)
	x.settle(t, "ommon")
	if got := ask(t, x, "ommon", false); len(got) != 5000 || got[0] != 5000 {
		t.Fatal("inside at the end", len(got))
	}
	s.gate, s.reads = make(chan struct{}, 2*slice), 0
	for range slice { // little is caught up at once
		s.put(7, "", "rare")
		s.gate <- struct{}{}
	}
	if got := ask(t, x, "rare", false); !slices.Equal(got, []int64{7}) || s.reads != 0 {
		t.Fatal(got, s.reads)
	}
}

// TestCompleteWaits: a complete answer has all notes however far behind the
// index is, and also while another process makes it.
func TestCompleteWaits(t *testing.T) {
	s := notes(5000, func(i int) string { return fmt.Sprintf("common word%d", i) })
	x := indexOf(t, s)
	if got := ask(t, x, "common", true); len(got) != 5000 {
		t.Fatal(len(got))
	}
	if got := ask(t, x, "ommon ord4999", true); !slices.Equal(got, []int64{5000}) {
		t.Fatal(got)
	}
	other := New(x.path, s, false)
	defer other.Close()
	db, err := other.open()
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * slice {
		s.put(int64(6000+i), "", "later")
	}
	if got := ask(t, x, "later", true); len(got) != 3*slice {
		t.Error("while another process writes:", len(got))
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
}

// TestStaleHitsOfNewestNotes: what the newest notes say outweighs an old index.
func TestStaleHitsOfNewestNotes(t *testing.T) {
	s := newShelf("alpha", "beta")
	x := indexOf(t, s)
	ask(t, x, "alpha", true)
	s.gate = make(chan struct{})
	for range 2 * slice {
		s.put(1, "", "gamma")
	}
	if got := ask(t, x, "alpha", false); len(got) != 0 {
		t.Error(got)
	}
	if got := ask(t, x, "gamma", false); !slices.Equal(got, []int64{1}) {
		t.Error(got)
	}
}

// TestPurgedWordsLeaveTheFile: after the worker's next turn nothing of a purged
// note is left.
func TestPurgedWordsLeaveTheFile(t *testing.T) {
	s := newShelf("the hushhushsecret is here", "nothing")
	x := indexOf(t, s)
	ask(t, x, "ushhush", true)
	s.purge(1)
	ask(t, x, "nothing", false)
	x.settle(t, "nothing")
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(x.path)
	if err != nil || bytes.Contains(b, []byte("hushhush")) || !bytes.Contains(b, []byte("nothing")) {
		t.Error("left in the file", err)
	}
}

// TestIndexAgreesWithScan: both builds give the same answers, whatever the
// texts, changes and queries are.
func TestIndexAgreesWithScan(t *testing.T) {
	word := rapid.StringOfN(rapid.SampledFrom([]rune("abcABé会議-_ ı😀\x00²")), 1, 9, -1)
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "index")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		s := newShelf()
		x := New(filepath.Join(dir, "search.db"), s, false)
		defer x.Close()
		for range rapid.IntRange(1, 4).Draw(t, "rounds") {
			for range rapid.IntRange(1, 6).Draw(t, "changes") {
				pk := rapid.Int64Range(1, 6).Draw(t, "note")
				if rapid.IntRange(0, 5).Draw(t, "purge") == 0 {
					s.purge(pk)
					continue
				}
				s.put(pk, word.Draw(t, "title"), strings.Join(rapid.SliceOfN(word, 0, 5).Draw(t, "body"), " "))
			}
			var terms []model.Term
			for range rapid.IntRange(1, 3).Draw(t, "terms") {
				text := word.Draw(t, "term")
				field := rapid.SampledFrom([]string{"", "", model.FieldTitle, model.FieldBody}).Draw(t, "field")
				not := rapid.IntRange(0, 4).Draw(t, "not") == 0 && len(words(fold(text))) > 0
				terms = append(terms, model.Term{Text: text, Field: field, Not: not})
			}
			complete := rapid.Bool().Draw(t, "complete")
			got, want := map[Hit]bool{}, map[Hit]bool{}
			tell := func(h Hit) (bool, error) { got[h] = true; return true, nil }
			var err error
			if q := parse(terms); len(q.must) > 0 { // without the way out when the index cannot be used
				err = x.each(context.Background(), q, complete, tell)
			} else {
				err = x.Each(context.Background(), terms, complete, tell)
			}
			if err != nil {
				t.Fatalf("%+v: %v", terms, err)
			}
			x.idle.Wait()
			if err := scan(context.Background(), s, parse(terms), func(h Hit) (bool, error) { want[h] = true; return true, nil }); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%+v: %v, want %v", terms, got, want)
			}
		}
	})
}
