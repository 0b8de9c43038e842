// Package mutations is the driver of a mutations log: one number for the whole
// account, which a push must name exactly.
//
// Rules of the room: it keeps no state about notes; all that it remembers
// between calls is the connection and the token that a refresh brought. An
// answer is read whole, decoded strictly and checked before a word of it is
// handed on. Credentials leave only towards the address given to [New]:
// redirects are never followed. It never sleeps, retries or looks at a clock,
// but for the one refresh of a token and timers that give a silent connection
// up.
//
// The protocol has neither revisions of notes nor keys of ops. Of a server that
// is stetd the driver asks for both (see package mutlog), hears of the epoch,
// and is then as exact as the native one. Of any other it finds its own writes again by what they
// hold, and relies on the account's number alone: it moves over nothing that
// was not pulled. It is no [remote.Lister]: the protocol has no list without the
// texts, and a number that must be named exactly leaves no gap to look for.
package mutations

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"stet/syncengine/remote"
	"stet/syncengine/remote/link"
	"stet/syncengine/wire/mutlog"
)

// The limits of one exchange.
const (
	dialTimeout    = 5 * time.Second
	headerTimeout  = 10 * time.Second
	requestTimeout = 30 * time.Second
	// maxAnswer bounds an answer's body, after decoding.
	maxAnswer = 256 << 20
	// maxRequest is the size of a push's JSON at which it is split.
	maxRequest = 8 << 20
)

// Client is one account on one server. Its methods may be called concurrently.
type Client struct {
	base    *url.URL // without a slash at its end
	id      string
	http    http.RoundTripper
	timeout time.Duration
	codec   codec
	direct  bool
	refresh Refresh
	login   *login
	epoch   *link.Epoch // of one call; nil outside of calls
}

// login is the token that requests carry now.
type login struct {
	mu    sync.Mutex
	token string
}

var (
	_ remote.Remote     = (*Client)(nil)
	_ remote.Recogniser = (*Client)(nil)
)

// New makes a client for the API root at baseURL, which may have a path; the
// protocol's own paths are below it. token and client are sent with every
// request. It does not connect.
func New(baseURL, token, client string, opts ...Option) (*Client, error) {
	base, err := link.ParseURL(baseURL)
	if err != nil {
		return nil, err
	}
	token, client = strings.TrimSpace(token), strings.TrimSpace(client)
	if !visible(token) {
		return nil, errors.New("token is not visible ASCII")
	}
	if !visible(client) {
		return nil, errors.New("client id is not visible ASCII")
	}
	o := options{timeout: requestTimeout}
	for _, opt := range opts {
		opt(&o)
	}
	if o.transport == nil {
		o.transport = link.Transport(o.roots, headerTimeout)
	}
	return &Client{base: base, id: client, login: &login{token: token}, http: o.transport, timeout: o.timeout, codec: o.codec,
		direct: o.direct, refresh: o.refresh}, nil
}

func visible(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// during is the client within one call that begins with what is known of the
// epoch, "" if nothing is.
func (c *Client) during(epoch string) *Client {
	own := *c
	own.epoch = link.NewEpoch(epoch)
	return &own
}

// Close closes connections that are kept for the next request.
func (c *Client) Close() {
	if t, ok := c.http.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Caps says what the protocol can do.
func (c *Client) Caps() remote.Caps {
	return remote.Caps{MaxBatch: mutlog.MaxMutations, ServerIDs: true}
}
