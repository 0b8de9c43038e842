package sim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"stet/model"
	"stet/syncengine"
	"stet/syncengine/merge"
	"stet/syncengine/remote"
)

// checkStance holds one note's rows to the rules that bind them: a row is its
// shadow plus its ops, and its badge follows from both.
func (d *device) checkStance(id string, s stance) {
	w := d.w
	if !s.exists {
		for _, op := range s.ops {
			if op.Kind != model.Purge && op.State != model.Sent {
				w.violate("I-2", "%s: op %s of %s has no note", d.label, op.ID, id)
			}
		}
		return
	}
	want := model.StatusOf(s.inReview, s.ops)
	if s.note.Status != want {
		w.violate("I-2", "%s: %s is %s, its ops and review say %s: %s", d.label, id, s.note.Status, want, tellOps(s.ops))
	}
	sent := 0
	for _, op := range s.ops {
		if op.State == model.Sent && op.Kind != model.Append { // entries go out beside anything
			sent++
		}
	}
	if sent > 1 {
		w.violate("I-9", "%s: %s has %d ops under way", d.label, id, sent)
	}
	if s.note.Status == model.Synced && s.shadowed && !model.Equal(s.note.Fields, s.shadow.Fields) {
		w.violate("I-2", "%s: %s is synced but not what the server has", d.label, id)
	}
	if s.note.Status == model.Synced && s.note.Rev == 0 && !s.note.Deleted {
		w.violate("I-2", "%s: %s is synced and no server has it", d.label, id)
	}
	if !s.inReview && !s.note.Purged {
		d.checkSum(id, s)
	}
}

// checkSum adds the ops to the shadow: the row must come out.
func (d *device) checkSum(id string, s stance) {
	rec := model.Record{ID: id}
	if s.shadowed && s.shadow.Rev > 0 {
		rec = s.shadow
	}
	for _, op := range s.ops {
		rec = op.After(&rec)
	}
	if rec.Rev == 0 && len(s.ops) == 0 && s.note.Deleted {
		return // deleted before it was ever sent: the trash is all there is
	}
	if !model.Equal(rec.Fields, s.note.Fields) {
		d.w.violate("I-2", "%s: %s: shadow and ops make\n%+v\nthe row is\n%+v", d.label, id, rec.Fields, s.note.Fields)
	}
}

// checkUser holds a user's transaction to what it may touch.
func (d *device) checkUser(id string, before, after stance) {
	d.checkFrozen(id, before, after)
	if before.shadowed && after.shadowed && after.shadow.Rev < before.shadow.Rev && before.shadow.Rev > 0 {
		d.w.violate("I-8", "%s: a save took %s from rev %d back to %d", d.label, id, before.shadow.Rev, after.shadow.Rev)
	}
}

// checkFrozen: an op that was sent keeps its id and content until its fate is
// told.
func (d *device) checkFrozen(id string, before, after stance) {
	for _, op := range before.ops {
		if op.State != model.Sent {
			continue
		}
		i := -1
		for k, o := range after.ops {
			if o.ID == op.ID {
				i = k
			}
		}
		switch {
		case i < 0 && !d.told[op.ID] && !after.note.Purged && d.knows():
			d.w.violate("I-1", "%s: op %s of %s is gone, and nobody told what became of it", d.label, op.ID, id)
		case i >= 0 && after.ops[i].State == model.Queued && d.accepted(op.ID) && !d.w.people.turnedBack[d.label]: // a copy has its ops in common
			d.w.violate("I-3", "%s: op %s of %s is taken for not applied, and the server has it", d.label, op.ID, id)
		case i >= 0 && !samePatch(after.ops[i], op):
			d.w.violate("I-3", "%s: op %s of %s was sent and changed afterwards", d.label, op.ID, id)
		}
	}
}

// accepted reports whether the server has taken an op.
func (d *device) accepted(opID string) bool {
	_, ok := d.w.servers[d.server].books.of(int64(d.account + 1)).ops[opID]
	return ok
}

