package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"stet/model"
	"stet/ui"
)

func editCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "edit ID",
		Short: "Open a note in your editor",
		Long: "Opens a note's body in $STET_EDITOR, $VISUAL, $EDITOR or vi. What changed in the note meanwhile is merged when the " +
			"editor ends.",
		Example: `  stet edit 019a
  EDITOR="code --wait" stet edit 019a`,
		Args:              exactly("the id of a note"),
		ValidArgsFunction: a.completeID,
		RunE: func(cmd *cobra.Command, args []string) error {
			d, id, err := a.find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if err := d.writable(); err != nil {
				return err
			}
			if err := d.recoverEdits(cmd.Context(), now()); err != nil {
				return err
			}
			return a.edit(cmd.Context(), d, id)
		},
	}
}

// edit hands the body out, waits for the editor, and merges what comes back.
func (a *app) edit(ctx context.Context, d *device, id string) error {
	n, err := d.store.Get(ctx, id)
	if err != nil {
		return fmt.Errorf("read note: %w", err)
	}
	if n.Deleted {
		return fail(exitFailure, "first: stet restore "+id, "the note is in the trash")
	}
	if _, found, derr := d.store.Draft(ctx, id); derr == nil && found {
		a.say("A draft of this note is kept; open the note in stet to see it.")
	}
	out, err := d.handOut(n)
	if err != nil {
		return err
	}
	ran := a.runEditor(out.path())
	text, err := os.ReadFile(out.path())
	switch {
	case err != nil && ran == nil:
		return errors.Join(fail(exitFailure, "", "the editor left no text; the note is unchanged"), out.remove())
	case err != nil, ran != nil && string(text) == n.Body:
		return errors.Join(fail(exitFailure, "set EDITOR to an editor that runs here", "the editor failed: %w; the note is unchanged", ran), out.remove())
	case ran != nil:
		return fail(exitFailure, "what you wrote is in "+out.path(), "the editor failed: %w; the note is unchanged", ran)
	case !utf8.Valid(text):
		return usage("what you wrote is in "+out.path(), "the text is not valid UTF-8; the note is unchanged")
	case string(text) == n.Body:
		a.say("Nothing was changed.")
		return out.remove()
	}
	edited := n.Fields.Clone()
	edited.Body = string(text)
	saved, err := d.notes.Save(ctx, id, n.Fields, edited)
	if err != nil {
		p := explain(err, a)
		p.hint = "what you wrote is in " + out.path()
		return p
	}
	if err := out.remove(); err != nil {
		return err
	}
	if saved.Status == model.NeedsReview && n.Status != model.NeedsReview {
		if c, ok, rerr := d.dispute(ctx, id); rerr == nil && ok && c.review.Remote.Fields.Deleted {
			return fail(exitReview, "see: stet conflicts", "the note went to the trash while it was open. Your text is kept. Choose what to keep.")
		}
		return fail(exitReview, "see: stet conflicts", "the note changed while it was open, in the same place. Both texts are kept. Choose what to keep.")
	}
	return nil
}

