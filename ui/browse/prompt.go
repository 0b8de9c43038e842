package browse

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/kit/cells"
	"stet/ui/kit/winlist"
	"stet/ui/screen"
)

func (b *Browse) promptKeys() []screen.Binding {
	bind := screen.Bind
	if b.ask != forQuery {
		keys := []screen.Binding{bind("accept", "save", "enter", "enter"), bind("cancel", "leave it", "esc", "esc")}
		if b.ask == forBook {
			keys = append(keys, bind("complete", "complete", "tab", "tab"))
		}
		return keys
	}
	return []screen.Binding{
		bind("open", "open", "enter", "enter"),
		bind("list", "act on the list", "tab", "tab"),
		bind("down", "next", "↓", "down"),
		bind("cancel", "back to the list", "esc", "esc"),
	}
}

// openSearch lays a search over the list, or takes up the one that is there.
func (b *Browse) openSearch() tea.Cmd {
	b.ask = forQuery
	b.oops = ""
	if b.place().title == searchTitle {
		return nil
	}
	below := b.place()
	p := newPlace(searchTitle, below.query)
	p.list.SetHeight(b.listHeight())
	b.places = append(b.places, p)
	p.set(slices.Clone(below.list.Loaded()), below.ends[0], below.ends[1])
	p.list.Select(below.list.SelectedKey())
	p.ready = below.ready
	return nil
}

// input is the line that keys go to.
func (b *Browse) input() *screen.Input {
	if b.ask == forQuery {
		return &b.line
	}
	return &b.in
}

const searchTitle = "Search"

// typed handles keys and pastes while the input line is open.
func (b *Browse) typed(msg tea.Msg) tea.Cmd {
	if key, ok := msg.(tea.KeyPressMsg); ok {
		if cmd, done := b.promptKey(key.String()); done {
			return cmd
		}
	}
	_, changed := b.input().Update(msg)
	if changed && b.ask == forQuery {
		return b.searchChanged()
	}
	return nil
}

// promptKey handles the keys that are no text.
func (b *Browse) promptKey(key string) (tea.Cmd, bool) {
	switch key {
	case "esc", "ctrl+g":
		return b.closePrompt(), true
	case "enter":
		return b.acceptPrompt(), true
	case "tab":
		if b.ask == forBook {
			b.complete()
		} else if b.ask == forQuery {
			b.ask = nothing
		}
		return nil, true
	case "down", "up", "ctrl+n", "ctrl+p", "pgdown", "pgup":
		if b.ask == forQuery {
			return b.move(key)
		}
	}
	return nil, false
}

func (b *Browse) closePrompt() tea.Cmd {
	search := b.ask == forQuery
	b.ask, b.oops = nothing, ""
	if search {
		return b.leave()
	}
	return nil
}

func (b *Browse) acceptPrompt() tea.Cmd {
	asked, text := b.ask, b.in.Value()
	b.ask = nothing
	head, ok := b.selected()
	switch {
	case asked == forQuery && ok:
		return b.openNote(head)
	case asked == forQuery:
		return b.leave()
	}
	if !ok {
		return nil
	}
	if asked == forTags {
		return b.setTags(head, splitTags(text))
	}
	return b.setBook(head, text)
}

// searchChanged asks for what matches the line as it stands. A line that
// cannot be read keeps the rows and says why.
func (b *Browse) searchChanged() tea.Cmd {
	p := b.place()
	q, err := model.ParseQuery(b.line.Value(), b.deps.Now().Location())
	b.oops = ""
	if err != nil {
		b.oops = strings.TrimPrefix(err.Error(), model.ErrInvalid.Error()+": ")
		return nil
	}
	below := b.places[len(b.places)-2].query
	q.Trash = below.Trash
	q.All = q.All || below.All
	q.State = append(q.State, below.State...)
	p.query = q
	p.busy, p.redo = true, false
	p.next = winlist.Need{}
	p.fresh = true
	p.gen++
	start := p.list.Start()
	start.After = max(start.After, 2*b.listHeight())
	return b.fetch(p, start, "")
}

func (b *Browse) openTags(head model.Head) {
	b.ask = forTags
	b.in.SetValue(strings.Join(head.Tags, ", "))
}

func (b *Browse) openBook(head model.Head) tea.Cmd {
	b.ask = forBook
	b.in.SetValue(head.Notebook)
	return b.readBooks()
}

// splitTags reads a line of tags: by commas if there is one, else by blanks; a
// # before a tag is no part of it.
func splitTags(line string) []string {
	var tags []string
	if strings.Contains(line, ",") {
		tags = strings.Split(line, ",")
	} else {
		tags = strings.Fields(line)
	}
	for i, t := range tags {
		tags[i] = strings.TrimPrefix(strings.TrimSpace(t), "#")
	}
	return model.NormalTags(tags)
}

// completion returns the first known notebook that begins with what was typed.
func (b *Browse) completion() string {
	typed := b.in.Value()
	for _, name := range b.books {
		if len(name) > len(typed) && strings.EqualFold(name[:len(typed)], typed) {
			return name
		}
	}
	return ""
}

func (b *Browse) complete() {
	if name := b.completion(); name != "" {
		b.in.SetValue(name)
	}
}

// promptRow draws the input line and tells the cursor's column.
func (b *Browse) promptRow(width int) (string, int) {
	p := b.deps.Theme.Pens()
	label := map[asking]string{forQuery: " / ", forTags: " tags: ", forBook: " notebook: "}[b.ask]
	hint, in := "", b.input()
	switch {
	case b.ask == forQuery && in.Value() == "":
		hint = "words, \"phrases\", tag: title: status: is: -not"
	case b.ask == forQuery && b.oops != "":
		hint = b.oops
	case b.ask == forBook:
		hint = b.completion()
	}
	row, col := in.Render(max(width-cells.Width(label), 1))
	used := cells.Width(in.Value())
	room := width - cells.Width(label) - used - 2
	if hint != "" && room > 8 {
		pen := p.Dim
		if b.oops != "" {
			pen = p.Warn
		}
		gap := cells.Blank(min(2, used)) // an empty line begins with its hint
		row = cells.Fit(in.Value(), used) + gap + pen.Paint(cells.Fit(hint, room))
	}
	return cells.FitStyled(p.Accent.Paint(label)+row, width), min(cells.Width(label)+col, width-1)
}
