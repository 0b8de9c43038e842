// Package markdown renders Markdown to screen lines: CommonMark with tables,
// strikethrough, task lists and bare links.
//
// Rules of the room:
//
//   - The source is hostile: every piece of text is cleaned after entities and escapes
//     were resolved, before our styling goes in. Link targets in Doc.Links are raw.
//   - Every line is at most as wide as asked, under both width rulers.
//   - Colour is never the only sign: headings keep their #, code its ` and bar, quotes a
//     bar, links a number in brackets.
//   - Prose is wrapped by words; code is not wrapped but cut with ….
//   - Rendering is a pure function of source, width and styles, safe to run in any
//     goroutine.
package markdown

import "charm.land/lipgloss/v2"

// Styles are the looks of a document; each is laid over Text.
type Styles struct {
	Text      lipgloss.Style
	Heading   [6]lipgloss.Style
	Emphasis  lipgloss.Style
	Strong    lipgloss.Style
	Strike    lipgloss.Style
	Code      lipgloss.Style // code spans and blocks
	Link      lipgloss.Style // text of a link
	Quote     lipgloss.Style // text of a quote
	HTML      lipgloss.Style // HTML, shown as text
	TableHead lipgloss.Style
	Done      lipgloss.Style // text of a finished task
	Punct     lipgloss.Style // bullets, bars, numbers of links, rules
}

// Doc is a rendered document.
type Doc struct {
	Lines    []Line
	Headings []Heading
	Links    []Link
	Tasks    []Task
}

// Line is one screen line, cleaned, styled and without padding. Source is the byte offset
// in the source from which it was made, as near as is known; it never goes back by more
// than a block.
type Line struct {
	Text   string
	Source int
}

// Heading is one entry of the outline. Line counts from 0; Text is clean.
type Heading struct {
	Level  int
	Text   string
	Line   int
	Source int
}

// Link is a link or an image. Number is its hint, counted from 1; URL is raw.
type Link struct {
	Number int
	URL    string
	Line   int
}

// Task is a task box. Source is the byte offset of its "[" in the source.
type Task struct {
	Source int
	Line   int
	Done   bool
	Text   string
}

// Strings returns the text of all lines.
func (d Doc) Strings() []string {
	out := make([]string, len(d.Lines))
	for i := range d.Lines {
		out[i] = d.Lines[i].Text
	}
	return out
}

// LineOf returns the first line that was made from source at or behind off, or the last
// line.
func (d Doc) LineOf(off int) int {
	for i := range d.Lines {
		if d.Lines[i].Source >= off {
			return i
		}
	}
	return max(len(d.Lines)-1, 0)
}

// Toggle returns src with the task box at byte offset off ticked or cleared; ok is false,
// and src unchanged, when there is no task box.
func Toggle(src string, off int) (out string, ok bool) {
	if off < 0 || off+3 > len(src) || src[off] != '[' || src[off+2] != ']' {
		return src, false
	}
	var c string
	switch src[off+1] {
	case ' ', '\t', '\n', '\f', '\r': // what the parser takes for an empty box
		c = "x"
	case 'x', 'X':
		c = " "
	default:
		return src, false
	}
	return src[:off+1] + c + src[off+2:], true
}
