package kinto_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/remote/kinto"
	"stet/syncengine/remote/remotetest"
)

// canned is what the driver is answered, whatever it asks.
type canned struct{ remotetest.Canned }

// maxAsked is more than any call needs.
const maxAsked = 4000

const (
	fuzzJSON = "Content-Type: application/json\nETag: \"1795000000009\"\nDate: Sat, 21 Nov 2026 08:00:00 GMT\n"
	fuzzRoot = `{"settings":{"batch_max_requests":2},"http_api_version":"1.23","user":{"id":"basicauth:anna","bucket":"b"},"capabilities":{"stet":{}}}`
	fuzzRow  = `{"id":"n1","last_modified":1795000000005,"title":"t","body":"b","tags":["x"],"log":[{"id":"e","text":"l"}],"device":"d","at":"2026-01-01T00:00:00Z","mood":{"k":2.50}}`
)

// rows are all records that answers hold, wherever, by id and timestamp, read
// without the driver's help.
func (c *canned) rows() (out map[string][]map[string]any) {
	out = map[string][]map[string]any{}
	var find func(v any)
	find = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				find(x)
			}
		case map[string]any:
			id, ok := v["id"].(string)
			if at, is := v["last_modified"].(json.Number); ok && is {
				key := id + " " + at.String()
				out[key] = append(out[key], v)
			}
			for _, x := range v {
				find(x)
			}
		}
	}
	for _, a := range c.Two {
		dec := json.NewDecoder(bytes.NewReader(a.Body))
		dec.UseNumber()
		var v any
		if kind, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";"); dec.Decode(&v) == nil && strings.EqualFold(strings.TrimSpace(kind), "application/json") {
			find(v)
		}
	}
	return out
}

// isTold checks that a record is one that the answers hold, and can be kept.
func (c *canned) isTold(t *testing.T, rec model.Record) {
	t.Helper()
	text, err := json.Marshal(rec.Fields)
	var back model.Fields
	if err != nil || !utf8.Valid(text) || json.Unmarshal(text, &back) != nil || !model.Equal(back, rec.Fields) {
		t.Fatalf("cannot be kept: %+v: %q, %v", rec, text, err)
	}
	if c.Coded() {
		return
	}
	told := c.rows()[fmt.Sprint(rec.ID, " ", rec.Rev)]
	if !slices.ContainsFunc(told, func(row map[string]any) bool { return holds(row, rec.Fields) }) {
		t.Fatalf("nobody said %+v; there is %v", rec, told)
	}
}

func holds(row map[string]any, f model.Fields) bool {
	live := row["deleted"] != true
	for name := range row {
		live = live || !slices.Contains([]string{"id", "last_modified", "schema", "deleted"}, name)
	}
	title, _ := row["title"].(string)
	body, _ := row["body"].(string)
	if f.Deleted || !live {
		return f.Deleted != live && reflect.DeepEqual(f, model.Fields{Deleted: f.Deleted})
	}
	return row["_stet"] != nil || f.Title == title && f.Body == body
}

// reads checks that a cursor which was handed out is one that is read again: the
// driver then asks the server, which is not there.
func reads(t *testing.T, cursor string) {
	t.Helper()
	away := &canned{}
	var resync *remote.ResyncError
	if _, err := away.connect(t).Pull(t.Context(), cursor, 0); errors.As(err, &resync) || !errors.Is(err, remote.ErrOffline) {
		t.Fatalf("cursor %.200q: %v", cursor, err)
	}
}

