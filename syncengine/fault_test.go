package syncengine_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
)

// wire is the transport under the faults.
var wire = &http.Transport{MaxIdleConnsPerHost: 8}

var errCut = errors.New("connection reset by peer")

func meet(kind fault, r *http.Request) (*http.Response, error) {
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
