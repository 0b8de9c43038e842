package wire

import (
	"encoding/json"

	"stet/model"
)

// DecodeFields reads the body of a PUT or PATCH of a note: members that are
// there set the value, null clears it, absent members are left alone. tags may
// be the whole set, which is compared with base; log entries are added, never
// removed. The id, if there, must be the note's. Errors are [*Problem].
func DecodeFields(data []byte, id string, base model.Fields) (model.Patch, error) {
	list, err := members(data)
	if err != nil {
		return model.Patch{}, Malformed(err.Error())
	}
	rest := map[string]json.RawMessage{}
	var tags, log json.RawMessage
	for _, m := range list {
		switch {
		case m.name == "id":
			var got string
			if p := text(m, &got); p != nil || got != id {
				return model.Patch{}, Invalid([]FieldError{{"id", "want the id of the path"}})
			}
		case m.name == model.FieldTags && m.value[0] != '{':
			tags = m.value
		case m.name == model.FieldLog && m.value[0] != '{':
			log = m.value
		default:
			rest[m.name] = m.value
		}
	}
	body, err := json.Marshal(rest)
	if err != nil {
		return model.Patch{}, Malformed("want an object")
	}
	var p model.Patch
	if bad := patch(body, &p); bad != nil {
		return model.Patch{}, bad
	}
	if bad := setTags(&p, tags, base); bad != nil {
		return model.Patch{}, bad
	}
	if log != nil && json.Unmarshal(log, &p.LogAppend) != nil {
		return model.Patch{}, Invalid([]FieldError{{model.FieldLog, "want an array of entries"}})
	}
	return p, nil
}

// setTags turns a whole set of tags into what is added and removed.
func setTags(p *model.Patch, raw json.RawMessage, base model.Fields) *Problem {
	if raw == nil {
		return nil
	}
	var tags []string
	if json.Unmarshal(raw, &tags) != nil {
		return Invalid([]FieldError{{model.FieldTags, "want an array of strings"}})
	}
	d := model.Diff(model.Fields{Tags: base.Tags}, model.Fields{Tags: model.NormalTags(tags)})
	p.TagsAdd, p.TagsRemove = d.TagsAdd, d.TagsRemove
	return nil
}
