package screen

import (
	"context"

	"stet/model"
)

// Notes is what the user interface needs of the device's notes. Every method
// may be called from any goroutine; writes are durable when they return.
type Notes interface {
	// List returns the rows of a window, pinned and newest first.
	List(ctx context.Context, q model.Query, w model.Window) (model.Slice, error)
	// Find returns the notes that match a query with text, best first, at most
	// limit.
	Find(ctx context.Context, q model.Query, limit int) ([]model.Head, error)
	Get(ctx context.Context, id string) (model.Note, error)
	Counts(ctx context.Context) (model.Counts, error)
	Notebooks(ctx context.Context) ([]string, error)
	// History returns the note's texts, newest first, the present one included.
	History(ctx context.Context, id string, limit int) ([]model.Version, error)
	// Timeline returns what happened to a note, oldest first.
	Timeline(ctx context.Context, id string, limit int) ([]model.Event, error)
	// Activity returns what happened to all notes, newest first, entries with an
	// ID below before (0: from the newest).
	Activity(ctx context.Context, names []model.EventName, before int64, limit int) ([]model.Event, error)
	// Reviews returns the notes that need review, oldest conflict first.
	Reviews(ctx context.Context) ([]model.Head, error)
	Review(ctx context.Context, id string) (model.Review, bool, error)
	PutReviewDraft(ctx context.Context, id string, draft []byte) error
	Drafts(ctx context.Context) ([]model.Draft, error)
	PutDraft(ctx context.Context, d model.Draft) error
	DropDraft(ctx context.Context, key string) error

	// Create makes a note.
	Create(ctx context.Context, f model.Fields) (model.Note, error)
	// Save writes text that was edited from base. If the note moved meanwhile the
	// two are merged three-way; what cannot be merged puts the note in review and
	// nothing is lost. It returns the note as it stands.
	Save(ctx context.Context, id string, base, text model.Fields) (model.Note, error)
	// Change applies a small patch to a note as it stands (pin, tags, notebook).
	Change(ctx context.Context, id string, p model.Patch) (model.Note, error)
	Append(ctx context.Context, id, text string) (model.Note, error)
	Delete(ctx context.Context, id string) (model.Note, error)
	Restore(ctx context.Context, id string) (model.Note, error)
	// RestoreVersion makes an old text the note's newest one.
	RestoreVersion(ctx context.Context, id string, version int64) (model.Note, error)
	Purge(ctx context.Context, id string) error
	// Resolve ends a review with the fields chosen. seen is the Remote.Rev that
	// the choice was made against; if the other side moved since,
	// model.ErrReviewMoved is returned and nothing changes.
	Resolve(ctx context.Context, id string, seen int64, f model.Fields) (model.Note, error)
	// Discard takes a note in error back to the server's text; its own text stays
	// in the history.
	Discard(ctx context.Context, id string) (model.Note, error)
}

// Sync is what the user interface needs of the sync worker.
type Sync interface {
	// Account tells the connection's state. It reads no network.
	Account(ctx context.Context) (model.Account, error)
	// SyncNow asks for a round soon and returns at once.
	SyncNow()
	// Bell returns a channel on which a value appears after something changed:
	// notes, counts, or the state of the worker. It is a bell, never the truth:
	// values are merged while nobody listens.
	Bell() <-chan Ring
}

// Ring is what the bell tells: what may have changed since the last one.
type Ring struct {
	Notes  bool // rows changed, by this process or another
	Online Online
	// Done and Total are the progress of a long round; Total 0 if there is none.
	Done, Total int
	// Problem is a user sentence about the last round, "" if it went well.
	Problem string
}

// Online is what the worker knows of the connection.
type Online int

// The states of the connection.
const (
	NotConnected Online = iota // no server was ever named
	Idle                       // between rounds
	Running                    // in a round
	Offline                    // the last try did not reach the server
	SignIn                     // credentials were refused
	Paused                     // waits for the user
)

// Consent is what a sync worker may offer besides [Sync]: the answer to a round
// that stopped because it would delete or replace many notes. Its methods may
// take as long as a round; the sentences tell the user what was done.
type Consent interface {
	// Held returns the changes that wait, in the order in which they were met.
	Held(ctx context.Context) ([]HeldNote, error)
	// GoOn agrees to them and does a round; KeepMine refuses, so that the notes
	// stay as they are here, on all devices.
	GoOn(ctx context.Context) (string, error)
	KeepMine(ctx context.Context) (string, error)
	// Undoable tells how many notes Undo would bring back: those that the last
	// GoOn deleted or replaced.
	Undoable(ctx context.Context) (int, error)
	Undo(ctx context.Context) (string, error)
}

// HeldNote is a note that a sync would delete or replace.
type HeldNote struct {
	ID     string
	Title  string // as it is here
	Action string // delete or replace
	Why    string // in a few words
}

// Resender is what notes may offer besides [Notes]: send again what the server
// refused for good. Without it the user interface asks for a sync round.
type Resender interface {
	Resend(ctx context.Context, id string) error
}
