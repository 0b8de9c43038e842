package kinto

import (
	"cmp"
	"errors"
	"slices"

	"stet/model"
	"stet/syncengine/server/store"
)

// stamp returns the timestamp of a shelf; the first look at it makes one.
func (r room) stamp(s shelf) (int64, error) {
	if r.txn != nil {
		return r.txn.Stamp(s.name)
	}
	rev, err := r.Looked(s.name)
	if err == nil && rev == 0 {
		err = errAlone
	}
	return rev, err
}

// find returns a live object, nil if there is none.
func (r room) find(s shelf, id string) (*object, error) {
	o, err := r.look(s, id)
	if err != nil || o == nil || o.deleted {
		return nil, err
	}
	return o, nil
}

// look returns an object or a tombstone, nil if there is neither.
func (r room) look(s shelf, id string) (*object, error) {
	if s.notes() {
		rec, err := r.Note(id)
		if errors.Is(err, model.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return noteObject(rec)
	}
	doc, err := r.Doc(s.name, id)
	if errors.Is(err, store.ErrNoDoc) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return docObject(doc), nil
}

func docObject(doc store.Doc) *object {
	return &object{id: doc.ID, rev: doc.Rev, deleted: doc.Deleted, text: doc.Data}
}

// each runs do on the objects of a range until it returns false.
func (r room) each(s shelf, in store.Range, do func(*object) bool) error {
	if !s.notes() {
		return r.EachDoc(s.name, in, func(doc store.Doc) bool { return do(docObject(doc)) })
	}
	var failed error
	err := r.EachNote(in, func(rec model.Record) bool {
		var o *object
		if o, failed = noteObject(rec); failed != nil {
			return false
		}
		return do(o)
	})
	return errors.Join(err, failed)
}

// among runs do, until it returns false, on what a query may be about: the ids
// that it names, or a range. do still has to look whether the query wants it.
func (r room) among(s shelf, q listing, do func(*object) bool) error {
	ids, named := q.ids()
	if !named {
		return r.each(s, q.in, do)
	}
	var found []*object
	for _, id := range ids {
		o, err := r.look(s, id)
		if err != nil {
			return err
		}
		if o != nil && (q.in.Tombstones || !o.deleted) {
			found = append(found, o)
		}
	}
	slices.SortFunc(found, func(a, b *object) int {
		if q.in.Newest {
			a, b = b, a
		}
		return cmp.Compare(a.rev, b.rev)
	})
	for _, o := range found {
		if !do(o) {
			break
		}
	}
	return nil
}

// save makes an object what members say. old is what is there, nil for nothing.
func (r room) save(c call, id string, old *object, members map[string]any) (*object, error) {
	if c.shelf.notes() {
		return r.saveNote(c, id, old, members)
	}
	body, err := content(members)
	if err != nil {
		return nil, err
	}
	if len(body) > r.d.opts.Limits.Body {
		return nil, tooLarge(r.d.opts.Limits.Body)
	}
	doc, err := r.txn.PutDoc(c.shelf.name, id, body)
	if err != nil {
		return nil, err
	}
	return docObject(doc), nil
}

// remove makes an object a tombstone, with all that is in it.
func (r room) remove(c call, o *object) (*object, error) {
	switch {
	case c.shelf.is(collections):
		if err := r.empty(c, records(o.id).in(c.other)); err != nil {
			return nil, err
		}
	case c.shelf.is(buckets):
		if err := r.emptyBucket(c, o.id); err != nil {
			return nil, err
		}
	}
	if err := r.grant(c.shelf, o.id, nil); err != nil {
		return nil, err
	}
	if c.shelf.notes() {
		return r.removeNote(c, o.id)
	}
	doc, err := r.txn.PutDoc(c.shelf.name, o.id, nil)
	if err != nil {
		return nil, err
	}
	return docObject(doc), nil
}
