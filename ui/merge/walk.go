package merge

import (
	"errors"
	"fmt"
	"slices"

	engine "stet/syncengine/merge"

	"stet/model"
)

// pick is what was decided about an item.
type pick engine.Decision

// auto leaves a merged item as it was merged. It is no choice of the engine's.
const auto engine.Choice = "auto"

// walk is the whole state of a merge: the items, the picks, the way back. Its
// verbs never fail half: a refusal changes nothing.
type walk struct {
	sides  sides // as the review has them
	sheet  *sheet
	picks  []pick
	open   int // items without a pick
	done   []step
	undone []step
	at     int  // the current item, -1 if there is none
	all    bool // merged items are walked too
	stamp  uint64
}

// step is one entry of the undo stack: picks that changed, or another sheet
// after the whole text was edited.
type step struct {
	changes []change
	whole   *whole
	at      int // where the walk stood before
}

type change struct {
	item     int
	from, to pick
}

// whole is an edit of the whole text outside of the items.
type whole struct {
	text, seen string
	from, to   *sheet
	fromP, toP []pick
	fromN, toN int
	toAt       int
}

// newWalk merges the sides and stands at the first conflict.
func newWalk(s sides) *walk {
	w := &walk{sides: s}
	w.lay(newSheet(s, nil))
	w.at = w.firstOpen()
	return w
}

// lay starts a sheet with nothing decided.
func (w *walk) lay(sh *sheet) {
	w.sheet, w.picks, w.open = sh, make([]pick, len(sh.items)), 0
	for i, it := range sh.items {
		if it.merged {
			w.picks[i].Choice = auto
		} else {
			w.open++
		}
	}
	w.stamp++
}

// errOpen is the refusal to save while something is open.
var errOpen = errors.New("left")

// final returns the note as chosen. It refuses while anything is open.
func (w *walk) final() (model.Fields, error) {
	if w.open > 0 {
		return model.Fields{}, fmt.Errorf("%d %w", w.open, errOpen)
	}
	f, _, err := w.sheet.resolve(w.picks)
	return f, err
}

// result returns the note as it stands, open conflicts at what was before.
func (w *walk) result() (model.Fields, error) {
	f, _, err := w.sheet.resolve(w.picks)
	return f, err
}

// choose decides the current item.
func (w *walk) choose(p pick) error {
	if w.at < 0 {
		return errors.New("nothing to choose")
	}
	if why := w.sheet.why(w.at, p.Choice); why != "" {
		return errors.New(why)
	}
	w.commit([]change{{w.at, w.picks[w.at], p}})
	return nil
}

// reopen makes the current item open again, a merged one too.
func (w *walk) reopen() error { return w.choose(pick{}) }

// rest decides every open item alike, and none that is decided.
func (w *walk) rest(c engine.Choice) int {
	var changes []change
	for i, p := range w.picks {
		if p.Choice == engine.Undecided && w.sheet.why(i, c) == "" {
			changes = append(changes, change{i, p, pick{Choice: c}})
		}
	}
	w.commit(changes)
	return len(changes)
}

// commit makes changes as one step; those that change nothing are left out.
func (w *walk) commit(changes []change) {
	changes = slices.DeleteFunc(changes, func(c change) bool { return c.from == c.to })
	if len(changes) == 0 {
		return
	}
	w.done = append(w.done, step{changes: changes, at: w.at})
	w.undone = nil
	w.apply(changes, true)
}

func (w *walk) apply(changes []change, forward bool) {
	for _, c := range changes {
		to := c.to
		if !forward {
			to = c.from
		}
		w.open += isOpen(to) - isOpen(w.picks[c.item])
		w.picks[c.item] = to
	}
	w.stamp++
}

func isOpen(p pick) int {
	if p.Choice == engine.Undecided {
		return 1
	}
	return 0
}

// editWhole takes a body that was edited as a whole, made from what result
// returned.
func (w *walk) editWhole(body string) { w.takeWhole(body, w.sheet.remote.Body) }

// takeWhole makes body this device's text, written with seen as the other
// side's text in view. Title and notebook stay to be chosen.
func (w *walk) takeWhole(body, seen string) {
	wh := &whole{text: body, seen: seen, from: w.sheet, fromP: w.picks, fromN: w.open}
	old := w.sheet
	s := old.sides
	s.local.Body = body
	picks := w.picks
	w.lay(newSheet(s, &seen))
	for i, it := range w.sheet.items {
		if it.hunk >= 0 {
			continue
		}
		for j, was := range old.items {
			if was.field == it.field {
				w.open += isOpen(picks[j]) - isOpen(w.picks[i])
				w.picks[i] = picks[j]
			}
		}
	}
	at := w.at
	w.at = w.firstOpen()
	wh.to, wh.toP, wh.toN, wh.toAt = w.sheet, w.picks, w.open, w.at
	w.done = append(w.done, step{whole: wh, at: at})
	w.undone = nil
}

// undo takes back the last step; false when there is none.
func (w *walk) undo() bool {
	if len(w.done) == 0 {
		return false
	}
	s := w.done[len(w.done)-1]
	w.done = w.done[:len(w.done)-1]
	w.undone = append(w.undone, s)
	if s.whole != nil {
		// The picks are restored as they were: later steps were undone before.
		w.sheet, w.picks, w.open = s.whole.from, s.whole.fromP, s.whole.fromN
		w.stamp++
	} else {
		w.apply(s.changes, false)
	}
	w.at = s.at
	return true
}

// redo makes the last step that was taken back again; false when there is none.
func (w *walk) redo() bool {
	if len(w.undone) == 0 {
		return false
	}
	s := w.undone[len(w.undone)-1]
	w.undone = w.undone[:len(w.undone)-1]
	w.done = append(w.done, s)
	if s.whole != nil {
		w.sheet, w.picks, w.open, w.at = s.whole.to, s.whole.toP, s.whole.toN, s.whole.toAt
		w.stamp++
		return true
	}
	w.apply(s.changes, true)
	w.at = s.changes[0].item
	return true
}

// walked reports whether an item is one that next and prev stop at.
func (w *walk) walked(i int) bool {
	return w.all || !w.sheet.items[i].merged || w.picks[i].Choice != auto
}

// step moves to the next (d 1) or previous (d -1) item, around the ends.
func (w *walk) step(d int) bool {
	n := len(w.sheet.items)
	for k := 1; k <= n; k++ {
		i := ((w.at+d*k)%n + n) % n
		if w.walked(i) {
			w.at = i
			return true
		}
	}
	return false
}

// toOpen moves to the next open item after the current one, around the end;
// false when none is open.
func (w *walk) toOpen() bool {
	n := len(w.sheet.items)
	for k := 1; k <= n; k++ {
		if i := (w.at + k + n) % n; isOpen(w.picks[i]) == 1 {
			w.at = i
			return true
		}
	}
	return false
}

// firstOpen returns the first open item, else the first that is walked, else -1.
func (w *walk) firstOpen() int {
	for i := range w.picks {
		if isOpen(w.picks[i]) == 1 {
			return i
		}
	}
	for i := range w.picks {
		if w.walked(i) {
			return i
		}
	}
	return -1
}

// counts tells the place of the current item among those of its kind, and how
// many of either kind there are.
func (w *walk) counts() (nth, conflicts, merged int) {
	for i, it := range w.sheet.items {
		isMerged := it.merged && w.picks[i].Choice == auto
		if isMerged {
			merged++
		} else {
			conflicts++
		}
		if i == w.at {
			nth = conflicts
			if isMerged {
				nth = merged
			}
		}
	}
	return nth, conflicts, merged
}
