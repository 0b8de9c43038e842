package kinto_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// shelf fills a list with eight records and two tombstones.
func shelf(s *site, path string) (revs map[string]int64) {
	revs = map[string]int64{}
	for i, fields := range [][]any{
		{"n", 3, "t", "Beta", "l", []any{"x", "y"}}, {"n", 1, "t", "alpha", "m", map[string]any{"k": 2}}, {"n", 2},
		{"n", "2", "t", "Gamma"}, {"n", nil}, {}, {"n", 2, "l", []any{"y"}}, {"n", 10, "m", map[string]any{"k": 1}}, {"n", 5}, {"n", 6},
	} {
		id := fmt.Sprint("r", i)
		revs[id] = s.put(path+"/"+id, fields...).rev()
	}
	for _, id := range []string{"r8", "r9"} {
		revs[id] = s.do("DELETE", path+"/"+id, nil).want(200).stamp()
	}
	return revs
}

// TestKintoList lists by time, newest first, with tombstones only where time is
// asked for.
func TestKintoList(t *testing.T) {
	s := newSite(t)
	revs := shelf(s, things)
	for query, want := range map[string]string{
		"":                                "r7 r6 r5 r4 r3 r2 r1 r0",
		"_since=0":                        "-r9 -r8 r7 r6 r5 r4 r3 r2 r1 r0",
		"_since={r5}":                     "-r9 -r8 r7 r6",
		`_since="{r5}"`:                   "-r9 -r8 r7 r6",
		"_since={r9}":                     "",
		"_before={r2}":                    "r1 r0",
		"_to={r2}":                        "r1 r0",
		"_before=0":                       "",
		"_since={r1}&_before={r4}":        "r3 r2",
		"_since=0&deleted=true":           "-r9 -r8",
		"_since=0&not_deleted=true":       "r7 r6 r5 r4 r3 r2 r1 r0",
		"deleted=true":                    "",
		"_since=0&_sort=last_modified":    "r0 r1 r2 r3 r4 r5 r6 r7 -r8 -r9",
		"last_modified={r8}":              "-r8",
		"min_last_modified={r7}":          "-r9 -r8 r7",
		"max_last_modified={r1}":          "r1 r0",
		"gt_last_modified={r7}":           "-r9 -r8",
		"lt_last_modified={r1}":           "r0",
		"in_last_modified={r1},{r8}":      "-r8 r1",
		"exclude_last_modified={r1},{r8}": "-r9 r7 r6 r5 r4 r3 r2 r0",
		"_bogus=1&_expected=5":            "r7 r6 r5 r4 r3 r2 r1 r0",
	} {
		r := s.do("GET", things+"?"+fill(query, revs), nil).want(200)
		if got := r.ids(); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
		if r.stamp() != revs["r9"] || r.head.Get("Cache-Control") != "no-cache, no-store" || r.head.Get("Total-Records") != "" || r.head.Get("Next-Page") != "" {
			t.Errorf("%s: %v", query, r.head)
		}
		if alert := r.head.Get("Alert"); (alert != "") != strings.HasPrefix(query, "_to") {
			t.Errorf("%s: alert %q", query, alert)
		}
	}
	for _, query := range []string{"_since=abc", "_since=-1", "_since=", "_since=true", "_since=1.5", "_before=x", "_limit=-1", "_limit=abc",
		"last_modified=x", "min_last_modified=x", "_token=x", "_token=e30=", "like_t=5", "contains_id=a",
		fmt.Sprint("_since=", s.ms.Load()+25*time.Hour.Milliseconds())} {
		s.do("GET", things+"?"+query, nil).want(400, 107)
	}
	for query, want := range map[string]string{"": "8", "_limit=2": "8", "_since=0": "8", "min_n=3": "3", "deleted=true&_since=0": "0"} {
		r := s.do("HEAD", things+"?"+query, nil).want(200)
		if r.head.Get("Total-Records") != want || r.head.Get("Total-Objects") != want || r.head.Get("Next-Page") != "" || r.stamp() != revs["r9"] {
			t.Errorf("%s: %v, want %s", query, r.head, want)
		}
	}
}

func fill(query string, revs map[string]int64) string {
	for id, rev := range revs {
		query = strings.ReplaceAll(query, "{"+id+"}", fmt.Sprint(rev))
	}
	return query
}

