package kinto

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"stet/model"
)

// fields reads a record as a note's fields. A known member of a wrong type is
// kept as a foreign one and reads as empty.
func fields(members map[string]any, before model.Fields) (f model.Fields, err error) {
	if deleted, _ := members[model.FieldDeleted].(bool); deleted {
		return f, invalid("body", model.FieldDeleted, "want DELETE")
	}
	f.CreatedAt = before.CreatedAt
	f.Log = before.Log
	for _, name := range slices.Sorted(maps.Keys(members)) {
		v := members[name]
		if v == nil || slices.Contains(told, name) || name == model.FieldDeleted && v == false || known(&f, name, v) {
			continue
		}
		raw, err := text(v)
		if err != nil {
			return f, fmt.Errorf("read note: %w", err)
		}
		if f.Extra == nil {
			f.Extra = map[string]json.RawMessage{}
		}
		f.Extra[name] = raw
	}
	return f, nil
}

// known sets a member that notes have and reports whether it is one.
func known(f *model.Fields, name string, v any) bool {
	switch name {
	case model.FieldTitle:
		return set(&f.Title, v)
	case model.FieldBody:
		return set(&f.Body, v)
	case model.FieldNotebook:
		return set(&f.Notebook, v)
	case model.FieldPinned:
		return set(&f.Pinned, v)
	case model.FieldArchived:
		return set(&f.Archived, v)
	case model.FieldColor:
		return set(&f.Color, v)
	case model.FieldOrder:
		return set(&f.Order, v)
	case model.FieldTags:
		tags, ok := texts(v)
		f.Tags = model.NormalTags(tags)
		return ok
	case model.FieldLog:
		return union(f, v)
	case fieldCreated:
		return created(f, v)
	}
	return false
}

func set[T any](dst *T, v any) bool {
	got, ok := v.(T)
	if ok {
		*dst = got
	}
	return ok
}

func texts(v any) (out []string, ok bool) {
	list, ok := v.([]any)
	for _, x := range list {
		s, is := x.(string)
		if !is {
			return nil, false
		}
		out = append(out, s)
	}
	return out, ok
}

// union adds the entries of a log that are new. An entry is what it is: one
// without an id, or that is none, makes the whole a foreign member.
func union(f *model.Fields, v any) bool {
	raw, err := text(v)
	if err != nil {
		return false
	}
	var entries []model.LogEntry
	if json.Unmarshal(raw, &entries) != nil || slices.ContainsFunc(entries, func(e model.LogEntry) bool { return e.ID == "" }) {
		return false
	}
	f.Log = model.Patch{LogAppend: entries}.Apply(model.Fields{Log: f.Log}).Log
	return true
}

// created sets when a note was made, once.
func created(f *model.Fields, v any) bool {
	s, ok := v.(string)
	at, err := model.ParseTime(s)
	if !ok || err != nil {
		return false
	}
	if f.CreatedAt.IsZero() {
		f.CreatedAt = at
	}
	return true
}
