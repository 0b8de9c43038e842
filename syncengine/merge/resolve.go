package merge

import (
	"fmt"
	"strings"

	"stet/model"
)

// Choice is what a person decided about one conflict.
type Choice string

// The choices. The zero Choice leaves the conflict open.
const (
	Undecided       Choice = ""
	Mine            Choice = "mine"         // this device's
	Theirs          Choice = "theirs"       // the other side's
	Both            Choice = "both"         // mine, then theirs
	BothTheirsFirst Choice = "both-swapped" // theirs, then mine
	Base            Choice = "base"         // as it was before both changes
	Neither         Choice = "neither"      // empty
	Edited          Choice = "edited"       // Decision.Text
)

// Decision is the choice about one conflict.
type Decision struct {
	Choice Choice
	Text   string // the chunk's or field's exact text; only with Edited
}

// betweenTitles joins two titles when both are taken.
const betweenTitles = " / "

// Resolve makes the note that the decisions, one for each of r.Conflicts, lead
// to; no decisions at all leave every conflict open. Arguments are those that
// [Notes] made r from. What needed no choice stays as merged. Open conflicts
// stand at their base, or at the local text where there is none; open is their
// number, and a note with open conflicts is for display only.
//
// Taking both keeps the edit where one side deleted the note, and of two
// notebooks the one whose side comes first. Errors wrap [model.ErrRefused]
// where a choice has no meaning: Base without a base, Neither or Edited for a
// deletion; and [model.ErrInvalid] for an unknown choice or a wrong number of
// decisions.
func Resolve(r Result, base *model.Fields, local, remote model.Fields, decisions []Decision) (out model.Fields, open int, err error) {
	if len(decisions) == 0 {
		decisions = make([]Decision, len(r.Conflicts))
	}
	if len(decisions) != len(r.Conflicts) {
		return model.Fields{}, 0, fmt.Errorf("resolve: %w: %d decisions for %d conflicts", model.ErrInvalid,
			len(decisions), len(r.Conflicts))
	}
	if base != nil && base.Deleted && !local.Deleted && !remote.Deleted {
		base = nil // as Notes sees it
	}
	for i, d := range decisions {
		if err := d.check(r.Conflicts[i], base != nil); err != nil {
			return model.Fields{}, 0, err
		}
		if d.Choice == Undecided {
			open++
		}
	}
	out = r.Merged.Clone()
	byHunk := make(map[int]Decision, len(decisions))
	for i, d := range decisions {
		c := r.Conflicts[i]
		if d.Choice == Undecided && base == nil {
			d.Choice = Mine
		}
		switch c.Field {
		case model.FieldDeleted:
			out = d.note(c.Kind, base, local, remote)
		case model.FieldTitle:
			out.Title = d.field(c, betweenTitles)
		case model.FieldNotebook:
			out.Notebook = d.notebook(c)
		default:
			byHunk[c.Hunk] = d
		}
	}
	if len(byHunk) > 0 {
		out.Body = resolveBody(r.Body, byHunk)
	}
	return out, open, nil
}

func (d Decision) check(c Conflict, known bool) error {
	switch d.Choice {
	case Undecided, Mine, Theirs, Both, BothTheirsFirst:
		return nil
	case Base:
		if !known {
			return fmt.Errorf("take the base of %s: there is none: %w", c.Field, model.ErrRefused)
		}
		return nil
	case Neither, Edited:
		if c.Field == model.FieldDeleted {
			return fmt.Errorf("a deletion is kept or taken back, not %s: %w", d.Choice, model.ErrRefused)
		}
		return nil
	}
	return fmt.Errorf("resolve %s: %w choice %q", c.Field, model.ErrInvalid, d.Choice)
}

// note decides an edit against a deletion.
func (d Decision) note(kind ConflictKind, base *model.Fields, local, remote model.Fields) model.Fields {
	edit := local
	if kind == DeleteEdit {
		edit = remote
	}
	switch {
	case d.Choice == Both || d.Choice == BothTheirsFirst:
		return edit.Clone()
	case d.Choice == Mine:
		return local.Clone()
	case d.Choice == Theirs && remote.Deleted:
		out := local.Clone() // the fields stay for the trash
		out.Deleted = true
		return out
	case d.Choice == Theirs:
		return remote.Clone()
	}
	return base.Clone()
}

// field decides a field that is one text; both are joined by sep.
func (d Decision) field(c Conflict, sep string) string {
	switch d.Choice {
	case Mine:
		return c.Local
	case Theirs:
		return c.Remote
	case Both:
		return joinTexts(c.Local, c.Remote, sep)
	case BothTheirsFirst:
		return joinTexts(c.Remote, c.Local, sep)
	case Neither:
		return ""
	case Edited:
		return d.Text
	}
	return c.Base
}

// notebook decides a notebook: a note is in one, so of both the first is taken.
func (d Decision) notebook(c Conflict) string {
	switch d.Choice {
	case Both:
		return c.Local
	case BothTheirsFirst:
		return c.Remote
	}
	return d.field(c, "")
}

func joinTexts(a, b, sep string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + sep + b
}

// resolveBody puts the body together again with the chosen chunks.
func resolveBody(hunks []Hunk, byHunk map[int]Decision) string {
	e := endingsOf(hunks)
	pieces, final := e.pieces(hunks, func(i int, h Hunk) (string, newline) {
		switch d := byHunk[i]; d.Choice {
		case Mine:
			return e.ours(h), e.ofLocal
		case Theirs:
			return e.theirs(h), e.ofRemote
		case Both:
			return e.both(e.ours(h), e.theirs(h)), e.final
		case BothTheirsFirst:
			return e.both(e.theirs(h), e.ours(h)), e.final
		case Neither:
			return "", e.final
		case Edited:
			return d.Text, e.final
		}
		return e.before(h), e.ofBase
	})
	return strings.Join(e.join(pieces, final), "")
}

// both puts b after a without gluing two lines together.
func (e endings) both(a, b string) string {
	if b == "" {
		return a
	}
	return e.closed(piece{text: a}) + b
}
