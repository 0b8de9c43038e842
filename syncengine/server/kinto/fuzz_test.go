package kinto_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"stet/syncengine/wire"
)

// ask is one request without a network. head has lines "name: value"; what is no
// line is left out.
func (s *site) ask(method, path, head, body string) reply {
	r := httptest.NewRequest(http.MethodGet, "/", strings.NewReader(body))
	r.Method, r.ContentLength = method, int64(len(body))
	r.URL = &url.URL{Path: path}
	if at := strings.IndexByte(path, '?'); at >= 0 {
		r.URL = &url.URL{Path: path[:at], RawQuery: path[at+1:]}
	}
	r.Header.Set("Authorization", basic("ann", annToken))
	for line := range strings.SplitSeq(head, "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			r.Header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	w := httptest.NewRecorder()
	s.http.Config.Handler.ServeHTTP(w, r)
	return reply{s.t, w.Code, w.Header(), w.Body.Bytes()}
}

// seen is what an account has in the two collections.
type seen struct {
	things, notes   string // lists with tombstones, as they came
	thing, note     int64  // their ETags
	objects         []object
	bobs, bobsNotes int64
}

const (
	bobsText = "text of bob's"
	asBob    = "Authorization: Bearer " + bobToken
)

// look reads everything, and that bob's is as it was.
func (s *site) look() (out seen) {
	s.t.Helper()
	for _, c := range []struct {
		list string
		text *string
		at   *int64
	}{{things, &out.things, &out.thing}, {notes, &out.notes, &out.note}} {
		r := s.ask("GET", root+c.list+"?_since=0&_sort=last_modified", "", "").want(200)
		*c.text, *c.at = string(r.body), r.stamp()
		out.objects = append(out.objects, r.list()...)
	}
	out.bobs = s.ask("HEAD", root+things, asBob, "").want(200).stamp()
	out.bobsNotes = s.ask("HEAD", root+notes, asBob, "").want(200).stamp()
	return out
}

// reset brings the site back to where inputs begin: two collections with live
// objects and a tombstone each, and something of bob's. What inputs added is
// erased when it has become much.
func (s *site) reset(all bool) seen {
	s.t.Helper()
	if !all {
		if now := s.look(); len(now.objects) < 30 {
			s.seed()
			return s.look()
		}
	}
	if err := s.st.Flush(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	s.seed()
	for _, list := range []string{things, notes} {
		s.ask("PUT", root+list+"/his", asBob, `{"data":{"title":"`+bobsText+`"}}`).want(201)
	}
	return s.look()
}

func (s *site) seed() {
	s.t.Helper()
	note := `{"title":"t","body":"b\n","tags":["x","y"],"log":[{"id":"e","text":"l"}],"mood":{"k":[1,2.50]}}`
	thing := `{"title":"t","n":1,"o":{"k":[1,{"z":null}]},"tags":["x"]}`
	var parts []string
	for _, list := range []string{things, notes} {
		data := map[string]string{things: thing, notes: note}[list]
		for _, id := range []string{"a", "b", "gone"} {
			parts = append(parts, fmt.Sprintf(`{"path":"%s/%s","body":{"data":%s}}`, list, id, data))
		}
		parts = append(parts, fmt.Sprintf(`{"path":"%s/gone","method":"DELETE"}`, list))
	}
	r := s.ask("POST", root+"/batch", "", `{"defaults":{"method":"PUT"},"requests":[`+strings.Join(parts, ",")+`]}`).want(200)
	if bytes.Contains(r.body, []byte(`"code"`)) {
		s.t.Fatalf("%s", r.body)
	}
}

var fuzzMethods = []string{"GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "PURGE"}

// oneObject is the path of a record, in the bucket by any of its names.
var oneObject = regexp.MustCompile(`^` + root + `/buckets/[^/]+/collections/([^/]+)/records/([^/]+)$`)

var oneList = regexp.MustCompile(`^` + root + `/buckets/[^/]+/collections/([^/]+)/records$`)

// FuzzKintoRequest puts hostile text where a client's paths, queries, conditions,
// types and bodies stand, over a real store. Whatever it is, the answer is in
// the protocol's form and true: what was refused changed nothing, what was
// accepted is there, and nobody else's is touched.
func FuzzKintoRequest(f *testing.F) {
	a, n := things+"/a", notes+"/a"
	for _, c := range []struct{ method, path, head, body string }{
		{"GET", things + "?_since=$&_before=%22$%22&_limit=1&_sort=-title,n&_fields=o.k,title", "If-None-Match: \"$\"", ""},
		{"GET", things + "?in_id=a,b&min_n=1&max_n=1&like_title=*T*&has_o=true&not_x=1&exclude_id=%22a%22&contains_tags=x&contains_any_o.k=[1]&gt_n=0&lt_n=2", "", ""},
		{"GET", things, "", ""}, {"GET", notes + "?_since=0", "", ""}, {"GET", notes + "?_sort=title,last_modified&_since=0", "", ""}, {"PUT", a, "", `{"data":{"id":"a","last_modified":5}}`},
		{"GET", things + "?like_title=%ff", "", ""}, {"DELETE", notes + "?like_title=%ff", "", ""},
		{"GET", things + "?_token=eyJsYXN0X29iamVjdCI6eyJsYXN0X21vZGlmaWVkIjo1fSwib2Zmc2V0IjoxLCJ0aW1lc3RhbXAiOjV9&_to=5&_since=0", "", ""},
		{"HEAD", notes + "?title=t", "If-None-Match: *", ""}, {"OPTIONS", things, "Origin: http://x\nAccess-Control-Request-Method: PUT\nAccess-Control-Request-Headers: a,\"", ""},
		{"PUT", a, `If-Match: "$"`, `{"data":{"title":"new","n":1e2,"x":null},"permissions":{}}`}, {"PUT", n, `If-None-Match: *`, `{"data":{"tags":[1],"log":{},"title":7}}`},
		{"PUT", n, "Content-Type: text/plain", `{"data":{}}`}, {"PUT", things + "/new", "", ""}, {"PUT", notes + "/new", "X-Client-Id: a\x7fb", `{"data":{"createdAt":"0000-01-01T00:00:00+23:59","log":[{"id":"i","text":"t","at":"0000-01-01T00:00:00+23:59"}]}}`},
		{"PUT", n, "", `{"data":{"body":"b","_stet":{"rev":"op-1","device":"d","at":"2026-01-01T00:00:00Z","sum":"x","exact":"{\"title\":\"e\",\"extra\":{\"id\":1}}","extra":{"id":[1]}}}}`},
		{"PUT", n, "", `{"data":{"x":` + strings.Repeat("[", 30) + strings.Repeat("]", 30) + `}}`},
		{"POST", things, "", `{"data":{"id":"a","deleted":true,"last_modified":9000000000000}}`}, {"POST", notes, `If-Match: "5"`, `{"data":{"deleted":true}}`}, {"POST", notes, "", ""},
		{"PATCH", a, "Response-Behavior: diff\nContent-Type: application/merge-patch+json", `{"data":{"o":{"k":null,"j":{"i":1}},"title":null}}`},
		{"PATCH", n, "Response-Behavior: light", `{"data":{"title":"p","mood":null}}`},
		{"PATCH", a, "Content-Type: application/json-patch+json", `[{"op":"test","path":"/data/n","value":1},{"op":"copy","from":"/data/o","path":"/data/o/k/-"},{"op":"move","from":"/data/o/k/0","path":"/data/p~1"},{"op":"add","path":"/permissions/read/x"},{"op":"remove","path":"/data/title"},{"op":"replace","path":"","value":{"data":{}}}]`},
		{"PATCH", n, "Content-Type: application/json-patch+json; charset=utf-8", `[{"op":"add","path":"/data/mood/k/1","value":{"a":1}}]`},
		{"DELETE", a, `If-Match: "$"`, ""}, {"DELETE", n, "", ""}, {"DELETE", things + "?title=t&_limit=1&_sort=n", "", ""}, {"DELETE", notes, `If-Match: "$"`, ""},
		{"DELETE", bucket, "", ""}, {"DELETE", bucket + "/collections/notes", "", ""}, {"PUT", bucket + "/collections/things", "", `{"data":{"schema":{}}}`}, {"PUT", bucket + "/groups/g", "", `{"data":{"members":[]}}`},
		{"PUT", "/buckets/b", "", `{"permissions":{"read":["x","x",""],"write":[],"group:create":["account:ann"]}}`}, {"POST", "/buckets", "", `{"data":{"id":"default"}}`}, {"DELETE", "/buckets", "", ""}, {"GET", "/buckets/a/collections?_limit=1&_token=x", "", ""}, {"PUT", "/buckets/a/collections/c/records/r", "", ""},
		{"PATCH", n, "Content-Type: application/json-patch+json", `[{"op":"replace","path":"/permissions","value":{"read":{"x":1},"write":["y"]}},{"op":"move","from":"/permissions/read","path":"/permissions/write"}]`},
		{"POST", "/batch", "", `{"defaults":{"method":"PUT","headers":{"If-Match":"\"$\""},"body":{"data":{"m":{"n":1}}}},"requests":[{"path":"` + a + `"},{"path":"/v1` + n + `","body":{"data":{"title":"z"}}},{"path":"` + things + `?like_title=%ff","method":"GET"},{"path":"/__heartbeat__","method":"HEAD"},{"path":"` + n + `","method":"DELETE","headers":{}}]}`},
		{"POST", "/batch", "Content-Encoding: gzip", "\x1f\x8b"}, {"POST", "/batch", "", `{"requests":[{"path":"/batch"}]}`},
		{"GET", "/", "", ""}, {"GET", "", "", ""}, {"GET", things + "/", "Host: x", ""}, {"GET", "/__flush__", "", ""}, {"GET", "/buckets", "Accept: text/html, */*;q=0", ""}, {"GET", "/buckets/other/collections/c/records", "", ""},
		{"GET", a + "?_fields=o.k", "Authorization: Basic x", ""}, {"GET", n, "X-Stet-Epoch: x", ""}, {"GET", things + "/\n?x/", "", ""},
	} {
		f.Add(uint8(slices.Index(fuzzMethods, c.method)), c.path, c.head, []byte(c.body))
	}
	for _, match := range []string{`"$"`, `"0$"`, `W/"$"`, "$", "*", `"$", "5"`, `""`, `"-1"`, `"99999999999999999999999"`, ""} {
		for kind := range uint8(4) {
			f.Add(uint8(len(fuzzMethods))+kind, match, "", []byte(nil))
		}
	}
	s := newSite(f)
	before, runs := s.reset(true), 0
	f.Fuzz(func(t *testing.T, kind uint8, path, head string, body []byte) {
		if len(path)+len(head) > 2<<10 || len(body) > 8<<10 || strings.Contains(head+string(body), bobToken) {
			return
		}
		_, query, _ := strings.Cut(path, "?")
		if strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' || r == 0x7f }) || strings.ContainsFunc(head, func(r rune) bool { return r < ' ' && r != '\n' }) {
			return // net/http lets none of these through
		}
		s.t = t
		defer func() { s.t = f }()
		if kind %= uint8(len(fuzzMethods)) + 4; int(kind) >= len(fuzzMethods) {
			s.condition(t, int(kind)-len(fuzzMethods), path, &before)
			return
		}
		method := fuzzMethods[kind]
		at := fmt.Sprint(before.thing)
		if strings.Contains(path, "/collections/notes") {
			at = fmt.Sprint(before.note)
		}
		text := strings.ReplaceAll(string(body), "$", at)
		path, head = root+strings.ReplaceAll(path, "$", at), strings.ReplaceAll(head, "$", at)
		got := s.ask(method, path, head, text)
		s.inForm(method, got)
		if bytes.Contains(got.body, []byte(bobsText)) || got.status >= 500 {
			t.Fatalf("%s %q %q %q: %d %s", method, path, head, text, got.status, got.body)
		}
		wrote := got.status < 300 && method != "GET" && method != "HEAD" && method != "OPTIONS"
		after := s.look()
		defer func() {
			if runs++; wrote || runs%500 == 0 { // any look makes collections
				after = s.reset(runs%500 == 0)
			}
			before = after
		}()
		s.moved(before, after, wrote)
		bare, _, _ := strings.Cut(path, "?")
		switch {
		case wrote:
			s.isThere(method, bare, head, got, before)
		case got.status == 200 && method == "GET" && oneList.MatchString(bare) && !strings.Contains(path, "_token"):
			s.turned(path, head, got)
		}
	})
}

// inForm: the body is what its type says, and a refusal is one of Kinto's.
func (s *site) inForm(method string, got reply) {
	s.t.Helper()
	if to := got.head.Get("Location"); to != "" {
		if _, err := url.Parse(to); err != nil || got.status != 307 {
			s.t.Fatalf("%d to %q", got.status, to)
		}
		return
	}
	if method == http.MethodHead || got.status == http.StatusNotModified {
		if len(got.body) > 0 {
			s.t.Fatalf("%d with a body: %s", got.status, got.body)
		}
		return
	}
	if err := strict(got.body); err != nil || got.head.Get("Content-Type") != wire.TypeJSON {
		s.t.Fatalf("%d %v %s: %v", got.status, got.head, got.body, err)
	}
	if got.status < 400 {
		return
	}
	f := decode[refusal](got)
	if f.Code != got.status || f.Errno < 100 || f.Error == "" || f.Message == "" && len(f.Details) == 0 {
		s.t.Fatalf("%d %s", got.status, got.body)
	}
	if (got.status == 401) != (got.head.Get("WWW-Authenticate") != "") || (got.status == 405) != (got.head.Get("Allow") != "") {
		s.t.Fatalf("%d with %v", got.status, got.head)
	}
}

// strict checks JSON text as our own clients do, but for the depth.
func strict(body []byte) error {
	err := wire.CheckJSON(body)
	if err != nil && strings.HasPrefix(err.Error(), "nested") && json.Valid(body) {
		return nil
	}
	return err
}

// moved: timestamps never go back, and move if and only if something was written.
// What was written as a note every dialect can tell.
func (s *site) moved(before, after seen, wrote bool) {
	s.t.Helper()
	for _, c := range []struct {
		was, is   string
		from, now int64
	}{{before.things, after.things, before.thing, after.thing}, {before.notes, after.notes, before.note, after.note}} {
		if c.now < c.from || (c.was != c.is) != (c.now > c.from) || !wrote && c.was != c.is {
			s.t.Fatalf("accepted %t: from %d %s\nto %d %s", wrote, c.from, c.was, c.now, c.is)
		}
	}
	if before.bobs != after.bobs || before.bobsNotes != after.bobsNotes {
		s.t.Fatal("another account's objects moved")
	}
	if before.note == after.note {
		return
	}
	for _, path := range []string{wire.PathChanges + "?since=", "/mutations/v1/sync?mutationsSince=0"} {
		r := s.ask("GET", path, "Authorization: Bearer "+annToken+"\nX-Client-Id: c\nX-Stet-Guard: 1", "").want(200)
		if err := wire.CheckJSON(r.body); err != nil {
			s.t.Fatalf("%s: %v: %s", path, err, r.body)
		}
	}
}

var fuzzTag = regexp.MustCompile(`^"([0-9]+)"$`)

// equal reports whether a condition names a timestamp; well is false if it is no
// condition at all.
func equal(header string, stamp int64) (same, well bool) {
	m := fuzzTag.FindStringSubmatch(header)
	if m == nil {
		return false, header == "" || header == "*"
	}
	n, ok := new(big.Int).SetString(m[1], 10)
	return ok && n.Cmp(big.NewInt(stamp)) == 0, true
}

// isThere: an accepted write's answer is what is read from now on, and its
// condition held.
func (s *site) isThere(method, path, head string, got reply, before seen) {
	s.t.Helper()
	if list := oneList.FindStringSubmatch(path); list != nil && method == "POST" {
		path += "/" + got.data().id()
	}
	m := oneObject.FindStringSubmatch(path)
	if m == nil {
		return
	}
	if method == "DELETE" {
		s.ask("GET", path, "", "").want(404, 110)
		if o := got.data(); o["deleted"] != true || o.id() != m[2] || o.rev() != got.stamp() || len(o) != 3 {
			s.t.Fatalf("%s", got.body)
		}
	} else {
		now := s.ask("GET", path, "", "").want(200)
		partial := method == "PATCH" && strings.Contains(strings.ToLower(head), "response-behavior")
		if now.stamp() != got.stamp() || !partial && !bytes.Equal(now.body, got.body) || now.data().rev() != now.stamp() || now.data().id() != m[2] {
			s.t.Fatalf("%s %s: answered %s, is %s", method, path, got.body, now.body)
		}
	}
	value := ""
	for line := range strings.SplitSeq(head, "\n") {
		if name, v, ok := strings.Cut(line, ":"); ok && http.CanonicalHeaderKey(strings.TrimSpace(name)) == "If-Match" {
			value = strings.TrimSpace(v)
		}
	}
	for _, o := range before.objects {
		if same, well := equal(value, o.rev()); o.id() == m[2] && m[1] == "things" && strings.Contains(before.things, fmt.Sprint(o.rev())) && value != "" && value != "*" && (!same || !well) {
			s.t.Fatalf("If-Match: %s let %s through at %d", value, method, o.rev())
		}
	}
}

// turned: a list turned page by page is the list, and ends.
func (s *site) turned(path, head string, whole reply) {
	s.t.Helper()
	if strings.Contains(path, "_limit") || strings.Contains(path, "_fields") || whole.head.Get("Next-Page") != "" || strings.Contains(strings.ToLower(head), "match") {
		return
	}
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	want, got := whole.ids(), []string{}
	for next := path + sep + "_limit=1"; next != ""; {
		page := s.ask("GET", next, head, "").want(200)
		if page.stamp() != whole.stamp() || len(got) > len(whole.list()) {
			s.t.Fatalf("%s: page %d of %q: ETag %s", path, len(got), want, page.head.Get("ETag"))
		}
		if ids := page.ids(); ids != "" {
			got = append(got, ids)
		}
		if next = page.head.Get("Next-Page"); next != "" {
			u, err := url.Parse(next)
			if err != nil {
				s.t.Fatal(err)
			}
			next = u.Path + "?" + u.RawQuery
		}
	}
	if strings.Join(got, " ") != want {
		s.t.Fatalf("%s: %q page by page, %q at once", path, got, want)
	}
}

// condition: a reader of the header alone knows the status.
func (s *site) condition(t *testing.T, kind int, text string, before *seen) {
	path := root + things + "/a"
	now := s.ask("GET", path, "", "").want(200).stamp()
	header := strings.Trim(strings.ReplaceAll(text, "$", fmt.Sprint(now)), " \t")
	if strings.ContainsFunc(header, func(r rune) bool { return r < ' ' || r == 0x7f }) || strings.TrimSpace(header) != header {
		return
	}
	same, well := equal(header, now)
	method, name, want := "PUT", "If-Match", 200
	switch kind {
	case 0:
		if !same && header != "" && header != "*" {
			want = 412
		}
	case 1:
		name = "If-None-Match"
		if header == "*" {
			want = 412
		}
	case 2:
		if method, name = "GET", "If-None-Match"; same {
			want = 304
		} else if header == "*" {
			want = 412
		}
	default:
		if method = "DELETE"; !same && header != "" && header != "*" {
			want = 412
		}
	}
	if !well {
		want = 400
	}
	body := ""
	if method == "PUT" {
		body = `{"data":{"by":"condition"}}`
	}
	got := s.ask(method, path, name+": "+header, body)
	if s.inForm(method, got); got.status != want {
		t.Fatalf("%s with %s: %s at %d gave %d, want %d", method, name, header, now, got.status, want)
	}
	after := s.look()
	s.moved(*before, after, method != "GET" && got.status == 200)
	if (after.thing > before.thing) != (method != "GET" && got.status == 200) {
		t.Fatalf("%s with %s: %s gave %d; the list was at %d and is at %d", method, name, header, got.status, before.thing, after.thing)
	}
	if after.thing > before.thing {
		*before = s.reset(false)
	}
}

// A short patch cannot fill the memory, nor nest deeper than anybody reads.
func TestKintoPatchIsBounded(t *testing.T) {
	s := newSite(t)
	s.put(things+"/a", "a", map[string]any{}, "text", strings.Repeat("x", 1<<20))
	patch := func(steps ...string) reply {
		return s.do("PATCH", things+"/a", "["+strings.Join(steps, ",")+"]", "Content-Type", "application/json-patch+json")
	}
	deep, nest := strings.Repeat(`{"a":`, 28)+"0"+strings.Repeat("}", 28), []string{}
	var double, long []string
	for i := range 40 {
		double = append(double, fmt.Sprintf(`{"op":"copy","from":"/data/a","path":"/data/a/%d"}`, i))
		long = append(long, fmt.Sprintf(`{"op":"copy","from":"/data/text","path":"/data/t%d"}`, i))
	}
	for i := range 3 {
		nest = append(nest, fmt.Sprintf(`{"op":"add","path":"/data%s","value":%s}`, strings.Repeat("/a", 1+28*i), deep))
	}
	was := s.do("GET", things+"/a", nil).want(200)
	patch(double...).want(400, 107)
	patch(long...).want(400, 107)
	patch(nest...).want(400, 107)
	patch(slices.Repeat(double[:1], 1001)...).want(400, 107)
	if now := s.do("GET", things+"/a", nil).want(200); !bytes.Equal(now.body, was.body) {
		t.Errorf("it became %.100s", now.body)
	}
	patch(double[:5]...).want(200)
	patch(nest[0]).want(200)
}

// What is asked for by a part of a batch is bounded as what is asked for alone.
func TestKintoPathsOfPartsAreBounded(t *testing.T) {
	s := newSite(t)
	s.put(things+"/a", "a", 1)
	r := s.do("POST", "/batch", map[string]any{"requests": []any{map[string]any{"path": things + "?in_id=" + strings.Repeat("a,", 1<<20)}}})
	r.want(400, 107)
	if got := s.listed(things + "?has_" + strings.Repeat("a.", 8<<10) + "a=true"); got != "" {
		t.Errorf("%q", got)
	}
}
