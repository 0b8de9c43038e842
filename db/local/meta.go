package local

import (
	"context"

	"stet/syncengine/store"
)

// metaCursor holds the driver's cursor of the connected server.
const metaCursor = "cursor"

// Meta implements [store.Reader].
func (r *reader) Meta(key string) (string, error) {
	var value []byte
	_, err := r.one("SELECT value FROM meta WHERE key = ?", []any{key}, []any{&value})
	if err == nil && value == nil && key == store.MetaDevice {
		return r.s.o.Device, nil
	}
	return string(value), err
}

// Cursor implements [store.Reader].
func (r *reader) Cursor() (string, error) { return r.Meta(metaCursor) }

// SetCursor implements [store.Tx].
func (t *tx) SetCursor(cursor string) error { return t.putMeta(metaCursor, cursor) }

// SetMeta implements [store.Tx]. Setting store.MetaServer is what
// [Store.SwitchServer] does.
func (t *tx) SetMeta(key, value string) error {
	if key == store.MetaServer {
		if err := t.switchServer(value); err != nil {
			return err
		}
	}
	return t.putMeta(key, value)
}

func (t *tx) putMeta(key, value string) error {
	if value == "" {
		_, err := t.exec("DELETE FROM meta WHERE key = ?", key)
		return err
	}
	_, err := t.exec("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", key, blob(value))
	return err
}

// Meta returns a setting or mark of the store, "" if unset; the device's label
// is the one Open was given until one is set.
func (s *Store) Meta(ctx context.Context, key string) (value string, err error) {
	err = s.read(ctx, func(r *reader) error {
		value, err = r.Meta(key)
		return err
	})
	return value, err
}

// SetMeta sets a setting or mark of the store; "" unsets it.
func (s *Store) SetMeta(ctx context.Context, key, value string) error {
	return s.write(ctx, func(t *tx) error { return t.SetMeta(key, value) })
}
