package merge

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	engine "stet/syncengine/merge"

	"stet/model"
	"stet/ui/kit/textbuf"
	"stet/ui/screen"
)

// choiceKeys are the keys that decide an item.
var choiceKeys = map[string]engine.Choice{"1": engine.Mine, "2": engine.Theirs, "3": engine.Both, "4": engine.BothTheirsFirst,
	"b": engine.Both, "B": engine.BothTheirsFirst, "0": engine.Base, "x": engine.Neither}

// Keys returns the bindings that work now.
func (m *Merge) Keys() []screen.Binding {
	switch {
	case m.over:
		return []screen.Binding{screen.Bind("next", "next review", "enter", "enter"), screen.Bind("back", "back", "esc", "esc", "q")}
	case m.walk == nil:
		return []screen.Binding{screen.Bind("back", "back", "esc", "esc", "q")}
	case m.editing != nil:
		return []screen.Binding{screen.Bind("take", "take this text", "esc", "esc", "ctrl+s"), screen.Bind("undo", "undo", "ctrl+z", "ctrl+z")}
	case m.chord == "ctrl+g":
		return []screen.Binding{screen.Bind("rest-1", "all that are left: "+m.names.mine, "1", "1"),
			screen.Bind("rest-2", "all that are left: "+m.names.theirs, "2", "2"), screen.Bind("cancel", "cancel", "esc", "esc")}
	}
	keys := m.choiceBindings()
	return append(keys,
		screen.Bind("undo", "undo", "u", "u", "z").Unless(unless(len(m.walk.done) > 0, "nothing was chosen")),
		screen.Bind("save", "save", "s", "s", "ctrl+s"),
		screen.Bind("next", "next", "tab", "tab", "right", "l", "]"),
		screen.Bind("previous", "previous", "shift+tab", "shift+tab", "left", "h", "["),
		screen.Bind("rest", "all that are left", "ctrl+g", "ctrl+g"),
		screen.Bind("redo", "redo", "ctrl+r", "ctrl+r", "Z").Unless(unless(len(m.walk.undone) > 0, "nothing was undone")),
		screen.Bind("external", "whole result in $EDITOR", "E", "E"),
		screen.Bind("layout", "layout", "v", "v"),
		screen.Bind("merged", "walk what was merged too", "a", "a"),
		screen.Bind("reopen", "open this again", "r", "r"),
		screen.Bind("down", "scroll", "", "j", "down", "ctrl+d", "pgdown", "space", "G", "end"),
		screen.Bind("up", "scroll back", "", "k", "up", "ctrl+u", "pgup", "g", "home"),
		screen.Bind("back", "leave, choices kept", "esc", "esc", "q"),
	)
}

// choiceBindings are the keys that decide the current item.
func (m *Merge) choiceBindings() []screen.Binding {
	at := m.walk.at
	if at < 0 {
		return nil
	}
	sh := m.walk.sheet
	if sh.items[at].field == model.FieldDeleted {
		keep, del := "1", "2"
		if sh.local.Deleted {
			keep, del = "2", "1"
		}
		return []screen.Binding{screen.Bind("keep", "keep (restore everywhere)", keep, keep), screen.Bind("delete", "delete", del, del)}
	}
	off := func(c engine.Choice) string { return sh.why(at, c) }
	return []screen.Binding{
		screen.Bind("mine", m.names.mine, "1", "1"),
		screen.Bind("theirs", m.names.theirs, "2", "2"),
		screen.Bind("both", "both", "3", "3", "b").Unless(off(engine.Both)),
		screen.Bind("both-swapped", "both, "+m.names.theirs+" first", "4", "4", "B").Unless(off(engine.BothTheirsFirst)),
		screen.Bind("base", "before", "0", "0").Unless(off(engine.Base)),
		screen.Bind("neither", "neither", "x", "x").Unless(off(engine.Neither)),
		screen.Bind("edit", "edit", "e", "e").Unless(off(engine.Edited)),
	}
}

func unless(ok bool, reason string) string {
	if ok {
		return ""
	}
	return reason
}

func (m *Merge) press(msg tea.KeyPressMsg) tea.Cmd {
	name := msg.String()
	switch {
	case m.over:
		return m.pressOver(name)
	case m.walk == nil:
		if name == "esc" || name == "q" {
			return ask(screen.Back{})
		}
		return nil
	case m.saving:
		return nil
	case m.editing != nil:
		return m.pressEditing(msg)
	case m.chord != "":
		return m.pressChord(name)
	}
	if !m.warn || name != "esc" && name != "q" {
		m.notice = ""
	}
	cmd := m.pressWalk(name)
	if m.notice == "" {
		m.warn = false
	}
	return cmd
}

func (m *Merge) pressOver(name string) tea.Cmd {
	switch name {
	case "enter":
		if m.next != nil {
			return m.goOn()
		}
	case "esc", "q":
		return ask(screen.Back{})
	}
	return nil
}

