package browse

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/screen"
)

// purpose is what a note's text is read for.
type purpose int

const (
	forEditor purpose = iota
	forClipboard
)

type bodyRead struct {
	to   *Browse
	note model.Note
	why  purpose
	err  error
}

func (b *Browse) readBody(id string, why purpose) tea.Cmd {
	notes := b.deps.Notes
	return func() tea.Msg {
		n, err := notes.Get(context.Background(), id)
		return bodyRead{b, n, why, err}
	}
}

func (b *Browse) bodyRead(msg bodyRead) tea.Cmd {
	switch {
	case msg.to != b:
		return nil
	case msg.err != nil:
		return warn(sentence(msg.err))
	case msg.why == forClipboard:
		return tea.Batch(tea.SetClipboard(msg.note.Body), toast("Copied."))
	}
	key := "list/" + msg.note.ID
	b.outside[key] = msg.note.Fields
	return b.deps.EditExternally(key, msg.note.Body)
}

// edited saves what the external editor left, merged with what came meanwhile.
func (b *Browse) edited(msg screen.ExternalEdited) tea.Cmd {
	base, ours := b.outside[msg.Key]
	if !ours {
		return nil
	}
	delete(b.outside, msg.Key)
	if msg.Err != nil {
		return warn(msg.Err.Error())
	}
	if msg.Text == base.Body {
		return toast("Nothing changed.")
	}
	id, text := msg.Key[len("list/"):], base.Clone()
	text.Body = msg.Text
	return b.act("Saved", func(ctx context.Context, notes screen.Notes) error {
		_, err := notes.Save(ctx, id, base, text)
		return err
	}, func(ctx context.Context, notes screen.Notes) error {
		_, err := notes.Save(ctx, id, text, base)
		return err
	})
}

type booksRead struct{ names []string }

func (b *Browse) readBooks() tea.Cmd {
	notes := b.deps.Notes
	return func() tea.Msg {
		names, _ := notes.Notebooks(context.Background()) // completion only: none is fine
		return booksRead{names}
	}
}
