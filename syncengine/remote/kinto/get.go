package kinto

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/remote/link"
)

// Get returns one note as the server holds it now: Rev 0 if it has none, a
// tombstone if it was deleted.
func (c *Client) Get(ctx context.Context, id, _ string) (model.Record, error) {
	rec, err := c.get(ctx, id)
	if err != nil {
		return model.Record{}, fmt.Errorf("get note: %w", err)
	}
	return rec, nil
}

func (c *Client) get(ctx context.Context, id string) (model.Record, error) {
	none := model.Record{ID: id}
	if !objectID.MatchString(id) {
		return none, nil // no Kinto server can hold it
	}
	a, err := c.send(ctx, call{method: http.MethodGet, path: c.records() + "/" + id})
	if err != nil {
		return model.Record{}, err
	}
	if a.status == http.StatusOK {
		if !a.json() {
			return model.Record{}, link.NotProtocol("content type is not JSON")
		}
		r, err := readObject(a.body, id)
		if err != nil {
			return model.Record{}, link.NotProtocol("%v", err)
		}
		c.told(&r)
		return r.rec, nil
	}
	p, err := refusal(a)
	if err != nil {
		return model.Record{}, err
	}
	if a.status != http.StatusNotFound || p.Errno != errnoUnknownObject {
		return model.Record{}, misplaced(a.status, p)
	}
	found, _, err := c.find(ctx, []string{id})
	if err != nil {
		return model.Record{}, err
	}
	if r, ok := found[id]; ok {
		return r.rec, nil
	}
	return none, nil
}

// List returns all live notes by id and revision, without their texts.
func (c *Client) List(ctx context.Context) (map[string]int64, error) {
	p := puller{c: c.during(nil), k: &cursor{}, limit: 10 * pageRows}
	rows, err := p.collect(ctx, -1, math.MaxInt64, url.Values{"_fields": {model.FieldDeleted}})
	if err != nil {
		return nil, fmt.Errorf("list notes: %w", err)
	}
	out := make(map[string]int64, len(rows))
	for _, r := range rows {
		if !r.rec.Fields.Deleted {
			out[r.rec.ID] = max(out[r.rec.ID], r.rec.Rev)
		} else if out[r.rec.ID] < r.rec.Rev {
			delete(out, r.rec.ID)
		}
	}
	return out, nil
}

// unknownPlace is the error of a collection that is not there.
func unknownPlace() error {
	return fmt.Errorf("%w: the bucket has no such collection", remote.ErrForbidden)
}

// Watch cannot wait: the protocol has no stream.
func (c *Client) Watch(context.Context, string) error {
	return fmt.Errorf("watch: %w", remote.ErrUnsupported)
}
