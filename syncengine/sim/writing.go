package sim

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"stet/model"
	"stet/syncengine/merge"
)

// token makes a text that is nowhere else.
func (d *device) token() string {
	d.w.people.tokens++
	return fmt.Sprintf("%s%d]", mark(d.account), d.w.people.tokens)
}

// choose returns a note of the device that is as asked; ok is false if there
// is none.
func (d *device) choose(is func(stance) bool) (id string, s stance, ok bool) {
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(d.view)) {
		if s := d.view[id]; s.exists && !s.note.Purged && is(s) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return "", s, false
	}
	if id, ok := d.w.bound(); ok && slices.Contains(ids, id) {
		return id, d.view[id], true
	}
	n := len(ids)
	if d.w.rng.IntN(2) == 0 { // people come back to a few notes, which is where they meet
		n = min(n, 3)
	}
	id = ids[d.w.rng.IntN(n)]
	if was := d.view[d.w.notes[d.w.on]]; !was.exists || was.note.Purged {
		d.w.bind(id) // the spell goes on with it
	}
	return id, d.view[id], true
}

// pick chooses a living note to write in, which tells that its user wants it.
func (d *device) pick() (id string, s stance, ok bool) {
	if id, s, ok = d.choose(alive); ok {
		d.wished(id, false)
	}
	return id, s, ok
}

func alive(s stance) bool { return !s.note.Deleted }

func anyNote(stance) bool { return true }

// done takes the outcome of a save: refusals are answers, all else is a fault.
func (d *device) done(doing string, err error) bool {
	if err == nil {
		return true
	}
	if errors.Is(err, model.ErrRefused) || errors.Is(err, model.ErrNotInReview) || errors.Is(err, model.ErrReviewMoved) {
		return false
	}
	d.w.violate("error", "%s: %s: %v", d.label, doing, err)
	return false
}

func (w *world) doCreate(d *device) {
	var lines [bodyLines]string
	t := d.token()
	for i := range lines {
		lines[i] = fmt.Sprintf("line %d", i)
	}
	lines[0] = t
	d.create(model.Fields{Title: "note", Body: firstBody(lines)}, t)
}

func (d *device) create(f model.Fields, written ...string) {
	n, err := d.any().notes.Create(ctx, f)
	if d.done("create", err) {
		d.w.bind(n.ID)
		d.saved(n.ID, written...)
	}
}

// oddities are texts that must come back byte for byte.
var oddities = []string{"", "\r\nCRLF\r\nlines\r\n", "no newline at the end", "\x00NUL\x00", "<<<<<<< mine\n=======\n>>>>>>> theirs\n",
	"e\u0301 \u00e9 NFD and NFC", "\u202eright to left\u202c", "\u2028line\u2029paragraph", "\ufeffBOM", "👩‍👩‍👧‍👦 \U0001f1e6\U0001f1f9",
	"\x1b[31mred\x1b[0m", strings.Repeat("long ", 3000), strings.Repeat("x\n", 500)}

func (w *world) doCreateOdd(d *device) {
	t := d.token()
	d.create(model.Fields{Title: "odd " + t, Body: oddities[w.rng.IntN(len(oddities))] + t}, t)
}

func (w *world) doEdit(d *device) {
	if id, s, ok := d.pick(); ok {
		d.edit(id, s.note.Fields)
	}
}

// edit saves a changed line, edited from base.
func (d *device) edit(id string, base model.Fields) {
	t := d.token()
	f := base.Clone()
	f.Body = d.write(f.Body, t)
	before := d.view[id]
	if _, err := d.any().notes.Save(ctx, id, base, f); d.done("save", err) {
		d.saved(id, t)
		d.checkSave(id, base, f, before)
	}
}

// wished notes, before it is done, that someone wants a note to live, or not.
func (d *device) wished(id string, deleted bool) {
	p, key := &d.w.people, [2]string{d.label, id}
	if deleted {
		p.deleted[id], p.deletedAt[key] = true, d.w.step
	} else {
		p.revived[id] = d.w.step
		p.kept[key] = p.kept[key] || d.view[id].note.Deleted || d.view[id].review.Remote.Fields.Deleted
	}
}

// write puts a token in the place of one line of a body, or behind it.
func (d *device) write(body, token string) string {
	if lines, ok := bodyOf(body); ok {
		at := d.w.rng.IntN(bodyLines)
		first, second, two := strings.Cut(lines[at], "\n")
		switch before := d.w.rng.IntN(8) < 5; {
		case before && two:
			lines[at] = token + "\n" + second
		case before:
			lines[at] = token
		default:
			lines[at] = first + "\n" + token
		}
		return firstBody(lines)
	}
	parts := strings.SplitAfter(body, "\n")
	i := d.w.rng.IntN(len(parts))
	parts[i] = token + parts[i]
	return strings.Join(parts, "")
}

func (w *world) doRetitle(d *device) {
	if id, s, ok := d.pick(); ok {
		t := d.token()
		f := s.note.Fields.Clone()
		f.Title = "title " + t
		if _, err := d.any().notes.Save(ctx, id, s.note.Fields, f); d.done("save title", err) {
			d.saved(id, t)
		}
	}
}

func (w *world) doRefile(d *device) {
	if id, _, ok := d.pick(); ok {
		notebook := []string{"", "work", "work/plans", "home"}[w.rng.IntN(4)]
		_, err := d.any().notes.Change(ctx, id, model.Patch{Notebook: &notebook})
		d.done("refile", err)
	}
}