func samePatch(a, b model.Op) bool {
	x, err1 := a.Patch.MarshalJSON()
	y, err2 := b.Patch.MarshalJSON()
	return err1 == nil && err2 == nil && string(x) == string(y) && a.Kind == b.Kind && a.BaseRev == b.BaseRev
}

// knows reports whether the server still knows what it told this device.
func (d *device) knows() bool {
	return d.lost[d.server] == d.w.servers[d.server].lost && !d.comparing && d.cursor != ""
}

// checkEngine holds the engine's transaction to what the server said.
func (d *device) checkEngine(id string, before, after stance) {
	w := d.w
	d.checkFrozen(id, before, after)
	if d.asked && !d.sound && changed(before, after) {
		w.violate("I-19", "%s: %s changed by an answer that is none of the server's", d.label, id)
	}
	// Rev 1 is what a note is given that waits for its answer while the server forgot it.
	if before.shadowed && before.shadow.Rev > 1 && after.exists && d.knows() && !w.people.purged[id] &&
		!before.shadow.Fields.Deleted { // what the server has forgotten, or erased, begins anew
		if rev := after.shadow.Rev; !after.shadowed || rev < before.shadow.Rev {
			w.violate("I-8", "%s: %s went from rev %d back to %d", d.label, id, before.shadow.Rev, rev)
		}
	}
	if d.asked && !d.sound && parked(after.ops) > parked(before.ops) {
		w.violate("I-12", "%s: an op of %s was given up, though the server did not refuse it", d.label, id)
	}
	d.checkRefused(id, before, after)
	if !before.inReview && after.inReview && after.review.Remote.Fields.Deleted && !w.people.deleted[id] && !w.people.purged[id] {
		w.violate("I-17", "%s: a review of %s asks about a deletion, and nobody deleted it", d.label, id)
	}
	if before.exists && after.exists && before.note.Status == model.Synced && !after.inReview && !d.consent && !after.note.Deleted &&
		after.shadow.Rev < before.shadow.Rev && loses(before.note.Fields, after.note.Fields) {
		w.violate("I-15", "%s: %s was rolled back from rev %d to %d", d.label, id, before.shadow.Rev, after.shadow.Rev)
	}
	gone := !after.exists || after.note.Deleted || after.note.Purged
	if before.exists && !before.note.Deleted && gone {
		if !w.people.deleted[id] {
			w.violate("I-14", "%s: %s went to the trash, though nobody deleted it", d.label, id)
		}
		if before.note.Status == model.Synced {
			d.remove()
		}
	}
	if before.exists && after.exists && !before.note.Purged && !after.note.Purged && d.knows() {
		if !d.replaced(id, before, after) { // else the two texts have no base in common
			d.checkMerge(id, before, after)
		}
		d.checkOverwritten(id, before, after)
	}
}

// checkRefused: a note whose only op the server refused says so.
func (d *device) checkRefused(id string, before, after stance) {
	if len(before.ops) != 1 || before.ops[0].ID != d.refused || !after.exists || before.ops[0].Kind == model.Purge {
		return
	}
	if before.held != nil || before.ops[0].BaseRev != before.shadow.Rev { // on what came meanwhile it asks for something else
		return
	}
	if len(after.ops) != 1 || after.ops[0].ID != d.refused || after.ops[0].State != model.Parked {
		d.w.violate("I-12", "%s: op %s of %s was refused, and the note does not show it: %s", d.label, d.refused, id, tellOps(after.ops))
	}
	d.refused = ""
}

// loses reports whether a text lacks something of another. Under a low number
// there may be a newer text too, of a server that counts anew: tags come
// together then, all else is asked.
func loses(before, after model.Fields) bool {
	for _, tag := range before.Tags {
		if !slices.Contains(after.Tags, tag) {
			return true
		}
	}
	before.Tags, after.Tags = nil, nil
	return !model.SameText(before, after)
}

