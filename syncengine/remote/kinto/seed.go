package kinto

import (
	"context"
	"net/url"
	"strconv"

	"stet/syncengine/remote"
	"stet/syncengine/remote/link"
)

// maxMoves bounds how often a collection may change during one pull.
const maxMoves = 1000

// newestFirst follows Next-Page from the first page on. Every further page is
// asked for on the condition that the collection has not changed; when it has,
// what changed is fetched first, up to and with the change that was noticed:
// _before excludes its own value, so it is one more than that. The pull's place
// is the collection's timestamp at the first page. What came after it is
// listed again by the next pull.
func (p *puller) newestFirst(ctx context.Context, w *walk, first listed) (remote.Page, error) {
	rows, _, err := p.follow(ctx, first, first.etag)
	if err != nil {
		return remote.Page{}, err
	}
	fresh := p.k.take(w, rows, p.overlap)
	return p.finish(ctx, w, fresh, first.etag)
}

// follow collects a page and all that come after it, and what changes
// meanwhile. at is where the collection stood; where it stands at the end is
// returned.
func (p *puller) follow(ctx context.Context, l listed, at int64) ([]row, int64, error) {
	rows, edge := l.rows, oldest(l.rows)
	for next := l.next; next != nil; {
		if err := p.c.follow(next); err != nil {
			return nil, 0, err
		}
		page, err := p.list(ctx, question{next: next, still: at})
		if err != nil {
			return nil, 0, err
		}
		if !page.moved {
			if farthest(page.rows) >= edge {
				return nil, 0, link.NotProtocol("pages do not move on")
			}
			rows, next, edge = append(rows, page.rows...), page.next, oldest(page.rows)
			continue
		}
		if p.moves++; p.moves > maxMoves {
			return nil, 0, link.NotProtocol("the collection changes faster than it can be read")
		}
		caught, now, err := p.catchUp(ctx, at, page.etag)
		if err != nil {
			return nil, 0, err
		}
		rows, at = append(rows, caught...), now
	}
	return rows, at, nil
}

func oldest(rows []row) int64 {
	at := int64(maxRev)
	for _, r := range rows {
		at = min(at, r.rec.Rev)
	}
	return at
}

// catchUp fetches what changed after since, up to and with upto, and returns up
// to where all is known then.
func (p *puller) catchUp(ctx context.Context, since, upto int64) ([]row, int64, error) {
	q := question{limit: p.limit, query: url.Values{
		"_since":  {strconv.FormatInt(since, 10)},
		"_before": {strconv.FormatInt(upto+1, 10)},
	}}
	l, err := p.list(ctx, q)
	if err != nil {
		return nil, 0, err
	}
	rows, _, err := p.follow(ctx, l, max(upto, l.etag))
	return rows, upto, err
}
