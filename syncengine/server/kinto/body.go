package kinto

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// body is what a request says of an object.
type body struct {
	data  map[string]any // nil if the body does not tell
	empty bool           // it says nothing at all
}

// object reads the body of a PUT, POST or PATCH. Permissions are the bucket
// owner's business and not kept; their form is checked.
func (c call) object() (body, error) {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return body{}, nil
	}
	v, err := parseStrict(c.body)
	if err != nil {
		return body{}, malformed(err)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return body{}, invalid("body", "", "The body is not a mapping type")
	}
	for name := range m {
		if name != "data" && name != "permissions" {
			text := "Unrecognized keys in mapping: only data and permissions are known"
			return body{}, invalid("body", "", text)
		}
	}
	out := body{empty: len(m) == 0}
	if out.data, err = mapping(m, "data"); err != nil {
		return body{}, err
	}
	permissions, err := mapping(m, "permissions")
	if err != nil {
		return body{}, err
	}
	return out, c.shelf.permits(permissions)
}

// permits refuses what are no permissions of an object.
func (s shelf) permits(permissions map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(permissions)) {
		if !slices.Contains(s.permissions(), name) {
			return invalid("body", "permissions", fmt.Sprintf("the permissions are %s", strings.Join(s.permissions(), ", ")))
		}
		list, ok := permissions[name].([]any)
		if !ok {
			return invalid("body", "permissions."+name, "want a list of principals")
		}
		for i, who := range list {
			if _, ok := who.(string); !ok {
				return invalid("body", fmt.Sprintf("permissions.%s.%d", name, i), "want a string")
			}
		}
	}
	return nil
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

// mapping returns a member that has to be an object, nil if it is not there.
func mapping(m map[string]any, name string) (map[string]any, error) {
	v, there := m[name]
	if !there {
		return nil, nil
	}
	out, ok := v.(map[string]any)
	if !ok {
		return nil, invalid("body", name, fmt.Sprintf("%s is not a mapping type", name))
	}
	return out, nil
}
