package main

import (
	"context"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"stet/db/local"
	"stet/model"
	"stet/syncengine"
	"stet/syncengine/remote/native"
	"stet/syncengine/store"
)

// device is a home, and once opened the store in it.
type device struct {
	home  string
	url   string // of the server, "" before connect
	token string
	ids   []string // its notes, oldest first; set by fill
	store *local.Store
	notes *syncengine.Notes
}

// newDevice names a home; nothing is made yet.
func (b *bench) newDevice(name string) *device {
	return &device{home: filepath.Join(b.dir, "homes", name)}
}

// open opens the store inside this process, as the app does.
func (d *device) open(b *bench) error {
	if d.store != nil {
		return nil
	}
	if err := os.MkdirAll(d.home, 0o700); err != nil {
		return fmt.Errorf("make home: %w", err)
	}
	s, err := local.Open(b.ctx, local.Options{Path: filepath.Join(d.home, "stet.db"), Now: time.Now, Device: filepath.Base(d.home)})
	if err != nil {
		return fmt.Errorf("open notes: %w", err)
	}
	d.store = s
	d.notes = syncengine.NewNotes(s, syncengine.NotesOptions{Now: time.Now, NewID: newID, Device: filepath.Base(d.home)})
	b.onClose(d.close)
	return nil
}

// close closes the store; it may be opened again.
func (d *device) close() {
	if d.store != nil {
		_ = d.store.Close() // the home is removed at the end
		d.store = nil
	}
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// fill makes n notes, each as the app's own save would leave it but many in a
// transaction, and closes the store.
func (d *device) fill(b *bench, c *corpus, n int) error {
	if err := d.open(b); err != nil {
		return err
	}
	defer d.close()
	for some := range slices.Chunk(c.texts(n), 2000) {
		err := d.store.Write(b.ctx, func(tx store.Tx) error {
			var now time.Time
			notes := syncengine.NewNotes(within{tx}, syncengine.NotesOptions{Now: func() time.Time { return now },
				NewID: func() string { return c.uuidAt(now) }, Device: filepath.Base(d.home)})
			for _, t := range some {
				now = t.at
				note, err := notes.Create(b.ctx, t.fields)
				if err != nil {
					return err
				}
				d.ids = append(d.ids, note.ID)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("fill home: %w", err)
		}
	}
	return nil
}

// within is a store inside a transaction under way.
type within struct{ tx store.Tx }

func (s within) Write(_ context.Context, f func(store.Tx) error) error    { return f(s.tx) }
func (s within) Read(_ context.Context, f func(store.Reader) error) error { return f(s.tx) }
func (s within) Lease(context.Context) (store.Lease, error)               { return nil, model.ErrBusy }

// connect connects the home to an account of a server.
func (d *device) connect(b *bench, url, token string) error {
	file := filepath.Join(b.dir, "token-"+filepath.Base(d.home))
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		return fmt.Errorf("write token: %w", err)
	}
	d.url, d.token = url, token
	_, err := output(b.stetCmd(d.home, "connect", url, "--token-file", file))
	return err
}

// engine is a sync worker on the opened store.
func (d *device) engine(b *bench) (*syncengine.Engine, error) {
	r, err := native.New(d.url, d.token)
	if err != nil {
		return nil, fmt.Errorf("make driver: %w", err)
	}
	b.onClose(r.Close)
	return syncengine.New(d.store, r, syncengine.Options{Now: time.Now, NewID: newID, Device: filepath.Base(d.home),
		Rand: mathrand.Float64, After: time.After, Changed: d.store.DataVersion}), nil
}

// saves measures durable saves among all notes, in turns with the bare store's.
func (b *bench) saves() error {
	w, err := b.large()
	if err != nil {
		return err
	}
	raw, err := b.rawNotes()
	if err != nil {
		return err
	}
	if err := w.a.open(b); err != nil {
		return err
	}
	defer w.a.close()
	c := newCorpus(4)
	subject, floor, err := inTurns(b.pick(2000, 200),
		func() (time.Duration, error) {
			id, body := w.a.ids[c.rng.IntN(len(w.a.ids))], c.body(c.size())
			began := time.Now()
			_, err := w.a.notes.Change(b.ctx, id, model.Patch{Body: &body})
			return time.Since(began), err
		},
		func() (time.Duration, error) {
			return raw.save(b.ctx, raw.ids[c.rng.IntN(len(raw.ids))], c.body(c.size()), time.Now())
		})
	if err != nil {
		return err
	}
	among := fmt.Sprintf("save among %d notes", b.notes())
	b.add(figure{Group: "save", What: among + ", p50", Got: subject.ms(50), Floor: ref(floor.ms(50)), FloorIs: "bare save",
		Bars: []bar{timesFloor(2)}})
	b.add(figure{Group: "save", What: among + ", p99", Got: subject.ms(99), Floor: ref(floor.ms(99)), FloorIs: "bare save",
		Bars: []bar{timesFloor(1.5)}})
	return nil
}

// search measures each key of several words typed into the search line.
func (b *bench) search() error {
	w, err := b.large()
	if err != nil {
		return err
	}
	raw, err := b.rawNotes()
	if err != nil {
		return err
	}
	if raw.fts != nil {
		return fmt.Errorf("no full-text index in this build: %w", raw.fts)
	}
	if err := w.a.open(b); err != nil {
		return err
	}
	defer w.a.close()
	began := time.Now()
	if _, err := w.a.store.FindComplete(b.ctx, model.Query{Text: []model.Term{{Text: "zzz"}}}, 301); err != nil {
		return err
	}
	first := time.Since(began)
	b.add(figure{Group: "search", What: "first search: the index is made", Got: quantity{millis(first), "ms"}})
	var subjects, floors times
	var slowest string
	for _, word := range newCorpus(1).typed() {
		for i := range len(word) {
			line := word[:i+1]
			if strings.HasSuffix(line, " ") {
				continue
			}
			s, f, err := inTurns(b.pick(7, 3), func() (time.Duration, error) { return w.a.find(b.ctx, line) },
				func() (time.Duration, error) { return raw.find(b.ctx, line) })
			if err != nil {
				return err
			}
			if len(subjects) == 0 || s.at(50) > subjects.at(100) {
				slowest = line
			}
			subjects, floors = append(subjects, s...), append(floors, f...)
		}
	}
	b.add(figure{Group: "search", What: "key in the search line, p50", Got: subjects.ms(50), Floor: ref(floors.ms(50)), FloorIs: "bare FTS5"})
	b.add(figure{Group: "search", What: "key in the search line, p99", Got: subjects.ms(99), Floor: ref(floors.ms(99)), FloorIs: "bare FTS5",
		Bars: []bar{timesFloor(2), atMost(12)}, Note: fmt.Sprintf("slowest at %q", slowest)})
	return nil
}

// find asks as the search line does.
func (d *device) find(ctx context.Context, line string) (time.Duration, error) {
	began := time.Now()
	q, err := model.ParseQuery(line, time.UTC)
	if err == nil {
		_, err = d.store.Find(ctx, q, 301)
	}
	return time.Since(began), err
}
