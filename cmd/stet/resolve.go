package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"stet/model"
	"stet/syncengine/merge"
	"stet/ui/screen"
)

// resolveFlags are the choices that resolve was given; a nil text was not.
type resolveFlags struct {
	take            merge.Choice
	body            *string
	title, notebook *string
	tags            []string
}

func resolveCommand(a *app) *cobra.Command {
	var take, file, title, notebook string
	var tags []string
	var tool bool
	cmd := &cobra.Command{
		Use:   "resolve ID",
		Short: "Choose what to keep of a note that was updated in two places",
		Long: "Decides every open conflict of a note; what could be merged stays merged. --take both puts mine before theirs. " +
			"--file gives the whole body; other fields in conflict then need their own flag. " +
			"A note in error takes mine (send again) or theirs (back to the server's text).",
		Example: `  stet resolve 019a --take mine
  stet resolve 019a --file merged.md --title "Both of them"
  stet resolve 019a --tool`,
		Args:              exactly("the id of a note"),
		ValidArgsFunction: a.completeID,
	}
	fl := cmd.Flags()
	fl.StringVar(&take, "take", "", "`SIDE`: mine, theirs, both or base")
	fl.StringVar(&file, "file", "", "`FILE` that holds the body; - reads stdin")
	fl.StringVar(&title, "title", "", "the `TITLE`")
	fl.StringVar(&notebook, "notebook", "", "the notebook's `PATH`")
	fl.StringArrayVar(&tags, "tag", nil, "`TAGS` to add (+a) and to take away (-b)")
	fl.BoolVar(&tool, "tool", false, "open the merge screen")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		f := resolveFlags{take: merge.Choice(take), tags: tags}
		if tool {
			return a.mergeScreen(cmd.Context(), args[0])
		}
		if fl.NFlag() == 0 || fl.NFlag() == 1 && fl.Changed("home") {
			return usage("write --take mine, theirs, both or base, or --file FILE, or --tool", "resolve needs to know what to keep")
		}
		if fl.Changed("take") && !slices.Contains([]merge.Choice{merge.Mine, merge.Theirs, merge.Both, merge.Base}, f.take) {
			return usage("it is one of mine, theirs, both, base", "--take %q is not known", take)
		}
		if fl.Changed("take") && fl.Changed("file") {
			return usage("", "--take and --file do not go together")
		}
		if fl.Changed("file") {
			text, err := a.file(file)
			if err != nil {
				return err
			}
			f.body = &text
		}
		if _, err := valid("the text", title+notebook+strings.Join(tags, "")); err != nil {
			return err
		}
		if fl.Changed("title") {
			f.title = &title
		}
		if fl.Changed("notebook") {
			notebook = model.NormalNotebook(notebook)
			f.notebook = &notebook
		}
		return a.resolve(cmd.Context(), args[0], f)
	}
	return cmd
}

func (a *app) mergeScreen(ctx context.Context, short string) error {
	if err := a.needTerminal(); err != nil {
		return err
	}
	_, id, err := a.find(ctx, short)
	if err != nil {
		return err
	}
	return a.runUI(ctx, screen.Target{Name: screen.Merge, NoteID: id})
}

func (a *app) resolve(ctx context.Context, short string, f resolveFlags) error {
	d, id, err := a.find(ctx, short)
	if err != nil {
		return err
	}
	c, open, err := d.dispute(ctx, id)
	if err != nil {
		return err
	}
	switch {
	case open:
		return d.decide(ctx, c, f)
	case c.note.Status == model.Failed:
		return d.retryOrDiscard(ctx, id, f)
	}
	a.say("This note does not need review; nothing was changed.")
	return nil
}

// decide ends a review with the choices made.
func (d *device) decide(ctx context.Context, c dispute, f resolveFlags) error {
	decisions, open := f.decisions(c.result.Conflicts)
	if len(open) > 0 {
		return fail(exitReview, "give each its own: "+flagsFor(open), "%s still differs; nothing was changed", strings.Join(open, ", "))
	}
	out, _, err := merge.Resolve(c.result, c.review.Base, c.note.Fields, c.review.Remote.Fields, decisions)
	switch {
	case errors.Is(err, model.ErrRefused):
		return fail(exitReview, "take mine, theirs or both", "there is no common text to go back to; nothing was changed")
	case err != nil:
		return err
	}
	if out, err = f.over(out); err != nil {
		return err
	}
	_, err = d.notes.Resolve(ctx, c.note.ID, c.review.Remote.Rev, out)
	if errors.Is(err, model.ErrNotInReview) { // another process was quicker
		return fail(exitReview, "look again: stet conflicts", "the note changed meanwhile; nothing was changed")
	}
	return err
}

// decisions returns one for each conflict, and the fields that none was given
// for.
func (f resolveFlags) decisions(conflicts []merge.Conflict) (out []merge.Decision, open []string) {
	for _, c := range conflicts {
		d := merge.Decision{Choice: f.take}
		switch {
		case c.Field == model.FieldTitle && f.title != nil:
			d = merge.Decision{Choice: merge.Edited, Text: *f.title}
		case c.Field == model.FieldNotebook && f.notebook != nil:
			d = merge.Decision{Choice: merge.Edited, Text: *f.notebook}
		case c.Field == model.FieldBody && f.body != nil:
			d.Choice = merge.Mine // replaced as a whole afterwards
		case c.Field == model.FieldDeleted && f.body != nil:
			d.Choice = merge.Both // a note that is given a body lives
		case d.Choice == merge.Undecided && !slices.Contains(open, c.Field):
			open = append(open, c.Field)
		}
		out = append(out, d)
	}
	return out, open
}

// over puts what was given as a whole over the resolved note.
func (f resolveFlags) over(out model.Fields) (model.Fields, error) {
	if f.body != nil {
		out.Body = *f.body
	}
	if f.title != nil {
		out.Title = *f.title
	}
	if f.notebook != nil {
		out.Notebook = *f.notebook
	}
	add, remove, err := tagChanges(f.tags)
	if err != nil {
		return out, err
	}
	return model.Patch{TagsAdd: add, TagsRemove: remove}.Apply(out), nil
}

// flagsFor names the flags that decide fields.
func flagsFor(fields []string) string {
	var out []string
	for _, f := range fields {
		switch f {
		case model.FieldBody:
			out = append(out, "--file FILE")
		case model.FieldDeleted:
			out = append(out, "--take mine or theirs")
		default:
			out = append(out, "--"+f)
		}
	}
	return strings.Join(out, ", ")
}

// retryOrDiscard takes a note out of its error.
func (d *device) retryOrDiscard(ctx context.Context, id string, f resolveFlags) error {
	switch f.take {
	case merge.Mine:
		_, err := d.notes.SendAgain(ctx, id)
		return err
	case merge.Theirs:
		_, err := d.notes.Discard(ctx, id)
		if errors.Is(err, model.ErrRefused) {
			return fail(exitReview, "", "%s", afterMark(err, model.ErrRefused))
		}
		return err
	}
	return fail(exitReview, "a note in error takes --take mine or --take theirs", "there is no other side to choose from; nothing was changed")
}
