package model

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Fields is the part of a note that devices agree on: everything that is
// merged, sent and pulled. Derived values (words, tasks) are never in it.
type Fields struct {
	Title    string
	Body     string // bytes kept exactly; valid UTF-8
	Notebook string // slash path, "" is the inbox
	Tags     []string
	Pinned   bool
	Archived bool
	Color    string
	Order    string // fractional index, compared bytewise
	Log      []LogEntry
	// CreatedAt is the creator's clock, for display only. Millisecond precision.
	CreatedAt time.Time
	// Deleted marks a tombstone. On the device that deletes, the other fields
	// keep their text so that the trash can show and restore them.
	Deleted bool
	// Extra holds members another client wrote, untouched.
	Extra map[string]json.RawMessage
}

// LogEntry is one entry of a note's append-only log. Entries are identified by
// ID alone: two entries with one ID are the same entry.
type LogEntry struct {
	ID     string    `json:"id"`
	Text   string    `json:"text"`
	Device string    `json:"device,omitempty"`
	At     time.Time `json:"at,omitzero"`
}

// Names of the fields as patches, reviews and the wire spell them.
const (
	FieldTitle    = "title"
	FieldBody     = "body"
	FieldNotebook = "notebook"
	FieldTags     = "tags"
	FieldPinned   = "pinned"
	FieldArchived = "archived"
	FieldColor    = "color"
	FieldOrder    = "order"
	FieldLog      = "log"
	FieldDeleted  = "deleted"
	FieldExtra    = "extra"
)

// Clone returns a copy that shares no slice or map with f.
func (f Fields) Clone() Fields {
	f.Tags = slices.Clone(f.Tags)
	f.Log = slices.Clone(f.Log)
	if f.Extra != nil {
		extra := make(map[string]json.RawMessage, len(f.Extra))
		for k, v := range f.Extra {
			extra[k] = bytes.Clone(v)
		}
		f.Extra = extra
	}
	return f
}

// Equal reports whether devices holding a and b agree. Two tombstones agree
// whatever text the devices keep for their trash. CreatedAt takes no part: it
// is set once and never merged.
func Equal(a, b Fields) bool {
	if a.Deleted || b.Deleted {
		return a.Deleted == b.Deleted
	}
	return SameText(a, b) && a.Pinned == b.Pinned && a.Archived == b.Archived &&
		a.Color == b.Color && a.Order == b.Order && sameLog(a.Log, b.Log) && sameExtra(a.Extra, b.Extra)
}

// SameText reports whether title, body, notebook and tags are equal: the part
// of a note whose every value is kept as a [Version].
func SameText(a, b Fields) bool {
	return a.Title == b.Title && a.Body == b.Body && a.Notebook == b.Notebook && slices.Equal(a.Tags, b.Tags)
}

func sameLog(a, b []LogEntry) bool {
	return slices.EqualFunc(a, b, func(x, y LogEntry) bool { return x.ID == y.ID })
}

func sameExtra(a, b map[string]json.RawMessage) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		w, ok := b[k]
		if !ok || !SameJSON(v, w) {
			return false
		}
	}
	return true
}

// SameJSON reports whether two JSON texts have the same value, members in any
// order and white space ignored. Numbers are compared as written.
func SameJSON(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	return bytes.Equal(CanonicalJSON(a), CanonicalJSON(b))
}

// CanonicalJSON returns v with members sorted and white space removed, or v
// itself when it is not JSON.
func CanonicalJSON(v json.RawMessage) json.RawMessage {
	dec := json.NewDecoder(bytes.NewReader(v))
	dec.UseNumber()
	var value any
	if dec.Decode(&value) != nil {
		return v
	}
	out, err := encode(value)
	if err != nil {
		return v
	}
	return out
}

// NormalTags returns tags trimmed, without empties and doubles, sorted
// bytewise; nil when none are left.
func NormalTags(tags []string) []string {
	var out []string
	for _, t := range tags {
		if t = strings.TrimSpace(t); t != "" {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// NormalNotebook returns a notebook path without empty parts and outer slashes.
func NormalNotebook(path string) string {
	var parts []string
	for _, p := range strings.Split(path, "/") {
		if p = strings.TrimSpace(p); p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, "/")
}

// encode is encoding/json without its HTML escapes and final newline: note
// text stays readable and short on the wire.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}
