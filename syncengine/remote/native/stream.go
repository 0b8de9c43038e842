package native

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"stet/syncengine/remote"
	"stet/syncengine/remote/link"
	"stet/syncengine/wire"
)

// maxLine bounds a line of a stream, and the data of one event, in bytes.
const maxLine = 4096

var errSilent = fmt.Errorf("%w: the stream fell silent", remote.ErrOffline)

// stream is an open stream of events.
type stream struct {
	ctx     context.Context // ends the request
	cancel  context.CancelCauseFunc
	silence time.Duration
	timer   *time.Timer // gives a silent stream up
	resp    *http.Response
	lines   *bufio.Reader
	at      string // cursor of the last event
}

func (s *stream) close() {
	s.timer.Stop()
	s.cancel(context.Canceled)
	_ = s.resp.Body.Close() // what it says is of a connection that nobody needs
}

// open opens a stream of what comes after cursor, errNoStream if the server has
// none.
func (c *Client) open(parent context.Context, cursor string) (*stream, error) {
	ctx, cancel := context.WithCancelCause(parent)
	s := &stream{ctx: ctx, cancel: cancel, silence: c.silence}
	s.timer = time.AfterFunc(c.timeout, func() { cancel(errSilent) })
	err := c.connect(s, cursor)
	if err != nil {
		s.timer.Stop()
		cancel(err)
		if parent.Err() != nil {
			return nil, parent.Err()
		}
		return nil, err
	}
	s.timer.Reset(s.silence)
	return s, nil
}

func (c *Client) connect(s *stream, cursor string) error {
	query := ""
	if cursor != "" {
		query = "since=" + url.QueryEscape(cursor)
	}
	req, err := c.request(s.ctx, call{method: http.MethodGet, path: wire.PathEvents, query: query,
		header: http.Header{"Accept": {wire.TypeEvents}, "Accept-Encoding": {"identity"}}})
	if err != nil {
		return err
	}
	resp, err := c.http.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("%w: %v", remote.ErrOffline, err)
	}
	if err := accept(resp); err != nil {
		_ = resp.Body.Close()
		return err
	}
	s.resp, s.lines = resp, bufio.NewReaderSize(resp.Body, maxLine)
	return nil
}

// accept checks that an answer is a stream.
func accept(resp *http.Response) error {
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	coding := resp.Header.Get("Content-Encoding")
	switch {
	case resp.StatusCode == http.StatusOK && err == nil && media == wire.TypeEvents && (coding == "" || strings.EqualFold(coding, "identity")):
		return nil
	case resp.StatusCode == http.StatusOK, resp.StatusCode == http.StatusNotFound,
		resp.StatusCode == http.StatusMethodNotAllowed, resp.StatusCode == http.StatusNotAcceptable:
		return errNoStream
	case resp.StatusCode == http.StatusNoContent:
		return fmt.Errorf("%w: the server wants no streams", remote.ErrUnsupported)
	}
	body, err := link.Read(resp, maxAnswer)
	if err != nil {
		return link.NotProtocol("answer broke off: %v", err)
	}
	return strange(refusal(answer{resp.StatusCode, resp.Header, body}))
}

// next returns when an event tells of another position than cursor.
func (s *stream) next(cursor string) error {
	defer s.timer.Stop() // nobody reads between two calls
	var kind string
	var data []byte
	for {
		line, err := s.line()
		if err != nil {
			return err
		}
		if len(line) > 0 {
			field, value, _ := bytes.Cut(line, []byte(":"))
			value = bytes.TrimPrefix(value, []byte(" "))
			switch string(field) { // a comment has none; others are not ours
			case "event":
				kind = string(value)
			case "data":
				if data = append(append(data, value...), '\n'); len(data) > maxLine {
					return link.NotProtocol("event is too long")
				}
			}
			continue
		}
		if kind == wire.EventChange {
			poke, err := wire.DecodePoke(data)
			if err != nil || !validCursor(poke.Cursor) {
				return link.NotProtocol("event has no cursor")
			}
			if s.at = poke.Cursor; s.at != cursor {
				return nil
			}
		}
		kind, data = "", nil
	}
}

// line reads a line without its end. Whatever comes shows that the connection
// lives.
func (s *stream) line() ([]byte, error) {
	s.timer.Reset(s.silence)
	line, err := s.lines.ReadSlice('\n')
	switch {
	case err == nil:
		return bytes.TrimRight(line, "\r\n"), nil
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, link.NotProtocol("line of an event is too long")
	case errors.Is(context.Cause(s.ctx), errSilent):
		return nil, errSilent
	}
	return nil, fmt.Errorf("%w: the stream broke off: %v", remote.ErrOffline, err)
}
