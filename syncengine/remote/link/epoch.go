package link

import (
	"net/http"
	"strings"

	"stet/syncengine/remote"
	"stet/syncengine/wire"
)

// Epoch is the history of an account that a call is about. A stetd tells it in
// the answers of all its dialects; of any other server none is ever heard of,
// and nothing is different. It is of one call: requests follow one another.
type Epoch struct{ name string }

// NewEpoch begins a call with what is known of the epoch, "" if nothing is.
func NewEpoch(known string) *Epoch { return &Epoch{known} }

// Known returns the epoch that answers told of, or that the call began with; ""
// if there is none. It may be nil.
func (e *Epoch) Known() string {
	if e == nil {
		return ""
	}
	return e.name
}

// Ask adds to a request which epoch it is meant for: a server at another one
// then does nothing.
func (e *Epoch) Ask(h http.Header) {
	if e.Known() != "" {
		h.Set(wire.HeaderEpoch, e.name)
	}
}

// Heard takes an answer. One of another epoch than is known is a ResyncError:
// its request, if it asked for the known one, did nothing.
func (e *Epoch) Heard(h http.Header) error {
	told := h.Get(wire.HeaderEpoch)
	switch {
	case e == nil || !ValidEpoch(told):
		return nil
	case e.name != "" && e.name != told:
		return &remote.ResyncError{Reason: remote.EpochChanged}
	}
	e.name = told
	return nil
}

// ValidEpoch reports whether a name can be kept in a cursor and sent back.
func ValidEpoch(name string) bool {
	return name != "" && len(name) <= 64 && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}
