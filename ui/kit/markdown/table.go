package markdown

import (
	"strings"

	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"

	"stet/ui/kit/cells"
)

// minColumn is the narrowest column in which words can still be read.
const minColumn = 3

// table draws a table with columns as wide as their text, or narrower in fair shares and
// wrapped; when even that does not fit, each row becomes a paragraph.
func (p *page) table(t *east.Table) {
	var rows [][][]run
	for r := t.FirstChild(); r != nil; r = r.NextSibling() {
		l := p.base
		if len(rows) == 0 {
			l |= head
		}
		var row [][]run
		for c := r.FirstChild(); c != nil; c = c.NextSibling() {
			row = append(row, p.inline(nil, c, l))
		}
		rows = append(rows, row)
	}
	widths := p.columns(rows, len(t.Alignments))
	r := t.FirstChild()
	for i, row := range rows {
		if off := source(r); off >= 0 {
			p.at = max(p.at, off)
		}
		r = r.NextSibling()
		if widths == nil {
			p.emitFlow(p.flow(p.joined(row), p.room()))
			continue
		}
		p.tableRow(row, widths, t.Alignments)
		if i == 0 {
			p.rule(widths)
		}
	}
}

func source(n ast.Node) int {
	if n == nil {
		return -1
	}
	return n.Pos()
}

// joined makes one paragraph of a row.
func (p *page) joined(row [][]run) []run {
	var out []run
	for i, c := range row {
		if i > 0 {
			out = append(out, run{text: " │ ", look: punct, src: -1})
		}
		out = append(out, c...)
	}
	return out
}

// columns shares out the room, nil when there is too little of it.
func (p *page) columns(rows [][][]run, n int) []int {
	free := p.room() - 3*(n-1)
	if n == 0 || free < n*minColumn {
		return nil
	}
	widths := make([]int, n)
	for _, row := range rows {
		for i, c := range row {
			if i >= n {
				break
			}
			w := 0
			for _, r := range c {
				w += cells.Width(r.text)
			}
			widths[i] = max(widths[i], w, 1)
		}
	}
	for sum(widths) > free {
		widest, second := 0, minColumn
		for _, w := range widths {
			switch {
			case w > widest:
				widest, second = w, max(widest, minColumn)
			case w < widest:
				second = max(second, w)
			}
		}
		over := sum(widths) - free
		for i := range widths {
			if widths[i] == widest && over > 0 {
				cut := min(widest-second, max(over/count(widths, widest), 1))
				widths[i] -= cut
				over -= cut
			}
		}
	}
	return widths
}

func sum(list []int) (n int) {
	for _, v := range list {
		n += v
	}
	return n
}

func count(list []int, v int) (n int) {
	for _, x := range list {
		if x == v {
			n++
		}
	}
	return max(n, 1)
}

// tableRow draws one row of cells, each wrapped to its column.
func (p *page) tableRow(row [][]run, widths []int, align []east.Alignment) {
	columns := make([][]flowed, len(widths))
	height := 1
	for i := range columns {
		if i < len(row) {
			columns[i] = p.flow(row[i], widths[i])
			height = max(height, len(columns[i]))
		}
	}
	bar := p.pen(punct).Paint(" │ ")
	for line := range height {
		var b strings.Builder
		for i, w := range widths {
			if i > 0 {
				b.WriteString(bar)
			}
			var f flowed
			if line < len(columns[i]) {
				f = columns[i][line]
			}
			p.place(f.links)
			left := 0
			switch align[i] {
			case east.AlignRight:
				left = w - f.width
			case east.AlignCenter:
				left = (w - f.width) / 2
			}
			b.WriteString(cells.Blank(left) + f.text)
			if i+1 < len(widths) {
				b.WriteString(cells.Blank(w - f.width - left))
			}
		}
		p.emit(b.String(), -1)
	}
}

func (p *page) rule(widths []int) {
	parts := make([]string, len(widths))
	for i, w := range widths {
		parts[i] = strings.Repeat("─", w)
	}
	p.emit(p.pen(punct).Paint(strings.Join(parts, "─┼─")), -1)
}
