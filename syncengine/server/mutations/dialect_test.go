package mutations_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Both ways to say who asks are taken; who does not is refused in the protocol's
// own shape.
func TestWhoAsks(t *testing.T) {
	s := newSite(t)
	get := func(header ...string) reply { return s.do("GET", "/v1/sync?mutationsSince=0", "", header...) }
	get().want(200, `"success":true`)
	get("X-Auth-Token", "", "Authorization", "Bearer "+annToken).want(200, "")
	get("X-Auth-Token", "").want(401, `"type":"unauthorized"`)
	get("X-Auth-Token", "stet_nobody").want(401, `"success":false`)
	get("X-Client-Id", "").want(400, `"type":"invalid_request"`)
	get("X-Auth-Token", "", "X-Client-Id", "").want(401, "")
	s.post(note("n1", "ann's")).want(200, "")
	if got := s.since(0, "", "X-Auth-Token", bobToken); got.LastMutationAt != -1 || len(got.Mutations) != 0 {
		t.Errorf("bob sees %+v", got)
	}
	s.do("DELETE", "/v1/sync", "").want(405, "")
	if r := s.do("GET", "/v1/sync?mutationsSince=x", ""); r.status != 400 || r.head.Get("X-Request-Id") == "" {
		t.Errorf("%d %v", r.status, r.head)
	}
}

// What is asked in an unknown way is refused, and what is not asked is not told.
func TestQuestions(t *testing.T) {
	s := newSite(t)
	for i := range 5 {
		s.post(note(fmt.Sprint("n", i), fmt.Sprint("text ", i))).want(200, "")
	}
	for _, q := range []string{"", "?mutationsSince=", "?mutationsSince=1.5", "?mutationsSince=-2", "?mutationsSince=0&limit=0",
		"?mutationsSince=0&limit=1001", "?mutationsSince=0&page=0", "?mutationsSince=0&metadataOnly=maybe", "?metadataOnly=true"} {
		s.do("GET", "/v1/sync"+q, "").want(400, `"type":"invalid_request"`)
	}
	s.do("GET", "/v1/sync?mutationsSince=0&resources=NOTE,WHAT", "").want(422, `"type":"unprocessable_entity"`)
	meta := s.since(0, "&metadataOnly=true")
	if len(meta.raw) != 1 || meta.LastMutationAt != s.head() {
		t.Errorf("metadata: %v", meta.raw)
	}
	if got := s.since(0, "&resources=BOOKMARK,COLLECTION"); len(got.Mutations) != 0 || got.LastMutationAt != meta.LastMutationAt || *got.HasMore {
		t.Errorf("of other resources: %+v", got)
	}
	whole := s.since(0, "")
	if whole.Page != 1 || whole.Limit != 100 || *whole.Total != 5 || *whole.HasMore || len(whole.Mutations) != 5 {
		t.Errorf("%+v", whole)
	}
	var pages []mutation
	for page := 1; page <= 3; page++ {
		got := s.since(0, fmt.Sprint("&limit=2&page=", page))
		if *got.Total != 5 || *got.HasMore != (page < 3) || got.Page != page || got.Limit != 2 {
			t.Errorf("page %d: %+v", page, got)
		}
		pages = append(pages, got.Mutations...)
	}
	for i, m := range pages {
		if m.ResourceID != whole.Mutations[i].ResourceID || m.Type != "CREATE" || m.Resource != "NOTE" || m.Data["_stet"] != nil {
			t.Errorf("%d: %+v", i, m)
		}
	}
	if got := s.since(whole.Mutations[2].Timestamp, ""); len(got.Mutations) != 2 || got.Mutations[0].ResourceID != "n3" {
		t.Errorf("since the third: %+v", got.Mutations)
	}
}

// The types are those of the whole time since: made, changed or deleted.
func TestNetTypes(t *testing.T) {
	s := newSite(t)
	s.post(note("old", "1")+","+note("going", "1")).want(200, "")
	since := s.head()
	s.post(note("new", "1")).want(200, "")
	s.post(`{"type":"UPDATE","resource":"NOTE","resourceId":"new","data":{"body":"2"}},
		{"type":"UPDATE","resource":"NOTE","resourceId":"old","data":{"title":"2"}},
		{"type":"DELETE","resource":"NOTE","resourceId":"going"}`).want(200, "")
	want := map[string]string{"new": "CREATE", "old": "UPDATE", "going": "DELETE"}
	got := s.since(since, "")
	for _, m := range got.Mutations {
		if m.Type != want[m.ResourceID] || m.Type == "DELETE" && m.Data != nil {
			t.Errorf("%+v", m)
		}
		if m.ResourceID == "old" && (m.Data["body"] != "1" || m.Data["title"] != "2") {
			t.Errorf("omitted members: %v", m.Data)
		}
	}
	if len(got.Mutations) != 3 || !slices.IsSortedFunc(got.Mutations, func(a, b mutation) int { return int(a.Timestamp - b.Timestamp) }) {
		t.Errorf("%+v", got.Mutations)
	}
	// Who read the account while it was empty may hold a note that an answer to its
	// own write showed: it has to hear that the note is gone.
	got = s.since(0, "")
	if n := len(got.Mutations); n != 3 || got.Mutations[n-1].ResourceID != "going" || got.Mutations[n-1].Type != "DELETE" {
		t.Errorf("from the beginning: %+v", got.Mutations)
	}
}

