package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"stet/model"
	"stet/syncengine/store"
)

// Meta keys of a store's identity.
const (
	// metaPlace is where the store was when it was last written, see place.
	metaPlace = "place"
	// metaStoreID tells the store from others, for what is derived from it.
	metaStoreID = "store_id"
)

// A store that is found in another place than it was last written in is a copy
// (or was moved to another disk, or brought back from one): the device that it
// came from may go on. So it becomes a device of its own, with its first write
// and in the same transaction; nothing is sent before, since the right to sync
// begins with a write.
//
// What waits to be sent keeps its id. An op id names one intent and never
// changes its content (who edits on gets a new op with a new id), so whichever
// copy sends it first has it applied and the other is told the same outcome.
// Under a new id the intent would be judged a second time, against what the
// account has become since: a text that was taken back meanwhile would come
// again.

// place names where the file at path is: on which machine, and as which file.
// A copy has another inode or, where a number is used again, another time of
// birth; a rename changes neither. The number of the disk is left out: it may be
// another one after each start of the machine. "" when the system does not tell.
func place(machine, path string) string {
	inode, born, err := fileNumber(path)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "stet place %q %d %d", machine, inode, born))
	return hex.EncodeToString(sum[:16])
}

// lookAround notes where the store is, and whether its next write must make it
// a device of its own. What cannot be read here, the write will read.
func (s *Store) lookAround(ctx context.Context) {
	machine := s.o.Machine
	if machine == "" {
		machine = thisMachine()
	}
	s.place = place(machine, s.o.Path)
	if s.place == "" || s.readOnly != nil {
		return
	}
	var was string
	err := s.writer.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = ?", metaPlace).Scan(&was)
	s.elsewhere.Store(err != nil || was != s.place)
}

// settle gives the store an identity where it has none yet, and another one
// where it was copied. Two processes may find the same copy: the second one
// finds it settled.
func (t *tx) settle() error {
	if !t.s.elsewhere.Load() {
		return nil
	}
	was, err := t.Meta(metaPlace)
	if err != nil {
		return t.fail(err)
	}
	if was == t.s.place {
		return nil
	}
	if err := t.newID(store.MetaDeviceID); err != nil {
		return err
	}
	if was != "" {
		// What was derived from the store that this one is a copy of may know a
		// later state of it: the search index is made anew.
		if err := t.newID(metaStoreID); err != nil {
			return err
		}
		if err := t.Log(model.Event{At: t.s.o.Now(), Name: model.EventNewDevice,
			Detail: "this home was copied or moved here; it is a device of its own now"}); err != nil {
			return err
		}
	}
	return t.putMeta(metaPlace, t.s.place)
}

func (t *tx) newID(key string) error {
	_, err := t.exec("INSERT OR REPLACE INTO meta (key, value) VALUES (?, CAST(lower(hex(randomblob(16))) AS BLOB))", key)
	return err
}

// DeviceID returns the random id of this device, which no other store has. A
// new or copied store that can be written gets its own by being asked; one that
// cannot has none ("").
func (s *Store) DeviceID(ctx context.Context) (string, error) {
	if s.elsewhere.Load() {
		if err := s.write(ctx, func(*tx) error { return nil }); err != nil {
			return "", fmt.Errorf("make device id: %w", err)
		}
	}
	was, err := s.Meta(ctx, metaPlace)
	if err != nil || was != s.place {
		return "", err
	}
	return s.Meta(ctx, store.MetaDeviceID)
}
