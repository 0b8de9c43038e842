package kinto

import (
	"errors"
	"net/http"

	"stet/syncengine/server/store"
)

// in finds the bucket of a request: the account's first one, by its name or its
// id, or another one that the account made.
func (r room) in(t target) target {
	first := bucketID(r.acc.Name)
	if t.bucket != "" && t.bucket != defaultBucket && t.bucket != first {
		t.other = t.bucket
	}
	switch {
	case !t.shelf.is(buckets):
		t.shelf = t.shelf.in(t.other)
	case t.id == defaultBucket:
		t.id = first
	}
	return t
}

// settle makes the bucket and the collection of a request, if it is their first:
// below "default" any access does, but for the PUT that makes them itself. Under
// its real id the bucket makes nothing, and no other bucket does.
func (r room) settle(t target) error {
	if t.bucket == "" {
		return nil
	}
	if !(t.shelf.is(buckets) && t.verb == http.MethodPut) {
		if err := r.enter(t); err != nil {
			return err
		}
	}
	if t.collection == "" || t.shelf.is(collections) && t.verb == http.MethodPut {
		return nil
	}
	if !collections.takes(t.collection) {
		return unnamed("path", "Invalid collection id")
	}
	if t.bucket == defaultBucket {
		return r.ensure(collections, t.collection)
	}
	o, err := r.find(collections.in(t.other), t.collection)
	if err == nil && o == nil && !t.shelf.is(collections) {
		err = noCollection(t.collection)
	}
	return err
}

// enter refuses a bucket that the account did not make. Which buckets others
// have it does not tell, and whoever writes a record there hears of its
// collection, as with Kinto.
func (r room) enter(t target) error {
	if t.other == "" {
		return r.ensure(buckets, bucketID(r.acc.Name))
	}
	o, err := r.find(buckets, t.other)
	switch {
	case err != nil || o != nil:
		return err
	case t.shelf.is(records("")) && t.writes() && (t.id != "" || t.verb == http.MethodPost):
		return noCollection(t.collection)
	}
	return forbidden()
}

func noCollection(name string) *fault {
	return &fault{status: http.StatusNotFound, errno: errnoNoResource, details: missing{name, collections.kind}}
}

func (r room) ensure(s shelf, id string) error {
	o, err := r.find(s, id)
	if err != nil || o != nil {
		return err
	}
	if r.txn == nil {
		return errAlone
	}
	_, err = r.txn.PutDoc(s.name, id, []byte("{}"))
	return err
}

// empty removes what is in a collection: documents without a trace, notes with a
// tombstone each, since devices must hear of it.
func (r room) empty(c call, s shelf) error {
	if !s.notes() {
		return r.drop(s)
	}
	var ids []string
	err := r.each(s, store.Range{}, func(o *object) bool {
		ids = append(ids, o.id)
		return true
	})
	for _, id := range ids {
		_, failed := r.removeNote(c, id)
		err = errors.Join(err, failed)
	}
	return errors.Join(err, r.txn.DropCollection(s.granted().name))
}

// emptyBucket removes what is in the bucket with an id.
func (r room) emptyBucket(c call, id string) error {
	other := id
	if id == bucketID(r.acc.Name) {
		other = ""
	}
	var names []string
	err := r.each(collections.in(other), store.Range{}, func(o *object) bool {
		names = append(names, o.id)
		return true
	})
	for _, name := range names {
		err = errors.Join(err, r.empty(c, records(name).in(other)))
	}
	return errors.Join(err, r.drop(collections.in(other)), r.drop(groups.in(other)))
}

// drop removes what is on a shelf without a trace.
func (r room) drop(s shelf) error {
	return errors.Join(r.txn.DropCollection(s.granted().name), r.txn.DropCollection(s.name))
}
