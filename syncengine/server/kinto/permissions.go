package kinto

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"stet/syncengine/server/store"
)

// grants are the permissions of an object: who is named under which, in order.
// They are kept and told, and open nothing: what an account has is its owner's
// alone. The owner may always write, which is not kept.
type grants map[string][]string

// granted is the shelf of the permissions of a shelf's objects.
func (s shelf) granted() shelf { return shelf{":permissions/" + s.name, ""} }

// grants returns the permissions of an object.
func (r room) grants(s shelf, id string) (grants, error) {
	doc, err := r.Doc(s.granted().name, id)
	if errors.Is(err, store.ErrNoDoc) || err == nil && doc.Deleted {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var g grants
	if err := json.Unmarshal(doc.Data, &g); err != nil {
		return nil, fmt.Errorf("read permissions: %w", err)
	}
	return g, nil
}

// grant keeps the permissions of an object. It comes before the object is
// written, whose time is the later one then.
func (r room) grant(s shelf, id string, now grants) error {
	now = now.without(userID(r.acc.Name))
	before, err := r.grants(s, id)
	if err != nil || maps.EqualFunc(before, now, slices.Equal) {
		return err
	}
	var body []byte // nil takes them away
	if len(now) > 0 {
		if body, err = json.Marshal(now); err != nil {
			return fmt.Errorf("write permissions: %w", err)
		}
	}
	if limit := r.d.opts.Limits.Body; len(body) > limit {
		return tooLarge(limit)
	}
	_, err = r.txn.PutDoc(s.granted().name, id, body)
	return err
}

// without leaves out a principal, and what names nobody.
func (g grants) without(owner string) grants {
	out := grants{}
	for name, who := range g {
		who = slices.DeleteFunc(slices.Sorted(slices.Values(who)), func(p string) bool { return p == owner })
		if who = slices.Compact(who); len(who) > 0 {
			out[name] = who
		}
	}
	return out
}

// with adds a principal who may write.
func (g grants) with(owner string) grants {
	out := grants{}
	maps.Copy(out, g)
	out["write"] = append(slices.Clone(out["write"]), owner)
	return out
}

// after is what permissions become by a PATCH: those that it names are replaced.
func (g grants) after(given grants) grants {
	out := grants{}
	maps.Copy(out, g)
	maps.Copy(out, given)
	return out
}

// tree is the form in which a JSON patch sees permissions: a principal is a member
// with its own name as its value.
func (g grants) tree() map[string]any {
	out := map[string]any{"read": map[string]any{}, "write": map[string]any{}}
	for name, who := range g {
		members := map[string]any{}
		for _, p := range who {
			members[p] = p
		}
		out[name] = members
	}
	return out
}

// untree reads the form that tree writes. A patch may have put a list in.
func (s shelf) untree(v any) (grants, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, invalid("body", "permissions", "permissions is not a mapping type")
	}
	lists := make(map[string]any, len(m))
	for name, who := range m {
		lists[name] = who
		if members, ok := who.(map[string]any); ok {
			list := []any{}
			for p := range members {
				list = append(list, p)
			}
			lists[name] = list
		}
	}
	return s.permits(lists)
}

// permits reads permissions, and refuses what an object of the shelf cannot have.
func (s shelf) permits(permissions map[string]any) (grants, error) {
	if permissions == nil {
		return nil, nil
	}
	out := grants{}
	for _, name := range slices.Sorted(maps.Keys(permissions)) {
		if !slices.Contains(s.permissions(), name) {
			return nil, invalid("body", "permissions", fmt.Sprintf("the permissions are %s", strings.Join(s.permissions(), ", ")))
		}
		if permissions[name] == nil {
			continue
		}
		list, ok := permissions[name].([]any)
		if !ok {
			return nil, invalid("body", "permissions."+name, "want a list of principals")
		}
		out[name] = []string{}
		for i, v := range list {
			who, ok := v.(string)
			if !ok {
				return nil, invalid("body", fmt.Sprintf("permissions.%s.%d", name, i), "want a string")
			}
			out[name] = append(out[name], who)
		}
	}
	return out, nil
}

// permissions are the names that an object can have some under.
func (s shelf) permissions() []string {
	switch {
	case s.is(buckets):
		return []string{"read", "write", "collection:create", "group:create"}
	case s.is(collections):
		return []string{"read", "write", "record:create"}
	}
	return []string{"read", "write"}
}

func tooLarge(limit int) *fault {
	return &fault{status: http.StatusRequestEntityTooLarge, errno: errnoTooLarge, message: fmt.Sprintf("An object can have %d bytes.", limit)}
}
