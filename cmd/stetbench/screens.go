package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"time"

	"stet/model"
)

// start measures the first frame of the app at all notes, in turns with the
// hello program's, and the memory it then holds.
func (b *bench) start() error {
	w, err := b.large()
	if err != nil {
		return err
	}
	raw, err := b.rawNotes()
	if err != nil {
		return err
	}
	w.a.close()
	var ours, theirs float64
	appear := func(cmd func() *exec.Cmd, text string, rss *float64) func() (time.Duration, error) {
		return func() (time.Duration, error) {
			t, err := onTerminal(cmd())
			if err != nil {
				return 0, err
			}
			defer t.close()
			at, err := t.waitFor(b.ctx, text)
			if err != nil {
				return 0, err
			}
			if *rss == 0 {
				if err := wait(b.ctx, time.Second); err != nil {
					return 0, err
				}
				*rss = t.rss()
			}
			return at.Sub(t.began), nil
		}
	}
	subject, floor, err := inTurns(b.pick(21, 5),
		appear(func() *exec.Cmd { return b.stetCmd(w.a.home) }, mark, &ours),
		appear(func() *exec.Cmd { return b.helloCmd(raw) }, mark, &theirs))
	if err != nil {
		return err
	}
	at := fmt.Sprintf(" at %d notes", b.notes())
	b.add(figure{Group: "start", What: "first frame" + at, Got: subject.ms(50), Floor: ref(floor.ms(50)), FloorIs: "hello",
		Bars: []bar{timesFloor(1.25), atMost(30)}})
	if ours > 0 {
		b.add(figure{Group: "start", What: "memory of the app" + at, Got: quantity{ours, "MiB"}, Floor: ref(quantity{theirs, "MiB"}),
			FloorIs: "hello", Bars: []bar{atMost(38)}})
	}
	return nil
}

// keys measures from key to frame in the list and the editor, in turns with the
// hello program.
func (b *bench) keys() error {
	w, err := b.large()
	if err != nil {
		return err
	}
	if err := b.keysIn("list"+fmt.Sprintf(" of %d notes", b.notes()), w.a.home, mark, "", func(int) string { return "j" }, nil); err != nil {
		return err
	}
	d, id, err := b.bigNote()
	if err != nil {
		return err
	}
	size, typed := 0, 0
	text, err := output(b.stetCmd(d.home, "show", id, "--raw"))
	if err != nil {
		return err
	}
	size = len(text)
	letter := func(i int) string { typed++; return string(rune('a' + i%26)) }
	return b.keysIn("editor, note of 1 MB", d.home, bigMark, "e", letter, func(t *terminal) error {
		if err := t.send("\x13"); err != nil { // ctrl+s
			return err
		}
		if err := t.quiet(500 * time.Millisecond); err != nil {
			return err
		}
		text, err := output(b.stetCmd(d.home, "show", id, "--raw"))
		if err == nil && len(text) != size+typed {
			err = fmt.Errorf("type into the note: it grew by %d bytes, want %d", len(text)-size, typed)
		}
		return err
	})
}

// bigNote is a device with a single note of 1 MB.
func (b *bench) bigNote() (*device, string, error) {
	d := b.newDevice("big")
	if err := d.open(b); err != nil {
		return nil, "", err
	}
	defer d.close()
	note, err := d.notes.Create(b.ctx, model.Fields{Title: bigMark, Body: newCorpus(6).body(1 << 20)})
	return d, note.ID, err
}

// keysIn opens the app, presses first, then measures keys. after may check
// what became of them.
func (b *bench) keysIn(where, home, title, first string, key func(int) string, after func(*terminal) error) error {
	raw, err := b.rawNotes()
	if err != nil {
		return err
	}
	hello, err := b.ready(b.helloCmd(raw), mark)
	if err != nil {
		return err
	}
	defer hello.close()
	app, err := b.ready(b.stetCmd(home), title)
	if err != nil {
		return err
	}
	defer app.close()
	if first != "" {
		if err := app.send(first); err != nil {
			return err
		}
		if err := app.quiet(time.Second); err != nil {
			return err
		}
	}
	rng := rand.New(rand.NewPCG(8, 8))
	presses := 0
	subject, floor, err := inTurns(b.pick(400, 50), func() (time.Duration, error) {
		presses++
		return app.press(b.ctx, key(presses), rng)
	}, func() (time.Duration, error) { return hello.press(b.ctx, "j", rng) })
	if err != nil {
		return err
	}
	b.add(figure{Group: "keys", What: "key to frame, " + where + ", p50", Got: subject.ms(50), Floor: ref(floor.ms(50)), FloorIs: "hello"})
	b.add(figure{Group: "keys", What: "key to frame, " + where + ", p99", Got: subject.ms(99), Floor: ref(floor.ms(99)), FloorIs: "hello",
		Bars: []bar{timesFloor(1.3)}})
	if after != nil {
		return after(app)
	}
	return nil
}

// ready starts a program on a terminal and waits until it rests.
func (b *bench) ready(cmd *exec.Cmd, text string) (*terminal, error) {
	t, err := onTerminal(cmd)
	if err != nil {
		return nil, err
	}
	if _, err = t.waitFor(b.ctx, text); err == nil {
		err = t.quiet(500 * time.Millisecond)
	}
	if err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// live measures from a save on one device to its drawing on another.
func (b *bench) live() error {
	w, err := b.large()
	if err != nil {
		return err
	}
	if err := w.second(b); err != nil {
		return err
	}
	if err := w.a.open(b); err != nil {
		return err
	}
	defer w.a.close()
	e, err := w.a.engine(b)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(b.ctx)
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	defer func() {
		stop()
		<-ended
	}()
	app, err := b.ready(b.stetCmd(w.b.home), mark)
	if err != nil {
		return err
	}
	defer app.close()
	rng := rand.New(rand.NewPCG(9, 9))
	var all times
	first := time.Now()
	for i := range b.pick(25, 5) {
		if err := wait(b.ctx, 1200*time.Millisecond+time.Duration(rng.Int64N(int64(300*time.Millisecond)))); err != nil {
			return err
		}
		title := apart(i)
		began := time.Now()
		if _, err := w.a.notes.Create(ctx, model.Fields{Title: title, Body: "Seen elsewhere.\n"}); err != nil {
			return err
		}
		e.Nudge() // as the editor does after a save
		at, err := app.waitFor(ctx, title)
		if err != nil {
			return err
		}
		all = append(all, at.Sub(began))
		if time.Since(first) > time.Minute { // far from the bar: more of it says nothing new
			break
		}
	}
	b.add(figure{Group: "live", What: "saved here, drawn on another device, p50", Got: all.ms(50)})
	b.add(figure{Group: "live", What: "saved here, drawn on another device, p99", Got: all.ms(99), Bars: []bar{atMost(100)}})
	return nil
}

// apart is a title that shares no letter in place with the one before it: a
// screen that draws only what changed draws it whole.
func apart(i int) string {
	var s strings.Builder
	for k := range 14 {
		s.WriteByte(byte('a' + (i*7+k*3)%26))
	}
	return s.String()
}
