package kinto_test

import (
	"strings"
	"testing"

	"stet/syncengine/server/store"
)

// TestKintoCollections: collections come by themselves, and what is told of them
// has its own timestamps.
func TestKintoCollections(t *testing.T) {
	s := newSite(t)
	empty := s.do("GET", things, nil).want(200)
	if again := s.do("GET", things, nil).want(200); again.stamp() != empty.stamp() || empty.stamp() == 0 {
		t.Errorf("an empty list's timestamp went from %d to %d", empty.stamp(), again.stamp())
	}
	path := bucket + "/collections/things"
	if got := s.do("GET", path, nil).want(200).data(); got.id() != "things" || len(got) != 2 {
		t.Errorf("%v", got)
	}
	s.do("PUT", path, data("color", "red"), "If-None-Match", "*").want(412, 114)
	meta := s.do("PUT", path, data("color", "red")).want(200)
	if got := s.do("PATCH", path, data("size", 2), "If-Match", tag(meta.stamp())).want(200).data(); got["color"] != "red" || got["size"] != 2.0 {
		t.Errorf("%v", got)
	}
	if got := s.do("GET", things, nil); got.stamp() != empty.stamp() {
		t.Errorf("what is told of a collection moved its list from %d to %d", empty.stamp(), got.stamp())
	}
	s.do("PUT", bucket+"/collections/made", data(), "If-None-Match", "*").want(201)
	s.do("POST", bucket+"/collections", data("id", "posted")).want(201)
	if got := s.listed(bucket + "/collections?_sort=id"); got != "made posted things" {
		t.Errorf("collections: %s", got)
	}
	if got := s.listed(bucket + "/collections?color=red"); got != "things" {
		t.Errorf("red ones: %s", got)
	}
	record := s.put(things+"/a", "n", 1)
	s.do("DELETE", things+"/a", nil).want(200)
	s.put(things+"/b", "n", 1)
	if got := s.do("DELETE", path, nil).want(200).data(); got["deleted"] != true {
		t.Errorf("%v", got)
	}
	if got := s.listed(bucket + "/collections?_since=0&_sort=id"); got != "made posted -things" {
		t.Errorf("collections: %s", got)
	}
	s.do("GET", things+"/b", nil).want(404, 110)
	after := s.do("GET", things+"?_since=0", nil).want(200)
	if after.ids() != "" || after.stamp() <= record.rev() {
		t.Errorf("a collection that was deleted has %s at %d, before it %d", after.ids(), after.stamp(), record.rev())
	}
}

// TestKintoBuckets: there is one, and it is the account's own.
func TestKintoBuckets(t *testing.T) {
	s := newSite(t)
	s.do("PUT", bucket, data("x", 1), "If-None-Match", "*").want(201)
	if got := s.do("PATCH", bucket, data("y", 1)).want(200).data(); got["x"] != 1.0 || got["y"] != 1.0 {
		t.Errorf("%v", got)
	}
	if got := s.do("GET", "/buckets", nil).want(200).list(); len(got) != 1 || got[0]["x"] != 1.0 {
		t.Errorf("%v", got)
	}
	if got := s.do("GET", "/buckets", nil, "Authorization", basic("bob", bobToken)).want(200).ids(); got != "" {
		t.Errorf("bob sees %s", got)
	}
	s.put(bucket+"/groups/g", "members", []string{"x"})
	if got := s.listed(bucket + "/groups"); got != "g" {
		t.Errorf("groups: %s", got)
	}
	s.put(things + "/a")
	s.put(notes+"/n", "title", "t")
	s.do("DELETE", bucket, nil).want(200)
	if got := s.listed(things+"?_since=0") + s.listed(bucket+"/groups") + s.listed(notes); got != "" {
		t.Errorf("left in a bucket that was deleted: %s", got)
	}
	if got := s.listed(notes + "?_since=0"); got != "-n" {
		t.Errorf("notes without tombstones: %q", got)
	}
}

// TestKintoDeletingNotesLeavesTombstones: devices must hear of it, and each note
// can be found again.
func TestKintoDeletingNotesLeavesTombstones(t *testing.T) {
	s := newSite(t)
	s.put(notes+"/n1", "title", "one")
	s.put(notes+"/n2", "title", "two")
	head, err := s.st.Head(t.Context(), s.ann)
	if err != nil {
		t.Fatal(err)
	}
	s.do("DELETE", bucket+"/collections/notes", nil).want(200)
	page, err := s.st.Changes(t.Context(), s.ann, head, 10, 1<<20)
	if err != nil || len(page.Changes) != 2 || !page.Changes[0].Fields.Deleted || !page.Changes[1].Fields.Deleted {
		t.Errorf("%+v, %v", page, err)
	}
	vs, err := s.st.History(t.Context(), s.ann, "n1", 0, 10)
	if err != nil || len(vs) != 2 || vs[1].Fields.Title != "one" {
		t.Errorf("%+v, %v", vs, err)
	}
	s.put(notes+"/n1", "title", "again")
	if got := s.listed(notes + "?_since=0&_sort=id"); got != "n1 -n2" {
		t.Errorf("%s", got)
	}
}

