package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"stet/model"
	"stet/syncengine/server"
	"stet/syncengine/server/store"
)

// tokenPrefix lets scanners for secrets know a token.
const tokenPrefix = "stet_"

func tokenCommand(open opener) *cobra.Command {
	cmd := &cobra.Command{Use: "token", Short: "Add, list and revoke the tokens of an account", Args: noArgs, RunE: needsCommand}
	cmd.AddCommand(tokenAdd(open), tokenList(open), tokenRevoke(open))
	return cmd
}

func tokenAdd(open opener) *cobra.Command {
	var label string
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Make a token and print it, once", Args: oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			return with(cmd, open, func(ctx context.Context, s store.Store) error {
				return addToken(ctx, cmd, s, args[0], label)
			})
		},
	}
	cmd.Flags().StringVar(&label, "label", "", "what the token is for, such as a device's name")
	return cmd
}

// addToken makes a token, keeps its hash and prints it alone on stdout.
func addToken(ctx context.Context, cmd *cobra.Command, s store.Store, account, label string) error {
	if !validLabel(label) {
		return usage("a label is at most 64 printable characters")
	}
	token, err := newToken()
	if err != nil {
		return err
	}
	if err := s.AddToken(ctx, account, label, server.Hash(token)); err != nil {
		return err
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), token)
	return err
}

func validLabel(label string) bool {
	return utf8.ValidString(label) && utf8.RuneCountInString(label) <= 64 &&
		strings.IndexFunc(label, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// newToken returns 256 random bits as 43 letters and digits, with the prefix.
func newToken() (string, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 256))
	if err != nil {
		return "", fmt.Errorf("make token: %w", err)
	}
	text := n.Text(62)
	return tokenPrefix + strings.Repeat("0", 43-len(text)) + text, nil
}

func tokenList(open opener) *cobra.Command {
	return &cobra.Command{
		Use: "ls NAME", Short: "List an account's tokens, without their secrets", Args: oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			return with(cmd, open, func(ctx context.Context, s store.Store) error {
				tokens, err := s.Tokens(ctx, args[0])
				if err != nil {
					return err
				}
				return printTokens(cmd, tokens)
			})
		},
	}
}

func printTokens(cmd *cobra.Command, tokens []store.Token) error {
	tab := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, t := range tokens {
		label, used, state := t.Label, model.FormatTime(t.LastUsed), "valid"
		if !t.LastUsed.IsZero() && t.LastUsed.Before(t.Created) { // the store keeps the hour
			used = model.FormatTime(t.Created)
		}
		if label == "" {
			label = "-"
		}
		if used == "" {
			used = "never"
		}
		if t.Revoked {
			state = "revoked"
		}
		fmt.Fprintf(tab, "%s\t%s\tcreated %s\tused %s\n", label, state, model.FormatTime(t.Created), used)
	}
	return tab.Flush()
}

func tokenRevoke(open opener) *cobra.Command {
	var label string
	cmd := &cobra.Command{
		Use: "revoke NAME", Short: "Revoke the tokens with a label, or all", Args: oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			return with(cmd, open, func(ctx context.Context, s store.Store) error {
				n, err := s.RevokeTokens(ctx, args[0], label)
				if err == nil && n == 0 {
					return &notFoundError{"there is no such token to revoke"}
				}
				if err == nil {
					fmt.Fprintf(cmd.ErrOrStderr(), "revoked %d\n", n)
				}
				return err
			})
		},
	}
	cmd.Flags().StringVar(&label, "label", "", "only the tokens with this label")
	return cmd
}
