package kinto

import (
	"errors"
	"net/http"
	"strings"

	"stet/model"
	"stet/syncengine/server/store"
	"stet/syncengine/wire"
)

// saveNote writes a record as a note. What the record does not have, the note
// loses, but for entries of its log and its time of creation.
func (r room) saveNote(c call, id string, old *object, members map[string]any) (*object, error) {
	var before model.Fields
	kind := model.Update
	if old != nil {
		before = old.note.Fields
	} else if rec, err := r.Note(id); errors.Is(err, model.ErrNotFound) || rec.Purged {
		kind = model.Create
	} else if err != nil {
		return nil, err
	}
	by := signed(members)
	after, err := by.fields(members, before)
	if err != nil {
		return nil, err
	}
	if err := r.fits(id, before, after); err != nil {
		return nil, err
	}
	return r.putNote(c, by, id, kind, after)
}

func (r room) putNote(c call, by mark, id string, kind model.Kind, after model.Fields) (*object, error) {
	w := store.Write{Op: model.Op{ID: by.Rev, NoteID: id, Kind: kind, Device: by.Device}, At: by.savedAt()}
	if w.Op.Device == "" {
		w.Op.Device = label(c.head.Get(wire.HeaderClientID), r.acc.Label)
	}
	rec, err := r.txn.PutNote(w, after)
	if errors.Is(err, store.ErrExists) { // a key of a change that was overwritten
		w.Op.ID = ""
		rec, err = r.txn.PutNote(w, after)
	}
	if err != nil {
		return nil, err
	}
	return noteObject(rec)
}

func (r room) removeNote(c call, id string) (*object, error) {
	return r.putNote(c, mark{}, id, model.Delete, model.Fields{Deleted: true})
}

// label keeps the visible ASCII of a device's name, otherwise it is the token's.
func label(name, token string) string {
	keep := func(c rune) rune {
		if c < ' ' || c > '~' {
			return -1
		}
		return c
	}
	if name = strings.TrimSpace(strings.Map(keep, name)); name == "" {
		return token
	}
	return name[:min(len(name), 128)]
}

// fits refuses what no note can hold.
func (r room) fits(id string, before, after model.Fields) error {
	p := model.Full(after)
	p.LogAppend = model.Diff(model.Fields{Log: before.Log}, model.Fields{Log: after.Log}).LogAppend
	bad := wire.CheckOp(model.Op{ID: "k", NoteID: id, Kind: model.Update, Patch: p}, r.d.opts.Limits)
	if len(bad) == 0 {
		return nil
	}
	f := invalid("body", bad[0].Field, bad[0].Detail)
	if bad[0].Field == model.FieldBody || bad[0].Field == model.FieldLog {
		f.status, f.errno = http.StatusRequestEntityTooLarge, errnoTooLarge
	}
	return f
}
