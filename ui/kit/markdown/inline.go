package markdown

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/util"

	"stet/ui/kit/cells"
)

// run is a piece of clean text in one look.
type run struct {
	text string
	look look
	src  int // offset of its source, -1 when unknown
	link int // number of the link this run is the hint of, or 0
	stop bool
}

// inline collects the runs below n in one look after another.
func (p *page) inline(runs []run, n ast.Node, l look) []run {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			runs = p.text(runs, c, l)
		case *ast.String:
			runs = append(runs, run{text: cells.CleanLine(string(c.Value)), look: l, src: -1})
		case *ast.CodeSpan:
			runs = append(runs, run{text: "`" + cells.CleanLine(p.codeText(c)) + "`", look: l | code, src: -1})
		case *ast.Emphasis:
			add := emphasis
			if c.Level >= 2 {
				add = strong
			}
			runs = p.inline(runs, c, l|add)
		case *east.Strikethrough:
			runs = p.inline(runs, c, l|strike)
		case *ast.Link:
			runs = p.hint(p.inline(runs, c, l|link), string(c.Destination), l)
		case *ast.AutoLink:
			runs = append(runs, run{text: cells.CleanLine(string(c.Label(p.src))), look: l | link, src: -1})
			runs = p.hint(runs, string(c.URL(p.src)), l)
		case *ast.Image:
			runs = append(runs, run{text: "[image: ", look: l | punct, src: -1})
			runs = p.inline(runs, c, l|link)
			runs = append(runs, run{text: "]", look: l | punct, src: -1})
			runs = p.hint(runs, string(c.Destination), l)
		case *ast.RawHTML:
			for i := range c.Segments.Len() {
				seg := c.Segments.At(i)
				runs = append(runs, run{text: cells.CleanLine(strings.TrimRight(string(seg.Value(p.src)), "\r\n")), look: l | html, src: seg.Start})
			}
		case *east.TaskCheckBox: // drawn as the bullet of its item
		default:
			runs = p.inline(runs, c, l)
		}
	}
	return runs
}

func (p *page) text(runs []run, t *ast.Text, l look) []run {
	v := t.Segment.Value(p.src)
	if !t.IsRaw() && bytes.ContainsAny(v, "\\&") {
		v = util.UnescapePunctuations(util.ResolveEntityNames(util.ResolveNumericReferences(v)))
	}
	if len(v) > 0 {
		runs = append(runs, run{text: cells.CleanLine(string(v)), look: l, src: t.Segment.Start})
	}
	switch {
	case t.HardLineBreak():
		runs = append(runs, run{stop: true, src: -1})
	case t.SoftLineBreak():
		runs = append(runs, run{text: " ", look: l, src: -1})
	}
	return runs
}

func (p *page) codeText(n ast.Node) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			v := t.Segment.Value(p.src)
			if k := len(v); k > 0 && v[k-1] == '\n' {
				b.Write(bytes.TrimRight(v, "\r\n"))
				b.WriteByte(' ')
				continue
			}
			b.Write(v)
		}
	}
	return b.String()
}

// hint notes a link and adds its number.
func (p *page) hint(runs []run, url string, l look) []run {
	n := len(p.doc.Links) + 1
	p.doc.Links = append(p.doc.Links, Link{Number: n, URL: url, Line: -1})
	return append(runs, run{text: "[" + strconv.Itoa(n) + "]", look: l | punct, src: -1, link: n})
}

// flowed is one drawn row of runs.
type flowed struct {
	text  string
	width int
	src   int
	links []int
}

// flow wraps runs by words into rows of at most w cells.
func (p *page) flow(runs []run, w int) []flowed {
	var out []flowed
	for len(runs) > 0 {
		n := 0
		for n < len(runs) && !runs[n].stop {
			n++
		}
		out = p.wrap(out, runs[:n], w)
		runs = runs[min(n+1, len(runs)):]
	}
	return out
}

// wrap flows runs without a hard break.
func (p *page) wrap(out []flowed, runs []run, w int) []flowed {
	var all string
	if len(runs) == 1 {
		all = runs[0].text
	} else {
		var b strings.Builder
		for _, r := range runs {
			b.WriteString(r.text)
		}
		all = b.String()
	}
	i, at := 0, 0 // run and where it begins in all
	for pos := 0; pos < len(all); {
		for pos < len(all) && all[pos] == ' ' {
			pos++ // no row begins with a blank
		}
		if pos == len(all) {
			break
		}
		sp := cells.NextRow(all, pos, w)
		end := sp.End
		for end > sp.Start && all[end-1] == ' ' {
			end--
		}
		row := flowed{src: -1}
		for at+len(runs[i].text) <= sp.Start {
			at += len(runs[i].text)
			i++
		}
		j, from := i, at
		for ; j < len(runs) && from < sp.Next; j++ {
			r := runs[j]
			start, stop := max(sp.Start, from), min(end, from+len(r.text))
			if row.src < 0 && r.src >= 0 {
				row.src = r.src + start - from
			}
			if start < stop {
				piece := cells.Cut(all[start:stop], max(w, 1))
				row.width += cells.Width(piece)
				row.text += p.pen(r.look).Paint(piece)
				if r.link > 0 && start == from {
					row.links = append(row.links, r.link)
				}
			}
			from += len(r.text)
		}
		if row.width > w {
			row.text, row.width = cells.FitStyled(row.text, w), w
		}
		out = append(out, row)
		pos = sp.Next
	}
	return out
}
