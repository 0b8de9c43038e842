package model

import (
	"fmt"
	"slices"
)

// Status is a note's stored sync state on one device. "Syncing" is never
// stored: it is Pending or Error while an op of the note is in a running
// request.
type Status string

// The states of a note.
const (
	Synced      Status = "synced"       // no op, row equals shadow
	Pending     Status = "pending"      // has something to send
	Failed      Status = "error"        // an op was refused, or failed too often
	NeedsReview Status = "needs-review" // edited in two places
	None        Status = ""             // no such note here
)

// Statuses are the states in the order in which they want attention.
var Statuses = []Status{NeedsReview, Failed, Pending, Synced}

// Move is what happened to a note, as far as its state is concerned.
type Move string

// The moves. The numbers name the rows of the protocol's state table.
const (
	MoveSave     Move = "save"     // 1 2 3 8 24 27 33: the user wrote, deleted or restored
	MoveSend     Move = "send"     // 5 25: an op was frozen for a request
	MoveAccept   Move = "accept"   // 6 7 20: the server has the op
	MoveRetry    Move = "retry"    // 9 10: outcome unknown or not applied; the op stays
	MoveGiveUp   Move = "give-up"  // 10: too many tries, shown as an error, still tried
	MoveReject   Move = "reject"   // 12: the op can never be accepted
	MovePull     Move = "pull"     // 15 16 22: the server's version was taken
	MoveMerge    Move = "merge"    // 13 17 28: both sides were combined
	MoveConflict Move = "conflict" // 14 18 21 23 28 30: the user must choose
	MoveResolve  Move = "resolve"  // 29: the user chose
	MoveDiscard  Move = "discard"  // 26: back to the server's text
	MoveResync   Move = "resync"   // 32: the server forgot; what it lacks is sent again
	MovePurge    Move = "purge"    // the user or another device erased the note
)

// legal lists for each move the states it may start in and lead to.
var legal = map[Move]struct{ from, to []Status }{
	MoveSave:     {[]Status{None, Synced, Pending, Failed, NeedsReview}, []Status{Pending, Synced, NeedsReview}},
	MoveSend:     {[]Status{Pending, Failed, NeedsReview}, []Status{Pending, Failed, NeedsReview}},
	MoveAccept:   {[]Status{Pending, Failed, NeedsReview}, []Status{Synced, Pending, NeedsReview, None}},
	MoveRetry:    {[]Status{Pending, Failed, NeedsReview}, []Status{Pending, Failed, NeedsReview}},
	MoveGiveUp:   {[]Status{Pending, Failed, NeedsReview}, []Status{Failed, NeedsReview}},
	MoveReject:   {[]Status{Pending, Failed, NeedsReview}, []Status{Failed, NeedsReview}},
	MovePull:     {[]Status{None, Synced, Pending, Failed, NeedsReview}, []Status{Synced, None}},
	MoveMerge:    {[]Status{Pending, Failed, NeedsReview}, []Status{Pending, Synced}},
	MoveConflict: {[]Status{Synced, Pending, Failed, NeedsReview}, []Status{NeedsReview}},
	MoveResolve:  {[]Status{NeedsReview}, []Status{Pending, Synced}},
	MoveDiscard:  {[]Status{Failed, Pending}, []Status{Synced, None}},
	MoveResync:   {[]Status{Synced, Pending, Failed, NeedsReview}, []Status{Synced, Pending, NeedsReview, Failed}},
	MovePurge:    {[]Status{Synced, Pending, Failed, NeedsReview}, []Status{None, Pending, Synced}},
}

// Check reports whether move may lead from one state to the other. A refusal
// is a bug in the caller, worth an error rather than a wrong badge.
func Check(move Move, from, to Status) error {
	m, ok := legal[move]
	if !ok || !slices.Contains(m.from, from) || !slices.Contains(m.to, to) {
		return fmt.Errorf("note state: %q cannot lead from %q to %q", move, from, to)
	}
	return nil
}

// StatusOf derives the stored state from what is kept about a note: an open
// review, and its ops.
func StatusOf(inReview bool, ops []Op) Status {
	if inReview {
		return NeedsReview
	}
	status := Synced
	for _, op := range ops {
		if op.State == Parked || op.Problem != "" && op.Attempt >= GiveUpAfter {
			return Failed
		}
		status = Pending
	}
	return status
}

// GiveUpAfter is the number of failed tries after which a note shows Error. It
// is still tried again.
const GiveUpAfter = 5
