package merge

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	engine "stet/syncengine/merge"

	"stet/model"
)

// sides are the three texts of a review.
type sides struct {
	base          *model.Fields // nil where both have no common text
	local, remote model.Fields
}

// item is one thing to decide, or one that was merged and can be reopened.
type item struct {
	field  string // as in package model
	hunk   int    // index in sheet.hunks, -1 for other fields
	line   int    // of this device's body, from 1, where the hunk begins
	merged bool   // needed no choice
	kind   engine.ConflictKind

	base, local, remote string
	auto                string // what the merge made of it; only of merged ones
	key                 string // names the three texts, whatever note they are in
	nth, of             int    // of the items with this key, in order
}

// sheet is one merge laid out as items. It never changes after it was made.
type sheet struct {
	sides
	result    engine.Result
	hunks     []engine.Hunk
	items     []item
	byHunk    []int // item of each hunk, -1 for none
	conflicts int   // items that need a choice
}

// newSheet merges the sides and lists what there is to decide, top to bottom.
// seen, if set, is the body that this device's body was written on, in the
// place of the base's.
func newSheet(s sides, seen *string) *sheet {
	r := engine.Notes(s.base, s.local, s.remote)
	if seen != nil && r.Body != nil {
		rebase(&r, *seen, s.local.Body, s.remote.Body)
	}
	sh := &sheet{sides: s, result: r, hunks: r.Body, byHunk: make([]int, len(r.Body))}
	for i := range sh.byHunk {
		sh.byHunk[i] = -1
	}
	byField, byHunk := map[string]engine.Conflict{}, map[int]engine.Conflict{}
	for _, c := range r.Conflicts {
		if c.Hunk >= 0 {
			byHunk[c.Hunk] = c
			continue
		}
		byField[c.Field] = c
	}
	if c, ok := byField[model.FieldDeleted]; ok {
		sh.add(conflict(c))
	}
	live := !s.local.Deleted && !s.remote.Deleted
	base := s.commonText()
	for _, f := range []struct{ name, base, local, remote, merged string }{
		{model.FieldTitle, base.Title, s.local.Title, s.remote.Title, r.Merged.Title},
		{model.FieldNotebook, base.Notebook, s.local.Notebook, s.remote.Notebook, r.Merged.Notebook},
	} {
		if c, ok := byField[f.name]; ok {
			sh.add(conflict(c))
		} else if live && s.hasBase() && f.local != f.remote {
			sh.add(item{field: f.name, hunk: -1, merged: true, base: f.base, local: f.local, remote: f.remote, auto: f.merged})
		}
	}
	line := 1
	for i, h := range r.Body {
		switch h.Kind {
		case engine.Conflicting:
			it := conflict(byHunk[i])
			it.line = line
			sh.add(it)
		case engine.TookLocal, engine.TookRemote:
			sh.add(item{field: model.FieldBody, hunk: i, line: line, merged: true, base: h.Base, local: h.Local, remote: h.Remote, auto: h.Merged})
		}
		line += strings.Count(h.Local, "\n")
	}
	sh.number()
	return sh
}

// rebase merges the bodies of r again, on another base.
func rebase(r *engine.Result, base, local, remote string) {
	r.Conflicts = slices.DeleteFunc(r.Conflicts, func(c engine.Conflict) bool { return c.Hunk >= 0 })
	r.Body = engine.Lines(base, local, remote)
	var merged strings.Builder
	for i, h := range r.Body {
		merged.WriteString(h.Merged)
		if h.Kind == engine.Conflicting {
			r.Conflicts = append(r.Conflicts, engine.Conflict{Field: model.FieldBody, Hunk: i, Kind: engine.Edits,
				Base: h.Base, Local: h.Local, Remote: h.Remote})
		}
	}
	r.Merged.Body = merged.String()
}

// hasBase reports whether "as it was before" means something.
func (s sides) hasBase() bool {
	return s.base != nil && (!s.base.Deleted || s.local.Deleted || s.remote.Deleted)
}

func (s sides) commonText() model.Fields {
	if s.base == nil {
		return model.Fields{}
	}
	return *s.base
}

func conflict(c engine.Conflict) item {
	return item{field: c.Field, hunk: c.Hunk, kind: c.Kind, base: c.Base, local: c.Local, remote: c.Remote}
}

func (sh *sheet) add(it item) {
	it.key = keyOf(it)
	if it.hunk >= 0 {
		sh.byHunk[it.hunk] = len(sh.items)
	}
	if !it.merged {
		sh.conflicts++
	}
	sh.items = append(sh.items, it)
}

// number tells items with equal texts apart.
func (sh *sheet) number() {
	count := map[string]int{}
	for i := range sh.items {
		sh.items[i].nth = count[sh.items[i].key]
		count[sh.items[i].key]++
	}
	for i := range sh.items {
		sh.items[i].of = count[sh.items[i].key]
	}
}

// keyOf names an item by its field and texts.
func keyOf(it item) string {
	h := sha256.New()
	for _, s := range []string{it.field, it.base, it.local, it.remote} {
		n := len(s)
		h.Write([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)})
		h.Write([]byte(s))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// resolve puts the note together from the picks, and returns it with the number
// of items still open.
func (sh *sheet) resolve(picks []pick) (model.Fields, int, error) {
	r := sh.result
	r.Conflicts = nil
	r.Body = append([]engine.Hunk(nil), sh.hunks...)
	var decisions []engine.Decision
	for i, it := range sh.items {
		p := picks[i]
		if p.Choice == auto {
			continue
		}
		if it.merged && it.hunk >= 0 {
			r.Body[it.hunk].Kind = engine.Conflicting
		}
		r.Conflicts = append(r.Conflicts, engine.Conflict{Field: it.field, Hunk: it.hunk, Kind: it.kind,
			Base: it.base, Local: it.local, Remote: it.remote})
		decisions = append(decisions, engine.Decision(p))
	}
	return engine.Resolve(r, sh.base, sh.local, sh.remote, decisions)
}

// text returns what an item's pick puts into the result, for display: the exact
// line endings are settled when the note is put together.
func (sh *sheet) text(i int, p pick) string {
	it := sh.items[i]
	switch p.Choice {
	case auto:
		return it.auto
	case engine.Mine:
		return it.local
	case engine.Theirs:
		return it.remote
	case engine.Both:
		return join(it, it.local, it.remote)
	case engine.BothTheirsFirst:
		return join(it, it.remote, it.local)
	case engine.Neither:
		return ""
	case engine.Edited:
		return p.Text
	}
	if !sh.hasBase() {
		return it.local
	}
	return it.base
}

func join(it item, a, b string) string {
	switch {
	case it.field == model.FieldNotebook:
		return a
	case it.field == model.FieldDeleted:
		return a + b // one of them is empty
	case a == "" || b == "":
		return a + b
	case it.field == model.FieldTitle:
		return a + " / " + b
	case !strings.HasSuffix(a, "\n"):
		return a + "\n" + b
	}
	return a + b
}

// why says in a few words why a choice has no meaning for an item, "" if it has
// one.
func (sh *sheet) why(i int, c engine.Choice) string {
	deleted := sh.items[i].field == model.FieldDeleted
	switch {
	case c == engine.Base && !sh.hasBase():
		return "there is no text from before"
	case deleted && c != engine.Mine && c != engine.Theirs && c != engine.Undecided:
		return "keep or delete"
	}
	return ""
}
