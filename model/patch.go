package model

import (
	"encoding/json"
	"slices"
	"time"
)

// Patch is what one op wants to change. A nil member is left alone. Sets and
// logs carry intent (add, remove, append) so that both sides of a concurrent
// change apply. An Extra member whose value is the JSON null is removed.
type Patch struct {
	Title      *string
	Body       *string
	Notebook   *string
	TagsAdd    []string
	TagsRemove []string
	Pinned     *bool
	Archived   *bool
	Color      *string
	Order      *string
	LogAppend  []LogEntry
	CreatedAt  *time.Time // honoured on a note that has none yet
	Deleted    *bool      // false on a tombstone restores
	Extra      map[string]json.RawMessage
}

// Empty reports whether the patch changes nothing at all.
func (p Patch) Empty() bool {
	return p.Title == nil && p.Body == nil && p.Notebook == nil && len(p.TagsAdd) == 0 && len(p.TagsRemove) == 0 &&
		p.Pinned == nil && p.Archived == nil && p.Color == nil && p.Order == nil && len(p.LogAppend) == 0 &&
		p.CreatedAt == nil && p.Deleted == nil && len(p.Extra) == 0
}

// OnlyAppends reports whether the patch does nothing but add log entries.
func (p Patch) OnlyAppends() bool {
	if len(p.LogAppend) == 0 {
		return false
	}
	p.LogAppend = nil
	return p.Empty()
}

// Diff returns the patch that turns from into to. Between a tombstone and a
// live note it carries every field, so that a restore never depends on what
// the other side still remembers; towards a tombstone it is the deletion alone.
func Diff(from, to Fields) Patch {
	switch {
	case to.Deleted && from.Deleted:
		return Patch{}
	case to.Deleted:
		return Patch{Deleted: ptr(true)}
	case from.Deleted:
		p := Full(to)
		p.Deleted = ptr(false)
		return p
	}
	p := Patch{
		Title:    changed(from.Title, to.Title),
		Body:     changed(from.Body, to.Body),
		Notebook: changed(from.Notebook, to.Notebook),
		Pinned:   changed(from.Pinned, to.Pinned),
		Archived: changed(from.Archived, to.Archived),
		Color:    changed(from.Color, to.Color),
		Order:    changed(from.Order, to.Order),
	}
	p.TagsAdd = without(to.Tags, from.Tags)
	p.TagsRemove = without(from.Tags, to.Tags)
	p.LogAppend = newEntries(to.Log, from.Log)
	p.Extra = diffExtra(from.Extra, to.Extra)
	return p
}

// Full returns the patch that writes every non-empty field of f: a create, or
// the body of a restore.
func Full(f Fields) Patch {
	p := Diff(Fields{}, Fields{Title: f.Title, Body: f.Body, Notebook: f.Notebook, Tags: f.Tags, Pinned: f.Pinned,
		Archived: f.Archived, Color: f.Color, Order: f.Order, Log: f.Log, Extra: f.Extra})
	if !f.CreatedAt.IsZero() {
		p.CreatedAt = ptr(f.CreatedAt)
	}
	return p
}

// Apply returns f with the patch applied. Log entries that f already has are
// not added twice.
func (p Patch) Apply(f Fields) Fields {
	f = f.Clone()
	set(&f.Title, p.Title)
	set(&f.Body, p.Body)
	set(&f.Notebook, p.Notebook)
	set(&f.Pinned, p.Pinned)
	set(&f.Archived, p.Archived)
	set(&f.Color, p.Color)
	set(&f.Order, p.Order)
	set(&f.Deleted, p.Deleted)
	if p.CreatedAt != nil && f.CreatedAt.IsZero() {
		f.CreatedAt = *p.CreatedAt
	}
	if len(p.TagsAdd)+len(p.TagsRemove) > 0 {
		f.Tags = NormalTags(append(without(f.Tags, p.TagsRemove), p.TagsAdd...))
	}
	f.Log = append(f.Log, newEntries(p.LogAppend, f.Log)...)
	for k, v := range p.Extra {
		if isNull(v) {
			delete(f.Extra, k)
			continue
		}
		if f.Extra == nil {
			f.Extra = map[string]json.RawMessage{}
		}
		f.Extra[k] = v
	}
	if len(f.Extra) == 0 {
		f.Extra = nil
	}
	return f
}

func ptr[T any](v T) *T { return &v }

func set[T any](dst *T, v *T) {
	if v != nil {
		*dst = *v
	}
}

func changed[T comparable](from, to T) *T {
	if from == to {
		return nil
	}
	return &to
}

// without returns the members of a that are not in b.
func without(a, b []string) []string {
	var out []string
	for _, s := range a {
		if !slices.Contains(b, s) {
			out = append(out, s)
		}
	}
	return out
}

// newEntries returns the entries of a whose ids are not in b, each once.
func newEntries(a, b []LogEntry) []LogEntry {
	if len(a) == 0 {
		return nil
	}
	seen := make(map[string]bool, len(a)+len(b))
	for _, e := range b {
		seen[e.ID] = true
	}
	var out []LogEntry
	for _, e := range a {
		if !seen[e.ID] {
			seen[e.ID] = true
			out = append(out, e)
		}
	}
	return out
}

func diffExtra(from, to map[string]json.RawMessage) map[string]json.RawMessage {
	var out map[string]json.RawMessage
	put := func(k string, v json.RawMessage) {
		if out == nil {
			out = map[string]json.RawMessage{}
		}
		out[k] = v
	}
	for k, v := range to {
		if old, ok := from[k]; !ok || !SameJSON(old, v) {
			put(k, v)
		}
	}
	for k := range from {
		if _, ok := to[k]; !ok {
			put(k, json.RawMessage("null"))
		}
	}
	return out
}

func isNull(v json.RawMessage) bool { return len(v) == 0 || string(v) == "null" }
