//go:build !sqlite_fts5 && !fts5

package search

import (
	"context"

	"stet/model"
)

// Index answers queries over one store.
type Index struct{ src Source }

// New returns the index of src. Without FTS5 there is no file.
func New(_ string, src Source, _ bool) *Index { return &Index{src} }

// Each calls f for every note that has all terms, those with all of them in
// the title first, until f returns false. Without FTS5 every
// answer is complete.
func (x *Index) Each(ctx context.Context, terms []model.Term, _ bool, f func(Hit) (bool, error)) error {
	q := parse(terms)
	if len(q.must) == 0 {
		return stream(ctx, x.src, q.byWords, f)
	}
	return scan(ctx, x.src, q, f)
}

// Close frees the index.
func (x *Index) Close() error { return nil }
