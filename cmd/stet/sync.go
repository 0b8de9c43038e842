package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"stet/model"
	"stet/syncengine"
	"stet/ui/kit/cells"
)

// syncFlags are what sync was given.
type syncFlags struct{ watch, dryRun, full, yes, keep, undo, json bool }

func syncCommand(a *app) *cobra.Command {
	var f syncFlags
	cmd := &cobra.Command{
		Use:   "sync",
		Short: "Send and fetch changes, one full round",
		Long: "Sends and fetches changes until there is nothing left to send. Exits with 4 when notes wait for review, " +
			"5 when the server cannot be reached, 6 when it refuses the token.\n\n" +
			"A round that would delete or replace more than 20 notes here, or more than a tenth of them, stops with 4 " +
			"and lists them. --yes goes on, and --undo takes that back; --keep keeps the notes as they are here, everywhere.",
		Example: `  stet sync
  stet sync --dry-run
  stet sync --watch`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.sync(cmd.Context(), f) },
	}
	fl := cmd.Flags()
	fl.BoolVar(&f.watch, "watch", false, "go on syncing until interrupted")
	fl.BoolVar(&f.dryRun, "dry-run", false, "only show what would be sent and fetched")
	fl.BoolVar(&f.full, "full", false, "compare every note with the server's list, where a server may lose changes (Kinto); else once a day")
	fl.BoolVar(&f.yes, "yes", false, "agree to delete or replace many notes")
	fl.BoolVar(&f.keep, "keep", false, "refuse that: keep the notes as they are here, and send them")
	fl.BoolVar(&f.undo, "undo", false, "bring back what the last --yes deleted or replaced")
	fl.BoolVar(&f.json, "json", false, "print the round as one object")
	return cmd
}

func (a *app) sync(ctx context.Context, f syncFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	d, err := a.open(ctx)
	if err != nil {
		return err
	}
	if f.undo {
		return a.undo(ctx, d, f.json)
	}
	engine, err := d.engine(ctx)
	if err != nil {
		return err
	}
	switch {
	case f.dryRun:
		return a.dryRun(ctx, engine, f)
	case f.watch:
		return a.watch(ctx, engine, f)
	}
	if err := d.writable(); err != nil {
		return err
	}
	stop := a.showProgress(engine)
	report, err := round(ctx, d, engine, syncengine.RoundOptions{Yes: f.yes, Keep: f.keep, Full: f.full, Force: true})
	stop()
	if printErr := a.printReport(report, f.json); printErr != nil {
		return printErr
	}
	if report.Held > 0 {
		if planErr := a.sayPlan(ctx, d); planErr != nil {
			return planErr
		}
	}
	if report.Kept > 0 {
		a.say("%s kept as before, here and on the server.", plural(report.Kept, "note was", "notes were"))
	} else if f.yes && err == nil {
		if err := a.sayUndo(ctx, d); err != nil {
			return err
		}
	}
	return a.roundError(report, err)
}

// check refuses flags that contradict one another.
func (f syncFlags) check() error {
	alone := 0
	for _, set := range []bool{f.yes, f.keep, f.undo} {
		if set {
			alone++
		}
	}
	switch {
	case f.watch && f.dryRun:
		return usage("", "--watch and --dry-run do not go together")
	case alone > 1:
		return usage("", "--yes, --keep and --undo do not go together")
	case f.watch && alone > 0:
		return usage("say it once, without --watch", "--watch does not take --yes, --keep or --undo")
	case f.full && (f.watch || f.undo):
		return usage("", "--full does not go together with --watch or --undo")
	case f.dryRun && f.undo:
		return usage("", "--dry-run and --undo do not go together")
	}
	return nil
}

// sayUndo tells how to take back what was agreed to just now.
func (a *app) sayUndo(ctx context.Context, d *device) error {
	n, at, err := d.notes.Undoable(ctx)
	if err == nil && n > 0 && now().Sub(at) < time.Minute {
		a.say("%s deleted or replaced; to take it back: stet sync --undo", plural(n, "note was", "notes were"))
	}
	return err
}

// engine returns the worker for the server of this device.
func (d *device) engine(ctx context.Context) (*syncengine.Engine, error) {
	c, connected, err := d.connection(ctx)
	if err != nil {
		return nil, err
	}
	if !connected {
		return nil, errNotConnected
	}
	token, err := d.token(c)
	if err != nil {
		return nil, err
	}
	if err := d.finishSwitch(ctx, c); err != nil {
		return nil, err
	}
	r, err := newRemote(c, token)
	if err != nil {
		return nil, err
	}
	return newEngine(d, r, syncengine.Strategy(c.Strategy)), nil
}

// round does one round, or has the process do it that syncs already.
func round(ctx context.Context, d *device, e *syncengine.Engine, o syncengine.RoundOptions) (syncengine.Report, error) {
	lease, err := d.store.Lease(ctx)
	switch {
	case errors.Is(err, model.ErrBusy):
		return d.ask(ctx, e, o)
	case err != nil:
		return syncengine.Report{}, fmt.Errorf("take the right to sync: %w", err)
	}
	defer func() { _ = lease.Release() }() // the lock goes with the process anyway
	return e.Round(ctx, o)
}

