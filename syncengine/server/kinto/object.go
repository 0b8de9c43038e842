package kinto

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"stet/model"
)

// object is a record, collection or bucket, or the tombstone of one.
type object struct {
	id      string
	rev     int64
	deleted bool
	text    []byte // a JSON object: the members without id and last_modified
	note    *model.Record
	read    map[string]any // text, once it was needed
}

// members are an object's members by name, numbers as written. They are not
// to be changed.
func (o *object) members() map[string]any {
	if o.read == nil {
		v, err := parse(o.text)
		m, ok := v.(map[string]any)
		if err != nil || !ok || o.deleted {
			m = map[string]any{}
		}
		m["id"], m["last_modified"] = o.id, json.Number(strconv.FormatInt(o.rev, 10))
		if o.deleted {
			m["deleted"] = true
		}
		o.read = m
	}
	return o.read
}

// MarshalJSON writes the object as clients see it.
func (o *object) MarshalJSON() ([]byte, error) { return o.append(nil), nil }

// append writes the object's JSON after out.
func (o *object) append(out []byte) []byte {
	body := bytes.TrimSpace(o.text)
	if o.deleted || len(body) <= 2 {
		out = append(out, `{"id":"`...)
	} else {
		out = append(append(out, body[:len(body)-1]...), `,"id":"`...)
	}
	out = append(append(out, o.id...), `","last_modified":`...)
	out = strconv.AppendInt(out, o.rev, 10)
	if o.deleted {
		out = append(out, `,"deleted":true`...)
	}
	return append(out, '}')
}

// subset returns the object with the fields of _fields alone.
func (o *object) subset(fields []string) map[string]any {
	all := append([]string{"id", "last_modified"}, fields...)
	if o.deleted {
		all = append(all, "deleted")
	}
	return subset(o.members(), all)
}

// content is what is stored of members.
func content(members map[string]any) ([]byte, error) {
	rest := make(map[string]any, len(members))
	for name, v := range members {
		if name != "id" && name != "last_modified" {
			rest[name] = v
		}
	}
	text, err := text(rest)
	if err != nil {
		return nil, fmt.Errorf("write object: %w", err)
	}
	return text, nil
}
