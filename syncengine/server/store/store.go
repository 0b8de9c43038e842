// Package store is the contract between the sync server's handlers and the
// store of all accounts.
//
// Rules of the room: a leaf; imports model alone. The store owns the one clock
// of each account and applies a write in one transaction: key look-up,
// precondition, clock, note, change row. Handlers own HTTP. An account sees
// nothing of another: every call names its account, which comes from the token
// alone.
package store

import (
	"context"
	"errors"
	"time"

	"stet/model"
)

// Notes is the name of the collection that holds the notes.
const Notes = "notes"

// Account is one account and where its clock stands.
type Account struct {
	ID    int64
	Name  string
	Epoch string // changes when the data are restored or wiped
	Label string // of the token that was used
	// Cursor is the account's newest position.
	Cursor Cursor
}

// Cursor is a position in an account's changes: rev, and a rolling hash of all
// change rows up to it. The zero Cursor is the beginning.
type Cursor struct {
	Epoch string
	Rev   int64
	Tag   string
}

// Write is one op to apply.
type Write struct {
	Op model.Op
	// Fingerprint is the hash of the op's canonical JSON.
	Fingerprint [32]byte
	// At is the time shown as the record's SavedAt: the op's, or the server's.
	At time.Time
}

// Verdict is what became of a write.
type Verdict string

// The verdicts; the names are the protocol's problem codes.
const (
	Applied       Verdict = "applied"
	Replayed      Verdict = "replayed"       // the key was used before with this payload: Record is the first answer
	NoChange      Verdict = "no-change"      // a right patch that changes nothing; rev stays
	Conflict      Verdict = "conflict"       // BaseRev is not the note's rev; Record is the present one
	AlreadyExists Verdict = "already-exists" // create of a known id; Record is the present one
	UnknownNote   Verdict = "unknown-note"
	Purged        Verdict = "purged"     // the note was erased; Record is what is left
	KeyReused     Verdict = "key-reused" // same key, other payload
	NotTried      Verdict = "not-tried"  // an earlier op of the same note in the batch failed
)

// Result is one write's outcome.
type Result struct {
	Verdict Verdict
	Record  model.Record
	// Thin says that what the op made is no longer kept: of Record only id, rev
	// and times are right.
	Thin bool
	// Kind of the change that made Record, so that a replay can answer with the
	// first status.
	Kind model.Kind
	// Superseded says of a replay that the note has changed since: who asks may
	// stand behind that change and would not hear of it.
	Superseded bool
	// Prev and Next are the account's cursors just before and after this write,
	// zero if it made none.
	Prev, Next Cursor
}

// Page is a piece of an account's changes, ascending by rev, each note once in
// its latest state.
type Page struct {
	Changes []model.Record
	Next    Cursor
	More    bool
}

// Version is one accepted change of a note: what it made, and of what kind it
// was.
type Version struct {
	model.Record
	Kind model.Kind
}

// Errors of a store.
var (
	ErrNoAccount = errors.New("no such account")
	ErrExists    = errors.New("account exists")
	ErrToken     = errors.New("token is not valid")
	// ErrEpoch, ErrUnknown and ErrExpired tell why a cursor is refused.
	ErrEpoch   = errors.New("cursor is of another epoch")
	ErrUnknown = errors.New("cursor was never given out")
	ErrExpired = errors.New("cursor is older than what is kept")
)

// Token is a credential without its secret.
type Token struct {
	Label    string
	Created  time.Time
	LastUsed time.Time // to the hour; zero if never
	Revoked  bool
}

// Store holds accounts, their notes and their changes. All methods may be
// called concurrently.
type Store interface {
	Transactor
	// Apply runs the writes of one account in one durable commit, each on its
	// own: one that fails changes nothing and does not undo the others. If since
	// is not zero and not a position of this account, nothing is applied and
	// ErrEpoch, ErrUnknown or ErrExpired is returned. Calls of many goroutines may
	// share one commit.
	Apply(ctx context.Context, account int64, since Cursor, writes []Write) ([]Result, error)
	// Changes returns notes that changed after since, at most limit and about
	// maxBytes of text, at least one if there is any. The zero Cursor lists live
	// notes from the beginning, without tombstones.
	Changes(ctx context.Context, account int64, since Cursor, limit, maxBytes int) (Page, error)
	// Head returns the newest position of an account.
	Head(ctx context.Context, account int64) (Cursor, error)
	// Note returns one note or tombstone; model.ErrNotFound.
	Note(ctx context.Context, account int64, id string) (model.Record, error)
	// NoteAt returns the note as it was at rev, if that snapshot is kept.
	NoteAt(ctx context.Context, account int64, id string, rev int64) (model.Record, error)
	// History returns the kept versions of a note, newest first, before rev
	// before (0 = from the newest).
	History(ctx context.Context, account int64, id string, before int64, limit int) ([]Version, error)

	// AddAccount makes an account; ErrExists.
	AddAccount(ctx context.Context, name string) error
	Accounts(ctx context.Context) ([]string, error)
	// RemoveAccount erases an account and all it holds; ErrNoAccount.
	RemoveAccount(ctx context.Context, name string) error
	// AddToken keeps the hash of a token for an account.
	AddToken(ctx context.Context, account, label string, hash [32]byte) error
	Tokens(ctx context.Context, account string) ([]Token, error)
	// RevokeTokens revokes the tokens with the label, or all if label is "";
	// it returns how many.
	RevokeTokens(ctx context.Context, account, label string) (int, error)
	// Authenticate returns the account of a token's hash; ErrToken.
	Authenticate(ctx context.Context, hash [32]byte) (Account, error)
	Close() error
}
