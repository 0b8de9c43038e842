package remotetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"testing"

	"stet/model"
	"stet/syncengine/remote"
)

func testEmptyAccount(t *testing.T, h Harness) {
	a, b := pair(t, h)
	page, err := a.remote.Pull(t.Context(), "", 0)
	if err != nil || !page.Full || page.More || page.Next == "" || len(page.Changes) != 0 {
		t.Fatalf("%+v, %v", page, err)
	}
	a.take(page)
	b.write(noteID(1), full())
	if got := a.pull(); len(got) != 1 || got[0].ID != noteID(1) {
		t.Errorf("since the empty listing: %+v", got)
	}
}

// testPaging: whatever the limit, a listing has every note once, and so has
// what is new since a cursor.
func testPaging(t *testing.T, h Harness) {
	connect := h.Account(t)
	a := newDevice(t, h, connect, "anna")
	a.pull()
	start := a.cursor
	const n = 25
	for i := range n {
		a.write(noteID(i), model.Fields{Title: fmt.Sprint(i)})
	}
	for _, limit := range []int{1, 3, 7, 24, 25, 26, 1000} {
		for _, from := range []string{"", start} {
			b := newDevice(t, h, connect, fmt.Sprint("b", limit, from != ""))
			b.cursor = from
			all, err := b.tryPull(limit)
			if err != nil {
				t.Fatalf("limit %d: %v", limit, err)
			}
			seen := map[string]int{}
			for _, rec := range all {
				seen[rec.ID]++
			}
			if len(all) != n || len(seen) != n {
				t.Errorf("limit %d since %q: %d records of %d notes", limit, from, len(all), len(seen))
			}
		}
	}
}

// testPagingWhileWriting: what changes between two pages is not missed,
// neither a note already listed nor one still to come nor a new one (I-7).
func testPagingWhileWriting(t *testing.T, h Harness) {
	a, b := pair(t, h)
	const n = 12
	for i := range n {
		a.write(noteID(i), model.Fields{Title: fmt.Sprint(i)})
	}
	for i := range 200 {
		page, err := b.remote.Pull(t.Context(), b.cursor, 2)
		if err != nil {
			t.Fatal(err)
		}
		b.take(page)
		if !page.More {
			break
		}
		if i < 2*n {
			edit := a.notes[noteID((i*5)%n)].Fields
			edit.Body = fmt.Sprint("round ", i)
			switch {
			case i == 7:
				a.write(noteID(3), deleted)
			case i%5 == 4:
				a.write(noteID(n+i), model.Fields{Title: "late"})
			case !edit.Deleted:
				a.write(noteID((i*5)%n), edit)
			}
		}
	}
	b.pull()
	alike(t, a, b)
}

// alike checks that both devices hold the same live notes at the same revisions.
func alike(t tester, a, b *device) {
	t.Helper()
	for _, pair := range [][2]*device{{a, b}, {b, a}} {
		for id, rec := range pair[0].notes {
			other := pair[1].notes[id]
			if rec.Fields.Deleted && other.Rev == 0 {
				continue // a tombstone that a listing left out
			}
			if rec.Rev != other.Rev || !pair[0].same(rec.Fields, other.Fields) {
				t.Errorf("note %s: %s has %s at %d, %s has %s at %d", id, pair[0].label, short(rec.Fields), rec.Rev,
					pair[1].label, short(other.Fields), other.Rev)
			}
		}
	}
}