// A bad mutation refuses the whole batch, in the protocol's words and with its
// place; nothing is applied and the number stays.
func TestMlog11ServerRefusesWholeBatch(t *testing.T) {
	s := newSite(t)
	s.post(note("n1", "first")).want(200, "")
	head := s.head()
	for bad, message := range map[string]string{
		`{"type":"CREATE","data":{}}`:                                                              `Missing resource at mutation[1]`,
		`{"type":"CREATE","resource":"x","data":{}}`:                                               `Invalid resource: \"x\" at mutation[1]`,
		`{"type":"CREATE","resource":"BOOKMARK","data":{}}`:                                        `Invalid resource: \"BOOKMARK\" at mutation[1]`,
		`{"resource":"NOTE","data":{}}`:                                                            `Missing mutation type at mutation[1]`,
		`{"type":"PATCH","resource":"NOTE","data":{}}`:                                             `Invalid mutation type: \"PATCH\" at mutation[1]`,
		`{"type":"UPDATE","resource":"NOTE","data":{}}`:                                            `Missing resourceId at mutation[1]`,
		`{"type":"DELETE","resource":"NOTE"}`:                                                      `Missing resourceId at mutation[1]`,
		`{"type":"DELETE","resource":"NOTE","resourceId":"a b"}`:                                   `Invalid resourceId at mutation[1]`,
		`{"type":"UPDATE","resource":"NOTE","resourceId":7,"data":{}}`:                             `Invalid resourceId at mutation[1]`,
		`{"type":"CREATE","resource":"NOTE"}`:                                                      `Missing data at mutation[1]`,
		`{"type":"UPDATE","resource":"NOTE","resourceId":"n1","data":null}`:                        `Missing data at mutation[1]`,
		`{"type":"CREATE","resource":"NOTE","data":{"title":"` + strings.Repeat("x", 1025) + `"}}`: `Invalid data: title: longer than 1024 characters at mutation[1]`,
	} {
		s.post(note("new", "x")+","+bad).want(422, `{"success":false,"error":{"code":"ValidationError","message":"`+message+`"}}`)
	}
	path := fmt.Sprint("/v1/sync?lastMutationAt=", head)
	for _, body := range []string{`{}`, `{"mutations":[]}`, `{"mutations":7}`, `{"mutations":["x"]}`} {
		s.do("POST", path, body).want(422, `"Invalid mutations"`)
	}
	many := strings.Repeat(note("n", "x")+",", 100) + note("n", "x")
	s.post(many).want(422, `"Mutations must not exceed 100"`)
	s.do("POST", path, `{"mutations":[`).want(400, `"type":"invalid_request"`)
	s.do("POST", path, `x`, "Content-Type", "text/plain").want(415, "")
	s.do("POST", "/v1/sync", `{"mutations":[`+note("n", "x")+`]}`).want(400, "lastMutationAt")
	s.do("POST", "/v1/sync?lastMutationAt=x", `{"mutations":[`+note("n", "x")+`]}`).want(400, "lastMutationAt")
	s.do("POST", "/v1/sync?lastMutationAt=7", `{"mutations":[{}]}`).want(422, "Missing resource at mutation[0]") // before the number
	s.do("POST", "/v1/sync?lastMutationAt=7", `{"mutations":[`+note("n", "x")+`]}`).
		want(409, `{"success":false,"error":{"code":"OutOfSyncError","message":"Invalid lastMutationAt, please re-sync your data and try again."}}`)
	if got := s.since(0, ""); got.LastMutationAt != head || len(got.Mutations) != 1 {
		t.Errorf("refused batches left %+v", got)
	}
	s.post(strings.TrimSuffix(strings.Repeat(note("n", "x")+",", 100), ",")).want(200, "")
}

