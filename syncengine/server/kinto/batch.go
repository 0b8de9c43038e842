package kinto

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"stet/syncengine/server/store"
)

// answerPart is what became of one request of a batch.
type answerPart struct {
	Path    string            `json:"path"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    any               `json:"body"`
}

// batch runs many requests in one transaction: whoever is told that something
// was written is told the truth, and no one else's write comes between.
func (d *Dialect) batch(ctx context.Context, a ask) (reply, error) {
	asks, err := a.parts()
	if err != nil {
		return reply{}, err
	}
	acc, callers, err := d.callers(ctx, asks)
	if err != nil {
		return reply{}, err
	}
	looks, err := d.looks(ctx, asks, callers)
	if err != nil {
		return reply{}, err
	}
	answers := make([]answerPart, len(asks))
	run := func(r room) (reply, error) {
		for i, sub := range asks {
			out, done := looks[i]
			if !done {
				if out, err = d.sub(r, sub, callers[i]); err != nil {
					return reply{}, err
				}
			}
			r.told += len(out.body)
			answers[i] = sub.answered(out)
		}
		return answered(http.StatusOK, map[string]any{"responses": answers})
	}
	if acc == nil {
		return run(room{})
	}
	var out reply
	err = d.within(ctx, acc.ID, slices.ContainsFunc(asks, ask.mayWrite), func(r room) (err error) {
		r.d, r.acc, r.now = d, *acc, d.opts.Now()
		out, err = r.dated(a, func() (reply, error) { return run(r) })
		return err
	})
	return out, err
}

func (a ask) mayWrite() bool { return a.method != http.MethodGet && a.method != http.MethodHead }

// callers finds the account of each request. All that have one have the same:
// one transaction is one account's.
func (d *Dialect) callers(ctx context.Context, asks []ask) (one *store.Account, out []*store.Account, err error) {
	known := map[string]*store.Account{}
	for _, a := range asks {
		auth := a.head.Get("Authorization")
		acc, seen := known[auth]
		if !seen {
			if acc, err = d.caller(ctx, a); err != nil {
				return nil, nil, err
			}
			known[auth] = acc
		}
		if one != nil && acc != nil && acc.ID != one.ID {
			return nil, nil, invalid("body", "requests", "All requests of a batch have to be of one account.")
		}
		if acc != nil {
			one = acc
		}
		out = append(out, acc)
	}
	return one, out, nil
}

// looks answers what needs no account, before the batch's transaction: a
// heartbeat asks for a connection of its own, and would wait for ever where
// batches hold them all.
func (d *Dialect) looks(ctx context.Context, asks []ask, callers []*store.Account) (map[int]reply, error) {
	out := map[int]reply{}
	for i, a := range asks {
		t, f := d.route(a)
		if f != nil || !t.open {
			continue
		}
		var err error
		if out[i], err = d.look(ctx, a, t, callers[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// sub runs one request of a batch.
func (d *Dialect) sub(r room, a ask, acc *store.Account) (reply, error) {
	t, f := d.route(a)
	switch {
	case f != nil:
		return f.reply(), nil
	case t.batch || t.flush:
		return noResource().reply(), nil
	case acc == nil:
		return unauthorized().reply(), nil
	}
	return r.answer(a, t)
}

// answered is a reply as the batch's answer has it.
func (a ask) answered(out reply) answerPart {
	p := answerPart{Path: a.path, Status: out.status, Headers: map[string]string{"Content-Type": typeJSON}, Body: ""}
	for name, values := range out.head {
		p.Headers[spelled(name)] = strings.Join(values, ", ")
	}
	if out.body != nil && a.method != http.MethodHead {
		p.Body = json.RawMessage(out.body)
	}
	return p
}

// spelled is the name of a header as Kinto's clients look for it inside a batch.
func spelled(name string) string {
	if name == "Etag" {
		return "ETag"
	}
	return name
}
