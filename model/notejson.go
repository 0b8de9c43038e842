package model

import (
	"encoding/json"
	"fmt"
)

// fieldsJSON is the one spelling of a note's fields in JSON. Empty members are
// left out; a reader takes an absent or null member as the empty value.
type fieldsJSON struct {
	Title     string                     `json:"title,omitempty"`
	Body      string                     `json:"body,omitempty"`
	Notebook  string                     `json:"notebook,omitempty"`
	Tags      []string                   `json:"tags,omitempty"`
	Pinned    bool                       `json:"pinned,omitempty"`
	Archived  bool                       `json:"archived,omitempty"`
	Color     string                     `json:"color,omitempty"`
	Order     string                     `json:"order,omitempty"`
	Log       []LogEntry                 `json:"log,omitempty"`
	CreatedAt string                     `json:"createdAt,omitempty"`
	Deleted   bool                       `json:"deleted,omitempty"`
	Extra     map[string]json.RawMessage `json:"extra,omitempty"`
}

type recordJSON struct {
	ID       string `json:"id"`
	RemoteID string `json:"remoteId,omitempty"`
	Rev      int64  `json:"rev"`
	fieldsJSON
	Purged   bool   `json:"purged,omitempty"`
	Device   string `json:"device,omitempty"`
	OpID     string `json:"opId,omitempty"`
	SavedAt  string `json:"at,omitempty"`
	ServerAt string `json:"updatedAtServer,omitempty"`
}

func (f Fields) toJSON() fieldsJSON {
	return fieldsJSON{f.Title, f.Body, f.Notebook, f.Tags, f.Pinned, f.Archived, f.Color, f.Order, f.Log,
		FormatTime(f.CreatedAt), f.Deleted, f.Extra}
}

func (j fieldsJSON) fields() (Fields, error) {
	created, err := ParseTime(j.CreatedAt)
	if err != nil {
		return Fields{}, fmt.Errorf("createdAt: %w", err)
	}
	if len(j.Extra) == 0 {
		j.Extra = nil
	}
	return Fields{j.Title, j.Body, j.Notebook, NormalTags(j.Tags), j.Pinned, j.Archived, j.Color, j.Order, j.Log,
		created, j.Deleted, j.Extra}, nil
}

// MarshalJSON writes the fields with the native names; empty members are left
// out.
func (f Fields) MarshalJSON() ([]byte, error) { return encode(f.toJSON()) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (f *Fields) UnmarshalJSON(data []byte) error {
	var j fieldsJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return fmt.Errorf("read fields: %w", err)
	}
	got, err := j.fields()
	if err != nil {
		return err
	}
	*f = got
	return nil
}

// MarshalJSON writes the native note object: id, rev, the fields, and who
// wrote it when. Empty members are left out; a tombstone has none of the
// fields.
func (r Record) MarshalJSON() ([]byte, error) {
	j := recordJSON{ID: r.ID, RemoteID: r.RemoteID, Rev: r.Rev, fieldsJSON: r.Fields.toJSON(), Purged: r.Purged,
		Device: r.Device, OpID: r.OpID, SavedAt: FormatTime(r.SavedAt), ServerAt: FormatTime(r.ServerAt)}
	if r.Fields.Deleted {
		j.fieldsJSON = fieldsJSON{Deleted: true}
	}
	return encode(j)
}

// UnmarshalJSON reads a native note object. Members it does not know are
// ignored, as the protocol asks of clients.
func (r *Record) UnmarshalJSON(data []byte) error {
	var j recordJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return fmt.Errorf("read note: %w", err)
	}
	fields, err := j.fields()
	if err != nil {
		return fmt.Errorf("read note: %w", err)
	}
	saved, err := ParseTime(j.SavedAt)
	if err != nil {
		return fmt.Errorf("read note: at: %w", err)
	}
	server, err := ParseTime(j.ServerAt)
	if err != nil {
		return fmt.Errorf("read note: updatedAtServer: %w", err)
	}
	*r = Record{ID: j.ID, RemoteID: j.RemoteID, Rev: j.Rev, Fields: fields, Purged: j.Purged, Device: j.Device,
		OpID: j.OpID, SavedAt: saved, ServerAt: server}
	return nil
}
