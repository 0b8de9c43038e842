package sim

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"stet/db/local"
	"stet/db/server/sqlite"
)

// Pool keeps the stores of a run open for the next one, since opening them and
// compiling their statements costs more than most of what a run does with them.
// A store is emptied before it is used again, until its tables hold what those
// of a new one hold, so that a run cannot tell which it was given. After a
// violation nothing is kept. A pool serves one run at a time.
type Pool struct {
	dir   string
	empty []byte // the file of a new store
	homes map[string]*home
	sites map[int]*site
}

// NewPool makes a pool with its files in a folder of its own in dir; "" means
// the system's folder for temporary files.
func NewPool(dir string) (*Pool, error) {
	dir, err := os.MkdirTemp(dir, "pool-")
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	return &Pool{dir: dir, homes: map[string]*home{}, sites: map[int]*site{}}, nil
}

// Close closes all stores and removes their files.
func (p *Pool) Close() error {
	var errs []error
	for _, h := range p.homes {
		errs = append(errs, h.raw.Close(), h.store.Close())
	}
	for _, s := range p.sites {
		errs = append(errs, s.raw.Close(), s.store.Close())
	}
	p.homes, p.sites = nil, nil
	return errors.Join(append(errs, os.RemoveAll(p.dir))...)
}

// home is a folder with a device's store. Its clock is that of the device that
// lives there.
type home struct {
	dir   string
	clock func() time.Time
	store *local.Store // open between two runs
	raw   *side
}

func (h *home) now() time.Time { return h.clock() }

// home takes the device's home out of the pool, with an empty store in it. The
// store is nil if it is yet to be opened.
func (p *Pool) home(d *device) (*home, *local.Store, error) {
	h := p.homes[d.label]
	delete(p.homes, d.label)
	if h == nil {
		h = &home{dir: filepath.Join(p.dir, d.label), clock: d.now}
		h.raw = &side{path: filepath.Join(h.dir, "stet.db")}
		return h, nil, p.furnish(h.dir)
	}
	h.clock = d.now
	return h, h.store, h.raw.clear(homeRows)
}

// furnish puts the file of a new store into a folder.
func (p *Pool) furnish(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	path := filepath.Join(dir, "stet.db")
	if p.empty != nil {
		return os.WriteFile(path, p.empty, 0o600)
	}
	s, err := local.Open(ctx, local.Options{Path: path, Now: func() time.Time { return start }})
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	p.empty, err = os.ReadFile(path)
	return err
}

// site is a folder with a server's store.
type site struct {
	path  string
	host  *host
	store *sqlite.Store // open between two runs
	raw   *side
	runs  int
}

// newRun names runs of the store, apart from the chance of a script: how many
// there were is the pool's business.
func (s *site) newRun() string {
	s.runs++
	return strconv.Itoa(s.runs)
}

func (s *site) now() time.Time { return s.host.now() }

// Read makes epochs: different at every start, the same in every run.
func (s *site) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(s.host.w.rng.Uint32())
	}
	return len(p), nil
}

// site takes a server's place out of the pool, with an empty store in it. The
// store is nil if it is yet to be opened.
func (p *Pool) site(h *host) (*site, *sqlite.Store, error) {
	s := p.sites[h.n]
	delete(p.sites, h.n)
	if s == nil {
		path := filepath.Join(p.dir, fmt.Sprintf("server%d", h.n), "stetd.db")
		return &site{path: path, host: h, raw: &side{path: path}}, nil, os.RemoveAll(filepath.Dir(path))
	}
	s.host = h
	return s, s.store, s.raw.clear(siteRows)
}

// siteRows: the run of a store that stays open goes on.
var siteRows = map[string]string{"run": ""}

// homeRows says which rows a new store has, and the first write adds: those
// that name it. They are kept.
var homeRows = map[string]string{
	"meta":   "DELETE FROM meta WHERE key NOT IN ('store_id', 'device_id', 'place')",
	"totals": "UPDATE totals SET seq = 0, notes = 0, trash = 0, pending = 0, review = 0, error = 0",
}

// side is a connection beside a store that empties it. Nobody else is to have
// the file open when the store is closed for good, copied or replaced: it is
// closed before.
type side struct {
	path  string
	db    *sql.DB
	full  *sql.Stmt   // tells of each table whether it has rows
	clean []*sql.Stmt // and this takes them out
	runs  int
}

// journalRuns is after how many runs a journal is moved into the file: a
// connection that is never closed does not do it.
const journalRuns = 4

// clear empties all tables, but for those where instead says how, or says
// nothing: they stay.
func (s *side) clear(instead map[string]string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("empty %s: %w", s.path, err)
		}
	}()
	if s.db == nil {
		if err := s.open(instead); err != nil {
			return err
		}
	}
	tx, err := s.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after the commit
	full, dst := make([]bool, len(s.clean)), make([]any, len(s.clean))
	for i := range full {
		dst[i] = &full[i]
	}
	if err := tx.Stmt(s.full).QueryRow().Scan(dst...); err != nil {
		return err
	}
	for i, st := range s.clean {
		if full[i] { // to empty what is empty writes a page all the same
			if _, err := tx.Stmt(st).Exec(); err != nil {
				return err
			}
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	if s.runs++; s.runs%journalRuns == 0 {
		_, err = s.db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
		return err
	}
	return nil
}

func (s *side) open(instead map[string]string) (err error) {
	if s.db, err = sql.Open("sqlite3", "file:"+s.path+"?_busy_timeout=5000&_synchronous=OFF&_txlock=immediate&mode=rw"); err != nil {
		return err
	}
	s.db.SetMaxOpenConns(1)
	tables, err := s.tables()
	if err != nil {
		return err
	}
	var full []string
	s.clean = nil
	for _, name := range tables {
		q, other := instead[name]
		switch {
		case !other:
			q = "DELETE FROM " + name
		case q == "":
			continue
		}
		st, err := s.db.Prepare(q)
		if err != nil {
			return err
		}
		s.clean, full = append(s.clean, st), append(full, "EXISTS (SELECT 1 FROM "+name+")")
	}
	s.full, err = s.db.Prepare("SELECT " + strings.Join(full, ", "))
	return err
}

func (s *side) tables() (all []string, err error) {
	rows, err := s.db.Query("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		all = append(all, name)
	}
	return all, rows.Err()
}

// Close may be called twice.
func (s *side) Close() error {
	if s.db == nil {
		return nil
	}
	err := s.db.Close()
	s.db = nil
	return err
}

// keep gives the stores of a run that went well back to the pool, and closes
// all others.
func (p *Pool) keep(w *world) {
	for _, d := range w.devices {
		for i, proc := range d.processes {
			if i == 0 && d.home != nil && w.failed == nil {
				d.home.store = proc.store
				p.homes[d.label] = d.home
				continue
			}
			_ = proc.store.Close() // nothing is read from it any more
		}
		if d.home != nil && w.failed != nil {
			_ = d.home.raw.Close()
		}
	}
	for _, s := range w.servers {
		switch {
		case s.store == nil:
		case w.failed == nil:
			s.site.store = s.store
			p.sites[s.n] = s.site
		default:
			_, _ = s.store.Close(), s.site.raw.Close()
		}
	}
}