func (c *canned) connect(t testing.TB, opts ...kinto.Option) *kinto.Client {
	out, err := kinto.New("http://127.0.0.1:1/v1", kinto.Credentials{User: "anna", Password: "secret"}, append(opts, kinto.WithTransport(c))...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// FuzzKintoAnswer: whatever a server or what stands before it answers, to
// whichever request, the driver tells data that the answers really hold or an
// error of the contract, and with an error nothing else; and it stops asking.
func FuzzKintoAnswer(f *testing.F) {
	page := `{"data":[` + fuzzRow + `,{"id":"n2","last_modified":1795000000009,"deleted":true}]}`
	far := strings.ReplaceAll(page, "17950", "97950")
	next := fuzzJSON + "Next-Page: http://127.0.0.1:1/v1/buckets/b/collections/notes/records?_token=t&_limit=1\n"
	kept := `{"data":` + fuzzRow + `}`
	batch := func(status int, body string) string {
		part := `{"status":` + fmt.Sprint(status) + `,"path":"/v1/buckets/default/collections/notes/records/%s","headers":{"Retry-After":"3"},"body":` + body + `}`
		return `{"responses":[` + fmt.Sprintf(part, "n7") + "," + fmt.Sprintf(part, "n1") + `]}`
	}
	const gone = `{"code":404,"errno":110,"error":"Not Found"}`
	met := `{"code":412,"errno":114,"error":"x","details":{"existing":` + fuzzRow + `}}`
	for _, c := range []struct {
		plan         uint8
		status       uint16
		header, body string
		then         uint16
		more, last   string
	}{
		{0, 200, fuzzJSON, page, 200, fuzzJSON, `{"data":[]}`}, {0, 200, next, page, 200, next, page}, {4, 200, next, page, 200, fuzzJSON, `{"data":[` + fuzzRow + `]}`}, {4, 200, next, page, 200, next, page},
		{6, 200, next, page, 412, fuzzJSON, met}, {4, 200, next, page, 412, fuzzJSON, met}, {6, 412, fuzzJSON, "", 200, next, page}, {0, 200, next, far, 200, next, far}, {4, 200, next, far, 200, fuzzJSON, far},
		{0, 200, fuzzJSON, strings.Replace(page, "1795000000005", "0", 1), 200, fuzzJSON, `{"data":[]}`}, {0, 200, fuzzJSON, strings.Replace(page, "1795000000009", "9007199254740993", 1), 200, fuzzJSON, `{"data":[]}`}, {0, 200, strings.ReplaceAll(fuzzJSON, "json", "problem+json"), page, 200, strings.ReplaceAll(fuzzJSON, "json", "problem+json"), kept},
		{1, 200, fuzzJSON, fuzzRoot, 200, fuzzJSON, page}, {1, 200, fuzzJSON + "Alert: {\"code\":\"soft-eol\",\"message\":\"\\u001b\",\"url\":\"x\"}\n", fuzzRoot, 304, fuzzJSON, ""},
		{1, 200, "Content-Type: text/html", "<html>log in</html>", 302, "Location: http://evil/", ""}, {0, 304, fuzzJSON, "", 304, fuzzJSON, ""}, {0, 304, "ETag: \"1795000099999\"\nDate: Sun, 22 Nov 2026 08:00:00 GMT", "", 200, fuzzJSON, page},
		{0, 200, fuzzJSON, kept, 200, fuzzJSON, kept}, {0, 201, fuzzJSON + "Backoff: 7\n", strings.ReplaceAll(kept, "n1", "n7"), 200, fuzzJSON, page}, {0, 404, fuzzJSON, gone, 200, fuzzJSON, page}, {0, 404, fuzzJSON, gone, 200, fuzzJSON, `{"data":[]}`},
		{0, 412, fuzzJSON, met, 412, fuzzJSON, strings.ReplaceAll(met, "n1", "n7")}, {0, 412, fuzzJSON, `{"code":412,"errno":114,"error":"x"}`, 200, fuzzJSON, page}, {0, 200, fuzzJSON, `{"data":[]}`, 200, fuzzJSON, batch(201, kept)},
		{0, 200, fuzzJSON, page, 200, fuzzJSON, batch(200, strings.ReplaceAll(kept, "n1", "n7"))}, {2, 200, fuzzJSON, page, 200, fuzzJSON, batch(412, met)}, {2, 200, fuzzJSON, page, 200, fuzzJSON, batch(404, gone)}, {0, 200, fuzzJSON, page, 200, fuzzJSON, batch(409, `{"code":409,"errno":122}`)},
		{0, 200, fuzzJSON, page, 200, fuzzJSON, batch(503, `null`)}, {0, 200, fuzzJSON, page, 413, "", ""}, {0, 200, fuzzJSON, page, 400, fuzzJSON, `{"code":400,"errno":107,"message":"_since"}`}, {0, 200, fuzzJSON, page, 400, fuzzJSON, `{"code":400,"errno":107,"error":"` + strings.Repeat("é", 300) + `"}`},
		{0, 401, fuzzJSON, gone, 403, "", ""}, {0, 429, "Retry-After: 1e12", "", 503, "Retry-After: Sat, 21 Nov 2026 09:00:00 GMT\nDate: Sat, 21 Nov 2026 08:00:00 GMT", ""}, {0, 500, "", "", 502, "Content-Type: text/html", "x"}, {0, 410, fuzzJSON, `{"code":410,"errno":202,"message":"over"}`, 405, "", ""},
		{0, 200, fuzzJSON + "X-Stet-Epoch: e\n", page, 200, fuzzJSON + "X-Stet-Epoch: f\n", page}, {0, 200, fuzzJSON + "Content-Encoding: gzip\n", "\x1f\x8b\x08\x00", 200, fuzzJSON + "Content-Encoding: br\n", page},
		{0, 200, fuzzJSON, "{\"data\":[{\"id\":\"n1\",\"last_modified\":5,\"title\":\"\xff\",\"x\":\"\xff\",\"log\":[{\"id\":\"e\",\"text\":\"\",\"at\":\"0000-01-01T00:00:00+23:59\"}]}]}", 200, fuzzJSON, `{"DATA":[` + strings.Replace(fuzzRow, `"t"`, `"\ud800"`, 1) + `]}`},
		{0, 200, fuzzJSON, `{"data":[{"id":"n1","last_modified":7,"_stet":{"rev":"o","sum":"x","exact":"{}","extra":{"id":1}}},{"id":"n1","last_modified":7,"deleted":true,"log":0}]}`, 0, fuzzJSON, page},
	} {
		for what := range uint8(4) {
			f.Add(what<<3|c.plan, c.status, c.header, []byte(c.body), c.then, c.more, []byte(c.last))
		}
	}
	f.Fuzz(func(t *testing.T, plan uint8, status uint16, header string, body []byte, then uint16, more string, last []byte) {
		if len(body)+len(last) > 1<<14 || len(header)+len(more) > 1<<11 {
			return
		}
		a, b := remotetest.Says(int(status), header, body), remotetest.Says(int(then), more, last)
		root := remotetest.Says(200, fuzzJSON, []byte(fuzzRoot))
		if plan&1 != 0 {
			root = remotetest.Said{}
		}
		var opts []kinto.Option
		if plan&4 != 0 {
			opts = append(opts, kinto.WithNewestFirst())
		}
		fresh := func() (*canned, *kinto.Client) {
			c := &canned{remotetest.Canned{Root: root, Two: [2]remotetest.Said{a, b}, InTurn: plan&2 != 0, Most: maxAsked}}
			return c, c.connect(t, opts...)
		}
		cursors := []string{"", fuzzCursor(t)}
		switch plan >> 3 % 4 {
		case 0:
			checkReads(t, fresh)
			return
		case 1, 2:
			checkPush(t, fresh, cursors[plan>>3%4-1])
			return
		}
		for i := 0; i < len(cursors); i++ {
			for _, limit := range []int{0, 1} {
				from, c := fresh()
				page, err := c.Pull(t.Context(), cursors[i], limit)
				remotetest.IsFine(t, "pull", page, err)
				if from.Asked > 100 {
					return // it ends, and once is enough
				}
				if err != nil {
					continue
				}
				from.checkPage(t, cursors[i], page)
				if len(cursors) < 4 && page.More { // go on in the middle
					cursors = append(cursors, page.Next)
				}
			}
		}
	})
}

// checkReads asks what needs no cursor.
func checkReads(t *testing.T, fresh func() (*canned, *kinto.Client)) {
	t.Helper()
	_, c := fresh()
	info, err := c.Hello(t.Context())
	if remotetest.IsFine(t, "hello", info, err); err == nil && (info.Protocol != "kinto" || info.Account == "" || len(info.Notice) > 300) {
		t.Fatalf("%+v", info)
	}
	from, c := fresh()
	rec, err := c.Get(t.Context(), "n1", "")
	if remotetest.IsFine(t, "get", rec, err); err == nil && rec.ID != "n1" {
		t.Fatalf("get: %+v", rec)
	}
	if rec.Rev != 0 {
		from.isTold(t, rec)
	}
	from, c = fresh()
	list, err := c.List(t.Context())
	remotetest.IsFine(t, "list", list, err)
	for id, rev := range list {
		if !slices.ContainsFunc(from.rows()[fmt.Sprint(id, " ", rev)], func(row map[string]any) bool { return row["deleted"] != true || len(row) > 3 }) && !from.Coded() {
			t.Fatalf("nobody listed %s at %d", id, rev)
		}
	}
}

// fuzzCursor is one that a device has: after a whole pull.
func fuzzCursor(t *testing.T) string {
	fine := remotetest.Says(200, fuzzJSON, []byte(`{"data":[`+strings.Replace(fuzzRow, "005", "003", 1)+`]}`))
	fine.Header.Set("ETag", `"1795000000003"`)
	c := &canned{remotetest.Canned{Root: remotetest.Says(200, fuzzJSON, []byte(fuzzRoot)), Two: [2]remotetest.Said{fine, fine}, Most: maxAsked}}
	page, err := c.connect(t).Pull(t.Context(), "", 0)
	if err != nil || page.More || len(page.Changes) != 1 || page.Next == "" {
		t.Fatal(page, err)
	}
	return page.Next
}

func (c *canned) checkPage(t *testing.T, cursor string, p remote.Page) {
	t.Helper()
	remotetest.IsWait(t, p.After)
	if p.Next == "" || p.Unchanged && (len(p.Changes) > 0 || p.More || p.Next != cursor) || p.Full != (cursor == "") || len(p.Notice) > 300 || p.More && p.Next == cursor {
		t.Fatalf("page %+v", p)
	}
	reads(t, p.Next)
	last, ids := int64(0), map[string]bool{}
	for _, rec := range p.Changes {
		if rec.Rev < last || rec.Rev <= 0 || rec.Rev > 1<<53 || ids[rec.ID] || rec.RemoteID != "" {
			t.Fatalf("change %+v in %+v", rec, p)
		}
		last, ids[rec.ID] = rec.Rev, true
		c.isTold(t, rec)
	}
}

// checkPush sends ops of every kind, alone and together.
func checkPush(t *testing.T, fresh func() (*canned, *kinto.Client), cursor string) {
	t.Helper()
	base := model.Record{ID: "n1", Rev: 1_795_000_000_003, Fields: model.Fields{Title: "was"}}
	ops := []remote.Op{create(7, "made"), update("op-2", base, title("new")), remove("op-3", base)}
	for _, push := range [][]remote.Op{ops[:1], ops[1:2], ops[2:], ops[:2]} {
		from, c := fresh()
		res, err := c.Push(t.Context(), cursor, push)
		if remotetest.IsFine(t, "push", res, err); err != nil {
			continue
		}
		if problem := remotetest.CheckResult(push, res); problem != "" {
			t.Fatalf("%s: %+v", problem, res)
		}
		remotetest.IsFine(t, "push", remote.PushResult{}, res.Stopped)
		remotetest.IsWait(t, res.After)
		for i, out := range res.Outcomes {
			if remotetest.IsWait(t, out.After); len(out.Problem) > 300 || out.Kind != remote.Applied && out.Problem == "" || !utf8.ValidString(out.Problem) {
				t.Fatalf("%s: problem %q", out.Kind, out.Problem)
			}
			known := out.Kind == remote.Applied || out.Kind == remote.Conflict
			if out.Current != nil && !known {
				t.Fatalf("%s shows another side", out.Kind)
			}
			if out.Current != nil && out.Current.Rev != 0 {
				from.isTold(t, *out.Current)
			}
			said := from.rows()[fmt.Sprint(push[i].NoteID, " ", out.Rev)]
			if out.Kind == remote.Applied && len(said) == 0 && !from.Coded() && !(push[i].Kind == model.Delete && from.missing()) {
				t.Fatalf("%s of %s is told applied at %d; nobody said so", push[i].Kind, push[i].NoteID, out.Rev)
			}
		}
	}
}

// missing reports that an answer says that there is no such record.
func (c *canned) missing() bool {
	return slices.ContainsFunc(c.Two[:], func(a remotetest.Said) bool {
		return bytes.Contains(a.Body, []byte("110")) || bytes.Contains(a.Body, []byte("114"))
	})
}
