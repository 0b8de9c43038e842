package editor

import (
	tea "charm.land/bubbletea/v2"

	engine "stet/syncengine/merge"

	"stet/model"
	"stet/ui/screen"
)

// handOver gives the body to $EDITOR, the draft written first.
func (e *Editor) handOver() tea.Cmd {
	if e.deps.EditExternally == nil {
		return nil
	}
	body := e.text.body.String()
	e.handed = &handout{body, e.base}
	return tea.Sequence(e.keepDraft(), e.deps.EditExternally("editor:"+e.key, body))
}

// edited takes the text back from $EDITOR: three-way, with the text handed out
// as base, against whatever stands in the editor now.
func (e *Editor) edited(msg screen.ExternalEdited) tea.Cmd {
	h := e.handed
	if h == nil || msg.Key != "editor:"+e.key {
		return nil
	}
	e.handed = nil
	if msg.Err != nil {
		e.say(msg.Err.Error(), true)
		return nil
	}
	now := e.text.body.String()
	if msg.Text == h.body {
		return nil
	}
	if now == h.body {
		e.text.body.Apply(msg.Text)
		return e.typed()
	}
	r := engine.Notes(&model.Fields{Body: h.body}, model.Fields{Body: now}, model.Fields{Body: msg.Text})
	if len(r.Conflicts) == 0 {
		e.text.body.Apply(r.Merged.Body)
		e.say("Merged with what changed while the text was in the editor", false)
		return e.typed()
	}
	// Both changed the same lines. What stands here is saved as it is; what came
	// back is saved against what was handed out, and so ends in a review.
	first := e.store(false)
	e.text.body.Apply(msg.Text)
	e.base, e.pinned = h.base, true
	e.base.Body = h.body
	return tea.Batch(first, e.store(false))
}
