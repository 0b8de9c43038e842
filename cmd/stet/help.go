package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// helpCommand is cobra's, but for a topic that does not exist: that is an error.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Explain a command",
		RunE: func(c *cobra.Command, args []string) error {
			cmd, rest, err := c.Root().Find(args)
			if err != nil || cmd == nil || len(rest) > 0 {
				return noSuchCommand(c.Root(), args)
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	}
}

// Help is written by hand and not by cobra's templates: text/template keeps the
// linker from leaving out what is not used, which is megabytes.

// writeHelp explains a command: what it does, examples, how it is called.
func writeHelp(cmd *cobra.Command) error {
	about := cmd.Long
	if about == "" {
		about = cmd.Short
	}
	if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n\n", fold(about, 80)); err != nil {
		return err
	}
	return writeUsage(cmd)
}

// writeUsage puts the examples first: they answer most questions.
func writeUsage(cmd *cobra.Command) error {
	var b strings.Builder
	if cmd.HasExample() {
		fmt.Fprintf(&b, "Examples:\n%s\n\n", cmd.Example)
	}
	fmt.Fprintf(&b, "Usage:\n  %s\n", cmd.UseLine())
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s COMMAND\n", cmd.CommandPath())
	}
	for _, g := range cmd.Groups() {
		fmt.Fprintf(&b, "\n%s\n", g.Title)
		for _, c := range cmd.Commands() {
			if c.GroupID == g.ID && (c.IsAvailableCommand() || c.Name() == "help") {
				fmt.Fprintf(&b, "  %-*s %s\n", cmd.NamePadding(), c.Name(), c.Short)
			}
		}
	}
	for _, f := range []struct{ title, usages string }{
		{"Flags", cmd.LocalFlags().FlagUsages()}, {"Everywhere", cmd.InheritedFlags().FlagUsages()},
	} {
		if f.usages != "" {
			fmt.Fprintf(&b, "\n%s:\n%s", f.title, f.usages)
		}
	}
	_, err := fmt.Fprint(cmd.OutOrStdout(), b.String())
	return err
}

// fold breaks a text's long lines between words.
func fold(text string, width int) string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		row := ""
		for _, word := range strings.Fields(line) {
			if row != "" && len(row)+1+len(word) > width {
				out = append(out, row)
				row = ""
			}
			row = strings.TrimPrefix(row+" "+word, " ")
		}
		out = append(out, row)
	}
	return strings.Join(out, "\n")
}
