package native_test

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/remote/native"
	"stet/syncengine/wire"
)

func ptr[T any](v T) *T { return &v }

func TestOneOutcome(t *testing.T) {
	base := model.Record{ID: noteID, Rev: 5, Fields: model.Fields{Title: "a", Body: "b"}}
	update := op(model.Update, 1, base, model.Patch{Title: ptr("c")})
	app := op(model.Append, 1, base, model.Patch{LogAppend: []model.LogEntry{{ID: "e1", Text: "x"}}})
	del := op(model.Delete, 1, base, model.Patch{Deleted: ptr(true)})
	purge := op(model.Purge, 1, model.Record{ID: noteID, Rev: 5, Fields: model.Fields{Deleted: true}}, model.Patch{})
	note := func(members string) string { return `{"id":"` + noteID + `","rev":9,` + members + `}` }
	current := func(code, members string) string { return `{"code":"` + code + `","current":` + note(members) + `}` }
	cases := map[string]struct {
		op      remote.Op
		answer  http.HandlerFunc
		kind    remote.OutcomeKind
		current func(*model.Record) bool // nil: none wanted
	}{
		"applied as asked": {update, says(200, note(`"title":"c","body":"b"`)), remote.Applied, nil},
		"applied on more":  {update, says(200, note(`"title":"c","body":"other"`)), remote.Applied, func(r *model.Record) bool { return r.Fields.Body == "other" && r.Rev == 9 }},
		"append":           {app, says(200, note(`"title":"a","body":"b","log":[{"id":"e1","text":"x"}]`)), remote.Applied, func(r *model.Record) bool { return len(r.Fields.Log) == 1 }},
		"deleted":          {del, says(200, note(`"deleted":true`)), remote.Applied, nil},
		"deleted and more": {del, says(200, note(`"deleted":true,"purged":true`)), remote.Applied, func(r *model.Record) bool { return r.Purged }},
		"purged":           {purge, says(200, note(`"deleted":true,"purged":true`)), remote.Applied, nil},
		"conflict":         {update, says(409, current("conflict", `"title":"z"`)), remote.Conflict, func(r *model.Record) bool { return r.Fields.Title == "z" && r.Rev == 9 }},
		"conflict deleted": {update, says(409, current("conflict", `"deleted":true`)), remote.Conflict, func(r *model.Record) bool { return r.Fields.Deleted && !r.Purged }},
		"already exists":   {update, says(409, current("already-exists", `"title":"z"`)), remote.Conflict, func(r *model.Record) bool { return r.Rev == 9 }},
		"no side":          {update, says(409, `{"code":"conflict"}`), remote.Unknown, nil},
		"another side":     {update, says(409, `{"code":"conflict","current":{"id":"x","rev":3}}`), remote.Unknown, nil},
		"in flight":        {update, says(409, `{"code":"in-flight"}`, "Retry-After", "3"), remote.Unknown, nil},
		"unknown note":     {update, says(404, `{"code":"unknown-note"}`), remote.Conflict, func(r *model.Record) bool { return r.Rev == 0 && r.ID == noteID }},
		"unknown, delete":  {del, says(404, `{"code":"unknown-note"}`), remote.Conflict, func(r *model.Record) bool { return r.Rev == 0 }},
		"erased":           {update, says(410, current("purged", `"deleted":true,"purged":true`)), remote.Conflict, func(r *model.Record) bool { return r.Purged && r.Rev == 9 }},
		"erased, silent":   {update, says(410, `{"code":"purged"}`), remote.Conflict, func(r *model.Record) bool { return r.Purged && r.Fields.Deleted && r.Rev > 0 }},
		"malformed":        {update, says(400, `{"code":"malformed","detail":"no"}`), remote.Rejected, nil},
		"too large":        {update, says(413, `{"code":"too-large"}`), remote.Rejected, nil},
		"proxy's limit":    {update, says(413, `<html>`, "Content-Type", "text/html"), remote.Rejected, nil},
		"invalid":          {update, says(422, `{"code":"validation","errors":[{"field":"title","detail":"longer than 9"}]}`), remote.Rejected, nil},
		"key reused":       {update, says(422, `{"code":"key-reused"}`), remote.Rejected, nil},
	}
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			c := scripted(t, tt.answer)
			res, err := c.Push(t.Context(), older, []remote.Op{tt.op})
			if err != nil || len(res.Outcomes) != 1 {
				t.Fatalf("%+v, %v", res, err)
			}
			out := res.Outcomes[0]
			if out.Kind != tt.kind || out.OpID != tt.op.ID || (out.Problem == "") != (out.Kind == remote.Applied) {
				t.Errorf("%s: %+v", out.Kind, out)
			}
			if (out.Kind == remote.Applied) != (out.Rev == 9) || (out.Kind == remote.Applied) == out.ServerAt.IsZero() {
				t.Errorf("revision or time: %+v", out)
			}
			if (tt.current == nil) != (out.Current == nil) || out.Current != nil && !tt.current(out.Current) {
				t.Errorf("current: %+v", out.Current)
			}
			if name == "in flight" && (out.After != 3*time.Second || !strings.Contains(out.Problem, "at work")) {
				t.Errorf("waits %s", out.After)
			}
			if name == "invalid" && !strings.Contains(out.Problem, "title: longer than 9") {
				t.Errorf("problem: %s", out.Problem)
			}
		})
	}
}

