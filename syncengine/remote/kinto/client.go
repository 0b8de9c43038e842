// Package kinto is the driver of Kinto servers: Mozilla's own, and any that
// speaks HTTP API 1.x.
//
// A record of the collection is a note with the native names of its fields at
// the top, as kinto.js and a page's script expect them; members that stet does
// not know are kept and go back with the next write. Our own bookkeeping is in
// the member _stet (see mark.go): which op wrote the record, on which versions
// it builds, and a sum by which an edit of somebody else is told from ours. A
// note's revision is the record's last_modified.
//
// What such a server promises is less than it seems, and the driver lives with
// it (observed with 26.2.0 and 26.5.0):
//
//   - Its PostgreSQL backend commits out of order, so that a row may appear
//     behind a timestamp that was read before. Every pull therefore reads again
//     what changed in the last seconds before the one before it, and once more
//     when all is quiet.
//   - A batch in which a request ended with 409 was undone although others in
//     it were answered with 201: none of its successes are believed.
//   - What is lost all the same, or purged with its tombstone, only a list of
//     everything shows: [Client.List], which the engine asks for once a day.
//   - If-Match does not exclude a second writer. What a pulled version builds on
//     is told in [model.Record] Parents, for the engine to see what was
//     overwritten.
//   - A flushed collection, another bucket behind the alias "default" and a
//     restored backup look like news. The newest row that was seen is the
//     witness: while it (or a later version of it) is listed, nothing that was
//     seen before is gone. A stetd says so itself: its answers name the epoch.
//   - A wrong password may open an empty account of its own. The cursor holds
//     whose it is.
//   - A client's clock can lift a collection's timestamp into the future, where
//     _since is refused and pages cannot be followed. What is there is read in
//     one piece.
//   - With _fields a tombstone loses the member "deleted" unless it is asked for.
//
// Rules of the room: it keeps no state about notes; what it remembers between
// calls is the connection and what the server's root said (who we are, how many
// requests a batch takes). An answer is read whole and checked before a word of
// it is handed on. The credentials leave only towards the origin given to
// [New]: redirects are never followed, a Next-Page elsewhere is refused. It
// never sleeps, looks at no clock and makes no request twice, but smaller ones
// in place of one that was too large, or that the server keeps failing on.
package kinto

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"stet/syncengine/remote"
	"stet/syncengine/remote/link"
)

// The limits of one exchange.
const (
	dialTimeout    = 5 * time.Second
	requestTimeout = 30 * time.Second
	// maxAnswer bounds an answer's body, after decoding.
	maxAnswer = 64 << 20
	// maxRequest is the size of text from which a batch is split: servers behind
	// a proxy refuse long bodies.
	maxRequest = 1 << 20
	// maxBatch is the number of ops in one Push; it may take several requests.
	maxBatch = 100
	// pageRows is how many rows a page has if nobody says.
	pageRows = 1000
)

// The place of the notes if nobody says.
const (
	DefaultBucket     = "default"
	DefaultCollection = "notes"
)

// Credentials are either a user with a password, or a bearer token.
type Credentials struct{ User, Password, Bearer string }

// header is the Authorization header's value.
func (c Credentials) header() (string, error) {
	if c.Bearer != "" {
		if strings.ContainsFunc(c.Bearer, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return "", errors.New("token is not visible ASCII")
		}
		return "Bearer " + c.Bearer, nil
	}
	if c.User == "" || strings.Contains(c.User, ":") {
		return "", errors.New("a user name without colon is needed")
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.User+":"+c.Password)), nil
}

// Client is one collection on one Kinto server. Its methods may be called
// concurrently.
type Client struct {
	base               *url.URL // ends in /v1
	bucket, collection string
	auth               string
	http               http.RoundTripper
	timeout            time.Duration
	seed               bool
	overlap            time.Duration
	me                 *atomic.Pointer[identity] // what the root said, nil before
	epoch              *link.Epoch               // of one call; nil outside of calls
}

var (
	_ remote.Remote = (*Client)(nil)
	_ remote.Lister = (*Client)(nil)
)

// Option changes how a Client speaks.
type Option func(*options)

