package kinto

import (
	"net/http"

	"stet/syncengine/wire"
)

// dated runs a request's work in the epoch that it is meant for, and tells the
// epoch with the answer. A client that knows another one is refused before
// anything is done: what it has seen is not what is here.
func (r room) dated(a ask, work func() (reply, error)) (reply, error) {
	here := r.Head().Epoch
	if meant := a.head.Get(wire.HeaderEpoch); meant != "" && meant != here {
		return reply{}, &fault{status: http.StatusPreconditionFailed, errno: errnoModified,
			message: "The data of this account were replaced.", head: map[string]string{wire.HeaderEpoch: here}}
	}
	out, err := work()
	if err == nil {
		out.head.Set(wire.HeaderEpoch, here)
	}
	return out, err
}
