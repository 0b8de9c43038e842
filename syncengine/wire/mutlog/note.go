package mutlog

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"stet/model"
)

// Members of a note's data beside its fields.
const (
	memberStet    = "_stet"
	memberLocalID = "localId"
	memberCreated = "clientCreatedAt"
	memberUpdated = "clientUpdatedAt"
)

// Note is a note as the data of a mutation.
type Note struct {
	Fields model.Fields // CreatedAt is clientCreatedAt
	// LocalID is the id that the note has on the device that made it.
	LocalID string
	Updated time.Time // clientUpdatedAt
	Stet    *Stet     // nil if there is no such member
	// Has names the fields (model.Field…) that the data have.
	Has map[string]bool
	// Clears are foreign members that are to be removed.
	Clears []string
}

// Stet is the member that only programs of this project write and see.
type Stet struct {
	Op     string `json:"op,omitempty"`
	Device string `json:"device,omitempty"`
	At     string `json:"at,omitempty"`
	// Base, of a sent mutation, is the revision it was made against; 0 says that
	// there was no note.
	Base *int64 `json:"base,omitempty"`
	// Purge asks to erase a deleted note's text and history, or says that this
	// was done.
	Purge bool `json:"purge,omitempty"`
	// Result, of a mutation in the answer to a POST, says what became of it.
	Result Result `json:"result,omitempty"`
	// Extra are foreign members whose names the protocol needs.
	Extra map[string]json.RawMessage `json:"extra,omitempty"`
}

// Result is what became of a mutation that came with a base.
type Result string

// The results. Whatever it is, the mutation in the answer shows the note as it
// stands.
const (
	Applied Result = "applied"
	Known   Result = "known"   // it was applied before, or there was nothing to do
	Refused Result = "refused" // the note is at another revision
)

// EncodeNote writes a note with every field, empty ones too: an absent member
// says that the writer does not know it.
func EncodeNote(n Note) (json.RawMessage, error) {
	f := n.Fields
	m := map[string]any{model.FieldTitle: f.Title, model.FieldBody: f.Body, model.FieldNotebook: f.Notebook, model.FieldTags: list(f.Tags),
		model.FieldPinned: f.Pinned, model.FieldArchived: f.Archived, model.FieldColor: f.Color, model.FieldOrder: f.Order,
		model.FieldLog: list(f.Log)}
	var stet Stet
	if n.Stet != nil {
		stet = *n.Stet
	}
	for name, v := range f.Extra {
		switch old, known := m[name]; {
		case reserved(name):
			if stet.Extra == nil {
				stet.Extra = map[string]json.RawMessage{}
			}
			stet.Extra[name] = v
		case !known || empty(old): // of the wrong type once: it stands where it stood
			m[name] = v
		}
	}
	for _, name := range n.Clears {
		if _, known := m[name]; !known && !reserved(name) {
			m[name] = nil
		}
	}
	put(m, memberCreated, model.FormatTime(f.CreatedAt))
	put(m, memberUpdated, model.FormatTime(n.Updated))
	put(m, memberLocalID, n.LocalID)
	if n.Stet != nil {
		m[memberStet] = stet
	}
	return Marshal(m)
}

func reserved(name string) bool {
	return name == memberStet || name == memberLocalID || name == memberCreated || name == memberUpdated
}

func put(m map[string]any, name, v string) {
	if v != "" {
		m[name] = v
	}
}

func list[T any](v []T) []T {
	if v == nil {
		return []T{}
	}
	return v
}

func empty(v any) bool {
	switch v := v.(type) {
	case string:
		return v == ""
	case bool:
		return !v
	case []string:
		return len(v) == 0
	case []model.LogEntry:
		return len(v) == 0
	}
	return false
}

// DecodeNote reads an object as a note. A known member of the wrong type is
// kept as a foreign one and reads as the empty value; null clears.
func DecodeNote(data json.RawMessage) (Note, error) {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(data, &m); err != nil {
		return Note{}, err
	}
	n := Note{Has: map[string]bool{}}
	for name, v := range m {
		if !n.take(name, v) {
			n.foreign(name, v)
		}
	}
	if n.Stet != nil {
		for name, v := range n.Stet.Extra {
			n.foreign(name, v)
		}
	}
	slices.Sort(n.Clears)
	return n, nil
}

