package kinto

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/remote/link"
)

// question is what to list.
type question struct {
	query   url.Values
	limit   int      // rows, 0 leaves it to the server
	changed int64    // only if the collection is not at this timestamp; 0 in any case
	still   int64    // only if the collection is at this timestamp; 0 in any case
	next    *url.URL // the page to go on with, instead of query and limit
}

// listed is one page of a list.
type listed struct {
	rows  []row
	etag  int64    // the collection's timestamp when the page was read
	date  int64    // the server's clock
	next  *url.URL // the following page, nil at the end
	after time.Duration
	// notice is what the server tells its users.
	notice string
	// same says that the collection is at question.changed (304), moved that it is
	// no more at question.still (412): then there are no rows.
	same, moved bool
}

// list asks for one page. A page that is too long is asked for with fewer rows.
func (c *Client) list(ctx context.Context, q question) (listed, error) {
	for {
		l, err := c.listOnce(ctx, q)
		if !errors.Is(err, link.ErrTooLong) || q.next != nil || q.limit == 1 {
			return l, err
		}
		if q.limit == 0 {
			q.limit = pageRows
		}
		q.limit = max(q.limit/10, 1)
	}
}

func (c *Client) listOnce(ctx context.Context, q question) (listed, error) {
	what := call{method: http.MethodGet, path: c.records(), header: http.Header{}}
	if q.next != nil {
		what.path, what.query = strings.TrimPrefix(q.next.Path, c.base.Path), q.next.RawQuery
	} else {
		if q.limit > 0 {
			q.query.Set("_limit", strconv.Itoa(q.limit))
		}
		what.query = q.query.Encode()
	}
	if q.changed > 0 {
		what.header.Set("If-None-Match", quote(q.changed))
	}
	if q.still > 0 {
		what.header.Set("If-Match", quote(q.still))
	}
	a, err := c.send(ctx, what)
	if err != nil {
		return listed{}, err
	}
	l := listed{etag: a.etag(), date: a.date(), after: backoff(a.header), notice: alert(a.header)}
	if l.date == 0 {
		l.date = l.etag // the next best
	}
	switch {
	case a.status == http.StatusNotModified && q.changed > 0:
		l.same = true
		return l, nil
	case a.status == http.StatusPreconditionFailed && q.still > 0 && l.etag > 0:
		l.moved = true
		return l, nil
	case a.status != http.StatusOK:
		p, err := refusal(a)
		if err == nil {
			err = misplaced(a.status, p)
		}
		return listed{}, err
	case !a.json():
		return listed{}, link.NotProtocol("content type is not JSON")
	case l.etag == 0:
		return listed{}, link.NotProtocol("list has no timestamp")
	}
	l.rows, err = readRows(a.body)
	for i := range l.rows {
		c.told(&l.rows[i])
	}
	if err != nil {
		return listed{}, link.NotProtocol("%v", err)
	}
	if l.next, err = c.nextPage(a.header.Get("Next-Page")); err != nil {
		return listed{}, err
	}
	if l.next != nil && len(l.rows) == 0 {
		return listed{}, link.NotProtocol("an empty page that is not the last")
	}
	return l, nil
}

// nextPage reads Next-Page, nil if there is none. One that leads elsewhere is
// an error of its own, told only to whom follows it.
func (c *Client) nextPage(raw string) (*url.URL, error) {
	if raw == "" {
		return nil, nil
	}
	u, err := c.base.Parse(raw)
	if err != nil {
		return nil, link.NotProtocol("Next-Page is no address")
	}
	return u, nil
}

// follow checks that a page is on our own server, under the address that we
// know it by: the credentials go nowhere else.
func (c *Client) follow(u *url.URL) error {
	if u.Scheme != c.base.Scheme || !strings.EqualFold(u.Host, c.base.Host) || u.User != nil || !strings.HasPrefix(u.Path, c.base.Path+"/") {
		return link.NotProtocol("the next page is on another server")
	}
	return nil
}

// misplaced is the error of a list that is not there, or that is not at the
// place that we come from: a server whose clock went back takes no timestamp of
// the time before for one.
func misplaced(status int, p problem) error {
	if status == http.StatusBadRequest && strings.Contains(p.Message, "_since") {
		return &remote.ResyncError{Reason: remote.CursorUnknown}
	}
	if status == http.StatusNotFound && p.Errno == errnoUnknownPlace {
		return unknownPlace()
	}
	return link.NotProtocol("status %d errno %d: %s", status, p.Errno, cut(p.Message))
}

// idFilter is a filter that finds records by id. Quotes, since a bare number
// would be taken for one.
func idFilter(ids []string) string {
	quoted := make([]string, len(ids))
	for i, id := range ids {
		quoted[i] = `"` + id + `"`
	}
	return strings.Join(quoted, ",")
}

// find returns what the collection knows of some ids: live rows and tombstones.
// fields names the members wanted; all if none. What comes later than this list
// is above at, the collection's timestamp when it began.
func (c *Client) find(ctx context.Context, ids []string, fields ...string) (found map[string]row, at int64, err error) {
	q := url.Values{"in_id": {idFilter(ids)}, "_since": {"0"}}
	if len(fields) > 0 {
		q.Set("_fields", strings.Join(append(fields, model.FieldDeleted), ","))
	}
	found = make(map[string]row, len(ids))
	l, err := c.list(ctx, question{query: q})
	at = l.etag
	for pages := 0; ; pages++ {
		if err != nil {
			return nil, 0, err
		}
		for _, r := range l.rows {
			if r.rec.Rev > found[r.rec.ID].rec.Rev {
				found[r.rec.ID] = r
			}
		}
		if l.next == nil || pages > len(ids) {
			return found, at, nil
		}
		q.Set("_token", l.next.Query().Get("_token"))
		l, err = c.list(ctx, question{query: q})
	}
}