// TestKintoFilters picks records by what is in them.
func TestKintoFilters(t *testing.T) {
	s := newSite(t)
	shelf(s, things)
	for query, want := range map[string]string{
		"n=2":                          "r6 r2",
		`n="2"`:                        "r3",
		"n=null":                       "r4",
		"n=2.0":                        "r6 r2",
		"m.k=1":                        "r7",
		"t=Beta":                       "r0",
		"bogus=1":                      "",
		"not_n=2":                      "r7 r5 r4 r3 r1 r0",
		"eq_n=2":                       "r6 r2",
		"gt_n=2&lt_n=10":               "r0",
		"min_n=3&max_n=10":             "r7 r0",
		"lt_n=2":                       "r4 r3 r1",
		"like_t=A":                     "r3 r1 r0",
		"like_t=a*":                    "r1",
		"like_t=*A":                    "r3 r1 r0",
		"like_t=B*A":                   "r0",
		"like_t=.*":                    "",
		"in_n=1,10,x":                  "r7 r1",
		"in_n=1,,10,":                  "r7 r1",
		"in_n=":                        "",
		"exclude_n=,":                  "r7 r6 r5 r4 r3 r2 r1 r0",
		"in_last_modified=":            "",
		"exclude_n=2,10":               "r5 r4 r3 r1 r0",
		"in_id=r1,r2,none":             "r2 r1",
		"exclude_id=r1,r2,r7":          "r6 r5 r4 r3 r0",
		"id=r3":                        "r3",
		"id=3":                         "",
		"has_m=true":                   "r7 r1",
		"has_m=false":                  "r6 r5 r4 r3 r2 r0",
		"contains_l=y":                 "r6 r0",
		`contains_l=["x","y"]`:         "r0",
		`contains_any_l=["x","z"]`:     "r0",
		"contains_n=2":                 "",
		"n=2&n=3":                      "",
		"has_n=true&has_t=true&min_n=": "r3 r1 r0",
	} {
		parts := strings.Split(query, "&")
		for i, p := range parts {
			name, value, _ := strings.Cut(p, "=")
			parts[i] = name + "=" + url.QueryEscape(value)
		}
		if got := s.listed(things + "?" + strings.Join(parts, "&")); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	s.put(things + "/007")
	for _, query := range []string{"id=007", "id=%22007%22", "in_id=%227%22,%22007%22", "in_id=7,007", "min_id=0&max_id=1"} {
		if got := s.listed(things + "?" + query); got != "007" {
			t.Errorf("%s: %s", query, got)
		}
	}
	got := s.do("GET", things+"?_fields=n,m.k&id=r1", nil).want(200).list()
	if fmt.Sprint(got) != fmt.Sprint([]object{{"id": "r1", "last_modified": got[0]["last_modified"], "n": 1.0, "m": map[string]any{"k": 2.0}}}) {
		t.Errorf("%v", got)
	}
	if got := s.listed(things + "?_fields=n&_since=0&deleted=true"); got != "-r9 -r8" {
		t.Errorf("tombstones without their mark: %s", got)
	}
}

// TestKintoSort sorts by any fields, values of unlike types by type.
func TestKintoSort(t *testing.T) {
	s := newSite(t)
	shelf(s, things)
	for sort, want := range map[string]string{
		"n":                "r4 r3 r1 r6 r2 r0 r7 r5",
		"-n":               "r5 r7 r0 r6 r2 r1 r3 r4",
		"n,last_modified":  "r4 r3 r1 r2 r6 r0 r7 r5",
		"m.k,-n":           "r7 r1 r5 r0 r6 r2 r3 r4",
		"bogus":            "r7 r6 r5 r4 r3 r2 r1 r0",
		"last_modified":    "r0 r1 r2 r3 r4 r5 r6 r7",
		"-last_modified,n": "r7 r6 r5 r4 r3 r2 r1 r0",
		"id":               "r0 r1 r2 r3 r4 r5 r6 r7",
		"":                 "r7 r6 r5 r4 r3 r2 r1 r0",
	} {
		if got := s.listed(things + "?_sort=" + sort); got != want {
			t.Errorf("%s: %s, want %s", sort, got, want)
		}
		for _, limit := range []int{1, 3, 8} {
			if got, n := s.pages(fmt.Sprintf("%s?_sort=%s&_limit=%d", things, sort, limit)); got != want || n != (8+limit-1)/limit {
				t.Errorf("%s by %d: %s in %d pages, want %s", sort, limit, got, n, want)
			}
		}
	}
}

// pages follows Next-Page to the end.
func (s *site) pages(path string) (ids string, n int) {
	s.t.Helper()
	var all []string
	for path != "" && n < 50 {
		r := s.do("GET", path, nil).want(200)
		if got := r.ids(); got != "" {
			all = append(all, got)
		}
		path = r.head.Get("Next-Page")
		n++
	}
	return strings.Join(all, " "), n
}

// TestKintoPaging: the next page's address is absolute, has the bucket's real id
// and keeps the other parameters.
func TestKintoPaging(t *testing.T) {
	s := newSite(t)
	shelf(s, things)
	r := s.do("GET", things+"?_limit=3&min_n=1&_since=0", nil).want(200)
	next, err := url.Parse(r.head.Get("Next-Page"))
	if err != nil || next.Scheme+"://"+next.Host != s.http.URL || !strings.HasPrefix(next.Path, "/kinto/v1/buckets/") ||
		strings.Contains(next.Path, "default") || next.Query().Get("min_n") != "1" || next.Query().Get("_limit") != "3" || next.Query().Get("_token") == "" {
		t.Fatalf("%v, %v", next, err)
	}
	if got, n := s.pages(things + "?_limit=3&_since=0"); got != "-r9 -r8 r7 r6 r5 r4 r3 r2 r1 r0" || n != 4 {
		t.Errorf("%s in %d", got, n)
	}
	if got, n := s.pages(things + "?_limit=5&_since=0"); got != "-r9 -r8 r7 r6 r5 r4 r3 r2 r1 r0" || n != 2 {
		t.Errorf("%s in %d: an exact multiple has no empty page", got, n)
	}
	if got := s.do("GET", things+"?_limit=0", nil).want(200); got.ids() != "r7 r6 r5 r4 r3 r2 r1 r0" {
		t.Errorf("no limit: %s", got.ids())
	}
}

// TestKintoPluralDelete deletes what matches, a tombstone each.
func TestKintoPluralDelete(t *testing.T) {
	s := newSite(t)
	for _, list := range []string{things, notes} {
		for i := range 6 {
			s.put(fmt.Sprintf("%s/r%d", list, i), "n", i)
		}
		before := s.do("GET", list, nil).stamp()
		gone := s.do("DELETE", list+"?max_n=1", nil).want(200)
		if got := gone.ids(); got != "-r1 -r0" || gone.stamp() <= before || gone.stamp() != s.do("GET", list, nil).stamp() {
			t.Errorf("%s, %d after %d", got, gone.stamp(), before)
		}
		seen := map[int64]bool{}
		for _, o := range gone.list() {
			if seen[o.rev()] || o.rev() <= before {
				t.Errorf("timestamp %d", o.rev())
			}
			seen[o.rev()] = true
		}
		s.do("DELETE", list, nil, "If-Match", tag(before)).want(412, 114)
		page := s.do("DELETE", list+"?_limit=3&_sort=n", nil).want(200)
		if page.ids() != "-r2 -r3 -r4" || page.head.Get("Next-Page") == "" {
			t.Errorf("%s %v", page.ids(), page.head)
		}
		if last := s.do("DELETE", page.head.Get("Next-Page"), nil).want(200); last.ids() != "-r5" || last.head.Get("Next-Page") != "" {
			t.Errorf("%s %v", last.ids(), last.head)
		}
		nothing := s.do("DELETE", list, nil).want(200)
		if nothing.ids() != "" || nothing.stamp() != s.do("GET", list, nil).stamp() {
			t.Errorf("%s %d", nothing.ids(), nothing.stamp())
		}
		if got := s.listed(list + "?_since=0&_sort=id"); got != "-r0 -r1 -r2 -r3 -r4 -r5" {
			t.Errorf("tombstones: %s", got)
		}
	}
}

// TestKintoNamedIds: a list of named ids is what the whole list has of them, in
// every range and order, paged or not, of documents and of notes.
func TestKintoNamedIds(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{things, notes} {
		revs := map[string]int64{}
		if path == things {
			revs = shelf(s, path)
		} else {
			for i := range 10 {
				id := fmt.Sprint("r", i)
				revs[id] = s.put(path+"/"+id, "title", id).rev()
			}
			for _, id := range []string{"r8", "r9"} {
				revs[id] = s.do("DELETE", path+"/"+id, nil).want(200).stamp()
			}
		}
		for _, rest := range []string{"", "_since=0", "_since={r1}", "_before={r7}", "_since=0&_before={r8}", "_since=0&deleted=true",
			"_since=0&_sort=last_modified", "_sort=id", "_since=0&_sort=-id", "_since=0&not_id=r1"} {
			for _, ids := range []string{"r1", "r9", "none", "r7,r9,r0", "r3,r3,none,r2,r8"} {
				all := strings.Fields(s.do("GET", path+"?"+fill(rest, revs), nil).want(200).ids())
				want := slices.DeleteFunc(all, func(id string) bool {
					return !slices.Contains(strings.Split(ids, ","), strings.TrimPrefix(id, "-"))
				})
				named := path + "?in_id=" + ids + "&" + fill(rest, revs)
				if got := s.do("GET", named, nil).want(200).ids(); got != strings.Join(want, " ") {
					t.Errorf("%s: %q, want %q", named, got, want)
				}
				if !strings.Contains(ids, ",") {
					if got := s.do("GET", path+"?id="+ids+"&"+fill(rest, revs), nil).want(200).ids(); got != strings.Join(want, " ") {
						t.Errorf("%s, one: %q, want %q", named, got, want)
					}
				}
				var paged []string
				for next := named + "&_limit=1"; next != ""; {
					r := s.do("GET", next, nil).want(200)
					paged = append(paged, strings.Fields(r.ids())...)
					next = r.head.Get("Next-Page")
				}
				if !slices.Equal(paged, want) {
					t.Errorf("%s, in pages: %q, want %q", named, paged, want)
				}
			}
		}
	}
}
