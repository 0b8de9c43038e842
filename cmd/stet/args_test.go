package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"stet/model"
	"stet/syncengine/remote"
)

func TestFreeText(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"search milk", "search milk"},
		{"search milk -tag:x", "search -- milk -tag:x"},
		{"search -bread milk --json", "search --json -- -bread milk"},
		{"search -n 5 milk -bread", "search -n 5 -- milk -bread"},
		{"search -n5 -notebook:x", "search -n5 -- -notebook:x"},
		{"search --limit=5 -x", "search --limit=5 -- -x"},
		{"search -- -x", "search -- -x"},
		{"search -h", "search -h"},
		{"search -hidden", "search -- -hidden"},
		{"ls -tag:x --home h", "ls --home h -- -tag:x"},
		{"--home h append 1 -x", "--home h append -- 1 -x"},
		{"--home append append 1 -x", "--home append append -- 1 -x"},
		{"append 1 -", "append 1 -"},
		{"add -5 -m -x -t y", "add -m -x -t y -- -5"},
		{"add x -tq", "add x -tq"},
		{"rm -x", "rm -x"},
		{"-x search", "-x search"},
		{"", ""},
	} {
		root := newRoot(&app{})
		if got := strings.Join(freeText(root, strings.Fields(c.in)), " "); got != c.want {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
	}
}

func TestParseServer(t *testing.T) {
	for _, c := range []struct{ url, protocol, want string }{
		{"http://127.0.0.1:8420", "auto", "http://127.0.0.1:8420"},
		{"https://Notes.Example.org/", "auto", "https://notes.example.org"},
		{"https://h/sub/?q#f", "stet", "https://h/sub"},
		{"https://h/kinto/v1/", "auto", "https://h/kinto/v1"},
		{"https://h/v1/buckets/b/collections/c", "auto", "https://h/v1/buckets/b/collections/c"},
		{"https://h/mutations", "stet", "https://h/mutations"},
		{"https://h", "kinto", "https://h"},
		{"https://h", "gopher", ""},
		{"h", "auto", ""}, {"", "auto", ""}, {"file:///etc/passwd", "auto", ""}, {"https://u:p@h", "auto", ""},
	} {
		got, err := parseServer(c.url, c.protocol)
		if c.want == "" {
			var p *problem
			if !errors.As(err, &p) || p.code != exitUsage {
				t.Errorf("%q: error %v, want one of usage", c.url, err)
			}
			if err != nil && strings.Contains(err.Error()+p.hint, "u:p") && c.url != "https://u:p@h" {
				t.Errorf("%q: the error repeats a password: %v", c.url, err)
			}
			continue
		}
		if err != nil || got.URL != c.want {
			t.Errorf("%q: got %q, %v, want %q", c.url, got.URL, err, c.want)
		}
	}
}

// Escaping what is hidden never changes what JSON means, and leaves nothing
// that a terminal acts on.
func TestEscapeHidden(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := strings.ToValidUTF8(rapid.StringOf(rapid.OneOf(rapid.Rune(),
			rapid.SampledFrom([]rune{0x1b, 0x7f, 0x9b, 0x9d, 0x202e, 0x2066, 0xfeff, 'a', '"', '\\'}))).Draw(t, "text"), "")
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		out := escapeHidden(data)
		var back string
		if err := json.Unmarshal(out, &back); err != nil || back != s {
			t.Fatalf("%q became %q (%v)", s, back, err)
		}
		for _, r := range string(out) {
			if r < 0x20 || hiddenInJSON(r) {
				t.Fatalf("%U is left in %q", r, out)
			}
		}
	})
}

func TestExitCodes(t *testing.T) {
	a := &app{err: io.Discard, getenv: func(string) string { return "/h" }}
	wrap := func(err error) error { return fmt.Errorf("sync: %w", err) }
	for _, c := range []struct {
		err  error
		code int
	}{
		{nil, 0}, {errors.New("x"), 1}, {usage("", "x"), 2}, {wrap(model.ErrInvalid), 2}, {wrap(model.ErrAmbiguous), 2},
		{wrap(model.ErrNotFound), 3}, {wrap(model.ErrReviewMoved), 4}, {wrap(remote.ErrOffline), 5},
		{wrap(&remote.RetryError{After: 1e9, Err: errors.New("x")}), 5}, {wrap(remote.ErrNotProtocol), 5},
		{wrap(remote.ErrAuth), 6}, {wrap(remote.ErrForbidden), 6}, {wrap(model.ErrBusy), 7}, {wrap(model.ErrCorrupt), 8},
		{wrap(model.ErrNewerSchema), 8}, {errInterrupted, 130},
		{errors.Join(remote.ErrOffline, model.ErrCorrupt), 8}, {errors.Join(remote.ErrAuth, model.ErrBusy), 7},
		{errors.Join(remote.ErrOffline, remote.ErrAuth), 6},
	} {
		if got := a.report(c.err); got != c.code {
			t.Errorf("%v: exit code %d, want %d", c.err, got, c.code)
		}
	}
}

// A message is one line, and harmless, whatever a server put into it.
func TestMessagesAreClean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var out strings.Builder
		a := &app{err: &out, getenv: func(string) string { return "" }}
		a.report(fmt.Errorf("%w: %s", remote.ErrOffline, rapid.String().Draw(t, "server's words")))
		text := out.String()
		if strings.Count(text, "\n") != 2 || !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && unicode.IsControl(r) }) {
			t.Fatalf("message %q", text)
		}
	})
}

func TestTagChanges(t *testing.T) {
	add, remove, err := tagChanges([]string{"+a,-b", "c, -d"})
	if err != nil || !slices.Equal(add, []string{"a", "c"}) || !slices.Equal(remove, []string{"b", "d"}) {
		t.Errorf("got %q %q %v", add, remove, err)
	}
}

// The words of a text are the text.
func TestWordsKeepTheText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOf(rapid.SampledFrom([]rune("ab é. \t\r\n,-世👍"))).Draw(t, "text")
		if got := strings.Join(words(s), ""); got != s {
			t.Fatalf("%q became %q", s, got)
		}
	})
}
