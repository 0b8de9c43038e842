package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// scripture is somebody else's mutations log, whose notes are a body of six
// characters or more about some verses. It makes ids of its own, forgets what it
// does not know, and refuses a note without verses.
type scripture struct {
	mu    sync.Mutex
	head  int64
	notes []*verse
}

// verse is one note there.
type verse struct {
	ID                    string
	Body, ClientCreatedAt string
	Ranges                []string
	ClientUpdatedAt       string
	made, changed         int64
	deleted               bool
}

// mutation is one entry of a request.
type mutation struct {
	Type, Resource, ResourceID string
	Data                       verse
}

func newScripture(t *testing.T) (*scripture, string) {
	f := &scripture{head: -1}
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	return f, srv.URL
}

func (f *scripture) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	say := func(status int, format string, args ...any) {
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, format, args...)
	}
	q := r.URL.Query()
	switch {
	case r.URL.Path != "/v1/sync":
		say(404, `{"message":"no such page","type":"not_found","success":false}`)
	case r.Header.Get("X-Auth-Token") != "secret" || r.Header.Get("X-Client-Id") == "":
		say(401, `{"message":"no token","type":"unauthorized","success":false}`)
	case r.Method == http.MethodGet:
		since, _ := strconv.ParseInt(q.Get("mutationsSince"), 10, 64)
		var list []string
		for _, n := range f.notes {
			if n.changed > since {
				list = append(list, n.entry(since))
			}
		}
		if q.Get("metadataOnly") == "true" {
			list = nil
		}
		say(200, `{"success":true,"data":{"lastMutationAt":%d,"mutations":[%s],"page":1,"limit":1000,"total":%d,"hasMore":false}}`,
			f.head, strings.Join(list, ","), len(list))
	case q.Get("lastMutationAt") != fmt.Sprint(f.head):
		say(409, `{"success":false,"error":{"code":"OutOfSyncError","message":"Invalid lastMutationAt, please re-sync your data and try again."}}`)
	default:
		var in struct{ Mutations []mutation }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			say(422, `{"success":false,"error":{"code":"ValidationError","message":"Invalid mutations"}}`)
			return
		}
		for i, m := range in.Mutations {
			if m.Type != "DELETE" && (len(m.Data.Ranges) == 0 || len([]rune(m.Data.Body)) < 6) {
				say(422, `{"success":false,"error":{"code":"ValidationError","message":"Missing ranges at mutation[%d]"}}`, i)
				return
			}
		}
		var list []string
		for _, m := range in.Mutations {
			list = append(list, f.apply(m).entry(f.head-1))
		}
		say(200, `{"success":true,"data":{"lastMutationAt":%d,"mutations":[%s]}}`, f.head, strings.Join(list, ","))
	}
}

// apply takes one mutation, as the newest.
func (f *scripture) apply(m mutation) *verse {
	f.head = max(f.head+1, time.Now().UnixMilli())
	i := slices.IndexFunc(f.notes, func(n *verse) bool { return n.ID == m.ResourceID })
	n := &verse{ID: fmt.Sprintf("slub%04d", len(f.notes)+1), made: f.head}
	if i >= 0 {
		n = f.notes[i]
		f.notes = slices.Delete(f.notes, i, i+1)
	}
	f.notes = append(f.notes, n)
	n.changed, n.deleted = f.head, m.Type == "DELETE"
	n.Body, n.Ranges, n.ClientCreatedAt, n.ClientUpdatedAt = m.Data.Body, m.Data.Ranges, m.Data.ClientCreatedAt, m.Data.ClientUpdatedAt
	return n
}

// entry is a note as the log lists it.
func (n *verse) entry(since int64) string {
	if n.deleted {
		return fmt.Sprintf(`{"type":"DELETE","resource":"NOTE","resourceId":%q,"timestamp":%d}`, n.ID, n.changed)
	}
	kind := "UPDATE"
	if n.made > since {
		kind = "CREATE"
	}
	data, _ := json.Marshal(map[string]any{"body": n.Body, "ranges": n.Ranges, "clientCreatedAt": n.ClientCreatedAt, "clientUpdatedAt": n.ClientUpdatedAt})
	return fmt.Sprintf(`{"type":%q,"resource":"NOTE","resourceId":%q,"data":%s,"timestamp":%d}`, kind, n.ID, data, n.changed)
}