// TestKintoIsolation: two accounts have the same names for different things.
func TestKintoIsolation(t *testing.T) {
	s := newSite(t)
	asBob := []string{"Authorization", basic("bob", bobToken)}
	s.put(things+"/a", "n", 1)
	s.put(notes+"/a", "title", "ann's")
	for _, path := range []string{things, notes} {
		s.do("GET", path+"/a", nil, asBob...).want(404, 110)
		if got := s.do("GET", path+"?_since=0", nil, asBob...).want(200).ids(); got != "" {
			t.Errorf("bob sees %s", got)
		}
		s.do("PUT", path+"/a", data("title", "bob's"), append(asBob, "If-None-Match", "*")...).want(201)
		s.do("DELETE", path, nil, asBob...).want(200)
		s.do("GET", path+"/a", nil).want(200)
	}
	if rec, err := s.st.Note(t.Context(), s.ann, "a"); err != nil || rec.Fields.Title != "ann's" {
		t.Errorf("%+v, %v", rec, err)
	}
	for name := range map[string]bool{":collections": true, "%3Abuckets": true, ":groups": true} {
		r := s.do("GET", bucket+"/collections/"+name+"/records", nil)
		if r.want(400, 107); strings.Contains(string(r.body), "things") {
			t.Errorf("%s: %s", name, r.body)
		}
	}
	var stamp int64
	if err := s.st.View(t.Context(), s.ann, func(r store.Reader) (err error) { stamp, err = r.Looked("things"); return err }); err != nil || stamp == 0 {
		t.Errorf("%d, %v", stamp, err)
	}
}

// TestKintoOtherBuckets: an account can have buckets beside its first one. They
// have collections of the same names, and those are others; nobody else has them.
func TestKintoOtherBuckets(t *testing.T) {
	s := newSite(t)
	const blog = "/buckets/blog"
	const posts = blog + "/collections/notes/records"
	s.do("GET", blog, nil).want(403, 121)
	s.do("PUT", blog+"/collections/notes", data()).want(403, 121)
	s.do("GET", posts, nil).want(403, 121)
	s.do("PUT", posts+"/a", data()).want(404, 111)
	s.do("PUT", "/buckets/_blog", nil).want(400, 107)
	s.do("PUT", blog, data("color", "red")).want(201)
	s.do("PUT", blog, nil, "If-None-Match", "*").want(412, 114)
	s.do("PUT", posts+"/a", data()).want(404, 111)
	s.do("PUT", blog+"/collections/notes", data()).want(201)
	s.do("PUT", notes+"/a", data("title", "a note")).want(201)
	s.do("PUT", posts+"/a", data("title", "a post", "views", 3)).want(201)
	s.do("PUT", posts+"/b", data()).want(201)
	if note, post := s.do("GET", notes+"/a", nil).data(), s.do("GET", posts+"/a", nil).data(); note["title"] != "a note" || post["title"] != "a post" || len(post) != 4 {
		t.Errorf("the note is %v, the post %v", note, post)
	}
	if next := s.do("GET", posts+"?_limit=1", nil).head.Get("Next-Page"); !strings.Contains(next, posts+"?") || s.listed(next) != "a" {
		t.Errorf("the page after the first is %s", next)
	}
	if got := s.listed("/buckets?color=red"); got != "blog" {
		t.Errorf("buckets: %s", got)
	}
	bob := []string{"Authorization", basic("bob", bobToken)}
	s.do("GET", posts, nil, bob...).want(403, 121)
	s.do("PUT", blog, nil, bob...).want(201) // his own, of the same name
	s.do("GET", posts, nil, bob...).want(404, 111)

	s.do("DELETE", blog+"/collections/notes", nil).want(200)
	s.do("PUT", blog+"/collections/notes", data()).want(201)
	if here, there := s.listed(notes), s.listed(posts+"?_since=0"); here != "a" || there != "" {
		t.Errorf("a collection of the other bucket deleted: the notes are %q, it has %q", here, there)
	}
	s.put(posts+"/a", "title", "a post")
	s.do("DELETE", blog, nil).want(200)
	s.do("GET", posts, nil).want(403, 121)
	s.do("PUT", blog, nil).want(201)
	s.do("GET", posts, nil).want(404, 111)
	s.do("PUT", blog+"/collections/notes", data()).want(201)
	if got := s.listed(posts + "?_since=0"); got != "" {
		t.Errorf("made again, the bucket has %s", got)
	}
	if got := s.listed(notes); got != "a" {
		t.Errorf("the notes: %s", got)
	}
	made := s.do("POST", "/buckets", nil)
	made.want(201)
	s.do("PUT", "/buckets/"+made.data()["id"].(string)+"/groups/friends", data("members", []string{})).want(201)
	s.do("DELETE", "/buckets", nil).want(200)
	if got := s.listed("/buckets") + s.listed(notes); got != "" {
		t.Errorf("all deleted: %s", got)
	}
	s.do("GET", blog, nil, bob...).want(200)
}
