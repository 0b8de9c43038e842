package sim

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"stet/db/server/sqlite"
	"stet/model"
	"stet/syncengine/server"
	"stet/syncengine/server/store"
)

// accounts of every server; each has a token that is made from its name.
var accounts = []string{"ana", "bob"}

// host is one stetd: its file, its handler, and what the judge knows of it.
type host struct {
	w       *world
	n       int
	site    *site
	path    string
	skew    time.Duration
	store   *sqlite.Store
	handler http.Handler
	books   books
	backups []backup
	// lost counts how often it forgot: wiped, restored, replaced.
	lost      int
	dies      bool // at the next edge of a commit
	crashed   bool // in this request
	locked    bool // tokens are refused
	compacted bool
	// overwritten are the versions of each note that were replaced unseen.
	overwritten map[string][]overwritten
	shelf       shelf
}

type backup struct {
	path  string
	books books
}

func newHost(w *world, n int) *host {
	s := &host{w: w, n: n, books: newBooks(), overwritten: map[string][]overwritten{}, shelf: newShelf()}
	at, st, err := w.pool.site(s)
	w.must("take server", err)
	if s.site, s.path = at, at.path; st == nil {
		st = s.load(true)
	}
	s.run(st, true)
	return s
}

func (s *host) now() time.Time { return s.w.now.Add(s.skew) }

func (s *host) storeOptions() sqlite.Options { return sqlite.Options{Now: s.site.now, Rand: s.site} }

func (s *host) open(fresh bool) { s.run(s.load(true), fresh) }

// load opens the store to serve it, which is the one that was served last or is
// not.
func (s *host) load(last bool) *sqlite.Store {
	st, err := sqlite.Open(ctx, s.path, s.storeOptions())
	s.w.must("open server store", err)
	same, err := st.Serve(ctx, s.site.newRun)
	s.w.must("serve store", err)
	if same != last {
		s.w.violate("I-15", "the store took itself for the one served last: %v, and it is: %v", same, last)
	}
	return st
}

// run is a server with an open store.
func (s *host) run(st *sqlite.Store, fresh bool) {
	s.store = st
	if fresh {
		for _, name := range accounts {
			s.w.must("add account", st.AddAccount(ctx, name))
			s.w.must("add token", st.AddToken(ctx, name, "sim", sha256.Sum256([]byte(tokenOf(name)))))
		}
	}
	s.handler = server.New(judged{st, s}, server.Options{Now: s.now, NewID: s.w.newID, After: s.w.after})
}

func tokenOf(account string) string { return "stet_sim_" + account }

func (s *host) close() {
	s.w.must("leave server", s.site.raw.Close())
	s.w.must("close server store", s.store.Close())
}

// restart is a start after a crash or a stop. What was acknowledged must be
// there.
func (s *host) restart() {
	s.close()
	s.open(false)
	s.crashed = false
	s.verify()
}

// wipe puts an empty server with the same accounts in its place.
func (s *host) wipe() {
	s.close()
	s.remove()
	s.books, s.lost = newBooks(), s.lost+1
	s.open(true)
}

func (s *host) remove() {
	for _, ext := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(s.path + ext)
	}
}

// backup keeps the data as they are now, while it serves.
func (s *host) backup() {
	b := backup{filepath.Join(s.w.folder("backups"), fmt.Sprintf("%d.%d", s.n, len(s.backups))), s.books.clone()}
	_, err := sqlite.Backup(ctx, s.path, b.path)
	s.w.must("back up", err)
	s.backups = append(s.backups, b)
}

// restore brings a backup back with the program's own command, which begins a
// new epoch.
func (s *host) restore(b backup) {
	s.close()
	_, err := sqlite.Restore(ctx, b.path, s.path, sqlite.RestoreOptions{Options: s.storeOptions(), Force: true})
	s.w.must("restore", err)
	clocks := s.books.clocks()
	s.books, s.lost = b.books.clone(), s.lost+1
	s.books.advance(clocks)
	s.open(false)
}

// copyBack brings a backup back as someone does who copies the file. The server
// notices, and begins a new epoch as a restore does.
func (s *host) copyBack(b backup) {
	s.close()
	s.remove()
	s.w.must("copy back", copyFile(b.path, s.path))
	clocks := s.books.clocks()
	s.books, s.lost = b.books.clone(), s.lost+1
	s.books.advance(clocks)
	s.run(s.load(false), false)
	s.verify()
}

// compact throws away the texts and the cursors of the time before.
func (s *host) compact(before time.Time) {
	_, err := sqlite.Compact(ctx, s.path, sqlite.CompactOptions{Before: before, Now: s.now,
		Sleep: func(context.Context, time.Duration) error { return nil }})
	s.w.must("compact", err)
	s.compacted = true
	s.verify()
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}

// errCrash is what a handler sees of the process's end.
var errCrash = errors.New("the process ended")

// judged is the server's store under the judge's eyes.
type judged struct {
	*sqlite.Store
	s *host
}

// Apply implements store.Store.
func (j judged) Apply(ctx context.Context, account int64, since store.Cursor, writes []store.Write) ([]store.Result, error) {
	s := j.s
	if s.crashed {
		return nil, errCrash
	}
	if s.dies && s.w.rng.IntN(2) == 0 {
		s.dies, s.crashed = false, true
		s.w.meet("server crash before commit")
		return nil, errCrash
	}
	out, err := j.Store.Apply(ctx, account, since, writes)
	if err == nil {
		s.judge(account, writes, out)
	}
	if s.dies {
		s.dies, s.crashed = false, true
		s.w.meet("server crash after commit")
		return nil, errCrash
	}
	return out, err
}

// Transact implements store.Transactor.
func (j judged) Transact(ctx context.Context, account int64, f func(store.Txn) error) error {
	s := j.s
	if s.crashed {
		return errCrash
	}
	if s.dies && s.w.rng.IntN(2) == 0 {
		s.dies, s.crashed = false, true
		s.w.meet("server crash before commit")
		return errCrash
	}
	var did []put
	err := j.Store.Transact(ctx, account, func(tx store.Txn) error {
		did = did[:0]
		return f(judgedTxn{tx, &did})
	})
	if err == nil {
		s.judgePuts(account, did)
		for _, p := range did {
			s.shelf.keep(p.rec)
		}
	}
	if s.dies && len(did) > 0 {
		s.dies, s.crashed = false, true
		s.w.meet("server crash after commit")
		return errCrash
	}
	return err
}

// judgedTxn notes what a transaction of another dialect writes.
type judgedTxn struct {
	store.Txn
	did *[]put
}

type put struct {
	op  model.Op
	rec model.Record
}

// PutNote implements store.Txn.
func (t judgedTxn) PutNote(w store.Write, after model.Fields) (model.Record, error) {
	rec, err := t.Txn.PutNote(w, after)
	if err == nil {
		*t.did = append(*t.did, put{w.Op, rec})
	}
	return rec, err
}

// Changes implements store.Store. Pages are short in many schedules.
func (j judged) Changes(ctx context.Context, account int64, since store.Cursor, limit, maxBytes int) (store.Page, error) {
	if p := j.s.w.script.Config.Page; p > 0 {
		limit = min(limit, p)
	}
	return j.Store.Changes(ctx, account, since, limit, maxBytes)
}

// Authenticate implements store.Store.
func (j judged) Authenticate(ctx context.Context, hash [32]byte) (store.Account, error) {
	if j.s.locked {
		return store.Account{}, store.ErrToken
	}
	return j.Store.Authenticate(ctx, hash)
}