// live are the notes there are, oldest change first.
func (f *scripture) live() (out []verse) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range f.notes {
		if !n.deleted {
			out = append(out, *n)
		}
	}
	return out
}

// TestPlainBodies syncs with a server that takes notes as bodies with verses
// alone, and moves a home there and back.
func TestPlainBodies(t *testing.T) {
	t.Parallel()
	f, url := newScripture(t)
	a, b := newDevice(t), newDevice(t)
	join := func(d *device, args ...string) {
		t.Helper()
		if _, errs, code := d.run("secret\n", append([]string{"connect", url, "--token-file", "-"}, args...)...); code != 0 {
			t.Fatalf("connect: exit %d %s", code, errs)
		}
	}
	join(a, "--device", "a")
	id := a.rich("Title")
	if _, errs := a.ends(1, "sync"); !strings.Contains(errs, "1 note cannot be synced") {
		t.Errorf("refused: %s", errs)
	}
	if got := a.must("status"); !strings.Contains(got, "Missing ranges") {
		t.Errorf("why it is refused is not told: %s", got)
	}
	join(a, "--plain-bodies", "--ranges", "2:255-2:257, 3:1-3:1")
	join(a) // a new token alone changes nothing of it
	a.must("resolve", id, "--take", "mine")
	a.must("sync")
	there := f.live()
	if len(there) != 1 || !slices.Equal(there[0].Ranges, []string{"2:255-2:257", "3:1-3:1"}) || !strings.Contains(there[0].Body, `title: "Title"`) {
		t.Fatalf("there are %+v", there)
	}

	join(b, "--ranges", "1:1-1:1", "--device", "b")
	b.must("sync")
	for _, d := range []*device{a, b} {
		st, err := d.inspect()
		if err != nil {
			t.Fatal(err)
		}
		n, ok := st.notes[id]
		if !ok || len(st.notes) != 1 || n.title != "Title" || n.body != "one\r\n\n👩‍🚀 two\n\nthree" || n.tags != `["größe","red"]` || !strings.Contains(n.log, "entry of Title") {
			t.Fatalf("%s has %+v", d.home, st.notes)
		}
	}

	// A note of its own clients is a body, and stays one note when it is edited.
	f.mu.Lock()
	f.apply(mutation{Data: verse{Body: "a note of theirs", Ranges: []string{"9:9-9:9"}}})
	f.mu.Unlock()
	a.must("sync")
	b.must("sync")
	theirs := a.titled()[""]
	if theirs == "" || a.body(theirs) != "a note of theirs" {
		t.Fatalf("their note arrives as %q", a.titled())
	}
	a.must("set", theirs, "--title", "now with a title")
	a.must("set", id, "-m", "of a")
	a.must("sync")
	b.must("set", id, "-m", "of b")
	b.ends(4, "sync")
	b.must("resolve", id, "--take", "both")
	b.must("sync")
	a.must("sync")
	for _, d := range []*device{a, b} {
		if got := d.body(id); got != "of b\nof a" && got != "of b\nof a\n" || len(d.titled()) != 2 || d.titled()["now with a title"] != theirs {
			t.Errorf("%q, %v", got, d.titled())
		}
	}

	// To a stetd, and back.
	home := newServer(t).at("native")
	a.to(home)
	a.foretold(home, 0)
	a.must("set", id, "-m", "edited at home")
	a.must("add", "new at home")
	a.must("rm", theirs)
	a.must("sync")
	b.must("append", id, "meanwhile")
	b.must("sync")
	join(a, "--ranges", "2:255-2:257", "--yes")
	a.must("sync", "--yes")
	b.must("sync", "--yes")
	if got := f.live(); len(got) != 2 {
		t.Errorf("there are %+v", got)
	}
	for _, d := range []*device{a, b} {
		st, err := d.inspect()
		if err != nil {
			t.Fatal(err)
		}
		if n := st.notes[id]; n.body != "edited at home" || strings.Count(n.log, "meanwhile") != 1 || len(d.titled()) != 2 || d.titled()["new at home"] == "" {
			t.Errorf("after the way back %s has %q: %+v", d.home, d.titled(), n)
		}
	}
}
