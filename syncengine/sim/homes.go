package sim

import (
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"stet/db/local"
	"stet/model"
	"stet/syncengine"
)

func (w *world) doRound(d *device) {
	_ = d.round(d.any(), syncengine.RoundOptions{Force: w.rng.IntN(2) == 0})
}

func (w *world) doAgree(d *device) {
	_ = d.round(d.any(), syncengine.RoundOptions{Yes: true, Force: true})
}

func (w *world) doReopen(d *device) {
	if d.acting > 1 {
		return // in the middle of a round only a kill ends it
	}
	d.reopen()
}

// settled reports whether nobody is in the middle of something, so that a home
// can be copied or replaced.
func (d *device) settled() bool { return d.acting <= 1 && d.w.depth == 0 && d.rounds == 0 }

func (d *device) closeAll() {
	d.alone()
	for _, p := range d.processes {
		d.w.must("close store", p.store.Close())
	}
}

func (d *device) startAll() {
	for i := range d.processes {
		d.processes[i] = d.start()
	}
	d.open = map[string]model.Fields{}
}

// doClone copies a home onto another machine; both go on.
func (w *world) doClone(d *device) {
	if !d.settled() || len(w.devices) >= 7 {
		return
	}
	w.meet("home cloned")
	d.closeAll()
	label := fmt.Sprintf("d%d", len(w.devices))
	dir := w.folder(label)
	w.must("clone", copyStore(d.dir, dir))
	d.startAll()
	w.people.turnedBack[d.label], w.people.turnedBack[label] = true, true
	w.people.copy(d.label, label)
	twin := &device{w: w, label: label, account: d.account, skew: d.skew, dir: dir, server: d.server, dialect: d.dialect, view: map[string]stance{},
		writing: maps.Clone(d.writing), drafts: maps.Clone(d.drafts), open: map[string]model.Fields{}, told: maps.Clone(d.told), shown: maps.Clone(d.shown),
		lost: slices.Clone(d.lost), jumped: true}
	twin.processes = []*process{twin.start()}
	w.devices = append(w.devices, twin)
	twin.rescan()
	twin.checkTexts()
}

func (w *world) doBackupHome(d *device) {
	if !d.settled() {
		return
	}
	d.closeAll()
	dir := w.folder(fmt.Sprintf("%s.backup%d", d.label, len(d.backups)))
	w.must("back up home", copyStore(d.dir, dir))
	d.backups = append(d.backups, deviceBackup{dir, maps.Clone(d.writing), maps.Clone(d.drafts), d.server, d.dialect, slices.Clone(d.lost)})
	d.startAll()
}

// doRestoreHome brings an older copy of a home back. What was saved since is
// gone with the disk; what had reached the server comes again.
func (w *world) doRestoreHome(d *device) {
	if !d.settled() || len(d.backups) == 0 {
		return
	}
	w.meet("home restored")
	b := d.backups[w.rng.IntN(len(d.backups))]
	d.closeAll()
	d.dialect = b.dialect
	w.must("restore home", copyStore(b.dir, d.dir))
	d.startAll()
	d.writing, d.drafts, d.server, d.lost = maps.Clone(b.writing), maps.Clone(b.drafts), b.server, slices.Clone(b.lost)
	d.jumped, d.unanswered = true, nil
	w.people.turnedBack[d.label] = true
	d.view = map[string]stance{}
	d.rescan()
	d.checkTexts()
}

func (w *world) doSwitchServer(d *device) {
	if !d.settled() {
		return
	}
	in := d.dialect
	if w.script.Config.Dialects != nil && w.rng.IntN(2) == 0 {
		in = w.script.Config.Dialects[w.rng.IntN(len(w.script.Config.Dialects))]
		w.meet("protocol changed")
	}
	d.connect((d.server+1)%len(w.servers), in)
}

// doNewerSchema is a visit of an older program to a store that a newer one has
// brought up: it must not write.
func (w *world) doNewerSchema(d *device) {
	if !d.settled() {
		return
	}
	path := filepath.Join(d.dir, "stet.db")
	d.closeAll()
	was := setSchema(w, path, 1)
	if s, err := local.Open(ctx, local.Options{Path: path, Now: d.now}); err == nil {
		_ = s.Close()
		w.violate("I-22", "%s: a store of a newer schema is opened for writing", d.label)
	} else if !errors.Is(err, model.ErrNewerSchema) {
		w.violate("I-22", "%s: a store of a newer schema is refused with %v", d.label, err)
	}
	if now := setSchema(w, path, -1); now != was+1 {
		w.violate("I-22", "%s: the schema went from %d to %d", d.label, was+1, now)
	}
	d.startAll()
	d.checkAfterStart()
}

// setSchema moves a store's schema number and returns what it was.
func setSchema(w *world, path string, by int) (was int) {
	db, err := sql.Open("sqlite3", path)
	w.must("open schema", err)
	defer db.Close()
	w.must("read schema", db.QueryRow("PRAGMA user_version").Scan(&was))
	_, err = db.Exec(fmt.Sprintf("PRAGMA user_version = %d", was+by))
	w.must("write schema", err)
	return was
}
