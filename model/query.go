package model

import (
	"fmt"
	"strings"
	"time"
)

// Query selects notes: words that must all occur, and operators. The zero
// Query selects all live, unarchived notes.
type Query struct {
	Text  []Term // all must match
	Tag   []Match
	Book  []Match // notebook path or a parent of it
	State []Match // status names
	// Is lists the words after is: — pinned, archived, deleted, conflict, task.
	Is []Match
	// Created and Updated bound the times: from <= t < to; zero is open.
	CreatedFrom, CreatedTo time.Time
	UpdatedFrom, UpdatedTo time.Time
	Trash                  bool // only deleted notes
	All                    bool // archived ones too
	Sort                   Sort
}

// Term is one word or phrase.
type Term struct {
	Text  string // lower case as typed; matched without regard to case
	Field string // "", FieldTitle or FieldBody
	Not   bool
}

// Match is one operator's value.
type Match struct {
	Value string
	Not   bool
}

// Sort is the order of a list. Pinned notes come first in all but SortTitle.
type Sort string

// The orders.
const (
	SortUpdated Sort = ""        // newest change first
	SortCreated Sort = "created" // newest first
	SortTitle   Sort = "title"
	SortOrder   Sort = "order" // the user's own order
)

// Key is a row's place in the order newest-first: what a list pages by.
type Key struct {
	Pinned    bool
	UpdatedAt time.Time
	ID        string
}

// KeyOf returns the place of a row.
func KeyOf(h Head) Key { return Key{h.Pinned && !h.Deleted, h.UpdatedAt, h.ID} }

// Window asks for the rows around a place: Before rows that precede it and
// After rows from it on (the row itself included when it still exists). A nil
// Anchor means the top, or with FromEnd the end.
type Window struct {
	Anchor  *Key
	FromEnd bool
	Before  int
	After   int
}

// Slice is a window's rows in order, and whether it touches the list's ends.
type Slice struct {
	Rows  []Head
	AtTop bool
	AtEnd bool
}

// Filtered reports whether the query selects by text, so that its result is
// ranked rather than listed.
func (q Query) Filtered() bool { return len(q.Text) > 0 }

// ParseQuery reads a search line: words, "phrases", title: body: tag:
// notebook: status: created: updated: is: and - for not. Times are YYYY,
// YYYY-MM or YYYY-MM-DD (that period, in loc), or with > or < before it (after
// it, before it). An operator with a value it cannot read is an error that
// wraps [ErrInvalid]; an unknown operator is a plain word.
func ParseQuery(line string, loc *time.Location) (Query, error) {
	var q Query
	for _, tok := range tokens(line) {
		if err := q.add(tok, loc); err != nil {
			return Query{}, err
		}
	}
	return q, nil
}

type token struct {
	op, value string
	not       bool
}

// tokens splits a line at white space outside of quotes. An open quote runs to
// the end of the line.
func tokens(line string) []token {
	var out []token
	for i := 0; i < len(line); {
		if line[i] == ' ' || line[i] == '\t' || line[i] == '\n' {
			i++
			continue
		}
		var t token
		if line[i] == '-' && i+1 < len(line) && line[i+1] != ' ' {
			t.not = true
			i++
		}
		var word strings.Builder
		quoted := false
		for ; i < len(line); i++ {
			c := line[i]
			if c == '"' {
				quoted = !quoted
				continue
			}
			if !quoted && (c == ' ' || c == '\t' || c == '\n') {
				break
			}
			if !quoted && c == ':' && t.op == "" && word.Len() <= longestOperator && operators[strings.ToLower(word.String())] {
				t.op = strings.ToLower(word.String())
				word.Reset()
				continue
			}
			word.WriteByte(c)
		}
		t.value = word.String()
		if t.value != "" {
			out = append(out, t)
		}
	}
	return out
}

var operators = map[string]bool{"title": true, "body": true, "tag": true, "notebook": true, "status": true,
	"created": true, "updated": true, "is": true}

// longestOperator is their greatest length; without it a line of colons would
// be read over and over.
const longestOperator = len("notebook")

var isWords = map[string]bool{"pinned": true, "archived": true, "deleted": true, "conflict": true, "task": true}

func (q *Query) add(t token, loc *time.Location) error {
	m := Match{t.value, t.not}
	switch t.op {
	case "":
		q.Text = append(q.Text, Term{Text: strings.ToLower(t.value), Not: t.not})
	case "title", "body":
		q.Text = append(q.Text, Term{Text: strings.ToLower(t.value), Field: t.op, Not: t.not})
	case "tag":
		q.Tag = append(q.Tag, m)
	case "notebook":
		m.Value = NormalNotebook(m.Value)
		q.Book = append(q.Book, m)
	case "status":
		m.Value = strings.ToLower(m.Value)
		if m.Value == "review" || m.Value == "conflict" {
			m.Value = string(NeedsReview)
		}
		q.State = append(q.State, m)
		if !knownStatus(m.Value) {
			return fmt.Errorf("%w: status:%s is none of synced, pending, syncing, error, needs-review", ErrInvalid, t.value)
		}
	case "is":
		m.Value = strings.ToLower(m.Value)
		if !isWords[m.Value] {
			return fmt.Errorf("%w: is:%s is none of pinned, archived, deleted, conflict, task", ErrInvalid, t.value)
		}
		q.Is = append(q.Is, m)
	case "created":
		return period(t, loc, &q.CreatedFrom, &q.CreatedTo)
	case "updated":
		return period(t, loc, &q.UpdatedFrom, &q.UpdatedTo)
	}
	return nil
}

func knownStatus(s string) bool {
	for _, known := range Statuses {
		if s == string(known) {
			return true
		}
	}
	return s == "syncing"
}

func period(t token, loc *time.Location, from, to *time.Time) error {
	value, side := t.value, byte(0)
	if value[0] == '>' || value[0] == '<' {
		side, value = value[0], value[1:]
	}
	start, end, err := day(value, loc)
	if err != nil || t.not {
		return fmt.Errorf("%w: %s:%s is no time; write 2026, 2026-11 or 2026-11-21, with > or < for after or before",
			ErrInvalid, t.op, t.value)
	}
	switch side {
	case '>':
		*from = end
	case '<':
		*to = start
	default:
		*from, *to = start, end
	}
	return nil
}

func day(s string, loc *time.Location) (start, end time.Time, err error) {
	if start, err = time.ParseInLocation("2006", s, loc); err == nil {
		return start, start.AddDate(1, 0, 0), nil
	}
	if start, err = time.ParseInLocation("2006-01", s, loc); err == nil {
		return start, start.AddDate(0, 1, 0), nil
	}
	start, err = time.ParseInLocation("2006-01-02", s, loc)
	return start, start.AddDate(0, 0, 1), err
}
