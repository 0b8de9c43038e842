package merge

import (
	"encoding/json"
	"fmt"

	engine "stet/syncengine/merge"
)

// draft is what a left merge keeps: the steps that were made, each naming the
// texts it was made about, so that it can be replayed on another merge without
// ever touching a different conflict.
type draft struct {
	Remote int64       `json:"remoteRev"`
	Steps  []draftStep `json:"steps"`
}

type draftStep struct {
	Set   []draftPick `json:"set,omitempty"`
	Whole *draftWhole `json:"whole,omitempty"`
}

type draftPick struct {
	Key    string        `json:"key"`
	Nth    int           `json:"nth,omitempty"`
	Of     int           `json:"of"`
	Choice engine.Choice `json:"choice"`
	Text   string        `json:"text,omitempty"`
}

// draftWhole is an edit of the whole text; Remote is the other side's text that
// it was made with in view.
type draftWhole struct {
	Text   string `json:"text"`
	Remote string `json:"remote"`
}

// draft returns the steps made so far; remote is the other side's revision.
func (w *walk) draft(remote int64) draft {
	d := draft{Remote: remote, Steps: []draftStep{}}
	sheets := w.sheet
	for i := len(w.done) - 1; i >= 0; i-- { // the sheet that the first steps were made on
		if wh := w.done[i].whole; wh != nil {
			sheets = wh.from
		}
	}
	for _, s := range w.done {
		if s.whole != nil {
			d.Steps = append(d.Steps, draftStep{Whole: &draftWhole{s.whole.text, s.whole.seen}})
			sheets = s.whole.to
			continue
		}
		var ds draftStep
		for _, c := range s.changes {
			it := sheets.items[c.item]
			ds.Set = append(ds.Set, draftPick{it.key, it.nth, it.of, c.to.Choice, c.to.Text})
		}
		d.Steps = append(d.Steps, ds)
	}
	return d
}

func (d draft) encode() ([]byte, error) {
	b, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("write merge draft: %w", err)
	}
	return b, nil
}

// readDraft reads what encode wrote. What cannot be read is no draft: the
// choices are asked for again, which is never wrong.
func readDraft(b []byte) (draft, bool) {
	var d draft
	if len(b) == 0 || json.Unmarshal(b, &d) != nil {
		return draft{}, false
	}
	return d, len(d.Steps) > 0
}
