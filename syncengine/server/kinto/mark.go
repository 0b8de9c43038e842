package kinto

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"stet/model"
	"stet/syncengine/wire"
)

// bookkeeping is the member in which our own driver signs what it writes, as it
// does on every Kinto server. It is taken to heart and not kept.
const bookkeeping = "_stet"

// mark is what that member says here: which op wrote the record, on which
// device, and what of the note a record cannot hold.
type mark struct {
	Rev    string `json:"rev"`
	Device string `json:"device"`
	At     string `json:"at"`
	// Sum is of the record's other members.
	Sum   string                     `json:"sum"`
	Extra map[string]json.RawMessage `json:"extra"` // foreign members without a place
	Exact string                     `json:"exact"` // the whole note as JSON, or ""
}

// signed returns the mark of a record. If somebody else changed the record, and
// left the mark in it, of the mark only what the record could not hold counts.
func signed(data map[string]any) (m mark) {
	raw, err := text(data[bookkeeping])
	if err != nil || data[bookkeeping] == nil || json.Unmarshal(raw, &m) != nil {
		return mark{}
	}
	if m.Sum != sum(data) {
		return mark{Extra: m.Extra}
	}
	if !wire.ValidKey(m.Rev) {
		m.Rev = ""
	}
	if m.Device = label(m.Device, ""); len(m.At) > 64 {
		m.At = ""
	}
	return m
}

// savedAt is the writing device's clock; zero if it does not tell.
func (m mark) savedAt() time.Time {
	at, err := model.ParseTime(m.At)
	if err != nil {
		return time.Time{}
	}
	return at
}

// fields reads a record as a note's fields. Foreign members that the record has
// no place for stay as they were, unless the mark has others.
func (m mark) fields(members map[string]any, before model.Fields) (model.Fields, error) {
	after, err := fields(members, before)
	if err != nil {
		return after, err
	}
	var whole model.Fields
	if m.Exact != "" && json.Unmarshal([]byte(m.Exact), &whole) == nil && !whole.Deleted {
		created := after.CreatedAt
		after = model.Patch{LogAppend: whole.Log}.Apply(model.Fields{Log: before.Log})
		whole.Log, whole.CreatedAt = after.Log, created
		return whole, nil
	}
	for name, v := range before.Extra {
		if hidden(before, name) {
			keep(&after, name, v)
		}
	}
	for name, v := range m.Extra {
		keep(&after, name, v)
	}
	if m.Rev == "" {
		return after, nil
	}
	for _, name := range told { // the driver echoes none of them: they are foreign
		if v, there := members[name]; there && !ours[name] {
			raw, err := text(v)
			if err != nil {
				return after, err
			}
			keep(&after, name, raw)
		}
	}
	return after, nil
}

// keep adds a foreign member, if there is none of that name.
func keep(f *model.Fields, name string, v json.RawMessage) {
	if _, there := f.Extra[name]; there || string(v) == "null" {
		return
	}
	if f.Extra == nil {
		f.Extra = map[string]json.RawMessage{}
	}
	f.Extra[name] = v
}

// ours are the members that a sum leaves out.
var ours = map[string]bool{"id": true, "last_modified": true, "schema": true, bookkeeping: true}

// sum sums up a record's members as the driver does: by name, numbers by value,
// since other servers spell them anew.
func sum(members map[string]any) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if ours[name] {
			continue
		}
		key, _ := json.Marshal(name) // text and decoded JSON can always be written
		value, _ := json.Marshal(byValue(members[name]))
		h.Write(append(append(append(bytes.Clone(key), ':'), value...), '\n'))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12])
}

// byValue returns a copy of a value with numbers spelled in one way.
func byValue(v any) any {
	switch v := v.(type) {
	case json.Number:
		f, err := strconv.ParseFloat(v.String(), 64)
		if err != nil || f == 0 {
			return 0
		}
		return json.Number(strconv.FormatFloat(f, 'e', -1, 64))
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = byValue(x)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, x := range v {
			out[name] = byValue(x)
		}
		return out
	}
	return v
}
