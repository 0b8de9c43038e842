package native

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
)

// protocolName is the protocol's name in [remote.Info].
const protocolName = "stet"

// Hello asks the server who it is. A server of another protocol is
// ErrNotProtocol.
func (c *Client) Hello(ctx context.Context) (remote.Info, error) {
	a, err := c.send(ctx, call{method: http.MethodGet, path: wire.PathMeta})
	if err != nil {
		return remote.Info{}, fmt.Errorf("ask server: %w", err)
	}
	if a.status != http.StatusOK {
		return remote.Info{}, fmt.Errorf("ask server: %w", strange(refusal(a)))
	}
	if !a.is(wire.TypeJSON) {
		return remote.Info{}, fmt.Errorf("ask server: %w", link.NotProtocol("content type is not JSON"))
	}
	meta, err := wire.DecodeMeta(a.body)
	switch {
	case err != nil:
		return remote.Info{}, fmt.Errorf("ask server: %w", link.NotProtocol("%v", err))
	case meta.Protocol != wire.Protocol:
		return remote.Info{}, fmt.Errorf("ask server: %w", link.NotProtocol("it is not %s", wire.Protocol))
	case meta.Epoch == "":
		return remote.Info{}, fmt.Errorf("ask server: %w", link.NotProtocol("it tells no epoch"))
	}
	return remote.Info{Protocol: protocolName, Account: meta.Account, Epoch: meta.Epoch}, nil
}

// strange turns a problem that has no meaning for a request into an error.
func strange(p *wire.Problem, err error) error {
	if err != nil {
		return err
	}
	return link.NotProtocol("status %d %s", p.Status, p.Code)
}

// Pull asks for what is new since cursor. Full is set on the answer to an empty
// cursor; the pages that follow it by their cursors belong to the same listing.
// A poll that finds nothing is as short as HTTP allows.
func (c *Client) Pull(ctx context.Context, cursor string, limit int) (remote.Page, error) {
	page, err := c.pull(ctx, cursor, limit)
	if err != nil {
		return remote.Page{}, fmt.Errorf("pull: %w", err)
	}
	return page, nil
}

func (c *Client) pull(ctx context.Context, cursor string, limit int) (remote.Page, error) {
	if cursor != "" && !validCursor(cursor) {
		return remote.Page{}, &remote.ResyncError{Reason: remote.CursorUnknown} // not one of any server's
	}
	what := call{method: http.MethodGet, path: wire.PathChanges, query: pullQuery(cursor, limit)}
	if cursor != "" {
		what.header = http.Header{"If-None-Match": {`"` + cursor + `"`}}
	}
	a, err := c.send(ctx, what)
	switch {
	case err != nil:
		return remote.Page{}, err
	case a.status == http.StatusNotModified && cursor != "":
		return remote.Page{Next: cursor, Unchanged: true}, nil
	case a.status != http.StatusOK:
		return remote.Page{}, strange(refusal(a))
	case !a.is(wire.TypeJSON):
		return remote.Page{}, link.NotProtocol("content type is not JSON")
	}
	page, err := readPage(a.body, cursor)
	if err != nil {
		return remote.Page{}, link.NotProtocol("%v", err)
	}
	return page, nil
}

func pullQuery(cursor string, limit int) string {
	q := url.Values{}
	if cursor != "" {
		q.Set("since", cursor)
	}
	if limit > 0 && limit != wire.DefaultPage {
		q.Set("limit", strconv.Itoa(min(limit, wire.DefaultLimits().Page)))
	}
	return q.Encode()
}

// readPage decodes a page and believes nothing: a page is right as a whole or
// it is none.
func readPage(body []byte, since string) (remote.Page, error) {
	in, err := wire.DecodePage(body)
	switch {
	case err != nil:
		return remote.Page{}, err
	case in.Changes == nil || in.Epoch == "":
		return remote.Page{}, errors.New("page lacks a member")
	case !validCursor(in.Cursor):
		return remote.Page{}, errors.New("page has no cursor")
	case in.Cursor == since && (in.HasMore || len(in.Changes) > 0):
		return remote.Page{}, errors.New("page does not move the cursor")
	}
	out := remote.Page{Next: in.Cursor, More: in.HasMore, Full: since == ""}
	out.Unchanged = in.Cursor == since
	if len(in.Changes) > 0 {
		out.Changes = make([]model.Record, len(in.Changes))
	}
	seen := make(map[string]bool, len(in.Changes))
	last := int64(0)
	for i, change := range in.Changes {
		rec, err := change.Record()
		if err != nil {
			return remote.Page{}, err
		}
		if err := checkRecord(&rec); err != nil {
			return remote.Page{}, err
		}
		if rec.Rev <= last || seen[rec.ID] {
			return remote.Page{}, errors.New("changes are out of order")
		}
		last, seen[rec.ID] = rec.Rev, true
		out.Changes[i] = rec
	}
	return out, nil
}

// maxRev is the greatest revision that JSON carries exactly.
const maxRev = 1 << 53

// checkRecord refuses a record that no stet server can have written and clears
// what a native server has no business to set.
func checkRecord(rec *model.Record) error {
	if !wire.ValidNoteID(rec.ID) {
		return errors.New("note has no usable id")
	}
	if rec.Rev <= 0 || rec.Rev > maxRev {
		return errors.New("note has no usable revision")
	}
	if rec.Purged && !rec.Fields.Deleted {
		return errors.New("note is erased and alive")
	}
	rec.RemoteID = ""
	if rec.Fields.Deleted {
		rec.Fields = model.Fields{Deleted: true}
	}
	return nil
}

// validCursor reports whether a cursor can travel in a URL and a header as it
// is. What it means is the server's affair.
func validCursor(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' && c != '~' {
			return false
		}
	}
	return s != "" && len(s) <= 256
}

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
	if !wire.ValidNoteID(id) {
		return model.Record{ID: id}, nil // no native server can hold it
	}
	a, err := c.send(ctx, call{method: http.MethodGet, path: wire.PathNotes + "/" + id})
	if err != nil {
		return model.Record{}, err
	}
	if a.status == http.StatusOK {
		return readNote(a, id)
	}
	p, err := refusal(a)
	switch {
	case err != nil:
		return model.Record{}, err
	case p.Status == http.StatusNotFound && p.Code == wire.CodeUnknownNote:
		return model.Record{ID: id}, nil
	case p.Status == http.StatusGone && p.Current != nil:
		rec := *p.Current
		if err := checkRecord(&rec); err != nil || rec.ID != id || !rec.Fields.Deleted {
			return model.Record{}, link.NotProtocol("tombstone of another note")
		}
		return rec, nil
	}
	return model.Record{}, strange(p, nil)
}

// readNote takes a success's body as the note id.
func readNote(a answer, id string) (model.Record, error) {
	if !a.is(wire.TypeJSON) {
		return model.Record{}, link.NotProtocol("content type is not JSON")
	}
	rec, err := wire.DecodeNote(a.body)
	if err != nil {
		return model.Record{}, link.NotProtocol("%v", err)
	}
	if err := checkRecord(&rec); err != nil {
		return model.Record{}, link.NotProtocol("%v", err)
	}
	if rec.ID != id {
		return model.Record{}, link.NotProtocol("another note than asked for")
	}
	return rec, nil
}
