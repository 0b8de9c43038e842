package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"stet/syncengine/wire"
	"stet/syncengine/wire/mutlog"
)

// What servers of the other two protocols do that ours does not. Kinto's are
// those that a real one was seen to do under load.
const (
	BatchUndone Fault = "batch answered and undone" // a 409 in it takes back what its other answers say was done
	OneRefused  Fault = "one of a batch refused"
	Bare412     Fault = "412 shows nothing"
	LateRow     Fault = "row comes late" // it is committed behind one that was listed before
	Backoff     Fault = "Backoff and Alert"
	Overwrite   Fault = "If-Match overlooked" // checked before another's write, which it then replaces
	ListedAgain Fault = "log tells its last entry again"
)

// foreignFaults are the kinds of each protocol, with the most that a seed may
// draw as the chance of each for one request.
var foreignFaults = map[Dialect][]chanceOf{
	Kinto:     {{BatchUndone, 0.15}, {OneRefused, 0.06}, {Bare412, 0.20}, {LateRow, 0.50}, {Backoff, 0.06}, {Overwrite, 0.35}},
	Mutations: {{ListedAgain, 0.20}},
}

// chanceOf is a kind of fault with a chance.
type chanceOf struct {
	Fault
	max float64
}

// among reports whether a fault is one of all servers or of this dialect.
func (f Fault) among(in Dialect) bool {
	is := func(c chanceOf) bool { return c.Fault == f }
	return slices.ContainsFunc(foreignFaults[in], is) || slices.ContainsFunc(faults, is)
}

// drawForeign draws what only some dialects have, for schedules in which a
// device speaks one of them.
func drawForeign(r *rand.Rand, c *Config) {
	for _, in := range []Dialect{Kinto, Mutations} {
		spoken := slices.Contains(c.Dialects, in)
		for _, f := range foreignFaults[in] {
			if p := r.Float64() * f.max; r.Float64() >= absent && spoken && len(c.Faults) > 0 {
				c.Faults[f.Fault] = p
			}
		}
	}
	other := slices.ContainsFunc(c.Dialects, func(d Dialect) bool { return d != c.Dialects[0] })
	c.Foreign = len(c.Dialects) > 0 && c.Dialects[0] != Stet && !other && r.IntN(2) == 0
}

// ours are the headers by which a server shows that it is a stetd.
var ours = []string{wire.HeaderEpoch, mutlog.HeaderGuard}

// address is a request as its server takes it: one that is no stetd does not
// read what only ours does, many give short pages only, and some take "since" for
// "from on".
func (l line) address(fault Fault, r *http.Request) *http.Request {
	c := l.d.w.script.Config
	if !c.Foreign && l.d.dialect == Stet {
		return r
	}
	r = r.Clone(ctx)
	if c.Foreign {
		for _, name := range ours {
			r.Header.Del(name)
		}
	}
	q := r.URL.Query()
	switch {
	case r.Method != http.MethodGet:
		return r
	case strings.HasSuffix(r.URL.Path, "/records"):
		atMost(q, "_limit", c.Page)
	case q.Has("mutationsSince"):
		atMost(q, "limit", c.Page)
		l.again(fault, q)
	default:
		return r
	}
	r.URL.RawQuery = q.Encode()
	return r
}

// again asks for the last entry, too. The pages of one list do so all, or none.
func (l line) again(fault Fault, q url.Values) {
	if q.Get("page") == "1" {
		l.d.again = fault == ListedAgain
	}
	if since, err := strconv.ParseInt(q.Get("mutationsSince"), 10, 64); err == nil && since > 0 && l.d.again {
		q.Set("mutationsSince", strconv.FormatInt(since-1, 10))
	}
}

// atMost bounds a page to most entries, at least two: of a page of one the log's
// driver would read nothing but where the next one begins.
func atMost(q url.Values, name string, most int) {
	if n, err := strconv.Atoi(q.Get(name)); most > 0 && (err != nil || n > max(most, 2)) {
		q.Set(name, strconv.Itoa(max(most, 2)))
	}
}

