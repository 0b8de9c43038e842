package kinto_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestKintoErrors gives each refusal its number and form.
func TestKintoErrors(t *testing.T) {
	s := newSite(t)
	s.put(things+"/a", "n", 1)
	long := strings.Repeat("a", 256)
	for _, c := range []struct {
		method, path string
		body         any
		head         []string
		status       int
		errno        int
	}{
		{"GET", things + "/none", nil, nil, 404, 110},
		{"DELETE", things + "/none", nil, nil, 404, 110},
		{"GET", things + "/_a", nil, nil, 400, 107},
		{"GET", things + "/a%20b", nil, nil, 400, 107},
		{"PUT", things + "/" + long, data(), nil, 400, 107},
		{"PUT", notes + "/" + long[:65], data(), nil, 400, 107},
		{"GET", bucket + "/collections/_x/records", nil, nil, 400, 107},
		{"GET", bucket + "/collections/" + long + "/records", nil, nil, 400, 107},
		{"GET", "/nowhere", nil, nil, 404, 111},
		{"GET", "/nowhere/else", nil, nil, 404, 111},
		{"GET", things + "/a/b", nil, nil, 404, 111},
		{"GET", "/buckets/other", nil, nil, 403, 121},
		{"GET", "/buckets/other/collections/c/records", nil, nil, 403, 121},
		{"PUT", things, data(), nil, 405, 115},
		{"POST", things + "/a", data(), nil, 405, 115},
		{"GET", "/batch", nil, nil, 405, 115},
		{"POST", "/", nil, nil, 405, 115},
		{"PUT", things + "/a", "{bad", nil, 400, 107},
		{"PUT", things + "/a", "[]", nil, 400, 107},
		{"PUT", things + "/a", `{"title":"x"}`, nil, 400, 107},
		{"PUT", things + "/a", `{"data":[]}`, nil, 400, 107},
		{"PUT", things + "/a", `{"data":null}`, nil, 400, 107},
		{"PUT", things + "/a", `{"permissions":[]}`, nil, 400, 107},
		{"PUT", things + "/a", data("id", "b"), nil, 400, 107},
		{"PATCH", things + "/a", data("id", "b"), nil, 400, 107},
		{"PATCH", things + "/a", "{}", nil, 400, 107},
		{"POST", things, data("id", "_"), nil, 400, 107},
		{"POST", things, data("id", 5), nil, 400, 107},
		{"PUT", things + "/a", data(), []string{"Content-Type", "text/plain"}, 415, 107},
		{"PUT", things + "/a", data(), []string{"Content-Type", "application/merge-patch+json"}, 415, 107},
		{"GET", things + "/a", nil, []string{"Accept", "text/html"}, 406, 107},
		{"GET", things + "/a", nil, []string{"If-Match", "5"}, 400, 107},
		{"GET", things + "/a", nil, []string{"If-None-Match", `W/"5"`}, 400, 107},
		{"GET", things, nil, []string{"If-None-Match", "abc"}, 400, 107},
		{"PATCH", things + "/a", data("b", 1), []string{"Response-Behavior", "none"}, 400, 107},
		{"PUT", things + "/big", data("t", strings.Repeat("x", 5<<20)), nil, 413, 113},
		{"PUT", notes + "/big", data("body", strings.Repeat("x", 5<<20)), nil, 413, 113},
		{"PUT", things + "/big", data("t", strings.Repeat("x", 17<<20)), nil, 413, 113},
		{"PUT", notes + "/n", data("title", strings.Repeat("x", 1025)), nil, 400, 107},
	} {
		t.Run(fmt.Sprint(c.method, " ", c.path[:min(len(c.path), 60)], " ", c.status), func(t *testing.T) {
			s.t = t
			r := s.do(c.method, c.path, c.body, c.head...).want(c.status, c.errno)
			f := decode[refusal](r)
			if c.errno == 107 && (f.Error != "Invalid parameters" || !strings.HasPrefix(string(f.Details), `[{"location":`)) {
				t.Errorf("%s", r.body)
			}
			if c.status == 405 && r.head.Get("Allow") == "" {
				t.Errorf("no Allow: %v", r.head)
			}
			if c.errno == 110 && string(f.Details) != `{"id":"none","resource_name":"record"}` {
				t.Errorf("%s", r.body)
			}
			if c.status < 500 && strings.Contains(string(r.body), "xxxx") {
				t.Errorf("the body comes back")
			}
		})
	}
	s.t = t
	if got := s.listed(things + "?_since=0"); got != "a" {
		t.Errorf("refused requests left %s", got)
	}
}

// TestKintoJSON takes text and numbers as they are and refuses what cannot be
// kept so.
func TestKintoJSON(t *testing.T) {
	s := newSite(t)
	for _, text := range []string{`{"x":12345678901234567890}`, `{"x":1.0,"y":-0,"z":1e2}`, `{"t":"\u0000 \ud83d\ude00 é <b>&"}`,
		`{"deleted":true,"schema":1,"_x":{"a":[null,false,[]]}}`, `{"a.b":{"c":1}}`} {
		for range 2 { // replaced by itself
			r := s.do("PUT", things+"/a", `{"data":`+text+`}`)
			if r.status > 201 {
				t.Fatalf("%s: %s", text, r.body)
			}
			got := string(s.do("GET", things+"/a", nil).want(200).body)
			for _, number := range []string{"12345678901234567890", "1.0", "-0", "1e2"} {
				if strings.Contains(text, number) && !strings.Contains(got, number) {
					t.Errorf("%s became %s", text, got)
				}
			}
			want, have := decode[object](reply{t: t, body: []byte(text)}), decode[struct{ Data object }](reply{t: t, body: []byte(got)}).Data
			delete(have, "id")
			delete(have, "last_modified")
			if fmt.Sprint(want) != fmt.Sprint(have) {
				t.Errorf("%v became %v", want, have)
			}
		}
	}
	for _, text := range []string{`{"x":1e400}`, `{"x":[-1e999]}`, `{"x":"\ud800"}`, `{"x":1,"x":2}`, "{\"x\":\"\xff\"}", `{"x":` + strings.Repeat("[", 50) + strings.Repeat("]", 50) + `}`} {
		s.do("PUT", things+"/a", `{"data":`+text+`}`).want(400, 107)
	}
}
