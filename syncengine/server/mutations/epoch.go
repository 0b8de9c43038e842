package mutations

import (
	"net/http"

	"stet/syncengine/server/store"
	"stet/syncengine/wire"
	"stet/syncengine/wire/mutlog"
)

// view runs f on the account of a call as it is at one moment.
func (d *Dialect) view(c call, f func(store.Reader) error) error {
	return d.store.View(c.r.Context(), c.acc.ID, func(r store.Reader) error {
		if err := c.dated(r); err != nil {
			return err
		}
		return f(r)
	})
}

// transact runs f alone on the account of a call.
func (d *Dialect) transact(c call, f func(store.Txn) error) error {
	return d.store.Transact(c.r.Context(), c.acc.ID, func(txn store.Txn) error {
		if err := c.dated(txn); err != nil {
			return err
		}
		return f(txn)
	})
}

// dated tells the account's epoch with the answer. A client that knows another
// one is refused before anything is done: what it has seen is not what is here.
func (c call) dated(r store.Reader) error {
	here := r.Head().Epoch
	c.w.Header().Set(wire.HeaderEpoch, here)
	if meant := c.r.Header.Get(wire.HeaderEpoch); meant != "" && meant != here {
		return &refusal{http.StatusConflict, mutlog.CodeOutOfSync, mutlog.TextOutOfSync}
	}
	return nil
}
