package kinto

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/remote/link"
)

// write is one op as a request.
type write struct {
	op            remote.Op
	method, path  string
	header, value string // its precondition
	data          json.RawMessage
}

// reply is what the server said to one write.
type reply struct {
	status int
	header http.Header
	body   json.RawMessage
}

// prepare turns ops into requests. Those that replace a version learn first
// what it builds on; one that is not there, or has moved, is for the write
// itself to find out.
func (p *pusher) prepare(ctx context.Context, ops []remote.Op) ([]write, error) {
	var replaced []string
	for _, op := range ops {
		if replaces(op) {
			replaced = append(replaced, op.NoteID)
		}
	}
	past := map[string]row{}
	if len(replaced) > 0 {
		var err error
		if past, _, err = p.c.find(ctx, replaced, markName); err != nil {
			return nil, err
		}
	}
	out := make([]write, len(ops))
	for i, op := range ops {
		var err error
		if out[i], err = p.c.write(op, past[op.NoteID]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// replaces reports whether an op writes over a live version.
func replaces(op remote.Op) bool {
	return (op.Kind == model.Update || op.Kind == model.Append) && !op.Base.Fields.Deleted
}

// write maps an op: PUT if nothing is there, PUT or DELETE of the version that
// it was made against.
func (c *Client) write(op remote.Op, was row) (write, error) {
	w := write{op: op, method: http.MethodPut, path: c.records() + "/" + op.NoteID}
	switch {
	case op.Kind == model.Delete, op.Kind == model.Purge:
		w.method, w.header, w.value = http.MethodDelete, "If-Match", quote(op.BaseRev)
		return w, nil
	case replaces(op):
		w.header, w.value = "If-Match", quote(op.BaseRev)
	default: // new, or over a tombstone
		w.header, w.value = "If-None-Match", "*"
	}
	before, sure := lineage{}, false
	if replaces(op) {
		before.rev = op.BaseRev
		if was.rec.Rev == op.BaseRev {
			before.mark, sure = was.mark, c.unchanged(op.Base.Fields, was.mark)
		}
	}
	var err error
	w.data, err = writeRecord(op.Want, newMark(op.Op, before, sure))
	return w, err
}

// unchanged reports whether a version's mark is of its very content, which is
// not at hand but as the device's base.
func (c *Client) unchanged(base model.Fields, m *mark) bool {
	if m == nil {
		return false
	}
	members, _, err := visible(base)
	return err == nil && sumOf(members) == m.Sum
}

// request sends the writes and returns an answer for each. An error is about
// all of them.
func (p *pusher) request(ctx context.Context, writes []write) ([]reply, error) {
	for _, w := range writes {
		p.asked[w.op.ID] = true
	}
	if len(writes) == 1 {
		return p.single(ctx, writes[0])
	}
	return p.batch(ctx, writes)
}

func (p *pusher) single(ctx context.Context, w write) ([]reply, error) {
	what := call{method: w.method, path: w.path, header: http.Header{w.header: {w.value}}}
	if w.data != nil {
		what.body = envelope(w.data)
	}
	a, err := p.c.send(ctx, what)
	if err != nil {
		return nil, err
	}
	p.after = max(p.after, backoff(a.header))
	if a.status != http.StatusOK && a.status != http.StatusCreated {
		if _, err := refusal(a); err != nil {
			return nil, err
		}
	} else if !a.json() {
		return nil, link.NotProtocol("content type is not JSON")
	}
	return []reply{{a.status, a.header, a.body}}, nil
}

func envelope(data json.RawMessage) json.RawMessage {
	return append(append([]byte(`{"data":`), data...), '}')
}

// The body of a batch, and of its answer.
type (
	batchRequest struct {
		Method  string            `json:"method"`
		Path    string            `json:"path"`
		Headers map[string]string `json:"headers"`
		Body    json.RawMessage   `json:"body,omitempty"`
	}
	batchAnswer struct {
		Responses []struct {
			Status  int               `json:"status"`
			Path    string            `json:"path"`
			Headers map[string]string `json:"headers"`
			Body    json.RawMessage   `json:"body"`
		} `json:"responses"`
	}
)

func (p *pusher) batch(ctx context.Context, writes []write) ([]reply, error) {
	in := struct {
		Requests []batchRequest `json:"requests"`
	}{}
	for _, w := range writes {
		r := batchRequest{Method: w.method, Path: w.path, Headers: map[string]string{w.header: w.value}}
		if w.data != nil {
			r.Body = envelope(w.data)
		}
		in.Requests = append(in.Requests, r)
	}
	body, err := marshal(in)
	if err != nil {
		return nil, err
	}
	a, err := p.c.send(ctx, call{method: http.MethodPost, path: "/batch", body: body})
	if err != nil {
		return nil, err
	}
	p.after = max(p.after, backoff(a.header))
	if a.status != http.StatusOK {
		bad, err := refusal(a)
		if err == nil && (a.status == http.StatusBadRequest || a.status == http.StatusRequestEntityTooLarge) {
			err = &splitError{bad.sentence()}
		}
		if err == nil {
			err = link.NotProtocol("status %d of a batch", a.status)
		}
		return nil, err
	}
	if !a.json() {
		return nil, link.NotProtocol("content type is not JSON")
	}
	return p.replies(a, writes)
}

func (p *pusher) replies(a answer, writes []write) ([]reply, error) {
	var in batchAnswer
	if err := json.Unmarshal(a.body, &in); err != nil {
		return nil, link.NotProtocol("batch: %v", err)
	}
	if len(in.Responses) != len(writes) {
		return nil, link.NotProtocol("%d answers to a batch of %d", len(in.Responses), len(writes))
	}
	out := make([]reply, len(writes))
	for i, r := range in.Responses {
		if !strings.HasSuffix(r.Path, "/records/"+writes[i].op.NoteID) {
			return nil, link.NotProtocol("the answers to a batch are out of order")
		}
		h := http.Header{}
		for name, value := range r.Headers {
			h.Set(name, value)
		}
		if h.Get("Date") == "" {
			h.Set("Date", a.header.Get("Date"))
		}
		p.after = max(p.after, backoff(h))
		out[i] = reply{r.Status, h, r.Body}
	}
	return out, nil
}
