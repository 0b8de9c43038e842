package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"stet/model"
	"stet/syncengine/wire"
)

func TestNative11RefusalsKeepTheKey(t *testing.T) {
	s := newSite(t)
	op := s.op(model.Update, "n", 0, title("x"))
	s.post(op).want(404, wire.CodeUnknownNote)
	rev := s.post(s.op(model.Create, "n", 0, title("1"))).want(201).note().Rev
	op.BaseRev = rev + 1
	s.post(op).want(409, wire.CodeConflict)
	op.BaseRev = rev
	good := op.Patch
	op.Patch = title(repeat("x", 1025))
	s.post(op).want(422, wire.CodeValidation)
	op.Patch = good
	s.post(op, wire.HeaderCursor, "epoch.1.tag").want(410, wire.CodeEpochChanged)
	s.post(op, "Authorization", "Bearer no").want(401, wire.CodeUnauthorized)
	s.post(op).want(200)
	// The very same body succeeds once the note is where it was made for.
	made := s.op(model.Create, "m", 0, title("m"))
	add := s.op(model.Append, "m", 0, model.Patch{LogAppend: []model.LogEntry{{ID: "e", Text: "t"}}})
	s.post(add).want(404, wire.CodeUnknownNote)
	s.post(made).want(201)
	if r := s.post(add).want(200); r.head.Get(wire.HeaderReplayed) != "" || len(r.note().Fields.Log) != 1 {
		t.Errorf("%s", r.body)
	}
}

func TestNative30Problems(t *testing.T) {
	s := newSite(t)
	s.do("GET", "/nothing", nil).want(404, wire.CodeNotFound)
	for path, allow := range map[string]string{wire.PathOps: "POST", wire.PathBatch: "POST", wire.PathChanges: "GET, HEAD", wire.PathMeta: "GET, HEAD",
		wire.PathNotes: "GET, HEAD", "/notes/n": "DELETE, GET, HEAD, PATCH, PUT", "/notes/n/history": "GET, HEAD"} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
			allowed := strings.Contains(", "+allow+",", ", "+method+",")
			r := s.do(method, path, nil)
			if (r.status == 405) == allowed || !allowed && r.head.Get("Allow") != allow {
				t.Errorf("%s %s: %d, Allow %q, want %q", method, path, r.status, r.head.Get("Allow"), allow)
			}
			if !allowed && method != "HEAD" {
				r.want(405, wire.CodeNotAllowed)
			}
		}
	}
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/merge-patch+json", ";"} {
		s.do("POST", wire.PathBatch, "{}", "Content-Type", kind).want(415, wire.CodeMediaType)
		s.do("POST", wire.PathOps, "{}", "Content-Type", kind, wire.HeaderKey, "k").want(415, wire.CodeMediaType)
	}
	s.do("PUT", "/notes/n", "{}", "Content-Type", wire.TypeMerge, wire.HeaderKey, "k", "If-None-Match", "*").want(415, wire.CodeMediaType)
	s.do("POST", wire.PathBatch, `{"ops":[]}`, "Content-Type", "application/json; charset=UTF-8").want(200)
	s.do("POST", wire.PathBatch, "{}", "Content-Encoding", "br").want(415, wire.CodeMediaType)
	for _, coding := range []string{"gzip", "zstd"} {
		s.do("POST", wire.PathBatch, "{}", "Content-Encoding", coding).want(400, wire.CodeMalformed)
	}
	s.do("POST", wire.PathBatch, "{").want(400, wire.CodeMalformed)
	for _, q := range []string{"?limit=0", "?limit=1001", "?limit=x", "?limit=-1", "?limit=1e2", "?wait=31", "?wait=-1", "?wait=x"} {
		s.do("GET", wire.PathChanges+q, nil).want(400, wire.CodeBadParameter)
	}
	s.do("GET", "/notes/n/history?before=-1", nil).want(400, wire.CodeBadParameter)
	s.do("GET", "/notes/n/history?limit=0", nil).want(400, wire.CodeBadParameter)
	s.do("GET", "/notes?limit=0", nil).want(400, wire.CodeBadParameter)
	ids := map[string]bool{}
	for _, auth := range []string{"", "Bearer wrong", "Basic x", "Bearer", "Bearer  ", "bearer\t" + annToken, "Token " + annToken} {
		r := s.do("GET", wire.PathMeta, nil, "Authorization", auth).want(401, wire.CodeUnauthorized)
		if r.head.Get("WWW-Authenticate") == "" || r.head.Get(wire.HeaderRequestID) != r.problem().RequestID || r.head.Get("Cache-Control") != "no-store" {
			t.Errorf("%q: %v", auth, r.head)
		}
		ids[r.problem().RequestID] = true
	}
	if len(ids) != 7 {
		t.Errorf("request ids are not unique: %v", ids)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		s.do("GET", path, nil, "Authorization", "").want(200)
		s.do("POST", path, nil, "Authorization", "").want(405, wire.CodeNotAllowed)
	}
}

