package e2e

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"stet/db/local"
	"stet/model"
	"stet/syncengine/store"
)

// scale is how much of a thing to do: an environment variable, or what suits
// every run of the tests; a short run takes a third of that.
func scale(t *testing.T, name string, small int) int {
	if testing.Short() {
		small = max(1, small/3)
	}
	n, err := strconv.Atoi(os.Getenv(name))
	if err != nil || n < 1 {
		n = small
	}
	t.Logf("%s=%d", name, n)
	return n
}

// big reports whether the large number was asked for: only then do the bars in
// milliseconds hold.
func big(name string) bool { return os.Getenv(name) != "" }

// proof prints the one line that the table of goals is made of.
func proof(t *testing.T, goal, what, measured, bar string) {
	if !t.Failed() {
		fmt.Printf("proof %s | %s | %s | %s\n", goal, what, measured, bar)
	}
}

// row is a note as it lies in a device's file.
type row struct {
	id, title, body, log, tags, status string
	rev                                int64
	deleted                            bool
	ops                                int
}

// state is one snapshot of a device's file, taken without the programs.
type state struct {
	notes    map[string]row
	accepted map[string]int64 // op id → rev that the server gave it
	ops      int
	fence    int64
}

// rawOpen opens a SQLite file for reading. It leaves the journal as a killed
// process left it: a connection that cannot write folds nothing in.
func rawOpen(path string) (*sql.DB, error) {
	v := url.Values{"mode": {"ro"}, "_query_only": {"on"}, "_busy_timeout": {"5000"}, "_txlock": {"deferred"}}
	u := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: v.Encode()}
	db, err := sql.Open("sqlite3", u.String())
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// snapshot runs f on one snapshot of a file, after asking SQLite whether the
// file is sound.
func snapshot(path string, f func(*sql.Tx) error) error {
	db, err := rawOpen(path)
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer func() { _ = tx.Rollback() }()
	var sound string
	if err := tx.QueryRow("PRAGMA quick_check").Scan(&sound); err != nil || sound != "ok" {
		return fmt.Errorf("corrupt: %s: %s %v", path, sound, err)
	}
	return f(tx)
}

