package kinto

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strconv"
)

// ending is where a page ended.
type ending struct {
	values []any // of the sort order's fields
	offset int   // objects up to there
	stamp  int64 // timestamp of the first page
}

// ticket is an ending as clients carry it; they do not look inside.
type ticket struct {
	Last   map[string]any `json:"last_object"`
	Offset int            `json:"offset"`
	Nonce  string         `json:"nonce"`
	Stamp  int64          `json:"timestamp"`
}

func badToken() *fault {
	return unnamed("querystring", "_token has invalid content")
}

// readTicket reads a token that was given out for a sort order.
func readTicket(token string, sorts []sorting) (*ending, error) {
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		if raw, err = base64.URLEncoding.DecodeString(token); err != nil {
			return nil, badToken()
		}
	}
	v, err := parseStrict(raw)
	m, ok := v.(map[string]any)
	last, ok2 := m["last_object"].(map[string]any)
	if err != nil || !ok || !ok2 {
		return nil, badToken()
	}
	offset, ok := whole(m["offset"])
	stamp, ok2 := whole(m["timestamp"])
	if !ok || !ok2 || offset < 0 || stamp <= 0 || offset > 1<<40 {
		return nil, badToken()
	}
	out := &ending{offset: int(offset), stamp: stamp}
	for _, s := range sorts {
		v, there := last[s.field]
		if !there {
			v = none{}
		}
		if _, ok := whole(v); s.field == modifiedField && !ok {
			return nil, badToken()
		}
		out.values = append(out.values, v)
	}
	return out, nil
}

// next is the URL of the page after the one that ends with last.
func (q listing) next(c call, r room, last *object, count int, stamp int64) (string, error) {
	t := ticket{Last: map[string]any{}, Offset: count, Nonce: "pagination-token-" + r.d.opts.NewID(), Stamp: stamp}
	if q.after != nil {
		t.Offset += q.after.offset
	}
	for _, s := range q.sorts {
		if v := last.field(s.field); v != any(none{}) {
			t.Last[s.field] = v
		}
	}
	raw, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	query := url.Values{}
	for name, values := range c.query {
		query[name] = values
	}
	query.Set("_limit", strconv.Itoa(q.limit))
	query.Set("_token", base64.StdEncoding.EncodeToString(raw))
	return c.origin + Prefix + c.listPath(bucketID(r.acc.Name)) + "?" + query.Encode(), nil
}

// listPath is the path of a call's list, with the bucket's real id; bucket is
// that of the account's first one.
func (c call) listPath(bucket string) string {
	if c.other != "" {
		bucket = c.other
	}
	switch {
	case c.shelf.is(buckets):
		return "/buckets"
	case !c.shelf.is(records("")):
		return "/buckets/" + bucket + "/" + c.shelf.kind + "s"
	}
	return "/buckets/" + bucket + "/collections/" + c.collection + "/records"
}
