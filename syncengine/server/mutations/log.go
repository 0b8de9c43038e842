package mutations

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"stet/model"
	"stet/syncengine/server/store"
	"stet/syncengine/wire/mutlog"
)

// question is what a GET of the log asks.
type question struct {
	since       int64
	limit, page int
	notes       bool   // notes are among the resources
	resource    string // this note alone
	bytes       int    // of text on a page
}

// getSync answers GET /v1/sync.
func (d *Dialect) getSync(c call) error {
	q, meta, err := c.question()
	if err != nil {
		return err
	}
	q.bytes = d.opts.Limits.PageBytes
	var out mutlog.Sync
	var list []model.Record
	err = d.view(c, func(r store.Reader) error {
		head, err := headOf(r)
		if out.LastMutationAt = &head; err != nil || meta {
			return err
		}
		list, err = q.read(r, &out, !c.guard)
		return err
	})
	if err != nil {
		return err
	}
	if meta {
		return c.success(*out.LastMutationAt, out)
	}
	out.Page, out.Limit, out.Mutations = q.page, q.limit, make([]mutlog.Mutation, len(list))
	for i, rec := range list {
		kind := mutlog.Update
		if made, err := d.madeAfter(c, rec, q.since); err != nil {
			return err
		} else if made {
			kind = mutlog.Create
		}
		if out.Mutations[i], err = c.entry(rec, kind, ""); err != nil {
			return err
		}
	}
	return c.success(*out.LastMutationAt, out)
}

func (c call) question() (q question, meta bool, err error) {
	values := c.r.URL.Query()
	if q.since, err = c.number("mutationsSince", required, mutlog.NoHistory, mutlog.MaxInteger); err != nil {
		return q, false, err
	}
	limit, err := c.number("limit", mutlog.DefaultPage, 1, mutlog.MaxPage)
	if err != nil {
		return q, false, err
	}
	page, err := c.number("page", 1, 1, 1<<31)
	if err != nil {
		return q, false, err
	}
	q.limit, q.page = int(limit), int(page)
	switch values.Get("metadataOnly") {
	case "", "false":
	case "true":
		meta = true
	default:
		return q, false, invalid("invalid parameter metadataOnly")
	}
	q.notes = true
	if list := values.Get("resources"); list != "" {
		names := strings.Split(list, ",")
		q.notes = slices.Contains(names, mutlog.ResourceNote)
		for _, name := range names {
			if !slices.Contains(mutlog.Resources, name) {
				return q, false, &refusal{status: http.StatusUnprocessableEntity, text: "invalid parameter resources"}
			}
		}
	}
	q.resource = values.Get("resourceId")
	return q, meta, nil
}

// read lists one page: entries are dealt out to pages by their number and their
// length alike, so that the pages of a log that does not change never overlap.
// Tombstones are told from the beginning on: who knows the account as empty may
// hold a note that was deleted since, which an answer showed. count asks how many
// entries there are in all.
func (q question) read(r store.Reader, out *mutlog.Sync, count bool) (list []model.Record, err error) {
	more, total, page, entries, bytes := false, 0, 1, 0, 0
	out.HasMore, out.Total = &more, &total
	if q.resource != "" {
		return q.single(r, &total)
	}
	if !q.notes {
		return nil, nil
	}
	err = r.EachNote(store.Range{After: max(q.since, 0), Tombstones: true}, func(rec model.Record) bool {
		if entries == q.limit || bytes >= q.bytes {
			page, entries, bytes = page+1, 0, 0
		}
		total, entries, bytes = total+1, entries+1, bytes+size(rec.Fields)
		more = page > q.page
		if page == q.page {
			list = append(list, rec)
		}
		return !more || count
	})
	if !count {
		out.Total = nil
	}
	return list, err
}

func size(f model.Fields) int {
	n := len(f.Title) + len(f.Body) + 256
	for _, e := range f.Log {
		n += len(e.Text) + 96
	}
	for _, v := range f.Extra {
		n += len(v)
	}
	return n
}

// single lists one note, deleted or not.
func (q question) single(r store.Reader, total *int) ([]model.Record, error) {
	rec, err := r.Note(q.resource)
	if refusalOf(err).status == http.StatusNotFound && err != nil {
		return nil, nil
	}
	if err != nil || rec.Rev <= q.since || q.page > 1 {
		return nil, err
	}
	*total = 1
	return []model.Record{rec}, nil
}

// maxChain is how many versions of a note are looked at to find out whether it
// was made after a moment. One that was written more often since counts as
// changed, which clients take as well.
const maxChain = 32

// madeAfter reports whether a note was made after since. A client with the
// guard does not ask.
func (d *Dialect) madeAfter(c call, rec model.Record, since int64) (bool, error) {
	if c.guard || since <= 0 || rec.Fields.Deleted {
		return since <= 0, nil
	}
	chain, err := d.store.History(c.r.Context(), c.acc.ID, rec.ID, 0, maxChain)
	if err != nil || len(chain) == 0 || len(chain) == maxChain {
		return false, err
	}
	return chain[len(chain)-1].Rev > since, nil
}

// entry is a note as an entry of the log. kind is CREATE or UPDATE; a tombstone
// is a DELETE. result is told to clients with the guard.
func (c call) entry(rec model.Record, kind string, result mutlog.Result) (mutlog.Mutation, error) {
	m := mutlog.Mutation{Type: kind, Resource: mutlog.ResourceNote, ResourceID: rec.ID, Timestamp: rec.Rev}
	var stet *mutlog.Stet
	if c.guard {
		stet = &mutlog.Stet{Op: rec.OpID, Device: rec.Device, At: model.FormatTime(rec.SavedAt), Purge: rec.Purged, Result: result}
	}
	var err error
	if rec.Fields.Deleted {
		m.Type = mutlog.Delete
		if stet != nil {
			m.Data, err = mutlog.Marshal(map[string]any{"_stet": stet})
		}
		return m, err
	}
	m.Data, err = data(rec, stet)
	return m, err
}

// data is a note's text as the protocol has it.
func data(rec model.Record, stet *mutlog.Stet) (json.RawMessage, error) {
	return mutlog.EncodeNote(mutlog.Note{Fields: rec.Fields, LocalID: rec.ID, Updated: rec.SavedAt, Stet: stet})
}