// each scans all rows of a query.
func each(tx *sql.Tx, q string, dst []any, f func() error) error {
	rows, err := tx.Query(q)
	if err != nil {
		return fmt.Errorf("%s: %w", q, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(dst...); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
		if err := f(); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (d *device) file() string { return filepath.Join(d.home, "stet.db") }

// halves are queries that find the half of something: what one transaction
// writes, it writes all of. None may have a row.
var halves = map[string]string{
	"an op without its note":            `SELECT note FROM outbox WHERE note NOT IN (SELECT id FROM notes)`,
	"a note to send without its op":     `SELECT id FROM notes WHERE status IN ('pending','error') AND id NOT IN (SELECT note FROM outbox)`,
	"a synced note with an op":          `SELECT id FROM notes WHERE status = 'synced' AND id IN (SELECT note FROM outbox)`,
	"a synced note that no server has":  `SELECT id FROM notes WHERE status = 'synced' AND rev = 0 AND deleted = 0`,
	"a new note whose op is no create":  `SELECT n.id FROM notes n WHERE n.rev = 0 AND n.status = 'pending' AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.note = n.id AND o.kind = 'create')`,
	"a review without its note's state": `SELECT note FROM reviews WHERE note NOT IN (SELECT id FROM notes WHERE status = 'needs-review')`,
	"a note's state without its review": `SELECT id FROM notes WHERE status = 'needs-review' AND id NOT IN (SELECT note FROM reviews)`,
	"a note without a timeline":         `SELECT id FROM notes WHERE id NOT IN (SELECT note FROM timeline)`,
	"a synced note with a shadow":       `SELECT s.note FROM shadows s JOIN notes n ON n.id = s.note WHERE n.status = 'synced' AND s.server = (SELECT CAST(value AS TEXT) FROM meta WHERE key = 'shadow_server')`,
	"a wrong number of pending":         `SELECT pending FROM totals WHERE pending <> (SELECT count(*) FROM notes WHERE status = 'pending')`,
	"a wrong number of notes":           `SELECT notes FROM totals WHERE notes <> (SELECT count(*) FROM notes WHERE shelf < 2)`,
	"a change number twice or too high": `SELECT seq FROM notes GROUP BY seq HAVING count(*) > 1 OR seq > (SELECT seq FROM totals)`,
}

// inspect reads a device's file and checks that it is sound and holds no half
// of anything.
func (d *device) inspect() (state, error) {
	s := state{notes: map[string]row{}, accepted: map[string]int64{}}
	err := snapshot(d.file(), func(tx *sql.Tx) error {
		for what, q := range halves {
			var id string
			if err := each(tx, q, []any{&id}, func() error { return fmt.Errorf("half: %s: %s", what, id) }); err != nil {
				return err
			}
		}
		var r row
		var title, body, log []byte
		if err := each(tx, `SELECT id, title, body, log, coalesce(tags, ''), status, rev, deleted, (SELECT count(*) FROM outbox o WHERE o.note = notes.id) FROM notes`,
			[]any{&r.id, &title, &body, &log, &r.tags, &r.status, &r.rev, &r.deleted, &r.ops}, func() error {
				r.title, r.body, r.log = string(title), string(body), string(log)
				s.notes[r.id] = r
				s.ops += r.ops
				return nil
			}); err != nil {
			return err
		}
		var op string
		var rev int64
		if err := each(tx, `SELECT op, rev FROM timeline WHERE name = 'accepted'`, []any{&op, &rev}, func() error {
			s.accepted[op] = rev
			return nil
		}); err != nil {
			return err
		}
		return each(tx, `SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM meta WHERE key = 'fence'`, []any{&s.fence}, func() error { return nil })
	})
	return s, err
}

// serverState is one snapshot of stetd's file.
type serverState struct {
	ops   map[string]int64 // op id → rev
	notes map[string]int64 // note → rev
	live  map[string]bool  // notes that are not deleted
	gone  map[int64]bool   // revs of deletions
}

var serverHalves = map[string]string{
	"a note without its change":  `SELECT id FROM notes n WHERE NOT EXISTS (SELECT 1 FROM changes c WHERE c.account = n.account AND c.rev = n.rev AND c.note = n.id)`,
	"a change without its note":  `SELECT note FROM changes c WHERE note <> '' AND NOT EXISTS (SELECT 1 FROM notes n WHERE n.account = c.account AND n.id = c.note AND n.rev >= c.rev)`,
	"a clock beside its changes": `SELECT name FROM accounts a WHERE clock <> (SELECT coalesce(max(rev), a.clock) FROM changes c WHERE c.account = a.id)`,
	"a broken chain of a note":   `SELECT note FROM changes c WHERE prev > 0 AND NOT EXISTS (SELECT 1 FROM changes p WHERE p.account = c.account AND p.rev = c.prev AND p.note = c.note)`,
	"two changes after one":      `SELECT note FROM changes GROUP BY account, collection, note, prev HAVING count(*) > 1`,
}

func (s *server) inspect() (serverState, error) {
	out := serverState{map[string]int64{}, map[string]int64{}, map[string]bool{}, map[int64]bool{}}
	err := snapshot(s.store, func(tx *sql.Tx) error {
		var id string
		var rev int64
		for what, q := range serverHalves {
			if err := each(tx, q, []any{&id}, func() error { return fmt.Errorf("half on the server: %s: %s", what, id) }); err != nil {
				return err
			}
		}
		var deleted bool
		if err := each(tx, `SELECT op_id, rev, kind = 'delete' FROM changes WHERE collection = 'notes' AND note <> ''`, []any{&id, &rev, &deleted}, func() error {
			out.ops[id] = rev
			if deleted {
				out.gone[rev] = true
			}
			return nil
		}); err != nil {
			return err
		}
		return each(tx, `SELECT id, rev, deleted FROM notes WHERE collection = 'notes'`, []any{&id, &rev, &deleted}, func() error {
			out.notes[id] = rev
			if !deleted {
				out.live[id] = true
			}
			return nil
		})
	})
	return out, err
}

// kept checks that the server still has every op that it acknowledged to a
// device, at the revision it said.
func kept(on serverState, d state) error {
	for op, rev := range d.accepted {
		if got, ok := on.ops[op]; !ok || got != rev {
			return fmt.Errorf("lost on the server: op %s was accepted as %d, the server has %d", op, rev, got)
		}
	}
	return nil
}

// sumsUp checks that each row is what the server is known to have plus what
// waits to be sent. It opens the store as the programs do.
func (d *device) sumsUp() error {
	ctx := context.Background()
	s, err := local.Open(ctx, local.Options{Path: d.file(), Now: time.Now, Device: "check"})
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Read(ctx, func(r store.Reader) error {
		var bad error
		err := r.IDs(func(id string, _ int64, status model.Status, _ bool) bool {
			if status != model.NeedsReview { // its row is the user's own text, whatever waits
				bad = sum(r, id)
			}
			return bad == nil
		})
		if bad != nil {
			return bad
		}
		return err
	})
}

func sum(r store.Reader, id string) error {
	n, err := r.Note(id)
	if err != nil {
		return err
	}
	rec, known, err := r.Shadow(id)
	if err != nil {
		return err
	}
	var base *model.Record
	if known && rec.Rev > 0 {
		base = &rec
	}
	ops, err := r.Ops(id)
	if err != nil {
		return err
	}
	for _, op := range ops {
		after := op.After(base)
		base = &after
	}
	if base == nil && n.Deleted { // deleted before it was ever sent
		return nil
	}
	if base == nil || !model.Equal(base.Fields, n.Fields) {
		return fmt.Errorf("half: note %s is not its shadow and its %d ops: row %+v, sum %+v", id, len(ops), n.Fields, base)
	}
	return nil
}

// dump is what all devices must agree on once all is sent: the notes that live.
// What is deleted a device need not know, if it never had it.
func (d *device) dump() (string, error) {
	var out bytes.Buffer
	err := snapshot(d.file(), func(tx *sql.Tx) error {
		var id, status, tags, log, title, body, notebook, color string
		var rev, pinned, archived int64
		return each(tx, `SELECT id, rev, pinned, archived, status, coalesce(tags, ''), coalesce(log, ''), title, notebook, color, body
			FROM notes WHERE deleted = 0 ORDER BY id`,
			[]any{&id, &rev, &pinned, &archived, &status, &tags, &log, &title, &notebook, &color, &body}, func() error {
				_, err := fmt.Fprintf(&out, "%s %d %d%d %s %q %q %q %q %q %q\n", id, rev, pinned, archived, status, tags, log, title, notebook, color, body)
				return err
			})
	})
	return out.String(), err
}

// agree checks that devices and server hold the same, and that nothing waits. Of
// a tombstone a device that compared everything need not know the revision.
func agree(s *server, devices ...*device) error {
	on, err := s.inspect()
	if err != nil {
		return err
	}
	first := ""
	for i, d := range devices {
		st, err := d.inspect()
		if err != nil {
			return err
		}
		if st.ops > 0 {
			return fmt.Errorf("%d ops wait on device %d", st.ops, i)
		}
		for id, n := range st.notes {
			if on.notes[id] != n.rev && !n.deleted || n.status != "synced" || on.live[id] == n.deleted {
				return fmt.Errorf("note %s on device %d is %s at %d (deleted %v), on the server at %d", id, i, n.status, n.rev, n.deleted, on.notes[id])
			}
		}
		for id := range on.live {
			if _, ok := st.notes[id]; !ok {
				return fmt.Errorf("note %s is on the server and not on device %d", id, i)
			}
		}
		dump, err := d.dump()
		if err != nil {
			return err
		}
		if i == 0 {
			first = dump
		} else if dump != first {
			return fmt.Errorf("device %d differs from the first:\n%s", i, differs(first, dump))
		}
	}
	return nil
}

// differs returns the first line in which two dumps differ.
func differs(a, b string) string {
	x, y := bytes.Split([]byte(a), []byte("\n")), bytes.Split([]byte(b), []byte("\n"))
	for i := range min(len(x), len(y)) {
		if !bytes.Equal(x[i], y[i]) {
			return fmt.Sprintf("%s\n%s", x[i], y[i])
		}
	}
	return fmt.Sprintf("%d and %d lines", len(x), len(y))
}
