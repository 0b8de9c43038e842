package kinto

import (
	"bytes"
	"fmt"
)

// body is what a request says of an object.
type body struct {
	data        map[string]any // nil if the body does not tell
	permissions grants         // nil if the body does not tell
	empty       bool           // it says nothing at all
}

// object reads the body of a PUT, POST or PATCH.
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
	out.permissions, err = c.shelf.permits(permissions)
	return out, err
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
