package syncengine

import (
	"context"
	"fmt"

	"stet/model"
	"stet/syncengine/store"
)

// Trouble is why a note is in error, and which ways lead out.
type Trouble struct {
	// Problem is the reason in words without note text, "" if the note is in no
	// error.
	Problem string
	// Parked says that the server refused the change for good: it is sent again
	// only when it is edited or the user says so. Otherwise it is tried again by
	// itself with every round, as it is.
	Parked bool
	// Theirs says that the server has a text of the note to go back to.
	Theirs bool
}

// Way says in a sentence what the user can do. id is how the note is named.
func (t Trouble) Way(id string) string {
	switch {
	case t.Problem == "":
		return ""
	case !t.Parked:
		return "It is tried again with every sync; nothing else waits for it."
	case t.Theirs:
		return "Edit it, or send it again: stet resolve " + id + " --take mine, or take the server's text: stet resolve " + id + " --take theirs"
	}
	return "Edit it, or send it again: stet resolve " + id + " --take mine"
}

// Trouble tells why a note is in error.
func (n *Notes) Trouble(ctx context.Context, id string) (t Trouble, err error) {
	err = n.store.Read(ctx, func(tx store.Reader) error {
		s, err := load(tx, id)
		if err != nil || !s.exists || s.note.Status != model.Failed {
			return err
		}
		t.Theirs = s.common() != nil
		for _, op := range s.ops {
			if parked := op.State == model.Parked; parked || op.Problem != "" && !t.Parked {
				t.Problem, t.Parked = op.Problem, parked
			}
		}
		if t.Problem == "" {
			t.Problem = "the server did not take it"
		}
		return nil
	})
	if err != nil {
		return t, fmt.Errorf("read what is wrong: %w", err)
	}
	return t, nil
}
