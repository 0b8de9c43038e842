package wire

import (
	"encoding/json"
	"fmt"
	"net/http"

	"stet/model"
)

// Want says which notes a batch's answer carries.
type Want string

// The values of Want. Whatever is wanted, the note comes with every append, and
// with every refusal for the note's state, there as the problem's Current.
const (
	// WantChanged leaves out notes that are exactly base plus patch.
	WantChanged Want = "changed"
	// WantAll carries the note of every applied op; it is what an absent member
	// means.
	WantAll Want = "all"
)

// Batch is the body of a POST to [PathBatch].
type Batch struct {
	Want Want
	Ops  []model.Op
	// Bad holds for each op why it cannot be taken, nil if it can; set by
	// DecodeBatch, with len(Ops) entries. Such an op has at most its ids.
	Bad []*Problem
}

// BatchAnswer is the answer to a [Batch] that was judged: status 200, whatever
// became of the single ops.
type BatchAnswer struct {
	// Results are in the order of the ops.
	Results []Result `json:"results"`
	// PrevCursor and Cursor are the account's cursors just before and just after
	// the ops that were applied now; "" if none was.
	PrevCursor string `json:"prevCursor,omitempty"`
	Cursor     string `json:"cursor,omitempty"`
}

// Result is what became of one op.
type Result struct {
	OpID   string `json:"opId"`
	Status int    `json:"status"` // an HTTP status: 200, 201, or the problem's
	// Rev is the note's revision after the op; 0 if it was refused.
	Rev int64 `json:"rev,omitempty"`
	// UpdatedAtServer is the server's time of Rev, as model.FormatTime writes it.
	UpdatedAtServer string `json:"updatedAtServer,omitempty"`
	Replayed        bool   `json:"replayed,omitempty"`
	// Superseded says of a replay that the note has changed since.
	Superseded bool          `json:"superseded,omitempty"`
	Note       *model.Record `json:"note,omitempty"`
	Problem    *Problem      `json:"problem,omitempty"`
}

// EncodeBatch writes a request.
func EncodeBatch(b Batch) ([]byte, error) {
	out := struct {
		Want Want     `json:"want,omitempty"`
		Ops  []opJSON `json:"ops"`
	}{b.Want, make([]opJSON, len(b.Ops))}
	for i, op := range b.Ops {
		out.Ops[i] = wireOp(op)
	}
	data, err := marshal(out)
	if err != nil {
		return nil, fmt.Errorf("write batch: %w", err)
	}
	return data, nil
}

// DecodeBatch reads a request strictly. The error is a [*Problem] and concerns
// the whole; what is wrong with a single op is in Bad.
func DecodeBatch(data []byte, limits Limits) (Batch, error) {
	list, err := members(data)
	if err != nil {
		return Batch{}, Malformed(err.Error())
	}
	b := Batch{Want: WantAll}
	var raw []json.RawMessage
	for _, m := range list {
		switch m.name {
		case "want":
			if p := text(m, (*string)(&b.Want)); p != nil {
				return Batch{}, p
			}
		case "ops":
			if m.value[0] != '[' || json.Unmarshal(m.value, &raw) != nil {
				return Batch{}, Malformed("ops: want an array")
			}
		}
	}
	switch {
	case raw == nil:
		return Batch{}, Malformed("ops: want an array")
	case b.Want != WantAll && b.Want != WantChanged:
		return Batch{}, Invalid([]FieldError{{"want", `want "changed" or "all"`}})
	case len(raw) > limits.Batch:
		return Batch{}, NewProblem(http.StatusUnprocessableEntity, CodeTooManyOps,
			fmt.Sprintf("at most %d ops in a batch", limits.Batch))
	}
	return b.decode(raw, limits)
}

func (b Batch) decode(raw []json.RawMessage, limits Limits) (Batch, error) {
	b.Ops, b.Bad = make([]model.Op, len(raw)), make([]*Problem, len(raw))
	seen := make(map[string]bool, len(raw))
	for i, data := range raw {
		list, err := split(data)
		if err != nil {
			return Batch{}, Malformed(fmt.Sprintf("op %d: %v", i, err))
		}
		op, err := readOp(list, limits)
		if p, bad := err.(*Problem); bad {
			if p.Code == CodeMalformed {
				return Batch{}, Malformed(fmt.Sprintf("op %d: %s", i, p.Detail))
			}
			b.Bad[i] = p
			op = ids(list)
		} else if seen[op.ID] {
			return Batch{}, Malformed(fmt.Sprintf("op %d: its id occurs twice", i))
		}
		seen[op.ID] = true
		b.Ops[i] = op
	}
	return b, nil
}

// ids reads the ids of an op that is refused, so that the answer can name it.
func ids(list []member) (op model.Op) {
	for _, m := range list {
		switch m.name {
		case "opId":
			_ = text(m, &op.ID)
		case "entityId":
			_ = text(m, &op.NoteID)
		}
	}
	return op
}

// DecodeBatchAnswer reads an answer; unknown members are ignored.
func DecodeBatchAnswer(data []byte) (BatchAnswer, error) {
	var a BatchAnswer
	if err := decode(data, &a); err != nil {
		return BatchAnswer{}, fmt.Errorf("read batch answer: %w", err)
	}
	for i, r := range a.Results {
		if r.Problem != nil {
			a.Results[i].Problem.Status = r.Status
		}
	}
	return a, nil
}
