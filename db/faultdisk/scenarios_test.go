//go:build linux && cgo

package faultdisk_test

import (
	"errors"
	"fmt"
	"strings"

	"stet/model"
	serverstore "stet/syncengine/server/store"
	"stet/syncengine/store"
	"stet/syncengine/wire"
)

// scenario is one write that must happen wholly or not at all.
type scenario struct {
	name    string
	server  bool
	opening bool // the opening is what is tried
	before  func(*bench) error
	act     func(*bench) error
}

func fields(title, body string) model.Fields { return model.Fields{Title: title, Body: body} }

// first makes a note, synced as a server would have it.
func first(b *bench) error {
	n, err := b.notes.Create(ctx, fields("first", "one\ntwo\nthree\n"))
	if err != nil {
		return err
	}
	return synced(b, n.ID)
}

func synced(b *bench, noteID string) error {
	return b.device.Write(ctx, func(tx store.Tx) error {
		n, err := tx.Note(noteID)
		if err != nil {
			return err
		}
		if err := tx.SetOps(noteID, nil); err != nil {
			return err
		}
		n.Status, n.Rev, n.UpdatedAtServer = model.Synced, 5, b.Now()
		_, err = tx.PutNote(n)
		return err
	})
}

func edit(b *bench, noteID, body string) error {
	n, err := b.device.Get(ctx, noteID)
	if err != nil {
		return err
	}
	f := n.Fields.Clone()
	f.Body = body
	_, err = b.notes.Save(ctx, noteID, n.Fields, f)
	return err
}

func edited(b *bench) error { return errors.Join(first(b), edit(b, id(1), "one\n2\nthree\n")) }

func deleted(b *bench) error {
	_, err := b.notes.Delete(ctx, id(1))
	return err
}

func theirs(b *bench, rev int64) model.Record {
	return model.Record{ID: id(1), Rev: rev, Fields: fields("first", "one\nTWO\nthree\n"), Device: "phone", SavedAt: b.Now(), ServerAt: b.Now()}
}

func reviewed(b *bench) error {
	if err := edited(b); err != nil {
		return err
	}
	return b.device.Write(ctx, func(tx store.Tx) error {
		base := fields("first", "one\ntwo\nthree\n")
		rec := theirs(b, 9)
		return errors.Join(tx.PutReview(model.Review{NoteID: id(1), Base: &base, Remote: rec, DetectedAt: b.Now()}), tx.PutShadow(rec),
			tx.SetOps(id(1), nil), tx.SetStatus(id(1), model.NeedsReview))
	})
}

// onlyOp returns the op that waits.
func onlyOp(b *bench) (op model.Op, err error) {
	err = b.device.Read(ctx, func(r store.Reader) error {
		ops, err := r.Ops(id(1))
		if err == nil && len(ops) != 1 {
			err = fmt.Errorf("%d ops", len(ops))
		}
		if err == nil {
			op = ops[0]
		}
		return err
	})
	return op, err
}

func freeze(b *bench) error {
	op, err := onlyOp(b)
	if err != nil {
		return err
	}
	return b.device.Write(ctx, func(tx store.Tx) error { return tx.Freeze([]string{op.ID}, "cursor") })
}

func draft(b *bench, text string) error {
	return b.device.PutDraft(ctx, model.Draft{Key: id(1), NoteID: id(1), Base: fields("first", "one"), Text: fields("first", text), At: b.Now()})
}

var long = strings.Repeat("a line that is long enough to fill many pages\n", 450)

