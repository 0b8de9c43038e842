package kinto

import (
	"net/http"
	"slices"
	"strconv"
)

// list answers GET and HEAD of a list.
func (r room) list(c call) (reply, error) {
	cond, err := c.conditions()
	if err != nil {
		return reply{}, err
	}
	// Read before the objects: whoever asks for what is newer misses nothing.
	stamp, err := r.stamp(c.shelf)
	if err != nil {
		return reply{}, err
	}
	if cond.unchanged(stamp) {
		return notModified(stamp), nil
	}
	if err := cond.holdsList(stamp); err != nil {
		return reply{}, err
	}
	q, err := r.listing(c, stamp)
	if err != nil {
		return reply{}, err
	}
	if c.method == http.MethodHead {
		return r.count(c, q, stamp)
	}
	found, more, err := r.pick(c.shelf, q)
	if err != nil {
		return reply{}, err
	}
	if q.after != nil {
		stamp = q.after.stamp
	}
	body, err := shown(found, c.fields())
	if err != nil {
		return reply{}, err
	}
	out := reply{http.StatusOK, http.Header{}, body}.stamped(stamp).fresh()
	return r.paged(out, c, q, found, more, stamp)
}

// paged adds where the list goes on, and what a client should know.
func (r room) paged(out reply, c call, q listing, found []*object, more bool, stamp int64) (reply, error) {
	if c.query.Has("_to") {
		out.head.Set("Alert", `{"code":"soft-eol","message":"_to is now deprecated, you should use _before instead","url":"`+docs+`"}`)
	}
	if !more || len(found) == 0 {
		return out, nil
	}
	next, err := q.next(c, r, found[len(found)-1], len(found), stamp)
	if err != nil {
		return reply{}, err
	}
	out.head.Set("Next-Page", next)
	return out, nil
}

// shown is the body of an answer with objects.
func shown(found []*object, fields []string) ([]byte, error) {
	size := 16
	for _, o := range found {
		size += len(o.text) + len(o.id) + 64
	}
	out := append(make([]byte, 0, size), `{"data":[`...)
	for i, o := range found {
		if i > 0 {
			out = append(out, ',')
		}
		if fields == nil {
			out = o.append(out)
			continue
		}
		part, err := text(o.subset(fields))
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
	}
	return append(out, "]}"...), nil
}

// count answers HEAD of a list: how many live objects match.
func (r room) count(c call, q listing, stamp int64) (reply, error) {
	n := 0
	var err error
	if len(q.filters) == 0 {
		n, err = r.Count(c.shelf.name)
	} else {
		q.in.Tombstones = false
		err = r.among(c.shelf, q, func(o *object) bool {
			if q.wants(o) {
				n++
			}
			return true
		})
	}
	out := reply{http.StatusOK, http.Header{}, nil}.stamped(stamp).fresh()
	out.head.Set("Total-Objects", strconv.Itoa(n))
	out.head.Set("Total-Records", strconv.Itoa(n))
	if err != nil {
		return reply{}, err
	}
	return r.paged(out, c, q, nil, false, stamp)
}

func (q listing) wants(o *object) bool {
	return !slices.ContainsFunc(q.filters, func(f filter) bool { return !f.matches(o) })
}

// compare orders two objects, the second given by its values.
func (q listing) compare(o *object, values []any) int {
	for i, s := range q.sorts {
		if c := compare(o.field(s.field), values[i]); c != 0 {
			if s.desc {
				return -c
			}
			return c
		}
	}
	return 0
}

// key is what compare compares with.
func (q listing) key(o *object) []any {
	out := make([]any, len(q.sorts))
	for i, s := range q.sorts {
		out[i] = o.field(s.field)
	}
	return out
}

// pick returns a page of what the query asks for, and whether there is more.
func (r room) pick(s shelf, q listing) (found []*object, more bool, err error) {
	size, full := 0, false
	p := picker{q: q}
	byRev := q.sorts[0].field == modifiedField
	if byRev && q.after != nil {
		q.bound()
	}
	err = r.among(s, q, func(o *object) bool {
		if !q.wants(o) || q.after != nil && q.compare(o, q.after.values) <= 0 {
			return true
		}
		if !byRev {
			p.take(o)
			return true
		}
		if full = len(p.found) >= q.limit || len(p.found) > 0 && size > r.page(); full {
			return false
		}
		size += len(o.text)
		p.found = append(p.found, o)
		return true
	})
	if byRev {
		return p.found, full, err
	}
	found, more = p.page(r.page())
	return found, more, err
}

// bound narrows the range to what comes after the page before.
func (q *listing) bound() {
	rev, _ := whole(q.after.values[0])
	if !q.sorts[0].desc {
		q.in.After = max(q.in.After, rev)
	} else if q.in.Before == 0 || rev < q.in.Before {
		q.in.Before = max(rev, 1)
	}
}

// picker keeps the first objects of a sort order that no index has.
type picker struct {
	q     listing
	found []*object
	cut   bool
}

func (p *picker) take(o *object) {
	if p.found = append(p.found, o); len(p.found) > 2*p.q.limit+1 {
		p.sort()
	}
}

func (p *picker) sort() {
	slices.SortStableFunc(p.found, func(a, b *object) int { return p.q.compare(a, p.q.key(b)) })
	if len(p.found) > p.q.limit {
		p.found, p.cut = p.found[:p.q.limit], true
	}
}

// page returns what was kept, at most about size bytes of it.
func (p *picker) page(size int) ([]*object, bool) {
	p.sort()
	for i, o := range p.found {
		if size -= len(o.text); size < 0 && i > 0 {
			return p.found[:i], true
		}
	}
	return p.found, p.cut
}

// clear answers DELETE of a list: everything that matches gets a tombstone.
func (r room) clear(c call) (reply, error) {
	cond, err := c.conditions()
	if err != nil {
		return reply{}, err
	}
	stamp, err := r.stamp(c.shelf)
	if err != nil {
		return reply{}, err
	}
	if err := cond.holdsList(stamp); err != nil {
		return reply{}, err
	}
	q, err := r.listing(c, stamp)
	if err != nil {
		return reply{}, err
	}
	q.in.Tombstones = false
	found, more, err := r.pick(c.shelf, q)
	if err != nil {
		return reply{}, err
	}
	gone := make([]*object, len(found))
	for i, o := range found {
		if gone[i], err = r.remove(c, o); err != nil {
			return reply{}, err
		}
		stamp = gone[i].rev
	}
	body, err := shown(gone, nil)
	if err != nil {
		return reply{}, err
	}
	return r.paged(reply{http.StatusOK, http.Header{}, body}.stamped(stamp), c, q, found, more, stamp)
}
