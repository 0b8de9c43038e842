package mutations_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/remote/mutations"
	"stet/syncengine/remote/remotetest"
	"stet/syncengine/wire"
	"stet/syncengine/wire/mutlog"
)

// canned is what the driver is answered, whatever it asks.
type canned struct{ remotetest.Canned }

// maxAsked is more than any call needs.
const maxAsked = 1000

// entries are all that answers hold of notes, by name and timestamp, read
// without the driver's help.
func (c *canned) entries() (out map[string][]map[string]any) {
	out = map[string][]map[string]any{}
	for _, a := range c.Two {
		var in struct {
			Data struct{ Mutations []json.RawMessage }
		}
		if json.Unmarshal(a.Body, &in) != nil {
			continue
		}
		for _, raw := range in.Data.Mutations {
			var m struct { // names in any case, as the driver takes them
				ResourceID string
				Timestamp  int64
			}
			var whole map[string]any
			if json.Unmarshal(raw, &m) == nil && json.Unmarshal(raw, &whole) == nil {
				key := fmt.Sprint(m.ResourceID, " ", m.Timestamp)
				out[key] = append(out[key], whole)
			}
		}
	}
	return out
}

func nameOf(rec model.Record) string {
	if rec.RemoteID != "" {
		return rec.RemoteID
	}
	return rec.ID
}

// isTold checks that a record is one that the answers hold, and can be kept.
func (c *canned) isTold(t *testing.T, rec model.Record, exact bool) {
	t.Helper()
	text, err := json.Marshal(rec.Fields)
	var back model.Fields
	if err != nil || !utf8.Valid(text) || json.Unmarshal(text, &back) != nil || !model.Equal(back, rec.Fields) || !wire.ValidNoteID(rec.ID) {
		t.Fatalf("cannot be kept: %+v: %q, %v", rec, text, err)
	}
	if c.Coded() {
		return
	}
	told := c.entries()[fmt.Sprint(nameOf(rec), " ", rec.Rev)]
	if !slices.ContainsFunc(told, func(m map[string]any) bool { return !exact || holds(m, rec.Fields) }) {
		t.Fatalf("nobody said %+v; there is %v", rec, told)
	}
}

func holds(m map[string]any, f model.Fields) bool {
	data, _ := m["data"].(map[string]any)
	title, _ := data["title"].(string)
	body, _ := data["body"].(string)
	if dead := m["type"] == mutlog.Delete; dead || f.Deleted {
		return dead == f.Deleted && reflect.DeepEqual(f, model.Fields{Deleted: true})
	}
	return f.Title == title && f.Body == body
}

func (c *canned) connect(t testing.TB, opts ...mutations.Option) *mutations.Client {
	return connect(t, "http://127.0.0.1:1", "secret", append(opts, mutations.WithTransport(c))...)
}

// read returns the request by which a driver goes on from a cursor, nil if it
// does not take it for one of its own.
func read(t *testing.T, cursor string) *http.Request {
	t.Helper()
	away := &canned{}
	_, err := away.connect(t).Pull(t.Context(), cursor, 0)
	var resync *remote.ResyncError
	if unknown := errors.As(err, &resync) && resync.Reason == remote.CursorUnknown; unknown != (away.Last == nil) || err == nil {
		t.Fatalf("cursor %q: %v", cursor, err)
	}
	return away.Last
}

const (
	fuzzJSON  = "Content-Type: application/json\nX-Stet-Guard: 1\nX-Mutation-At: 9\n"
	fuzzPlain = "Content-Type: application/json\nX-Mutation-At: 9\n"
	fuzzNote  = `{"type":"CREATE","resource":"NOTE","resourceId":"n1","timestamp":5,"data":{"title":"t","body":"b","tags":["x"],"log":[{"id":"e","text":"l"}],"localId":"n1","clientCreatedAt":1700000000000,"clientUpdatedAt":"2026-05-19T10:15:30.000Z","mood":{"k":2.50},"_stet":{"op":"op-2","device":"d","at":"2026-05-19T10:15:30.000Z","result":"applied"}}}`
)

