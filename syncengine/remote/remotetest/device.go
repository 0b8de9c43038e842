package remotetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine/remote"
)

// tester is what a device needs of a test; rapid's T is one too.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// device is the smallest engine that can drive a remote: it keeps shadows and a
// cursor, plans one op at a time, sends again what may be lost and pulls where
// it is asked to.
type device struct {
	t      tester
	label  string
	faults *Faults
	remote remote.Remote
	same   func(want, got model.Fields) bool
	cursor string
	notes  map[string]model.Record // shadows, tombstones included
	listed map[string]bool         // seen so far in a complete listing; nil outside of one
	ops    int
}

// newDevice connects a device.
func newDevice(t *testing.T, h Harness, connect Connect, label string) *device {
	t.Helper()
	faults := NewFaults(nil)
	t.Cleanup(faults.CloseIdleConnections)
	return &device{t: t, label: label, faults: faults, remote: connect(t, label, faults), same: h.Same,
		notes: map[string]model.Record{}}
}

// pair makes a fresh account with two devices.
func pair(t *testing.T, h Harness) (a, b *device) {
	t.Helper()
	connect := h.Account(t)
	return newDevice(t, h, connect, "anna"), newDevice(t, h, connect, "bert")
}

// noteID returns the n-th note id of a test.
func noteID(n int) string { return fmt.Sprintf("0192f1c0-7a3e-7000-8000-%012x", n) }

// plan makes the op that takes the shadow of a note to want. Where a driver has
// no appends they are updates like any other.
func (d *device) plan(id string, want model.Fields) remote.Op {
	d.t.Helper()
	base := d.notes[id]
	intents := model.Net(&base, want, false)
	if len(intents) == 0 {
		d.t.Fatalf("nothing to do for %s", id)
	}
	return d.freeze(id, intents[0], want)
}

func (d *device) freeze(id string, in model.Intent, want model.Fields) remote.Op {
	d.ops++
	base := d.notes[id]
	if base.ID == "" {
		base.ID = id
	}
	if in.Kind == model.Append && !d.remote.Caps().Appends {
		in.Kind = model.Update
	}
	return remote.Op{Base: base, Want: want, Op: model.Op{ID: fmt.Sprintf("op-%s-%d", d.label, d.ops), NoteID: id, Kind: in.Kind,
		BaseRev: in.BaseRev, Patch: in.Patch, Device: d.label, State: model.Sent, SentAt: d.cursor,
		CreatedAt: time.UnixMilli(1_760_000_000_000 + int64(d.ops)).UTC()}}
}

// push sends ops once, without faults in mind, and books what was applied.
func (d *device) push(ops ...remote.Op) remote.PushResult {
	d.t.Helper()
	res, err := d.remote.Push(context.Background(), d.cursor, ops)
	if err != nil {
		d.t.Fatalf("%s: push: %v", d.label, err)
	}
	d.book(ops, res)
	return res
}

// book takes outcomes into the shadows.
func (d *device) book(ops []remote.Op, res remote.PushResult) {
	d.t.Helper()
	if wrong := CheckResult(ops, res); wrong != "" {
		d.t.Fatalf("%s: %s: %+v", d.label, wrong, res)
	}
	for i, out := range res.Outcomes {
		if d.listed != nil {
			d.listed[ops[i].NoteID] = true
		}
		switch {
		case out.Current != nil && out.Current.Rev == 0:
			delete(d.notes, ops[i].NoteID)
		case out.Current != nil:
			d.notes[ops[i].NoteID] = *out.Current
		case out.Kind == remote.Applied:
			rec := ops[i].Op.After(&ops[i].Base)
			rec.Rev = out.Rev
			d.notes[ops[i].NoteID] = rec
		}
	}
}

// settle sends one op until its fate is known. A pull that is asked for and
// finds the note moved is a conflict, unless what it finds is our own op.
func (d *device) settle(op remote.Op) remote.Outcome {
	d.t.Helper()
	var last any
	for range 12 {
		before := d.notes[op.NoteID].Rev
		res, err := d.remote.Push(context.Background(), d.cursor, []remote.Op{op})
		if err != nil {
			if wrong := CheckError(err); wrong != "" {
				d.t.Fatalf("%s: %s", d.label, wrong)
			}
			op.Replay, last = op.Replay || errors.Is(err, remote.ErrOffline), err
			continue
		}
		d.book([]remote.Op{op}, res)
		out := res.Outcomes[0]
		last = out
		switch {
		case out.Kind == remote.Unknown:
			op.Replay = true
		case out.Kind != remote.NotApplied:
			return out
		}
		if !res.PullFirst {
			continue
		}
		if _, err := d.tryPull(0); err != nil {
			continue
		}
		if now := d.notes[op.NoteID]; now.Rev != before {
			if op.Replay && d.same(op.Want, now.Fields) {
				return remote.Outcome{OpID: op.ID, Kind: remote.Applied, Rev: now.Rev, Current: &now}
			}
			return remote.Outcome{OpID: op.ID, Kind: remote.Conflict, Current: &now}
		}
	}
	d.t.Fatalf("%s: op %s does not settle: %+v", d.label, op.ID, last)
	return remote.Outcome{}
}

