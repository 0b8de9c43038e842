package screen

import (
	"strings"
	"unicode"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
)

// named are the keys that have a name of their own.
var named = map[string]rune{
	"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "backspace": tea.KeyBackspace,
	"delete": tea.KeyDelete, "up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight,
	"home": tea.KeyHome, "end": tea.KeyEnd, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "space": tea.KeySpace,
	"f1": tea.KeyF1, "insert": tea.KeyInsert,
}

// Press returns the key press that a key name of a binding stands for, such as
// "j", "G", "ctrl+p", "shift+tab" or "space". The palette runs an action by
// pressing its key; tests press keys by name.
func Press(name string) tea.KeyPressMsg {
	var k tea.KeyPressMsg
	for {
		head, rest, ok := strings.Cut(name, "+")
		mod, known := map[string]tea.KeyMod{"ctrl": tea.ModCtrl, "alt": tea.ModAlt, "shift": tea.ModShift}[head]
		if !ok || !known || rest == "" {
			break
		}
		k.Mod |= mod
		name = rest
	}
	if code, ok := named[name]; ok {
		k.Code = code
		if name == "space" && k.Mod == 0 {
			k.Text = " "
		}
		return k
	}
	r, _ := utf8.DecodeRuneInString(name)
	k.Code = unicode.ToLower(r)
	if k.Mod&^tea.ModShift == 0 {
		k.Text = name
		if k.Code != r {
			k.Mod |= tea.ModShift
			k.ShiftedCode = r
		}
	}
	return k
}

// Takes reports whether one of the bindings that can be used now has the key.
func Takes(bindings []Binding, name string) bool {
	for _, b := range bindings {
		if b.Off != "" || !b.Enabled() {
			continue
		}
		for _, k := range b.Keys() {
			if k == name {
				return true
			}
		}
	}
	return false
}

// Bind makes a binding: the action's name, what footer and help say of it, how
// the key is shown there, and the keys themselves. An empty shown keeps the
// binding out of the footer.
func Bind(name, does, shown string, keys ...string) Binding {
	b := Binding{Name: name}
	b.SetKeys(keys...)
	b.SetHelp(shown, does)
	return b
}

// Unless returns the binding switched off with a reason, if there is one.
func (b Binding) Unless(reason string) Binding {
	b.Off = reason
	return b
}
