package model

import "time"

// Kind is what an op does.
type Kind string

// The kinds of ops.
const (
	Create Kind = "create" // the note is new to the server
	Update Kind = "update" // change fields; on a tombstone with deleted=false: restore
	Append Kind = "append" // only log entries; accepted at any revision
	Delete Kind = "delete" // make a tombstone
	Purge  Kind = "purge"  // erase a tombstone's text and history on the server
)

// OpState is where an op stands on this device.
type OpState string

// The states of an op.
const (
	Queued OpState = "queued" // may still be squashed into a later one
	Sent   OpState = "sent"   // frozen: id and patch never change, outcome unknown until answered
	Parked OpState = "parked" // refused for good; waits for the user
)

// Op is one entry of the outbox: an intent against a revision, with an
// idempotency key.
type Op struct {
	ID        string // idempotency key, unique for ever
	NoteID    string
	Kind      Kind
	BaseRev   int64 // revision the patch was made against; of a create 0, or the purge that it overrules
	Patch     Patch
	CreatedAt time.Time // device clock, display only
	Device    string    // label
	// UnlessPurged refuses a create if the note was erased: who sends it knows
	// nothing of that. Drivers set it.
	UnlessPurged bool

	State   OpState
	Attempt int    // how often it was sent
	SentAt  string // the device's cursor when it was frozen: lets a driver find its own echo
	NotSent bool   // the last try is known not to have been applied (429, ordered refusal)
	Problem string // why it is parked, or what went wrong last; a user sentence without note text
	NextTry time.Time
	NoteSeq int64 // the note's local change number when the op was planned
}

// Intent is an op before it has an id.
type Intent struct {
	Kind    Kind
	BaseRev int64
	Patch   Patch
}

// Net returns the ops that take the server from base to want: the squash rule.
// A device keeps row = shadow + outbox, so squashing any history of unsent ops
// is the difference between where the server is (base: the shadow, or what a
// sent op will make of it; nil or Rev 0 where it never was) and where the row
// is now. In particular create+update is one create, update+update one update
// with the last value of each field and composed sets, update+delete one
// delete, delete+restore and create+delete (unsent) nothing, and log entries
// travel in an append of their own, which needs no revision. A purged note
// comes back as a new one, since there is nothing left to restore; the base of
// that create is the revision of the purge, which was seen and overruled.
func Net(base *Record, want Fields, purged bool) []Intent {
	if base == nil || base.Rev == 0 || base.Purged && !want.Deleted {
		if want.Deleted {
			return nil
		}
		in := Intent{Kind: Create, Patch: Full(want)}
		if base != nil && base.Purged {
			in.BaseRev = base.Rev
		}
		return []Intent{in}
	}
	if base.Fields.Deleted && want.Deleted {
		if purged && !base.Purged {
			return []Intent{{Kind: Purge, BaseRev: base.Rev}}
		}
		return nil
	}
	p := Diff(base.Fields, want)
	if want.Deleted {
		return []Intent{{Kind: Delete, BaseRev: base.Rev, Patch: p}}
	}
	if base.Fields.Deleted {
		return []Intent{{Kind: Update, BaseRev: base.Rev, Patch: p}}
	}
	var out []Intent
	appended := p.LogAppend
	p.LogAppend = nil
	if !p.Empty() {
		out = append(out, Intent{Kind: Update, BaseRev: base.Rev, Patch: p})
	}
	if len(appended) > 0 {
		out = append(out, Intent{Kind: Append, BaseRev: base.Rev, Patch: Patch{LogAppend: appended}})
	}
	return out
}

// After returns what the server will hold once it has applied op to base: the
// base that later ops of the note are planned against. base may be nil.
func (op Op) After(base *Record) Record {
	var rec Record
	if base != nil {
		rec = *base
	}
	rec.ID = op.NoteID
	switch op.Kind {
	case Create:
		rec.Fields, rec.Purged = op.Patch.Apply(Fields{}), false
	case Delete:
		rec.Fields = Fields{Deleted: true}
	case Purge:
		rec.Fields, rec.Purged = Fields{Deleted: true}, true
	default:
		rec.Fields = op.Patch.Apply(rec.Fields)
	}
	rec.OpID, rec.Device, rec.SavedAt = op.ID, op.Device, op.CreatedAt
	return rec
}
