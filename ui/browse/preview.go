package browse

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/kit/markdown"
	"stet/ui/kit/textview"
	"stet/ui/screen"
)

// Bounds of the preview: what is rendered with the first answer, what is
// rendered at all, and how many notes are remembered.
const (
	quickBytes   = 24 << 10
	previewBytes = 256 << 10
	remembered   = 48
)

// sheet names a rendering: one text of one note in one width and theme.
type sheet struct {
	id    string
	seq   int64
	width int
	dark  bool
}

// page is what is kept of a note that was shown.
type page struct {
	note  model.Note // without its body
	lines []string
	rich  bool // rendered, not plain
	words int
	open  int
	done  int
	cut   bool
}

// preview is the right pane. It draws a note as plain text at once and as
// rendered Markdown when that is ready.
type preview struct {
	deps  *screen.Deps
	view  *textview.View
	now   sheet // what is shown or asked for
	page  *page
	pages map[sheet]*page
	order []sheet
	find  string
}

func newPreview(deps *screen.Deps) preview {
	v := preview{deps: deps, view: textview.New(deps.Theme.TextView()), pages: map[sheet]*page{}}
	v.view.SetHeight(20)
	return v
}

type noteShown struct {
	to    *preview
	sheet sheet
	page  *page
	body  string // still to be rendered, "" if done
	err   error
}

type rendered struct {
	to    *preview
	sheet sheet
	lines []string
}

// show asks for a note. An answer to an earlier question is only remembered.
func (v *preview) show(head model.Head, width int, find string) tea.Cmd {
	s := sheet{head.ID, head.Seq, width, v.deps.Theme.Dark}
	if s == v.now && v.find == find {
		return nil
	}
	sameNote := s.id == v.now.id
	v.now, v.find = s, find
	if p, ok := v.pages[s]; ok {
		v.put(p, !sameNote)
		return nil
	}
	if !sameNote {
		v.page = nil
	}
	if head.ID == "" || width < 1 {
		return nil
	}
	notes, styles := v.deps.Notes, v.deps.Theme.Markdown()
	return func() tea.Msg {
		n, err := notes.Get(context.Background(), s.id)
		return read(v, s, n, err, styles)
	}
}

// read makes the first picture of a note, off the loop.
func read(v *preview, s sheet, n model.Note, err error, styles markdown.Styles) noteShown {
	out := noteShown{to: v, sheet: s, err: err}
	body := n.Body
	out.page = &page{words: model.Words(body), cut: len(body) > previewBytes}
	out.page.open, out.page.done = model.Tasks(body)
	if out.page.cut {
		body = strings.ToValidUTF8(body[:previewBytes], "")
	}
	n.Body = ""
	out.page.note = n
	if len(body) <= quickBytes {
		out.page.lines, out.page.rich = markdown.Render(body, s.width, styles).Strings(), true
		return out
	}
	out.page.lines = screen.PlainLines(body[:quickBytes/4], s.width, 400)
	out.body = body
	return out
}

func (b *Browse) noteShown(msg noteShown) tea.Cmd {
	v := &b.preview
	if msg.to != v || msg.err != nil {
		return nil
	}
	if msg.body == "" {
		v.remember(msg.sheet, msg.page)
	}
	if msg.sheet != v.now {
		return nil
	}
	fresh := v.page == nil
	v.put(msg.page, fresh)
	if msg.body == "" {
		return nil
	}
	styles := v.deps.Theme.Markdown()
	return func() tea.Msg {
		return rendered{v, msg.sheet, markdown.Render(msg.body, msg.sheet.width, styles).Strings()}
	}
}

func (v *preview) rendered(msg rendered) {
	if msg.to != v || msg.sheet != v.now || v.page == nil {
		return
	}
	p := *v.page
	p.lines, p.rich = msg.lines, true
	v.remember(msg.sheet, &p)
	v.put(&p, false)
}

// put shows a page; a note that is shown anew begins at its top or its first
// match.
func (v *preview) put(p *page, fresh bool) {
	v.page = p
	if fresh {
		v.view.Clear()
		v.view.SetLines(nil)
		v.view.Top()
	}
	v.view.SetLines(p.lines)
	if v.find != v.view.Query() {
		if v.view.Search(v.find) == 0 {
			v.view.Cancel() // no match here: the top is the better place
		}
	}
}

func (v *preview) remember(s sheet, p *page) {
	if _, ok := v.pages[s]; !ok {
		v.order = append(v.order, s)
	}
	v.pages[s] = p
	if len(v.order) > remembered {
		delete(v.pages, v.order[0])
		v.order = v.order[1:]
	}
}

// showSelected brings the preview to the selected note.
func (b *Browse) showSelected() tea.Cmd {
	head, ok := b.selected()
	width := b.previewWidth()
	if !ok || width < 1 {
		b.preview.now, b.preview.page = sheet{}, nil
		return nil
	}
	return b.preview.show(head, width, b.findText())
}

// findText is what the preview searches for: the longest word of the query.
func (b *Browse) findText() string {
	best := ""
	for _, t := range b.place().query.Text {
		if !t.Not && len(t.Text) > len(best) {
			best = t.Text
		}
	}
	return best
}
