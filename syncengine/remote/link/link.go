// Package link is how the drivers reach a server over HTTP: one exchange, read
// whole and bounded, with the errors of the driver's contract.
//
// Rules of the room: it knows no protocol and nothing of notes. It never
// retries, and follows no redirect: credentials go where the user sent them.
package link

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"stet/syncengine/remote"
)

// dialTimeout bounds the way to a server, and the handshake.
const dialTimeout = 5 * time.Second

// ErrTooLong says that an answer is longer than it may be.
var ErrTooLong = errors.New("answer is too long")

// Transport makes a driver's own transport. roots are trusted instead of the
// system's if not nil; header bounds the wait for an answer's header, 0 leaves
// that to the whole request's time.
func Transport(roots *x509.CertPool, header time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  header,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConnsPerHost:    2,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // drivers ask for it, and bound what comes
		ForceAttemptHTTP2:      true,
	}
}

// ParseURL reads a server's address: http or https, with a host, without user,
// query and fragment. The path loses its last slashes.
func ParseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil {
		return nil, errors.New("server address cannot be read") // the parser's error repeats what may be a password
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("server address must begin with https:// or http://")
	case u.Hostname() == "":
		return nil, errors.New("server address has no host")
	case u.User != nil:
		return nil, errors.New("server address must not carry a user or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("server address must not carry a query or fragment")
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, nil
}

// Exchange sends what build makes and reads the answer to its end, within
// timeout, at most limit bytes after decoding. Its errors are build's, parent's,
// or ErrOffline (with ErrNotProtocol if something answered but not to the end).
// The answer's body is closed.
func Exchange(parent context.Context, rt http.RoundTripper, timeout time.Duration, limit int64,
	build func(context.Context) (*http.Request, error)) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(parent, timeout)
	defer cancel()
	req, err := build(ctx)
	if err != nil {
		return nil, nil, err
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return nil, nil, Lost(parent, err)
	}
	defer resp.Body.Close()
	body, err := Read(resp, limit)
	switch {
	case err == nil:
		return resp, body, nil
	case parent.Err() != nil:
		return nil, nil, parent.Err()
	case errors.Is(err, ErrTooLong):
		return nil, nil, fmt.Errorf("%w: %w", NotProtocol("answer cannot be read"), err)
	}
	return nil, nil, NotProtocol("answer broke off: %v", err)
}

// Lost says why no answer came: the caller gave up, or the network did.
func Lost(parent context.Context, err error) error {
	if parent.Err() != nil {
		return parent.Err()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: no answer in time", remote.ErrOffline)
	}
	return fmt.Errorf("%w: %v", remote.ErrOffline, err)
}

// NotProtocol says that what answered is not, or not wholly, the server: it may
// be a captive portal, so it counts as offline.
func NotProtocol(format string, args ...any) error {
	return fmt.Errorf("%w: %w: %s", remote.ErrOffline, remote.ErrNotProtocol, fmt.Sprintf(format, args...))
}

// Read reads and decodes the body of an answer to its end, at most limit bytes.
func Read(resp *http.Response, limit int64) ([]byte, error) {
	if resp.ContentLength > limit {
		return nil, ErrTooLong
	}
	if resp.StatusCode == http.StatusNotModified {
		return nil, nil // its headers are those of the answer that it stands for
	}
	var r io.Reader = resp.Body
	switch strings.ToLower(resp.Header.Get("Content-Encoding")) {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, err
		}
		r = z
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(limit)))
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
		out.Grow(int(min(resp.ContentLength, 8<<20))) // a header alone is no reason for more
	}
	n, err := out.ReadFrom(io.LimitReader(r, limit+1))
	if err == nil && n > limit {
		err = ErrTooLong
	}
	return out.Bytes(), err
}
