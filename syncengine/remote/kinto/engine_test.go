package kinto_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine"
	"stet/syncengine/merge"
	"stet/syncengine/remote"
	"stet/syncengine/remote/kinto"
)

// A server that lets two writers through although only one of them had seen what
// is there loses nothing: the one whose version was overwritten sees it.
func TestOverwrittenUnseen(t *testing.T) {
	f := newFake(t)
	f.now = time.Now().UnixMilli()
	p := place{f.http.URL + "/v1", kinto.Credentials{User: "anna", Password: "x"}, "notes"}
	a, b := newDevice(t, p, "anna"), newDevice(t, p, "bert")
	id := a.create("t", "one\ntwo\nthree\n")
	a.sync()
	b.sync()
	a.edit(id, func(f *model.Fields) { f.Body = "ONE\ntwo\nthree\n" })
	b.edit(id, func(f *model.Fields) { f.Body = "one\ntwo\nTHREE\n" })
	a.sync()
	f.script = func(r *http.Request, _ []byte) *scripted {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, id) {
			f.do(func() { r.Header.Set("If-Match", fmt.Sprintf(`"%d"`, f.rows[f.place()][id].rev())) })
		}
		return nil
	}
	b.sync() // applied: a lost update
	f.script = nil
	a.sync()
	n := a.get(id)
	if n.Status != model.NeedsReview || n.Body != "ONE\ntwo\nthree\n" {
		t.Fatalf("anna: %s %q", n.Status, n.Body)
	}
	a.resolve(id, merge.Both)
	a.sync()
	b.sync()
	same(t, a, b)
	if body := b.get(id).Body; !strings.Contains(body, "ONE") || !strings.Contains(body, "THREE") {
		t.Errorf("%q", body)
	}
}

// A server under load says so on its successes: the round counts, and the next
// one waits.
func TestBackoffDelaysTheNextRound(t *testing.T) {
	f := newFake(t)
	a := newDevice(t, place{f.http.URL + "/v1", kinto.Credentials{User: "anna", Password: "x"}, "notes"}, "anna")
	a.sync()
	f.trailer = http.Header{"Backoff": {"40"}}
	id := a.create("t", "text")
	a.sync()
	a.is(id, model.Synced, "text")
	f.requests()
	var wait *remote.RetryError
	if _, err := a.engine.Round(t.Context(), syncengine.RoundOptions{Force: true}); !errors.As(err, &wait) || wait.After > 40*time.Second || len(f.requests()) > 0 {
		t.Errorf("at once: %v", err)
	}
	a.moved += 41 * time.Second
	if _, err := a.engine.Round(t.Context(), syncengine.RoundOptions{Force: true}); err != nil || len(f.requests()) == 0 {
		t.Errorf("later: %v", err)
	}
}