// An answer about something else is not an answer.
func TestOneAnswerThatLies(t *testing.T) {
	for name, body := range map[string]string{
		"another note": `{"id":"x","rev":9}`,
		"no rev":       `{"id":"` + noteID + `"}`,
		"rev zero":     `{"id":"` + noteID + `","rev":0}`,
		"array":        `[{"id":"` + noteID + `","rev":9}]`,
	} {
		c := scripted(t, says(200, body))
		res, err := c.Push(t.Context(), older, []remote.Op{op(model.Delete, 1, model.Record{Rev: 5}, model.Patch{})})
		if !errors.Is(err, remote.ErrNotProtocol) || !zero(res) {
			t.Errorf("%s: %+v, %v", name, res, err)
		}
	}
}

func TestPushRequest(t *testing.T) {
	var head http.Header
	var bodies []string
	c := scripted(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		head, bodies = r.Header.Clone(), append(bodies, string(b))
		says(201, `{"id":"note-1","rev":9,"title":"a"}`, "Sync-Prev-Cursor", older, "Sync-Cursor", "k3v9x2m1q7.mhv2z8kq.4f6a9c0d")(w, r)
	})
	for range 2 { // a frozen op is the same bytes every time
		res, err := c.Push(t.Context(), older, []remote.Op{create(1)})
		if err != nil || res.Prev != older || res.Next != "k3v9x2m1q7.mhv2z8kq.4f6a9c0d" {
			t.Fatalf("%+v, %v", res, err)
		}
	}
	if head.Get("Idempotency-Key") != "op-1" || head.Get("Sync-Cursor") != older || head.Get("Content-Type") != "application/json" {
		t.Errorf("header: %v", head)
	}
	if bodies[0] != bodies[1] {
		t.Errorf("bodies differ: %s %s", bodies[0], bodies[1])
	}
	if _, err := wire.DecodeOp([]byte(bodies[0]), wire.DefaultLimits()); err != nil {
		t.Errorf("body %s: %v", bodies[0], err)
	}
	c.Push(t.Context(), "", []remote.Op{create(1)})
	if _, ok := head["Sync-Cursor"]; ok {
		t.Error("an empty cursor is sent")
	}
	for name, bad := range map[string]remote.Op{
		"key":  {Op: model.Op{ID: "a\r\nb", NoteID: noteID, Kind: model.Delete}},
		"note": {Op: model.Op{ID: "a", NoteID: "../b", Kind: model.Delete}},
	} {
		res, err := c.Push(t.Context(), "", []remote.Op{bad})
		if err != nil || res.Outcomes[0].Kind != remote.Rejected {
			t.Errorf("bad %s: %+v, %v", name, res, err)
		}
	}
	if len(bodies) != 3 {
		t.Errorf("%d requests", len(bodies))
	}
}

