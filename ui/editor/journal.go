package editor

import (
	"context"
	"sync"

	"stet/model"
	"stet/ui/screen"
)

// journal writes and drops the draft of one open note. Commands run in any
// order, so each carries a number: an older draft never replaces a newer one,
// and a draft that a save has overtaken is not written any more.
type journal struct {
	notes screen.Notes

	mu      sync.Mutex
	written uint64
	dropped uint64
}

// put writes a draft unless it is outdated.
func (j *journal) put(ctx context.Context, n uint64, d model.Draft) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if n <= j.written || n <= j.dropped {
		return nil
	}
	if err := j.notes.PutDraft(ctx, d); err != nil {
		return err
	}
	j.written = n
	return nil
}

// drop forgets the drafts up to number n; a newer one stays.
func (j *journal) drop(ctx context.Context, n uint64, key string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.dropped = max(j.dropped, n)
	if j.written > n {
		return nil
	}
	return j.notes.DropDraft(ctx, key)
}
