package search

import "context"

// Doc is one note as far as the index is concerned.
type Doc struct {
	PK      int64 // number of the row, never used for another note
	Version int64 // changes with the text
	Gone    bool  // purged or dropped: forget it
	Title   string
	Body    string
}

// Source is the store that is searched.
type Source interface {
	// State returns what tells this store from others, and its change number.
	State(ctx context.Context) (id string, seq int64, err error)
	// Changed calls f for up to limit notes whose change number is greater than
	// after, and returns the greatest of theirs, 0 when there are none.
	Changed(ctx context.Context, after int64, limit int, f func(Doc) error) (last int64, err error)
	// Texts calls f for those of the notes that are there.
	Texts(ctx context.Context, pks []int64, f func(Doc) error) error
	// All calls f for every note that is not purged, newest first.
	All(ctx context.Context, f func(Doc) error) error
}

// Hit is a note that matches.
type Hit struct {
	PK    int64
	Title bool // all terms are in the title
}
