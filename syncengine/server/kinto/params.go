package kinto

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"stet/syncengine/server/store"
)

// maxPage is how many objects one answer has at most, asked for or not.
const maxPage = 10_000

// listing is what a request on a list asks for.
type listing struct {
	filters    []filter
	sorts      []sorting
	limit      int
	tombstones bool
	in         store.Range // bounds that follow from the filters on last_modified
	after      *ending     // where the page before ended
}

// sorting is one field of a sort order.
type sorting struct {
	field string
	desc  bool
}

const modifiedField = "last_modified"

// listing reads the query of a list whose timestamp is stamp.
func (r room) listing(a call, stamp int64) (q listing, err error) {
	limit := max(r.now.UnixMilli(), stamp) + (24 * time.Hour).Milliseconds()
	for _, name := range slices.Sorted(maps.Keys(a.query)) {
		for _, value := range a.query[name] {
			f, ok, err := readFilter(name, value, limit)
			if err != nil {
				return q, err
			}
			if ok {
				q.add(f)
			}
		}
	}
	if a.query.Has("_since") {
		if err := r.unhide(a.shelf, &q); err != nil {
			return q, err
		}
	}
	if q.limit, err = readLimit(a.query.Get("_limit"), a.query.Has("_limit")); err != nil {
		return q, err
	}
	q.sorts = readSorts(a.query.Get("_sort"))
	q.in.Tombstones = q.tombstones
	if q.sorts[0].field == modifiedField {
		q.in.Newest = q.sorts[0].desc
	}
	if token := a.query.Get("_token"); token != "" {
		if q.after, err = readTicket(token, q.sorts); err != nil {
			return q, err
		}
	}
	return q, nil
}

// ids are those that the query names; false if it is about any.
func (q listing) ids() (ids []string, named bool) {
	for _, f := range q.filters {
		if f.field != "id" {
			continue
		}
		switch v := f.value.(type) {
		case string:
			if f.op == "eq" {
				return []string{v}, true
			}
		case []any:
			if f.op != "in" {
				continue
			}
			for _, id := range v {
				ids = append(ids, id.(string)) // read as text, see scalar
			}
			slices.Sort(ids)
			return slices.Compact(ids), true
		}
	}
	return nil, false
}

// unhide takes from exclude_id what changed more than once in the range. A client
// that lists what is new after a push leaves out what it pushed: if that was not
// the only change, another device's came before or after it and has to be shown.
func (r room) unhide(s shelf, q *listing) error {
	for i, f := range q.filters {
		if f.field != "id" || f.op != "exclude" {
			continue
		}
		var hide []any
		for _, id := range f.value.([]any) {
			prev, err := r.Previous(s.name, id.(string))
			if err != nil {
				return err
			}
			if prev <= q.in.After {
				hide = append(hide, id)
			}
		}
		q.filters[i].value = hide
	}
	return nil
}

// add takes a filter in, and what it says of revs.
func (q *listing) add(f filter) {
	q.filters = append(q.filters, f)
	if f.field != modifiedField {
		return
	}
	q.tombstones = true
	n, ok := whole(f.value)
	if !ok {
		return
	}
	before := func(n int64) {
		if q.in.Before == 0 || n < q.in.Before {
			q.in.Before = max(n, 1)
		}
	}
	switch f.op {
	case "gt":
		q.in.After = max(q.in.After, n)
	case "min":
		q.in.After = max(q.in.After, n-1)
	case "lt":
		before(n)
	case "max":
		before(n + 1)
	case "eq":
		q.in.After = max(q.in.After, n-1)
		before(n + 1)
	}
}

func whole(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := strconv.ParseInt(n.String(), 10, 64)
	return i, err == nil && i < math.MaxInt64
}

func readLimit(value string, given bool) (int, error) {
	if !given {
		return maxPage, nil
	}
	n, err := strconv.Atoi(strings.Trim(value, `"`))
	switch {
	case err != nil:
		return 0, notNumber("_limit", value)
	case n < 0:
		return 0, negative("_limit", n)
	case n == 0:
		return maxPage, nil
	}
	return min(n, maxPage), nil
}

func notNumber(name, value string) *fault {
	return invalid("querystring", name, fmt.Sprintf("%q is not a number", value))
}

func negative(name string, n int) *fault {
	return invalid("querystring", name, fmt.Sprintf("%d is less than minimum value 0", n))
}

var sortPattern = regexp.MustCompile(`^([-+]?)([\w.]+)$`)

// readSorts reads _sort. The newest come first where it says nothing.
func readSorts(value string) (out []sorting) {
	modified := false
	for part := range strings.SplitSeq(value, ",") {
		m := sortPattern.FindStringSubmatch(strings.TrimSpace(part))
		if m == nil {
			continue
		}
		out = append(out, sorting{m[2], m[1] == "-"})
		modified = modified || m[2] == modifiedField
	}
	if !modified {
		out = append(out, sorting{modifiedField, true})
	}
	return out
}
