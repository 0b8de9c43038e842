package syncengine_test

import (
	crand "crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	"stet/db/server/sqlite"
	"stet/model"
)

// speaking makes a world whose devices speak a dialect. Its answers are dated by
// its own clock, which the Kinto driver compares revisions with.
func speaking(t *testing.T, dialect string) *world {
	w := newWorld(t)
	w.dialect = dialect
	w.handler.date = func(h http.Header) { h.Set("Date", w.clock.Now().UTC().Format(http.TimeFormat)) }
	return w
}

// A server forgets what two devices sent it, and before the first of them comes
// back the other has written there again, over the newest note that the first
// has seen: by its notes alone nothing looks lost.
func TestEpochTellsWhatNotesDoNot(t *testing.T) {
	for _, dialect := range []string{"native", "kinto", "mutations"} {
		for _, way := range []string{"wiped", "restored", "replaced"} {
			if dialect == "native" && way != "restored" {
				continue // other tests have it
			}
			t.Run(dialect+" "+way, func(t *testing.T) {
				w := speaking(t, dialect)
				a, b := w.device("a"), w.device("b")
				lost, newest := a.create("lost", "old").ID, a.create("newest", "old").ID
				a.mustSync()
				b.mustSync()
				file := filepath.Join(t.TempDir(), "backup")
				if _, err := sqlite.Backup(t.Context(), w.path, file); err != nil {
					t.Fatal(err)
				}
				gone := a.create("made since", "x").ID
				a.edit(lost, func(f *model.Fields) { f.Body = "new" })
				a.mustSync()
				a.edit(newest, func(f *model.Fields) { f.Body = "new" })
				a.mustSync()
				w.forget(way, file)
				b.edit(newest, func(f *model.Fields) { f.Title = "written again" })
				for range 2 { // it was away, and meets what its own server was before
					b.mustSync()
				}
				unsent := a.create("not sent yet", "y").ID
				for range 2 {
					a.mustSync()
					b.mustSync()
				}
				inStep(t, a, b)
				for id, body := range map[string]string{lost: "new", gone: "x", unsent: "y"} {
					if n := a.get(id); n.Body != body || n.Deleted {
						t.Errorf("%s: %q, deleted %t", n.Title, n.Body, n.Deleted)
					}
				}
				if title := a.get(newest).Title; title != "written again" || !a.texts(newest)["new"] {
					t.Errorf("title %q, texts %v", title, a.texts(newest))
				}
				if n := len(a.live()); n != 4 {
					t.Errorf("%d notes", n)
				}
			})
		}
	}
}

// forget takes from the server what it was told since a backup.
func (w *world) forget(way, file string) {
	w.t.Helper()
	switch way {
	case "wiped":
		if err := w.store.Flush(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		return
	case "replaced":
		w.wipe()
		return
	}
	w.close()
	_, err := sqlite.Restore(w.t.Context(), file, w.path, sqlite.RestoreOptions{Options: sqlite.Options{Now: w.clock.Now, Rand: crand.Reader}, Force: true})
	w.open()
	if err != nil {
		w.t.Fatal(errors.Join(fmt.Errorf("restore"), err))
	}
}
