package kinto_test

import (
	"strings"
	"testing"

	"stet/syncengine/server"
)

// TestKintoHello: anyone may ask what the server is; who has credentials hears
// who they are.
func TestKintoHello(t *testing.T) {
	s := newSite(t)
	type hello struct {
		Version  string `json:"http_api_version"`
		URL      string `json:"url"`
		Settings struct {
			Batch    int  `json:"batch_max_requests"`
			Readonly bool `json:"readonly"`
		} `json:"settings"`
		Capabilities map[string]any `json:"capabilities"`
		User         *struct {
			ID         string
			Principals []string
			Bucket     string
		} `json:"user"`
	}
	nobody := decode[hello](s.do("GET", "/", nil, "Authorization", "").want(200))
	if nobody.User != nil || nobody.Version != "1.23" || nobody.URL != s.http.URL+"/kinto/v1/" || nobody.Settings.Batch != 25 {
		t.Errorf("%+v", nobody)
	}
	if _, ok := nobody.Capabilities["default_bucket"]; !ok {
		t.Errorf("%+v", nobody.Capabilities)
	}
	if _, ok := nobody.Capabilities["flush_endpoint"]; ok {
		t.Error("tells of a flush that it does not have")
	}
	wrong := decode[hello](s.do("GET", "/", nil, "Authorization", basic("ann", "guess")).want(200))
	if wrong.User != nil {
		t.Errorf("%+v", wrong.User)
	}
	ann := decode[hello](s.do("GET", "/", nil))
	bob := decode[hello](s.do("GET", "/", nil, "Authorization", basic("bob", bobToken)))
	bearer := decode[hello](s.do("GET", "/", nil, "Authorization", "Bearer "+annToken))
	if ann.User.ID != "account:ann" || bob.User.ID != "account:bob" || ann.User.Bucket == bob.User.Bucket || bearer.User.Bucket != ann.User.Bucket {
		t.Errorf("%+v, %+v, %+v", ann.User, bob.User, bearer.User)
	}
	s.put(things+"/a", "n", 1)
	for path, want := range map[string]int{"/buckets/" + ann.User.Bucket: 200, "/buckets/" + ann.User.Bucket + "/collections/things/records/a": 200,
		"/buckets/" + bob.User.Bucket + "/collections/things/records/a": 403, "/buckets/" + ann.User.Bucket + "/collections/other/records": 404} {
		if got := s.do("GET", path, nil); got.status != want {
			t.Errorf("%s: %d, want %d", path, got.status, want)
		}
	}
	if got := s.do("GET", bucket, nil).want(200).data().id(); got != ann.User.Bucket {
		t.Errorf("default is %s, want %s", got, ann.User.Bucket)
	}
}

// TestKintoRedirects sends near misses to where they meant, method and query
// kept.
func TestKintoRedirects(t *testing.T) {
	s := newSite(t)
	for path, want := range map[string]string{
		"/kinto":                            "/kinto/v1/",
		"/kinto/":                           "/kinto/v1/",
		"/kinto/v1":                         "/kinto/v1/",
		"/kinto/buckets?x=1":                "/kinto/v1/buckets?x=1",
		"/kinto/v1" + things + "/":          "/kinto/v1" + things,
		"/kinto/v1" + things + "/a/?_a=b c": "/kinto/v1" + things + "/a?_a=b+c",
		"/kinto/v1//evil.example/":          "/kinto/v1/evil.example",
	} {
		r := s.do("GET", s.http.URL+strings.ReplaceAll(path, " ", "%20"), nil).want(307)
		if got := r.head.Get("Location"); got != s.http.URL+want {
			t.Errorf("%s: to %s, want %s", path, got, want)
		}
	}
	s.do("GET", s.http.URL+"/kinto/v0/", nil).want(404, 116)
	s.do("GET", s.http.URL+"/kinto/v2/buckets", nil).want(404, 116)
}

// TestKintoWrongPasswordIsNoIdentity: a Kinto with two policies takes a wrong
// password for another user, whose bucket is empty.
func TestKintoWrongPasswordIsNoIdentity(t *testing.T) {
	s := newSite(t)
	s.put(things+"/a", "n", 1)
	for name, auth := range map[string]string{"none": "", "wrong password": basic("ann", "guess"), "another's token": basic("ann", bobToken),
		"no password": basic("ann", ""), "no user": basic("", annToken), "unknown user": basic("eve", annToken), "no base64": "Basic !", "scheme": "Digest x",
		"bearer": "Bearer guess"} {
		for _, path := range []string{things, things + "/a", bucket, "/buckets"} {
			r := s.do("GET", path, nil, "Authorization", auth).want(401, 104)
			if !strings.HasPrefix(r.head.Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("%s: %v", name, r.head)
			}
		}
		s.do("PUT", things+"/b", data(), "Authorization", auth).want(401, 104)
	}
	if got := s.listed(things); got != "a" {
		t.Errorf("written by nobody: %s", got)
	}
	if got := s.do("GET", things, nil, "Authorization", basic("bob", bobToken)).want(200).ids(); got != "" {
		t.Errorf("bob sees %s", got)
	}
}

