package kinto_test

import (
	"fmt"
	"testing"
)

// TestKintoRecord takes a record through its life.
func TestKintoRecord(t *testing.T) {
	s := newSite(t)
	made := s.do("PUT", things+"/a", data("title", "one", "n", 1)).want(201)
	first := made.data()
	if first["title"] != "one" || first.id() != "a" || first.rev() != made.stamp() || made.head.Get("Last-Modified") == "" {
		t.Errorf("%s %v", made.body, made.head)
	}
	if got := decode[struct{ Permissions map[string][]string }](made).Permissions["write"]; len(got) != 1 || got[0] != "account:ann" {
		t.Errorf("permissions %v", got)
	}
	second := s.do("PUT", things+"/a", data("title", "two")).want(200)
	if d := second.data(); d["title"] != "two" || d["n"] != nil || d.rev() <= first.rev() {
		t.Errorf("replaced: %s", second.body)
	}
	again := s.do("PUT", things+"/a", nil).want(200)
	if d := again.data(); d["title"] != "two" || d.rev() <= second.data().rev() {
		t.Errorf("stamped anew: %s", again.body)
	}
	got := s.do("GET", things+"/a", nil).want(200)
	if got.data().rev() != again.stamp() || got.head.Get("Cache-Control") != "no-cache, no-store" {
		t.Errorf("%s %v", got.body, got.head)
	}
	if head := s.do("HEAD", things+"/a", nil).want(200); head.stamp() != again.stamp() || len(head.body) > 0 {
		t.Errorf("%v %s", head.head, head.body)
	}
	if part := s.do("GET", things+"/a?_fields=none", nil).want(200).data(); len(part) != 2 || part.rev() != again.stamp() {
		t.Errorf("%v", part)
	}
	gone := s.do("DELETE", things+"/a", nil).want(200)
	if d := gone.data(); d["deleted"] != true || d.id() != "a" || len(d) != 3 || d.rev() != gone.stamp() {
		t.Errorf("%s", gone.body)
	}
	s.do("GET", things+"/a", nil).want(404, 110)
	s.do("DELETE", things+"/a", nil).want(404, 110)
	s.do("DELETE", things+"/a", nil, "If-Match", tag(gone.stamp())).want(404, 110)
	s.do("PATCH", things+"/a", data()).want(404, 110)
	back := s.do("PUT", things+"/a", data("back", true), "If-None-Match", "*").want(201)
	if got := s.listed(fmt.Sprintf("%s?_since=%d", things, second.stamp())); got != "a" || back.stamp() <= gone.stamp() {
		t.Errorf("after it came back: %s", got)
	}
}

// TestKintoPost makes a record under a new id, or shows the one that is there.
func TestKintoPost(t *testing.T) {
	s := newSite(t)
	anon := s.do("POST", things, data("n", 1)).want(201).data()
	if len(anon.id()) != 36 || anon["n"] != 1.0 {
		t.Errorf("%v", anon)
	}
	made := s.do("POST", things, data("id", "a", "n", 2)).want(201).data()
	there := s.do("POST", things, data("id", "a", "n", 3)).want(200).data()
	if there["n"] != 2.0 || there.rev() != made.rev() {
		t.Errorf("%v, want %v", there, made)
	}
	s.do("POST", things, nil).want(201)
	s.do("POST", things, data("id", "a"), "If-None-Match", "*").want(412, 114)
	s.do("POST", things, data("id", "b"), "If-None-Match", "*").want(201)
	s.do("POST", things, data("id", "c"), "If-Match", tag(made.rev())).want(412, 114)
	s.do("POST", things, data("n", 1), "If-Match", "*").want(412, 114)
}

