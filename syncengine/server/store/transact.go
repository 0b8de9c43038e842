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

// Range is a part of a collection, by revs.
type Range struct {
	After, Before int64 // both exclusive; Before 0 is no bound
	Newest        bool  // newest first, else oldest first
	Tombstones    bool  // list them too
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
	// View runs f on one account as it is at one moment; others go on writing.
	// Errors besides f's: ErrNoAccount.
	View(ctx context.Context, account int64, f func(Reader) error) error
	// Flush erases the notes and documents of all accounts and begins a new epoch
	// for each, on the same clock. Accounts and tokens stay.
	Flush(ctx context.Context) error
}

// Reader reads one account.
type Reader interface {
	// Head is the account's newest position.
	Head() Cursor
	// Note returns a note or tombstone; model.ErrNotFound.
	Note(id string) (model.Record, error)
	// Made reports whether a change of a note was made by the op with this id.
	Made(note, opID string) (bool, error)
	// Doc returns a document or tombstone of a collection other than Notes;
	// ErrNoDoc.
	Doc(collection, id string) (Doc, error)
	// Previous returns the rev of the state before a note's or document's present
	// one; 0 if there was none, or there is no such thing.
	Previous(collection, id string) (int64, error)
	// Newest returns the rev of a collection's newest change, tombstones
	// included; 0 if there was none.
	Newest(collection string) (int64, error)
	// Looked returns what Stamp would, without making one: 0 if nobody has looked.
	Looked(collection string) (int64, error)
	// Count returns how many of a collection are live.
	Count(collection string) (int, error)
	// EachNote and EachDoc call do for what is in a range, until it returns false.
	// do must not use the Reader.
	EachNote(r Range, do func(model.Record) bool) error
	EachDoc(collection string, r Range, do func(Doc) bool) error
}

// Txn is one account's transaction. Reads see its own writes.
type Txn interface {
	Reader
	// PutNote makes after the note of w, whatever it was, as the newest change,
	// with w's op as the change's author (kind, device, id; an empty op id gets
	// one that is never used again). It always moves the clock. w.Fingerprint may
	// be zero; a zero w.At is now. ErrExists if the op id was used before.
	PutNote(w Write, after model.Fields) (model.Record, error)
	// Knows reports whether an op id was used before.
	Knows(opID string) (bool, error)
	// PutDoc writes a document, or its tombstone if data is nil, as the newest
	// change of its collection. Only the newest state of a document is kept.
	PutDoc(collection, id string, data []byte) (Doc, error)
	// Stamp returns the timestamp of a collection, the rev of its newest change.
	// The first look at a collection moves the clock and keeps that number.
	Stamp(collection string) (int64, error)
	// DropCollection erases a collection's documents and tombstones without
	// leaving tombstones, and its timestamp; of Notes it is refused
	// (model.ErrRefused).
	DropCollection(collection string) error
}
