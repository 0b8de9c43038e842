package local

import (
	"context"
	"fmt"
	"math/rand"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine/store"
)

var t0 = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

func testNow() time.Time { return t0.Add(24 * time.Hour) }

func openAt(tb testing.TB, path string) *Store {
	tb.Helper()
	s, err := Open(context.Background(), Options{Path: path, Now: testNow, Device: "desk", ReadOnlyOK: true})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return s
}

func openTemp(tb testing.TB) *Store {
	tb.Helper()
	return openAt(tb, filepath.Join(tb.TempDir(), "home", "stet.db"))
}

func write(tb testing.TB, s *Store, f func(store.Tx) error) {
	tb.Helper()
	if err := s.Write(context.Background(), f); err != nil {
		tb.Fatal(err)
	}
}

func note(id, title, body string) model.Note {
	return model.Note{ID: id, Fields: model.Fields{Title: title, Body: body, CreatedAt: t0}, UpdatedAt: t0, Device: "desk",
		Cause: model.CauseEdit, Status: model.Pending}
}

func put(tb testing.TB, s *Store, notes ...model.Note) {
	tb.Helper()
	write(tb, s, func(t store.Tx) error {
		for _, n := range notes {
			if _, err := t.PutNote(n); err != nil {
				return err
			}
		}
		return nil
	})
}

func noteID(i int) string { return fmt.Sprintf("019aa000-%04x-7000-8000-%012x", i>>16, i) }

var wordList = strings.Fields(`meeting plan budget garden review server client letter draft music paper window river stone orange
	winter summer market coffee bridge number signal button screen kernel branch merge commit travel ticket hotel dinner recipe flour`)

func prose(r *rand.Rand, n int) string {
	var b strings.Builder
	for b.Len() < n {
		// Few words are common and most are rare, as in any language.
		if k := int(r.ExpFloat64() * 60); k < len(wordList) && r.Intn(3) == 0 {
			b.WriteString(wordList[k] + " ")
		} else {
			fmt.Fprintf(&b, "%c%s%c ", 'a'+r.Intn(26), strconv.FormatInt(int64(r.ExpFloat64()*20000), 36), 'a'+r.Intn(26))
		}
		if r.Intn(12) == 0 {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// fill writes n synced notes.
func fill(tb testing.TB, s *Store, n int) {
	tb.Helper()
	r := rand.New(rand.NewSource(1))
	for i := 0; i < n; {
		write(tb, s, func(t store.Tx) error {
			for end := min(n, i+2000); i < end; i++ {
				x := note(noteID(i), "title "+wordList[r.Intn(len(wordList))]+fmt.Sprint(i), prose(r, 600))
				x.UpdatedAt = t0.Add(-time.Duration(r.Intn(1e9)) * time.Millisecond)
				x.Pinned, x.Archived = i%500 == 0, i%20 == 1
				x.Status, x.Rev = model.Synced, int64(i+1)
				if _, err := t.PutNote(x); err != nil {
					return err
				}
			}
			return nil
		})
	}
}
