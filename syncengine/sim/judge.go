package sim

import (
	"maps"
	"slices"
	"strings"

	"stet/model"
	"stet/syncengine/server/store"
)

// books are what the judge remembers of a server, apart from the server's own
// data: every accepted write.
type books struct {
	accounts map[int64]*book
}

type book struct {
	clock int64
	notes map[string]entry // by note
	ops   map[string]entry // by op
	puts  map[string]bool  // ops that came in another dialect; apart, since one that came twice there may be told as refused
	last  map[string]int   // device and note → number of the newest accepted op
	texts map[string]string
}

type entry struct {
	rev     int64
	deleted bool
	purged  bool
	fields  model.Fields
	step    int // at which it was deleted, by the wish of who did it
}

func newBooks() books { return books{map[int64]*book{}} }

func (b books) of(account int64) *book {
	k := b.accounts[account]
	if k == nil {
		k = &book{notes: map[string]entry{}, ops: map[string]entry{}, puts: map[string]bool{}, last: map[string]int{}, texts: map[string]string{}}
		b.accounts[account] = k
	}
	return k
}

func (b books) clone() books {
	out := newBooks()
	for id, k := range b.accounts {
		out.accounts[id] = &book{k.clock, maps.Clone(k.notes), maps.Clone(k.ops), maps.Clone(k.puts), maps.Clone(k.last), maps.Clone(k.texts)}
	}
	return out
}

// clocks are where the accounts' clocks stand; advance moves them on. A restore
// never gives a number out a second time.
func (b books) clocks() map[int64]int64 {
	out := map[int64]int64{}
	for id, k := range b.accounts {
		out[id] = k.clock
	}
	return out
}

func (b books) advance(clocks map[int64]int64) {
	for id, clock := range clocks {
		k := b.of(id)
		k.clock = max(k.clock, clock)
	}
}

// judge checks what a server made of writes.
func (s *host) judge(account int64, writes []store.Write, results []store.Result) {
	if len(writes) != len(results) {
		s.w.violate("I-1", "%d answers for %d writes", len(results), len(writes))
	}
	k := s.books.of(account)
	for i, write := range writes {
		s.judgeOne(k, write.Op, results[i])
	}
}

func (s *host) judgeOne(k *book, op model.Op, res store.Result) {
	w := s.w
	known, replay := k.ops[op.ID]
	w.meet("verdict " + string(res.Verdict))
	switch res.Verdict {
	case store.KeyReused:
		w.violate("I-16", "op %s was sent with two payloads", op.ID)
	case store.Replayed:
		// Of an append whose version was compacted away the present note is told.
		outlived := s.compacted && op.Kind == model.Append && res.Record.Rev > known.rev
		if !replay || known.rev != res.Record.Rev && !outlived {
			w.violate("I-3", "op %s is replayed at rev %d, was accepted at %d", op.ID, res.Record.Rev, known.rev)
		}
		return
	case store.Applied:
	default:
		if replay {
			w.violate("I-3", "op %s was accepted at rev %d and is now %s", op.ID, known.rev, res.Verdict)
		}
		return
	}
	if replay {
		w.violate("I-3", "op %s is applied a second time", op.ID)
	}
	rev := res.Record.Rev
	if rev <= k.clock {
		w.violate("I-8", "rev %d after %d", rev, k.clock)
	}
	before := k.notes[op.NoteID]
	s.judgeBase(op, before, res)
	s.judgeOrder(k, op)
	s.judgeAnswer(op)
	now := entry{rev, res.Record.Fields.Deleted, res.Record.Purged, res.Record.Fields, w.people.deletedAt[[2]string{op.Device, op.NoteID}]}
	k.clock, k.notes[op.NoteID], k.ops[op.ID] = rev, now, now
	for _, t := range tokensIn(res.Record.Fields) {
		k.texts[t] = op.NoteID
	}
}

// judgeAnswer checks that no device writes over a text that it has put up for
// review and nobody has chosen against.
func (s *host) judgeAnswer(op model.Op) {
	if op.Kind != model.Update && op.Kind != model.Delete {
		return
	}
	for _, d := range s.w.devices {
		if q, open := d.unanswered[op.NoteID]; open && d.label == op.Device && q == (question{s.n, op.BaseRev}) && !d.view[op.NoteID].inReview {
			s.w.violate("I-17", "%s overwrites %s at rev %d, which waited for review", d.label, op.NoteID, op.BaseRev)
		}
	}
}

