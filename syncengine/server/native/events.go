package native

import (
	"io"
	"net/http"
	"time"

	"stet/syncengine/server/live"
	"stet/syncengine/server/store"
	"stet/syncengine/wire"
)

const (
	// writeTime bounds one write of a stream: who does not read is let go.
	writeTime = 10 * time.Second
	// pokeGap is the least time between two pokes of a stream. What happens in it
	// is told by one.
	pokeGap = 50 * time.Millisecond
	// heartbeat is a comment.
	heartbeat = ":\n\n"
)

// getEvents answers GET /sync/events: it stays open and tells when the account
// has moved on, until the client goes, the token is revoked or the server stops.
func (d *Dialect) getEvents(c call) error {
	since, err := d.lastHeard(c)
	if err != nil {
		return err
	}
	l, err := d.opts.Hub.Join(c.r.Context(), c.acc.ID, c.token)
	if err != nil {
		return err
	}
	defer l.Leave()
	h := c.w.Header()
	h.Set("Content-Type", wire.TypeEvents)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Accel-Buffering", "no") // or a proxy keeps pokes until it has a buffer full
	c.w.WriteHeader(http.StatusOK)
	if c.r.Method == http.MethodHead {
		return nil
	}
	s := stream{c.w, http.NewResponseController(c.w)}
	_ = s.rc.SetReadDeadline(time.Time{}) // the request is read; not every writer has deadlines
	d.run(c, s, l, since)
	s.deadline(writeTime) // what is left is the end of the answer
	return nil
}

// lastHeard reads and checks the position that the client is at.
func (d *Dialect) lastHeard(c call) (store.Cursor, error) {
	text := c.r.URL.Query().Get("since")
	if last := c.r.Header.Get(wire.HeaderLastEvent); last != "" {
		text = last
	}
	since, err := cursor(text)
	if err != nil || since == (store.Cursor{}) || since == c.acc.Cursor {
		return since, err
	}
	_, err = d.store.Changes(c.r.Context(), c.acc.ID, since, 1, 1) // refuses what this account never gave out
	return since, err
}

// run tells of changes until there is no one to tell, or nothing to tell of.
func (d *Dialect) run(c call, s stream, l *live.Listener, since store.Cursor) {
	last := since
	if head := l.Head(); last == (store.Cursor{}) && head.Rev == 0 {
		last = head // nothing was ever written
	}
	text := heartbeat // so that the client knows that it is connected
	for {
		if head := l.Head(); head != last && head != (store.Cursor{}) {
			last, text = head, wire.Event(wire.Cursor(head))
		}
		if text != "" && s.write(text) != nil {
			return
		}
		if len(text) > len(heartbeat) && !d.rest(c) {
			return
		}
		text = ""
		select {
		case _, open := <-l.C:
			if !open {
				return
			}
		case <-d.opts.After(d.opts.Heartbeat):
			text = heartbeat
		case <-c.r.Context().Done():
			return
		}
	}
}

// rest waits for the gap between two pokes; false if the client went.
func (d *Dialect) rest(c call) bool {
	select {
	case <-d.opts.After(pokeGap):
		return true
	case <-c.r.Context().Done():
		return false
	}
}

// stream writes pieces of an answer, each at once.
type stream struct {
	w  io.Writer
	rc *http.ResponseController
}

func (s stream) write(text string) error {
	s.deadline(writeTime)
	if _, err := io.WriteString(s.w, text); err != nil {
		return err
	}
	err := s.rc.Flush()
	s.deadline(0) // an idle stream has none: HTTP/2 would end it
	return err
}

// deadline bounds the next write, by the machine's own clock; 0 for no bound.
// Not every writer has deadlines.
func (s stream) deadline(d time.Duration) {
	at := time.Time{}
	if d > 0 {
		at = time.Now().Add(d)
	}
	_ = s.rc.SetWriteDeadline(at)
}
