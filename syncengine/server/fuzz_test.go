package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"stet/model"
	"stet/syncengine/wire"
)

// ask is one request without a network, for the targets below.
func (s *site) ask(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	r.URL = &url.URL{Path: path}
	if at := strings.IndexByte(path, '?'); at >= 0 {
		r.URL = &url.URL{Path: path[:at], RawQuery: path[at+1:]}
	}
	r.Header.Set("Authorization", "Bearer "+annToken)
	if body != "" {
		r.Header.Set("Content-Type", wire.TypeJSON)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.http.Config.Handler.ServeHTTP(w, r)
	return w
}

// listed reports whether a header lists an entity tag or "*". A weak tag
// counts only if weak ones do.
func listed(header, tag string, weak bool) bool {
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimSpace(part)
		if part == "*" || part == tag || weak && part == "W/"+tag {
			return true
		}
	}
	return false
}

var (
	fuzzKey   = regexp.MustCompile(`^[!#-\[\]-~]{1,255}$`)
	fuzzLimit = regexp.MustCompile(`^[+]?[0-9]{1,9}$`)
)

// FuzzRequest puts hostile text where a client's conditions, keys and cursors
// stand. A server over a real store answers as a reader of the header would, and
// never fails.
func FuzzRequest(f *testing.F) {
	for kind := range uint8(6) {
		for _, s := range []string{"$", "W/$", `"rev-1", $ ,*`, "*", "", `"rev-0"`, `"rev-`, ",", "k", `"k"`, "e.1.t", "500", "0", "/notes/n1/history", "/sync/ops", "/notes/%2e%2e/x", "../n", "\xff"} {
			f.Add(kind, s, "k")
		}
	}
	f.Add(uint8(0), "$", "1")
	f.Add(uint8(0), "", "-1")
	s := newSite(f)
	ids := 0
	fresh := func() string { ids++; return fmt.Sprint("fuzz-", ids) }
	create := must(wire.EncodeOp(model.Op{ID: "first", NoteID: "n1", Kind: model.Create, Patch: title("t")}))
	if got := s.ask("POST", wire.PathOps, string(create), wire.HeaderKey, "first"); got.Code != 201 {
		f.Fatal(got.Code, got.Body)
	}
	given := map[string]bool{"": true}
	f.Fuzz(func(t *testing.T, kind uint8, text, more string) {
		if len(text)+len(more) > 1<<10 || strings.ContainsFunc(text+more, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return // net/http lets none of these through
		}
		s.t = t
		note := s.ask("GET", "/notes/n1", "")
		tag, headTag := note.Header().Get("ETag"), s.ask("GET", wire.PathChanges+"?since=", "").Header().Get("ETag")
		head := strings.Trim(headTag, `"`)
		given[head] = true
		fill := func(current string) string { return strings.Trim(strings.ReplaceAll(text, "$", current), " \t") }
		var got *httptest.ResponseRecorder
		want := 0 // the status; 0: any but 5xx
		switch kind % 6 {
		case 0:
			since := fill(head)
			got = s.ask("GET", wire.PathChanges+"?since="+url.QueryEscape(since)+"&limit="+url.QueryEscape(more), "")
			n, err := strconv.Atoi(more)
			fine := more == "" || err == nil && fuzzLimit.MatchString(more) && n >= 1 && n <= wire.DefaultLimits().Page
			switch {
			case given[since] && fine:
				want = 200
			case given[since] || got.Code != 410:
				want = 400
			}
		case 1:
			header := fill(tag)
			if got, want = s.ask("GET", "/notes/n1", "", "If-None-Match", header), 200; listed(header, tag, true) {
				want = 304
			}
		case 2:
			header := fill(headTag)
			if got, want = s.ask("GET", wire.PathChanges+"?since="+head, "", "If-None-Match", header), 200; listed(header, headTag, true) {
				want = 304
			}
		case 3:
			header, key := fill(tag), fresh()
			got, want = s.ask("PUT", "/notes/n1", fmt.Sprintf(`{"title":%q}`, key), wire.HeaderKey, key, "If-Match", header), 412
			if listed(header, tag, false) {
				want = 200
			}
			now := s.ask("GET", "/notes/n1", "")
			if moved := now.Header().Get("ETag") != tag; moved != (got.Code == 200) || moved && !strings.Contains(now.Body.String(), key) {
				t.Fatalf("If-Match: %s gave %d; the note was %s and is %s", header, got.Code, tag, now.Header().Get("ETag"))
			}
		case 4:
			key := strings.Trim(text, " \t")
			op := must(wire.EncodeOp(model.Op{ID: more, NoteID: "n1", Kind: model.Append, Patch: model.Patch{LogAppend: []model.LogEntry{{ID: more, Text: "x"}}}}))
			got = s.ask("POST", wire.PathOps, string(op), wire.HeaderKey, key)
			bare := key
			if len(bare) > 1 && bare[0] == '"' && bare[len(bare)-1] == '"' {
				bare = bare[1 : len(bare)-1]
			}
			if bad := !fuzzKey.MatchString(bare) || bare != more; bad && (got.Code < 400 || got.Code >= 500) {
				t.Fatalf("key %q for op %q: %d", key, more, got.Code)
			}
		default:
			methods := []string{"GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS"}
			got = s.ask(methods[len(more)%len(methods)], "/"+strings.TrimPrefix(text, "/"), more, wire.HeaderKey, fresh(), "If-Match", `"rev-1"`)
		}
		if want != 0 && got.Code != want || got.Code >= 500 {
			t.Fatalf("kind %d, %q, %q: status %d, want %d: %s", kind%6, text, more, got.Code, want, got.Body)
		}
		checkAnswer(t, got)
	})
}

// checkAnswer: a refusal is a problem with a request id, a success strict JSON.
func checkAnswer(t *testing.T, got *httptest.ResponseRecorder) {
	t.Helper()
	body := got.Body.Bytes()
	switch {
	case len(body) == 0:
	case got.Code >= 400:
		p, err := wire.DecodeProblem(got.Code, body)
		if err != nil || p.RequestID == "" || got.Header().Get("Content-Type") != wire.TypeProblem || p.Title != http.StatusText(got.Code) {
			t.Fatalf("%d %s: %v", got.Code, body, err)
		}
	case wire.CheckJSON(body) != nil && got.Header().Get("Content-Type") == wire.TypeJSON:
		t.Fatalf("%d %s", got.Code, body)
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
