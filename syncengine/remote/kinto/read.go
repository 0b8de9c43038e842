package kinto

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"stet/model"
)

// row is one record as the server lists it.
type row struct {
	rec  model.Record
	mark *mark // ours, whether or not it is of this very content; nil if none
}

// readRow takes a record of the server. What another client wrote is never an
// error: a member of the wrong type is foreign, and kept.
func readRow(raw json.RawMessage) (row, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil || members == nil {
		return row{}, errors.New("a record is no object")
	}
	var r row
	var err error
	if json.Unmarshal(members["id"], &r.rec.ID) != nil || !objectID.MatchString(r.rec.ID) {
		return row{}, errors.New("a record has no usable id")
	}
	if r.rec.Rev, err = strconv.ParseInt(string(members["last_modified"]), 10, 64); err != nil || r.rec.Rev <= 0 || r.rec.Rev > maxRev {
		return row{}, errors.New("a record has no usable timestamp")
	}
	r.rec.ServerAt = stamp(r.rec.Rev)
	r.rec.SavedAt = r.rec.ServerAt
	if tombstone(members) {
		r.rec.Fields.Deleted = true
		return r, nil
	}
	if text, ok := members[markName]; ok {
		m := &mark{}
		if json.Unmarshal(text, m) == nil && m.Rev != "" {
			r.mark = m
		}
	}
	own := r.mark != nil && r.mark.Sum == sumOf(members)
	if own {
		r.rec.OpID, r.rec.Device, r.rec.Parents = r.mark.Rev, r.mark.Device, r.mark.Revs
		if at := r.mark.savedAt(); !at.IsZero() {
			r.rec.SavedAt = at
		}
		if r.mark.Exact != "" && json.Unmarshal([]byte(r.mark.Exact), &r.rec.Fields) == nil && !r.rec.Fields.Deleted {
			return r, nil
		}
	}
	r.rec.Fields = readFields(members)
	if r.mark != nil {
		for name, v := range r.mark.Extra {
			if _, taken := r.rec.Fields.Extra[name]; !taken {
				keep(&r.rec.Fields, name, v)
			}
		}
	}
	return r, nil
}

// tombstone reports whether a record is nothing but the sign that it is
// deleted. A live one may have a member of that name.
func tombstone(members map[string]json.RawMessage) bool {
	if string(members[model.FieldDeleted]) != "true" {
		return false
	}
	for name := range members {
		if name != "id" && name != "last_modified" && name != "schema" && name != model.FieldDeleted {
			return false
		}
	}
	return true
}

func readFields(members map[string]json.RawMessage) model.Fields {
	var f model.Fields
	for name, v := range members {
		var err error
		switch name {
		case "id", "last_modified", markName:
			continue
		case model.FieldTitle:
			err = json.Unmarshal(v, &f.Title)
		case model.FieldBody:
			err = json.Unmarshal(v, &f.Body)
		case model.FieldNotebook:
			err = json.Unmarshal(v, &f.Notebook)
		case model.FieldColor:
			err = json.Unmarshal(v, &f.Color)
		case model.FieldOrder:
			err = json.Unmarshal(v, &f.Order)
		case model.FieldPinned:
			err = json.Unmarshal(v, &f.Pinned)
		case model.FieldArchived:
			err = json.Unmarshal(v, &f.Archived)
		case model.FieldTags:
			f.Tags, err = readTags(v)
		case model.FieldLog:
			f.Log, err = readLog(v)
		case fieldCreatedAt:
			var text string
			if err = json.Unmarshal(v, &text); err == nil {
				f.CreatedAt, err = model.ParseTime(text)
			}
		default:
			err = errForeign
		}
		if err != nil {
			keep(&f, name, v)
		}
	}
	return f
}

// errForeign says of a member that it is no field of a note.
var errForeign = errors.New("not ours")

func keep(f *model.Fields, name string, v json.RawMessage) {
	if f.Extra == nil {
		f.Extra = map[string]json.RawMessage{}
	}
	f.Extra[name] = bytes.Clone(v)
}

func readTags(v json.RawMessage) ([]string, error) {
	var tags []*string
	if err := json.Unmarshal(v, &tags); err != nil {
		return nil, err
	}
	out := make([]string, 0, len(tags))
	for _, t := range tags {
		if t == nil {
			return nil, errForeign
		}
		out = append(out, *t)
	}
	return model.NormalTags(out), nil
}

// readLog takes entries that have an id each, and nothing that would be lost.
func readLog(v json.RawMessage) ([]model.LogEntry, error) {
	var log []model.LogEntry
	dec := json.NewDecoder(bytes.NewReader(v))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&log); err != nil {
		return nil, err
	}
	for _, e := range log {
		if e.ID == "" {
			return nil, errForeign
		}
	}
	return log, nil
}

// readRows takes a list's body.
func readRows(body []byte) ([]row, error) {
	var in struct {
		Data []json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	if in.Data == nil {
		return nil, errors.New("list lacks its rows")
	}
	out := make([]row, len(in.Data))
	for i, raw := range in.Data {
		var err error
		if out[i], err = readRow(raw); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// readObject takes the body of an answer about one record.
func readObject(body []byte, id string) (row, error) {
	var in struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return row{}, fmt.Errorf("record: %w", err)
	}
	if in.Data == nil {
		return row{}, errors.New("answer lacks the record")
	}
	return readOwn(in.Data, id)
}

// readOwn is readRow of a record that must be this one.
func readOwn(raw json.RawMessage, id string) (row, error) {
	r, err := readRow(raw)
	if err == nil && r.rec.ID != id {
		err = errors.New("another record than asked for")
	}
	return r, err
}
