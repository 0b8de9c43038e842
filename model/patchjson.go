package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// timeLayout is RFC 3339 in UTC with milliseconds, the one spelling of times
// in JSON.
const timeLayout = "2006-01-02T15:04:05.000Z"

// FormatTime returns t as JSON texts spell it: RFC 3339, UTC, milliseconds.
// The zero time is "", and so is one that has no spelling: were it written
// none the less, nobody could read the note.
func FormatTime(t time.Time) string {
	if t = t.UTC(); t.IsZero() || !spellable(t) {
		return ""
	}
	return t.Format(timeLayout)
}

// spellable reports whether RFC 3339 has a spelling for t, which is in UTC.
func spellable(t time.Time) bool { return t.Year() >= 0 && t.Year() <= 9999 }

// ParseTime reads what [FormatTime] wrote, or any RFC 3339 time that it can
// write.
func ParseTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("read time: %w", err)
	}
	t = t.UTC().Truncate(time.Millisecond)
	if !spellable(t) { // the zone can lead out of the years with four digits
		return time.Time{}, fmt.Errorf("read time: year %d", t.Year())
	}
	return t, nil
}

// FieldError says which member of a patch or note cannot be taken, and why.
type FieldError struct {
	Field  string
	Detail string
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Detail }

type tagIntent struct {
	Add    []string `json:"$add,omitempty"`
	Remove []string `json:"$remove,omitempty"`
}

type logIntent struct {
	Append []LogEntry `json:"$append"`
}

// MarshalJSON writes the native patch. The order of members is fixed (sorted),
// so equal patches have equal bytes.
func (p Patch) MarshalJSON() ([]byte, error) {
	m := make(map[string]any, 8)
	put(m, FieldTitle, p.Title)
	put(m, FieldBody, p.Body)
	put(m, FieldNotebook, p.Notebook)
	put(m, FieldPinned, p.Pinned)
	put(m, FieldArchived, p.Archived)
	put(m, FieldColor, p.Color)
	put(m, FieldOrder, p.Order)
	put(m, FieldDeleted, p.Deleted)
	if p.CreatedAt != nil {
		m["createdAt"] = FormatTime(*p.CreatedAt)
	}
	if len(p.TagsAdd)+len(p.TagsRemove) > 0 {
		m[FieldTags] = tagIntent{p.TagsAdd, p.TagsRemove}
	}
	if len(p.LogAppend) > 0 {
		m[FieldLog] = logIntent{p.LogAppend}
	}
	if len(p.Extra) > 0 {
		m[FieldExtra] = p.Extra
	}
	return encode(m)
}

func put[T any](m map[string]any, name string, v *T) {
	if v != nil {
		m[name] = *v
	}
}

// UnmarshalJSON reads a native patch. null clears a member. A tags value may be
// {"$add":[],"$remove":[]}; a log value {"$append":[]}. Members it does not
// know, or of another type, are a [*FieldError].
func (p *Patch) UnmarshalJSON(data []byte) error {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("read patch: %w", err)
	}
	*p = Patch{}
	for name, v := range m {
		if err := p.member(name, v); err != nil {
			return err
		}
	}
	return nil
}

func (p *Patch) member(name string, v json.RawMessage) error {
	switch name {
	case FieldTitle:
		return read(name, v, &p.Title)
	case FieldBody:
		return read(name, v, &p.Body)
	case FieldNotebook:
		return read(name, v, &p.Notebook)
	case FieldPinned:
		return read(name, v, &p.Pinned)
	case FieldArchived:
		return read(name, v, &p.Archived)
	case FieldColor:
		return read(name, v, &p.Color)
	case FieldOrder:
		return read(name, v, &p.Order)
	case FieldDeleted:
		return read(name, v, &p.Deleted)
	case "createdAt":
		return p.readCreated(v)
	case FieldTags:
		var in tagIntent
		if err := strict(v, &in); err != nil {
			return &FieldError{name, `want {"$add":[…],"$remove":[…]}`}
		}
		p.TagsAdd, p.TagsRemove = in.Add, in.Remove
		return nil
	case FieldLog:
		var in logIntent
		if err := strict(v, &in); err != nil {
			return &FieldError{name, `want {"$append":[{"id","text"}]}`}
		}
		p.LogAppend = in.Append
		return nil
	case FieldExtra:
		if err := json.Unmarshal(v, &p.Extra); err != nil {
			return &FieldError{name, "want an object"}
		}
		return nil
	}
	return &FieldError{name, "not a member of a patch"}
}

func (p *Patch) readCreated(v json.RawMessage) error {
	var s string
	if err := json.Unmarshal(v, &s); err != nil {
		return &FieldError{"createdAt", "want an RFC 3339 time"}
	}
	t, err := ParseTime(s)
	if err != nil {
		return &FieldError{"createdAt", "want an RFC 3339 time"}
	}
	p.CreatedAt = &t
	return nil
}

// read takes a scalar member; null sets the type's zero value.
func read[T any](name string, v json.RawMessage, dst **T) error {
	var value T
	if !isNull(v) {
		if err := json.Unmarshal(v, &value); err != nil {
			return &FieldError{name, fmt.Sprintf("want a %T", value)}
		}
	}
	*dst = &value
	return nil
}

func strict(v json.RawMessage, dst any) error {
	dec := json.NewDecoder(bytes.NewReader(v))
	dec.DisallowUnknownFields()
	return dec.Decode(dst)
}
