package merge

import (
	engine "stet/syncengine/merge"

	"stet/model"
)

// replayed tells what became of the choices of a draft.
type replayed struct {
	kept    int // picks that stand again
	dropped int // picks whose conflict is no more
}

// replay makes the steps of a draft again. A pick is made only on the item with
// the very texts it was made about; where several have them, only if there were
// as many. Everything else is left open to be asked.
func (w *walk) replay(d draft) replayed {
	var out replayed
	for _, s := range d.Steps {
		if s.Whole != nil {
			w.replayWhole(*s.Whole)
			continue
		}
		byKey := w.index()
		var changes []change
		for _, p := range s.Set {
			i, ok := w.find(byKey, p)
			if !ok {
				out.dropped++
				continue
			}
			changes = append(changes, change{i, w.picks[i], pick{p.Choice, p.Text}})
		}
		w.commit(changes)
	}
	for i, it := range w.sheet.items {
		if p := w.picks[i].Choice; p != auto && p != engine.Undecided || it.merged && p == engine.Undecided {
			out.kept++
		}
	}
	w.at = w.firstOpen()
	return out
}

func (w *walk) index() map[string][]int {
	out := make(map[string][]int, len(w.sheet.items))
	for i, it := range w.sheet.items {
		out[it.key] = append(out[it.key], i)
	}
	return out
}

// find returns the item that a pick of a draft was made about.
func (w *walk) find(byKey map[string][]int, p draftPick) (int, bool) {
	same := byKey[p.Key]
	if len(same) != p.Of || p.Nth < 0 || p.Nth >= len(same) || !known(p.Choice) {
		return 0, false
	}
	i := same[p.Nth]
	if p.Choice == auto && !w.sheet.items[i].merged || w.sheet.why(i, p.Choice) != "" {
		return 0, false
	}
	return i, true
}

// known reports whether a choice read from a draft is one.
func known(c engine.Choice) bool {
	switch c {
	case auto, engine.Undecided, engine.Mine, engine.Theirs, engine.Both, engine.BothTheirsFirst, engine.Base, engine.Neither, engine.Edited:
		return true
	}
	return false
}

// replayWhole takes up an edit of the whole text. It was made with another text
// of the other side in view, so that text is its base: what the other side
// changed since is merged into it, or asked.
func (w *walk) replayWhole(d draftWhole) {
	if w.sides.local.Deleted || w.sides.remote.Deleted {
		return
	}
	w.takeWhole(d.Text, d.Remote)
}

// moved returns the walk on new sides with the choices made so far made again,
// and whether they are the sides that w has.
func (w *walk) moved(s sides) (*walk, replayed, bool) {
	if sameSides(w.sides, s) {
		return w, replayed{}, false
	}
	next := newWalk(s)
	next.all = w.all
	r := next.replay(w.draft(0))
	return next, r, true
}

func sameSides(a, b sides) bool {
	if (a.base == nil) != (b.base == nil) || a.base != nil && !sameFields(*a.base, *b.base) {
		return false
	}
	return sameFields(a.local, b.local) && sameFields(a.remote, b.remote)
}

func sameFields(a, b model.Fields) bool {
	return model.Equal(a, b) && (a.Deleted || model.SameText(a, b))
}
