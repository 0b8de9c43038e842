package native

import (
	"net/http"
	"time"

	"stet/syncengine/server/store"
	"stet/syncengine/wire"
)

// answerTime is how long an answer may take to be written that was waited for.
// A socket's deadline is one of the machine's own clock.
const answerTime = 60 * time.Second

// question is what a poll asks for.
type question struct {
	since store.Cursor
	limit int
	match string // If-None-Match
}

// news reports whether a page is worth answering with before the wait is over.
func (q question) news(page store.Page) bool {
	moved := len(page.Changes) > 0 || q.since != store.Cursor{} && q.since != page.Next
	return moved && !matches(q.match, wire.CursorETag(wire.Cursor(page.Next)))
}

// waitFor returns the first page that holds something new, or what there is
// after wait. A server that stops answers at once.
func (d *Dialect) waitFor(c call, wait time.Duration, q question) (store.Page, error) {
	page, err := d.ask(c, q)
	if err != nil || wait == 0 || q.news(page) {
		return page, err
	}
	l, err := d.opts.Hub.Join(c.r.Context(), c.acc.ID, c.token)
	if err != nil {
		return page, err
	}
	defer l.Leave()
	rc := http.NewResponseController(c.w)
	_ = rc.SetReadDeadline(time.Time{}) // not every writer has deadlines
	_ = rc.SetWriteDeadline(time.Now().Add(wait + answerTime))
	over := d.opts.After(wait)
	for {
		if page, err = d.ask(c, q); err != nil || q.news(page) { // first: what came before we listened
			return page, err
		}
		select {
		case _, open := <-l.C:
			if !open && l.Revoked() {
				return page, store.ErrToken
			}
			if !open {
				return page, nil
			}
		case <-over:
			return page, nil
		case <-c.r.Context().Done():
			return page, c.r.Context().Err()
		}
	}
}

func (d *Dialect) ask(c call, q question) (store.Page, error) {
	return d.store.Changes(c.r.Context(), c.acc.ID, q.since, q.limit, d.opts.Limits.PageBytes)
}
