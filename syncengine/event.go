package syncengine

import (
	"sync"
	"time"
)

// Event is a bell: what may have changed since the last one. It is never the
// truth; who hears it reads the store.
type Event struct {
	Notes       bool // rows changed, by this process or another
	State       State
	Done, Total int    // progress of a long round; Total 0 if unknown or none
	Err         error  // why the last round did not finish; nil if it did
	Report      Report // of the last round
}

// State is what the worker is doing.
type State int

// The states of the worker.
const (
	StateIdle    State = iota
	StateRunning       // in a round
	StateOffline       // the last round did not reach the server
	StateAuth          // credentials refused; waits for new ones
	StateHeld          // the delete guard waits for the user
	StateWaiting       // another process syncs this store
)

// bell keeps one waiting event; ringing again while nobody listens merges into
// it, so a slow listener costs nothing and misses nothing but repeats.
type bell struct {
	mu      sync.Mutex
	waiting Event
	ch      chan Event
}

func newBell() *bell { return &bell{ch: make(chan Event, 1)} }

// ring merges change into the waiting event and offers it.
func (b *bell) ring(change func(*Event)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-b.ch: // not yet heard: its facts are still in waiting
	default:
		b.waiting.Notes = false
	}
	change(&b.waiting)
	b.ch <- b.waiting
}

// Report tells what a round did.
type Report struct {
	Pushed      int
	Pulled      int
	Merged      int
	NeedsReview int // notes that now wait for review
	Pending     int // notes that still have something to send
	Errors      int // notes in error
	Held        int // deletions and replacements that wait for consent
	Kept        int // notes that were kept against such
	LastSynced  time.Time
	// Notice is what the server wants its users to know, such as that its service
	// will end; "" if nothing. Not cleaned for display.
	Notice string
	after  time.Duration // a server under load asked to be left alone
}
