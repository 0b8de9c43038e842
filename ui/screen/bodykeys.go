package screen

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"stet/ui/kit/textbuf"
)

// BodyKeys gives keys and pastes to a text of many lines: movement, selection
// with shift, deletion, undo, and what was cut last. The zero value is ready.
type BodyKeys struct{ clip string }

// Update handles a key or a paste. It reports whether it took the message. A
// paste goes in as it is and never acts as a key.
func (k *BodyKeys) Update(b *textbuf.Buffer, msg tea.Msg) bool {
	switch msg := msg.(type) {
	case tea.PasteMsg:
		b.Insert(strings.ToValidUTF8(msg.Content, "\uFFFD"))
		return true
	case tea.KeyPressMsg:
		return k.press(b, msg)
	}
	return false
}

func (k *BodyKeys) press(b *textbuf.Buffer, msg tea.KeyPressMsg) bool {
	name := msg.String()
	plain := strings.TrimPrefix(name, "shift+")
	if move := moves[plain]; move != nil {
		if plain != name {
			b.Select()
		} else {
			b.Unselect()
		}
		move(b)
		return true
	}
	if k.change(b, name) {
		return true
	}
	if msg.Text == "" || msg.Mod&(tea.ModCtrl|tea.ModAlt) != 0 {
		return false
	}
	b.Insert(msg.Text)
	return true
}

// moves are the keys that move the cursor; with shift they select.
var moves = map[string]func(*textbuf.Buffer){
	"left": (*textbuf.Buffer).Left, "right": (*textbuf.Buffer).Right, "up": (*textbuf.Buffer).Up, "down": (*textbuf.Buffer).Down,
	"ctrl+b": (*textbuf.Buffer).Left, "ctrl+p": (*textbuf.Buffer).Up, "ctrl+n": (*textbuf.Buffer).Down,
	"ctrl+left": (*textbuf.Buffer).WordLeft, "ctrl+right": (*textbuf.Buffer).WordRight,
	"alt+left": (*textbuf.Buffer).WordLeft, "alt+right": (*textbuf.Buffer).WordRight,
	"alt+b": (*textbuf.Buffer).WordLeft, "alt+f": (*textbuf.Buffer).WordRight,
	"home": (*textbuf.Buffer).LineStart, "end": (*textbuf.Buffer).LineEnd, "ctrl+a": (*textbuf.Buffer).LineStart,
	"ctrl+home": (*textbuf.Buffer).Home, "ctrl+end": (*textbuf.Buffer).End,
	"pgup": (*textbuf.Buffer).PageUp, "pgdown": (*textbuf.Buffer).PageDown,
}

// change runs the keys that change the text other than by characters.
func (k *BodyKeys) change(b *textbuf.Buffer, name string) bool {
	switch name {
	case "enter", "ctrl+j":
		b.NewlineSmart()
	case "shift+enter", "alt+enter":
		b.InsertNewline()
	case "tab":
		b.Tab()
	case "shift+tab":
		b.Outdent()
	case "backspace", "ctrl+h", "shift+backspace":
		b.Backspace()
	case "delete", "ctrl+d":
		b.Delete()
	case "ctrl+z", "ctrl+_":
		b.Undo()
	case "ctrl+y":
		b.Redo()
	default:
		return k.cut(b, name)
	}
	return true
}

// cut runs the keys that take text away to be put back with ctrl+v.
func (k *BodyKeys) cut(b *textbuf.Buffer, name string) bool {
	s := ""
	switch name {
	case "ctrl+k":
		s = b.KillLine()
	case "ctrl+u":
		s = b.KillLineBack()
	case "ctrl+w", "ctrl+backspace", "alt+backspace":
		s = b.KillWordBack()
	case "alt+d", "ctrl+delete":
		s = b.KillWord()
	case "ctrl+x":
		if s = b.Selected(); s != "" {
			b.Delete()
		}
	case "alt+c":
		s = b.Selected()
	case "ctrl+v":
		b.Insert(k.clip)
	default:
		return false
	}
	if s != "" {
		k.clip = s
	}
	return true
}
