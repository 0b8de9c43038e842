package native_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/remote/native"
	"stet/syncengine/wire"
)

const (
	noteID = "0192f1c0-7a3e-7000-8000-0000000000aa"
	token  = "stet_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
	head   = "k3v9x2m1q7.mhv2z8kq.4f6a9c0d"
	older  = "k3v9x2m1q7.mhv2z8kp.00aa11bb"
)

// scripted is a client whose server is one function.
func scripted(t *testing.T, h http.HandlerFunc, opts ...native.Option) *native.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c, err := native.New(srv.URL, token, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func says(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", wire.TypeJSON)
		if status >= 400 {
			w.Header().Set("Content-Type", wire.TypeProblem)
		}
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func op(kind model.Kind, n int, base model.Record, p model.Patch) remote.Op {
	return remote.Op{Op: model.Op{ID: fmt.Sprintf("op-%d", n), NoteID: noteID, Kind: kind, BaseRev: base.Rev, Patch: p,
		CreatedAt: time.UnixMilli(1700000000000).UTC(), Device: "test"}, Base: base}
}

func create(n int) remote.Op {
	title := "a"
	o := op(model.Create, n, model.Record{}, model.Patch{Title: &title})
	o.NoteID = fmt.Sprintf("note-%d", n)
	return o
}

// asks are all the requests the driver makes.
var asks = map[string]func(context.Context, *native.Client) (any, error){
	"hello": func(ctx context.Context, c *native.Client) (any, error) { return c.Hello(ctx) },
	"cold":  func(ctx context.Context, c *native.Client) (any, error) { return c.Pull(ctx, "", 0) },
	"warm":  func(ctx context.Context, c *native.Client) (any, error) { return c.Pull(ctx, older, 0) },
	"one": func(ctx context.Context, c *native.Client) (any, error) {
		return c.Push(ctx, older, []remote.Op{create(1)})
	},
	"batch": func(ctx context.Context, c *native.Client) (any, error) {
		return c.Push(ctx, older, []remote.Op{create(1), create(2)})
	},
	"get": func(ctx context.Context, c *native.Client) (any, error) { return c.Get(ctx, noteID, "") },
}

func zero(v any) bool { return reflect.ValueOf(v).IsZero() }

// I-19: whatever answers that is not the protocol changes nothing.
func TestNotTheProtocol(t *testing.T) {
	page := `{"changes":[],"cursor":"` + head + `","hasMore":false,"epoch":"e","serverTime":""}`
	cases := map[string]http.HandlerFunc{
		"portal":         says(200, "<html>log in</html>", "Content-Type", "text/html"),
		"portal as json": says(200, "<html>log in</html>"),
		"json as html":   says(200, page, "Content-Type", "text/html"),
		"json as text":   says(200, page, "Content-Type", "text/plain"),
		"no type":        says(200, page, "Content-Type", ""),
		"empty":          says(200, ""),
		"null":           says(200, "null"),
		"object":         says(200, "{}"),
		"array":          says(200, "[]"),
		"other schema":   says(200, `{"data":[],"status":"ok"}`),
		"wrong types":    says(200, `{"changes":{},"cursor":1,"results":"x","id":4,"protocol":7}`),
		"two values":     says(200, page+page),
		"invalid utf-8":  says(200, "{\"cursor\":\"\xff\"}"),
		"created":        says(201, ""),
		"no content":     says(204, ""),
		"moved":          says(301, "", "Location", "/elsewhere"),
		"found":          says(302, "", "Location", "http://192.0.2.1/login"),
		"not found page": says(404, "<html>no</html>", "Content-Type", "text/html"),
		"gone page":      says(410, "gone", "Content-Type", "text/plain"),
		"conflict page":  says(409, "conflict", "Content-Type", "text/plain"),
		"no code":        says(404, `{"title":"x"}`),
		"no such page":   says(404, `{"code":"not-found"}`),
		"not allowed":    says(405, `{"code":"not-allowed"}`),
		"moved problem":  says(302, `{"code":"cursor-unknown","resync":"full"}`, "Content-Type", wire.TypeProblem),
		"problem page":   says(404, `{"code":"unknown-note"}`, "Content-Type", "text/html"),
		"network":        says(511, "<html>", "Content-Type", "text/html"),
		"odd coding":     says(200, page, "Content-Encoding", "br"),
		"not gzip":       says(200, page, "Content-Encoding", "gzip"),
		"not zstd":       says(200, page, "Content-Encoding", "zstd"),
		"too long":       says(200, page, "Content-Length", "99999999999"),
		"cut":            says(200, page, "Content-Length", "999"),
	}
	for name, h := range cases {
		t.Run(name, func(t *testing.T) {
			c := scripted(t, h)
			for what, ask := range asks {
				got, err := ask(t.Context(), c)
				if !errors.Is(err, remote.ErrOffline) || !errors.Is(err, remote.ErrNotProtocol) || !zero(got) {
					t.Errorf("%s: %+v, %v", what, got, err)
				}
				if err != nil && strings.Contains(err.Error(), token) {
					t.Errorf("%s: the error tells the token", what)
				}
			}
		})
	}
}

func TestStatuses(t *testing.T) {
	cases := map[string]struct {
		h    http.HandlerFunc
		want error
		not  error
	}{
		"401":        {says(401, `{"code":"unauthorized"}`), remote.ErrAuth, remote.ErrOffline},
		"401 page":   {says(401, "<html>", "Content-Type", "text/html"), remote.ErrAuth, remote.ErrOffline},
		"403":        {says(403, `{"code":"forbidden"}`), remote.ErrForbidden, remote.ErrOffline},
		"500":        {says(500, `{"code":"internal"}`), remote.ErrOffline, remote.ErrNotProtocol},
		"502 page":   {says(502, "<html>", "Content-Type", "text/html"), remote.ErrOffline, remote.ErrAuth},
		"503":        {says(503, ``), remote.ErrOffline, remote.ErrAuth},
		"408":        {says(408, ``), remote.ErrOffline, remote.ErrAuth},
		"hung up":    {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, remote.ErrOffline, remote.ErrAuth},
		"slow":       {func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); <-r.Context().Done() }, remote.ErrOffline, context.DeadlineExceeded},
		"slow inner": {trickle, remote.ErrOffline, context.DeadlineExceeded},
	}
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			c := scripted(t, tt.h, native.WithTimeout(100*time.Millisecond))
			for what, ask := range asks {
				got, err := ask(t.Context(), c)
				if !errors.Is(err, tt.want) || errors.Is(err, tt.not) || !zero(got) {
					t.Errorf("%s: %+v, %v", what, got, err)
				}
			}
		})
	}
}

