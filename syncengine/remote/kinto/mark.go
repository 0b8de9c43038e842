package kinto

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"stet/model"
)

// markName is the member of a record that is ours.
const markName = "_stet"

// maxPast is how many versions a record knows that it builds on.
const maxPast = 8

// mark is our bookkeeping in a record.
type mark struct {
	Rev    string `json:"rev"`              // the op that wrote this version
	Parent string `json:"parent,omitempty"` // the op that wrote the version before, or its last_modified
	Device string `json:"device,omitempty"`
	At     string `json:"at,omitempty"` // the device's clock
	// Ops and Revs are what this version builds on, newest first: ops that wrote
	// earlier versions, and earlier versions' last_modified.
	Ops  []string `json:"ops,omitempty"`
	Revs []int64  `json:"revs,omitempty"`
	// Sum is of the record's other members. Where it is not theirs, somebody else
	// wrote the record and left our member in it as it was.
	Sum string `json:"sum"`
	// Extra are foreign members whose names the record needs for something else.
	Extra map[string]json.RawMessage `json:"extra,omitempty"`
	// Exact is the whole note as JSON text, where the members above cannot hold it
	// exactly: a server may lack NUL, or read 2.50 as 2.5.
	Exact string `json:"exact,omitempty"`
}

// lineage is what the version that a write replaces says about its past.
type lineage struct {
	rev  int64
	mark *mark // nil if it has none
}

// newMark describes the version that op writes on top of before (zero for a
// new record). sure says that before's own mark is of its very content.
func newMark(op model.Op, before lineage, sure bool) mark {
	m := mark{Rev: op.ID, Device: op.Device, At: model.FormatTime(op.CreatedAt)}
	if before.rev == 0 {
		return m
	}
	m.Parent, m.Revs = strconv.FormatInt(before.rev, 10), []int64{before.rev}
	if before.mark == nil || before.mark.Rev == "" {
		return m
	}
	m.Ops = append([]string{before.mark.Rev}, before.mark.Ops...)
	m.Ops = m.Ops[:min(len(m.Ops), maxPast)]
	if sure {
		m.Parent = before.mark.Rev
		m.Revs = append(m.Revs, before.mark.Revs...)
		m.Revs = m.Revs[:min(len(m.Revs), maxPast)]
	}
	return m
}

// knows reports whether the version was written by op or builds on what it
// wrote.
func (m *mark) knows(opID string) bool {
	return m != nil && (m.Rev == opID || slices.Contains(m.Ops, opID))
}

// savedAt is the writing device's clock.
func (m *mark) savedAt() time.Time {
	t, err := model.ParseTime(m.At)
	if err != nil {
		return time.Time{}
	}
	return t
}

// ours are the members of a record that its sum leaves out: those that the
// server sets, and the one that holds the sum.
var ours = map[string]bool{"id": true, "last_modified": true, "schema": true, markName: true}

// sumOf sums up a record's members, whatever their order and the spelling of
// their numbers: backends spell them anew.
func sumOf(members map[string]json.RawMessage) string {
	h := sha256.New()
	names := make([]string, 0, len(members))
	for name := range members {
		if !ours[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		key, _ := json.Marshal(name) // a string always has a spelling
		h.Write(key)
		h.Write([]byte{':'})
		h.Write(spelledAlike(members[name]))
		h.Write([]byte{'\n'})
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12])
}

// spelledAlike spells a JSON value in one way. For the sum alone: no number
// that is kept or sent ever passes through here.
func spelledAlike(raw json.RawMessage) []byte {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return raw
	}
	out, err := json.Marshal(mapValue(v, func(x any) any {
		n, ok := x.(json.Number)
		if !ok {
			return x
		}
		f, err := strconv.ParseFloat(n.String(), 64)
		if err != nil || f == 0 {
			return 0
		}
		return json.Number(strconv.FormatFloat(f, 'e', -1, 64))
	}))
	if err != nil {
		return raw
	}
	return out
}

// mapValue replaces every scalar of a decoded JSON value, names of members
// among them if they stay strings.
func mapValue(v any, f func(any) any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = mapValue(v[i], f)
		}
		return v
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, value := range v {
			if s, ok := f(name).(string); ok {
				name = s
			}
			out[name] = mapValue(value, f)
		}
		return out
	}
	return f(v)
}
