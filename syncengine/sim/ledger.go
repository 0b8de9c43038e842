package sim

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"stet/model"
)

// people is what is known of the users' wishes, on all devices.
type people struct {
	tokens  int
	deleted map[string]bool // notes that someone ever deleted or purged
	purged  map[string]bool // notes that someone purged: their texts may be gone
	revived map[string]int  // note → step at which someone last wanted it to live
	// deletedAt is the step at which a device's user last deleted a note.
	deletedAt map[[2]string]int
	kept      map[[2]string]bool // notes that a device's user ever took back from the trash, or kept against a deletion
	opNote    map[string]string
	// turnedBack are the labels of devices whose store was copied or brought
	// back from a backup: it repeats what it did before.
	turnedBack map[string]bool
}

func newPeople() people {
	return people{deleted: map[string]bool{}, purged: map[string]bool{}, revived: map[string]int{}, deletedAt: map[[2]string]int{}, kept: map[[2]string]bool{}, opNote: map[string]string{},
		turnedBack: map[string]bool{}}
}

// copy lets a copied home's device have wished all that the first one did.
func (p *people) copy(from, to string) {
	for key, step := range maps.Clone(p.deletedAt) {
		if key[0] == from {
			p.deletedAt[[2]string{to, key[1]}] = step
		}
	}
	for key := range maps.Clone(p.kept) {
		if key[0] == from {
			p.kept[[2]string{to, key[1]}] = p.kept[key]
		}
	}
}

// text is one saved text.
type text struct {
	note string
	step int
}

// saved enters texts that a returned save put on disk.
func (d *device) saved(note string, written ...string) {
	for _, t := range written {
		d.writing[t] = text{note, d.w.step}
	}
}

// checkTexts holds the device to every text that was ever saved on it: the
// note, its history or its conflict must have it, unless it was purged.
func (d *device) checkTexts() {
	byNote := map[string][]string{}
	for token, t := range d.writing {
		if !d.w.people.purged[t.note] {
			byNote[t.note] = append(byNote[t.note], token)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(byNote)) {
		texts := d.textsOf(id)
		slices.Sort(byNote[id])
		for _, token := range byNote[id] {
			if !slices.ContainsFunc(texts, func(f model.Fields) bool { return holds(f, token) }) {
				d.w.violate("I-4", "%s saved %s of %s at step %d and has lost it:%s", d.label, token, id, d.writing[token].step, d.story(id))
			}
		}
	}
}

// textsOf returns all that the device can find of a note.
func (d *device) textsOf(id string) []model.Fields {
	versions, err := d.main().store.History(ctx, id, 0)
	d.w.must("read history", err)
	out := make([]model.Fields, 0, len(versions)+3)
	for _, v := range versions {
		out = append(out, v.Fields)
	}
	s := d.view[id]
	if s.exists {
		out = append(out, s.note.Fields)
	}
	if s.inReview {
		out = append(out, s.review.Remote.Fields)
	}
	if s.held != nil {
		out = append(out, s.held.Fields)
	}
	return out
}

// story tells what happened to a note, newest first.
func (d *device) story(id string) string {
	events, err := d.main().store.Timeline(ctx, id, 14)
	d.w.must("read timeline", err)
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "\n  %s rev %d op %s %s", e.Name, e.Rev, e.OpID, e.Detail)
	}
	return b.String()
}

var noteIDs = regexp.MustCompile(`0192f000-0000-7000-8000-[0-9a-f]{12}`)

// stories tells what every device knows of the note of the violation.
func (w *world) stories(tell func(string)) {
	defer func() { _ = recover() }() // the store may be in the middle of a write
	id := noteIDs.FindString(w.failed.What)
	for _, d := range w.devices {
		s := d.view[id]
		tell(fmt.Sprintf("%s: %s rev %d shadow %d %s%s", d.label, s.note.Status, s.note.Rev, s.shadow.Rev, tellOps(s.ops), d.story(id)))
	}
}
