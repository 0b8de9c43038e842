package syncengine

import (
	"fmt"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/store"
)

// remoteNames is a Reader that tells which notes bear other ids on the server.
type remoteNames interface {
	// RemoteIDs calls f for each note that has a remote id, until f returns false.
	RemoteIDs(f func(remoteID, id string) bool) error
}

// fit makes what was pulled fit this device, where the server keeps less of a
// note than a native one: it finds the device's own writes in it, gives notes
// the ids that they have here, and lets fields that the server does not keep be
// as they are here.
func (e *Engine) fit(tx store.Reader, page *remote.Page) error {
	if len(page.Changes) == 0 {
		return nil
	}
	if e.remote.Caps().ServerIDs {
		if err := rename(tx, page); err != nil {
			return err
		}
	}
	if far, ok := e.remote.(remote.Recogniser); ok {
		sent, err := e.out(tx)
		if err != nil {
			return err
		}
		if len(sent) > 0 {
			far.Recognise(sent, page)
		}
	}
	for i, rec := range page.Changes {
		lacks := page.Lacks[rec.ID]
		if len(lacks) == 0 || rec.Fields.Deleted {
			continue
		}
		shadow, ok, err := tx.Shadow(rec.ID)
		if err != nil {
			return fmt.Errorf("read shadow: %w", err)
		}
		if ok {
			page.Changes[i].Fields = remote.Complete(rec.Fields, lacks, shadow.Fields)
		}
	}
	return nil
}

// rename gives records the ids that their notes have on this device.
func rename(tx store.Reader, page *remote.Page) error {
	names, ok := tx.(remoteNames)
	if !ok {
		return nil
	}
	at := make(map[string]int, len(page.Changes))
	for i, rec := range page.Changes {
		if at[rec.ID] = i; rec.RemoteID != "" {
			at[rec.RemoteID] = i
		}
	}
	err := names.RemoteIDs(func(remoteID, id string) bool {
		i, here := at[remoteID]
		if !here {
			return true
		}
		rec := &page.Changes[i]
		if lacks := page.Lacks[rec.ID]; lacks != nil && rec.ID != id {
			delete(page.Lacks, rec.ID)
			page.Lacks[id] = lacks
		}
		rec.ID, rec.RemoteID = id, remoteID
		return true
	})
	if err != nil {
		return fmt.Errorf("read remote ids: %w", err)
	}
	return nil
}

// out returns the ops whose outcome is not known.
func (e *Engine) out(tx store.Reader) (out []remote.Op, err error) {
	all, err := tx.Sendable(max(4*e.remote.Caps().MaxBatch, settleRows), e.time(), true)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	for _, op := range all {
		if op.State != model.Sent {
			break // they come after
		}
		full, err := e.fill(tx, op)
		if err != nil {
			return nil, err
		}
		out = append(out, full)
	}
	return out, nil
}
