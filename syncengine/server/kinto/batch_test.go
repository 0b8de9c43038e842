package kinto_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestKintoBatch runs many requests as if they came one after another.
func TestKintoBatch(t *testing.T) {
	s := newSite(t)
	s.put(things+"/old", "n", 1)
	got := s.batch(
		request("PUT", things+"/a", map[string]string{"If-None-Match": "*"}, data("n", 1)),
		request("PUT", "/v1"+things+"/a", map[string]string{"If-None-Match": "*"}, data("n", 2)),
		request("PUT", root+things+"/b", nil, data("n", 3)),
		request("GET", things+"?_sort=id", nil, nil),
		request("HEAD", things, nil, nil),
		request("GET", things+"/none", nil, nil),
		request("DELETE", things+"/old", nil, nil),
		request("PATCH", things+"/a/", nil, data("m", 1)),
		request("PUT", things+"/a", map[string]string{"If-Match": `"5"`}, data()),
		request("PUT", things, nil, data()),
		request("PUT", things+"/a", nil, map[string]any{"x": 1}),
		request("GET", "/buckets/other", nil, nil),
		request("GET", "/nowhere", nil, nil),
		request("GET", "/", nil, nil),
		request("POST", things, nil, data("id", "a")),
		request("GET", things+"/%61", nil, nil),
	)
	want := []int{201, 412, 201, 200, 200, 404, 200, 200, 412, 405, 400, 403, 404, 200, 200, 200}
	for i, r := range got {
		if r.Status != want[i] {
			t.Errorf("%d: %d, want %d: %s", i, r.Status, want[i], r.Body)
		}
	}
	if got[0].Path != root+things+"/a" || got[1].Path != got[0].Path || got[0].Headers["ETag"] == "" || !strings.Contains(string(got[3].Body), `"id":"b"`) {
		t.Errorf("%+v\n%+v\n%s", got[0], got[1], got[3].Body)
	}
	if string(got[4].Body) != `""` || got[4].Headers["Total-Records"] != "3" {
		t.Errorf("HEAD: %+v", got[4])
	}
	if got := s.listed(things + "?_since=0&_sort=id"); got != "a b -old" {
		t.Errorf("afterwards: %s", got)
	}
	if got := s.do("GET", things+"/a", nil).data(); got["n"] != 1.0 || got["m"] != 1.0 {
		t.Errorf("%v", got)
	}
}

// TestKintoBatchDefaults merges the defaults under each request, at any depth.
func TestKintoBatchDefaults(t *testing.T) {
	s := newSite(t)
	r := s.do("POST", "/batch", map[string]any{
		"defaults": map[string]any{"method": "PUT", "headers": map[string]string{"If-None-Match": "*", "Authorization": basic("ann", annToken)},
			"body": data("a", 1, "b", 1)},
		"requests": []any{
			map[string]any{"path": things + "/x", "body": data("b", 2)},
			map[string]any{"path": things + "/y", "headers": map[string]string{"If-None-Match": `"5"`}},
			map[string]any{"path": things + "/x"},
		}}, "Authorization", "").want(200)
	parts := decode[struct{ Responses []answerPart }](r).Responses
	if parts[0].Status != 201 || parts[1].Status != 201 || parts[2].Status != 412 {
		t.Fatalf("%s", r.body)
	}
	if x, y := s.do("GET", things+"/x", nil).data(), s.do("GET", things+"/y", nil).data(); x["a"] != 1.0 || x["b"] != 2.0 || y["b"] != 1.0 {
		t.Errorf("%v %v", x, y)
	}
}

// TestKintoBatchRefused leaves nothing done.
func TestKintoBatchRefused(t *testing.T) {
	s := newSite(t)
	var many []any
	for i := range 26 {
		many = append(many, request("PUT", fmt.Sprint(things, "/m", i), nil, data()))
	}
	ok := request("PUT", things+"/a", nil, data())
	for name, body := range map[string]any{
		"26 requests":  map[string]any{"requests": many},
		"no requests":  map[string]any{},
		"a list":       []any{ok},
		"not JSON":     "{bad",
		"unknown key":  map[string]any{"requests": []any{ok}, "x": 1},
		"unknown part": map[string]any{"requests": []any{ok, map[string]any{"path": "/", "x": 1}}},
		"no path":      map[string]any{"requests": []any{ok, map[string]any{"method": "GET"}}},
		"bare path":    map[string]any{"requests": []any{ok, map[string]any{"path": "buckets"}}},
		"other host":   map[string]any{"requests": []any{ok, map[string]any{"path": "//other/buckets"}}},
		"method":       map[string]any{"requests": []any{ok, request("FOO", "/", nil, nil)}},
		"header":       map[string]any{"requests": []any{ok, map[string]any{"path": "/", "headers": map[string]any{"a": 1}}}},
		"body":         map[string]any{"requests": []any{ok, map[string]any{"path": "/", "body": []any{}}}},
		"nested":       map[string]any{"requests": []any{ok, request("POST", "/batch", nil, map[string]any{})}},
		"no object":    map[string]any{"requests": []any{ok, "x"}},
		"defaults":     map[string]any{"requests": []any{ok}, "defaults": []any{}},
		"two accounts": map[string]any{"requests": []any{ok, request("GET", things, map[string]string{"Authorization": basic("bob", bobToken)}, nil)}},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			s.do("POST", "/batch", body).want(400, 107)
		})
	}
	s.t = t
	if got := s.listed(things + "?_since=0"); got != "" {
		t.Errorf("refused batches left %s", got)
	}
	if r := s.do("POST", "/batch", `{"requests":[]}`).want(200); string(r.body) != `{"responses":[]}` {
		t.Errorf("%s", r.body)
	}
	for _, r := range decode[struct{ Responses []answerPart }](s.do("POST", "/batch", map[string]any{"requests": []any{ok}}, "Authorization", basic("ann", "guess"))).Responses {
		if r.Status != 401 || !strings.Contains(string(r.Body), `"errno":104`) {
			t.Errorf("%+v", r)
		}
	}
}
