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
	who, err := r.grants(c.shelf, o.id)
	if err != nil {
		return reply{}, err
	}
	made, err := p.apply(o, c.shelf, who.with(userID(r.acc.Name)))
	if err != nil {
		return reply{}, err
	}
	if err := c.sameID(made.members); err != nil {
		return reply{}, err
	}
	saved, err := r.write(c, c.id, o, made.members, made.who)
	if err != nil {
		return reply{}, err
	}
	if behavior == "full" {
		return r.object(http.StatusOK, c.shelf, saved)
	}
	return partial(saved, differing(behavior, o.members(), made.given, saved.members()))
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
	media       string
	data        map[string]any
	permissions grants
	ops         []operation
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
	p.data, p.permissions = body.data, body.permissions
	return p, err
}

// patched is what a PATCH makes of an object, and the members that it gave.
type patched struct {
	members, given map[string]any
	who            grants
}

// apply returns what an object of a shelf is to be; who has its permissions.
func (p delta) apply(o *object, s shelf, who grants) (patched, error) {
	after := clone(o.members()).(map[string]any)
	switch p.media {
	case typePatch:
		return p.steps(after, s, who)
	case typeMerge:
		merge(after, p.data)
	default:
		for name, v := range p.data {
			after[name] = v
		}
	}
	return patched{after, p.data, who.after(p.permissions)}, nil
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

// steps applies a JSON patch, whose paths are under /data and /permissions.
func (p delta) steps(before map[string]any, s shelf, who grants) (made patched, err error) {
	copied := 0
	doc := any(map[string]any{"data": before, "permissions": who.tree()})
	for _, op := range p.ops {
		if copied += op.weight(doc); copied > maxCopied {
			return made, invalid("body", "", "JSON Patch operation failed: too much is copied")
		}
		if doc, err = op.permit().apply(doc); err != nil {
			return made, unnamed("body", "JSON Patch operation failed: "+err.Error())
		}
	}
	whole, _ := doc.(map[string]any)
	after, ok := whole["data"].(map[string]any)
	if !ok {
		return made, invalid("body", "data", "data is not a mapping type")
	}
	raw, err := text(after)
	if err == nil {
		err = wire.CheckJSON(raw) // steps can nest deeper than one body
	}
	if err != nil {
		return made, invalid("body", "data", "JSON Patch operation failed: "+err.Error())
	}
	who, err = s.untree(whole["permissions"])
	return patched{after, after, who}, err
}

// permit gives a permission that is added its value, which is its name.
func (op operation) permit() operation {
	if op.Path == nil {
		return op
	}
	if strings.HasPrefix(*op.Path, "/permissions/read/") || strings.HasPrefix(*op.Path, "/permissions/write/") {
		op.Value = json.RawMessage("null")
	}
	return op
}