func parked(ops []model.Op) (n int) {
	for _, op := range ops {
		if op.State == model.Parked {
			n++
		}
	}
	return n
}

// remove counts a clean note that a pull moved to the trash.
func (d *device) remove() {
	d.removed++
	most := max(20, max(d.live, d.countLive())/10) // spelled out here, so that the engine's own may be wrong
	if d.removed > most && !d.consent {
		d.w.violate("I-21", "%s: %d notes were deleted in one round, and nobody was asked", d.label, d.removed)
	}
}

func (d *device) countLive() int {
	n := 0
	for _, s := range d.view {
		if s.exists && !s.note.Deleted && !s.note.Purged {
			n++
		}
	}
	return n
}

// changed reports whether what a note is, or what the server is known to hold,
// is different.
func changed(a, b stance) bool {
	return a.exists != b.exists || !model.Equal(a.note.Fields, b.note.Fields) || a.shadow.Rev != b.shadow.Rev || a.inReview != b.inReview
}

// checkMerge holds a merge to the oracle: it must be what the two sides make,
// and ask exactly when they overlap.
func (d *device) checkMerge(id string, before, after stance) {
	mine, theirs := before.note.Fields, after.shadow.Fields
	switch {
	case before.inReview && after.inReview:
		if !model.SameText(mine, after.note.Fields) {
			d.w.violate("I-17", "%s: the engine changed %s while it is in review", d.label, id)
		}
		return
	case before.inReview:
		d.checkMoved(id, before, after)
		return
	case !after.shadowed, after.shadow.Rev == before.shadow.Rev, !before.shadowed || before.shadow.Rev == 0:
		return
	}
	if before.note.Status == model.Synced {
		switch {
		case after.inReview:
			d.w.violate("I-17", "%s: %s had no change of its own and is put up for review", d.label, id)
		case !agrees(theirs, after.note.Fields):
			d.w.violate("I-17", "%s: %s had no change of its own and did not become the server's text", d.label, id)
		}
		return
	}
	bases := []model.Fields{before.shadow.Fields}
	rec := before.shadow
	for _, op := range before.ops {
		if op.State == model.Sent {
			rec = op.After(&rec)
			bases = append(bases, rec.Fields)
		}
	}
	judged := false
	for _, base := range bases {
		want, conflict, ok := expect(base, mine, theirs)
		if !ok || conflict == after.inReview && (conflict || agrees(want, after.note.Fields)) {
			return
		}
		if between := before.held; between != nil && between.Rev < after.shadow.Rev { // it is met first
			want, conflict, ok = expectBoth(base, mine, between.Fields, theirs)
			if ok && conflict == after.inReview && (conflict || agrees(want, after.note.Fields)) {
				return
			}
		}
		judged = true
	}
	if judged {
		d.w.violate("I-17", "%s: merge of %s: base\n%+v\nmine\n%+v\ntheirs\n%+v\nresult (in review: %v)\n%+v", d.label, id,
			bases[0], mine, theirs, after.inReview, after.note.Fields)
	}
}

// checkMoved holds the end of a review that nobody answered to the oracle: the
// other side must have moved to where the two no longer overlap.
func (d *device) checkMoved(id string, before, after stance) {
	base := before.review.Base
	if base == nil || before.review.Remote.Rev == 0 || before.held != nil || !after.shadowed || after.shadow.Rev <= before.review.Remote.Rev {
		return // two texts of one's own, or two versions in turn, are merged in more than one step
	}
	want, conflict, ok := expect(*base, before.note.Fields, after.shadow.Fields)
	if ok && (conflict || !agrees(want, after.note.Fields)) {
		d.w.violate("I-17", "%s: the review of %s ended unanswered: base\n%+v\nmine\n%+v\ntheirs\n%+v\nresult\n%+v", d.label, id,
			*base, before.note.Fields, after.shadow.Fields, after.note.Fields)
	}
}