// Each mutation has a number of its own, greater than all before, also when the
// server's clock goes back; the answer has them in the order sent.
func TestMlog12TimestampsGrow(t *testing.T) {
	s := newSite(t)
	last := int64(0)
	for round := range 5 {
		s.ms.Add(-3_600_000)
		got := s.post(note(fmt.Sprint("a", round), "x") + "," + note(fmt.Sprint("b", round), "x") +
			`,{"type":"UPDATE","resource":"NOTE","resourceId":"a0","data":{"body":"y"}},{"type":"DELETE","resource":"NOTE","resourceId":"b0"}`).log()
		for i, m := range got.Mutations {
			if m.Timestamp <= last {
				t.Errorf("round %d: %d after %d", round, m.Timestamp, last)
			}
			last = m.Timestamp
			if want := []string{"CREATE", "CREATE", "UPDATE", "DELETE"}[i]; m.Type != want {
				t.Errorf("%s, want %s", m.Type, want)
			}
		}
		if got.LastMutationAt != last || s.head() != last {
			t.Errorf("the account is at %d, the last mutation at %d", s.head(), last)
		}
	}
}

// The endpoints of notes want the number as the log does, and tell the new one.
func TestMlog13DirectEndpoints(t *testing.T) {
	s := newSite(t)
	s.do("POST", "/v1/notes", `{"body":"a text"}`).want(400, "lastMutationAt")
	s.do("POST", "/v1/notes?lastMutationAt=5", `{"body":"a text"}`).want(409, "First sync detected. Please use lastMutationAt=-1 for initial sync.")
	s.do("POST", "/v1/notes?lastMutationAt=-1", `{"title":"no body"}`).want(422, "ValidationError")
	var made struct {
		Data struct {
			ID, Body, CreatedAt, UpdatedAt string
			Ranges, AttachedEntities       []any
			SaveToQR                       any
		}
	}
	r := s.do("POST", "/v1/notes?lastMutationAt=-1", `{"body":"a text","saveToQR":true,"ranges":["2:255-2:257"]}`).want(200, "")
	if err := json.Unmarshal(r.body, &made); err != nil || made.Data.ID == "" || made.Data.Body != "a text" || len(made.Data.Ranges) != 1 || made.Data.SaveToQR != nil {
		t.Fatalf("%s: %v", r.body, err)
	}
	at := r.head.Get("X-Mutation-At")
	if at != fmt.Sprint(s.head()) {
		t.Errorf("X-Mutation-At %s, the account is at %d", at, s.head())
	}
	path := "/v1/notes/" + made.Data.ID
	s.do("PATCH", path, `{"body":"edited"}`).want(400, "")
	s.do("PATCH", path+"?lastMutationAt=7", `{"body":"edited"}`).want(409, "OutOfSyncError")
	s.do("PATCH", "/v1/notes/nobody?lastMutationAt="+at, `{"body":"edited"}`).want(404, `"type":"not_found"`)
	r = s.do("PATCH", path+"?lastMutationAt="+at, `{"body":"edited"}`).want(200, `"body":"edited"`)
	if next := r.head.Get("X-Mutation-At"); next <= at {
		t.Errorf("after %s comes %s", at, next)
	}
	s.do("GET", path, "").want(200, `"ranges":["2:255-2:257"]`)
	s.do("DELETE", path, "").want(400, "")
	s.do("DELETE", path+"?lastMutationAt=7", "").want(409, "OutOfSyncError")
	r = s.do("DELETE", path+"?lastMutationAt="+r.head.Get("X-Mutation-At"), "").want(200, `{"success":true,"data":{"success":true}}`)
	if r.head.Get("X-Mutation-At") != fmt.Sprint(s.head()) {
		t.Error("a deletion does not tell the number")
	}
	s.do("GET", path, "").want(404, "")
	s.do("DELETE", path+"?lastMutationAt="+r.head.Get("X-Mutation-At"), "").want(404, "")
}

func TestListOfNotes(t *testing.T) {
	s := newSite(t)
	for i := range 25 {
		s.post(note(fmt.Sprintf("n%02d", i), "x")).want(200, "")
	}
	type page struct {
		Data       []struct{ ID string }
		Pagination struct {
			EndCursor   string
			HasNextPage bool
		}
	}
	for order, first := range map[string]string{"newest": "n24", "oldest": "n00"} {
		var seen []string
		cursor := ""
		for {
			var p page
			r := s.do("GET", "/v1/notes?sortBy="+order+"&cursor="+cursor, "").want(200, "")
			if err := json.Unmarshal(r.body, &p); err != nil {
				t.Fatal(err)
			}
			for _, n := range p.Data {
				seen = append(seen, n.ID)
			}
			if cursor = p.Pagination.EndCursor; !p.Pagination.HasNextPage {
				break
			}
		}
		if len(seen) != 25 || seen[0] != first || len(slices.Compact(slices.Sorted(slices.Values(seen)))) != 25 {
			t.Errorf("%s: %v", order, seen)
		}
	}
	for _, q := range []string{"?limit=51", "?limit=0", "?sortBy=size", "?cursor=x"} {
		s.do("GET", "/v1/notes"+q, "").want(400, "invalid_request")
	}
}

