package live

import (
	"context"
	"errors"
	"slices"
	"time"

	"stet/syncengine/server/store"
)

// The sweep looks at so many tokens at a time and then rests a little, so that
// ten thousand streams cost a few percent of a core and not a burst.
const (
	sweepChunk = 500
	sweepRests = 8 // a rest is this part of Options.Sweep
	sweepTime  = 5 * time.Second
)

// key is a token that listens to an account.
type key struct {
	account int64
	token   [32]byte
}

// sweep looks after every token that listens, until stop is closed.
func (h *Hub) sweep(stop <-chan struct{}) {
	pause := h.opts.Sweep
	for {
		keys := h.keys()
		for chunk := range slices.Chunk(keys, sweepChunk) {
			select {
			case <-stop:
				return
			case <-h.opts.After(pause):
			}
			h.look(chunk)
			pause = h.opts.Sweep / sweepRests
		}
		if len(keys) == 0 { // the last one is leaving: stop is about to be closed
			<-stop
			return
		}
		pause = h.opts.Sweep
	}
}

func (h *Hub) keys() []key {
	h.mu.Lock()
	defer h.mu.Unlock()
	seen := make(map[key]struct{}, h.count)
	out := make([]key, 0, h.count)
	for id, a := range h.accounts {
		for l := range a.listeners {
			k := key{id, l.token}
			if _, twice := seen[k]; !twice {
				seen[k] = struct{}{}
				out = append(out, k)
			}
		}
	}
	return out
}

func (h *Hub) look(keys []key) {
	ctx, cancel := context.WithTimeout(context.Background(), sweepTime)
	defer cancel()
	for _, k := range keys {
		before, listens := h.head(k.account)
		if !listens {
			continue
		}
		acc, err := h.store.Authenticate(ctx, k.token)
		switch {
		case errors.Is(err, store.ErrToken), err == nil && acc.ID != k.account:
			h.sendAway(k)
		case err == nil:
			h.found(k.account, before, acc.Cursor)
		}
	}
}

func (h *Hub) head(id int64) (store.Cursor, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.accounts[id]
	if a == nil {
		return store.Cursor{}, false
	}
	return a.head, true
}

// found notes where the store says that an account is. Where that is not where
// it was before we asked, another process wrote, or the data were exchanged:
// the position may be an older one.
func (h *Hub) found(id int64, before, now store.Cursor) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a := h.accounts[id]; a != nil && a.head == before && now != before {
		a.come(now)
	}
}

// sendAway ends the streams of a token that is not valid any more.
func (h *Hub) sendAway(k key) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.accounts[k.account]
	if a == nil {
		return
	}
	for l := range a.listeners {
		if l.token == k.token {
			l.revoked = true
			h.dismiss(l)
		}
	}
}
