package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker for releases.
var version = ""

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := version
			if info, ok := debug.ReadBuildInfo(); v == "" && ok && info.Main.Version != "(devel)" {
				v = info.Main.Version
			}
			if v == "" {
				v = "dev"
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "stetd", v)
			return err
		},
	}
}
