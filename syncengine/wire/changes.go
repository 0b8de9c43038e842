package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"stet/model"
)

// Page is the answer to a GET of [PathChanges]: ascending by rev, a note at
// most once, in its latest state.
type Page struct {
	Changes []Change `json:"changes"`
	// Cursor is where the page ends; valid even if HasMore.
	Cursor     string `json:"cursor"`
	HasMore    bool   `json:"hasMore"`
	Epoch      string `json:"epoch"`
	ServerTime string `json:"serverTime"`
}

// Change is one note of a [Page]. Note is nil for a tombstone; who wrote the
// revision, with which op and when, stands beside it and not in it.
type Change struct {
	ID      string        `json:"id"`
	Rev     int64         `json:"rev"`
	Deleted bool          `json:"deleted"`
	Purged  bool          `json:"purged,omitempty"`
	Note    *model.Record `json:"note,omitempty"`
	OpID    string        `json:"opId,omitempty"`
	Device  string        `json:"device,omitempty"`
	At      string        `json:"at,omitempty"`
	// UpdatedAtServer is told of tombstones; of notes it is in Note.
	UpdatedAtServer string `json:"updatedAtServer,omitempty"`
}

// ChangeOf returns a record as an entry of a page.
func ChangeOf(rec model.Record) Change {
	c := Change{ID: rec.ID, Rev: rec.Rev, Deleted: rec.Fields.Deleted, Purged: rec.Purged, OpID: rec.OpID,
		Device: rec.Device, At: model.FormatTime(rec.SavedAt)}
	if c.Deleted {
		c.UpdatedAtServer = model.FormatTime(rec.ServerAt)
		return c
	}
	rec.OpID, rec.Device, rec.SavedAt = "", "", time.Time{}
	c.Note = &rec
	return c
}

// Record returns the entry as a record.
func (c Change) Record() (model.Record, error) {
	at, err := model.ParseTime(c.At)
	if err != nil {
		return model.Record{}, fmt.Errorf("read change: at: %w", err)
	}
	if c.Deleted {
		server, err := model.ParseTime(c.UpdatedAtServer)
		if err != nil {
			return model.Record{}, fmt.Errorf("read change: updatedAtServer: %w", err)
		}
		return model.Record{ID: c.ID, Rev: c.Rev, Fields: model.Fields{Deleted: true}, Purged: c.Purged,
			OpID: c.OpID, Device: c.Device, SavedAt: at, ServerAt: server}, nil
	}
	if c.Note == nil || c.Note.ID != c.ID || c.Note.Rev != c.Rev || c.Note.Fields.Deleted {
		return model.Record{}, fmt.Errorf("read change: its note is missing or another one")
	}
	rec := *c.Note
	rec.OpID, rec.Device, rec.SavedAt = c.OpID, c.Device, at
	return rec, nil
}

// Meta is the answer to a GET of [PathMeta].
type Meta struct {
	Protocol   string `json:"protocol"`
	Account    string `json:"account"`
	Epoch      string `json:"epoch"`
	Cursor     string `json:"cursor"`
	Limits     Limits `json:"limits"`
	Window     int64  `json:"idempotencyWindowSeconds"`
	Retention  int64  `json:"tombstoneRetentionSeconds"`
	ServerTime string `json:"serverTime"`
}

// History is the answer to a GET of a note's history, newest first.
type History struct {
	Versions []Version `json:"versions"`
	HasMore  bool      `json:"hasMore"`
}

// Version is one entry of a [History].
type Version struct {
	Rev    int64        `json:"rev"`
	Device string       `json:"device,omitempty"`
	Kind   model.Kind   `json:"kind,omitempty"`
	At     string       `json:"at,omitempty"`
	Note   model.Record `json:"note"`
}

// List is the answer to a GET of [PathNotes]: live notes, not for sync.
type List struct {
	Notes   []model.Record `json:"notes"`
	Cursor  string         `json:"cursor"`
	HasMore bool           `json:"hasMore"`
}

// DecodePage reads a page of changes.
func DecodePage(data []byte) (Page, error) { return answer[Page](data, "page") }

// DecodeMeta reads a server's description of itself.
func DecodeMeta(data []byte) (Meta, error) { return answer[Meta](data, "meta") }

// DecodeNote reads a note object.
func DecodeNote(data []byte) (model.Record, error) { return answer[model.Record](data, "note") }

func answer[T any](data []byte, what string) (T, error) {
	var v T
	if err := decode(data, &v); err != nil {
		var none T
		return none, fmt.Errorf("read %s: %w", what, err)
	}
	return v, nil
}

func decode(data []byte, dst any) error {
	if err := CheckJSON(data); err != nil {
		return err
	}
	return json.Unmarshal(data, dst)
}

// Marshal writes any envelope as the protocol's JSON: without HTML escapes and
// without a final newline.
func Marshal(v any) ([]byte, error) { return marshal(v) }

func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}
