package mutations_test

import (
	"fmt"
	"testing"
)

const epochHeader = "X-Stet-Epoch"

// Answers about an account name its epoch, and who means another one is refused
// before anything is done, even with the right number.
func TestEpochIsToldAndHeldTo(t *testing.T) {
	s := newSite(t)
	first := s.post(note("a", "x")).want(200, "").head.Get(epochHeader)
	for _, path := range []string{"/v1/sync?mutationsSince=0", "/v1/sync?mutationsSince=0&metadataOnly=true", "/v1/notes", "/v1/notes/a"} {
		for _, header := range [][]string{nil, {epochHeader, first}} {
			if got := s.do("GET", path, "", header...).want(200, "").head.Get(epochHeader); got == "" || got != first {
				t.Errorf("%s: epoch %q, want %q", path, got, first)
			}
		}
	}
	if r := s.do("GET", "/v1/notes", "", "X-Auth-Token", "").want(401, ""); r.head.Get(epochHeader) != "" {
		t.Error("told to anybody")
	}
	if err := s.st.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	direct := fmt.Sprint("/v1/notes?lastMutationAt=", s.head())
	for what, r := range map[string]reply{
		"the log":  s.post(note("b", "y"), epochHeader, first),
		"directly": s.do("POST", direct, `{"body":"some text"}`, epochHeader, first),
		"reading":  s.do("GET", "/v1/sync?mutationsSince=0", "", epochHeader, first),
	} {
		if got := r.want(409, "OutOfSyncError").head.Get(epochHeader); got == "" || got == first {
			t.Errorf("%s: epoch %q", what, got)
		}
	}
	if got := s.since(0, ""); len(got.Mutations) != 0 {
		t.Errorf("applied: %+v", got)
	}
	s.post(note("b", "y")).want(200, "")
}
