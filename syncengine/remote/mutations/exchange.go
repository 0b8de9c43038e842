package mutations

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"stet/syncengine/remote"
	"stet/syncengine/wire"
	"stet/syncengine/wire/mutlog"
)

// call is one request before it is sent.
type call struct {
	method, path string
	query        url.Values
	body         []byte // JSON, nil for none
}

// answer is one answer, read whole and decoded.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// guarded reports whether the server looks at ops and revisions.
func (a answer) guarded() bool { return a.header.Get(mutlog.HeaderGuard) == mutlog.GuardOn }

// send makes one exchange; after a 401 the token is refreshed, if it can be,
// and one more made. Its errors are the caller's context's, ErrOffline (with
// ErrNotProtocol if something answered but not to the end), or the refresh's.
func (c *Client) send(ctx context.Context, what call) (answer, error) {
	c.mu.Lock()
	token := c.token
	c.mu.Unlock()
	a, err := c.exchange(ctx, what, token)
	if err != nil || a.status != http.StatusUnauthorized || c.refresh == nil {
		return a, err
	}
	if token, err = c.renew(ctx, token); err != nil {
		return answer{}, err
	}
	return c.exchange(ctx, what, token)
}

// renew returns a newer token than old.
func (c *Client) renew(ctx context.Context, old string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != old { // another request was faster
		return c.token, nil
	}
	token, err := c.refresh(ctx)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, remote.ErrOffline), errors.Is(err, remote.ErrAuth), errors.Is(err, remote.ErrForbidden):
		return "", fmt.Errorf("refresh token: %w", err)
	case err != nil:
		return "", fmt.Errorf("refresh token: %w: %w", remote.ErrAuth, err)
	case !visible(token):
		return "", fmt.Errorf("refresh token: %w: the new one cannot be sent", remote.ErrAuth)
	}
	c.token = token
	return token, nil
}

func (c *Client) exchange(parent context.Context, what call, token string) (answer, error) {
	ctx, cancel := context.WithTimeout(parent, c.timeout)
	defer cancel()
	req, err := c.request(ctx, what, token)
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

func (c *Client) request(ctx context.Context, what call, token string) (*http.Request, error) {
	u := *c.base
	u.Path, u.RawQuery = u.Path+what.path, what.query.Encode()
	var reader io.Reader
	if what.body != nil {
		reader = bytes.NewReader(what.body)
	}
	req, err := http.NewRequestWithContext(ctx, what.method, u.String(), reader)
	if err != nil {
		return nil, fmt.Errorf("build request: %w", err)
	}
	h := req.Header
	h.Set(mutlog.HeaderToken, token)
	h.Set(mutlog.HeaderClient, c.id)
	h.Set(mutlog.HeaderGuard, mutlog.GuardOn)
	h.Set("Accept-Encoding", "zstd, gzip")
	h["User-Agent"] = nil // present and empty: none is sent
	if what.body != nil {
		h.Set("Content-Type", wire.TypeJSON)
	}
	return req, nil
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
		out.Grow(int(min(resp.ContentLength, 1<<20)))
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

// The bounds of a wait that a server can ask for.
const (
	minWait = time.Second
	maxWait = time.Hour
)

// retryAfter reads Retry-After: seconds, or a date measured against the
// answer's own Date, within 1 s and 1 h. 0 says that the header is absent or
// says nothing that can be read.
func retryAfter(h http.Header) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseFloat(v, 64); err == nil && s == s {
		return clampWait(s)
	}
	until, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return clampWait(until.Sub(now).Seconds())
}

func clampWait(seconds float64) time.Duration {
	return time.Duration(min(max(seconds, minWait.Seconds()), maxWait.Seconds()) * float64(time.Second))
}
