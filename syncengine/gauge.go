package syncengine

import (
	"context"
	"fmt"

	"stet/syncengine/store"
)

// gauge tells how far a round is: first what it sends, of so many, then what
// it fetches, of which no server says how much it is.
type gauge struct {
	bell        *bell
	done, total int
}

// begin starts a part of the round with so many notes to come, 0 if unknown.
func (g *gauge) begin(total int) { g.done, g.total = 0, total }

func (g *gauge) step(n int) {
	g.done += n
	if g.total > 0 { // saves go on meanwhile
		g.total = max(g.total, g.done)
	}
	g.bell.ring(func(ev *Event) { ev.Notes, ev.State, ev.Done, ev.Total = true, StateRunning, g.done, g.total })
}

// gaugeFrom is the number of waiting notes from which on progress is of use:
// one request takes fewer.
const gaugeFrom = 500

// sizeUp counts what there is to send, and reports whether there is anything.
func (e *Engine) sizeUp(ctx context.Context, r *round) (waiting bool, err error) {
	err = e.store.Read(ctx, func(tx store.Reader) error {
		c, err := tx.Counts()
		if err != nil {
			return fmt.Errorf("count notes: %w", err)
		}
		if r.gauge.begin(0); c.Pending > gaugeFrom {
			r.gauge.begin(c.Pending)
		}
		waiting, err = e.sendable(tx, r)
		return err
	})
	return waiting, err
}
