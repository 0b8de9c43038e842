package main

import (
	"strings"

	"github.com/spf13/cobra"

	"stet/model"
	"stet/ui/kit/cells"
)

func completionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a completion script for bash, zsh, fish or powershell",
		Example: `  source <(stet completion bash)
  stet completion fish > ~/.config/fish/completions/stet.fish`,
		Args:      exactly("a shell: bash, zsh, fish or powershell"),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.out, true)
			case "zsh":
				return root.GenZshCompletion(a.out)
			case "fish":
				return root.GenFishCompletion(a.out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.out)
			}
			return usage("it is one of bash, zsh, fish, powershell", "there is no completion for %q", args[0])
		},
	}
}

// completeID offers the ids of the newest notes with their titles. With a part
// of a title typed it offers the notes that have it.
func (a *app) completeID(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	d, err := a.open(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	heads, err := d.store.Find(cmd.Context(), model.Query{Trash: cmd.Name() == "restore" || cmd.Name() == "purge"}, 200)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var out []string
	for _, h := range heads {
		if strings.HasPrefix(h.ID, typed) {
			out = append(out, h.ID+"\t"+cells.CleanLine(h.Title))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