// deviceWrites are the ways in which a device's store is written.
var deviceWrites = []scenario{
	{name: "make the store", opening: true},
	{name: "create", act: func(b *bench) error { _, err := b.notes.Create(ctx, fields("new", "text")); return err }},
	{name: "edit", before: first, act: func(b *bench) error { return edit(b, id(1), "one\n2\nthree\n") }},
	{name: "edit, many pages", before: first, act: func(b *bench) error { return edit(b, id(1), long) }},
	{name: "append", before: first, act: func(b *bench) error { _, err := b.notes.Append(ctx, id(1), "entry"); return err }},
	{name: "delete", before: first, act: deleted},
	{name: "restore", before: func(b *bench) error { return errors.Join(first(b), deleted(b), synced(b, id(1))) },
		act: func(b *bench) error { _, err := b.notes.Restore(ctx, id(1)); return err }},
	{name: "purge", before: func(b *bench) error { return errors.Join(edited(b), synced(b, id(1)), deleted(b)) },
		act: func(b *bench) error { return b.notes.Purge(ctx, id(1)) }},
	{name: "resolve", before: reviewed,
		act: func(b *bench) error { _, err := b.notes.Resolve(ctx, id(1), 9, fields("first", "both")); return err }},
	{name: "discard", before: edited, act: func(b *bench) error { _, err := b.notes.Discard(ctx, id(1)); return err }},
	{name: "freeze", before: edited, act: freeze},
	{name: "settle", before: func(b *bench) error { return errors.Join(edited(b), freeze(b)) }, act: func(b *bench) error {
		op, err := onlyOp(b)
		if err != nil {
			return err
		}
		return b.device.Write(ctx, func(tx store.Tx) error {
			_, err := tx.SettleClean(op, 10, b.Now())
			return errors.Join(err, tx.SetCursor("10"))
		})
	}},
	{name: "a pulled page", before: edited, act: func(b *bench) error {
		return b.device.Write(ctx, func(tx store.Tx) error {
			for i := range 30 {
				n := model.Note{ID: id(5000 + i), Fields: fields(fmt.Sprint("pulled ", i), long[:1000+i*10]), UpdatedAt: b.Now(), Device: "phone",
					Cause: model.CausePull, Status: model.Synced, Rev: int64(20 + i)}
				if _, err := tx.PutNote(n); err != nil {
					return err
				}
			}
			return errors.Join(tx.Hold(store.Held{Record: theirs(b, 60), Reason: store.HeldForOp}), tx.SetCursor("60"))
		})
	}},
	{name: "put in review", before: edited, act: func(b *bench) error {
		return b.device.Write(ctx, func(tx store.Tx) error {
			return errors.Join(tx.PutReview(model.Review{NoteID: id(1), Remote: theirs(b, 9), DetectedAt: b.Now()}), tx.PutShadow(theirs(b, 9)),
				tx.SetOps(id(1), nil), tx.SetStatus(id(1), model.NeedsReview), tx.SetCursor("9"))
		})
	}},
	{name: "draft", before: func(b *bench) error { return errors.Join(first(b), draft(b, "typed")) },
		act: func(b *bench) error { return draft(b, long) }},
	{name: "drop draft", before: func(b *bench) error { return errors.Join(first(b), draft(b, long)) },
		act: func(b *bench) error { return b.device.DropDraft(ctx, id(1)) }},
	{name: "switch servers", before: func(b *bench) error {
		return errors.Join(b.device.SwitchServer(ctx, "one"), reviewed(b), draft(b, "typed"))
	}, act: func(b *bench) error { return b.device.SwitchServer(ctx, "two") }},
	{name: "lease", act: func(b *bench) error { _, err := b.device.Lease(ctx); return err }},
	{name: "open and search", opening: true, before: edited, act: func(b *bench) error {
		q := model.Query{Text: []model.Term{{Text: "three"}}}
		found, err := b.device.FindComplete(ctx, q, 0)
		if err == nil && len(found) != 1 {
			return fmt.Errorf("%d notes found without an error", len(found))
		}
		return err
	}},
}

// change is a write to a server's store.
func change(b *bench, n int, kind model.Kind, base int64, body string) serverstore.Write {
	op := model.Op{ID: b.ID(), NoteID: id(n), Kind: kind, BaseRev: base, Device: "desk"}
	if body != "" {
		op.Patch.Body = &body
	}
	sum, err := wire.Fingerprint(op)
	if err != nil {
		panic(err) // a mistake of the test
	}
	return serverstore.Write{Op: op, Fingerprint: sum, At: b.Now()}
}

func apply(b *bench, writes ...serverstore.Write) error {
	done, err := b.server.Apply(ctx, 1, serverstore.Cursor{}, writes)
	for _, d := range done {
		if d.Verdict != serverstore.Applied {
			err = errors.Join(err, fmt.Errorf("verdict %s", d.Verdict))
		}
	}
	return err
}

func account(b *bench) error {
	return errors.Join(b.server.AddAccount(ctx, "ana"), b.server.AddToken(ctx, "ana", "desk", [32]byte{1}),
		apply(b, change(b, 1, model.Create, 0, "one")))
}

// applyOn applies a change that builds on what note 1 is now, with others.
func applyOn(b *bench, kind model.Kind, body string, others ...serverstore.Write) error {
	n, err := b.server.Note(ctx, 1, id(1))
	if err != nil {
		return err
	}
	return apply(b, append([]serverstore.Write{change(b, 1, kind, n.Rev, body)}, others...)...)
}

// serverWrites are the ways in which a server's store is written.
var serverWrites = []scenario{
	{name: "make the server's store", server: true, opening: true},
	{name: "apply one", server: true, before: account, act: func(b *bench) error { return apply(b, change(b, 2, model.Create, 0, "new")) }},
	{name: "apply a batch", server: true, before: account, act: func(b *bench) error {
		var batch []serverstore.Write
		for i := range 40 {
			batch = append(batch, change(b, 10+i, model.Create, 0, long[:500*(i+1)]))
		}
		return applyOn(b, model.Update, "two", batch...)
	}},
	{name: "apply a purge", server: true, before: func(b *bench) error {
		return errors.Join(account(b), applyOn(b, model.Update, "two"), applyOn(b, model.Delete, ""))
	}, act: func(b *bench) error { return applyOn(b, model.Purge, "") }},
	{name: "add an account", server: true, before: account, act: func(b *bench) error { return b.server.AddAccount(ctx, "bob") }},
	{name: "remove an account", server: true, before: account, act: func(b *bench) error { return b.server.RemoveAccount(ctx, "ana") }},
	{name: "add a token", server: true, before: account, act: func(b *bench) error {
		return b.server.AddToken(ctx, "ana", "phone", [32]byte{2})
	}},
	{name: "revoke tokens", server: true, before: account, act: func(b *bench) error {
		_, err := b.server.RevokeTokens(ctx, "ana", "desk")
		return err
	}},
}

var writes = append(append([]scenario{}, deviceWrites...), serverWrites...)

// later is another write on the same store, after the one that failed.
func (b *bench) later() error {
	b.reset(9)
	if b.server != nil {
		return b.server.AddAccount(ctx, "later")
	}
	_, err := b.notes.Create(ctx, fields("later", "saved after the failure"))
	return err
}