// TestNative31Isolation asks as bob for what is ann's, at every endpoint: the
// answers are those of a server that has never heard of it.
func TestNative31Isolation(t *testing.T) {
	s := newSite(t)
	op := s.op(model.Create, "n", 0, title("ann's"))
	made := s.post(op).want(201)
	rev := made.note().Rev
	gone := s.post(s.op(model.Create, "gone", 0, title("ann's"))).want(201).note().Rev
	s.post(s.op(model.Delete, "gone", gone, model.Patch{})).want(200)
	before := s.changes("", 10).Cursor
	key := func(h ...string) []string {
		return asBob(append([]string{wire.HeaderKey, fmt.Sprint("k", s.ids.Add(1))}, h...)...)
	}
	tag := wire.ETag(rev)
	entry := model.Patch{LogAppend: []model.LogEntry{{ID: "e", Text: "t"}}}
	ask := func(id string) map[string]reply {
		return map[string]reply{
			"get":     s.do("GET", "/notes/"+id, nil, asBob()...),
			"cached":  s.do("GET", "/notes/"+id, nil, asBob("If-None-Match", tag)...),
			"history": s.do("GET", "/notes/"+id+"/history", nil, asBob()...),
			"put":     s.do("PUT", "/notes/"+id, "{}", key("If-Match", tag)...),
			"put *":   s.do("PUT", "/notes/"+id, "{}", key("If-Match", "*")...),
			"patch":   s.do("PATCH", "/notes/"+id, "{}", key("If-Match", tag)...),
			"delete":  s.do("DELETE", "/notes/"+id, nil, key("If-Match", tag)...),
			"update":  s.post(s.op(model.Update, id, rev, title("x")), asBob()...),
			"append":  s.post(s.op(model.Append, id, rev, entry), asBob()...),
			"remove":  s.post(s.op(model.Delete, id, rev, model.Patch{}), asBob()...),
			"purge":   s.post(s.op(model.Purge, id, rev, model.Patch{}), asBob()...),
		}
	}
	absent, there, trashed := ask("none"), ask("n"), ask("gone")
	for name, want := range absent {
		want.want(404, wire.CodeUnknownNote)
		for _, got := range []reply{there[name], trashed[name]} {
			got.want(404, wire.CodeUnknownNote)
			x, y := *got.problem(), *want.problem()
			x.RequestID, y.RequestID = "", ""
			if fmt.Sprintf("%+v", x) != fmt.Sprintf("%+v", y) || x.Current != nil {
				t.Errorf("%s tells more: %s", name, got.body)
			}
		}
	}
	body, err := wire.EncodeBatch(wire.Batch{Ops: []model.Op{s.op(model.Update, "n", rev, title("x")), s.op(model.Delete, "gone", gone, model.Patch{})}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range decode[wire.BatchAnswer](s.do("POST", wire.PathBatch, body, asBob()...).want(200)).Results {
		if r.Status != 404 || r.Problem.Current != nil {
			t.Errorf("batch: %+v", r)
		}
	}
	if page := decode[wire.Page](s.do("GET", wire.PathChanges, nil, asBob()...).want(200)); len(page.Changes) > 0 {
		t.Errorf("%+v", page)
	}
	if list := decode[wire.List](s.do("GET", wire.PathNotes, nil, asBob()...).want(200)); len(list.Notes) > 0 {
		t.Errorf("%+v", list)
	}
	mine, bobs := decode[wire.Meta](s.do("GET", wire.PathMeta, nil).want(200)), decode[wire.Meta](s.do("GET", wire.PathMeta, nil, asBob()...).want(200))
	if bobs.Account != "bob" || bobs.Epoch == mine.Epoch || bobs.Cursor == mine.Cursor {
		t.Errorf("%+v and %+v", mine, bobs)
	}
	at := made.head.Get(wire.HeaderCursor)
	s.do("GET", wire.PathChanges+"?since="+at, nil, asBob()...).want(410, wire.CodeEpochChanged)
	s.do("GET", wire.PathChanges+"?since="+at, nil, asBob("If-None-Match", `"`+at+`"`)...).want(410, wire.CodeEpochChanged)
	s.do("GET", wire.PathNotes+"?cursor="+at, nil, asBob()...).want(410, wire.CodeEpochChanged)
	s.post(s.op(model.Create, "b", 0, title("x")), asBob(wire.HeaderCursor, at)...).want(410, wire.CodeEpochChanged)
	// Ids and keys are the account's own: bob's note of the same id and key is another note.
	op.Patch = title("bob's")
	if r := s.post(op, asBob()...).want(201); r.head.Get(wire.HeaderReplayed) != "" || r.note().Fields.Title != "bob's" {
		t.Errorf("%s", r.body)
	}
	if s.changes("", 10).Cursor != before || s.do("GET", "/notes/n", nil).note().Fields.Title != "ann's" {
		t.Error("bob's requests changed something of ann's")
	}
}

func TestNative32Content(t *testing.T) {
	s := newSite(t)
	tags := make([]string, 101)
	for i := range tags {
		tags[i] = fmt.Sprint("t", i)
	}
	log := func(e ...model.LogEntry) model.Patch { return model.Patch{LogAppend: e} }
	for _, c := range []struct {
		field string
		p     model.Patch
	}{{"title", title(repeat("x", 1025))}, {"body", model.Patch{Body: ptr(repeat("x", 4<<20+1))}}, {"tags", model.Patch{TagsAdd: []string{repeat("x", 65)}}},
		{"tags", model.Patch{TagsAdd: tags}}, {"notebook", model.Patch{Notebook: ptr(repeat("x", 1025))}}, {"color", model.Patch{Color: ptr(repeat("x", 65))}},
		{"order", model.Patch{Order: ptr(repeat("x", 1025))}}, {"log", log(model.LogEntry{ID: "", Text: "x"})}, {"log", log(model.LogEntry{ID: repeat("x", 65)})},
		{"log", log(model.LogEntry{ID: "a", Text: repeat("x", 4<<20+1)})}, {"extra", model.Patch{Extra: map[string]json.RawMessage{"k": json.RawMessage(`"` + repeat("x", 64<<10) + `"`)}}}} {
		if p := s.post(s.op(model.Create, "n", 0, c.p)).want(422, wire.CodeValidation).problem(); len(p.Errors) != 1 || p.Errors[0].Field != c.field {
			t.Errorf("%s: %+v", c.field, p)
		}
	}
	s.do("GET", "/notes/n", nil).want(404)
	s.post(s.op(model.Create, "big", 0, model.Patch{Body: ptr(repeat("x", 4<<20)), Title: ptr(repeat("é", 1024)), TagsAdd: tags[:100]})).want(201)
}

// TestNative32HostileJSON sends what no client of good will sends: each is refused by its form,
// and nothing of it is taken.
func TestNative32HostileJSON(t *testing.T) {
	s := newSite(t)
	good := `{"opId":"k","entity":"note","entityId":"n","kind":"create","baseRev":0,"patch":{"title":"x"},"createdAt":1}`
	swap := func(from, to string) string { return strings.Replace(good, from, to, 1) }
	malformed := []string{
		"", " ", "null", "[]", `"x"`, "1", "{", good + good, good + "x", "\ufeff" + good, good[:len(good)-1],
		swap(`"x"`, "\"\xff\""), swap(`"x"`, "\"\xc0\x80\""), swap(`"x"`, `"\ud800"`), swap(`"x"`, `"\udc00\ud800"`), swap(`"x"`, "\"a\nb\""), swap(`"x"`, `"\x41"`),
		swap(`"baseRev":0`, `"baseRev":0.0`), swap(`"baseRev":0`, `"baseRev":0e0`), swap(`"baseRev":0`, `"baseRev":-1`), swap(`"baseRev":0`, `"baseRev":"0"`),
		swap(`"baseRev":0`, `"baseRev":9007199254740993`), swap(`"baseRev":0`, `"baseRev":1e400`), swap(`"baseRev":0`, `"baseRev":true`), swap(`"baseRev":0`, `"baseRev":00`),
		swap(`"createdAt":1`, `"createdAt":1e3`), swap(`"createdAt":1`, `"createdAt":null`), swap(`"createdAt":1`, `"createdAt":"2020-01-01T00:00:00Z"`),
		swap(`"entityId":"n"`, `"entityId":"n","entityId":"m"`), swap(`{"title":"x"}`, `{"title":"x","title":"y"}`), swap(`{"title":"x"}`, `{"title":"x","titl\u0065":"y"}`),
		swap(`{"title":"x"}`, `[]`), swap(`{"title":"x"}`, `"x"`), swap(`"opId":"k"`, `"opId":["k"]`),
		swap(`{"title":"x"}`, `{"extra":{"k":`+repeat("[", 100)+repeat("]", 100)+`}}`), repeat("[", 1<<20), repeat(`{"a":`, 1<<18), swap(`{"title":"x"}`, `{"extra":{"k":{"a":1,"a":2}}}`),
	}
	for _, text := range malformed {
		s.do("POST", wire.PathOps, text, wire.HeaderKey, "k").want(400, wire.CodeMalformed)
		s.do("POST", wire.PathBatch, `{"ops":[`+text+`]}`).want(map[bool]int{true: 200, false: 400}[strings.TrimSpace(text) == ""])
	}
	for text, field := range map[string]string{
		swap(`{"title":"x"}`, `{"title":3}`): "title", swap(`{"title":"x"}`, `{"body":{}}`): "body", swap(`{"title":"x"}`, `{"tags":["a"]}`): "tags",
		swap(`{"title":"x"}`, `{"tags":{"$add":[1]}}`): "tags", swap(`{"title":"x"}`, `{"pinned":"yes"}`): "pinned", swap(`{"title":"x"}`, `{"rev":7}`): "rev",
		swap(`{"title":"x"}`, `{"id":"m"}`): "id", swap(`{"title":"x"}`, `{"__proto__":{}}`): "__proto__", swap(`{"title":"x"}`, `{"words":3}`): "words",
		swap(`{"title":"x"}`, `{"createdAt":"yesterday"}`): "createdAt", swap(`"kind":"create"`, `"kind":"CREATE"`): "kind", swap(`"entityId":"n"`, `"entityId":"a/b"`): "entityId",
		swap(`"entityId":"n"`, `"entityId":""`): "entityId", swap(`"entity":"note"`, `"entity":"folder"`): "entity",
	} {
		if p := s.do("POST", wire.PathOps, text, wire.HeaderKey, "k").want(422, wire.CodeValidation).problem(); len(p.Errors) == 0 || p.Errors[0].Field != field {
			t.Errorf("%s: %+v", text, p)
		}
	}
	if len(s.changes("", 10).Changes) != 0 {
		t.Error("something hostile was taken")
	}
	odd := `{"opId":"k","entityId":"n","kind":"create","baseRev":0,"createdAt":1,"unknown":[{}],"patch":{"title":"` + "\\u0000\u202e" + `</script>","extra":{"n":12345678901234567890,"e":1e999}}}`
	rec := s.do("POST", wire.PathOps, odd, wire.HeaderKey, "k").want(201).note()
	if rec.Fields.Title != "\x00\u202e</script>" || string(rec.Fields.Extra["n"]) != "12345678901234567890" || string(rec.Fields.Extra["e"]) != "1e999" {
		t.Errorf("%+v", rec.Fields)
	}
}

// TestNative32RawRequests sends what no HTTP library lets through.
func TestNative32RawRequests(t *testing.T) {
	s := newSite(t)
	auth := "Authorization: Bearer " + annToken + "\r\n"
	for name, text := range map[string]string{
		"two keys":       "POST /sync/ops HTTP/1.1\r\nHost: x\r\n" + auth + "Idempotency-Key: a\r\nIdempotency-Key: b\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
		"lying length":   "POST /sync/ops HTTP/1.1\r\nHost: x\r\n" + auth + "Idempotency-Key: a\r\nContent-Length: 99\r\n\r\n{}",
		"long header":    "GET /sync/meta HTTP/1.1\r\nHost: x\r\nX: " + repeat("x", 2<<20) + "\r\n\r\n",
		"no such method": "\x00\x01 /sync/meta HTTP/1.1\r\nHost: x\r\n\r\n",
		"odd path":       "GET /notes/%00%ff/../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + auth + "\r\n",
	} {
		conn, err := net.Dial("tcp", s.http.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, text)
		if name == "lying length" { // else the server may take it that nobody waits for an answer
			_ = conn.(*net.TCPConn).CloseWrite()
		}
		got, _ := io.ReadAll(conn)
		_ = conn.Close()
		if !bytes.HasPrefix(got, []byte("HTTP/1.1 4")) || bytes.Contains(got, []byte("goroutine")) {
			t.Errorf("%s: %.200q", name, got)
		}
	}
	s.do(http.MethodGet, wire.PathMeta, nil).want(200)
	if len(s.changes("", 10).Changes) != 0 {
		t.Error("something was taken")
	}
}
