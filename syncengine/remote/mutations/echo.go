package mutations

import (
	"slices"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/remote/link"
	"stet/syncengine/wire/mutlog"
)

// answered finds each op in the answer to its request: at its place, or where
// it can be told by what it holds. One that is not there is looked for in the
// log.
func (p *push) answered(got []mutlog.Mutation, batch []int, sent []mutlog.Mutation, before int64) error {
	var lost []int
	for k, i := range batch {
		at := slices.IndexFunc(got, func(m mutlog.Mutation) bool { return p.names(i, sent[k], m) })
		if len(got) == len(batch) && similar(sent[k], got[k]) && (at < 0 || p.names(i, sent[k], got[k])) {
			at = k
		}
		if at < 0 || !p.result(i, got[at]) {
			lost = append(lost, i)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	p.first = true
	left, err := p.match(lost, before)
	if err == nil && len(left) > 0 {
		err = link.NotProtocol("the answer lacks %d of the mutations", len(left))
	}
	if err != nil {
		return p.stop(left, err)
	}
	return nil
}

// similar reports whether an answered mutation can be that sent one.
func similar(sent, got mutlog.Mutation) bool {
	return sent.Resource == got.Resource && (sent.Type == got.Type || got.Type != mutlog.Delete && sent.Type != mutlog.Delete) &&
		(sent.ResourceID == "" || got.ResourceID == sent.ResourceID)
}

// names reports whether a mutation is the op's beyond doubt.
func (p *push) names(i int, sent, got mutlog.Mutation) bool {
	if got.Resource != mutlog.ResourceNote || sent.ResourceID != "" && sent.ResourceID == got.ResourceID {
		return got.Resource == mutlog.ResourceNote
	}
	rec, lacks, err := p.c.codec.record(got)
	return err == nil && sent.ResourceID == "" && sameNew(p.ops[i], rec, lacks)
}

// result takes what an answer says of an op; false if it cannot be read.
func (p *push) result(i int, m mutlog.Mutation) bool {
	rec, lacks, err := p.c.codec.record(m)
	if err != nil {
		return false
	}
	rec = complete(rec, lacks, p.ops[i].Want)
	switch {
	case stetResult(m) == mutlog.Refused:
		p.conflict(i, rec)
	case rec.Rev == 0: // to be deleted, and not there
		p.nothing(i)
		// A server that forgot counts from a time that may be long past: the number
		// must not be above that of a note made there again.
		p.out[i].Rev = max(min(p.out[i].Rev, p.at.head), 1)
	default:
		p.accept(i, rec)
	}
	return true
}

func stetResult(m mutlog.Mutation) mutlog.Result {
	if len(m.Data) == 0 {
		return ""
	}
	n, err := mutlog.DecodeNote(m.Data)
	if err != nil || n.Stet == nil {
		return ""
	}
	return n.Stet.Result
}

// recall finds out what became of ops that were out before, on a server that
// keeps no ops: it reads what came since the first of them was sent. It returns
// those that were certainly not applied and whose notes did not change since.
func (p *push) recall(again []int) ([]int, error) {
	since := p.at.head
	for _, i := range again {
		at, err := parse(p.ops[i].SentAt)
		if err != nil { // sent before there was a cursor, or to another server
			at.head = 0
		}
		since = min(since, at.head)
	}
	return p.match(again, since)
}

// match looks for ops in what came after since. Those that are there are
// applied; those whose notes have become something else are refused as a server
// would that knows revisions. The rest is returned: it is not in the log, and
// what was sent with an older number than the log's own cannot get there any
// more. If the log has moved on, a pull comes first.
func (p *push) match(some []int, since int64) (left []int, err error) {
	seen, head, err := p.window(since)
	if err != nil {
		return some, err
	}
	if head != p.at.head {
		p.first = true
	}
	for _, i := range some {
		op := p.ops[i]
		if at := echoOf(op, seen, p.at.guard); at >= 0 {
			p.accept(i, seen.whole(at, op))
			continue
		}
		at := slices.IndexFunc(seen.Changes, func(rec model.Record) bool { return about(op, rec) && rec.Rev > op.BaseRev })
		if at < 0 && fresh(op) {
			at = onlyNew(op, seen)
		}
		if at >= 0 && op.Replay && !p.at.guard { // one that keeps ops says it better
			p.conflict(i, seen.whole(at, op))
			continue
		}
		left = append(left, i)
	}
	return left, nil
}

// window reads the log to its end from a number on.
func (p *push) window(since int64) (seen sight, head int64, err error) {
	seen.Lacks = map[string][]string{}
	for more := true; more; {
		got, err := p.c.read(p.ctx, since, mutlog.MaxPage)
		if err != nil {
			return seen, 0, err
		}
		for _, m := range latest(got.list) {
			rec, lacks, err := p.c.codec.record(m)
			if err != nil {
				return seen, 0, link.NotProtocol("%v", err)
			}
			seen.Changes = slices.DeleteFunc(seen.Changes, func(old model.Record) bool { return remoteOf(old) == m.ResourceID })
			seen.Changes, seen.Lacks[rec.ID] = append(seen.Changes, rec), lacks
		}
		since, more = got.next, got.more
	}
	return seen, since, nil
}

// sight is what was seen of the log.
type sight remote.Page

// whole is a record of the op's note with the fields that the server does not
// keep.
func (s sight) whole(at int, op remote.Op) model.Record {
	rec := s.Changes[at]
	return complete(rec, s.Lacks[rec.ID], op.Want)
}

func complete(rec model.Record, lacks []string, from model.Fields) model.Record {
	if !rec.Fields.Deleted && !from.Deleted {
		rec.Fields = remote.Complete(rec.Fields, lacks, from)
	}
	return rec
}

// about reports whether a record is of the op's note, by name.
func about(op remote.Op, rec model.Record) bool {
	return remoteOf(rec) == target(op) || op.Base.RemoteID == "" && rec.ID == op.NoteID
}

// echoOf finds what an op made, -1 if it is not there. exact says that the
// server keeps ops: then nothing else tells.
func echoOf(op remote.Op, seen sight, exact bool) int {
	for i, rec := range seen.Changes {
		if exact && rec.OpID == op.ID || !exact && isEcho(op, seen.whole(i, op), seen.Lacks[rec.ID]) {
			return i
		}
	}
	return -1
}

// isEcho reports whether a record is what the op made.
func isEcho(op remote.Op, rec model.Record, lacks []string) bool {
	switch {
	case rec.OpID != "" && rec.OpID == op.ID:
		return true
	case rec.Rev <= op.BaseRev:
		return false
	case op.Kind == model.Delete || op.Kind == model.Purge:
		return about(op, rec) && rec.Fields.Deleted
	case fresh(op):
		return !rec.Fields.Deleted && sameNew(op, rec, lacks) && holds(rec.Fields, op.Want)
	}
	return about(op, rec) && !rec.Fields.Deleted && holds(rec.Fields, op.Want)
}

// sameNew reports whether a record is the note that a create made, if it made
// one: by the id it has here, or by the times and the text that went with it.
func sameNew(op remote.Op, rec model.Record, lacks []string) bool {
	return rec.ID == op.NoteID || stamped(op, rec, lacks) && rec.SavedAt.Equal(op.CreatedAt) && rec.Fields.Body == op.Want.Body
}

// stamped reports whether a record that bears no id of ours was made when the
// op's note was.
func stamped(op remote.Op, rec model.Record, lacks []string) bool {
	return slices.Contains(lacks, noID) && rec.Fields.CreatedAt.Equal(created(op)) && !created(op).IsZero()
}

// onlyNew finds the note that a create made and that was changed since, on a
// server that does not keep its id: by the time of its creation, if no other has
// it.
func onlyNew(op remote.Op, seen sight) int {
	found := -1
	for i, rec := range seen.Changes {
		if rec.Fields.Deleted || rec.Rev <= op.BaseRev || !stamped(op, rec, seen.Lacks[rec.ID]) {
			continue
		}
		if found >= 0 {
			return -1
		}
		found = i
	}
	return found
}

// holds reports whether fields are what was wanted. Members that the server
// added are no difference.
func holds(got, want model.Fields) bool {
	got = got.Clone()
	for name := range got.Extra {
		if _, ok := want.Extra[name]; !ok {
			delete(got.Extra, name)
		}
	}
	if len(got.Extra) == 0 {
		got.Extra = nil
	}
	return model.Equal(got, want)
}

// Recognise implements [remote.Recogniser].
func (c *Client) Recognise(sent []remote.Op, page *remote.Page) {
	for _, op := range sent {
		at := echoOf(op, sight(*page), false)
		known := at >= 0
		if !known && fresh(op) {
			at = onlyNew(op, sight(*page))
		}
		if at < 0 {
			continue
		}
		rec := &page.Changes[at]
		if known && rec.OpID == "" {
			rec.OpID = op.ID
		}
		if lacks := page.Lacks[rec.ID]; lacks != nil && rec.ID != op.NoteID {
			delete(page.Lacks, rec.ID)
			page.Lacks[op.NoteID] = lacks
		}
		*rec = named(*rec, op.NoteID)
	}
}
