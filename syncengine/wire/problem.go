package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"stet/model"
)

// Problem is an error answer (RFC 9457). Code is the contract; the texts are
// for people and hold nothing of a note.
type Problem struct {
	Type      string       `json:"type,omitempty"`
	Title     string       `json:"title"`
	Status    int          `json:"status"`
	Detail    string       `json:"detail,omitempty"`
	Instance  string       `json:"instance,omitempty"`
	Code      string       `json:"code"`
	RequestID string       `json:"requestId,omitempty"`
	Errors    []FieldError `json:"errors,omitempty"`
	// Current is the note as the server holds it, with conflicts: a tombstone if
	// it is deleted. Base is the note at the op's baseRev, if that is kept.
	Current *model.Record `json:"current,omitempty"`
	Base    *model.Record `json:"base,omitempty"`
	ETag    string        `json:"etag,omitempty"`
	// Resync is "full" where everything must be compared (410 on a cursor).
	Resync string `json:"resync,omitempty"`
	// RetryAfter is in seconds; it travels as the header.
	RetryAfter int `json:"-"`
}

// FieldError tells what is wrong with one member.
type FieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

func (p *Problem) Error() string {
	if p.Detail == "" {
		return fmt.Sprintf("%d %s", p.Status, p.Code)
	}
	return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail)
}

// The codes of problems.
const (
	CodeMalformed     = "malformed"         // 400
	CodeMissingKey    = "missing-key"       // 400
	CodeBadKey        = "bad-key"           // 400
	CodeKeyMismatch   = "key-mismatch"      // 400
	CodeBadCursor     = "bad-cursor"        // 400
	CodeBadParameter  = "bad-parameter"     // 400
	CodeUnauthorized  = "unauthorized"      // 401
	CodeForbidden     = "forbidden"         // 403
	CodeNotFound      = "not-found"         // 404: no such page
	CodeUnknownNote   = "unknown-note"      // 404
	CodeNotAllowed    = "not-allowed"       // 405
	CodeTimeout       = "timeout"           // 408
	CodeConflict      = "conflict"          // 409
	CodeAlreadyExists = "already-exists"    // 409
	CodeInFlight      = "in-flight"         // 409, no current
	CodePurged        = "purged"            // 410
	CodeDeleted       = "deleted"           // 410: GET of a tombstone
	CodeCursorExpired = "cursor-expired"    // 410
	CodeEpochChanged  = "epoch-changed"     // 410
	CodeCursorUnknown = "cursor-unknown"    // 410
	CodePrecondition  = "precondition"      // 412
	CodeTooLarge      = "too-large"         // 413
	CodeMediaType     = "media-type"        // 415
	CodeValidation    = "validation"        // 422
	CodeKeyReused     = "key-reused"        // 422
	CodeTooManyOps    = "too-many-ops"      // 422
	CodeNotTried      = "not-tried"         // 424
	CodeNoCondition   = "no-precondition"   // 428
	CodeTooMany       = "too-many-requests" // 429
	CodeInternal      = "internal"          // 500
	CodeUnavailable   = "unavailable"       // 503
)

// NewProblem returns a problem with the status's own title.
func NewProblem(status int, code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// Malformed returns the problem of a body that cannot be read.
func Malformed(detail string) *Problem {
	return NewProblem(http.StatusBadRequest, CodeMalformed, detail)
}

// Invalid returns the problem of members that cannot be taken; nil for none.
func Invalid(errs []FieldError) *Problem {
	if len(errs) == 0 {
		return nil
	}
	p := NewProblem(http.StatusUnprocessableEntity, CodeValidation, "the op cannot be taken as it is")
	p.Errors = errs
	return p
}

// DecodeProblem reads a problem's body; status is the response's and wins. A
// body that is no problem gives an error: what answered is not the protocol.
func DecodeProblem(status int, body []byte) (*Problem, error) {
	if err := CheckJSON(body); err != nil {
		return nil, fmt.Errorf("read problem: %w", err)
	}
	var p Problem
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, fmt.Errorf("read problem: %w", err)
	}
	if p.Code == "" {
		return nil, errors.New("read problem: it has no code")
	}
	p.Status = status
	return &p, nil
}
