package kinto

import (
	"net/http"
	"regexp"
	"strconv"
)

// conditions are what a request asks of the state it meets.
type conditions struct {
	match     condition // If-Match
	noneMatch condition // If-None-Match
}

// condition is one header; zero if it is not there.
type condition struct {
	any bool // *
	is  bool // a timestamp
	rev int64
}

func (c condition) given() bool { return c.any || c.is }

var tagPattern = regexp.MustCompile(`^"([0-9]+)"$`)

// conditions reads the headers. A weak tag or a bare number is refused.
func (a ask) conditions() (c conditions, err error) {
	for name, dst := range map[string]*condition{"If-Match": &c.match, "If-None-Match": &c.noneMatch} {
		value := a.head.Get(name)
		if value == "" {
			continue
		}
		if value == "*" {
			dst.any = true
			continue
		}
		m := tagPattern.FindStringSubmatch(value)
		if m == nil {
			return c, invalid("header", name, "The value should be integer between double quotes.")
		}
		dst.is = true
		if dst.rev, err = strconv.ParseInt(m[1], 10, 64); err != nil {
			dst.rev = -1 // longer than any timestamp: it is nobody's
		}
	}
	return c, nil
}

// unchanged reports whether a reader has what is there already.
func (c conditions) unchanged(rev int64) bool { return c.noneMatch.is && c.noneMatch.rev == rev }

// holds refuses a request on an object (nil if there is none) whose conditions
// are not met. list tells the timestamp of the list, for what is not there.
func (c conditions) holds(o *object, list func() (int64, error)) error {
	switch {
	case o != nil && c.noneMatch.any, o != nil && c.match.is && c.match.rev != o.rev:
		return modified(o, o.rev)
	case o == nil && c.match.given():
		rev, err := list()
		if err != nil {
			return err
		}
		return modified(nil, rev)
	}
	return nil
}

// holdsList refuses a request on a list, which is always there.
func (c conditions) holdsList(rev int64) error {
	if c.noneMatch.any || c.match.is && c.match.rev != rev {
		return modified(nil, rev)
	}
	return nil
}

// modified is the refusal of a write on something that is not as the client
// believes. existing is what is there, nil for nothing.
func modified(existing *object, stamp int64) *fault {
	f := &fault{status: http.StatusPreconditionFailed, errno: errnoModified, message: "Resource was modified meanwhile", stamp: stamp}
	if existing != nil {
		f.details = map[string]*object{"existing": existing}
	}
	return f
}

// notModified is the answer to who has everything.
func notModified(rev int64) reply {
	return reply{http.StatusNotModified, http.Header{}, nil}.stamped(rev)
}
