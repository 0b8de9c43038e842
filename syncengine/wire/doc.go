// Package wire is the JSON of the native protocol "notes-sync/1": envelopes,
// problems, cursors and header names, shared by the native driver and the
// server, so that both have one spelling and one idea of what is well formed.
//
// Rules of the room: standard library and model only; no I/O, no clock. What
// comes from the other side is hostile: decoding requests is strict (UTF-8, no
// member twice, no float where an integer belongs, bounded depth), and every
// refusal is a [*Problem] that a server can send as it is. Answers are decoded
// as strictly about form, but unknown members are ignored, as the protocol asks
// of clients.
package wire

// Protocol is the name and version a server tells in [Meta].
const Protocol = "notes-sync/1"

// Paths of the native dialect under the server's base URL.
const (
	PathOps     = "/sync/ops"
	PathBatch   = "/sync/batch"
	PathChanges = "/sync/changes"
	PathMeta    = "/sync/meta"
	PathNotes   = "/notes"
)

// Names of headers. A push carries the device's own cursor in the request
// header HeaderCursor: a server that never gave it out answers 410 before it
// applies anything. The answer carries the account's cursor just before and
// just after the op in HeaderPrevCursor and HeaderCursor.
const (
	HeaderKey        = "Idempotency-Key"
	HeaderReplayed   = "Idempotency-Replayed"
	HeaderSuperseded = "Sync-Superseded" // "true" on a replay whose note has changed since
	HeaderCursor     = "Sync-Cursor"
	HeaderPrevCursor = "Sync-Prev-Cursor"
	// HeaderPrefer with PreferMinimal (RFC 7240) asks that an accepted op is
	// answered without the note's fields; HeaderPreferApplied says that it was.
	HeaderPrefer        = "Prefer"
	HeaderPreferApplied = "Preference-Applied"
	PreferMinimal       = "return=minimal"

	HeaderRequestID = "X-Request-Id"
	HeaderClientID  = "X-Client-Id" // the device's label, where an op does not tell it
	// HeaderEpoch tells, in answers of the dialects whose protocol has no word for
	// it, which history of the account they are about. In a request it is the one
	// that the client knows: if it is over, nothing is done.
	HeaderEpoch = "X-Stet-Epoch"
)

// Content types.
const (
	TypeJSON    = "application/json"
	TypeProblem = "application/problem+json"
	TypeMerge   = "application/merge-patch+json"
)

// Limits are a server's bounds, told in [Meta]. Sizes are bytes, lengths of
// title and tags are characters.
type Limits struct {
	Body      int `json:"body"`
	Title     int `json:"title"`
	Tags      int `json:"tags"`
	TagLength int `json:"tagLength"`
	Request   int `json:"request"`
	Batch     int `json:"batch"`
	Page      int `json:"page"`
	PageBytes int `json:"pageBytes"`
	Key       int `json:"key"`
}

// DefaultLimits are those of notes-sync/1.
func DefaultLimits() Limits {
	return Limits{Body: 4 << 20, Title: 1024, Tags: 100, TagLength: 64, Request: 16 << 20, Batch: 500,
		Page: 1000, PageBytes: 4 << 20, Key: 255}
}

// DefaultPage is the page size of a pull that names none.
const DefaultPage = 200

// maxInteger bounds integers: I-JSON's 2^53.
const maxInteger = 1 << 53