func TestBatchOutcomes(t *testing.T) {
	answers := []string{
		`{"opId":"op-0","status":201,"rev":7,"updatedAtServer":"2026-11-21T08:00:00.000Z"}`,
		`{"opId":"op-1","status":409,"problem":{"code":"conflict","current":{"id":"note-1","rev":4,"title":"z"}}}`,
		`{"opId":"op-2","status":424,"problem":{"code":"not-tried"}}`,
		`{"opId":"op-3","status":500,"problem":{"code":"internal"}}`,
		`{"opId":"op-4","status":422,"problem":{"code":"validation","errors":[{"field":"title","detail":"longer"}]}}`,
		`{"opId":"op-5","status":404,"problem":{"code":"unknown-note"}}`,
		`{"opId":"op-6","status":410,"problem":{"code":"purged"}}`,
		`{"opId":"op-7","status":409,"problem":{"code":"in-flight"}}`,
		`{"opId":"op-8","status":200,"rev":8},{"opId":"op-8","status":200,"rev":9}`,
		`{"opId":"stranger","status":200,"rev":8}`,
		`{"opId":"op-10","status":200}`,
		`{"opId":"op-11","status":409}`,
		`{"opId":"op-12","status":200,"rev":8,"note":{"id":"other","rev":8}}`,
		`{"opId":"op-13","status":299,"rev":8}`,
		`{"opId":"op-14","status":200,"rev":8,"note":{"id":"note-14","rev":8,"title":"more"}}`,
		`{"opId":"op-15","status":404}`,
		`{"opId":"op-16","status":429}`,
		`{"opId":"op-17","status":200,"rev":8,"note":{"id":"note-17","rev":7}}`,
	}
	kinds := []remote.OutcomeKind{remote.Applied, remote.Conflict, remote.NotApplied, remote.Unknown, remote.Rejected, remote.Conflict,
		remote.Conflict, remote.Unknown, remote.Unknown, remote.Unknown, remote.Unknown, remote.Unknown, remote.Unknown, remote.Unknown,
		remote.Applied, remote.Unknown, remote.NotApplied, remote.Unknown}
	ops := make([]remote.Op, len(kinds))
	for i := range ops {
		ops[i] = create(i)
	}
	reversed := make([]string, len(answers)) // order is the server's promise, not our need
	for i, a := range answers {
		reversed[len(answers)-1-i] = a
	}
	c := scripted(t, says(200, `{"results":[`+strings.Join(reversed, ",")+`],"prevCursor":"`+older+`","cursor":"`+older+`x"}`))
	res, err := c.Push(t.Context(), older, ops)
	if err != nil {
		t.Fatal(err)
	}
	for i, out := range res.Outcomes {
		if out.OpID != ops[i].ID || out.Kind != kinds[i] {
			t.Errorf("op %d: %s, want %s: %+v", i, out.Kind, kinds[i], out)
		}
		if hasCurrent := i == 1 || i == 5 || i == 6 || i == 14; hasCurrent != (out.Current != nil) {
			t.Errorf("op %d: current %+v", i, out.Current)
		}
	}
	if res.Prev != "" || res.Next != "" {
		t.Error("the cursor may move over an op whose fate is unknown")
	}
	if res.Outcomes[0].ServerAt.IsZero() || res.Outcomes[0].Rev != 7 {
		t.Errorf("applied: %+v", res.Outcomes[0])
	}
}

