// Package store is the contract between the sync engine and a device's store:
// what the engine and the user's own actions need, and no more.
//
// Rules of the room: a leaf; imports model alone. An implementation holds data
// and moves it in transactions; it decides nothing about sync. What a note's
// status is, what is merged and what is sent is decided by the callers inside
// one [Store.Write]. The single duty an implementation has on its own account
// is that no text is lost: [Tx.PutNote] keeps the text it replaces as a
// version.
package store

import (
	"context"
	"time"

	"stet/model"
)

// Store is a device's store.
type Store interface {
	// Write runs f in one durable transaction: when Write returns nil, all of f
	// is on disk. If f or the commit fails nothing of f is. f must be short, must
	// not start another transaction, and may be run once only. Errors: those of
	// model (ErrBusy when the lock was not to be had in 5 s, ErrReadOnly,
	// ErrNewerSchema, ErrCorrupt), wrapped.
	Write(ctx context.Context, f func(Tx) error) error
	// Read runs f on one consistent snapshot. It never waits for a writer.
	Read(ctx context.Context, f func(Reader) error) error
	// Lease takes the right to sync this store for this process. While another
	// process holds it, it returns model.ErrBusy at once. The lease is freed by
	// Release or the death of the process.
	Lease(ctx context.Context) (Lease, error)
}

// Lease is the right to sync a store. Only its holder may freeze, settle or
// apply what was pulled.
type Lease interface {
	// Fence is a number greater than that of every earlier lease.
	Fence() int64
	// Release gives the lease back. It is safe to call twice.
	Release() error
}

// Reader reads one snapshot.
type Reader interface {
	// Note returns a note, deleted or purged ones too; model.ErrNotFound if the
	// device has none with this id.
	Note(id string) (model.Note, error)
	// Shadow returns the state of the note that this device last knew the
	// connected server to hold, and whether there is one. For a synced note it is
	// the row itself.
	Shadow(id string) (model.Record, bool, error)
	// Knew reports whether a kept version of the note has the text of f
	// (model.SameText); the row itself does not count.
	Knew(noteID string, f model.Fields) (bool, error)
	// Ops returns the note's outbox entries, oldest first.
	Ops(noteID string) ([]model.Op, error)
	// Sendable returns ops that may be sent now, at most one a note and that its
	// oldest: sent ones (to be sent again unchanged) first, then queued ones, each
	// in the order of planning; none that is parked or whose NextTry is after now
	// unless force. A note in review offers its append ops only.
	Sendable(limit int, now time.Time, force bool) ([]model.Op, error)
	// NextTry returns the earliest NextTry among unparked ops, zero if there is
	// no op to send; a time not after the zero Unix time means "now".
	NextTry() (at time.Time, waiting bool, err error)
	// Review returns the note's open review, and whether there is one.
	Review(id string) (model.Review, bool, error)
	// Cursor returns the driver's cursor of the connected server, "" when cold.
	Cursor() (string, error)
	// Meta returns a setting or mark of the store, "" if unset.
	Meta(key string) (string, error)
	// Held returns the changes kept aside by Tx.Hold, oldest first.
	Held(limit int) ([]Held, error)
	// HeldOf returns what is kept aside for one note.
	HeldOf(noteID string) (Held, bool, error)
	Counts() (model.Counts, error)
	// IDs calls f for each note, in id order, with its status and rev and whether
	// it is in the trash, until f returns false. Of purged notes it names those
	// of which the server is still to be told.
	IDs(f func(id string, rev int64, status model.Status, deleted bool) bool) error
}

// Held is a pulled change that was not applied: it waits for the outcome of a
// sent op, or for the user's consent.
type Held struct {
	Record model.Record
	Reason HeldReason
}

// HeldReason says what a held change waits for.
type HeldReason string

// The reasons.
const (
	HeldForOp      HeldReason = "op"      // the note has an op whose outcome is unknown
	HeldForConsent HeldReason = "consent" // the delete guard
)

