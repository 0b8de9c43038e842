package kinto

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"time"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/remote/link"
)

// Pull asks for what is new since cursor. An empty cursor lists everything,
// tombstones last: a device that comes back from another server learns from
// them what was deleted here meanwhile.
func (c *Client) Pull(ctx context.Context, cursor string, limit int) (remote.Page, error) {
	page, err := c.pull(ctx, cursor, limit)
	if err != nil {
		return remote.Page{}, fmt.Errorf("pull: %w", err)
	}
	return page, nil
}

func (c *Client) pull(ctx context.Context, text string, limit int) (remote.Page, error) {
	var k *cursor
	if text != "" {
		var err error
		if k, err = parseCursor(text); err != nil {
			return remote.Page{}, err
		}
	}
	c = c.during(k)
	me, err := c.known(ctx, k)
	if err != nil {
		return remote.Page{}, err
	}
	p := puller{c: c, k: k, limit: limit, overlap: c.overlap.Milliseconds(), cold: k == nil}
	if k == nil {
		p.k = &cursor{Print: me.print}
	}
	known := p.k.Epoch
	page, err := p.page(ctx)
	page.Notice = p.notice
	if err == nil && page.Unchanged {
		page.Next = text
		if adopted := p.k.String(); p.k.Epoch != known {
			page.Unchanged, page.Next = false, adopted
		}
	}
	if err != nil {
		return remote.Page{}, err
	}
	return page, nil
}

// puller makes one page.
type puller struct {
	c       *Client
	k       *cursor
	limit   int
	overlap int64 // ms
	cold    bool  // this page begins a complete listing
	after   time.Duration
	notice  string
	moves   int // times that the collection changed while it was paged
}

func (p *puller) page(ctx context.Context) (remote.Page, error) {
	if p.limit <= 0 && !p.c.seed {
		p.limit = pageRows
	}
	q := p.question()
	l, err := p.list(ctx, q)
	if err == nil && l.next != nil && q.limit > 0 && farthest(l.rows) > l.date+farAhead {
		// There is no way to page among rows that are in the server's future: it
		// refuses them as _since and, since 26.5, in its own tokens.
		q.limit = 0
		q.query.Del("_limit")
		l, err = p.list(ctx, q)
	}
	switch {
	case err != nil:
		return remote.Page{}, err
	case p.k.Walk == nil && !p.cold && l.etag < p.k.ETag: // a collection's clock never goes back
		return remote.Page{}, p.forgotten(ctx, l.etag)
	case l.same && p.k.restless(l.date, p.overlap):
		return p.lookBack(ctx, l)
	case l.same:
		return remote.Page{Unchanged: true, After: p.after}, nil
	}
	w := p.k.Walk
	if w == nil {
		w = p.k.begin(p.cold, l.date)
	}
	if p.c.seed {
		return p.newestFirst(ctx, w, l)
	}
	return p.oldestFirst(ctx, w, l)
}

func farthest(rows []row) (at int64) {
	for _, r := range rows {
		at = max(at, r.rec.Rev)
	}
	return at
}

// question is what this page asks for: everything, or what came after the
// newest row that was seen (and that row, the witness), or the walk's next page.
func (p *puller) question() question {
	q := question{query: url.Values{}, limit: p.limit}
	if !p.c.seed {
		q.query.Set("_sort", "last_modified")
	}
	if p.k.Far {
		q.limit = 0
	}
	since := p.k.start()
	switch w := p.k.Walk; {
	case w != nil && w.Token != "":
		q.query.Set("_token", w.Token)
		if w.Cold {
			return q
		}
	case w != nil:
		since = w.Pos
	case p.cold:
		return q
	default:
		q.changed = p.k.ETag
	}
	q.query.Set("_since", strconv.FormatInt(since, 10))
	return q
}

func (p *puller) list(ctx context.Context, q question) (listed, error) {
	l, err := p.c.list(ctx, q)
	p.after = max(p.after, l.after)
	p.k.Epoch = p.c.epoch.Known()
	if err == nil {
		p.notice = l.notice
	}
	return l, err
}