func TestKintoHeartbeat(t *testing.T) {
	s := newSite(t)
	got := decode[map[string]bool](s.do("GET", "/__heartbeat__", nil, "Authorization", "").want(200))
	if !got["storage"] || !got["permission"] || !got["cache"] {
		t.Errorf("%v", got)
	}
	if got := s.do("GET", "/__lbheartbeat__", nil, "Authorization", "").want(200); string(got.body) != "{}" {
		t.Errorf("%s", got.body)
	}
	if err := s.st.Close(); err != nil {
		t.Fatal(err)
	}
	if got := decode[map[string]bool](s.do("GET", "/__heartbeat__", nil).want(503)); got["storage"] {
		t.Errorf("a closed store: %v", got)
	}
	s.do("GET", things, nil).want(500, 999)
}

// TestKintoFlush is there only if it was asked for, and begins a new epoch.
func TestKintoFlush(t *testing.T) {
	newSite(t).do("POST", "/__flush__", nil).want(404, 111)
	s := newSite(t, func(o *server.Options) { o.Flush = true })
	rev := s.put(notes+"/n", "title", "x").rev()
	s.put(things + "/a")
	before, err := s.st.Head(t.Context(), s.ann)
	if err != nil {
		t.Fatal(err)
	}
	s.do("POST", "/__flush__", nil, "Authorization", "").want(202)
	if got := s.listed(notes + "?_since=0"); got != "" {
		t.Errorf("left: %s", got)
	}
	s.do("GET", things+"/a", nil).want(404, 110)
	after, err := s.st.Head(t.Context(), s.ann)
	if err != nil || after.Epoch == before.Epoch || after.Rev < before.Rev {
		t.Errorf("%+v after %+v, %v", after, before, err)
	}
	if again := s.put(notes+"/n", "title", "x").rev(); again <= rev {
		t.Errorf("%d was given out twice", again)
	}
}

func TestKintoCORS(t *testing.T) {
	s := newSite(t)
	s.put(things + "/a")
	for _, path := range []string{things, things + "/a", "/batch", "/"} {
		r := s.do("OPTIONS", path, nil, "Origin", "http://page", "Access-Control-Request-Method", "GET",
			"Access-Control-Request-Headers", "authorization, x-y", "Authorization", "").want(200)
		h := r.head
		if string(r.body) != "null" || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Max-Age") != "3600" ||
			!has(h.Get("Access-Control-Allow-Headers"), "authorization") || !has(h.Get("Access-Control-Allow-Headers"), "x-y") {
			t.Errorf("%s: %s %v", path, r.body, h)
		}
	}
	if got := s.do("OPTIONS", things, nil, "Origin", "x", "Access-Control-Request-Method", "GET").head.Get("Access-Control-Allow-Methods"); got != "HEAD,GET,POST,DELETE,OPTIONS" {
		t.Errorf("methods of a list: %s", got)
	}
	if got := s.do("OPTIONS", things+"/a", nil, "Origin", "x", "Access-Control-Request-Method", "PUT").head.Get("Access-Control-Allow-Methods"); got != "HEAD,GET,PUT,PATCH,DELETE,OPTIONS" {
		t.Errorf("methods of a record: %s", got)
	}
	s.do("OPTIONS", things, nil).want(400, 107)
	s.do("OPTIONS", things, nil, "Origin", "http://page").want(400, 107)
	s.do("OPTIONS", "/nowhere", nil, "Origin", "http://page", "Access-Control-Request-Method", "GET").want(404, 111)
	for _, r := range []reply{s.do("GET", things, nil, "Origin", "x").want(200), s.do("GET", things+"/none", nil, "Origin", "x").want(404),
		s.do("PUT", things+"/a", data(), "Origin", "x", "If-Match", `"1"`).want(412), s.do("GET", things, nil, "Origin", "x", "Authorization", "").want(401),
		s.do("GET", things, nil, "Origin", "x", "If-None-Match", tag(s.do("GET", things, nil).stamp())).want(304)} {
		expose := r.head.Get("Access-Control-Expose-Headers")
		if r.head.Get("Access-Control-Allow-Origin") != "*" || !has(expose, "ETag") || !has(expose, "Next-Page") || !has(expose, "Total-Records") || !has(expose, "Alert") {
			t.Errorf("%d: %v", r.status, r.head)
		}
	}
	if got := s.do("GET", things, nil).head.Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("without a page: %s", got)
	}
}
