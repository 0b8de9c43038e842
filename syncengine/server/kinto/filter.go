package kinto

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// filter is a condition on one field of an object.
type filter struct {
	op    string // eq, not, min, max, lt, gt, like, in, exclude, has, contains or contains_any
	field string
	value any // for in, exclude and contains a []any
	glob  *regexp.Regexp
}

// prefixes of parameters; the longer of two comes first.
var prefixes = []string{"contains_any", "contains", "exclude", "like", "min", "max", "not", "has", "lt", "gt", "eq", "in"}

var fieldPattern = regexp.MustCompile(`^[\w.]+$`)

// readFilter reads one parameter; false if it is none. Timestamps are below
// limit.
func readFilter(name, value string, limit int64) (f filter, ok bool, err error) {
	name = strings.TrimSpace(name)
	switch name {
	case "_since":
		f = filter{op: "gt", field: modifiedField}
	case "_before", "_to":
		f = filter{op: "lt", field: modifiedField}
	default:
		if strings.HasPrefix(name, "_") {
			return f, false, nil
		}
		f = filter{op: "eq", field: name}
		for _, p := range prefixes {
			if rest, found := strings.CutPrefix(name, p+"_"); found && fieldPattern.MatchString(rest) {
				f = filter{op: p, field: rest}
				break
			}
		}
	}
	f.value = f.read(value)
	if f.field == modifiedField {
		err = f.timestamps(name, value, limit)
	}
	if err == nil {
		err = f.check(name)
	}
	return f, true, err
}

// read reads a value as JSON where it is, as text otherwise.
func (f filter) read(value string) any {
	switch f.op {
	case "in", "exclude":
		var list []any
		for part := range strings.SplitSeq(value, ",") {
			if part != "" { // nothing before or after a comma is no value
				list = append(list, f.scalar(part))
			}
		}
		return list
	case "contains", "contains_any":
		v := f.scalar(value)
		if list, ok := v.([]any); ok {
			return list
		}
		return []any{v}
	}
	return f.scalar(value)
}

func (f filter) scalar(value string) any {
	v, err := parseStrict([]byte(value))
	_, isText := v.(string)
	if err != nil || f.field == "id" && !isText { // an id of digits is an id
		return value
	}
	return v
}

// timestamps makes numbers of the values of a filter on last_modified, which
// may be in quotes.
func (f *filter) timestamps(name, value string, limit int64) error {
	if f.op == "has" {
		return nil
	}
	list, isList := f.value.([]any)
	many := isList && (f.op == "in" || f.op == "exclude")
	if !many {
		list = []any{f.value}
	}
	list = slices.Clone(list)
	for i, v := range list {
		s, ok := v.(string)
		if n, is := v.(json.Number); is {
			s, ok = n.String(), true
		}
		n, err := strconv.ParseInt(s, 10, 64)
		switch {
		case !ok || err != nil:
			return notNumber(name, value)
		case n < 0:
			return negative(name, int(n))
		case n >= limit:
			return invalidValue(name)
		}
		list[i] = json.Number(strconv.FormatInt(n, 10))
	}
	if f.value = any(list); !many {
		f.value = list[0]
	}
	return nil
}

func invalidValue(name string) *fault {
	text := "Invalid value for " + name
	return invalid("querystring", name, text)
}

// check refuses values that an operator cannot use.
func (f *filter) check(name string) error {
	switch f.op {
	case "like":
		s, ok := f.value.(string)
		var err error
		if f.glob, err = glob(s); !ok || err != nil {
			return invalidValue(name)
		}
	case "contains", "contains_any":
		if f.field == modifiedField || f.field == "id" {
			text := "Field '" + f.field + "' is not an array"
			return invalid("querystring", name, text)
		}
	}
	return nil
}

// glob makes a pattern of a text with stars, which match anything; without any
// the text may be anywhere. What is no text or too long gives an error.
func glob(s string) (*regexp.Regexp, error) {
	if !strings.Contains(s, "*") {
		s = "*" + s + "*"
	}
	return regexp.Compile(`(?is)^` + strings.ReplaceAll(regexp.QuoteMeta(s), `\*`, `.*`) + `$`)
}

// matches reports whether an object is in the list.
func (f filter) matches(o *object) bool {
	v := o.field(f.field)
	_, missing := v.(none)
	switch f.op {
	case "has":
		return missing != truth(f.value)
	case "in":
		return slices.ContainsFunc(f.value.([]any), func(x any) bool { return same(x, v) })
	case "exclude":
		return !slices.ContainsFunc(f.value.([]any), func(x any) bool { return same(x, v) })
	case "like":
		s, ok := v.(string)
		return ok && f.glob.MatchString(s)
	case "contains", "contains_any":
		return f.contains(v)
	}
	c := compare(v, f.value)
	switch f.op {
	case "eq":
		return c == 0
	case "not":
		return c != 0
	case "min":
		return c >= 0
	case "max":
		return c <= 0
	case "lt":
		return c < 0
	}
	return c > 0
}

func (f filter) contains(v any) bool {
	list, ok := v.([]any)
	if !ok {
		return false
	}
	in := func(x any) bool { return slices.ContainsFunc(list, func(y any) bool { return same(x, y) }) }
	want := f.value.([]any)
	if f.op == "contains_any" {
		return slices.ContainsFunc(want, in)
	}
	return !slices.ContainsFunc(want, func(x any) bool { return !in(x) })
}

// field returns a value for filters and sorting.
func (o *object) field(name string) any {
	switch {
	case name == "id":
		return o.id
	case name == modifiedField:
		return json.Number(strconv.FormatInt(o.rev, 10))
	}
	return find(o.members(), name)
}

// truth is what a value counts as where yes or no is wanted.
func truth(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case json.Number:
		n, err := v.Float64()
		return err != nil || n != 0
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return false
}
