package native_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/remote/native"
	"stet/syncengine/remote/remotetest"
	"stet/syncengine/wire"
)

// memory is a server of one account after the protocol's text, without a store
// or a crash: the suite's own check, and a second reading of the protocol.
type memory struct {
	mu    sync.Mutex
	clock int64
	notes map[string]model.Record
	given map[int64]bool // revs that were given out
	done  map[string]done
	bug   string // what it does wrong on purpose
}

type done struct {
	print  [32]byte
	status int
	rec    model.Record
	prev   int64
}

const epoch = "memory1"

func newMemory(bug string) *memory {
	return &memory{clock: 1000, notes: map[string]model.Record{}, given: map[int64]bool{1000: true}, done: map[string]done{}, bug: bug}
}

func cursorAt(rev int64) string {
	return wire.Cursor{Epoch: epoch, Rev: rev, Tag: "t" + strconv.FormatInt(rev*7919, 36)}.String()
}

func (m *memory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+token {
		problem(w, wire.NewProblem(401, wire.CodeUnauthorized, ""))
		return
	}
	since, p := m.since(r)
	switch {
	case p != nil:
		problem(w, p)
	case r.URL.Path == wire.PathMeta:
		answer(w, 200, wire.Meta{Protocol: wire.Protocol, Account: "anna", Epoch: epoch, Limits: wire.DefaultLimits()})
	case r.URL.Path == wire.PathChanges:
		m.changes(w, r, since)
	case r.URL.Path == wire.PathOps:
		m.one(w, r)
	case r.URL.Path == wire.PathBatch:
		m.batch(w, r)
	case strings.HasPrefix(r.URL.Path, "/notes/"):
		m.note(w, strings.TrimPrefix(r.URL.Path, "/notes/"))
	default:
		problem(w, wire.NewProblem(404, wire.CodeNotFound, ""))
	}
}

func (m *memory) since(r *http.Request) (int64, *wire.Problem) {
	text := r.URL.Query().Get("since")
	if text == "" {
		text = r.Header.Get(wire.HeaderCursor)
	}
	c, err := wire.ParseCursor(text)
	if err != nil {
		return 0, wire.NewProblem(400, wire.CodeBadCursor, "")
	}
	p := wire.NewProblem(410, wire.CodeCursorUnknown, "")
	p.Resync = "full"
	switch {
	case c.IsZero() || m.bug == "trusts cursors":
		return c.Rev, nil
	case c.Epoch != epoch:
		p.Code = wire.CodeEpochChanged
		return 0, p
	case !m.given[c.Rev] || cursorAt(c.Rev) != text:
		return 0, p
	}
	return c.Rev, nil
}

