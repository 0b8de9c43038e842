package native

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"stet/syncengine/remote"
	"stet/syncengine/remote/link"
	"stet/syncengine/wire"
)

// errNoStream says that the server, or what stands before it, has no streams.
var errNoStream = fmt.Errorf("%w: no event stream", remote.ErrUnsupported)

// Watch waits until the account has moved on from cursor. It listens to a
// stream, or lets a poll wait where there is none. The stream stays open for
// the next call as long as the context lives that it was opened with: who gives
// the same context to every call keeps one stream, and ends it with the context.
func (c *Client) Watch(ctx context.Context, cursor string) error {
	if cursor != "" && !validCursor(cursor) {
		return fmt.Errorf("watch: %w", &remote.ResyncError{Reason: remote.CursorUnknown}) // not one of any server's
	}
	err := errNoStream
	if !c.polls.Load() {
		err = c.listen(ctx, cursor)
	}
	if errors.Is(err, errNoStream) {
		err = c.longPoll(ctx, cursor)
	}
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	return nil
}

// listen waits for an event on the kept stream, or on a new one. A kept stream
// whose last event is not what we came to cannot say which of the two is newer;
// the server can.
func (c *Client) listen(ctx context.Context, cursor string) error {
	s := c.take()
	if s != nil && (s.at != cursor || s.ctx.Err() != nil) {
		s.close()
		s = nil
	}
	if s == nil {
		var err error
		if s, err = c.open(ctx, cursor); err != nil {
			return err
		}
	}
	giveUp := context.AfterFunc(ctx, s.close)
	err := s.next(cursor)
	if !giveUp() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		s.close()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	c.keep(s)
	return nil
}

func (c *Client) take() *stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.kept
	c.kept = nil
	return s
}

func (c *Client) keep(s *stream) {
	c.mu.Lock()
	old := c.kept
	c.kept = s
	c.mu.Unlock()
	if old != nil {
		old.close()
	}
}

// pollWait is how long a poll may wait, in seconds: less than any timeout that
// may stand before the answer's first byte.
const pollWait = 8

// pollTooSoon is the least time that a poll which waits takes.
const pollTooSoon = time.Second

// longPoll asks for changes until there are some. A server that answers at
// once, twice, that there are none does not know how to wait.
func (c *Client) longPoll(ctx context.Context, cursor string) error {
	query := "limit=1&wait=" + strconv.Itoa(pollWait)
	header := http.Header{}
	if cursor != "" {
		query = "since=" + url.QueryEscape(cursor) + "&" + query
		header.Set("If-None-Match", `"`+cursor+`"`)
	}
	for soon := 0; soon < 2; {
		var waited atomic.Bool
		timer := time.AfterFunc(pollTooSoon, func() { waited.Store(true) })
		a, err := c.send(ctx, call{method: http.MethodGet, path: wire.PathChanges, query: query, header: header})
		timer.Stop()
		if err != nil {
			return err
		}
		moved, err := c.moved(a, cursor)
		if err != nil {
			return err
		}
		if moved || waited.Load() {
			c.polls.Store(true)
		}
		if moved {
			return nil
		}
		if soon++; waited.Load() {
			soon = 0
		}
	}
	return fmt.Errorf("%w: polls do not wait", remote.ErrUnsupported)
}

// moved reports whether a poll's answer tells of anything new since cursor.
func (c *Client) moved(a answer, cursor string) (bool, error) {
	switch {
	case a.status == http.StatusNotModified && cursor != "":
		return false, nil
	case a.status != http.StatusOK:
		p, err := refusal(a)
		if err == nil && p.Code == wire.CodeBadParameter {
			return false, fmt.Errorf("%w: polls may not wait", remote.ErrUnsupported)
		}
		return false, strange(p, err)
	case !a.is(wire.TypeJSON):
		return false, link.NotProtocol("content type is not JSON")
	}
	page, err := readPage(a.body, cursor)
	if err != nil {
		return false, link.NotProtocol("%v", err)
	}
	return !page.Unchanged && (cursor != "" || len(page.Changes) > 0), nil
}
