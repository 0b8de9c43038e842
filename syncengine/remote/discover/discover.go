// Package discover finds out which sync protocol a server speaks.
//
// Rules of the room: a leaf. It asks without credentials, reads little, follows
// no redirect to another host, and decides by what an answer says, never by its
// status alone: a captive portal answers everything with 200.
package discover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// Protocol is a sync protocol's name, as remote.Info has it.
type Protocol string

// The protocols.
const (
	Stet      Protocol = "stet"
	Kinto     Protocol = "kinto"
	Mutations Protocol = "mutations"
)

// Server is where a protocol was found.
type Server struct {
	Protocol Protocol
	URL      string // the base that the protocol's driver wants, without a slash at its end
}

// ErrNone says that something answers at the address, but in none of the
// protocols.
var ErrNone = errors.New("nothing there speaks a sync protocol")

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 10

// probe asks one question.
type probe struct {
	protocol Protocol
	base     string // below the address
	path     string // below the base
	speaks   func(res *http.Response, body map[string]json.RawMessage) bool
}

// probes are asked in this order. An address may name the server, or the base
// of one of its protocols.
var probes = []probe{
	{Stet, "", "/sync/meta", speaksStet},
	{Kinto, "", "/", speaksKinto},
	{Kinto, "/v1", "/", speaksKinto},
	{Mutations, "", "/v1/sync?mutationsSince=0&metadataOnly=true", speaksMutations},
}

// Find asks address, an absolute http or https URL, for each protocol. It
// returns [ErrNone] if something answers, the last network error if nothing
// does.
func Find(ctx context.Context, rt http.RoundTripper, address string) (Server, error) {
	address = strings.TrimRight(address, "/")
	var failed error
	answered := false
	for _, p := range probes {
		ok, err := p.ask(ctx, rt, address)
		switch {
		case ctx.Err() != nil:
			return Server{}, fmt.Errorf("find the protocol: %w", ctx.Err())
		case err != nil:
			failed = err
		case ok:
			return Server{p.protocol, address + p.base}, nil
		default:
			answered = true
		}
	}
	if answered {
		failed = ErrNone
	}
	return Server{}, fmt.Errorf("find the protocol: %w", failed)
}

func (p probe) ask(ctx context.Context, rt http.RoundTripper, address string) (bool, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+p.base+p.path, nil)
	if err != nil {
		return false, fmt.Errorf("write request: %w", err)
	}
	req.Header.Set("Accept", "application/json, application/problem+json")
	client := http.Client{Transport: rt, CheckRedirect: sameHost}
	res, err := client.Do(req)
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return false, fmt.Errorf("read answer: %w", err)
	}
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	var body map[string]json.RawMessage
	if !strings.HasSuffix(kind, "json") || json.Unmarshal(text, &body) != nil {
		return false, nil
	}
	return p.speaks(res, body), nil
}

// sameHost follows a redirect within one server, as Kinto makes them.
func sameHost(req *http.Request, via []*http.Request) error {
	if len(via) > 3 || !same(req.URL, via[0].URL) {
		return http.ErrUseLastResponse
	}
	return nil
}

func same(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }

// speaksStet: the native protocol answers its own problem to who says no name.
func speaksStet(res *http.Response, body map[string]json.RawMessage) bool {
	if text(body["protocol"]) == "notes-sync/1" {
		return true
	}
	return res.StatusCode == http.StatusUnauthorized && text(body["code"]) == "unauthorized" && body["requestId"] != nil
}

// speaksKinto: the hello page of a Kinto server tells its API's version.
func speaksKinto(_ *http.Response, body map[string]json.RawMessage) bool {
	return body["http_api_version"] != nil && body["capabilities"] != nil
}

// speaksMutations: every answer says whether it is a success, and an error what
// kind it is.
func speaksMutations(_ *http.Response, body map[string]json.RawMessage) bool {
	var success bool
	if body["success"] == nil || json.Unmarshal(body["success"], &success) != nil {
		return false
	}
	if success {
		var data map[string]json.RawMessage
		return json.Unmarshal(body["data"], &data) == nil && data["lastMutationAt"] != nil
	}
	return text(body["type"]) != "" || body["error"] != nil
}

func text(raw json.RawMessage) string {
	var s string
	if raw == nil || json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
