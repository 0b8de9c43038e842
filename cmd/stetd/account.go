package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"stet/syncengine/server/store"
)

func accountCommand(open opener) *cobra.Command {
	cmd := &cobra.Command{Use: "account", Short: "Add, list and remove accounts", Args: noArgs, RunE: needsCommand}
	cmd.AddCommand(accountAdd(open), accountList(open), accountRemove(open))
	return cmd
}

func accountAdd(open opener) *cobra.Command {
	var label string
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Make an account and print its first token", Args: oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			return with(cmd, open, func(ctx context.Context, s store.Store) error {
				if err := s.AddAccount(ctx, args[0]); err != nil {
					return err
				}
				return addToken(ctx, cmd, s, args[0], label)
			})
		},
	}
	cmd.Flags().StringVar(&label, "label", "first", "what the token is for")
	return cmd
}

func accountList(open opener) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List the accounts", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return with(cmd, open, func(ctx context.Context, s store.Store) error {
				names, err := s.Accounts(ctx)
				for _, name := range names {
					if _, werr := fmt.Fprintln(cmd.OutOrStdout(), name); werr != nil {
						return werr
					}
				}
				return err
			})
		},
	}
}

func accountRemove(open opener) *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME", Short: "Erase an account and all its notes", Args: oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			return with(cmd, open, func(ctx context.Context, s store.Store) error {
				return s.RemoveAccount(ctx, args[0])
			})
		},
	}
}
