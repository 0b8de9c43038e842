package syncengine

import (
	"encoding/json"
	"fmt"
	"slices"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/store"
)

// landed is a change of this device that a server took while the cursor could
// not move over it, since there was more that is not known here. The next pull
// must show it: if it does not, the server went back to a time before it, which
// the cursor alone would not tell.
type landed struct {
	Note string `json:"note"`
	Rev  int64  `json:"rev"`
}

// maxLanded bounds the list; the newest are kept.
const maxLanded = 1000

func readLanded(tx store.Reader) (all []landed, err error) {
	text, err := tx.Meta(store.MetaTaken)
	if err != nil || text == "" {
		return nil, err
	}
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("read what a pull has to show: %w", err)
	}
	return all, nil
}

func writeLanded(tx store.Tx, all []landed) error {
	if len(all) == 0 {
		return tx.SetMeta(store.MetaTaken, "")
	}
	text, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("write what a pull has to show: %w", err)
	}
	return tx.SetMeta(store.MetaTaken, string(text))
}

// expectLanded notes the changes that a push made, for the next pull. Each of
// them counts: a later one may be shown only because another device has written
// to its note since.
func expectLanded(tx store.Tx, ops []remote.Op, res remote.PushResult) error {
	var made []landed
	for i, out := range res.Outcomes {
		if changed(ops[i], out) {
			made = append(made, landed{ops[i].NoteID, out.Rev})
		}
	}
	if len(made) == 0 {
		return nil
	}
	all, err := readLanded(tx)
	if err != nil {
		return err
	}
	all = append(all, made...)
	return writeLanded(tx, all[max(0, len(all)-maxLanded):])
}

// changed reports whether an op certainly made a change that lies beyond the
// cursor: it was not overtaken, and did not find all as it wanted it. What is
// deleted may have been so before, and an entry may have been there, at a
// revision that the cursor has passed.
func changed(op remote.Op, out remote.Outcome) bool {
	return out.Kind == remote.Applied && !out.Superseded && !out.Seen && out.Rev > op.BaseRev &&
		(op.Kind == model.Create || op.Kind == model.Update)
}

// showLanded strikes out what a page of a pull shows, at this revision or at a
// later one.
func showLanded(tx store.Tx, changes []model.Record) error {
	all, err := readLanded(tx)
	if err != nil || len(all) == 0 {
		return err
	}
	shown := make(map[string]int64, len(changes))
	for _, rec := range changes {
		shown[rec.ID] = max(shown[rec.ID], rec.Rev)
	}
	left := slices.DeleteFunc(slices.Clone(all), func(l landed) bool { return shown[l.Note] >= l.Rev })
	if len(left) == len(all) {
		return nil
	}
	return writeLanded(tx, left)
}

// checkLanded is asked at the end of a pull.
func checkLanded(tx store.Reader) error {
	all, err := readLanded(tx)
	if err == nil && len(all) > 0 {
		err = &remote.ResyncError{Reason: remote.CursorUnknown}
	}
	return err
}