// FuzzMutationsAnswer: whatever a server or what stands before it answers, to
// whichever request, the driver tells data that the answers really hold or an
// error of the contract, and with an error nothing else; and it stops asking.
func FuzzMutationsAnswer(f *testing.F) {
	log := func(more bool, entries ...string) string {
		return fmt.Sprintf(`{"success":true,"data":{"lastMutationAt":9,"mutations":[%s],"page":1,"limit":100,"hasMore":%t}}`, strings.Join(entries, ","), more)
	}
	entry := func(old, is string) string { return strings.ReplaceAll(fuzzNote, old, is) }
	gone := `{"type":"DELETE","resource":"NOTE","resourceId":"n2","timestamp":9,"data":{"_stet":{"purge":true,"result":"known"}}}`
	const outOfSync = `{"message":"m","type":"Conflict","success":false,"details":{"success":false,"error":{"code":"OutOfSyncError","message":"m"}}}`
	meta := `{"success":true,"data":{"lastMutationAt":9}}`
	made := `{"success":true,"data":{"id":"r7","body":"b"}}`
	for _, c := range []struct {
		plan         uint8
		status       uint16
		header, body string
		then         uint16
		more, last   string
	}{
		{0, 200, fuzzJSON, meta, 200, fuzzJSON, log(false, fuzzNote, gone)}, {0, 200, fuzzJSON, meta, 200, fuzzJSON, log(true, fuzzNote, gone)}, {0, 200, fuzzJSON, log(false), 200, fuzzJSON, log(false)},
		{0, 200, fuzzJSON, log(true, fuzzNote, entry("n1", "n3")), 200, fuzzJSON, log(true, fuzzNote, entry("n1", "n3"))}, {1, 200, fuzzPlain, log(true, fuzzNote), 200, fuzzPlain, log(true, entry("n1", "n3"))},
		{0, 200, fuzzJSON, log(true, gone, fuzzNote), 200, fuzzJSON, strings.Replace(log(true, gone, fuzzNote), `:9,"mut`, `:8,"mut`, 1)}, {0, 200, fuzzJSON, `{"success":true,"data":{"lastMutationAt":-1,"mutations":[]}}`, 200, fuzzJSON, log(false, entry("n1", "n7"))},
		{0, 200, fuzzJSON, log(false, entry("op-2", "other"), entry("applied", "refused")), 200, fuzzJSON, log(false, entry("op-2", "op-7"))}, {2, 200, fuzzPlain, log(false, entry(`"n1"`, `"r/1"`)), 200, fuzzPlain, log(false, entry(`"resourceId":"n1"`, `"resourceId":"r1"`))},
		{2, 200, fuzzPlain, log(false, entry(`"b"`, `"---\nstet: n7\ntitle: \"t\"\n---\nb"`)), 200, fuzzPlain, meta}, {4, 200, fuzzPlain, made, 200, fuzzPlain, log(false, fuzzNote)}, {4, 200, "Content-Type: application/json", made, 200, fuzzPlain, log(false, fuzzNote)},
		{4, 404, fuzzPlain, `{"message":"m","type":"not_found","success":false}`, 409, fuzzPlain, outOfSync}, {1, 409, fuzzPlain, outOfSync, 200, fuzzPlain, log(false, fuzzNote)}, {0, 409, "", "<html>", 409, "", ""},
		{0, 422, fuzzJSON, `{"success":false,"error":{"code":"ValidationError","message":"Invalid data: body at mutation[1]"}}`, 200, fuzzJSON, log(false, entry("n1", "n7"))}, {1, 400, fuzzPlain, `{"message":"` + strings.Repeat("é", 300) + `","type":"x","success":false}`, 413, "", ""},
		{0, 200, fuzzJSON, strings.Replace(log(false, entry("n1", "n7")), `At":9`, `At":3`, 1), 200, fuzzJSON, meta}, {0, 200, fuzzJSON, log(false, entry("n1", "n7")), 200, fuzzJSON, meta},
		{0, 200, "Content-Type: text/html", "<html>log in</html>", 302, "Location: http://evil/", ""}, {0, 401, "", "", 403, "", ""}, {0, 429, "Retry-After: 1e12", "", 503, "Retry-After: Sat, 21 Nov 2026 09:00:00 GMT\nDate: Sat, 21 Nov 2026 08:00:00 GMT", ""},
		{0, 500, "", "", 511, "", "x"}, {0, 200, fuzzJSON + "X-Stet-Epoch: e\n", meta, 200, fuzzJSON + "X-Stet-Epoch: f\n", log(false)}, {0, 200, fuzzJSON + "Content-Encoding: zstd\n", "\x28\xb5\x2f\xfd", 200, fuzzJSON + "Content-Encoding: gzip\n", "\x1f\x8b"},
		{0, 200, fuzzJSON, log(false, entry("NOTE", "BOOKMARK"), fuzzNote, entry("NOTE", "BOOKMARK")), 200, fuzzJSON, log(false, entry(`"timestamp":5`, `"timestamp":0`), `{"TYPE":"DELETE","Resource":"NOTE","resourceID":"n1","Timestamp":7}`)},
		{0, 200, fuzzJSON, log(false, entry(`"text":"l"`, `"text":"l","at":"0000-01-01T00:00:00+23:59"`), entry("1700000000000", "-99999999999999")), 200, fuzzJSON, log(false, entry(`"timestamp":5`, `"timestamp":9007199254740993`))},
	} {
		for what := range uint8(6) {
			f.Add(what<<3|c.plan, c.status, c.header, []byte(c.body), c.then, c.more, []byte(c.last))
		}
	}
	f.Fuzz(func(t *testing.T, plan uint8, status uint16, header string, body []byte, then uint16, more string, last []byte) {
		if len(body)+len(last) > 1<<14 || len(header)+len(more) > 1<<11 {
			return
		}
		a, b := remotetest.Says(int(status), header, body), remotetest.Says(int(then), more, last)
		var opts []mutations.Option
		direct, plain := plan&4 != 0, plan&6 != 0
		if plan&2 != 0 {
			opts = append(opts, mutations.WithPlainBodies(mutations.Bodies{}))
		}
		if direct {
			opts = append(opts, mutations.WithDirect())
		}
		fresh := func() (*canned, *mutations.Client) {
			c := &canned{remotetest.Canned{Two: [2]remotetest.Said{a, b}, InTurn: plan&1 != 0, Most: maxAsked}}
			return c, c.connect(t, opts...)
		}
		cursors := []string{"", "m1.4", "m1g.4~e", "m1.-1"}
		switch what := int(plan >> 3 % 6); what {
		case 0:
			checkReads(t, fresh, plain)
			return
		case 1:
		default:
			checkPush(t, fresh, cursors[what-2], plain)
			return
		}
		for i := 0; i < len(cursors); i++ {
			for _, limit := range []int{0, 1} {
				from, c := fresh()
				page, err := c.Pull(t.Context(), cursors[i], limit)
				if remotetest.IsFine(t, "pull", page, err); err != nil {
					continue
				}
				from.checkPage(t, cursors[i], page, plain)
				if len(cursors) < 6 && page.More { // go on in the middle
					cursors = append(cursors, page.Next)
				}
			}
		}
	})
}

