package local

import (
	"context"
	"math/rand"
	"os"
	"path/filepath"
	"testing"

	"stet/model"
)

// TestLongNoteEditedAllDay: 200 saves of a 1 MB note cost its changes, not
// 200 MB, and each text can be found again.
func TestLongNoteEditedAllDay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "home", "stet.db")
	s, err := Open(context.Background(), Options{Path: path, Now: testNow})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewSource(7))
	n := note("long", "long", prose(r, 1<<20))
	put(t, s, n)
	texts := []string{n.Body}
	for range 200 {
		i := r.Intn(len(n.Body))
		n.Body = n.Body[:i] + " edited here " + n.Body[min(len(n.Body), i+r.Intn(9)):]
		put(t, s, n)
		texts = append(texts, n.Body)
	}
	history, err := s.History(context.Background(), "long", 0)
	if err != nil || len(history) != len(texts) {
		t.Fatal(len(history), err)
	}
	for i, v := range history {
		if v.Fields.Body != texts[len(texts)-1-i] || v.Version != int64(len(texts)-i) {
			t.Fatalf("version %d is not the text that was saved", v.Version)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() > 8<<20 {
		t.Fatalf("the store has %d bytes, %v", info.Size(), err)
	}
	t.Logf("store: %d KiB", info.Size()>>10)
}

func TestOtherSidesAreKeptOnce(t *testing.T) {
	s := openTemp(t)
	put(t, s, note("a", "mine", "1"))
	other := model.Version{NoteID: "a", Rev: 7, Cause: model.CauseOther, Fields: model.Fields{Title: "theirs"}}
	for range 2 {
		if err := s.write(context.Background(), func(tx *tx) error { return tx.KeepVersion(other) }); err != nil {
			t.Fatal(err)
		}
	}
	put(t, s, note("a", "mine again", "2"))
	history, err := s.History(context.Background(), "a", 0)
	if err != nil || len(history) != 3 || history[0].Version != 3 || history[1].Version != 2 || history[2].Version != 1 {
		t.Fatalf("%+v %v", history, err)
	}
	if v, err := s.VersionOf(context.Background(), "a", 2); err != nil || v.Fields.Title != "theirs" || v.Rev != 7 {
		t.Fatalf("%+v %v", v, err)
	}
	if _, err := s.VersionOf(context.Background(), "a", 9); !isErr(err, model.ErrNotFound) {
		t.Fatal(err)
	}
}