// echo is a server that applies every op of every batch and keeps count.
type echo struct {
	mu       sync.Mutex
	requests []int // ops in each
	applied  map[string]int
	refuse   func(ops []model.Op, size int, r *http.Request) http.HandlerFunc
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			panic(err)
		}
		body = z
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return
	}
	limits := wire.DefaultLimits()
	var ops []model.Op
	if r.URL.Path == wire.PathOps {
		op, err := wire.DecodeOp(data, limits)
		if err != nil {
			panic(err)
		}
		ops = []model.Op{op}
	} else {
		b, err := wire.DecodeBatch(data, limits)
		if err != nil {
			panic(err)
		}
		ops = b.Ops
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.requests = append(e.requests, len(ops))
	if e.refuse != nil {
		if h := e.refuse(ops, len(data), r); h != nil {
			h(w, r)
			return
		}
	}
	first := len(e.applied)
	var results []wire.Result
	for _, op := range ops {
		e.applied[op.ID]++
		results = append(results, wire.Result{OpID: op.ID, Status: 201, Rev: int64(len(e.applied))})
	}
	if r.URL.Path == wire.PathOps {
		note, _ := json.Marshal(model.Record{ID: ops[0].NoteID, Rev: int64(len(e.applied)), Fields: ops[0].Patch.Apply(model.Fields{})})
		says(201, string(note), "Sync-Prev-Cursor", fmt.Sprint("c", first), "Sync-Cursor", fmt.Sprint("c", len(e.applied)))(w, r)
		return
	}
	out, _ := json.Marshal(wire.BatchAnswer{Results: results, PrevCursor: fmt.Sprint("c", first), Cursor: fmt.Sprint("c", len(e.applied))})
	says(200, string(out))(w, r)
}

func newEcho(t *testing.T) (*echo, *native.Client) {
	e := &echo{applied: map[string]int{}}
	return e, scripted(t, e.ServeHTTP, native.WithTimeout(5*time.Minute))
}

func bodies(n, size int) []remote.Op {
	ops := make([]remote.Op, n)
	for i := range ops {
		ops[i] = create(i)
		ops[i].Patch.Body = ptr(strings.Repeat("text ", size/5))
	}
	return ops
}

func count(res remote.PushResult, kind remote.OutcomeKind) (n int) {
	for _, out := range res.Outcomes {
		if out.Kind == kind {
			n++
		}
	}
	return n
}

func TestLongBatchIsSplit(t *testing.T) {
	e, c := newEcho(t)
	e.refuse = func(_ []model.Op, size int, _ *http.Request) http.HandlerFunc {
		if size > 8<<20 {
			t.Errorf("a request of %d bytes", size)
		}
		return nil
	}
	ops := bodies(17, 1<<20)
	res, err := c.Push(t.Context(), "c0", ops)
	if err != nil || count(res, remote.Applied) != 17 || len(e.requests) < 3 {
		t.Fatalf("%v, %d applied, requests %v", err, count(res, remote.Applied), e.requests)
	}
	for i, out := range res.Outcomes {
		if out.OpID != ops[i].ID {
			t.Errorf("outcome %d is of %s", i, out.OpID)
		}
	}
	if res.Prev != "c0" || res.Next != "c17" {
		t.Errorf("steps %q %q", res.Prev, res.Next)
	}
	nul := bodies(2, 0) // NUL is six bytes in JSON
	for i := range nul {
		nul[i].ID += "-nul"
		nul[i].Patch.Body = ptr(strings.Repeat("\x00", 800<<10))
	}
	if res, err := c.Push(t.Context(), "c0", nul); err != nil || count(res, remote.Applied) != 2 {
		t.Errorf("escapes: %v %+v", err, res)
	}
}

// One op that the server cannot even read does not hold up the others.
func TestPoisonIsIsolated(t *testing.T) {
	e, c := newEcho(t)
	e.refuse = func(ops []model.Op, _ int, _ *http.Request) http.HandlerFunc {
		for _, op := range ops {
			if op.ID == "op-321" {
				return says(400, `{"code":"malformed"}`)
			}
		}
		return nil
	}
	res, err := c.Push(t.Context(), "", bodies(500, 0))
	if err != nil || count(res, remote.Applied) != 499 || res.Outcomes[321].Kind != remote.Rejected {
		t.Fatalf("%v: %d applied", err, count(res, remote.Applied))
	}
	if len(e.requests) > 20 {
		t.Errorf("%d requests", len(e.requests))
	}
	for id, n := range e.applied {
		if n != 1 {
			t.Errorf("%s was sent %d times", id, n)
		}
	}
}