// Tx is one write transaction.
type Tx interface {
	Reader
	// PutNote writes a note's row. If a row exists and its text (model.SameText)
	// differs from n's, the old text is first kept as a version under the old
	// row's number and n gets the next one; otherwise the number stays. It sets
	// n.Seq to the next local change number and returns the note as written.
	// n.Status is written as given. Rev, UpdatedAt and so on too.
	//
	// Shadows: writing a row whose status is model.Synced drops an explicit
	// shadow, since the row is the shadow; writing one whose status is not, over a
	// synced row, keeps the old row as the explicit shadow unless PutShadow set
	// another in this transaction.
	PutNote(n model.Note) (model.Note, error)
	// KeepVersion keeps a text that was never the note's row (the other side of a
	// merge or conflict) as the note's next version. A text equal to the newest
	// kept version of the same rev is not kept twice.
	KeepVersion(v model.Version) error
	// DropNote erases a note's row, shadow, review, held change and drafts, and
	// with erase its versions too: then it is erased on every server that had it
	// and is in use again (see SwitchServer). Ops stay (use SetOps).
	DropNote(id string, erase bool) error
	// PutShadow sets the explicit shadow of a note (PutNote with status Synced
	// drops it again). rec.Rev 0 forgets it: the server has no such note.
	PutShadow(rec model.Record) error
	// SetOps replaces the note's queued and parked ops by ops (each with an id and
	// State Queued or Parked). Sent ops of the note stay.
	SetOps(noteID string, ops []model.Op) error
	// DropOp removes one op, whatever its state.
	DropOp(opID string) error
	// Freeze marks queued ops as sent: Attempt grows by one, SentAt is set,
	// NotSent cleared. Ops that are sent already count another attempt and keep
	// their SentAt.
	Freeze(opIDs []string, cursor string) error
	// Postpone records a failed try of an op: Problem and NextTry; with thaw the
	// op is queued again and may be squashed (it is known not to be applied).
	Postpone(opID, problem string, next time.Time, thaw bool) error
	// Park marks an op as refused for good.
	Park(opID, problem string) error
	// SettleClean is the fast way to settle an accepted op: if the note's Seq is
	// still op.NoteSeq, it has no other op and no review, and the server's state
	// is the row itself, the op is removed, the row becomes model.Synced at rev,
	// the explicit shadow goes, and true is returned. Otherwise nothing happens.
	SettleClean(op model.Op, rev int64, serverAt time.Time) (bool, error)
	PutReview(r model.Review) error
	DropReview(noteID string) error
	// Hold keeps a pulled change aside; a newer one of the same note replaces it.
	Hold(h Held) error
	DropHeld(noteID string) error
	SetCursor(cursor string) error
	SetMeta(key, value string) error
	// Log adds an entry to the timeline.
	Log(e model.Event) error
	// SetStatus changes a note's status alone, without a new local version; the
	// local change number grows.
	SetStatus(noteID string, s model.Status) error
}

// Meta keys that more than one room uses.
const (
	MetaDevice     = "device"      // this device's label
	MetaDeviceID   = "device_id"   // random, never leaves with a copied store
	MetaServer     = "server"      // key of the connected server, "" if none
	MetaLastSynced = "last_synced" // RFC 3339, end of the last complete round
	MetaPaused     = "paused"      // why sync stands still, "" if it does not
	MetaRetryAfter = "retry_after" // RFC 3339: no request before this time
	MetaResync     = "resync"      // reason of a full comparison under way
	MetaEpoch      = "epoch"       // the server's epoch, to show and to compare
	MetaTaken      = "taken"       // what the server took beyond the cursor, until a pull has shown it
	MetaStock      = "stock"       // when all is compared with the server's list, and how far that is
	MetaJoining    = "joining"     // set while the first listing of a server is under way
	MetaNotice     = "notice"      // what the server wants its users to know, not cleaned
	MetaReplan     = "replan"      // set when the outbox was emptied for another server: it must be planned anew
)