// ask has the process that syncs do a round. When that one stands still, the
// numbers are those of the store.
func (d *device) ask(ctx context.Context, e *syncengine.Engine, o syncengine.RoundOptions) (syncengine.Report, error) {
	report, err := e.AskRound(ctx, o)
	if !errors.Is(err, model.ErrBusy) {
		return report, err
	}
	if s, serr := d.status(ctx); serr == nil {
		report = syncengine.Report{NeedsReview: s.NeedsReview, Pending: s.Pending, Errors: s.Error}
		if s.LastSynced != nil {
			report.LastSynced, _ = model.ParseTime(*s.LastSynced)
		}
	}
	return report, fail(exitBusy, "your changes are safe; end the other stet or wait for it",
		"another stet syncs these notes and does not answer")
}

// reportJSON is a round as scripts see it.
type reportJSON struct {
	Pushed      int     `json:"pushed"`
	Pulled      int     `json:"pulled"`
	Merged      int     `json:"merged"`
	NeedsReview int     `json:"needs_review"`
	Pending     int     `json:"pending"`
	Errors      int     `json:"errors"`
	LastSynced  *string `json:"last_synced"`
	Held        int     `json:"held"`
	Notice      string  `json:"notice,omitempty"` // what the server wants its users to know
}

func (a *app) printReport(r syncengine.Report, asJSON bool) error {
	if asJSON {
		return a.writeJSON(reportJSON{r.Pushed, r.Pulled, r.Merged, r.NeedsReview, r.Pending, r.Errors, timeOf(r.LastSynced), r.Held, r.Notice})
	}
	line := fmt.Sprintf("%d sent, %d fetched, %d merged", r.Pushed, r.Pulled, r.Merged)
	for _, part := range []struct {
		n    int
		text string
	}{{r.NeedsReview, "need review"}, {r.Pending, "pending"}, {r.Errors, "in error"}} {
		if part.n > 0 {
			line += fmt.Sprintf(", %d %s", part.n, part.text)
		}
	}
	if err := a.print("%s\n", line); err != nil || r.Notice == "" {
		return err
	}
	return a.print("The server says: %s\n", cells.CleanLine(r.Notice))
}

// roundError turns how a round ended into its exit: the first that applies of
// 8, 7, 6, 5, then 4 for notes in review or held, then 1 for notes in error.
func (a *app) roundError(r syncengine.Report, err error) error {
	held := errors.Is(err, syncengine.ErrHeld)
	switch {
	case err != nil && !held:
		return err
	case held || r.Held > 0:
		return fail(exitReview, "look: stet sync --dry-run; to go on: stet sync --yes; to keep them: stet sync --keep",
			"this round would delete or replace %d notes here", r.Held)
	case r.NeedsReview > 0:
		return fail(exitReview, "see: stet conflicts", "%s", plural(r.NeedsReview, "note was", "notes were")+
			" updated in two places. Choose what to keep.")
	case r.Errors > 0:
		return fail(exitFailure, "see: stet ls --status error, and stet why ID",
			"%s cannot be synced right now. Your changes are safe.", plural(r.Errors, "note", "notes"))
	}
	return nil
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// watch syncs until interrupted and tells of each round that did something.
func (a *app) watch(ctx context.Context, e *syncengine.Engine, f syncFlags) error {
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	w := watcher{app: a, json: f.json}
	for {
		select {
		case err := <-done:
			if err == nil {
				err = ctx.Err()
			}
			return err
		case ev := <-e.Events():
			if err := w.heard(ev); err != nil {
				return err
			}
		}
	}
}

// watcher tells what a running worker does, each thing once.
type watcher struct {
	*app
	json bool
	last syncengine.Report
	told string
}

func (w *watcher) heard(ev syncengine.Event) error {
	if ev.State == syncengine.StateRunning {
		return nil
	}
	if ev.State == syncengine.StateWaiting {
		w.tell("Another stet syncs these notes; waiting.")
		return nil
	}
	if ev.Report != w.last && !ev.Report.LastSynced.IsZero() {
		quiet := ev.Report.Pushed+ev.Report.Pulled+ev.Report.Merged == 0 && !w.last.LastSynced.IsZero()
		w.last = ev.Report
		if !quiet {
			if err := w.printReport(ev.Report, w.json); err != nil {
				return err
			}
			if err := w.out.flush(); err != nil {
				return err
			}
		}
	}
	if err := w.roundError(ev.Report, ev.Err); err != nil {
		w.tell("stet: " + cells.CleanLine(explain(err, w.app).Error()))
	} else {
		w.told = ""
	}
	return nil
}

// tell says a sentence unless it was the last one said.
func (w *watcher) tell(sentence string) {
	if sentence != w.told {
		w.told = sentence
		w.say("%s", sentence)
	}
}
