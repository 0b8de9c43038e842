package kinto

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

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

// send makes one exchange. Its errors are the caller's context's, ErrOffline
// (with ErrNotProtocol if something answered but not to the end), or a
// ResyncError if the answer is of another epoch than is known.
func (c *Client) send(parent context.Context, what call) (answer, error) {
	resp, body, err := link.Exchange(parent, c.http, c.timeout, maxAnswer, func(ctx context.Context) (*http.Request, error) {
		return c.request(ctx, what)
	})
	if err != nil {
		return answer{}, err
	}
	return answer{resp.StatusCode, resp.Header, body}, c.epoch.Heard(resp.Header)
}

func (c *Client) request(ctx context.Context, what call) (*http.Request, error) {
	u := *c.base
	u.Path, u.RawQuery = u.Path+what.path, what.query
	h := http.Header{
		"Authorization":   {c.auth},
		"Accept":          {"application/json"},
		"Accept-Encoding": {"gzip"},
		"User-Agent":      {"stet"},
		// Not sent; tells net/http that a connection found closed may be replaced.
		// Every write has a precondition, so a second arrival changes nothing.
		"X-Idempotency-Key": {},
	}
	for name, values := range what.header {
		h[name] = values
	}
	c.epoch.Ask(h)
	var reader io.Reader
	if what.body != nil {
		h.Set("Content-Type", "application/json")
		reader = bytes.NewReader(what.body)
	}
	req, err := http.NewRequestWithContext(ctx, what.method, u.String(), reader)
	if err != nil {
		return nil, fmt.Errorf("build request: %w", err)
	}
	req.Header = h
	return req, nil
}

// json reports whether the answer says that its body is JSON, and is text at
// all: members are kept as they come.
func (a answer) json() bool {
	got, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	return err == nil && got == "application/json" && utf8.Valid(a.body)
}

// date is the server's clock at the answer in ms, 0 if it does not tell.
func (a answer) date() int64 {
	t, err := http.ParseTime(a.header.Get("Date"))
	if err != nil {
		return 0
	}
	return t.UnixMilli()
}

// etag is the answer's timestamp, 0 if it has none.
func (a answer) etag() int64 { return parseETag(a.header.Get("ETag")) }

// parseETag reads "1795233204771" with or without quotes, strong or weakened
// by a proxy; 0 if it is no timestamp.
func parseETag(s string) int64 {
	s = strings.Trim(strings.TrimPrefix(strings.TrimSpace(s), "W/"), `"`)
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > maxRev {
		return 0
	}
	return n
}

// quote writes a timestamp as the server's conditions want it.
func quote(rev int64) string { return `"` + strconv.FormatInt(rev, 10) + `"` }

// maxRev is the greatest revision that JSON carries exactly.
const maxRev = 1 << 53

// stamp is a revision as a time.
func stamp(rev int64) time.Time { return time.UnixMilli(rev).UTC() }
