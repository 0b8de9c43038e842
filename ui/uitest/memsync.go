package uitest

import (
	"context"
	"sync"

	"stet/model"
	"stet/ui/screen"
)

// Sync is a sync worker that only remembers what it was asked.
type Sync struct {
	mu sync.Mutex
	// State is what Account answers.
	State model.Account
	// Asked counts the calls of SyncNow.
	Asked int
	// Waiting is what waits for consent.
	Waiting Waiting
	// Ringer is the bell's channel; nil means that tests ring through the driver.
	Ringer chan screen.Ring
}

var _ screen.Sync = (*Sync)(nil)

// Account returns State.
func (s *Sync) Account(context.Context) (model.Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.State, nil
}

// SyncNow counts.
func (s *Sync) SyncNow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Asked++
}

// Bell returns Ringer.
func (s *Sync) Bell() <-chan screen.Ring { return s.Ringer }