// trickle begins an answer and never ends it.
func trickle(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", wire.TypeJSON)
	io.WriteString(w, `{"changes":[`)
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func TestRetryAfter(t *testing.T) {
	const date = "Sat, 21 Nov 2026 08:00:00 GMT"
	cases := []struct {
		after, date string
		want        time.Duration
	}{
		{"", date, 0},
		{"7", date, 7 * time.Second},
		{" 7 ", date, 7 * time.Second},
		{"0", date, time.Second},
		{"-5", date, time.Second},
		{"3600", date, time.Hour},
		{"3601", date, time.Hour},
		{"1e12", date, time.Hour},
		{"1000000000000", date, time.Hour},
		{strings.Repeat("9", 400), date, time.Hour},
		{"NaN", date, 0},
		{"soon", date, 0},
		{"Sat, 21 Nov 2026 08:01:30 GMT", date, 90 * time.Second},
		{"Sat, 21 Nov 2026 07:00:00 GMT", date, time.Second},
		{"Sat, 21 Nov 2036 07:00:00 GMT", date, time.Hour},
		{"Fri, 01 Jan 1999 00:01:00 GMT", "Fri, 01 Jan 1999 00:00:00 GMT", time.Minute}, // a clock years behind
		{"Sat, 21 Nov 2026 08:01:30 GMT", "garbage", 0},
		{"Sat, 32 Nov 2026 08:01:30 GMT", date, 0},
	}
	for _, status := range []int{429, 503} {
		for _, tt := range cases {
			header := []string{"Date", tt.date}
			if tt.after != "" {
				header = append(header, "Retry-After", tt.after)
			}
			c := scripted(t, says(status, "", header...))
			for what, ask := range asks {
				_, err := ask(t.Context(), c)
				var retry *remote.RetryError
				if !errors.As(err, &retry) || retry.After != tt.want {
					t.Errorf("%s: %d %q: %v, want %s", what, status, tt.after, err, tt.want)
				}
				if errors.Is(err, remote.ErrOffline) != (status == 503) {
					t.Errorf("%s: %d: offline is wrong: %v", what, status, err)
				}
			}
		}
	}
}

// Any 5xx may ask to wait; its work may still have been done.
func TestRetryAfterOf5xx(t *testing.T) {
	c := scripted(t, says(502, "", "Retry-After", "5"))
	for what, ask := range asks {
		_, err := ask(t.Context(), c)
		var retry *remote.RetryError
		if !errors.As(err, &retry) || retry.After != 5*time.Second || !errors.Is(err, remote.ErrOffline) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestResync(t *testing.T) {
	cases := map[string]struct {
		status int
		body   string
		want   remote.ResyncReason
	}{
		"expired":    {410, `{"code":"cursor-expired","resync":"full"}`, remote.CursorExpired},
		"epoch":      {410, `{"code":"epoch-changed","resync":"full"}`, remote.EpochChanged},
		"unknown":    {410, `{"code":"cursor-unknown","resync":"full"}`, remote.CursorUnknown},
		"new reason": {410, `{"code":"moon-phase","resync":"full"}`, remote.CursorUnknown},
		"bad":        {400, `{"code":"bad-cursor"}`, remote.CursorUnknown},
	}
	for name, tt := range cases {
		c := scripted(t, says(tt.status, tt.body))
		for _, what := range []string{"warm", "one", "batch"} {
			got, err := asks[what](t.Context(), c)
			var resync *remote.ResyncError
			if !errors.As(err, &resync) || resync.Reason != tt.want || errors.Is(err, remote.ErrOffline) || !zero(got) {
				t.Errorf("%s %s: %+v, %v", name, what, got, err)
			}
		}
	}
	var asked atomic.Int32
	c := scripted(t, func(w http.ResponseWriter, r *http.Request) { asked.Add(1) })
	for _, bad := range []string{"a b", "x\r\nEvil: 1", strings.Repeat("a", 257), "ä", `"`, "a&limit=1"} {
		var resync *remote.ResyncError
		if _, err := c.Pull(t.Context(), bad, 0); !errors.As(err, &resync) {
			t.Errorf("pull %q: %v", bad, err)
		}
		if _, err := c.Push(t.Context(), bad, []remote.Op{create(1)}); !errors.As(err, &resync) {
			t.Errorf("push %q: %v", bad, err)
		}
	}
	if asked.Load() != 0 {
		t.Error("a cursor that cannot travel was sent")
	}
}

func TestCancel(t *testing.T) {
	for what, ask := range asks {
		ctx, cancel := context.WithCancel(t.Context())
		c := scripted(t, func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		})
		got, err := ask(ctx, c)
		if !errors.Is(err, context.Canceled) || errors.Is(err, remote.ErrOffline) || !zero(got) {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
		got, err = ask(ctx, scripted(t, trickle)) // the answer has begun
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, remote.ErrOffline) || !zero(got) {
			t.Errorf("%s, half answered: %+v, %v", what, got, err)
		}
		cancel()
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	c, err := native.New("http://"+l.Addr().String(), token)
	if err != nil {
		t.Fatal(err)
	}
	for what, ask := range asks {
		if _, err := ask(t.Context(), c); !errors.Is(err, remote.ErrOffline) || errors.Is(err, remote.ErrNotProtocol) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// The token goes to one origin only, whatever the server says.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var visits atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		var here atomic.Int32
		c := scripted(t, func(w http.ResponseWriter, r *http.Request) {
			here.Add(1)
			http.Redirect(w, r, other.URL, status)
		})
		for what, ask := range asks {
			if _, err := ask(t.Context(), c); !errors.Is(err, remote.ErrNotProtocol) {
				t.Errorf("%s: %d: %v", what, status, err)
			}
		}
		if here.Load() != int32(len(asks)) {
			t.Errorf("%d: %d requests for %d asks", status, here.Load(), len(asks))
		}
	}
	if visits.Load() != 0 {
		t.Errorf("the other origin was asked %d times", visits.Load())
	}
}

func TestNew(t *testing.T) {
	for _, bad := range []string{"", "example.org", "ftp://example.org", "https://", "https://u:p@example.org", "https://example.org/?a=1",
		"https://example.org/#x", "http://[::1", "https://exa mple.org"} {
		_, err := native.New(bad, token)
		if err == nil || strings.Contains(err.Error(), "u:p") {
			t.Errorf("address %q: %v", bad, err)
		}
	}
	for _, bad := range []string{"", " ", "a b", "a\r\nX: y", "tökén"} {
		if _, err := native.New("https://example.org", bad); err == nil {
			t.Errorf("token %q is taken", bad)
		}
	}
	var path, auth string
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		path, auth = r.URL.Path, r.Header.Get("Authorization")
	}))
	defer srv.Close()
	c, err := native.New(srv.URL+"/api//", " "+token+"\n")
	if err != nil {
		t.Fatal(err)
	}
	c.Hello(t.Context())
	if path != "/api/sync/meta" || auth != "Bearer "+token {
		t.Errorf("asked %q with %q", path, auth)
	}
}

