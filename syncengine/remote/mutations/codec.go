package mutations

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/wire"
	"stet/syncengine/wire/mutlog"
)

// codec turns notes into the data of mutations and back.
type codec struct {
	plain  bool // a note is a body
	bodies Bodies
}

// mutation is an op as the log has it. guard says that the server looks at ops
// and revisions. The error is a sentence for the user: the server would never
// take it.
func (c codec) mutation(op remote.Op, guard bool) (mutlog.Mutation, error) {
	m := mutlog.Mutation{Type: mutlog.Update, Resource: mutlog.ResourceNote, ResourceID: target(op)}
	switch {
	case op.Kind == model.Delete || op.Kind == model.Purge:
		m.Type = mutlog.Delete
	case fresh(op):
		m.Type, m.ResourceID = mutlog.Create, ""
	}
	if m.Type == mutlog.Delete && !guard {
		return m, nil // it has no data
	}
	var err error
	switch {
	case m.Type == mutlog.Delete:
		m.Data, err = mutlog.Marshal(map[string]any{"_stet": stetOf(op)})
	case c.plain:
		m.Data, err = c.bodyOf(op)
	default:
		m.Data, err = dataOf(op)
	}
	return m, err
}

// fresh reports whether an op makes a note that the server does not have: a
// create, or the restore of what it once deleted.
func fresh(op remote.Op) bool {
	return op.Kind == model.Create || op.Base.Fields.Deleted && op.Kind != model.Delete && op.Kind != model.Purge
}

// target is the name by which the server knows the op's note.
func target(op remote.Op) string {
	if op.Base.RemoteID != "" {
		return op.Base.RemoteID
	}
	return op.NoteID
}

// stetOf is what a server is told that keeps ops and looks at revisions.
func stetOf(op remote.Op) mutlog.Stet {
	base := op.BaseRev
	return mutlog.Stet{Op: op.ID, Device: op.Device, At: model.FormatTime(op.CreatedAt), Base: &base, Purge: op.Kind == model.Purge}
}

func dataOf(op remote.Op) (json.RawMessage, error) {
	stet := stetOf(op)
	n := mutlog.Note{Fields: op.Want, LocalID: op.NoteID, Updated: op.CreatedAt, Stet: &stet}
	n.Fields.CreatedAt = created(op)
	for name := range op.Base.Fields.Extra {
		if _, kept := op.Want.Extra[name]; !kept {
			n.Clears = append(n.Clears, name)
		}
	}
	return mutlog.EncodeNote(n)
}

// created is the time by which a note that is new to the server is found again.
func created(op remote.Op) time.Time {
	if op.Want.CreatedAt.IsZero() {
		return op.CreatedAt
	}
	return op.Want.CreatedAt
}

// noID is among what a record lacks whose note bears no id of ours.
const noID = "id"

// record reads a mutation, and names the fields that the server does not have.
func (c codec) record(m mutlog.Mutation) (rec model.Record, lacks []string, err error) {
	if m.ResourceID == "" {
		return rec, nil, errors.New("mutation of a note without its id")
	}
	rec = model.Record{ID: localID(m.ResourceID), Rev: m.Timestamp, ServerAt: time.UnixMilli(m.Timestamp).UTC()}
	n := mutlog.Note{}
	if len(m.Data) > 0 && m.Data[0] == '{' {
		if n, err = mutlog.DecodeNote(m.Data); err != nil {
			return rec, nil, err
		}
	} else if m.Type != mutlog.Delete {
		return rec, nil, errors.New("mutation of a note without its data")
	}
	if n.Stet != nil {
		rec.OpID, rec.Device = n.Stet.Op, n.Stet.Device
		rec.SavedAt, _ = model.ParseTime(n.Stet.At)
	}
	if m.Timestamp == 0 && (n.Stet == nil || n.Stet.Result == "") {
		return rec, nil, errors.New("mutation without a timestamp")
	}
	if m.Type == mutlog.Delete {
		rec.Fields = model.Fields{Deleted: true}
		rec.Purged = n.Stet != nil && n.Stet.Purge
	} else {
		rec.Fields, lacks = n.Fields, n.Lacks()
		if rec.SavedAt.IsZero() {
			rec.SavedAt = n.Updated
		}
		if c.plain {
			n.LocalID, lacks = c.unfold(&rec.Fields)
		}
		if wire.ValidNoteID(n.LocalID) {
			rec.ID = n.LocalID
		} else {
			lacks = append(lacks, noID)
		}
	}
	if rec.ID != m.ResourceID {
		rec.RemoteID = m.ResourceID
	}
	return rec, lacks, nil
}

var lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// localID is the id of a note that a server named: its own name, where that can
// be one here.
func localID(resource string) string {
	if wire.ValidNoteID(resource) {
		return resource
	}
	sum := sha256.Sum256([]byte(resource))
	return "m" + lower.EncodeToString(sum[:20])
}

// bodyOf writes a note whose server takes bodies: what else it holds is the
// body's head.
func (c codec) bodyOf(op remote.Op) (json.RawMessage, error) {
	body, err := fold(op.NoteID, op.Want)
	if err != nil {
		return nil, err
	}
	switch n := utf8.RuneCountInString(body); {
	case n < c.bodies.Min:
		return nil, fmt.Errorf("too short for this server: it takes notes of at least %d characters", c.bodies.Min)
	case c.bodies.Max > 0 && n > c.bodies.Max:
		return nil, fmt.Errorf("too long for this server: with its title and tags the note has %d characters, and it takes %d", n, c.bodies.Max)
	}
	m := map[string]any{model.FieldBody: body, "clientCreatedAt": model.FormatTime(created(op)), "clientUpdatedAt": model.FormatTime(op.CreatedAt)}
	if len(c.bodies.Ranges) > 0 {
		m["ranges"] = c.bodies.Ranges
	}
	return mutlog.Marshal(m)
}

// The head of a body: a line of three hyphens, a line "stet:" with the note's
// id, a line for each field that is not empty, its name and its value as JSON,
// and a line of three hyphens.
const (
	fence    = "---\n"
	headMark = fence + "stet: "
)

// fold writes all of a note as one body.
func fold(id string, f model.Fields) (string, error) {
	body := f.Body
	f.Body, f.CreatedAt = "", time.Time{}
	text, err := f.MarshalJSON()
	if err != nil {
		return "", fmt.Errorf("write note: %w", err)
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(text, &m); err != nil {
		return "", fmt.Errorf("write note: %w", err)
	}
	var b strings.Builder
	b.WriteString(headMark + id + "\n")
	for _, name := range folded {
		if v, ok := m[name]; ok {
			b.WriteString(name + ": " + string(v) + "\n")
		}
	}
	b.WriteString(fence)
	b.WriteString(body)
	return b.String(), nil
}

// folded are the fields of a head, in its order.
var folded = []string{model.FieldTitle, model.FieldTags, model.FieldNotebook, model.FieldPinned, model.FieldArchived,
	model.FieldColor, model.FieldOrder, model.FieldLog, model.FieldExtra}

// unfold reads a body's head into f and takes it away. A body without one, or
// with one that cannot be read, is all that its writer knows of the note.
func (c codec) unfold(f *model.Fields) (id string, lacks []string) {
	kept := model.Fields{Body: f.Body, CreatedAt: f.CreatedAt}
	*f = kept
	head, body, ok := strings.Cut(strings.TrimPrefix(kept.Body, headMark), "\n"+fence)
	if !strings.HasPrefix(kept.Body, headMark) || !ok {
		return "", slices.Clone(folded)
	}
	lines := strings.Split(head, "\n")
	m := map[string]json.RawMessage{}
	for _, line := range lines[1:] {
		name, v, ok := strings.Cut(line, ": ")
		if !ok || !json.Valid([]byte(v)) {
			return "", slices.Clone(folded)
		}
		m[name] = json.RawMessage(v)
	}
	text, err := mutlog.Marshal(m)
	if err != nil || f.UnmarshalJSON(text) != nil {
		*f = kept
		return "", slices.Clone(folded)
	}
	f.Body, f.CreatedAt, f.Deleted = body, kept.CreatedAt, false
	return lines[0], nil
}
