package kinto

import (
	"encoding/json"
	"fmt"
	"slices"

	"stet/model"
	"stet/syncengine/wire"
)

// noteText is a note as a record: the native names, without what Kinto itself
// tells. What can become empty is always there: kinto.js keeps a member that a
// record it pulls does not have, and would write it back.
type noteText struct {
	Title    string           `json:"title"`
	Body     string           `json:"body"`
	Notebook string           `json:"notebook"`
	Tags     []string         `json:"tags"`
	Pinned   bool             `json:"pinned"`
	Archived bool             `json:"archived"`
	Color    string           `json:"color"`
	Order    string           `json:"order"`
	Log      []model.LogEntry `json:"log,omitempty"`
	Created  string           `json:"createdAt,omitempty"`
	Device   string           `json:"device,omitempty"`
	At       string           `json:"at,omitempty"`
}

// told are members that the server tells and never hears: what a client sends
// back of them is an echo.
var told = []string{"id", "last_modified", "rev", "device", "at", "opId", "updatedAtServer", "purged", "remoteId", bookkeeping}

// fieldCreated is the one field of a note that no patch names.
const fieldCreated = "createdAt"

// noteObject returns a note as a record.
func noteObject(rec model.Record) (*object, error) {
	o := &object{id: rec.ID, rev: rec.Rev, deleted: rec.Fields.Deleted, note: &rec}
	if o.deleted {
		return o, nil
	}
	f := rec.Fields
	n := noteText{f.Title, f.Body, f.Notebook, f.Tags, f.Pinned, f.Archived, f.Color, f.Order, f.Log,
		model.FormatTime(f.CreatedAt), rec.Device, model.FormatTime(rec.SavedAt)}
	if n.Tags == nil {
		n.Tags = []string{}
	}
	var err error
	if o.text, err = wire.Marshal(n); err != nil {
		return nil, fmt.Errorf("write note: %w", err)
	}
	if len(f.Extra) > 0 {
		err = o.extend(f.Extra)
	}
	return o, err
}

// extend puts foreign members beside the known ones.
func (o *object) extend(extra map[string]json.RawMessage) error {
	v, err := parse(o.text)
	if err != nil {
		return fmt.Errorf("write note: %w", err)
	}
	m := v.(map[string]any)
	for name, raw := range extra {
		if hidden(o.note.Fields, name) {
			continue
		}
		if m[name], err = parse(raw); err != nil {
			return fmt.Errorf("write note: %w", err)
		}
	}
	o.text, err = text(m)
	return err
}

// hidden reports whether a foreign member has no place in a record: the server
// has that name for something else. One with the name of a known member shows
// where that is empty, for then a client wrote it there.
func hidden(f model.Fields, name string) bool {
	switch name {
	case model.FieldTitle:
		return f.Title != ""
	case model.FieldBody:
		return f.Body != ""
	case model.FieldNotebook:
		return f.Notebook != ""
	case model.FieldTags:
		return len(f.Tags) > 0
	case model.FieldPinned:
		return f.Pinned
	case model.FieldArchived:
		return f.Archived
	case model.FieldColor:
		return f.Color != ""
	case model.FieldOrder:
		return f.Order != ""
	case model.FieldLog:
		return len(f.Log) > 0
	case fieldCreated:
		return !f.CreatedAt.IsZero()
	}
	return name == model.FieldDeleted || slices.Contains(told, name)
}
