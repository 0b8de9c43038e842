package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"stet/db/local"
	"stet/model"
	"stet/syncengine"
	"stet/syncengine/store"
)

// within is a store whose writes are part of a transaction that is open
// already: a month of saves in seconds, by the code that does one.
type within struct{ tx store.Tx }

func (w within) Write(_ context.Context, f func(store.Tx) error) error    { return f(w.tx) }
func (w within) Read(_ context.Context, f func(store.Reader) error) error { return f(w.tx) }
func (w within) Lease(context.Context) (store.Lease, error)               { return nil, model.ErrBusy }

// pile saves n notes offline.
func (d *device) pile(n int) {
	d.t.Helper()
	ctx := context.Background()
	s, err := local.Open(ctx, local.Options{Path: d.file(), Now: time.Now, Device: "pile"})
	if err != nil {
		d.t.Fatal(err)
	}
	for i := 0; i < n; {
		err := s.Write(ctx, func(tx store.Tx) error {
			notes := syncengine.NewNotes(within{tx}, syncengine.NotesOptions{Now: time.Now, NewID: newID, Device: "pile"})
			for range min(1000, n-i) {
				i++
				f := model.Fields{Title: fmt.Sprintf("piled %d.", i), Body: fmt.Sprintf("text %d\n%s", i, strings.Repeat("words of a month ", 30))}
				if _, err := notes.Create(ctx, f); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			d.t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		d.t.Fatal(err)
	}
}

// TestDrain: what a month offline left goes out, although the sync is
// interrupted, killed, and loses its server; it goes on where it was.
func TestDrain(t *testing.T) {
	t.Parallel()
	n := scale(t, "STET_DRAIN", 2000)
	s := newServer(t)
	d, b := newDevice(t), newDevice(t)
	d.connect(s)
	b.connect(s)
	d.pile(n)
	l := &lane{t: t}
	left := d.waiting(t)
	if left() != n {
		t.Fatalf("%d ops wait, piled were %d", left(), n)
	}
	begin := time.Now()
	until := func(share int) {
		for left() > n*share/4 {
			if time.Since(begin) > 10*time.Minute {
				t.Fatalf("it does not drain: %d left", left())
			}
			time.Sleep(time.Millisecond)
		}
	}
	var after []string
	checked := func(how string, code int, errs string, before int, want ...int) {
		t.Helper()
		if !slices.Contains(want, code) || strings.Contains(errs, "goroutine ") {
			t.Errorf("%s: exit %d: %s", how, code, errs)
		}
		if now := left(); now > before { // a kill may come before anything was written down
			t.Errorf("%s: %d ops were left, now %d", how, before, now)
		}
		after = append(after, fmt.Sprintf("%d left after %s at %v", left(), how, time.Since(begin).Round(time.Millisecond)))
		if err := whole(s, d, n); err != nil {
			t.Fatalf("%s: %v", how, err)
		}
	}
	on := d.screen(t, "sync")
	until(3)
	on.press(t, "\x03")
	<-on.gone
	_ = on.cmd.Wait()
	checked("ctrl+c", on.cmd.ProcessState.ExitCode(), on.text(), n, 130)

	before, c := left(), l.start(d, "sync")
	until(2)
	c.kill()
	e := c.wait()
	checked("kill -9", e.code, e.errs, before, -1)

	before, c = left(), l.start(d, "sync")
	until(1)
	s.kill()
	s.start()
	e = c.wait()
	checked("a restart of stetd", e.code, e.errs, before, 0, 5)

	if e := l.start(d, "sync").wait(); e.code != 0 {
		t.Fatalf("the last sync: exit %d: %s", e.code, e.errs)
	}
	took := time.Since(begin)
	t.Logf("%d ops drained in %v, checks included; %s\non the terminal: %q", n, took.Round(time.Millisecond), strings.Join(after, ", "), on.text())
	if left() != 0 {
		t.Fatalf("%d ops are left", left())
	}
	begin = time.Now()
	if e := l.start(b, "sync").wait(); e.code != 0 {
		t.Fatalf("first pull: exit %d: %s", e.code, e.errs)
	}
	pulled := time.Since(begin)
	if err := agree(s, d, b); err != nil {
		t.Fatal(err)
	}
	there, err := s.inspect()
	if err != nil {
		t.Fatal(err)
	}
	if len(there.live) != n || len(there.ops) != n {
		t.Fatalf("the server has %d notes by %d ops, piled were %d", len(there.live), len(there.ops), n)
	}
	proof(t, "G23", "an outbox of a month drains, interrupted by SIGINT, kill -9 and a restart of stetd",
		fmt.Sprintf("%d ops in %.1f s, 0 lost, 0 doubled; first pull of all %.1f s", n, took.Seconds(), pulled.Seconds()), "100,000 in 5 min")
}

// waiting counts the ops of a home, on one connection: it is asked often.
func (d *device) waiting(t *testing.T) func() int {
	db, err := rawOpen(d.file())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return func() (n int) {
		if err := db.QueryRow("SELECT count(*) FROM outbox").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
}

// whole checks that every note waits or is on the server.
func whole(s *server, d *device, n int) error {
	st, err := d.inspect()
	if err != nil {
		return err
	}
	on, err := s.inspect()
	if err != nil {
		return err
	}
	if len(st.notes) != n {
		return fmt.Errorf("%d notes, piled were %d", len(st.notes), n)
	}
	for id, note := range st.notes {
		if _, there := on.notes[id]; !there && note.ops == 0 {
			return fmt.Errorf("note %s neither waits nor is on the server", id)
		}
	}
	return kept(on, st)
}