// judgePuts checks what another dialect wrote. Its preconditions are its own;
// that nobody's unseen text is gone shows at the end.
func (s *host) judgePuts(account int64, did []put) {
	w, k := s.w, s.books.of(account)
	for _, p := range did {
		rec := p.rec
		if rec.Rev <= k.clock {
			w.violate("I-8", "rev %d after %d", rec.Rev, k.clock)
		}
		before := k.notes[rec.ID]
		if !before.deleted && rec.Fields.Deleted && !w.people.deleted[rec.ID] {
			w.violate("I-14", "note %s is deleted on the server, though nobody deleted it", rec.ID)
		}
		if before.deleted && !rec.Fields.Deleted && len(w.servers) == 1 && !w.people.want(p.op, before.step) && !s.unseen(p.op) {
			w.violate("I-6", "note %s was deleted at step %d and lives again, though nobody wanted it", rec.ID, before.step)
		}
		now := entry{rec.Rev, rec.Fields.Deleted, rec.Purged, rec.Fields, w.people.deletedAt[[2]string{rec.Device, rec.ID}]}
		k.clock, k.notes[rec.ID] = rec.Rev, now
		if p.op.ID != "" { // a deletion in Kinto's words has none
			if _, native := k.ops[p.op.ID]; (native || k.puts[p.op.ID]) && !w.script.Config.Foreign {
				w.violate("I-3", "op %s is applied a second time", p.op.ID)
			}
			k.puts[p.op.ID] = true
		}
		for _, t := range tokensIn(rec.Fields) {
			k.texts[t] = rec.ID
		}
	}
}

// judgeBase checks that nobody wrote over what he had not seen, and that what
// was deleted comes back only by someone's wish.
func (s *host) judgeBase(op model.Op, before entry, res store.Result) {
	w := s.w
	switch op.Kind {
	case model.Create:
		if before.rev != 0 && !before.purged {
			w.violate("I-6", "create of %s over rev %d", op.NoteID, before.rev)
		}
	case model.Append:
		if before.deleted {
			w.violate("I-6", "append to the deleted note %s", op.NoteID)
		}
	case model.Update, model.Delete:
		if op.BaseRev != before.rev {
			w.violate("I-4", "%s of %s at base %d over rev %d", op.Kind, op.NoteID, op.BaseRev, before.rev)
		}
	}
	if op.Kind != model.Delete && op.Kind != model.Purge {
		want := op.Patch.Apply(before.fields)
		if op.Kind == model.Create {
			want = op.Patch.Apply(model.Fields{})
		}
		if !model.Equal(want, res.Record.Fields) {
			w.violate("I-3", "op %s (%s) made something else of %s than its patch", op.ID, op.Kind, op.NoteID)
		}
	}
	// Between two servers a note may be deleted on one and live on the other.
	if before.deleted && !res.Record.Fields.Deleted && len(w.servers) == 1 && !w.people.want(op, before.step) {
		w.violate("I-6", "note %s was deleted at step %d and lives again, though nobody wanted it", op.NoteID, before.step)
	}
	if !before.deleted && res.Record.Fields.Deleted && !w.people.deleted[op.NoteID] {
		w.violate("I-14", "note %s is deleted on the server, though nobody deleted it", op.NoteID)
	}
}

// unseen reports whether a Kinto device makes a note again that the server forgot
// and somebody else made and deleted there meanwhile: where a record is deleted
// Kinto lets another one be made, and does not tell.
func (s *host) unseen(op model.Op) bool {
	return s.lost > 0 && slices.ContainsFunc(s.w.devices, func(d *device) bool {
		return d.label == op.Device && d.dialect == Kinto && d.view[op.NoteID].shadow.Rev == 0
	})
}

// want reports whether somebody wanted a note to live after it was deleted, or
// the op's own user took it back from a deletion before.
func (p *people) want(op model.Op, deleted int) bool {
	return p.revived[op.NoteID] >= deleted || p.kept[[2]string{op.Device, op.NoteID}]
}

// judgeOrder checks that the ops of a device on a note arrive as they were
// made: their ids are numbers that grow.
func (s *host) judgeOrder(k *book, op model.Op) {
	if s.w.people.turnedBack[op.Device] {
		return // a home that came back from a backup repeats itself
	}
	key := op.Device + " " + op.NoteID
	n := number(op.ID)
	if n < k.last[key] {
		s.w.violate("I-9", "op %s of %s comes after a later one", op.ID, key)
	}
	k.last[key] = n
}

// verify compares a server's data with the judge's books.
func (s *host) verify() {
	for account, k := range s.books.accounts {
		for id, e := range k.notes {
			rec, err := s.store.Note(ctx, account, id)
			if err != nil {
				s.w.violate("I-1", "server lost %s, accepted at rev %d: %v", id, e.rev, err)
			}
			if rec.Rev != e.rev || rec.Fields.Deleted != e.deleted || !model.Equal(rec.Fields, e.fields) {
				s.w.violate("I-1", "server holds %s at rev %d, accepted was %d, or its text is another", id, rec.Rev, e.rev)
			}
		}
		head, err := s.store.Head(ctx, account)
		s.w.must("read head", err)
		if head.Rev < k.clock {
			s.w.violate("I-8", "the account's clock went back from %d to %d", k.clock, head.Rev)
		}
	}
}

func number(id string) int {
	var n int
	for _, c := range id[strings.LastIndexByte(id, '-')+1:] {
		n = n*16 + strings.IndexRune("0123456789abcdef", c)
	}
	return n
}
