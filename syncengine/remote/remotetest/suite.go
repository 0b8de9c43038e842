// Package remotetest is the one suite that every sync driver runs against a
// real server of its protocol, and the faults that the network can have.
//
// Rules of the room: for tests only; it knows drivers by their contract and
// never by their protocol. What a protocol cannot do it says in its Caps or in
// the [Harness], and the suite asks for what is left. Nothing here waits for a
// clock.
package remotetest

import (
	"context"
	"errors"
	"flag"
	"net/http"
	"testing"

	"stet/model"
	"stet/syncengine/remote"
)

// Connect returns a remote of one account for a device with this label. All of
// its requests go through via. Each call is a device of its own: nothing is
// shared but the server.
type Connect func(t *testing.T, device string, via http.RoundTripper) remote.Remote

// Harness is what the suite needs of a protocol.
type Harness struct {
	// Account makes a fresh, empty account on a running server.
	Account func(t *testing.T) Connect
	// Refused connects with credentials that the server does not accept.
	Refused Connect
	// Same compares what a note was to be with what it became; nil is
	// model.Equal. A protocol that does not carry all fields has its own.
	Same func(want, got model.Fields) bool
	// Replace takes all notes from the server and begins a new epoch there. nil
	// where a server cannot tell of it.
	Replace func(t *testing.T)
	// NotModified says that a pull which finds nothing new is answered with 304.
	NotModified bool
	// ListsTombstones says that a complete listing may tell of deleted notes.
	ListsTombstones bool
	// NoPurge says that notes cannot be erased for good.
	NoPurge bool
	// UpdateCreates says that an update of a note that the server never had is
	// taken as a create.
	UpdateCreates bool
}

// Run runs the whole suite.
func Run(t *testing.T, h Harness) {
	if h.Same == nil {
		h.Same = model.Equal
	}
	if testing.Short() {
		fewer(t)
	}
	for _, part := range []struct {
		name string
		run  func(*testing.T, Harness)
	}{
		{"Hello", testHello},
		{"EmptyAccount", testEmptyAccount},
		{"LifeOfANote", testLife},
		{"HostileText", testHostileText},
		{"Conflict", testConflict},
		{"ConflictWithDelete", testConflictWithDelete},
		{"DeleteTwice", testDeleteTwice},
		{"UnknownNote", testUnknownNote},
		{"Purge", testPurge},
		{"Appends", testAppends},
		{"Batch", testBatch},
		{"OwnSteps", testOwnSteps},
		{"Paging", testPaging},
		{"PagingWhileWriting", testPagingWhileWriting},
		{"Tombstones", testTombstones},
		{"Unchanged", testUnchanged},
		{"List", testList},
		{"CursorGarbage", testCursorGarbage},
		{"Replaced", testReplaced},
		{"Cancelled", testCancelled},
		{"FaultsOfReads", testFaultsOfReads},
		{"FaultsOfWrites", testFaultsOfWrites},
		{"LateDelivery", testLateDelivery},
		{"RandomFaults", testRandomFaults},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, h) })
	}
}

// CheckError reports what is wrong with a driver's error: it must be one of the
// contract's, or the context's; "" if nothing is.
func CheckError(err error) string {
	var retry *remote.RetryError
	var resync *remote.ResyncError
	switch {
	case err == nil, errors.As(err, &retry), errors.As(err, &resync), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return ""
	}
	for _, known := range []error{remote.ErrOffline, remote.ErrAuth, remote.ErrForbidden, remote.ErrUnsupported, remote.ErrNotProtocol} {
		if errors.Is(err, known) {
			return ""
		}
	}
	return "error is none of the contract's: " + err.Error()
}

// CheckResult reports what is wrong with the answer to a push of ops; "" if
// nothing is.
func CheckResult(ops []remote.Op, res remote.PushResult) string {
	if len(res.Outcomes) != len(ops) {
		return "not one outcome an op"
	}
	for i, out := range res.Outcomes {
		cur := out.Current
		switch {
		case out.OpID != ops[i].ID:
			return "outcomes are not in the order of the ops"
		case out.Kind == remote.Applied && out.Rev <= 0:
			return "applied without a revision"
		case out.Kind == remote.Applied && ops[i].Kind == model.Append && cur == nil:
			return "append without the note"
		case out.Kind == remote.Conflict && cur == nil:
			return "conflict without the other side"
		case out.Kind == remote.Rejected && out.Problem == "":
			return "rejected without a reason"
		case cur != nil && cur.ID != ops[i].NoteID:
			return "the other side is another note"
		case cur != nil && cur.Purged && !cur.Fields.Deleted:
			return "erased but not deleted"
		}
	}
	if (res.Prev == "") != (res.Next == "") {
		return "one step without the other"
	}
	return ""
}

// fewer lets rapid try less while the suite runs.
func fewer(t *testing.T) {
	const name = "rapid.checks"
	was := flag.Lookup(name).Value.String()
	if err := flag.Set(name, "5"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set(name, was) }) // it took it once
}
