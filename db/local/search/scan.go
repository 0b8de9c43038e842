package search

import "context"

// scan answers a query by reading every note once. Title matches come first.
func scan(ctx context.Context, src Source, q query, f func(Hit) (bool, error)) error {
	var byWords, inside hits
	err := src.All(ctx, func(d Doc) error {
		t := textOf(d)
		if ok, title := q.byWords(t); ok {
			byWords.add(d.PK, title)
		}
		if len(byWords.title)+len(byWords.rest) == 0 {
			if ok, title := q.inside(t); ok {
				inside.add(d.PK, title)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(byWords.title)+len(byWords.rest) == 0 {
		byWords = inside
	}
	return byWords.each(f)
}

// hits are matches of one pass, those in titles apart.
type hits struct{ title, rest []int64 }

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
