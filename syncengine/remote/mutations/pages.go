package mutations

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"stet/syncengine/remote"
	"stet/syncengine/remote/link"
	"stet/syncengine/wire/mutlog"
)

// part is a piece of the log, complete up to next.
type part struct {
	list  []mutlog.Mutation // ascending
	next  int64             // nothing up to here is missing
	more  bool
	guard bool
}

// maxRestarts bounds how often numbered pages are begun anew because the log
// moved under them.
const maxRestarts = 5

var errMoves = errors.New("the log changes while it is read")

// read reads what came after since.
func (c *Client) read(ctx context.Context, since int64, limit int) (part, error) {
	return c.ranged(ctx, question{since: since, limit: limit})
}

// ranged reads the first page after a number: numbered pages shift when an entry
// moves to the end, so the next one is asked for by the last number that was
// seen whole. A page on which all entries share one number, or that has no
// order, is the exception: there the numbered ones follow, and begin anew if the
// account's number changed between two.
func (c *Client) ranged(ctx context.Context, q question) (part, error) {
	for range maxRestarts {
		got, moved, err := c.numbered(ctx, q)
		if err != nil || !moved {
			return got, err
		}
	}
	return part{}, &remote.RetryError{Err: errMoves}
}

func (c *Client) numbered(ctx context.Context, q question) (got part, moved bool, err error) {
	head, met := int64(0), map[string]bool{}
	for q.page = 1; ; q.page++ {
		s, guard, err := c.ask(ctx, q)
		if err != nil {
			return part{}, false, err
		}
		if q.since > 0 && *s.LastMutationAt < q.since {
			return part{}, false, &remote.ResyncError{Reason: remote.CursorUnknown} // it forgot what it told us
		}
		if q.page > 1 && *s.LastMutationAt != head {
			return part{}, true, nil
		}
		head, got.guard = *s.LastMutationAt, guard
		got.list = append(got.list, s.Mutations...)
		limit := q.limit
		if s.Limit > 0 {
			limit = min(limit, s.Limit)
		}
		more := len(s.Mutations) >= limit
		if s.HasMore != nil {
			more = *s.HasMore
		}
		if more && len(s.Mutations) == 0 {
			return part{}, false, link.NotProtocol("an empty page that is not the last")
		}
		if more && !news(met, s.Mutations) {
			return part{}, false, link.NotProtocol("pages do not move on")
		}
		if !more {
			slices.SortStableFunc(got.list, ascending)
			got.next = head
			if n := len(got.list); n > 0 {
				got.next = max(head, got.list[n-1].Timestamp)
			}
			return got, false, nil
		}
		if whole := wholeUntil(got.list, q.since); whole > 0 {
			got.list, got.more = got.list[:whole], true
			got.next = got.list[whole-1].Timestamp
			return got, false, nil
		}
	}
}

// news notes the entries of a page and reports whether one was met for the first
// time.
func news(met map[string]bool, list []mutlog.Mutation) bool {
	before := len(met)
	for _, m := range list {
		met[fmt.Sprint(m.Timestamp, " ", m.Resource, " ", m.ResourceID)] = true
	}
	return len(met) > before
}

func ascending(a, b mutlog.Mutation) int { return cmp.Compare(a.Timestamp, b.Timestamp) }

// wholeUntil returns how many entries of the list are before its last number,
// which may have more of them on the next page; 0 if nothing after since is, or
// if the list has no order.
func wholeUntil(list []mutlog.Mutation, since int64) int {
	if !slices.IsSortedFunc(list, ascending) {
		return 0
	}
	last := list[len(list)-1].Timestamp
	n := len(list)
	for n > 0 && list[n-1].Timestamp == last {
		n--
	}
	if n == 0 || list[n-1].Timestamp <= since {
		return 0
	}
	return n
}
