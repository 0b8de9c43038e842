package browse

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/kit/cells"
	"stet/ui/screen"
)

// twoPanes is the width from which the preview stands beside the list.
const twoPanes = 70

// listWidth is the list's share of the window.
func (b *Browse) listWidth(width int) int {
	if !b.wide || width < twoPanes {
		return width
	}
	return max(min(width*46/100, 78), 44)
}

// previewWidth is the room of the preview's text, 0 where it is not shown.
func (b *Browse) previewWidth() int {
	if w := b.listWidth(b.width); w < b.width {
		return max(b.width-w-1-3, 1) // divider, two blanks before, one after
	}
	return 0
}

func (b *Browse) listHeight() int { return max(b.height-4, 1) }

// View draws list and preview.
func (b *Browse) View(width, height int) screen.Frame {
	lw := b.listWidth(width)
	lines, cursor := b.listPane(lw, height)
	if lw == width {
		return screen.Frame{Lines: lines, Cursor: cursor}
	}
	right := b.previewPane(width-lw-1, height)
	bar := b.deps.Theme.Pens().Faint.Paint("│")
	for i := range lines {
		lines[i] += bar + right[i]
	}
	return screen.Frame{Lines: lines, Cursor: cursor}
}

// listPane draws the input line, if it is open, and the rows below it.
func (b *Browse) listPane(width, height int) ([]string, *tea.Cursor) {
	lines := make([]string, 0, height)
	var cursor *tea.Cursor
	switch {
	case b.ask != nothing:
		line, col := b.promptRow(width)
		lines = append(lines, line)
		cursor = tea.NewCursor(col, 0)
	case b.place().title == searchTitle && height > 2:
		p := b.deps.Theme.Pens()
		lines = append(lines, cells.FitStyled(p.Dim.Paint(cells.Fit(" / "+b.line.Value(), width)), width))
	}
	lines = append(lines, b.rows(width, height-len(lines))...)
	for len(lines) < height {
		lines = append(lines, cells.Blank(width))
	}
	return lines[:height], cursor
}

func (b *Browse) rows(width, height int) []string {
	p := b.place()
	pens := b.deps.Theme.Pens()
	if b.problem != "" {
		return say(pens.Warn, b.problem, width, height)
	}
	if p.list.Len() == 0 {
		if !p.ready || p.busy {
			return nil
		}
		return say(pens.Dim, b.emptyWords(), width, height)
	}
	now := b.deps.Now()
	d := &painter{pens: pens, cols: columnsFor(width), width: width, words: b.words(), marks: b.marks,
		focus: b.ask == nothing || b.ask == forQuery, age: func(h model.Head) string { return age(h, now) }}
	return p.list.Render(width, height, d.draw)
}

// say draws a sentence where rows would be.
func say(pen cells.Pen, text string, width, height int) []string {
	out := []string{cells.Blank(width)}
	for _, l := range screen.PlainLines(text, max(width-4, 1), 0) {
		out = append(out, cells.FitStyled("   "+pen.Paint(l), width))
	}
	return out[:max(min(len(out), height), 0)]
}

// emptyWords tells what to do where there is nothing.
func (b *Browse) emptyWords() string {
	switch p := b.place(); {
	case p.query.Trash && p.title == "Trash":
		return "The trash is empty. esc goes back."
	case p.title == "Needs review":
		return "Nothing needs review. esc goes back."
	case p.title == searchTitle:
		return "Nothing matches. esc goes back to the list."
	}
	return "No notes yet. n writes one."
}

func (b *Browse) words() []string {
	var out []string
	for _, t := range b.place().query.Text {
		if !t.Not && t.Field != model.FieldBody {
			out = append(out, t.Text)
		}
	}
	return out
}

// Footline tells how many notes are listed.
func (b *Browse) Footline() string {
	p := b.place()
	switch {
	case len(b.marks) > 0:
		return screen.Number(len(b.marks)) + " marked"
	case p.query.Filtered() && p.more:
		return screen.Number(findLimit) + "+ matches"
	case p.query.Filtered():
		return screen.Count(len(p.heads), "match", "matches")
	case !b.known || p.title == searchTitle:
		return ""
	case p.query.Trash:
		return screen.Number(b.counts.Trash) + " in the trash"
	case len(p.query.State) > 0:
		return screen.Count(b.counts.NeedsReview, "note", "notes")
	}
	return screen.Count(b.counts.Notes, "note", "notes")
}

// previewPane draws the selected note: title and tags, a rule, its state if it
// is not simply synced, the text, and a line about it at the bottom.
func (b *Browse) previewPane(width, height int) []string {
	lines := make([]string, 0, height)
	pens := b.deps.Theme.Pens()
	room := max(width-3, 1)
	put := func(s string) { lines = append(lines, cells.FitStyled("  "+cells.FitStyled(s, room), width)) }
	head, ok := b.selected()
	if ok {
		put(screen.Sides(pens.Bold.Paint(cells.Cut(titleOf(head), room)), pens.Dim.Paint(tagWords(head, room/2)), room))
		put(pens.Faint.Paint(screen.Rule(room)))
		if head.Status != model.Synced && height > 8 {
			symbol, _ := screen.Badge(head.Status, head.Syncing)
			pen := pens.Dim
			if head.Status != model.Pending {
				pen = pens.Warn
			}
			for _, l := range screen.PlainLines(symbol+" "+screen.Sentence(head.Status), room, 3) {
				put(pen.Paint(l))
			}
			put("")
		}
	}
	foot := ""
	if ok && b.preview.page != nil && height > 6 {
		foot = aboutWords(b.preview.page)
	}
	body := height - len(lines)
	if foot != "" {
		body -= 2
	}
	if ok && b.preview.page != nil && body > 0 {
		for _, l := range b.preview.view.Render(room, body) {
			put(l)
		}
	}
	for len(lines) < height {
		if foot != "" && len(lines) == height-1 {
			put(pens.Dim.Paint(cells.Cut(foot, room)))
			continue
		}
		lines = append(lines, cells.Blank(width))
	}
	return lines[:height]
}

func tagWords(h model.Head, room int) string {
	var out []string
	for _, t := range h.Tags {
		out = append(out, "#"+t)
	}
	words := strings.Join(out, " ")
	if words == "" {
		words = h.Notebook
	}
	return cells.Cut(words, room)
}

// aboutWords is the line below the text: tasks, words, device.
func aboutWords(p *page) string {
	var out []string
	if all := p.open + p.done; all > 0 {
		out = append(out, fmt.Sprintf("%d of %d tasks", p.done, all))
	}
	out = append(out, screen.Count(p.words, "word", "words"))
	if p.note.Device != "" {
		out = append(out, "edited on "+p.note.Device)
	}
	if p.note.Notebook != "" && len(p.note.Tags) > 0 {
		out = append(out, "in "+p.note.Notebook)
	}
	if p.cut {
		out = append(out, "its beginning is shown")
	}
	return strings.Join(out, " · ")
}