// When a later part fails, what is known of the earlier parts is kept.
func TestLaterPartFails(t *testing.T) {
	hangUp := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		kind   remote.OutcomeKind
		after  time.Duration
	}{
		"lost":        {hangUp, remote.Unknown, 0},
		"500":         {says(500, ""), remote.Unknown, 0},
		"portal":      {says(200, "<html>", "Content-Type", "text/html"), remote.Unknown, 0},
		"429":         {says(429, "", "Retry-After", "9"), remote.NotApplied, 9 * time.Second},
		"503":         {says(503, "", "Retry-After", "9"), remote.Unknown, 9 * time.Second},
		"401":         {says(401, ""), remote.NotApplied, 0},
		"forgot":      {says(410, `{"code":"cursor-unknown","resync":"full"}`), remote.NotApplied, 0},
		"no protocol": {says(404, `{"code":"not-found"}`), remote.Unknown, 0},
	} {
		t.Run(name, func(t *testing.T) {
			e, c := newEcho(t)
			e.refuse = func([]model.Op, int, *http.Request) http.HandlerFunc {
				if len(e.requests) == 1 {
					return nil
				}
				return tt.answer
			}
			res, err := c.Push(t.Context(), "c0", bodies(8, 1100<<10))
			if err != nil || res.Outcomes[0].Kind != remote.Applied {
				t.Fatalf("%v %+v", err, res)
			}
			last := res.Outcomes[7]
			if last.Kind != tt.kind || last.After != tt.after || last.OpID != "op-7" || last.Problem == "" {
				t.Errorf("last: %+v", last)
			}
			if tt.kind == remote.Unknown && res.Next != "" {
				t.Error("the cursor may move over ops whose fate is unknown")
			}
		})
	}
}

func TestCodedBodies(t *testing.T) {
	e, c := newEcho(t)
	var codings []string
	e.refuse = func(_ []model.Op, _ int, r *http.Request) http.HandlerFunc {
		codings = append(codings, r.Header.Get("Content-Encoding"))
		if r.Header.Get("Content-Encoding") != "" && len(codings) == 2 {
			return says(415, `{"code":"media-type"}`)
		}
		return nil
	}
	for i, want := range []struct {
		size int
		kind remote.OutcomeKind
	}{{10, remote.Applied}, {9000, remote.NotApplied}, {9000, remote.Applied}} {
		res, err := c.Push(t.Context(), "", bodies(1, want.size))
		if err != nil || res.Outcomes[0].Kind != want.kind {
			t.Errorf("push %d: %+v, %v", i, res, err)
		}
	}
	if fmt.Sprint(codings) != "[ gzip ]" {
		t.Errorf("codings %q", codings)
	}
}

// counted is a listener that counts what passes.
type counted struct {
	net.Listener
	in, out atomic.Int64
}

func (l *counted) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return countedConn{c, l}, err
}

type countedConn struct {
	net.Conn
	l *counted
}

func (c countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.l.in.Add(int64(n))
	return n, err
}

func (c countedConn) Write(p []byte) (int, error) {
	c.l.out.Add(int64(len(p))) // before: who has read the answer may look
	return c.Conn.Write(p)
}

// A connection that the server closed meanwhile is replaced without a word.
func TestClosedConnectionIsReplaced(t *testing.T) {
	e := &echo{applied: map[string]int{}}
	srv := httptest.NewServer(e)
	defer srv.Close()
	c, err := native.New(srv.URL, token)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range 20 {
		ops := bodies(2, 10)
		for j := range ops {
			ops[j].ID += fmt.Sprint("-", i)
		}
		if res, err := c.Push(t.Context(), "", ops); err != nil || count(res, remote.Applied) != 2 {
			t.Fatalf("%d: %+v, %v", i, res, err)
		}
		srv.CloseClientConnections()
	}
}
