package store

import (
	"context"
	"errors"

	"stet/model"
)

// ErrNoDoc says that a collection has no such document, nor a tombstone of it.
var ErrNoDoc = errors.New("no such document")

// Doc is a record of a collection that is not the notes: a JSON object that the
// server does not look into. All collections of an account share its clock.
type Doc struct {
	ID      string
	Rev     int64
	Data    []byte // the object, without id and last_modified; nil for a tombstone
	Deleted bool
}

// Transactor runs what needs more than one look at an account: preconditions
// of other protocols, batches that are applied whole or not at all.
type Transactor interface {
	// Transact runs f alone on one account: nothing that f read changes before
	// its end. If f returns nil, all its writes are in one durable commit;
	// otherwise none is, and the error is returned as it is. f must be short, is
	// not to touch anything outside, and may run twice. Errors besides f's:
	// ErrNoAccount.
	Transact(ctx context.Context, account int64, f func(Txn) error) error
}

// Txn is one account's transaction. Reads see its own writes.
type Txn interface {
	// Head is the account's newest position.
	Head() Cursor
	// Note returns a note or tombstone; model.ErrNotFound.
	Note(id string) (model.Record, error)
	// PutNote makes after the note of w, whatever it was, as the newest change,
	// with w's op as the change's author (kind, device, id; an empty op id gets
	// one that is never used again). It always moves the clock. w.Fingerprint may
	// be zero.
	PutNote(w Write, after model.Fields) (model.Record, error)
	// Doc returns a document or tombstone of a collection other than Notes;
	// ErrNoDoc.
	Doc(collection, id string) (Doc, error)
	// PutDoc writes a document, or its tombstone if data is nil, as the newest
	// change of its collection.
	PutDoc(collection, id string, data []byte) (Doc, error)
	// Stamp returns the timestamp of a collection, the rev of its newest change.
	// The first look at a collection moves the clock and keeps that number.
	Stamp(collection string) (int64, error)
	// DropCollection erases a collection's documents, tombstones and metadata
	// without leaving tombstones; of Notes it is refused.
	DropCollection(collection string) error
}
