package local

import (
	"strings"
	"time"

	"stet/model"
)

// filter is a query's conditions on the row, without the shelf and the words.
type filter struct {
	where []string
	args  []any
	names *names
}

// names are the notebooks and tags in use, against which a query's are matched
// without regard to case.
type names struct{ books, tags []string }

func (f *filter) add(not bool, cond string, args ...any) {
	if not {
		cond = "NOT (" + cond + ")"
	}
	f.where, f.args = append(f.where, cond), append(f.args, args...)
}

// filterOf spells q's conditions. Every one of them is AND.
func (r *reader) filterOf(q model.Query) (f filter, err error) {
	f.names = &names{}
	if len(q.Book) > 0 {
		if f.names.books, err = r.ids("SELECT DISTINCT notebook FROM notes WHERE notebook > x''"); err != nil {
			return f, err
		}
	}
	if len(q.Tag) > 0 {
		if f.names.tags, err = r.ids(tagsQuery); err != nil {
			return f, err
		}
	}
	for _, m := range q.Book {
		f.in(m.Not, "n.notebook", f.books(m.Value), "")
	}
	for _, m := range q.Tag {
		f.in(m.Not, "tag", matching(f.names.tags, func(t string) bool { return strings.EqualFold(t, m.Value) }),
			"n.pk IN (SELECT note FROM note_tags WHERE ")
	}
	for _, m := range q.State {
		if m.Value == "syncing" {
			f.add(m.Not, syncingRow, r.s.syncingArgs()...)
			continue
		}
		f.add(m.Not, "n.status = ?", m.Value)
	}
	for _, m := range q.Is {
		f.is(m)
	}
	f.between("n.created_at", q.CreatedFrom, q.CreatedTo)
	f.between("n.updated_at", q.UpdatedFrom, q.UpdatedTo)
	return f, nil
}

// books are the notebooks that value names: itself and those inside.
func (f *filter) books(value string) []string {
	if value == "" {
		return []string{""}
	}
	return matching(f.names.books, func(b string) bool {
		return strings.EqualFold(b, value) || strings.HasPrefix(strings.ToLower(b), strings.ToLower(value)+"/")
	})
}

func matching(all []string, ok func(string) bool) (out []string) {
	for _, s := range all {
		if ok(s) {
			out = append(out, s)
		}
	}
	return out
}

func (f *filter) in(not bool, column string, values []string, around string) {
	if len(values) == 0 {
		f.add(not, "0")
		return
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = blob(v)
	}
	cond := column + " IN (?" + strings.Repeat(",?", len(values)-1) + ")"
	if around != "" {
		cond = around + cond + ")"
	}
	f.add(not, cond, args...)
}

func (f *filter) is(m model.Match) {
	switch m.Value {
	case "pinned":
		f.add(m.Not, "n.pinned")
	case "archived":
		f.add(m.Not, "n.archived")
	case "deleted":
		f.add(m.Not, "n.deleted")
	case "conflict":
		f.add(m.Not, "n.status = 'needs-review'")
	case "task":
		f.add(m.Not, "n.tasks > 0")
	}
}

func (f *filter) between(column string, from, to time.Time) {
	if !from.IsZero() {
		f.add(false, column+" >= ?", millis(from))
	}
	if !to.IsZero() {
		f.add(false, column+" < ?", millis(to))
	}
}

// and spells the conditions after a WHERE.
func (f filter) and() string {
	if len(f.where) == 0 {
		return ""
	}
	return " AND " + strings.Join(f.where, " AND ")
}

// shelves are the shelves that q looks at.
func shelves(q model.Query) []int {
	archived := q.All
	for _, m := range q.Is {
		switch {
		case m.Value == "deleted" && !m.Not:
			return []int{shelfTrash}
		case m.Value == "archived" && !m.Not:
			archived = true
		}
	}
	switch {
	case q.Trash:
		return []int{shelfTrash}
	case archived:
		return []int{shelfLive, shelfArchived}
	}
	return []int{shelfLive}
}

// syncingRow says that an op of the note is in a running request.
const syncingRow = `? AND n.status IN ('pending', 'error') AND EXISTS
	(SELECT 1 FROM outbox o WHERE o.note = n.id AND o.state = 'sent' AND o.next_try <= ?)`

func (s *Store) syncingArgs() []any { return []any{s.someoneSyncs(), millis(s.o.Now())} }