func TestCheckURL(t *testing.T) {
	fine := []string{"https://example.org", "http://127.0.0.1:8420", "http://127.8.9.1", "http://[::1]:8420", "http://localhost:1/x", "http://LOCALHOST"}
	for _, u := range fine {
		if err := native.CheckURL(u, false); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
	for _, u := range []string{"http://example.org", "http://192.168.1.2:80", "http://localhost.example.org", "http://127.0.0.1.example.org",
		"http://[fe80::1%25lo]:1", "http://0.0.0.0", "http://[::]", "http://127.1"} {
		if err := native.CheckURL(u, false); err == nil || !strings.Contains(err.Error(), "--insecure-http") {
			t.Errorf("%s: %v", u, err)
		}
		if err := native.CheckURL(u, true); err != nil {
			t.Errorf("%s insecure: %v", u, err)
		}
	}
	for _, u := range []string{"", "ftp://localhost", "127.0.0.1:80"} {
		if native.CheckURL(u, true) == nil {
			t.Errorf("%q is taken", u)
		}
	}
}

func TestCodedAnswers(t *testing.T) {
	note := `{"id":"` + noteID + `","rev":7,"body":"` + strings.Repeat("word ", 5000) + `"}`
	gz, zs := gzipped(note), zstded(note)
	bomb := zstded(`{"id":"` + noteID + `","rev":7,"body":"` + strings.Repeat("a", 65<<20) + `"}`)
	gzBomb := gzipped(`{"id":"` + noteID + `","rev":7,"body":"` + strings.Repeat("a", 65<<20) + `"}`)
	for name, tt := range map[string]struct {
		coding string
		body   []byte
		ok     bool
	}{
		"gzip":       {"gzip", gz, true},
		"zstd":       {"zstd", zs, true},
		"plain":      {"", []byte(note), true},
		"identity":   {"identity", []byte(note), true},
		"gzip cut":   {"gzip", gz[:len(gz)-4], false},
		"gzip half":  {"gzip", gz[:len(gz)/2], false},
		"zstd cut":   {"zstd", zs[:len(zs)-3], false},
		"zstd half":  {"zstd", zs[:len(zs)/2], false},
		"zstd bomb":  {"zstd", bomb, false},
		"gzip bomb":  {"gzip", gzBomb, false},
		"wrong name": {"zstd", gz, false},
	} {
		c := scripted(t, func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Accept-Encoding"); got != "zstd, gzip" {
				t.Errorf("accepts %q", got)
			}
			says(200, string(tt.body), "Content-Encoding", tt.coding)(w, r)
		})
		rec, err := c.Get(t.Context(), noteID, "")
		switch {
		case tt.ok && (err != nil || len(rec.Fields.Body) != 25000 || rec.Rev != 7):
			t.Errorf("%s: %v", name, err)
		case !tt.ok && (!errors.Is(err, remote.ErrNotProtocol) || rec.Rev != 0):
			t.Errorf("%s: is taken: %v", name, err)
		}
	}
}

