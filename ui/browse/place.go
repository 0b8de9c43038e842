package browse

import (
	"context"
	"slices"

	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/kit/winlist"
	"stet/ui/screen"
)

// findLimit is how many matches a search lists.
const findLimit = 300

// firstHeight is the window that the first rows are asked for, before the
// terminal told its size: one question fills all but the tallest.
const firstHeight = 48

// place is one list that can be shown: all notes, the trash, a search. Places
// lie over each other; the one below keeps its rows and its selection.
type place struct {
	title string
	query model.Query
	list  *winlist.List[row]
	heads map[string]model.Head // loaded rows by id
	ends  [2]bool               // at start, at end
	ready bool                  // rows came at least once
	more  bool                  // a search found more than it lists

	gen  uint64 // question; an answer to another one is stale
	busy bool
	next winlist.Need // asked while busy
	redo bool         // read again when the answer is here

	fresh bool // the next question is another one than before
}

// row is a note or, with a label, a heading.
type row struct {
	label string
	model.Head
}

func newPlace(title string, q model.Query) *place {
	p := &place{title: title, query: q, heads: map[string]model.Head{},
		list: winlist.New(func(r row) string { return r.label + r.ID }, func(r row) bool { return r.label != "" })}
	p.list.SetHeight(firstHeight)
	return p
}

func (b *Browse) place() *place { return b.places[len(b.places)-1] }

// lay lays a place over the present one.
func (b *Browse) lay(title string, q model.Query) tea.Cmd {
	p := newPlace(title, q)
	b.places = append(b.places, p)
	clear(b.marks)
	return b.load(p.list.Start())
}

// leave takes the upper place away; what was below is as it was.
func (b *Browse) leave() tea.Cmd {
	if len(b.places) == 1 {
		return nil
	}
	if b.place().title == searchTitle {
		b.line.SetValue("")
	}
	b.places = b.places[:len(b.places)-1]
	clear(b.marks)
	b.problem = ""
	return b.reload()
}

type rowsLoaded struct {
	to     *place
	gen    uint64
	slice  model.Slice
	more   bool
	err    error
	newest bool // select the row that was changed last
	fresh  bool // select the first row: another question than before
}

// load asks for rows. One question is under way at a time, so that a held key
// is not answered with questions that are all stale.
func (b *Browse) load(n winlist.Need) tea.Cmd {
	p := b.place()
	if !n.Wanted() {
		return nil
	}
	if p.busy {
		p.next = n
		return nil
	}
	p.busy = true
	p.gen++
	return b.fetch(p, n, "")
}

// reload reads the rows around the selection again.
func (b *Browse) reload() tea.Cmd {
	p := b.place()
	if p.busy {
		p.redo = true
		return nil
	}
	p.busy = true
	p.gen++
	return b.fetch(p, p.around(b.listHeight()), p.list.SelectedKey())
}

// around is what to load to see the same rows again. Near the top it is the top
// itself, so that new rows come in there.
func (p *place) around(height int) winlist.Need {
	ahead := max(2*height, 20)
	at := p.index()
	if at < 0 || p.ends[0] && at < 3*ahead {
		return winlist.Need{FromTop: true, After: max(at, 0) + 2*ahead}
	}
	return winlist.Need{Anchor: p.list.SelectedKey(), Before: ahead, After: ahead}
}

func (p *place) index() int {
	key := p.list.SelectedKey()
	return slices.IndexFunc(p.list.Loaded(), func(r row) bool { return r.ID == key && r.label == "" })
}

// fetch reads a window. If keep is set and that note is not in it, the note was
// moved by a change, and the window around its new place is read.
func (b *Browse) fetch(p *place, n winlist.Need, keep string) tea.Cmd {
	notes, q, gen := b.deps.Notes, p.query, p.gen
	head, known := p.heads[n.Anchor]
	fresh := p.fresh
	p.fresh = false
	return func() tea.Msg {
		ctx := context.Background()
		out := rowsLoaded{to: p, gen: gen, fresh: fresh}
		if q.Filtered() {
			rows, err := notes.Find(ctx, q, findLimit+1)
			out.more = len(rows) > findLimit
			out.slice = model.Slice{Rows: rows[:min(len(rows), findLimit)], AtTop: true, AtEnd: true}
			out.err = err
			return out
		}
		w := model.Window{FromEnd: n.FromEnd, Before: n.Before, After: n.After}
		if n.Anchor != "" {
			w.After++
			anchor := model.KeyOf(head)
			if !known {
				anchor = placeOf(ctx, notes, n.Anchor)
			}
			w.Anchor = &anchor
		}
		out.slice, out.err = notes.List(ctx, q, w)
		if out.err != nil || keep == "" || holds(out.slice, keep) {
			return out
		}
		anchor := placeOf(ctx, notes, keep)
		w = model.Window{Anchor: &anchor, Before: max(n.Before, 20), After: max(n.After, 20)}
		if moved, err := notes.List(ctx, q, w); err == nil && holds(moved, keep) {
			out.slice = moved
		}
		return out
	}
}

