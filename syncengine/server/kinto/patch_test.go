package kinto_test

import (
	"encoding/json"
	"testing"
)

const (
	asMerge = "application/merge-patch+json"
	asPatch = "application/json-patch+json"
)

// TestKintoPatch applies the three kinds of patches.
func TestKintoPatch(t *testing.T) {
	s := newSite(t)
	start := `{"a":1,"m":{"x":1,"y":{"z":2}},"l":[1,2]}`
	for _, c := range []struct {
		media, body string
		want        string // "" for a refusal
	}{
		{"application/json", `{"data":{"a":2,"b":null}}`, `{"a":2,"b":null,"m":{"x":1,"y":{"z":2}},"l":[1,2]}`},
		{"application/json", `{"data":{"m":{"x":9}}}`, `{"a":1,"m":{"x":9},"l":[1,2]}`},
		{"application/json", `{"data":{}}`, start},
		{"application/json", `{"permissions":{"read":["x"]}}`, start},
		{"application/json", `{"data":{"last_modified":5}}`, start},
		{asMerge, `{"data":{"a":null,"m":{"x":null,"y":{"w":1}}}}`, `{"m":{"y":{"z":2,"w":1}},"l":[1,2]}`},
		{asMerge, `{"data":{"l":{"q":null,"r":{"s":null}}}}`, `{"a":1,"m":{"x":1,"y":{"z":2}},"l":{"r":{}}}`},
		{asPatch, `[{"op":"add","path":"/data/l/-","value":3},{"op":"add","path":"/data/l/0","value":0}]`, `{"a":1,"m":{"x":1,"y":{"z":2}},"l":[0,1,2,3]}`},
		{asPatch, `[{"op":"remove","path":"/data/l/0"},{"op":"remove","path":"/data/m/y"}]`, `{"a":1,"m":{"x":1},"l":[2]}`},
		{asPatch, `[{"op":"replace","path":"/data/a","value":null},{"op":"replace","path":"/data/l/1","value":9}]`, `{"a":null,"m":{"x":1,"y":{"z":2}},"l":[1,9]}`},
		{asPatch, `[{"op":"move","from":"/data/m/y","path":"/data/y"},{"op":"copy","from":"/data/y","path":"/data/l/1"},{"op":"replace","path":"/data/y/z","value":3}]`, `{"a":1,"m":{"x":1},"l":[1,{"z":2},2],"y":{"z":3}}`},
		{asPatch, `[{"op":"test","path":"/data/m","value":{"y":{"z":2.0},"x":1}},{"op":"add","path":"/data/a~1b~0c","value":1}]`, `{"a":1,"m":{"x":1,"y":{"z":2}},"l":[1,2],"a/b~c":1}`},
		{asPatch, `[{"op":"replace","path":"/data","value":{"new":1}}]`, `{"new":1}`},
		{asPatch, `[]`, start},
		{asPatch, `[{"op":"test","path":"/data/a","value":2}]`, ""},
		{asPatch, `[{"op":"add","path":"/data/z","value":1},{"op":"remove","path":"/data/none"}]`, ""},
		{asPatch, `[{"op":"replace","path":"/data/none","value":1}]`, ""},
		{asPatch, `[{"op":"add","path":"/data/l/3","value":1}]`, ""},
		{asPatch, `[{"op":"add","path":"/data/l/01","value":1}]`, ""},
		{asPatch, `[{"op":"add","path":"/data/x"}]`, ""},
		{asPatch, `[{"op":"move","from":"/data/m","path":"/data/m/y"}]`, ""},
		{asPatch, `[{"op":"remove","path":""}]`, ""},
		{asPatch, `[{"op":"replace","path":"/data","value":5}]`, ""},
		{asPatch, `[{"op":"replace","path":"","value":5}]`, ""},
		{asPatch, `[{"op":"replace","path":"/data/id","value":"b"}]`, ""},
		{asPatch, `[{"op":"bad","path":"/data/a"}]`, ""},
		{asPatch, `[{"op":"add","path":"data","value":1}]`, ""},
		{asPatch, `{"op":"add"}`, ""},
		{"application/json", `{"data":{"id":"b"}}`, ""},
	} {
		t.Run(c.media+" "+c.body, func(t *testing.T) {
			s.t = t
			if got := s.do("PUT", things+"/a", `{"data":`+start+`}`); got.status > 201 {
				t.Fatalf("%s", got.body)
			}
			before := s.do("GET", things+"/a", nil).want(200).stamp()
			r := s.do("PATCH", things+"/a", c.body, "Content-Type", c.media)
			want := c.want
			if want == "" {
				r.want(400, 107)
				want = start
			} else if r.want(200); r.stamp() <= before {
				t.Errorf("the timestamp stayed at %d", before)
			}
			got := s.do("GET", things+"/a", nil).want(200).data()
			delete(got, "id")
			delete(got, "last_modified")
			var w object
			if err := json.Unmarshal([]byte(want), &w); err != nil {
				t.Fatal(err)
			}
			have, _ := json.Marshal(got)
			wanted, _ := json.Marshal(w)
			if string(have) != string(wanted) {
				t.Errorf("%s, want %s", have, wanted)
			}
		})
	}
}

// TestKintoResponseBehavior answers a PATCH with the whole, what it changed, or
// what came out other than it said.
func TestKintoResponseBehavior(t *testing.T) {
	s := newSite(t)
	s.put(things+"/a", "a", 1, "b", 1)
	for behavior, want := range map[string]string{"full": `{"a":2,"b":1}`, "light": `{"a":2}`, "diff": `{}`, "LIGHT": `{"a":2}`} {
		s.put(things+"/a", "a", 1, "b", 1)
		got := s.do("PATCH", things+"/a", data("a", 2, "b", 1), "Response-Behavior", behavior).want(200).data()
		delete(got, "id")
		delete(got, "last_modified")
		if have, _ := json.Marshal(got); string(have) != want {
			t.Errorf("%s: %s, want %s", behavior, have, want)
		}
	}
	s.put(notes+"/n", "tags", []string{"a"})
	got := s.do("PATCH", notes+"/n", data("tags", []string{"c", "b", "c"}), "Response-Behavior", "diff").want(200).data()
	if have, _ := json.Marshal(got); string(have) != `{"tags":["b","c"]}` {
		t.Errorf("what the server made of it: %s", have)
	}
}
