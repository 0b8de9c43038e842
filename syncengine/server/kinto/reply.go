package kinto

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"stet/syncengine/server/answer"
	"stet/syncengine/wire"
)

// reply is an answer before it is sent.
type reply struct {
	status int
	head   http.Header
	body   []byte // JSON; nil for none
}

// answered makes a reply with a JSON value.
func answered(status int, v any) (reply, error) {
	body, err := wire.Marshal(v)
	if err != nil {
		return reply{}, fmt.Errorf("write answer: %w", err)
	}
	return reply{status, http.Header{}, body}, nil
}

// stamped adds the headers of a timestamp.
func (r reply) stamped(rev int64) reply {
	r.head.Set("ETag", quoted(rev))
	r.head.Set("Last-Modified", time.UnixMilli(rev).UTC().Format(http.TimeFormat))
	return r
}

// fresh forbids to keep the answer.
func (r reply) fresh() reply {
	r.head.Set("Cache-Control", "no-cache, no-store")
	return r
}

func quoted(rev int64) string { return `"` + strconv.FormatInt(rev, 10) + `"` }

// send writes a reply.
func send(w http.ResponseWriter, r *http.Request, out reply) {
	h := w.Header()
	for name, values := range out.head {
		h[name] = values
	}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; ")
	expose(h, r)
	if out.body == nil || r.Method == http.MethodHead {
		if out.status != http.StatusNotModified {
			h.Set("Content-Type", typeJSON)
		}
		w.WriteHeader(out.status)
		return
	}
	answer.Bytes(w, r, out.status, typeJSON, out.body)
}
