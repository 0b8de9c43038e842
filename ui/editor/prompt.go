package editor

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/screen"
)

// askKind is what the line at the bottom asks for.
type askKind int

const (
	askNothing askKind = iota
	askFind
	askReplace // what
	askWith    // by what
	askEach    // y n a
	askTags
	askNotebook
)

// prompt is the line at the bottom while it asks.
type prompt struct {
	kind   askKind
	line   screen.Input
	what   string // the text to replace
	with   string
	origin int // where the search began
	count  int // matches of the query
}

var questions = map[askKind]string{askFind: "find", askReplace: "replace", askWith: "with", askTags: "tags", askNotebook: "notebook"}

func (p *prompt) keys() []screen.Binding {
	switch p.kind {
	case askFind:
		return []screen.Binding{
			screen.Bind("next", "next", "enter", "enter", "ctrl+g", "down"),
			screen.Bind("previous", "previous", "up", "up"),
			screen.Bind("close", "close", "esc", "esc"),
		}
	case askEach:
		return []screen.Binding{
			screen.Bind("yes", "replace", "y", "y"), screen.Bind("skip", "skip", "n", "n"),
			screen.Bind("all", "all", "a", "a"), screen.Bind("close", "close", "esc", "esc"),
		}
	}
	return []screen.Binding{screen.Bind("accept", "accept", "enter", "enter"), screen.Bind("close", "cancel", "esc", "esc")}
}

// ask opens the prompt that a key stands for.
func (e *Editor) ask(key string) {
	p := prompt{origin: e.text.body.Cursor()}
	switch key {
	case "ctrl+f":
		p.kind = askFind
	case "ctrl+r":
		p.kind = askReplace
	case "ctrl+t":
		p.kind = askTags
		p.line.SetValue(tagLine(e.text.tags))
	case "ctrl+o":
		p.kind = askNotebook
		p.line.SetValue(e.text.notebook)
	}
	e.asking = p
}

// asked gives a key or a paste to the prompt.
func (e *Editor) asked(msg tea.Msg) tea.Cmd {
	p := &e.asking
	key, isKey := msg.(tea.KeyPressMsg)
	if p.kind == askEach {
		if isKey {
			e.askedEach(key.String())
		}
		return nil
	}
	if isKey {
		switch key.String() {
		case "esc":
			e.closePrompt()
			return nil
		case "enter":
			e.answer()
			return nil
		}
		if p.kind == askFind && e.findKey(key.String()) {
			return nil
		}
	}
	if _, changed := p.line.Update(msg); changed && p.kind == askFind {
		e.find(p.line.Value())
	}
	return nil
}

func (e *Editor) findKey(name string) bool {
	switch name {
	case "ctrl+g", "down", "ctrl+n":
		e.text.body.FindNext()
	case "up", "ctrl+p":
		e.text.body.FindPrev()
	default:
		return false
	}
	return true
}

// answer takes the prompt's line.
func (e *Editor) answer() {
	p := &e.asking
	v := p.line.Value()
	switch p.kind {
	case askFind:
		if v == "" && e.lastFind != "" { // enter alone looks for what was found last
			p.line.SetValue(e.lastFind)
			e.find(e.lastFind)
			return
		}
		e.text.body.FindNext()
	case askReplace:
		if v == "" {
			e.closePrompt()
			return
		}
		p.what, p.kind = v, askWith
		p.line.SetValue("")
	case askWith:
		p.with, p.kind = v, askEach
		e.find(p.what)
		if p.count == 0 {
			e.say("Not found: "+p.what, false)
			e.closePrompt()
		}
	case askTags:
		if v != tagLine(e.text.tags) {
			e.text.tags = readTags(v)
			e.text.others++
		}
		e.closePrompt()
	case askNotebook:
		if v = model.NormalNotebook(v); v != e.text.notebook {
			e.text.notebook = v
			e.text.others++
		}
		e.closePrompt()
	}
}

// askedEach answers for one match.
func (e *Editor) askedEach(name string) {
	p, b := &e.asking, e.text.body
	switch name {
	case "y", "enter":
		if b.Replace(p.with) {
			p.count--
		}
		if p.count <= 0 {
			e.closePrompt()
		}
	case "n", "down":
		b.FindNext()
	case "a":
		b.Unselect()
		e.say(fmt.Sprintf("Replaced %d · ctrl+z takes it back", b.ReplaceAll(p.with)), false)
		e.closePrompt()
	case "esc", "q":
		e.closePrompt()
	}
}

// find looks for q from where the search began. Lower case finds both cases.
func (e *Editor) find(q string) {
	b := e.text.body
	if q != "" {
		e.lastFind = q
	}
	b.SetQuery(q, q == strings.ToLower(q))
	b.SetCursor(e.asking.origin)
	e.asking.count = 0
	if q == "" {
		return
	}
	e.asking.count = b.Count()
	b.FindNext()
	e.at = inBody
}

// findAgain goes to the next match of the last search.
func (e *Editor) findAgain() {
	if e.lastFind == "" {
		e.ask("ctrl+f")
		return
	}
	b := e.text.body
	b.SetQuery(e.lastFind, e.lastFind == strings.ToLower(e.lastFind))
	if !b.FindNext() {
		e.say("Not found: "+e.lastFind, false)
	}
	b.SetQuery("", false)
	e.at = inBody
}

// closePrompt goes back to the text; what was found stays selected.
func (e *Editor) closePrompt() {
	e.text.body.SetQuery("", false)
	e.asking = prompt{}
}
