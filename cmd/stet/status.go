package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"stet/model"
	"stet/syncengine/store"
	"stet/ui/kit/cells"
	"stet/ui/screen"
)

// statusJSON is the state of this device as scripts see it.
type statusJSON struct {
	Pending        int     `json:"pending"`
	Syncing        int     `json:"syncing"`
	NeedsReview    int     `json:"needs_review"`
	Error          int     `json:"error"`
	Notes          int     `json:"notes"`
	LastSynced     *string `json:"last_synced"`
	Server         *string `json:"server"`
	Protocol       *string `json:"protocol"`
	PausedReason   *string `json:"paused_reason"`
	ConflictsTotal int     `json:"conflicts_total"`
	Trash          int     `json:"trash"`
	Account        *string `json:"account"`
	Device         string  `json:"device"`
}

func statusCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Tell what is synced and what waits; asks no server",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			s, err := d.status(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return a.writeJSON(s)
			}
			return a.printStatus(s)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one object")
	return cmd
}

func (d *device) status(ctx context.Context) (statusJSON, error) {
	counts, err := d.store.Counts(ctx)
	if err != nil {
		return statusJSON{}, fmt.Errorf("count notes: %w", err)
	}
	c, _, err := d.connection(ctx)
	if err != nil {
		return statusJSON{}, err
	}
	conflicts, err := d.store.Activity(ctx, []model.EventName{model.EventConflict}, 0, 0)
	if err != nil {
		return statusJSON{}, fmt.Errorf("count conflicts: %w", err)
	}
	last, err := d.store.Meta(ctx, store.MetaLastSynced)
	if err != nil {
		return statusJSON{}, fmt.Errorf("read status: %w", err)
	}
	paused, err := d.store.Meta(ctx, store.MetaPaused)
	if err != nil {
		return statusJSON{}, fmt.Errorf("read status: %w", err)
	}
	return statusJSON{Pending: counts.Pending, Syncing: counts.Syncing, NeedsReview: counts.NeedsReview, Error: counts.Error,
		Notes: counts.Notes, LastSynced: orNull(last), Server: orNull(c.URL), Protocol: orNull(c.Protocol),
		PausedReason: orNull(paused), ConflictsTotal: len(conflicts), Trash: counts.Trash, Account: orNull(c.Account),
		Device: d.label}, nil
}

func (a *app) printStatus(s statusJSON) error {
	server, synced := "not connected", "never"
	if s.Server != nil {
		server = *s.Server
		if s.Account != nil {
			server += " as " + *s.Account
		}
	}
	if s.LastSynced != nil {
		at, _ := model.ParseTime(*s.LastSynced)
		synced = localTime(at)
	}
	if err := a.print("notes        %d\nserver       %s\nlast synced  %s\n", s.Notes, cells.CleanLine(server), synced); err != nil {
		return err
	}
	for _, line := range []struct {
		n       int
		name    string
		meaning model.Status
	}{{s.Pending, "pending", model.Pending}, {s.NeedsReview, "needs review", model.NeedsReview}, {s.Error, "error", model.Failed}} {
		if line.n > 0 {
			if err := a.print("%-12s %d  %s\n", line.name, line.n, screen.Sentence(line.meaning)); err != nil {
				return err
			}
		}
	}
	if s.PausedReason != nil {
		return a.print("%-12s %s\n", "paused", pausedSentence(*s.PausedReason))
	}
	return nil
}

// pausedSentence tells why sync stands still.
func pausedSentence(reason string) string {
	switch reason {
	case "":
		return ""
	case "auth":
		return "The server refused the token. Connect again; your changes are safe."
	case "held":
		return "A sync would delete or replace many notes. Look at it with stet sync."
	}
	return cells.CleanLine(reason)
}
