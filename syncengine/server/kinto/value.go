package kinto

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"stet/syncengine/wire"
)

// parse reads one JSON value; numbers stay as they are written.
func parse(data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	err := dec.Decode(&v)
	return v, err
}

// parseStrict reads a value that a client sent.
func parseStrict(data []byte) (any, error) {
	if err := wire.CheckJSON(data); err != nil {
		return nil, err
	}
	v, err := parse(data)
	if err == nil && !finite(v) {
		err = errors.New("number too big to be stored in double")
	}
	return v, err
}

// finite reports whether a double can hold every number of a value, if not to
// the last digit.
func finite(v any) bool {
	switch v := v.(type) {
	case json.Number:
		_, err := strconv.ParseFloat(v.String(), 64)
		return err == nil
	case []any:
		return !slices.ContainsFunc(v, func(x any) bool { return !finite(x) })
	case map[string]any:
		for _, x := range v {
			if !finite(x) {
				return false
			}
		}
	}
	return true
}

// text writes a value, members sorted, without escapes that JSON does not need.
func text(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// none stands for a member that is not there.
type none struct{}

// rank is the order of types, which is that of Kinto's databases.
func rank(v any) int {
	switch v.(type) {
	case nil:
		return 0
	case string:
		return 1
	case json.Number:
		return 2
	case bool:
		return 3
	case []any:
		return 4
	case map[string]any:
		return 5
	}
	return 6
}

// compare orders values of any type.
func compare(a, b any) int {
	if c := cmp.Compare(rank(a), rank(b)); c != 0 {
		return c
	}
	switch a := a.(type) {
	case string:
		return cmp.Compare(a, b.(string))
	case json.Number:
		return compareNumbers(a, b.(json.Number))
	case bool:
		return cmp.Compare(strconv.FormatBool(a), strconv.FormatBool(b.(bool)))
	case []any:
		return slices.CompareFunc(a, b.([]any), compare)
	case map[string]any:
		return compareMembers(a, b.(map[string]any))
	}
	return 0
}

func compareMembers(a, b map[string]any) int {
	names := slices.Sorted(maps.Keys(a))
	if c := slices.Compare(names, slices.Sorted(maps.Keys(b))); c != 0 {
		return c
	}
	for _, name := range names {
		if c := compare(a[name], b[name]); c != 0 {
			return c
		}
	}
	return 0
}

// compareNumbers compares whole numbers of any length to the last digit.
func compareNumbers(a, b json.Number) int {
	x, okX := new(big.Int).SetString(a.String(), 10)
	y, okY := new(big.Int).SetString(b.String(), 10)
	if okX && okY {
		return x.Cmp(y)
	}
	f, _ := a.Float64()
	g, _ := b.Float64()
	return cmp.Compare(f, g)
}

func same(a, b any) bool { return compare(a, b) == 0 }

// maxDotted bounds a path with dots, in bytes.
const maxDotted = 1024

// find returns the value at a dotted path, none{} if there is none. A name may
// have dots of its own: the longest that is there counts. Every dot is a look, so
// paths are bounded.
func find(m map[string]any, path string) any {
	if v, ok := m[path]; ok || len(path) > maxDotted {
		if !ok {
			return none{}
		}
		return v
	}
	for at := len(path) - 1; at > 0; at-- {
		if path[at] != '.' {
			continue
		}
		v, there := m[path[:at]]
		if !there {
			continue
		}
		if inner, ok := v.(map[string]any); ok {
			return find(inner, path[at+1:])
		}
		break
	}
	return none{}
}

// subset returns the members of m that fields name, dotted ones in part.
func subset(m map[string]any, fields []string) map[string]any {
	out := map[string]any{}
	for _, field := range fields {
		name, rest, dotted := strings.Cut(field, ".")
		v, there := m[name]
		if !there {
			continue
		}
		inner, ok := v.(map[string]any)
		if !dotted || !ok {
			out[name] = v
			continue
		}
		part := subset(inner, []string{rest})
		if have, ok := out[name].(map[string]any); ok {
			for k, x := range have {
				part[k] = x
			}
		}
		out[name] = part
	}
	return out
}
