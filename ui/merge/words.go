package merge

import (
	"fmt"
	"strings"
	"time"

	engine "stet/syncengine/merge"

	"stet/model"
	"stet/ui/kit/cells"
)

// sideNames names the sides by device and time.
func sideNames(device string, note model.Note, remote model.Record, now time.Time) names {
	n := names{mine: "this device", theirs: cells.CleanLine(remote.Device)}
	if n.theirs == "" {
		n.theirs = "the other device"
	}
	n.mineFull = n.mine
	if device != "" {
		n.mineFull += " · " + cells.CleanLine(device)
	}
	at := remote.SavedAt
	if at.IsZero() {
		at = remote.ServerAt
	}
	n.mineFull += when(note.UpdatedAt, now)
	n.theirsFull = n.theirs + when(at, now)
	return n
}

// when tells a time as ", today 14:02".
func when(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(now.Location())
	day := func(t time.Time) string { return t.Format("2006-01-02") }
	switch day(t) {
	case day(now):
		return ", today " + t.Format("15:04")
	case day(now.AddDate(0, 0, -1)):
		return ", yesterday " + t.Format("15:04")
	}
	if t.Year() == now.Year() {
		return ", " + t.Format("2 Jan 15:04")
	}
	return ", " + t.Format("2006-01-02 15:04")
}

// headline counts what is to choose: "conflict 2 of 5 · 7 merged for you".
func headline(w *walk) string {
	nth, conflicts, merged := w.counts()
	switch {
	case w.at >= 0 && w.sheet.items[w.at].merged && w.picks[w.at].Choice == auto:
		return fmt.Sprintf("merged %d of %d · %s", nth, merged, plural(conflicts, "conflict"))
	case conflicts == 0:
		return fmt.Sprintf("no conflict · %d merged for you", merged)
	}
	return fmt.Sprintf("conflict %d of %d · %d merged for you", nth, conflicts, merged)
}

// plural puts a number before a word: "2 left", "1 conflict", "3 conflicts".
func plural(n int, word string) string {
	if n != 1 && word == "conflict" {
		word += "s"
	}
	if n == 1 && word == "choices kept" {
		word = "choice kept"
	}
	return fmt.Sprintf("%d %s", n, word)
}

// did says what a side did to the current item, clean for display.
func did(w *walk, n names, local bool) string {
	it := w.sheet.items[w.at]
	side := it.remote
	if local {
		side = it.local
	}
	if it.field == model.FieldDeleted {
		if local == w.sheet.local.Deleted {
			return "deleted this note"
		}
		return "edited it: " + cells.CleanLine(engine.Describe(it.base, side))
	}
	what := ""
	if it.field != model.FieldBody {
		what = it.field + ": "
	}
	if side == "" && !w.sheet.hasBase() {
		return what + "has nothing here"
	}
	return what + cells.CleanLine(engine.Describe(it.base, side))
}

// from says where the result of the current item comes from.
func from(w *walk, n names) string {
	it, p := w.sheet.items[w.at], w.picks[w.at]
	switch p.Choice {
	case auto:
		switch it.auto {
		case it.local:
			return "merged, from " + n.mine
		case it.remote:
			return "merged, from " + n.theirs
		}
		return "merged"
	case engine.Mine:
		return "from " + n.mine
	case engine.Theirs:
		return "from " + n.theirs
	case engine.Both:
		return "both"
	case engine.BothTheirsFirst:
		return "both, " + n.theirs + " first"
	case engine.Base:
		return "as before"
	case engine.Neither:
		return "neither"
	case engine.Edited:
		return "edited here"
	}
	if !w.sheet.hasBase() {
		return "not chosen yet, from " + n.mine
	}
	return "not chosen yet, as before"
}

// place says where in the note the current item stands.
func place(w *walk) string {
	if w.at < 0 {
		return ""
	}
	it := w.sheet.items[w.at]
	switch it.field {
	case model.FieldBody:
		return fmt.Sprintf("line %d", it.line)
	case model.FieldDeleted:
		return ""
	}
	return it.field
}

// fromShort is from for a narrow screen.
func fromShort(w *walk, n names) string {
	if isOpen(w.picks[w.at]) == 1 {
		return "not chosen"
	}
	return strings.TrimPrefix(from(w, n), "from ")
}

// question asks about an edit against a deletion.
func question(w *walk, n names) string {
	if w.sheet.local.Deleted {
		return "You deleted this note; " + n.theirs + " edited it: 1 delete   2 keep (restore everywhere)"
	}
	return n.theirs + " deleted this note; you edited it: 1 keep (restore everywhere)   2 delete"
}

// outcome says what was chosen there.
func outcome(w *walk) string {
	mine := w.picks[w.at].Choice == engine.Mine
	switch {
	case isOpen(w.picks[w.at]) == 1:
		return "not chosen yet"
	case mine == w.sheet.local.Deleted:
		return "delete the note"
	}
	return "keep the note, restore it everywhere"
}

// shown returns a text in rows of about width cells for the panel, at most n.
// When there is more, the last row runs on, to be cut where it is drawn, or says
// how many lines are left out.
func shown(s string, width, n int) []string {
	var out []string
	all := lines(s)
	for i, ln := range all {
		for _, sp := range cells.Wrap(ln.text, width) {
			if len(out) < n-1 || len(out) < n && sp.Next >= len(ln.text) && i+1 == len(all) {
				out = append(out, ln.text[sp.Start:sp.End])
				continue
			}
			if left := len(all) - i; left > 1 && n > 1 {
				return append(out, fmt.Sprintf("… %d more lines", left))
			}
			return append(out, ln.text[sp.Start:]+strings.Repeat(" …", b2i(i+1 < len(all))))
		}
	}
	if len(out) == 0 {
		return []string{"(nothing)"}
	}
	return out
}

// rule draws a line with words in it.
func rule(words string, width int) string {
	if words == "" || cells.Width(words)+6 > width {
		return strings.Repeat("─", width)
	}
	return "── " + words + " " + strings.Repeat("─", width-cells.Width(words)-4)
}