func gzipped(s string) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	io.WriteString(w, s)
	w.Close()
	return out.Bytes()
}

func zstded(s string) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return w.EncodeAll([]byte(s), nil)
}

// A page that is damaged anywhere is no page: cut at any byte it is refused,
// and changed anywhere it is refused or still well formed as a whole.
func TestDamagedPages(t *testing.T) {
	page := `{"changes":[{"id":"n1","rev":5,"deleted":false,"note":{"id":"n1","rev":5,"title":"täg","tags":["a"],"updatedAtServer":"2026-11-21T08:00:00.000Z"},"opId":"o1","device":"d","at":"2026-11-21T08:00:00.000Z"},` +
		`{"id":"n2","rev":6,"deleted":true,"opId":"o2"}],"cursor":"` + head + `","hasMore":true,"epoch":"e","serverTime":"2026-11-21T08:00:00.000Z"}`
	var now atomic.Pointer[string]
	now.Store(&page)
	c := scripted(t, func(w http.ResponseWriter, r *http.Request) { says(200, *now.Load())(w, r) })
	good, err := c.Pull(t.Context(), older, 0)
	if err != nil || len(good.Changes) != 2 || good.Next != head || !good.More || good.Full || good.Unchanged {
		t.Fatalf("good page: %+v, %v", good, err)
	}
	if n := good.Changes[0]; n.Fields.Title != "täg" || n.OpID != "o1" || n.Device != "d" || n.ServerAt.IsZero() || n.SavedAt.IsZero() {
		t.Errorf("record: %+v", n)
	}
	if !good.Changes[1].Fields.Deleted {
		t.Error("tombstone is alive")
	}
	for i := range page {
		cut := page[:i]
		now.Store(&cut)
		if got, err := c.Pull(t.Context(), older, 0); !errors.Is(err, remote.ErrNotProtocol) || !zero(got) {
			t.Fatalf("cut at %d is taken: %+v, %v", i, got, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		b := []byte(page)
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		bad := string(b)
		now.Store(&bad)
		got, err := c.Pull(context.Background(), older, 0)
		if err != nil {
			if !errors.Is(err, remote.ErrNotProtocol) || !zero(got) {
				t.Fatalf("%+v, %v", got, err)
			}
			return
		}
		last := int64(0)
		for _, rec := range got.Changes {
			if rec.ID == "" || rec.Rev <= last {
				t.Fatalf("taken: %+v", got)
			}
			last = rec.Rev
		}
		if got.Next == "" || got.Next == older {
			t.Fatalf("taken: %+v", got)
		}
	})
}

func TestPagesThatLie(t *testing.T) {
	tomb := func(id string, rev int) string { return fmt.Sprintf(`{"id":%q,"rev":%d,"deleted":true}`, id, rev) }
	page := func(cursor, more string, changes ...string) string {
		return fmt.Sprintf(`{"changes":[%s],"cursor":%q,"hasMore":%s,"epoch":"e"}`, strings.Join(changes, ","), cursor, more)
	}
	for name, body := range map[string]string{
		"no id":          page(head, "false", tomb("", 1)),
		"id with slash":  page(head, "false", tomb("../../x", 1)),
		"long id":        page(head, "false", tomb(strings.Repeat("a", 65), 1)),
		"rev zero":       page(head, "false", tomb("a", 0)),
		"rev negative":   page(head, "false", tomb("a", -1)),
		"rev fraction":   strings.Replace(page(head, "false", tomb("a", 1)), `"rev":1`, `"rev":1.5`, 1),
		"rev huge":       strings.Replace(page(head, "false", tomb("a", 1)), `"rev":1`, `"rev":9007199254740993`, 1),
		"descending":     page(head, "false", tomb("a", 2), tomb("b", 1)),
		"equal revs":     page(head, "false", tomb("a", 2), tomb("b", 2)),
		"same note":      page(head, "false", tomb("a", 1), tomb("a", 2)),
		"no cursor":      page("", "false", tomb("a", 1)),
		"cursor newline": page("a\nb", "false", tomb("a", 1)),
		"long cursor":    page(strings.Repeat("a", 257), "false", tomb("a", 1)),
		"stands still":   page(older, "true"),
		"changes behind": page(older, "false", tomb("a", 1)),
		"no note":        page(head, "false", `{"id":"a","rev":1,"deleted":false}`),
		"other note":     page(head, "false", `{"id":"a","rev":1,"deleted":false,"note":{"id":"b","rev":1}}`),
		"other rev":      page(head, "false", `{"id":"a","rev":1,"deleted":false,"note":{"id":"a","rev":2}}`),
		"purged alive":   page(head, "false", `{"id":"a","rev":1,"deleted":false,"note":{"id":"a","rev":1,"purged":true}}`),
		"half a pair":    page(head, "false", `{"id":"a","rev":1,"deleted":false,"note":{"id":"a","rev":1,"title":"\ud800"}}`),
		"bad time":       page(head, "false", `{"id":"a","rev":1,"deleted":true,"at":"yesterday"}`),
		"no epoch":       strings.Replace(page(head, "false"), `"epoch":"e"`, `"epoch":""`, 1),
		"no changes":     `{"cursor":"` + head + `","hasMore":false,"epoch":"e"}`,
		"null changes":   `{"changes":null,"cursor":"` + head + `","hasMore":false,"epoch":"e"}`,
		"twice":          `{"changes":[],"changes":[],"cursor":"` + head + `","hasMore":false,"epoch":"e"}`,
	} {
		c := scripted(t, says(200, body))
		if got, err := c.Pull(t.Context(), older, 0); !errors.Is(err, remote.ErrNotProtocol) || !zero(got) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	c := scripted(t, says(200, page(head, "false", `{"id":"a","rev":1,"deleted":false,"note":{"id":"a","rev":1,"remoteId":"evil","novelty":{}}}`)))
	got, err := c.Pull(t.Context(), "", 0)
	if err != nil || !got.Full || got.Changes[0].RemoteID != "" {
		t.Errorf("unknown members: %+v, %v", got, err)
	}
}

func TestPullRequest(t *testing.T) {
	var seen atomic.Pointer[http.Request]
	c := scripted(t, func(w http.ResponseWriter, r *http.Request) {
		seen.Store(r.Clone(context.Background()))
		if r.Header.Get("If-None-Match") == `"`+head+`"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		says(200, `{"changes":[],"cursor":"`+head+`","hasMore":false,"epoch":"e"}`)(w, r)
	})
	page, err := c.Pull(t.Context(), head, 50)
	if err != nil || !page.Unchanged || page.Next != head || page.More || page.Full {
		t.Fatalf("quiet: %+v, %v", page, err)
	}
	if r := seen.Load(); r.URL.RawQuery != "limit=50&since="+head || r.Header.Get("User-Agent") != "" || r.Header.Get("Accept-Encoding") != "zstd, gzip" {
		t.Errorf("quiet: %s %v", r.URL.RawQuery, r.Header)
	}
	for limit, query := range map[int]string{0: "", -1: "", 200: "", 5: "limit=5", 99999: "limit=1000"} {
		if page, err = c.Pull(t.Context(), "", limit); err != nil || !page.Full || page.Unchanged {
			t.Fatalf("cold: %+v, %v", page, err)
		}
		if r := seen.Load(); r.URL.RawQuery != query || r.Header.Get("If-None-Match") != "" {
			t.Errorf("cold %d: %s %v", limit, r.URL.RawQuery, r.Header)
		}
	}
	c = scripted(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNotModified) })
	if _, err := c.Pull(t.Context(), "", 0); !errors.Is(err, remote.ErrNotProtocol) {
		t.Errorf("304 to a cold pull: %v", err)
	}
}
