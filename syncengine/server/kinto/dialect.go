// Package kinto serves the protocol of Kinto 1.x, as much of it as Kinto's
// clients use, over the same notes and the same clock as the other dialects.
//
// The personal bucket ("default", or its real id) is the account. Its
// collection "notes" holds the notes; every other collection holds plain JSON
// objects that the server does not look into. So do all collections of the other
// buckets that an account makes; no account has anything in another's.
//
// Rules of the room:
//
//   - A request is one transaction of the store's: what its preconditions saw
//     holds until what it wrote is on disk. So is a batch, whole. Reads see one
//     moment.
//
//   - A timestamp is the account's clock: last_modified, ETag and the native rev
//     are one number. What a client says of last_modified is not heard.
//
//   - A refusal is a *fault, made where it is found and answered in Kinto's
//     form. Any other error is 500 or 503 and tells nothing.
//
//   - Nothing is echoed but what the account itself stored.
//
// Where Kinto loses data, this does not: conditions hold until the write is on
// disk, a batch is applied whole, pages after the first carry the first one's
// ETag, exclude_id hides no change of another client, a client's clock counts
// nothing, a wrong password is 401. What a note can lose is always in its record,
// empty: kinto.js keeps what a record leaves out, and would write it back.
//
// Otherwise it differs in this: bodies and ids are bounded, the lists of a batch
// share what one answer may have, a member may not occur twice in an object nor
// nest deeper than 32 levels, text is not escaped to ASCII, a filter on a field
// that some records lack is no error, tombstones are marked whatever _fields
// says, permissions are kept and open nothing to anybody, a schema of a
// collection is kept and not enforced, two accounts can have buckets of one name,
// there is no account endpoint, and web pages may read 401 answers.
package kinto

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"stet/syncengine/server/store"
	"stet/syncengine/wire"
)

// Prefix is where the dialect is; its root is Prefix and a slash.
const Prefix = "/kinto/v1"

const outside = "/kinto"

// maxBatch is how many requests one batch may hold.
const maxBatch = 25

// Options are what the dialect needs of the world. All are required but Log and
// Flush.
type Options struct {
	Now    func() time.Time
	NewID  func() string // ids of records that come without one, UUIDs
	Limits wire.Limits
	// Authenticate returns the account of a token, store.ErrToken if it is not
	// valid. If user is not "", the account must have that name.
	Authenticate func(ctx context.Context, user, token string) (store.Account, error)
	// Log is told of internal errors.
	Log *slog.Logger
	// Flush lets anyone erase everything, as Kinto's own tests need it.
	Flush bool
}

// Dialect answers the paths below /kinto.
type Dialect struct {
	store store.Store
	opts  Options
}

// New returns the dialect over a store.
func New(s store.Store, opts Options) *Dialect { return &Dialect{s, opts} }

// Owns reports whether a path is the dialect's.
func (d *Dialect) Owns(path string) bool {
	return path == outside || strings.HasPrefix(path, outside+"/")
}

// Serve answers a request.
func (d *Dialect) Serve(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodOptions {
		d.preflight(w, r)
		return
	}
	a, err := d.read(w, r)
	if err != nil {
		d.Fail(w, r, err)
		return
	}
	out, err := d.answer(r.Context(), a)
	if err != nil {
		d.Fail(w, r, err)
		return
	}
	send(w, r, out)
}

// Fail answers an error.
func (d *Dialect) Fail(w http.ResponseWriter, r *http.Request, err error) {
	var f *fault
	if !errors.As(err, &f) {
		if f = faultOf(err); f.status >= http.StatusInternalServerError && r.Context().Err() == nil {
			d.opts.Log.Error("request failed", "method", r.Method, "err", err)
		}
	}
	send(w, r, f.reply())
}

// answer finds what a request is for and runs it.
func (d *Dialect) answer(ctx context.Context, a ask) (reply, error) {
	if out, ok := redirect(a); ok {
		return out, nil
	}
	t, f := d.route(a)
	if f != nil {
		return f.reply(), nil
	}
	switch {
	case t.batch:
		return d.batch(ctx, a)
	case t.flush:
		return d.flush(ctx)
	case t.open && t.id != "":
		return d.look(ctx, a, t, nil)
	}
	acc, err := d.caller(ctx, a)
	if err != nil {
		return reply{}, err
	}
	switch {
	case t.open:
		return d.look(ctx, a, t, acc)
	case acc == nil:
		return unauthorized().reply(), nil
	}
	var out reply
	err = d.within(ctx, acc.ID, t.writes(), func(r room) (err error) {
		r.d, r.acc, r.now = d, *acc, d.opts.Now()
		out, err = r.dated(a, func() (reply, error) { return r.answer(a, t) })
		return err
	})
	return out, err
}

// room is one account in one transaction.
type room struct {
	store.Reader
	txn store.Txn // nil where nothing may be written
	d   *Dialect
	acc store.Account
	now time.Time
	// told is how many bytes a batch has answered so far.
	told int
}

// page is how many bytes of objects an answer may have, but for its first one. A
// batch has no more than one request of its own.
func (r room) page() int { return max(0, r.d.opts.Limits.Request-r.told) }

// errAlone says that what began as a look has to write.
var errAlone = errors.New("needs a transaction")

// within runs f on a snapshot, or in a transaction if it writes or finds that it
// has to.
func (d *Dialect) within(ctx context.Context, account int64, writes bool, f func(room) error) error {
	if !writes {
		err := d.store.View(ctx, account, func(r store.Reader) error { return f(room{Reader: r}) })
		if !errors.Is(err, errAlone) {
			return err
		}
	}
	return d.store.Transact(ctx, account, func(t store.Txn) error { return f(room{Reader: t, txn: t}) })
}

// answer runs one request; a refusal is an answer like others and does not undo
// what else is in the transaction.
func (r room) answer(a ask, t target) (reply, error) {
	out, err := r.serve(a, t)
	var f *fault
	if errors.As(err, &f) {
		return f.reply(), nil
	}
	return out, err
}

func (r room) serve(a ask, t target) (reply, error) {
	t = r.in(t)
	if err := r.settle(t); err != nil {
		return reply{}, err
	}
	return t.do(r, call{ask: a, target: t})
}

// call is a request and what it is for.
type call struct {
	ask
	target
}