// TestKintoPreconditions is the table of what each method does under each
// condition.
func TestKintoPreconditions(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		method, at string // a record that is there, was deleted, or never was
		head       string // with REV for its timestamp
		value      string
		status     int
		existing   bool // the refusal shows the record
	}{
		{"PUT", "there", "If-None-Match", "*", 412, true},
		{"PUT", "there", "If-Match", "REV", 200, false},
		{"PUT", "there", "If-Match", `"5"`, 412, true},
		{"PUT", "there", "If-Match", `"9000000000000"`, 412, true},
		{"PUT", "there", "If-Match", `"99999999999999999999999"`, 412, true},
		{"PUT", "there", "If-Match", "*", 200, false},
		{"PUT", "there", "If-None-Match", `"5"`, 200, false},
		{"PUT", "deleted", "If-None-Match", "*", 201, false},
		{"PUT", "deleted", "If-Match", "REV", 412, false},
		{"PUT", "never", "If-None-Match", "*", 201, false},
		{"PUT", "never", "If-Match", `"5"`, 412, false},
		{"PUT", "never", "If-Match", "*", 412, false},
		{"PATCH", "there", "If-None-Match", "*", 412, true},
		{"PATCH", "there", "If-Match", "REV", 200, false},
		{"PATCH", "there", "If-Match", `"5"`, 412, true},
		{"PATCH", "never", "If-Match", `"5"`, 404, false},
		{"PATCH", "deleted", "If-Match", "REV", 404, false},
		{"DELETE", "there", "If-Match", "REV", 200, false},
		{"DELETE", "there", "If-Match", `"5"`, 412, true},
		{"DELETE", "there", "If-None-Match", "*", 412, true},
		{"DELETE", "never", "If-Match", "*", 404, false},
		{"DELETE", "deleted", "If-Match", "REV", 404, false},
		{"GET", "there", "If-None-Match", "REV", 304, false},
		{"GET", "there", "If-None-Match", `"5"`, 200, false},
		{"GET", "there", "If-None-Match", "*", 412, true},
		{"GET", "there", "If-Match", "REV", 200, false},
		{"GET", "there", "If-Match", `"5"`, 412, true},
		{"GET", "never", "If-Match", `"5"`, 404, false},
		{"HEAD", "there", "If-None-Match", "REV", 304, false},
	} {
		for _, list := range []string{things, notes} {
			t.Run(fmt.Sprint(c.method, " ", c.at, " ", c.head, " ", c.value, " ", list), func(t *testing.T) {
				s.t = t
				path := list + "/" + c.at
				s.do("DELETE", path, nil)
				var rev int64
				if c.at == "never" {
					path += fmt.Sprint(s.ids.Add(1))
				} else {
					rev = s.put(path, "title", "x").rev()
				}
				if c.at == "deleted" {
					rev = s.do("DELETE", path, nil).want(200).stamp()
				}
				stamp := s.do("GET", list, nil).stamp()
				value := c.value
				if value == "REV" {
					value = tag(rev)
				}
				var body any
				if c.method == "PUT" || c.method == "PATCH" {
					body = data("title", "y")
				}
				r := s.do(c.method, path, body, c.head, value).want(c.status)
				switch c.status {
				case 304:
					if r.stamp() != rev || len(r.body) > 0 {
						t.Errorf("%v %s", r.head, r.body)
					}
				case 412:
					f := decode[struct {
						Errno   int
						Message string
						Details struct{ Existing object }
					}](r)
					if f.Errno != 114 || f.Message != "Resource was modified meanwhile" || (f.Details.Existing != nil) != c.existing {
						t.Errorf("%s", r.body)
					}
					if c.existing && (f.Details.Existing["title"] != "x" || r.stamp() != rev) || !c.existing && r.stamp() != stamp {
						t.Errorf("ETag %d: record %d, list %d: %s", r.stamp(), rev, stamp, r.body)
					}
					if now := s.do("GET", list, nil).stamp(); now != stamp {
						t.Errorf("a refused request moved the list from %d to %d", stamp, now)
					}
				}
			})
		}
	}
	s.t = t
	stamp := s.do("GET", things, nil).stamp()
	s.do("GET", things, nil, "If-None-Match", tag(stamp)).want(304)
	s.do("GET", fmt.Sprintf("%s?_since=%d", things, stamp), nil, "If-None-Match", tag(stamp)).want(304)
	s.do("GET", things, nil, "If-None-Match", `"5"`).want(200)
	s.do("GET", things, nil, "If-Match", tag(stamp)).want(200)
	for _, r := range []reply{s.do("GET", things, nil, "If-None-Match", "*"), s.do("GET", things, nil, "If-Match", `"5"`),
		s.do("DELETE", things, nil, "If-Match", `"5"`)} {
		if r.want(412, 114); r.stamp() != stamp || decode[refusal](r).Details != nil {
			t.Errorf("%v %s", r.head, r.body)
		}
	}
}
