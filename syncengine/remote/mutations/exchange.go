package mutations

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"

	"stet/syncengine/remote"
	"stet/syncengine/wire"
	"stet/syncengine/wire/mutlog"

	"stet/syncengine/remote/link"
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
// ErrNotProtocol if something answered but not to the end), the refresh's, or a
// ResyncError if the answer is of another epoch than is known.
func (c *Client) send(ctx context.Context, what call) (answer, error) {
	c.login.mu.Lock()
	token := c.login.token
	c.login.mu.Unlock()
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
	c.login.mu.Lock()
	defer c.login.mu.Unlock()
	if c.login.token != old { // another request was faster
		return c.login.token, nil
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
	c.login.token = token
	return token, nil
}

func (c *Client) exchange(parent context.Context, what call, token string) (answer, error) {
	resp, body, err := link.Exchange(parent, c.http, c.timeout, maxAnswer, func(ctx context.Context) (*http.Request, error) {
		return c.request(ctx, what, token)
	})
	if err != nil {
		return answer{}, err
	}
	return answer{resp.StatusCode, resp.Header, body}, c.epoch.Heard(resp.Header)
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
	c.epoch.Ask(h)
	h["User-Agent"] = nil // present and empty: none is sent
	if what.body != nil {
		h.Set("Content-Type", wire.TypeJSON)
	}
	return req, nil
}

// is reports whether the answer says that its body is of that type.
func (a answer) is(mediaType string) bool {
	got, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	return err == nil && got == mediaType
}
