package main

import (
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"stet/model"
)

func setCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set ID",
		Short: "Change fields of a note",
		Example: `  stet set 019a --title "New title" --tag +done,-todo
  stet set 019a -m - < file.md
  stet set 019a --pin=true --archive=false`,
		Args:              exactly("the id of a note"),
		ValidArgsFunction: a.completeID,
	}
	fl := cmd.Flags()
	fl.String("title", "", "new `TITLE`")
	fl.StringP("message", "m", "", "new `BODY`; - reads stdin")
	fl.StringArray("tag", nil, "`TAGS` to add (+a, or a) and to take away (-b), with commas between")
	fl.String("notebook", "", "notebook, a `PATH`; empty is the inbox")
	fl.String("pin", "", "`true or false`")
	fl.String("archive", "", "`true or false`")
	fl.String("color", "", "`NAME` of a colour; empty is none")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := a.patch(fl)
		if err != nil {
			return err
		}
		d, id, err := a.find(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if err := d.outsideTrash(cmd.Context(), id); err != nil {
			return err
		}
		_, err = d.notes.Change(cmd.Context(), id, p)
		return err
	}
	return cmd
}

// maxColor is the longest name of a colour that a server takes, in characters.
const maxColor = 64

// patch reads the flags that were given into a patch.
func (a *app) patch(fl *pflag.FlagSet) (model.Patch, error) {
	var p model.Patch
	var err error
	fl.Visit(func(f *pflag.Flag) {
		if err == nil {
			err = a.patchField(&p, fl, f)
		}
	})
	if err == nil && p.Empty() {
		err = usage("for example: stet set ID --title TITLE; see: stet set --help", "there is nothing to change")
	}
	return p, err
}

func (a *app) patchField(p *model.Patch, fl *pflag.FlagSet, f *pflag.Flag) (err error) {
	value := f.Value.String()
	switch f.Name {
	case "title":
		p.Title = &value
		value, err = valid("the title", value)
	case "message":
		value, err = a.text(value)
		p.Body = &value
	case "tag":
		given, _ := fl.GetStringArray("tag")
		p.TagsAdd, p.TagsRemove, err = tagChanges(given)
	case "notebook":
		value = model.NormalNotebook(value)
		p.Notebook = &value
	case "color":
		p.Color = &value
		if value, err = valid("the colour", value); err == nil && utf8.RuneCountInString(value) > maxColor {
			err = usage("", "the colour is longer than %d characters", maxColor)
		}
	case "pin":
		p.Pinned, err = trueOrFalse(f.Name, value)
	case "archive":
		p.Archived, err = trueOrFalse(f.Name, value)
	}
	return err
}

// tagChanges reads +a,-b: a sign a tag, none is +.
func tagChanges(given []string) (add, remove []string, err error) {
	for _, t := range splitTags(given) {
		t = strings.TrimSpace(t)
		name := strings.TrimSpace(strings.TrimLeft(t, "+-"))
		if t != "" && name == "" {
			return nil, nil, usage("write --tag +new,-old", "%q is no tag", t)
		}
		switch {
		case t == "":
		case t[0] == '-':
			remove = append(remove, t[1:])
		default:
			add = append(add, strings.TrimPrefix(t, "+"))
		}
	}
	return model.NormalTags(add), model.NormalTags(remove), nil
}

func trueOrFalse(flag, value string) (*bool, error) {
	if value != "true" && value != "false" {
		return nil, usage("", "--%s takes true or false, not %q", flag, value)
	}
	on := value == "true"
	return &on, nil
}