// runEditor runs the user's editor on a file, on our own terminal.
func (a *app) runEditor(path string) error {
	cmd, err := a.editorCommand(path)
	if err != nil {
		return err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.in, a.stdout, os.Stderr
	return cmd.Run()
}

// editorCommand splits the editor's setting into words; {file} stands for the
// file, which otherwise comes last.
func (a *app) editorCommand(path string) (*exec.Cmd, error) {
	words := ui.EditorWords(a.editor())
	if len(words) == 0 {
		return nil, errors.New("no editor is set")
	}
	placed := false
	for i, w := range words {
		if strings.Contains(w, "{file}") {
			words[i], placed = strings.ReplaceAll(w, "{file}", path), true
		}
	}
	if !placed {
		words = append(words, path)
	}
	return exec.Command(words[0], words[1:]...), nil
}

func (a *app) editor() string {
	for _, name := range []string{"STET_EDITOR", "VISUAL", "EDITOR"} {
		if v := strings.TrimSpace(a.getenv(name)); v != "" {
			return v
		}
	}
	return "vi"
}

// handed is a text that is out in an editor: a folder of its own that only the
// user can read, with the text and what it was.
//
//	editing/NOTE-ID.PID.RANDOM/note.md     the text
//	editing/NOTE-ID.PID.RANDOM/base.json   the fields as handed out
//
// If the process dies, recoverEdits turns it into a draft.
type handed struct{ dir string }

const (
	handedText = "note.md"
	handedBase = "base.json"
)

func (h handed) path() string { return filepath.Join(h.dir, handedText) }

func (h handed) remove() error {
	if err := os.RemoveAll(h.dir); err != nil {
		return fmt.Errorf("remove the editor's file: %w", err)
	}
	return nil
}

// handOut writes a note's body where an editor can open it.
func (d *device) handOut(n model.Note) (handed, error) {
	base, err := n.Fields.MarshalJSON()
	if err != nil {
		return handed{}, fmt.Errorf("hand the text to the editor: %w", err)
	}
	if err := os.MkdirAll(d.home.editPath(), 0o700); err != nil {
		return handed{}, fmt.Errorf("hand the text to the editor: %w", err)
	}
	dir, err := os.MkdirTemp(d.home.editPath(), fmt.Sprintf("%s.%d.", n.ID, os.Getpid())) // 0700
	if err != nil {
		return handed{}, fmt.Errorf("hand the text to the editor: %w", err)
	}
	h := handed{dir}
	err = errors.Join(os.WriteFile(filepath.Join(dir, handedBase), base, 0o600), os.WriteFile(h.path(), []byte(n.Body), 0o600))
	if err != nil {
		return h, fmt.Errorf("hand the text to the editor: %w", errors.Join(err, h.remove()))
	}
	return h, nil
}

// recoverEdits turns texts that dead processes left behind into drafts, which
// the editor screen offers, and removes their folders once they are kept.
func (d *device) recoverEdits(ctx context.Context, at time.Time) error {
	entries, err := os.ReadDir(d.home.editPath())
	if err != nil { // most often there is none
		return nil
	}
	for _, e := range entries {
		h := handed{filepath.Join(d.home.editPath(), e.Name())}
		id, pid := ownerOf(e.Name())
		if !e.IsDir() || pid == os.Getpid() || alive(pid) {
			continue
		}
		if err := d.recoverEdit(ctx, h, id, at); err != nil {
			return fmt.Errorf("recover what an editor left in %s: %w", h.dir, err)
		}
	}
	return nil
}

func (d *device) recoverEdit(ctx context.Context, h handed, id string, at time.Time) error {
	var base model.Fields
	old, err := os.ReadFile(filepath.Join(h.dir, handedBase))
	if err != nil || base.UnmarshalJSON(old) != nil {
		return nil // not ours: stays where it is
	}
	text, err := os.ReadFile(h.path())
	if err != nil || string(text) == base.Body {
		return h.remove()
	}
	if !utf8.Valid(text) {
		return nil // no note can hold it; the file stays
	}
	edited := base.Clone()
	edited.Body = string(text)
	if kept, found, err := d.store.Draft(ctx, id); err != nil || found && kept.Text.Body != edited.Body {
		return err // a note has one draft; this text waits in its file until that one is done with
	}
	if err := d.store.PutDraft(ctx, model.Draft{Key: id, NoteID: id, Base: base, Text: edited, At: at}); err != nil {
		return err
	}
	return h.remove()
}

// ownerOf reads the note and the process from a folder's name.
func ownerOf(name string) (id string, pid int) {
	parts := strings.Split(name, ".")
	if len(parts) < 3 {
		return "", 0
	}
	_, _ = fmt.Sscan(parts[len(parts)-2], &pid)
	return strings.Join(parts[:len(parts)-2], "."), pid
}
