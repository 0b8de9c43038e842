package syncengine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/store"
)

// Times and bounds of the comparison with a server's list (remote.Lister).
const (
	stockEvery = 24 * time.Hour
	stockAgain = 10 * time.Minute // after one that failed
	stockAsks  = 200              // notes that one round asks for by name
	stockPart  = 20               // notes that are held in memory at a time
)

// agenda is store.MetaStock: when the next comparison is due, and where the one
// under way goes on that is too long for a round.
type agenda struct {
	Next time.Time `json:"next"`
	From string    `json:"from,omitempty"` // ids up to here are done
}

// takeStock compares what a server lists with what is known here, where the
// server is one that may lose a change, or the sign of a deletion, and not tell:
// once a day, or when the user asks. What differs is taken as any pulled change
// is; a note that the server has lost without a word is sent again. It reports
// whether anything came of it. A server that fails here has done its round all
// the same: it is asked again later.
func (e *Engine) takeStock(ctx context.Context, r *round, asked bool) (bool, error) {
	far, ok := e.remote.(remote.Lister)
	if !ok {
		return false, nil
	}
	a, due, err := e.agenda(ctx, r, asked)
	if err != nil || !due {
		return false, err
	}
	if asked {
		a.From = ""
	}
	found := 0
	for whole := false; !whole && err == nil; whole = a.From == "" || !asked {
		var n int
		n, a.From, err = e.compareList(ctx, r, far, a.From)
		found += n
	}
	if found > 0 {
		err = errors.Join(err, e.tellStock(ctx, found))
	}
	var lost *remote.ResyncError
	if errors.As(err, &lost) {
		found, err = 1, e.beginResync(ctx, lost.Reason)
	}
	if a.Next, err = e.stockNext(r, a.From, asked, err); err == nil {
		err = e.setAgenda(ctx, a)
	}
	return found > 0, err
}

// stockNext tells when the next comparison is due after one that ended with
// err, and what of err the round has to tell.
func (e *Engine) stockNext(r *round, from string, asked bool, err error) (time.Time, error) {
	var retry *remote.RetryError
	waits := errors.As(err, &retry)
	switch {
	case err == nil && from != "":
		return e.time(), nil
	case err == nil, errors.Is(err, remote.ErrUnsupported):
		return e.time().Add(stockEvery), nil
	case asked, !waits && !errors.Is(err, remote.ErrOffline):
		return time.Time{}, err
	case waits:
		r.after = max(r.after, retry.After)
	}
	return e.time().Add(max(stockAgain, r.after)), nil
}

// agenda reads when a comparison is due. A device that has no place in the
// server's changes, or is to compare everything, does that first; a server under
// load is left alone.
func (e *Engine) agenda(ctx context.Context, r *round, asked bool) (a agenda, due bool, err error) {
	err = e.store.Read(ctx, func(tx store.Reader) error {
		cursor, err := tx.Cursor()
		if err != nil {
			return err
		}
		resync, err := tx.Meta(store.MetaResync)
		if err != nil {
			return err
		}
		text, err := tx.Meta(store.MetaStock)
		if err != nil {
			return err
		}
		if json.Unmarshal([]byte(text), &a) != nil {
			a = agenda{}
		}
		wait := a.Next.Sub(e.now())
		due = cursor != "" && resync == "" && (asked || r.after == 0 && (wait <= 0 || wait > stockEvery)) // more: the clock went back
		return nil
	})
	if err != nil {
		return a, false, fmt.Errorf("read when to compare: %w", err)
	}
	return a, due, nil
}

func (e *Engine) setAgenda(ctx context.Context, a agenda) error {
	text, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("write when to compare: %w", err)
	}
	return e.setMeta(ctx, store.MetaStock, string(text))
}

// tellStock notes in the activity that a list showed what no pull had.
func (e *Engine) tellStock(ctx context.Context, n int) error {
	return e.store.Write(ctx, func(tx store.Tx) error {
		return e.log(tx, "", model.EventResync, 0, "", fmt.Sprintf("%d notes were not as the server lists them", n))
	})
}

