package native_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/remote/native"
	"stet/syncengine/remote/remotetest"
	"stet/syncengine/wire"
)

// canned answers every request with the same bytes, without a network.
type canned struct {
	status int
	header http.Header
	body   []byte
}

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r.Body.Close()
	}
	return &http.Response{StatusCode: c.status, Header: c.header, Body: io.NopCloser(bytes.NewReader(c.body)), ContentLength: -1, Request: r}, nil
}

func (c canned) client(t testing.TB) *native.Client {
	out, err := native.New("http://127.0.0.1:1", token, native.WithTransport(c))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// fuzzHeader reads header lines; what is no line is left out.
func fuzzHeader(text string) http.Header {
	h := http.Header{}
	for line := range strings.SplitSeq(text, "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			h.Add(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	return h
}

func fuzzOps() []remote.Op {
	base := model.Record{ID: noteID, Rev: 5, Fields: model.Fields{Title: "t", Body: "b\n"}}
	return []remote.Op{create(1), op(model.Update, 2, base, model.Patch{Title: ptr("x")}),
		{Op: model.Op{ID: "op-3", NoteID: "note-3", Kind: model.Append, BaseRev: 5, Patch: model.Patch{LogAppend: []model.LogEntry{{ID: "e", Text: "t"}}}}}}
}

// FuzzAnswer: whatever a server or what stands before it answers, to whichever
// request, the driver tells data that the answer really holds or an error of
// the contract, and with an error nothing else.
func FuzzAnswer(f *testing.F) {
	const js, problem = "Content-Type: application/json\nDate: Sat, 21 Nov 2026 08:00:00 GMT\n", "Content-Type: application/problem+json\n"
	page := `{"changes":[{"id":"n","rev":7,"deleted":false,"note":{"id":"n","rev":7,"title":"T"}},{"id":"m","rev":8,"deleted":true}],"cursor":"` + head + `","epoch":"e"}`
	for _, s := range []struct {
		status       uint16
		header, body string
	}{
		{200, js, page}, {200, js, strings.Replace(page, `"rev":8`, `"rev":7`, 1)}, {200, js, `{"protocol":"notes-sync/1","account":"a","epoch":"e"}`},
		{200, js, `{"id":"` + noteID + `","rev":9,"title":"x","body":"b\n","updatedAtServer":"2026-11-21T08:00:00Z"}`},
		{201, js + "Preference-Applied: return=minimal\nSync-Cursor: a.2.b\nSync-Prev-Cursor: a.1.b", `{"id":"note-1","rev":9}`},
		{200, js, `{"results":[{"opId":"op-1","status":201,"rev":9},{"opId":"op-2","status":409,"problem":{"code":"conflict","current":{"id":"` + noteID + `","rev":9}}},{"opId":"op-3","status":200,"rev":9,"note":{"id":"note-3","rev":9}}],"prevCursor":"a.1.b","cursor":"a.2.b"}`},
		{200, "Content-Type: text/html", "<html>log in</html>"}, {200, js, `{"changes":[`}, {200, js, ""}, {304, "", ""}, {302, "Location: http://evil/", ""}, {204, js, ""},
		{409, problem, `{"code":"conflict","current":{"id":"` + noteID + `","rev":9,"deleted":true}}`}, {410, problem, `{"code":"purged","etag":"\"rev-9\""}`},
		{410, problem, `{"code":"cursor-expired","resync":"full"}`}, {404, problem, `{"code":"unknown-note"}`}, {422, problem, `{"code":"validation","errors":[{"field":"title","detail":"\u001b[2J"}]}`},
		{429, problem + "Retry-After: 1e12", ""}, {503, "Retry-After: Sat, 21 Nov 2026 09:00:00 GMT\nDate: Sat, 21 Nov 2026 08:00:00 GMT", "x"}, {413, "", ""}, {415, problem, `{"code":"media-type"}`},
		{200, js + "Content-Encoding: gzip", "\x1f\x8b\x08\x00"}, {200, js + "Content-Encoding: zstd", "\x28\xb5\x2f\xfd"}, {511, "", ""}, {0, js, page}, {65535, js, page},
	} {
		f.Add(s.status, s.header, []byte(s.body))
	}
	f.Fuzz(func(t *testing.T, status uint16, header string, body []byte) {
		if len(body) > 1<<14 || len(header) > 1<<10 {
			return
		}
		says := canned{int(status), fuzzHeader(header), body}
		for what, ask := range asks {
			got, err := ask(t.Context(), says.client(t))
			if problem := remotetest.CheckError(err); problem != "" {
				t.Fatalf("%s: %s", what, problem)
			}
			if err != nil && !zero(got) {
				t.Fatalf("%s: %v, and yet %+v", what, err, got)
			}
			checkWait(t, err)
			if err == nil && says.isNoData() && !harmless(got) {
				t.Fatalf("%s takes %+v from status %d %q %q", what, got, status, header, body)
			}
			if page, ok := got.(remote.Page); ok && err == nil {
				checkPage(t, page, what == "cold")
			}
		}
		c := says.client(t)
		if problem := remotetest.CheckError(c.Watch(t.Context(), older)); problem != "" {
			t.Fatal("watch: ", problem)
		}
		c.Close()
		ops := fuzzOps()
		for _, push := range [][]remote.Op{ops[:1], ops[1:2], ops[2:], ops} {
			checkPush(t, says, push)
		}
	})
}

// isNoData reports, without our decoders, that the answer cannot be a success
// that holds data.
func (c canned) isNoData() bool {
	kind, _, err := mime.ParseMediaType(c.header.Get("Content-Type"))
	coded := c.header.Get("Content-Encoding")
	return c.status != 200 && c.status != 201 || err != nil || kind != wire.TypeJSON || (coded == "" || coded == "identity") && !json.Valid(c.body)
}

// harmless reports that an answer without data changed nothing: "nothing new",
// "no such note", a note's tombstone, or ops that are not told applied.
func harmless(got any) bool {
	switch v := got.(type) {
	case remote.Page:
		return v.Unchanged && len(v.Changes) == 0 && v.Next == older
	case model.Record:
		return v.ID == noteID && (v.Rev == 0 || v.Fields.Deleted)
	case remote.PushResult:
		for _, out := range v.Outcomes {
			if out.Kind == remote.Applied {
				return false
			}
		}
		return v.Next == ""
	}
	return false
}

func checkWait(t *testing.T, err error) {
	t.Helper()
	var retry *remote.RetryError
	if errors.As(err, &retry) && retry.After != 0 && (retry.After < time.Second || retry.After > time.Hour) {
		t.Fatalf("a wait of %v", retry.After)
	}
}

func checkPage(t *testing.T, p remote.Page, cold bool) {
	t.Helper()
	if p.Next == "" || p.Full != cold || p.Unchanged && len(p.Changes) > 0 || !cold && !p.Unchanged && p.Next == older {
		t.Fatalf("page %+v", p)
	}
	last, seen := int64(0), map[string]bool{}
	for _, rec := range p.Changes {
		bare := reflect.DeepEqual(rec.Fields, model.Fields{Deleted: true})
		if rec.Rev <= last || rec.Rev > 1<<53 || seen[rec.ID] || !wire.ValidNoteID(rec.ID) || rec.Fields.Deleted != bare || rec.Purged && !bare || rec.RemoteID != "" {
			t.Fatalf("change %+v", rec)
		}
		last, seen[rec.ID] = rec.Rev, true
	}
}

func checkPush(t *testing.T, says canned, ops []remote.Op) {
	t.Helper()
	res, err := says.client(t).Push(t.Context(), older, ops)
	if problem := remotetest.CheckError(err); problem != "" {
		t.Fatal(problem)
	}
	checkWait(t, err)
	if err != nil {
		if !zero(res) {
			t.Fatalf("%v, and yet %+v", err, res)
		}
		return
	}
	if problem := remotetest.CheckResult(ops, res); problem != "" {
		t.Fatalf("%s: %+v", problem, res)
	}
	if says.isNoData() && !harmless(res) {
		t.Fatalf("%+v from %+v", res, says)
	}
	for _, out := range res.Outcomes {
		known := out.Kind == remote.Applied || out.Kind == remote.Conflict
		switch {
		case out.After != 0 && (out.After < time.Second || out.After > time.Hour):
			t.Fatalf("a wait of %v", out.After)
		case out.Kind == remote.Applied && out.Rev > 1<<53:
			t.Fatalf("revision %d", out.Rev)
		case out.Kind == remote.Unknown && res.Next != "":
			t.Fatalf("the cursor moves over an unknown fate: %+v", res)
		case len(out.Problem) > 300 || !known && out.Problem == "":
			t.Fatalf("problem %q", out.Problem)
		case out.Current != nil && !known:
			t.Fatalf("%s shows another side", out.Kind)
		}
	}
}

// pokes reads a stream of events slowly: the cursors of its changes up to the
// first that cannot be read.
func pokes(body string) (out []string) {
	kind, data := "", ""
	lines := strings.Split(body, "\n")
	for _, line := range lines[:len(lines)-1] { // what has no end did not come whole
		line = strings.TrimRight(line, "\r")
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "" && kind == wire.EventChange:
			var poke struct {
				Cursor string `json:"cursor"`
			}
			if wire.CheckJSON([]byte(data)) != nil || json.Unmarshal([]byte(data), &poke) != nil {
				return out
			}
			if !cursorWords.MatchString(poke.Cursor) {
				return out
			}
			out = append(out, poke.Cursor)
			kind, data = "", ""
		case line == "":
			kind, data = "", ""
		case field == "event":
			kind = value
		case field == "data":
			data += value + "\n"
		}
	}
	return out
}

var cursorWords = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,256}$`)

// FuzzEvents: of any stream, the driver wakes if a slow reader finds another
// position in it, and else says that the stream broke off.
func FuzzEvents(f *testing.F) {
	poke := "event: change\ndata: {\"cursor\":\"" + head + "\"}\n\n"
	for _, s := range []string{poke, ": hello\n\n" + poke + poke, strings.ReplaceAll(poke, "\n", "\r\n"), strings.Replace(poke, head, older, 1) + poke, strings.TrimSpace(poke), "data: x\n\n" + poke,
		"event:change\ndata:{\ndata:\"cursor\":\"a\"}\n\n", "event: change\nevent: other\n\n", "event: change\n\n", "id: 1\nretry: 5\n\n", "\xef\xbb\xbf" + poke, "", "event: change\ndata: {\"Cursor\":\"a\"}\n\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if len(body) > 2048 {
			return // longer lines are refused
		}
		c := canned{200, http.Header{"Content-Type": {wire.TypeEvents}}, []byte(body)}.client(t)
		defer c.Close()
		news := slices.ContainsFunc(pokes(body), func(at string) bool { return at != older })
		if err := c.Watch(t.Context(), older); (err == nil) != news || remotetest.CheckError(err) != "" {
			t.Fatalf("%q: %v, news %v", body, err, news)
		}
	})
}

var plainSeconds = regexp.MustCompile(`^-?[0-9]{1,15}$`)

// FuzzRetryAfter: a wait is 1 s to 1 h or none; seconds and dates mean what
// they say, against the server's clock alone.
func FuzzRetryAfter(f *testing.F) {
	for _, v := range []string{"9", "0", "-5", "1e12", "NaN", "Inf", "-inf", "3.5", "0x10", "1_000", "", " 7 ", "soon", "Sat, 21 Nov 2026 08:00:30 GMT", "Saturday, 21-Nov-26 08:00:30 GMT",
		"Sat Nov 21 08:00:30 2026", "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "99999999999999999999999999", "2026-11-21T08:00:30Z"} {
		f.Add(v, "Sat, 21 Nov 2026 08:00:00 GMT", int32(30))
		f.Add(v, "", int32(-1))
	}
	clamp := func(s float64) time.Duration {
		return time.Duration(min(max(s, 1), 3600) * float64(time.Second))
	}
	wait := func(t *testing.T, v, date string) time.Duration {
		h := http.Header{}
		h.Set("Retry-After", v)
		h.Set("Date", date)
		_, err := canned{429, h, nil}.client(t).Pull(context.Background(), "", 0)
		var retry *remote.RetryError
		if !errors.As(err, &retry) || errors.Is(err, remote.ErrOffline) {
			t.Fatalf("429 is %v", err)
		}
		return retry.After
	}
	f.Fuzz(func(t *testing.T, v, date string, offset int32) {
		got := wait(t, v, date)
		if got != 0 && (got < time.Second || got > time.Hour) {
			t.Fatalf("%q at %q: %v", v, date, got)
		}
		until, badUntil := http.ParseTime(strings.TrimSpace(v))
		now, badNow := http.ParseTime(date)
		switch bare := strings.TrimSpace(v); {
		case plainSeconds.MatchString(bare):
			s, _ := strconv.ParseFloat(bare, 64)
			if want := clamp(s); got != want {
				t.Fatalf("%q: %v, want %v", v, got, want)
			}
		case badUntil == nil && badNow == nil:
			if want := clamp(until.Sub(now).Seconds()); got != want {
				t.Fatalf("%q at %q: %v, want %v", v, date, got, want)
			}
		case !strings.ContainsAny(bare, "0123456789") && !strings.Contains(strings.ToLower(bare), "inf"):
			if got != 0 {
				t.Fatalf("%q: %v", v, got)
			}
		}
		if badNow == nil {
			at := now.Add(time.Duration(offset) * time.Second)
			if got, want := wait(t, at.UTC().Format(http.TimeFormat), date), clamp(float64(offset)); at.Year() < 10000 && got != want {
				t.Fatalf("%d s after %q: %v, want %v", offset, date, got, want)
			}
		}
	})
}