// checkAsked: a review asks about something.
func (d *device) checkAsked(id string, before, after stance) {
	if r := after.review; !before.inReview && after.inReview && r.Base != nil && merge.Notes(r.Base, after.note.Fields, r.Remote.Fields).Clean() {
		d.w.violate("I-17", "%s: %s is in review, and nothing overlaps", d.label, id)
	}
}

// checkSave holds a save to the oracle: what was typed meets what the note has
// become since it was opened.
func (d *device) checkSave(id string, base, typed model.Fields, before stance) {
	after := d.view[id]
	if before.inReview {
		return
	}
	want, conflict, ok := expect(base, typed, before.note.Fields)
	if ok && (conflict != after.inReview || !conflict && !agrees(want, after.note.Fields)) {
		d.w.violate("I-17", "%s: save of %s: opened\n%+v\ntyped\n%+v\nfound\n%+v\nresult (in review: %v)\n%+v", d.label, id, base, typed,
			before.note.Fields, after.inReview, after.note.Fields)
	}
}

// checkCursor: whoever stands at a place in the changes has everything up to
// there.
func (d *device) checkCursor() {
	s := d.w.servers[d.server]
	if d.heardLost != s.lost {
		return // the server forgot while the answer was on its way
	}
	if d.asked && !d.sound {
		d.w.violate("I-19", "%s: the cursor was moved by an answer that is none of the server's", d.label)
	}
	at, ok := d.place()
	if !ok || d.comparing { // all is about to be listed again
		return
	}
	for id, e := range s.books.of(int64(d.account + 1)).notes {
		if e.rev > at {
			continue
		}
		v, there := d.view[id]
		if e.deleted && (!there || !v.exists || v.known() <= 1 || v.shadow.Fields.Deleted || v.held != nil && v.held.Fields.Deleted ||
			v.underWay() || v.note.Purged) {
			continue // a whole listing tells of no tombstones, a purge here drops those kept aside; whoever writes will meet it
		}
		if v.note.Purged && len(v.ops) > 0 {
			continue // the purge drops a text kept aside, too, and meets it at the server
		}
		if v.known() < e.rev {
			d.w.violate("I-7", "%s stands at %d and has %s at %d, not at %d: %s %s", d.label, at, id, v.known(), e.rev, v.note.Status, tellOps(v.ops))
		}
	}
}

// place is the revision at which the device's cursor stands; ok is false if it
// has none.
func (d *device) place() (at int64, ok bool) {
	parts := strings.Split(d.cursor, ".")
	if len(parts) != 3 || d.dialect != Stet {
		return 0, false
	}
	at, err := strconv.ParseInt(parts[1], 36, 64)
	if err != nil {
		d.w.violate("I-7", "%s: cursor %q", d.label, d.cursor)
	}
	return at, true
}

// checkBackoff: no wait is longer than an hour.
func (d *device) checkBackoff(next time.Time) {
	if d.stable() && next.Sub(d.now()) > time.Hour+time.Minute {
		d.w.violate("I-18", "%s waits %s", d.label, next.Sub(d.now()))
	}
}

// checkRound looks at how a round ended.
func (d *device) checkRound(err error, o syncengine.RoundOptions) {
	switch {
	case err == nil, errors.Is(err, remote.ErrOffline), errors.Is(err, remote.ErrAuth), errors.Is(err, remote.ErrForbidden):
	case errors.Is(err, syncengine.ErrHeld):
		d.w.meet("guard held")
		if o.Yes {
			d.w.violate("I-21", "%s: held though the user agreed", d.label)
		}
	default:
		var wait *remote.RetryError
		if !errors.As(err, &wait) {
			d.w.violate("error", "%s: round: %v", d.label, err)
		}
	}
}

func tellOps(ops []model.Op) string {
	var b strings.Builder
	for _, op := range ops {
		fmt.Fprintf(&b, "[%s %s base %d %s, try %d %q]", op.ID, op.Kind, op.BaseRev, op.State, op.Attempt, op.Problem)
	}
	return b.String()
}
