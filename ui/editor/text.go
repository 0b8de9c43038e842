package editor

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/kit/textbuf"
	"stet/ui/screen"
)

// text is what stands in the editor: the fields a user can type.
type text struct {
	title screen.Input
	body  *textbuf.Buffer

	loadedTitle string // the bytes of the title, and
	shownTitle  string // what the one-line field made of them
	tags        []string
	notebook    string

	others uint64 // counts changes of all but the body
}

// stamp is a state of the text; equal stamps mean that nothing was typed
// between them.
type stamp struct{ body, others uint64 }

func newText() *text { return &text{body: textbuf.New("", 80)} }

func (t *text) stamp() stamp { return stamp{t.body.Version(), t.others} }

// load takes f as a fresh text without history.
func (t *text) load(f model.Fields) {
	t.setOthers(f)
	t.body.Load(f.Body)
}

// apply takes f as a change of the present text: undoable, cursor kept.
func (t *text) apply(f model.Fields) {
	t.setOthers(f)
	t.body.Apply(f.Body)
}

func (t *text) setOthers(f model.Fields) {
	t.others++
	at := t.title.Cursor()
	t.loadedTitle = f.Title
	t.title.SetValue(f.Title)
	t.shownTitle = t.title.Value()
	for t.title.Cursor() > at {
		before := t.title.Cursor()
		t.title.Left()
		if t.title.Cursor() == before {
			break
		}
	}
	t.tags, t.notebook = slices.Clone(f.Tags), f.Notebook
}

// fields returns base with what was typed in its place.
func (t *text) fields(base model.Fields) model.Fields {
	f := base.Clone()
	f.Title, f.Body, f.Notebook, f.Tags = t.titleBytes(), t.body.String(), t.notebook, slices.Clone(t.tags)
	f.Deleted = false
	return f
}

// titleBytes returns the title as it was stored while nobody changed it: a
// field of one line cannot show a newline, but must not erase it either.
func (t *text) titleBytes() string {
	if v := t.title.Value(); v != t.shownTitle {
		return v
	}
	return t.loadedTitle
}

// typeTitle gives a key or a paste to the title field.
func (t *text) typeTitle(msg tea.Msg) bool {
	took, changed := t.title.Update(msg)
	if changed {
		t.others++
	}
	return took
}

// blank reports whether there is nothing worth a note.
func blank(f model.Fields) bool {
	return strings.TrimSpace(f.Title) == "" && strings.TrimSpace(f.Body) == ""
}

// tagLine writes tags as the prompt shows them.
func tagLine(tags []string) string { return strings.Join(tags, ", ") }

// readTags reads the prompt: tags between commas, a leading # is decoration.
func readTags(line string) []string {
	if !strings.Contains(line, ",") {
		line = strings.ReplaceAll(line, " #", ", #")
	}
	parts := strings.Split(line, ",")
	for i, p := range parts {
		parts[i] = strings.TrimPrefix(strings.TrimSpace(p), "#")
	}
	return model.NormalTags(parts)
}
