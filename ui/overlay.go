package ui

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"stet/ui/palette"
	"stet/ui/screen"
)

// overlay lies over the active screen and takes all keys until it is done.
type overlay interface {
	// update handles a key or a paste; done closes the overlay before cmd's
	// answer or the key to press arrives.
	update(msg tea.Msg) (press string, cmd tea.Cmd, done bool)
}

// list is an overlay that covers the upper part of the body.
type list struct {
	*palette.Palette
	ran func(name string)
}

func (l list) update(msg tea.Msg) (string, tea.Cmd, bool) {
	run, done := l.Update(msg)
	if run == nil {
		return "", nil, done
	}
	l.ran(run.Name)
	return run.Press, nil, true
}

// question asks in the footer before something that cannot be undone.
type question struct {
	screen.Confirm
	theme *screen.Theme
}

func (q *question) update(msg tea.Msg) (string, tea.Cmd, bool) {
	key, ok := msg.(tea.KeyPressMsg)
	if !ok {
		return "", nil, false
	}
	if s := key.String(); s == "y" || s == "Y" {
		return "", q.Yes, true
	}
	return "", nil, true
}

func (q *question) row(width int) string {
	p := q.theme.Pens()
	keys := p.KeyName.Paint(" y") + " " + screen.Words(q.Verb) + "  " + p.KeyName.Paint("esc") + " keep "
	return screen.Sides(" "+p.Warn.Paint(screen.Words(q.Text)), keys, width)
}

// overlayKey gives a message to the overlay and runs what it chose: an action
// of the palette runs by pressing its key.
func (a *App) overlayKey(msg tea.Msg) tea.Cmd {
	press, cmd, done := a.overlay.update(msg)
	if done {
		a.overlay = nil
	}
	if press == "" {
		return cmd
	}
	return a.press(screen.Press(press))
}

const everywhere = "Everywhere"

func (a *App) entries() []palette.Entry {
	top := a.top()
	keys := top.Keys()
	all := palette.Entries(screen.Words(top.Title()), keys)
	for _, e := range palette.Entries(everywhere, a.globals()) {
		if (top.Typing() && e.Name != "quit") || screen.Takes(keys, e.Press) {
			continue // the key is text here, or the screen's own
		}
		all = append(all, e)
	}
	return all
}

// openPalette lists the actions, those run last first.
func (a *App) openPalette() {
	all := a.entries()
	for i := range all {
		all[i].Group = "" // one list, ordered by use
	}
	slices.SortStableFunc(all, func(x, y palette.Entry) int { return a.rank(x.Name) - a.rank(y.Name) })
	a.overlay = list{palette.New(&a.theme, "Type to filter, enter runs, esc closes", ":", all), a.ranNow}
}

// openHelp lists the keys by where they work.
func (a *App) openHelp() {
	a.overlay = list{palette.New(&a.theme, "All keys: type to filter, enter runs, esc closes", "?", a.entries()), a.ranNow}
}

func (a *App) rank(name string) int {
	if i := slices.Index(a.recent, name); i >= 0 {
		return i
	}
	return len(a.recent)
}

func (a *App) ranNow(name string) {
	a.recent = slices.DeleteFunc(a.recent, func(n string) bool { return n == name })
	a.recent = slices.Insert(a.recent, 0, name)
	if len(a.recent) > 8 {
		a.recent = a.recent[:8]
	}
}