// abroad answers as the other protocols' own servers may. done is false where
// the request goes its usual way.
func (l line) abroad(fault Fault, r *http.Request, body []byte) (res *http.Response, whole, done bool, err error) {
	d, w := l.d, l.d.w
	s := w.servers[d.server]
	switch fault {
	case BatchUndone:
		if calls := batchIn(r, body); len(calls) > 1 {
			return s.undone(r, calls), false, true, nil
		}
	case OneRefused:
		if calls := batchIn(r, body); len(calls) > 1 {
			res, err = s.refuseOne(r, calls)
			return res, true, true, err
		}
	case Overwrite:
		if w.script.Config.Foreign && r.Method != http.MethodGet {
			res, err = s.overwrite(d, r, body)
			return res, true, true, err
		}
	}
	return nil, false, false, nil
}

// colour changes a good answer into what another server may say.
func (l line) colour(fault Fault, r *http.Request, res *http.Response) error {
	d := l.d
	if d.w.script.Config.Foreign {
		for _, name := range ours {
			res.Header.Del(name)
		}
	}
	switch {
	case fault == Bare412:
		return rewrite(res, bare)
	case fault == Backoff && heeded(r):
		res.Header.Set("Backoff", strconv.Itoa(1+d.w.rng.IntN(300)))
		res.Header.Set("Alert", `{"code":"soft-eol","message":"The service ends soon","url":"http://example.org"}`)
	case r.Method == http.MethodGet && d.dialect == Kinto && res.StatusCode == http.StatusOK:
		return d.listed(fault, r, res)
	}
	return nil
}

// heeded reports whether a request is one whose answer a driver reads to the last
// header: a list of changes, or a write.
func heeded(r *http.Request) bool {
	return r.Method != http.MethodGet || r.URL.Query().Has("_since") && !r.URL.Query().Has("in_id") && !r.URL.Query().Has("_fields")
}

// batchCall is one request of a batch.
type batchCall struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body,omitempty"`
}

// batchIn reads the requests of a Kinto batch; none if it is no batch.
func batchIn(r *http.Request, body []byte) []batchCall {
	var in struct{ Requests []batchCall }
	if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/batch") || json.Unmarshal(body, &in) != nil {
		return nil
	}
	return in.Requests
}