// oldestFirst takes one page of a walk. What changes meanwhile moves to its end
// and is met there, so nothing is missed and every page is a place to resume.
func (p *puller) oldestFirst(ctx context.Context, w *walk, l listed) (remote.Page, error) {
	before := w.Pos
	fresh := p.k.take(w, l.rows, p.overlap)
	if l.next == nil {
		return p.finish(ctx, w, fresh, l.etag)
	}
	if w.Pos <= before && w.Token == "" {
		return remote.Page{}, link.NotProtocol("pages do not move on")
	}
	w.Token = ""
	if w.Pos > l.date+farAhead {
		if w.Token = l.next.Query().Get("_token"); w.Token == "" {
			return remote.Page{}, link.NotProtocol("the next page has no token")
		}
	}
	next := *p.k
	next.Walk = w
	return remote.Page{Changes: records(fresh), Next: next.String(), More: true, Full: p.cold, After: p.after}, nil
}

// finish ends a walk: a complete listing with the tombstones, another one with
// the question whether what was seen before is still there.
func (p *puller) finish(ctx context.Context, w *walk, fresh []row, etag int64) (remote.Page, error) {
	if w.Cold {
		dead, err := p.tombstones(ctx, w)
		if err != nil {
			return remote.Page{}, err
		}
		fresh = newest(append(fresh, dead...))
	}
	if !w.Met {
		return remote.Page{}, p.forgotten(ctx, etag)
	}
	if !w.Cold && p.k.Since < p.k.start() {
		late, err := p.late(ctx, w)
		if err != nil {
			return remote.Page{}, err
		}
		fresh = newest(append(fresh, late...))
	}
	next := p.k.end(w, etag, p.overlap)
	return remote.Page{Changes: records(fresh), Next: next.String(), Full: p.cold, After: p.after}, nil
}

// tombstones lists what was deleted. Live rows that came since they were listed
// are late ones to the next pull.
func (p *puller) tombstones(ctx context.Context, w *walk) ([]row, error) {
	all, err := p.collect(ctx, 0, math.MaxInt64, url.Values{model.FieldDeleted: {"true"}})
	if err != nil {
		return nil, err
	}
	p.k.take(w, all, p.overlap)
	return all, nil
}

// late finds rows that came behind others that were seen before them: a list by
// timestamp alone shows whether there are any.
func (p *puller) late(ctx context.Context, w *walk) ([]row, error) {
	all, err := p.collect(ctx, p.k.Since, p.k.start(), url.Values{"_fields": {model.FieldDeleted}})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, r := range all {
		if r.rec.Rev <= p.k.start() {
			w.Read = append(w.Read, r.rec.Rev)
			if !slices.Contains(p.k.Known, r.rec.Rev) {
				ids = append(ids, r.rec.ID)
			}
		}
	}
	var out []row
	for chunk := range slices.Chunk(ids, p.c.batch()) {
		found, _, err := p.c.find(ctx, chunk)
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			out = append(out, r)
		}
	}
	return out, nil
}

// collect lists all rows after since, oldest first, and maybe some after until;
// with a since below 0 it begins with the live ones alone.
func (p *puller) collect(ctx context.Context, since, until int64, query url.Values) ([]row, error) {
	query.Set("_sort", "last_modified")
	var all []row
	for {
		if since >= 0 {
			query.Set("_since", strconv.FormatInt(since, 10))
		}
		l, err := p.list(ctx, question{query: query, limit: max(p.limit, pageRows)})
		if err != nil {
			return nil, err
		}
		all = append(all, l.rows...)
		if l.next == nil || farthest(l.rows) > until {
			return all, nil
		}
		last := l.rows[len(l.rows)-1].rec.Rev
		if last <= since {
			return nil, link.NotProtocol("pages do not move on")
		}
		since = last
	}
}

// lookBack looks once more for late rows, when no more can come.
func (p *puller) lookBack(ctx context.Context, l listed) (remote.Page, error) {
	w := p.k.begin(false, l.date)
	rows, err := p.late(ctx, w)
	if err != nil {
		return remote.Page{}, err
	}
	next := p.k.end(w, l.etag, p.overlap)
	return remote.Page{Changes: records(newest(rows)), Next: next.String(), After: p.after}, nil
}

// forgotten says why the newest row that was seen is not listed any more: it is
// another user's collection, or one that lost what it had.
func (p *puller) forgotten(ctx context.Context, etag int64) error {
	me, err := p.c.ask(ctx)
	switch {
	case err != nil:
		return err
	case me.print != p.k.Print:
		return stranger()
	case etag < p.k.ETag:
		return &remote.ResyncError{Reason: remote.EpochChanged}
	}
	return &remote.ResyncError{Reason: remote.CursorUnknown}
}

func records(rows []row) []model.Record {
	if len(rows) == 0 {
		return nil
	}
	out := make([]model.Record, len(rows))
	for i, r := range rows {
		out[i] = r.rec
	}
	return out
}