// placeOf returns where a note stands now; the top if it is gone.
func placeOf(ctx context.Context, notes screen.Notes, id string) model.Key {
	n, err := notes.Get(ctx, id)
	if err != nil {
		return model.Key{Pinned: true}
	}
	return model.Key{Pinned: n.Pinned && !n.Deleted, UpdatedAt: n.UpdatedAt, ID: id}
}

func holds(s model.Slice, id string) bool {
	return slices.ContainsFunc(s.Rows, func(h model.Head) bool { return h.ID == id })
}

// rowsLoaded takes an answer and asks what was wanted meanwhile.
func (b *Browse) rowsLoaded(msg rowsLoaded) tea.Cmd {
	p := msg.to
	if msg.gen != p.gen {
		return nil
	}
	p.busy = false
	if msg.err != nil {
		p.next, p.redo = winlist.Need{}, false
		b.problem = sentence(msg.err)
		return nil
	}
	b.problem = ""
	p.more, p.ready = msg.more, true
	need := p.set(rowsOf(p.query, msg.slice), msg.slice.AtTop, msg.slice.AtEnd)
	if msg.fresh {
		need = p.list.Top()
	}
	if id := newest(msg.slice.Rows); msg.newest && id != "" {
		need = p.list.Select(id)
	}
	if p.next.Wanted() {
		need, p.next = p.next, winlist.Need{}
	}
	again := p.redo
	p.redo = false
	if p != b.place() {
		return nil
	}
	cmd := b.load(need)
	if again && !p.busy {
		cmd = b.reload()
	}
	return tea.Batch(cmd, b.showSelected())
}

// set replaces the rows. A list that showed its very top goes on showing it.
func (p *place) set(rows []row, atStart, atEnd bool) winlist.Need {
	key := p.list.SelectedKey()
	showedTop := p.ends[0] && p.ready && p.list.Line() == p.index()
	p.ends = [2]bool{atStart, atEnd}
	p.heads = make(map[string]model.Head, len(rows))
	for _, r := range rows {
		if r.label == "" {
			p.heads[r.ID] = r.Head
		}
	}
	need := p.list.SetRows(winlist.Rows[row]{List: rows, AtStart: atStart, AtEnd: atEnd})
	if showedTop && atStart && key != "" && p.list.SelectedKey() == key {
		p.list.Top()
		need = p.list.Select(key)
	}
	return need
}

// rowsOf puts the headings of the pinned section between rows.
func rowsOf(q model.Query, s model.Slice) []row {
	rows := make([]row, 0, len(s.Rows)+2)
	headed := !q.Trash && !q.Filtered()
	for i, h := range s.Rows {
		switch {
		case !headed:
		case i == 0 && s.AtTop && h.Pinned:
			rows = append(rows, row{label: "Pinned"})
		case i > 0 && s.Rows[i-1].Pinned && !h.Pinned:
			rows = append(rows, row{label: "Notes"})
		}
		rows = append(rows, row{Head: h})
	}
	return rows
}

// drop takes a note off the list at once; the store follows.
func (p *place) drop(id string) winlist.Need {
	rows := slices.DeleteFunc(slices.Clone(p.list.Loaded()), func(r row) bool { return r.ID == id && r.label == "" })
	return p.set(rows, p.ends[0], p.ends[1])
}

// selectNewest selects the note that was changed last and is not pinned.
func (b *Browse) selectNewest() tea.Cmd {
	p := b.place()
	notes, q := b.deps.Notes, p.query
	p.busy = true
	p.gen++
	gen := p.gen
	ahead := max(2*b.listHeight(), 20)
	return func() tea.Msg {
		out := rowsLoaded{to: p, gen: gen, newest: true}
		out.slice, out.err = notes.List(context.Background(), q, model.Window{After: 2 * ahead})
		return out
	}
}

// newest returns the id of the row that was changed last.
func newest(rows []model.Head) string {
	var last model.Head
	for _, h := range rows {
		if h.UpdatedAt.After(last.UpdatedAt) {
			last = h
		}
	}
	return last.ID
}