// compareList makes one comparison, or a part of one, from an id on. It returns
// how many notes differed, and the id up to which all is done, "" at the end.
func (e *Engine) compareList(ctx context.Context, r *round, far remote.Lister, from string) (found int, upto string, err error) {
	var listed map[string]int64
	if err := e.try(ctx, func() (err error) {
		listed, err = far.List(ctx)
		return err
	}); err != nil {
		return 0, from, fmt.Errorf("list notes: %w", err)
	}
	var all []doubt
	err = e.store.Read(ctx, func(tx store.Reader) (err error) {
		all, err = doubts(tx, listed, from)
		return err
	})
	if err != nil {
		return 0, from, fmt.Errorf("compare with the list: %w", err)
	}
	some := all[:min(len(all), stockAsks)]
	upto = from
	for part := range slices.Chunk(some, stockPart) {
		n, err := e.clarify(ctx, r, part)
		if found += n; err != nil {
			return found, upto, err
		}
		upto = part[len(part)-1].id
	}
	if len(some) == len(all) {
		upto = ""
	}
	return found, upto, nil
}

// doubt is a note that the server lists otherwise than it is known here.
type doubt struct {
	id, remoteID string
	known        int64 // the rev that is known here, 0 if none
	listed       bool
}

// doubts returns what differs, by id, after from. What was deleted on both
// sides, and what is kept aside already, does not.
func doubts(tx store.Reader, listed map[string]int64, from string) (out []doubt, err error) {
	known := make(map[string]bool, len(listed))
	err = tx.IDs(func(id string, rev int64, _ model.Status, deleted bool) bool {
		known[id] = true
		at, there := listed[id]
		if id > from && at != rev && (there || !deleted) {
			out = append(out, doubt{id: id, known: rev, listed: there})
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	for id := range listed {
		if id > from && !known[id] {
			out = append(out, doubt{id: id, listed: true})
		}
	}
	slices.SortFunc(out, func(a, b doubt) int { return cmp.Compare(a.id, b.id) })
	open := out[:0]
	for _, d := range out {
		h, held, err := tx.HeldOf(d.id)
		if err != nil {
			return nil, err
		}
		if held && h.Record.Rev >= listed[d.id] && (d.listed || h.Record.Fields.Deleted) {
			continue
		}
		shadow, _, err := tx.Shadow(d.id)
		if err != nil {
			return nil, err
		}
		d.remoteID = shadow.RemoteID
		open = append(open, d)
	}
	return open, nil
}

// clarify asks for notes in doubt and takes what the server says. One that it
// holds at an older revision than it once told is a sign that it went back. It
// returns how many differed indeed.
func (e *Engine) clarify(ctx context.Context, r *round, part []doubt) (int, error) {
	var page remote.Page
	var absent []string
	for _, d := range part {
		var rec model.Record
		if err := e.try(ctx, func() (err error) {
			rec, err = e.remote.Get(ctx, d.id, d.remoteID)
			return err
		}); err != nil {
			return 0, fmt.Errorf("fetch note: %w", err)
		}
		switch {
		case rec.Rev > d.known:
			page.Changes = append(page.Changes, rec)
		case rec.Rev > 0 && rec.Rev < d.known:
			return 0, &remote.ResyncError{Reason: remote.CursorUnknown}
		case rec.Rev == 0 && d.known > 0 && !d.listed:
			absent = append(absent, d.id)
		}
	}
	n := len(page.Changes) + len(absent)
	if n == 0 {
		return 0, nil
	}
	err := e.store.Read(ctx, func(tx store.Reader) error { return e.fit(tx, &page) })
	if err == nil {
		err = e.apply(ctx, r, page.Changes, pullMode{consent: r.yes}, "", false)
	}
	if err == nil && len(absent) > 0 {
		err = e.compareAbsent(ctx, absent, remote.CursorUnknown)
	}
	return n, err
}
