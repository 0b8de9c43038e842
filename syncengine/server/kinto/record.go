package kinto

import (
	"net/http"
	"strings"
)

// permitted is the body of an answer with one object.
type permitted struct {
	Permissions grants  `json:"permissions"`
	Data        *object `json:"data"`
}

func (r room) object(status int, s shelf, o *object) (reply, error) {
	who, err := r.grants(s, o.id)
	if err != nil {
		return reply{}, err
	}
	out, err := answered(status, permitted{who.with(userID(r.acc.Name)), o})
	if err != nil {
		return reply{}, err
	}
	return out.stamped(o.rev), nil
}

// partial is an answer with a part of an object.
func partial(o *object, data map[string]any) (reply, error) {
	out, err := answered(http.StatusOK, map[string]any{"data": data})
	if err != nil {
		return reply{}, err
	}
	return out.stamped(o.rev), nil
}

// known checks a call's id and finds its object.
func (r room) known(c call) (*object, conditions, error) {
	cond, err := c.conditions()
	if err != nil {
		return nil, cond, err
	}
	if !c.shelf.takes(c.id) {
		return nil, cond, unnamed("path", "Invalid object id")
	}
	o, err := r.find(c.shelf, c.id)
	return o, cond, err
}

// list's timestamp, for preconditions.
func (r room) listStamp(s shelf) func() (int64, error) {
	return func() (int64, error) { return r.stamp(s) }
}

// get answers GET and HEAD of an object.
func (r room) get(c call) (reply, error) {
	o, cond, err := r.known(c)
	if err != nil {
		return reply{}, err
	}
	if o == nil {
		return reply{}, noObject(c.shelf, c.id)
	}
	if cond.unchanged(o.rev) {
		return notModified(o.rev), nil
	}
	if err := cond.holds(o, nil); err != nil {
		return reply{}, err
	}
	out, err := r.object(http.StatusOK, c.shelf, o)
	if fields := c.fields(); fields != nil {
		out, err = partial(o, o.subset(fields))
	}
	if err != nil {
		return reply{}, err
	}
	return out.fresh(), nil
}

// put answers PUT: the object is what the body says, or as it was.
func (r room) put(c call) (reply, error) {
	o, cond, err := r.known(c)
	if err != nil {
		return reply{}, err
	}
	body, err := c.object()
	if err != nil {
		return reply{}, err
	}
	if out, again, err := r.again(c, o, body.data); again || err != nil {
		return out, err
	}
	if err := cond.holds(o, r.listStamp(c.shelf)); err != nil {
		return reply{}, err
	}
	members := body.data
	if members == nil && o != nil {
		members = o.members()
	}
	if err := c.sameID(members); err != nil {
		return reply{}, err
	}
	status := http.StatusOK
	if o == nil {
		status = http.StatusCreated
	}
	saved, err := r.write(c, c.id, o, members, body.permissions)
	if err != nil {
		return reply{}, err
	}
	return r.object(status, c.shelf, saved)
}

// write saves an object with its permissions, which stay as they are if none are
// given. What is made anew has only those.
func (r room) write(c call, id string, old *object, members map[string]any, given grants) (*object, error) {
	if len(given) > 0 || old == nil && c.shelf.notes() { // others may have deleted the note, and left them
		if err := r.grant(c.shelf, id, given); err != nil {
			return nil, err
		}
	}
	return r.save(c, id, old, members)
}

// again answers a write that was made already, with the note as it is now: who
// sends it did not hear the answer. The write is known by its key. A note that
// was deleted since does not come back by it.
func (r room) again(c call, o *object, data map[string]any) (reply, bool, error) {
	if !c.shelf.notes() || data[bookkeeping] == nil {
		return reply{}, false, nil
	}
	key := signed(data).Rev
	if key == "" {
		return reply{}, false, nil
	}
	if made, err := r.Made(c.id, key); err != nil || !made {
		return reply{}, false, err
	}
	if o == nil {
		rev, err := r.stamp(c.shelf)
		if err != nil {
			return reply{}, false, err
		}
		return reply{}, true, modified(nil, rev)
	}
	out, err := r.object(http.StatusOK, c.shelf, o)
	return out, true, err
}

// sameID refuses a body that says that it is another object.
func (c call) sameID(members map[string]any) error {
	id, told := members["id"]
	if !told || id == c.id || c.shelf.is(buckets) && c.bucket == defaultBucket && id == defaultBucket {
		return nil
	}
	return invalid("body", "id", "Object id does not match existing object")
}

// post answers POST on a list: an id that is there already gives what is there.
func (r room) post(c call) (reply, error) {
	cond, err := c.conditions()
	if err != nil {
		return reply{}, err
	}
	body, err := c.object()
	if err != nil {
		return reply{}, err
	}
	id, told := body.data["id"]
	if !told {
		id = r.d.opts.NewID()
	}
	name, ok := id.(string)
	if !ok || !c.shelf.takes(name) {
		return reply{}, unnamed("path", "Invalid object id")
	}
	var o *object
	if told {
		if o, err = r.find(c.shelf, name); err != nil {
			return reply{}, err
		}
	}
	if err := cond.holds(o, r.listStamp(c.shelf)); err != nil {
		return reply{}, err
	}
	if o != nil {
		return r.object(http.StatusOK, c.shelf, o)
	}
	saved, err := r.write(c, name, nil, body.data, body.permissions)
	if err != nil {
		return reply{}, err
	}
	return r.object(http.StatusCreated, c.shelf, saved)
}

// delete answers DELETE of an object.
func (r room) delete(c call) (reply, error) {
	o, cond, err := r.known(c)
	if err != nil {
		return reply{}, err
	}
	if o == nil {
		return reply{}, noObject(c.shelf, c.id)
	}
	if err := cond.holds(o, nil); err != nil {
		return reply{}, err
	}
	gone, err := r.remove(c, o)
	if err != nil {
		return reply{}, err
	}
	out, err := answered(http.StatusOK, map[string]*object{"data": gone})
	if err != nil {
		return reply{}, err
	}
	return out.stamped(gone.rev), nil
}

// fields are those of _fields, nil for all.
func (a ask) fields() []string {
	value := a.query.Get("_fields")
	if value == "" {
		return nil
	}
	return strings.Split(value, ",")
}