func (m *memory) changes(w http.ResponseWriter, r *http.Request, since int64) {
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	if limit == 0 {
		limit = wire.DefaultPage
	}
	if r.Header.Get("If-None-Match") == `"`+cursorAt(m.clock)+`"` && m.bug != "never 304" {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	var recs []model.Record
	for _, rec := range m.notes {
		if rec.Rev > since && (since > 0 || !rec.Fields.Deleted || m.bug == "cold tombstones") {
			recs = append(recs, rec)
		}
	}
	slices.SortFunc(recs, func(a, b model.Record) int { return int(a.Rev - b.Rev) })
	page := wire.Page{Changes: []wire.Change{}, Cursor: cursorAt(m.clock), Epoch: epoch}
	for i, rec := range recs {
		if i == limit {
			page.HasMore, page.Cursor = true, cursorAt(recs[i-1].Rev)
			if m.bug == "skips" {
				page.Cursor = cursorAt(rec.Rev)
			}
			break
		}
		page.Changes = append(page.Changes, wire.ChangeOf(rec))
	}
	answer(w, 200, page)
}

func (m *memory) note(w http.ResponseWriter, id string) {
	rec, ok := m.notes[id]
	switch {
	case !ok:
		problem(w, wire.NewProblem(404, wire.CodeUnknownNote, ""))
	case rec.Fields.Deleted:
		p := wire.NewProblem(410, wire.CodeDeleted, "")
		p.Current = &rec
		problem(w, p)
	default:
		answer(w, 200, rec)
	}
}

func (m *memory) one(w http.ResponseWriter, r *http.Request) {
	op, err := wire.DecodeOp(bodyOf(r), wire.DefaultLimits())
	if err != nil {
		problem(w, err.(*wire.Problem))
		return
	}
	if r.Header.Get(wire.HeaderKey) != op.ID {
		problem(w, wire.NewProblem(400, wire.CodeKeyMismatch, ""))
		return
	}
	res, p := m.apply(op)
	if p != nil {
		problem(w, p)
		return
	}
	w.Header().Set(wire.HeaderPrevCursor, cursorAt(res.prev))
	w.Header().Set(wire.HeaderCursor, cursorAt(res.rec.Rev))
	if m.bug == "wrong steps" {
		w.Header().Set(wire.HeaderPrevCursor, cursorAt(m.clock-2))
	}
	answer(w, res.status, res.rec)
}

func (m *memory) batch(w http.ResponseWriter, r *http.Request) {
	b, err := wire.DecodeBatch(bodyOf(r), wire.DefaultLimits())
	if err != nil {
		problem(w, err.(*wire.Problem))
		return
	}
	before := m.clock
	out := wire.BatchAnswer{Results: []wire.Result{}}
	for i, op := range b.Ops {
		if b.Bad[i] != nil {
			out.Results = append(out.Results, wire.Result{OpID: op.ID, Status: b.Bad[i].Status, Problem: b.Bad[i]})
			continue
		}
		res, p := m.apply(op)
		if p != nil {
			out.Results = append(out.Results, wire.Result{OpID: op.ID, Status: p.Status, Problem: p})
			if m.bug == "batch stops" {
				break
			}
			continue
		}
		r := wire.Result{OpID: op.ID, Status: res.status, Rev: res.rec.Rev, UpdatedAtServer: model.FormatTime(res.rec.ServerAt)}
		if op.Kind == model.Append || b.Want == wire.WantAll {
			r.Note = &res.rec
		}
		out.Results = append(out.Results, r)
	}
	if m.clock > before {
		out.PrevCursor, out.Cursor = cursorAt(before), cursorAt(m.clock)
	}
	answer(w, 200, out)
}

// apply judges one op as the protocol says.
func (m *memory) apply(op model.Op) (done, *wire.Problem) {
	print, err := wire.Fingerprint(op)
	if err != nil {
		panic(err)
	}
	if d, ok := m.done[op.ID]; ok && m.bug != "forgets keys" {
		if d.print != print {
			return done{}, wire.NewProblem(422, wire.CodeKeyReused, "")
		}
		return d, nil
	}
	rec, known := m.notes[op.NoteID]
	code, status := "", 409
	switch {
	case op.Kind == model.Create && known:
		code = wire.CodeAlreadyExists
	case op.Kind == model.Create:
	case !known:
		code, status = wire.CodeUnknownNote, 404
	case rec.Purged && op.Kind != model.Delete:
		code, status = wire.CodePurged, 410
	case op.Kind == model.Delete && rec.Fields.Deleted:
		return done{status: 200, rec: rec, prev: m.clock}, nil
	case op.Kind == model.Append && rec.Fields.Deleted:
		code = wire.CodeConflict
	case op.Kind == model.Append:
	case op.BaseRev != rec.Rev && m.bug != "last wins":
		code = wire.CodeConflict
	case rec.Fields.Deleted && op.Kind == model.Update && (op.Patch.Deleted == nil || *op.Patch.Deleted):
		code = wire.CodeConflict
	}
	if code != "" {
		p := wire.NewProblem(status, code, "")
		if known && m.bug != "no current" {
			p.Current = &rec
		}
		return done{}, p
	}
	next := op.After(&rec)
	next.ID = op.NoteID
	if known && model.Equal(next.Fields, rec.Fields) && next.Purged == rec.Purged {
		return done{status: 200, rec: rec, prev: m.clock}, nil
	}
	prev := m.clock
	m.clock++
	m.given[m.clock] = true
	next.Rev, next.ServerAt = m.clock, time.UnixMilli(m.clock).UTC()
	if m.bug == "trims" {
		next.Fields.Body = strings.ReplaceAll(next.Fields.Body, "\r\n", "\n")
	}
	m.notes[op.NoteID] = next
	d := done{print: print, status: 200, rec: next, prev: prev}
	if op.Kind == model.Create {
		d.status = 201
	}
	m.done[op.ID] = d
	return d, nil
}

func bodyOf(r *http.Request) []byte {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil
		}
		body = z
	}
	data, _ := io.ReadAll(body)
	return data
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", wire.TypeJSON)
	w.WriteHeader(status)
	data, err := wire.Marshal(v)
	if err != nil {
		panic(err)
	}
	w.Write(data)
}

func problem(w http.ResponseWriter, p *wire.Problem) {
	w.Header().Set("Content-Type", wire.TypeProblem)
	w.WriteHeader(p.Status)
	json.NewEncoder(w).Encode(p)
}

// harness runs the suite against servers that newServer makes, one an account.
func harness(newServer func(t *testing.T) http.Handler) remotetest.Harness {
	connect := func(srv *httptest.Server, tok string) remotetest.Connect {
		return func(t *testing.T, _ string, via http.RoundTripper) remote.Remote {
			c, err := native.New(srv.URL, tok, native.WithTransport(via))
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
	}
	start := func(t *testing.T) *httptest.Server {
		srv := httptest.NewServer(newServer(t))
		t.Cleanup(srv.Close)
		return srv
	}
	return remotetest.Harness{
		NotModified: true,
		Account:     func(t *testing.T) remotetest.Connect { return connect(start(t), token) },
		Refused: func(t *testing.T, device string, via http.RoundTripper) remote.Remote {
			return connect(start(t), "wrong")(t, device, via)
		},
	}
}

// bugVariable makes the server of [TestSuiteInMemory] do one thing wrong.
const bugVariable = "STET_TEST_BUG"

func TestSuiteInMemory(t *testing.T) {
	remotetest.Run(t, harness(func(*testing.T) http.Handler { return newMemory(os.Getenv(bugVariable)) }))
}

// The suite is worth its time only if it fails: each of these servers has one
// mistake, and the part that is there for it must say so.
func TestSuiteFindsBugs(t *testing.T) {
	if os.Getenv(bugVariable) != "" {
		return // we are the process that is looked at
	}
	for bug, part := range map[string]string{
		"trusts cursors":  "CursorGarbage",
		"never 304":       "Unchanged",
		"cold tombstones": "Tombstones",
		"skips":           "Paging",
		"wrong steps":     "OwnSteps",
		"batch stops":     "Batch",
		"forgets keys":    "FaultsOfWrites",
		"last wins":       "Conflict",
		"no current":      "Conflict",
		"trims":           "HostileText",
	} {
		t.Run(bug, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSuiteInMemory$/^"+part+"$", "-rapid.nofailfile")
			cmd.Env = append(os.Environ(), bugVariable+"="+bug)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: TestSuiteInMemory/"+part) {
				t.Errorf("%s passes: %v\n%s", part, err, out)
			}
		})
	}
}
