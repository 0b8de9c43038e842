package screen

import (
	"strings"
	"unicode"

	tea "charm.land/bubbletea/v2"

	"stet/ui/kit/textbuf"
)

// Input is a line of text that the user types, with the usual keys: a query, a
// tag list. The zero Input is empty and ready.
type Input struct{ textbuf.Line }

// Update handles a key or a paste. It reports whether it took the message and
// whether the text changed.
func (in *Input) Update(msg tea.Msg) (took, changed bool) {
	before := in.Value()
	switch msg := msg.(type) {
	case tea.PasteMsg:
		in.Insert(strings.Map(printable, msg.Content))
		took = true
	case tea.KeyPressMsg:
		took = in.press(msg)
	}
	return took, in.Value() != before
}

// printable turns blanks of all kinds into spaces and drops control characters.
func printable(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case unicode.IsControl(r):
		return -1
	}
	return r
}

func (in *Input) press(msg tea.KeyPressMsg) bool {
	switch msg.String() {
	case "left", "ctrl+b":
		in.Left()
	case "right", "ctrl+f":
		in.Right()
	case "ctrl+left", "alt+b":
		in.WordLeft()
	case "ctrl+right":
		in.WordRight()
	case "home", "ctrl+a":
		in.Home()
	case "end", "ctrl+e":
		in.End()
	case "backspace", "ctrl+h":
		in.Backspace()
	case "delete", "ctrl+d":
		in.Delete()
	case "ctrl+u":
		in.KillToStart()
	case "ctrl+k":
		in.KillToEnd()
	case "ctrl+w", "alt+backspace":
		in.DeleteWord()
	default:
		if msg.Text == "" || msg.Mod&(tea.ModCtrl|tea.ModAlt) != 0 {
			return false
		}
		in.Insert(strings.Map(printable, msg.Text))
	}
	return true
}
