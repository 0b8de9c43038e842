package kinto

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"stet/syncengine/server/answer"
	"stet/syncengine/wire"
)

// ask is one request, alone or of a batch.
type ask struct {
	method string
	path   string // decoded
	query  url.Values
	head   http.Header
	body   []byte
	origin string // scheme and host under which the client knows the server
}

// read reads a request to its end.
func (d *Dialect) read(w http.ResponseWriter, r *http.Request) (ask, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return ask{}, invalid("querystring", "", "the query is not well formed")
	}
	a := ask{method: r.Method, path: r.URL.Path, query: query, head: r.Header, origin: origin(r)}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return a, nil
	}
	a.body, err = answer.Body(w, r, d.opts.Limits.Request, typeJSON, typeMerge, typePatch)
	var p *wire.Problem
	switch {
	case errors.As(err, &p):
		return a, bodyFault(p)
	case err == nil && a.method != http.MethodPatch && a.media() != typeJSON:
		return a, mediaType("Content-Type header should be one of ['application/json']")
	}
	return a, err
}

// bodyFault is a body that was not taken, in Kinto's form.
func bodyFault(p *wire.Problem) *fault {
	switch p.Status {
	case http.StatusRequestEntityTooLarge:
		return &fault{status: p.Status, errno: errnoTooLarge, message: "The body is too large."}
	case http.StatusUnsupportedMediaType:
		return mediaType("Content-Type header should be one of ['application/json']")
	}
	return invalid("body", "", "The body cannot be read to its end.")
}

func origin(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// media returns the type of a request's body, typeJSON if it does not tell.
func (a ask) media() string {
	media, _, _ := strings.Cut(a.head.Get("Content-Type"), ";")
	if media = strings.ToLower(strings.TrimSpace(media)); media == "" {
		return typeJSON
	}
	return media
}

// Content types of bodies.
const (
	typeJSON  = wire.TypeJSON
	typeMerge = wire.TypeMerge
	typePatch = "application/json-patch+json"
)
