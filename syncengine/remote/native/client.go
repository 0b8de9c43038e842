// Package native is the driver of stet's own protocol.
//
// Rules of the room: it keeps no state about notes; all that it remembers
// between calls is the connection, the open stream of pokes among it, and what
// the server cannot do (coded bodies, streams).
// An answer is read whole, decoded strictly and checked before a word of it is
// handed on, so a captive portal's page, a cut body or another server's JSON
// changes nothing (I-19); a stream is read event by event, each as strictly. The
// token leaves only towards the origin given to [New]: redirects are never
// followed. It never sleeps, retries or looks at a clock, but for timers that
// give a silent connection up; what the server says about time is measured
// against the server's own Date.
package native

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"stet/syncengine/remote"
	"stet/syncengine/remote/link"
)

// The limits of one exchange.
const (
	dialTimeout    = 5 * time.Second
	headerTimeout  = 10 * time.Second
	requestTimeout = 30 * time.Second
	heartbeat      = 25 * time.Second
	// maxAnswer bounds an answer's body, after decoding. A page is about 4 MiB.
	maxAnswer = 64 << 20
	// maxRequest is the size of a batch's JSON at which it is split.
	maxRequest = 8 << 20
	// codeFrom is the size from which a request body is worth coding.
	codeFrom = 512
)

// Client is one account on one stet server. Its methods may be called
// concurrently.
type Client struct {
	base    *url.URL // without a slash at its end
	auth    string   // the Authorization header's value
	http    http.RoundTripper
	timeout time.Duration
	silence time.Duration // after which a stream is given up
	plain   atomic.Bool   // the server refused a coded body once
	polls   atomic.Bool   // the server has no streams but lets polls wait

	mu   sync.Mutex
	kept *stream // between two calls of Watch
}

var _ remote.Remote = (*Client)(nil)

// Option changes how a Client speaks.
type Option func(*options)

type options struct {
	transport http.RoundTripper
	roots     *x509.CertPool
	timeout   time.Duration
	heartbeat time.Duration
}

// WithTransport sends requests through rt instead of the client's own
// transport; it must not follow redirects.
func WithTransport(rt http.RoundTripper) Option { return func(o *options) { o.transport = rt } }

// WithRoots trusts these certificates instead of the system's.
func WithRoots(pool *x509.CertPool) Option { return func(o *options) { o.roots = pool } }

// WithTimeout bounds a whole request, body and answer, instead of 30 s.
func WithTimeout(d time.Duration) Option { return func(o *options) { o.timeout = d } }

// WithHeartbeat says how long a server is silent at most on a stream, instead
// of 25 s. Two and a half of it without a word end the stream.
func WithHeartbeat(d time.Duration) Option { return func(o *options) { o.heartbeat = d } }

// New makes a client for the server at baseURL, which may have a path. It does
// not connect. The URL must be http or https without user, query and fragment;
// whether plain http is acceptable is [CheckURL]'s question.
func New(baseURL, token string, opts ...Option) (*Client, error) {
	base, err := link.ParseURL(baseURL)
	if err != nil {
		return nil, err
	}
	token = strings.TrimSpace(token)
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("token is not visible ASCII")
	}
	o := options{timeout: requestTimeout, heartbeat: heartbeat}
	for _, opt := range opts {
		opt(&o)
	}
	if o.transport == nil {
		o.transport = link.Transport(o.roots, headerTimeout)
	}
	return &Client{base: base, auth: "Bearer " + token, http: o.transport, timeout: o.timeout,
		silence: o.heartbeat * 5 / 2}, nil
}

// Close closes connections that are kept for the next request.
func (c *Client) Close() {
	if s := c.take(); s != nil {
		s.close()
	}
	if t, ok := c.http.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// CheckURL reports whether a token may be sent to the address: https anywhere,
// plain http only to this machine (127.0.0.0/8, ::1, localhost) unless
// insecure. The error says what is wrong and, if it is that, names the flag.
func CheckURL(raw string, insecure bool) error {
	u, err := link.ParseURL(raw)
	if err != nil || u.Scheme == "https" || insecure || loopback(u.Hostname()) {
		return err
	}
	return fmt.Errorf("plain http would send the token readable to %s; use https or allow it with --insecure-http", u.Host)
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Zone() == "" && addr.Unmap().IsLoopback()
}

// Caps says what the protocol can do.
func (c *Client) Caps() remote.Caps {
	return remote.Caps{MaxBatch: maxBatch, Idempotent: true, Patch: true, Appends: true}
}
