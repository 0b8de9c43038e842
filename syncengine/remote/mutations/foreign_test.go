package mutations_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// foreign is somebody else's mutations log after the protocol's text: it makes
// the ids of notes, keeps the members that it knows, and knows nothing of ours.
type foreign struct {
	mu    sync.Mutex
	url   string
	head  int64
	made  int
	notes map[string]*foreignNote
	keeps []string // members of data; nil: all
	posts []string // the query of each POST

	twice    bool // each POST gives all of its mutations one timestamp
	backward bool // the log comes newest first
	since    bool // mutationsSince includes the number itself
	short    int  // answers to POST lack so many entries
	shuffled bool // answers to POST come in another order
	silent   bool // direct endpoints do not tell the new number
	refuse   func(r *http.Request) (status int, body string)
	between  func() // runs between two pages
	needs    string // a member of data without which a note is not taken
}

type foreignNote struct {
	id        string
	at, first int64
	data      map[string]json.RawMessage
	deleted   bool
}

func newForeign(t testing.TB, change func(*foreign)) *foreign {
	t.Helper()
	f := &foreign{head: -1, notes: map[string]*foreignNote{}}
	if change != nil {
		change(f)
	}
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	f.url = srv.URL
	return f
}

func (f *foreign) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Header.Get("X-Auth-Token") == "" || r.Header.Get("X-Client-Id") == "" {
		answerJSON(w, 401, `{"message":"no token","type":"unauthorized","success":false}`)
		return
	}
	if f.refuse != nil {
		if status, body := f.refuse(r); status != 0 {
			answerJSON(w, status, body)
			return
		}
	}
	switch {
	case r.URL.Path == "/v1/sync" && r.Method == http.MethodGet:
		f.get(w, r)
	case r.URL.Path == "/v1/sync":
		f.post(w, r)
	case strings.HasPrefix(r.URL.Path, "/v1/notes"):
		f.direct(w, r)
	default:
		answerJSON(w, 404, `{"message":"no such page","type":"not_found","success":false}`)
	}
}

func answerJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, body)
}

func (f *foreign) get(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	since, err := strconv.ParseInt(q.Get("mutationsSince"), 10, 64)
	if err != nil {
		answerJSON(w, 400, `{"message":"mutationsSince","type":"invalid_request","success":false}`)
		return
	}
	w.Header().Set("X-Mutation-At", fmt.Sprint(f.head))
	if q.Get("metadataOnly") == "true" {
		answerJSON(w, 200, fmt.Sprintf(`{"success":true,"data":{"lastMutationAt":%d}}`, f.head))
		return
	}
	limit, page := number(q.Get("limit"), 100), number(q.Get("page"), 1)
	if page > 1 && f.between != nil {
		f.between()
	}
	var list []*foreignNote
	for _, n := range f.notes {
		if n.at > since || f.since && n.at == since {
			list = append(list, n)
		}
	}
	slices.SortFunc(list, func(a, b *foreignNote) int {
		if a.at != b.at {
			return int(a.at - b.at)
		}
		return strings.Compare(a.id, b.id)
	})
	if f.backward {
		slices.Reverse(list)
	}
	from, to := min((page-1)*limit, len(list)), min(page*limit, len(list))
	out := []string{}
	for _, n := range list[from:to] {
		out = append(out, n.entry(since))
	}
	answerJSON(w, 200, fmt.Sprintf(`{"success":true,"data":{"lastMutationAt":%d,"mutations":[%s],"page":%d,"limit":%d,"total":%d,"hasMore":%t}}`,
		f.head, strings.Join(out, ","), page, limit, len(list), to < len(list)))
}

func number(s string, absent int) int {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return absent
}

func (n *foreignNote) entry(since int64) string {
	kind := "UPDATE"
	switch {
	case n.deleted:
		return fmt.Sprintf(`{"type":"DELETE","resource":"NOTE","resourceId":%q,"timestamp":%d}`, n.id, n.at)
	case n.first > since:
		kind = "CREATE"
	}
	data, _ := json.Marshal(n.data)
	return fmt.Sprintf(`{"type":%q,"resource":"NOTE","resourceId":%q,"data":%s,"timestamp":%d}`, kind, n.id, data, n.at)
}

type posted struct {
	Type       string                     `json:"type"`
	Resource   string                     `json:"resource"`
	ResourceID string                     `json:"resourceId"`
	Data       map[string]json.RawMessage `json:"data"`
}