// checkReads asks what needs no cursor.
func checkReads(t *testing.T, fresh func() (*canned, *mutations.Client), plain bool) {
	t.Helper()
	_, c := fresh()
	info, err := c.Hello(t.Context())
	if remotetest.IsFine(t, "hello", info, err); err == nil && (info.Protocol != "mutations" || info.Account != "" || len(info.Epoch) > 64) {
		t.Fatalf("%+v", info)
	}
	for _, id := range []string{"", "r/1"} {
		from, c := fresh()
		rec, err := c.Get(t.Context(), "n1", id)
		if remotetest.IsFine(t, "get", rec, err); err == nil && rec.ID != "n1" {
			t.Fatalf("get: %+v", rec)
		}
		if rec.Rev != 0 {
			from.isTold(t, rec, !plain)
		}
	}
}

func (c *canned) checkPage(t *testing.T, cursor string, p remote.Page, plain bool) {
	t.Helper()
	if p.Next == "" || p.Unchanged && (len(p.Changes) > 0 || p.More || p.Full) || p.Full != (cursor == "") || p.After != 0 || p.More && p.Next == cursor {
		t.Fatalf("page %+v", p)
	}
	if read(t, p.Next) == nil {
		t.Fatalf("cursor %q is not read again", p.Next)
	}
	ids := map[string]bool{}
	for _, rec := range p.Changes {
		if rec.Rev <= 0 || rec.Rev > 1<<53 || ids[nameOf(rec)] {
			t.Fatalf("change %+v in %+v", rec, p)
		}
		ids[nameOf(rec)] = true
		c.isTold(t, rec, !plain)
	}
}

