package main

import (
	"context"

	"stet/db/local"
	"stet/model"
	"stet/syncengine"
	"stet/ui/screen"
)

// notesPort is what the screens need of the notes: reading from the store,
// acting through the engine's room.
type notesPort struct {
	*local.Store
	*syncengine.Notes
}

var (
	_ screen.Notes    = notesPort{}
	_ screen.Resender = notesPort{}
)

// Resend queues what the server refused anew.
func (p notesPort) Resend(ctx context.Context, id string) error {
	_, err := p.SendAgain(ctx, id)
	return err
}

// RestoreVersion makes an old text the note's newest one.
func (p notesPort) RestoreVersion(ctx context.Context, id string, version int64) (model.Note, error) {
	v, err := p.VersionOf(ctx, id, version)
	if err != nil {
		return model.Note{}, err
	}
	return p.RestoreText(ctx, id, v.Fields)
}
