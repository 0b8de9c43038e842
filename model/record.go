package model

import "time"

// Record is one note as a server holds it: what a driver pulls, what a shadow
// keeps, what a conflict shows as the other side.
type Record struct {
	ID string
	// RemoteID is the server's own id where it refuses ours; "" elsewhere.
	RemoteID string
	// Rev is the account clock at the note's last accepted write, in ms. 0 means
	// that no server has the note.
	Rev    int64
	Fields Fields // Fields.Deleted marks a tombstone; its other fields are empty
	// Purged marks a tombstone whose text and history were erased on purpose.
	Purged bool
	// Device is the label of the device that wrote this rev, "" if unknown.
	Device string
	// OpID is the op that made this rev, "" if the server does not tell.
	OpID string
	// SavedAt is the writing device's clock, for display only.
	SavedAt time.Time
	// ServerAt is the server's clock at this rev.
	ServerAt time.Time
	// Parents are revisions of the note that this one is known to build on, newest
	// first and maybe cut short; nil if the server does not tell. A revision
	// between two neighbours of them (or of the first and Rev) was overwritten
	// unseen. Kept only with a change that is held.
	Parents []int64
}
