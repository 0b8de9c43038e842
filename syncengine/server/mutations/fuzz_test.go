package mutations_test

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
	"stet/syncengine/wire/mutlog"
)

// ask is one request without a network, as ann's web page. head has lines
// "name: value", which replace; what is no line is left out.
func (s *site) ask(method, path, head, body string) reply {
	r := httptest.NewRequest(http.MethodGet, "/", strings.NewReader(body))
	r.Method, r.ContentLength = method, int64(len(body))
	r.URL = &url.URL{Path: path}
	if at := strings.IndexByte(path, '?'); at >= 0 {
		r.URL = &url.URL{Path: path[:at], RawQuery: path[at+1:]}
	}
	r.Header.Set(mutlog.HeaderToken, annToken)
	r.Header.Set(mutlog.HeaderClient, "a web page")
	for line := range strings.SplitSeq(head, "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			r.Header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	w := httptest.NewRecorder()
	s.http.Config.Handler.ServeHTTP(w, r)
	return reply{s.t, w.Code, w.Header(), w.Body.Bytes()}
}

const (
	api       = "/mutations/v1"
	fuzzGuard = mutlog.HeaderGuard + ": " + mutlog.GuardOn
	asBob     = mutlog.HeaderToken + ": " + bobToken
	bobsText  = "text of bob's"
)

// seen is the log of an account, tombstones among it.
type seen struct {
	text string
	log  log
	bob  int64
}

func (s *site) look() seen {
	s.t.Helper()
	r := s.ask("GET", api+"/sync?limit=1000&mutationsSince=1", fuzzGuard, "")
	return seen{string(r.body), r.log(), s.ask("GET", api+"/sync?mutationsSince=0&metadataOnly=true", asBob, "").log().LastMutationAt}
}

// reset brings the site back to where inputs begin: two live notes, a
// tombstone, and a note of bob's. What inputs added is erased when it has become
// much.
func (s *site) reset(all bool) seen {
	s.t.Helper()
	now := s.look()
	if all = all || len(now.log.Mutations) > 30; all {
		if err := s.st.Flush(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
		s.ask("POST", api+"/sync?lastMutationAt=-1", asBob, `{"mutations":[`+note("his", bobsText)+`]}`).want(200, "")
		now = s.look()
	}
	list := `{"mutations":[{"type":"CREATE","resource":"NOTE","data":{"localId":"a","title":"t","body":"b","tags":["x"],"log":[{"id":"e","text":"l"}],"mood":{"k":[1,2.50]}}},
		` + note("b", "b") + "," + note("gone", "g") + `,{"type":"DELETE","resource":"NOTE","resourceId":"gone"}]}`
	s.ask("POST", fmt.Sprint(api, "/sync?lastMutationAt=", now.log.LastMutationAt), "", list).want(200, "")
	return s.look()
}

var fuzzMethods = []string{"GET", "POST", "PATCH", "DELETE", "HEAD", "PUT"}

// FuzzMutationsRequest puts hostile text where a client's paths, queries,
// numbers and bodies stand, over a real store. Whatever it is, the answer is in
// the protocol's form and true: what was refused changed nothing, what was
// accepted is in the log, and nobody else's is touched.
func FuzzMutationsRequest(f *testing.F) {
	deep := strings.Repeat("[", 28) + strings.Repeat("]", 28)
	for _, c := range []struct{ method, path, head, body string }{
		{"GET", "/sync?mutationsSince=0", "", ""}, {"GET", "/sync?mutationsSince=$", fuzzGuard, ""}, {"GET", "/sync?mutationsSince=1&limit=2&page=2&resources=NOTE,BOOKMARK", "", ""},
		{"GET", "/sync?mutationsSince=-1&resourceId=gone", "", ""}, {"GET", "/sync?mutationsSince=+5&metadataOnly=true", "X-Stet-Epoch: x", ""}, {"GET", "/sync?mutationsSince=9007199254740992&page=2147483648&limit=1000", "", ""},
		{"GET", "/sync?mutationsSince=0;x&resources=%ff", "X-Client-Id: \xff", ""}, {"HEAD", "/sync?mutationsSince=0", "", ""}, {"PUT", "/sync", "", ""},
		{"POST", "/sync?lastMutationAt=$", "", `{"mutations":[{"type":"CREATE","resource":"NOTE","data":{"localId":"new","clientCreatedAt":1e3,"log":[{"id":"i","text":"t","at":"0000-01-01T00:00:00+23:59"}]}},{"type":"UPDATE","resource":"NOTE","resourceId":"a","data":{"title":null,"tags":[1],"mood":null}},{"type":"DELETE","resource":"NOTE","resourceId":"b"}]}`},
		{"POST", "/sync?lastMutationAt=$", fuzzGuard, `{"mutations":[{"type":"UPDATE","resource":"NOTE","resourceId":"a","data":{"title":"z","_stet":{"op":"op-1","base":$,"at":"2026-01-01T00:00:00Z","device":"d","extra":{"localId":7}}}},{"type":"DELETE","resource":"NOTE","resourceId":"gone","data":{"_stet":{"op":"op-2","base":0,"purge":true}}},{"type":"DELETE","resource":"NOTE","resourceId":"none","data":{"_stet":{"op":"op-3","base":1}}}]}`},
		{"POST", "/sync?lastMutationAt=$", "", `{"mutations":[{"type":"UPDATE","resource":"NOTE","resourceId":"gone","data":{"body":"back"}},{"type":"UPDATE","resource":"NOTE","resourceId":"a b","data":{}}]}`},
		{"POST", "/sync?lastMutationAt=$", "", `{"mutations":[{"type":"CREATE","resource":"NOTE","resourceId":"id9","data":{}},{"type":"CREATE","resource":"NOTE","data":{"deleted":true,"id":"x","localId":"x y"}}]}`},
		{"PATCH", "/notes/a?lastMutationAt=$", "", `{"body":"x","x":` + deep + `}`}, {"POST", "/sync?lastMutationAt=5", "", `{"mutations":[]}`}, {"POST", "/sync?lastMutationAt=$&lastMutationAt=5", "Content-Encoding: zstd", `{"mutations":[{}]}`},
		{"POST", "/notes?lastMutationAt=$", "", `{"body":"made","saveToQR":true,"clientUpdatedAt":"x","_stet":{"op":"o"}}`}, {"PATCH", "/notes/a?lastMutationAt=$", "", `{"body":"x","title":7,"color":"c"}`},
		{"PATCH", "/notes/gone?lastMutationAt=$", "", `{"body":"x"}`}, {"PATCH", "/notes/a?lastMutationAt=$", "Content-Type: text/plain", `{"body":[]}`},
		{"DELETE", "/notes/b?lastMutationAt=$", "X-Stet-Epoch: x", ""}, {"DELETE", "/notes/b?lastMutationAt=$", "", ""}, {"DELETE", "/notes/a/b?lastMutationAt=$", "", ""},
		{"GET", "/notes/a", "", ""}, {"GET", "/notes/his", "", ""}, {"GET", "/notes/", "", ""}, {"GET", "/notes/\x00%2f", "", ""}, {"GET", "/notes?sortBy=oldest", "", ""}, {"GET", "/notes?cursor=$&limit=50&sortBy=newest", "", ""},
		{"GET", "/nothing", "", ""}, {"GET", "/sync?mutationsSince=0", "X-Auth-Token:", ""}, {"GET", "/sync?mutationsSince=0", "X-Auth-Token:\nAuthorization: bearer  " + annToken, ""},
	} {
		f.Add(uint8(slices.Index(fuzzMethods, c.method)), c.path, c.head, []byte(c.body))
	}
	for _, number := range []string{"$", "+$", "00$", " $", "-1", "-2", "", "5", "1e3", "9007199254740992", "9007199254740993", "99999999999999999999", "$.0", "\xff"} {
		for kind := range uint8(4) {
			f.Add(uint8(len(fuzzMethods))+kind, number, "", []byte(nil))
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
		at := fmt.Sprint(before.log.LastMutationAt)
		if kind %= uint8(len(fuzzMethods)) + 4; int(kind) >= len(fuzzMethods) {
			s.named(int(kind)-len(fuzzMethods), strings.ReplaceAll(path, "$", at), &before)
			return
		}
		method, path := fuzzMethods[kind], api+strings.ReplaceAll(path, "$", at)
		text := strings.ReplaceAll(string(body), "$", at)
		got := s.ask(method, path, head, text)
		s.inForm(method, got)
		if bytes.Contains(got.body, []byte(bobsText)) || got.status >= 500 {
			t.Fatalf("%s %q %q %q: %d %s", method, path, head, text, got.status, got.body)
		}
		wrote := got.status == 200 && method != "GET" && method != "HEAD"
		after := s.look()
		defer func() {
			if runs++; wrote || runs%500 == 0 {
				after = s.reset(runs%500 == 0)
			}
			before = after
		}()
		s.moved(before, after, wrote)
		at, rest, _ := strings.Cut(path, "?")
		values, _ := url.ParseQuery(rest) // as the server reads it
		switch {
		case wrote:
			if same, _ := numbered(values.Get("lastMutationAt"), before.log.LastMutationAt); !same {
				t.Fatalf("%q let a write through at %d", path, before.log.LastMutationAt)
			}
			s.isThere(method, at, head, got, after)
		case got.status == 200 && method == "GET":
			s.isWhole(at, values, got, before)
		}
	})
}

// inForm: a success says so and tells one number, a refusal says why, in one of
// the protocol's two shapes.
func (s *site) inForm(method string, got reply) {
	s.t.Helper()
	kind := got.head.Get("Content-Type")
	if method == http.MethodHead && len(got.body) == 0 {
		return
	}
	if err := wire.CheckJSON(got.body); err != nil {
		s.t.Fatalf("%d %s: %v", got.status, got.body, err)
	}
	if kind == wire.TypeProblem { // no path of the dialect's
		if p, err := wire.DecodeProblem(got.status, got.body); err != nil || p.Status != 404 || p.RequestID == "" {
			s.t.Fatalf("%d %s: %v", got.status, got.body, err)
		}
		return
	}
	if kind != wire.TypeJSON {
		s.t.Fatalf("%d is %s", got.status, kind)
	}
	if got.status == 200 {
		var in mutlog.Success[json.RawMessage]
		if err := json.Unmarshal(got.body, &in); err != nil || !in.Success || len(in.Data) == 0 {
			s.t.Fatalf("%s: %v", got.body, err)
		}
		return
	}
	f, err := mutlog.DecodeFailure(got.body)
	if err != nil || got.status < 400 || f.Text() == "" || (f.Code() == "") == (f.Type == "") || got.head.Get(wire.HeaderRequestID) == "" ||
		(got.status == 405) != (got.head.Get("Allow") != "") {
		s.t.Fatalf("%d %v %s: %v", got.status, got.head, got.body, err)
	}
}

// moved: the number never goes back, and moves if and only if the log did. What
// was written every dialect can tell.
func (s *site) moved(before, after seen, wrote bool) {
	s.t.Helper()
	was, is := before.log.LastMutationAt, after.log.LastMutationAt
	if is < was || (is > was) != (before.text != after.text) || is > was && !wrote {
		s.t.Fatalf("accepted %t: from %s\nto %s", wrote, before.text, after.text)
	}
	if before.bob != after.bob {
		s.t.Fatal("another account's log moved")
	}
	if was == is {
		return
	}
	for _, path := range []string{wire.PathChanges + "?since=", "/kinto/v1/buckets/default/collections/notes/records?_since=0"} {
		r := s.ask("GET", path, "Authorization: Bearer "+annToken, "").want(200, "")
		if err := wire.CheckJSON(r.body); err != nil {
			s.t.Fatalf("%s: %v: %s", path, err, r.body)
		}
	}
}

var fuzzNumber = regexp.MustCompile(`^[+-]?[0-9]+$`)

// numbered reports whether a parameter names a number, and whether it is one
// that an account may have.
func numbered(text string, head int64) (same, well bool) {
	if !fuzzNumber.MatchString(text) {
		return false, false
	}
	n, ok := new(big.Int).SetString(strings.TrimPrefix(text, "+"), 10)
	if !ok || n.Cmp(big.NewInt(-1)) < 0 || n.Cmp(big.NewInt(mutlog.MaxInteger)) > 0 {
		return false, false
	}
	return n.Cmp(big.NewInt(head)) == 0, true
}

// isThere: what an accepted write answers is what the log has.
func (s *site) isThere(method, path, head string, got reply, after seen) {
	s.t.Helper()
	logged := map[string]mutation{}
	for _, m := range after.log.Mutations {
		logged[m.ResourceID] = m
	}
	if path == api+"/sync" {
		in := got.log()
		if in.LastMutationAt != after.log.LastMutationAt || len(in.Mutations) == 0 {
			s.t.Fatalf("answered %s, is %s", got.body, after.text)
		}
		last := map[string]mutation{}
		for _, m := range in.Mutations {
			last[m.ResourceID] = m
		}
		for id, m := range last {
			now, there := logged[id]
			if !there && m.Timestamp == 0 { // to go, and not there
				continue
			}
			delete(m.Data, "_stet")
			delete(now.Data, "_stet")
			if now.Timestamp != m.Timestamp || (now.Type == "DELETE") != (m.Type == "DELETE") || fmt.Sprint(now.Data) != fmt.Sprint(m.Data) {
				s.t.Fatalf("answered %+v, is %+v", m, now)
			}
		}
		if !strings.Contains(strings.ToLower(head), "guard") && bytes.Contains(got.body, []byte(`"_stet"`)) {
			s.t.Fatalf("told to a stranger: %s", got.body)
		}
		return
	}
	if at := got.head.Get(mutlog.HeaderAt); at != fmt.Sprint(after.log.LastMutationAt) {
		s.t.Fatalf("%s: the log is at %d, told %s", path, after.log.LastMutationAt, at)
	}
	id := strings.TrimPrefix(path, api+"/notes/")
	if method == "DELETE" {
		if logged[id].Type != "DELETE" {
			s.t.Fatalf("%s is %+v", id, logged[id])
		}
		s.ask("GET", path, "", "").want(404, "")
		return
	}
	var in struct{ Data map[string]any }
	if err := json.Unmarshal(got.body, &in); err != nil {
		s.t.Fatal(err)
	}
	now := s.ask("GET", api+"/notes/"+fmt.Sprint(in.Data["id"]), "", "").want(200, "")
	if !bytes.Equal(now.body, got.body) || logged[fmt.Sprint(in.Data["id"])].Timestamp != after.log.LastMutationAt {
		s.t.Fatalf("answered %s, is %s", got.body, now.body)
	}
}

// isWhole: a list turned page by page is what the log has.
func (s *site) isWhole(path string, q url.Values, got reply, before seen) {
	s.t.Helper()
	var want, have []string
	switch {
	case path == api+"/sync" && len(q) == 1 && q.Has("mutationsSince"):
		since := new(big.Int)
		if _, ok := since.SetString(strings.TrimPrefix(q.Get("mutationsSince"), "+"), 10); !ok {
			s.t.Fatalf("%v is answered", q)
		}
		for _, m := range before.log.Mutations {
			if big.NewInt(m.Timestamp).Cmp(since) > 0 {
				want = append(want, fmt.Sprint(m.ResourceID, m.Timestamp))
			}
		}
		for page, more := 1, true; more && page < 50; page++ {
			in := s.ask("GET", fmt.Sprintf("%s?mutationsSince=%s&limit=1&page=%d", path, url.QueryEscape(q.Get("mutationsSince")), page), "", "").log()
			if len(in.Mutations) > 1 {
				s.t.Fatalf("%d on a page of one", len(in.Mutations))
			}
			for _, m := range in.Mutations {
				have = append(have, fmt.Sprint(m.ResourceID, m.Timestamp))
			}
			more = *in.HasMore
		}
	case path == api+"/notes" && !q.Has("cursor") && !q.Has("limit"):
		for _, m := range before.log.Mutations {
			if m.Type != "DELETE" {
				want = append(want, m.ResourceID)
			}
		}
		if by := q.Get("sortBy"); by != "oldest" {
			slices.Reverse(want)
		}
		for cursor, more := "", true; more && len(have) < 50; {
			var in struct {
				Data       []struct{ ID string }
				Pagination struct {
					EndCursor   string
					HasNextPage bool
				}
			}
			r := s.ask("GET", path+"?limit=1&sortBy="+q.Get("sortBy")+cursor, "", "").want(200, "")
			if err := json.Unmarshal(r.body, &in); err != nil || len(in.Data) != 1 {
				s.t.Fatalf("%s: %v", r.body, err)
			}
			have, cursor, more = append(have, in.Data[0].ID), "&cursor="+in.Pagination.EndCursor, in.Pagination.HasNextPage
		}
	}
	if !slices.Equal(have, want) {
		s.t.Fatalf("%s?%s: %q page by page, %q is there: %s", path, q.Encode(), have, want, got.body)
	}
}

// named: a reader of the number alone knows the status of a write.
func (s *site) named(kind int, text string, before *seen) {
	head, want := before.log.LastMutationAt, 409
	same, well := numbered(text, head)
	switch {
	case same:
		want = 200
	case !well:
		want = 400
	}
	c := [][3]string{{"POST", "/sync", `{"mutations":[` + note("a", "named") + `]}`}, {"POST", "/notes", `{"body":"named"}`},
		{"PATCH", "/notes/a", `{"body":"named"}`}, {"DELETE", "/notes/a", ""}}[kind]
	got := s.ask(c[0], api+c[1]+"?lastMutationAt="+url.QueryEscape(text), "", c[2])
	if s.inForm(c[0], got); got.status != want {
		s.t.Fatalf("%s %s with %q at %d: %d, want %d", c[0], c[1], text, head, got.status, want)
	}
	after := s.look()
	s.moved(*before, after, want == 200)
	if (after.log.LastMutationAt > head) != (want == 200) {
		s.t.Fatalf("%s %s with %q: %d, and the log went from %d to %d", c[0], c[1], text, got.status, head, after.log.LastMutationAt)
	}
	if want == 200 {
		*before = s.reset(false)
	}
}
