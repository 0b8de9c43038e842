package kinto

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"stet/syncengine/wire"
)

// patch answers PATCH: part of an object changes. The timestamp moves even if
// nothing does.
func (r room) patch(c call) (reply, error) {
	o, cond, err := r.known(c)
	if err != nil {
		return reply{}, err
	}
	behavior, err := c.behavior()
	if err != nil {
		return reply{}, err
	}
	p, err := c.delta()
	if err != nil {
		return reply{}, err
	}
	if o == nil {
		return reply{}, noObject(c.shelf, c.id)
	}
	if err := cond.holds(o, nil); err != nil {
		return reply{}, err
	}
	after, given, err := p.apply(o)
	if err != nil {
		return reply{}, err
	}
	if err := c.sameID(after); err != nil {
		return reply{}, err
	}
	saved, err := r.save(c, c.id, o, after)
	if err != nil {
		return reply{}, err
	}
	if behavior == "full" {
		return r.object(http.StatusOK, saved, saved)
	}
	return partial(saved, differing(behavior, o.members(), given, saved.members()))
}

// behavior is how much of the object the answer is to hold.
func (a ask) behavior() (string, error) {
	value := a.head.Get("Response-Behavior")
	switch strings.ToLower(value) {
	case "":
		return "full", nil
	case "full", "light", "diff":
		return strings.ToLower(value), nil
	}
	return "", invalid("header", "Response-Behavior", "the value is not one of full, light, diff")
}

// delta is what a PATCH says, in one of its three forms.
type delta struct {
	media string
	data  map[string]any
	ops   []operation
}

func (c call) delta() (p delta, err error) {
	if p.media = c.media(); p.media == typePatch {
		p.ops, err = c.operations()
		return p, err
	}
	body, err := c.object()
	if err == nil && body.empty {
		err = invalid("body", "data", "Provide at least one of data or permissions")
	}
	p.data = body.data
	return p, err
}

// apply returns what an object is to be, and the members that the request gave.
func (p delta) apply(o *object) (after, given map[string]any, err error) {
	after = clone(o.members()).(map[string]any)
	switch p.media {
	case typePatch:
		return p.patched(after)
	case typeMerge:
		merge(after, p.data)
	default:
		for name, v := range p.data {
			after[name] = v
		}
	}
	return after, p.data, nil
}

// merge applies a merge patch (RFC 7396): null removes.
func merge(into, patch map[string]any) {
	for name, v := range patch {
		inner, isMap := v.(map[string]any)
		have, hasMap := into[name].(map[string]any)
		switch {
		case v == nil:
			delete(into, name)
		case isMap && hasMap:
			merge(have, inner)
		case isMap:
			fresh := map[string]any{}
			merge(fresh, inner)
			into[name] = fresh
		default:
			into[name] = v
		}
	}
}

// differing are the members that the request changed; of those, with "diff", the
// ones that became other than it said.
func differing(behavior string, before, given, after map[string]any) map[string]any {
	out := map[string]any{}
	for name, wanted := range given {
		now, there := after[name]
		if old, was := before[name]; !there || was && same(old, now) || behavior == "diff" && same(wanted, now) {
			continue
		}
		out[name] = now
	}
	return out
}

// clone copies a value that is to be changed.
func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for name, x := range v {
			m[name] = clone(x)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i, x := range v {
			list[i] = clone(x)
		}
		return list
	}
	return v
}

// operations reads a JSON patch (RFC 6902).
func (a ask) operations() (ops []operation, err error) {
	if _, err := parseStrict(a.body); err != nil {
		return nil, malformed(err)
	}
	dec := json.NewDecoder(bytes.NewReader(a.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&ops); err != nil || len(ops) > maxOperations {
		return nil, invalid("body", "", fmt.Sprintf("want an array of at most %d operations", maxOperations))
	}
	return ops, nil
}

// patched applies a JSON patch, whose paths are under /data.
func (p delta) patched(before map[string]any) (after, given map[string]any, err error) {
	nobody := map[string]any{"read": map[string]any{}, "write": map[string]any{}}
	copied := 0
	doc := any(map[string]any{"data": before, "permissions": nobody})
	for _, op := range p.ops {
		if op.forbids() {
			continue
		}
		if copied += op.weight(doc); copied > maxCopied {
			return nil, nil, invalid("body", "", "JSON Patch operation failed: too much is copied")
		}
		if doc, err = op.permit().apply(doc); err != nil {
			return nil, nil, unnamed("body", "JSON Patch operation failed: "+err.Error())
		}
	}
	whole, _ := doc.(map[string]any)
	after, ok := whole["data"].(map[string]any)
	if !ok {
		return nil, nil, invalid("body", "data", "data is not a mapping type")
	}
	raw, err := text(after)
	if err == nil {
		err = wire.CheckJSON(raw) // steps can nest deeper than one body
	}
	if err != nil {
		return nil, nil, invalid("body", "data", "JSON Patch operation failed: "+err.Error())
	}
	return after, after, nil
}

// forbids reports whether the operation takes a permission away: none is kept.
func (op operation) forbids() bool {
	if op.Op != "remove" || op.Path == nil {
		return false
	}
	parts := strings.Split(*op.Path, "/")
	return len(parts) == 4 && parts[1] == "permissions" && (parts[2] == "read" || parts[2] == "write")
}

// permit gives a permission its value, which is its name.
func (op operation) permit() operation {
	if op.Value == nil && op.Path != nil && strings.HasPrefix(*op.Path, "/permissions/") {
		op.Value = json.RawMessage("null")
	}
	return op
}
