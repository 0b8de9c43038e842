// Package mutlog is the JSON of the mutations log: envelopes, the texts of its
// errors and a note as the data of a mutation, shared by the driver and the
// server's dialect, so that both have one spelling.
//
// Rules of the room: standard library, model and wire only; no I/O, no clock.
// The protocol has no revisions and no keys of its own. Between two programs of
// this project a member of the data named "_stet" carries them; it is asked for
// with a header, and nobody else ever sees it.
package mutlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"stet/syncengine/wire"
)

// Paths under the API's root.
const (
	PathSync  = "/v1/sync"
	PathNotes = "/v1/notes"
)

// Names of headers. HeaderGuard with GuardOn asks for "_stet" members and says,
// in an answer, that the server looks at them: it knows an op that it has had,
// and refuses one that was made against another revision of its note.
const (
	HeaderToken  = "X-Auth-Token"
	HeaderClient = "X-Client-Id"
	HeaderAt     = "X-Mutation-At"
	HeaderGuard  = "X-Stet-Guard"
	GuardOn      = "1"
)

// ResourceNote is the only resource that is looked at.
const ResourceNote = "NOTE"

// Resources are all that the protocol knows.
var Resources = []string{"BOOKMARK", "COLLECTION", "COLLECTION_BOOKMARK", ResourceNote, "READING_SESSION"}

// The types of mutations.
const (
	Create = "CREATE"
	Update = "UPDATE"
	Delete = "DELETE"
)

// Limits of the protocol.
const (
	MaxMutations = 100
	MaxPage      = 1000
	DefaultPage  = 100
)

// NoHistory is the head of an account without any mutation.
const NoHistory = -1

// MaxInteger bounds integers: what JSON carries exactly.
const MaxInteger = 1 << 53

// Mutation is one entry of the log. Sent ones have no timestamp.
type Mutation struct {
	Type       string          `json:"type"`
	Resource   string          `json:"resource"`
	ResourceID string          `json:"resourceId,omitempty"`
	Data       json.RawMessage `json:"data,omitempty"`
	Timestamp  int64           `json:"timestamp,omitempty"`
}

// Sync is the data of an answer of [PathSync].
type Sync struct {
	LastMutationAt *int64 `json:"lastMutationAt"`
	// Mutations is nil in an answer that was asked for metadata only.
	Mutations []Mutation `json:"mutations,omitzero"`
	Page      int        `json:"page,omitempty"`
	Limit     int        `json:"limit,omitempty"`
	Total     *int       `json:"total,omitempty"`
	HasMore   *bool      `json:"hasMore,omitempty"`
}

// Success is the envelope of every success.
type Success[T any] struct {
	Success bool `json:"success"`
	Data    T    `json:"data"`
}

// The codes of refusals, and the texts that clients know.
const (
	CodeOutOfSync  = "OutOfSyncError"
	CodeValidation = "ValidationError"

	TextOutOfSync = "Invalid lastMutationAt, please re-sync your data and try again."
	TextFirstSync = "First sync detected. Please use lastMutationAt=-1 for initial sync."
	TextInvalid   = "Invalid mutations"
	TextTooMany   = "Mutations must not exceed 100"
)

// Failure is the body of an error answer in any of its shapes.
type Failure struct {
	Success bool   `json:"success"`
	Message string `json:"message,omitempty"`
	Type    string `json:"type,omitempty"`
	Error   *Error `json:"error,omitempty"`
	// Details holds the error where the server puts one shape into the other.
	Details *struct {
		Error *Error `json:"error"`
	} `json:"details,omitempty"`
}

// Error says why a request was refused.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Code returns the failure's code in whichever shape it came, "" if it has none.
func (f Failure) Code() string {
	switch {
	case f.Error != nil:
		return f.Error.Code
	case f.Details != nil && f.Details.Error != nil:
		return f.Details.Error.Code
	}
	return ""
}

// Text returns the failure's words, "" if it has none.
func (f Failure) Text() string {
	switch {
	case f.Error != nil:
		return f.Error.Message
	case f.Details != nil && f.Details.Error != nil:
		return f.Details.Error.Message
	}
	return f.Message
}

var indexed = regexp.MustCompile(`mutation\[(\d{1,6})\]`)

// Index returns which mutation of a batch a text is about.
func Index(text string) (int, bool) {
	m := indexed.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	return n, err == nil
}

// DecodeSync reads a success of [PathSync]. Unknown members are ignored; all
// that is known is checked. A timestamp of 0 stands for a note that is not there.
func DecodeSync(body []byte) (Sync, error) {
	s, err := decodeSuccess[Sync](body)
	if err != nil {
		return Sync{}, err
	}
	head := s.LastMutationAt
	if head == nil || *head < NoHistory || *head > MaxInteger {
		return Sync{}, errors.New("read sync answer: no usable lastMutationAt")
	}
	for i, m := range s.Mutations {
		switch {
		case m.Type != Create && m.Type != Update && m.Type != Delete:
			return Sync{}, fmt.Errorf("read sync answer: mutation %d has no known type", i)
		case m.Timestamp < 0 || m.Timestamp > MaxInteger:
			return Sync{}, fmt.Errorf("read sync answer: mutation %d has no usable timestamp", i)
		}
	}
	return s, nil
}

func decodeSuccess[T any](body []byte) (data T, err error) {
	if err := wire.CheckJSON(body); err != nil {
		return data, fmt.Errorf("read answer: %w", err)
	}
	var in struct {
		Success *bool           `json:"success"`
		Data    json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return data, fmt.Errorf("read answer: %w", err)
	}
	if in.Success == nil || !*in.Success || len(in.Data) == 0 || in.Data[0] != '{' {
		return data, errors.New("read answer: it is no success with data")
	}
	if err := json.Unmarshal(in.Data, &data); err != nil {
		return data, fmt.Errorf("read answer: %w", err)
	}
	return data, nil
}

// DecodeFailure reads an error's body. One that is no failure of the protocol
// gives an error: something else answered.
func DecodeFailure(body []byte) (Failure, error) {
	var f Failure
	if err := wire.CheckJSON(body); err != nil {
		return f, fmt.Errorf("read failure: %w", err)
	}
	if err := json.Unmarshal(body, &f); err != nil {
		return f, fmt.Errorf("read failure: %w", err)
	}
	if f.Success || f.Code() == "" && f.Type == "" && f.Message == "" {
		return f, errors.New("read failure: it says nothing")
	}
	return f, nil
}

// Marshal writes JSON without HTML escapes and without a final newline.
func Marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}
