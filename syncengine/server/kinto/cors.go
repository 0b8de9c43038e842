package kinto

import (
	"net/http"
	"strings"

	"stet/syncengine/wire"
)

// exposed are the headers that web pages may read.
const exposed = "ETag, Backoff, Pragma, Retry-After, Alert, Last-Modified, Content-Type, Next-Page, Cache-Control, Content-Length, Expires, Total-Objects, Total-Records, " + wire.HeaderEpoch

// expose lets a web page of any origin read an answer: who may ask is told by
// the credentials, which pages set themselves.
func expose(h http.Header, r *http.Request) {
	h.Set("Access-Control-Expose-Headers", exposed)
	if r.Header.Get("Origin") != "" {
		h.Set("Access-Control-Allow-Origin", "*")
	}
}

// preflight answers a browser that asks whether a page may send a request.
func (d *Dialect) preflight(w http.ResponseWriter, r *http.Request) {
	method := r.Header.Get("Access-Control-Request-Method")
	switch {
	case r.Header.Get("Origin") == "":
		send(w, r, invalid("header", "Origin", "Origin header is mandatory").reply())
		return
	case method == "":
		send(w, r, invalid("header", "Access-Control-Request-Method", "Access-Control-Request-Method header is mandatory").reply())
		return
	}
	takes := d.takes(r.URL.Path)
	if len(takes) == 0 {
		send(w, r, noResource().reply())
		return
	}
	out := reply{http.StatusOK, http.Header{}, []byte("null")}
	out.head.Set("Access-Control-Allow-Methods", strings.Join(append(takes, http.MethodOptions), ","))
	out.head.Set("Access-Control-Allow-Headers", strings.Join(append(asked(r), strings.Split(exposed, ", ")...), ","))
	out.head.Set("Access-Control-Max-Age", "3600")
	send(w, r, out)
}

// takes lists the methods of a path.
func (d *Dialect) takes(path string) (out []string) {
	for _, method := range order {
		if _, f := d.route(ask{method: method, path: path, head: http.Header{}}); f == nil {
			out = append(out, method)
		}
	}
	return out
}

// asked returns the headers that a page wants to send, as far as they are names
// of headers.
func asked(r *http.Request) (out []string) {
	for name := range strings.SplitSeq(r.Header.Get("Access-Control-Request-Headers"), ",") {
		name = strings.TrimSpace(name)
		if name != "" && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-_") == "" {
			out = append(out, name)
		}
	}
	return out
}
