package kinto

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// operation is one step of a JSON patch (RFC 6902).
type operation struct {
	Op    string          `json:"op"`
	Path  *string         `json:"path"`
	From  *string         `json:"from"`
	Value json.RawMessage `json:"value"`
}

var (
	errNoMember = errors.New("member not found")
	errPointer  = errors.New("not a pointer")
)

// Bounds of a patch: without them a short one could fill the memory, since a
// copy of a copy doubles.
const (
	maxOperations = 1000
	maxCopied     = 8 << 20 // bytes that all copies together hold, about
)

// weight is about how many bytes the operation copies.
func (op operation) weight(doc any) int {
	from, err := pointer(op.From)
	if op.Op != "copy" || err != nil {
		return 0
	}
	v, err := lookup(doc, from)
	if err != nil {
		return 0
	}
	return size(v)
}

// size is about how many bytes a value holds.
func size(v any) int {
	n := 64
	switch v := v.(type) {
	case string:
		n += len(v)
	case json.Number:
		n += len(v)
	case []any:
		for _, x := range v {
			n += size(x)
		}
	case map[string]any:
		for name, x := range v {
			n += len(name) + size(x)
		}
	}
	return n
}

// apply runs the operation on doc, which it may change, and returns it.
func (op operation) apply(doc any) (any, error) {
	path, err := pointer(op.Path)
	if err != nil {
		return nil, err
	}
	switch op.Op {
	case "add", "replace", "test":
		return op.set(doc, path)
	case "remove":
		return change(doc, path, nil, removal)
	case "move", "copy":
		return op.take(doc, path)
	}
	return nil, fmt.Errorf("unknown operation")
}

func (op operation) set(doc any, path []string) (any, error) {
	if op.Value == nil {
		return nil, errors.New("the operation does not contain a 'value' member")
	}
	value, err := parse(op.Value)
	if err != nil {
		return nil, err
	}
	switch op.Op {
	case "add":
		return change(doc, path, value, addition)
	case "replace":
		return change(doc, path, value, replacement)
	}
	have, err := lookup(doc, path)
	if err == nil && !same(have, value) {
		err = errors.New("the test failed")
	}
	return doc, err
}

func (op operation) take(doc any, path []string) (any, error) {
	from, err := pointer(op.From)
	if err != nil {
		return nil, err
	}
	value, err := lookup(doc, from)
	if err != nil {
		return nil, err
	}
	if op.Op == "copy" {
		return change(doc, path, clone(value), addition)
	}
	if len(path) > len(from) && slices.Equal(path[:len(from)], from) {
		return nil, errors.New("a value cannot move into itself")
	}
	if doc, err = change(doc, from, nil, removal); err != nil {
		return nil, err
	}
	return change(doc, path, value, addition)
}

// pointer reads a JSON pointer (RFC 6901).
func pointer(text *string) ([]string, error) {
	if text == nil || *text != "" && (*text)[0] != '/' {
		return nil, errPointer
	}
	if *text == "" {
		return nil, nil
	}
	parts := strings.Split((*text)[1:], "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(p, "~1", "/"), "~0", "~")
	}
	return parts, nil
}

// lookup returns the value at a path.
func lookup(doc any, path []string) (any, error) {
	for _, name := range path {
		switch in := doc.(type) {
		case map[string]any:
			v, there := in[name]
			if !there {
				return nil, errNoMember
			}
			doc = v
		case []any:
			i, err := index(name, len(in)-1)
			if err != nil {
				return nil, err
			}
			doc = in[i]
		default:
			return nil, errNoMember
		}
	}
	return doc, nil
}

// index reads a place of an array, at most last.
func index(name string, last int) (int, error) {
	i, err := strconv.Atoi(name)
	if err != nil || i < 0 || i > last || strconv.Itoa(i) != name {
		return 0, errNoMember
	}
	return i, nil
}

// way of changing a value at a path.
type way int

const (
	addition way = iota
	replacement
	removal
)

// change does it and returns the document.
func change(doc any, path []string, value any, how way) (any, error) {
	if len(path) == 0 {
		if how == removal {
			return nil, errNoMember
		}
		return value, nil
	}
	name, rest := path[0], path[1:]
	switch in := doc.(type) {
	case map[string]any:
		return changeMember(in, name, rest, value, how)
	case []any:
		return changeElement(in, name, rest, value, how)
	}
	return nil, errNoMember
}

func changeMember(in map[string]any, name string, rest []string, value any, how way) (any, error) {
	have, there := in[name]
	if !there && (len(rest) > 0 || how != addition) {
		return nil, errNoMember
	}
	if len(rest) > 0 {
		v, err := change(have, rest, value, how)
		in[name] = v
		return in, err
	}
	if how == removal {
		delete(in, name)
	} else {
		in[name] = value
	}
	return in, nil
}

func changeElement(in []any, name string, rest []string, value any, how way) (any, error) {
	if how == addition && len(rest) == 0 {
		if name == "-" {
			return append(in, value), nil
		}
		i, err := index(name, len(in))
		if err != nil {
			return nil, err
		}
		return slices.Insert(in, i, value), nil
	}
	i, err := index(name, len(in)-1)
	if err != nil {
		return nil, err
	}
	switch {
	case len(rest) > 0:
		in[i], err = change(in[i], rest, value, how)
	case how == removal:
		in = slices.Delete(in, i, i+1)
	default:
		in[i] = value
	}
	return in, err
}