func (n *Note) foreign(name string, v json.RawMessage) {
	if string(v) == "null" {
		n.Clears = append(n.Clears, name)
		return
	}
	if n.Fields.Extra == nil {
		n.Fields.Extra = map[string]json.RawMessage{}
	}
	n.Fields.Extra[name] = v
}

// take reads a member that is known, and reports whether it could.
func (n *Note) take(name string, v json.RawMessage) bool {
	f := &n.Fields
	switch name {
	case model.FieldTitle:
		return n.field(name, v, &f.Title)
	case model.FieldBody:
		return n.field(name, v, &f.Body)
	case model.FieldNotebook:
		return n.field(name, v, &f.Notebook)
	case model.FieldTags:
		ok := n.field(name, v, &f.Tags)
		f.Tags = model.NormalTags(f.Tags)
		return ok
	case model.FieldPinned:
		return n.field(name, v, &f.Pinned)
	case model.FieldArchived:
		return n.field(name, v, &f.Archived)
	case model.FieldColor:
		return n.field(name, v, &f.Color)
	case model.FieldOrder:
		return n.field(name, v, &f.Order)
	case model.FieldLog:
		return n.field(name, v, &f.Log)
	case memberLocalID:
		return read(v, &n.LocalID)
	case memberCreated:
		return moment(v, &f.CreatedAt)
	case memberUpdated:
		return moment(v, &n.Updated)
	case memberStet:
		var s Stet
		if read(v, &s) {
			n.Stet = &s
		}
		return true
	}
	return false
}

func (n *Note) field(name string, v json.RawMessage, dst any) bool {
	n.Has[name] = true
	return read(v, dst)
}

func read(v json.RawMessage, dst any) bool {
	if json.Unmarshal(v, dst) == nil {
		return true
	}
	switch p := dst.(type) { // half of it may have been read
	case *[]string:
		*p = nil
	case *[]model.LogEntry:
		*p = nil
	}
	return false
}

// moment reads a time as the protocol has it: ISO text or milliseconds.
func moment(v json.RawMessage, dst *time.Time) bool {
	var s string
	if json.Unmarshal(v, &s) == nil {
		t, err := model.ParseTime(s)
		*dst = t
		return err == nil
	}
	ms, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil || model.FormatTime(time.UnixMilli(ms)) == "" {
		return false
	}
	*dst = time.UnixMilli(ms).UTC()
	return true
}

// Onto returns base with what the data name put in its place: members that are
// absent stay, log entries are added and never removed.
func (n Note) Onto(base model.Fields) model.Fields {
	out := base.Clone()
	out.Deleted = false
	f := n.Fields
	for name, set := range map[string]func(){
		model.FieldTitle: func() { out.Title = f.Title }, model.FieldBody: func() { out.Body = f.Body },
		model.FieldNotebook: func() { out.Notebook = f.Notebook }, model.FieldTags: func() { out.Tags = slices.Clone(f.Tags) },
		model.FieldPinned: func() { out.Pinned = f.Pinned }, model.FieldArchived: func() { out.Archived = f.Archived },
		model.FieldColor: func() { out.Color = f.Color }, model.FieldOrder: func() { out.Order = f.Order },
	} {
		if n.Has[name] {
			set()
			delete(out.Extra, name) // what stood there with the wrong type
		}
	}
	p := model.Patch{LogAppend: f.Log, Extra: map[string]json.RawMessage{}}
	for name, v := range f.Extra {
		p.Extra[name] = v
	}
	for _, name := range n.Clears {
		p.Extra[name] = json.RawMessage("null")
	}
	if !f.CreatedAt.IsZero() {
		p.CreatedAt = &f.CreatedAt
	}
	return p.Apply(out)
}

// Lacks names the fields that the data have not, of all that a note has.
func (n Note) Lacks() []string {
	var out []string
	for _, name := range []string{model.FieldTitle, model.FieldBody, model.FieldNotebook, model.FieldTags, model.FieldPinned,
		model.FieldArchived, model.FieldColor, model.FieldOrder, model.FieldLog} {
		if !n.Has[name] {
			out = append(out, name)
		}
	}
	return out
}
