package markdown

import (
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"

	"stet/ui/kit/cells"
)

// look is a set of styles laid over each other; the low bits are the heading level.
type look uint16

const (
	emphasis look = 8 << iota
	strong
	strike
	code
	link
	quote
	html
	head
	done
	punct
)

// page is one rendering under way.
type page struct {
	src    []byte
	styles Styles
	pens   map[look]cells.Pen
	width  int
	doc    Doc
	lead   lead
	base   look
	at     int // source offset of the block that is being drawn
	depth  int // nesting of lists
}

// lead is what stands before the lines of a block: first before its next line, rest
// before the ones after.
type lead struct {
	first, rest string
	width       int
	used        bool
}

// Render draws src in lines of at most width cells. A width that is not positive gives
// an empty document.
func Render(src string, width int, styles Styles) Doc {
	if width <= 0 {
		return Doc{}
	}
	p := &page{src: []byte(src), styles: styles, pens: map[look]cells.Pen{}, width: width}
	md := goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.TaskList, extension.Linkify))
	root := md.Parser().Parse(text.NewReader(p.src))
	p.blocks(root, false)
	for i := range p.doc.Links {
		p.doc.Links[i].Line = max(p.doc.Links[i].Line, 0)
	}
	return p.doc
}

// pen returns the pen of a look, made once.
func (p *page) pen(l look) cells.Pen {
	if pen, ok := p.pens[l]; ok {
		return pen
	}
	style := p.styles.Text
	over := func(s lipgloss.Style) { style = s.Inherit(style) }
	for _, x := range []struct {
		bit look
		s   *lipgloss.Style
	}{{quote, &p.styles.Quote}, {head, &p.styles.TableHead}, {done, &p.styles.Done}} {
		if l&x.bit != 0 {
			over(*x.s)
		}
	}
	if level := int(l & 7); level > 0 {
		over(p.styles.Heading[level-1])
	}
	for _, x := range []struct {
		bit look
		s   *lipgloss.Style
	}{{emphasis, &p.styles.Emphasis}, {strong, &p.styles.Strong}, {strike, &p.styles.Strike}, {link, &p.styles.Link}, {code, &p.styles.Code}, {html, &p.styles.HTML}, {punct, &p.styles.Punct}} {
		if l&x.bit != 0 {
			over(*x.s)
		}
	}
	pen := cells.NewPen(style)
	p.pens[l] = pen
	return pen
}

// room is the cells left for the text of a line.
func (p *page) room() int { return max(p.width-p.lead.width, 1) }

// emit adds one line. src is its source, or -1 for that of the block.
func (p *page) emit(s string, src int) {
	if src < 0 {
		src = p.at
	}
	p.at = min(src, len(p.src)) // cleaning may have made text longer than its source
	before := p.lead.rest
	if !p.lead.used {
		before, p.lead.used = p.lead.first, true
	}
	p.doc.Lines = append(p.doc.Lines, Line{Text: before + s, Source: p.at})
}

// emitFlow adds rows of prose and notes where their links are.
func (p *page) emitFlow(rows []flowed) {
	for _, r := range rows {
		p.place(r.links)
		p.emit(r.text, r.src)
	}
}

func (p *page) place(links []int) {
	for _, n := range links {
		p.doc.Links[n-1].Line = len(p.doc.Lines)
	}
}

// inside draws f with more before its lines: first (size cells) before the first one. When
// the page is too narrow for that much nesting it starts over at the left edge.
func (p *page) inside(first, rest string, size int, f func()) {
	outer := p.lead
	in := lead{first: outer.rest + first, rest: outer.rest + rest, width: outer.width + size}
	if !outer.used {
		in.first = outer.first + first
	}
	if p.width-in.width < min(12, p.width/2) {
		in = lead{first: first, rest: rest, width: size}
		if p.width-size < 1 {
			in = lead{}
		}
	}
	p.lead = in
	f()
	used := p.lead.used
	p.lead = outer
	p.lead.used = outer.used || used
}

// gap adds the blank line between two blocks.
func (p *page) gap() {
	used := p.lead.used
	p.lead.used = true
	line := strings.TrimRight(p.lead.rest, " ")
	p.doc.Lines = append(p.doc.Lines, Line{Text: line, Source: p.at})
	p.lead.used = used
}

// blocks draws the children of n with blank lines between them, unless tight.
func (p *page) blocks(n ast.Node, tight bool) {
	drawn := false
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if _, ok := c.(*ast.LinkReferenceDefinition); ok {
			continue
		}
		if drawn && !tight {
			p.gap()
		}
		drawn = true
		if off := c.Pos(); off >= 0 {
			p.at = max(p.at, off)
		}
		p.block(c)
	}
}