// write takes a note to want and expects that the server agrees.
func (d *device) write(id string, want model.Fields) remote.Outcome {
	d.t.Helper()
	return d.agreed(d.plan(id, want))
}

func (d *device) agreed(op remote.Op) remote.Outcome {
	d.t.Helper()
	out := d.settle(op)
	if out.Kind != remote.Applied {
		d.t.Fatalf("%s: %s of %s: %s %s", d.label, op.Kind, op.NoteID, out.Kind, out.Problem)
	}
	return out
}

// tryPull pulls until nothing is left and takes what came into the shadows. The
// cursor moves with each page.
func (d *device) tryPull(limit int) ([]model.Record, error) {
	d.t.Helper()
	var all []model.Record
	for range 10_000 {
		page, err := d.remote.Pull(context.Background(), d.cursor, limit)
		if err != nil {
			if wrong := CheckError(err); wrong != "" {
				d.t.Fatalf("%s: %s", d.label, wrong)
			}
			return all, err
		}
		d.take(page)
		all = append(all, page.Changes...)
		if !page.More {
			return all, nil
		}
	}
	d.t.Fatalf("%s: pull does not end", d.label)
	return nil, nil
}

func (d *device) take(page remote.Page) {
	d.t.Helper()
	if page.Next == "" {
		d.t.Fatalf("%s: page without a cursor: %+v", d.label, page)
	}
	if page.Full != (d.cursor == "") && page.Full {
		d.t.Fatalf("%s: a page since a cursor calls itself complete", d.label)
	}
	if page.Unchanged && (len(page.Changes) > 0 || page.More) {
		d.t.Fatalf("%s: unchanged, yet %+v", d.label, page)
	}
	for _, rec := range page.Changes {
		if rec.ID == "" || rec.Rev <= 0 {
			d.t.Fatalf("%s: record without id or revision: %+v", d.label, rec)
		}
		if rec.Rev < d.notes[rec.ID].Rev {
			d.t.Fatalf("%s: %s goes back from %d to %d", d.label, rec.ID, d.notes[rec.ID].Rev, rec.Rev)
		}
		d.notes[rec.ID] = rec
	}
	d.list(page)
	d.cursor = page.Next
}

// list follows a complete listing over its pages: what is in none of them is
// gone. Notes written meanwhile count as seen; their deletion would follow as a
// tombstone.
func (d *device) list(page remote.Page) {
	if page.Full {
		d.listed = map[string]bool{}
	}
	if d.listed == nil {
		return
	}
	for _, rec := range page.Changes {
		d.listed[rec.ID] = true
	}
	if page.More {
		return
	}
	for id := range d.notes {
		if !d.listed[id] {
			delete(d.notes, id)
		}
	}
	d.listed = nil
}

// pull is tryPull that must succeed.
func (d *device) pull() []model.Record {
	d.t.Helper()
	all, err := d.tryPull(0)
	if err != nil {
		d.t.Fatalf("%s: pull: %v", d.label, err)
	}
	return all
}

// get asks for one note.
func (d *device) get(id string) model.Record {
	d.t.Helper()
	rec, err := d.remote.Get(context.Background(), id, d.notes[id].RemoteID)
	if err != nil {
		d.t.Fatalf("%s: get %s: %v", d.label, id, err)
	}
	return rec
}

// sees checks that the device's shadow and the server's note are want. A
// deleted note may also be unknown to either.
func (d *device) sees(id string, want model.Fields) {
	d.t.Helper()
	have, there := d.notes[id], d.get(id)
	for _, got := range []model.Record{have, there} {
		gone := want.Deleted && got.Rev == 0
		if !gone && !d.same(want, got.Fields) {
			d.t.Errorf("%s: note %s is %s at %d, want %s", d.label, id, short(got.Fields), got.Rev, short(want))
		}
	}
	if have.Rev != there.Rev && have.Rev != 0 && there.Rev != 0 {
		d.t.Errorf("%s: note %s is at %d, the server's at %d", d.label, id, have.Rev, there.Rev)
	}
}

// short prints fields without pages of text.
func short(f model.Fields) string {
	s := fmt.Sprintf("%q", fmt.Sprintf("%+v", f))
	return s[:min(len(s), 300)]
}