type options struct {
	bucket, collection string
	transport          http.RoundTripper
	roots              *x509.CertPool
	timeout            time.Duration
	seed               bool
	overlap            time.Duration
}

// WithBucket takes another bucket than "default" or the one in the address.
func WithBucket(id string) Option { return func(o *options) { o.bucket = id } }

// WithCollection takes another collection than "notes" or the one in the
// address.
func WithCollection(id string) Option { return func(o *options) { o.collection = id } }

// WithTransport sends requests through rt instead of the client's own
// transport; it must not follow redirects.
func WithTransport(rt http.RoundTripper) Option { return func(o *options) { o.transport = rt } }

// WithRoots trusts these certificates instead of the system's.
func WithRoots(pool *x509.CertPool) Option { return func(o *options) { o.roots = pool } }

// WithTimeout bounds a whole request, body and answer, instead of 30 s.
func WithTimeout(d time.Duration) Option { return func(o *options) { o.timeout = d } }

// WithNewestFirst pages as the protocol's first description has it: newest row
// first, along Next-Page, with a look at what changed meanwhile. The whole pull
// is one page of the contract and begins anew when it breaks off. Otherwise
// rows come oldest first, and every page is a place to go on from.
func WithNewestFirst() Option { return func(o *options) { o.seed = true } }

// WithOverlap says how late, at most, the server shows a row behind others that
// it has shown, instead of 10 s.
func WithOverlap(d time.Duration) Option { return func(o *options) { o.overlap = d } }

// objectID is what Kinto takes as an id of a bucket, collection or record.
var objectID = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}$`)

// place finds bucket and collection in an address such as
// https://host/v1/buckets/B/collections/C.
var place = regexp.MustCompile(`^(.*/v1)(?:/buckets/([^/]+)(?:/collections/([^/]+)(?:/records)?)?)?$`)

// New makes a client for the server at baseURL, which ends in /v1 (added if it
// does not) and may name bucket and collection. It does not connect. The URL
// must be http or https without user, query and fragment; whether plain http is
// acceptable is for the caller to ask.
func New(baseURL string, credentials Credentials, opts ...Option) (*Client, error) {
	base, bucket, collection, err := parseURL(baseURL)
	if err != nil {
		return nil, err
	}
	auth, err := credentials.header()
	if err != nil {
		return nil, err
	}
	o := options{bucket: bucket, collection: collection, timeout: requestTimeout, overlap: 10 * time.Second}
	for _, opt := range opts {
		opt(&o)
	}
	if !objectID.MatchString(o.bucket) || !objectID.MatchString(o.collection) {
		return nil, errors.New("bucket and collection take letters, digits, - and _")
	}
	if o.transport == nil {
		o.transport = link.Transport(o.roots, 0)
	}
	return &Client{base: base, bucket: o.bucket, collection: o.collection, auth: auth, http: o.transport,
		timeout: o.timeout, seed: o.seed, overlap: o.overlap, me: &atomic.Pointer[identity]{}}, nil
}

func parseURL(raw string) (base *url.URL, bucket, collection string, err error) {
	u, err := link.ParseURL(raw)
	if err != nil {
		return nil, "", "", err
	}
	bucket, collection = DefaultBucket, DefaultCollection
	if m := place.FindStringSubmatch(u.Path); m == nil {
		u.Path += "/v1"
	} else {
		u.Path = m[1]
		if m[2] != "" {
			bucket = m[2]
		}
		if m[3] != "" {
			collection = m[3]
		}
	}
	return u, bucket, collection, nil
}

// during is the client within one call that goes on from k, nil if from nothing.
func (c *Client) during(k *cursor) *Client {
	own := *c
	own.epoch = link.NewEpoch("")
	if k != nil {
		own.epoch = link.NewEpoch(k.Epoch)
	}
	return &own
}

// Close closes connections that are kept for the next request.
func (c *Client) Close() {
	if t, ok := c.http.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Caps says what the protocol can do.
func (c *Client) Caps() remote.Caps { return remote.Caps{MaxBatch: maxBatch} }

// records is the path of the collection's records below the base.
func (c *Client) records() string {
	return "/buckets/" + c.bucket + "/collections/" + c.collection + "/records"
}
