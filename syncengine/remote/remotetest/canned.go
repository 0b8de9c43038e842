package remotetest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"stet/syncengine/remote"
)

// Said is one answer of a server.
type Said struct {
	Status int
	Header http.Header
	Body   []byte
}

// Canned answers requests without a network: with two answers in turn, or with
// the second for good after the first.
type Canned struct {
	Root   Said // what a path ending in a slash gets; zero if what all others get
	Two    [2]Said
	InTurn bool
	Most   int // requests that are answered; the others fail with errTooOften
	Asked  int
	Last   *http.Request
	at     int
}

var errTooOften = errors.New("asked without end")

// RoundTrip implements http.RoundTripper.
func (c *Canned) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r.Body.Close()
	}
	c.Last = r
	if c.Asked++; c.Asked > c.Most {
		return nil, errTooOften
	}
	a := c.Root
	if a.Status == 0 || !strings.HasSuffix(r.URL.Path, "/") {
		a = c.Two[c.at]
		if c.at = 1 - c.at; !c.InTurn {
			c.at = 1
		}
	}
	return &http.Response{StatusCode: a.Status, Header: a.Header, Body: io.NopCloser(bytes.NewReader(a.Body)), ContentLength: -1, Request: r}, nil
}

// Coded reports that an answer is not to be read without decoding.
func (c *Canned) Coded() bool {
	return slices.ContainsFunc(c.Two[:], func(a Said) bool {
		coding := a.Header.Get("Content-Encoding")
		return coding != "" && coding != "identity"
	})
}

// Says makes an answer of header lines; what is no line is left out.
func Says(status int, header string, body []byte) Said {
	h := http.Header{}
	for line := range strings.SplitSeq(header, "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			h.Add(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	return Said{status, h, body}
}

// IsFine checks an error of a driver that was given canned answers, and that
// nothing else came with it.
func IsFine(t testing.TB, what string, got any, err error) {
	t.Helper()
	if problem := CheckError(err); problem != "" {
		t.Fatalf("%s: %s", what, problem)
	}
	if err != nil && !reflect.ValueOf(got).IsZero() {
		t.Fatalf("%s: %v, and yet %+v", what, err, got)
	}
	if err != nil && (strings.Contains(err.Error(), errTooOften.Error()) || len(err.Error()) > 1000) {
		t.Fatalf("%s: %v", what, err)
	}
	var retry *remote.RetryError
	if errors.As(err, &retry) {
		IsWait(t, retry.After)
	}
}

// IsWait checks a time that a server asked for.
func IsWait(t testing.TB, d time.Duration) {
	t.Helper()
	if d != 0 && (d < time.Second || d > time.Hour) {
		t.Fatalf("a wait of %v", d)
	}
}
