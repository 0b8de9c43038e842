package kinto

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"

	"stet/model"
)

// The members of a record that are fields of a note: the native names.
const fieldCreatedAt = "createdAt"

// reserved are names that a foreign member cannot have at the top of a record:
// the server's, ours, and one that would make it look deleted.
var reserved = map[string]bool{"id": true, "last_modified": true, model.FieldDeleted: true, markName: true}

// writeRecord returns the data of a note as op leaves it.
func writeRecord(f model.Fields, m mark) (json.RawMessage, error) {
	members, rest, err := visible(f)
	if err != nil {
		return nil, err
	}
	if m.Extra = rest; len(rest) == 0 {
		m.Extra = nil
	}
	if m.Exact, err = exact(f); err != nil {
		return nil, err
	}
	if m.Exact != "" {
		m.Extra = nil
	}
	m.Sum = sumOf(members)
	if members[markName], err = marshal(m); err != nil {
		return nil, err
	}
	return marshal(members)
}

// visible returns a note's fields as members of a record, and the foreign ones
// that have no place among them.
func visible(f model.Fields) (members, rest map[string]json.RawMessage, err error) {
	members, rest = map[string]json.RawMessage{}, map[string]json.RawMessage{}
	put := func(name string, v any, always bool) {
		raw, merr := marshal(v)
		if err = errors.Join(err, merr); always || merr == nil && !empty(raw) {
			members[name] = raw
		}
	}
	tags := f.Tags
	if tags == nil {
		tags = []string{}
	}
	put(model.FieldTitle, f.Title, f.Extra[model.FieldTitle] == nil) // a page may rely on the first three
	put(model.FieldBody, f.Body, f.Extra[model.FieldBody] == nil)
	put(model.FieldTags, tags, f.Extra[model.FieldTags] == nil)
	put(model.FieldNotebook, f.Notebook, false)
	put(model.FieldPinned, f.Pinned, false)
	put(model.FieldArchived, f.Archived, false)
	put(model.FieldColor, f.Color, false)
	put(model.FieldOrder, f.Order, false)
	put(model.FieldLog, f.Log, false)
	put(fieldCreatedAt, model.FormatTime(f.CreatedAt), false)
	for name, v := range f.Extra {
		if _, taken := members[name]; taken || reserved[name] {
			rest[name] = v
		} else {
			members[name] = v
		}
	}
	if bytes.Contains(nulls(f), []byte(nulEscape)) {
		for name, v := range members {
			if clean := withoutNUL(name); clean != name {
				delete(members, name)
				name = clean
			}
			members[name] = visibleNUL(v)
		}
	}
	return members, rest, err
}

// empty reports whether a field's value is the one that an absent member has.
func empty(raw json.RawMessage) bool {
	switch string(raw) {
	case `""`, "false", "null", "[]":
		return true
	}
	return false
}

// nulEscape is how JSON spells NUL, which PostgreSQL does not take.
const nulEscape = `\u0000`

// nulls is the note as JSON, to look for NUL in.
func nulls(f model.Fields) []byte {
	out, err := f.MarshalJSON()
	if err != nil {
		return nil
	}
	return out
}

func withoutNUL(s string) string { return strings.ReplaceAll(s, "\x00", "\u2400") }

// visibleNUL puts the symbol for NUL where it stands.
func visibleNUL(raw json.RawMessage) json.RawMessage {
	if !bytes.Contains(raw, []byte(nulEscape)) {
		return raw
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return raw
	}
	out, err := marshal(mapValue(v, func(x any) any {
		if s, ok := x.(string); ok {
			return withoutNUL(s)
		}
		return x
	}))
	if err != nil {
		return raw
	}
	return out
}

// odd finds numbers that a backend may spell anew: fractions and exponents.
var odd = regexp.MustCompile(`[0-9][.eE]`)

// exact is the whole note as JSON text if its members cannot hold it exactly.
func exact(f model.Fields) (string, error) {
	needed := false
	for _, v := range f.Extra {
		needed = needed || odd.Match(v)
	}
	whole, err := f.MarshalJSON()
	if err != nil || !needed && !bytes.Contains(whole, []byte(nulEscape)) {
		return "", err
	}
	return string(whole), nil
}

// marshal is encoding/json without its HTML escapes and final newline.
func marshal(v any) (json.RawMessage, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}
