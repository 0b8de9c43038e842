package kinto_test

import (
	"strings"
	"testing"
)

const epochHeader = "X-Stet-Epoch"

// Answers about an account name its epoch, and who means another one is refused
// before anything is done, alone and in a batch.
func TestEpochIsToldAndHeldTo(t *testing.T) {
	s := newSite(t)
	made := s.do("PUT", notes+"/a", data("title", "x")).want(201)
	first := made.head.Get(epochHeader)
	for what, r := range map[string]reply{
		"a list":      s.do("GET", notes, nil).want(200),
		"no news":     s.do("GET", notes, nil, "If-None-Match", tag(made.stamp())).want(304),
		"a refusal":   s.do("GET", notes+"/nowhere", nil).want(404),
		"a batch":     s.do("POST", "/batch", map[string]any{"requests": []any{request("GET", notes, nil, nil)}}).want(200),
		"the same":    s.do("GET", notes+"/a", nil, epochHeader, first).want(200),
		"other items": s.do("GET", things, nil).want(200),
	} {
		if got := r.head.Get(epochHeader); got == "" || got != first || !strings.Contains(r.head.Get("Access-Control-Expose-Headers"), epochHeader) {
			t.Errorf("%s: epoch %q, want %q", what, got, first)
		}
	}
	if r := s.do("GET", notes, nil, "Authorization", "").want(401); r.head.Get(epochHeader) != "" {
		t.Error("told to anybody")
	}
	if err := s.st.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	put := request("PUT", notes+"/b", nil, data("title", "y"))
	for what, r := range map[string]reply{
		"a write": s.do("PUT", notes+"/b", data("title", "y"), epochHeader, first),
		"a batch": s.do("POST", "/batch", map[string]any{"requests": []any{put}}, epochHeader, first),
		"a list":  s.do("GET", notes, nil, epochHeader, first),
	} {
		if r.want(412, 114); r.head.Get(epochHeader) == "" || r.head.Get(epochHeader) == first {
			t.Errorf("%s: %v", what, r.head)
		}
	}
	if got := s.listed(notes); got != "" {
		t.Errorf("applied: %s", got)
	}
}
