package main

import "github.com/spf13/cobra"

func disconnectCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "disconnect",
		Short: "Forget the server and its token; notes and unsent changes stay",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			d, err := a.open(ctx)
			if err != nil {
				return err
			}
			c, connected, err := d.connection(ctx)
			if err != nil {
				return err
			}
			if !connected {
				a.say("This device was not connected.")
				return nil
			}
			if err := d.writable(); err != nil {
				return err
			}
			lease, err := d.lease(ctx)
			if err != nil {
				return err
			}
			defer func() { _ = lease.Release() }() // the lock goes with the process anyway
			if err := d.saveConnection(ctx, connection{}, "", ""); err != nil {
				return err
			}
			if err := d.switchServer(ctx, ""); err != nil {
				return err
			}
			if err := d.home.forgetToken(c.TokenIn, c.key()); err != nil {
				return err
			}
			a.say("Disconnected. Notes and unsent changes stay on this device.")
			return nil
		},
	}
}
