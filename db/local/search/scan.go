package search

import (
	"context"
	"errors"
)

// scan answers a query by reading every note once. Title matches come first.
func scan(ctx context.Context, src Source, q query, f func(Hit) (bool, error)) error {
	var byWords, inside hits
	err := src.All(ctx, func(d Doc) error {
		t := textOf(d)
		if ok, title := q.byWords(t); ok {
			byWords.add(d.PK, title)
		}
		if byWords.len() == 0 {
			if ok, title := q.inside(t); ok {
				inside.add(d.PK, title)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if byWords.len() == 0 {
		byWords = inside
	}
	return byWords.each(f)
}

// group is the number of hits that are told together, titles first, by what
// does not know all hits before it tells the first.
const group = 200

// errEnough ends a reading early.
var errEnough = errors.New("enough")

func unlessEnough(err error) error {
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// stream reads the notes, newest first, no further than is asked for.
func stream(ctx context.Context, src Source, match func(*text) (ok, title bool), f func(Hit) (bool, error)) error {
	var found hits
	more := true
	tell := func() error {
		err := found.each(func(h Hit) (_ bool, err error) {
			more, err = f(h)
			return more, err
		})
		found = hits{}
		if err == nil && !more {
			return errEnough
		}
		return err
	}
	err := src.All(ctx, func(d Doc) error {
		if ok, title := match(textOf(d)); ok {
			found.add(d.PK, title)
		}
		if found.len() < group {
			return nil
		}
		return tell()
	})
	if err == nil {
		err = tell()
	}
	return unlessEnough(err)
}

// hits are matches of one pass, those in titles apart.
type hits struct{ title, rest []int64 }

func (h *hits) len() int { return len(h.title) + len(h.rest) }

func (h *hits) add(pk int64, title bool) {
	if title {
		h.title = append(h.title, pk)
		return
	}
	h.rest = append(h.rest, pk)
}

func (h *hits) each(f func(Hit) (bool, error)) error {
	for i, pks := range [][]int64{h.title, h.rest} {
		for _, pk := range pks {
			if more, err := f(Hit{pk, i == 0}); err != nil || !more {
				return err
			}
		}
	}
	return nil
}
