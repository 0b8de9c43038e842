// Package remote is the contract of a sync driver: how the engine speaks to a
// server, whatever its protocol.
//
// Rules of the room: a leaf; imports model alone. A driver answers for every op
// or returns an error for none; it never retries by itself, never touches the
// store, and keeps nothing between calls that is not in the cursor it hands
// out. Its errors are those below or it is a bug (the suite in remotetest
// checks). Drivers never import one another.
package remote

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"stet/model"
)

// Op is an op with what a driver needs that cannot send patches.
type Op struct {
	model.Op
	Base model.Record // what the server is believed to hold; Rev 0 if nothing
	Want model.Fields // the whole note after the op
	// Replay says that an earlier try may have been applied.
	Replay bool
	// Newer is a version of the note that the device was told of and has not
	// taken: it waits for the user, or for this op. A server without revisions
	// would let the op pass over it.
	Newer *model.Record
}

// Page is one pull.
type Page struct {
	Changes []model.Record
	// Next is the cursor to store in the transaction that applies Changes.
	Next string
	More bool
	// Unchanged says that the server answered "nothing new" (304).
	Unchanged bool
	// Full says that these are pages of a complete listing (a cold pull): a note
	// that is in none of them does not exist on the server.
	Full bool
	// After is how long a server under load asks not to be asked again, although
	// it answered; 0 if it does not.
	After time.Duration
	// Notice is as in Info.
	Notice string
	// Lacks names, by note id, the fields (model.Field…) of a change that the
	// server does not keep, or whose writer does not know them: the device's own
	// stay. "id" is among them where only the server's own id is known.
	Lacks map[string][]string
}

// OutcomeKind is what became of an op.
type OutcomeKind int

// The outcomes.
const (
	// Unknown: it may have been applied (time-out, 5xx, in flight). The op stays
	// frozen and is sent again as it is.
	Unknown OutcomeKind = iota
	// Applied: the server has it. Rev is set; Current too when the server holds
	// anything else than base plus patch, and always for an append.
	Applied
	// Conflict: refused because the note moved. Current is the server's version;
	// a tombstone if it is deleted; Rev 0 if the server has no such note.
	Conflict
	// Rejected: refused for good (400, 413, 422).
	Rejected
	// NotApplied: certainly not applied, may be tried again (429, not tried after
	// an earlier failure).
	NotApplied
)

func (k OutcomeKind) String() string {
	return [...]string{"unknown", "applied", "conflict", "rejected", "not applied"}[k]
}

// Outcome is one op's result.
type Outcome struct {
	OpID string
	Kind OutcomeKind
	Rev  int64 // Applied: the note's new revision
	// Superseded says of an Applied op that the note has changed since, maybe
	// before the device's cursor, so that no pull will tell.
	Superseded bool
	// Seen says of an Applied op that its change is not after the device's
	// cursor, so that no pull will show it.
	Seen     bool
	ServerAt time.Time     // Applied: the server's clock
	Current  *model.Record // see the kinds
	Problem  string        // why, without note text
	After    time.Duration // do not try again before; 0 if the server said nothing
}

// PushResult has an outcome for each op pushed, in the same order.
type PushResult struct {
	Outcomes []Outcome
	// Prev and Next are the account's cursor just before and just after the ops,
	// when nothing else happened between: if Prev is the device's cursor it may
	// move to Next without a pull. Both "" otherwise.
	Prev, Next string
	// PullFirst asks for a pull before these ops are sent again.
	PullFirst bool
	// Stopped says why a driver that needs several requests made no more of
	// them: an error as Push returns. The outcomes tell which ops it left out.
	Stopped error
	// After is as in Page.
	After time.Duration
}

// Info is who the server says it and we are.
type Info struct {
	Protocol string // stet, kinto or mutations
	Account  string // "" if the protocol does not tell
	Epoch    string
	// Notice is what the server wants its users to know, such as that its service
	// will end; "" if nothing. Not cleaned for display.
	Notice string
}

// Caps are a driver's abilities.
type Caps struct {
	MaxBatch int // ops in one Push, at least 1
	// Idempotent: pushing an op again is harmless and answers as the first time.
	Idempotent bool
	Patch      bool // sends patches; otherwise Want
	Appends    bool // append ops never conflict
	ServerIDs  bool // the server makes ids (Record.RemoteID)
}

