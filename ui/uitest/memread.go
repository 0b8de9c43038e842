package uitest

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"stet/model"
)

// List pages through the notes by place.
func (n *Notes) List(_ context.Context, q model.Query, w model.Window) (model.Slice, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.Lists++
	order := n.sorted()
	at := 0
	switch {
	case w.FromEnd:
		at = len(order)
	case w.Anchor != nil:
		at = sort.Search(len(order), func(i int) bool { return compare(keyOf(*n.notes[order[i]]), *w.Anchor) >= 0 })
	}
	var before, after []model.Head
	s := model.Slice{AtTop: true, AtEnd: true}
	for i := at - 1; i >= 0; i-- {
		if note := n.notes[order[i]]; matches(q, note) {
			if len(before) == w.Before {
				s.AtTop = false
				break
			}
			before = append(before, headOf(*note))
		}
	}
	for i := at; i < len(order); i++ {
		if note := n.notes[order[i]]; matches(q, note) {
			if len(after) == w.After {
				s.AtEnd = false
				break
			}
			after = append(after, headOf(*note))
		}
	}
	slices.Reverse(before)
	s.Rows = append(before, after...)
	return s, nil
}

// Find returns the matches, titles first.
func (n *Notes) Find(_ context.Context, q model.Query, limit int) ([]model.Head, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var first, rest []model.Head
	for _, id := range n.sorted() {
		note := n.notes[id]
		if !matches(q, note) {
			continue
		}
		if len(q.Text) > 0 && strings.Contains(strings.ToLower(note.Title), q.Text[0].Text) {
			first = append(first, headOf(*note))
		} else {
			rest = append(rest, headOf(*note))
		}
	}
	all := append(first, rest...)
	return all[:min(limit, len(all))], nil
}

func matches(q model.Query, n *model.Note) bool {
	if n.Deleted != q.Trash || n.Archived && !q.All && !q.Trash && len(q.Is) == 0 {
		return false
	}
	for _, t := range q.Text {
		text := n.Title + "\n" + n.Body
		switch t.Field {
		case model.FieldTitle:
			text = n.Title
		case model.FieldBody:
			text = n.Body
		}
		if strings.Contains(strings.ToLower(text), t.Text) == t.Not {
			return false
		}
	}
	for _, m := range q.Tag {
		if slices.Contains(n.Tags, m.Value) == m.Not {
			return false
		}
	}
	for _, m := range q.Book {
		if (n.Notebook == m.Value || strings.HasPrefix(n.Notebook, m.Value+"/")) == m.Not {
			return false
		}
	}
	for _, m := range q.State {
		if (string(n.Status) == m.Value) == m.Not {
			return false
		}
	}
	for _, m := range q.Is {
		is := map[string]bool{"pinned": n.Pinned, "archived": n.Archived, "conflict": n.Status == model.NeedsReview}
		if is[m.Value] == m.Not {
			return false
		}
	}
	return true
}

func (n *Notes) get(id string) (model.Note, error) {
	note, ok := n.notes[id]
	if !ok || note.Purged {
		return model.Note{}, fmt.Errorf("note %s: %w", id, model.ErrNotFound)
	}
	out := *note
	out.Fields = out.Fields.Clone()
	return out, nil
}

// Get returns a note.
func (n *Notes) Get(_ context.Context, id string) (model.Note, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.get(id)
}

// Counts counts.
func (n *Notes) Counts(context.Context) (model.Counts, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.counts, nil
}

// count adds a note to the counts, or with by -1 takes it out.
func (n *Notes) count(note *model.Note, by int) {
	c := &n.counts
	switch {
	case note.Purged:
		return
	case note.Deleted:
		c.Trash += by
	default:
		c.Notes += by
	}
	switch note.Status {
	case model.Pending:
		c.Pending += by
	case model.NeedsReview:
		c.NeedsReview += by
	case model.Failed:
		c.Error += by
	}
}

// Notebooks returns the notebooks in use.
func (n *Notes) Notebooks(context.Context) ([]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []string
	for _, note := range n.notes {
		if note.Notebook != "" && !note.Deleted {
			out = append(out, note.Notebook)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// History returns a note's texts, newest first.
func (n *Notes) History(_ context.Context, id string, limit int) ([]model.Version, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	vs := slices.Clone(n.versions[id])
	slices.Reverse(vs)
	return vs[:min(limit, len(vs))], nil
}

// Timeline returns a note's events, oldest first.
func (n *Notes) Timeline(_ context.Context, id string, limit int) ([]model.Event, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []model.Event
	for _, e := range n.events {
		if e.NoteID == id {
			out = append(out, e)
		}
	}
	return out[max(len(out)-limit, 0):], nil
}

// Activity returns all events, newest first.
func (n *Notes) Activity(_ context.Context, names []model.EventName, before int64, limit int) ([]model.Event, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []model.Event
	for i := len(n.events) - 1; i >= 0 && len(out) < limit; i-- {
		e := n.events[i]
		if (before == 0 || e.ID < before) && (len(names) == 0 || slices.Contains(names, e.Name)) {
			out = append(out, e)
		}
	}
	return out, nil
}

// Reviews returns the notes in review.
func (n *Notes) Reviews(context.Context) ([]model.Head, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var open []model.Review
	for _, r := range n.reviews {
		open = append(open, r)
	}
	slices.SortFunc(open, func(a, b model.Review) int { return a.DetectedAt.Compare(b.DetectedAt) })
	var out []model.Head
	for _, r := range open {
		out = append(out, headOf(*n.notes[r.NoteID]))
	}
	return out, nil
}

// Review returns a note's open review.
func (n *Notes) Review(_ context.Context, id string) (model.Review, bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r, ok := n.reviews[id]
	return r, ok, nil
}

// Drafts returns the journal entries.
func (n *Notes) Drafts(context.Context) ([]model.Draft, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []model.Draft
	for _, d := range n.drafts {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b model.Draft) int { return strings.Compare(a.Key, b.Key) })
	return out, nil
}