// batchReply is the answer to one of them.
type batchReply struct {
	Status  int               `json:"status"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
}

func batchPage(r *http.Request, replies []batchReply) *http.Response {
	text, _ := json.Marshal(map[string]any{"responses": replies}) // plain data
	return page(r, http.StatusOK, "application/json", string(text))
}

// undone does nothing, and says of all but one request of a batch that they were
// done: what a Kinto on PostgreSQL answers when two batches meet.
func (s *host) undone(r *http.Request, calls []batchCall) *http.Response {
	at, victim := s.now().UnixMilli(), s.w.rng.IntN(len(calls))
	var out []batchReply
	for i, c := range calls {
		id := c.Path[strings.LastIndexByte(c.Path, '/')+1:]
		reply := batchReply{http.StatusOK, "/v1" + c.Path, map[string]string{"ETag": fmt.Sprintf(`"%d"`, at+int64(i))}, nil}
		var sent struct{ Data map[string]json.RawMessage }
		switch {
		case i == victim:
			reply.Status, reply.Headers = http.StatusConflict, map[string]string{"Retry-After": "3"}
			reply.Body = json.RawMessage(`{"code":409,"errno":122,"error":"Conflict","message":"Integrity constraint violated, please retry"}`)
		case c.Method == http.MethodDelete || json.Unmarshal(c.Body, &sent) != nil || sent.Data == nil:
			reply.Body = json.RawMessage(fmt.Sprintf(`{"data":{"id":%q,"last_modified":%d,"deleted":true}}`, id, at+int64(i)))
		default:
			sent.Data["id"], _ = json.Marshal(id)
			sent.Data["last_modified"] = json.RawMessage(strconv.FormatInt(at+int64(i), 10))
			reply.Body, _ = json.Marshal(map[string]any{"data": sent.Data})
			if c.Headers["If-None-Match"] != "" {
				reply.Status = http.StatusCreated
			}
		}
		out = append(out, reply)
	}
	return batchPage(r, out)
}

// refuseOne does a batch without one of its requests, and refuses that one.
func (s *host) refuseOne(r *http.Request, calls []batchCall) (*http.Response, error) {
	victim := s.w.rng.IntN(len(calls))
	rest, err := json.Marshal(map[string]any{"requests": slices.Concat(calls[:victim], calls[victim+1:])})
	if err != nil {
		return nil, err
	}
	res, err := s.serve(r, rest)
	if err != nil || res.StatusCode != http.StatusOK {
		return res, err
	}
	var got struct{ Responses []batchReply }
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
		return nil, err
	}
	no := batchReply{http.StatusBadRequest, "/v1" + calls[victim].Path, nil,
		json.RawMessage(`{"code":400,"errno":107,"error":"Invalid parameters","message":"title in body: bad","details":[]}`)}
	out := batchPage(r, slices.Insert(got.Responses, victim, no))
	for name, value := range res.Header {
		if strings.HasPrefix(name, "X-") || name == "Date" {
			out.Header[name] = value
		}
	}
	return out, nil
}

// rewrite changes an answer's JSON; what is none stays.
func rewrite(res *http.Response, change func(map[string]any)) error {
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	read := json.NewDecoder(bytes.NewReader(text))
	read.UseNumber()
	var in map[string]any
	if read.Decode(&in) == nil {
		change(in)
		if text, err = json.Marshal(in); err != nil {
			return err
		}
		res.Header.Del("Content-Length")
		res.ContentLength = int64(len(text))
	}
	res.Body = io.NopCloser(bytes.NewReader(text))
	return nil
}

// bare takes out of all 412 what they show of the record.
func bare(in map[string]any) {
	if fmt.Sprint(in["code"]) == "412" {
		delete(in, "details")
	}
	replies, _ := in["responses"].([]any)
	for _, r := range replies {
		reply, _ := r.(map[string]any)
		if body, _ := reply["body"].(map[string]any); body != nil {
			bare(body)
		}
	}
}

// lateBy is how late a row may come at most: within what the driver looks back
// for, 10 s, less what dates are cut by.
const lateBy = 8 * time.Second

// listed notes the rows that a list shows a device. A late one is not in it yet:
// it is new, but not the newest.
func (d *device) listed(fault Fault, r *http.Request, res *http.Response) error {
	if d.w.script.Config.Faults[LateRow] == 0 || !strings.HasSuffix(r.URL.Path, "/records") {
		return nil
	}
	q := r.URL.Query()
	// Nor is a tombstone late: the list of live notes before has told of it.
	whole := !q.Has("in_id") && !q.Has("_fields") && !q.Has("deleted")
	return rewrite(res, func(in map[string]any) {
		rows, _ := in["data"].([]any)
		if fault == LateRow && whole {
			if i := d.late(rows, res.Header.Get("ETag")); i >= 0 {
				rows = slices.Delete(rows, i, i+1)
				in["data"] = rows
				d.w.meet("row was late")
			}
		}
		for _, row := range rows {
			d.shown[rowName(row)] = true
		}
	})
}

// late picks a row that may not have been there yet, -1 if there is none.
func (d *device) late(rows []any, etag string) int {
	now := d.w.servers[d.server].now().UnixMilli()
	for i, row := range rows {
		at := rowTime(row)
		if !d.shown[rowName(row)] && strconv.Quote(strconv.FormatInt(at, 10)) != etag && at <= now && at > now-lateBy.Milliseconds() && len(rows) > 1 {
			return i
		}
	}
	return -1
}

func rowName(row any) string {
	m, _ := row.(map[string]any)
	return fmt.Sprint(m["id"], "@", m["last_modified"])
}

func rowTime(row any) int64 {
	m, _ := row.(map[string]any)
	n, _ := m["last_modified"].(json.Number)
	at, _ := n.Int64()
	return at
}

// rest holds a device to the Backoff of the last answer of a round, once that ended
// well: in the middle of one it may go on.
func (d *device) rest(err error) {
	if wait := d.backoff; err == nil && wait > 0 && d.stable() {
		if until := d.w.now.Add(wait); until.After(d.notBefore) {
			d.notBefore = until
		}
	}
	d.backoff = 0
}

// hearBackoff notes what a server under load adds to any answer; the last one
// counts.
func (d *device) hearBackoff(res *http.Response) {
	n, _ := strconv.Atoi(res.Header.Get("Backoff")) // 0 for none
	d.backoff = time.Duration(n) * time.Second
}
