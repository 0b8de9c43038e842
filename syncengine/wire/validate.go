package wire

import (
	"fmt"
	"unicode/utf8"

	"stet/model"
)

// CheckOp returns what is wrong with an op's content, nil if nothing is. It
// knows nothing of the note as it stands.
func CheckOp(op model.Op, limits Limits) []FieldError {
	var c checks
	c.that(ValidKey(op.ID), "opId", "want 1 to 255 visible ASCII characters")
	c.that(ValidNoteID(op.NoteID), "entityId", "want at most 64 letters, digits, - and _")
	c.that(utf8.RuneCountInString(op.Device) <= maxDevice, "device", fmt.Sprintf("longer than %d characters", maxDevice))
	c.kind(op)
	c.patch(op.Patch, limits)
	return c.errs
}

// Lengths, in characters, that limits do not tell because nobody meets them.
const (
	maxDevice   = 128
	maxNotebook = 1024
	maxColor    = 64
	maxOrder    = 1024
	maxLogID    = 64
	maxExtra    = 64 << 10 // bytes of all foreign members together
	maxNested   = 24       // levels of a foreign member: answers put some around it
)

type checks struct{ errs []FieldError }

func (c *checks) that(ok bool, field, detail string) {
	if !ok {
		c.errs = append(c.errs, FieldError{field, detail})
	}
}

func (c *checks) kind(op model.Op) {
	p := op.Patch
	c.that(!op.UnlessPurged || op.Kind == model.Create, "unlessPurged", "only a create can be refused for that")
	switch op.Kind {
	case model.Create:
		c.that(op.BaseRev == 0, "baseRev", "want 0 for a create")
		c.that(p.Deleted == nil || !*p.Deleted, model.FieldDeleted, "a note cannot be created deleted")
	case model.Update:
		c.that(p.Deleted == nil || !*p.Deleted, model.FieldDeleted, "want the kind delete")
	case model.Append:
		c.that(p.OnlyAppends(), model.FieldLog, "an append has log entries and nothing else")
	case model.Delete:
		deleted := p.Deleted
		p.Deleted = nil
		c.that(p.Empty() && (deleted == nil || *deleted), "patch", "a delete changes nothing else")
	case model.Purge:
		c.that(p.Empty(), "patch", "a purge has no patch")
	default:
		c.that(false, "kind", "want create, update, append, delete or purge")
	}
}

func (c *checks) patch(p model.Patch, limits Limits) {
	c.length(p.Title, limits.Title, model.FieldTitle)
	c.length(p.Notebook, maxNotebook, model.FieldNotebook)
	c.length(p.Color, maxColor, model.FieldColor)
	c.length(p.Order, maxOrder, model.FieldOrder)
	if p.Body != nil {
		c.that(len(*p.Body) <= limits.Body, model.FieldBody, fmt.Sprintf("longer than %d bytes", limits.Body))
	}
	c.that(len(p.TagsAdd) <= limits.Tags, model.FieldTags, fmt.Sprintf("more than %d tags", limits.Tags))
	for _, tag := range p.TagsAdd {
		if utf8.RuneCountInString(tag) > limits.TagLength {
			c.that(false, model.FieldTags, fmt.Sprintf("a tag is longer than %d characters", limits.TagLength))
			break
		}
	}
	c.log(p.LogAppend, limits)
	size := 0
	for name, v := range p.Extra {
		size += len(name) + len(v)
		c.that(depth(v) <= maxNested, model.FieldExtra, fmt.Sprintf("nested more than %d levels deep", maxNested))
	}
	c.that(size <= maxExtra, model.FieldExtra, fmt.Sprintf("more than %d bytes", maxExtra))
}

func (c *checks) log(entries []model.LogEntry, limits Limits) {
	size := 0
	for _, e := range entries {
		size += len(e.Text)
		if e.ID == "" || len(e.ID) > maxLogID || utf8.RuneCountInString(e.Device) > maxDevice {
			c.that(false, model.FieldLog, "an entry needs an id of at most 64 bytes and a short device")
			return
		}
	}
	c.that(size <= limits.Body, model.FieldLog, fmt.Sprintf("more than %d bytes of text", limits.Body))
}

func (c *checks) length(s *string, limit int, field string) {
	if s != nil {
		c.that(utf8.RuneCountInString(*s) <= limit, field, fmt.Sprintf("longer than %d characters", limit))
	}
}
