package mutations

import (
	"context"
	"crypto/x509"
	"net/http"
	"time"
)

// Option changes how a Client speaks.
type Option func(*options)

type options struct {
	transport http.RoundTripper
	roots     *x509.CertPool
	timeout   time.Duration
	codec     codec
	direct    bool
	refresh   Refresh
}

// Refresh brings a new access token after the server refused the old one. Its
// error is told as refused credentials, unless it is one of package remote's.
type Refresh func(ctx context.Context) (token string, err error)

// WithRefresh refreshes the token after a 401: once a request, which is then
// sent once more.
func WithRefresh(f Refresh) Option { return func(o *options) { o.refresh = f } }

// WithTransport sends requests through rt instead of the client's own
// transport; it must not follow redirects.
func WithTransport(rt http.RoundTripper) Option { return func(o *options) { o.transport = rt } }

// WithRoots trusts these certificates instead of the system's.
func WithRoots(pool *x509.CertPool) Option { return func(o *options) { o.roots = pool } }

// WithTimeout bounds a whole request, body and answer, instead of 30 s.
func WithTimeout(d time.Duration) Option { return func(o *options) { o.timeout = d } }

// Bodies say what notes a server takes that knows a body and nothing else of
// ours. All other fields travel as a head of the body, between two lines of
// "---", and are read back from there.
type Bodies struct {
	// Ranges is sent with every note, where the server wants it.
	Ranges []string
	// Min and Max bound the length of a body with its head, in characters; 0 is
	// no bound.
	Min, Max int
}

// WithPlainBodies is for servers whose notes are bodies.
func WithPlainBodies(b Bodies) Option {
	return func(o *options) { o.codec = codec{plain: true, bodies: b} }
}

// WithDirect sends each op through the server's endpoint of notes, one request
// an op, instead of the log. It implies plain bodies.
func WithDirect() Option {
	return func(o *options) { o.direct, o.codec.plain = true, true }
}