func (m *Merge) pressWalk(name string) tea.Cmd {
	if c, ok := choiceKeys[name]; ok {
		return m.decide(pick{Choice: c})
	}
	switch name {
	case "]", "[", "ctrl+g":
		m.chord = name
	case "tab", "right", "l":
		m.move(1)
	case "shift+tab", "left", "h":
		m.move(-1)
	case "u", "z":
		return m.undo()
	case "ctrl+r", "Z":
		return m.redo()
	case "r":
		return m.reopen()
	case "e":
		m.edit()
	case "E":
		return m.handOver()
	case "v":
		m.layout = (m.layout + 1) % 3
	case "a":
		m.toggleMerged()
	case "s", "ctrl+s":
		return m.save()
	case "esc", "q":
		return m.leave()
	default:
		m.scroll(name)
	}
	return nil
}

// pressChord takes the second key of a pair.
func (m *Merge) pressChord(name string) tea.Cmd {
	chord := m.chord
	m.chord = ""
	switch {
	case chord == "]" && (name == "c" || name == "]"):
		m.move(1)
	case chord == "[" && (name == "c" || name == "["):
		m.move(-1)
	case chord == "ctrl+g" && (name == "1" || name == "2"):
		n := m.walk.rest(choiceKeys[name])
		from := m.names.mine
		if name == "2" {
			from = m.names.theirs
		}
		m.say(plural(n, "chosen")+" from "+from+" · u takes it back", false)
		return m.chosen()
	}
	return nil
}

// pressEditing gives a key to the hunk being edited.
func (m *Merge) pressEditing(msg tea.KeyPressMsg) tea.Cmd {
	switch msg.String() {
	case "esc", "ctrl+s":
		stamp := m.walk.stamp
		at := m.walk.at
		m.takeEdit()
		if m.walk.stamp == stamp {
			return nil
		}
		return m.advance(at)
	case "enter":
		if m.walk.sheet.items[m.walk.at].hunk < 0 {
			return m.pressEditing(screen.Press("esc"))
		}
	}
	m.keys.Update(m.editing, msg)
	return nil
}

// decide makes a choice and goes to the next open item.
func (m *Merge) decide(p pick) tea.Cmd {
	at := m.walk.at
	if err := m.walk.choose(p); err != nil {
		m.say(err.Error(), true)
		return nil
	}
	return m.advance(at)
}

func (m *Merge) advance(from int) tea.Cmd {
	if isOpen(m.walk.picks[from]) == 0 {
		m.walk.toOpen()
	}
	m.panes.wanted = m.walk.at
	return m.chosen()
}

func (m *Merge) undo() tea.Cmd {
	if !m.walk.undo() {
		m.say("Nothing to undo", false)
		return nil
	}
	m.panes.wanted = m.walk.at
	return m.chosen()
}

func (m *Merge) redo() tea.Cmd {
	if !m.walk.redo() {
		m.say("Nothing to redo", false)
		return nil
	}
	m.panes.wanted = m.walk.at
	return m.chosen()
}

func (m *Merge) reopen() tea.Cmd {
	if err := m.walk.reopen(); err != nil {
		m.say(err.Error(), true)
		return nil
	}
	m.panes.wanted = m.walk.at
	return m.chosen()
}

func (m *Merge) move(d int) {
	m.walk.step(d)
	m.panes.wanted = m.walk.at
}

func (m *Merge) toggleMerged() {
	m.walk.all = !m.walk.all
	switch {
	case m.walk.all:
		m.say("Walking what was merged too · r opens one again", false)
	case m.walk.at >= 0 && !m.walk.walked(m.walk.at):
		m.walk.at = m.walk.firstOpen()
	}
	if m.walk.at < 0 && m.walk.all {
		m.walk.at = m.walk.firstOpen()
	}
	m.panes.wanted = m.walk.at
}

// edit opens the current item's result for typing.
func (m *Merge) edit() {
	at := m.walk.at
	if at < 0 {
		return
	}
	if why := m.walk.sheet.why(at, engine.Edited); why != "" {
		m.say(why, true)
		return
	}
	m.editFrom = m.walk.sheet.text(at, m.walk.picks[at])
	m.editing, m.wide = textbuf.New(m.editFrom, 80), 0
	m.editing.SetCursor(len(strings.TrimRight(m.editFrom, "\r\n")))
}

// decideEdited takes the typed text of the current item, if anything was typed.
// A title is one line.
func (m *Merge) decideEdited(text string) {
	at := m.walk.at
	if text == m.editFrom {
		return
	}
	switch m.walk.sheet.items[at].field {
	case model.FieldTitle:
		text = strings.Join(strings.Fields(text), " ")
	case model.FieldNotebook:
		text = model.NormalNotebook(text)
	}
	if err := m.walk.choose(pick{engine.Edited, text}); err != nil {
		m.say(err.Error(), true)
	}
}

// scroll moves the window over the note.
func (m *Merge) scroll(name string) {
	if m.panes.paper == nil {
		return
	}
	half, page := max(m.panes.height/2, 1), max(m.panes.height-1, 1)
	switch name {
	case "G", "end":
		m.panes.jump(len(m.panes.paper.rows))
	case "g", "home":
		m.panes.jump(0)
	case "j", "down":
		m.panes.scroll(1)
	case "k", "up":
		m.panes.scroll(-1)
	case "ctrl+d":
		m.panes.scroll(half)
	case "ctrl+u":
		m.panes.scroll(-half)
	case "pgdown", "space":
		m.panes.scroll(page)
	case "pgup":
		m.panes.scroll(-page)
	}
}
