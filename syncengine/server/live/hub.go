package live

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"stet/syncengine/server/store"
)

// ErrTooMany refuses one more listener of an account.
var ErrTooMany = errors.New("too many open streams")

// Options are what a hub needs of the world, and its measures.
type Options struct {
	// After is time.After, or a simulated one.
	After func(time.Duration) <-chan time.Time
	// Sweep is the pause between two looks at what other processes did.
	Sweep time.Duration
	// PerAccount is how many may listen to one account at a time.
	PerAccount int
}

// Hub brings what is written to those who listen.
type Hub struct {
	store store.Store
	opts  Options

	mu       sync.Mutex
	accounts map[int64]*account
	count    int
	closed   bool
	stop     chan struct{} // ends the sweep; nil while nobody listens
}

// account is what the hub knows of an account that somebody listens to.
type account struct {
	head      store.Cursor
	listeners map[*Listener]struct{}
}

// New returns a hub over a store.
func New(s store.Store, o Options) *Hub {
	return &Hub{store: s, opts: o, accounts: map[int64]*account{}}
}

// Listener hears of one account until it leaves or is sent away.
type Listener struct {
	// C receives after the account changed; one value may stand for many
	// changes. It is closed when the listener is sent away.
	C <-chan struct{}

	hub     *Hub
	account int64
	token   [32]byte
	c       chan struct{}
	revoked bool
}

// Join begins to listen to the account that a token's hash belongs to. After it
// returns, no change is missed: what came before is in [Listener.Head]. When
// the hub is closed, the listener is sent away at once. Errors: [ErrTooMany]
// and the store's.
func (h *Hub) Join(ctx context.Context, id int64, token [32]byte) (*Listener, error) {
	l := &Listener{hub: h, account: id, token: token, c: make(chan struct{}, 1)}
	l.C = l.c
	if err := h.add(l); err != nil {
		return nil, err
	}
	head, err := h.store.Head(ctx, id)
	if err != nil {
		l.Leave()
		return nil, fmt.Errorf("listen: %w", err)
	}
	h.tell(id, head)
	return l, nil
}

func (h *Hub) add(l *Listener) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		close(l.c)
		return nil
	}
	a := h.accounts[l.account]
	if a == nil {
		a = &account{listeners: map[*Listener]struct{}{}}
		h.accounts[l.account] = a
	}
	if len(a.listeners) >= h.opts.PerAccount {
		return ErrTooMany
	}
	a.listeners[l] = struct{}{}
	if h.count++; h.stop == nil {
		h.stop = make(chan struct{})
		go h.sweep(h.stop)
	}
	return nil
}

// Leave ends listening. It is safe to call twice.
func (l *Listener) Leave() {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	l.hub.remove(l)
}

// remove takes a listener out and reports whether it was in.
func (h *Hub) remove(l *Listener) bool {
	a := h.accounts[l.account]
	if a == nil {
		return false
	}
	if _, in := a.listeners[l]; !in {
		return false
	}
	delete(a.listeners, l)
	if len(a.listeners) == 0 {
		delete(h.accounts, l.account)
	}
	if h.count--; h.count == 0 {
		close(h.stop)
		h.stop = nil
	}
	return true
}

// Head returns the newest position of the account that the hub knows of, as
// long as the listener listens.
func (l *Listener) Head() store.Cursor {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	if a := l.hub.accounts[l.account]; a != nil {
		return a.head
	}
	return store.Cursor{}
}

// Revoked reports whether the listener was sent away because its token is not
// valid any more.
func (l *Listener) Revoked() bool {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	return l.revoked
}

// tell notes that an account has come to head, unless more is known already.
func (h *Hub) tell(id int64, head store.Cursor) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.accounts[id]
	if a == nil || head.Epoch == a.head.Epoch && head.Rev <= a.head.Rev {
		return
	}
	a.come(head)
}

// come moves an account on and wakes who listens to it.
func (a *account) come(head store.Cursor) {
	a.head = head
	for l := range a.listeners {
		select {
		case l.c <- struct{}{}:
		default: // it has not looked since the last time: it will see this too
		}
	}
}

// Close sends all listeners away, and those who come later.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, a := range h.accounts {
		for l := range a.listeners {
			h.dismiss(l)
		}
	}
}

func (h *Hub) dismiss(l *Listener) {
	if h.remove(l) {
		close(l.c)
	}
}
