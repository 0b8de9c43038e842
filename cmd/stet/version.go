package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the build (-ldflags "-X main.version=…").
var version = ""

func versionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  exactly(),
		RunE:  func(*cobra.Command, []string) error { return a.printVersion() },
	}
}

func (a *app) printVersion() error {
	number, commit := version, ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if number == "" && info.Main.Version != "" && info.Main.Version != "(devel)" {
			number = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				commit = " " + s.Value[:12]
			}
		}
	}
	if number == "" {
		number = "dev"
	}
	return a.print("stet %s%s %s/%s %s\n", number, commit, runtime.GOOS, runtime.GOARCH, runtime.Version())
}
