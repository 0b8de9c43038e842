package editor

import (
	tea "charm.land/bubbletea/v2"

	"stet/ui/screen"
)

// Keys returns the bindings that work now.
func (e *Editor) Keys() []screen.Binding {
	if e.missing != "" {
		return []screen.Binding{screen.Bind("back", "back", "esc", "esc")}
	}
	if e.asking.kind != askNothing {
		return e.asking.keys()
	}
	return []screen.Binding{
		screen.Bind("back", "done, saved", "esc", "esc"),
		screen.Bind("save", "save now", "ctrl+s", "ctrl+s"),
		screen.Bind("find", "find", "ctrl+f", "ctrl+f"),
		screen.Bind("undo", "undo", "ctrl+z", "ctrl+z", "ctrl+_").Unless(e.whyNoUndo()),
		screen.Bind("tags", "tags", "ctrl+t", "ctrl+t"),
		screen.Bind("notebook", "notebook", "ctrl+o", "ctrl+o"),
		screen.Bind("external", "$EDITOR", "ctrl+e", "ctrl+e"),
		screen.Bind("replace", "replace", "ctrl+r", "ctrl+r"),
		screen.Bind("redo", "redo", "ctrl+y", "ctrl+y").Unless(e.whyNoRedo()),
		screen.Bind("palette", "commands", "ctrl+p", "ctrl+p"),
		screen.Bind("help", "all keys", "f1", "f1"),
		screen.Bind("field", "title or body", "", "tab", "shift+tab"),
		screen.Bind("again", "find again", "", "ctrl+g").Unless(e.whyNoAgain()),
	}
}

func (e *Editor) whyNoUndo() string {
	if e.text.body.CanUndo() {
		return ""
	}
	return "nothing was changed"
}

func (e *Editor) whyNoRedo() string {
	if e.text.body.CanRedo() {
		return ""
	}
	return "nothing was undone"
}

func (e *Editor) whyNoAgain() string {
	if e.lastFind != "" {
		return ""
	}
	return "nothing was searched"
}

// typing takes keys and pastes, and starts the clocks when they changed
// something. Keys that come before the note does wait for it.
func (e *Editor) typing(msg tea.Msg) tea.Cmd {
	if e.missing != "" {
		if key, ok := msg.(tea.KeyPressMsg); ok && (key.String() == "esc" || key.String() == "q") {
			return ask(screen.Back{})
		}
		return nil
	}
	if !e.loaded {
		e.early = append(e.early, msg)
		return nil
	}
	before := e.text.stamp()
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.PasteMsg:
		e.paste(msg)
	case tea.KeyPressMsg:
		cmd = e.press(msg)
	}
	if e.text.stamp() == before {
		return cmd
	}
	if !e.notice.warn && !e.beneath {
		e.notice = notice{}
	}
	return tea.Batch(cmd, e.typed())
}

// paste puts text in as it is: a pasted q is a letter, a pasted tab a tab.
func (e *Editor) paste(msg tea.PasteMsg) {
	switch {
	case e.asking.kind != askNothing:
		e.asked(msg)
	case e.at == inTitle:
		e.text.typeTitle(msg)
	default:
		e.body.Update(e.text.body, msg)
	}
}

func (e *Editor) press(msg tea.KeyPressMsg) tea.Cmd {
	if e.asking.kind != askNothing {
		return e.asked(msg)
	}
	switch msg.String() {
	case "esc":
		if _, _, ok := e.text.body.Selection(); ok {
			e.text.body.Unselect()
			return nil
		}
		return e.leave()
	case "ctrl+s":
		return e.saveNow()
	case "ctrl+e":
		return e.handOver()
	case "ctrl+p":
		return ask(screen.OpenPalette{})
	case "f1":
		return ask(screen.OpenHelp{})
	case "ctrl+f", "ctrl+r", "ctrl+t", "ctrl+o":
		e.ask(msg.String())
	case "ctrl+g":
		e.findAgain()
	case "ctrl+z", "ctrl+_":
		e.undo()
	case "ctrl+y":
		e.text.body.Redo()
		e.at = inBody
	default:
		if e.at == inTitle {
			e.pressTitle(msg)
		} else {
			e.pressBody(msg)
		}
	}
	return nil
}

// undo takes back the last change of the body, or a whole recovery.
func (e *Editor) undo() {
	if e.back != nil && e.text.stamp() == e.backAt {
		f := *e.back
		e.text.body.Undo()
		e.text.setOthers(f)
		e.back = nil
		return
	}
	e.at = inBody
	e.text.body.Undo()
}

func (e *Editor) pressTitle(msg tea.KeyPressMsg) {
	switch msg.String() {
	case "enter", "tab", "down":
		e.at = inBody
	case "shift+tab":
	default:
		e.text.typeTitle(msg)
	}
}

// pressBody gives a key to the text; at its top the title is above it.
func (e *Editor) pressBody(msg tea.KeyPressMsg) {
	b := e.text.body
	switch before := b.Version(); {
	case msg.String() == "up" && b.Cursor() == 0:
		e.at = inTitle
	case e.body.Update(b, msg) && msg.String() == "shift+tab" && b.Version() == before:
		e.at = inTitle
	}
}
