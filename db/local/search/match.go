package search

import (
	"slices"
	"strings"

	"stet/model"
)

// term is a query's term in comparable form.
type term struct {
	field  string
	not    bool
	text   string   // folded
	words  []string // of text
	prefix bool     // the last word may go on
	ends   []string // the words it may be then, when they are known
}

// query is a parsed list of terms.
type query struct {
	must, not []term
	wordless  bool // a term has no word in it: only texts inside can match
}

func parse(terms []model.Term) query {
	var q query
	for _, t := range terms {
		text := fold(t.Text)
		p := term{field: t.Field, not: t.Not, text: text, words: words(text)}
		switch {
		case t.Not:
			q.not = append(q.not, p)
		default:
			q.must = append(q.must, p)
			q.wordless = q.wordless || len(p.words) == 0
		}
	}
	if n := len(q.must); n > 0 {
		q.must[n-1].prefix = true
	}
	return q
}

// text is a note in comparable form; its words are made when first asked for.
type text struct {
	title, body           string
	titleWords, bodyWords []string
	split                 bool
}

func textOf(d Doc) *text { return &text{title: fold(d.Title), body: fold(d.Body)} }

func (t *text) words() (title, body []string) {
	if !t.split {
		t.titleWords, t.bodyWords, t.split = words(t.title), words(t.body), true
	}
	return t.titleWords, t.bodyWords
}

// byWords reports whether the text matches word by word, and whether by its
// title alone.
func (q query) byWords(t *text) (ok, title bool) {
	if q.wordless || q.excludes(t) {
		return false, false
	}
	return all(q.must, func(m term) (bool, bool) {
		for _, w := range m.words { // cheaper than to split a text without it
			if !strings.Contains(t.title, w) && !strings.Contains(t.body, w) {
				return false, false
			}
		}
		inTitle, inBody := t.words()
		return m.field != model.FieldBody && m.in(inTitle), m.field != model.FieldTitle && m.in(inBody)
	})
}

// inside reports whether the text has every term anywhere.
func (q query) inside(t *text) (ok, title bool) {
	if q.excludes(t) {
		return false, false
	}
	return all(q.must, func(m term) (bool, bool) {
		return m.field != model.FieldBody && strings.Contains(t.title, m.text), m.field != model.FieldTitle && strings.Contains(t.body, m.text)
	})
}

func all(terms []term, where func(term) (title, body bool)) (ok, inTitle bool) {
	inTitle = true
	for _, m := range terms {
		title, body := where(m)
		if !title && !body {
			return false, false
		}
		inTitle = inTitle && title
	}
	return true, inTitle
}

func (q query) excludes(t *text) bool {
	for _, m := range q.not {
		if len(m.words) == 0 {
			if m.field != model.FieldBody && strings.Contains(t.title, m.text) || m.field != model.FieldTitle && strings.Contains(t.body, m.text) {
				return true
			}
			continue
		}
		title, body := t.words()
		if m.field != model.FieldBody && m.in(title) || m.field != model.FieldTitle && m.in(body) {
			return true
		}
	}
	return false
}

// in reports whether the term's words follow each other in list.
func (m term) in(list []string) bool {
	n := len(m.words)
	if n == 0 {
		return false
	}
	last := m.words[n-1]
	for i := 0; i+n <= len(list); i++ {
		if !slices.Equal(m.words[:n-1], list[i:i+n-1]) {
			continue
		}
		if end := list[i+n-1]; end == last || m.prefix && strings.HasPrefix(end, last) {
			return true
		}
	}
	return false
}
