package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/charmbracelet/x/term"

	"stet/syncengine"
	"stet/ui/screen"
)

// progressEvery is how often the line of progress is drawn anew.
const progressEvery = 100 * time.Millisecond

// showProgress draws on a terminal how far a long round is, in one line of
// stderr, until stop is called, which takes the line away.
func (a *app) showProgress(e *syncengine.Engine) (stop func()) {
	if a.err != os.Stderr || !term.IsTerminal(os.Stderr.Fd()) || a.getenv("TERM") == "dumb" {
		return func() {}
	}
	over := make(chan struct{})
	var drawing sync.WaitGroup
	drawing.Go(func() {
		var p progress
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for {
			select {
			case ev := <-e.Events():
				p.heard(ev, now())
			case <-tick.C:
				if line := p.line(now()); line != "" {
					_, _ = fmt.Fprintf(a.err, "\r%s\x1b[K", line)
					p.drawn = true
				}
			case <-over:
				if p.drawn {
					_, _ = fmt.Fprint(a.err, "\r\x1b[K")
				}
				return
			}
		}
	})
	return func() { close(over); drawing.Wait() }
}

// progress is how far a round is.
type progress struct {
	done, total int
	since       time.Time // this part of the round began
	drawn       bool
}

func (p *progress) heard(ev syncengine.Event, at time.Time) {
	if ev.State != syncengine.StateRunning {
		return
	}
	if ev.Done < p.done || ev.Total != p.total || p.since.IsZero() {
		p.since = at
	}
	p.done, p.total = ev.Done, ev.Total
}

// line tells it in words, "" if the round is too short to tell of.
func (p *progress) line(at time.Time) string {
	took := at.Sub(p.since)
	if p.since.IsZero() || p.done == 0 || p.total == 0 && p.done < 1000 {
		return ""
	}
	line := "fetched " + screen.Number(p.done)
	if p.total > 0 {
		line = "sent " + screen.Number(p.done) + " of " + screen.Number(p.total)
	}
	if took >= time.Second {
		line += " · " + screen.Number(int(float64(p.done)/took.Seconds())) + " a second"
	}
	return line
}
