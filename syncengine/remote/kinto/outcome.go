package kinto

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"stet/model"
	"stet/syncengine/remote"
)

// read settles the writes of one request by their answers.
func (p *pusher) read(ctx context.Context, writes []write, replies []reply) error {
	if undone(writes, replies) {
		p.doubt(writes, replies)
		return nil
	}
	var missing []write
	var stop error
	for i, w := range writes {
		out, err := p.outcome(w, replies[i])
		switch {
		case err == errMissing:
			missing = append(missing, w)
		case err != nil:
			stop = err
		default:
			p.settle(out)
		}
	}
	if len(missing) > 0 {
		if err := p.absent(ctx, missing); err != nil {
			return err
		}
	}
	return stop
}

// undone reports whether the server took a batch back while it answered: one
// request in it met another's transaction, or the server failed.
func undone(writes []write, replies []reply) bool {
	for _, r := range replies {
		if len(writes) > 1 && (r.status == http.StatusConflict || r.status >= 500) {
			return true
		}
	}
	return false
}

// doubt settles the writes of a batch that was undone, maybe not all of it:
// whatever it answered, they go out again.
func (p *pusher) doubt(writes []write, replies []reply) {
	var after = p.after
	for _, r := range replies {
		after = max(after, wait(r.header))
	}
	for i, w := range writes {
		if r := replies[i]; refused(r.status) {
			p.settle(remote.Outcome{OpID: w.op.ID, Kind: remote.Rejected, Problem: problemIn(r).sentence()})
			continue
		}
		out := unknown(w.op, "the server was busy with another device's changes")
		out.After = after
		p.settle(out)
	}
}

// refused reports whether a status is the server's last word on a record.
func refused(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge || status == http.StatusUnprocessableEntity
}

func problemIn(r reply) (p problem) {
	if json.Unmarshal(r.body, &p) != nil {
		return problem{Code: r.status}
	}
	return p
}

// errMissing says that the server has no live record of this id.
var errMissing = errors.New("not there")

// outcome reads the answer to one write.
func (p *pusher) outcome(w write, r reply) (remote.Outcome, error) {
	op, bad := w.op, problemIn(r)
	switch {
	case r.status == http.StatusOK, r.status == http.StatusCreated:
		return p.accepted(w, r), nil
	case r.status == http.StatusPreconditionFailed && bad.Errno == errnoModified:
		shown := bad.existing()
		if shown == nil {
			return remote.Outcome{}, errMissing
		}
		cur, err := readOwn(shown, op.NoteID)
		if err != nil {
			return unknown(op, "the server's answer is about another note"), nil
		}
		p.c.told(&cur)
		return met(op, cur), nil
	case r.status == http.StatusNotFound && bad.Errno == errnoUnknownObject:
		return remote.Outcome{}, errMissing
	case r.status == http.StatusNotFound && bad.Errno == errnoUnknownPlace:
		return remote.Outcome{}, unknownPlace()
	case refused(r.status):
		return remote.Outcome{OpID: op.ID, Kind: remote.Rejected, Problem: bad.sentence()}, nil
	case r.status == http.StatusConflict: // alone in its request, so it was undone alone
		out := notApplied(op, "the server was busy with another device's changes")
		out.After = wait(r.header)
		return out, nil
	}
	if err := denied(r.status, wait(r.header), bad.Message); err != nil {
		return remote.Outcome{}, err
	}
	return unknown(op, "the server's answer has no meaning"), nil
}

// accepted reads a success.
func (p *pusher) accepted(w write, r reply) remote.Outcome {
	got, err := readObject(r.body, w.op.NoteID)
	gone := w.method == http.MethodDelete
	if err != nil || got.rec.Fields.Deleted != gone {
		return unknown(w.op, "the server's answer cannot be read")
	}
	p.c.told(&got)
	return applied(w.op, got.rec)
}

// applied tells an acceptance. The note is told on only where it is news.
func applied(op remote.Op, rec model.Record) remote.Outcome {
	out := remote.Outcome{OpID: op.ID, Kind: remote.Applied, Rev: rec.Rev, ServerAt: rec.ServerAt}
	if op.Kind == model.Append || !rec.Fields.Deleted && !model.Equal(rec.Fields, op.Want) {
		out.Current = &rec
	}
	return out
}

// met judges the record that a write met instead of the one it was made for.
func met(op remote.Op, cur row) remote.Outcome {
	if op.Kind == model.Delete || op.Kind == model.Purge {
		return conflict(op, cur.rec)
	}
	switch {
	case cur.rec.OpID == op.ID: // an earlier try of this op
		return applied(op, cur.rec)
	case cur.mark.knows(op.ID), model.Equal(cur.rec.Fields, op.Want):
		// It was applied and the note written on since, or somebody else wrote the
		// same. A pull may have shown that already.
		out := applied(op, cur.rec)
		out.Superseded = true
		return out
	}
	return conflict(op, cur.rec)
}

func conflict(op remote.Op, rec model.Record) remote.Outcome {
	why := "the note was changed on another device"
	switch {
	case rec.Fields.Deleted:
		why = "the note was deleted on another device"
	case op.Kind == model.Create:
		why = "the server has a note with this id"
	}
	return remote.Outcome{OpID: op.ID, Kind: remote.Conflict, Current: &rec, Problem: why}
}

// absent settles writes to records that are not there: deleted on another
// device, as the tombstones tell, or forgotten by the server together with what
// this device has seen of the collection.
func (p *pusher) absent(ctx context.Context, writes []write) error {
	var wanted []string
	for _, w := range writes {
		wanted = append(wanted, w.op.NoteID)
	}
	if p.k != nil && p.k.Head.ID != "" {
		wanted = append(wanted, p.k.Head.ID)
	}
	found, at, err := p.c.find(ctx, wanted)
	if err != nil {
		for _, w := range writes {
			p.settle(unknown(w.op, "the server did not say what became of the note"))
		}
		return err
	}
	if p.k != nil && p.k.Head.ID != "" && found[p.k.Head.ID].rec.Rev < p.k.Head.At {
		asker := puller{c: p.c, k: p.k}
		err := asker.forgotten(ctx, p.k.ETag)
		for _, w := range writes {
			p.settle(p.unsettled(w.op, err))
		}
		return err
	}
	for _, w := range writes {
		cur, ok := found[w.op.NoteID]
		switch {
		case !ok && w.method != http.MethodDelete:
			// Nor is there a tombstone. Either it was thrown away, or the server forgot
			// the note; who still writes in it keeps it.
			p.settle(conflict(w.op, model.Record{ID: w.op.NoteID}))
		case !ok:
			// A server that forgot counts from a time that may be long past: the number
			// must not be above that of a note made there again.
			rev := max(min(w.op.BaseRev, at), 1)
			p.settle(remote.Outcome{OpID: w.op.ID, Kind: remote.Applied, Rev: rev, ServerAt: stamp(rev)})
		case !cur.rec.Fields.Deleted: // written again meanwhile
			p.settle(met(w.op, cur))
		case w.method == http.MethodDelete:
			p.settle(remote.Outcome{OpID: w.op.ID, Kind: remote.Applied, Rev: cur.rec.Rev, ServerAt: cur.rec.ServerAt})
		default:
			p.settle(conflict(w.op, cur.rec))
		}
	}
	return nil
}
