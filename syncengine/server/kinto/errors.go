package kinto

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"stet/model"
	"stet/syncengine/server/store"
	"stet/syncengine/wire"
)

// The numbers of Kinto's errors.
const (
	errnoAuth         = 104
	errnoInvalid      = 107
	errnoNoObject     = 110
	errnoNoResource   = 111
	errnoTooLarge     = 113
	errnoModified     = 114
	errnoMethod       = 115
	errnoVersion      = 116
	errnoForbidden    = 121
	errnoBackend      = 201
	errnoUndefined    = 999
	retryAfterSeconds = "3"
)

// fault is a refusal in Kinto's form.
type fault struct {
	status  int
	errno   int
	title   string // the status's own if ""
	message string
	details any
	head    map[string]string
	stamp   int64 // of the ETag; 0 for none
}

func (f *fault) Error() string { return http.StatusText(f.status) + ": " + f.message }

// shape is a fault's body.
type shape struct {
	Code    int    `json:"code"`
	Errno   int    `json:"errno"`
	Error   string `json:"error"`
	Message string `json:"message,omitempty"`
	Details any    `json:"details,omitempty"`
}

func (f *fault) reply() reply {
	title := f.title
	if title == "" {
		title = http.StatusText(f.status)
	}
	out, err := answered(f.status, shape{f.status, f.errno, title, f.message, f.details})
	if err != nil {
		out = reply{http.StatusInternalServerError, http.Header{}, []byte(`{"code":500,"errno":999,"error":"Internal Server Error"}`)}
	}
	for name, value := range f.head {
		out.head.Set(name, value)
	}
	if f.stamp > 0 {
		out = out.stamped(f.stamp)
	}
	return out
}

// wrong tells what is wrong with one part of a request.
type wrong struct {
	Location    string  `json:"location"`
	Name        *string `json:"name"`
	Description string  `json:"description"`
}

// invalid is the refusal of a part of a request: location is body, querystring
// or header, name is "" for the whole of it.
func invalid(location, name, description string) *fault {
	f := unnamed(location, description)
	f.details = []wrong{{location, &name, description}}
	f.message = name + " in " + location + ": " + description
	if strings.Contains(description, name) {
		f.message = description
	}
	return f
}

// unnamed is the refusal of something that has no name.
func unnamed(location, description string) *fault {
	return &fault{status: http.StatusBadRequest, errno: errnoInvalid, title: "Invalid parameters",
		message: location + ": " + description, details: []wrong{{location, nil, description}}}
}

// malformed is the refusal of a body that is not JSON.
func malformed(err error) *fault { return invalid("body", "", "Invalid JSON: "+err.Error()) }

func unauthorized() *fault {
	return &fault{status: http.StatusUnauthorized, errno: errnoAuth, message: "Please authenticate yourself to use this endpoint.",
		head: map[string]string{"WWW-Authenticate": `Basic realm="stet"`}}
}

func forbidden() *fault {
	return &fault{status: http.StatusForbidden, errno: errnoForbidden, message: "This user cannot access this resource."}
}

func noResource() *fault {
	return &fault{status: http.StatusNotFound, errno: errnoNoResource, message: "The resource you are looking for could not be found."}
}

func notAllowed(allow string) *fault {
	return &fault{status: http.StatusMethodNotAllowed, errno: errnoMethod, message: "Method not allowed on this endpoint.",
		head: map[string]string{"Allow": allow}}
}

func mediaType(description string) *fault {
	f := invalid("header", "Content-Type", description)
	f.status = http.StatusUnsupportedMediaType
	return f
}

// missing is an object that is not there.
type missing struct {
	ID   string `json:"id"`
	Kind string `json:"resource_name"`
}

func noObject(s shelf, id string) *fault {
	return &fault{status: http.StatusNotFound, errno: errnoNoObject, details: missing{id, s.kind}}
}

// faultOf returns what a client is told of an error that is not its own.
func faultOf(err error) *fault {
	var p *wire.Problem
	switch {
	case errors.Is(err, store.ErrToken), errors.Is(err, store.ErrNoAccount):
		return unauthorized()
	case errors.As(err, &p) && p.Status < http.StatusInternalServerError:
		return &fault{status: p.Status, errno: errnoUndefined, message: p.Detail}
	case errors.Is(err, model.ErrBusy), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &fault{status: http.StatusServiceUnavailable, errno: errnoBackend, head: map[string]string{"Retry-After": retryAfterSeconds},
			message: "Service temporary unavailable due to overloading or maintenance, please retry later."}
	}
	return &fault{status: http.StatusInternalServerError, errno: errnoUndefined,
		message: "A programmatic error occured, developers have been informed."}
}
