package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/term"

	"stet/syncengine"
	"stet/ui"
	"stet/ui/screen"
)

// openUI is the bare `stet`.
func (a *app) openUI(ctx context.Context) error {
	if err := a.needTerminal(); err != nil {
		return err
	}
	return a.runUI(ctx, screen.Target{})
}

// needTerminal refuses to draw where nobody looks.
func (a *app) needTerminal() error {
	if !term.IsTerminal(a.in.Fd()) || !term.IsTerminal(a.stdout.Fd()) || a.getenv("TERM") == "dumb" {
		return usage("in scripts: stet ls, stet add, stet help", "the screens need a terminal")
	}
	return nil
}

// runUI opens the notes of this device on a screen.
func (a *app) runUI(ctx context.Context, first screen.Target) error {
	if err := a.needTerminal(); err != nil {
		return err
	}
	d, err := a.open(ctx)
	if err != nil {
		return err
	}
	if d.store.ReadOnly() == nil {
		if err := d.recoverEdits(ctx, now()); err != nil {
			return err
		}
	}
	engine, err := d.engine(ctx)
	problem := ""
	if err != nil && !errors.Is(err, errNotConnected) {
		problem, engine = explain(err, a).Error(), nil
	}
	return a.drawUI(ctx, d, engine, problem, first)
}

// drawUI runs the screens and the worker beside them; engine is nil when there
// is no server to sync with, for the reason told.
func (a *app) drawUI(ctx context.Context, d *device, engine *syncengine.Engine, problem string, first screen.Target) error {
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	port := newSyncPort(d, engine, problem)
	ended := make(chan error, 1)
	go func() { ended <- port.run(working) }()

	notes := d.notes
	if engine != nil {
		notes = newNotes(engine.Waking(d.store), d.label) // what is saved here is sent at once
	}
	program := tea.NewProgram(ui.New(ui.Config{Notes: notesPort{d.store, notes}, Sync: port, Now: now,
		EditorCommand: a.editorFor, TempDir: d.home.editPath(), First: first}), append(ui.Options(), tea.WithoutSignalHandler())...)
	// One request to quit a signal: a second one would not wait for what is being saved.
	asked := context.AfterFunc(ctx, program.Quit)
	_, err := program.Run()
	asked()
	stop()
	worker := <-ended
	switch {
	case errors.Is(err, tea.ErrInterrupted):
		return errInterrupted
	case err != nil:
		return fmt.Errorf("draw: %w", err)
	}
	return worker
}

// editorFor is the editor's command, nil if none is set.
func (a *app) editorFor(path string) *exec.Cmd {
	cmd, err := a.editorCommand(path)
	if err != nil {
		return nil
	}
	return cmd
}