func (p *page) block(n ast.Node) {
	switch n := n.(type) {
	case *ast.Heading:
		p.heading(n)
	case *ast.Paragraph, *ast.TextBlock:
		p.emitFlow(p.flow(p.inline(nil, n, p.base), p.room()))
	case *ast.ThematicBreak:
		p.emit(p.pen(punct).Paint(strings.Repeat("─", p.room())), -1)
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		p.codeBlock(n.Lines())
	case *ast.HTMLBlock:
		p.htmlBlock(n)
	case *ast.Blockquote:
		base := p.base
		p.base |= quote
		bar := p.pen(punct).Paint("┃") + " "
		p.inside(bar, bar, 2, func() { p.blocks(n, false) })
		p.base = base
	case *ast.List:
		p.list(n)
	case *east.Table:
		p.table(n)
	default:
		p.blocks(n, false)
	}
}

func (p *page) heading(n *ast.Heading) {
	level := min(max(n.Level, 1), 6)
	runs := p.inline(nil, n, p.base|look(level))
	var name strings.Builder
	for _, r := range runs {
		if r.link == 0 {
			name.WriteString(r.text)
		}
	}
	sign := strings.Repeat("#", level) + " "
	p.doc.Headings = append(p.doc.Headings, Heading{level, strings.TrimSpace(name.String()), len(p.doc.Lines), p.at})
	p.inside(p.pen(look(level)|punct).Paint(sign), cells.Blank(len(sign)), len(sign), func() {
		rows := p.flow(runs, p.room())
		if len(rows) == 0 {
			p.emit("", -1)
		}
		p.emitFlow(rows)
	})
}

func (p *page) codeBlock(lines *text.Segments) {
	bar := p.pen(punct).Paint("│") + " "
	pen := p.pen(p.base | code)
	p.inside(bar, bar, 2, func() {
		for i := range lines.Len() {
			seg := lines.At(i)
			s := strings.TrimRight(string(seg.Value(p.src)), "\r\n")
			p.emit(pen.Paint(cells.Cut(s, p.room())), seg.Start)
		}
		if lines.Len() == 0 {
			p.emit("", -1)
		}
	})
}

func (p *page) htmlBlock(n *ast.HTMLBlock) {
	draw := func(seg text.Segment) {
		s := strings.TrimRight(string(seg.Value(p.src)), "\r\n")
		p.emitFlow(p.flow([]run{{text: cells.CleanLine(s), look: p.base | html, src: seg.Start}}, p.room()))
	}
	for i := range n.Lines().Len() {
		draw(n.Lines().At(i))
	}
	if n.HasClosure() {
		draw(n.ClosureLine)
	}
}

func (p *page) list(n *ast.List) {
	p.depth++
	number := n.Start
	digits := len(strconv.Itoa(n.Start + n.ChildCount() - 1))
	drawn := false
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if drawn && !n.IsTight {
			p.gap()
		}
		drawn = true
		sign := []string{"• ", "◦ "}[(p.depth+1)%2]
		if n.IsOrdered() {
			num := strconv.Itoa(number) + string(rune(n.Marker))
			sign = cells.Blank(digits+1-len(num)) + num + " "
			number++
		}
		p.item(c, sign, n.IsTight)
	}
	p.depth--
}

// item draws one list item behind its bullet, or behind its task box.
func (p *page) item(n ast.Node, sign string, tight bool) {
	if off := n.Pos(); off >= 0 {
		p.at = max(p.at, off)
	}
	base := p.base
	if box := taskBox(n); box != nil {
		sign = "[ ] "
		if box.IsChecked {
			sign = "[x] "
			p.base |= done
		}
		if off := n.FirstChild().Lines().At(0).Start; off < len(p.src) && p.src[off] == '[' {
			var name strings.Builder
			links := len(p.doc.Links)
			for _, r := range p.inline(nil, n.FirstChild(), 0) {
				name.WriteString(r.text)
			}
			p.doc.Links = p.doc.Links[:links]
			p.doc.Tasks = append(p.doc.Tasks, Task{off, len(p.doc.Lines), box.IsChecked, strings.TrimSpace(name.String())})
		}
	}
	size := cells.Width(sign)
	p.inside(p.pen(punct).Paint(sign), cells.Blank(size), size, func() {
		lines := len(p.doc.Lines)
		p.blocks(n, tight)
		if len(p.doc.Lines) == lines {
			p.emit("", -1)
		}
	})
	p.base = base
}

func taskBox(n ast.Node) *east.TaskCheckBox {
	if n.FirstChild() == nil || n.FirstChild().FirstChild() == nil || n.FirstChild().Lines() == nil || n.FirstChild().Lines().Len() == 0 {
		return nil
	}
	box, _ := n.FirstChild().FirstChild().(*east.TaskCheckBox)
	return box
}