// inStep checks the number that a write must name.
func (f *foreign) inStep(w http.ResponseWriter, r *http.Request) bool {
	f.posts = append(f.posts, r.URL.RawQuery)
	at := r.URL.Query().Get("lastMutationAt")
	switch {
	case at == "":
		answerJSON(w, 400, `{"message":"lastMutationAt","type":"invalid_request","success":false}`)
	case at != fmt.Sprint(f.head) && f.head == -1:
		answerJSON(w, 409, `{"success":false,"error":{"code":"OutOfSyncError","message":"First sync detected. Please use lastMutationAt=-1 for initial sync."}}`)
	case at != fmt.Sprint(f.head):
		answerJSON(w, 409, `{"success":false,"error":{"code":"OutOfSyncError","message":"Invalid lastMutationAt, please re-sync your data and try again."}}`)
	default:
		return true
	}
	return false
}

func (f *foreign) post(w http.ResponseWriter, r *http.Request) {
	var in struct{ Mutations []posted }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		answerJSON(w, 400, `{"message":"body","type":"invalid_request","success":false}`)
		return
	}
	for i, m := range in.Mutations {
		if f.needs != "" && m.Type != "DELETE" && m.Data[f.needs] == nil {
			answerJSON(w, 422, fmt.Sprintf(`{"success":false,"error":{"code":"ValidationError","message":"Missing %s at mutation[%d]"}}`, f.needs, i))
			return
		}
	}
	if !f.inStep(w, r) {
		return
	}
	out := []string{}
	for i, m := range in.Mutations {
		if i == 0 || !f.twice {
			f.tick()
		}
		n := f.apply(m)
		entry := n.entry(f.head)
		if m.Type == "CREATE" {
			entry = n.entry(0)
		}
		out = append(out, entry)
	}
	if f.shuffled {
		slices.Reverse(out)
	}
	out = out[:len(out)-min(f.short, len(out))]
	w.Header().Set("X-Mutation-At", fmt.Sprint(f.head))
	answerJSON(w, 200, fmt.Sprintf(`{"success":true,"data":{"lastMutationAt":%d,"mutations":[%s]}}`, f.head, strings.Join(out, ",")))
}

func (f *foreign) tick() { f.head = max(f.head+1, time.Now().UnixMilli()) }

func (f *foreign) apply(m posted) *foreignNote {
	n := f.notes[m.ResourceID]
	if m.Type == "CREATE" {
		f.made++
		n = nil
		m.ResourceID = fmt.Sprintf("slub%04d", f.made)
	}
	if n == nil {
		n = &foreignNote{id: m.ResourceID, first: f.head, data: map[string]json.RawMessage{}}
		f.notes[n.id] = n
	}
	n.at, n.deleted = f.head, m.Type == "DELETE"
	if n.deleted {
		n.data = map[string]json.RawMessage{}
	}
	for name, v := range m.Data {
		if f.keeps == nil || slices.Contains(f.keeps, name) {
			n.data[name] = v
		}
	}
	return n
}

// write is another client's write.
func (f *foreign) write(kind, id string, data map[string]json.RawMessage) {
	f.tick()
	f.apply(posted{Type: kind, ResourceID: id, Data: data})
}

// live returns the bodies of the notes there are.
func (f *foreign) live() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, n := range f.notes {
		if !n.deleted {
			var body string
			json.Unmarshal(n.data["body"], &body)
			out = append(out, body)
		}
	}
	slices.Sort(out)
	return out
}

func (f *foreign) direct(w http.ResponseWriter, r *http.Request) {
	if !f.inStep(w, r) {
		return
	}
	m := posted{Type: map[string]string{"POST": "CREATE", "PATCH": "UPDATE", "DELETE": "DELETE"}[r.Method], ResourceID: strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/v1/notes"), "/")}
	if m.Type != "DELETE" {
		if err := json.NewDecoder(r.Body).Decode(&m.Data); err != nil {
			answerJSON(w, 400, `{"message":"body","type":"invalid_request","success":false}`)
			return
		}
	}
	if n := f.notes[m.ResourceID]; m.Type != "CREATE" && (n == nil || n.deleted) {
		answerJSON(w, 404, `{"message":"no such note","type":"not_found","success":false}`)
		return
	}
	f.tick()
	n := f.apply(m)
	if !f.silent {
		w.Header().Set("X-Mutation-At", fmt.Sprint(f.head))
	}
	if m.Type == "DELETE" {
		answerJSON(w, 200, `{"success":true,"data":{"success":true}}`)
		return
	}
	body, _ := json.Marshal(n.data["body"])
	answerJSON(w, 200, fmt.Sprintf(`{"success":true,"data":{"id":%q,"body":%s,"attachedEntities":[]}}`, n.id, body))
}
