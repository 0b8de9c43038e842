package syncengine_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	protocol "stet/syncengine/wire"
)

// wire is the transport under the faults.
var wire = &http.Transport{MaxIdleConnsPerHost: 8}

var errCut = errors.New("connection reset by peer")

func meet(kind fault, r *http.Request) (*http.Response, error) {
	if text, ok := strings.CutPrefix(string(kind), "answer "); ok {
		return told(r, text)
	}
	switch kind {
	case dropBefore:
		return nil, errCut
	case err500:
		return answer(r, 500, "text/plain", "oops"), nil
	case html200:
		return answer(r, 200, "text/html", "<html>Welcome to the hotel. Please log in.</html>"), nil
	case auth401:
		return answer(r, 401, "application/problem+json", `{"status":401,"code":"unauthorized"}`), nil
	case fail500:
		return answer(r, 500, "application/problem+json", `{"status":500,"code":"internal"}`), nil
	case inFlight:
		return answer(r, 409, "application/problem+json", `{"status":409,"code":"in-flight"}`), nil
	case reject422:
		return answer(r, 422, "application/problem+json", `{"status":422,"code":"invalid"}`), nil
	case retry429:
		res := answer(r, 429, "application/problem+json", `{"status":429,"code":"rate"}`)
		res.Header.Set("Retry-After", "120")
		return res, nil
	case twice:
		if res, err := meet("", clone(r)); err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
		return wire.RoundTrip(r)
	}
	res, err := wire.RoundTrip(r)
	if err != nil || kind == "" {
		return res, err
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		return nil, err
	}
	if kind == dropAfter {
		return nil, errCut
	}
	res.Body = io.NopCloser(bytes.NewReader(body[:len(body)/2])) // truncated
	res.ContentLength = -1
	res.Header.Del("Content-Length")
	return res, nil
}

func clone(r *http.Request) *http.Request {
	c := r.Clone(r.Context())
	if r.GetBody != nil {
		c.Body, _ = r.GetBody()
	} else if r.Body != nil {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		c.Body = io.NopCloser(bytes.NewReader(body))
	}
	return c
}

func answer(r *http.Request, status int, kind, body string) *http.Response {
	return &http.Response{Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r}
}

// status is a fault: the server answers with a status and a code, and with
// Retry-After if that is not "".
func status(code int, name, retryAfter string) fault {
	return fault(fmt.Sprintf("answer %d|%s|%s", code, name, retryAfter))
}

// told answers what status asks for. Its clock is at 08:00, for a Retry-After
// that is a date.
func told(r *http.Request, text string) (*http.Response, error) {
	parts := strings.SplitN(text, "|", 3)
	code, err := strconv.Atoi(parts[0])
	if err != nil {
		return nil, err
	}
	res := answer(r, code, "application/problem+json", fmt.Sprintf(`{"status":%d,"code":%q,"title":"t"}`, code, parts[1]))
	res.Header.Set("Date", "Sat, 21 Nov 2026 08:00:00 GMT")
	if parts[2] != "" {
		res.Header.Set("Retry-After", parts[2])
	}
	return res, nil
}

// isPush and isPull tell a sync's two requests apart.
func isPush(r *http.Request) bool {
	return r.URL.Path == protocol.PathOps || r.URL.Path == protocol.PathBatch
}
func isPull(r *http.Request) bool { return r.URL.Path == protocol.PathChanges }

// only meets a kind of request with a fault and lets all others pass.
func only(which func(*http.Request) bool, kind fault) func(*http.Request) fault {
	return func(r *http.Request) fault {
		if which(r) {
			return kind
		}
		return ""
	}
}

// carried returns the ops that a request carries, as they stand in it.
func carried(t testing.TB, r *http.Request) []map[string]json.RawMessage {
	t.Helper()
	if !isPush(r) {
		return nil
	}
	body, err := r.GetBody()
	if err != nil {
		t.Fatal(err)
	}
	if r.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(body); err != nil {
			t.Fatal(err)
		}
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	var batch struct {
		Ops []map[string]json.RawMessage `json:"ops"`
	}
	if r.URL.Path == protocol.PathBatch {
		err = json.Unmarshal(text, &batch)
	} else {
		batch.Ops = make([]map[string]json.RawMessage, 1)
		err = json.Unmarshal(text, &batch.Ops[0])
	}
	if err != nil {
		t.Fatal(err)
	}
	return batch.Ops
}

// spy keeps what a device sends.
type spy struct {
	requests []string
	ops      []map[string]json.RawMessage
}

func (s *spy) ids() (out []string) {
	for _, op := range s.ops {
		out = append(out, string(op["opId"]))
	}
	return out
}

// watch records a device's requests from now on; then, if not nil, says what
// they meet.
func (d *device) watch(then func(*http.Request) fault) *spy {
	s := &spy{}
	d.faults.set(func(r *http.Request) fault {
		s.requests = append(s.requests, r.Method+" "+r.URL.Path)
		s.ops = append(s.ops, carried(d.w.t, r)...)
		if then == nil {
			return ""
		}
		return then(r)
	})
	return s
}