// checkPush sends ops of every kind, alone and together, for the first time and
// again.
func checkPush(t *testing.T, fresh func() (*canned, *mutations.Client), cursor string, plain bool) {
	t.Helper()
	base := model.Record{ID: "n1", Rev: 3, Fields: model.Fields{Title: "was"}}
	op := func(n int, kind model.Kind, base model.Record, want model.Fields) remote.Op {
		return remote.Op{Base: base, Want: want, Op: model.Op{ID: fmt.Sprint("op-", n), NoteID: base.ID, Kind: kind, BaseRev: base.Rev,
			Patch: model.Diff(base.Fields, want), CreatedAt: time.UnixMilli(1_700_000_000_000).UTC(), Device: "d"}}
	}
	named := base
	named.ID, named.RemoteID = "n8", "r1"
	ops := []remote.Op{op(7, model.Create, model.Record{ID: "n7"}, model.Fields{Title: "t", Body: "b"}), op(2, model.Update, base, model.Fields{Title: "new"}),
		op(8, model.Delete, named, model.Fields{Deleted: true}), op(9, model.Purge, model.Record{ID: "n2", Rev: 3, Fields: model.Fields{Deleted: true}}, model.Fields{Deleted: true})}
	for _, replay := range []bool{false, true} {
		for i := range ops {
			ops[i].Replay = replay
		}
		for _, push := range [][]remote.Op{ops[:1], ops[1:2], ops[2:3], ops} {
			from, c := fresh()
			res, err := c.Push(t.Context(), cursor, push)
			if remotetest.IsFine(t, "push", res, err); err != nil {
				continue
			}
			if problem := remotetest.CheckResult(push, res); problem != "" {
				t.Fatalf("%s: %+v", problem, res)
			}
			remotetest.IsFine(t, "push", remote.PushResult{}, res.Stopped)
			if res.Next != "" && (res.Prev != cursor || read(t, res.Next) == nil || res.PullFirst || numberIn(res.Next) <= numberIn(cursor)) {
				t.Fatalf("from %q: %+v", cursor, res)
			}
			for i, out := range res.Outcomes {
				from.checkOutcome(t, push[i], out, plain)
			}
		}
	}
}

func (c *canned) checkOutcome(t *testing.T, op remote.Op, out remote.Outcome, plain bool) {
	t.Helper()
	known := out.Kind == remote.Applied || out.Kind == remote.Conflict
	if remotetest.IsWait(t, out.After); len(out.Problem) > 300 || out.Kind != remote.Applied && out.Problem == "" || out.Current != nil && !known || !utf8.ValidString(out.Problem) {
		t.Fatalf("%+v", out)
	}
	ends := op.Kind == model.Delete || op.Kind == model.Purge
	if out.Kind != remote.Applied || ends && out.Rev == max(op.BaseRev, 1) || c.Coded() {
		return
	}
	for _, a := range c.Two {
		if plain && a.Header.Get(mutlog.HeaderAt) == strconv.FormatInt(out.Rev, 10) {
			return
		}
	}
	for key := range c.entries() {
		if strings.HasSuffix(key, fmt.Sprint(" ", out.Rev)) {
			return
		}
	}
	t.Fatalf("%s of %s is told applied at %d; nobody said so", op.Kind, op.NoteID, out.Rev)
}

var fuzzCursor = regexp.MustCompile(`^m1g?\.(-1|0|[1-9][0-9]*)(?:\.([1-9][0-9]*))?(?:~([A-Za-z0-9_-]{1,64}))?$`)

// numberIn is the number of the account that a cursor names.
func numberIn(cursor string) int64 {
	n, err := strconv.ParseInt(fuzzCursor.FindStringSubmatch(cursor)[1], 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

// FuzzMutationsCursor: a cursor is whatever a device hands back. What the driver
// can have written it reads, and asks for what comes after it in its epoch; of
// all else it says that it does not know it, and asks nothing.
func FuzzMutationsCursor(f *testing.F) {
	for _, s := range []string{"m1.0", "m1.-1", "m1g.1763000000000", "m1.5.7", "m1g.5.9007199254740993~e-p_1", "m1.9007199254740992", "m1.9007199254740993", "m1.05", "m1.+5", "m1.5.0", "m1.5~", "m1.5~e~f", "m1.5.7.9", "m2.5", "m1", "", "k1.e30", "m1.99999999999999999999", "m1.5~\r\nX: y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" || len(text) > 1<<10 {
			return // everything
		}
		m := fuzzCursor.FindStringSubmatch(text)
		at, err := int64(0), error(nil)
		if m != nil {
			if at, err = strconv.ParseInt(m[1], 10, 64); err == nil && m[2] != "" {
				_, err = strconv.ParseInt(m[2], 10, 64)
			}
		}
		r := read(t, text)
		if ours := m != nil && err == nil && at <= mutlog.MaxInteger; ours != (r != nil) {
			t.Fatalf("cursor %q is read: %t", text, r != nil)
		}
		if r == nil {
			return
		}
		q, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil || q.Get("mutationsSince") != strconv.FormatInt(max(at, 0), 10) || r.Header.Get(wire.HeaderEpoch) != m[3] {
			t.Fatalf("cursor %q asks %s of epoch %q", text, r.URL, r.Header.Get(wire.HeaderEpoch))
		}
	})
}
