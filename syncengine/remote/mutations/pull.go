package mutations

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/remote/link"
	"stet/syncengine/wire"
	"stet/syncengine/wire/mutlog"
)

// protocolName is the protocol's name in [remote.Info].
const protocolName = "mutations"

// Hello asks the server where the account stands. The protocol does not tell
// who the account is, and only a stetd what changes when the data are restored.
func (c *Client) Hello(ctx context.Context) (remote.Info, error) {
	c = c.during("")
	if _, _, err := c.ask(ctx, question{meta: true}); err != nil {
		return remote.Info{}, fmt.Errorf("ask server: %w", err)
	}
	return remote.Info{Protocol: protocolName, Epoch: c.epoch.Known()}, nil
}

// question is a GET of the log.
type question struct {
	since       int64
	limit, page int
	meta        bool
	resource    string // of this alone, where the server can
}

// ask reads one answer of the log.
func (c *Client) ask(ctx context.Context, q question) (mutlog.Sync, bool, error) {
	v := url.Values{"mutationsSince": {strconv.FormatInt(max(q.since, 0), 10)}, "resources": {mutlog.ResourceNote}}
	if q.meta {
		v.Set("metadataOnly", "true")
	} else {
		v.Set("limit", strconv.Itoa(q.limit))
		v.Set("page", strconv.Itoa(q.page))
	}
	if q.resource != "" {
		v.Set("resourceId", q.resource)
	}
	a, err := c.send(ctx, call{method: http.MethodGet, path: mutlog.PathSync, query: v})
	if err != nil {
		return mutlog.Sync{}, false, err
	}
	if a.status != http.StatusOK {
		r, err := refusal(a)
		if err == nil && r.status == http.StatusConflict && q.since > 0 { // listed, and nowhere explained
			err = &remote.ResyncError{Reason: remote.CursorUnknown}
		}
		return mutlog.Sync{}, false, strange(r, err)
	}
	if !a.is(wire.TypeJSON) {
		return mutlog.Sync{}, false, link.NotProtocol("content type is not JSON")
	}
	s, err := mutlog.DecodeSync(a.body)
	if err == nil && !q.meta && s.Mutations == nil {
		err = errors.New("answer has no mutations")
	}
	if err != nil {
		return mutlog.Sync{}, false, link.NotProtocol("%v", err)
	}
	return s, a.guarded(), nil
}

// Pull asks for what is new since cursor. First contact asks for the account's
// number alone; Full is set on the answer to an empty cursor, and the pages that
// follow it by their cursors belong to the same listing.
func (c *Client) Pull(ctx context.Context, cursor string, limit int) (remote.Page, error) {
	page, err := c.pull(ctx, cursor, limit)
	if err != nil {
		return remote.Page{}, fmt.Errorf("pull: %w", err)
	}
	return page, nil
}

func (c *Client) pull(ctx context.Context, cursor string, limit int) (remote.Page, error) {
	if cursor == "" {
		return c.during("").list(ctx, limit)
	}
	at, err := parse(cursor)
	if err != nil {
		return remote.Page{}, err
	}
	return c.during(at.epoch).from(ctx, at, limit)
}

// list begins a complete listing.
func (c *Client) list(ctx context.Context, limit int) (remote.Page, error) {
	s, guard, err := c.ask(ctx, question{meta: true})
	if err != nil {
		return remote.Page{}, err
	}
	head := *s.LastMutationAt
	if head == mutlog.NoHistory {
		return remote.Page{Full: true, Next: position{head: head, guard: guard, epoch: c.epoch.Known()}.String()}, nil
	}
	page, err := c.from(ctx, position{listing: max(head, 1)}, limit)
	page.Full, page.Unchanged = true, false
	return page, err
}

// from reads one page from a position on.
func (c *Client) from(ctx context.Context, at position, limit int) (remote.Page, error) {
	got, err := c.read(ctx, at.head, pageSize(limit))
	if err != nil {
		return remote.Page{}, err
	}
	next := position{head: got.next, guard: got.guard, epoch: c.epoch.Known()}
	if got.more {
		next.listing = at.listing
	}
	out := remote.Page{Next: next.String(), More: got.more}
	for _, m := range latest(got.list) {
		if m.Type == mutlog.Delete && m.Timestamp <= at.listing {
			continue // what was gone when the listing began is in none
		}
		rec, lacks, err := c.codec.record(m)
		if err != nil {
			return remote.Page{}, link.NotProtocol("%v", err)
		}
		out.Changes = append(out.Changes, rec)
		if len(lacks) > 0 {
			if out.Lacks == nil {
				out.Lacks = map[string][]string{}
			}
			out.Lacks[rec.ID] = lacks
		}
	}
	out.Unchanged = !got.more && len(got.list) == 0 && got.next == at.head && at.listing == 0 && next.epoch == at.epoch
	return out, nil
}

// pageSize is how many mutations a page asks for: two at least, since the last
// of a page tells only where the next one begins.
func pageSize(limit int) int {
	if limit <= 0 {
		return mutlog.MaxPage
	}
	return min(max(limit, 2), mutlog.MaxPage)
}

// latest returns the newest entry of each note, in the order of the log. A
// correct log has one.
func latest(list []mutlog.Mutation) []mutlog.Mutation {
	last := make(map[string]int, len(list))
	for i, m := range list {
		last[m.ResourceID] = i
	}
	out := list[:0:0]
	for i, m := range list {
		if m.Resource == mutlog.ResourceNote && last[m.ResourceID] == i {
			out = append(out, m)
		}
	}
	return out
}

// Get returns one note as the server holds it now: Rev 0 if it has none, a
// tombstone if it was deleted. A server that cannot be asked for one note is
// read from the beginning until it shows it.
func (c *Client) Get(ctx context.Context, id, remoteID string) (model.Record, error) {
	resource := remoteID
	if resource == "" {
		resource = id
	}
	found := model.Record{ID: id}
	for since, more := int64(0), true; more; {
		got, err := c.ranged(ctx, question{since: since, limit: mutlog.MaxPage, resource: resource})
		if err != nil {
			return model.Record{}, fmt.Errorf("get note: %w", err)
		}
		for _, m := range latest(got.list) {
			rec, _, err := c.codec.record(m)
			if err != nil {
				return model.Record{}, fmt.Errorf("get note: %w", link.NotProtocol("%v", err))
			}
			if m.ResourceID == resource || rec.ID == id {
				rec.ID = id
				found = rec
			}
		}
		since, more = got.next, got.more
	}
	return found, nil
}

// Watch is not there: the protocol can only be polled.
func (c *Client) Watch(context.Context, string) error { return remote.ErrUnsupported }
