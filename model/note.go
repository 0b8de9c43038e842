package model

import (
	"time"
)

// Note is one note on this device: its fields and where it stands.
type Note struct {
	ID string
	Fields
	// Rev is the server revision the note was last in step with; 0 before the
	// first acknowledgement.
	Rev int64
	// RemoteID is the server's own id where it refuses ours; "" elsewhere.
	RemoteID string
	// UpdatedAt is the saving device's time, for display and sorting. UTC, ms.
	UpdatedAt time.Time
	// UpdatedAtServer is the server's time of Rev; zero before the first.
	UpdatedAtServer time.Time
	// Device is the label of the device that saved the present text.
	Device string
	// Cause says how the present text came to be.
	Cause Cause
	// Version numbers the note's texts on this device, 1 for the first.
	Version int64
	Status  Status
	// Purged hides the note for good; the row waits for the server to be told.
	Purged bool
	// Seq is the device's local change number at the row's last change.
	Seq int64
}

// Head is a note without its long texts: what a list shows.
type Head struct {
	ID        string
	Title     string
	Snippet   string // first line with text of the body, at most ~120 bytes, not cleaned for display
	Notebook  string
	Tags      []string
	Pinned    bool
	Archived  bool
	Deleted   bool
	Color     string
	Status    Status
	Syncing   bool // an op of the note is in a running request
	UpdatedAt time.Time
	Rev       int64
	Seq       int64
}

// Counts are the numbers that status lines show. Notes counts live notes,
// archived ones included; Trash the deleted ones.
type Counts struct {
	Notes       int
	Trash       int
	Pending     int // includes those whose op is being sent
	Syncing     int // of Pending: op frozen
	NeedsReview int
	Error       int
}

// Cause says how a text came to be.
type Cause string

// The causes of versions.
const (
	CauseCreate  Cause = "create"
	CauseEdit    Cause = "edit"
	CauseAppend  Cause = "append"
	CauseDelete  Cause = "delete"
	CauseRestore Cause = "restore"
	CausePull    Cause = "pull"    // written on another device
	CauseMerge   Cause = "merge"   // made here from two sides
	CauseOther   Cause = "other"   // the other side of a merge or conflict, never shown as the note itself
	CauseResolve Cause = "resolve" // chosen by the user in a review
	CauseDiscard Cause = "discard" // back to the server's text
)

// Version is one text a note had on this device, or the other side of a merge.
type Version struct {
	NoteID  string
	Version int64 // numbered per note from 1; the present text has the highest but for other sides kept later
	Rev     int64 // server revision, 0 if it never was one
	At      time.Time
	Device  string
	Cause   Cause
	Fields  Fields
}

// Review is a conflict that waits for the user. The local side is the note's
// row itself, which stays exactly as the user left it.
type Review struct {
	NoteID string
	// Base is the last text both sides had; nil where there is none.
	Base *Fields
	// Remote is the other side. Its Rev is what a resolution builds on; 0 when
	// the other side was never on a server.
	Remote     Record
	DetectedAt time.Time
	// Draft is the merge screen's unfinished choices, opaque to all others.
	Draft []byte
}

// Event is one entry of a note's sync timeline. It never holds note text.
type Event struct {
	ID     int64
	NoteID string // "" for events of the whole account
	At     time.Time
	Name   EventName
	OpID   string
	Rev    int64
	Detail string // a short sentence, lower case, no note text
}

// EventName names what happened.
type EventName string

// The events of a timeline.
const (
	EventCreated      EventName = "created"
	EventEdited       EventName = "edited"
	EventAppended     EventName = "appended"
	EventDeleted      EventName = "deleted"
	EventRestored     EventName = "restored"
	EventPurged       EventName = "purged"
	EventSent         EventName = "sent"
	EventAccepted     EventName = "accepted" // the server acknowledged an op
	EventPulled       EventName = "pulled"
	EventMerged       EventName = "merged"   // an automatic merge
	EventConflict     EventName = "conflict" // needs review
	EventResolved     EventName = "resolved"
	EventRejected     EventName = "rejected" // the server refused an op for good
	EventRetry        EventName = "retry"    // a try failed; the op stays
	EventTrashed      EventName = "trashed"  // deleted elsewhere
	EventHeld         EventName = "held"     // a deletion waits for consent
	EventSentAgain    EventName = "sent-again"
	EventDiscarded    EventName = "discarded"
	EventRound        EventName = "round" // a sync round ended (account)
	EventPaused       EventName = "paused"
	EventResync       EventName = "resync"
	EventConnected    EventName = "connected"
	EventDisconnected EventName = "disconnected"
	EventNewDevice    EventName = "new-device" // the store was copied and became a device of its own
)

// Draft is the editor's journal of one open note: not a save, but what a
// killed terminal finds again.
type Draft struct {
	Key    string // the note's id, or an id of its own for a note not yet made
	NoteID string // "" for a note not yet made
	Base   Fields // as it was opened; what a save merges against
	Text   Fields // as it stands in the editor
	Cursor int    // byte offset in Text.Body
	At     time.Time
}

// Account is what status lines tell of the connection.
type Account struct {
	Server     string // URL, "" if not connected
	Protocol   string
	LastSynced time.Time // end of the last complete round, zero if none
	Paused     string    // why sync stands still, a user sentence; "" if it does not
	Held       int       // deletions and replacements that wait for the user's consent
	Undoable   int       // notes that the last such consent deleted or replaced
	Device     string
}
