package native

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"stet/syncengine/remote"
	"stet/syncengine/wire"
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
	ctx, cancel := context.WithTimeout(parent, c.timeout)
	defer cancel()
	req, err := c.request(ctx, what)
	if err != nil {
		return answer{}, err
	}
	resp, err := c.http.RoundTrip(req)
	if err != nil {
		return answer{}, lost(parent, err)
	}
	defer resp.Body.Close()
	body, err := readBody(resp)
	if err != nil {
		if parent.Err() != nil {
			return answer{}, parent.Err()
		}
		return answer{}, notProtocol("answer broke off: %v", err)
	}
	return answer{resp.StatusCode, resp.Header, body}, nil
}

// lost says why no answer came: the caller gave up, or the network did.
func lost(parent context.Context, err error) error {
	if parent.Err() != nil {
		return parent.Err()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: no answer in time", remote.ErrOffline)
	}
	return fmt.Errorf("%w: %v", remote.ErrOffline, err)
}

// notProtocol says that what answered is not, or not wholly, the server: it may
// be a captive portal, so it counts as offline.
func notProtocol(format string, args ...any) error {
	return fmt.Errorf("%w: %w: %s", remote.ErrOffline, remote.ErrNotProtocol, fmt.Sprintf(format, args...))
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

// readBody reads and decodes an answer's body to its end, at most maxAnswer.
func readBody(resp *http.Response) ([]byte, error) {
	if resp.ContentLength > maxAnswer {
		return nil, errors.New("too long")
	}
	var r io.Reader = resp.Body
	switch coding := strings.ToLower(resp.Header.Get("Content-Encoding")); coding {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, err
		}
		r = z
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxAnswer))
		if err != nil {
			return nil, err
		}
		defer z.Close()
		r = z
	default:
		return nil, errors.New("coding that was not asked for")
	}
	var out bytes.Buffer
	if resp.ContentLength > 0 {
		out.Grow(int(resp.ContentLength))
	}
	n, err := out.ReadFrom(io.LimitReader(r, maxAnswer+1))
	if err == nil && n > maxAnswer {
		err = errors.New("too long")
	}
	return out.Bytes(), err
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