// testTombstones: who has a cursor is told of deletions; who lists everything
// is told only where the driver looks for them.
func testTombstones(t *testing.T, h Harness) {
	connect := h.Account(t)
	a, b := newDevice(t, h, connect, "anna"), newDevice(t, h, connect, "bert")
	for i := range 5 {
		a.write(noteID(i), full())
	}
	b.pull()
	for i := range 3 {
		a.write(noteID(i), deleted)
	}
	got := b.pull()
	if len(got) != 3 {
		t.Errorf("%d changes, want 3 tombstones", len(got))
	}
	for _, rec := range got {
		if !rec.Fields.Deleted || rec.Rev == 0 || rec.Fields.Title != "" || rec.Fields.Body != "" {
			t.Errorf("tombstone %+v", rec)
		}
	}
	c := newDevice(t, h, connect, "cleo")
	live, all := 0, c.pull()
	for _, rec := range all {
		if !rec.Fields.Deleted {
			live++
		}
	}
	if live != 2 || len(all) > live && !h.ListsTombstones {
		t.Errorf("a listing has %d notes of %d rows, want 2", live, len(all))
	}
	for i := range 3 {
		if rec := c.get(noteID(i)); rec.Rev != 0 && !rec.Fields.Deleted {
			t.Errorf("get of a deleted note: %+v", rec)
		}
	}
}

func testUnchanged(t *testing.T, h Harness) {
	a, b := pair(t, h)
	a.write(noteID(1), full())
	b.pull()
	for range 3 {
		b.faults.Seen()
		page, err := b.remote.Pull(t.Context(), b.cursor, 0)
		if err != nil || !page.Unchanged || page.More || len(page.Changes) != 0 || page.Next != b.cursor {
			t.Fatalf("%+v, %v", page, err)
		}
		seen := b.faults.Seen()
		if len(seen) != 1 || h.NotModified && seen[0].Status != http.StatusNotModified {
			t.Errorf("nothing new took %+v", seen)
		}
	}
	a.write(noteID(2), full())
	if got := b.pull(); len(got) != 1 {
		t.Errorf("%d changes after an unchanged answer", len(got))
	}
}

func testCursorGarbage(t *testing.T, h Harness) {
	a, b := pair(t, h)
	op := a.plan(noteID(1), full())
	garbage := []string{"garbage", "a.b.c", "0.0.0", "\x00", "ä", "{}", "%%%", "a\r\nb: c"}
	for _, cursor := range garbage {
		page, err := a.remote.Pull(t.Context(), cursor, 0)
		var resync *remote.ResyncError
		if !errors.As(err, &resync) || len(page.Changes) > 0 || page.Next != "" {
			t.Errorf("pull since %q: %+v, %v", cursor, page, err)
		}
		res, err := a.remote.Push(t.Context(), cursor, []remote.Op{op})
		if err == nil && !res.PullFirst || err != nil && !errors.As(err, &resync) || len(res.Outcomes) > 0 && res.Outcomes[0].Kind == remote.Applied {
			t.Errorf("push at %q: %+v, %v", cursor, res, err)
		}
	}
	if got := b.pull(); len(got) != 0 {
		t.Errorf("a push with a cursor that was never given out was applied: %+v", got)
	}
	a.agreed(op)
}

// testList: what a driver lists is what is alive, at the revision that it has.
func testList(t *testing.T, h Harness) {
	a, b := pair(t, h)
	far, ok := a.remote.(remote.Lister)
	if !ok {
		return
	}
	for n := range 30 {
		a.write(noteID(n), model.Fields{Title: fmt.Sprint("note ", n)})
	}
	b.pull()
	for n := range 10 {
		b.write(noteID(3*n), model.Fields{Title: "again"})
		b.write(noteID(3*n+1), deleted)
	}
	b.write(noteID(1), full()) // and back
	a.pull()
	got, err := far.List(t.Context())
	want := map[string]int64{}
	for id, rec := range a.notes {
		if !rec.Fields.Deleted {
			want[id] = rec.Rev
		}
	}
	if err != nil || !maps.Equal(got, want) || len(want) != 21 {
		t.Errorf("%v\nis not\n%v: %v", got, want, err)
	}
	a.faults.On(Reads, DropResponse())
	if got, err := far.List(t.Context()); !errors.Is(err, remote.ErrOffline) || got != nil {
		t.Errorf("%v, %v", got, err)
	}
}

