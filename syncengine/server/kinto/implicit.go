package kinto

import (
	"errors"
	"net/http"

	"stet/syncengine/server/store"
)

// settle makes the bucket and the collection of a request, if it is their first:
// below "default" any access does, but for the PUT that makes them itself. Under
// its real id the bucket makes nothing.
func (r room) settle(t target) error {
	if t.bucket == "" {
		return nil
	}
	if !(t.shelf == buckets && t.verb == http.MethodPut) {
		if err := r.ensure(buckets, bucketID(r.acc.Name)); err != nil {
			return err
		}
	}
	if t.collection == "" || t.shelf == collections && t.verb == http.MethodPut {
		return nil
	}
	if !collections.takes(t.collection) {
		return unnamed("path", "Invalid collection id")
	}
	if t.bucket == defaultBucket {
		return r.ensure(collections, t.collection)
	}
	o, err := r.find(collections, t.collection)
	if err == nil && o == nil && t.shelf != collections {
		err = &fault{status: http.StatusNotFound, errno: errnoNoResource, details: missing{t.collection, "collection"}}
	}
	return err
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
func (r room) empty(c call, collection string) error {
	if collection != store.Notes {
		return r.txn.DropCollection(collection)
	}
	var ids []string
	err := r.each(records(collection), store.Range{}, func(o *object) bool {
		ids = append(ids, o.id)
		return true
	})
	for _, id := range ids {
		_, failed := r.removeNote(c, id)
		err = errors.Join(err, failed)
	}
	return err
}

func (r room) emptyBucket(c call) error {
	var names []string
	err := r.each(collections, store.Range{}, func(o *object) bool {
		names = append(names, o.id)
		return true
	})
	for _, name := range names {
		err = errors.Join(err, r.empty(c, name))
	}
	return errors.Join(err, r.txn.DropCollection(collections.name), r.txn.DropCollection(groups.name))
}
