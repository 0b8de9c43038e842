package kinto

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// parts reads a batch.
func (a ask) parts() ([]ask, error) {
	v, err := parseStrict(a.body)
	m, ok := v.(map[string]any)
	switch {
	case err != nil:
		return nil, malformed(err)
	case !ok:
		return nil, invalid("body", "", "The body is not a mapping type")
	}
	for name := range m {
		if name != "defaults" && name != "requests" {
			return nil, invalid("body", "", "Unrecognized keys in mapping: only defaults and requests are known")
		}
	}
	list, ok := m["requests"].([]any)
	if !ok {
		return nil, invalid("body", "requests", "Required")
	}
	if len(list) > maxBatch {
		return nil, invalid("body", "requests", fmt.Sprintf("Number of requests is limited to %d", maxBatch))
	}
	defaults, ok := m["defaults"].(map[string]any)
	if _, there := m["defaults"]; there && !ok {
		return nil, invalid("body", "defaults", "defaults is not a mapping type")
	}
	out := make([]ask, len(list))
	for i, v := range list {
		one, ok := v.(map[string]any)
		if !ok {
			return nil, invalid("body", fmt.Sprintf("requests.%d", i), "not a mapping type")
		}
		fill(one, defaults)
		if out[i], err = a.part(i, one); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// fill adds what is missing in m, at any depth.
func fill(m, defaults map[string]any) {
	for name, v := range defaults {
		have, there := m[name]
		into, ok := have.(map[string]any)
		from, ok2 := v.(map[string]any)
		switch {
		case !there:
			m[name] = clone(v)
		case ok && ok2:
			fill(into, from)
		}
	}
}

// maxPath bounds the path and query of a part, in bytes: one that comes alone
// is bounded by the server's header.
const maxPath = 32 << 10

var partNames = []string{"method", "path", "headers", "body"}

var partMethods = []string{"GET", "HEAD", "DELETE", "POST", "PUT", "PATCH"}

// part makes a request of one member of a batch.
func (a ask) part(i int, m map[string]any) (ask, error) {
	bad := func(name, text string) (ask, error) {
		return ask{}, invalid("body", fmt.Sprintf("requests.%d%s", i, name), text)
	}
	for name := range m {
		if !slices.Contains(partNames, name) {
			return bad("", "Unrecognized keys in mapping: only "+strings.Join(partNames, ", ")+" are known")
		}
	}
	path, isPath := m["path"].(string)
	method, isMethod := m["method"].(string)
	if _, told := m["method"]; !told {
		method, isMethod = http.MethodGet, true
	}
	head, isHead := headersOf(m)
	body, isBody := m["body"].(map[string]any)
	if _, told := m["body"]; !told {
		isBody = true
	}
	switch {
	case m["path"] == nil:
		return bad(".path", "Required")
	case !isPath || !strings.HasPrefix(path, "/") || len(path) > maxPath:
		return bad(".path", "String does not match expected pattern")
	case !isMethod || !slices.Contains(partMethods, method):
		return bad(".method", "the method is not one of "+strings.Join(partMethods, ", "))
	case !isHead:
		return bad(".headers", "want strings")
	case !isBody:
		return bad(".body", "not a mapping type")
	}
	sub := ask{method: method, head: a.headers(head), origin: a.origin}
	if body != nil {
		raw, err := text(body)
		if err != nil {
			return ask{}, err
		}
		sub.body = raw
	}
	return sub, sub.locate(path)
}

// headersOf returns the headers of a part, which have to be strings.
func headersOf(m map[string]any) (map[string]string, bool) {
	v, told := m["headers"]
	if !told {
		return nil, true
	}
	list, ok := v.(map[string]any)
	out := make(map[string]string, len(list))
	for name, v := range list {
		if out[name], ok = v.(string); !ok {
			return nil, false
		}
	}
	return out, ok
}

// headers are those of a part: the batch's own, and what the part says.
func (a ask) headers(own map[string]string) http.Header {
	out := maps.Clone(a.head)
	for name, value := range own {
		out.Set(name, value)
	}
	for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Type"} {
		out.Del(name)
	}
	return out
}

// locate reads the path of a part, with or without the prefix.
func (a *ask) locate(path string) error {
	at, err := url.Parse(path)
	if err != nil || at.Host != "" {
		return invalid("body", "path", "String does not match expected pattern")
	}
	if a.query, err = url.ParseQuery(at.RawQuery); err != nil {
		return invalid("body", "path", "the query is not well formed")
	}
	a.path = at.Path
	for _, prefix := range []string{outside, "/v1"} {
		if rest, ok := strings.CutPrefix(a.path, prefix+"/"); ok {
			a.path = "/" + rest
		}
	}
	a.path = Prefix + "/" + strings.TrimRight(strings.TrimPrefix(a.path, "/"), "/")
	if a.path == Prefix+"/batch" {
		return invalid("body", "requests", "Recursive call on /batch endpoint is forbidden.")
	}
	return nil
}