// testReplaced: a server whose notes were replaced, and written to since, takes
// nothing from a device that knows it from before, and says why.
func testReplaced(t *testing.T, h Harness) {
	if h.Replace == nil {
		return
	}
	a, b := pair(t, h)
	a.write(noteID(1), full())
	a.write(noteID(2), full())
	a.pull()
	one, two := a.plan(noteID(3), full()), a.plan(noteID(4), full())
	h.Replace(t)
	b.write(noteID(1), full())
	b.write(noteID(2), model.Fields{Title: "anew"})
	b.pull()
	changed := func(what string, err error) {
		t.Helper()
		var resync *remote.ResyncError
		if !errors.As(err, &resync) || resync.Reason != remote.EpochChanged {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, ops := range [][]remote.Op{{one}, {one, two}} {
		res, err := a.remote.Push(t.Context(), a.cursor, ops)
		if changed(fmt.Sprint("push of ", len(ops)), err); len(res.Outcomes) > 0 {
			t.Errorf("%+v", res)
		}
	}
	page, err := a.remote.Pull(t.Context(), a.cursor, 0)
	if changed("pull", err); len(page.Changes) > 0 || page.Next != "" {
		t.Errorf("%+v", page)
	}
	if got := b.pull(); len(got) != 0 {
		t.Errorf("what was sent to the server before was applied: %+v", got)
	}
	a.cursor, a.notes = "", map[string]model.Record{}
	a.pull()
	alike(t, a, b)
	a.agreed(one)
	b.pull()
	alike(t, a, b)
}

func testCancelled(t *testing.T, h Harness) {
	a, b := pair(t, h)
	a.write(noteID(1), full())
	a.pull()
	op := a.plan(noteID(2), full())
	asks := map[string]func(context.Context) error{
		"hello": func(ctx context.Context) error { _, err := a.remote.Hello(ctx); return err },
		"pull":  func(ctx context.Context) error { _, err := a.remote.Pull(ctx, a.cursor, 0); return err },
		"cold":  func(ctx context.Context) error { _, err := a.remote.Pull(ctx, "", 0); return err },
		"get": func(ctx context.Context) error {
			_, err := a.remote.Get(ctx, noteID(1), a.notes[noteID(1)].RemoteID)
			return err
		},
		"push": func(ctx context.Context) error { _, err := a.remote.Push(ctx, a.cursor, []remote.Op{op}); return err },
	}
	for name, ask := range asks {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := ask(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s, cancelled before: %v", name, err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		a.faults.Clear()
		a.faults.Next(Then(cancel))
		if err := ask(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, remote.ErrOffline) {
			t.Errorf("%s, cancelled under way: %v", name, err)
		}
	}
	a.faults.Clear()
	a.agreed(op) // it may have been applied meanwhile, or not
	b.pull()
	b.sees(noteID(2), full())
}

// readFaults are faults whose answer must be an error, and what it must be.
func readFaults() map[string]struct {
	fault Fault
	check func(error) bool
} {
	offline := func(err error) bool { return errors.Is(err, remote.ErrOffline) }
	strange := func(err error) bool { return offline(err) && errors.Is(err, remote.ErrNotProtocol) }
	is := func(want error) func(error) bool {
		return func(err error) bool { return errors.Is(err, want) && !offline(err) }
	}
	wait := func(seconds float64) func(error) bool {
		return func(err error) bool {
			var retry *remote.RetryError
			return errors.As(err, &retry) && retry.After.Seconds() == seconds
		}
	}
	type entry = struct {
		fault Fault
		check func(error) bool
	}
	return map[string]entry{
		"request dropped":  {DropRequest(), offline},
		"response dropped": {DropResponse(), offline},
		"500":              {Answer(500, ""), offline},
		"502 page":         {Answer(502, "<html>", "Content-Type", "text/html"), offline},
		"504":              {Answer(504, ""), offline},
		"500 after":        {AnswerAfter(500, ""), offline},
		"503":              {Answer(503, "", "Retry-After", "4"), wait(4)},
		"429":              {TooMany("17"), wait(17)},
		"429 date":         {Answer(429, "", "Retry-After", "Sat, 21 Nov 2026 08:00:30 GMT", "Date", "Sat, 21 Nov 2026 08:00:00 GMT"), wait(30)},
		"429 past":         {Answer(429, "", "Retry-After", "Sat, 21 Nov 2026 07:00:30 GMT", "Date", "Sat, 21 Nov 2026 08:00:00 GMT"), wait(1)},
		"429 huge":         {TooMany("1000000000000"), wait(3600)},
		"429 negative":     {TooMany("-3"), wait(1)},
		"429 garbage":      {TooMany("soon"), wait(0)},
		"429 bare":         {TooMany(""), wait(0)},
		"401":              {Answer(401, ""), is(remote.ErrAuth)},
		"403":              {Answer(403, ""), is(remote.ErrForbidden)},
		"portal":           {Portal(), strange},
		"redirect":         {Answer(302, "", "Location", "http://192.0.2.1/login"), strange},
		"network log-in":   {Answer(511, "<html>", "Content-Type", "text/html"), strange},
		"empty 200":        {Answer(200, "", "Content-Type", "application/json"), strange},
		"other schema":     {Answer(200, `{"hello":"world"}`, "Content-Type", "application/json"), strange},
		"truncated":        {Truncate(0.5), strange},
		"truncated at 0":   {Truncate(0), strange},
		"cut":              {Cut(0.7), strange},
		"wrong type":       {Relabel("Content-Type", "text/html"), strange},
		"two answers":      {Rewrite(func(b []byte) []byte { return append(b, b...) }), strange},
		"coding lie":       {Relabel("Content-Encoding", "gzip"), strange},
	}
}

// testFaultsOfReads: a bad answer is an error of the contract, changes nothing
// and is over with the next request.
func testFaultsOfReads(t *testing.T, h Harness) {
	connect := h.Account(t)
	a := newDevice(t, h, connect, "anna")
	a.pull()
	start := a.cursor
	for i := range 3 {
		a.write(noteID(i), model.Fields{Body: fmt.Sprint("text ", i)})
	}
	for name, tt := range readFaults() {
		b := newDevice(t, h, connect, "bert")
		asks := map[string]func() error{
			"hello": func() error { _, err := b.remote.Hello(t.Context()); return err },
			"cold":  func() error { return pulls(b, "") },
			"warm":  func() error { return pulls(b, start) },
			"get":   func() error { _, err := b.remote.Get(t.Context(), noteID(1), a.notes[noteID(1)].RemoteID); return err },
		}
		for what, ask := range asks {
			b.faults.Clear()
			b.faults.Next(tt.fault)
			if err := ask(); err == nil || !tt.check(err) || CheckError(err) != "" {
				t.Errorf("%s, %s: %v", what, name, err)
			}
			if b.faults.Planned() != 0 {
				t.Errorf("%s, %s: no request was made", what, name)
			}
			if err := ask(); err != nil {
				t.Errorf("%s after %s: %v", what, name, err)
			}
		}
	}
	if h.Refused != nil {
		b := newDevice(t, Harness{}, h.Refused, "eve")
		if _, err := b.remote.Hello(t.Context()); !errors.Is(err, remote.ErrAuth) {
			t.Errorf("refused credentials: %v", err)
		}
		if err := pulls(b, ""); !errors.Is(err, remote.ErrAuth) {
			t.Errorf("refused credentials: %v", err)
		}
		if _, err := b.remote.Push(t.Context(), "", []remote.Op{a.plan(noteID(77), full())}); !errors.Is(err, remote.ErrAuth) {
			t.Errorf("refused credentials: %v", err)
		}
	}
}

// pulls pulls once and checks that an error comes with nothing.
func pulls(d *device, cursor string) error {
	page, err := d.remote.Pull(context.Background(), cursor, 0)
	if err != nil && (len(page.Changes) > 0 || page.Next != "") {
		return fmt.Errorf("half a page with the error %w", err)
	}
	if err == nil && len(page.Changes) != 3 {
		return fmt.Errorf("%d changes", len(page.Changes))
	}
	return err
}
