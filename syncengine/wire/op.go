package wire

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"stet/model"
)

// opJSON is an op on the wire. The order of its members is alphabetical, which
// with model's sorted patch makes the encoding canonical.
type opJSON struct {
	BaseRev   int64       `json:"baseRev"`
	CreatedAt int64       `json:"createdAt"`
	Device    string      `json:"device,omitempty"`
	Entity    string      `json:"entity"`
	EntityID  string      `json:"entityId"`
	Kind      model.Kind  `json:"kind"`
	OpID      string      `json:"opId"`
	Patch     model.Patch `json:"patch"`
	// UnlessPurged is left out when false: older programs do not know it.
	UnlessPurged bool `json:"unlessPurged,omitempty"`
}

// entityNote is the only entity of the protocol.
const entityNote = "note"

// EncodeOp writes an op. Only what the server is told is written: id, note,
// kind, revision, patch, time and device.
func EncodeOp(op model.Op) ([]byte, error) {
	out, err := marshal(wireOp(op))
	if err != nil {
		return nil, fmt.Errorf("write op: %w", err)
	}
	return out, nil
}

func wireOp(op model.Op) opJSON {
	return opJSON{BaseRev: op.BaseRev, CreatedAt: millis(op.CreatedAt), Device: op.Device, Entity: entityNote,
		EntityID: op.NoteID, Kind: op.Kind, OpID: op.ID, Patch: op.Patch, UnlessPurged: op.UnlessPurged}
}

// Fingerprint returns the SHA-256 of an op's canonical JSON. It does not depend
// on how the op was written down, nor on the endpoint that carried it.
func Fingerprint(op model.Op) ([32]byte, error) {
	if len(op.Patch.Extra) > 0 {
		extra := make(map[string]json.RawMessage, len(op.Patch.Extra))
		for name, v := range op.Patch.Extra {
			extra[name] = model.CanonicalJSON(v)
		}
		op.Patch.Extra = extra
	}
	text, err := EncodeOp(op)
	if err != nil {
		return [32]byte{}, err
	}
	return sha256.Sum256(text), nil
}

// DecodeOp reads one op strictly and checks it against limits. Errors are
// [*Problem]: 400 for form, 422 for content. Unknown members at the top are
// ignored, unknown members of the patch refused.
func DecodeOp(data []byte, limits Limits) (model.Op, error) {
	list, err := members(data)
	if err != nil {
		return model.Op{}, Malformed(err.Error())
	}
	return readOp(list, limits)
}

func readOp(list []member, limits Limits) (model.Op, error) {
	in := opJSON{Entity: entityNote}
	for _, m := range list {
		if p := in.member(m); p != nil {
			return model.Op{}, p
		}
	}
	if in.Entity != entityNote {
		return model.Op{}, Invalid([]FieldError{{"entity", `want "note"`}})
	}
	op := model.Op{ID: in.OpID, NoteID: in.EntityID, Kind: in.Kind, BaseRev: in.BaseRev, Patch: in.Patch,
		Device: in.Device, CreatedAt: fromMillis(in.CreatedAt), UnlessPurged: in.UnlessPurged}
	if p := Invalid(CheckOp(op, limits)); p != nil {
		return model.Op{}, p
	}
	return op, nil
}

// member takes one member of an op.
func (j *opJSON) member(m member) *Problem {
	switch m.name {
	case "opId":
		return text(m, &j.OpID)
	case "entity":
		return text(m, &j.Entity)
	case "entityId":
		return text(m, &j.EntityID)
	case "device":
		return text(m, &j.Device)
	case "kind":
		return text(m, (*string)(&j.Kind))
	case "baseRev":
		return integer(m, &j.BaseRev)
	case "createdAt":
		return integer(m, &j.CreatedAt)
	case "patch":
		return patch(m.value, &j.Patch)
	case "unlessPurged":
		return boolean(m, &j.UnlessPurged)
	}
	return nil
}

// patch reads a native patch; what it may not hold is 422.
func patch(data []byte, dst *model.Patch) *Problem {
	if string(data) == "null" {
		return nil
	}
	err := json.Unmarshal(data, dst)
	var field *model.FieldError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &field):
		return Invalid([]FieldError{{field.Field, field.Detail}})
	}
	return Malformed("patch: want an object")
}

func text(m member, dst *string) *Problem {
	if m.value[0] != '"' || json.Unmarshal(m.value, dst) != nil {
		return Malformed(m.name + ": want a string")
	}
	return nil
}

func integer(m member, dst *int64) *Problem {
	if json.Unmarshal(m.value, dst) != nil || m.value[0] == 'n' || *dst < 0 || *dst > maxInteger {
		return Malformed(m.name + ": want an integer from 0 to 2^53")
	}
	return nil
}

func boolean(m member, dst *bool) *Problem {
	if json.Unmarshal(m.value, dst) != nil || m.value[0] == 'n' {
		return Malformed(m.name + ": want true or false")
	}
	return nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
