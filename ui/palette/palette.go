// Package palette lists what can be done on a screen, to be filtered by typing
// and run with enter: the command palette and the help are the same list,
// made from the same bindings that handle the keys.
//
// Rules of the room: nothing here runs an action; the chosen entry is handed
// back. An entry that cannot be taken stays in the list and says why.
package palette

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	tea "charm.land/bubbletea/v2"

	"stet/ui/screen"
)

// Entry is one action.
type Entry struct {
	Group string // heading in the help
	Name  string // stable name
	Keys  string // as shown
	Does  string // in a few words
	Off   string // why it cannot be taken now, "" if it can
	Press string // the key that runs it
}

// Entries makes the list of a group's bindings, in their order. Bindings
// without a key or without words are left out.
func Entries(group string, bindings []screen.Binding) []Entry {
	var out []Entry
	for _, b := range bindings {
		if len(b.Keys()) == 0 || b.Help().Desc == "" || !b.Enabled() {
			continue
		}
		shown := b.Help().Key
		if shown == "" {
			shown = strings.Join(b.Keys(), " ")
		}
		out = append(out, Entry{group, b.Name, shown, b.Help().Desc, b.Off, b.Keys()[0]})
	}
	return out
}

// Palette is the open list.
type Palette struct {
	theme  *screen.Theme
	title  string
	prompt string
	all    []Entry
	hits   []hit
	in     screen.Input
	sel    int
	top    int
	refuse string // why the last enter ran nothing
}

// hit is an entry that matches, with the matched bytes of Does.
type hit struct {
	Entry
	marks []int
	score int
}

// New returns a list of entries under a title; prompt stands before what is
// typed.
func New(theme *screen.Theme, title, prompt string, entries []Entry) *Palette {
	p := &Palette{theme: theme, title: title, prompt: prompt, all: entries}
	p.filter()
	return p
}

// Update handles a key or a paste. It returns the entry to run, if one was
// chosen, and whether the list is done.
func (p *Palette) Update(msg tea.Msg) (run *Entry, done bool) {
	if key, ok := msg.(tea.KeyPressMsg); ok {
		switch key.String() {
		case "esc", "ctrl+g":
			return nil, true
		case "enter":
			return p.choose()
		case "down", "ctrl+n", "ctrl+j", "tab":
			p.move(1)
			return nil, false
		case "up", "ctrl+p", "shift+tab":
			p.move(-1)
			return nil, false
		case "pgdown":
			p.move(10)
			return nil, false
		case "pgup":
			p.move(-10)
			return nil, false
		}
	}
	if _, changed := p.in.Update(msg); changed {
		p.filter()
	}
	return nil, false
}

func (p *Palette) choose() (*Entry, bool) {
	if p.sel >= len(p.hits) {
		return nil, false
	}
	e := p.hits[p.sel].Entry
	if e.Off != "" {
		p.refuse = "Not now: " + e.Off + "."
		return nil, false
	}
	return &e, true
}

func (p *Palette) move(n int) {
	p.refuse = ""
	p.sel = max(min(p.sel+n, len(p.hits)-1), 0)
}

// filter keeps the entries that hold the typed letters in order. Without a
// query the order is the one that was given.
func (p *Palette) filter() {
	p.sel, p.top, p.refuse = 0, 0, ""
	query := []rune(strings.ToLower(strings.TrimSpace(p.in.Value())))
	p.hits = p.hits[:0]
	for _, e := range p.all {
		if len(query) > 0 && strings.EqualFold(e.Keys, string(query)) {
			p.hits = append(p.hits, hit{Entry: e, score: -1})
			continue
		}
		if marks, score, ok := match(e.Does, query); ok {
			p.hits = append(p.hits, hit{e, marks, score})
		} else if _, score, ok := match(e.Name, query); ok {
			p.hits = append(p.hits, hit{Entry: e, score: score + 20})
		}
	}
	if len(query) > 0 {
		slices.SortStableFunc(p.hits, func(a, b hit) int { return cmp.Compare(a.score, b.score) })
	}
}

// match finds query's letters in order; words' first letters and neighbours
// are preferred, a low score is a good one.
func match(text string, query []rune) (marks []int, score int, ok bool) {
	if len(query) == 0 {
		return nil, 0, true
	}
	if at := strings.Index(strings.ToLower(text), string(query)); at >= 0 && len(strings.ToLower(text)) == len(text) {
		for i := range string(query) {
			marks = append(marks, at+i)
		}
		if at > 0 && text[at-1] != ' ' {
			at += 5
		}
		return marks, at, true
	}
	i, last := 0, -1
	wordStart := true
	for at, r := range text {
		if i < len(query) && unicode.ToLower(r) == query[i] {
			if last >= 0 && at != last+1 && !wordStart {
				score += 10
			}
			score += 2
			marks = append(marks, at)
			last = at
			i++
		}
		wordStart = r == ' '
	}
	return marks, score + 10, i == len(query)
}
