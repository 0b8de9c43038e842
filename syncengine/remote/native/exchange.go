package native

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"stet/syncengine/wire"

	"stet/syncengine/remote/link"
)

// call is one request before it is sent.
type call struct {
	method, path, query string
	header              http.Header
	body                []byte // JSON, nil for none
}

// answer is one answer, read whole and decoded.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// send makes one exchange. Its errors are the caller's context's, or ErrOffline
// (with ErrNotProtocol if something answered but not to the end).
func (c *Client) send(parent context.Context, what call) (answer, error) {
	resp, body, err := link.Exchange(parent, c.http, c.timeout, maxAnswer, func(ctx context.Context) (*http.Request, error) {
		return c.request(ctx, what)
	})
	if err != nil {
		return answer{}, err
	}
	return answer{resp.StatusCode, resp.Header, body}, nil
}

func (c *Client) request(ctx context.Context, what call) (*http.Request, error) {
	u := *c.base
	u.Path, u.RawQuery = u.Path+what.path, what.query
	h := http.Header{
		"Authorization":   {c.auth},
		"Accept-Encoding": {"zstd, gzip"},
		"User-Agent":      nil, // present and empty: none is sent
	}
	for name, values := range what.header {
		h[name] = values
	}
	body := what.body
	if body != nil {
		h.Set("Content-Type", wire.TypeJSON)
		if coded, ok := c.encode(body); ok {
			h.Set("Content-Encoding", "gzip")
			body = coded
		}
	}
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body) // known to http: it sets the length and can be sent on a fresh connection
	}
	req, err := http.NewRequestWithContext(ctx, what.method, u.String(), reader)
	if err != nil {
		return nil, fmt.Errorf("build request: %w", err)
	}
	req.Header = h
	return req, nil
}

// encode codes a long request body; every notes-sync/1 server takes gzip.
func (c *Client) encode(body []byte) ([]byte, bool) {
	if len(body) < codeFrom || c.plain.Load() {
		return nil, false
	}
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, false
	}
	if _, err := w.Write(body); err != nil || w.Close() != nil || out.Len() >= len(body) {
		return nil, false
	}
	return out.Bytes(), true
}

// is reports whether the answer says that its body is of that type.
func (a answer) is(mediaType string) bool {
	got, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	return err == nil && got == mediaType
}

// date is the server's clock at the answer, zero if it does not tell.
func (a answer) date() time.Time {
	t, err := http.ParseTime(a.header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
