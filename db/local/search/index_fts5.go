//go:build sqlite_fts5 || fts5

package search

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/mattn/go-sqlite3"

	"stet/model"
)

// Index answers queries over one store.
type Index struct {
	path     string
	src      Source
	readOnly bool

	// work is held by whoever writes the index, for one batch at a time.
	work sync.Mutex

	mu      sync.Mutex
	db      *sql.DB
	running bool               // the worker is
	stop    context.CancelFunc // ends the worker
	idle    sync.WaitGroup
}

// New returns the index of src, kept in the file path. Nothing is opened
// before the first query. With readOnly there is no file: the notes are read.
func New(path string, src Source, readOnly bool) *Index {
	return &Index{path: path, src: src, readOnly: readOnly}
}

// Close ends what goes on in the background and frees the index. A later query
// opens it again.
func (x *Index) Close() error {
	x.mu.Lock()
	if x.stop != nil {
		x.stop()
	}
	x.mu.Unlock()
	x.idle.Wait()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.db == nil {
		return nil
	}
	db := x.db
	x.db = nil
	return db.Close()
}

// Each calls f for every note that has all terms, those with all of them in
// the title first, the latest changed first in each half, until f returns
// false.
//
// While much is not yet in the index, complete decides: with it, Each brings
// the index up to date first, however long that takes; without, it starts that
// in the background and answers from the newest notes and from what the index
// has, and a later call tells the rest.
func (x *Index) Each(ctx context.Context, terms []model.Term, complete bool, f func(Hit) (bool, error)) error {
	q := parse(terms)
	if len(q.must) == 0 {
		return stream(ctx, x.src, q.byWords, f)
	}
	if x.readOnly {
		return scan(ctx, x.src, q, f)
	}
	begun := false
	err := x.each(ctx, q, complete, func(h Hit) (bool, error) { begun = true; return f(h) })
	if err == nil || begun && !errors.Is(err, errBehind) {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// The index cannot be used (damaged, being made by another process, a full
	// disk): the notes themselves can. A damaged one is made anew by the next
	// query.
	if broken(err) {
		x.discard()
	}
	return scan(ctx, x.src, q, f)
}

// errBehind says that a complete answer was asked for and that the index
// cannot give it now. It comes before the first hit.
var errBehind = errors.New("the index is behind")

func (x *Index) each(ctx context.Context, q query, complete bool, f func(Hit) (bool, error)) error {
	behind, err := x.ready(ctx, forWords, complete)
	if err != nil {
		return err
	}
	any := false
	if !q.wordless {
		err := x.askWords(ctx, q, behind, func(h Hit) (bool, error) { any = true; return f(h) })
		if err != nil || any {
			return err
		}
	}
	return x.askInside(ctx, q, complete, f)
}

// open returns the open file.
func (x *Index) open() (*sql.DB, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.db == nil {
		db, err := openFile(x.path)
		if err != nil {
			return nil, fmt.Errorf("open index: %w", err)
		}
		x.db = db
	}
	return x.db, nil
}

// broken reports whether an error is one of the index's file.
func broken(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && e.Code != sqlite3.ErrInterrupt && !busy(err)
}

func busy(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && (e.Code == sqlite3.ErrBusy || e.Code == sqlite3.ErrLocked)
}

// discard closes and deletes the index.
func (x *Index) discard() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.stop != nil {
		x.stop()
	}
	if x.db != nil {
		_ = x.db.Close() // derived: what it held is lost on purpose
		x.db = nil
	}
	for _, tail := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(x.path + tail) // missing is what is wanted
	}
}
