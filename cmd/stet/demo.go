package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"stet/model"
	"stet/syncengine"
	"stet/syncengine/remote"
	"stet/ui/screen"
)

func demoCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Try it: scratch notes, a server and a second device that edits with you",
		Long: "Opens the screens on a scratch home with a server inside this process and a second device, \"phone\", that edits " +
			"at the same time. All badges are there, and a conflict to practise on. Everything is removed at the end; your own notes are not touched.",
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.needTerminal(); err != nil {
				return err
			}
			return a.demo(cmd.Context())
		},
	}
}

// demo runs the screens on a stage that is taken down afterwards.
func (a *app) demo(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "stet-demo-") // 0700
	if err != nil {
		return fmt.Errorf("make a scratch home: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := setStage(ctx, dir)
	if err != nil {
		return fmt.Errorf("set up the demo: %w", err)
	}
	defer func() { err = errors.Join(err, s.close()) }()

	playing, stop := context.WithCancel(ctx)
	played := make(chan struct{})
	go func() {
		defer close(played)
		s.play(playing)
	}()
	a.home, a.device = s.laptop.device.home, nil
	err = a.drawUI(ctx, s.laptop.device, s.laptop.engine, "", screen.Target{})
	stop()
	<-played
	return err
}

// stage is the demo: a server and two devices.
//
//	laptop   what the user sees; its server is slow, and refuses one note
//	phone    edits now and then, by itself
type stage struct {
	server        demoServer
	laptop, phone actor
	diary         string // id of the note that the phone writes
}

// actor is one device of the demo.
type actor struct {
	device *device
	engine *syncengine.Engine
}

// setStage starts the server and plays what happened before the curtain: notes,
// a merge, and a conflict.
func setStage(ctx context.Context, dir string) (s *stage, err error) {
	s = &stage{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.server, err = startDemoServer(ctx, filepath.Join(dir, "server.db")); err != nil {
		return s, err
	}
	act := func(name string, dress func(remote.Remote) remote.Remote) (actor, error) {
		return newActor(ctx, filepath.Join(dir, name), name, s.server, dress)
	}
	if s.phone, err = act("phone", func(r remote.Remote) remote.Remote { return r }); err != nil {
		return s, err
	}
	strict := &demoRemote{until: now().Add(waitingTime)}
	if s.laptop, err = act("laptop", func(r remote.Remote) remote.Remote { strict.Remote = r; return strict }); err != nil {
		return s, err
	}
	if err := s.prologue(ctx, strict); err != nil {
		return s, err
	}
	strict.slow = demoDelay
	return s, nil
}

// newActor makes a connected device in a scratch home.
func newActor(ctx context.Context, dir, name string, server demoServer, dress func(remote.Remote) remote.Remote) (actor, error) {
	h := &home{data: dir, one: true}
	if err := h.make(); err != nil {
		return actor{}, err
	}
	d, err := openDevice(ctx, h)
	if err != nil {
		return actor{}, err
	}
	c := connection{URL: server.url, Protocol: protocolStet, Account: server.account}
	if err := d.connectTo(ctx, c, server.token, "", name); err != nil {
		return actor{}, errors.Join(err, d.close())
	}
	d.label, d.notes = name, newNotes(d.store, name)
	r, err := newRemote(c, server.token)
	if err != nil {
		return actor{}, errors.Join(err, d.close())
	}
	return actor{d, newEngine(d, dress(r), "")}, nil
}

// sync does one round.
func (x actor) sync(ctx context.Context) error {
	_, err := round(ctx, x.device, x.engine, syncengine.RoundOptions{})
	return err
}

func (s *stage) close() error {
	var err error
	for _, x := range []actor{s.laptop, s.phone} {
		if x.device != nil {
			err = errors.Join(err, x.device.close())
		}
	}
	return errors.Join(err, s.server.close())
}

// prologue makes the notes and lets both devices edit two of them.
func (s *stage) prologue(ctx context.Context, strict *demoRemote) error {
	ids := map[string]string{}
	for _, n := range demoNotes {
		made, err := s.laptop.device.notes.Create(ctx, n)
		if err != nil {
			return err
		}
		ids[n.Title] = made.ID
	}
	strict.refused, strict.waiting, s.diary = ids[demoRefused], ids[demoWaiting], ids[demoDiary]
	for _, x := range []actor{s.laptop, s.phone} {
		if err := x.sync(ctx); err != nil {
			return err
		}
	}
	for _, e := range demoEdits {
		for _, side := range []struct {
			who  actor
			body string
		}{{s.phone, e.phone}, {s.laptop, e.laptop}} {
			if _, err := side.who.device.notes.Change(ctx, ids[e.title], model.Patch{Body: &side.body}); err != nil {
				return err
			}
		}
	}
	if err := s.phone.sync(ctx); err != nil {
		return err
	}
	return s.laptop.sync(ctx)
}

// play lets the phone write into its diary until ctx ends. What fails is tried
// again with the next line.
func (s *stage) play(ctx context.Context) {
	for _, line := range demoLines {
		if sleep(ctx, demoPause) != nil {
			return
		}
		n, err := s.phone.device.store.Get(ctx, s.diary)
		if err != nil {
			continue
		}
		body := n.Body + now().Format("15:04:05") + " " + line + "\n"
		if _, err := s.phone.device.notes.Change(ctx, s.diary, model.Patch{Body: &body}); err == nil {
			_ = s.phone.sync(ctx)
		}
	}
}

// The pace of the demo.
const (
	demoPause   = 4 * time.Second        // between two lines of the phone
	demoDelay   = 900 * time.Millisecond // how long a request of the laptop takes, so that Syncing can be seen
	waitingTime = 45 * time.Second       // how long one note stays Pending
	waitingStep = 5 * time.Second
)

// demoRemote makes the server show what servers seldom do: it is slow, refuses
// one note for good, and puts another off for a while.
type demoRemote struct {
	remote.Remote
	refused, waiting string
	until            time.Time
	slow             time.Duration
}

// Push sends all ops but the two that the demo keeps back.
func (r *demoRemote) Push(ctx context.Context, cursor string, ops []remote.Op) (remote.PushResult, error) {
	if err := sleep(ctx, r.slow); err != nil {
		return remote.PushResult{}, err
	}
	kept := make(map[int]remote.Outcome)
	var through []remote.Op
	for i, op := range ops {
		switch {
		case op.NoteID == r.refused:
			kept[i] = remote.Outcome{OpID: op.ID, Kind: remote.Rejected, Problem: "the demo server refuses this note, to show you an error"}
		case op.NoteID == r.waiting && now().Before(r.until):
			kept[i] = remote.Outcome{OpID: op.ID, Kind: remote.NotApplied, Problem: "the demo server asks to wait", After: waitingStep}
		default:
			through = append(through, op)
		}
	}
	var res remote.PushResult
	if len(through) > 0 {
		var err error
		if res, err = r.Remote.Push(ctx, cursor, through); err != nil {
			return res, err
		}
	}
	sent := res.Outcomes
	res.Outcomes = make([]remote.Outcome, 0, len(ops))
	for i := range ops {
		if o, ok := kept[i]; ok {
			res.Outcomes = append(res.Outcomes, o)
			continue
		}
		res.Outcomes, sent = append(res.Outcomes, sent[0]), sent[1:]
	}
	return res, nil
}
