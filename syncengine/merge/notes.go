package merge

import (
	"slices"

	"stet/model"
)

// Result is what became of a merge.
type Result struct {
	// Merged is the combined note. Conflicting fields hold the local value, and
	// conflicting chunks of the body the local text.
	Merged model.Fields
	// Conflicts are what a person must choose, in the order deleted, title,
	// notebook, chunks of the body. Empty: the merge is clean.
	Conflicts []Conflict
	// Body is the whole body as hunks where both sides are live, else nil.
	Body []Hunk
	// MergedFields are the fields, in the order of a patch, in which something
	// of the other side was taken: Merged differs there from the local value.
	MergedFields []string
}

// Clean reports whether nothing is left to choose.
func (r Result) Clean() bool { return len(r.Conflicts) == 0 }

// Conflict is one thing that both sides changed differently.
type Conflict struct {
	Field string // as in package model
	Hunk  int    // index in Result.Body, -1 for other fields
	Kind  ConflictKind
	// Base, Local and Remote are the field's or chunk's texts. For
	// [model.FieldDeleted] they are bodies, "" on the side that deleted.
	Base, Local, Remote string
}

// ConflictKind says what each side did, this device first.
type ConflictKind string

// The kinds of conflicts.
const (
	Edits      ConflictKind = "edit"        // both changed it
	Adds       ConflictKind = "add"         // both added different lines in one place
	DeleteEdit ConflictKind = "delete-edit" // deleted here, edited there
	EditDelete ConflictKind = "edit-delete" // edited here, deleted there
)

// Notes merges local and remote, which both descend from base. Without a
// common text base is nil; then nothing is guessed: what is equal is agreed,
// texts that differ conflict, tags and log are united. A base that is a
// tombstone counts as none when both sides are live.
func Notes(base *model.Fields, local, remote model.Fields) Result {
	if local.Deleted || remote.Deleted {
		return deletions(base, local, remote)
	}
	if base != nil && base.Deleted {
		base = nil
	}
	r := Result{Merged: local.Clone()}
	var b model.Fields
	if base != nil {
		b = *base
	}
	m := &r.Merged
	m.Title = r.scalar(model.FieldTitle, base != nil, b.Title, local.Title, remote.Title)
	m.Notebook = r.scalar(model.FieldNotebook, base != nil, b.Notebook, local.Notebook, remote.Notebook)
	r.body(base != nil, b.Body, local.Body, remote.Body)
	m.Tags = mergeTags(b.Tags, local.Tags, remote.Tags)
	m.Pinned = lastWins(b.Pinned, local.Pinned, remote.Pinned)
	m.Archived = lastWins(b.Archived, local.Archived, remote.Archived)
	m.Color = lastWins(b.Color, local.Color, remote.Color)
	m.Order = lastWins(b.Order, local.Order, remote.Order)
	m.Log = mergeLog(local.Log, remote.Log)
	m.Extra = mergeExtra(b.Extra, local.Extra, remote.Extra)
	m.CreatedAt = created(b, local, remote)
	r.MergedFields = differing(local, r.Merged)
	return r
}

// scalar merges a field that is taken whole.
func (r *Result) scalar(field string, known bool, base, local, remote string) string {
	switch {
	case local == remote:
		return local
	case known && local == base:
		return remote
	case known && remote == base:
		return local
	}
	r.Conflicts = append(r.Conflicts, Conflict{Field: field, Hunk: -1, Kind: Edits,
		Base: base, Local: local, Remote: remote})
	return local
}

// body merges the body by line.
func (r *Result) body(known bool, base, local, remote string) {
	if known {
		r.Body = Lines(base, local, remote)
	} else {
		r.Body = render(twoTexts(local, remote))
	}
	n := 0
	for _, h := range r.Body {
		n += len(h.Merged)
	}
	merged := make([]byte, 0, n)
	for i, h := range r.Body {
		merged = append(merged, h.Merged...)
		if h.Kind == Conflicting {
			r.Conflicts = append(r.Conflicts, Conflict{Field: model.FieldBody, Hunk: i, Kind: kindOf(h),
				Base: h.Base, Local: h.Local, Remote: h.Remote})
		}
	}
	r.Merged.Body = string(merged)
}

func kindOf(h Hunk) ConflictKind {
	switch {
	case h.Base == "":
		return Adds
	case h.Local == "":
		return DeleteEdit
	case h.Remote == "":
		return EditDelete
	}
	return Edits
}

// deletions merges where at least one side is a tombstone. A deletion wins
// silently over a side that changed no text, tags or log; a restored note wins
// over a side that merely still is deleted.
func deletions(base *model.Fields, local, remote model.Fields) Result {
	r := Result{Merged: local.Clone()}
	if local.Deleted && remote.Deleted {
		return r
	}
	live := local
	if local.Deleted {
		live = remote
	}
	switch {
	case base == nil || !base.Deleted && edited(*base, live):
		c := Conflict{Field: model.FieldDeleted, Hunk: -1, Kind: EditDelete, Local: local.Body, Remote: remote.Body}
		if base != nil {
			c.Base = base.Body
		}
		if local.Deleted {
			c.Kind, c.Local = DeleteEdit, ""
		} else {
			c.Remote = ""
		}
		r.Conflicts = append(r.Conflicts, c)
	case base.Deleted:
		r.Merged = live.Clone()
	default:
		r.Merged.Deleted = true // the other fields stay for the trash
	}
	r.MergedFields = differing(local, r.Merged)
	return r
}

// edited reports whether side says something that base did not.
func edited(base, side model.Fields) bool {
	return !model.SameText(base, side) ||
		!slices.EqualFunc(base.Log, side.Log, func(x, y model.LogEntry) bool { return x.ID == y.ID })
}

// differing names the fields in which two versions of a note differ, in the
// order of a patch.
func differing(from, to model.Fields) []string {
	var out []string
	if from.Deleted && to.Deleted {
		return nil
	}
	if from.Deleted != to.Deleted {
		out = append(out, model.FieldDeleted)
		if to.Deleted {
			return out
		}
	}
	from.Deleted = to.Deleted // else the difference is only the deletion
	p := model.Diff(from, to)
	note := func(field string, changed bool) {
		if changed {
			out = append(out, field)
		}
	}
	note(model.FieldTitle, p.Title != nil)
	note(model.FieldBody, p.Body != nil)
	note(model.FieldNotebook, p.Notebook != nil)
	note(model.FieldTags, len(p.TagsAdd)+len(p.TagsRemove) > 0)
	note(model.FieldPinned, p.Pinned != nil)
	note(model.FieldArchived, p.Archived != nil)
	note(model.FieldColor, p.Color != nil)
	note(model.FieldOrder, p.Order != nil)
	note(model.FieldLog, len(p.LogAppend) > 0)
	note(model.FieldExtra, len(p.Extra) > 0)
	return out
}
