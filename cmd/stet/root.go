package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// execute runs one command line.
func execute(ctx context.Context, a *app, args []string) error {
	root := newRoot(a)
	root.SetArgs(freeText(root, args))
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetContext(ctx)
	return errors.Join(root.ExecuteContext(ctx), a.helpErr)
}

// newRoot returns the command tree. It reads nothing.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "stet",
		Short: "Offline-first notes in the terminal",
		Long:  "Offline-first notes in the terminal. What you typed stands, on every device, whatever the network does.",
		Example: `  stet                                open the notes
  stet add "Milk" -m "2 litres" -t shop
  stet ls tag:shop
  stet connect http://127.0.0.1:8420 --token-file token
  stet sync`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noSuchCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return a.openUI(cmd.Context()) },
	}
	root.PersistentFlags().StringVar(&a.homeFlag, "home", "", "keep everything of this device in `DIR` (or STET_HOME)")
	root.CompletionOptions.DisableDefaultCmd = true
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("see: "+cmd.CommandPath()+" --help", "%s", flagSentence(err))
	})
	root.SetUsageFunc(func(cmd *cobra.Command) error { return writeUsage(cmd) })
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { a.helpErr = writeHelp(cmd) })
	root.Flags().Bool("version", false, "print the version")
	root.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if on, _ := cmd.Flags().GetBool("version"); on {
			cmd.RunE = func(*cobra.Command, []string) error { return a.printVersion() }
		}
		return nil
	}
	root.AddGroup(&cobra.Group{ID: groupNotes, Title: "Notes:"}, &cobra.Group{ID: groupSync, Title: "Sync and conflicts:"},
		&cobra.Group{ID: groupOther, Title: "Other:"})
	add := func(group string, cmds ...*cobra.Command) {
		for _, c := range cmds {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add(groupNotes, addCommand(a), lsCommand(a), searchCommand(a), showCommand(a), editCommand(a), setCommand(a),
		appendCommand(a), rmCommand(a), restoreCommand(a), purgeCommand(a))
	add(groupSync, connectCommand(a), disconnectCommand(a), syncCommand(a), statusCommand(a), conflictsCommand(a),
		resolveCommand(a), historyCommand(a), diffCommand(a), whyCommand(a))
	add(groupOther, demoCommand(a), completionCommand(a), versionCommand(a))
	root.SetHelpCommandGroupID(groupOther)
	root.SetHelpCommand(helpCommand())
	return root
}

// flagSentence tells what is wrong with a flag, without the name of the
// function that could not read it.
func flagSentence(err error) string {
	var bad *pflag.InvalidValueError
	if errors.As(err, &bad) {
		return fmt.Sprintf("--%s takes %s, not %q", bad.GetFlag().Name, kindOf(bad.GetFlag()), bad.GetValue())
	}
	return err.Error()
}

// kindOf names what a flag takes.
func kindOf(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "bool":
		return "true or false"
	case "int", "int64":
		return "a number"
	}
	return f.Value.Type()
}

const (
	groupNotes = "notes"
	groupSync  = "sync"
	groupOther = "other"
)

// noSuchCommand refuses words after a bare stet.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "see: stet help"
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean: stet " + strings.Join(near, ", stet ")
	}
	return usage(hint, "there is no command %q", args[0])
}

// exactly asks for n arguments, named as in the usage line.
func exactly(names ...string) cobra.PositionalArgs { return between(len(names), len(names), names...) }

// between asks for at least low and at most high arguments; high < 0 is no
// bound.
func between(low, high int, names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		hint := "usage: " + strings.TrimSuffix(cmd.UseLine(), " [flags]")
		if len(args) < low {
			return usage(hint, "%s needs %s", cmd.Name(), strings.Join(names[len(args):low], " and "))
		}
		if high >= 0 && len(args) > high {
			return usage(hint, "%s takes no %q; put quotes around text with spaces", cmd.Name(), args[high])
		}
		return nil
	}
}

// freeText lets text that begins with a dash stand where a command takes free
// text: `stet search -tag:old`, `stet append ID "- milk"`. It puts such
// arguments behind the flags, after a "--".
func freeText(root *cobra.Command, args []string) []string {
	at := commandAt(args)
	if at < 0 {
		return args
	}
	cmd, _, err := root.Find(args[at : at+1])
	if err != nil || cmd.Annotations[takesText] == "" {
		return args
	}
	var flags, text []string
	moved := false
	rest := args[at+1:]
	for i := 0; i < len(rest); i++ {
		arg := rest[i]
		switch {
		case arg == "--":
			return args
		case !strings.HasPrefix(arg, "-") || arg == "-":
			text = append(text, arg)
		case !isFlag(cmd, arg):
			text, moved = append(text, arg), true
		default:
			flags = append(flags, arg)
			if takesNext(cmd, arg) && i+1 < len(rest) {
				i++
				flags = append(flags, rest[i])
			}
		}
	}
	if !moved {
		return args
	}
	out := append(append([]string{}, args[:at+1]...), flags...)
	return append(append(out, "--"), text...)
}

// takesText marks commands whose arguments may begin with a dash.
const takesText = "takes-text"

// commandAt finds the command's name among the arguments, -1 if there is none.
func commandAt(args []string) int {
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "--home":
			i++
		case !strings.HasPrefix(args[i], "-"):
			return i
		}
	}
	return -1
}

// isFlag reports whether an argument with a dash is meant as a flag: any with
// two dashes, and one with the letter of a flag the command has, unless a
// search operator stands there.
func isFlag(cmd *cobra.Command, arg string) bool {
	if strings.HasPrefix(arg, "--") {
		return true
	}
	if name, _, ok := strings.Cut(arg[1:], ":"); ok && len(name) > 1 && !strings.ContainsAny(name, " =") {
		return false
	}
	short := cmd.Flags().ShorthandLookup(arg[1:2])
	if arg[1] == 'h' {
		return arg == "-h"
	}
	if short == nil || len(arg) == 2 {
		return short != nil
	}
	return short.Value.Type() != "int" || strings.ContainsRune("=0123456789", rune(arg[2]))
}

// takesNext reports whether a flag's value is the next argument.
func takesNext(cmd *cobra.Command, arg string) bool {
	if strings.Contains(arg, "=") || !strings.HasPrefix(arg, "--") && len(arg) > 2 {
		return false
	}
	f := cmd.Flags().Lookup(strings.TrimPrefix(arg, "--"))
	if !strings.HasPrefix(arg, "--") {
		f = cmd.Flags().ShorthandLookup(arg[1:2])
	}
	if f == nil {
		return arg == "--home"
	}
	return f.NoOptDefVal == ""
}
