package main

import (
	"strings"

	"github.com/spf13/cobra"

	"stet/model"
)

func addCommand(a *app) *cobra.Command {
	var body, notebook string
	var tags []string
	var pin bool
	cmd := &cobra.Command{
		Use:   "add [TITLE]",
		Short: "Make a note and print its id",
		Long:  "Makes a note and prints its id. Without -m the body is read from what is piped in, byte for byte.",
		Example: `  stet add "Milk" -m "2 litres" -t shop
  date | stet add "Now" --notebook work/log
  stet add "Long one" -m - < file.md`,
		Annotations: map[string]string{takesText: "yes"},
		Args:        between(0, 1, "a title"),
	}
	cmd.Flags().StringVarP(&body, "message", "m", "", "`BODY` of the note; - reads stdin")
	cmd.Flags().StringArrayVarP(&tags, "tag", "t", nil, "a `TAG`; may be given again")
	cmd.Flags().StringVar(&notebook, "notebook", "", "notebook, a `PATH` like work/plans")
	cmd.Flags().BoolVar(&pin, "pin", false, "keep the note on top")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		f := model.Fields{Title: strings.Join(args, " "), Notebook: notebook, Tags: splitTags(tags), Pinned: pin}
		given := len(args) > 0 || cmd.Flags().Changed("message")
		if cmd.Flags().Changed("message") {
			f.Body, err = a.text(body)
		} else {
			f.Body, err = a.piped()
		}
		if err != nil {
			return err
		}
		if !given && f.Body == "" {
			return usage(`for example: stet add "Title" -m "Text"`, "there is nothing to add")
		}
		d, err := a.open(cmd.Context())
		if err != nil {
			return err
		}
		n, err := d.notes.Create(cmd.Context(), f)
		if err != nil {
			return err
		}
		return a.print("%s\n", n.ID)
	}
	return cmd
}

// splitTags takes tags as typed: several in one, with commas between.
func splitTags(given []string) []string {
	var out []string
	for _, g := range given {
		out = append(out, strings.Split(g, ",")...)
	}
	return out
}
