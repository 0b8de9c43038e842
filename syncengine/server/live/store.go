package live

import (
	"context"

	"stet/syncengine/server/store"
)

// telling is a store whose writes are told to a hub.
type telling struct {
	store.Store
	hub *Hub
}

// Store returns the hub's store, for all who write to it.
func (h *Hub) Store() store.Store { return telling{h.store, h} }

// Apply implements store.Store. What it tells is on disk.
func (t telling) Apply(ctx context.Context, account int64, since store.Cursor, writes []store.Write) ([]store.Result, error) {
	results, err := t.Store.Apply(ctx, account, since, writes)
	for i := len(results) - 1; i >= 0 && err == nil; i-- {
		if next := results[i].Next; next != (store.Cursor{}) {
			t.hub.tell(account, next)
			break
		}
	}
	return results, err
}

// Transact implements store.Transactor, as Apply does.
func (t telling) Transact(ctx context.Context, account int64, f func(store.Txn) error) error {
	var head store.Cursor
	err := t.Store.Transact(ctx, account, func(txn store.Txn) error {
		err := f(txn)
		head = txn.Head()
		return err
	})
	if err == nil {
		t.hub.tell(account, head)
	}
	return err
}