func (w *world) doTag(d *device) {
	if id, s, ok := d.pick(); ok {
		tag := []string{"a", "b", "c", "d"}[w.rng.IntN(4)]
		p := model.Patch{TagsAdd: []string{tag}}
		if slices.Contains(s.note.Tags, tag) {
			p = model.Patch{TagsRemove: []string{tag}}
		}
		_, err := d.any().notes.Change(ctx, id, p)
		d.done("tag", err)
	}
}

func (w *world) doCosmetic(d *device) {
	if id, s, ok := d.pick(); ok {
		pinned, archived, text := !s.note.Pinned, !s.note.Archived, fmt.Sprint("c", w.rng.IntN(9))
		p := []model.Patch{{Pinned: &pinned}, {Archived: &archived}, {Color: &text}, {Order: &text}}[w.rng.IntN(4)]
		_, err := d.any().notes.Change(ctx, id, p)
		d.done("change", err)
	}
}

func (w *world) doAppend(d *device) {
	if id, _, ok := d.pick(); ok {
		t := d.token()
		if _, err := d.any().notes.Append(ctx, id, t); d.done("append", err) {
			d.saved(id, t)
		}
	}
}

func (w *world) doDelete(d *device) {
	if id, _, ok := d.choose(alive); ok {
		d.delete(id)
	}
}

// delete is entered before it is done: a kill may come between.
func (d *device) delete(id string) {
	d.wished(id, true)
	_, err := d.any().notes.Delete(ctx, id)
	d.done("delete", err)
}

func (w *world) doRestore(d *device) {
	if id, _, ok := d.choose(func(s stance) bool { return s.note.Deleted }); ok {
		d.wished(id, false)
		_, err := d.any().notes.Restore(ctx, id)
		d.done("restore", err)
	}
}

func (w *world) doUndo(d *device) {
	id, _, ok := d.choose(anyNote)
	if !ok {
		return
	}
	versions, err := d.main().store.History(ctx, id, 0)
	w.must("read history", err)
	d.wished(id, false)
	_, err = d.any().notes.RestoreText(ctx, id, versions[w.rng.IntN(len(versions))].Fields)
	d.done("restore version", err)
}

func (w *world) doPurge(d *device) {
	if id, _, ok := d.choose(func(s stance) bool { return s.note.Deleted }); ok {
		d.wished(id, true)
		w.people.purged[id] = true
		d.done("purge", d.any().notes.Purge(ctx, id))
	}
}

func (w *world) doOpenEditor(d *device) {
	if id, s, ok := d.choose(alive); ok {
		d.open[id] = s.note.Fields
	}
}

// doSaveEditor saves what an external editor was opened on some steps ago.
func (w *world) doSaveEditor(d *device) {
	ids := slices.Sorted(maps.Keys(d.open))
	if len(ids) == 0 {
		return
	}
	id := ids[w.rng.IntN(len(ids))]
	base := d.open[id]
	if s := d.view[id]; !s.exists || s.note.Purged {
		delete(d.open, id)
		return
	}
	d.wished(id, false)
	d.edit(id, base)
	delete(d.open, id)
}

func (w *world) doJournal(d *device) {
	id, s, ok := d.choose(alive)
	if !ok {
		return
	}
	draft := model.Draft{Key: id, NoteID: id, Base: s.note.Fields, Text: s.note.Fields.Clone(), At: d.now()}
	draft.Text.Body += d.token()
	w.must("journal", d.main().store.PutDraft(ctx, draft))
	d.drafts[id] = draft.Text.Body
}

func (w *world) doDiscard(d *device) {
	if id, _, ok := d.choose(func(s stance) bool { return s.note.Status == model.Pending || s.note.Status == model.Failed }); ok {
		_, err := d.any().notes.Discard(ctx, id)
		d.done("discard", err)
	}
}

func (w *world) doSendAgain(d *device) {
	if id, _, ok := d.choose(func(s stance) bool { return s.note.Status == model.Failed }); ok {
		_, err := d.any().notes.SendAgain(ctx, id)
		d.done("send again", err)
	}
}

func (w *world) doResolve(d *device) {
	if id, s, ok := d.choose(func(s stance) bool { return s.inReview }); ok {
		d.resolve(id, s)
	}
}

// resolve decides every conflict of a note in one of the ways that the screen
// offers.
func (d *device) resolve(id string, s stance) {
	w := d.w
	r := s.review
	res := merge.Notes(r.Base, s.note.Fields, r.Remote.Fields)
	decisions := make([]merge.Decision, len(res.Conflicts))
	for i := range decisions {
		decisions[i].Choice = []merge.Choice{merge.Mine, merge.Theirs, merge.Both}[w.rng.IntN(3)]
	}
	f, _, err := merge.Resolve(res, r.Base, s.note.Fields, r.Remote.Fields, decisions)
	w.must("decide", err)
	d.wished(id, f.Deleted)
	_, err = d.any().notes.Resolve(ctx, id, r.Remote.Rev, f)
	d.done("resolve", err)
}

func (w *world) doMany(d *device) {
	for range 22 + w.rng.IntN(12) {
		t := d.token()
		d.create(model.Fields{Title: "one of many", Body: t}, t)
	}
}

func (w *world) doDeleteMany(d *device) {
	for _, id := range slices.Sorted(maps.Keys(d.view)) {
		if s := d.view[id]; s.exists && !s.note.Deleted && !s.note.Purged {
			d.delete(id)
		}
	}
}

func (w *world) doDeleteSome(d *device) {
	var ids []string
	for id, s := range d.view {
		if s.exists && alive(s) && !s.note.Purged {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	w.rng.Shuffle(len(ids), func(i, k int) { ids[i], ids[k] = ids[k], ids[i] })
	for _, id := range ids[:min(len(ids), 8+w.rng.IntN(9))] {
		d.delete(id)
	}
}