// The maker's id is the note's, and brings it back from the trash; without one
// the server makes one.
func TestLocalIDs(t *testing.T) {
	s := newSite(t)
	s.post(note("mine", "1")).want(200, `"resourceId":"mine"`)
	s.post(`{"type":"DELETE","resource":"NOTE","resourceId":"mine"}`).want(200, "")
	s.post(note("mine", "2")).want(200, `"resourceId":"mine"`)
	got := s.post(`{"type":"CREATE","resource":"NOTE","data":{"body":"a"}},{"type":"CREATE","resource":"NOTE","data":{"body":"b","localId":"not an id"}}`).log()
	if a, b := got.Mutations[0].ResourceID, got.Mutations[1].ResourceID; a == "" || b == "" || a == b {
		t.Errorf("made ids: %q, %q", a, b)
	}
	if all := s.since(0, ""); len(all.Mutations) != 3 {
		t.Errorf("%+v", all.Mutations)
	}
	// A made id is nobody's, whatever has it already.
	s.ids.Store(100)
	s.post(note("id103", "taken")+","+note("id104", "taken")).want(200, "")
	s.ids.Store(102)
	s.do("POST", fmt.Sprint("/v1/sync?lastMutationAt=", s.head()), `{"mutations":[{"type":"CREATE","resource":"NOTE","data":{"body":"c"}}]}`).want(200, `"resourceId":"id105"`)
}

// With the guard an op is applied once, and only to what it was made against.
func TestGuard(t *testing.T) {
	s := newSite(t)
	guard := []string{"X-Stet-Guard", "1"}
	change := func(kind, op string, base int64, body string) string {
		return fmt.Sprintf(`{"type":%q,"resource":"NOTE","resourceId":"n","data":{"localId":"n","body":%q,"_stet":{"op":%q,"base":%d,"device":"phone"}}}`, kind, body, op, base)
	}
	result := func(r reply) (string, mutation) {
		t.Helper()
		m := r.log().Mutations[0]
		stet, _ := m.Data["_stet"].(map[string]any)
		out, _ := stet["result"].(string)
		return out, m
	}
	first := s.post(change("CREATE", "op1", 0, "one"), guard...)
	if got, _ := result(first); got != "applied" || first.head.Get("X-Stet-Guard") != "1" {
		t.Fatalf("%s %s", got, first.body)
	}
	head := s.head()
	for _, tt := range []struct{ mutation, want string }{
		{change("CREATE", "op1", 0, "one"), "known"},
		{change("UPDATE", "op2", head-1, "two"), "refused"},
		{change("CREATE", "op2", 0, "two"), "refused"},
		{strings.Replace(change("DELETE", "op2", head-1, ""), `"n","data"`, `"n","data"`, 1), "refused"},
	} {
		got, m := result(s.post(tt.mutation, guard...))
		if got != tt.want || m.Data["body"] != "one" || m.Timestamp != head || s.head() != head {
			t.Errorf("%s: %s %+v", tt.mutation, got, m)
		}
	}
	if got, m := result(s.post(change("UPDATE", "op2", head, "two"), guard...)); got != "applied" || m.Timestamp <= head {
		t.Errorf("%s %+v", got, m)
	}
	if got, m := result(s.post(change("UPDATE", "op1", head, "one"), guard...)); got != "known" || m.Data["body"] != "two" {
		t.Errorf("an op from before another's change: %s %+v", got, m)
	}
	if m := s.since(0, "", guard...).Mutations[0]; m.Data["_stet"].(map[string]any)["op"] != "op2" || m.Data["_stet"].(map[string]any)["device"] != "phone" {
		t.Errorf("%+v", m)
	}
	// Nobody else sees anything of it, nor is held to it.
	r := s.post(change("UPDATE", "op1", 7, "three"))
	if m := r.log().Mutations[0]; m.Data["body"] != "three" || m.Data["_stet"] != nil || r.head.Get("X-Stet-Guard") != "" {
		t.Errorf("%+v", m)
	}
}