// Remote is one account on one server.
type Remote interface {
	// Hello asks the server who it is and checks the credentials.
	Hello(ctx context.Context) (Info, error)
	// Pull returns what is new since cursor ("" = everything). limit is a hint.
	Pull(ctx context.Context, cursor string, limit int) (Page, error)
	// Push sends ops, at most Caps.MaxBatch, all of different notes. cursor is
	// the device's own: a server that can tell refuses it when it does not know
	// it, before anything is applied.
	Push(ctx context.Context, cursor string, ops []Op) (PushResult, error)
	// Get returns one note as the server holds it now; a Record with Rev 0 if it
	// has none.
	Get(ctx context.Context, id, remoteID string) (model.Record, error)
	// Watch returns nil when something may be new since cursor, ErrUnsupported if
	// the driver can only be polled.
	Watch(ctx context.Context, cursor string) error
	Caps() Caps
}

// Recogniser is a Remote of a server that keeps no op ids, and maybe not ours
// of notes: it finds the device's own writes again by what they hold.
type Recogniser interface {
	// Recognise looks for what ops made that are still out. It sets OpID of those
	// changes of a page that one of them made, and the note's own id.
	Recognise(sent []Op, page *Page)
}

// Complete returns f with the fields that it lacks as they are in from.
func Complete(f model.Fields, lacks []string, from model.Fields) model.Fields {
	for _, name := range lacks {
		switch name {
		case model.FieldTitle:
			f.Title = from.Title
		case model.FieldBody:
			f.Body = from.Body
		case model.FieldNotebook:
			f.Notebook = from.Notebook
		case model.FieldTags:
			f.Tags = slices.Clone(from.Tags)
		case model.FieldPinned:
			f.Pinned = from.Pinned
		case model.FieldArchived:
			f.Archived = from.Archived
		case model.FieldColor:
			f.Color = from.Color
		case model.FieldOrder:
			f.Order = from.Order
		case model.FieldLog:
			f.Log = slices.Clone(from.Log)
		case model.FieldExtra:
			f.Extra = maps.Clone(from.Extra)
		}
	}
	return f
}

// Lister is a Remote of a server that may lose a change, or the sign of a
// deletion, and not tell. Now and then the engine compares what it lists with
// what the device holds; what differs it asks for with Get.
type Lister interface {
	// List returns all live notes by id and revision.
	List(ctx context.Context) (map[string]int64, error)
}

// Errors of drivers. All but context errors are one of these, wrapped.
var (
	// ErrOffline: no answer that is the protocol's: unreachable, timed out, a
	// captive portal's page, a truncated body, 5xx.
	ErrOffline = errors.New("server cannot be reached")
	// ErrServer: the server answered that it failed (5xx). It comes with
	// ErrOffline, which says what to do about it.
	ErrServer = errors.New("server had an error")
	// ErrAuth: credentials refused (401).
	ErrAuth = errors.New("server refused the credentials")
	// ErrForbidden: credentials known but not allowed (403).
	ErrForbidden = errors.New("server does not allow this")
	// ErrUnsupported: the driver cannot do this.
	ErrUnsupported = errors.New("not supported by this protocol")
	// ErrNotProtocol: something answers, but it does not speak the protocol.
	// It wraps ErrOffline where the answer may be a captive portal's.
	ErrNotProtocol = errors.New("the answer is not this protocol")
)

// RetryError says that the server asks to wait (429, 503, backoff).
type RetryError struct {
	After time.Duration // 0 if it said nothing
	Err   error
}

func (e *RetryError) Error() string {
	return fmt.Sprintf("server asks to wait %s: %v", e.After, e.Err)
}
func (e *RetryError) Unwrap() error { return e.Err }

// ResyncReason says why a cursor is no good any more.
type ResyncReason string

// The reasons.
const (
	// CursorExpired: same server, too long ago. Absent clean notes were deleted.
	CursorExpired ResyncReason = "cursor-expired"
	// EpochChanged: the server was restored or replaced.
	EpochChanged ResyncReason = "epoch-changed"
	// CursorUnknown: the server never gave this cursor out; it forgot.
	CursorUnknown ResyncReason = "cursor-unknown"
)

// Forgot reports whether the server may lack what it once had, so that a note
// which it does not list is sent again rather than deleted.
func (r ResyncReason) Forgot() bool { return r != CursorExpired }

// ResyncError says that everything must be compared. Nothing was applied.
type ResyncError struct{ Reason ResyncReason }

func (e *ResyncError) Error() string { return "server does not know our cursor: " + string(e.Reason) }
