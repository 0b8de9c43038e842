package main

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine"
	"stet/syncengine/merge"
	"stet/ui/screen"
)

// Before the curtain there is one note of each badge that lasts, one merge, and
// one conflict; then the phone writes and the laptop sees it.
func TestStage(t *testing.T) {
	ctx := t.Context()
	s, err := setStage(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}()
	c, err := s.laptop.device.store.Counts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if c.NeedsReview != 1 || c.Error != 1 || c.Pending != 1 || c.Notes != len(demoNotes) {
		t.Errorf("counts are %+v, want one note each in review, in error and pending, of %d", c, len(demoNotes))
	}
	reviews, err := s.laptop.device.store.Reviews(ctx)
	if err != nil || len(reviews) != 1 || reviews[0].Title != demoShopping {
		t.Fatalf("in review: %+v (%v), want %q", reviews, err, demoShopping)
	}
	d, ok, err := s.laptop.device.dispute(ctx, reviews[0].ID)
	if err != nil || !ok || len(d.result.Conflicts) != 1 || d.review.Remote.Device != "phone" {
		t.Errorf("the conflict is %+v with %q (%v), want one chunk with the phone", d.result.Conflicts, d.review.Remote.Device, err)
	}
	merged, err := s.laptop.device.store.Activity(ctx, []model.EventName{model.EventMerged}, 0, 10)
	if err != nil || len(merged) != 1 {
		t.Errorf("%d merges (%v), want one", len(merged), err)
	}

	before, err := s.laptop.device.store.Get(ctx, s.diary)
	if err != nil {
		t.Fatal(err)
	}
	body := before.Body + "12:00:00 hello\n"
	if _, err := s.phone.device.notes.Change(ctx, s.diary, model.Patch{Body: &body}); err != nil {
		t.Fatal(err)
	}
	if err := s.phone.sync(ctx); err != nil {
		t.Fatal(err)
	}
	_, err = round(ctx, s.laptop.device, s.laptop.engine, syncengine.RoundOptions{})
	if after, gerr := s.laptop.device.store.Get(ctx, s.diary); err != nil || gerr != nil || after.Body != body {
		t.Errorf("the laptop has %q (%v, %v), want %q", after.Body, err, gerr, body)
	}
	s.checkRefused(t)
	for _, e := range demoEdits {
		if e.phone == e.laptop {
			t.Errorf("%s: both devices write the same", e.title)
		}
	}
	if demoDelay > 2*time.Second {
		t.Error("a request takes so long that the demo seems broken")
	}
}

// While a round runs the screens are rung, so that they show which notes are
// being sent.
func TestRunningRoundIsSeen(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	s, err := setStage(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	d := s.laptop.device
	if _, err := d.notes.Create(ctx, model.Fields{Title: "sent slowly"}); err != nil {
		t.Fatal(err)
	}
	port := newSyncPort(d, s.laptop.engine, "")
	ended := make(chan error, 1)
	go func() { ended <- port.run(ctx) }()
	for late, seen := time.After(10*time.Second), false; !seen; {
		select {
		case r := <-port.Bell():
			sending, err := d.syncing(ctx)
			if err != nil {
				t.Fatal(err)
			}
			seen = r.Notes && r.Online == screen.Running && len(sending) > 0
		case <-late:
			t.Fatal("nothing rang while a note was being sent")
		}
	}
	stop()
	if err := errors.Join(<-ended, s.close()); err != nil {
		t.Error(err)
	}
}

// checkRefused takes the note in error through resolve: there is nothing of it
// on the server to go back to, and sending again clears the error until the
// server answers.
func (s *stage) checkRefused(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	d := s.laptop.device
	heads, err := d.store.Find(ctx, model.Query{State: []model.Match{{Value: string(model.Failed)}}}, 0)
	if err != nil || len(heads) != 1 || heads[0].Title != demoRefused {
		t.Fatalf("in error: %+v (%v), want %q", heads, err, demoRefused)
	}
	a := &app{err: io.Discard, getenv: func(string) string { return "" }}
	for _, c := range []struct {
		take   merge.Choice
		code   int
		status model.Status
	}{{merge.Both, exitReview, model.Failed}, {merge.Theirs, exitReview, model.Failed}, {merge.Mine, exitOK, model.Pending}} {
		if code := a.report(d.retryOrDiscard(ctx, heads[0].ID, resolveFlags{take: c.take})); code != c.code {
			t.Errorf("take %s of a note in error: exit code %d, want %d", c.take, code, c.code)
		}
		if n, err := d.store.Get(ctx, heads[0].ID); err != nil || n.Status != c.status {
			t.Errorf("after taking %s it is %q (%v), want %q", c.take, n.Status, err, c.status)
		}
	}
}
